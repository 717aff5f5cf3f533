/* responses_write_answer.c: canonical answers as OpenAI's Responses. For sources, see responses.h.
 *
 * The last event of a stream repeats the whole response. So the items are built as the events come in
 * (responses_build.c), and a whole answer is a stream whose events before the last are not written. */
#include "dialect/openai_form.h"
#include "dialect/responses_items.h"

/* --- a stream's events ------------------------------------------------------------------------ */

static void event_begin(struct json_writer *w, struct canon_writer *to, const char *type)
{
    struct responses_writing *s = to->state;
    buf_add(to->out, STR("event: "));
    buf_add_c(to->out, type);
    buf_add(to->out, STR("\ndata: "));
    json_writer_init(w, to->out);
    jw_object(w, NULL);
    jw_str_c(w, "type", type);
    jw_u64(w, "sequence_number", s->sequence++);
}

static enum err event_end(struct json_writer *w, struct canon_writer *to)
{
    jw_finish(w);
    return buf_add(to->out, STR("\n\n"));
}

static enum err write_response(struct canon_writer *to, const char *type,
                               struct responses_standing at)
{
    struct json_writer w;
    event_begin(&w, to, type);
    jw_object(&w, "response");
    responses_write_members(&w, to, &at);
    jw_end(&w);
    return event_end(&w, to);
}

static bool is_silent(const struct canon_writer *to)
{
    return ((const struct responses_writing *)to->state)->is_whole;
}

void responses_tell_item(struct canon_writer *to, const struct responses_item *i, const char *type)
{
    struct json_writer w;
    if (is_silent(to))
        return;
    event_begin(&w, to, type);
    jw_u64(&w, "output_index", i->number);
    responses_write_item(&w, "item", to, i);
    event_end(&w, to);
}

static void piece_begin(struct json_writer *w, struct canon_writer *to,
                        const struct responses_item *i, const struct responses_piece *p,
                        const char *type)
{
    event_begin(w, to, type);
    responses_write_id(w, "item_id", to, i);
    jw_u64(w, "output_index", i->number);
    if (responses_kinds[p->kind].index)
        jw_u64(w, responses_kinds[p->kind].index, p->index);
}

void responses_tell_part(struct canon_writer *to, const struct responses_item *i,
                         const struct responses_piece *p, bool is_done)
{
    struct json_writer w;
    const struct responses_kind *k = &responses_kinds[p->kind];
    if (is_silent(to) || !k->added)
        return;
    piece_begin(&w, to, i, p, is_done ? k->part_done : k->added);
    responses_write_part(&w, "part", p, !is_done);
    event_end(&w, to);
}

void responses_tell_delta(struct canon_writer *to, const struct responses_item *i,
                          const struct responses_piece *p, struct str raw)
{
    struct json_writer w;
    if (is_silent(to) || !raw.n)
        return;
    piece_begin(&w, to, i, p, responses_kinds[p->kind].delta);
    jw_raw_str(&w, "delta", raw);
    if (p->kind == PIECE_TEXT)
        jw_raw(&w, "logprobs", STR("[]")); /* the text's end has them */
    event_end(&w, to);
}

void responses_tell_text(struct canon_writer *to, const struct responses_item *i,
                         const struct responses_piece *p)
{
    struct json_writer w;
    if (is_silent(to))
        return;
    piece_begin(&w, to, i, p, responses_kinds[p->kind].done);
    if (p->kind == PIECE_ARGS)
        jw_raw_str(&w, "name", i->name);
    jw_raw_str(&w, responses_kinds[p->kind].key, buf_view(&p->text));
    if (p->kind == PIECE_TEXT)
        responses_write_list(&w, "logprobs", &p->odds);
    event_end(&w, to);
}

