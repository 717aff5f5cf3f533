/* certificates.h: a certificate authority of our own, in a directory of our own, for the tests that
 * speak TLS: make_certificates() and remove_certificates() around a group of tests. */
#ifndef UNIT_IO_CERTIFICATES_H
#define UNIT_IO_CERTIFICATES_H

#include "unit/unit.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/turnpike_tls_XXXXXX";

static inline const char *path_of(const char *name)
{
    static char paths[4][64];
    static unsigned at;
    char *path = paths[at++ % COUNT_OF(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static inline void add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(e);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

static inline X509 *certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                                const char *hosts)
{
    static long serial = 1;
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
    add_extension(x, NID_basic_constraints, hosts ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (hosts)
        add_extension(x, NID_subject_alt_name, hosts);
    assert_true(X509_sign(x, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
    return x;
}

static inline void write_certificate(const char *name, X509 *x)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, x), 1);
    fclose(f);
}

static inline void write_key(const char *name, EVP_PKEY *key)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
}

static inline int make_certificates(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = certificate("test authority", ca_key, NULL, NULL, NULL);
    X509 *here = certificate("here", key, ca, ca_key, "DNS:localhost,IP:127.0.0.1");
    X509 *other = certificate("other", key, ca, ca_key, "DNS:other.example,IP:192.0.2.1");
    write_certificate("ca.pem", ca);
    write_certificate("here.pem", here);
    write_certificate("other.pem", other);
    write_key("key.pem", key);
    write_key("ca-key.pem", ca_key);
    X509_free(ca);
    X509_free(here);
    X509_free(other);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(key);
    return 0;
}

static inline int remove_certificates(void **state)
{
    (void)state;
    const char *names[] = {"ca.pem", "here.pem", "other.pem", "key.pem", "ca-key.pem"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlink(path_of(names[i]));
    return rmdir(dir);
}

#endif
