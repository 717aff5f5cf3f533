/* sqlite_token.c: federation policies, and the keys that sign access tokens. */
#include <stdlib.h>

#include "store/sqlite_trust.h"

/* --- reading policies --- */

static void col_federation(struct query *q, struct federation *p)
{
    *p = (struct federation){.account_id = 0};
    col_copy(q, p->id, sizeof p->id);
    p->account_id = col_i64(q);
    col_hash(q, p->key_hash);
    col_copy(q, p->key_label, sizeof p->key_label);
    col_copy(q, p->name, sizeof p->name);
    col_copy(q, p->issuer, sizeof p->issuer);
    col_copy(q, p->jwks_url, sizeof p->jwks_url);
    col_copy(q, p->audience, sizeof p->audience);
    col_copy(q, p->subject, sizeof p->subject);
    col_copy(q, p->claims, sizeof p->claims);
    p->lifetime_s = (uint32_t)col_i64(q);
    p->disabled = col_bool(q);
    p->is_operators = col_bool(q);
    p->created_ms = col_i64(q);
    p->updated_ms = col_i64(q);
    p->last_used_ms = col_i64(q);
}

static enum err read_one(struct store_conn *c, int64_t account_id, const char *id,
                         struct federation *out, struct fault *f)
{
    struct query q = query_of(c, SQL_FEDERATION_GET);
    query_text(&q, str_c(id));
    query_i64(&q, account_id);
    enum err e = query_next(&q, f);
    if (e == ERR_OK)
        col_federation(&q, out);
    query_end(&q);
    return e == ERR_NOT_FOUND ? fault_set(f, e, "there is no such federation policy") : e;
}

enum err sqlite_federation_get(struct store_conn *c, struct store_call *call)
{
    struct store_federation_get *g = container_of(call, struct store_federation_get, call);
    return read_one(c, g->account_id, g->id, &g->row, &call->fault);
}

static enum err list_grow(struct store_federation_list *l, size_t *cap, struct fault *f)
{
    if (l->n < *cap)
        return ERR_OK;
    *cap = *cap ? *cap * 2 : 8;
    struct federation *more = reallocarray(l->rows, *cap, sizeof *more);
    if (!more)
        return fault_set(f, ERR_NOMEM, "no memory for %zu federation policies", *cap);
    l->rows = more;
    return ERR_OK;
}

enum err sqlite_federation_list(struct store_conn *c, struct store_call *call)
{
    struct store_federation_list *l = container_of(call, struct store_federation_list, call);
    struct query q = query_of(c, SQL_FEDERATION_LIST);
    size_t cap = 0;
    enum err e;
    l->rows = NULL;
    l->n = 0;
    query_i64(&q, l->account_id);
    while ((e = query_next(&q, &call->fault)) == ERR_OK) {
        e = list_grow(l, &cap, &call->fault);
        if (e != ERR_OK)
            break;
        col_federation(&q, &l->rows[l->n++]);
    }
    query_end(&q);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    store_federation_list_release(l);
    return e;
}

void store_federation_list_release(struct store_federation_list *l)
{
    free(l->rows);
    l->rows = NULL;
    l->n = 0;
}

/* --- making and changing them --- */

static enum err find_key(struct store_conn *c, struct federation *p, int64_t *key_id,
                         struct fault *f)
{
    bool is_management = false;
    struct query q = query_of(c, SQL_FEDERATION_KEY);
    query_blob(&q, p->key_hash, KEY_HASH_BYTES);
    query_i64(&q, p->account_id);
    enum err e = query_next(&q, f);
    if (e == ERR_OK) {
        *key_id = col_i64(&q);
        col_copy(&q, p->key_label, sizeof p->key_label);
        is_management = col_bool(&q);
    }
    query_end(&q);
    if (e == ERR_NOT_FOUND)
        return fault_set(f, e, "key: there is no key with this hash in the account");
    if (is_management)
        return fault_set(f, ERR_INVALID, "key: expected an inference key, got a management key");
    return e;
}

static enum err check_count(struct store_conn *c, int64_t account_id, struct fault *f)
{
    struct query q = query_of(c, SQL_FEDERATION_COUNT);
    query_i64(&q, account_id);
    enum err e = query_next(&q, f);
    int64_t n = e == ERR_OK ? col_i64(&q) : 0;
    query_end(&q);
    if (e == ERR_OK && n >= FEDERATIONS_MAX)
        return fault_set(f, ERR_INVALID, "an account has at most %d federation policies",
                         FEDERATIONS_MAX);
    return e;
}

static enum err insert(struct store_conn *c, const struct federation *p, int64_t key_id,
                       struct fault *f)
{
    struct query q = query_of(c, SQL_FEDERATION_INSERT);
    query_text(&q, str_c(p->id));
    query_i64(&q, p->account_id);
    query_i64(&q, key_id);
    query_text(&q, str_c(p->name));
    query_text(&q, str_c(p->issuer));
    query_text(&q, str_c(p->jwks_url));
    query_text(&q, str_c(p->audience));
    query_text(&q, str_c(p->subject));
    query_text(&q, str_c(p->claims));
    query_i64(&q, p->lifetime_s);
    query_i64(&q, p->disabled);
    query_i64(&q, p->is_operators);
    query_i64(&q, p->created_ms);
    return query_run(&q, f);
}

enum err sqlite_federation_add(struct store_conn *c, struct store_call *call)
{
    struct federation *p = &container_of(call, struct store_federation_add, call)->row;
    int64_t key_id = 0;
    enum err e = find_key(c, p, &key_id, &call->fault);
    if (e == ERR_OK)
        e = check_count(c, p->account_id, &call->fault);
    if (e != ERR_OK)
        return e;
    p->created_ms = clock_wall_ms();
    p->updated_ms = p->last_used_ms = 0;
    return insert(c, p, key_id, &call->fault);
}

