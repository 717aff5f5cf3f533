#include "relay/worker.h"

#include <stdlib.h>

#include "base/codec.h"
#include "relay/relay.h"

enum { TAPE_MAX = 2 * 1024 * 1024, SCRATCH_MAX = 64 * 1024 * 1024 };

static void upstreams_release(struct upstream **list, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        upstream_unref(list[i]);
    free(list);
}

static struct upstream *upstream_for(struct relay_worker *w, const struct provider *p, struct fault *f)
{
    for (uint32_t i = 0; i < w->upstreams_n; i++) {
        if (upstream_serves(w->upstreams[i], p))
            return upstream_ref(w->upstreams[i]);
    }
    return upstream_new(w->loop, p, w->shared->upstream_tls, f);
}

enum err relay_worker_reload(struct relay_worker *w, const struct relay_settings *settings,
                             struct catalog *catalog, struct fault *f)
{
    uint32_t n = catalog->providers_n;
    struct upstream **list = calloc(n ? n : 1, sizeof *list);
    if (!list)
        return fault_set(f, ERR_NOMEM, "no memory for %u providers", n);
    for (uint32_t i = 0; i < n; i++) {
        list[i] = upstream_for(w, catalog->providers[i], f);
        if (!list[i]) {
            upstreams_release(list, i);
            return f->err;
        }
    }
    upstreams_release(w->upstreams, w->upstreams_n);
    w->upstreams = list;
    w->upstreams_n = n;
    catalog_unref(w->catalog);
    w->catalog = catalog_ref(catalog);
    w->settings = *settings;
    return ERR_OK;
}

static void end_tick(struct io_hook *h)
{
    container_of(h, struct relay_worker, tick_hook)->tick_ns = 0;
}

static void begin_tick(struct relay_worker *w)
{
    w->tick_ns = clock_mono_ns();
    w->tick_wall_ms = clock_wall_ms();
    io_hook_arm(&w->tick_hook);
}

uint64_t relay_worker_ns(struct relay_worker *w)
{
    if (w->tick_ns == 0)
        begin_tick(w);
    return w->tick_ns;
}

int64_t relay_worker_wall_ms(struct relay_worker *w)
{
    if (w->tick_ns == 0)
        begin_tick(w);
    return w->tick_wall_ms;
}

struct relay_worker *relay_worker_new(struct io_loop *l, const struct relay_shared *shared, unsigned number,
                                      enum journal_sync sync, const struct relay_settings *settings,
                                      struct catalog *catalog, struct fault *f)
{
    struct relay_worker *w = calloc(1, sizeof *w);
    if (!w) {
        fault_write(f, ERR_NOMEM, "no memory for a worker");
        return NULL;
    }
    w->loop = l;
    w->shared = shared;
    w->ids.maker = number;
    list_init(&w->relays);
    list_init(&w->spares);
    json_tape_init(&w->tape, TAPE_MAX);
    buf_init(&w->scratch, SCRATCH_MAX);
    buf_init(&w->scratch2, SCRATCH_MAX);
    io_hook_add(l, &w->tick_hook, end_tick);
    w->journal = journal_open(shared->store, l, number, sync, f);
    if (w->journal)
        w->gate = gate_new(l, shared->store, shared->ledger, shared->key_prefix,
                           shared->management_prefix);
    if (w->gate && relay_worker_reload(w, settings, catalog, f) == ERR_OK)
        return w;
    relay_worker_free(w);
    return NULL;
}

void relay_worker_free(struct relay_worker *w)
{
    if (!w)
        return;
    BUG_ON(w->relays_n != 0);
    relay_free_spares(w);
    io_hook_remove(&w->tick_hook);
    upstreams_release(w->upstreams, w->upstreams_n);
    gate_free(w->gate);
    if (w->journal)
        journal_close(w->journal);
    catalog_unref(w->catalog);
    json_tape_release(&w->tape);
    buf_release(&w->scratch);
    buf_release(&w->scratch2);
    free(w);
}

void relay_worker_gauges(struct relay_worker *w, struct metrics *out)
{
    *out = w->metrics;
    out->relays = w->relays_n;
    for (uint32_t i = 0; i < w->upstreams_n; i++) {
        struct http_pool_counts c = http_pool_counts(w->upstreams[i]->pool);
        out->upstream_open += c.open;
        out->upstream_idle += c.idle;
        out->upstream_waiting += c.waiting;
    }
}

uint64_t relay_worker_random(struct relay_worker *w)
{
    if (w->random_n == 0) {
        random_bytes(w->random, sizeof w->random);
        w->random_n = COUNT_OF(w->random);
    }
    return w->random[--w->random_n];
}
