/* answer.c: the provider's answer as it comes: a stream event by event, anything else gathered. */
#include "relay/translate.h"

#include <stdio.h>

/* --- the head ------------------------------------------------------------------------------------
 */

static int32_t read_retry_after(const struct http_head *head)
{
    uint64_t s;
    return str_u64(http_field(head, STR("retry-after")), 86400, &s) ? (int32_t)s : -1;
}

static bool is_stream_type(const struct relay *r, struct str type)
{
    static const struct str types[] = {
        [FRAMING_SSE] = STR_INIT("text/event-stream"),
        [FRAMING_AWS] = STR_INIT("application/vnd.amazon.eventstream"),
    };
    struct str wanted = types[r->upstream->dialect->framing];
    return str_ieq(str_head(type, wanted.n), wanted);
}

void relay_answer_head(struct relay *r, const struct http_head *head)
{
    struct str type = http_field(head, STR("content-type"));
    uint64_t now = io_now_ms(r->w->loop);
    r->status = head->status;
    r->retry_after_s = read_retry_after(head);
    r->is_events = head->status == 200 && is_stream_type(r, type);
    if (r->is_events && r->asked.is_streamed && !r->comment_ms)
        r->comment_ms = now + r->w->settings.keepalive_ms;
    relay_arm(r);
}

void relay_commit(struct relay *r)
{
    char room[REPLY_FIELDS_MAX], id[96], more[256];
    if (r->is_committed)
        return;
    r->is_committed = true;
    if (r->asked.is_streamed) {
        struct str line = relay_generation_fields(r, id);
        int n = snprintf(more, sizeof more,
                         "%.*sCache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n",
                         STR_ARG(line));
        http_begin(
            r->stream, 200,
            reply_fields(&r->context, STR("text/event-stream"), str_of(more, (size_t)n), room));
        r->w->metrics.streams++;
        return;
    }
    http_begin(
        r->stream, 200,
        reply_fields(&r->context, STR("application/json"), relay_generation_fields(r, id), room));
}

/* --- one event of a stream
 * ------------------------------------------------------------------------- */

void relay_keep_text(char *out, size_t size, struct str s)
{
    if (s.n == 0 || s.n >= size)
        return;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
}

void relay_note_usage(struct relay *r, const struct chat_usage *u)
{
    struct answered *a = &r->answered;
    a->usage = *u;
    a->has_usage = u->completion > 0 || a->content.bytes == 0;
    a->finishes_in_usage = a->finishes;
}

void relay_note_event(struct relay *r, const struct openai_event *ev)
{
    struct answered *a = &r->answered;
    if (!a->upstream_id[0] && ev->id.n)
        relay_keep_text(a->upstream_id, sizeof a->upstream_id, ev->id);
    if (ev->finish_reason.p)
        relay_keep_text(a->finish_native, sizeof a->finish_native, ev->finish_reason);
    a->finishes += ev->finishes;
    a->content.bytes += ev->content.bytes;
    a->content.wide += ev->content.wide;
    if (ev->has_usage)
        relay_note_usage(r, &ev->usage);
}

enum err relay_turn_fail(struct turn *t, enum outcome o, int status, const char *sentence)
{
    failure_init(&t->failure, o, status, "%s", sentence);
    t->failure.may_retry_same = true;
    t->failed = true;
    return ERR_UPSTREAM;
}

void relay_join_lines(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n' || p[i] == '\r')
            p[i] = ' ';
    }
}

static enum err end_event(struct turn *t, enum err failed)
{
    if (failed == ERR_OK && buf_add(&t->r->w->scratch2, STR("\n\n")) == ERR_OK)
        return ERR_OK;
    return relay_turn_fail(t, OUTCOME_BROKEN, 502,
                           "The provider sent an event too large to pass on");
}

/* Most events bring some text and nothing else. `text`: how it went out. */
static void learn(struct relay *r, const struct openai_event *ev, struct splice *s, struct str text)
{
    struct json differing[] = {ev->text, ev->padding_at};
    bool is_text_alone =
        ev->texts == 1 && !ev->finishes && !ev->has_usage && !r->identity.hides_thoughts;
    if (is_text_alone && ev->kind == OPENAI_CONTENT)
        alike_learn(&r->alike, s, text, differing, ev->padding_at.type ? 2 : 1);
}

