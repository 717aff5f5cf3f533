#include "auth/federation.h"

#include <stdlib.h>

#include "base/codec.h"
#include "http/url.h"
#include "io/courier.h"

enum {
    RANDOM_BYTES = 16,
    CLAIM_NAME_MAX = 100,
    CLAIM_TEXT_MAX = 500,
    CLAIM_NODES_MAX = 2 * FEDERATION_CLAIM_NAMES_MAX + 8,
    DOCUMENT_NODES_MAX = 4096,
};

#define ID_PREFIX STR("fp-")

void federation_id_make(char out[FEDERATION_ID_CHARS + 1])
{
    uint8_t random[RANDOM_BYTES];
    random_bytes(random, sizeof random);
    memcpy(out, ID_PREFIX.p, ID_PREFIX.n);
    hex_encode(out + ID_PREFIX.n, random, sizeof random);
    out[FEDERATION_ID_CHARS] = '\0';
}

bool federation_id_is_right(struct str id)
{
    uint8_t ignored[RANDOM_BYTES];
    return id.n == FEDERATION_ID_CHARS && str_starts(id, ID_PREFIX) &&
           hex_decode(ignored, sizeof ignored, str_skip(id, ID_PREFIX.n));
}

/* --- reading what a policy says --- */

/* A text of 1 to size - 1 bytes without control characters. */
static enum err read_text(struct json v, const char *field, char *out, size_t size, struct fault *f)
{
    struct buf b = {.p = out, .cap = size - 1, .max = size - 1};
    struct str s = json_str(v, &b);
    bool is_right = json_is(v, JSON_STRING) && s.n && s.n < size;
    for (size_t i = 0; is_right && i < s.n; i++)
        is_right = (unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f;
    if (!is_right)
        return fault_set(f, ERR_INVALID,
                         "%s: expected a text of 1 to %zu bytes without control characters, got %s",
                         field, size - 1, json_is(v, JSON_STRING) ? "another" : json_kind(v));
    memmove(out, s.p, s.n);
    out[s.n] = '\0';
    return ERR_OK;
}

static enum err read_text_if(struct json v, const char *field, char *out, size_t size,
                             struct fault *f)
{
    out[0] = '\0';
    return json_is_none_or_null(v) ? ERR_OK : read_text(v, field, out, size, f);
}

static enum err check_url(const char *field, const char *url, bool is_operators, struct fault *f)
{
    struct url u;
    bool has_query = str_find(str_c(url), STR("?")) < strlen(url);
    bool is_right = url_parse(str_c(url), &u, NULL) == ERR_OK && !has_query &&
                    (u.is_tls || (is_operators && courier_url_is_right(str_c(url))));
    return is_right ? ERR_OK
                    : fault_set(f, ERR_INVALID, "%s: expected a URL that begins with https://%s",
                                field, is_operators ? " (or http://, to this machine)" : "");
}

static enum err check_subject(const char *subject, struct fault *f)
{
    const char *star = strchr(subject, '*');
    if (!star || (star[1] == '\0' && star != subject))
        return ERR_OK;
    return fault_set(f, ERR_INVALID,
                     "subject: expected a '*' only behind what a subject begins with");
}

static bool is_claim_value(struct json v)
{
    uint64_t ignored;
    return json_is(v, JSON_TRUE) || json_is(v, JSON_FALSE) || json_u64(v, INT64_MAX, &ignored) ||
           (json_is(v, JSON_STRING) && json_raw_str(v).n && json_raw_str(v).n <= CLAIM_TEXT_MAX);
}

/* Those that have a field of their own. */
static bool is_own_claim(struct json name)
{
    static const char *const own[] = {"iss", "aud", "sub", "exp", "nbf", "iat"};
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        if (json_str_eq(name, str_c(own[i])))
            return true;
    }
    return false;
}

static enum err read_claim(struct json v, struct buf *out, struct fault *f)
{
    struct json name = json_key(v);
    if (json_raw_str(name).n == 0 || json_raw_str(name).n > CLAIM_NAME_MAX || is_own_claim(name))
        return fault_set(f, ERR_INVALID,
                         "claims: expected names of 1 to %d bytes, other than iss, aud, sub, exp, "
                         "nbf and iat",
                         CLAIM_NAME_MAX);
    if (!is_claim_value(v))
        return fault_set(f, ERR_INVALID,
                         "claims: expected texts of 1 to %d bytes, true, false or whole numbers",
                         CLAIM_TEXT_MAX);
    buf_add(out, out->n ? STR(",") : STR("{"));
    buf_add(out, json_raw(name));
    buf_add(out, STR(":"));
    buf_add(out, json_raw(v));
    return ERR_OK;
}

