#include "relay/worker.h"

#include <stdlib.h>

#include "base/codec.h"
#include "relay/relay.h"

enum { TAPE_MAX = 2 * 1024 * 1024, SCRATCH_MAX = 64 * 1024 * 1024 };

struct relay_routes *relay_routes_ref(struct relay_routes *r)
{
    r->refs++;
    return r;
}

void relay_routes_unref(struct relay_routes *r)
{
    if (!r || --r->refs > 0)
        return;
    for (uint32_t i = 0; i < r->n; i++)
        upstream_unref(r->upstreams[i]);
    fit_release(&r->fit);
    free(r->speeds);
    free(r->healths);
    catalog_unref(r->catalog);
    free(r);
}

static struct upstream *upstream_for(struct relay_worker *w, const struct provider *p,
                                     struct fault *f)
{
    for (uint32_t i = 0; w->routes && i < w->routes->n; i++) {
        if (upstream_serves(w->routes->upstreams[i], p))
            return upstream_ref(w->routes->upstreams[i]);
    }
    return upstream_new(w->loop, p, w->shared->upstream_tls, f);
}

static struct relay_routes *routes_new(struct relay_worker *w, struct catalog *catalog,
                                       struct fault *f)
{
    uint32_t n = catalog->providers_n;
    struct relay_routes *r = calloc(1, sizeof *r + n * sizeof(struct upstream *));
    if (!r) {
        fault_write(f, ERR_NOMEM, "no memory for %u providers", n);
        return NULL;
    }
    r->refs = 1;
    r->catalog = catalog_ref(catalog);
    r->speeds = calloc(catalog->endpoints_n + 1, sizeof *r->speeds);
    r->healths = calloc(catalog->endpoints_n + 1, sizeof *r->healths);
    if (!r->speeds || !r->healths || fit_init(&r->fit, catalog) != ERR_OK) {
        fault_write(f, ERR_NOMEM, "no memory for %u endpoints", catalog->endpoints_n);
        relay_routes_unref(r);
        return NULL;
    }
    for (; r->n < n; r->n++) {
        r->upstreams[r->n] = upstream_for(w, catalog->providers[r->n], f);
        if (!r->upstreams[r->n]) {
            relay_routes_unref(r);
            return NULL;
        }
    }
    return r;
}

static const struct endpoint *same_endpoint(const struct catalog *c, const struct model *m,
                                            const struct endpoint *e)
{
    const struct model *there = catalog_model(c, m->id);
    for (uint32_t i = 0; there && i < there->endpoints_n; i++) {
        const struct endpoint *other = there->endpoints[i];
        if (str_eq(other->provider->name, e->provider->name) && str_eq(other->model, e->model) &&
            str_eq(other->tag, e->tag))
            return other;
    }
    return NULL;
}

/* A new catalog forgets nothing of the endpoints that were in the old one. */
static void take_measured(struct relay_routes *fresh, const struct relay_routes *old)
{
    for (uint32_t i = 0; old && i < fresh->catalog->models_n; i++) {
        const struct model *m = fresh->catalog->models[i];
        for (uint32_t j = 0; j < m->endpoints_n; j++) {
            const struct endpoint *e = m->endpoints[j], *was = same_endpoint(old->catalog, m, e);
            if (!was)
                continue;
            fresh->speeds[e->index] = old->speeds[was->index];
            fresh->healths[e->index] = old->healths[was->index];
        }
    }
}

enum err relay_worker_reload(struct relay_worker *w, const struct relay_settings *settings,
                             struct catalog *catalog, struct fault *f)
{
    struct relay_routes *fresh = routes_new(w, catalog, f);
    if (!fresh)
        return f->err;
    take_measured(fresh, w->routes);
    relay_routes_unref(w->routes);
    w->routes = fresh;
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

struct relay_worker *relay_worker_new(struct io_loop *l, const struct relay_shared *shared,
                                      unsigned number, enum journal_sync sync,
                                      const struct relay_settings *settings,
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
    json_tape_init(&w->inner_tape, TAPE_MAX);
    buf_init(&w->scratch, SCRATCH_MAX);
    buf_init(&w->scratch2, SCRATCH_MAX);
    io_hook_add(l, &w->tick_hook, end_tick);
    w->journal = journal_open(shared->store, l, number, sync, f);
    if (w->journal)
        w->gate = gate_new(l, shared->store, shared->ledger, shared->key_prefix,
                           shared->management_prefix, shared->tokens);
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
    relay_routes_unref(w->routes);
    gate_free(w->gate);
    if (w->journal)
        journal_close(w->journal);
    json_tape_release(&w->tape);
    json_tape_release(&w->inner_tape);
    buf_release(&w->scratch);
    buf_release(&w->scratch2);
    free(w);
}

int relay_trusted_parse(struct str text, struct cidr out[TRUSTED_MAX])
{
    int n = 0;
    while (text.n) {
        if (n == TRUSTED_MAX || !cidr_parse(str_trim(str_cut(&text, ',')), &out[n]))
            return -1;
        n++;
    }
    return n;
}

/* All fields of that name count as one list (RFC 9110, 5.3); one that is longer than `out` loses
 * its beginning, which is the part that is believed last. */
static struct str forwarded_for(const struct http_head *head, struct buf *out)
{
    for (uint32_t i = 0; i < head->n; i++) {
        if (!str_ieq(head->fields[i].name, STR("x-forwarded-for")))
            continue;
        struct str value = head->fields[i].value;
        if (value.n + 1 > out->max - out->n)
            buf_reset(out);
        if (out->n)
            buf_add(out, STR(","));
        buf_add(out, value.n < out->max ? value : str_skip(value, value.n - out->max + 1));
    }
    return buf_view(out);
}

bool relay_locate(const void *relay_place, struct address *out)
{
    const struct relay_place *p = relay_place;
    char text[IO_ADDRESS_MAX], room[2048];
    struct buf list = {.p = room, .cap = sizeof room, .max = sizeof room};
    const struct relay_settings *set = &p->w->settings;
    if (!address_parse(http_peer(p->stream, text), out))
        return false;
    if (set->trusted_n)
        *out = address_behind(*out, forwarded_for(p->head, &list), set->trusted, set->trusted_n);
    return true;
}

void relay_worker_gauges(struct relay_worker *w, struct metrics *out)
{
    *out = w->metrics;
    out->relays = w->relays_n;
    for (uint32_t i = 0; i < w->routes->n; i++) {
        struct http_pool_counts c = http_pool_counts(w->routes->upstreams[i]->pool);
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
