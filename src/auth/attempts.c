#include "auth/attempts.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/cidr.h"
#include "base/siphash.h"
#include "base/codec.h"

enum { SETS = 2048, WAYS = 4, FIRST_WAIT_MS = 1000 };

struct entry {
    uint64_t who; /* a keyed hash; 0: free */
    uint32_t failed;
    uint64_t last_ms;
};

struct attempts {
    pthread_mutex_t lock;
    struct siphash_key seed;
    struct entry entries[SETS][WAYS];
};

static const struct {
    uint32_t free;
    uint64_t wait_max_ms;
} rules[ATTEMPTS__COUNT] = {
    [ATTEMPTS_ACCOUNT] = {ATTEMPTS_FREE_ACCOUNT, ATTEMPTS_WAIT_ACCOUNT_MS},
    [ATTEMPTS_ADDRESS] = {ATTEMPTS_FREE_ADDRESS, ATTEMPTS_WAIT_ADDRESS_MS},
    [ATTEMPTS_MAIL] = {ATTEMPTS_FREE_MAIL, ATTEMPTS_WAIT_ADDRESS_MS},
    [ATTEMPTS_TOKEN] = {ATTEMPTS_FREE_TOKEN, ATTEMPTS_WAIT_TOKEN_MS},
};

struct attempts *attempts_new(void)
{
    struct attempts *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    random_bytes(&a->seed, sizeof a->seed);
    BUG_ON(pthread_mutex_init(&a->lock, NULL) != 0);
    return a;
}

void attempts_free(struct attempts *a)
{
    if (!a)
        return;
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static struct str network_of(struct str who, char room[CIDR_TEXT_MAX])
{
    struct address a;
    if (!address_parse(who, &a))
        return who;
    a = address_network(a);
    return address_text(&a, room);
}

/* Never 0. */
static uint64_t name_of(const struct attempts *a, enum attempts_kind kind, struct str who)
{
    char text[256], room[CIDR_TEXT_MAX];
    size_t n = 0;
    if (kind == ATTEMPTS_ADDRESS || kind == ATTEMPTS_TOKEN)
        who = network_of(who, room);
    text[n++] = (char)kind;
    for (size_t i = 0; i < who.n && n < sizeof text; i++)
        text[n++] = lower(who.p[i]);
    return siphash13(&a->seed, str_of(text, n)) | 1;
}

static struct entry *entry_find(struct attempts *a, uint64_t name)
{
    struct entry *set = a->entries[name / 2 % SETS];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].who == name)
            return &set[i];
    }
    return NULL;
}

/* The one that failed longest ago makes room. */
static struct entry *entry_make(struct attempts *a, uint64_t name)
{
    struct entry *set = a->entries[name / 2 % SETS], *oldest = set;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].who == 0 || (oldest->who && set[i].last_ms < oldest->last_ms))
            oldest = &set[i];
    }
    *oldest = (struct entry){.who = name};
    return oldest;
}

static uint64_t wait_of(const struct entry *e, enum attempts_kind kind, uint64_t now_ms)
{
    if (e->failed < rules[kind].free)
        return 0;
    uint32_t doublings = e->failed - rules[kind].free;
    uint64_t wait = doublings < 20 ? (uint64_t)FIRST_WAIT_MS << doublings : UINT64_MAX;
    if (wait > rules[kind].wait_max_ms)
        wait = rules[kind].wait_max_ms;
    uint64_t over = e->last_ms + wait;
    return over > now_ms ? over - now_ms : 0;
}

static uint64_t take(struct attempts *a, enum attempts_kind kind, uint64_t name, uint64_t now_ms)
{
    struct entry *e = entry_find(a, name);
    if (!e)
        e = entry_make(a, name);
    if (e->failed && now_ms - e->last_ms >= ATTEMPTS_FORGET_MS)
        e->failed = 0;
    uint64_t wait = wait_of(e, kind, now_ms);
    if (wait)
        return wait;
    e->failed++;
    e->last_ms = now_ms;
    return 0;
}

uint64_t attempts_take(struct attempts *a, enum attempts_kind kind, struct str who, uint64_t now_ms)
{
    pthread_mutex_lock(&a->lock);
    uint64_t wait = take(a, kind, name_of(a, kind, who), now_ms);
    pthread_mutex_unlock(&a->lock);
    return wait;
}

void attempts_right(struct attempts *a, enum attempts_kind kind, struct str who)
{
    pthread_mutex_lock(&a->lock);
    struct entry *e = entry_find(a, name_of(a, kind, who));
    if (e && kind == ATTEMPTS_ACCOUNT)
        e->failed = 0;
    else if (e && e->failed)
        e->failed--;
    pthread_mutex_unlock(&a->lock);
}
