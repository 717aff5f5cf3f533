#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "ledger/ledger.h"

#define NOON INT64_C(1767268800000) /* 2026-01-01T12:00:00Z, a Thursday */
#define DAY  INT64_C(86400000)

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

struct here {
    struct ledger *l;
    struct budget *account, *key;
};

static int setup(void **state)
{
    struct here *h = calloc(1, sizeof *h);
    h->l = ledger_new();
    clock_wall_set(NOON);
    h->account = ledger_account(h->l, &(struct account){.id = 1, .granted = 1000});
    h->key = ledger_key(h->l, &(struct key){.id = 1, .account_id = 1, .limit = 500}, NULL);
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    struct here *h = *state;
    ledger_free(h->l);
    clock_wall_release();
    free(h);
    return 0;
}

static struct budget_view view(struct budget *b)
{
    struct budget_view v;
    budget_view(b, clock_wall_ms(), &v);
    return v;
}

static enum hold_refusal open(struct here *h, struct hold *hold, nanos amount, nanos least)
{
    return hold_open(hold, h->account, h->key, amount, least, clock_wall_ms()).refusal;
}

static nanos settle_now(struct hold *hold, nanos cost, int64_t *at)
{
    *at = clock_wall_ms();
    return hold_settle(hold, cost, at);
}

static nanos settle(struct hold *hold, nanos cost)
{
    int64_t at;
    return settle_now(hold, cost, &at);
}

static void a_hold_is_taken_from_both_and_settled_in_both(void **state)
{
    struct here *h = *state;
    struct hold hold = {0};
    int64_t at;
    assert_int_equal(open(h, &hold, 300, 300), HOLD_OK);
    assert_int_equal(view(h->key).held, 300);
    assert_int_equal(view(h->account).held, 300);
    assert_int_equal(view(h->key).remaining, 200);
    assert_int_equal(view(h->account).remaining, 700);
    assert_int_equal(settle_now(&hold, 120, &at), 120);
    assert_int_equal(at, NOON);
    assert_int_equal(view(h->key).held, 0);
    assert_int_equal(view(h->key).usage.in[WINDOW_NONE], 120);
    assert_int_equal(view(h->account).usage.in[WINDOW_NONE], 120);
    assert_int_equal(view(h->key).remaining, 380);
}

static void a_hold_ends_once(void **state)
{
    struct here *h = *state;
    struct hold hold = {0};
    assert_int_equal(open(h, &hold, 300, 300), HOLD_OK);
    assert_int_equal(settle(&hold, 100), 100);
    assert_int_equal(settle(&hold, 100), 0);
    hold_cancel(&hold);
    assert_false(hold_resize(&hold, 5, NOON));
    assert_int_equal(view(h->key).held, 0);
    assert_int_equal(view(h->account).usage.in[WINDOW_NONE], 100);
    struct arena a;
    arena_init(&a, 4096, 1 << 20);
    assert_true(arena_defer(&a, hold_cancel, &hold));
    assert_int_equal(open(h, &hold, 50, 50), HOLD_OK);
    arena_release(&a);
    assert_int_equal(view(h->key).held, 0);
    assert_int_equal(view(h->account).usage.in[WINDOW_NONE], 100);
}

static void a_refused_hold_takes_from_neither(void **state)
{
    struct here *h = *state;
    struct hold hold = {0}, other = {0};
    struct hold_answer a = hold_open(&hold, h->account, h->key, 600, 501, NOON);
    assert_int_equal(a.refusal, HOLD_KEY_TOO_DEAR);
    assert_int_equal(a.affordable, 500);
    assert_null(hold.account);
    assert_int_equal(open(h, &hold, 400, 400), HOLD_OK);
    assert_int_equal(open(h, &other, 101, 101), HOLD_KEY_IN_FLIGHT);
    assert_int_equal(view(h->account).held, 400);
    assert_int_equal(settle(&hold, 400), 400);
    assert_int_equal(open(h, &other, 101, 101), HOLD_KEY_TOO_DEAR);
    assert_int_equal(open(h, &other, 100, 100), HOLD_OK);
    assert_int_equal(settle(&other, 100), 100);
    assert_int_equal(open(h, &other, 1, 1), HOLD_KEY_EXHAUSTED);
    assert_int_equal(view(h->account).held, 0);
    assert_int_equal(view(h->key).held, 0);
}

