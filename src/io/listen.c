#include "io/internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    ACCEPTS_MAX = 32, /* at a time, so that those who are already here get their turn */
    PAUSE_MS = 100,
};

static void accept_one(struct io_listener *s, int fd)
{
    struct io_conn *c = conn__new(s->loop);
    if (!c || uv_tcp_open(&c->tcp, fd) != 0) {
        close(fd);
        if (c)
            io_close(c);
        return;
    }
    if (s->tls && !tls__attach(c, s->tls, NULL, 0)) {
        io_close(c);
        return;
    }
    conn__wired(c);
    if (s->tls) {
        tls__await_accept(c, s);
    } else {
        c->state = CONN_OPEN;
        DISPATCH("on_accept", s->on_accept(s->user, c));
    }
}

/* Connections then wait in the kernel's line. To be told of them at once would keep the loop
 * spinning. */
static void pause_accepting(struct io_listener *s)
{
    uv_poll_stop(&s->poll);
    io_timer_set(s->loop, &s->pause, io_now_ms(s->loop) + PAUSE_MS);
}

static void on_ready(uv_poll_t *p, int status, int events)
{
    struct io_listener *s = p->data;
    (void)events;
    for (int i = 0; i < ACCEPTS_MAX && status == 0 && !s->is_closed; i++) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_one(s, fd);
            continue;
        }
        if (errno == EAGAIN)
            return;
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            pause_accepting(s);
            return;
        }
    }
}

static void on_pause_over(struct io_timer *t)
{
    struct io_listener *s = container_of(t, struct io_listener, pause);
    uv_poll_start(&s->poll, UV_READABLE, on_ready);
}

static void reap_listener(struct io_grave *g)
{
    free(container_of(g, struct io_listener, grave));
}

static void on_poll_closed(uv_handle_t *h)
{
    struct io_listener *s = h->data;
    io_bury(s->loop, &s->grave, reap_listener);
}

/* The socket, or -1 and errno. is_shared: other loops may listen there too. */
static int open_socket(const struct addrinfo *a, bool is_shared)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    int shared = is_shared;
    if (fd < 0)
        return -1;
    /* Accepted sockets inherit TCP_NODELAY. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, sizeof shared) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

static const struct addrinfo *prefer_v4(const struct addrinfo *all)
{
    for (const struct addrinfo *a = all; a; a = a->ai_next)
        if (a->ai_family == AF_INET)
            return a;
    return all;
}

/* The socket, or -1 and the sentence's end. A name is looked up in place: listening begins before
 * serving does. */
static int listen_on(const char *host, uint16_t port, bool is_shared, const char **why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *all = NULL;
    int e = getaddrinfo(*host ? host : "0.0.0.0", NULL, &hints, &all);
    if (e != 0) {
        *why = gai_strerror(e);
        return -1;
    }
    const struct addrinfo *a = prefer_v4(all);
    in_port_t net = htons(port);
    if (a->ai_family == AF_INET)
        ((struct sockaddr_in *)(void *)a->ai_addr)->sin_port = net;
    else
        ((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_port = net;
    int fd = open_socket(a, is_shared);
    if (fd < 0)
        *why = uv_strerror(uv_translate_sys_error(errno));
    freeaddrinfo(all);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in6 a = {0}; /* the port stands at the same place in both families */
    socklen_t n = sizeof a;
    getsockname(fd, (struct sockaddr *)&a, &n);
    return ntohs(a.sin6_port);
}

/* Owns fd. NULL: no memory or no descriptors. */
static struct io_listener *listener_new(struct io_loop *l, int fd)
{
    struct io_listener *s = calloc(1, sizeof *s);
    if (!s || uv_poll_init(&l->uv, &s->poll, fd) != 0) {
        free(s);
        close(fd);
        return NULL;
    }
    s->poll.data = s;
    s->loop = l;
    s->fd = fd;
    s->port = port_of(fd);
    list_init(&s->handshakes);
    io_timer_init(&s->pause, on_pause_over);
    uv_poll_start(&s->poll, UV_READABLE, on_ready);
    return s;
}

/* The socket, or -1 and the fault. */
static int try_listen(struct str host, uint16_t port, bool is_shared, struct fault *f)
{
    char name[256] = "";
    const char *why = "host name too long";
    int fd = -1;
    if (host.n < sizeof name) {
        if (host.n)
            memcpy(name, host.p, host.n);
        fd = listen_on(name, port, is_shared, &why);
    }
    if (fd < 0)
        fault_write(f, ERR_INVALID, "cannot listen on %.*s:%u: %s", STR_ARG(host), port, why);
    return fd;
}

enum err io_port_check(struct str host, uint16_t port, struct fault *f)
{
    int fd = try_listen(host, port, false, f);
    if (fd < 0)
        return ERR_INVALID;
    close(fd);
    return ERR_OK;
}

struct io_listener *io_listen(struct io_loop *l, struct str host, uint16_t port,
                              const struct io_tls *tls,
                              void (*on_accept)(void *user, struct io_conn *c), void *user,
                              struct fault *f)
{
    int fd = try_listen(host, port, true, f);
    if (fd < 0)
        return NULL;
    struct io_listener *s = listener_new(l, fd);
    if (!s) {
        fault_write(f, ERR_NOMEM, "cannot listen on %.*s:%u: out of memory", STR_ARG(host), port);
        return NULL;
    }
    s->tls = tls;
    s->on_accept = on_accept;
    s->user = user;
    return s;
}

uint16_t io_listener_port(const struct io_listener *s)
{
    return s->port;
}

void io_listener_close(struct io_listener *s)
{
    if (s->is_closed)
        return;
    s->is_closed = true;
    io_timer_clear(s->loop, &s->pause);
    tls__abandon(&s->handshakes);
    uv_close((uv_handle_t *)&s->poll, on_poll_closed);
    close(s->fd);
}
