#include "http/serving.h"

#include <stdlib.h>

/* --- ends --- */

static void reap(struct io_grave *g)
{
    struct http_stream *s = container_of(g, struct http_stream, grave);
    if (s->server)
        http_server_forget(s->server, s);
    buf_release(&s->carry);
    free(s);
}

void http_stream_die(struct http_stream *s)
{
    if (s->phase == PHASE_DEAD)
        return;
    s->phase = PHASE_DEAD;
    s->handler = NULL;
    list_del(&s->ready);
    io_timer_clear(s->server->loop, &s->timer);
    io_close(s->io);
    io_bury(s->server->loop, &s->grave, reap);
}

/* The app hears of its stream for the last time. False: it had accepted none. */
static bool tell_gone(struct http_stream *s, enum err why)
{
    const struct http_handler *h = s->handler;
    s->handler = NULL;
    if (h && h->on_gone)
        h->on_gone(s->user, why);
    return h != NULL;
}

void http_stream_lose(struct http_stream *s)
{
    tell_gone(s, ERR_CANCELLED);
    http_stream_die(s);
}

void http_stream_linger(struct http_stream *s)
{
    s->phase = PHASE_LINGER;
    s->handler = NULL;
    io_shutdown(s->io);
    if (s->is_ended) {
        io_flush(s->io);
        if (io_unsent(s->io) == 0) {
            http_stream_die(s);
            return;
        }
    }
    http_stream_read_as_wanted(s);
    http_stream_wait(s);
}

void http_stream_refuse(struct http_stream *s, enum err e, const char *message)
{
    bool is_told = tell_gone(s, e);
    if (s->phase == PHASE_DEAD)
        return;
    s->closes = true;
    if (s->answer == ANSWER_NONE)
        http_answer_fault(s, e, message, is_told);
    http_stream_linger(s);
}

/* --- reading --- */

static bool wants_bytes(const struct http_stream *s)
{
    switch ((enum phase)s->phase) {
    case PHASE_HEAD:
        return !s->is_held;
    case PHASE_STREAM: /* with the request complete: to notice that the client leaves */
        return http_body_is_complete(&s->body) ? s->carry.n == 0 : !s->is_paused;
    case PHASE_LINGER:
        return true;
    case PHASE_DEAD:
        break;
    }
    return false;
}

void http_stream_read_as_wanted(struct http_stream *s)
{
    bool wants = wants_bytes(s);
    if (s->phase == PHASE_DEAD || wants == s->is_reading)
        return;
    s->is_reading = wants;
    io_read(s->io, wants);
}

static void next_request(struct http_stream *s)
{
    s->phase = PHASE_HEAD;
    s->handler = NULL;
    s->answer = ANSWER_NONE;
    s->scan = (struct http_scan){0};
    s->in_head = s->is_paused = s->is_watched = false;
    http_stream_wait(s);
    if (!s->is_running && (s->carry.n || s->is_ended))
        http_stream_make_ready(s);
}

void http_stream_answered(struct http_stream *s)
{
    s->answer = ANSWER_DONE;
    s->handler = NULL;
    if (s->closes || s->server->is_draining)
        http_stream_linger(s);
    else if (http_body_is_complete(&s->body))
        next_request(s);
}

static void body_ended(struct http_stream *s)
{
    if (s->answer == ANSWER_DONE)
        next_request(s);
    else if (s->handler && s->handler->on_body_end)
        s->handler->on_body_end(s->user);
}

static bool take_body(struct http_stream *s, struct str *in)
{
    struct str piece = STR_NONE;
    const char *why = NULL;
    enum http_step step = http_body_next(&s->body, in, &piece, &why);
    s->at_hand = in->n;
    if (step == HTTP_STEP_BAD) {
        http_stream_refuse(s, ERR_INVALID, why);
        return false;
    }
    if (s->body.got > s->server->limits.body_max) {
        http_stream_refuse(s, ERR_TOO_BIG, "The body is over the limit of this server");
        return false;
    }
    if (piece.n && s->handler && s->handler->on_body)
        s->handler->on_body(s->user, piece);
    if (s->phase == PHASE_STREAM && http_body_is_complete(&s->body))
        body_ended(s);
    return true;
}