static void an_account_refuses_as_a_key_does(void **state)
{
    struct here *h = *state;
    struct hold hold = {0}, other = {0};
    h->key = ledger_key(h->l, &(struct key){.id = 2, .account_id = 1, .limit = NO_LIMIT}, NULL);
    assert_true(view(h->key).remaining == NO_LIMIT);
    assert_int_equal(open(h, &hold, 1001, 1001), HOLD_ACCOUNT_TOO_DEAR);
    assert_int_equal(open(h, &hold, 900, 900), HOLD_OK);
    assert_int_equal(open(h, &other, 101, 101), HOLD_ACCOUNT_IN_FLIGHT);
    hold_cancel(&hold);
    assert_int_equal(open(h, &hold, 1000, 1000), HOLD_OK);
    assert_int_equal(settle(&hold, 1000), 1000);
    assert_int_equal(open(h, &other, 1, 1), HOLD_ACCOUNT_EXHAUSTED);
    assert_int_equal(open(h, &other, 0, 0), HOLD_OK); /* what is free needs no credit */
    hold_cancel(&other);
}

static void a_hold_takes_what_there_is_where_less_will_do(void **state)
{
    struct here *h = *state;
    struct hold hold = {0}, other = {0};
    struct hold_answer a = hold_open(&hold, h->account, h->key, 800, 100, NOON);
    assert_int_equal(a.refusal, HOLD_OK);
    assert_int_equal(a.affordable, 500);
    assert_int_equal(hold.amount, 500);
    assert_int_equal(open(h, &other, 800, 1), HOLD_KEY_IN_FLIGHT);
    assert_true(hold_resize(&hold, 450, NOON));
    assert_int_equal(open(h, &other, 800, 1), HOLD_OK);
    assert_int_equal(other.amount, 50);
    hold_cancel(&hold);
    hold_cancel(&other);
}

static void a_hold_may_grow_into_what_is_left(void **state)
{
    struct here *h = *state;
    struct hold hold = {0}, other = {0};
    assert_int_equal(open(h, &hold, 100, 100), HOLD_OK);
    assert_int_equal(open(h, &other, 300, 300), HOLD_OK);
    assert_false(hold_resize(&hold, 201, NOON));
    assert_int_equal(hold.amount, 100);
    assert_true(hold_resize(&hold, 200, NOON));
    assert_int_equal(view(h->key).remaining, 0);
    assert_true(hold_resize(&hold, 0, NOON));
    assert_int_equal(view(h->account).held, 300);
    hold_cancel(&hold);
    hold_cancel(&other);
}

static void a_cost_above_the_hold_is_charged_as_far_as_there_is(void **state)
{
    struct here *h = *state;
    struct hold hold = {0}, other = {0};
    assert_int_equal(open(h, &hold, 100, 100), HOLD_OK);
    assert_int_equal(open(h, &other, 300, 300), HOLD_OK);
    assert_int_equal(settle(&hold, 150), 150);
    assert_int_equal(settle(&other, 9999), 350);
    assert_int_equal(view(h->key).usage.in[WINDOW_NONE], 500);
    assert_int_equal(view(h->key).remaining, 0);
}

static void a_lowered_limit_lets_what_runs_end(void **state)
{
    struct here *h = *state;
    struct hold hold = {0}, other = {0};
    assert_int_equal(open(h, &hold, 300, 300), HOLD_OK);
    assert_ptr_equal(ledger_key(h->l, &(struct key){.id = 1, .limit = 100}, NULL), h->key);
    assert_int_equal(view(h->key).remaining, 0);
    assert_int_equal(open(h, &other, 1, 1), HOLD_KEY_IN_FLIGHT);
    assert_false(hold_resize(&hold, 301, NOON));
    assert_int_equal(settle(&hold, 400), 300);
    assert_int_equal(open(h, &other, 1, 1), HOLD_KEY_EXHAUSTED);
    ledger_key(h->l, &(struct key){.id = 1, .limit = 400}, NULL);
    assert_int_equal(open(h, &other, 100, 100), HOLD_OK);
    hold_cancel(&other);
}

