/* deadline.c: what a connection waits for, and how long. It has one timer; the deadlines that hold
 * now are computed from its state, so that moving one is a store. */
#include "http/serving.h"

static uint64_t now_ms(const struct http_stream *s)
{
    return io_now_ms(s->server->loop);
}

bool http_stream_reads_body(const struct http_stream *s)
{
    return s->phase == PHASE_STREAM && !http_body_is_complete(&s->body);
}

/* Of what we wrote. What TLS says by itself (tickets, after the handshake) is no answer that a
 * client does not take. */
static bool has_unsent(const struct http_stream *s)
{
    return s->left != s->written && io_unsent(s->io) != 0;
}

static uint64_t due_ms(const struct http_stream *s)
{
    const struct http_limits *limits = &s->server->limits;
    uint64_t stalled = has_unsent(s) ? s->moved_ms + limits->write_ms : UINT64_MAX;
    uint64_t due = UINT64_MAX;
    if (s->phase == PHASE_HEAD && s->is_held)
        due = UINT64_MAX;
    else if (s->phase == PHASE_HEAD && s->in_head)
        due = s->since_ms + limits->head_ms;
    else if (s->phase == PHASE_HEAD && stalled == UINT64_MAX)
        due = s->since_ms + limits->idle_ms;
    else if (http_stream_reads_body(s) && !s->is_paused)
        due = s->since_ms + limits->body_ms;
    else if (s->phase == PHASE_LINGER)
        due = s->since_ms + LINGER_MS;
    return due < stalled ? due : stalled;
}

void http_stream_set_timer(struct http_stream *s)
{
    uint64_t due = due_ms(s);
    if (due != UINT64_MAX)
        io_timer_set(s->server->loop, &s->timer, due);
}

void http_stream_wait(struct http_stream *s)
{
    s->since_ms = now_ms(s);
    http_stream_set_timer(s);
}

/* Whether the client took no byte for too long although there were some. */
static bool is_stalled(struct http_stream *s)
{
    if (!has_unsent(s))
        return false;
    uint64_t unsent = io_unsent(s->io);
    uint64_t left =
        unsent < s->written ? s->written - unsent : 0; /* TLS has more to send than we wrote */
    if (left > s->left) {
        s->left = left;
        s->moved_ms = now_ms(s);
    }
    return now_ms(s) >= s->moved_ms + s->server->limits.write_ms;
}

void http_stream_on_due(struct io_timer *t)
{
    struct http_stream *s = container_of(t, struct http_stream, timer);
    if (is_stalled(s)) {
        http_stream_lose(s);
        return;
    }
    if (s->phase == PHASE_LINGER && has_unsent(s)) {
        http_stream_wait(s); /* the client's end is waited for once it has all of ours */
        return;
    }
    if (due_ms(s) > now_ms(s)) {
        http_stream_set_timer(s);
        return;
    }
    if (http_stream_reads_body(s))
        http_stream_refuse(s, ERR_CLIENT_TIMEOUT, "The body of the request did not arrive in time");
    else if (s->phase == PHASE_HEAD && s->in_head)
        http_stream_refuse(s, ERR_CLIENT_TIMEOUT, "The head of the request did not arrive in time");
    else
        http_stream_die(s);
}
