#include "http/pool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CARRY_MAX = 256 * 1024, WHY_MAX = 360 };

/* --- ends --- */

static void reap(struct io_grave *g)
{
    struct http_conn *conn = container_of(g, struct http_conn, grave);
    buf_release(&conn->carry);
    free(conn);
}

void http_conn_die(struct http_conn *conn)
{
    struct http_pool *p = conn->pool;
    if (conn->phase == CONN_DEAD)
        return;
    if (conn->phase == CONN_IDLE)
        p->n_idle--;
    p->open--;
    conn->phase = CONN_DEAD;
    conn->call = NULL;
    list_del(&conn->link);
    io_close(conn->io);
    io_bury(p->loop, &conn->grave, reap);
}

void http_call_fail(struct http_call *c, enum err e, const char *why)
{
    c->conn = NULL;
    c->pool = NULL;
    c->ops->on_fail(c, e, why);
}

static void fail(struct http_conn *conn, enum err e, const char *why)
{
    struct http_pool *p = conn->pool;
    struct http_call *c = conn->call;
    http_conn_die(conn);
    http_call_fail(c, e, why);
    http_pool_serve(p);
}

/* The answer is complete; `rest` bytes came behind it, which nobody asked for. */
static void complete(struct http_conn *conn, size_t rest)
{
    struct http_pool *p = conn->pool;
    struct http_call *c = conn->call;
    conn->call = NULL;
    c->conn = NULL;
    c->pool = NULL;
    if (conn->keep_alive && rest == 0 && io_unsent(conn->io) == 0) {
        if (conn->is_read_off)
            io_read(conn->io, true);
        http_pool_give(conn);
    } else {
        http_conn_die(conn);
        http_pool_serve(p);
    }
    c->ops->on_end(c);
}

/* --- the request --- */

static void send_request(struct http_conn *conn)
{
    struct http_call *c = conn->call;
    conn->phase = CONN_BUSY;
    conn->served++;
    conn->scan = (struct http_scan){.is_response = true};
    conn->is_in_body = conn->has_answer = conn->is_read_off = false;
    conn->is_head_method = str_starts(c->request[0], STR("HEAD "));
    io_write(conn->io, c->request, c->request_n); /* if that fails, on_end() follows */
    bool is_first = !c->is_sent;
    c->is_sent = true;
    if (is_first && c->ops->on_sent)
        c->ops->on_sent(c);
}

void http_conn_reuse(struct http_conn *conn, struct http_call *c)
{
    conn->call = c;
    c->conn = conn;
    c->is_reused = true;
    send_request(conn);
}

/* The connection had been idle and its peer closed it before it saw the request: another one,
 * once. */
static void retry(struct http_conn *conn)
{
    struct http_pool *p = conn->pool;
    struct http_call *c = conn->call;
    http_conn_die(conn);
    c->conn = NULL;
    c->is_reused = false;
    if (!http_conn_open(p, c))
        http_call_fail(c, ERR_NOMEM, "no memory for a connection");
}

/* --- the answer --- */

static bool begin_body(struct http_conn *conn, const struct http_head *h)
{
    enum http_framing framing = HTTP_TO_EOF;
    if (conn->is_head_method || h->status == 204 || h->status == 304)
        framing = HTTP_NO_BODY;
    else if (h->is_chunked)
        framing = HTTP_CHUNKED;
    else if (h->length >= 0)
        framing = HTTP_LENGTH;
    conn->is_in_body = true;
    conn->keep_alive = h->keep_alive && framing != HTTP_TO_EOF;
    http_body_start(&conn->body, framing, h->length);
    conn->call->ops->on_head(conn->call, h);
    return conn->phase == CONN_BUSY;
}

static bool refuse(struct http_conn *conn, const char *why)
{
    char text[WHY_MAX];
    snprintf(text, sizeof text, "the answer is not proper HTTP: %s", why);
    fail(conn, ERR_UPSTREAM, text);
    return false;
}

static bool take_head(struct http_conn *conn, struct str *in)
{
    struct fault f;
    struct http_head h;
    enum err e = http_scan(&conn->scan, *in, &f);
    if (e == ERR_MORE)
        return false;
    struct str head = str_head(*in, conn->scan.at);
    if (e == ERR_OK)
        e = http_head_read(&conn->scan, head, &h, &f);
    if (e != ERR_OK)
        return refuse(conn, f.message);
    if (h.status == 101)
        return refuse(conn, "It switches to another protocol");
    *in = str_skip(*in, head.n);
    if (h.status < 200) {
        conn->scan = (struct http_scan){.is_response = true};
        return true;
    }
    if (!begin_body(conn, &h))
        return false;
    if (!http_body_is_complete(&conn->body))
        return true;
    complete(conn, in->n);
    return false;
}

