#include <stdlib.h>

#include "store/sqlite_people.h"

static void col_session(struct query *q, struct session *s)
{
    s->id = col_i64(q);
    s->user_id = col_i64(q);
    col_hash(q, s->hash);
    s->created_ms = col_i64(q);
    s->seen_ms = col_i64(q);
    s->expires_ms = col_i64(q);
    col_copy(q, s->user_agent, sizeof s->user_agent);
    col_copy(q, s->address, sizeof s->address);
}

static enum err insert(struct store_conn *c, struct session *s, struct fault *f)
{
    struct query q = query_of(c, SQL_SESSION_INSERT);
    query_i64(&q, s->user_id);
    query_ticket(&q, s->hash);
    query_i64(&q, s->created_ms);
    query_i64(&q, s->seen_ms);
    query_i64(&q, s->expires_ms);
    query_text(&q, str_c(s->user_agent));
    query_text(&q, str_c(s->address));
    enum err e = query_run(&q, f);
    if (e == ERR_OK)
        s->id = sqlite3_last_insert_rowid(c->db);
    return e;
}

static enum err drop_old(struct store_conn *c, int64_t user_id, int64_t now_ms, struct fault *f)
{
    struct query q = query_of(c, SQL_SESSION_DROP_OLD);
    query_i64(&q, user_id);
    query_i64(&q, now_ms);
    query_i64(&q, SESSIONS_MAX);
    return query_run(&q, f);
}

static enum err audit(struct store_conn *c, const struct user *u, const struct session *s,
                      struct fault *f)
{
    char actor[32], detail[64];
    struct buf a = {.p = actor, .cap = sizeof actor, .max = sizeof actor};
    struct buf d = {.p = detail, .cap = sizeof detail, .max = sizeof detail};
    buf_printf(&a, "user:%lld", (long long)u->id);
    buf_printf(&d, "{\"by\":\"%s\"}", s->by ? s->by : "");
    return sqlite_audit_add(c,
                            &(struct audit){.account_id = u->account_id,
                                            .actor = buf_view(&a),
                                            .label = str_c(u->email),
                                            .from = str_c(s->address),
                                            .agent = str_c(s->user_agent),
                                            .action = STR("user.signin"),
                                            .target = str_skip(buf_view(&a), 5),
                                            .detail = buf_view(&d)},
                            f);
}

enum err session_open(struct store_conn *c, const struct user *u, struct session *s,
                      struct fault *f)
{
    if (u->disabled)
        return fault_set(f, ERR_FORBIDDEN, "This user is disabled");
    s->user_id = u->id;
    s->created_ms = s->seen_ms = clock_wall_ms();
    enum err e = insert(c, s, f);
    if (e == ERR_OK)
        e = audit(c, u, s, f);
    return e == ERR_OK ? drop_old(c, u->id, s->created_ms, f) : e;
}

enum err sessions_end(struct store_conn *c, int64_t user_id, int64_t keep, struct fault *f)
{
    struct query q = query_of(c, SQL_SESSION_DROP_ALL);
    query_i64(&q, user_id);
    query_i64(&q, keep);
    return query_run(&q, f);
}

enum err ways_in_end(struct store_conn *c, int64_t user_id, int64_t keep, struct fault *f)
{
    struct query q = query_of(c, SQL_LINK_DROP_USER);
    query_i64(&q, user_id);
    enum err e = query_run(&q, f);
    return e == ERR_OK ? sessions_end(c, user_id, keep, f) : e;
}

enum err sqlite_session_create(struct store_conn *c, struct store_call *call)
{
    struct session *s = &container_of(call, struct store_session_create, call)->session;
    struct user u;
    enum err e = user_read(c, s->user_id, &u, &call->fault);
    return e == ERR_OK ? session_open(c, &u, s, &call->fault) : e;
}

enum err sqlite_session_get(struct store_conn *c, struct store_call *call)
{
    struct store_session_get *g = container_of(call, struct store_session_get, call);
    struct query q = query_of(c, SQL_SESSION_BY_HASH);
    query_ticket(&q, g->hash);
    enum err e = query_next(&q, &call->fault);
    if (e == ERR_OK) {
        col_session(&q, &g->session);
        col_user(&q, &g->user);
        g->account_disabled = col_bool(&q);
    }
    query_end(&q);
    return e == ERR_NOT_FOUND ? fault_set(&call->fault, e, "There is no such session") : e;
}

enum err sqlite_session_list(struct store_conn *c, struct store_call *call)
{
    struct store_session_list *l = container_of(call, struct store_session_list, call);
    struct query q = query_of(c, SQL_SESSION_OF_USER);
    void *rows = NULL;
    size_t cap = 0;
    enum err e;
    l->n = 0;
    query_i64(&q, l->user_id);
    query_i64(&q, clock_wall_ms());
    while ((e = query_next(&q, &call->fault)) == ERR_OK) {
        if ((e = rows_grow(&rows, &cap, l->n, sizeof *l->sessions, &call->fault)) != ERR_OK)
            break;
        l->sessions = rows;
        col_session(&q, &l->sessions[l->n++]);
    }
    query_end(&q);
    l->sessions = rows;
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    free(rows);
    l->sessions = NULL;
    l->n = 0;
    return e;
}

enum err sqlite_session_touch(struct store_conn *c, struct store_call *call)
{
    struct store_session_touch *t = container_of(call, struct store_session_touch, call);
    struct query q = query_of(c, SQL_SESSION_SEEN);
    query_i64(&q, t->seen_ms);
    query_i64(&q, t->id);
    return query_run(&q, &call->fault);
}

enum err sqlite_session_delete(struct store_conn *c, struct store_call *call)
{
    struct store_session_delete *d = container_of(call, struct store_session_delete, call);
    if (d->id == 0)
        return sessions_end(c, d->user_id, d->keep, &call->fault);
    struct query q = query_of(c, SQL_SESSION_DROP);
    query_i64(&q, d->user_id);
    query_i64(&q, d->id);
    enum err e = query_run(&q, &call->fault);
    if (e == ERR_OK && sqlite_rows_changed(c) == 0)
        return fault_set(&call->fault, ERR_NOT_FOUND, "There is no such session");
    return e;
}
