/* sqlite_door.c: who may come in from where, and what was done. */
#include "store/sqlite.h"

enum { AUDIT_TEXT_MAX = 8 * 1024 * 1024 };

/* --- the audit log --- */

enum err sqlite_audit_add(struct store_conn *c, const struct audit *a, struct fault *f)
{
    struct query q = query_of(c, SQL_AUDIT_INSERT);
    query_i64(&q, a->account_id);
    query_i64(&q, clock_wall_ms());
    query_text(&q, a->actor);
    query_text(&q, a->label);
    query_text(&q, a->from);
    query_text(&q, a->agent);
    query_text(&q, a->action);
    query_text(&q, a->target);
    query_text(&q, a->detail.n ? a->detail : STR("{}"));
    return query_run(&q, f);
}

/* Copied behind what is there; the view is an offset until the buffer stands still. */
static struct str keep(struct query *q, struct buf *text)
{
    struct str s = col_text(q);
    size_t at = text->n;
    buf_add(text, s);
    return (struct str){(const char *)at, text->n - at};
}

static void settle(struct str *s, const struct buf *text)
{
    *s = s->n ? str_of(text->p + (size_t)s->p, s->n) : STR_NONE;
}

static void settle_all(struct store_audit_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct audit *a = &l->rows[i].audit;
        struct str *const views[] = {&a->actor,  &a->label,  &a->from,  &a->agent,
                                     &a->action, &a->target, &a->detail};
        for (size_t k = 0; k < COUNT_OF(views); k++)
            settle(views[k], &l->text);
    }
}

static void col_audit(struct query *q, struct audit_row *r, struct buf *text)
{
    r->id = col_i64(q);
    r->audit.account_id = col_i64(q);
    r->at_ms = col_i64(q);
    r->audit.actor = keep(q, text);
    r->audit.label = keep(q, text);
    r->audit.from = keep(q, text);
    r->audit.agent = keep(q, text);
    r->audit.action = keep(q, text);
    r->audit.target = keep(q, text);
    r->audit.detail = keep(q, text);
}

enum err sqlite_audit_list(struct store_conn *c, struct store_call *call)
{
    struct store_audit_list *l = container_of(call, struct store_audit_list, call);
    struct query q = query_of(c, l->account_id ? SQL_AUDIT_LIST_ACCOUNT : SQL_AUDIT_LIST);
    enum err e;
    buf_init(&l->text, AUDIT_TEXT_MAX);
    query_i64(&q, l->account_id);
    query_text(&q, l->action);
    query_text(&q, l->target);
    query_i64(&q, l->limit && l->limit < AUDIT_PAGE_MAX ? (int64_t)l->limit : AUDIT_PAGE_MAX);
    query_i64(&q, (int64_t)l->offset);
    while ((e = query_next(&q, &call->fault)) == ERR_OK)
        col_audit(&q, &l->rows[l->n++], &l->text);
    query_end(&q);
    if (e == ERR_NOT_FOUND && l->text.failed == ERR_OK) {
        settle_all(l);
        return ERR_OK;
    }
    if (e == ERR_NOT_FOUND)
        e = fault_set(&call->fault, ERR_NOMEM, "no memory for the audit log");
    store_audit_list_release(l);
    return e;
}

/* --- allow lists --- */

/* The account's row bears all ranges, so that a look-up of a key needs no further one. */
static enum err gather(struct store_conn *c, int64_t account_id, struct fault *f)
{
    struct query q = query_of(c, SQL_IP_GATHER);
    query_i64(&q, account_id);
    enum err e = query_run(&q, f);
    return e == ERR_OK ? change_note(c, CHANGE_ACCOUNT, account_id, NULL, f) : e;
}

static enum err check_count(struct store_conn *c, int64_t account_id, struct fault *f)
{
    struct query q = query_of(c, SQL_IP_COUNT);
    query_i64(&q, account_id);
    enum err e = query_next(&q, f);
    int64_t n = e == ERR_OK ? col_i64(&q) : 0;
    query_end(&q);
    if (e == ERR_OK && n >= IP_ALLOW_MAX)
        return fault_set(f, ERR_INVALID, "an allow list has at most %d entries", IP_ALLOW_MAX);
    return e;
}

enum err sqlite_ip_allow_add(struct store_conn *c, struct store_call *call)
{
    struct store_ip_allow_add *a = container_of(call, struct store_ip_allow_add, call);
    enum err e = check_count(c, a->account_id, &call->fault);
    if (e != ERR_OK)
        return e;
    a->row.created_ms = clock_wall_ms();
    struct query q = query_of(c, SQL_IP_INSERT);
    query_i64(&q, a->account_id);
    query_text(&q, str_c(a->row.range));
    query_text(&q, str_c(a->row.label));
    query_i64(&q, a->row.created_ms);
    e = query_run(&q, &call->fault);
    if (e == ERR_CONFLICT)
        return fault_set(&call->fault, e, "%s is in the allow list already", a->row.range);
    a->row.id = sqlite3_last_insert_rowid(c->db);
    return e == ERR_OK ? gather(c, a->account_id, &call->fault) : e;
}

enum err sqlite_ip_allow_list(struct store_conn *c, struct store_call *call)
{
    struct store_ip_allow_list *l = container_of(call, struct store_ip_allow_list, call);
    struct query q = query_of(c, SQL_IP_LIST);
    enum err e;
    query_i64(&q, l->account_id);
    query_i64(&q, IP_ALLOW_MAX);
    while ((e = query_next(&q, &call->fault)) == ERR_OK) {
        struct ip_allow *r = &l->rows[l->n++];
        r->id = col_i64(&q);
        r->created_ms = col_i64(&q);
        col_copy(&q, r->range, sizeof r->range);
        col_copy(&q, r->label, sizeof r->label);
    }
    query_end(&q);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err sqlite_ip_allow_delete(struct store_conn *c, struct store_call *call)
{
    struct store_ip_allow_delete *d = container_of(call, struct store_ip_allow_delete, call);
    struct query q = query_of(c, SQL_IP_DELETE);
    query_i64(&q, d->account_id);
    query_i64(&q, d->id);
    enum err e = query_run(&q, &call->fault);
    if (e == ERR_OK && sqlite_rows_changed(c) == 0)
        return fault_set(&call->fault, ERR_NOT_FOUND, "there is no such entry in the allow list");
    return e == ERR_OK ? gather(c, d->account_id, &call->fault) : e;
}

/* --- policy --- */

enum err sqlite_policy_set(struct store_conn *c, struct store_call *call)
{
    struct store_policy_set *p = container_of(call, struct store_policy_set, call);
    struct query q = query_of(c, SQL_POLICY_SET);
    query_i64(&q, p->key_lifetime_ms);
    query_i64(&q, p->account_id);
    enum err e = query_run(&q, &call->fault);
    return e == ERR_OK ? change_note(c, CHANGE_ACCOUNT, p->account_id, NULL, &call->fault) : e;
}