/* The event under our identity, appended to the bytes of this turn. */
static enum err forward(struct turn *t, const struct openai_event *ev, struct str data)
{
    struct relay *r = t->r;
    struct buf *out = &r->w->scratch2;
    struct splice s;
    splice_init(&s, data);
    openai_edit_event(ev, &r->identity, &s);
    relay_echo_tell(r, out);
    buf_add(out, STR("data: "));
    size_t at = out->n;
    splice_write(&s, out);
    if (UNLIKELY(memchr(data.p, '\n', data.n) || memchr(data.p, '\r', data.n)))
        relay_join_lines(out->p + at, out->n - at);
    else if (out->failed == ERR_OK)
        learn(r, ev, &s, str_skip(buf_view(out), at));
    return end_event(t, s.failed);
}

/* One like an event before it. */
static enum err forward_alike(struct turn *t, const struct str held[ALIKE_STRINGS_MAX])
{
    struct relay *r = t->r;
    tokens_add(&r->answered.content, held[0]);
    t->brought_content = true;
    buf_add(&r->w->scratch2, STR("data: "));
    return end_event(t, alike_write(&r->alike, held, &r->w->scratch2));
}

static enum err on_event(void *user, const struct sse_event *e)
{
    struct turn *t = user;
    struct relay *r = t->r;
    struct openai_event ev;
    struct json root;
    struct fault why;
    struct str held[ALIKE_STRINGS_MAX];
    if (r->answered.saw_done)
        return ERR_OK;
    if (r->is_translated)
        return relay_translate_event(t, e);
    if (alike_read(&r->alike, e->data, held))
        return forward_alike(t, held);
    if (str_eq(str_trim(e->data), STR("[DONE]"))) {
        r->answered.saw_done = true;
        return ERR_OK;
    }
    if (json_parse(&r->w->tape, e->data, &root, NULL) != ERR_OK || !json_is(root, JSON_OBJECT))
        return relay_turn_fail(t, OUTCOME_BROKEN, 502,
                               "The provider sent an event that is not JSON");
    if (dialect_check_answer(r->upstream->dialect, root, &why) != ERR_OK)
        return relay_turn_fail(t, OUTCOME_BROKEN, 502, why.message);
    openai_read_chunk(root, &ev);
    if (ev.kind == OPENAI_ERROR) {
        failure_from_status(r, &t->failure, 200, e->data);
        t->failed = true;
        return ERR_UPSTREAM;
    }
    relay_note_event(r, &ev);
    if (ev.kind == OPENAI_USAGE || ev.kind == OPENAI_BAD)
        return ERR_OK;
    t->brought_content |= ev.kind == OPENAI_CONTENT;
    return forward(t, &ev, e->data);
}

/* --- a stream ------------------------------------------------------------------------------------
 */

/* The provider has it. What a translated answer repeats of the request is still to be read there. */
static void release_request(struct relay *r)
{
    buf_release(r->is_translated ? &r->translation->body : &r->body);
}

static void first_content(struct relay *r)
{
    struct str held = buf_view(&r->in);
    relay_commit(r);
    relay_enter(r, RELAY_ANSWERING);
    r->first_ns = relay_worker_ns(r->w);
    if (held.n)
        http_send(r->stream, &held, 1);
    buf_release(&r->in);
    release_request(r);
}

/* A slow client stops the reading from the provider; then its own deadline counts, not the
 * provider's. */
static void pace(struct relay *r)
{
    if (r->is_paused || http_unsent(r->stream) <= UNSENT_MAX)
        return;
    r->is_paused = true;
    r->deadline_ms = 0;
    http_call_read(&r->call, false);
}

/* Events before the first content are held back: should this endpoint fail, the client has not seen
 * them. */
static void give(struct relay *r, struct turn *t)
{
    struct str bytes = buf_view(&r->w->scratch2);
    if (r->state == RELAY_TRYING && t->brought_content)
        first_content(r);
    if (r->state == RELAY_TRYING) {
        if (r->in.n + bytes.n <= PENDING_MAX + r->echoes_bytes)
            buf_add(&r->in, bytes);
        return;
    }
    if (bytes.n == 0)
        return;
    http_send(r->stream, &bytes, 1);
    if (!r->answered.saw_done)
        pace(r);
}

