#include "io/internal.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOST_MAX = 255 };

uint32_t dial__patience_ms = 2000;

struct dial {
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    struct io_conn *conn; /* NULL: gone, while libuv was still resolving for it */
    struct addrinfo *found, *next;
    struct io_timer patience;
    int error; /* of the last attempt, as libuv counts; with no attempt left */
    bool is_resolving, is_over;
    uint16_t port;
    char host[HOST_MAX + 1];
};

static void dial_free(struct dial *d)
{
    if (d->found)
        uv_freeaddrinfo(d->found);
    free(d);
}

/* A socket belongs to one address, so the next one needs a new handle: once this one is closed. */
static void hang_up(struct io_conn *c, int error)
{
    c->dial->error = error;
    io_timer_clear(c->loop, &c->dial->patience);
    if (!c->dial->next) {
        c->dial->is_over = true;
        conn__mark(c);
        return;
    }
    uv_close((uv_handle_t *)&c->tcp, conn__on_closed);
}

static void on_connect(uv_connect_t *req, int status)
{
    struct io_conn *c = req->data;
    if (c->state == CONN_CLOSED || uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    if (status != 0) {
        hang_up(c, status);
        return;
    }
    io_timer_clear(c->loop, &c->dial->patience);
    uv_tcp_nodelay(&c->tcp, 1);
    conn__wired(c);
    if (c->tls)
        tls__start(c);
    else
        dial__done(c, ERR_OK, NULL);
}

static void on_impatience(struct io_timer *t)
{
    hang_up(container_of(t, struct dial, patience)->conn, UV_ETIMEDOUT);
}

static void set_port(struct sockaddr *a, uint16_t port)
{
    if (a->sa_family == AF_INET)
        ((struct sockaddr_in *)(void *)a)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)(void *)a)->sin6_port = htons(port);
}

static void attempt(struct io_conn *c)
{
    struct dial *d = c->dial;
    struct addrinfo *a = d->next;
    d->next = a->ai_next;
    set_port(a->ai_addr, d->port);
    d->connect.data = c;
    int e = uv_tcp_connect(&d->connect, &c->tcp, a->ai_addr, on_connect);
    if (e != 0)
        hang_up(c, e);
    else if (d->next)
        io_timer_set(c->loop, &d->patience, io_now_ms(c->loop) + dial__patience_ms);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct dial *d = container_of(req, struct dial, resolve);
    d->is_resolving = false;
    d->found = found;
    if (!d->conn) {
        dial_free(d);
    } else if (d->conn->state != CONN_CLOSED) {
        d->next = found;
        if (status == 0 && found)
            attempt(d->conn);
        else
            hang_up(d->conn, status ? status : UV_EAI_NONAME);
    }
}

/* False: no memory. */
static bool begin(struct io_conn *c)
{
    struct dial *d = c->dial;
    const struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    const struct addrinfo any = {.ai_socktype = SOCK_STREAM};
    if (getaddrinfo(d->host, NULL, &numeric, &d->found) == 0) {
        d->next = d->found;
        attempt(c);
        return true;
    }
    d->found = NULL;
    d->is_resolving = true;
    int e = uv_getaddrinfo(&c->loop->uv, &d->resolve, on_resolved, d->host, NULL, &any);
    if (e == 0)
        return true;
    d->is_resolving = false;
    if (e == UV_ENOMEM)
        return false;
    hang_up(c, UV_EAI_NONAME);
    return true;
}

static void sentence(const struct dial *d, char *out, size_t n)
{
    if (d->error == UV_EAI_NONAME || d->error == UV_EAI_NODATA)
        snprintf(out, n, "host not found: %s", d->host);
    else if (!d->found)
        snprintf(out, n, "host not found: %s (%s)", d->host, uv_strerror(d->error));
    else
        snprintf(out, n, "%s", uv_strerror(d->error));
}

void dial__done(struct io_conn *c, enum err e, const char *why)
{
    if (e == ERR_OK) {
        c->state = CONN_OPEN;
        dial__free(c);
        conn__mark(c); /* the owner may have written before */
    } else {
        io_close(c);
    }
    DISPATCH("on_open", c->ops->on_open(c->user, e, why));
}

void dial__service(struct io_conn *c)
{
    if (!c->dial->is_over)
        return;
    char why[HOST_MAX + 100];
    sentence(c->dial, why, sizeof why);
    dial__done(c, ERR_UPSTREAM, why);
}

void dial__next(struct io_conn *c)
{
    uv_tcp_init(&c->loop->uv, &c->tcp);
    c->tcp.data = c;
    attempt(c);
}

void dial__cancel(struct io_conn *c)
{
    io_timer_clear(c->loop, &c->dial->patience);
    if (c->dial->is_resolving)
        uv_cancel((uv_req_t *)&c->dial->resolve);
}

void dial__free(struct io_conn *c)
{
    struct dial *d = c->dial;
    c->dial = NULL;
    if (d && d->is_resolving)
        d->conn = NULL;
    else if (d)
        dial_free(d);
}

struct io_conn *io_connect(struct io_loop *l, struct str host, uint16_t port,
                           const struct io_tls *tls, const struct io_conn_ops *ops, void *user)
{
    struct dial *d = calloc(1, sizeof *d);
    struct io_conn *c = d ? conn__new(l) : NULL;
    if (!c) {
        free(d);
        return NULL;
    }
    io_conn_set_user(c, ops, user);
    c->dial = d;
    d->conn = c;
    d->port = port;
    io_timer_init(&d->patience, on_impatience);
    if (host.n > HOST_MAX || !host.n || memchr(host.p, 0, host.n)) {
        hang_up(c, UV_EAI_NONAME);
        return c;
    }
    memcpy(d->host, host.p, host.n);
    if ((!tls || tls__attach(c, tls, d->host, port)) && begin(c))
        return c;
    io_close(c);
    return NULL;
}
