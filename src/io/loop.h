/* loop.h: one thread's event loop: timers, messages from other threads, what is done at the end of
 * a tick.
 *
 * Shaped by completions, not readiness, so that another backend can stand beside the first (libuv).
 * Nothing above this folder names libuv. All calls but io_post() belong to the loop's own thread.
 *
 * A tick: callbacks run (bytes, timers, posts); then the hooks in the order in which they were
 * added; then connections with bytes to write are flushed; then what was buried is reaped; then the
 * loop waits. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/err.h"
#include "base/list.h"

struct io_loop;

struct io_loop *io_loop_new(struct fault *f); /* NULL: no memory or no descriptors left */
/* Runs until io_loop_stop(). */
void io_loop_run(struct io_loop *l);
void io_loop_stop(struct io_loop *l);
/* Closes what is left (callbacks of open connections are not called any more) and frees. */
void io_loop_free(struct io_loop *l);

/* Monotonic milliseconds, read once per tick. */
uint64_t io_now_ms(const struct io_loop *l);

/* A message: run(p) on the loop's thread. From any thread; p stays the sender's until run() is
 * called, and may be sent again from then on. Messages of one thread arrive in order. */
struct io_post {
    struct io_post *next;
    void (*run)(struct io_post *p);
};
void io_post(struct io_loop *l, struct io_post *p);

/* A deadline. Setting one later than it was costs nothing (it is looked at again when it would have
 * fired), so an idle deadline may be moved with every byte. `fire` may set it again or free its
 * owner. */
struct io_timer {
    void (*fire)(struct io_timer *t);
    uint64_t due_ms;    /* when it shall fire */
    uint64_t queued_ms; /* where it stands in the queue: never later than due_ms */
    uint32_t slot;      /* place in the queue + 1; 0: not set */
};
void io_timer_init(struct io_timer *t, void (*fire)(struct io_timer *t));
void io_timer_set(struct io_loop *l, struct io_timer *t, uint64_t due_ms);
void io_timer_clear(struct io_loop *l, struct io_timer *t);

/* Runs once at the end of each tick in which it was asked for with io_hook_arm(). */
struct io_hook {
    struct list link;
    void (*run)(struct io_hook *h);
    bool armed;
};
void io_hook_add(struct io_loop *l, struct io_hook *h, void (*run)(struct io_hook *h));
void io_hook_remove(struct io_hook *h);
static inline void io_hook_arm(struct io_hook *h)
{
    h->armed = true;
}

/* Reaped at the end of this tick, when no caller up the stack can look at it any more. */
struct io_grave {
    struct io_grave *next;
    void (*reap)(struct io_grave *g);
};
void io_bury(struct io_loop *l, struct io_grave *g, void (*reap)(struct io_grave *g));

#endif