/* Kept as they came: checked JSON without spaces. */
static enum err read_claims(struct json claims, char out[FEDERATION_CLAIMS_MAX + 1],
                            struct fault *f)
{
    struct buf b = {.p = out, .cap = FEDERATION_CLAIMS_MAX, .max = FEDERATION_CLAIMS_MAX};
    enum err e = ERR_OK;
    size_t n = 0;
    out[0] = '\0';
    if (json_is_none_or_null(claims))
        return ERR_OK;
    if (!json_is(claims, JSON_OBJECT))
        return fault_set(f, ERR_INVALID, "claims: expected an object, got %s", json_kind(claims));
    e = json_refuse_duplicates(claims, f);
    for (struct json v = json_first(claims); e == ERR_OK && !json_is(v, JSON_NONE);
         v = json_after(claims, v)) {
        e = read_claim(v, &b, f);
        n++;
    }
    if (e != ERR_OK || n == 0)
        return e;
    buf_add(&b, STR("}"));
    if (n > FEDERATION_CLAIM_NAMES_MAX || b.failed != ERR_OK)
        return fault_set(f, ERR_INVALID, "claims: expected at most %d, of %d bytes in all",
                         FEDERATION_CLAIM_NAMES_MAX, FEDERATION_CLAIMS_MAX);
    out[b.n] = '\0';
    return ERR_OK;
}

static enum err read_lifetime(struct json v, uint32_t *out, struct fault *f)
{
    uint64_t s = TOKEN_LIFE_MAX_S;
    if (!json_is_none_or_null(v) && (!json_u64(v, TOKEN_LIFE_MAX_S, &s) || s == 0))
        return fault_set(f, ERR_INVALID,
                         "max_lifetime_seconds: expected a whole number from 1 to %d",
                         TOKEN_LIFE_MAX_S);
    *out = (uint32_t)s;
    return ERR_OK;
}

static enum err read_enabled(struct json v, bool *disabled, struct fault *f)
{
    if (!json_is_none_or_null(v) && !json_is(v, JSON_TRUE) && !json_is(v, JSON_FALSE))
        return fault_set(f, ERR_INVALID, "enabled: expected true or false, got %s", json_kind(v));
    *disabled = json_is(v, JSON_FALSE);
    return ERR_OK;
}

static enum err read_key(struct json v, uint8_t hash[KEY_HASH_BYTES], struct fault *f)
{
    return hex_decode(hash, KEY_HASH_BYTES, json_raw_str(v))
               ? ERR_OK
               : fault_set(f, ERR_INVALID,
                           "key: expected the hash of a key, 64 lowercase hexadecimal digits");
}

/* A misspelt condition would be none. */
static enum err refuse_others(struct json root, const char *const *names, struct fault *f)
{
    for (struct json v = json_first(root); !json_is(v, JSON_NONE); v = json_after(root, v)) {
        size_t i = 0;
        while (names[i] && !json_str_eq(json_key(v), str_c(names[i])))
            i++;
        if (!names[i])
            return fault_set(f, ERR_INVALID, "%.*s: there is no such field",
                             STR_ARG(str_head(json_raw_str(json_key(v)), 60)));
    }
    return ERR_OK;
}

static enum err check_whole(const struct federation *p, bool is_operators, struct fault *f)
{
    enum err e = check_url("issuer", p->issuer, is_operators, f);
    if (e == ERR_OK && p->jwks_url[0])
        e = check_url("jwks_url", p->jwks_url, is_operators, f);
    if (e == ERR_OK)
        e = check_subject(p->subject, f);
    if (e == ERR_OK && !p->subject[0] && !p->claims[0])
        e = fault_set(f, ERR_INVALID,
                      "subject: expected one, or claims: else everybody whom the issuer knows "
                      "would be let in");
    return e;
}

