/* arena.h: memory that lives as long as one request, and what must happen when it ends.
 *
 * Blocks are taken as needed, up to a ceiling; all are given back together. arena_defer() registers
 * the end of a meaning (a credit hold, a reference) with the memory, before anything can fail. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bug.h"
#include "base/str.h"

struct arena_block;
struct arena_deferred;

struct arena {
    struct arena_block *blocks; /* newest first */
    struct arena_deferred *deferred;
    size_t used, max; /* bytes taken from the system, and their ceiling */
    size_t block;     /* size of an ordinary block */
};

void arena_init(struct arena *a, size_t block, size_t max);
/* The same, with `n` bytes at `room` (aligned for anything) as its first block: lent until
 * arena_release(), and not counted against the ceiling. */
void arena_init_in(struct arena *a, void *room, size_t n, size_t block, size_t max);
/* Runs what was deferred, newest first, then frees all. The arena is empty and usable again. */
void arena_release(struct arena *a);

/* n bytes aligned for anything, not zeroed; NULL at the ceiling or without memory. */
void *arena_alloc(struct arena *a, size_t n) MUST_USE;
void *arena_zalloc(struct arena *a, size_t n) MUST_USE;
/* A copy in the arena; p is NULL where there was no room. It is followed by a NUL that n does not
 * count. */
struct str arena_str(struct arena *a, struct str s) MUST_USE;
/* fn(arg) will run at release. False: nothing was registered. */
bool arena_defer(struct arena *a, void (*fn)(void *), void *arg) MUST_USE;

#endif