static void a_row_seen_again_brings_its_limit_not_its_usage(void **state)
{
    struct here *h = *state;
    struct hold hold = {0};
    struct key stale = {
        .id = 1, .limit = NO_LIMIT, .reset = WINDOW_MONTH, .usage.in[WINDOW_NONE] = 7};
    assert_int_equal(open(h, &hold, 100, 100), HOLD_OK);
    assert_int_equal(settle(&hold, 100), 100);
    assert_ptr_equal(ledger_key(h->l, &stale, NULL), h->key);
    assert_int_equal(view(h->key).usage.in[WINDOW_NONE], 100);
    assert_int_equal(view(h->key).reset, WINDOW_MONTH);
    struct key fresh = {.id = 5, .limit = 50, .usage = {.in[WINDOW_NONE] = 20}};
    assert_int_equal(view(ledger_key(h->l, &fresh, NULL)).remaining, 30);
    assert_ptr_equal(ledger_find_key(h->l, 1), h->key);
    assert_null(ledger_find_key(h->l, 99));
    assert_null(ledger_find_account(h->l, 99));
    struct ledger_totals t;
    ledger_totals(h->l, &t);
    assert_int_equal(t.keys, 2);
    assert_int_equal(t.accounts, 1);
    assert_int_equal(t.holds, 0);
}

static void totals_count_what_is_open(void **state)
{
    struct here *h = *state;
    struct hold holds[5] = {{0}};
    struct ledger_totals t;
    for (int i = 0; i < 5; i++)
        assert_int_equal(open(h, &holds[i], 10 + i, 10 + i), HOLD_OK);
    ledger_totals(h->l, &t);
    assert_int_equal(t.holds, 5);
    assert_int_equal(t.held, 60);
    for (int i = 0; i < 5; i++)
        hold_cancel(&holds[i]);
}

static void the_largest_numbers_do_not_overflow(void **state)
{
    struct here *h = *state;
    struct hold holds[3] = {{0}};
    h->account = ledger_account(h->l, &(struct account){.id = 9, .granted = INT64_MAX - 1});
    h->key = ledger_key(h->l, &(struct key){.id = 9, .limit = NO_LIMIT}, NULL);
    assert_int_equal(open(h, &holds[0], INT64_MAX, 1), HOLD_OK);
    assert_int_equal(open(h, &holds[1], INT64_MAX, 1), HOLD_ACCOUNT_IN_FLIGHT);
    assert_true(settle(&holds[0], INT64_MAX) == INT64_MAX - 1);
    assert_true(view(h->account).usage.in[WINDOW_NONE] == INT64_MAX - 1);
    assert_int_equal(open(h, &holds[2], 1, 1), HOLD_ACCOUNT_EXHAUSTED);
}

/* --- windows --- */

static int64_t ms(const char *iso)
{
    int64_t out;
    assert_true(clock_parse_iso(str_c(iso), &out));
    return out;
}

static void a_window_turns_at_midnight_of_utc(void **state)
{
    static const struct {
        enum window w;
        const char *last, *first;
    } turns[] = {
        {WINDOW_DAY, "2026-01-01T23:59:59.999Z", "2026-01-02T00:00:00Z"},
        {WINDOW_DAY, "2028-02-28T23:59:59.999Z", "2028-02-29T00:00:00Z"},
        {WINDOW_WEEK, "2026-01-04T23:59:59.999Z", "2026-01-05T00:00:00Z"},
        {WINDOW_WEEK, "2024-12-29T23:59:59.999Z", "2024-12-30T00:00:00Z"},
        {WINDOW_MONTH, "2028-02-29T23:59:59.999Z", "2028-03-01T00:00:00Z"},
        {WINDOW_MONTH, "2027-02-28T23:59:59.999Z", "2027-03-01T00:00:00Z"},
        {WINDOW_MONTH, "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z"},
    };
    struct here *h = *state;
    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        struct hold hold = {0};
        h->account =
            ledger_account(h->l, &(struct account){.id = 100 + (int64_t)i, .granted = 1000});
        clock_wall_set(ms(turns[i].last));
        h->key = ledger_key(
            h->l, &(struct key){.id = 100 + (int64_t)i, .limit = 500, .reset = turns[i].w}, NULL);
        assert_int_equal(open(h, &hold, 500, 500), HOLD_OK);
        assert_int_equal(settle(&hold, 500), 500);
        assert_int_equal(open(h, &hold, 1, 1), HOLD_KEY_EXHAUSTED);
        clock_wall_set(ms(turns[i].first));
        assert_int_equal(view(h->key).remaining, 500);
        assert_int_equal(open(h, &hold, 500, 500), HOLD_OK);
        hold_cancel(&hold);
        clock_wall_set(ms(turns[i].last)); /* a clock set back does not give the old window back */
        assert_int_equal(view(h->key).remaining, 500);
        assert_int_equal(view(h->key).usage.in[WINDOW_NONE], 500);
    }
}

