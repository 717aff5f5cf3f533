#include "ledger/ledger.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"

struct budget {
    pthread_mutex_t lock;  /* of a key before that of what is above it */
    struct budget *parent; /* of the key that this one comes from; NULL: of none */
    int64_t id;
    nanos limit;
    enum window reset;
    nanos held;
    uint64_t holds;
    struct usage usage;
    struct rate rate;
};

struct ledger {
    pthread_rwlock_t lock; /* guards the maps; budgets, once there, stay */
    struct map accounts, keys;
};

/* --- one budget, its lock held --- */

/* Turns the windows. A day's turn is a turn's only occasion, so the usual call is one comparison.
 */
static void roll(struct budget *b, int64_t now_ms)
{
    const int64_t day_ms = INT64_C(86400000);
    if (now_ms - b->usage.start[WINDOW_DAY] < day_ms)
        return;
    usage_add(&b->usage, now_ms, 0);
}

static nanos settled(const struct budget *b)
{
    return b->usage.in[b->reset];
}

/* What may be held beside all that is: nothing once a limit was lowered below what is settled and
 * held. */
static nanos room(const struct budget *b)
{
    nanos used, left;
    if (b->limit == NO_LIMIT)
        return NO_LIMIT;
    if (__builtin_add_overflow(settled(b), b->held, &used))
        return 0;
    if (__builtin_sub_overflow(b->limit, used, &left))
        return 0;
    return left > 0 ? left : 0;
}

