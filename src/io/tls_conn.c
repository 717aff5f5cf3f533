#include "io/internal.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    HANDSHAKE_MS = 10000,          /* for those who connect to us */
    ENCRYPTED_AT_ONCE = 64 * 1024, /* then it is the socket's turn */
    KEPT_MAX = 4 * INPUT_ROOM,
};

struct tls {
    SSL *ssl;
    struct io_conn *conn;
    struct str in;                   /* lent, while SSL is at work */
    struct buf kept;                 /* what had come when the owner stopped reading */
    struct outq plain;               /* written, not yet encrypted */
    struct io_listener *listener;    /* while a server's handshake is under way */
    struct list link;                /* in its handshakes */
    struct io_timer deadline;        /* of the server's handshake */
    bool is_established, is_stopped; /* stopped: the owner did not read on, more may be there */
    bool is_notify_sent;
    char key[]; /* "host:port" */
};

/* --- SSL's side: reads what was lent, writes to the connection's way out --- */

static int bio_read(BIO *b, char *out, int n)
{
    struct tls *t = BIO_get_data(b);
    BIO_clear_retry_flags(b);
    if (!t->in.n) {
        BIO_set_retry_read(b);
        return -1;
    }
    struct str now = str_head(t->in, (size_t)n);
    memcpy(out, now.p, now.n);
    t->in = str_skip(t->in, now.n);
    return (int)now.n;
}

static int bio_write(BIO *b, const char *p, int n)
{
    struct io_conn *c = ((struct tls *)BIO_get_data(b))->conn;
    BIO_clear_retry_flags(b);
    return outq__add(&c->out, &c->loop->spares, str_of(p, (size_t)n), 0) ? n : -1;
}

static long bio_ctrl(BIO *b, int what, long n, void *p)
{
    (void)b, (void)n, (void)p;
    return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
    if (!method)
        return;
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
}

static BIO *bio_new(struct tls *t)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    BIO *b = method ? BIO_new(method) : NULL;
    if (b) {
        BIO_set_data(b, t);
        BIO_set_init(b, 1);
    }
    return b;
}

/* --- handshake --- */

static bool expect_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    X509_VERIFY_PARAM *p = SSL_get0_param(ssl);
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1;
    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(p, host, 0) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool prepare_client(struct tls *t, const struct io_tls *context, const char *host)
{
    SSL_set_connect_state(t->ssl);
    if (!expect_host(t->ssl, host))
        return false;
    SSL_SESSION *s = sessions__find(context->sessions, t->key);
    if (s) {
        SSL_set_session(t->ssl, s);
        SSL_SESSION_free(s);
    }
    return true;
}

/* Why the handshake failed, for people. */
static void sentence(const struct tls *t, char *out, size_t n)
{
    long verdict = SSL_get_verify_result(t->ssl);
    if (verdict != X509_V_OK)
        snprintf(out, n, "certificate: %s", X509_verify_cert_error_string(verdict));
    else
        snprintf(out, n, "TLS: %s", tls__error_text());
}

static void leave_listener(struct io_conn *c)
{
    list_del(&c->tls->link);
    c->tls->listener = NULL;
    io_timer_clear(c->loop, &c->tls->deadline);
}

static void fail_handshake(struct io_conn *c, const char *why)
{
    conn__flush(c); /* the alert, for the peer to know */
    if (c->state == CONN_CLOSED)
        return;
    if (c->dial)
        dial__done(c, ERR_UPSTREAM, why);
    else
        io_close(c);
}

static void established(struct io_conn *c)
{
    struct io_listener *s = c->tls->listener;
    c->tls->is_established = true;
    if (!s) {
        dial__done(c, ERR_OK, NULL);
    } else {
        leave_listener(c);
        c->state = CONN_OPEN;
        DISPATCH("on_accept", s->on_accept(s->user, c));
    }
    conn__read_as_wanted(c);
}

static void handshake(struct io_conn *c)
{
    struct tls *t = c->tls;
    ERR_clear_error();
    int done = SSL_do_handshake(t->ssl);
    if (c->out.bytes)
        conn__mark(c);
    if (done == 1) {
        established(c);
    } else if (SSL_get_error(t->ssl, done) != SSL_ERROR_WANT_READ) {
        char why[200];
        sentence(t, why, sizeof why);
        fail_handshake(c, why);
    }
}

static void on_deadline(struct io_timer *timer)
{
    io_close(container_of(timer, struct tls, deadline)->conn);
}

/* --- bytes to the owner --- */

enum got { GOT_ALL, GOT_FULL, GOT_END, GOT_ERROR };

/* Decrypts into the loop's buffer: one callback for as many records as there are. */
static enum got decrypt(struct io_conn *c, size_t *n)
{
    ERR_clear_error();
    for (*n = 0; *n < INPUT_ROOM;) {
        size_t more = 0;
        int r = SSL_read_ex(c->tls->ssl, c->loop->decrypted + *n, INPUT_ROOM - *n, &more);
        *n += more;
        if (r == 1)
            continue;
        int e = SSL_get_error(c->tls->ssl, r);
        if (e == SSL_ERROR_WANT_READ)
            return GOT_ALL;
        return e == SSL_ERROR_ZERO_RETURN ? GOT_END : GOT_ERROR;
    }
    return GOT_FULL;
}

static bool is_open_for_reading(const struct io_conn *c)
{
    return c->state == CONN_OPEN && !c->failed && !c->is_ended;
}

