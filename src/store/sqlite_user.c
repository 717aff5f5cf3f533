#include <stdlib.h>

#include "store/sqlite_people.h"

/* --- what these files share --- */

enum err rows_grow(void **rows, size_t *cap, size_t n, size_t size, struct fault *f)
{
    if (n < *cap)
        return ERR_OK;
    size_t wanted = *cap ? *cap * 2 : 16;
    void *more = reallocarray(*rows, wanted, size);
    if (!more)
        return fault_set(f, ERR_NOMEM, "no memory for %zu rows", wanted);
    *rows = more;
    *cap = wanted;
    return ERR_OK;
}

void query_ticket(struct query *q, const uint8_t hash[TICKET_HASH_BYTES])
{
    _Static_assert(TICKET_HASH_BYTES == (int)KEY_HASH_BYTES, "col_hash() reads both");
    query_blob(q, hash, TICKET_HASH_BYTES);
}

void query_limit(struct query *q, nanos limit)
{
    if (limit == NO_LIMIT)
        query_null(q);
    else
        query_i64(q, limit);
}

nanos col_limit(struct query *q)
{
    bool is_unlimited = col_is_null(q);
    nanos limit = col_i64(q);
    return is_unlimited ? NO_LIMIT : limit;
}

/* --- rows --- */

void col_user(struct query *q, struct user *u)
{
    u->id = col_i64(q);
    u->account_id = col_i64(q);
    col_copy(q, u->email, sizeof u->email);
    u->is_proven = col_bool(q);
    int64_t role = col_i64(q);
    u->role = role >= 0 && role < ROLE__COUNT ? (enum role)role : ROLE_MEMBER;
    col_copy(q, u->password, sizeof u->password);
    u->disabled = col_bool(q);
    u->created_ms = col_i64(q);
}

/* The row that q asks for, and the end of q. */
static enum err user_of(struct query *q, struct user *out, struct fault *f)
{
    enum err e = query_next(q, f);
    if (e == ERR_OK)
        col_user(q, out);
    query_end(q);
    return e == ERR_NOT_FOUND ? fault_set(f, e, "There is no such user") : e;
}

enum err user_read(struct store_conn *c, int64_t id, struct user *out, struct fault *f)
{
    struct query q = query_of(c, SQL_USER_BY_ID);
    query_i64(&q, id);
    return user_of(&q, out, f);
}

enum err user_read_email(struct store_conn *c, const char *email, struct user *out, struct fault *f)
{
    struct query q = query_of(c, SQL_USER_BY_EMAIL);
    query_text(&q, str_c(email));
    return user_of(&q, out, f);
}

enum err user_insert(struct store_conn *c, struct user *u, struct fault *f)
{
    u->created_ms = clock_wall_ms();
    struct query q = query_of(c, SQL_USER_INSERT);
    query_i64(&q, u->account_id);
    query_text(&q, str_c(u->email));
    query_i64(&q, u->is_proven);
    query_i64(&q, u->role);
    query_text(&q, str_c(u->password));
    query_i64(&q, u->created_ms);
    enum err e = query_run(&q, f);
    if (e == ERR_OK)
        u->id = sqlite3_last_insert_rowid(c->db);
    return e == ERR_CONFLICT ? fault_set(f, e, "There is a user with this address already") : e;
}

enum err user_update(struct store_conn *c, const struct user *u, struct fault *f)
{
    struct query q = query_of(c, SQL_USER_UPDATE);
    query_i64(&q, u->is_proven);
    query_i64(&q, u->role);
    query_text(&q, str_c(u->password));
    query_i64(&q, u->disabled);
    query_i64(&q, u->id);
    return query_run(&q, f);
}

enum err user_insert_with_account(struct store_conn *c, struct user *u, struct fault *f)
{
    struct store_account_create a = {.call.need = STORE_ACCOUNT_CREATE};
    memcpy(a.account.email, u->email, sizeof a.account.email);
    enum err e = sqlite_account_create(c, &a.call);
    if (e == ERR_CONFLICT)
        return fault_set(f, e, "There is an account with this address already");
    if (e != ERR_OK) {
        *f = a.call.fault;
        return e;
    }
    u->account_id = a.account.id;
    u->role = ROLE_OWNER;
    u->disabled = false;
    return user_insert(c, u, f);
}

/* --- calls --- */

enum err sqlite_user_get(struct store_conn *c, struct store_call *call)
{
    struct store_user_get *g = container_of(call, struct store_user_get, call);
    char email[EMAIL_MAX + 1];
    memcpy(email, g->user.email, sizeof email);
    return g->id ? user_read(c, g->id, &g->user, &call->fault)
                 : user_read_email(c, email, &g->user, &call->fault);
}

enum err sqlite_user_list(struct store_conn *c, struct store_call *call)
{
    struct store_user_list *l = container_of(call, struct store_user_list, call);
    struct query q = query_of(c, SQL_USER_OF_ACCOUNT);
    void *rows = NULL;
    size_t cap = 0;
    enum err e;
    l->n = 0;
    query_i64(&q, l->account_id);
    while ((e = query_next(&q, &call->fault)) == ERR_OK) {
        if ((e = rows_grow(&rows, &cap, l->n, sizeof *l->users, &call->fault)) != ERR_OK)
            break;
        l->users = rows;
        col_user(&q, &l->users[l->n++]);
    }
    query_end(&q);
    l->users = rows;
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    free(rows);
    l->users = NULL;
    l->n = 0;
    return e;
}

