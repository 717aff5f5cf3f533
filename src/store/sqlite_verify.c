#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "store/sqlite.h"

enum { DIFFERENCES_MAX = 1000 };

struct report {
    struct store_verify *to;
    size_t cap;
    const char *kind;
    char who[80]; /* the owner being looked at: part of a hash, or of an email */
};

/* False: no memory. What is past the ceiling is not told: a thousand say enough. */
static bool differ(struct report *r, const char *fmt, ...) PRINTF(2, 3);
static bool differ(struct report *r, const char *fmt, ...)
{
    struct store_verify *v = r->to;
    if (v->n == DIFFERENCES_MAX)
        return true;
    if (v->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 16;
        struct store_difference *more = reallocarray(v->differences, r->cap, sizeof *more);
        if (!more)
            return false;
        v->differences = more;
    }
    char *what = v->differences[v->n++].what;
    int n = snprintf(what, sizeof v->differences->what, "%s %s: ", r->kind, r->who);
    BUG_ON(n < 0 || (size_t)n >= sizeof v->differences->what);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what + n, sizeof v->differences->what - (size_t)n, fmt, ap);
    va_end(ap);
    return true;
}

/* What the owner's generations say: its usage, had all of them been added to nothing. */
static void col_sums(struct query *q, const struct usage *recorded, struct usage *out)
{
    for (enum window w = WINDOW_NONE; w < WINDOW__COUNT; w++)
        out->in[w] = col_i64(q);
    int64_t latest = col_i64(q);
    for (enum window w = WINDOW_NONE; w < WINDOW__COUNT; w++)
        out->start[w] = latest ? window_start(w, latest) : recorded->start[w];
}

static bool usage_compare(struct report *r, struct query *q)
{
    static const char *const names[] = {"usage", "usage of the day", "usage of the week",
                                        "usage of the month"};
    struct usage recorded, summed;
    col_usage(q, &recorded);
    col_sums(q, &recorded, &summed);
    for (enum window w = WINDOW_NONE; w < WINDOW__COUNT; w++) {
        if (recorded.in[w] != summed.in[w] &&
            !differ(r, "%s %lld recorded, %lld in generations", names[w], (long long)recorded.in[w],
                    (long long)summed.in[w]))
            return false;
        if (recorded.start[w] != summed.start[w] &&
            !differ(r, "%s begins at %lld, by generations at %lld", names[w],
                    (long long)recorded.start[w], (long long)summed.start[w]))
            return false;
    }
    return true;
}

static bool key_compare(struct report *r, struct query *q)
{
    uint8_t hash[KEY_HASH_BYTES];
    col_hash(q, hash);
    hex_encode(r->who, hash, 8);
    r->who[16] = '\0';
    r->to->keys++;
    return usage_compare(r, q);
}

static bool account_compare(struct report *r, struct query *q)
{
    col_copy(q, r->who, sizeof r->who);
    r->to->accounts++;
    nanos granted = col_i64(q), grants = col_i64(q);
    if (granted != grants &&
        !differ(r, "granted %lld recorded, %lld in grants", (long long)granted, (long long)grants))
        return false;
    return usage_compare(r, q);
}

static enum err each_row(struct store_conn *c, enum sql which, struct report *r,
                         bool (*compare)(struct report *r, struct query *q), struct fault *f)
{
    struct query q = query_of(c, which);
    enum err e;
    while ((e = query_next(&q, f)) == ERR_OK) {
        if (!compare(r, &q)) {
            e = fault_set(f, ERR_NOMEM, "no memory for the differences");
            break;
        }
    }
    query_end(&q);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err count_generations(struct store_conn *c, uint64_t *out, struct fault *f)
{
    struct query q = query_of(c, SQL_GENERATION_COUNT);
    enum err e = query_next(&q, f);
    if (e == ERR_OK)
        *out = (uint64_t)col_i64(&q);
    query_end(&q);
    return e;
}

static enum err verify_in(struct store_conn *c, struct store_verify *v, struct fault *f)
{
    struct report r = {.to = v, .kind = "key"};
    enum err e = count_generations(c, &v->generations, f);
    if (e == ERR_OK)
        e = each_row(c, SQL_VERIFY_KEYS, &r, key_compare, f);
    r.kind = "account";
    if (e == ERR_OK)
        e = each_row(c, SQL_VERIFY_ACCOUNTS, &r, account_compare, f);
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
