/* peers.h: two ends of a connection on one loop, for the tests of plain and TLS connections alike.
 * Bytes follow a pattern, so that each end can check what it gets without keeping what was sent. */
#ifndef UNIT_IO_PEERS_H
#define UNIT_IO_PEERS_H

#include <stdio.h>

#include "unit/unit.h"

#include "io/conn.h"

enum { PATTERN_N = 1 << 16, QUEUE_MAX = 256 * 1024, GUARD_MS = 20000 };

struct end {
    struct pair *pair;
    struct io_conn *c;
    uint64_t to_send, sent, got; /* bytes */
    uint64_t seed;               /* of the sizes of writes; 0: all in one write */
    unsigned opens, ends, drains, reads;
    enum err open_err, end_err;
    char why[300];
    bool is_slow; /* stops reading now and then */
    bool is_echo; /* sends back what it gets */
    bool stops_at_end;
    uint64_t stops_at; /* bytes got; the loop is stopped then */
    struct io_timer resume;
    char closes_in[16]; /* the callback in which it closes, for good */
};

struct pair {
    struct io_loop *loop;
    struct io_listener *listener;
    struct end client, server;
    struct io_timer guard;
    unsigned accepts;
    bool is_timed_out;
};

static unsigned char pattern[PATTERN_N];

static inline void make_pattern(void)
{
    uint64_t seed = 2463534242u;
    for (size_t i = 0; i < PATTERN_N; i++)
        pattern[i] = (unsigned char)next_random(&seed);
}

static inline bool end_closes(struct end *e, const char *where)
{
    if (strcmp(e->closes_in, where) != 0)
        return false;
    io_close(e->c);
    io_close(e->c);
    io_loop_stop(e->pair->loop);
    return true;
}

/* Writes until enough is queued; on_drained goes on. */
static inline void end_pump(struct end *e)
{
    while (e->sent < e->to_send && io_unsent(e->c) < QUEUE_MAX) {
        struct str views[3];
        size_t n = 0;
        uint64_t left = e->to_send - e->sent;
        for (; n < 3 && left; n++) {
            uint64_t from = e->sent % PATTERN_N, now = PATTERN_N - from;
            if (e->seed)
                now = next_random(&e->seed) % (next_random(&e->seed) % 4 ? 300 : PATTERN_N) + 1;
            if (now > PATTERN_N - from)
                now = PATTERN_N - from;
            if (now > left)
                now = left;
            views[n] = str_of((const char *)pattern + from, now);
            e->sent += now;
            left -= now;
        }
        assert_true(io_write(e->c, views, n));
        if (e->seed && next_random(&e->seed) % 3 == 0)
            io_flush(e->c);
    }
}

static inline void end_on_open(void *user, enum err e, const char *why)
{
    struct end *end = user;
    end->opens++;
    end->open_err = e;
    snprintf(end->why, sizeof end->why, "%s", why ? why : "");
    if (e != ERR_OK) {
        io_loop_stop(end->pair->loop);
        return;
    }
    if (end_closes(end, "on_open"))
        return;
    io_read(end->c, true);
    end_pump(end);
}

static inline void end_check(struct end *e, struct str bytes)
{
    while (bytes.n) {
        uint64_t from = e->got % PATTERN_N;
        struct str now = str_head(bytes, PATTERN_N - from);
        assert_memory_equal(now.p, pattern + from, now.n);
        e->got += now.n;
        bytes = str_skip(bytes, now.n);
    }
}

static inline void end_on_bytes(void *user, struct str bytes)
{
    struct end *e = user;
    assert_true(bytes.n > 0);
    end_check(e, bytes);
    if (end_closes(e, "on_bytes"))
        return;
    if (e->is_echo) {
        assert_true(io_write(e->c, &bytes, 1));
        if (io_unsent(e->c) > QUEUE_MAX) {
            io_flush(e->c);
            if (io_unsent(e->c))
                io_read(e->c, false);
        }
    }
    if (e->is_slow && ++e->reads % 8 == 0) {
        io_read(e->c, false);
        io_timer_set(e->pair->loop, &e->resume, io_now_ms(e->pair->loop) + 1);
    }
    if (e->stops_at && e->got >= e->stops_at)
        io_loop_stop(e->pair->loop);
}

static inline void end_on_resume(struct io_timer *t)
{
    io_read(container_of(t, struct end, resume)->c, true);
}

static inline void end_on_end(void *user, enum err err)
{
    struct end *e = user;
    e->ends++;
    e->end_err = err;
    if (end_closes(e, "on_end"))
        return;
    if (e->stops_at_end)
        io_loop_stop(e->pair->loop);
}

static inline void end_on_drained(void *user)
{
    struct end *e = user;
    e->drains++;
    assert_int_equal(io_unsent(e->c), 0);
    if (end_closes(e, "on_drained"))
        return;
    if (e->is_echo)
        io_read(e->c, true);
    end_pump(e);
}

static const struct io_conn_ops end_ops = {end_on_open, end_on_bytes, end_on_end, end_on_drained};

static inline void pair_on_accept(void *user, struct io_conn *c)
{
    struct pair *p = user;
    p->accepts++;
    p->server.c = c;
    io_conn_set_user(c, &end_ops, &p->server);
    if (end_closes(&p->server, "on_accept"))
        return;
    io_read(c, true);
    end_pump(&p->server);
}

static inline void pair_on_guard(struct io_timer *t)
{
    struct pair *p = container_of(t, struct pair, guard);
    p->is_timed_out = true;
    io_loop_stop(p->loop);
}

static inline void pair_begin(struct pair *p, const struct io_tls *server, const char *host)
{
    struct fault f;
    memset(p, 0, sizeof *p);
    make_pattern();
    p->loop = io_loop_new(&f);
    assert_non_null(p->loop);
    p->client.pair = p->server.pair = p;
    io_timer_init(&p->client.resume, end_on_resume);
    io_timer_init(&p->server.resume, end_on_resume);
    io_timer_init(&p->guard, pair_on_guard);
    p->listener = io_listen(p->loop, str_c(host), 0, server, pair_on_accept, p, &f);
    assert_non_null(p->listener);
    assert_int_not_equal(io_listener_port(p->listener), 0);
}

static inline void pair_connect(struct pair *p, const char *host, const struct io_tls *client)
{
    p->client.c = io_connect(p->loop, str_c(host), io_listener_port(p->listener), client, &end_ops,
                             &p->client);
    assert_non_null(p->client.c);
}

/* Until somebody stops the loop; fails when that takes too long. */
static inline void pair_run(struct pair *p)
{
    io_timer_set(p->loop, &p->guard, io_now_ms(p->loop) + GUARD_MS);
    io_loop_run(p->loop);
    io_timer_clear(p->loop, &p->guard);
    assert_false(p->is_timed_out);
}

static inline void pair_end(struct pair *p)
{
    io_loop_free(p->loop);
}

/* Sends `bytes` there and back and checks all of them. */
static inline void pair_echo(struct pair *p, const char *host, const struct io_tls *client,
                             uint64_t bytes, uint64_t seed)
{
    p->server.is_echo = true;
    p->client.to_send = p->client.stops_at = bytes;
    p->client.seed = seed;
    pair_connect(p, host, client);
    pair_run(p);
    assert_int_equal(p->client.open_err, ERR_OK);
    assert_int_equal(p->client.got, bytes);
    assert_int_equal(p->server.got, bytes);
    assert_int_equal(p->client.ends + p->server.ends, 0);
}

#endif
