#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *next;
    uint32_t n, cap; /* of bytes[] */
    bool is_lent;
    alignas(max_align_t) char bytes[];
};

struct arena_deferred {
    struct arena_deferred *next;
    void (*fn)(void *);
    void *arg;
};

void arena_init(struct arena *a, size_t block, size_t max)
{
    *a = (struct arena){.max = max, .block = block};
}

void arena_init_in(struct arena *a, void *room, size_t n, size_t block, size_t max)
{
    struct arena_block *b = room;
    BUG_ON(n < sizeof *b || n > UINT32_MAX);
    arena_init(a, block, max);
    *b = (struct arena_block){.cap = (uint32_t)(n - sizeof *b), .is_lent = true};
    a->blocks = b;
}

void arena_release(struct arena *a)
{
    for (struct arena_deferred *d; (d = a->deferred);) {
        a->deferred = d->next;
        d->fn(d->arg);
    }
    for (struct arena_block *b; (b = a->blocks);) {
        a->blocks = b->next;
        if (!b->is_lent)
            free(b);
    }
    a->used = 0;
}

static struct arena_block *block_add(struct arena *a, size_t n)
{
    size_t cap = n > a->block ? n : a->block;
    if (cap > a->max - a->used)
        cap = n;
    if (cap > a->max - a->used || cap > UINT32_MAX)
        return NULL;
    struct arena_block *b = malloc(sizeof *b + cap);
    if (!b)
        return NULL;
    *b = (struct arena_block){.next = a->blocks, .cap = (uint32_t)cap};
    a->blocks = b;
    a->used += cap;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    const size_t align = alignof(max_align_t);
    if (n > SIZE_MAX - align)
        return NULL;
    n = (n + align - 1) & ~(align - 1);
    struct arena_block *b = a->blocks;
    if (!b || b->cap - b->n < n)
        b = block_add(a, n);
    if (!b)
        return NULL;
    void *p = b->bytes + b->n;
    b->n += (uint32_t)n;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    return p ? memset(p, 0, n) : NULL;
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = s.n < SIZE_MAX ? arena_alloc(a, s.n + 1) : NULL;
    if (!p)
        return STR_NONE;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return str_of(p, s.n);
}

bool arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
    struct arena_deferred *d = arena_alloc(a, sizeof *d);
    if (!d)
        return false;
    *d = (struct arena_deferred){a->deferred, fn, arg};
    a->deferred = d;
    return true;
}