static enum err write_change(struct store_conn *c, struct federation *p, struct fault *f)
{
    struct query q = query_of(c, SQL_FEDERATION_UPDATE);
    p->updated_ms = clock_wall_ms();
    query_text(&q, str_c(p->name));
    query_i64(&q, p->disabled);
    query_i64(&q, p->lifetime_s);
    query_i64(&q, p->updated_ms);
    query_text(&q, str_c(p->id));
    enum err e = query_run(&q, f);
    return e == ERR_OK ? change_note(c, CHANGE_TOKENS, 0, p->key_hash, f) : e;
}

enum err sqlite_federation_change(struct store_conn *c, struct store_call *call)
{
    struct store_federation_change *g = container_of(call, struct store_federation_change, call);
    struct federation to = g->row;
    enum err e = read_one(c, g->account_id, g->id, &g->row, &call->fault);
    if (e != ERR_OK)
        return e;
    if (g->fields & FEDERATION_SET_NAME)
        memcpy(g->row.name, to.name, sizeof g->row.name);
    if (g->fields & FEDERATION_SET_DISABLED)
        g->row.disabled = to.disabled;
    if (g->fields & FEDERATION_SET_LIFETIME)
        g->row.lifetime_s = to.lifetime_s;
    return write_change(c, &g->row, &call->fault);
}

enum err sqlite_federation_delete(struct store_conn *c, struct store_call *call)
{
    struct store_federation_delete *d = container_of(call, struct store_federation_delete, call);
    enum err e = read_one(c, d->account_id, d->id, &d->row, &call->fault);
    if (e != ERR_OK)
        return e;
    struct query q = query_of(c, SQL_FEDERATION_DELETE);
    query_text(&q, str_c(d->id));
    e = query_run(&q, &call->fault);
    return e == ERR_OK ? change_note(c, CHANGE_TOKENS, 0, d->row.key_hash, &call->fault) : e;
}

/* --- giving tokens out --- */

/* Undone with its call where it is one too many. */
enum err sqlite_token_issue(struct store_conn *c, struct store_call *call)
{
    struct store_token_issue *t = container_of(call, struct store_token_issue, call);
    struct query q = query_of(c, SQL_TOKEN_ISSUE);
    query_i64(&q, clock_wall_ms());
    query_text(&q, str_c(t->id));
    enum err e = query_next(&q, &call->fault);
    int64_t issued = e == ERR_OK ? col_i64(&q) : 0;
    query_end(&q);
    if (e == ERR_NOT_FOUND)
        return fault_set(&call->fault, e, "the federation policy is disabled or was deleted");
    if (issued > TOKENS_A_MINUTE_MAX)
        return fault_set(&call->fault, ERR_RATE, "a federation policy gives %d tokens a minute",
                         TOKENS_A_MINUTE_MAX);
    return e;
}

/* --- our signing keys --- */

static void col_signing(struct query *q, struct signing_key *k)
{
    *k = (struct signing_key){.id = col_i64(q)};
    k->created_ms = col_i64(q);
    col_copy(q, k->kid, sizeof k->kid);
    struct str sealed = col_blob(q);
    if (sealed.n == 0 || sealed.n > sizeof k->sealed)
        return; /* it opens to nothing */
    memcpy(k->sealed, sealed.p, sealed.n);
    k->sealed_n = sealed.n;
}

enum err sqlite_signing_list(struct store_conn *c, struct store_call *call)
{
    struct store_signing_list *l = container_of(call, struct store_signing_list, call);
    struct query q = query_of(c, SQL_SIGNING_LIST);
    enum err e;
    l->n = 0;
    query_i64(&q, SIGNING_KEYS_MAX);
    while ((e = query_next(&q, &call->fault)) == ERR_OK)
        col_signing(&q, &l->rows[l->n++]);
    query_end(&q);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err newest(struct store_conn *c, int64_t *id, struct fault *f)
{
    struct query q = query_of(c, SQL_SIGNING_NEWEST);
    enum err e = query_next(&q, f);
    *id = e == ERR_OK ? col_i64(&q) : 0;
    query_end(&q);
    return e;
}

enum err sqlite_signing_add(struct store_conn *c, struct store_call *call)
{
    struct store_signing_add *a = container_of(call, struct store_signing_add, call);
    int64_t last;
    enum err e = newest(c, &last, &call->fault);
    if (e == ERR_OK && last != a->after)
        return fault_set(&call->fault, ERR_CONFLICT, "another signing key was made meanwhile");
    if (e != ERR_OK)
        return e;
    a->row.created_ms = clock_wall_ms();
    struct query q = query_of(c, SQL_SIGNING_INSERT);
    query_text(&q, str_c(a->row.kid));
    query_blob(&q, a->row.sealed, a->row.sealed_n);
    query_i64(&q, a->row.created_ms);
    e = query_run(&q, &call->fault);
    a->row.id = sqlite3_last_insert_rowid(c->db);
    return e == ERR_OK ? change_note(c, CHANGE_SIGNERS, 0, NULL, &call->fault) : e;
}

enum err sqlite_signing_prune(struct store_conn *c, struct store_call *call)
{
    struct store_signing_prune *p = container_of(call, struct store_signing_prune, call);
    struct query q = query_of(c, SQL_SIGNING_PRUNE);
    query_i64(&q, p->before_ms);
    enum err e = query_run(&q, &call->fault);
    p->n = e == ERR_OK ? sqlite_rows_changed(c) : 0;
    return e;
}
