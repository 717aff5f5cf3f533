#include "auth/oidc.h"

#include "http/url.h"

enum { HOST_MAX = 255 };

/* Of a list with commas between; case does not matter. */
static bool is_among(struct str list, struct str item)
{
    while (list.n) {
        if (str_ieq(str_trim(str_cut(&list, ',')), item))
            return item.n != 0;
    }
    return false;
}

static bool copy(struct str s, char *out, size_t size)
{
    if (!s.p || s.n >= size || memchr(s.p, '\0', s.n))
        return false;
    memset(out, 0, size);
    if (s.n)
        memcpy(out, s.p, s.n);
    return true;
}

/* A member that is a string, decoded. */
static bool member(struct json object, struct str name, char *out, size_t size)
{
    char room[OIDC_URL_MAX + 1];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    struct json v = json_get(object, name);
    return json_is(v, JSON_STRING) && copy(json_str(v, &b), out, size);
}

/* --- discovery --- */

enum err oidc_discovery_url(struct str issuer, char out[OIDC_URL_MAX + 1], struct fault *f)
{
    struct buf b = {.p = out, .cap = OIDC_URL_MAX, .max = OIDC_URL_MAX};
    if (str_ends(issuer, STR("/")))
        issuer.n--;
    buf_add(&b, issuer);
    if (buf_add(&b, STR("/.well-known/openid-configuration")) != ERR_OK)
        return fault_set(f, ERR_INVALID, "the issuer's URL is too long");
    out[b.n] = '\0';
    return ERR_OK;
}

static struct str without_query(struct str url)
{
    return str_head(url, str_find(url, STR("?")));
}

static bool lies_right(const struct oidc_provider *p, const char *text)
{
    struct url issuer, u;
    if (url_parse(p->issuer, &issuer, NULL) != ERR_OK ||
        url_parse(without_query(str_c(text)), &u, NULL) != ERR_OK)
        return false;
    bool is_there =
        (str_ieq(u.host, issuer.host) && u.port == issuer.port) || is_among(p->hosts, u.host);
    return is_there && (u.is_tls || !issuer.is_tls);
}

static enum err endpoint(const struct oidc_provider *p, struct json root, const char *name,
                         char out[OIDC_URL_MAX + 1], struct fault *f)
{
    if (!member(root, str_c(name), out, OIDC_URL_MAX + 1))
        return fault_set(f, ERR_UPSTREAM, "the provider's discovery document has no usable %s",
                         name);
    if (!lies_right(p, out))
        return fault_set(
            f, ERR_UPSTREAM,
            "the provider's %s lies at another host than its issuer: name that host in "
            "'hosts' if it is right",
            name);
    return ERR_OK;
}

static bool has_word(struct json list, struct str word)
{
    for (struct json v = json_first(list); !json_is(v, JSON_NONE); v = json_after(list, v)) {
        if (json_str_eq(v, word))
            return true;
    }
    return false;
}

static enum err parse(struct json_tape *t, struct str text, struct json *root, struct fault *f)
{
    struct fault ignored;
    if (json_parse(t, text, root, &ignored) != ERR_OK || !json_is(*root, JSON_OBJECT))
        return fault_set(f, ERR_UPSTREAM, "the provider's answer is no JSON object");
    return ERR_OK;
}

enum err oidc_discovery_read(const struct oidc_provider *p, struct json_tape *t, struct str text,
                             struct oidc_endpoints *out, struct fault *f)
{
    struct json root;
    *out = (struct oidc_endpoints){0};
    enum err e = parse(t, text, &root, f);
    if (e != ERR_OK)
        return e;
    if (!json_str_eq(json_get(root, STR("issuer")), p->issuer))
        return fault_set(f, ERR_UPSTREAM,
                         "the provider's discovery document is of another issuer than configured");
    if ((e = endpoint(p, root, "authorization_endpoint", out->authorization, f)) != ERR_OK ||
        (e = endpoint(p, root, "token_endpoint", out->token, f)) != ERR_OK ||
        (e = endpoint(p, root, "jwks_uri", out->jwks, f)) != ERR_OK)
        return e;
    if (!json_is_none_or_null(json_get(root, STR("userinfo_endpoint"))))
        e = endpoint(p, root, "userinfo_endpoint", out->userinfo, f);
    struct json ways = json_get(root, STR("token_endpoint_auth_methods_supported"));
    out->secret_in_body =
        has_word(ways, STR("client_secret_post")) && !has_word(ways, STR("client_secret_basic"));
    return e;
}

