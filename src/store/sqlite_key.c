#include <stdlib.h>

#include "store/sqlite.h"

static void col_limit(struct query *q, nanos *limit, enum window *reset)
{
    bool is_unlimited = col_is_null(q);
    *limit = col_i64(q);
    if (is_unlimited)
        *limit = NO_LIMIT;
    int64_t w = col_i64(q);
    *reset = w > 0 && w < WINDOW__COUNT ? (enum window)w : WINDOW_NONE;
}

static uint32_t col_u32(struct query *q)
{
    int64_t v = col_i64(q);
    return v > 0 && v <= UINT32_MAX ? (uint32_t)v : 0;
}

/* On failure there is nothing to release. */
static enum err col_key(struct query *q, struct key *k, struct fault *f)
{
    *k = (struct key){.id = col_i64(q)};
    k->account_id = col_i64(q);
    col_hash(q, k->hash);
    col_copy(q, k->name, sizeof k->name);
    col_copy(q, k->label, sizeof k->label);
    k->is_management = col_bool(q);
    k->disabled = col_bool(q);
    k->include_byok = col_bool(q);
    col_limit(q, &k->limit, &k->reset);
    col_usage(q, &k->usage);
    k->expires_ms = col_i64(q);
    k->created_ms = col_i64(q);
    k->updated_ms = col_i64(q);
    k->last_used_ms = col_i64(q);
    k->parent_id = col_i64(q);
    k->depth = (int32_t)col_i64(q);
    int64_t origin = col_i64(q);
    k->origin = origin >= 0 && origin < KEY_ORIGIN__COUNT ? (enum key_origin)origin : KEY_MADE;
    k->app_id = col_i64(q);
    k->rate_requests = col_u32(q);
    k->rate_tokens = col_u32(q);
    col_copy(q, k->creator, sizeof k->creator);
    col_copy(q, k->external_user, sizeof k->external_user);
    enum err e = col_shared_text(q, &k->models, f);
    if (e == ERR_OK)
        e = col_shared_text(q, &k->providers, f);
    if (e != ERR_OK)
        key_release(k);
    return e;
}

/* One look-up in the index of hashes, two by row number. */
static enum err key_read(struct store_conn *c, const uint8_t *hash, struct key *k,
                         struct account *a, struct fault *f)
{
    struct query q = query_of(c, SQL_KEY_BY_HASH);
    query_blob(&q, hash, KEY_HASH_BYTES);
    enum err e = query_next(&q, f);
    if (e == ERR_OK)
        e = col_key(&q, k, f);
    else if (e == ERR_NOT_FOUND)
        e = fault_set(f, e, "there is no such key");
    if (e == ERR_OK && (e = col_account(&q, a, f)) != ERR_OK)
        key_release(k);
    query_end(&q);
    return e;
}

/* The key alone, where it is of this account; 0: of any. */
static enum err key_read_of(struct store_conn *c, int64_t account_id, const uint8_t *hash,
                            struct key *k, struct fault *f)
{
    struct account owner;
    enum err e = key_read(c, hash, k, &owner, f);
    if (e != ERR_OK)
        return e;
    account_release(&owner);
    if (account_id == 0 || k->account_id == account_id)
        return ERR_OK;
    key_release(k);
    return fault_set(f, ERR_NOT_FOUND, "there is no such key");
}

static enum err link_read(struct store_conn *c, int64_t id, struct key_link *out,
                          int64_t *parent_id, struct fault *f)
{
    struct query q = query_of(c, SQL_KEY_LINK);
    query_i64(&q, id);
    enum err e = query_next(&q, f);
    if (e == ERR_OK) {
        *out = (struct key_link){.id = col_i64(&q)};
        col_hash(&q, out->hash);
        out->disabled = col_bool(&q);
        out->is_deleted = col_bool(&q);
        col_limit(&q, &out->limit, &out->reset);
        col_usage(&q, &out->usage);
        out->expires_ms = col_i64(&q);
        out->rate_requests = col_u32(&q);
        out->rate_tokens = col_u32(&q);
        e = col_shared_text(&q, &out->models, f);
        if (e == ERR_OK)
            e = col_shared_text(&q, &out->providers, f);
        *parent_id = col_i64(&q);
    }
    query_end(&q);
    return e == ERR_NOT_FOUND ? fault_set(f, ERR_STORE, "a key's parent is not there") : e;
}