static nanos add_capped(nanos a, nanos b)
{
    nanos sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static nanos least_of(nanos a, nanos b)
{
    return a < b ? a : b;
}

enum why { EXHAUSTED, TOO_DEAR, IN_FLIGHT };

static enum why why_not(const struct budget *b, nanos least)
{
    if (settled(b) >= b->limit)
        return EXHAUSTED;
    return least > b->limit - settled(b) ? TOO_DEAR : IN_FLIGHT;
}

static void take(struct budget *b, nanos amount)
{
    b->held += amount;
    b->holds++;
}

static void give_back(struct budget *b, nanos amount)
{
    BUG_ON(b->held < amount || b->holds == 0);
    b->held -= amount;
    b->holds--;
}

/* --- the line of a hold: its key, the keys that this comes from, the account --- */

static struct budget *above(const struct budget *b, struct budget *account)
{
    return b == account ? NULL : b->parent ? b->parent : account;
}

#define line_each(b, key, account) for (struct budget *b = (key); b; b = above(b, account))

/* From the key upwards: two lines that meet have the rest in common, so nobody waits in a circle. */
static void lock_line(struct budget *key, struct budget *account)
{
    line_each(b, key, account) pthread_mutex_lock(&b->lock);
}

static void unlock_line(struct budget *key, struct budget *account)
{
    line_each(b, key, account) pthread_mutex_unlock(&b->lock);
}

static void roll_line(struct budget *key, struct budget *account, int64_t now_ms)
{
    line_each(b, key, account) roll(b, now_ms);
}

/* A sum of holds stays within 64 bits, limits or not. */
static nanos room_of_line(struct budget *key, struct budget *account)
{
    nanos least = INT64_MAX;
    line_each(b, key, account) least = least_of(least, least_of(room(b), INT64_MAX - b->held));
    return least;
}

/* Why, by the nearest budget of the line that has not enough. */
static void refuse(struct hold_answer *a, struct budget *key, struct budget *account, nanos least)
{
    static const enum hold_refusal of_key[] = {
        [EXHAUSTED] = HOLD_KEY_EXHAUSTED,
        [TOO_DEAR] = HOLD_KEY_TOO_DEAR,
        [IN_FLIGHT] = HOLD_KEY_IN_FLIGHT,
    };
    static const enum hold_refusal of_account[] = {
        [EXHAUSTED] = HOLD_ACCOUNT_EXHAUSTED,
        [TOO_DEAR] = HOLD_ACCOUNT_TOO_DEAR,
        [IN_FLIGHT] = HOLD_ACCOUNT_IN_FLIGHT,
    };
    struct budget *b = key;
    while (b != account && room(b) >= least)
        b = above(b, account);
    enum why why = why_not(b, least);
    a->refusal = b == account ? of_account[why] : of_key[why];
    a->window = b->reset;
    a->is_ancestor = b != account && b != key;
}

struct hold_answer hold_open(struct hold *h, struct budget *account, struct budget *key,
                             nanos amount, nanos least, int64_t now_ms)
{
    BUG_ON(h->account || least < 0 || amount < least);
    struct hold_answer a = {.refusal = HOLD_OK};
    lock_line(key, account);
    roll_line(key, account, now_ms);
    a.affordable = room_of_line(key, account);
    a.window = key->reset;
    if (a.affordable < least) {
        refuse(&a, key, account, least);
    } else {
        *h = (struct hold){account, key, least_of(amount, a.affordable)};
        line_each(b, key, account) take(b, h->amount);
    }
    unlock_line(key, account);
    return a;
}

bool hold_resize(struct hold *h, nanos amount, int64_t now_ms)
{
    BUG_ON(amount < 0);
    if (!h->account)
        return false;
    nanos more = amount - h->amount;
    lock_line(h->key, h->account);
    roll_line(h->key, h->account, now_ms);
    bool fits = more <= 0 || more <= room_of_line(h->key, h->account);
    if (fits) {
        line_each(b, h->key, h->account) b->held += more;
        h->amount = amount;
    }
    unlock_line(h->key, h->account);
    return fits;
}

/* The caller's present, but never before a window that one of the line has turned to: the cost shall
 * count in the windows that its hold was checked against, here and in the store. */
static int64_t settling_time(struct budget *key, struct budget *account, int64_t now_ms)
{
    line_each(b, key, account)
    {
        if (now_ms < b->usage.start[WINDOW_DAY])
            now_ms = b->usage.start[WINDOW_DAY];
    }
    return now_ms;
}

nanos hold_settle(struct hold *h, nanos cost, int64_t *settled_ms)
{
    struct budget *key = h->key, *account = h->account;
    BUG_ON(cost < 0);
    if (!account)
        return 0;
    lock_line(key, account);
    *settled_ms = settling_time(key, account, *settled_ms);
    roll_line(key, account, *settled_ms);
    nanos charged = least_of(cost, add_capped(h->amount, room_of_line(key, account)));
    line_each(b, key, account)
    {
        give_back(b, h->amount);
        usage_add(&b->usage, *settled_ms, charged);
    }
    unlock_line(key, account);
    *h = (struct hold){0};
    return charged;
}

void hold_cancel(void *hold)
{
    struct hold *h = hold;
    if (!h->account)
        return;
    lock_line(h->key, h->account);
    line_each(b, h->key, h->account) give_back(b, h->amount);
    unlock_line(h->key, h->account);
    *h = (struct hold){0};
}

struct budget *budget_parent(const struct budget *b)
{
    return b->parent;
}

void budget_view(struct budget *b, int64_t now_ms, struct budget_view *out)
{
    pthread_mutex_lock(&b->lock);
    roll(b, now_ms);
    *out = (struct budget_view){b->limit, b->reset, b->held, b->usage, room(b)};
    pthread_mutex_unlock(&b->lock);
}

/* --- rates --- */

struct rate_answer budget_rate_take(struct budget *b, const struct rate_limits *limits,
                                    uint64_t tokens, int64_t now_ms)
{
    pthread_mutex_lock(&b->lock);
    struct rate_answer a = rate_take(&b->rate, limits, tokens, now_ms);
    pthread_mutex_unlock(&b->lock);
    return a;
}

void budget_rate_correct(struct budget *b, int64_t taken_ms, uint64_t tokens, uint64_t used,
                         int64_t now_ms)
{
    pthread_mutex_lock(&b->lock);
    rate_correct(&b->rate, taken_ms, tokens, used, now_ms);
    pthread_mutex_unlock(&b->lock);
}

/* --- all budgets --- */

static struct str id_view(const int64_t *id)
{
    return str_of((const char *)id, sizeof *id);
}

/* What both kinds of rows have in common. */
struct row {
    int64_t id;
    nanos limit;
    enum window reset;
    const struct usage *usage;
    struct budget *parent;
};

static struct budget *budget_new(const struct row *row)
{
    struct budget *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    if (pthread_mutex_init(&b->lock, NULL) != 0) {
        free(b);
        return NULL;
    }
    b->id = row->id;
    b->limit = row->limit;
    b->reset = row->reset;
    b->usage = *row->usage;
    b->parent = row->parent;
    return b;
}

static void budget_free(struct budget *b)
{
    BUG_ON(b->holds); /* a hold always ends before the ledger does */
    pthread_mutex_destroy(&b->lock);
    free(b);
}

static struct budget *find(struct ledger *l, const struct map *m, int64_t id)
{
    pthread_rwlock_rdlock(&l->lock);
    struct budget *b = map_get(m, id_view(&id));
    pthread_rwlock_unlock(&l->lock);
    return b;
}

/* The ledger's lock is held for writing: two threads may see the same row first. */
static struct budget *find_or_make(struct map *m, const struct row *row)
{
    struct budget *b = map_get(m, id_view(&row->id));
    if (b)
        return b;
    b = budget_new(row);
    if (b && map_put(m, id_view(&b->id), b) != ERR_OK) {
        budget_free(b);
        return NULL;
    }
    return b;
}

/* The budget, made where it is not there yet. NULL: no memory. */
static struct budget *have(struct ledger *l, struct map *m, const struct row *row)
{
    struct budget *b = find(l, m, row->id);
    if (!b) {
        pthread_rwlock_wrlock(&l->lock);
        b = find_or_make(m, row);
        pthread_rwlock_unlock(&l->lock);
    }
    return b;
}

static struct budget *load(struct ledger *l, struct map *m, const struct row *row)
{
    struct budget *b = have(l, m, row);
    if (!b)
        return NULL;
    pthread_mutex_lock(&b->lock);
    b->limit = row->limit;
    b->reset = row->reset;
    pthread_mutex_unlock(&b->lock);
    return b;
}

struct budget *ledger_account(struct ledger *l, const struct account *row)
{
    return load(l, &l->accounts,
                &(struct row){row->id, row->granted, WINDOW_NONE, &row->usage, NULL});
}

/* The ancestors first, from the farthest on. What is known of one may be newer than its link. */
struct budget *ledger_key(struct ledger *l, const struct key *row, const struct key_link *line)
{
    struct budget *parent = NULL;
    for (int i = row->depth; i-- > 0;) {
        const struct key_link *k = &line[i];
        parent = have(l, &l->keys, &(struct row){k->id, k->limit, k->reset, &k->usage, parent});
        if (!parent)
            return NULL;
    }
    return load(l, &l->keys, &(struct row){row->id, row->limit, row->reset, &row->usage, parent});
}

struct budget *ledger_find_account(struct ledger *l, int64_t id)
{
    return find(l, &l->accounts, id);
}

struct budget *ledger_find_key(struct ledger *l, int64_t id)
{
    return find(l, &l->keys, id);
}

void ledger_totals(struct ledger *l, struct ledger_totals *out)
{
    *out = (struct ledger_totals){0};
    pthread_rwlock_rdlock(&l->lock);
    struct budget *b;
    for (size_t at = 0; (b = map_next(&l->accounts, &at));) {
        pthread_mutex_lock(&b->lock);
        out->held = add_capped(out->held, b->held);
        out->holds += b->holds;
        pthread_mutex_unlock(&b->lock);
    }
    out->accounts = l->accounts.n;
    out->keys = l->keys.n;
    pthread_rwlock_unlock(&l->lock);
}

struct ledger *ledger_new(void)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    if (pthread_rwlock_init(&l->lock, NULL) != 0) {
        free(l);
        return NULL;
    }
    map_init(&l->accounts);
    map_init(&l->keys);
    return l;
}

static void free_all(struct map *m)
{
    struct budget *b;
    for (size_t at = 0; (b = map_next(m, &at));)
        budget_free(b);
    map_release(m);
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    free_all(&l->accounts);
    free_all(&l->keys);
    pthread_rwlock_destroy(&l->lock);
    free(l);
}
