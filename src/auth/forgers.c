#include "auth/forgers.h"

#include "base/codec.h"

void forgers_init(struct forgers *f)
{
    memset(f, 0, sizeof *f);
    random_bytes(&f->seed, sizeof f->seed);
}

static bool is_over(uint64_t since_ms, uint64_t now_ms)
{
    return now_ms - since_ms >= FORGERS_MS;
}

/* Never 0. */
static uint64_t name_of(const struct forgers *f, const struct address *from)
{
    struct address a = {{0}};
    if (from)
        a = address_network(*from);
    return siphash13(&f->seed, str_of((const char *)a.bytes, sizeof a.bytes)) | 1;
}

static struct forger *find(struct forgers *f, uint64_t who)
{
    struct forger *set = f->sets[who / 2 % FORGERS_SETS];
    for (int i = 0; i < FORGERS_WAYS; i++) {
        if (set[i].who == who)
            return &set[i];
    }
    return NULL;
}

static struct forger *make_room(struct forgers *f, uint64_t who)
{
    struct forger *set = f->sets[who / 2 % FORGERS_SETS], *oldest = set;
    for (int i = 1; i < FORGERS_WAYS; i++) {
        if (set[i].since_ms < oldest->since_ms)
            oldest = &set[i];
    }
    *oldest = (struct forger){.who = who};
    return oldest;
}

bool forgers_may(struct forgers *f, const struct address *from, uint64_t now_ms)
{
    const struct forger *k = find(f, name_of(f, from));
    bool is_much = f->n >= FORGED_MAX && !is_over(f->since_ms, now_ms);
    return !is_much && !(k && k->n >= FORGED_NETWORK_MAX && !is_over(k->since_ms, now_ms));
}

static void count(uint64_t *since_ms, uint32_t *n, uint64_t now_ms)
{
    if (is_over(*since_ms, now_ms)) {
        *since_ms = now_ms;
        *n = 0;
    }
    ++*n;
}

void forgers_note(struct forgers *f, const struct address *from, uint64_t now_ms)
{
    uint64_t who = name_of(f, from);
    struct forger *k = find(f, who);
    if (!k)
        k = make_room(f, who);
    count(&f->since_ms, &f->n, now_ms);
    count(&k->since_ms, &k->n, now_ms);
}