enum err sqlite_key_get(struct store_conn *c, struct store_call *call)
{
    struct store_key_get *g = container_of(call, struct store_key_get, call);
    enum err e = key_read(c, g->hash, &g->key, &g->account, &call->fault);
    if (e != ERR_OK)
        return e;
    int64_t id = g->key.parent_id;
    memset(g->line, 0, sizeof g->line);
    for (int i = 0; i < KEY_DEPTH_MAX && i < g->key.depth && e == ERR_OK; i++)
        e = link_read(c, id, &g->line[i], &id, &call->fault);
    if (e != ERR_OK)
        store_key_get_release(g);
    return e;
}

static void query_limit(struct query *q, nanos limit)
{
    if (limit == NO_LIMIT)
        query_null(q);
    else
        query_i64(q, limit);
}

static void query_id(struct query *q, int64_t id)
{
    if (id)
        query_i64(q, id);
    else
        query_null(q);
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
    query_limit(&q, k->limit);
    query_i64(&q, k->reset);
    query_i64(&q, k->expires_ms);
    query_i64(&q, k->created_ms);
    query_id(&q, k->parent_id);
    query_i64(&q, k->depth);
    query_i64(&q, k->origin);
    query_id(&q, k->app_id);
    query_i64(&q, k->rate_requests);
    query_i64(&q, k->rate_tokens);
    query_text_or_null(&q, k->creator[0] ? str_c(k->creator) : STR_NONE);
    query_text_or_null(&q, k->external_user[0] ? str_c(k->external_user) : STR_NONE);
    query_text_or_null(&q, text_view(k->models));
    query_text_or_null(&q, text_view(k->providers));
    enum err e = query_run(&q, f);
    return e == ERR_CONFLICT ? fault_set(f, e, "this key exists already") : e;
}

static enum err depth_below(struct store_conn *c, const struct key *k, int32_t *depth,
                            struct fault *f)
{
    struct query q = query_of(c, SQL_KEY_PARENT);
    *depth = 0;
    if (k->parent_id == 0)
        return ERR_OK;
    query_i64(&q, k->parent_id);
    query_i64(&q, k->account_id);
    enum err e = query_next(&q, f);
    if (e == ERR_OK)
        *depth = (int32_t)col_i64(&q) + 1;
    query_end(&q);
    if (e == ERR_NOT_FOUND)
        return fault_set(f, e, "the key that shall have a child is not there");
    if (e == ERR_OK && *depth > KEY_DEPTH_MAX)
        return fault_set(f, ERR_INVALID, "keys may be delegated %d times at most", KEY_DEPTH_MAX);
    return e;
}

enum err sqlite_key_create(struct store_conn *c, struct store_call *call)
{
    struct key *k = &container_of(call, struct store_key_create, call)->key;
    struct account owner;
    enum err e = account_read(c, k->account_id, &owner, &call->fault);
    if (e != ERR_OK)
        return e;
    account_release(&owner);
    if (owner.key_lifetime_ms && !k->is_management &&
        (!k->expires_ms || k->expires_ms - clock_wall_ms() > owner.key_lifetime_ms))
        return fault_set(&call->fault, ERR_INVALID,
                         "expires_at: expected a time within %lld days, as the account's policy "
                         "wants of its keys",
                         (long long)(owner.key_lifetime_ms / 86400000));
    e = depth_below(c, k, &k->depth, &call->fault);
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
    return change_note(c, CHANGE_KEY, k->id, k->hash, &call->fault);
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
    enum sql which = l->parent_id    ? SQL_KEY_LIST_CHILDREN
                     : l->account_id ? SQL_KEY_LIST_ACCOUNT
                                     : SQL_KEY_LIST;
    struct query q = query_of(c, which);
    size_t cap = 0;
    enum err e;
    query_i64(&q, l->account_id);
    query_i64(&q, l->parent_id);
    query_i64(&q, l->include_disabled);
    query_i64(&q, clock_wall_ms());
    query_i64(&q, l->include_expired);
    query_i64(&q, l->include_management);
    query_i64(&q, l->include_apps);
    query_i64(&q, l->include_delegated);
    query_text_or_null(&q, str_c(l->creator));
    query_i64(&q, l->limit ? (int64_t)l->limit : -1);
    query_i64(&q, l->offset);
    while ((e = query_next(&q, &call->fault)) == ERR_OK) {
        e = list_grow(l, &cap, &call->fault);
        if (e == ERR_OK)
            e = col_key(&q, &l->keys[l->n], &call->fault);
        if (e != ERR_OK)
            break;
        l->n++;
    }
    query_end(&q);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    store_key_list_release(l);
    return e;
}

