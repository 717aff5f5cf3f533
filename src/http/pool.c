#include "http/pool.h"

#include <stdlib.h>

static void stop_waiting(struct http_call *c)
{
    list_del(&c->link);
    c->pool->n_waiting--;
}

static struct http_conn *take_idle(struct http_pool *p)
{
    if (list_is_empty(&p->idle))
        return NULL;
    struct http_conn *conn = container_of(p->idle.next, struct http_conn, link);
    list_del(&conn->link);
    list_append(&p->busy, &conn->link);
    p->n_idle--;
    return conn;
}

void http_pool_serve(struct http_pool *p)
{
    while (!p->is_gone && !list_is_empty(&p->waiting)) {
        struct http_call *c = container_of(p->waiting.next, struct http_call, link);
        struct http_conn *conn = take_idle(p);
        if (!conn && p->open >= p->limits.connections_max)
            return;
        stop_waiting(c);
        if (conn)
            http_conn_reuse(conn, c);
        else if (!http_conn_open(p, c))
            http_call_fail(c, ERR_NOMEM, "no memory for a connection");
    }
}

/* --- idle connections --- */

static void watch_idle(struct http_pool *p)
{
    if (list_is_empty(&p->idle))
        return;
    const struct http_conn *oldest = container_of(p->idle.prev, struct http_conn, link);
    io_timer_set(p->loop, &p->timer, oldest->idle_since_ms + p->limits.idle_ms);
}

void http_pool_give(struct http_conn *conn)
{
    struct http_pool *p = conn->pool;
    conn->phase = CONN_IDLE;
    conn->idle_since_ms = io_now_ms(p->loop);
    list_del(&conn->link);
    list_prepend(&p->idle, &conn->link);
    if (p->n_idle++ == 0 && list_is_empty(&p->failing))
        watch_idle(p);
    http_pool_serve(p);
}

static void close_expired(struct http_pool *p)
{
    while (!list_is_empty(&p->idle)) {
        struct http_conn *oldest = container_of(p->idle.prev, struct http_conn, link);
        if (oldest->idle_since_ms + p->limits.idle_ms > io_now_ms(p->loop))
            break;
        http_conn_die(oldest);
    }
    watch_idle(p);
}

static void tell_failing(struct http_pool *p)
{
    struct list now; /* a call may be started again from its on_fail */
    list_init(&now);
    list_move_all(&now, &p->failing);
    while (!list_is_empty(&now)) {
        struct http_call *c = container_of(now.next, struct http_call, link);
        list_del(&c->link);
        if (p->is_gone)
            c->pool = NULL;
        else if (c->refusal == ERR_NOMEM)
            http_call_fail(c, ERR_NOMEM, "no memory for a connection");
        else
            http_call_fail(c, ERR_OVERLOADED, "too many requests wait for a connection");
    }
}

static void on_due(struct io_timer *t)
{
    struct http_pool *p = container_of(t, struct http_pool, timer);
    tell_failing(p);
    if (!p->is_gone && list_is_empty(&p->failing))
        close_expired(p);
}

/* --- calls --- */

static void fail_later(struct http_call *c, enum err e)
{
    struct http_pool *p = c->pool;
    c->refusal = e;
    list_append(&p->failing, &c->link);
    io_timer_set(p->loop, &p->timer, io_now_ms(p->loop));
}

void http_call_start(struct http_call *c, struct http_pool *p, const struct http_call_ops *ops,
                     const struct str *request, uint32_t n)
{
    BUG_ON(!http_call_is_over(c) || n == 0);
    *c = (struct http_call){.ops = ops, .pool = p, .request = request, .request_n = n};
    list_init(&c->link);
    struct http_conn *conn = p->n_waiting ? NULL : take_idle(p);
    if (conn) {
        http_conn_reuse(conn, c);
    } else if (p->open < p->limits.connections_max) {
        if (!http_conn_open(p, c))
            fail_later(c, ERR_NOMEM);
    } else if (p->n_waiting < p->limits.waiting_max) {
        list_append(&p->waiting, &c->link);
        p->n_waiting++;
    } else {
        fail_later(c, ERR_OVERLOADED);
    }
}

bool http_call_is_over(const struct http_call *c)
{
    return !c->pool;
}

void http_call_cancel(struct http_call *c)
{
    struct http_pool *p = c->pool;
    if (!p)
        return;
    if (c->conn)
        http_conn_die(c->conn);
    else if (c->refusal != ERR_OK)
        list_del(&c->link);
    else
        stop_waiting(c);
    c->conn = NULL;
    c->pool = NULL;
    http_pool_serve(p);
}

/* --- life --- */

struct http_pool *http_pool_new(struct io_loop *l, const struct http_origin *o,
                                const struct http_pool_limits *limits)
{
    struct http_pool *p = calloc(1, sizeof *p + o->host.n);
    if (!p)
        return NULL;
    memcpy(p->host, o->host.p, o->host.n);
    p->loop = l;
    p->origin = *o;
    p->origin.host = str_of(p->host, o->host.n);
    p->limits = *limits;
    list_init(&p->idle);
    list_init(&p->busy);
    list_init(&p->waiting);
    list_init(&p->failing);
    io_timer_init(&p->timer, on_due);
    return p;
}

static void forget_calls(struct list *calls)
{
    while (!list_is_empty(calls)) {
        struct http_call *c = container_of(calls->next, struct http_call, link);
        list_del(&c->link);
        c->pool = NULL;
    }
}

static void close_all(struct list *conns)
{
    while (!list_is_empty(conns)) {
        struct http_conn *conn = container_of(conns->next, struct http_conn, link);
        if (conn->call) {
            conn->call->conn = NULL;
            conn->call->pool = NULL;
        }
        http_conn_die(conn);
    }
}

static void reap(struct io_grave *g)
{
    free(container_of(g, struct http_pool, grave));
}

void http_pool_free(struct http_pool *p)
{
    if (!p)
        return;
    p->is_gone = true;
    io_timer_clear(p->loop, &p->timer);
    forget_calls(&p->waiting);
    forget_calls(&p->failing);
    close_all(&p->busy);
    close_all(&p->idle);
    io_bury(p->loop, &p->grave, reap);
}

struct http_pool_counts http_pool_counts(const struct http_pool *p)
{
    return (struct http_pool_counts){.open = p->open, .idle = p->n_idle, .waiting = p->n_waiting};
}