static void a_hold_of_yesterday_counts_when_it_is_settled(void **state)
{
    struct here *h = *state;
    struct hold hold = {0}, other = {0};
    int64_t at;
    h->key = ledger_key(h->l, &(struct key){.id = 2, .limit = 100, .reset = WINDOW_DAY}, NULL);
    assert_int_equal(open(h, &hold, 80, 80), HOLD_OK);
    clock_wall_set(NOON + DAY);
    assert_int_equal(open(h, &other, 30, 30), HOLD_KEY_IN_FLIGHT);
    assert_int_equal(settle_now(&hold, 70, &at), 70);
    assert_int_equal(at, NOON + DAY);
    assert_int_equal(view(h->key).remaining, 30);
}

static void what_is_settled_never_falls_into_a_window_that_is_over(void **state)
{
    struct here *h = *state;
    struct hold hold = {0};
    int64_t at;
    h->key = ledger_key(h->l, &(struct key){.id = 2, .limit = 100, .reset = WINDOW_DAY}, NULL);
    clock_wall_set(NOON + DAY);
    assert_int_equal(open(h, &hold, 80, 80), HOLD_OK);
    clock_wall_set(NOON);
    assert_int_equal(settle_now(&hold, 70, &at), 70);
    assert_int_equal(at, clock_day_start(NOON + DAY));
    assert_int_equal(view(h->key).remaining, 30);
}

/* The ledger beside a model that remembers every charge and adds them all up each time. */
static void windows_agree_with_a_model(void **state)
{
    enum { STEPS = 400 };
    struct here *h = *state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        uint64_t random = seed * 7919;
        int64_t at[STEPS], now = ms("2027-12-20T05:00:00Z");
        nanos cost[STEPS], limit = 2000;
        enum window w = (enum window)(seed % WINDOW__COUNT);
        int n = 0;
        h->account = ledger_account(
            h->l, &(struct account){.id = 1000 + (int64_t)seed, .granted = NANOS_MAX});
        h->key = ledger_key(
            h->l, &(struct key){.id = 1000 + (int64_t)seed, .limit = limit, .reset = w}, NULL);
        for (int i = 0; i < STEPS; i++) {
            struct hold hold = {0};
            nanos in_window = 0, wanted = (nanos)(next_random(&random) % 300);
            now += (int64_t)(next_random(&random) % (uint64_t)(DAY / 2));
            clock_wall_set(now);
            for (int k = 0; k < n; k++)
                in_window += window_start(w, at[k]) == window_start(w, now) ? cost[k] : 0;
            assert_int_equal(view(h->key).remaining, limit - in_window);
            bool fits = in_window + wanted <= limit;
            assert_int_equal(open(h, &hold, wanted, wanted) == HOLD_OK, fits);
            if (!fits)
                continue;
            cost[n] = (nanos)(next_random(&random) % (uint64_t)(wanted + 1));
            assert_int_equal(settle_now(&hold, cost[n], &at[n]), cost[n]);
            n++;
        }
        struct usage again = {0}; /* and with what the store will make of it */
        for (int k = n - 1; k >= 0; k--)
            usage_add(&again, at[k], cost[k]);
        struct usage seen = view(h->key).usage;
        for (enum window each = WINDOW_NONE; each < WINDOW__COUNT; each++)
            assert_int_equal(usage_at(&again, each, now), usage_at(&seen, each, now));
    }
}

/* --- many threads --- */

enum { THREADS = 4, KEYS = 3, ROUNDS = 4000, OPEN_MAX = 8 };

struct crowd {
    struct ledger *l;
    struct budget *account, *keys[KEYS];
    _Atomic nanos charged[KEYS];
    _Atomic bool is_over;
    _Atomic bool is_broken;
};

