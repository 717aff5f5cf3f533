/* digest.h: SHA-256 and comparison in constant time (OpenSSL). */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include "base/str.h"

enum { SHA256_BYTES = 32 };

void sha256(struct str s, uint8_t out[SHA256_BYTES]);
/* In a time that depends on n only. */
bool bytes_eq_secret(const void *a, const void *b, size_t n);

#endif
