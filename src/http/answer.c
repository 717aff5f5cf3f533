#include "http/serving.h"

enum { VIEWS_MAX = 16, OPENING_MAX = 320 };

/* --- bytes out --- */

/* A false io_write() is not looked at: on_end() follows. */
static void put(struct http_stream *s, const struct str *views, size_t n)
{
    bool is_first = s->left == s->written || io_unsent(s->io) == 0;
    if (is_first) {
        s->left = s->written;
        s->moved_ms = io_now_ms(s->server->loop);
    }
    for (size_t i = 0; i < n; i++)
        s->written += views[i].n;
    io_write(s->io, views, n);
    if (is_first)
        http_stream_set_timer(s);
}

/* `opening`, `body` and `tail` in one write where they are few. */
static void put_all(struct http_stream *s, const struct str *opening, size_t n,
                    const struct str *body, size_t m, struct str tail)
{
    struct str all[VIEWS_MAX];
    if (n + m + 1 > VIEWS_MAX) {
        put(s, opening, n);
        put(s, body, m);
        put(s, &tail, 1);
        return;
    }
    memcpy(all, opening, n * sizeof *all);
    if (m)
        memcpy(all + n, body, m * sizeof *all);
    all[n + m] = tail;
    put(s, all, n + m + (tail.n != 0));
}

void http_answer_raw(struct http_stream *s, struct str bytes)
{
    put(s, &bytes, 1);
}

/* --- the head --- */

static bool has_no_body(int status)
{
    return status == 204 || status == 304;
}

/* What is unread of the request's body will all be dropped from the bytes at hand. */
static bool is_body_here(const struct http_stream *s)
{
    return http_body_is_complete(&s->body) ||
           (s->body.framing == HTTP_LENGTH && s->body.left <= s->at_hand);
}

static void decide(struct http_stream *s, int status, bool has_length)
{
    s->is_bodyless = s->is_head_method || has_no_body(status);
    s->is_chunked = !has_length && !s->is_http10;
    if (s->server->is_draining || !is_body_here(s) || (!has_length && s->is_http10))
        s->closes = true;
}

static void add_framing(struct http_stream *s, struct buf *b, int status, int64_t length)
{
    if (has_no_body(status))
        return;
    if (length >= 0) {
        buf_add(b, STR("Content-Length: "));
        buf_add_u64(b, (uint64_t)length);
        buf_add(b, STR("\r\n"));
    } else if (s->is_chunked) {
        buf_add(b, STR("Transfer-Encoding: chunked\r\n"));
    }
}

/* Status line and the fields that are the server's, no empty line. length -1: not known. */
static struct str compose(struct http_stream *s, char room[OPENING_MAX], int status, int64_t length)
{
    struct buf b = {.p = room, .cap = OPENING_MAX, .max = OPENING_MAX};
    decide(s, status, length >= 0);
    if (status == 200) {
        buf_add(&b, STR("HTTP/1.1 200 OK\r\n"));
    } else {
        buf_add(&b, STR("HTTP/1.1 "));
        buf_add_u64(&b, (uint64_t)status);
        buf_add(&b, STR(" "));
        buf_add_c(&b, http_reason(status));
        buf_add(&b, STR("\r\n"));
    }
    buf_add(&b, http_server_date(s->server));
    add_framing(s, &b, status, length);
    if (s->closes)
        buf_add(&b, STR("Connection: close\r\n"));
    else if (s->is_http10)
        buf_add(&b, STR("Connection: keep-alive\r\n"));
    BUG_ON(b.failed != ERR_OK);
    return buf_view(&b);
}

static void write_whole(struct http_stream *s, int status, struct str fields,
                        const struct str *body, size_t n)
{
    char room[OPENING_MAX];
    size_t length = 0;
    for (size_t i = 0; i < n; i++)
        length += body[i].n;
    struct str opening[] = {compose(s, room, status, (int64_t)length), fields, STR("\r\n")};
    put_all(s, opening, COUNT_OF(opening), body, s->is_bodyless ? 0 : n, STR_NONE);
}

void http_write_refusal(void *app, const struct http_refusal *r)
{
    (void)app;
    buf_add(r->fields, STR("Content-Type: application/json\r\n"));
    buf_add(r->body, STR("{\"error\":{\"code\":"));
    buf_add_u64(r->body, (uint64_t)err_status(r->err));
    buf_add(r->body, STR(",\"message\":\""));
    for (const char *at = r->message; *at; at++) {
        if (*at == '"' || *at == '\\')
            buf_add(r->body, STR("\\"));
        buf_add(r->body, str_of(at, 1));
    }
    buf_add(r->body, STR("\"}}"));
}

/* A message may hold what a client sent. */
static void make_printable(char *message)
{
    for (; *message; message++)
        if (*message < ' ' || *message > '~')
            *message = '?';
}

