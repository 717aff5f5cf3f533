#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "base/bug.h"

/* Fetched once: naming the algorithm in each call takes more than twice the time, for the 73 bytes
 * of a key. */
static EVP_MD *sha256_method;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
    BUG_ON(!sha256_method);
}

void sha256(struct str s, uint8_t out[SHA256_BYTES])
{
    pthread_once(&fetched, fetch);
    int done = EVP_Digest(s.p, s.n, out, NULL, sha256_method, NULL);
    BUG_ON(done != 1); /* it can only be out of memory, for a few bytes */
}

bool bytes_eq_secret(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}