enum err federation_read(struct json root, bool is_operators, struct federation *out,
                         struct fault *f)
{
    static const char *const names[] = {"name",    "issuer", "jwks_url", "audience",
                                        "subject", "claims", "key",      "max_lifetime_seconds",
                                        "enabled", NULL};
    struct federation *p = out;
    *p = (struct federation){.is_operators = is_operators};
    enum err e = refuse_others(root, names, f);
    if (e == ERR_OK)
        e = read_text(json_get(root, STR("name")), "name", p->name, sizeof p->name, f);
    if (e == ERR_OK)
        e = read_text(json_get(root, STR("issuer")), "issuer", p->issuer, sizeof p->issuer, f);
    if (e == ERR_OK)
        e = read_text_if(json_get(root, STR("jwks_url")), "jwks_url", p->jwks_url,
                         sizeof p->jwks_url, f);
    if (e == ERR_OK)
        e = read_text(json_get(root, STR("audience")), "audience", p->audience, sizeof p->audience,
                      f);
    if (e == ERR_OK)
        e = read_text_if(json_get(root, STR("subject")), "subject", p->subject, sizeof p->subject,
                         f);
    if (e == ERR_OK)
        e = read_claims(json_get(root, STR("claims")), p->claims, f);
    if (e == ERR_OK)
        e = read_key(json_get(root, STR("key")), p->key_hash, f);
    if (e == ERR_OK)
        e = read_lifetime(json_get(root, STR("max_lifetime_seconds")), &p->lifetime_s, f);
    if (e == ERR_OK)
        e = read_enabled(json_get(root, STR("enabled")), &p->disabled, f);
    return e == ERR_OK ? check_whole(p, is_operators, f) : e;
}

/* What null would change it to is nobody's guess. */
static enum err refuse_nulls(struct json root, struct fault *f)
{
    for (struct json v = json_first(root); !json_is(v, JSON_NONE); v = json_after(root, v)) {
        if (json_is(v, JSON_NULL))
            return fault_set(f, ERR_INVALID, "%.*s: expected what it is to be, got null",
                             STR_ARG(str_head(json_raw_str(json_key(v)), 60)));
    }
    return ERR_OK;
}

enum err federation_read_change(struct json root, struct federation *out, uint32_t *fields,
                                struct fault *f)
{
    static const char *const names[] = {"name", "max_lifetime_seconds", "enabled", NULL};
    struct json name = json_get(root, STR("name")), enabled = json_get(root, STR("enabled"));
    struct json lifetime = json_get(root, STR("max_lifetime_seconds"));
    *out = (struct federation){.account_id = 0};
    *fields = 0;
    enum err e = refuse_others(root, names, f);
    if (e == ERR_OK && json_is(json_first(root), JSON_NONE))
        e = fault_set(f, ERR_INVALID,
                      "The body: expected name, max_lifetime_seconds or enabled; what tokens rest "
                      "on does not change: make another policy");
    if (e == ERR_OK)
        e = refuse_nulls(root, f);
    if (e == ERR_OK && !json_is(name, JSON_NONE)) {
        e = read_text(name, "name", out->name, sizeof out->name, f);
        *fields |= FEDERATION_SET_NAME;
    }
    if (e == ERR_OK && !json_is(lifetime, JSON_NONE)) {
        e = read_lifetime(lifetime, &out->lifetime_s, f);
        *fields |= FEDERATION_SET_LIFETIME;
    }
    if (e == ERR_OK && !json_is(enabled, JSON_NONE)) {
        e = read_enabled(enabled, &out->disabled, f);
        *fields |= FEDERATION_SET_DISABLED;
    }
    return e;
}

static void write_time(struct json_writer *w, const char *name, int64_t ms)
{
    char room[CLOCK_ISO_MAX];
    if (ms)
        jw_str(w, name, clock_iso(ms, room));
    else
        jw_null(w, name);
}

static const char *text_or_null(const char *s)
{
    return s[0] ? s : NULL;
}

