/* whole.c: an answer in one piece. Up to WHOLE_MAX it is gathered, read and edited; a larger one
 * passes through in bounded memory, its top-level members edited on the way. */
#include "relay/direct.h"
#include "relay/translate.h"

/* --- too large to hold
 * ------------------------------------------------------------------------------ */

enum { RULE_ID, RULE_MODEL, RULE_PROVIDER, RULE_USAGE, RULE__COUNT };

struct passing {
    struct json_pass pass;
    struct pass_rule rules[RULE__COUNT];
};

static void pass_failed(struct relay *r, const struct fault *f)
{
    struct failure x;
    failure_init(&x, OUTCOME_BROKEN, 502, "The provider's answer is not JSON: %s", f->message);
    relay_fail(r, &x);
}

static void pass_feed(struct relay *r, struct str bytes)
{
    struct buf *out = &r->w->scratch2;
    struct fault f;
    buf_reset(out);
    if (json_pass_feed(r->pass, bytes, out, &f) != ERR_OK || out->failed != ERR_OK) {
        pass_failed(r, &f);
        return;
    }
    r->answered.content.bytes += bytes.n;
    struct str view = buf_view(out);
    if (view.n)
        http_send(r->stream, &view, 1);
    if (http_unsent(r->stream) > UNSENT_MAX && !r->is_paused) {
        r->is_paused = true;
        r->deadline_ms = 0;
        http_call_read(&r->call, false);
    }
}

/* From here on the client has content: a failure can only cut it. */
static void pass_begin(struct relay *r)
{
    struct passing *p = arena_zalloc(&r->arena, sizeof *p);
    struct failure x;
    if (!p) {
        failure_init(&x, OUTCOME_FAILED, 503, "No memory for this answer");
        relay_fail(r, &x);
        return;
    }
    p->rules[RULE_ID] =
        (struct pass_rule){.name = STR("id"), .put = r->identity.id_json, .note = true};
    if (r->direct) /* it may have none: it is added at the end */
        p->rules[RULE_ID] = (struct pass_rule){.name = STR("id"), .drop = true};
    p->rules[RULE_MODEL] = (struct pass_rule){.name = STR("model"), .put = r->identity.model_json};
    p->rules[RULE_PROVIDER] = (struct pass_rule){.name = STR("provider"), .drop = true};
    p->rules[RULE_USAGE] = (struct pass_rule){.name = STR("usage"), .drop = true, .note = true};
    json_pass_init(&p->pass, p->rules, RULE__COUNT, 16 * 1024);
    r->pass = &p->pass;
    relay_commit(r);
    relay_enter(r, RELAY_ANSWERING);
    r->first_ns = relay_worker_ns(r->w);
    buf_release(&r->body);
    pass_feed(r, buf_view(&r->in));
    if (r->state == RELAY_ANSWERING)
        buf_release(&r->in);
}

static void pass_end(struct relay *r)
{
    struct json usage;
    struct failure x;
    if (!json_pass_is_done(r->pass)) {
        failure_init(&x, OUTCOME_BROKEN, 502, "The provider's answer ended in the middle");
        relay_fail(r, &x);
        return;
    }
    struct str raw = buf_view(&r->pass->noted[RULE_USAGE]);
    if (raw.n && json_parse(&r->w->tape, raw, &usage, NULL) == ERR_OK)
        r->answered.has_usage = r->direct ? direct_read_usage(usage, &r->answered.usage)
                                          : openai_read_usage(usage, &r->answered.usage);
    relay_note_answered(r);
    relay_settle(r, ENDING_PASSED);
}

static void write_bill(struct relay *r, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    if (r->task)
        r->task->write_usage(&w, NULL, &r->bill);
    else
        chat_write_usage(&w, NULL, &r->bill);
    jw_finish(&w);
}

void relay_whole_passed(struct relay *r)
{
    struct buf *members = &r->w->scratch, *out = &r->w->scratch2;
    struct http_stream *s = r->stream;
    buf_reset(members);
    buf_reset(out);
    buf_add(members, r->direct ? STR("\"id\":") : STR("\"provider\":"));
    buf_add(members, r->direct ? r->identity.id_json : r->identity.provider_json);
    buf_add(members, STR(",\"usage\":"));
    write_bill(r, members);
    json_pass_finish(r->pass, buf_view(members), out);
    struct str view = buf_view(out);
    r->stream = NULL;
    http_send(s, &view, 1);
    http_finish(s);
}

