#include "io/internal.h"

#include <signal.h>
#include <stdlib.h>

/* How often the end of a tick starts again because its hooks and callbacks asked for more, before
 * others get their turn. */
enum { ROUNDS_MAX = 8 };

#ifdef DEBUG
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static long waits(void)
{
    struct rusage u;
    getrusage(RUSAGE_THREAD, &u);
    return u.ru_nvcsw;
}

void watch__begin(struct watch *w)
{
    *w = (struct watch){clock_mono_ns(), cpu_ns(), waits()};
}

/* Being put aside by a busy machine is no fault of the callback; computing for long, or waiting,
 * is. */
void watch__end(const struct watch *w, const char *what)
{
    const uint64_t max_ns = 50 * 1000000;
    if (clock_mono_ns() - w->wall_ns <= max_ns)
        return;
    if (cpu_ns() - w->cpu_ns <= max_ns && waits() == w->waits)
        return;
    fprintf(stderr, "turnpike: %s held the loop for more than 50 ms\n", what);
    abort();
}
#endif

/* --- messages --- */

static void on_wake(uv_async_t *a)
{
    struct io_loop *l = a->data;
    struct io_post *newest = atomic_exchange_explicit(&l->posts, NULL, memory_order_acquire);
    struct io_post *oldest = NULL;
    while (newest) {
        struct io_post *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct io_post *p = oldest;
        oldest = p->next; /* p may be sent again while it runs */
        DISPATCH("a message", p->run(p));
    }
}

void io_post(struct io_loop *l, struct io_post *p)
{
    struct io_post *head = atomic_load_explicit(&l->posts, memory_order_relaxed);
    do {
        p->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&l->posts, &head, p, memory_order_release,
                                                    memory_order_relaxed));
    if (!head) /* else whoever put the first one there has woken the loop */
        uv_async_send(&l->wake);
}

/* --- the end of a tick --- */

static void run_hooks(struct io_loop *l)
{
    struct list at; /* stands in the ring itself, so that any hook may be removed meanwhile */
    list_prepend(&l->hooks, &at);
    while (at.next != &l->hooks) {
        struct io_hook *h = container_of(at.next, struct io_hook, link);
        list_del(&at);
        list_prepend(&h->link, &at);
        if (!h->armed)
            continue;
        h->armed = false;
        DISPATCH("a hook", h->run(h));
    }
    list_del(&at);
}

static bool is_hook_armed(struct io_loop *l)
{
    struct list *at, *after;
    list_each (at, after, &l->hooks)
        if (container_of(at, struct io_hook, link)->armed)
            return true;
    return false;
}

static void service_dirty(struct io_loop *l)
{
    struct list now; /* those that get dirty meanwhile wait for the next round */
    list_init(&now);
    list_move_all(&now, &l->dirty);
    l->burst = 0;
    while (!list_is_empty(&now)) {
        struct io_conn *c = container_of(now.next, struct io_conn, dirty);
        list_del(&c->dirty);
        conn__service(c);
    }
}

static void reap(struct io_loop *l)
{
    struct io_grave *g = l->graves;
    l->graves = NULL;
    while (g) {
        struct io_grave *next = g->next;
        g->reap(g);
        g = next;
    }
}

static void on_alarm(uv_timer_t *t)
{
    struct io_loop *l = t->data;
    l->alarm_ms = UINT64_MAX;
    timers__run(&l->timers, uv_now(&l->uv));
}

/* An alarm that rings too early is left alone: looking in vain is cheaper than moving it each
 * time. */
static void set_alarm(struct io_loop *l)
{
    uint64_t at = timers__next(&l->timers), now = uv_now(&l->uv);
    if (at >= l->alarm_ms)
        return;
    uv_timer_start(&l->alarm, on_alarm, at > now ? at - now : 0, 0);
    l->alarm_ms = at;
}

static bool is_tick_over(struct io_loop *l)
{
    return list_is_empty(&l->dirty) && !l->graves && !is_hook_armed(l);
}

static void end_tick(struct io_loop *l)
{
    unsigned rounds = 0;
    do {
        run_hooks(l);
        service_dirty(l);
        reap(l);
    } while (!is_tick_over(l) && ++rounds < ROUNDS_MAX);
    if (rounds == ROUNDS_MAX)
        uv_async_send(&l->wake);
    set_alarm(l);
}

static void on_prepare(uv_prepare_t *p)
{
    end_tick(p->data);
}

/* --- life --- */

static bool start_handles(struct io_loop *l)
{
    if (uv_async_init(&l->uv, &l->wake, on_wake) != 0)
        return false;
    uv_prepare_init(&l->uv, &l->prepare);
    uv_prepare_start(&l->prepare, on_prepare);
    uv_timer_init(&l->uv, &l->alarm);
    l->wake.data = l->prepare.data = l->alarm.data = l;
    l->alarm_ms = UINT64_MAX;
    return true;
}

static void close_one(uv_handle_t *h, void *unused)
{
    (void)unused;
    if (h->type == UV_TCP)
        io_close(h->data);
    else if (h->type == UV_POLL)
        io_listener_close(h->data);
    else
        uv_close(h, NULL);
}

static void free_memory(struct io_loop *l)
{
    if (l->timers.slots)
        timers__release(&l->timers);
    spares__release(&l->spares);
    free(l->input);
    free(l->decrypted);
    free(l);
}

static bool get_memory(struct io_loop *l)
{
    list_init(&l->hooks);
    list_init(&l->dirty);
    l->input = malloc(INPUT_ROOM);
    l->decrypted = malloc(INPUT_ROOM);
    return l->input && l->decrypted && timers__init(&l->timers);
}

struct io_loop *io_loop_new(struct fault *f)
{
    signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL */
    struct io_loop *l = calloc(1, sizeof *l);
    if (!l || !get_memory(l)) {
        fault_write(f, ERR_NOMEM, "cannot start an event loop: out of memory");
        if (l)
            free_memory(l);
        return NULL;
    }
    int e = uv_loop_init(&l->uv);
    if (e == 0 && start_handles(l))
        return l;
    fault_write(f, ERR_INTERNAL, "cannot start an event loop: %s",
                e ? uv_strerror(e) : "no descriptors left");
    if (e == 0)
        uv_loop_close(&l->uv);
    free_memory(l);
    return NULL;
}

void io_loop_run(struct io_loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
    end_tick(l); /* of the tick that was stopped */
}

void io_loop_stop(struct io_loop *l)
{
    uv_stop(&l->uv);
}

void io_loop_free(struct io_loop *l)
{
    if (!l)
        return;
    uv_walk(&l->uv, close_one, NULL);
    while (uv_run(&l->uv, UV_RUN_DEFAULT))
        continue;
    while (l->graves)
        reap(l);
    int e = uv_loop_close(&l->uv);
    BUG_ON(e != 0);
    free_memory(l);
}

uint64_t io_now_ms(const struct io_loop *l)
{
    return uv_now(&l->uv);
}

void io_hook_add(struct io_loop *l, struct io_hook *h, void (*run)(struct io_hook *h))
{
    *h = (struct io_hook){.run = run};
    list_append(&l->hooks, &h->link);
}

void io_hook_remove(struct io_hook *h)
{
    list_del(&h->link);
    h->armed = false;
}

void io_bury(struct io_loop *l, struct io_grave *g, void (*reap_it)(struct io_grave *g))
{
    g->reap = reap_it;
    g->next = l->graves;
    l->graves = g;
}
