#include "crypto/sign.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/base64.h"
#include "crypto/digest.h"

enum {
    COORDINATE = 32,
    POINT = 1 + 2 * COORDINATE, /* 04, x, y */
    DER_SIGNATURE_MAX = 72,     /* of P-256, by its definition */
    PEM_MAX = 8192,
    EXPONENT_MAX = 8, /* bytes */
};

struct sign_key {
    EVP_PKEY *pkey;
    enum sign_alg alg;
    uint8_t point[POINT]; /* of ES256 */
};

const char *sign_alg_name(enum sign_alg a)
{
    static const char *const names[] = {NULL, "ES256", "RS256"};
    return names[a];
}

bool sign_alg_parse(struct str s, enum sign_alg *out)
{
    for (enum sign_alg a = SIGN_ES256; a <= SIGN_RS256; a++) {
        if (str_eq(s, str_c(sign_alg_name(a)))) {
            *out = a;
            return true;
        }
    }
    return false;
}

void sign_key_free(struct sign_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->pkey);
    free(k);
}

enum sign_alg sign_key_alg(const struct sign_key *k)
{
    return k->alg;
}

/* --- from a key of OpenSSL's to one of ours --- */

static struct sign_key *refuse(struct fault *f, const char *why)
{
    fault_write(f, ERR_INVALID, "%s", why);
    return NULL;
}

static enum sign_alg alg_of(EVP_PKEY *pkey, uint8_t point[POINT])
{
    char group[32];
    size_t n = 0;
    int bits = EVP_PKEY_get_bits(pkey);
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return bits >= SIGN_RSA_BITS_MIN && bits <= SIGN_RSA_BITS_MAX ? SIGN_RS256 : SIGN_NONE;
    if (!EVP_PKEY_is_a(pkey, "EC") ||
        !EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                        NULL) ||
        !str_eq(str_c(group), STR("prime256v1")))
        return SIGN_NONE;
    EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                   "uncompressed");
    if (!EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, POINT, &n) ||
        n != POINT)
        return SIGN_NONE;
    return SIGN_ES256;
}

/* Takes the key, also where it fails. That a point lies on the curve and a modulus is none that
 * everybody can divide is looked at here, once. */
static struct sign_key *wrap_take(EVP_PKEY *pkey, struct fault *f)
{
    struct sign_key *k = pkey ? calloc(1, sizeof *k) : NULL;
    if (!k) {
        EVP_PKEY_free(pkey);
        return refuse(f, "this is no public key that can be read");
    }
    k->pkey = pkey;
    k->alg = alg_of(pkey, k->point);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pkey, NULL);
    bool is_sound = k->alg != SIGN_NONE && c && EVP_PKEY_public_check(c) == 1;
    EVP_PKEY_CTX_free(c);
    if (is_sound)
        return k;
    sign_key_free(k);
    return refuse(f, "a key must be EC on P-256, or RSA of 2048 to 8192 bits");
}

struct sign_key *sign_key_generate(struct fault *f)
{
    return wrap_take(EVP_EC_gen("P-256"), f);
}

struct sign_key *sign_key_from_pem(struct str pem, struct fault *f)
{
    if (pem.n == 0 || pem.n > PEM_MAX)
        return refuse(f, "this is no public key in PEM");
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    EVP_PKEY *pkey = b ? PEM_read_bio_PUBKEY(b, NULL, NULL, NULL) : NULL;
    BIO_free(b);
    return wrap_take(pkey, f);
}

/* --- JWK --- */

/* A member in base64url; false: it is missing, no such text or too long. */
static bool member_bytes(struct json jwk, const char *name, uint8_t *out, size_t max, size_t *n)
{
    struct str text = json_raw_str(json_get(jwk, str_c(name)));
    return text.n && base64_decode(BASE64_URL, text, out, max, n);
}

static EVP_PKEY *build(const char *type, OSSL_PARAM_BLD *b)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params && c && EVP_PKEY_fromdata_init(c) == 1 &&
        EVP_PKEY_fromdata(c, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(c);
    OSSL_PARAM_free(params);
    return pkey;
}

