#include <stdlib.h>

#include "store/journal.h"
#include "store/sqlite.h"

/* --- adding --- */

/* A batch's new generations by id and tag. */
struct batch {
    struct store_conn *c;
    const struct generation **rows; /* what turns out to be no news is NULL */
};

static int by_id(const void *a, const void *b)
{
    const struct generation *x = *(const struct generation *const *)a,
                            *y = *(const struct generation *const *)b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->tag > y->tag) - (x->tag < y->tag);
}

static void strike_known(const struct generation **rows, size_t n, struct str directory)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i] && block_has(directory, rows[i]->id, rows[i]->tag))
            rows[i] = NULL;
    }
}

/* Strikes what the blocks at these keys have already, and finds the next free key. */
static enum err strike_stored(struct batch *b, const struct generation **rows, size_t n,
                              int64_t *key, struct fault *f)
{
    struct block_keys keys = block_keys_of(rows[0]->id);
    struct query q = query_of(b->c, SQL_BLOCK_DIRECTORIES);
    enum err e;
    *key = keys.first;
    query_i64(&q, keys.first);
    query_i64(&q, keys.last);
    while ((e = query_next(&q, f)) == ERR_OK) {
        *key = col_i64(&q) + 1;
        strike_known(rows, n, col_blob(&q));
    }
    query_end(&q);
    if (e == ERR_NOT_FOUND && *key > keys.last)
        return fault_set(f, ERR_STORE, "no free number for a block at %lld", (long long)keys.first);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err block_insert(struct batch *b, int64_t key, struct fault *f)
{
    struct str directory = buf_view(&b->c->block.directory);
    struct str records = buf_view(&b->c->block.records);
    struct query q = query_of(b->c, SQL_BLOCK_INSERT);
    query_i64(&q, key);
    query_blob(&q, directory.p, directory.n);
    query_blob(&q, records.p, records.n);
    return query_run(&q, f);
}

/* Rows of one range of keys become one block. */
static enum err block_store(struct batch *b, const struct generation **rows, size_t n,
                            struct fault *f)
{
    int64_t key;
    enum err e = strike_stored(b, rows, n, &key, f);
    block_writer_reset(&b->c->block);
    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        if (rows[i] && (e = block_add(&b->c->block, rows[i])) != ERR_OK)
            e = fault_set(f, e, "no memory for a block of %zu generations", n);
    }
    return e == ERR_OK && b->c->block.records.n ? block_insert(b, key, f) : e;
}

static size_t without_twins(const struct generation **rows, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || by_id(&rows[kept - 1], &rows[i]) != 0)
            rows[kept++] = rows[i];
    }
    return kept;
}

/* Leaves in rows[], of which *n is the number, what was stored and not there before. */
static enum err blocks_store(struct batch *b, size_t *n, struct fault *f)
{
    enum err e = ERR_OK;
    qsort(b->rows, *n, sizeof *b->rows, by_id);
    *n = without_twins(b->rows, *n);
    for (size_t at = 0, end; at < *n && e == ERR_OK; at = end) {
        int64_t last = block_keys_of(b->rows[at]->id).last;
        for (end = at + 1; end < *n && block_keys_of(b->rows[end]->id).last == last; end++)
            continue;
        e = block_store(b, b->rows + at, end - at, f);
    }
    return e;
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

static enum err charge_owners(struct store_conn *c, struct charge **of_keys,
                              struct charge *of_accounts, size_t n, struct fault *f)
{
    enum err e = charge_all(c, &account_sql, of_accounts, n, f);
    if (e == ERR_OK)
        e = sqlite_charge_ancestors(c, of_keys, &n, f);
    return e == ERR_OK ? charge_all(c, &key_sql, *of_keys, n, f) : e;
}

static enum err charge_new(struct batch *b, size_t n, struct fault *f)
{
    struct charge *of_keys = reallocarray(NULL, n, sizeof *of_keys);
    struct charge *of_accounts = reallocarray(NULL, n, sizeof *of_accounts);
    size_t counted = 0;
    enum err e = ERR_OK;
    if (!of_keys || !of_accounts)
        e = fault_set(f, ERR_NOMEM, "no memory for a batch of %zu generations", n);
    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        const struct generation *g = b->rows[i];
        if (!g)
            continue;
        of_keys[counted] = (struct charge){g->key_id, g->settled_ms, g->cost};
        of_accounts[counted++] = (struct charge){g->account_id, g->settled_ms, g->cost};
    }
    if (e == ERR_OK && counted)
        e = charge_owners(b->c, &of_keys, of_accounts, counted, f);
    free(of_keys);
    free(of_accounts);
    return e;
}

static enum err batch_init(struct batch *b, struct store_conn *c, const struct generation *rows,
                           size_t n, struct fault *f)
{
    *b = (struct batch){.c = c, .rows = reallocarray(NULL, n, sizeof *b->rows)};
    if (!b->rows)
        return fault_set(f, ERR_NOMEM, "no memory for a batch of %zu generations", n);
    for (size_t i = 0; i < n; i++)
        b->rows[i] = &rows[i];
    return ERR_OK;
}

enum err sqlite_generations_store(struct store_conn *c, const struct generation *rows, size_t n,
                                  struct fault *f)
{
    struct batch b;
    enum err e = batch_init(&b, c, rows, n, f);
    if (e == ERR_OK)
        e = blocks_store(&b, &n, f);
    free(b.rows);
    return e;
}

enum err sqlite_generations_add(struct store_conn *c, const struct generation *rows, size_t n,
                                struct fault *f)
{
    struct batch b;
    if (n == 0)
        return ERR_OK;
    enum err e = batch_init(&b, c, rows, n, f);
    if (e == ERR_OK)
        e = blocks_store(&b, &n, f);
    if (e == ERR_OK)
        e = charge_new(&b, n, f);
    free(b.rows);
    return e;
}

/* --- finding --- */

/* Copies the record into `text`, and its views point there. */
static enum err record_take(const struct block *b, size_t i, struct store_generation_get *g)
{
    struct generation lent;
    if (!block_read(b, i, &lent))
        return fault_set(&g->call.fault, ERR_STORE, "a generation's record is damaged");
    if (buf_add(&g->text, lent.record) != ERR_OK)
        return fault_set(&g->call.fault, g->text.failed, "no memory for a generation");
    BUG_ON(!journal_decode(buf_view(&g->text), &g->row));
    return ERR_OK;
}

enum err sqlite_generation_get(struct store_conn *c, struct store_call *call)
{
    struct store_generation_get *g = container_of(call, struct store_generation_get, call);
    struct block_keys keys = block_keys_of(g->id);
    struct query q = query_of(c, SQL_BLOCKS_BETWEEN);
    bool is_found = false;
    enum err e;
    query_i64(&q, keys.first);
    query_i64(&q, keys.last);
    while (!is_found && (e = query_next(&q, &call->fault)) == ERR_OK) {
        struct block b = {.directory = col_blob(&q)};
        b.records = col_blob(&q);
        is_found = block_has(b.directory, g->id, g->tag);
        if (is_found)
            e = record_take(&b, block_find(b.directory, g->id, g->tag), g);
    }
    query_end(&q);
    if (e == ERR_NOT_FOUND)
        return fault_set(&call->fault, ERR_NOT_FOUND, "there is no such generation");
    return e;
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