/* An error of the machinery below the provider has no form of the dialect's. */
static enum err on_frame(void *user, const struct eventstream_event *frame)
{
    struct turn *t = user;
    struct canon_failure said = {.message = frame->message, .native = frame->name};
    struct sse_event e = {.name = frame->name, .data = frame->data.n ? frame->data : STR("{}")};
    if (frame->kind != EVENTSTREAM_ERROR)
        return on_event(user, &e);
    failure_from_words(t->r, &t->failure, 500, &said);
    t->failed = true;
    return ERR_UPSTREAM;
}

/* The one place that knows how a dialect's events are framed. */
static enum err feed(struct turn *t, struct str bytes)
{
    struct relay *r = t->r;
    if (r->upstream->dialect->framing == FRAMING_AWS)
        return eventstream_feed(&r->frames, bytes, on_frame, t);
    return sse_feed(&r->sse, bytes, on_event, t);
}

void relay_release_framing(struct relay *r)
{
    sse_release(&r->sse);
    eventstream_release(&r->frames);
    alike_release(&r->alike);
    sse_init(&r->sse, EVENT_MAX);
    eventstream_init(&r->frames, EVENT_MAX);
}

static void stream_body(struct relay *r, struct str bytes)
{
    struct turn t = {.r = r};
    uint64_t now = io_now_ms(r->w->loop);
    buf_reset(&r->w->scratch2);
    enum err e = feed(&t, bytes);
    if (e != ERR_OK && !t.failed)
        relay_turn_fail(&t, OUTCOME_BROKEN, 502,
                        e == ERR_UPSTREAM ? "The provider's stream is damaged"
                                          : "The provider sent an event that is too large");
    give(r, &t);
    if (t.failed) {
        relay_fail(r, &t.failure);
        return;
    }
    if (r->answered.saw_done) {
        relay_answer_end(r);
        return;
    }
    if (r->state == RELAY_ANSWERING) {
        if (!r->is_paused)
            r->deadline_ms = now + r->plan[r->plan_at].endpoint->provider->deadlines.idle_ms;
        r->comment_ms = now + r->w->settings.keepalive_ms;
        relay_arm(r);
    }
}

static bool is_complete(const struct relay *r)
{
    bool is_one = !(r->upstream->dialect->takes & PARAM_BIT(PARAM_N));
    return r->answered.finishes >= (is_one ? 1 : r->asked.choices);
}

static void stream_end(struct relay *r)
{
    struct failure x;
    if (!is_complete(r) && !(r->answered.saw_done && r->answered.finishes > 0)) {
        failure_init(&x, r->state == RELAY_ANSWERING ? OUTCOME_BROKEN : OUTCOME_UNREACHABLE, 502,
                     "The provider's stream ended in the middle");
        x.may_retry_same = true;
        relay_fail(r, &x);
        return;
    }
    if (r->state == RELAY_TRYING)
        first_content(r);
    relay_note_answered(r);
    relay_settle(r, ENDING_STREAM);
}

/* --- by kind of answer
 * ------------------------------------------------------------------------------ */

void relay_answer_body(struct relay *r, struct str bytes)
{
    if (r->is_events && r->asked.is_streamed)
        stream_body(r, bytes);
    else
        relay_whole_body(r, bytes);
}

void relay_answer_end(struct relay *r)
{
    if (r->is_events && r->asked.is_streamed)
        stream_end(r);
    else
        relay_whole_end(r);
}

/* All was said but the formalities. */
static bool is_all_but_ended(const struct relay *r)
{
    return r->is_events && r->asked.is_streamed && is_complete(r);
}

void relay_answer_late(struct relay *r, const struct failure *x)
{
    if (!is_all_but_ended(r)) {
        relay_fail(r, x);
        return;
    }
    http_call_cancel(&r->call);
    stream_end(r);
}

void relay_answer_cut(struct relay *r, enum err e, const char *why)
{
    struct failure x;
    if (is_all_but_ended(r)) {
        stream_end(r);
        return;
    }
    failure_init(&x, r->state == RELAY_ANSWERING ? OUTCOME_BROKEN : OUTCOME_UNREACHABLE, 502,
                 "The provider could not be reached or broke off: %s", why);
    if (e == ERR_OVERLOADED || e == ERR_NOMEM) {
        x.status = 503;
        x.fault.err = e;
    }
    x.may_retry_same = r->was_sent;
    relay_fail(r, &x);
}