static EVP_PKEY *ec_from_jwk(struct json jwk)
{
    uint8_t point[POINT] = {4};
    size_t x, y;
    EVP_PKEY *pkey = NULL;
    if (!json_str_eq(json_get(jwk, STR("crv")), STR("P-256")) ||
        !member_bytes(jwk, "x", point + 1, COORDINATE, &x) || x != COORDINATE ||
        !member_bytes(jwk, "y", point + 1 + COORDINATE, COORDINATE, &y) || y != COORDINATE)
        return NULL;
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    if (b && OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
        OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point))
        pkey = build("EC", b);
    OSSL_PARAM_BLD_free(b);
    return pkey;
}

static EVP_PKEY *rsa_from_jwk(struct json jwk)
{
    uint8_t modulus[SIGN_BYTES_MAX], exponent[EXPONENT_MAX];
    size_t n, e;
    EVP_PKEY *pkey = NULL;
    if (!member_bytes(jwk, "n", modulus, sizeof modulus, &n) ||
        !member_bytes(jwk, "e", exponent, sizeof exponent, &e))
        return NULL;
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    BIGNUM *bn = BN_bin2bn(modulus, (int)n, NULL), *be = BN_bin2bn(exponent, (int)e, NULL);
    if (b && bn && be && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn) &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be))
        pkey = build("RSA", b);
    OSSL_PARAM_BLD_free(b);
    BN_free(bn);
    BN_free(be);
    return pkey;
}

static bool may_verify(struct json jwk, enum sign_alg alg)
{
    struct json use = json_get(jwk, STR("use")), named = json_get(jwk, STR("alg")),
                ops = json_get(jwk, STR("key_ops"));
    bool verifies = json_is(ops, JSON_NONE);
    for (struct json op = json_first(ops); !json_is(op, JSON_NONE); op = json_after(ops, op))
        verifies |= json_str_eq(op, STR("verify"));
    return verifies && (json_is(use, JSON_NONE) || json_str_eq(use, STR("sig"))) &&
           (json_is(named, JSON_NONE) || json_str_eq(named, str_c(sign_alg_name(alg))));
}

struct sign_key *sign_key_from_jwk(struct json jwk, struct fault *f)
{
    struct json kty = json_get(jwk, STR("kty"));
    EVP_PKEY *pkey = NULL;
    if (json_str_eq(kty, STR("EC")))
        pkey = ec_from_jwk(jwk);
    else if (json_str_eq(kty, STR("RSA")))
        pkey = rsa_from_jwk(jwk);
    struct sign_key *k = wrap_take(pkey, f);
    if (!k || may_verify(jwk, k->alg))
        return k;
    sign_key_free(k);
    return refuse(f, "the key is not meant for these signatures");
}

void sign_key_write_jwk(const struct sign_key *k, const char *name, struct str kid,
                        struct json_writer *w)
{
    char x[BASE64_SIZE(COORDINATE)], y[BASE64_SIZE(COORDINATE)];
    BUG_ON(k->alg != SIGN_ES256);
    size_t x_n = base64_encode(BASE64_URL, x, k->point + 1, COORDINATE);
    size_t y_n = base64_encode(BASE64_URL, y, k->point + 1 + COORDINATE, COORDINATE);
    jw_object(w, name);
    jw_str_c(w, "kty", "EC");
    jw_str_c(w, "crv", "P-256");
    jw_str(w, "x", str_of(x, x_n));
    jw_str(w, "y", str_of(y, y_n));
    jw_str(w, "kid", kid);
    jw_str_c(w, "use", "sig");
    jw_str_c(w, "alg", "ES256");
    jw_end(w);
}

/* RFC 7638: the required members alone, in the order of their names, without spaces. */
void sign_key_thumbprint(const struct sign_key *k, char out[SIGN_THUMBPRINT_CHARS])
{
    uint8_t digest[SHA256_BYTES];
    char room[256], coded[BASE64_SIZE(SHA256_BYTES)];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    BUG_ON(k->alg != SIGN_ES256);
    buf_add(&b, STR("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\""));
    base64_add(&b, BASE64_URL, k->point + 1, COORDINATE);
    buf_add(&b, STR("\",\"y\":\""));
    base64_add(&b, BASE64_URL, k->point + 1 + COORDINATE, COORDINATE);
    buf_add(&b, STR("\"}"));
    BUG_ON(b.failed != ERR_OK);
    sha256(buf_view(&b), digest);
    size_t n = base64_encode(BASE64_URL, coded, digest, sizeof digest);
    BUG_ON(n != SIGN_THUMBPRINT_CHARS);
    memcpy(out, coded, n);
}

