/* ends.h: clients and providers that a test plays byte by byte, on the gateway's own loop. Every
 * byte that an end gets stops the loop, so a test waits for what it wants to see:
 * WAIT_FOR(condition). */
#ifndef UNIT_RELAY_ENDS_H
#define UNIT_RELAY_ENDS_H

#include "unit/store/support.h"

#include "auth/key.h"
#include "base/log.h"
#include "relay/relay.h"
#ifdef GATEWAY_WITH_API
#include "api/api.h"
#endif

enum { GUARD_MS = 20000, GOT_MAX = 128 << 20, ENDS_MAX = 400, MAKERS = 2 };

/* One end of a connection that the test plays. */
struct end {
    struct io_conn *c; /* NULL: the slot is free */
    struct buf got;
    uint64_t count;         /* bytes that came */
    bool is_ended, is_sink; /* a sink counts only */
    enum err why;
};

/* A provider: what it accepts. */
struct maker {
    struct io_listener *listener;
    uint16_t port;
    struct end *ends[ENDS_MAX];
    unsigned n, accepted;
};

struct made_key {
    char text[KEY_TEXT_MAX + 1];
    struct key row;
};

static UNUSED struct gateway {
    struct dir dir;
    struct io_loop *loop;
    struct store *store;
    struct ledger *ledger;
    struct relay_shared shared;
    struct relay_worker *worker;
    struct http_server *server;
#ifdef GATEWAY_WITH_API
    struct api *api, *apis[1];
    struct api_shared api_shared;
#endif
    struct maker makers[MAKERS];
    struct end ends[ENDS_MAX];
    struct io_timer guard, look;
    struct io_post post;
    bool is_timed_out, is_posted;
    unsigned accounts, answers;
} gw;

#define assert_str(s, expected)                                                                    \
    do {                                                                                           \
        struct str actual_ = (s);                                                                  \
        if (!str_eq(actual_, str_c(expected)))                                                     \
            fail_msg("got '%.*s', expected '%s'", STR_ARG(actual_), expected);                     \
    } while (0)

/* --- waiting
 * ------------------------------------------------------------------------------------------ */

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        gw.is_timed_out = false;                                                                   \
        io_timer_set(gw.loop, &gw.guard, io_now_ms(gw.loop) + GUARD_MS);                           \
        while (!(condition)) {                                                                     \
            if (gw.is_timed_out)                                                                   \
                fail_msg("in vain: %s", #condition);                                               \
            io_timer_set(gw.loop, &gw.look, io_now_ms(gw.loop) + 1);                               \
            io_loop_run(gw.loop);                                                                  \
        }                                                                                          \
        io_timer_clear(gw.loop, &gw.guard);                                                        \
    } while (0)

static UNUSED void gw_on_guard(struct io_timer *t)
{
    (void)t;
    gw.is_timed_out = true;
    io_loop_stop(gw.loop);
}

static UNUSED void gw_on_look(struct io_timer *t)
{
    (void)t;
    io_loop_stop(gw.loop);
}

static UNUSED void gw_on_post(struct io_post *p)
{
    (void)p;
    gw.is_posted = false;
    io_loop_stop(gw.loop);
}

/* What lies in sockets is read: the kernel hands over at once on the loopback. */
static UNUSED void turn(void)
{
    for (int i = 0; i < 2; i++) {
        gw.post.run = gw_on_post;
        gw.is_posted = true;
        io_post(gw.loop, &gw.post);
        while (gw.is_posted)
            io_loop_run(gw.loop);
    }
}

/* --- ends
 * --------------------------------------------------------------------------------------------- */

static UNUSED void end_on_open(void *user, enum err e, const char *why)
{
    struct end *p = user;
    (void)why;
    assert_int_equal(e, ERR_OK);
    io_read(p->c, true);
}

static UNUSED void end_on_bytes(void *user, struct str bytes)
{
    struct end *p = user;
    p->count += bytes.n;
    if (!p->is_sink)
        assert_int_equal(buf_add(&p->got, bytes), ERR_OK);
    io_loop_stop(gw.loop);
}

static UNUSED void end_on_end(void *user, enum err e)
{
    struct end *p = user;
    p->is_ended = true;
    p->why = e;
    io_loop_stop(gw.loop);
}

static UNUSED void end_on_drained(void *user)
{
    (void)user;
    io_loop_stop(gw.loop);
}

static const struct io_conn_ops end_ops = {end_on_open, end_on_bytes, end_on_end, end_on_drained};

static UNUSED struct end *end_take(void)
{
    for (size_t i = 0; i < COUNT_OF(gw.ends); i++) {
        if (gw.ends[i].c)
            continue;
        gw.ends[i] = (struct end){0};
        buf_init(&gw.ends[i].got, GOT_MAX);
        return &gw.ends[i];
    }
    fail_msg("too many connections in this test");
    return NULL;
}

