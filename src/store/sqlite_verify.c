#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "store/sqlite.h"

enum { DIFFERENCES_MAX = 1000 };

struct report {
    struct store_verify *to;
    const char *kind, *who; /* the owner being looked at */
};

/* False: no memory. What is past the ceiling is not told: a thousand say enough. */
static bool differ(struct report *r, const char *fmt, ...) PRINTF(2, 3);
static bool differ(struct report *r, const char *fmt, ...)
{
    struct store_verify *v = r->to;
    if (v->n == DIFFERENCES_MAX)
        return true;
    if (!v->differences)
        v->differences = reallocarray(NULL, DIFFERENCES_MAX, sizeof *v->differences);
    if (!v->differences)
        return false;
    char *what = v->differences[v->n++].what;
    int n = snprintf(what, sizeof v->differences->what, "%s %s: ", r->kind, r->who);
    BUG_ON(n < 0 || (size_t)n >= sizeof v->differences->what);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what + n, sizeof v->differences->what - (size_t)n, fmt, ap);
    va_end(ap);
    return true;
}

/* --- owners, and what their generations add up to --- */

struct owner {
    int64_t id, parent; /* parent: the key that a key comes from; 0: none */
    char who[80];       /* part of a hash, or of an email */
    nanos granted, grants;
    struct usage recorded, summed;
    bool has_any;
};

struct owners {
    struct owner *all; /* by id */
    size_t n, cap;
};

static struct owner *owner_add(struct owners *o)
{
    if (o->n == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 16;
        struct owner *all = reallocarray(o->all, cap, sizeof *all);
        if (!all)
            return NULL;
        o->all = all;
        o->cap = cap;
    }
    o->all[o->n] = (struct owner){0};
    return &o->all[o->n++];
}

static struct owner *owner_find(const struct owners *o, int64_t id)
{
    size_t from = 0, to = o->n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (o->all[middle].id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from < o->n && o->all[from].id == id ? &o->all[from] : NULL;
}

static void col_key(struct query *q, struct owner *o)
{
    uint8_t hash[KEY_HASH_BYTES];
    o->id = col_i64(q);
    o->parent = col_i64(q);
    col_hash(q, hash);
    hex_encode(o->who, hash, 8);
    col_usage(q, &o->recorded);
}

static void col_account_owner(struct query *q, struct owner *o)
{
    o->id = col_i64(q);
    col_copy(q, o->who, sizeof o->who);
    o->granted = col_i64(q);
    o->grants = col_i64(q);
    col_usage(q, &o->recorded);
}

static enum err owners_read(struct store_conn *c, enum sql which, struct owners *o,
                            void (*col)(struct query *q, struct owner *o), struct fault *f)
{
    struct query q = query_of(c, which);
    enum err e;
    while ((e = query_next(&q, f)) == ERR_OK) {
        struct owner *next = owner_add(o);
        if (!next) {
            e = fault_set(f, ERR_NOMEM, "no memory for the owners of counters");
            break;
        }
        col(&q, next);
    }
    query_end(&q);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Up the line: a parent has a smaller id than what comes from it. */
static void owner_charge(const struct owners *owners, int64_t id, const struct generation *g)
{
    struct owner *o = owner_find(owners, id);
    while (o) {
        usage_add(&o->summed, g->settled_ms, g->cost);
        o->has_any = true;
        o = o->parent && o->parent < o->id ? owner_find(owners, o->parent) : NULL;
    }
}

/* --- reading all generations --- */

struct sums {
    struct owners keys, accounts;
    uint64_t generations;
};

static bool sum_block(struct sums *s, const struct block *b)
{
    struct generation g;
    size_t n = block_count(b->directory);
    for (size_t i = 0; i < n; i++) {
        if (!block_read(b, i, &g))
            return false;
        owner_charge(&s->keys, g.key_id, &g);
        owner_charge(&s->accounts, g.account_id, &g);
    }
    s->generations += n;
    return true;
}

static enum err sum_all(struct store_conn *c, struct sums *s, struct fault *f)
{
    struct query q = query_of(c, SQL_BLOCKS_BETWEEN);
    enum err e;
    query_i64(&q, 0);
    query_i64(&q, INT64_MAX);
    while ((e = query_next(&q, f)) == ERR_OK) {
        struct block b = {.directory = col_blob(&q)};
        b.records = col_blob(&q);
        if (!sum_block(s, &b)) {
            e = fault_set(f, ERR_STORE, "a block of generations is damaged");
            break;
        }
    }
    query_end(&q);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err sums_read(struct store_conn *c, struct sums *s, struct fault *f)
{
    enum err e = owners_read(c, SQL_VERIFY_KEYS, &s->keys, col_key, f);
    if (e == ERR_OK)
        e = owners_read(c, SQL_VERIFY_ACCOUNTS, &s->accounts, col_account_owner, f);
    return e == ERR_OK ? sum_all(c, s, f) : e;
}

/* --- comparing --- */

static bool usage_compare(struct report *r, const struct owner *o)
{
    static const char *const names[] = {"usage", "usage of the day", "usage of the week",
                                        "usage of the month"};
    for (enum window w = WINDOW_NONE; w < WINDOW__COUNT; w++) {
        int64_t start = o->has_any ? o->summed.start[w] : o->recorded.start[w];
        if (o->recorded.in[w] != o->summed.in[w] &&
            !differ(r, "%s %lld recorded, %lld in generations", names[w],
                    (long long)o->recorded.in[w], (long long)o->summed.in[w]))
            return false;
        if (o->recorded.start[w] != start &&
            !differ(r, "%s begins at %lld, by generations at %lld", names[w],
                    (long long)o->recorded.start[w], (long long)start))
            return false;
    }
    return true;
}

static enum err compare_all(const struct owners *owners, const char *kind, struct store_verify *v,
                            struct fault *f)
{
    for (size_t i = 0; i < owners->n; i++) {
        const struct owner *o = &owners->all[i];
        struct report r = {.to = v, .kind = kind, .who = o->who};
        bool is_told =
            o->granted == o->grants || differ(&r, "granted %lld recorded, %lld in grants",
                                              (long long)o->granted, (long long)o->grants);
        if (!is_told || !usage_compare(&r, o))
            return fault_set(f, ERR_NOMEM, "no memory for the differences");
    }
    return ERR_OK;
}

static enum err verify_in(struct store_conn *c, struct store_verify *v, struct fault *f)
{
    struct sums s = {0};
    enum err e = sums_read(c, &s, f);
    v->generations = s.generations;
    v->keys = s.keys.n;
    v->accounts = s.accounts.n;
    if (e == ERR_OK)
        e = compare_all(&s.keys, "key", v, f);
    if (e == ERR_OK)
        e = compare_all(&s.accounts, "account", v, f);
    free(s.keys.all);
    free(s.accounts.all);
    return e;
}

/* In one transaction, so that all it reads is of one moment; it writes nothing, so how that ends is
 * no matter. */
enum err sqlite_verify(struct store_conn *c, struct store_call *call)
{
    struct store_verify *v = container_of(call, struct store_verify, call);
    struct query q = query_of(c, SQL_BEGIN_READ);
    enum err e = query_run(&q, &call->fault);
    if (e != ERR_OK)
        return e;
    e = verify_in(c, v, &call->fault);
    store_sqlite.rollback(c);
    if (e == ERR_OK)
        return e;
    free(v->differences);
    v->differences = NULL;
    v->n = 0;
    return e;
}
