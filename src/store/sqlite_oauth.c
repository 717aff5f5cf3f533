#include <stdlib.h>

#include "store/sqlite_people.h"

enum { CODE_KEPT_MS = 24 * 3600 * 1000 }; /* so that an old code is told from an invented one */

static void col_code(struct query *q, struct oauth_code *k)
{
    k->id = col_i64(q);
    k->user_id = col_i64(q);
    k->account_id = col_i64(q);
    k->app_id = col_i64(q);
    col_hash(q, k->hash);
    int64_t method = col_i64(q);
    k->method = method >= CHALLENGE_NONE && method <= CHALLENGE_S256 ? (enum challenge_method)method
                                                                     : CHALLENGE_S256;
    col_copy(q, k->challenge, sizeof k->challenge);
    col_copy(q, k->creator, sizeof k->creator);
    k->parent_id = col_i64(q);
    col_copy(q, k->name, sizeof k->name);
    k->limit = col_limit(q);
    int64_t reset = col_i64(q);
    k->reset = reset > 0 && reset < WINDOW__COUNT ? (enum window)reset : WINDOW_NONE;
    k->key_expires_ms = col_i64(q);
    k->created_ms = col_i64(q);
    k->expires_ms = col_i64(q);
    k->used_ms = col_i64(q);
}

static enum err app_of(struct store_conn *c, const char *origin, int64_t *id, struct fault *f)
{
    struct query q = query_of(c, SQL_APP_INSERT);
    query_text(&q, str_c(origin));
    query_i64(&q, clock_wall_ms());
    enum err e = query_run(&q, f);
    if (e != ERR_OK)
        return e;
    q = query_of(c, SQL_APP_BY_ORIGIN);
    query_text(&q, str_c(origin));
    e = query_next(&q, f);
    if (e == ERR_OK)
        *id = col_i64(&q);
    query_end(&q);
    return e;
}

static enum err drop_old(struct store_conn *c, struct fault *f)
{
    struct query q = query_of(c, SQL_CODE_DROP_OLD);
    query_i64(&q, clock_wall_ms() - CODE_KEPT_MS);
    return query_run(&q, f);
}

static enum err insert(struct store_conn *c, struct oauth_code *k, struct fault *f)
{
    k->created_ms = clock_wall_ms();
    k->used_ms = 0;
    struct query q = query_of(c, SQL_CODE_INSERT);
    query_i64(&q, k->user_id);
    query_i64(&q, k->account_id);
    query_i64(&q, k->app_id);
    query_ticket(&q, k->hash);
    query_i64(&q, k->method);
    query_text(&q, str_c(k->challenge));
    query_text(&q, str_c(k->creator));
    query_i64(&q, k->parent_id);
    query_text(&q, str_c(k->name));
    query_limit(&q, k->limit);
    query_i64(&q, k->reset);
    query_i64(&q, k->key_expires_ms);
    query_i64(&q, k->created_ms);
    query_i64(&q, k->expires_ms);
    enum err e = query_run(&q, f);
    if (e == ERR_OK)
        k->id = sqlite3_last_insert_rowid(c->db);
    return e;
}

static void key_of_code(struct key *out, const struct oauth_code *k)
{
    out->account_id = k->account_id;
    memcpy(out->name, k->name, sizeof out->name);
    out->limit = k->limit;
    out->reset = k->reset;
    out->expires_ms = k->key_expires_ms;
    out->origin = KEY_OF_APP;
    out->app_id = k->app_id;
    out->parent_id = k->parent_id;
    memcpy(out->creator, k->creator, sizeof out->creator);
}

/* No code is given of which no key could come. */
static enum err check_code(struct store_conn *c, const struct oauth_code *k, struct fault *f)
{
    struct key key = {0};
    key_of_code(&key, k);
    return key_check(c, &key, f);
}

enum err sqlite_code_create(struct store_conn *c, struct store_call *call)
{
    struct store_code_create *s = container_of(call, struct store_code_create, call);
    enum err e = check_code(c, &s->code, &call->fault);
    if (e == ERR_OK)
        e = drop_old(c, &call->fault);
    if (e == ERR_OK)
        e = app_of(c, s->origin, &s->code.app_id, &call->fault);
    return e == ERR_OK ? insert(c, &s->code, &call->fault) : e;
}

/* The row that q asks for, and the end of q. */
static enum err code_of(struct query *q, struct oauth_code *out, struct fault *f)
{
    enum err e = query_next(q, f);
    if (e == ERR_OK)
        col_code(q, out);
    query_end(q);
    return e == ERR_NOT_FOUND ? fault_set(f, e, "there is no such code") : e;
}

enum err sqlite_code_get(struct store_conn *c, struct store_call *call)
{
    struct store_code_get *g = container_of(call, struct store_code_get, call);
    struct query q = query_of(c, SQL_CODE_BY_HASH);
    query_ticket(&q, g->hash);
    return code_of(&q, &g->code, &call->fault);
}

static enum err use_up(struct store_conn *c, int64_t id, struct fault *f)
{
    struct query q = query_of(c, SQL_CODE_USE);
    query_i64(&q, clock_wall_ms());
    query_i64(&q, id);
    enum err e = query_run(&q, f);
    if (e == ERR_OK && sqlite_rows_changed(c) == 0)
        return fault_set(f, ERR_NOT_FOUND, "this code was used before");
    return e;
}

/* user_id 0: a key asked for the code, for its account. */
static enum err refuse_disabled(struct store_conn *c, const struct oauth_code *k, struct fault *f)
{
    struct user u;
    enum err e = k->user_id ? user_read(c, k->user_id, &u, f) : ERR_OK;
    if (e == ERR_OK && k->user_id && u.disabled)
        return fault_set(f, ERR_NOT_FOUND, "the user of this code is disabled");
    return e;
}

enum err sqlite_code_exchange(struct store_conn *c, struct store_call *call)
{
    struct store_code_exchange *x = container_of(call, struct store_code_exchange, call);
    struct fault *f = &call->fault;
    struct oauth_code k;
    struct store_key_create create = {.key = x->key};
    struct query q = query_of(c, SQL_CODE_BY_ID);
    query_i64(&q, x->code_id);
    enum err e = code_of(&q, &k, f);
    if (e == ERR_OK)
        e = refuse_disabled(c, &k, f);
    if (e == ERR_OK)
        e = use_up(c, k.id, f);
    if (e != ERR_OK)
        return e;
    key_of_code(&create.key, &k);
    e = sqlite_key_create(c, &create.call);
    if (e != ERR_OK)
        *f = create.call.fault;
    x->key = create.key;
    return e;
}

enum err sqlite_app_list(struct store_conn *c, struct store_call *call)
{
    struct store_app_list *l = container_of(call, struct store_app_list, call);
    struct query q = query_of(c, SQL_APP_OF_ACCOUNT);
    void *rows = NULL;
    size_t cap = 0;
    enum err e;
    l->n = 0;
    query_i64(&q, l->account_id);
    while ((e = query_next(&q, &call->fault)) == ERR_OK) {
        if ((e = rows_grow(&rows, &cap, l->n, sizeof *l->apps, &call->fault)) != ERR_OK)
            break;
        l->apps = rows;
        struct oauth_app *a = &l->apps[l->n++];
        a->id = col_i64(&q);
        col_copy(&q, a->origin, sizeof a->origin);
    }
    query_end(&q);
    l->apps = rows;
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    free(rows);
    l->apps = NULL;
    l->n = 0;
    return e;
}
