/* rig.h: a loop, and peers on it that send what a test says and keep what they get. Every callback
 * stops the loop, so a test waits for what it wants to see: RUN_UNTIL(condition). */
#ifndef UNIT_HTTP_RIG_H
#define UNIT_HTTP_RIG_H

#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "io/conn.h"

enum { GUARD_MS = 20000, GOT_MAX = 64 << 20, PEERS_MAX = 300 };

struct peer {
    struct io_conn *c;
    struct buf got;
    bool is_ended, is_sink; /* a sink counts what it gets */
    enum err end;
    uint64_t count;
};

static struct rig {
    struct io_loop *loop;
    struct io_timer guard;
    struct io_post post;
    bool is_timed_out, is_posted;
    struct io_listener *listener; /* for tests of the client's side */
    struct peer peers[PEERS_MAX];
    unsigned n;
} rig;

#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        io_timer_set(rig.loop, &rig.guard, io_now_ms(rig.loop) + GUARD_MS);                        \
        while (!(condition)) {                                                                     \
            if (rig.is_timed_out)                                                                  \
                print_error("in vain: %s\n", #condition);                                          \
            assert_false(rig.is_timed_out);                                                        \
            io_loop_run(rig.loop);                                                                 \
        }                                                                                          \
        io_timer_clear(rig.loop, &rig.guard);                                                      \
    } while (0)

static inline void rig_stop(void)
{
    io_loop_stop(rig.loop);
}

static inline void rig_on_post(struct io_post *p)
{
    (void)p;
    rig.is_posted = false;
    rig_stop();
}

/* What lies in sockets is read: the kernel hands over at once on the loopback. */
static inline void rig_turn(void)
{
    for (int i = 0; i < 3; i++) {
        rig.post.run = rig_on_post;
        rig.is_posted = true;
        io_post(rig.loop, &rig.post);
        while (rig.is_posted)
            io_loop_run(rig.loop);
    }
}

static inline void rig_on_guard(struct io_timer *t)
{
    (void)t;
    rig.is_timed_out = true;
    rig_stop();
}

static inline void peer_on_open(void *user, enum err e, const char *why)
{
    struct peer *p = user;
    (void)why;
    assert_int_equal(e, ERR_OK);
    io_read(p->c, true);
}

static inline void peer_on_bytes(void *user, struct str bytes)
{
    struct peer *p = user;
    p->count += bytes.n;
    if (!p->is_sink)
        assert_int_equal(buf_add(&p->got, bytes), ERR_OK);
    rig_stop();
}

static inline void peer_on_end(void *user, enum err e)
{
    struct peer *p = user;
    p->is_ended = true;
    p->end = e;
    rig_stop();
}

static inline void peer_on_drained(void *user)
{
    (void)user;
    rig_stop();
}

static const struct io_conn_ops peer_ops = {.on_open = peer_on_open,
                                            .on_bytes = peer_on_bytes,
                                            .on_end = peer_on_end,
                                            .on_drained = peer_on_drained};

static inline struct peer *peer_new(void)
{
    assert_true(rig.n < PEERS_MAX);
    struct peer *p = &rig.peers[rig.n++];
    buf_init(&p->got, GOT_MAX);
    return p;
}

static inline struct peer *peer_connect(uint16_t port)
{
    struct peer *p = peer_new();
    p->c = io_connect(rig.loop, STR("127.0.0.1"), port, NULL, &peer_ops, p);
    assert_non_null(p->c);
    return p;
}

static inline void peer_send_n(struct peer *p, struct str bytes)
{
    assert_true(io_write(p->c, &bytes, 1));
}

static inline void peer_send(struct peer *p, const char *text)
{
    peer_send_n(p, str_c(text));
}

static inline void peer_close(struct peer *p)
{
    io_close(p->c);
}

static inline bool got_has(const struct peer *p, const char *text)
{
    return str_find(buf_view(&p->got), str_c(text)) < p->got.n;
}

static inline unsigned got_count(const struct peer *p, const char *text)
{
    struct str rest = buf_view(&p->got);
    unsigned n = 0;
    for (;; n++) {
        size_t at = str_find(rest, str_c(text));
        if (at == rest.n)
            return n;
        rest = str_skip(rest, at + strlen(text));
    }
}

static inline void rig_on_accept(void *user, struct io_conn *c)
{
    (void)user;
    struct peer *p = peer_new();
    p->c = c;
    io_conn_set_user(c, &peer_ops, p);
    io_read(c, true);
    rig_stop();
}

/* A scripted provider: what it accepts is in rig.peers. */
static inline uint16_t rig_listen(void)
{
    struct fault f;
    rig.listener = io_listen(rig.loop, STR("127.0.0.1"), 0, NULL, rig_on_accept, NULL, &f);
    assert_non_null(rig.listener);
    return io_listener_port(rig.listener);
}

static inline void rig_begin(void)
{
    struct fault f;
    memset(&rig, 0, sizeof rig);
    rig.loop = io_loop_new(&f);
    assert_non_null(rig.loop);
    io_timer_init(&rig.guard, rig_on_guard);
}

static inline void rig_end(void)
{
    io_loop_free(rig.loop);
    for (unsigned i = 0; i < rig.n; i++)
        buf_release(&rig.peers[i].got);
}

#endif
