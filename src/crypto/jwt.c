#include "crypto/jwt.h"

#include "base/base64.h"

/* --- shape --- */

/* Cut at its two dots; false: there are not exactly two, or a part is empty. */
static bool split(struct str text, struct str *header, struct str *claims, struct str *signature)
{
    *signature = text;
    *header = str_cut(signature, '.');
    *claims = str_cut(signature, '.');
    return header->n && claims->n && signature->n && !memchr(signature->p, '.', signature->n);
}

bool jwt_is_shaped(struct str text)
{
    struct str header, claims, signature;
    return text.n <= JWT_MAX && split(text, &header, &claims, &signature) &&
           str_starts(header, STR("ey")) && str_starts(claims, STR("ey"));
}

/* --- parsing --- */

static enum err parse_object(struct jwt *t, struct str coded, const char *what,
                             struct json_tape *tape, struct json *out, struct fault *f)
{
    struct fault why;
    size_t from = t->decoded.n;
    if (!base64_add_decoded(&t->decoded, BASE64_URL, coded))
        return fault_set(f, ERR_INVALID, "the token's %s is not base64url", what);
    struct str text = str_skip(buf_view(&t->decoded), from);
    if (json_parse(tape, text, out, &why) != ERR_OK || !json_is(*out, JSON_OBJECT))
        return fault_set(f, ERR_INVALID, "the token's %s is no JSON object", what);
    if (json_refuse_duplicates(*out, &why) != ERR_OK)
        return fault_set(f, ERR_INVALID, "the token's %s has a member twice", what);
    return ERR_OK;
}

static enum err check_header(struct jwt *t, struct fault *f)
{
    struct json alg = json_get(t->header, STR("alg"));
    if (!json_is(alg, JSON_STRING) || !sign_alg_parse(json_raw_str(alg), &t->alg))
        return fault_set(f, ERR_INVALID, "the token's alg must be ES256 or RS256");
    if (!json_is(json_get(t->header, STR("crit")), JSON_NONE))
        return fault_set(f, ERR_INVALID, "the token's header asks for extensions (crit)");
    return ERR_OK;
}

enum err jwt_parse(struct jwt *t, struct str text, struct fault *f)
{
    struct str header, claims, signature;
    t->alg = SIGN_NONE;
    t->header = t->claims = (struct json){0};
    t->signature_n = 0;
    buf_init(&t->decoded, JWT_MAX);
    buf_init(&t->scratch, JWT_MAX);
    json_tape_init(&t->header_tape, JWT_NODES_MAX);
    json_tape_init(&t->claims_tape, JWT_NODES_MAX);
    if (text.n > JWT_MAX)
        return fault_set(f, ERR_TOO_BIG, "the token is longer than %d bytes", JWT_MAX);
    if (!split(text, &header, &claims, &signature))
        return fault_set(f, ERR_INVALID, "this is no token of three parts");
    t->signed_text = str_head(text, header.n + 1 + claims.n);
    if (buf_grow(&t->decoded, text.n) != ERR_OK) /* once, so that views into it stay */
        return fault_set(f, ERR_NOMEM, "no memory for a token");
    enum err e = parse_object(t, header, "header", &t->header_tape, &t->header, f);
    if (e == ERR_OK)
        e = check_header(t, f);
    if (e == ERR_OK)
        e = parse_object(t, claims, "payload", &t->claims_tape, &t->claims, f);
    if (e == ERR_OK &&
        !base64_decode(BASE64_URL, signature, t->signature, sizeof t->signature, &t->signature_n))
        e = fault_set(f, ERR_INVALID, "the token's signature is not base64url");
    return e;
}

void jwt_release(struct jwt *t)
{
    buf_release(&t->decoded);
    buf_release(&t->scratch);
    json_tape_release(&t->header_tape);
    json_tape_release(&t->claims_tape);
}

/* --- asking --- */

/* Decoded texts live behind each other; the room for all of them is taken at once. */
static struct str text_of(struct jwt *t, struct json v)
{
    if (!json_is(v, JSON_STRING) || (!t->scratch.cap && buf_grow(&t->scratch, JWT_MAX) != ERR_OK))
        return STR_NONE;
    struct str s = json_str(v, &t->scratch);
    return s;
}

struct str jwt_kid(struct jwt *t)
{
    return text_of(t, json_get(t->header, STR("kid")));
}

struct str jwt_type(struct jwt *t)
{
    return text_of(t, json_get(t->header, STR("typ")));
}

struct str jwt_claim(struct jwt *t, struct str name)
{
    return text_of(t, json_get(t->claims, name));
}

