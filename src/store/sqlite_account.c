#include <stdlib.h>

#include "store/sqlite.h"

static const char first_email[] = "owner@localhost";

enum err col_account(struct query *q, struct account *a, struct fault *f)
{
    *a = (struct account){.id = col_i64(q)};
    col_copy(q, a->email, sizeof a->email);
    a->granted = col_i64(q);
    col_usage(q, &a->usage);
    a->disabled = col_bool(q);
    a->created_ms = col_i64(q);
    a->key_lifetime_ms = col_i64(q);
    return col_shared_text(q, &a->ip_ranges, f);
}

/* The row that q asks for, and the end of q. */
static enum err account_of(struct query *q, struct account *out, struct fault *f)
{
    enum err e = query_next(q, f);
    if (e == ERR_OK)
        e = col_account(q, out, f);
    query_end(q);
    return e;
}

enum err account_read(struct store_conn *c, int64_t id, struct account *out, struct fault *f)
{
    struct query q = query_of(c, SQL_ACCOUNT_BY_ID);
    query_i64(&q, id);
    enum err e = account_of(&q, out, f);
    return e == ERR_NOT_FOUND ? fault_set(f, e, "there is no account %lld", (long long)id) : e;
}

static enum err read_by_email(struct store_conn *c, const char *email, struct account *out,
                              struct fault *f)
{
    struct query q = query_of(c, SQL_ACCOUNT_BY_EMAIL);
    query_text(&q, str_c(email));
    enum err e = account_of(&q, out, f);
    return e == ERR_NOT_FOUND ? fault_set(f, e, "there is no account %.200s", email) : e;
}

enum err change_note(struct store_conn *c, enum change_kind kind, int64_t id, const uint8_t *hash,
                     struct fault *f)
{
    struct query q = query_of(c, SQL_CHANGE_INSERT);
    query_i64(&q, kind);
    query_i64(&q, id);
    query_blob(&q, hash, KEY_HASH_BYTES);
    return query_run(&q, f);
}

static enum err create(struct store_conn *c, const char *email, struct account *out,
                       struct fault *f)
{
    struct query q = query_of(c, SQL_ACCOUNT_INSERT);
    query_text(&q, str_c(email));
    query_i64(&q, clock_wall_ms());
    enum err e = query_run(&q, f);
    if (e == ERR_CONFLICT)
        return fault_set(f, e, "there is an account %.200s already", email);
    if (e != ERR_OK)
        return e;
    int64_t id = sqlite3_last_insert_rowid(c->db);
    e = change_note(c, CHANGE_ACCOUNT, id, NULL, f);
    return e == ERR_OK ? account_read(c, id, out, f) : e;
}

enum err sqlite_account_create(struct store_conn *c, struct store_call *call)
{
    struct store_account_create *a = container_of(call, struct store_account_create, call);
    char email[EMAIL_MAX + 1];
    memcpy(email, a->account.email, sizeof email);
    if (!email[0])
        return fault_set(&call->fault, ERR_INVALID, "an account needs an email");
    return create(c, email, &a->account, &call->fault);
}

static enum err first(struct store_conn *c, bool create_first, struct account *out, struct fault *f)
{
    struct query q = query_of(c, SQL_ACCOUNT_FIRST);
    enum err e = account_of(&q, out, f);
    if (e != ERR_NOT_FOUND)
        return e;
    return create_first ? create(c, first_email, out, f)
                        : fault_set(f, e, "there is no account yet");
}

enum err sqlite_account_get(struct store_conn *c, struct store_call *call)
{
    struct store_account_get *a = container_of(call, struct store_account_get, call);
    char email[EMAIL_MAX + 1];
    memcpy(email, a->account.email, sizeof email);
    if (a->id)
        return account_read(c, a->id, &a->account, &call->fault);
    if (email[0])
        return read_by_email(c, email, &a->account, &call->fault);
    return first(c, a->create_first, &a->account, &call->fault);
}

enum err sqlite_account_list(struct store_conn *c, struct store_call *call)
{
    struct store_account_list *a = container_of(call, struct store_account_list, call);
    struct query q = query_of(c, SQL_ACCOUNT_ALL);
    size_t cap = 0;
    enum err e;
    while ((e = query_next(&q, &call->fault)) == ERR_OK) {
        if (a->n == cap) {
            cap = cap ? cap * 2 : 16;
            struct account *more = reallocarray(a->accounts, cap, sizeof *more);
            if (!more) {
                e = fault_set(&call->fault, ERR_NOMEM, "no memory for %zu accounts", cap);
                break;
            }
            a->accounts = more;
        }
        e = col_account(&q, &a->accounts[a->n++], &call->fault);
        if (e != ERR_OK)
            break;
        account_release(&a->accounts[a->n - 1]); /* a list does not tell of it */
    }
    query_end(&q);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    free(a->accounts);
    a->accounts = NULL;
    a->n = 0;
    return e;
}

enum err sqlite_account_disable(struct store_conn *c, struct store_call *call)
{
    struct store_account_disable *a = container_of(call, struct store_account_disable, call);
    struct account row;
    enum err e = read_by_email(c, a->email, &row, &call->fault);
    if (e != ERR_OK)
        return e;
    account_release(&row);
    struct query q = query_of(c, SQL_ACCOUNT_DISABLE);
    query_i64(&q, a->disabled);
    query_i64(&q, row.id);
    e = query_run(&q, &call->fault);
    return e == ERR_OK ? change_note(c, CHANGE_ACCOUNT, row.id, NULL, &call->fault) : e;
}

static enum err grant_record(struct store_conn *c, const struct store_credit_grant *g,
                             struct fault *f)
{
    struct query q = query_of(c, SQL_GRANT_INSERT);
    query_i64(&q, g->account_id);
    query_i64(&q, g->amount);
    query_text(&q, str_of(g->note, strnlen(g->note, sizeof g->note)));
    query_i64(&q, clock_wall_ms());
    return query_run(&q, f);
}

static enum err grant_add(struct store_conn *c, const struct store_credit_grant *g, struct fault *f)
{
    struct query q = query_of(c, SQL_ACCOUNT_GRANT);
    query_i64(&q, g->amount);
    query_i64(&q, g->account_id);
    return query_run(&q, f);
}

enum err sqlite_credit_grant(struct store_conn *c, struct store_call *call)
{
    struct store_credit_grant *g = container_of(call, struct store_credit_grant, call);
    struct fault *f = &call->fault;
    enum err e = account_read(c, g->account_id, &g->account, f);
    if (e != ERR_OK)
        return e;
    account_release(&g->account);
    if (g->amount <= 0 || g->amount > NANOS_MAX - g->account.granted)
        return fault_set(f, ERR_INVALID,
                         "a grant must be above zero, and all of an account's together "
                         "at most %lld dollars",
                         (long long)(NANOS_MAX / NANOS_PER_USD));
    if ((e = grant_record(c, g, f)) != ERR_OK || (e = grant_add(c, g, f)) != ERR_OK ||
        (e = change_note(c, CHANGE_ACCOUNT, g->account_id, NULL, f)) != ERR_OK)
        return e;
    e = account_read(c, g->account_id, &g->account, f);
    account_release(&g->account);
    return e;
}