void responses_tell_note(struct canon_writer *to, const struct responses_item *i,
                         struct responses_piece *p, struct str annotation)
{
    struct json_writer w;
    if (is_silent(to))
        return;
    piece_begin(&w, to, i, p, "response.output_text.annotation.added");
    jw_u64(&w, "annotation_index", p->notes_n++);
    jw_raw(&w, "annotation", annotation);
    event_end(&w, to);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* As the provider's finish says. */
static struct responses_standing ended(const struct responses_writing *s)
{
    struct responses_standing at = {.status = "completed", .bill = &s->bill};
    if (s->reason == FINISH_ERROR)
        return (struct responses_standing){"failed", NULL, &s->bill, &canon_finished_badly};
    if (s->reason == FINISH_LENGTH)
        at.cut = "max_output_tokens";
    if (s->reason == FINISH_CONTENT_FILTER)
        at.cut = "content_filter";
    if (at.cut)
        at.status = "incomplete";
    return at;
}

static void write_echoes(struct canon_writer *to, const struct canon_echo *echoes)
{
    struct json_writer w;
    for (; echoes; echoes = echoes->next) {
        event_begin(&w, to, "response.debug");
        jw_raw_str(&w, "provider", echoes->provider);
        jw_object(&w, "debug");
        jw_raw(&w, "echo_upstream_body", echoes->body);
        jw_end(&w);
        event_end(&w, to);
    }
}

static enum err write_begin(struct canon_writer *to, const struct canon_event *e)
{
    struct responses_standing at = {.status = "in_progress"};
    responses_build(to, e);
    write_response(to, "response.created", at);
    write_response(to, "response.in_progress", at);
    write_echoes(to, e->begin.echoes);
    return to->out->failed;
}

static enum err write_end(struct canon_writer *to)
{
    struct responses_standing at = ended(to->state);
    responses_close_items(to);
    return write_response(to,
                          at.x     ? "response.failed"
                          : at.cut ? "response.incomplete"
                                   : "response.completed",
                          at);
}

/* One answer: this format has no alternatives, and no sound. */
static enum err write_event(struct canon_writer *to, const struct canon_event *e)
{
    struct responses_standing failed = {"failed", NULL, NULL, &e->failure};
    switch (e->kind) {
    case EVENT_BEGIN:
        return write_begin(to, e);
    case EVENT_ERROR:
        failed.bill = e->failure.bill;
        return write_response(to, "response.failed", failed);
    case EVENT_END:
        return write_end(to);
    default:
        return e->choice == 0 ? responses_build(to, e) : ERR_OK;
    }
}

static enum err write_whole(struct canon_writer *to, const struct canon_answer *a)
{
    struct responses_writing *s = to->state;
    struct json_writer w;
    const struct canon_kept *error = canon_next(a->first, EVENT_ERROR, 0);
    s->is_whole = true;
    for (const struct canon_kept *k = a->first; k; k = k->next) {
        enum err e = k->event.choice == 0 ? responses_build(to, &k->event) : ERR_OK;
        if (e != ERR_OK)
            return e;
    }
    responses_close_items(to);
    struct responses_standing at = ended(s);
    if (error)
        at = (struct responses_standing){"failed", NULL, &s->bill, &error->event.failure};
    json_writer_init(&w, to->out);
    jw_object(&w, NULL);
    responses_write_members(&w, to, &at);
    return jw_finish(&w);
}

/* OpenRouter's envelope. */
static enum err write_error(const struct canon_failure *x, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    openai_write_failure(&w, x);
    jw_str_c(&w, "error_type", err_type(x->err));
    return jw_finish(&w);
}

const struct dialect dialect_responses = {
    .name = STR_INIT("responses"),
    .read_request = responses_read_request,
    .write_request = responses_write_request,
    .path = STR_INIT("/responses"),
    .auth = AUTH_BEARER,
    .function_name_max = 128,
    .takes = PARAM_BIT(PARAM_MAX_TOKENS) | PARAM_BIT(PARAM_TOOLS) | PARAM_BIT(PARAM_TOOL_CHOICE) |
             PARAM_BIT(PARAM_PARALLEL_TOOL_CALLS) | PARAM_BIT(PARAM_RESPONSE_FORMAT) |
             PARAM_BIT(PARAM_STRUCTURED_OUTPUTS) | PARAM_BIT(PARAM_REASONING) |
             PARAM_BIT(PARAM_TEMPERATURE) | PARAM_BIT(PARAM_TOP_P) | PARAM_BIT(PARAM_LOGPROBS) |
             PARAM_BIT(PARAM_TOP_LOGPROBS) | PARAM_BIT(PARAM_VERBOSITY) |
             PARAM_BIT(PARAM_SERVICE_TIER) | PARAM_BIT(PARAM_USER) | PARAM_BIT(PARAM_METADATA) |
             PARAM_BIT(PARAM_PROMPT_CACHE_KEY) | PARAM_BIT(PARAM_SAFETY_IDENTIFIER),
    .reader_size = sizeof(struct responses_reading),
    .answer_shape = responses_answer_shape,
    .read_event = responses_read_event,
    .read_whole = responses_read_whole,
    .read_error = responses_read_error,
    .writer_size = sizeof(struct responses_writing),
    .write_event = write_event,
    .write_whole = write_whole,
    .write_error = write_error,
    .keepalive = STR_INIT(": TURNPIKE PROCESSING\n\n"),
};
