/* sign.h: signatures: ECDSA on P-256 with SHA-256 (ES256) and RSA PKCS#1 v1.5 with SHA-256 (RS256,
 * only verified). Keys come as PEM, JWK or, our own, as DER to be sealed. */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include "base/buf.h"
#include "base/secret.h"
#include "json/read.h"
#include "json/write.h"

enum sign_alg { SIGN_NONE, SIGN_ES256, SIGN_RS256 };
const char *sign_alg_name(enum sign_alg a);            /* "ES256", "RS256"; NULL for NONE */
bool sign_alg_parse(struct str s, enum sign_alg *out); /* nothing but these two */

enum {
    SIGN_ES256_BYTES = 64, /* r and s, as JWS has them */
    SIGN_RSA_BITS_MIN = 2048,
    SIGN_RSA_BITS_MAX = 8192,
    SIGN_BYTES_MAX = SIGN_RSA_BITS_MAX / 8,
    SIGN_THUMBPRINT_CHARS = 43, /* RFC 7638, base64url of SHA-256 */
};

/* Never changes once made; may be used by several threads at once. */
struct sign_key;

struct sign_key *sign_key_generate(struct fault *f); /* ES256 */
void sign_key_free(struct sign_key *k);              /* NULL is fine */
enum sign_alg sign_key_alg(const struct sign_key *k);

/* SubjectPublicKeyInfo between BEGIN PUBLIC KEY and END. NULL and a sentence: it is none, or a kind
 * of key that is not taken here. */
struct sign_key *sign_key_from_pem(struct str pem, struct fault *f);
/* A JWK: kty EC on P-256, or RSA. Its use, alg and key_ops, where given, must allow verifying. */
struct sign_key *sign_key_from_jwk(struct json jwk, struct fault *f);
/* {"kty":"EC","crv":"P-256","x":..,"y":..,"kid":..,"use":"sig","alg":"ES256"}: the public half of an
 * ES256 key. */
void sign_key_write_jwk(const struct sign_key *k, const char *name, struct str kid,
                        struct json_writer *w);
/* The name that follows from the key itself; of ES256 keys. */
void sign_key_thumbprint(const struct sign_key *k, char out[SIGN_THUMBPRINT_CHARS]);
/* Both halves as DER (PKCS#8), and back. */
enum err sign_key_add_private(const struct sign_key *k, struct buf *out) MUST_USE;
struct sign_key *sign_key_from_private(struct secret der, struct fault *f);

/* ECDSA P-256 as DER; of an ES256 key. */
bool sign_is_der(const struct sign_key *k, struct str bytes, struct str der);
/* As JWS has it, by the key's own algorithm. */
bool sign_is_jws(const struct sign_key *k, struct str bytes, struct str signature);
/* ES256, with both halves. */
enum err sign_jws(const struct sign_key *k, struct str bytes,
                  uint8_t out[SIGN_ES256_BYTES]) MUST_USE;

#endif
