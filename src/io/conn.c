#include "io/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { BURST_MAX = 64 }; /* connections */

/* Bytes that libuv writes when the socket takes them. Its request is big and this is rare, so it
 * is not part of the connection. */
struct flight {
    uv_write_t req;
    struct outq q;
};

static uv_stream_t *stream_of(struct io_conn *c)
{
    return (uv_stream_t *)&c->tcp;
}

static void reap_conn(struct io_grave *g)
{
    struct io_conn *c = container_of(g, struct io_conn, grave);
    BUG_ON(c->flight);
    dial__free(c);
    tls__free(c);
    free(c);
}

struct io_conn *conn__new(struct io_loop *l)
{
    struct io_conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->loop = l;
    c->state = CONN_CONNECTING;
    list_init(&c->dirty);
    uv_tcp_init(&l->uv, &c->tcp);
    c->tcp.data = c;
    return c;
}

void conn__on_closed(uv_handle_t *h)
{
    struct io_conn *c = h->data;
    if (c->state == CONN_CLOSED)
        io_bury(c->loop, &c->grave, reap_conn);
    else
        dial__next(c);
}

/* Those that got dirty before this one, which may be in the middle of what it writes. */
static void flush_burst(struct io_conn *newest)
{
    struct io_loop *l = newest->loop;
    struct list *at = newest->dirty.prev;
    for (; l->burst && at != &l->dirty; l->burst--) {
        struct io_conn *c = container_of(at, struct io_conn, dirty);
        at = at->prev;
        conn__flush(c);
    }
    l->burst = 0;
}

/* What is written leaves at the end of the tick: sending in bursts, after all was read, costs a
 * tenth less than to receive and send in turn (the peer's thread sleeps and is woken once). A long
 * tick has several bursts, so that nothing waits for all of it. */
void conn__mark(struct io_conn *c)
{
    if (!list_is_empty(&c->dirty))
        return;
    list_append(&c->loop->dirty, &c->dirty);
    if (c->loop->burst++ == BURST_MAX)
        flush_burst(c);
}

void conn__fail(struct io_conn *c, enum err e)
{
    if (c->failed || c->state == CONN_CLOSED)
        return;
    c->failed = (uint8_t)e;
    outq__drop(&c->out, &c->loop->spares);
    if (c->tls)
        outq__drop(tls__plain(c->tls), &c->loop->spares);
    conn__read_as_wanted(c);
    conn__mark(c);
}

void conn__tell_failure(struct io_conn *c)
{
    if (!c->failed || c->is_told || c->state == CONN_CLOSED)
        return;
    c->is_told = true;
    if (c->state == CONN_OPEN)
        DISPATCH("on_end", c->ops->on_end(c->user, c->failed));
    else if (c->dial)
        dial__done(c, c->failed,
                   c->failed == ERR_NOMEM ? "out of memory" : "connection reset by peer");
    else
        io_close(c); /* accepted, but nobody knows of it yet */
}

void conn__tell_end(struct io_conn *c)
{
    c->is_ended = true;
    conn__read_as_wanted(c);
    DISPATCH("on_end", c->ops->on_end(c->user, ERR_OK));
}

/* --- reading --- */

/* No room for libuv to read into: it then tells of what is to be read with UV_ENOBUFS (documented
 * at uv_read_start()) and recv() is called here. Like send() below, it spares the checks for files
 * that read() makes. */
static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    (void)h, (void)suggested;
    *b = (uv_buf_t){0};
}

static void take_input(struct io_conn *c, struct str bytes)
{
    if (c->tls)
        tls__input(c, bytes);
    else
        DISPATCH("on_bytes", c->ops->on_bytes(c->user, bytes));
}

/* Bytes in the loop's input; 0: the peer ended; -1: nothing yet, or c->failed. */
static ssize_t receive(struct io_conn *c)
{
    uv_os_fd_t fd;
    ssize_t n;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0)
        return -1;
    do {
        n = recv(fd, c->loop->input, INPUT_ROOM, 0);
    } while (n == -1 && errno == EINTR);
    if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK)
        conn__fail(c, ERR_UPSTREAM);
    return n;
}

