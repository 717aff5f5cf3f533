#include <stdlib.h>

#include "store/sqlite_people.h"
#include "store/sqlite_trust.h"

static void col_link(struct query *q, struct link *l)
{
    l->id = col_i64(q);
    col_hash(q, l->hash);
    l->kind = (enum link_kind)col_i64(q);
    l->account_id = col_i64(q);
    l->user_id = col_i64(q);
    l->role = (enum role)col_i64(q);
    col_copy(q, l->email, sizeof l->email);
    l->created_ms = col_i64(q);
    l->expires_ms = col_i64(q);
}

static enum err gone(struct fault *f)
{
    return fault_set(f, ERR_NOT_FOUND,
                     "This link does not work: it was used before, it has expired, or it is not "
                     "complete");
}

static enum err link_read(struct store_conn *c, const uint8_t *hash, struct link *out,
                          struct fault *f)
{
    struct query q = query_of(c, SQL_LINK_BY_HASH);
    query_ticket(&q, hash);
    query_i64(&q, clock_wall_ms());
    enum err e = query_next(&q, f);
    if (e == ERR_OK)
        col_link(&q, out);
    query_end(&q);
    return e == ERR_NOT_FOUND ? gone(f) : e;
}

static enum err insert(struct store_conn *c, struct link *l, struct fault *f)
{
    l->created_ms = clock_wall_ms();
    struct query q = query_of(c, SQL_LINK_INSERT);
    query_ticket(&q, l->hash);
    query_i64(&q, l->kind);
    query_i64(&q, l->account_id);
    query_i64(&q, l->user_id);
    query_i64(&q, l->role);
    query_text(&q, str_c(l->email));
    query_i64(&q, l->created_ms);
    query_i64(&q, l->expires_ms);
    enum err e = query_run(&q, f);
    if (e == ERR_OK)
        l->id = sqlite3_last_insert_rowid(c->db);
    return e;
}

static enum err drop(struct store_conn *c, int64_t id, struct fault *f)
{
    struct query q = query_of(c, SQL_LINK_DROP);
    query_i64(&q, id);
    return query_run(&q, f);
}

static enum err drop_old(struct store_conn *c, struct fault *f)
{
    struct query q = query_of(c, SQL_LINK_DROP_OLD);
    query_i64(&q, clock_wall_ms());
    return query_run(&q, f);
}

/* Links of a kind that the new one takes the place of. */
static enum err drop_replaced(struct store_conn *c, const struct link *l, struct fault *f)
{
    struct query q;
    if (l->kind == LINK_INVITATION || l->kind == LINK_SIGNUP) {
        q = query_of(c, SQL_LINK_DROP_TO);
        query_i64(&q, l->kind);
        query_i64(&q, l->account_id);
        query_text(&q, str_c(l->email));
    } else {
        q = query_of(c, SQL_LINK_DROP_KIND);
        query_i64(&q, l->kind);
        query_i64(&q, l->user_id);
    }
    return query_run(&q, f);
}