static UNUSED void end_drop(struct end *p)
{
    io_close(p->c);
    buf_release(&p->got);
    p->c = NULL;
}

static UNUSED void end_send(struct end *p, struct str bytes)
{
    if (!p->is_ended)
        io_write(p->c, &bytes, 1);
}

static UNUSED bool got_has(const struct end *p, const char *text)
{
    return str_find(buf_view(&p->got), str_c(text)) < p->got.n;
}

/* --- providers
 * ------------------------------------------------------------------------------------------ */

static UNUSED void maker_on_accept(void *user, struct io_conn *c)
{
    struct maker *m = user;
    struct end *p = end_take();
    assert_true(m->n < ENDS_MAX);
    p->c = c;
    m->ends[m->n++] = p;
    m->accepted++;
    io_conn_set_user(c, &end_ops, p);
    io_read(c, true);
    io_loop_stop(gw.loop);
}

static UNUSED void maker_forget(struct maker *m, struct end *p)
{
    for (unsigned i = 0; i < m->n; i++) {
        if (m->ends[i] != p)
            continue;
        m->ends[i] = m->ends[--m->n];
        end_drop(p);
        return;
    }
}

/* Connections that the gateway closed; returns how many are left. */
static UNUSED unsigned maker_open(struct maker *m)
{
    for (unsigned i = m->n; i-- > 0;) {
        if (m->ends[i]->is_ended)
            maker_forget(m, m->ends[i]);
    }
    return m->n;
}

static UNUSED uint64_t upstream_connections(void)
{
    static struct metrics m;
    relay_worker_gauges(gw.worker, &m);
    return m.upstream_open;
}

/* Providers close all their connections, so that the next request comes on a fresh one. */
static UNUSED void makers_hang_up(void)
{
    for (int i = 0; i < MAKERS; i++) {
        while (gw.makers[i].n)
            maker_forget(&gw.makers[i], gw.makers[i].ends[0]);
    }
    WAIT_FOR(upstream_connections() == 0);
}

/* The head's end and the body's length of a message; false: the head is not whole. */
static UNUSED bool message_read(struct str got, size_t *head_n, size_t *body_n)
{
    size_t at = str_find(got, STR("\r\n\r\n"));
    uint64_t length = 0;
    if (at == got.n)
        return false;
    struct str rest = str_head(got, at + 2);
    *head_n = at + 4;
    while (rest.n) {
        size_t end = str_find(rest, STR("\r\n"));
        struct str line = str_head(rest, end);
        if (str_ieq(str_head(line, 16), STR("content-length: ")))
            assert_true(str_u64(str_skip(line, 16), SIZE_MAX, &length));
        rest = str_skip(rest, end + 2);
    }
    *body_n = length;
    return true;
}

static UNUSED struct str request_body(const struct end *p)
{
    size_t head_n = 0, body_n = 0;
    assert_true(message_read(buf_view(&p->got), &head_n, &body_n));
    return str_skip(buf_view(&p->got), head_n);
}

/* A connection on which a whole request waits for its answer, or NULL. */
static UNUSED struct end *asked_now(struct maker *m)
{
    size_t head_n, body_n;
    for (unsigned i = 0; i < m->n; i++) {
        struct str got = buf_view(&m->ends[i]->got);
        if (!m->ends[i]->is_ended && message_read(got, &head_n, &body_n) &&
            got.n >= head_n + body_n)
            return m->ends[i];
    }
    return NULL;
}

static UNUSED struct end *asked(struct maker *m)
{
    WAIT_FOR(asked_now(m));
    return asked_now(m);
}

/* The request is taken off, so that asked() sees the next one. */
static UNUSED void answer_raw(struct end *p, const char *raw)
{
    buf_reset(&p->got);
    end_send(p, str_c(raw));
}

static UNUSED void answer_json(struct end *p, int status, const char *more_fields, const char *json)
{
    char head[400];
    snprintf(head, sizeof head,
             "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
             status, more_fields, strlen(json));
    answer_raw(p, head);
    end_send(p, str_c(json));
}

#define SSE_HEAD                                                                                   \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

static UNUSED void answer_chunk(struct end *p, const char *text)
{
    char size[24];
    snprintf(size, sizeof size, "%zx\r\n", strlen(text));
    end_send(p, str_c(size));
    end_send(p, str_c(text));
    end_send(p, STR("\r\n"));
}

/* One delta of text as an event. */
static UNUSED void answer_delta(struct end *p, const char *text)
{
    char event[400];
    snprintf(event, sizeof event,
             "data: "
             "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"n\","
             "\"choices\":"
             "[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"finish_reason\":null}]}\n\n",
             text);
    answer_chunk(p, event);
}

