/* served.h: a server on the rig's loop with an application for tests; the path says what it
 * does. */
#ifndef UNIT_HTTP_SERVED_H
#define UNIT_HTTP_SERVED_H

#include "base/clock.h"
#include "http/server.h"
#include "unit/http/rig.h"

enum { BIG_N = 24 << 20, QUEUE_MAX = 128 * 1024 };

struct ask {
    struct http_stream *s; /* NULL: over */
    char path[64];
    struct buf body;
    bool is_complete, is_gone;
    enum err why; /* it is gone */
    uint64_t sent;
    size_t unsent_max;
    unsigned drains;
};

static struct served {
    struct http_server *server;
    struct ask asks[PEERS_MAX];
    unsigned n;
    struct peer *peer;
    bool is_drained;
} served;

static const struct http_limits usual_limits = {
    .body_max = 1 << 20,
    .connections_max = 200,
    .head_ms = 10000,
    .body_ms = 10000,
    .idle_ms = 10000,
    .write_ms = 10000,
};

static inline void answer(struct ask *a, int status, const char *text)
{
    struct http_stream *s = a->s;
    struct str body = str_c(text);
    a->s = NULL;
    http_respond(s, status, STR("Content-Type: text/plain\r\n"), &body, 1);
}

static inline void pump(struct ask *a)
{
    static char block[32 * 1024];
    memset(block, 'b', sizeof block);
    struct str view = str_of(block, sizeof block);
    while (a->sent < BIG_N && http_unsent(a->s) < QUEUE_MAX) {
        http_send(a->s, &view, 1);
        a->sent += view.n;
        if (http_unsent(a->s) > a->unsent_max)
            a->unsent_max = http_unsent(a->s);
    }
    if (a->sent < BIG_N)
        return;
    struct http_stream *s = a->s;
    a->s = NULL;
    http_finish(s);
}

static inline void app_on_body(void *user, struct str bytes)
{
    struct ask *a = user;
    assert_false(a->is_complete);
    buf_add(&a->body, bytes);
    if (strcmp(a->path, "/refuse-in-body") == 0)
        answer(a, 422, "no");
    if (strcmp(a->path, "/abort-in-body") == 0) {
        struct http_stream *s = a->s;
        a->s = NULL;
        http_abort(s);
    }
    rig_stop();
}

static inline void app_on_body_end(void *user)
{
    struct ask *a = user;
    assert_false(a->is_complete);
    a->is_complete = true;
    if (strcmp(a->path, "/echo") == 0) {
        struct http_stream *s = a->s;
        struct str pieces[] = {buf_view(&a->body)};
        a->s = NULL;
        http_respond(s, 200, STR_NONE, pieces, 1);
    } else if (strcmp(a->path, "/big") == 0) {
        http_begin(a->s, 200, STR("Content-Type: text/plain\r\n"));
        pump(a);
    } else if (strcmp(a->path, "/chunks") == 0) {
        struct str hello[] = {STR("hel"), STR("lo")}, none = STR_NONE,
                   long_one = STR("a chunk of 27 bytes, really");
        struct http_stream *s = a->s;
        a->s = NULL;
        http_begin(s, 200, STR("X-Kind: chunks\r\n"));
        http_send(s, hello, 2);
        http_send(s, &none, 1);
        http_send(s, &long_one, 1);
        http_finish(s);
    }
    rig_stop();
}

static inline void app_on_drained(void *user)
{
    struct ask *a = user;
    a->drains++;
    if (strcmp(a->path, "/big") == 0)
        pump(a);
    rig_stop();
}

static inline void app_on_gone(void *user, enum err why)
{
    struct ask *a = user;
    assert_false(a->is_gone);
    a->is_gone = true;
    a->why = why;
    a->s = NULL;
    rig_stop();
}

static const struct http_handler app_handler = {.on_body = app_on_body,
                                                .on_body_end = app_on_body_end,
                                                .on_drained = app_on_drained,
                                                .on_gone = app_on_gone};

static inline void app_on_request(void *app, struct http_stream *s, const struct http_head *h)
{
    (void)app;
    assert_true(served.n < PEERS_MAX && h->path.n < 64);
    struct ask *a = &served.asks[served.n++];
    memset(a, 0, sizeof *a);
    buf_init(&a->body, 1 << 20);
    memcpy(a->path, h->path.p, h->path.n);
    a->s = s;
    rig_stop();
    if (strcmp(a->path, "/early") == 0) {
        answer(a, 401, "early");
        return;
    }
    http_accept(s, &app_handler, a);
    if (strcmp(a->path, "/paused") == 0)
        http_body_read(s, false);
}

static inline void served_begin(const struct http_limits *limits)
{
    struct fault f;
    rig_begin();
    memset(&served, 0, sizeof served);
    served.server =
        http_server_new(rig.loop, limits ? limits : &usual_limits, app_on_request, NULL);
    assert_non_null(served.server);
    assert_int_equal(http_server_listen(served.server, STR("127.0.0.1"), 0, NULL, &f), ERR_OK);
    served.peer = peer_connect(http_server_port(served.server));
}

static inline struct peer *served_connect(void)
{
    return peer_connect(http_server_port(served.server));
}

static inline void served_end(void)
{
    http_server_free(served.server);
    rig_end();
    for (unsigned i = 0; i < served.n; i++)
        buf_release(&served.asks[i].body);
}

/* The answer's status, or 0. */
static inline int got_status(const struct peer *p)
{
    uint64_t status = 0;
    return p->got.n > 12 && str_u64(str_of(p->got.p + 9, 3), 999, &status) ? (int)status : 0;
}

#endif