void federation_write_json(struct json_writer *w, const char *name, const struct federation *p)
{
    char hash[2 * KEY_HASH_BYTES];
    hex_encode(hash, p->key_hash, KEY_HASH_BYTES);
    jw_object(w, name);
    jw_str_c(w, "id", p->id);
    jw_str_c(w, "name", p->name);
    jw_str_c(w, "issuer", p->issuer);
    jw_str_c(w, "jwks_url", text_or_null(p->jwks_url));
    jw_str_c(w, "audience", p->audience);
    jw_str_c(w, "subject", text_or_null(p->subject));
    jw_raw(w, "claims", p->claims[0] ? str_c(p->claims) : STR("{}"));
    jw_str(w, "key", str_of(hash, sizeof hash));
    jw_str_c(w, "key_label", p->key_label);
    jw_u64(w, "max_lifetime_seconds", p->lifetime_s);
    jw_bool(w, "enabled", !p->disabled);
    write_time(w, "created_at", p->created_ms);
    write_time(w, "updated_at", p->updated_ms);
    write_time(w, "last_used_at", p->last_used_ms);
    jw_end(w);
}

/* --- a token's claims --- */

static bool is_same(struct json has, struct json wants)
{
    char room[CLAIM_TEXT_MAX + 1];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    if (json_is(wants, JSON_STRING))
        return json_str_eq(has, json_str(wants, &b));
    return has.type == wants.type && str_eq(json_raw(has), json_raw(wants));
}

/* Or one of several: a claim may be a list. */
static bool satisfies(struct json has, struct json wants)
{
    if (!json_is(has, JSON_ARRAY))
        return is_same(has, wants);
    for (struct json v = json_first(has); !json_is(v, JSON_NONE); v = json_after(has, v)) {
        if (is_same(v, wants))
            return true;
    }
    return false;
}

static enum err match_all(struct json wanted, const struct jwt *t, struct fault *why)
{
    char room[CLAIM_NAME_MAX + 1];
    for (struct json v = json_first(wanted); !json_is(v, JSON_NONE); v = json_after(wanted, v)) {
        struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
        struct str name = json_str(json_key(v), &b);
        if (!satisfies(json_get(t->claims, name), v))
            return fault_set(why, ERR_AUTH, "the token's claim %.*s is another than the policy's",
                             STR_ARG(name));
    }
    return ERR_OK;
}

static enum err match_claims(const struct federation *p, const struct jwt *t, struct fault *why)
{
    struct json_tape tape;
    struct json wanted;
    struct fault ignored;
    if (!p->claims[0])
        return ERR_OK;
    json_tape_init(&tape, CLAIM_NODES_MAX);
    enum err e = json_parse(&tape, str_c(p->claims), &wanted, &ignored) == ERR_OK
                     ? match_all(wanted, t, why)
                     : fault_set(why, ERR_INTERNAL, "the policy's claims cannot be read");
    json_tape_release(&tape);
    return e;
}

enum err federation_match(const struct federation *p, struct jwt *t, int64_t now_s,
                          struct fault *why)
{
    const struct jwt_rules rules = {.issuer = str_c(p->issuer),
                                    .audience = str_c(p->audience),
                                    .subject = str_c(p->subject),
                                    .now_s = now_s};
    enum err e = jwt_check(t, &rules, why);
    if (e != ERR_OK)
        return e;
    if (!jwt_claim(t, STR("sub")).n)
        return fault_set(why, ERR_AUTH, "the token has no subject (sub)");
    return match_claims(p, t, why);
}

/* --- discovery --- */

struct federation_discovery *federation_discovery_read(struct str text, struct fault *f)
{
    struct json_tape tape;
    struct json root;
    struct fault ignored;
    struct federation_discovery *d = calloc(1, sizeof *d);
    json_tape_init(&tape, DOCUMENT_NODES_MAX);
    bool is_right = d && json_parse(&tape, text, &root, &ignored) == ERR_OK &&
                    read_text(json_get(root, STR("issuer")), "", d->issuer, sizeof d->issuer,
                              &ignored) == ERR_OK &&
                    read_text(json_get(root, STR("jwks_uri")), "", d->jwks_url, sizeof d->jwks_url,
                              &ignored) == ERR_OK;
    json_tape_release(&tape);
    if (is_right)
        return d;
    fault_write(f, d ? ERR_UPSTREAM : ERR_NOMEM,
                "the discovery document has no usable issuer and jwks_uri");
    free(d);
    return NULL;
}

bool federation_is_same_host(struct str a, struct str b)
{
    struct url x, y;
    a = str_head(a, str_find(a, STR("?")));
    b = str_head(b, str_find(b, STR("?")));
    return url_parse(a, &x, NULL) == ERR_OK && url_parse(b, &y, NULL) == ERR_OK &&
           str_ieq(x.host, y.host) && x.port == y.port;
}