uint64_t oidc_discovery_ms(int32_t max_age_s)
{
    enum { LEAST_S = 60, USUAL_S = 600, MOST_S = 3600 };
    if (max_age_s < 0)
        max_age_s = USUAL_S;
    if (max_age_s < LEAST_S)
        max_age_s = LEAST_S;
    return UINT64_C(1000) * (uint64_t)(max_age_s < MOST_S ? max_age_s : MOST_S);
}

/* --- whom it vouches for --- */

/* Some providers write it as a text. */
static bool is_true(struct json v)
{
    return json_is(v, JSON_TRUE) || json_str_eq(v, STR("true"));
}

static void take_email(struct json claims, struct oidc_identity *out)
{
    if (!member(claims, STR("email"), out->email, sizeof out->email))
        out->email[0] = '\0';
    out->is_proven = out->email[0] && is_true(json_get(claims, STR("email_verified")));
}

/* Core, 3.1.3.7, 4 and 5: among several audiences, we are the one that it was issued to. */
static bool is_for_us(const struct oidc_provider *p, const struct jwt *t)
{
    struct json aud = json_get(t->claims, STR("aud")), azp = json_get(t->claims, STR("azp"));
    size_t n = 0;
    if (json_is(aud, JSON_ARRAY)) {
        for (struct json v = json_first(aud); !json_is(v, JSON_NONE); v = json_after(aud, v))
            n++;
    }
    if (json_is(azp, JSON_NONE))
        return n <= 1;
    return json_str_eq(azp, p->client_id);
}

enum err oidc_token_check(const struct oidc_provider *p, struct jwt *t, struct str nonce,
                          int64_t now_s, struct oidc_identity *out, struct fault *f)
{
    const struct jwt_rules rules = {
        .issuer = p->issuer, .audience = p->client_id, .now_s = now_s, .age_max_s = 3600};
    *out = (struct oidc_identity){.is_proven = false};
    enum err e = jwt_check(t, &rules, f);
    if (e != ERR_OK)
        return e;
    if (!is_for_us(p, t))
        return fault_set(f, ERR_AUTH, "the token was issued to another client (azp)");
    if (!nonce.n || !json_str_eq(json_get(t->claims, STR("nonce")), nonce))
        return fault_set(f, ERR_AUTH, "the token answers another sign-in (nonce)");
    if (!member(t->claims, STR("sub"), out->subject, sizeof out->subject) || !out->subject[0])
        return fault_set(f, ERR_AUTH, "the token has no usable sub");
    take_email(t->claims, out);
    return ERR_OK;
}

enum err oidc_userinfo_read(struct json_tape *t, struct str text, struct oidc_identity *io,
                            struct fault *f)
{
    struct json root;
    enum err e = parse(t, text, &root, f);
    if (e != ERR_OK)
        return e;
    if (!json_str_eq(json_get(root, STR("sub")), str_c(io->subject)))
        return fault_set(f, ERR_AUTH, "the provider's UserInfo is of another subject (sub)");
    take_email(root, io);
    return ERR_OK;
}

bool oidc_domain_is_allowed(const struct oidc_provider *p, const struct oidc_identity *i)
{
    struct str domain = str_c(i->email);
    str_cut(&domain, '@');
    if (!p->allowed_domains.n)
        return true;
    return i->is_proven && is_among(p->allowed_domains, domain);
}
