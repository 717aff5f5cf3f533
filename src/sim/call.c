/* call.c: the life of one request: its body, its waits, its end. */
#include "sim/internal.h"

#include <stdlib.h>

static void go_on(struct sim_call *c)
{
    c->wait = SIM_WAIT_NOTHING;
    c->next(c);
}

static void on_timer(struct io_timer *t)
{
    struct sim_call *c = container_of(t, struct sim_call, timer);
    BUG_ON(c->wait != SIM_WAIT_TIMER);
    if (c->is_begun && http_unsent(c->stream) > 0)
        c->wait = SIM_WAIT_DRAINED;
    else
        go_on(c);
}

static void on_body(void *user, struct str bytes)
{
    struct sim_call *c = user;
    buf_add(&c->body, bytes); /* a failure is looked at once, at the end */
}

static void on_body_end(void *user)
{
    sim__answer(user);
}

static void on_drained(void *user)
{
    struct sim_call *c = user;
    if (c->wait == SIM_WAIT_DRAINED)
        go_on(c);
}

/* Out of everybody's sight. The memory stays for callers up the stack. */
static void detach(struct sim_call *c)
{
    BUG_ON(c->is_over);
    c->is_over = true;
    c->wait = SIM_WAIT_NOTHING;
    io_timer_clear(c->sim->loop, &c->timer);
    list_del(&c->link);
    c->sim->open--;
}

static void release(struct sim_call *c)
{
    buf_release(&c->body);
    buf_release(&c->text);
    buf_release(&c->results);
    buf_release(&c->thoughts);
    buf_release(&c->media);
    buf_release(&c->out);
    arena_release(&c->arena);
    free(c);
}

static void reap(struct io_grave *g)
{
    release(container_of(g, struct sim_call, grave));
}

void sim__call_end(struct sim_call *c)
{
    detach(c);
    c->sim->done++;
    io_bury(c->sim->loop, &c->grave, reap);
}

static void on_gone(void *user, enum err why)
{
    struct sim_call *c = user;
    (void)why;
    detach(c);
    c->sim->gone++;
    io_bury(c->sim->loop, &c->grave, reap);
}

/* Like most providers: who ends its sending side has left, and nothing more is made for it. */
static void on_half_closed(void *user)
{
    struct sim_call *c = user;
    http_abort(c->stream);
    on_gone(c, ERR_CANCELLED);
}

static const struct http_handler handler = {on_body, on_body_end, on_drained, on_gone,
                                            on_half_closed};

/* Where a format is signed. Without memory a view is empty, and the signature wrong. */
static void keep_signs(struct sim_call *c, const struct http_head *head)
{
    c->signs = (struct sim_signed){
        .host = arena_str(&c->arena, http_field(head, STR("host"))),
        .path = arena_str(&c->arena, head->path),
        .type = arena_str(&c->arena, http_field(head, STR("content-type"))),
        .date = arena_str(&c->arena, http_field(head, STR("x-amz-date"))),
        .token = arena_str(&c->arena, http_field(head, STR("x-amz-security-token"))),
        .authorization = arena_str(&c->arena, http_field(head, STR("authorization"))),
    };
}

static struct sim_call *call_new(struct sim *s, struct http_stream *stream,
                                 const struct http_head *head, const struct sim_format *format,
                                 struct str rest)
{
    struct sim_call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->sim = s;
    c->stream = stream;
    c->format = format;
    c->fault = &sim__no_fault;
    c->id = ++s->ids;
    arena_init(&c->arena, 512, HTTP_HEAD_MAX + SIM_SMALL_MAX);
    buf_init(&c->body, SIM_BODY_MAX);
    buf_init(&c->text, SIM_TEXT_MAX);
    buf_init(&c->results, SIM_TEXT_MAX);
    buf_init(&c->thoughts, SIM_TEXT_MAX);
    buf_init(&c->media, SIM_TEXT_MAX);
    buf_init(&c->out, SIM_ANSWER_MAX);
    io_timer_init(&c->timer, on_timer);
    list_append(&s->calls, &c->link);
    s->open++;
    c->rest = arena_str(&c->arena, rest);
    c->query = arena_str(&c->arena, head->query);
    if (format->is_signed)
        keep_signs(c, head);
    return c;
}

void sim__call_start(struct sim *s, struct http_stream *stream, const struct http_head *head,
                     const struct sim_format *format, struct str rest)
{
    struct sim_call *c = call_new(s, stream, head, format, rest);
    if (!c) {
        http_respond(stream, 503, STR_NONE, NULL, 0);
        return;
    }
    bool has_body = head->length > 0 || head->is_chunked;
    if (has_body)
        http_accept(stream, &handler, c);
    else
        sim__answer(c); /* refuses it in the format's words */
}

void sim__call_drop(struct sim_call *c)
{
    detach(c);
    release(c);
}

void sim__wait_ms(struct sim_call *c, uint32_t ms, sim_next *next)
{
    c->wait = SIM_WAIT_TIMER;
    c->next = next;
    io_timer_set(c->sim->loop, &c->timer, io_now_ms(c->sim->loop) + ms);
}

void sim__wait_drained(struct sim_call *c, sim_next *next)
{
    http_stream_flush(c->stream);
    if (http_unsent(c->stream) == 0) {
        sim__wait_ms(c, 1, next);
        return;
    }
    c->wait = SIM_WAIT_DRAINED;
    c->next = next;
}