bool jwt_time(const struct jwt *t, struct str name, int64_t *seconds)
{
    struct json v = json_get(t->claims, name);
    struct str digits = json_raw(v);
    uint64_t s;
    struct str whole = str_cut(&digits, '.');
    bool has_fraction = digits.p != NULL;
    if (!json_is(v, JSON_NUMBER) || !str_u64(whole, UINT64_C(1) << 40, &s))
        return false;
    for (size_t i = 0; has_fraction && i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return false;
    }
    *seconds = (int64_t)s;
    return true;
}

bool jwt_is_signed(const struct jwt *t, const struct sign_key *k)
{
    return t->alg != SIGN_NONE && t->alg == sign_key_alg(k) &&
           sign_is_jws(k, t->signed_text, str_of((const char *)t->signature, t->signature_n));
}

static bool is_audience(const struct jwt *t, struct str audience)
{
    struct json aud = json_get(t->claims, STR("aud"));
    if (json_is(aud, JSON_STRING))
        return json_str_eq(aud, audience);
    if (!json_is(aud, JSON_ARRAY))
        return false;
    for (struct json v = json_first(aud); !json_is(v, JSON_NONE); v = json_after(aud, v)) {
        if (json_str_eq(v, audience))
            return true;
    }
    return false;
}

static bool is_subject(struct jwt *t, struct str rule)
{
    struct str sub = jwt_claim(t, STR("sub"));
    if (str_ends(rule, STR("*")))
        return sub.p && str_starts(sub, str_head(rule, rule.n - 1));
    return sub.p && str_eq(sub, rule);
}

static enum err check_times(const struct jwt *t, const struct jwt_rules *r, struct fault *f)
{
    int64_t exp, at;
    bool has_nbf = !json_is(json_get(t->claims, STR("nbf")), JSON_NONE);
    bool has_iat = !json_is(json_get(t->claims, STR("iat")), JSON_NONE);
    if (!jwt_time(t, STR("exp"), &exp))
        return fault_set(f, ERR_AUTH, "the token has no exp");
    if (exp + JWT_LEEWAY_S <= r->now_s)
        return fault_set(f, ERR_AUTH, "the token has expired");
    if (has_nbf && (!jwt_time(t, STR("nbf"), &at) || at - JWT_LEEWAY_S > r->now_s))
        return fault_set(f, ERR_AUTH, "the token is not valid yet (nbf)");
    if (has_iat && (!jwt_time(t, STR("iat"), &at) || at - JWT_LEEWAY_S > r->now_s))
        return fault_set(f, ERR_AUTH, "the token was issued in the future (iat)");
    if (r->age_max_s && (!has_iat || at + r->age_max_s + JWT_LEEWAY_S < r->now_s))
        return fault_set(f, ERR_AUTH, "the token was issued too long ago (iat)");
    return ERR_OK;
}

enum err jwt_check(struct jwt *t, const struct jwt_rules *r, struct fault *f)
{
    if (r->issuer.n && !json_str_eq(json_get(t->claims, STR("iss")), r->issuer))
        return fault_set(f, ERR_AUTH, "the token is of another issuer (iss)");
    if (r->audience.n && !is_audience(t, r->audience))
        return fault_set(f, ERR_AUTH, "the token is meant for another audience (aud)");
    if (r->subject.n && !is_subject(t, r->subject))
        return fault_set(f, ERR_AUTH, "the token is of another subject (sub)");
    return check_times(t, r, f);
}

/* --- making --- */

enum err jwt_add(struct buf *out, const struct sign_key *k, struct str type, struct str kid,
                 struct str claims)
{
    char room[512];
    uint8_t signature[SIGN_ES256_BYTES];
    size_t from = out->n;
    struct buf header = {.p = room, .cap = sizeof room, .max = sizeof room};
    struct json_writer w;
    json_writer_init(&w, &header);
    jw_object(&w, NULL);
    jw_str_c(&w, "alg", "ES256");
    jw_str(&w, "typ", type);
    jw_str(&w, "kid", kid);
    enum err e = jw_finish(&w);
    if (e == ERR_OK)
        e = base64_add(out, BASE64_URL, header.p, header.n);
    if (e == ERR_OK)
        e = buf_add(out, STR("."));
    if (e == ERR_OK)
        e = base64_add(out, BASE64_URL, claims.p, claims.n);
    if (e == ERR_OK)
        e = sign_jws(k, str_skip(buf_view(out), from), signature);
    if (e == ERR_OK)
        e = buf_add(out, STR("."));
    return e == ERR_OK ? base64_add(out, BASE64_URL, signature, sizeof signature) : e;
}
