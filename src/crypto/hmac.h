/* hmac.h: HMAC-SHA256 (RFC 2104), and comparison of secret texts. */
#ifndef CRYPTO_HMAC_H
#define CRYPTO_HMAC_H

#include "base/secret.h"
#include "crypto/digest.h"

void hmac_sha256(struct secret key, struct str data, uint8_t out[SHA256_BYTES]);

/* In a time that depends on their lengths only. */
static inline bool secret_eq(struct secret a, struct secret b)
{
    struct str x = secret_reveal(a), y = secret_reveal(b);
    return x.n == y.n && (x.n == 0 || bytes_eq_secret(x.p, y.p, x.n));
}

#endif