static void give_out(struct io_conn *c)
{
    enum got got = GOT_FULL;
    while (got == GOT_FULL && is_open_for_reading(c) && c->wants_read) {
        size_t n;
        got = decrypt(c, &n);
        if (c->out.bytes)
            conn__mark(c); /* SSL answers some records by itself */
        if (n)
            DISPATCH("on_bytes", c->ops->on_bytes(c->user, str_of(c->loop->decrypted, n)));
    }
    c->tls->is_stopped = got == GOT_FULL;
    if (!is_open_for_reading(c))
        return;
    if (got == GOT_ERROR)
        conn__fail(c, ERR_UPSTREAM);
    else if (got == GOT_END)
        conn__tell_end(c);
}

/* What SSL did not take, because the owner stopped, is kept. */
static void keep_rest(struct io_conn *c)
{
    struct tls *t = c->tls;
    struct str rest = t->in;
    t->in = STR_NONE;
    if (!is_open_for_reading(c) && t->is_established)
        rest = STR_NONE;
    if (t->kept.n && rest.n) { /* it was `kept` that was lent */
        buf_consume(&t->kept, t->kept.n - rest.n);
        return;
    }
    buf_release(&t->kept);
    if (rest.n && buf_add(&t->kept, rest) != ERR_OK)
        conn__fail(c, ERR_NOMEM);
}

static void work(struct io_conn *c, struct str bytes)
{
    c->tls->in = bytes;
    if (!c->tls->is_established)
        handshake(c);
    if (c->tls->is_established)
        give_out(c);
    keep_rest(c);
    conn__tell_failure(c);
}

/* --- the connection's side --- */

bool tls__attach(struct io_conn *c, const struct io_tls *context, const char *host, uint16_t port)
{
    size_t n = host ? strlen(host) + sizeof ":65535" : 1;
    struct tls *t = calloc(1, sizeof *t + n);
    if (!t)
        return false;
    c->tls = t;
    t->conn = c;
    list_init(&t->link);
    buf_init(&t->kept, KEPT_MAX);
    io_timer_init(&t->deadline, on_deadline);
    if (host)
        snprintf(t->key, n, "%s:%u", host, port);
    t->ssl = tls__ssl_new(context);
    BIO *b = t->ssl ? bio_new(t) : NULL;
    if (!b)
        return false;
    SSL_set_bio(t->ssl, b, b);
    SSL_set_app_data(t->ssl, t);
    if (host)
        return prepare_client(t, context, host);
    SSL_set_accept_state(t->ssl);
    return true;
}

void tls__await_accept(struct io_conn *c, struct io_listener *s)
{
    c->tls->listener = s;
    list_append(&s->handshakes, &c->tls->link);
    io_timer_set(c->loop, &c->tls->deadline, io_now_ms(c->loop) + HANDSHAKE_MS);
}

void tls__abandon(struct list *handshakes)
{
    while (!list_is_empty(handshakes))
        io_close(container_of(handshakes->next, struct tls, link)->conn);
}

void tls__start(struct io_conn *c)
{
    handshake(c);
}

void tls__input(struct io_conn *c, struct str bytes)
{
    struct buf *kept = &c->tls->kept;
    if (!kept->n)
        work(c, bytes);
    else if (buf_add(kept, bytes) == ERR_OK)
        work(c, buf_view(kept));
    else
        conn__fail(c, ERR_NOMEM);
}

/* Without the peer's close_notify this is a cut, and may be an attacker's. */
void tls__eof(struct io_conn *c)
{
    if (c->tls->is_established)
        tls__resume(c); /* what was kept may end in a close_notify */
    if (c->is_ended || c->state == CONN_CLOSED)
        return;
    c->is_ended = true;
    conn__read_as_wanted(c);
    if (!c->tls->is_established)
        fail_handshake(c, "TLS: the peer closed the connection during the handshake");
    else
        conn__fail(c, ERR_UPSTREAM);
}

bool tls__is_established(const struct tls *t)
{
    return t->is_established;
}

void tls__resume(struct io_conn *c)
{
    if (c->wants_read && (c->tls->kept.n || c->tls->is_stopped))
        work(c, buf_view(&c->tls->kept));
}

struct outq *tls__plain(struct tls *t)
{
    return &t->plain;
}

size_t tls__unsent(const struct tls *t)
{
    return t->plain.bytes;
}

void tls__encrypt(struct io_conn *c)
{
    struct tls *t = c->tls;
    ERR_clear_error();
    while (t->plain.bytes && c->state == CONN_OPEN && c->out.bytes < ENCRYPTED_AT_ONCE) {
        uv_buf_t views[OUT_VIEWS];
        size_t taken;
        outq__views(&t->plain, views);
        size_t n = views[0].len < ENCRYPTED_AT_ONCE ? views[0].len : ENCRYPTED_AT_ONCE;
        if (SSL_write_ex(t->ssl, views[0].base, n, &taken) != 1) {
            conn__fail(c, ERR_NOMEM); /* the way out takes everything while there is memory */
            return;
        }
        outq__consume(&t->plain, &c->loop->spares, taken);
    }
    if (c->is_shut && c->state == CONN_OPEN && !t->plain.bytes && !t->is_notify_sent) {
        t->is_notify_sent = true;
        SSL_shutdown(t->ssl);
    }
}

void tls__detach(struct io_conn *c)
{
    leave_listener(c);
    outq__drop(&c->tls->plain, &c->loop->spares);
}

void tls__free(struct io_conn *c)
{
    if (!c->tls)
        return;
    SSL_free(c->tls->ssl);
    buf_release(&c->tls->kept);
    free(c->tls);
}

const char *tls__session_key(const SSL *ssl)
{
    const struct tls *t = SSL_get_app_data(ssl);
    return t && *t->key ? t->key : NULL;
}