static void on_read(uv_stream_t *s, ssize_t status, const uv_buf_t *b)
{
    (void)b;
    struct io_conn *c = s->data;
    ssize_t n = -1;
    if (status == UV_ENOBUFS)
        n = receive(c);
    else if (status < 0)
        conn__fail(c, ERR_UPSTREAM);
    if (n > 0)
        take_input(c, str_of(c->loop->input, (size_t)n));
    else if (n == 0 && c->tls)
        tls__eof(c);
    else if (n == 0)
        conn__tell_end(c);
    conn__tell_failure(c);
}

void conn__read_as_wanted(struct io_conn *c)
{
    bool is_handshaking = c->tls && !tls__is_established(c->tls);
    bool on = c->is_wired && !c->is_ended && !c->failed && c->state != CONN_CLOSED &&
              (c->wants_read || is_handshaking);
    if (on == c->is_reading)
        return;
    c->is_reading = on;
    if (!on)
        uv_read_stop(stream_of(c));
    else if (uv_read_start(stream_of(c), on_alloc, on_read) != 0)
        conn__fail(c, ERR_UPSTREAM);
}

void conn__wired(struct io_conn *c)
{
    c->is_wired = true;
    conn__read_as_wanted(c);
}

/* --- writing --- */

static void tell_drained(struct io_conn *c)
{
    if (!c->owes_drained || c->failed || c->state != CONN_OPEN || io_unsent(c))
        return;
    c->owes_drained = false;
    DISPATCH("on_drained", c->ops->on_drained(c->user));
}

static void on_written(uv_write_t *req, int status)
{
    struct flight *f = container_of(req, struct flight, req);
    struct io_conn *c = req->data;
    outq__drop(&f->q, &c->loop->spares);
    free(f);
    c->flight = NULL;
    if (c->state == CONN_CLOSED)
        return;
    if (status != 0)
        conn__fail(c, ERR_UPSTREAM);
    conn__flush(c);
    tell_drained(c);
    conn__tell_failure(c);
}

static void wait_for_room(struct io_conn *c)
{
    struct flight *f = malloc(sizeof *f);
    if (!f) {
        conn__fail(c, ERR_NOMEM);
        return;
    }
    uv_buf_t views[OUT_VIEWS];
    outq__fit(&c->out, &c->loop->spares);
    f->q = outq__take(&c->out);
    f->req.data = c;
    int e = uv_write(&f->req, stream_of(c), views, outq__views(&f->q, views), on_written);
    if (e == 0) {
        c->flight = f;
        return;
    }
    outq__drop(&f->q, &c->loop->spares);
    free(f);
    conn__fail(c, e == UV_ENOMEM ? ERR_NOMEM : ERR_UPSTREAM);
}

/* send() and sendmsg() go straight to the socket; the write() that uv_try_write() makes passes the
 * checks for files first: measured, one to two hundredths of a proxied request. */
static ssize_t send_views(int fd, const uv_buf_t *views, unsigned n)
{
    struct msghdr m = {.msg_iov = (struct iovec *)(void *)views, .msg_iovlen = n};
    ssize_t sent;
    do {
        sent = n == 1 ? send(fd, views[0].base, views[0].len, MSG_NOSIGNAL)
                      : sendmsg(fd, &m, MSG_NOSIGNAL);
    } while (sent == -1 && errno == EINTR);
    return sent;
}

/* How many bytes the kernel took. */
static size_t send_now(struct io_conn *c, const uv_buf_t *views, unsigned n)
{
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0)
        return 0;
    ssize_t sent = send_views(fd, views, n);
    if (sent >= 0)
        return (size_t)sent;
    bool is_not_yet =
        errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOTCONN || errno == ENOBUFS;
    if (!is_not_yet)
        conn__fail(c, ERR_UPSTREAM);
    return 0;
}

static void send_out(struct io_conn *c)
{
    while (c->out.bytes) {
        uv_buf_t views[OUT_VIEWS];
        unsigned n = outq__views(&c->out, views);
        size_t wanted = 0;
        for (unsigned i = 0; i < n; i++)
            wanted += views[i].len;
        size_t sent = send_now(c, views, n);
        if (c->failed)
            return;
        outq__consume(&c->out, &c->loop->spares, sent);
        if (sent < wanted) {
            wait_for_room(c);
            return;
        }
    }
}

static void send_fin(struct io_conn *c)
{
    uv_os_fd_t fd;
    if (c->is_fin_sent || uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0)
        return;
    c->is_fin_sent = true;
    shutdown(fd, SHUT_WR);
}