void http_stream_continue(struct http_stream *s)
{
    if (!s->expects_continue || s->at_hand || s->body.got || s->is_paused ||
        s->answer != ANSWER_NONE)
        return;
    s->expects_continue = false;
    http_answer_raw(s, STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void begin_stream(struct http_stream *s, const struct http_head *h)
{
    s->phase = PHASE_STREAM;
    s->in_head = false;
    s->is_head_method = h->method == HTTP_HEAD;
    s->is_http10 = h->is_http10;
    s->keep_alive = h->keep_alive;
    s->closes = !h->keep_alive;
    s->expects_continue = h->expects_continue;
    http_body_start(&s->body,
                    h->is_chunked   ? HTTP_CHUNKED
                    : h->length > 0 ? HTTP_LENGTH
                                    : HTTP_NO_BODY,
                    h->length);
}

static void offer(struct http_stream *s, const struct http_head *h)
{
    if (h->length > 0 && (uint64_t)h->length > s->server->limits.body_max) {
        http_stream_refuse(s, ERR_TOO_BIG, "Content-Length is over the limit of this server");
        return;
    }
    s->server->on_request(s->server->app, s, h);
    if (s->phase != PHASE_STREAM || s->answer == ANSWER_DONE)
        return;
    BUG_ON(!s->handler && s->answer == ANSWER_NONE);
    if (http_body_is_complete(&s->body))
        body_ended(s);
    else
        http_stream_continue(s);
}

/* Empty lines before a request are skipped (RFC 9112, 2.2). */
static void skip_empty_lines(struct http_stream *s, struct str *in)
{
    while (s->scan.at == 0 && str_starts(*in, STR("\r\n")))
        *in = str_skip(*in, 2);
}

static bool take_head(struct http_stream *s, struct str *in)
{
    struct fault f;
    struct http_head h;
    skip_empty_lines(s, in);
    enum err e = http_scan(&s->scan, *in, &f);
    if (e == ERR_MORE)
        return false;
    struct str head = str_head(*in, s->scan.at);
    if (e == ERR_OK)
        e = http_head_read(&s->scan, head, &h, &f);
    s->is_head_method = false;
    if (e != ERR_OK) {
        http_stream_refuse(s, e, f.message);
        return false;
    }
    *in = str_skip(*in, head.n);
    s->at_hand = in->n;
    begin_stream(s, &h);
    offer(s, &h);
    return true;
}

/* Earlier answers leave first: who sends requests and reads no answers gets no further. */
static bool must_hold(struct http_stream *s)
{
    if (io_unsent(s->io) > UNSENT_MAX)
        io_flush(s->io);
    s->is_held = io_unsent(s->io) > UNSENT_MAX;
    return s->is_held;
}

static bool drop(struct http_stream *s, struct str *in)
{
    if (in->n > LINGER_BYTES - s->dropped) {
        http_stream_die(s);
        return false;
    }
    s->dropped += (uint32_t)in->n;
    *in = str_skip(*in, in->n);
    return true;
}

/* One step; false: nothing can be taken now. */
static bool take(struct http_stream *s, struct str *in)
{
    switch ((enum phase)s->phase) {
    case PHASE_HEAD:
        return !must_hold(s) && take_head(s, in);
    case PHASE_STREAM:
        return !http_body_is_complete(&s->body) && take_body(s, in);
    case PHASE_LINGER:
        return drop(s, in);
    case PHASE_DEAD:
        break;
    }
    return false;
}

static void run(struct http_stream *s, struct str *in)
{
    s->is_running = true;
    while (in->n && take(s, in))
        ;
    s->is_running = false;
    s->at_hand = 0;
}

/* All was taken that could be: what is waited for now. */
static void settle(struct http_stream *s)
{
    if (s->phase == PHASE_DEAD)
        return;
    if (s->phase == PHASE_HEAD && !s->is_held) {
        if (s->is_ended) {
            http_stream_linger(s);
            return;
        }
        if (s->carry.n && !s->in_head) {
            s->in_head = true;
            http_stream_wait(s);
        }
    } else if (http_stream_reads_body(s)) {
        http_stream_wait(s);
    }
    http_stream_read_as_wanted(s);
}

static void run_carry(struct http_stream *s)
{
    struct str in = buf_view(&s->carry);
    run(s, &in);
    buf_consume(&s->carry, s->carry.n - in.n);
    if (s->carry.n == 0)
        buf_release(&s->carry);
}

/* --- what the connection says --- */

static void on_bytes(void *user, struct str bytes)
{
    struct http_stream *s = user;
    bool is_carried = s->carry.n != 0;
    if (!is_carried)
        run(s, &bytes);
    if (s->phase == PHASE_DEAD)
        return;
    if (bytes.n && s->phase != PHASE_LINGER && buf_add(&s->carry, bytes) != ERR_OK) {
        http_stream_lose(s);
        return;
    }
    if (is_carried)
        run_carry(s);
    settle(s);
}

static void on_end(void *user, enum err e)
{
    struct http_stream *s = user;
    s->is_ended = true;
    if (e != ERR_OK || http_stream_reads_body(s)) {
        http_stream_lose(s);
        return;
    }
    bool has_more = s->is_held || !list_is_empty(&s->ready);
    if (s->phase == PHASE_LINGER || (s->phase == PHASE_HEAD && !has_more))
        http_stream_linger(s);
    else if (s->phase == PHASE_STREAM && s->handler && s->handler->on_half_closed)
        s->handler->on_half_closed(s->user);
}

static void on_drained(void *user)
{
    struct http_stream *s = user;
    s->is_watched = false;
    s->left = s->written;
    if (s->phase == PHASE_LINGER && s->is_ended) {
        http_stream_die(s);
    } else if (s->phase == PHASE_HEAD && s->is_held) {
        s->is_held = false;
        http_stream_make_ready(s);
    } else if (s->handler && s->handler->on_drained) {
        s->handler->on_drained(s->user);
    }
}

void http_stream_make_ready(struct http_stream *s)
{
    list_del(&s->ready);
    list_append(&s->server->ready, &s->ready);
    io_hook_arm(&s->server->hook);
}

void http_stream_resume(struct http_stream *s)
{
    if (s->phase == PHASE_HEAD) {
        run_carry(s);
        settle(s);
    }
    if (s->phase != PHASE_STREAM || !s->is_watched)
        return;
    io_flush(s->io);
    if (io_unsent(s->io) == 0)
        on_drained(s);
}

bool http_stream_is_idle(const struct http_stream *s)
{
    return s->phase == PHASE_HEAD && !s->in_head && s->carry.n == 0;
}

struct http_stream *http_stream_new(struct http_server *server, struct io_conn *io)
{
    static const struct io_conn_ops ops = {
        .on_bytes = on_bytes, .on_end = on_end, .on_drained = on_drained};
    struct http_stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->server = server;
    s->io = io;
    list_init(&s->link);
    list_init(&s->ready);
    io_timer_init(&s->timer, http_stream_on_due);
    buf_init(&s->carry, CARRY_MAX);
    io_conn_set_user(io, &ops, s);
    http_stream_read_as_wanted(s);
    http_stream_wait(s);
    return s;
}
