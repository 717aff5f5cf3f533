/* jwt.h: JSON Web Tokens in compact form (RFC 7519, with the advice of RFC 8725): parsed under
 * ceilings, ES256 and RS256 only, signed parts compared as they came. Parsing says nothing about
 * truth: look at jwt_is_signed() with a key that was chosen by issuer and kid, and jwt_check(). */
#ifndef CRYPTO_JWT_H
#define CRYPTO_JWT_H

#include "crypto/sign.h"

enum { JWT_MAX = 16 * 1024, JWT_NODES_MAX = 2048, JWT_LEEWAY_S = 30 };

struct jwt {
    enum sign_alg alg;
    struct json header, claims;
    struct str signed_text; /* a view of the text that was parsed */
    struct buf decoded, scratch;
    struct json_tape header_tape, claims_tape;
    uint8_t signature[SIGN_BYTES_MAX];
    size_t signature_n;
};

/* `text` is lent until jwt_release(), which is always to be called. Refused: more than JWT_MAX
 * bytes, other algorithms (`none` and HS... by name), members that are there twice, `crit`, parts
 * that are no JSON objects. */
enum err jwt_parse(struct jwt *t, struct str text, struct fault *f) MUST_USE;
void jwt_release(struct jwt *t);
/* The shape alone, for dispatch: three parts in base64url that begin as JSON objects do. */
bool jwt_is_shaped(struct str text);

/* Texts of header and claims, decoded; STR_NONE where there is none or it is no string. */
struct str jwt_kid(struct jwt *t);
struct str jwt_type(struct jwt *t); /* "typ" */
struct str jwt_claim(struct jwt *t, struct str name);
/* A time in whole seconds (a fraction is dropped); false: it is missing or no time. */
bool jwt_time(const struct jwt *t, struct str name, int64_t *seconds);

/* The key's algorithm must be the one that the header names. */
bool jwt_is_signed(const struct jwt *t, const struct sign_key *k);

/* What the claims must say. Empty texts are not looked at, but exp always is. */
struct jwt_rules {
    struct str issuer;   /* `iss` exactly */
    struct str audience; /* among `aud` */
    struct str subject;  /* `sub` exactly, or with a trailing '*': what it begins with */
    int64_t now_s;
    int64_t age_max_s; /* since `iat`, which must then be there; 0: any */
};
enum err jwt_check(struct jwt *t, const struct jwt_rules *r, struct fault *f) MUST_USE;

/* Appends a token: `claims` is a JSON object. ES256. */
enum err jwt_add(struct buf *out, const struct sign_key *k, struct str type, struct str kid,
                 struct str claims) MUST_USE;

#endif
