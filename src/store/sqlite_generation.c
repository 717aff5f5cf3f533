#include <stdlib.h>

#include "store/journal.h"
#include "store/sqlite.h"

/* --- adding --- */

static int64_t stored(uint64_t tokens)
{
    return tokens > INT64_MAX ? INT64_MAX : (int64_t)tokens;
}

/* In the order of GENERATION_COLUMNS. */
static void query_generation(struct query *q, const struct generation *g, int64_t id)
{
    query_i64(q, id);
    query_i64(q, (int64_t)g->tag);
    query_i64(q, g->account_id);
    query_i64(q, g->key_id);
    query_i64(q, g->settled_ms);
    query_i64(q, g->cost);
    query_i64(q, stored(g->tokens_prompt));
    query_i64(q, stored(g->tokens_completion));
    query_text(q, g->model);
    query_text(q, g->provider);
    query_blob(q, g->record.p, g->record.n);
}

static enum err insert_as(struct store_conn *c, const struct generation *g, int64_t id,
                          bool *is_new, struct fault *f)
{
    struct query q = query_of(c, SQL_GENERATION_INSERT);
    query_generation(&q, g, id);
    enum err e = query_run(&q, f);
    *is_new = e == ERR_OK && sqlite_rows_changed(c) == 1;
    return e;
}

static enum err tag_read(struct store_conn *c, int64_t id, uint64_t *tag, struct fault *f)
{
    struct query q = query_of(c, SQL_GENERATION_TAG);
    query_i64(&q, id);
    enum err e = query_next(&q, f);
    if (e == ERR_OK)
        *tag = (uint64_t)col_i64(&q);
    query_end(&q);
    return e;
}

/* An id that is taken by the same tag was counted before. Taken by another (the clock was set back
 * between two runs), the record goes to the next free number, where a second reading finds it
 * again: never lost, never counted twice. */
enum { PROBES_MAX = 64 };

static enum err insert(struct store_conn *c, const struct generation *g, bool *is_new,
                       struct fault *f)
{
    for (int64_t i = 0; i < PROBES_MAX && i <= INT64_MAX - g->id; i++) {
        uint64_t tag;
        enum err e = insert_as(c, g, g->id + i, is_new, f);
        if (e != ERR_OK || *is_new)
            return e;
        e = tag_read(c, g->id + i, &tag, f);
        if (e != ERR_OK || tag == g->tag)
            return e;
    }
    return fault_set(f, ERR_STORE, "no free number near generation %lld", (long long)g->id);
}

/* --- counters: one read and one write for each owner in a batch --- */

static int by_owner(const void *a, const void *b)
{
    const struct charge *x = a, *y = b;
    return (x->owner > y->owner) - (x->owner < y->owner);
}

/* Most batches have one owner: no need to sort. */
static bool is_sorted(const struct charge *charges, size_t n)
{
    size_t i = 1;
    while (i < n && charges[i - 1].owner <= charges[i].owner)
        i++;
    return i >= n;
}

struct owner_sql {
    enum sql get, set;
};

static const struct owner_sql key_sql = {SQL_KEY_USAGE, SQL_KEY_USAGE_SET};
static const struct owner_sql account_sql = {SQL_ACCOUNT_USAGE, SQL_ACCOUNT_USAGE_SET};

/* An owner that is not there has no counters; its records are kept all the same. */
static enum err usage_move(struct store_conn *c, const struct owner_sql *sql,
                           const struct charge *of, size_t n, struct fault *f)
{
    struct usage u;
    struct query q = query_of(c, sql->get);
    query_i64(&q, of->owner);
    enum err e = query_next(&q, f);
    if (e == ERR_OK)
        col_usage(&q, &u);
    query_end(&q);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    for (size_t i = 0; i < n; i++)
        usage_add(&u, of[i].settled_ms, of[i].cost);
    q = query_of(c, sql->set);
    query_usage(&q, &u);
    query_i64(&q, of->owner);
    return query_run(&q, f);
}

