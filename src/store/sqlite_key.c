#include <stdlib.h>

#include "store/sqlite.h"

static void col_key(struct query *q, struct key *k)
{
    k->id = col_i64(q);
    k->account_id = col_i64(q);
    col_hash(q, k->hash);
    col_copy(q, k->name, sizeof k->name);
    col_copy(q, k->label, sizeof k->label);
    k->is_management = col_bool(q);
    k->disabled = col_bool(q);
    k->include_byok = col_bool(q);
    bool is_unlimited = col_is_null(q);
    k->limit = col_i64(q);
    if (is_unlimited)
        k->limit = NO_LIMIT;
    int64_t reset = col_i64(q);
    k->reset = reset > 0 && reset < WINDOW__COUNT ? (enum window)reset : WINDOW_NONE;
    col_usage(q, &k->usage);
    k->expires_ms = col_i64(q);
    k->created_ms = col_i64(q);
    k->updated_ms = col_i64(q);
}

/* One look-up in the index of hashes, two by row number. */
static enum err key_read(struct store_conn *c, const uint8_t *hash, struct key *k,
                         struct account *a, struct fault *f)
{
    struct query q = query_of(c, SQL_KEY_BY_HASH);
    query_blob(&q, hash, KEY_HASH_BYTES);
    enum err e = query_next(&q, f);
    if (e == ERR_OK) {
        col_key(&q, k);
        col_account(&q, a);
    }
    query_end(&q);
    return e == ERR_NOT_FOUND ? fault_set(f, e, "there is no such key") : e;
}

enum err sqlite_key_get(struct store_conn *c, struct store_call *call)
{
    struct store_key_get *g = container_of(call, struct store_key_get, call);
    return key_read(c, g->hash, &g->key, &g->account, &call->fault);
}

static enum err key_insert(struct store_conn *c, const struct key *k, struct fault *f)
{
    struct query q = query_of(c, SQL_KEY_INSERT);
    query_i64(&q, k->account_id);
    query_blob(&q, k->hash, KEY_HASH_BYTES);
    query_text(&q, str_of(k->name, strnlen(k->name, KEY_NAME_MAX)));
    query_text(&q, str_of(k->label, strnlen(k->label, KEY_LABEL_MAX)));
    query_i64(&q, k->is_management);
    query_i64(&q, k->disabled);
    query_i64(&q, k->include_byok);
    if (k->limit == NO_LIMIT)
        query_null(&q);
    else
        query_i64(&q, k->limit);
    query_i64(&q, k->reset);
    query_i64(&q, k->expires_ms);
    query_i64(&q, k->created_ms);
    enum err e = query_run(&q, f);
    return e == ERR_CONFLICT ? fault_set(f, e, "this key exists already") : e;
}

enum err sqlite_key_create(struct store_conn *c, struct store_call *call)
{
    struct key *k = &container_of(call, struct store_key_create, call)->key;
    struct account owner;
    enum err e = account_read(c, k->account_id, &owner, &call->fault);
    if (e != ERR_OK)
        return e;
    if (k->limit < 0 || k->reset >= WINDOW__COUNT)
        return fault_set(&call->fault, ERR_INVALID, "a key's limit must not be below zero");
    k->created_ms = clock_wall_ms();
    k->updated_ms = 0;
    k->usage = (struct usage){0};
    e = key_insert(c, k, &call->fault);
    if (e != ERR_OK)
        return e;
    k->id = sqlite3_last_insert_rowid(c->db);
    return change_note(c, true, k->id, k->hash, &call->fault);
}

/* Room for `n` more, grown as rows come: `limit` is the client's word. */
static enum err list_grow(struct store_key_list *l, size_t *cap, struct fault *f)
{
    if (l->n < *cap)
        return ERR_OK;
    *cap = *cap ? *cap * 2 : 16;
    struct key *more = reallocarray(l->keys, *cap, sizeof *more);
    if (!more)
        return fault_set(f, ERR_NOMEM, "no memory for %zu keys", *cap);
    l->keys = more;
    return ERR_OK;
}

enum err sqlite_key_list(struct store_conn *c, struct store_call *call)
{
    struct store_key_list *l = container_of(call, struct store_key_list, call);
    struct query q = query_of(c, l->account_id ? SQL_KEY_LIST_ACCOUNT : SQL_KEY_LIST);
    size_t cap = 0;
    enum err e;
    if (l->account_id)
        query_i64(&q, l->account_id);
    query_i64(&q, l->include_disabled);
    query_i64(&q, l->limit ? (int64_t)l->limit : -1);
    query_i64(&q, l->offset);
    while ((e = query_next(&q, &call->fault)) == ERR_OK) {
        e = list_grow(l, &cap, &call->fault);
        if (e != ERR_OK)
            break;
        col_key(&q, &l->keys[l->n++]);
    }
    query_end(&q);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    free(l->keys);
    l->keys = NULL;
    l->n = 0;
    return e;
}

enum err sqlite_key_disable(struct store_conn *c, struct store_call *call)
{
    struct store_key_disable *d = container_of(call, struct store_key_disable, call);
    struct account owner;
    enum err e = key_read(c, d->hash, &d->key, &owner, &call->fault);
    if (e != ERR_OK)
        return e;
    d->key.disabled = d->disabled;
    d->key.updated_ms = clock_wall_ms();
    struct query q = query_of(c, SQL_KEY_DISABLE);
    query_i64(&q, d->disabled);
    query_i64(&q, d->key.updated_ms);
    query_i64(&q, d->key.id);
    e = query_run(&q, &call->fault);
    return e == ERR_OK ? change_note(c, true, d->key.id, d->hash, &call->fault) : e;
}

/* Its row stays, for the sake of its generations, but no look-up sees it. */
enum err sqlite_key_delete(struct store_conn *c, struct store_call *call)
{
    struct store_key_delete *d = container_of(call, struct store_key_delete, call);
    struct key k;
    struct account owner;
    enum err e = key_read(c, d->hash, &k, &owner, &call->fault);
    if (e != ERR_OK)
        return e;
    struct query q = query_of(c, SQL_KEY_DELETE);
    query_i64(&q, clock_wall_ms());
    query_i64(&q, k.id);
    e = query_run(&q, &call->fault);
    return e == ERR_OK ? change_note(c, true, k.id, d->hash, &call->fault) : e;
}

static enum err seq_latest(struct store_conn *c, struct store_changes *s, struct fault *f)
{
    struct query q = query_of(c, SQL_CHANGE_LATEST);
    enum err e = query_next(&q, f);
    if (e == ERR_OK)
        s->seq = col_i64(&q);
    query_end(&q);
    return e;
}

/* Without changes this reads one page of the table's end. */
enum err sqlite_changes(struct store_conn *c, struct store_call *call)
{
    struct store_changes *s = container_of(call, struct store_changes, call);
    enum err e;
    s->n = 0;
    if (s->seq < 0)
        return seq_latest(c, s, &call->fault);
    struct query q = query_of(c, SQL_CHANGE_SINCE);
    query_i64(&q, s->seq);
    query_i64(&q, COUNT_OF(s->changes));
    while ((e = query_next(&q, &call->fault)) == ERR_OK) {
        struct store_change *change = &s->changes[s->n++];
        s->seq = col_i64(&q);
        change->is_key = col_bool(&q);
        change->id = col_i64(&q);
        col_hash(&q, change->hash);
    }
    query_end(&q);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}
