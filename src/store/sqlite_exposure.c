/* sqlite_exposure.c: exposures: noted once, followed by what the account's policy says. */
#include <stdio.h>

#include "store/sqlite_trust.h"

/* A key may be found in a thousand places at once: the owner gets the first few mails. */
enum { MAILS_AN_HOUR = 5, HOUR_MS = 3600 * 1000, DETAIL_MAX = 16 * 1024, LIST_TEXT_MAX = 4 << 20 };

static const char *const names[] = {NULL, "notify", "disable", "delete"};

const char *exposure_policy_name(enum exposure_policy p)
{
    return p < EXPOSURE_POLICY__COUNT ? names[p] : NULL;
}

bool exposure_policy_parse(struct str s, enum exposure_policy *out)
{
    for (enum exposure_policy p = EXPOSURE_NOTIFY; p < EXPOSURE_POLICY__COUNT; p++) {
        if (str_eq(s, str_c(names[p]))) {
            *out = p;
            return true;
        }
    }
    return false;
}

static enum exposure_policy col_policy(struct query *q)
{
    int64_t v = col_i64(q);
    return v > 0 && v < EXPOSURE_POLICY__COUNT ? (enum exposure_policy)v : EXPOSURE_DEFAULT;
}

/* --- one --- */

struct owner {
    int64_t key_id;
    char email[EMAIL_MAX + 1];
};

