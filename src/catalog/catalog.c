#include "catalog/catalog.h"

#include <stdlib.h>

enum { BLOCK = 8 * 1024, CATALOG_MAX = 64 * 1024 * 1024, FIRST_SLOTS = 8 };

const struct deadlines catalog_deadlines = {
    .connect_ms = 5 * 1000,
    .first_ms = 120 * 1000,
    .idle_ms = 60 * 1000,
    .total_ms = 600 * 1000,
};

const char *const quantization_names[] = {"unknown", "int4", "int8", "fp4",   "mxfp4",
                                          "nvfp4",   "fp6",  "fp8",  "mxfp8", "fp16",
                                          "bf16",    "fp32", NULL};

const char *const output_names[] = {"text", "embeddings", "rerank", NULL};

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
                keep(&c->arena, &own->max_tokens_field) &&
                keep(&c->arena, &own->api_key.unprintable) && keep(&c->arena, &own->api_version) &&
                keep(&c->arena, &own->aws.region) && keep(&c->arena, &own->aws.key_id) &&
                keep(&c->arena, &own->aws.secret.unprintable) &&
                keep(&c->arena, &own->aws.session.unprintable);
    if (!kept)
        return NULL;
    if (!own->kind)
        own->kind = kind_at(0);
    own->index = c->providers_n;
    c->providers = slots;
    c->providers[c->providers_n++] = own;
    return own;
}

/* What is not sent: of a kind that is a guess, only what the configuration says it does not take. */
static void settle_parameters(struct endpoint *e)
{
    const struct provider *p = e->provider;
    bool is_told = e->takes || p->takes;
    if (!e->takes)
        e->takes = p->takes ? p->takes : p->kind->takes;
    e->drops = PARAMETERS_ALL & ~e->takes;
    if (p->kind->is_guess)
        e->drops = is_told ? PARAMETERS_TOLD & ~e->takes : 0;
}

bool catalog_endpoint_takes(const struct endpoint *e, struct str name)
{
    uint64_t bit = parameter_bit(name);
    return bit ? (e->takes & bit) != 0 : !e->provider->kind->refuses_unknown;
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
        !keep(&c->arena, &own->description) || !keep(&c->arena, &own->inputs))
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
    if (!keep(&c->arena, &own->model) || !keep(&c->arena, &own->tag))
        return NULL;
    settle_parameters(own);
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

/* It goes into a request line as it is. */
static bool is_path_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return s.n > 0;
}

static enum err check_path_names(const struct model *m, struct fault *f)
{
    for (uint32_t i = 0; i < m->endpoints_n; i++) {
        const struct endpoint *e = m->endpoints[i];
        if (e->provider->kind->path_prefix.n && !is_path_name(e->model))
            return fault_set(
                f, ERR_INVALID,
                "model '%.*s': its name at provider '%.*s' stands in the address there, "
                "so it must be letters, digits, '-', '_' and '.'",
                STR_ARG(m->id), STR_ARG(e->provider->name));
    }
    return ERR_OK;
}

enum err catalog_seal(struct catalog *c, struct fault *f)
{
    for (uint32_t i = 0; i < c->models_n; i++) {
        struct model *m = c->models[i];
        if (m->endpoints_n == 0)
            return fault_set(f, ERR_INVALID, "model '%.*s' has no endpoints", STR_ARG(m->id));
        if (map_get(&c->by_id, m->id))
            return fault_set(f, ERR_CONFLICT, "model '%.*s' is there twice", STR_ARG(m->id));
        enum err e = check_path_names(m, f);
        if (e != ERR_OK)
            return e;
        e = map_put(&c->by_id, m->id, m);
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
