/* map.h: a hash map from bytes to pointers: open addressing, linear probing, at most 3/4 full.
 *
 * The map neither owns nor copies keys: `key` must live in the value or longer. The hash is seeded
 * per process, so a peer cannot choose collisions. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/err.h"
#include "base/str.h"

struct map_slot {
    uint64_t hash; /* 0: empty */
    struct str key;
    void *value;
};

struct map {
    struct map_slot *slots;
    size_t n, cap; /* cap is 0 or a power of two */
};

void map_init(struct map *m);
void map_release(struct map *m);                    /* frees the table, not the values */
void *map_get(const struct map *m, struct str key); /* NULL: not there */
/* Sets or replaces. ERR_NOMEM: nothing changed. */
enum err map_put(struct map *m, struct str key, void *value) MUST_USE;
void *map_del(struct map *m, struct str key); /* the value that was there, or NULL */
/* Walks: start with *at = 0; NULL at the end. The map must not change meanwhile. */
void *map_next(const struct map *m, size_t *at);

#endif