struct member {
    struct crowd *crowd;
    uint64_t random;
    pthread_t thread;
};

static void check_view(struct crowd *c, struct budget *b)
{
    struct budget_view v;
    budget_view(b, clock_wall_ms(), &v);
    if (v.held < 0 || v.usage.in[v.reset] + v.held > v.limit || v.remaining < 0)
        atomic_store(&c->is_broken, true);
}

static void do_one(struct member *m, struct hold *hold, int *of_key)
{
    struct crowd *c = m->crowd;
    uint64_t r = next_random(&m->random);
    nanos amount = (nanos)(r >> 8 & 1023);
    int64_t at;
    if (!hold->account) {
        *of_key = (int)(r % KEYS);
        struct hold_answer a = hold_open(hold, c->account, c->keys[*of_key], amount,
                                         r >> 60 ? amount : amount / 2, clock_wall_ms());
        if ((a.refusal == HOLD_OK) != (hold->account != NULL))
            atomic_store(&c->is_broken, true);
    } else if (r % 8 < 3) {
        nanos charged = settle_now(hold, amount, &at);
        atomic_fetch_add(&c->charged[*of_key], charged);
        if (charged > amount)
            atomic_store(&c->is_broken, true);
    } else if (r % 8 < 5) {
        bool fits = hold_resize(hold, amount, clock_wall_ms());
        if (fits != (hold->amount == amount) && hold->amount != amount)
            atomic_store(&c->is_broken, true);
    } else {
        hold_cancel(hold);
    }
}

static void *be_in_the_crowd(void *arg)
{
    struct member *m = arg;
    struct hold holds[OPEN_MAX] = {{0}};
    int of_key[OPEN_MAX] = {0};
    for (int i = 0; i < ROUNDS; i++) {
        size_t which = next_random(&m->random) % OPEN_MAX;
        do_one(m, &holds[which], &of_key[which]);
        check_view(m->crowd, m->crowd->keys[of_key[which]]);
    }
    for (int i = 0; i < OPEN_MAX; i++)
        hold_cancel(&holds[i]);
    return NULL;
}

static void *watch(void *arg)
{
    struct crowd *c = arg;
    while (!atomic_load(&c->is_over)) {
        check_view(c, c->account);
        for (int i = 0; i < KEYS; i++)
            check_view(c, c->keys[i]);
    }
    return NULL;
}

static void a_crowd_never_spends_more_than_there_is(void **state)
{
    struct here *h = *state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct crowd c = {.l = h->l};
        struct member members[THREADS];
        pthread_t watcher;
        int64_t id = 5000 + (int64_t)seed * 10;
        nanos sum = 0;
        c.account = ledger_account(h->l, &(struct account){.id = id, .granted = 400000});
        for (int i = 0; i < KEYS; i++)
            c.keys[i] =
                ledger_key(h->l, &(struct key){.id = id + i, .limit = 100000 + 60000 * i}, NULL);
        assert_int_equal(pthread_create(&watcher, NULL, watch, &c), 0);
        for (int i = 0; i < THREADS; i++) {
            members[i] = (struct member){.crowd = &c, .random = seed * 1000 + (uint64_t)i + 1};
            assert_int_equal(pthread_create(&members[i].thread, NULL, be_in_the_crowd, &members[i]),
                             0);
        }
        for (int i = 0; i < THREADS; i++)
            pthread_join(members[i].thread, NULL);
        atomic_store(&c.is_over, true);
        pthread_join(watcher, NULL);
        assert_false(atomic_load(&c.is_broken));
        for (int i = 0; i < KEYS; i++) {
            assert_int_equal(view(c.keys[i]).held, 0);
            assert_int_equal(view(c.keys[i]).usage.in[WINDOW_NONE], c.charged[i]);
            sum += c.charged[i];
        }
        assert_int_equal(view(c.account).held, 0);
        assert_int_equal(view(c.account).usage.in[WINDOW_NONE], sum);
        assert_true(sum > 300000); /* it did come near the limit */
    }
}

