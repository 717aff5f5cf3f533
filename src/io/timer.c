#include "io/internal.h"

#include <sys/mman.h>

enum { WAYS = 4 };

static void put(struct timers *q, uint32_t at, struct timer_slot s)
{
    q->slots[at] = s;
    s.t->slot = at + 1;
}

static void sift_up(struct timers *q, uint32_t at, struct timer_slot s)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / WAYS;
        if (q->slots[parent].at_ms <= s.at_ms)
            break;
        put(q, at, q->slots[parent]);
        at = parent;
    }
    put(q, at, s);
}

static uint32_t least_child(const struct timers *q, uint32_t at)
{
    uint32_t first = at * WAYS + 1, least = first;
    for (uint32_t i = first + 1; i < first + WAYS && i < q->n; i++)
        if (q->slots[i].at_ms < q->slots[least].at_ms)
            least = i;
    return least;
}

static void sift_down(struct timers *q, uint32_t at, struct timer_slot s)
{
    while (at * WAYS + 1 < q->n) {
        uint32_t child = least_child(q, at);
        if (q->slots[child].at_ms >= s.at_ms)
            break;
        put(q, at, q->slots[child]);
        at = child;
    }
    put(q, at, s);
}

static void sift(struct timers *q, uint32_t at, struct timer_slot s)
{
    if (at > 0 && q->slots[(at - 1) / WAYS].at_ms > s.at_ms)
        sift_up(q, at, s);
    else
        sift_down(q, at, s);
}

bool timers__init(struct timers *q)
{
    void *p = mmap(NULL, TIMERS_MAX * sizeof(struct timer_slot), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *q = (struct timers){.slots = p == MAP_FAILED ? NULL : p};
    return q->slots;
}

void timers__release(struct timers *q)
{
    munmap(q->slots, TIMERS_MAX * sizeof(struct timer_slot));
}

void timers__set(struct timers *q, struct io_timer *t, uint64_t due_ms)
{
    /* One that is set while the due ones run waits for the next turn: else it could hold the loop
     * for ever. */
    if (q->is_running && due_ms <= q->now_ms)
        due_ms = q->now_ms + 1;
    t->due_ms = due_ms;
    if (t->slot && due_ms >= t->queued_ms)
        return;
    t->queued_ms = due_ms;
    BUG_ON(q->n == TIMERS_MAX);
    uint32_t at = t->slot ? t->slot - 1 : q->n++;
    sift_up(q, at, (struct timer_slot){due_ms, t});
}

void timers__clear(struct timers *q, struct io_timer *t)
{
    if (!t->slot)
        return;
    uint32_t at = t->slot - 1;
    BUG_ON(at >= q->n || q->slots[at].t != t);
    t->slot = 0;
    struct timer_slot last = q->slots[--q->n];
    if (last.t != t)
        sift(q, at, last);
}

uint64_t timers__next(const struct timers *q)
{
    return q->n ? q->slots[0].at_ms : UINT64_MAX;
}

void timers__run(struct timers *q, uint64_t now_ms)
{
    q->is_running = true;
    q->now_ms = now_ms;
    while (timers__next(q) <= now_ms) {
        struct io_timer *t = q->slots[0].t;
        if (t->due_ms > now_ms) {
            t->queued_ms = t->due_ms;
            sift_down(q, 0, (struct timer_slot){t->due_ms, t});
            continue;
        }
        timers__clear(q, t);
        DISPATCH("a timer", t->fire(t));
    }
    q->is_running = false;
}

void io_timer_init(struct io_timer *t, void (*fire)(struct io_timer *t))
{
    *t = (struct io_timer){.fire = fire};
}

void io_timer_set(struct io_loop *l, struct io_timer *t, uint64_t due_ms)
{
    timers__set(&l->timers, t, due_ms);
}

void io_timer_clear(struct io_loop *l, struct io_timer *t)
{
    timers__clear(&l->timers, t);
}