static enum err find_key(struct store_conn *c, const struct store_exposure_add *a,
                         struct exposure *x, struct owner *o, struct fault *f)
{
    struct query q = query_of(c, SQL_EXPOSURE_KEY);
    query_blob(&q, x->hash, KEY_HASH_BYTES);
    query_i64(&q, a->account_id);
    enum err e = query_next(&q, f);
    x->is_known = e == ERR_OK;
    if (e == ERR_OK) {
        o->key_id = col_i64(&q);
        x->account_id = col_i64(&q);
        col_copy(&q, x->label, sizeof x->label);
        col_copy(&q, x->name, sizeof x->name);
        x->was_disabled = col_bool(&q);
        x->was_deleted = col_bool(&q);
        col_copy(&q, o->email, sizeof o->email);
        x->policy = col_policy(&q);
        if (x->policy == EXPOSURE_DEFAULT)
            x->policy = a->policy;
    }
    query_end(&q);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err note(struct store_conn *c, const struct store_exposure_add *a, struct exposure *x,
                     const struct owner *o, struct fault *f)
{
    struct query q = query_of(c, SQL_EXPOSURE_INSERT);
    query_i64(&q, o->key_id);
    query_i64(&q, x->account_id);
    query_i64(&q, clock_wall_ms());
    query_text(&q, str_head(x->url, EXPOSURE_URL_MAX));
    query_text(&q, str_head(x->source, EXPOSURE_WORD_MAX));
    query_text(&q, str_head(x->type, EXPOSURE_WORD_MAX));
    query_text(&q, a->reporter);
    query_i64(&q, x->policy);
    enum err e = query_run(&q, f);
    x->is_new = e == ERR_OK && sqlite_rows_changed(c) > 0;
    return e;
}

/* The key ends, unless it has already. Also where the same was reported before: somebody may have
 * enabled it again by mistake, and it is still in the open. */
static enum err follow(struct store_conn *c, struct exposure *x, const struct owner *o,
                       struct fault *f)
{
    bool deletes = x->policy == EXPOSURE_DELETE;
    if (x->policy == EXPOSURE_NOTIFY || x->was_deleted || (x->was_disabled && !deletes))
        return ERR_OK;
    struct query q = query_of(c, deletes ? SQL_KEY_DELETE : SQL_EXPOSURE_DISABLE);
    query_i64(&q, clock_wall_ms());
    query_i64(&q, o->key_id);
    enum err e = query_run(&q, f);
    x->is_changed = e == ERR_OK;
    return e == ERR_OK ? change_note(c, CHANGE_KEY, o->key_id, x->hash, f) : e;
}

static enum err audit(struct store_conn *c, const struct store_exposure_add *a,
                      const struct exposure *x, struct fault *f)
{
    static const char digits[] = "0123456789abcdef";
    char hash[2 * KEY_HASH_BYTES];
    struct buf detail;
    for (size_t i = 0; i < KEY_HASH_BYTES; i++) {
        hash[2 * i] = digits[x->hash[i] >> 4];
        hash[2 * i + 1] = digits[x->hash[i] & 15];
    }
    buf_init(&detail, DETAIL_MAX);
    a->write_detail(x, &detail);
    struct audit row = {.account_id = x->account_id,
                        .actor = a->reporter,
                        .label = a->reporter_label,
                        .from = a->from,
                        .action = STR("key.exposed"),
                        .target = str_of(hash, sizeof hash),
                        .detail = buf_view(&detail)};
    enum err e = detail.failed != ERR_OK ? fault_set(f, ERR_NOMEM, "no memory for the audit log")
                                         : sqlite_audit_add(c, &row, f);
    buf_release(&detail);
    return e;
}

static enum err is_too_often(struct store_conn *c, const struct owner *o, bool *out,
                             struct fault *f)
{
    struct query q = query_of(c, SQL_EXPOSURE_COUNT);
    query_i64(&q, o->key_id);
    query_i64(&q, clock_wall_ms() - HOUR_MS);
    enum err e = query_next(&q, f);
    *out = e == ERR_OK && col_i64(&q) > MAILS_AN_HOUR;
    query_end(&q);
    return e;
}

static enum err mail(struct store_conn *c, const struct store_exposure_add *a,
                     const struct exposure *x, const struct owner *o, struct fault *f)
{
    bool is_enough = !a->has_mail;
    struct buf subject, text;
    struct fault ignored;
    enum err e = is_enough ? ERR_OK : is_too_often(c, o, &is_enough, f);
    if (e != ERR_OK || is_enough)
        return e;
    buf_init(&subject, MAIL_SUBJECT_MAX);
    buf_init(&text, MAIL_TEXT_MAX);
    a->write_mail(x, &subject, &text);
    struct mail m = {.to = str_c(o->email), .subject = buf_view(&subject), .text = buf_view(&text)};
    e = sqlite_mail_insert(c, &m, NULL, &ignored);
    buf_release(&subject);
    buf_release(&text);
    if (e == ERR_INVALID) /* an owner without a mailbox must not keep the key in use */
        return ERR_OK;
    if (e != ERR_OK)
        *f = ignored;
    return e;
}

static enum err add_one(struct store_conn *c, const struct store_exposure_add *a,
                        struct exposure *x, struct fault *f)
{
    struct owner o = {0};
    enum err e = find_key(c, a, x, &o, f);
    if (e != ERR_OK || !x->is_known)
        return e;
    e = note(c, a, x, &o, f);
    if (e == ERR_OK)
        e = follow(c, x, &o, f);
    if (e == ERR_OK && (x->is_new || x->is_changed))
        e = audit(c, a, x, f);
    return e == ERR_OK && (x->is_new || x->is_changed) ? mail(c, a, x, &o, f) : e;
}

enum err sqlite_exposure_add(struct store_conn *c, struct store_call *call)
{
    struct store_exposure_add *a = container_of(call, struct store_exposure_add, call);
    enum err e = ERR_OK;
    BUG_ON(a->n > EXPOSURES_AT_ONCE);
    for (size_t i = 0; i < a->n && e == ERR_OK; i++)
        e = add_one(c, a, &a->items[i], &call->fault);
    return e;
}

/* --- reading --- */

/* Copied behind what is there; its room is there already. */
static struct str keep(struct query *q, struct buf *text)
{
    struct str s = col_text(q);
    size_t at = text->n;
    buf_add(text, s);
    return str_skip(buf_view(text), at);
}

static void col_row(struct query *q, struct exposure_row *r, struct buf *text)
{
    r->id = col_i64(q);
    r->at_ms = col_i64(q);
    r->exposure.url = keep(q, text);
    r->exposure.source = keep(q, text);
    r->exposure.type = keep(q, text);
    r->reporter = keep(q, text);
    r->exposure.policy = col_policy(q);
    col_hash(q, r->exposure.hash);
    col_copy(q, r->exposure.label, sizeof r->exposure.label);
    col_copy(q, r->exposure.name, sizeof r->exposure.name);
    r->exposure.was_disabled = col_bool(q);
    r->exposure.was_deleted = col_bool(q);
}

enum err sqlite_exposure_list(struct store_conn *c, struct store_call *call)
{
    struct store_exposure_list *l = container_of(call, struct store_exposure_list, call);
    const size_t most =
        EXPOSURES_PAGE * (EXPOSURE_URL_MAX + 2 * EXPOSURE_WORD_MAX + 2 * KEY_HASH_BYTES + 40);
    buf_init(&l->text, most);
    l->n = 0;
    if (buf_grow(&l->text, most) != ERR_OK) /* at once, so that views into it stay */
        return fault_set(&call->fault, ERR_NOMEM, "no memory for exposures");
    struct query q = query_of(c, SQL_EXPOSURE_LIST);
    enum err e;
    query_i64(&q, l->account_id);
    query_i64(&q, EXPOSURES_PAGE);
    query_i64(&q, (int64_t)l->offset);
    while ((e = query_next(&q, &call->fault)) == ERR_OK)
        col_row(&q, &l->rows[l->n++], &l->text);
    query_end(&q);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

void store_exposure_list_release(struct store_exposure_list *l)
{
    buf_release(&l->text);
}

/* --- the account's policy --- */

enum err sqlite_exposure_policy_get(struct store_conn *c, struct store_call *call)
{
    struct store_exposure_policy *p = container_of(call, struct store_exposure_policy, call);
    struct query q = query_of(c, SQL_EXPOSURE_POLICY);
    query_i64(&q, p->account_id);
    enum err e = query_next(&q, &call->fault);
    if (e == ERR_OK)
        p->policy = col_policy(&q);
    query_end(&q);
    return e == ERR_NOT_FOUND ? fault_set(&call->fault, e, "there is no such account") : e;
}

enum err sqlite_exposure_policy_set(struct store_conn *c, struct store_call *call)
{
    struct store_exposure_policy *p = container_of(call, struct store_exposure_policy, call);
    struct query q = query_of(c, SQL_EXPOSURE_POLICY_SET);
    query_i64(&q, p->policy);
    query_i64(&q, p->account_id);
    return query_run(&q, &call->fault);
}