static enum err refuse_taken(struct store_conn *c, const struct link *l, struct fault *f)
{
    struct user u;
    if (l->kind == LINK_SIGNIN || l->kind == LINK_RESET)
        return ERR_OK;
    if (l->kind == LINK_CLAIM) {
        struct query q = query_of(c, SQL_USER_ANY);
        enum err e = query_next(&q, f);
        query_end(&q);
        if (e == ERR_OK)
            return fault_set(f, ERR_CONFLICT, "This instance has been claimed already");
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    }
    enum err e = user_read_email(c, l->email, &u, f);
    if (e == ERR_OK)
        return fault_set(f, ERR_CONFLICT, "There is a user with this address already");
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err sqlite_link_create(struct store_conn *c, struct store_call *call)
{
    struct store_link_create *s = container_of(call, struct store_link_create, call);
    struct link *l = &s->link;
    int64_t mail_id;
    struct fault *f = &call->fault;
    enum err e = refuse_taken(c, l, f);
    if (e == ERR_OK)
        e = drop_old(c, f);
    if (e == ERR_OK)
        e = drop_replaced(c, l, f);
    if (e == ERR_OK)
        e = insert(c, l, f);
    return e == ERR_OK && s->mail ? sqlite_mail_insert(c, s->mail, &mail_id, f) : e;
}

enum err sqlite_link_get(struct store_conn *c, struct store_call *call)
{
    struct store_link_get *g = container_of(call, struct store_link_get, call);
    return link_read(c, g->hash, &g->link, &call->fault);
}

enum err sqlite_link_list(struct store_conn *c, struct store_call *call)
{
    struct store_link_list *l = container_of(call, struct store_link_list, call);
    struct query q = query_of(c, SQL_LINK_OF_ACCOUNT);
    void *rows = NULL;
    size_t cap = 0;
    enum err e;
    l->n = 0;
    query_i64(&q, l->account_id);
    query_i64(&q, LINK_INVITATION);
    query_i64(&q, clock_wall_ms());
    while ((e = query_next(&q, &call->fault)) == ERR_OK) {
        if ((e = rows_grow(&rows, &cap, l->n, sizeof *l->links, &call->fault)) != ERR_OK)
            break;
        l->links = rows;
        col_link(&q, &l->links[l->n++]);
    }
    query_end(&q);
    l->links = rows;
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    free(rows);
    l->links = NULL;
    l->n = 0;
    return e;
}

enum err sqlite_link_delete(struct store_conn *c, struct store_call *call)
{
    struct store_link_delete *d = container_of(call, struct store_link_delete, call);
    struct query q = query_of(c, SQL_LINK_DROP_OPEN);
    query_i64(&q, d->id);
    query_i64(&q, d->account_id);
    query_i64(&q, LINK_INVITATION);
    enum err e = query_run(&q, &call->fault);
    if (e == ERR_OK && sqlite_rows_changed(c) == 0)
        return fault_set(&call->fault, ERR_NOT_FOUND, "There is no such invitation");
    return e;
}

/* --- what a link stands for --- */

/* A mail that arrived proves whose address it is. */
static enum err redeem_signin(struct store_conn *c, const struct link *l, struct user *u,
                              struct fault *f)
{
    enum err e = user_read(c, l->user_id, u, f);
    if (e != ERR_OK || u->is_proven)
        return e;
    u->is_proven = true;
    return user_update(c, u, f);
}

/* Who printed it says who they are. Whoever had their password or a session has it no longer. */
static enum err redeem_reset(struct store_conn *c, const struct link *l, struct user *u,
                             struct fault *f)
{
    char password[PASSWORD_HASH_MAX + 1];
    memcpy(password, u->password, sizeof password);
    enum err e = user_read(c, l->user_id, u, f);
    if (e != ERR_OK)
        return e;
    memcpy(u->password, password, sizeof u->password);
    e = user_update(c, u, f);
    if (e == ERR_OK)
        e = ways_in_end(c, u->id, 0, f);
    return e == ERR_OK ? change_note(c, false, u->account_id, NULL, f) : e;
}

static enum err redeem_signup(struct store_conn *c, const struct link *l, struct user *u,
                              struct fault *f)
{
    memcpy(u->email, l->email, sizeof u->email);
    u->is_proven = true;
    return user_insert_with_account(c, u, f);
}

/* The first account was made without anybody's address: it gets the owner's, unless another account
 * bears that. */
static enum err redeem_claim(struct store_conn *c, const struct link *l, struct user *u,
                             struct fault *f)
{
    u->account_id = l->account_id;
    u->role = ROLE_OWNER;
    u->is_proven = true;
    u->disabled = false;
    enum err e = refuse_taken(c, l, f);
    if (e == ERR_OK)
        e = user_insert(c, u, f);
    if (e != ERR_OK)
        return e;
    struct query q = query_of(c, SQL_ACCOUNT_RENAME);
    query_text(&q, str_c(u->email));
    query_i64(&q, l->account_id);
    e = query_run(&q, f);
    return e == ERR_CONFLICT ? ERR_OK : e;
}

static enum err redeem_invitation(struct store_conn *c, const struct link *l, struct user *u,
                                  struct fault *f)
{
    memcpy(u->email, l->email, sizeof u->email);
    u->account_id = l->account_id;
    u->role = l->role < ROLE__COUNT ? l->role : ROLE_MEMBER;
    u->is_proven = true;
    u->disabled = false;
    return user_insert(c, u, f);
}

static enum err (*const redeem[])(struct store_conn *c, const struct link *l, struct user *u,
                                  struct fault *f) = {
    [LINK_SIGNIN] = redeem_signin, [LINK_SIGNUP] = redeem_signup,
    [LINK_CLAIM] = redeem_claim,   [LINK_INVITATION] = redeem_invitation,
    [LINK_RESET] = redeem_reset,
};

enum err sqlite_link_redeem(struct store_conn *c, struct store_call *call)
{
    struct store_link_redeem *r = container_of(call, struct store_link_redeem, call);
    struct fault *f = &call->fault;
    struct link l;
    enum err e = link_read(c, r->hash, &l, f);
    if (e == ERR_OK && l.kind != r->kind)
        e = gone(f);
    if (e == ERR_OK)
        e = drop(c, l.id, f);
    if (e == ERR_OK)
        e = redeem[l.kind](c, &l, &r->user, f);
    return e == ERR_OK ? session_open(c, &r->user, &r->session, f) : e;
}