static enum err another_owner(struct store_conn *c, const struct user *u, struct fault *f)
{
    struct query q = query_of(c, SQL_USER_OWNERS_LEFT);
    query_i64(&q, u->account_id);
    query_i64(&q, u->id);
    enum err e = query_next(&q, f);
    int64_t n = e == ERR_OK ? col_i64(&q) : 0;
    query_end(&q);
    if (e != ERR_OK || n > 0)
        return e;
    return fault_set(f, ERR_CONFLICT, "This is the account's last owner: make another one first");
}

/* What hangs below them dies with them. */
static enum err keys_disable(struct store_conn *c, const struct store_user_change *s,
                             struct fault *f)
{
    struct query q = query_of(c, SQL_USER_KEYS_DISABLE);
    query_i64(&q, clock_wall_ms());
    query_i64(&q, s->account_id);
    query_text(&q, str_c(s->creator));
    return query_run(&q, f);
}

enum err sqlite_audit_only(struct store_conn *c, struct store_call *call)
{
    (void)c;
    return call->audit ? ERR_OK : fault_set(&call->fault, ERR_INVALID, "nothing to record");
}

enum err sqlite_user_change(struct store_conn *c, struct store_call *call)
{
    struct store_user_change *s = container_of(call, struct store_user_change, call);
    struct fault *f = &call->fault;
    struct user wanted = s->user, *u = &s->user;
    enum err e = user_read(c, s->id, u, f);
    if (e == ERR_OK && u->account_id != s->account_id)
        e = fault_set(f, ERR_NOT_FOUND, "There is no such user");
    if (e != ERR_OK)
        return e;
    if (s->spares_owners && u->role == ROLE_OWNER)
        return fault_set(f, ERR_FORBIDDEN, "Only an owner can change an owner");
    bool was_owner = u->role == ROLE_OWNER && !u->disabled;
    if (s->set_role)
        u->role = wanted.role;
    if (s->set_disabled)
        u->disabled = wanted.disabled;
    if (s->set_password)
        memcpy(u->password, wanted.password, sizeof u->password);
    if (was_owner && (u->role != ROLE_OWNER || u->disabled))
        e = another_owner(c, u, f);
    if (e == ERR_OK)
        e = user_update(c, u, f);
    if (e == ERR_OK && (u->disabled || s->set_password))
        e = sessions_end(c, u->id, u->disabled ? 0 : s->keep_session, f);
    if (e == ERR_OK && s->disables_keys)
        e = keys_disable(c, s, f);
    /* every worker, and other processes, look at all of the account again */
    return e == ERR_OK ? change_note(c, CHANGE_ACCOUNT, u->account_id, NULL, f) : e;
}

enum err sqlite_user_signup(struct store_conn *c, struct store_call *call)
{
    struct store_user_signup *s = container_of(call, struct store_user_signup, call);
    enum err e = user_insert_with_account(c, &s->user, &call->fault);
    return e == ERR_OK ? session_open(c, &s->user, &s->session, &call->fault) : e;
}

/* --- who comes by OpenID Connect --- */

static enum err identity_bind(struct store_conn *c, const struct store_user_identify *s,
                              struct fault *f)
{
    struct query q = query_of(c, SQL_IDENTITY_INSERT);
    query_text(&q, str_c(s->issuer));
    query_text(&q, str_c(s->subject));
    query_i64(&q, s->user.id);
    query_i64(&q, clock_wall_ms());
    return query_run(&q, f);
}

static enum err identity_find(struct store_conn *c, struct store_user_identify *s, struct fault *f)
{
    struct query q = query_of(c, SQL_USER_BY_IDENTITY);
    query_text(&q, str_c(s->issuer));
    query_text(&q, str_c(s->subject));
    return user_of(&q, &s->user, f);
}

/* Whoever made a user with somebody else's address must not get that person as a guest: both sides
 * must have proven it. */
static enum err identity_link(struct store_conn *c, struct store_user_identify *s, struct fault *f)
{
    char email[EMAIL_MAX + 1];
    memcpy(email, s->user.email, sizeof email);
    enum err e = s->is_proven ? user_read_email(c, email, &s->user, f) : ERR_NOT_FOUND;
    if (e == ERR_OK && !s->user.is_proven)
        return fault_set(f, ERR_CONFLICT,
                         "There is a user with this address who has not proven that it is theirs: "
                         "sign in another way first");
    if (e != ERR_NOT_FOUND)
        return e == ERR_OK ? identity_bind(c, s, f) : e;
    if (!s->is_proven || !s->may_signup)
        return fault_set(f, ERR_NOT_FOUND, "Nobody with this identity may sign in here");
    s->user = (struct user){.is_proven = true};
    memcpy(s->user.email, email, sizeof email);
    e = user_insert_with_account(c, &s->user, f);
    return e == ERR_OK ? identity_bind(c, s, f) : e;
}

enum err sqlite_user_identify(struct store_conn *c, struct store_call *call)
{
    struct store_user_identify *s = container_of(call, struct store_user_identify, call);
    enum err e = identity_find(c, s, &call->fault);
    if (e == ERR_NOT_FOUND)
        e = identity_link(c, s, &call->fault);
    return e == ERR_OK ? session_open(c, &s->user, &s->session, &call->fault) : e;
}