/* --- gathered
 * ----------------------------------------------------------------------------------------- */

void relay_whole_body(struct relay *r, struct str bytes)
{
    bool is_answer = r->status == 200 && !r->asked.is_streamed;
    bool is_translated = r->direct ? relay_direct_translates(r) : r->is_translated;
    size_t most = !is_answer ? REFUSAL_MAX : is_translated ? TRANSLATED_MAX : WHOLE_MAX;
    if (!r->is_paused)
        r->deadline_ms =
            io_now_ms(r->w->loop) + r->plan[r->plan_at].endpoint->provider->deadlines.idle_ms;
    relay_arm(r);
    if (r->pass) {
        pass_feed(r, bytes);
        return;
    }
    if (r->in.n + bytes.n <= most) {
        if (buf_add(&r->in, bytes) == ERR_OK)
            return;
    } else if (is_answer && !is_translated && buf_add(&r->in, bytes) == ERR_OK) {
        pass_begin(r);
        return;
    }
    struct failure x;
    failure_init(&x, OUTCOME_BROKEN, 502,
                 "The provider sent more than %zu bytes in place of an answer", most);
    relay_fail(r, &x);
}

/* An answer with another status than 200, or an error under 200. */
void relay_whole_failed(struct relay *r)
{
    struct failure x;
    failure_from_status(r, &x, r->status, buf_view(&r->in));
    relay_fail(r, &x);
}

void relay_whole_broken(struct relay *r, const char *sentence)
{
    struct failure x;
    failure_init(&x, OUTCOME_BROKEN, 502, "%s", sentence);
    x.may_retry_same = true;
    relay_fail(r, &x);
}

/* The answer under our identity and with its bill, in place of the provider's: ready for when the
 * record is safe. The provider's own answer is no choice: it would not say what was charged. */
static enum err edit_whole(struct relay *r, struct openai_event *ev)
{
    struct buf *bill = &r->w->scratch, *edited = &r->w->scratch2;
    struct splice s;
    buf_reset(bill);
    buf_reset(edited);
    write_bill(r, bill);
    r->identity.usage_json = buf_view(bill);
    splice_init(&s, buf_view(&r->in));
    openai_edit_event(ev, &r->identity, &s);
    if (splice_write(&s, edited) != ERR_OK)
        return ERR_NOMEM;
    buf_reset(&r->in);
    return buf_add(&r->in, buf_view(edited));
}

void relay_whole_end(struct relay *r)
{
    struct openai_event ev;
    struct json root;
    struct fault why;
    if (r->pass) {
        pass_end(r);
        return;
    }
    if (r->status != 200) {
        relay_whole_failed(r);
        return;
    }
    if (r->direct) {
        relay_direct_whole(r);
        return;
    }
    if (r->is_translated) {
        relay_translate_whole(r);
        return;
    }
    if (json_parse(&r->w->tape, buf_view(&r->in), &root, NULL) != ERR_OK) {
        relay_whole_broken(r, "The provider's answer is not JSON");
        return;
    }
    if (dialect_check_answer(r->upstream->dialect, root, &why) != ERR_OK) {
        relay_whole_broken(r, why.message);
        return;
    }
    openai_read_answer(root, &ev);
    if (ev.kind == OPENAI_ERROR) {
        relay_whole_failed(r);
    } else if (ev.kind == OPENAI_BAD || r->asked.is_streamed) {
        relay_whole_broken(r, r->asked.is_streamed ? "The provider did not stream its answer"
                                                   : "The provider's answer is no chat completion");
    } else {
        relay_note_event(r, &ev);
        r->first_ns = relay_worker_ns(r->w);
        relay_note_answered(r);
        relay_charge(r, ENDING_WHOLE);
        if (edit_whole(r, &ev) != ERR_OK)
            r->ending = ENDING_UNSAID;
        relay_record(r);
    }
}

void relay_whole_finish(struct relay *r)
{
    char room[96];
    struct str body = buf_view(&r->in);
    relay_respond(r, 200, relay_generation_fields(r, room), &body, 1);
}