/* All threads see the same rows first, at once. */
static void *load_rows(void *arg)
{
    struct crowd *c = arg;
    for (int64_t id = 1; id <= 2000; id++) {
        struct budget *b = ledger_key(c->l, &(struct key){.id = id, .limit = id}, NULL);
        struct budget_view v;
        budget_view(b, NOON, &v);
        if (v.limit != id || ledger_find_key(c->l, id) != b)
            atomic_store(&c->is_broken, true);
    }
    return NULL;
}

static void a_row_becomes_one_budget_however_many_bring_it(void **state)
{
    struct crowd c = {.l = ledger_new()};
    pthread_t threads[THREADS];
    struct ledger_totals t;
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_rows, &c), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ledger_totals(c.l, &t);
    assert_int_equal(t.keys, 2000);
    assert_false(atomic_load(&c.is_broken));
    ledger_free(c.l);
}

/* --- a tree of budgets -------------------------------------------------------------------------- */

enum { NODES = 40, TREE_THREADS = 6, TREE_STEPS = 20000 };

static struct tree {
    struct ledger *l;
    struct budget *account, *nodes[NODES];
    int parent[NODES];
    atomic_llong settled[NODES], settled_in_all; /* what each thread's settlements say */
    atomic_bool is_over;
} tree;

/* A random tree; each node knows its line, the nearest ancestor first. */
static void plant(uint64_t *seed)
{
    memset(&tree, 0, sizeof tree);
    tree.l = ledger_new();
    tree.account = ledger_account(tree.l, &(struct account){.id = 1, .granted = 40000});
    for (int i = 0; i < NODES; i++) {
        struct key_link line[KEY_DEPTH_MAX] = {{0}};
        struct key k = {.id = i + 1, .account_id = 1};
        k.limit = next_random(seed) % 4 == 0 ? NO_LIMIT : (nanos)(next_random(seed) % 9000);
        tree.parent[i] = i == 0 ? -1 : (int)(next_random(seed) % (uint64_t)i);
        for (int at = tree.parent[i]; at >= 0 && k.depth < KEY_DEPTH_MAX; at = tree.parent[at])
            line[k.depth++] = (struct key_link){.id = at + 1, .limit = 0};
        if (k.depth == KEY_DEPTH_MAX) { /* too deep: a root instead */
            tree.parent[i] = -1;
            k.depth = 0;
        }
        tree.nodes[i] = ledger_key(tree.l, &k, line);
        assert_ptr_equal(budget_parent(tree.nodes[i]),
                         tree.parent[i] < 0 ? NULL : tree.nodes[tree.parent[i]]);
    }
}

static void note_settled(int node, nanos charged)
{
    for (; node >= 0; node = tree.parent[node])
        atomic_fetch_add(&tree.settled[node], charged);
    atomic_fetch_add(&tree.settled_in_all, charged);
}

/* Opens, resizes, settles and cancels at random; an overrun is charged as far as there is room. */
static void *spender(void *arg)
{
    uint64_t seed = *(uint64_t *)arg;
    struct hold holds[8] = {{0}};
    int node[8] = {0};
    for (int step = 0; step < TREE_STEPS; step++) {
        int i = (int)(next_random(&seed) % 8);
        nanos amount = (nanos)(next_random(&seed) % 60);
        int64_t when;
        struct hold *h = &holds[i];
        if (!h->account) {
            node[i] = (int)(next_random(&seed) % NODES);
            struct hold_answer a =
                hold_open(h, tree.account, tree.nodes[node[i]], amount, amount / 2, NOON);
            (void)a;
        } else if (next_random(&seed) % 3 == 0) {
            if (!hold_resize(h, amount, NOON))
                continue;
        } else if (next_random(&seed) % 3 == 0) {
            hold_cancel(h);
        } else {
            note_settled(node[i], hold_settle(h, amount, &when));
        }
    }
    for (int i = 0; i < 8; i++)
        hold_cancel(&holds[i]);
    return NULL;
}

static void assert_bounded(struct budget *b)
{
    struct budget_view v;
    nanos used;
    budget_view(b, NOON, &v);
    assert_false(__builtin_add_overflow(v.usage.in[WINDOW_NONE], v.held, &used));
    if (v.limit != NO_LIMIT && used > v.limit)
        fail_msg("%lld settled and held of %lld", (long long)used, (long long)v.limit);
}

