#include "http/serving.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

static void put_two(char *out, int v)
{
    out[0] = (char)('0' + v / 10 % 10);
    out[1] = (char)('0' + v % 10);
}

/* IMF-fixdate (RFC 9110, 5.6.7). */
static void write_date(char out[40], time_t now)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm t;
    gmtime_r(&now, &t);
    memcpy(out, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 38);
    memcpy(out + 6, days + t.tm_wday * 3, 3);
    put_two(out + 11, t.tm_mday);
    memcpy(out + 14, months + t.tm_mon * 3, 3);
    put_two(out + 18, (t.tm_year + 1900) / 100);
    put_two(out + 20, t.tm_year % 100);
    put_two(out + 23, t.tm_hour);
    put_two(out + 26, t.tm_min);
    put_two(out + 29, t.tm_sec);
}

struct str http_server_date(struct http_server *server)
{
    int64_t now = clock_wall_ms() / 1000;
    if (now != server->date_s) {
        write_date(server->date, (time_t)now);
        server->date_s = now;
    }
    return str_of(server->date, 37);
}

static void run_ready(struct io_hook *h)
{
    struct http_server *server = container_of(h, struct http_server, hook);
    struct list now; /* those that get ready meanwhile wait for the next run */
    list_init(&now);
    list_move_all(&now, &server->ready);
    while (!list_is_empty(&now)) {
        struct http_stream *s = container_of(now.next, struct http_stream, ready);
        list_del(&s->ready);
        http_stream_resume(s);
    }
}

static void on_accept(void *user, struct io_conn *io)
{
    struct http_server *server = user;
    uint32_t max = server->limits.connections_max;
    struct http_stream *s = server->n < max + REFUSED_MAX ? http_stream_new(server, io) : NULL;
    if (!s) {
        io_close(io);
        return;
    }
    list_append(&server->open, &s->link);
    if (server->n++ >= max)
        http_stream_refuse(s, ERR_OVERLOADED, "Too many connections are open; try again later");
}

static void say_done(struct http_server *server)
{
    void (*done)(void *) = server->done;
    server->done = NULL;
    if (done)
        done(server->done_user);
}

void http_server_forget(struct http_server *server, struct http_stream *s)
{
    list_del(&s->link);
    server->n--;
    if (server->n == 0 && server->is_draining)
        say_done(server);
}

struct http_server *http_server_new(struct io_loop *l, const struct http_limits *limits,
                                    void (*on_request)(void *app, struct http_stream *s,
                                                       const struct http_head *head),
                                    void *app)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->loop = l;
    server->limits = *limits;
    server->on_request = on_request;
    server->write_refusal = http_write_refusal;
    server->app = app;
    server->date_s = -1;
    list_init(&server->open);
    list_init(&server->ready);
    io_hook_add(l, &server->hook, run_ready);
    return server;
}

void http_server_set_refusal(struct http_server *s,
                             void (*write)(void *app, const struct http_refusal *r))
{
    s->write_refusal = write;
}

void http_server_set_limits(struct http_server *s, const struct http_limits *limits)
{
    s->limits = *limits;
}

enum err http_server_listen(struct http_server *s, struct str host, uint16_t port,
                            const struct io_tls *tls, struct fault *f)
{
    BUG_ON(s->listener);
    struct fault why = {.err = ERR_INTERNAL};
    s->listener = io_listen(s->loop, host, port, tls, on_accept, s, &why);
    s->is_tls = tls != NULL;
    if (s->listener)
        return ERR_OK;
    return fault_set(f, why.err, "%s", why.message);
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->listener ? io_listener_port(s->listener) : 0;
}

static void stop_listening(struct http_server *s)
{
    if (s->listener)
        io_listener_close(s->listener);
    s->listener = NULL;
}

void http_server_drain(struct http_server *s, void (*done)(void *user), void *user)
{
    struct list *at, *after;
    stop_listening(s);
    s->is_draining = true;
    s->done = done;
    s->done_user = user;
    list_each (at, after, &s->open) {
        struct http_stream *stream = container_of(at, struct http_stream, link);
        if (http_stream_is_idle(stream))
            http_stream_die(stream); /* nothing is under way, in either direction */
    }
    if (s->n == 0)
        say_done(s);
}

void http_server_cut(struct http_server *s)
{
    struct list *at, *after;
    list_each (at, after, &s->open)
        http_stream_lose(container_of(at, struct http_stream, link));
}

static void reap(struct io_grave *g)
{
    free(container_of(g, struct http_server, grave));
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    stop_listening(s);
    io_hook_remove(&s->hook);
    while (!list_is_empty(&s->open)) {
        struct http_stream *stream = container_of(s->open.next, struct http_stream, link);
        list_del(&stream->link);
        http_stream_die(stream);
        stream->server = NULL;
    }
    io_bury(s->loop, &s->grave, reap);
}

uint32_t http_server_connections(const struct http_server *s)
{
    return s->n;
}
