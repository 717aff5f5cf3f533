#include "crypto/hmac.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/bug.h"

void hmac_sha256(struct secret key, struct str data, uint8_t out[SHA256_BYTES])
{
    struct str k = secret_reveal(key);
    BUG_ON(k.n > INT_MAX);
    const void *bytes = data.p ? data.p : "";
    BUG_ON(!HMAC(EVP_sha256(), k.p ? k.p : "", (int)k.n, bytes, data.n, out, NULL));
}
