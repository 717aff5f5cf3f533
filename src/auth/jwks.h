/* jwks.h: a JWK set (RFC 7517, 5) that somebody else publishes, read once. Keys of kinds that are
 * not taken stand beside those that are: they are passed over. */
#ifndef AUTH_JWKS_H
#define AUTH_JWKS_H

#include "crypto/sign.h"

enum {
    JWKS_MAX = 256 * 1024, /* bytes of the text */
    JWKS_KEYS_MAX = 20,
    JWKS_KID_MAX = 128,
    JWKS_RSA_BITS_MAX = 4096, /* looking at a larger one takes too long */
};

struct jwks_key {
    char kid[JWKS_KID_MAX + 1]; /* "": it has none */
    struct sign_key *key;
};
struct jwks {
    struct jwks_key keys[JWKS_KEYS_MAX];
    size_t n;
};

/* NULL and a sentence: this is no key set, or has no key that can be used. An RSA key takes tens of
 * milliseconds: for a helper's thread. */
struct jwks *jwks_read(struct str text, struct fault *f);
void jwks_free(struct jwks *s); /* NULL is fine */
/* The key of that name for that algorithm; without a name the only one that fits. NULL: there is
 * none, or more than one. */
const struct sign_key *jwks_find(const struct jwks *s, struct str kid, enum sign_alg alg);

#endif
