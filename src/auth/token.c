#include "auth/token.h"

#include "auth/federation.h"
#include "base/codec.h"

#define TYPE  STR("at+jwt")
#define SCOPE STR("inference")

enum { CLAIMS_MAX = 1400 }; /* with header and signature less than TOKEN_TEXT_MAX as base64 */

enum err token_add(struct buf *out, const struct sign_key *k, struct str kid, struct str issuer,
                   struct token *t)
{
    char room[CLAIMS_MAX], sub[2 * KEY_HASH_BYTES];
    uint8_t random[TOKEN_JTI_CHARS / 2];
    struct buf claims = {.p = room, .cap = sizeof room, .max = sizeof room};
    struct json_writer w;
    random_bytes(random, sizeof random);
    hex_encode(t->jti, random, sizeof random);
    t->jti[TOKEN_JTI_CHARS] = '\0';
    hex_encode(sub, t->key_hash, KEY_HASH_BYTES);
    json_writer_init(&w, &claims);
    jw_object(&w, NULL);
    jw_str(&w, "iss", issuer);
    jw_str(&w, "aud", issuer);
    jw_str(&w, "sub", str_of(sub, sizeof sub));
    jw_str_c(&w, "client_id", t->policy);
    jw_str(&w, "scope", t->scopes & TOKEN_INFERENCE ? SCOPE : STR(""));
    jw_i64(&w, "iat", t->issued_s);
    jw_i64(&w, "exp", t->expires_s);
    jw_str_c(&w, "jti", t->jti);
    enum err e = jw_finish(&w);
    return e == ERR_OK ? jwt_add(out, k, TYPE, kid, buf_view(&claims)) : e;
}

/* A list of words with spaces between (RFC 8693, 4.2). */
static uint32_t scopes_of(struct str list)
{
    uint32_t scopes = 0;
    while (list.n)
        scopes |= str_eq(str_cut(&list, ' '), SCOPE) ? TOKEN_INFERENCE : 0;
    return scopes;
}

/* What only we could have written: with a right signature it is there. */
static bool read_claims(struct jwt *jwt, struct token *t)
{
    struct str policy = jwt_claim(jwt, STR("client_id"));
    if (!hex_decode(t->key_hash, KEY_HASH_BYTES, jwt_claim(jwt, STR("sub"))) ||
        !federation_id_is_right(policy) || !jwt_time(jwt, STR("iat"), &t->issued_s) ||
        !jwt_time(jwt, STR("exp"), &t->expires_s))
        return false;
    memcpy(t->policy, policy.p, policy.n);
    t->policy[policy.n] = '\0';
    t->scopes = scopes_of(jwt_claim(jwt, STR("scope")));
    return t->expires_s - t->issued_s <= TOKEN_LIFE_MAX_S;
}

static enum err check(struct jwt *jwt, struct str issuer, int64_t now_s, struct token *t,
                      struct fault *f)
{
    const struct jwt_rules rules = {.issuer = issuer, .audience = issuer, .now_s = now_s};
    struct fault why;
    bool is_ours =
        str_eq(jwt_type(jwt), TYPE) && json_str_eq(json_get(jwt->claims, STR("iss")), issuer);
    if (!is_ours)
        return fault_set(f, ERR_AUTH,
                         "This token is none of this gateway's (typ, iss): exchange it for one at "
                         "POST /api/v1/oauth/token");
    if (!read_claims(jwt, t))
        return fault_set(f, ERR_AUTH, "Malformed access token: its claims are not as ours are");
    if (t->expires_s <= now_s) /* by our own clock: no leeway */
        return fault_set(f, ERR_AUTH, "This access token has expired: exchange another one");
    if (jwt_check(jwt, &rules, &why) != ERR_OK)
        return fault_set(f, ERR_AUTH, "This access token is not right: %s", why.message);
    return ERR_OK;
}

enum err token_read(struct jwt *jwt, struct str text, struct str issuer, int64_t now_s,
                    struct token *t, struct fault *f)
{
    struct fault why;
    *t = (struct token){.scopes = 0};
    bool is_long = text.n > TOKEN_TEXT_MAX;
    if (jwt_parse(jwt, is_long ? STR_NONE : text, &why) == ERR_OK)
        return check(jwt, issuer, now_s, t, f);
    if (is_long)
        return fault_set(f, ERR_AUTH, "Malformed access token: expected at most %d characters",
                         TOKEN_TEXT_MAX);
    return fault_set(f, ERR_AUTH, "Malformed access token: %s", why.message);
}