/* --- changes --- */

/* What both hold goes over. */
static void take_text(struct text **to, struct text *from)
{
    struct text *old = *to;
    *to = text_ref(from);
    text_unref(old);
}

static void merge(struct key *k, const struct key *to, uint32_t fields)
{
    if (fields & KEY_SET_NAME)
        memcpy(k->name, to->name, sizeof k->name);
    if (fields & KEY_SET_DISABLED)
        k->disabled = to->disabled;
    if (fields & KEY_SET_LIMIT)
        k->limit = to->limit;
    if (fields & KEY_SET_RESET)
        k->reset = to->reset;
    if (fields & KEY_SET_BYOK)
        k->include_byok = to->include_byok;
    if (fields & KEY_SET_MODELS)
        take_text(&k->models, to->models);
    if (fields & KEY_SET_PROVIDERS)
        take_text(&k->providers, to->providers);
    if (fields & KEY_SET_RATES) {
        k->rate_requests = to->rate_requests;
        k->rate_tokens = to->rate_tokens;
    }
}

/* Writes the row as it shall be and tells the others. */
static enum err key_write(struct store_conn *c, struct key *k, struct fault *f)
{
    struct query q = query_of(c, SQL_KEY_UPDATE);
    k->updated_ms = clock_wall_ms();
    query_text(&q, str_c(k->name));
    query_i64(&q, k->disabled);
    query_i64(&q, k->include_byok);
    query_limit(&q, k->limit);
    query_i64(&q, k->reset);
    query_i64(&q, k->rate_requests);
    query_i64(&q, k->rate_tokens);
    query_text_or_null(&q, text_view(k->models));
    query_text_or_null(&q, text_view(k->providers));
    query_i64(&q, k->updated_ms);
    query_i64(&q, k->id);
    enum err e = query_run(&q, f);
    return e == ERR_OK ? change_note(c, CHANGE_KEY, k->id, k->hash, f) : e;
}

enum err sqlite_key_update(struct store_conn *c, struct store_call *call)
{
    struct store_key_update *u = container_of(call, struct store_key_update, call);
    enum err e = key_read_of(c, u->account_id, u->hash, &u->key, &call->fault);
    if (e != ERR_OK)
        return e;
    merge(&u->key, u->to, u->fields);
    e = key_write(c, &u->key, &call->fault);
    if (e != ERR_OK)
        key_release(&u->key);
    return e;
}

enum err sqlite_key_disable(struct store_conn *c, struct store_call *call)
{
    struct store_key_disable *d = container_of(call, struct store_key_disable, call);
    enum err e = key_read_of(c, 0, d->hash, &d->key, &call->fault);
    if (e != ERR_OK)
        return e;
    d->key.disabled = d->disabled;
    e = key_write(c, &d->key, &call->fault);
    if (e != ERR_OK)
        key_release(&d->key);
    return e;
}

/* Its row stays, for the sake of its generations, but no look-up sees it. */
enum err sqlite_key_delete(struct store_conn *c, struct store_call *call)
{
    struct store_key_delete *d = container_of(call, struct store_key_delete, call);
    struct key k;
    enum err e = key_read_of(c, d->account_id, d->hash, &k, &call->fault);
    if (e != ERR_OK)
        return e;
    key_release(&k);
    struct query q = query_of(c, SQL_KEY_DELETE);
    query_i64(&q, clock_wall_ms());
    query_i64(&q, k.id);
    e = query_run(&q, &call->fault);
    return e == ERR_OK ? change_note(c, CHANGE_KEY, k.id, d->hash, &call->fault) : e;
}

enum err sqlite_keys_touch(struct store_conn *c, struct store_call *call)
{
    struct store_keys_touch *t = container_of(call, struct store_keys_touch, call);
    enum err e = ERR_OK;
    for (size_t i = 0; i < t->n && e == ERR_OK; i++) {
        struct query q = query_of(c, SQL_KEY_TOUCH);
        query_i64(&q, t->uses[i].at_ms);
        query_i64(&q, t->uses[i].id);
        e = query_run(&q, &call->fault);
    }
    return e;
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
        int64_t kind = col_i64(&q);
        change->kind = kind >= 0 && kind < CHANGE__COUNT ? (enum change_kind)kind : CHANGE_ACCOUNT;
        change->id = col_i64(&q);
        col_hash(&q, change->hash);
    }
    query_end(&q);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}