static enum err charge_all(struct store_conn *c, const struct owner_sql *sql,
                           struct charge *charges, size_t n, struct fault *f)
{
    if (!is_sorted(charges, n))
        qsort(charges, n, sizeof *charges, by_owner);
    for (size_t at = 0, end; at < n; at = end) {
        for (end = at + 1; end < n && charges[end].owner == charges[at].owner; end++)
            continue;
        enum err e = usage_move(c, sql, charges + at, end - at, f);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

enum err sqlite_generations_add(struct store_conn *c, const struct generation *rows, size_t n,
                                struct fault *f)
{
    struct charge *charges = n ? reallocarray(NULL, n, 2 * sizeof *charges) : NULL;
    struct charge *of_keys = charges, *of_accounts = charges + n;
    size_t counted = 0;
    enum err e = ERR_OK;
    if (n == 0)
        return ERR_OK;
    if (!charges)
        return fault_set(f, ERR_NOMEM, "no memory for a batch of %zu generations", n);
    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        const struct generation *g = &rows[i];
        bool is_new = false;
        e = insert(c, g, &is_new, f);
        if (!is_new)
            continue;
        of_keys[counted] = (struct charge){g->key_id, g->settled_ms, g->cost};
        of_accounts[counted++] = (struct charge){g->account_id, g->settled_ms, g->cost};
    }
    if (e == ERR_OK)
        e = charge_all(c, &account_sql, of_accounts, counted, f);
    if (e == ERR_OK)
        e = sqlite_charge_ancestors(c, &charges, &counted, f);
    if (e == ERR_OK)
        e = charge_all(c, &key_sql, charges, counted, f);
    free(charges);
    return e;
}

/* --- finding --- */

/* Copies the record into `text`, and its views point there. */
static enum err row_read(struct query *q, struct store_generation_get *g)
{
    enum err e = query_next(q, &g->call.fault);
    if (e != ERR_OK)
        return e;
    uint64_t tag = (uint64_t)col_i64(q);
    if (buf_add(&g->text, col_blob(q)) != ERR_OK)
        return fault_set(&g->call.fault, g->text.failed, "no memory for a generation");
    if (!journal_decode(buf_view(&g->text), &g->row))
        return fault_set(&g->call.fault, ERR_STORE, "a generation's record is damaged");
    g->row.tag = tag;
    return ERR_OK;
}

enum err sqlite_generation_get(struct store_conn *c, struct store_call *call)
{
    struct store_generation_get *g = container_of(call, struct store_generation_get, call);
    for (int64_t i = 0; i < PROBES_MAX && i <= INT64_MAX - g->id; i++) {
        struct query q = query_of(c, SQL_GENERATION_BY_ID);
        query_i64(&q, g->id + i);
        buf_reset(&g->text);
        enum err e = row_read(&q, g);
        query_end(&q);
        if (e == ERR_NOT_FOUND)
            break;
        if (e != ERR_OK)
            return e;
        if (g->row.tag == g->tag) {
            g->row.id = g->id;
            return ERR_OK;
        }
    }
    store_generation_release(g);
    return fault_set(&call->fault, ERR_NOT_FOUND, "there is no such generation");
}

/* --- how far the journals are applied --- */

enum err sqlite_position_get(struct store_conn *c, struct str file, uint64_t *offset,
                             struct fault *f)
{
    struct query q = query_of(c, SQL_POSITION_GET);
    query_text(&q, file);
    enum err e = query_next(&q, f);
    *offset = e == ERR_OK ? (uint64_t)col_i64(&q) : 0;
    query_end(&q);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err sqlite_position_set(struct store_conn *c, struct str file, uint64_t offset,
                             struct fault *f)
{
    struct query q = query_of(c, SQL_POSITION_SET);
    query_text(&q, file);
    query_i64(&q, (int64_t)offset);
    return query_run(&q, f);
}

enum err sqlite_position_drop(struct store_conn *c, struct str file, struct fault *f)
{
    struct query q = query_of(c, SQL_POSITION_DROP);
    query_text(&q, file);
    return query_run(&q, f);
}

enum err sqlite_positions_clear(struct store_conn *c, struct fault *f)
{
    struct query q = query_of(c, SQL_POSITIONS_CLEAR);
    return query_run(&q, f);
}
