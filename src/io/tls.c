#include "io/tls.h"
#include "io/internal.h"

#include <openssl/err.h>
#include <stdlib.h>

static const unsigned char alpn[] = "\x08http/1.1";
enum { ALPN_N = sizeof alpn - 1 };

const char *tls__error_text(void)
{
    unsigned long e = ERR_peek_last_error();
    const char *text = e ? ERR_reason_error_string(e) : NULL;
    return text ? text : "unknown error";
}

/* A client that speaks ALPN but not HTTP/1.1 could not be understood. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                           const unsigned char *offered, unsigned n, void *unused)
{
    (void)ssl, (void)unused;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_n, alpn, ALPN_N, offered, n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct sessions *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const char *key = tls__session_key(ssl);
    if (!key)
        return 0;
    sessions__keep(s, key, session);
    return 1; /* it is ours now */
}

static struct io_tls *context_new(const SSL_METHOD *method, struct fault *f)
{
    ERR_clear_error();
    struct io_tls *t = calloc(1, sizeof *t);
    if (t)
        t->ctx = SSL_CTX_new(method);
    if (!t || !t->ctx) {
        free(t);
        fault_write(f, ERR_NOMEM, "cannot set up TLS: %s", tls__error_text());
        return NULL;
    }
    pthread_mutex_init(&t->lock, NULL);
    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS);
    return t;
}

/* Where a file could not be read, OpenSSL's last error says "system lib", and its first one why. */
static const char *file_error_text(void)
{
    unsigned long first = ERR_peek_error();
    if (!ERR_SYSTEM_ERROR(first))
        return tls__error_text();
    return uv_strerror(uv_translate_sys_error(ERR_GET_REASON(first)));
}

static struct io_tls *give_up(struct io_tls *t, struct fault *f, const char *what, const char *path)
{
    fault_write(f, ERR_INVALID, "cannot use %s %s: %s", what, path, file_error_text());
    ERR_clear_error();
    io_tls_free(t);
    return NULL;
}

struct io_tls *io_tls_server_new(const char *cert_path, const char *key_path, struct fault *f)
{
    struct io_tls *t = context_new(TLS_server_method(), f);
    if (!t)
        return NULL;
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(t->ctx, cert_path) != 1)
        return give_up(t, f, "the certificate", cert_path);
    if (SSL_CTX_use_PrivateKey_file(t->ctx, key_path, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(t->ctx) != 1)
        return give_up(t, f, "the private key", key_path);
    SSL_CTX_set_alpn_select_cb(t->ctx, choose_protocol, NULL);
    /* Clients keep their sessions themselves, in tickets. */
    SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(t->ctx, 1);
    return t;
}

struct io_tls *io_tls_client_new(const char *ca_path, struct fault *f)
{
    struct io_tls *t = context_new(TLS_client_method(), f);
    if (!t)
        return NULL;
    SSL_CTX_set_default_verify_paths(t->ctx);
    ERR_clear_error();
    if (ca_path && SSL_CTX_load_verify_file(t->ctx, ca_path) != 1)
        return give_up(t, f, "the trusted certificates", ca_path);
    t->sessions = sessions__new();
    if (!t->sessions || SSL_CTX_set_alpn_protos(t->ctx, alpn, ALPN_N) != 0) {
        io_tls_free(t);
        fault_write(f, ERR_NOMEM, "cannot set up TLS: out of memory");
        return NULL;
    }
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_app_data(t->ctx, t->sessions);
    SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(t->ctx, keep_session);
    return t;
}

SSL *tls__ssl_new(const struct io_tls *t)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&t->lock;
    pthread_mutex_lock(lock);
    SSL *ssl = SSL_new(t->ctx);
    pthread_mutex_unlock(lock);
    return ssl;
}

void io_tls_renew(struct io_tls *t, struct io_tls *fresh)
{
    BUG_ON(t->sessions || fresh->sessions); /* those belong to their context */
    pthread_mutex_lock(&t->lock);
    SSL_CTX *old = t->ctx;
    t->ctx = fresh->ctx;
    pthread_mutex_unlock(&t->lock);
    fresh->ctx = old;
    io_tls_free(fresh);
}

void io_tls_free(struct io_tls *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    SSL_CTX_free(t->ctx);
    sessions__free(t->sessions);
    free(t);
}