static bool take_body(struct http_conn *conn, struct str *in)
{
    struct str piece = STR_NONE;
    const char *why = NULL;
    if (http_body_next(&conn->body, in, &piece, &why) == HTTP_STEP_BAD)
        return refuse(conn, why);
    if (piece.n)
        conn->call->ops->on_body(conn->call, piece);
    if (conn->phase != CONN_BUSY)
        return false;
    if (!http_body_is_complete(&conn->body))
        return true;
    complete(conn, in->n);
    return false;
}

static void run(struct http_conn *conn, struct str *in)
{
    while (in->n && (conn->is_in_body ? take_body(conn, in) : take_head(conn, in)))
        ;
}

/* False: no room for the rest of a head. */
static bool take(struct http_conn *conn, struct str bytes)
{
    uint32_t serving = conn->served;
    if (conn->carry.n == 0) {
        run(conn, &bytes);
        if (conn->phase != CONN_BUSY || conn->served != serving)
            return true;
        return buf_add(&conn->carry, bytes) == ERR_OK;
    }
    if (buf_add(&conn->carry, bytes) != ERR_OK)
        return false;
    struct str in = buf_view(&conn->carry);
    run(conn, &in);
    if (conn->phase != CONN_BUSY || conn->served != serving || in.n == 0)
        buf_release(&conn->carry);
    else
        buf_consume(&conn->carry, conn->carry.n - in.n);
    return true;
}

/* --- what the connection says --- */

static void on_open(void *user, enum err e, const char *why)
{
    struct http_conn *conn = user;
    if (e != ERR_OK) {
        fail(conn, e == ERR_NOMEM ? e : ERR_UPSTREAM, why);
        return;
    }
    io_read(conn->io, true);
    send_request(conn);
}

static void on_bytes(void *user, struct str bytes)
{
    struct http_conn *conn = user;
    if (conn->phase != CONN_BUSY) { /* nothing was asked */
        http_conn_die(conn);
        return;
    }
    conn->has_answer = true;
    if (!take(conn, bytes))
        fail(conn, ERR_NOMEM, "no memory for the head of the answer");
}

/* What the end of the connection means for the call on it, in words. */
static void explain(const struct http_conn *conn, enum err e, char why[WHY_MAX])
{
    const char *how = e == ERR_OK ? "closed" : "reset";
    const struct http_body *b = &conn->body;
    if (!conn->has_answer)
        snprintf(why, WHY_MAX, "connection %s before an answer", how);
    else if (!conn->is_in_body)
        snprintf(why, WHY_MAX, "connection %s within the head of the answer", how);
    else if (b->framing == HTTP_LENGTH)
        snprintf(why, WHY_MAX, "the answer ended after %" PRIu64 " of %" PRIu64 " bytes", b->got,
                 b->got + b->left);
    else
        snprintf(why, WHY_MAX, "the answer was cut after %" PRIu64 " bytes", b->got);
}

static void on_end(void *user, enum err e)
{
    struct http_conn *conn = user;
    char why[WHY_MAX];
    if (conn->phase != CONN_BUSY) {
        http_conn_die(conn);
    } else if (e == ERR_OK && conn->is_in_body && conn->body.framing == HTTP_TO_EOF) {
        complete(conn, 0);
    } else if (!conn->has_answer && conn->call->is_reused) {
        retry(conn);
    } else {
        explain(conn, e, why);
        fail(conn, ERR_UPSTREAM, why);
    }
}

static void on_drained(void *user)
{
    (void)user; /* a request waits for nobody */
}

bool http_conn_open(struct http_pool *p, struct http_call *c)
{
    static const struct io_conn_ops ops = {
        .on_open = on_open, .on_bytes = on_bytes, .on_end = on_end, .on_drained = on_drained};
    struct http_conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return false;
    buf_init(&conn->carry, CARRY_MAX);
    conn->pool = p;
    conn->call = c;
    conn->io = io_connect(p->loop, p->origin.host, p->origin.port, p->origin.tls, &ops, conn);
    if (!conn->io) {
        free(conn);
        return false;
    }
    c->conn = conn;
    p->open++;
    list_append(&p->busy, &conn->link);
    return true;
}

void http_call_read(struct http_call *c, bool on)
{
    struct http_conn *conn = c->conn;
    if (!conn || conn->phase != CONN_BUSY || conn->is_read_off == !on)
        return;
    conn->is_read_off = !on;
    io_read(conn->io, on);
}
