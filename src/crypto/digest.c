/* The low-level calls: for the 73 bytes of a key, EVP takes five times the time of the digest itself,
 * for contexts that it allocates and frees. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/digest.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/bug.h"

void sha256(struct str s, uint8_t out[SHA256_BYTES])
{
    SHA256_CTX c;
    bool done = SHA256_Init(&c) && SHA256_Update(&c, s.p, s.n) && SHA256_Final(out, &c);
    BUG_ON(!done);
    explicit_bzero(&c, sizeof c); /* the end of what may be a secret */
}

bool bytes_eq_secret(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}