void conn__flush(struct io_conn *c)
{
    if (!c->is_wired || c->state == CONN_CLOSED)
        return;
    while (!c->flight && !c->failed) {
        if (c->tls)
            tls__encrypt(c);
        if (!c->out.bytes)
            break;
        send_out(c);
    }
    if (c->is_shut && c->state == CONN_OPEN && !c->failed && !io_unsent(c))
        send_fin(c);
}

void conn__service(struct io_conn *c)
{
    if (c->dial)
        dial__service(c);
    if (c->tls && c->state == CONN_OPEN)
        tls__resume(c);
    conn__flush(c);
    tell_drained(c);
    conn__tell_failure(c);
}

/* A big write goes out without being copied first. How many bytes are done with. */
static size_t send_directly(struct io_conn *c, const struct str *views, size_t n)
{
    uv_buf_t bufs[OUT_VIEWS];
    unsigned count = 0;
    for (size_t i = 0; i < n && count < OUT_VIEWS; i++)
        if (views[i].n)
            bufs[count++] = (uv_buf_t){.base = (char *)(uintptr_t)views[i].p, .len = views[i].n};
    return send_now(c, bufs, count);
}

static bool queue(struct io_conn *c, const struct str *views, size_t n, size_t done, size_t left)
{
    struct outq *q = c->tls ? tls__plain(c->tls) : &c->out;
    for (size_t i = 0; i < n; i++) {
        if (!views[i].n)
            continue;
        struct str v = str_skip(views[i], done);
        done -= views[i].n - v.n;
        left -= v.n;
        if (!outq__add(q, &c->loop->spares, v, left)) {
            conn__fail(c, ERR_NOMEM);
            return false;
        }
    }
    c->owes_drained = true;
    conn__mark(c);
    return true;
}

/* --- the owner's side --- */

bool io_write(struct io_conn *c, const struct str *views, size_t n)
{
    if (c->state == CONN_CLOSED || c->failed || c->is_shut)
        return false;
    size_t total = 0, done = 0;
    for (size_t i = 0; i < n; i++)
        total += views[i].n;
    if (total > CHUNK_ROOM && !c->tls && c->is_wired && !c->flight && !c->out.bytes)
        done = send_directly(c, views, n);
    if (c->failed)
        return false;
    return done == total || queue(c, views, n, done, total - done);
}

void io_flush(struct io_conn *c)
{
    conn__flush(c);
}

size_t io_unsent(const struct io_conn *c)
{
    return c->out.bytes + uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) +
           (c->tls ? tls__unsent(c->tls) : 0);
}

void io_read(struct io_conn *c, bool on)
{
    c->wants_read = on;
    conn__read_as_wanted(c);
    if (on && c->tls && c->state != CONN_CLOSED)
        conn__mark(c);
}

void io_shutdown(struct io_conn *c)
{
    if (c->state == CONN_CLOSED || c->is_shut)
        return;
    c->is_shut = true;
    conn__mark(c);
}

static void close_by(struct io_conn *c, bool is_reset)
{
    if (c->state == CONN_CLOSED)
        return;
    c->state = CONN_CLOSED;
    list_del(&c->dirty);
    outq__drop(&c->out, &c->loop->spares);
    if (c->dial)
        dial__cancel(c);
    if (c->tls)
        tls__detach(c);
    if (uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    if (!is_reset || uv_tcp_close_reset(&c->tcp, conn__on_closed) != 0)
        uv_close((uv_handle_t *)&c->tcp, conn__on_closed);
}

void io_close(struct io_conn *c)
{
    close_by(c, false);
}

void io_reset(struct io_conn *c)
{
    close_by(c, true);
}

void io_conn_set_user(struct io_conn *c, const struct io_conn_ops *ops, void *user)
{
    c->ops = ops;
    c->user = user;
}

struct io_loop *io_conn_loop(const struct io_conn *c)
{
    return c->loop;
}

struct str io_peer(const struct io_conn *c, char out[IO_ADDRESS_MAX])
{
    struct sockaddr_storage a;
    int n = sizeof a;
    char host[INET6_ADDRSTRLEN];
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&a, &n) != 0)
        return STR("unknown");
    if (a.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        n = snprintf(out, IO_ADDRESS_MAX, "%s:%u", host, ntohs(v4->sin_port));
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        n = snprintf(out, IO_ADDRESS_MAX, "[%s]:%u", host, ntohs(v6->sin6_port));
    }
    return str_of(out, (size_t)n);
}