void http_answer_fault(struct http_stream *s, enum err e, const char *message, bool is_told)
{
    char lines[HTTP_REFUSAL_MAX], text[HTTP_REFUSAL_MAX];
    struct fault said;
    struct buf fields = {.p = lines, .cap = sizeof lines, .max = sizeof lines};
    struct buf body = {.p = text, .cap = sizeof text, .max = sizeof text};
    fault_write(&said, e, "%s", message);
    make_printable(said.message);
    const struct http_refusal r = {s, e, said.message, is_told, &fields, &body};
    s->server->write_refusal(s->server->app, &r);
    struct str view = buf_view(&body);
    write_whole(s, err_status(e), buf_view(&fields), &view, 1);
}

/* --- for the layer above --- */

void http_accept(struct http_stream *s, const struct http_handler *h, void *user)
{
    BUG_ON(s->phase != PHASE_STREAM || s->answer == ANSWER_DONE);
    s->handler = h;
    s->user = user;
}

void http_body_read(struct http_stream *s, bool on)
{
    BUG_ON(s->phase != PHASE_STREAM);
    if (s->is_paused == !on)
        return;
    s->is_paused = !on;
    if (http_body_is_complete(&s->body) || s->is_running)
        return;
    if (on) {
        s->since_ms = io_now_ms(s->server->loop);
        http_stream_set_timer(s);
        http_stream_continue(s);
    }
    http_stream_read_as_wanted(s);
}

void http_respond(struct http_stream *s, int status, struct str fields, const struct str *body,
                  size_t n)
{
    BUG_ON(s->phase != PHASE_STREAM || s->answer != ANSWER_NONE);
    write_whole(s, status, fields, body, n);
    http_stream_answered(s);
}

void http_begin(struct http_stream *s, int status, struct str fields)
{
    BUG_ON(s->phase != PHASE_STREAM || s->answer != ANSWER_NONE);
    char room[OPENING_MAX];
    struct str opening[] = {compose(s, room, status, -1), fields};
    put_all(s, opening, COUNT_OF(opening), NULL, 0, STR("\r\n"));
    s->answer = ANSWER_BEGUN;
}

void http_send(struct http_stream *s, const struct str *views, size_t n)
{
    BUG_ON(s->phase != PHASE_STREAM || s->answer != ANSWER_BEGUN);
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += views[i].n;
    if (size == 0 || s->is_bodyless) /* a chunk of no bytes would be the last one */
        return;
    if (!s->is_chunked) {
        put(s, views, n);
        return;
    }
    char line[18];
    size_t at = sizeof line;
    line[--at] = '\n';
    line[--at] = '\r';
    for (size_t left = size; left; left >>= 4)
        line[--at] = "0123456789abcdef"[left & 15];
    struct str opening = str_of(line + at, sizeof line - at);
    put_all(s, &opening, 1, views, n, STR("\r\n"));
}

void http_stream_flush(struct http_stream *s)
{
    io_flush(s->io);
}

/* An app that looks between a send and the flush may stop its source although the flush will then
 * send it all. The connection owes no on_drained() for that, so the end of the tick looks again. */
size_t http_unsent(struct http_stream *s)
{
    size_t n = io_unsent(s->io);
    if (n && !s->is_watched) {
        s->is_watched = true;
        http_stream_make_ready(s);
    }
    return n;
}

void http_finish(struct http_stream *s)
{
    BUG_ON(s->phase != PHASE_STREAM || s->answer != ANSWER_BEGUN);
    if (s->is_chunked && !s->is_bodyless)
        http_answer_raw(s, STR("0\r\n\r\n"));
    http_stream_answered(s);
}

void http_abort(struct http_stream *s)
{
    BUG_ON(s->phase != PHASE_STREAM || s->answer == ANSWER_DONE);
    bool shows_cut = s->answer == ANSWER_BEGUN && s->is_chunked;
    s->answer = ANSWER_DONE;
    if (shows_cut) {
        http_stream_linger(s); /* what was sent still arrives */
        return;
    }
    io_reset(s->io);
    http_stream_die(s);
}

void http_probe(struct http_stream *s)
{
    if (s->phase != PHASE_STREAM || s->answer != ANSWER_NONE || s->is_http10)
        return;
    http_answer_raw(s, STR("HTTP/1.1 102 Processing\r\n\r\n"));
    http_stream_flush(s);
}

struct str http_peer(const struct http_stream *s, char out[IO_ADDRESS_MAX])
{
    struct str a = io_peer(s->io, out);
    while (a.n && a.p[a.n - 1] != ':')
        a.n--;
    a.n -= a.n != 0;
    if (a.n >= 2 && a.p[0] == '[')
        a = str_of(a.p + 1, a.n - 2);
    return a;
}

bool http_is_tls(const struct http_stream *s)
{
    return s->server->is_tls;
}