#define FINISH_EVENT                                                                               \
    "data: "                                                                                       \
    "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"n\","            \
    "\"choices\":"                                                                                 \
    "[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"

static UNUSED void answer_stream_end(struct end *p, unsigned prompt, unsigned completion)
{
    char usage[256];
    snprintf(usage, sizeof usage,
             "data: "
             "{\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":%u,\"completion_tokens\":%"
             "u}}\n\n",
             prompt, completion);
    answer_chunk(p, FINISH_EVENT);
    answer_chunk(p, usage);
    answer_chunk(p, "data: [DONE]\n\n");
    end_send(p, STR("0\r\n\r\n"));
}

#define WHOLE_ANSWER(usage)                                                                        \
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"n\","         \
    "\"choices\":[{\"index\":0,"                                                                   \
    "\"message\":{\"role\":\"assistant\",\"content\":\"hello\"},\"finish_reason\":\"stop\"}"       \
    "]" usage "}"
#define USAGE(p, c) ",\"usage\":{\"prompt_tokens\":" #p ",\"completion_tokens\":" #c "}"

/* --- clients
 * ------------------------------------------------------------------------------------------- */

struct answer {
    int status;
    struct str head;  /* of the end's bytes */
    struct buf body;  /* out of its framing */
    bool is_complete; /* a whole answer, ended as it should */
};

static UNUSED bool dechunk(struct str in, struct buf *out)
{
    for (;;) {
        size_t end = str_find(in, STR("\r\n")), n = 0;
        if (end == in.n)
            return false;
        for (size_t i = 0; i < end; i++)
            n = n * 16 + (size_t)(in.p[i] <= '9' ? in.p[i] - '0' : (in.p[i] | 32) - 'a' + 10);
        in = str_skip(in, end + 2);
        if (n == 0)
            return str_eq(in, STR("\r\n"));
        assert_int_equal(buf_add(out, str_head(in, n)), ERR_OK);
        if (in.n < n + 2)
            return false;
        in = str_skip(in, n + 2);
    }
}

static UNUSED void answer_read(const struct end *p, struct answer *a)
{
    size_t head_n = 0, body_n = 0;
    uint64_t status = 0;
    struct str got = buf_view(&p->got);
    buf_reset(&a->body);
    a->is_complete = false;
    a->status = 0;
    if (!message_read(got, &head_n, &body_n))
        return;
    assert_true(str_u64(str_of(got.p + 9, 3), 999, &status));
    a->status = (int)status;
    a->head = str_head(got, head_n);
    got = str_skip(got, head_n);
    if (str_find(a->head, STR("Transfer-Encoding: chunked")) < a->head.n) {
        a->is_complete = dechunk(got, &a->body);
        return;
    }
    buf_add(&a->body, got);
    a->is_complete = got.n == body_n;
}

static UNUSED bool is_answered(const struct end *p)
{
    struct answer a;
    buf_init(&a.body, GOT_MAX);
    answer_read(p, &a);
    buf_release(&a.body);
    return p->is_ended || a.is_complete;
}

static UNUSED void answer_wait(const struct end *p, struct answer *a)
{
    WAIT_FOR(is_answered(p));
    buf_init(&a->body, GOT_MAX);
    answer_read(p, a);
}

static UNUSED struct end *client_connect(void)
{
    struct end *p = end_take();
    p->c = io_connect(gw.loop, STR("127.0.0.1"), http_server_port(gw.server), NULL, &end_ops, p);
    assert_non_null(p->c);
    return p;
}

static UNUSED void client_head(char *out, size_t size, const struct made_key *k,
                               const char *method_and_path, size_t body_n)
{
    snprintf(out, size,
             "%s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n",
             method_and_path, k->text, body_n);
}

#define CHAT_PATH "POST /api/v1/chat/completions"

static UNUSED struct end *client_ask(const struct made_key *k, const char *body)
{
    char head[400];
    struct end *p = client_connect();
    client_head(head, sizeof head, k, CHAT_PATH, strlen(body));
    end_send(p, str_c(head));
    end_send(p, str_c(body));
    return p;
}

#define MESSAGES          "\"messages\":[{\"role\":\"user\",\"content\":\"Hello there\"}]"
#define CHAT(model, more) "{\"model\":\"" model "\"," MESSAGES more "}"

/* Waits for the answer and for its relay's end. */
static UNUSED void assert_answer(struct end *p, int status, const char *says)
{
    struct answer a;
    answer_wait(p, &a);
    if (a.status != status || !a.is_complete ||
        str_find(buf_view(&a.body), str_c(says)) == a.body.n)
        fail_msg("expected %d and '%s', got %d%s: %.*s", status, says, a.status,
                 a.is_complete ? "" : ", cut", STR_ARG(str_head(buf_view(&a.body), 600)));
    buf_release(&a.body);
    WAIT_FOR(gw.worker->relays_n == 0);
}

#endif