/* Invariant 1, for every node of a tree at every instant at which somebody looks. */
static void *watcher(void *arg)
{
    (void)arg;
    while (!atomic_load(&tree.is_over)) {
        for (int i = 0; i < NODES; i++)
            assert_bounded(tree.nodes[i]);
        assert_bounded(tree.account);
    }
    return NULL;
}

static void no_node_of_a_tree_ever_spends_more_than_its_limit(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 8; round++) {
        uint64_t seed = round * UINT64_C(0x9e3779b97f4a7c15), seeds[TREE_THREADS];
        pthread_t threads[TREE_THREADS], watching;
        clock_wall_set(NOON);
        plant(&seed);
        assert_int_equal(pthread_create(&watching, NULL, watcher, NULL), 0);
        for (int i = 0; i < TREE_THREADS; i++) {
            seeds[i] = next_random(&seed);
            assert_int_equal(pthread_create(&threads[i], NULL, spender, &seeds[i]), 0);
        }
        for (int i = 0; i < TREE_THREADS; i++)
            pthread_join(threads[i], NULL);
        atomic_store(&tree.is_over, true);
        pthread_join(watching, NULL);
        for (int i = 0; i < NODES; i++) { /* a node has what it and all below it have settled */
            struct budget_view v;
            budget_view(tree.nodes[i], NOON, &v);
            assert_int_equal(v.held, 0);
            assert_int_equal(v.usage.in[WINDOW_NONE], atomic_load(&tree.settled[i]));
        }
        struct budget_view all;
        budget_view(tree.account, NOON, &all);
        assert_int_equal(all.usage.in[WINDOW_NONE], atomic_load(&tree.settled_in_all));
        assert_true(all.usage.in[WINDOW_NONE] > 0);
        ledger_free(tree.l);
    }
    clock_wall_release();
}

static void a_refusal_names_the_nearest_that_has_too_little(void **state)
{
    (void)state;
    struct ledger *l = ledger_new();
    struct budget *account = ledger_account(l, &(struct account){.id = 1, .granted = 1000});
    struct key_link line[2] = {{.id = 2, .limit = 100, .reset = WINDOW_DAY},
                               {.id = 1, .limit = 10}};
    struct budget *low =
        ledger_key(l, &(struct key){.id = 3, .depth = 2, .limit = 50, .reset = WINDOW_MONTH}, line);
    struct hold h = {0};
    struct hold_answer a = hold_open(&h, account, low, 60, 60, NOON);
    assert_true(a.refusal == HOLD_KEY_TOO_DEAR && !a.is_ancestor && a.window == WINDOW_MONTH);
    assert_int_equal(a.affordable, 10);
    a = hold_open(&h, account, low, 20, 20, NOON);
    assert_true(a.refusal == HOLD_KEY_TOO_DEAR && a.is_ancestor && a.window == WINDOW_NONE);
    a = hold_open(&h, account, low, 10, 10, NOON);
    assert_int_equal(a.refusal, HOLD_OK);
    struct hold second = {0};
    a = hold_open(&second, account, low, 1, 1, NOON);
    assert_true(a.refusal == HOLD_KEY_IN_FLIGHT && a.is_ancestor);
    hold_cancel(&h);
    ledger_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_node_of_a_tree_ever_spends_more_than_its_limit),
        cmocka_unit_test(a_refusal_names_the_nearest_that_has_too_little),
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_hold_is_taken_from_both_and_settled_in_both),
        TEST(a_hold_ends_once),
        TEST(a_refused_hold_takes_from_neither),
        TEST(an_account_refuses_as_a_key_does),
        TEST(a_hold_takes_what_there_is_where_less_will_do),
        TEST(a_hold_may_grow_into_what_is_left),
        TEST(a_cost_above_the_hold_is_charged_as_far_as_there_is),
        TEST(a_lowered_limit_lets_what_runs_end),
        TEST(a_row_seen_again_brings_its_limit_not_its_usage),
        TEST(totals_count_what_is_open),
        TEST(the_largest_numbers_do_not_overflow),
        TEST(a_window_turns_at_midnight_of_utc),
        TEST(a_hold_of_yesterday_counts_when_it_is_settled),
        TEST(what_is_settled_never_falls_into_a_window_that_is_over),
        TEST(windows_agree_with_a_model),
        TEST(a_crowd_never_spends_more_than_there_is),
        TEST(a_row_becomes_one_budget_however_many_bring_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