/* --- both halves --- */

enum err sign_key_add_private(const struct sign_key *k, struct buf *out)
{
    enum err e = ERR_INTERNAL;
    unsigned char *der = NULL;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(k->pkey);
    int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    PKCS8_PRIV_KEY_INFO_free(info);
    if (n > 0) {
        e = buf_add(out, str_of((const char *)der, (size_t)n));
        OPENSSL_clear_free(der, (size_t)n);
    }
    return e;
}

struct sign_key *sign_key_from_private(struct secret der, struct fault *f)
{
    struct str s = secret_reveal(der);
    const unsigned char *p = (const unsigned char *)s.p;
    return wrap_take(d2i_AutoPrivateKey(NULL, &p, (long)s.n), f);
}

/* --- signatures --- */

static bool is_signed(const struct sign_key *k, struct str bytes, const uint8_t *der, size_t n)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool is_good =
        c && EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, k->pkey) == 1 &&
        EVP_DigestVerify(c, der, n, (const uint8_t *)(bytes.p ? bytes.p : ""), bytes.n) == 1;
    EVP_MD_CTX_free(c);
    return is_good;
}

bool sign_is_der(const struct sign_key *k, struct str bytes, struct str der)
{
    return k->alg == SIGN_ES256 && der.n && der.n <= DER_SIGNATURE_MAX &&
           is_signed(k, bytes, (const uint8_t *)der.p, der.n);
}

/* r and s as JWS has them, to what OpenSSL takes; 0: no memory. */
static size_t der_of(const uint8_t raw[SIGN_ES256_BYTES], uint8_t out[DER_SIGNATURE_MAX])
{
    ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, COORDINATE, NULL),
           *t = BN_bin2bn(raw + COORDINATE, COORDINATE, NULL);
    int n = 0;
    if (s && r && t && ECDSA_SIG_set0(s, r, t) == 1) {
        unsigned char *p = out;
        n = i2d_ECDSA_SIG(s, NULL) <= DER_SIGNATURE_MAX ? i2d_ECDSA_SIG(s, &p) : 0;
    } else {
        BN_free(r);
        BN_free(t);
    }
    ECDSA_SIG_free(s);
    return n > 0 ? (size_t)n : 0;
}

bool sign_is_jws(const struct sign_key *k, struct str bytes, struct str signature)
{
    uint8_t der[DER_SIGNATURE_MAX];
    if (k->alg == SIGN_RS256)
        return signature.n == (size_t)EVP_PKEY_get_size(k->pkey) &&
               is_signed(k, bytes, (const uint8_t *)signature.p, signature.n);
    if (signature.n != SIGN_ES256_BYTES)
        return false;
    size_t n = der_of((const uint8_t *)signature.p, der);
    return n && is_signed(k, bytes, der, n);
}

static bool raw_of(const uint8_t *der, size_t n, uint8_t out[SIGN_ES256_BYTES])
{
    const unsigned char *p = der;
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);
    bool done = s && BN_bn2binpad(ECDSA_SIG_get0_r(s), out, COORDINATE) == COORDINATE &&
                BN_bn2binpad(ECDSA_SIG_get0_s(s), out + COORDINATE, COORDINATE) == COORDINATE;
    ECDSA_SIG_free(s);
    return done;
}

enum err sign_jws(const struct sign_key *k, struct str bytes, uint8_t out[SIGN_ES256_BYTES])
{
    uint8_t der[DER_SIGNATURE_MAX];
    size_t n = sizeof der;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool done =
        k->alg == SIGN_ES256 && c &&
        EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, k->pkey) == 1 &&
        EVP_DigestSign(c, der, &n, (const uint8_t *)(bytes.p ? bytes.p : ""), bytes.n) == 1 &&
        raw_of(der, n, out);
    EVP_MD_CTX_free(c);
    return done ? ERR_OK : ERR_INTERNAL;
}
