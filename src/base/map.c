#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/siphash.h"

enum { CAP_LEAST = 16 };

/* Drawn before the first slot of the first map is, so that looking up need not ask. */
static struct siphash_key seed;
static pthread_once_t seed_drawn = PTHREAD_ONCE_INIT;

static void seed_draw(void)
{
    random_bytes(&seed, sizeof seed);
}

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_release(struct map *m)
{
    free(m->slots);
    map_init(m);
}

static uint64_t hash_of(struct str key)
{
    uint64_t hash = siphash13(&seed, key);
    return hash ? hash : 1; /* 0 marks an empty slot */
}

/* The slot that holds the key, or the empty one where it would go. */
static struct map_slot *slot_of(const struct map *m, uint64_t hash, struct str key)
{
    size_t mask = m->cap - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct map_slot *s = &m->slots[at];
        if (s->hash == 0 || (s->hash == hash && str_eq(s->key, key)))
            return s;
    }
}

void *map_get(const struct map *m, struct str key)
{
    if (m->n == 0)
        return NULL;
    return slot_of(m, hash_of(key), key)->value; /* an empty slot's is NULL */
}

static enum err grow(struct map *m)
{
    size_t cap = m->cap ? m->cap * 2 : CAP_LEAST;
    struct map larger = {.slots = calloc(cap, sizeof *larger.slots), .n = m->n, .cap = cap};
    if (!larger.slots)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->cap; i++) {
        if (m->slots[i].hash)
            *slot_of(&larger, m->slots[i].hash, m->slots[i].key) = m->slots[i];
    }
    free(m->slots);
    *m = larger;
    return ERR_OK;
}

enum err map_put(struct map *m, struct str key, void *value)
{
    BUG_ON(!value); /* map_get() could not tell it from a missing one */
    pthread_once(&seed_drawn, seed_draw);
    uint64_t hash = hash_of(key);
    struct map_slot *s = m->cap ? slot_of(m, hash, key) : NULL;
    if (!s || s->hash == 0) {
        if (m->n + 1 > m->cap / 4 * 3) {
            if (grow(m) != ERR_OK)
                return ERR_NOMEM;
            s = slot_of(m, hash, key);
        }
        m->n++;
    }
    /* The key too: the old one may have lived in the value that goes. */
    *s = (struct map_slot){hash, key, value};
    return ERR_OK;
}

/* Moves later slots of the run back over the hole, so that no probe meets a gap before its key. A
 * slot may move only if the hole is not before its own first choice. */
static void close_hole(struct map *m, size_t hole)
{
    size_t mask = m->cap - 1;
    for (size_t at = (hole + 1) & mask; m->slots[at].hash; at = (at + 1) & mask) {
        size_t first_choice = m->slots[at].hash & mask;
        if (((at - first_choice) & mask) >= ((at - hole) & mask)) {
            m->slots[hole] = m->slots[at];
            hole = at;
        }
    }
    m->slots[hole] = (struct map_slot){0};
}

void *map_del(struct map *m, struct str key)
{
    if (m->n == 0)
        return NULL;
    struct map_slot *s = slot_of(m, hash_of(key), key);
    void *value = s->value;
    if (s->hash) {
        m->n--;
        close_hole(m, (size_t)(s - m->slots));
    }
    return value;
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->cap) {
        const struct map_slot *s = &m->slots[(*at)++];
        if (s->hash)
            return s->value;
    }
    return NULL;
}
