#include "catalog/catalog.h"

#include <stdlib.h>

enum { BLOCK = 8 * 1024, CATALOG_MAX = 64 * 1024 * 1024, FIRST_SLOTS = 8 };

const struct deadlines catalog_deadlines = {
    .connect_ms = 5 * 1000,
    .first_ms = 120 * 1000,
    .idle_ms = 60 * 1000,
    .total_ms = 600 * 1000,
};

struct catalog *catalog_new(void)
{
    struct catalog *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    arena_init(&c->arena, BLOCK, CATALOG_MAX);
    map_init(&c->by_id);
    c->refs = 1;
    return c;
}

/* Room for one more pointer in an array whose capacity is the next power of two above n. */
static void *slots_grow(struct arena *a, void *old, uint32_t n)
{
    bool is_full = n == 0 || (n >= FIRST_SLOTS && (n & (n - 1)) == 0);
    if (!is_full)
        return old;
    void *p = arena_zalloc(a, (n ? 2 * (size_t)n : FIRST_SLOTS) * sizeof(void *));
    if (p && n)
        memcpy(p, old, n * sizeof(void *));
    return p;
}

/* Views into the arena; false where one did not fit. */
static bool keep(struct arena *a, struct str *s)
{
    *s = arena_str(a, *s);
    return s->p != NULL;
}

struct provider *catalog_add_provider(struct catalog *c, const struct provider *p)
{
    struct provider *own = arena_alloc(&c->arena, sizeof *own);
    struct provider **slots = slots_grow(&c->arena, c->providers, c->providers_n);
    if (!own || !slots)
        return NULL;
    *own = *p;
    bool kept = keep(&c->arena, &own->name) && keep(&c->arena, &own->title) &&
                keep(&c->arena, &own->dialect) && keep(&c->arena, &own->base_url) &&
                keep(&c->arena, &own->max_tokens_field) && keep(&c->arena, &own->api_key.hidden);
    if (!kept)
        return NULL;
    own->index = c->providers_n;
    c->providers = slots;
    c->providers[c->providers_n++] = own;
    return own;
}

struct model *catalog_add_model(struct catalog *c, const struct model *m)
{
    struct model *own = arena_alloc(&c->arena, sizeof *own);
    struct model **slots = slots_grow(&c->arena, c->models, c->models_n);
    if (!own || !slots)
        return NULL;
    *own = *m;
    own->endpoints = NULL;
    own->endpoints_n = 0;
    if (!keep(&c->arena, &own->id) || !keep(&c->arena, &own->name) ||
        !keep(&c->arena, &own->description))
        return NULL;
    c->models = slots;
    c->models[c->models_n++] = own;
    return own;
}

struct endpoint *catalog_add_endpoint(struct catalog *c, struct model *m, const struct endpoint *e)
{
    struct endpoint *own = arena_alloc(&c->arena, sizeof *own);
    struct endpoint **slots = slots_grow(&c->arena, m->endpoints, m->endpoints_n);
    if (!own || !slots)
        return NULL;
    *own = *e;
    if (!keep(&c->arena, &own->model))
        return NULL;
    own->index = c->endpoints_n++;
    m->endpoints = slots;
    m->endpoints[m->endpoints_n++] = own;
    return own;
}

struct provider *catalog_find_provider(struct catalog *c, struct str name)
{
    for (uint32_t i = 0; i < c->providers_n; i++) {
        if (str_eq(c->providers[i]->name, name))
            return c->providers[i];
    }
    return NULL;
}

enum err catalog_seal(struct catalog *c, struct fault *f)
{
    for (uint32_t i = 0; i < c->models_n; i++) {
        struct model *m = c->models[i];
        if (m->endpoints_n == 0)
            return fault_set(f, ERR_INVALID, "model '%.*s' has no endpoints", STR_ARG(m->id));
        if (map_get(&c->by_id, m->id))
            return fault_set(f, ERR_CONFLICT, "model '%.*s' is there twice", STR_ARG(m->id));
        enum err e = map_put(&c->by_id, m->id, m);
        if (e != ERR_OK)
            return fault_set(f, e, "no memory for the catalog");
    }
    return ERR_OK;
}

struct catalog *catalog_ref(struct catalog *c)
{
    __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
    return c;
}

void catalog_unref(struct catalog *c)
{
    if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    map_release(&c->by_id);
    arena_release(&c->arena);
    free(c);
}

const struct model *catalog_model(const struct catalog *c, struct str id)
{
    return map_get(&c->by_id, id);
}
