/* openai_write_answer.c: canonical answers in OpenAI's chat format, as OpenRouter's clients know it.
 * For sources, see openai_read_answer.c. */
#include "dialect/openai_form.h"

/* One choice of a stream. */
enum { CALLS_NOTED = 64 };

struct choice {
    struct canon_ordinals tools, details; /* by block */
    uint64_t has_args;                    /* a bit for each call of which arguments were told */
    bool has_finished;
    enum canon_finish reason;
    struct str native; /* in the arena */
};

struct state {
    struct choice choices[CHAT_CHOICES_MAX];
};

/* --- what whole answers and streams share ----------------------------------------------------- */

void openai_write_identity(struct json_writer *w, const struct canon_writer *to, const char *object)
{
    jw_raw_str(w, "id", to->who.id);
    jw_str_c(w, "object", object);
    jw_i64(w, "created", to->who.created);
    jw_raw_str(w, "model", to->who.model);
    jw_raw_str(w, "provider", to->who.provider);
}

static void write_image(struct json_writer *w, const struct canon_media *m)
{
    jw_object(w, NULL);
    jw_str_c(w, "type", "image_url");
    jw_object(w, "image_url");
    canon_write_url(w, "url", m);
    jw_end(w);
    jw_end(w);
}

static void write_sound(struct json_writer *w, const struct canon_event *e)
{
    jw_object(w, "audio");
    canon_write_text(w, "id", e->sound.id);
    canon_write_text(w, "data", e->sound.data);
    canon_write_text(w, "transcript", e->sound.transcript);
    canon_write_value(w, "expires_at", e->sound.expires_at);
    canon_write_text(w, "format", e->sound.format);
    jw_end(w);
}

/* All members but `content` must be there. */
static void write_citation(struct json_writer *w, const struct canon_citation *c)
{
    if (c->of == &dialect_openai) {
        jw_raw(w, NULL, c->raw);
        return;
    }
    jw_object(w, NULL);
    jw_str_c(w, "type", "url_citation");
    jw_object(w, "url_citation");
    jw_raw_str(w, "url", c->url);
    jw_raw_str(w, "title", c->title);
    canon_write_text(w, "content", c->quote);
    jw_raw(w, "start_index", c->start.p ? c->start : STR("0"));
    jw_raw(w, "end_index", c->end.p ? c->end : STR("0"));
    jw_end(w);
    jw_end(w);
}

/* Ids are what results refer to: a provider that gives none gets them by number. */
static void write_tool_id(struct json_writer *w, const struct canon_tool_use *tool, uint32_t index)
{
    if (tool->id.n) {
        jw_raw_str(w, "id", tool->id);
        return;
    }
    jw_raw(w, "id", STR("\"call_"));
    buf_add_u64(w->out, index);
    buf_add(w->out, STR("\""));
}

static void write_unpaid(struct json_writer *w, const struct canon_unpaid *u)
{
    if (u->reason.n)
        jw_str(w, "reason", u->reason);
    jw_str(w, "limit_source", u->limit_source);
    jw_str(w, "remedy_hint", u->remedy_hint);
}

void openai_write_failure(struct json_writer *w, const struct canon_failure *x)
{
    jw_object(w, "error");
    jw_i64(w, "code", x->status);
    jw_str(w, "message", x->message);
    jw_object(w, "metadata");
    jw_str_c(w, "error_type", err_type(x->err));
    if (x->unpaid)
        write_unpaid(w, x->unpaid);
    canon_write_origin(w, x);
    jw_end(w);
    jw_end(w);
}

void openai_write_reasons(struct json_writer *w, enum canon_finish reason, struct str native)
{
    jw_str_c(w, "finish_reason", canon_finish_word(reason));
    if (native.p)
        jw_raw_str(w, "native_finish_reason", native);
    else
        jw_null(w, "native_finish_reason");
}

/* --- a stream --------------------------------------------------------------------------------- */

static void chunk_begin(struct json_writer *w, struct canon_writer *to)
{
    buf_add(to->out, STR("data: "));
    json_writer_init(w, to->out);
    jw_object(w, NULL);
    openai_write_identity(w, to, "chat.completion.chunk");
}

/* Up to the inside of the delta. */
static void delta_begin(struct json_writer *w, struct canon_writer *to, uint32_t choice)
{
    chunk_begin(w, to);
    jw_array(w, "choices");
    jw_object(w, NULL);
    jw_u64(w, "index", choice);
    jw_object(w, "delta");
    jw_str_c(w, "role", "assistant");
}

static enum err chunk_end(struct json_writer *w, struct canon_writer *to)
{
    jw_finish(w);
    return buf_add(to->out, STR("\n\n"));
}

static enum err delta_end(struct json_writer *w, struct canon_writer *to)
{
    jw_end(w);
    jw_null(w, "finish_reason");
    jw_null(w, "native_finish_reason");
    return chunk_end(w, to);
}

static struct choice *choice_of(struct canon_writer *to, uint32_t choice)
{
    struct state *s = to->state;
    return &s->choices[choice];
}

static void write_detail(struct json_writer *w, const struct canon_reasoning *g, uint32_t index)
{
    jw_str_c(w, "content", "");
    if (g->text.p)
        jw_raw_str(w, "reasoning", g->text);
    jw_array(w, "reasoning_details");
    openai_write_reasoning(w, g, index);
    jw_end(w);
}

static void write_call_delta(struct json_writer *w, const struct canon_event *e, uint32_t index)
{
    bool is_begin = e->kind == EVENT_TOOL;
    jw_null(w, "content");
    jw_array(w, "tool_calls");
    jw_object(w, NULL);
    jw_u64(w, "index", index);
    if (is_begin) {
        write_tool_id(w, &e->tool, index);
        jw_str_c(w, "type", "function");
    }
    jw_object(w, "function");
    if (is_begin) {
        jw_raw_str(w, "name", e->tool.name);
        jw_str_c(w, "arguments", "");
    } else {
        canon_write_args_text(w, "arguments", &e->args);
    }
    jw_end(w);
    jw_end(w);
    jw_end(w);
}

/* Which tool call or reasoning detail of its choice the event is of; 0 for all else. */
static enum err number(struct canon_writer *to, const struct canon_event *e, uint32_t *out)
{
    bool is_new, is_tool = e->kind == EVENT_TOOL || e->kind == EVENT_ARGS;
    struct choice *c = choice_of(to, e->choice);
    struct canon_ordinals *o = is_tool ? &c->tools : &c->details;
    *out = 0;
    return is_tool || e->kind == EVENT_REASONING
               ? canon_number(o, &to->room, e->block, o->n, out, &is_new)
               : ERR_OK;
}

/* Which calls have been told arguments. */
static void note_args(struct choice *c, const struct canon_event *e, uint32_t index)
{
    if (e->kind == EVENT_ARGS && e->args.raw.n && index < CALLS_NOTED)
        c->has_args |= UINT64_C(1) << index;
}

static enum err write_delta(struct canon_writer *to, const struct canon_event *e)
{
    struct json_writer w;
    uint32_t index;
    enum err failed = number(to, e, &index);
    if (failed != ERR_OK)
        return failed;
    note_args(choice_of(to, e->choice), e, index);
    delta_begin(&w, to, e->choice);
    switch (e->kind) {
    case EVENT_TEXT:
        jw_raw_str(&w, "content", e->text);
        break;
    case EVENT_REASONING:
        write_detail(&w, &e->reasoning, index);
        break;
    case EVENT_TOOL:
    case EVENT_ARGS:
        write_call_delta(&w, e, index);
        break;
    case EVENT_REFUSAL:
        jw_raw_str(&w, "refusal", e->text);
        break;
    case EVENT_SOUND:
        write_sound(&w, e);
        break;
    case EVENT_IMAGE:
    case EVENT_CITATION:
        jw_str_c(&w, "content", "");
        jw_array(&w, e->kind == EVENT_IMAGE ? "images" : "annotations");
        if (e->kind == EVENT_IMAGE)
            write_image(&w, &e->media);
        else
            write_citation(&w, &e->citation);
        jw_end(&w);
        break;
    default:
        jw_str_c(&w, "content", "");
        break;
    }
    return delta_end(&w, to);
}

static enum err write_logprobs(struct canon_writer *to, const struct canon_event *e)
{
    struct json_writer w;
    delta_begin(&w, to, e->choice);
    jw_str_c(&w, "content", "");
    jw_end(&w);
    jw_raw(&w, "logprobs", e->raw);
    jw_null(&w, "finish_reason");
    return chunk_end(&w, to);
}

/* Clients parse what they have gathered: calls that are done and have no arguments get {}. */
static void complete_calls(struct canon_writer *to, const struct canon_event *finish)
{
    struct choice *c = choice_of(to, finish->choice);
    struct canon_event none = {
        .kind = EVENT_ARGS, .choice = finish->choice, .args = {CANON_ARGS_TEXT, STR("{}")}};
    bool is_done =
        finish->finish.reason == FINISH_TOOL_CALLS || finish->finish.reason == FINISH_STOP;
    for (uint32_t i = 0; is_done && i < c->tools.n && i < CALLS_NOTED; i++) {
        struct json_writer w;
        if (c->has_args >> i & 1)
            continue;
        delta_begin(&w, to, finish->choice);
        write_call_delta(&w, &none, i);
        delta_end(&w, to);
    }
}

static enum err write_finish(struct canon_writer *to, const struct canon_event *e)
{
    struct json_writer w;
    struct choice *c = choice_of(to, e->choice);
    complete_calls(to, e);
    c->has_finished = true;
    c->reason = e->finish.reason;
    c->native = arena_str(to->room.arena, e->finish.native);
    delta_begin(&w, to, e->choice);
    jw_str_c(&w, "content", "");
    jw_end(&w);
    openai_write_reasons(&w, c->reason, c->native);
    return chunk_end(&w, to);
}

/* Usage and errors come on a chunk with an empty delta that repeats the finish reason. */
static enum err write_last(struct canon_writer *to, const struct canon_failure *x,
                           const struct chat_bill *bill)
{
    struct json_writer w;
    struct choice *c = choice_of(to, 0);
    chunk_begin(&w, to);
    if (x)
        openai_write_failure(&w, x);
    jw_array(&w, "choices");
    jw_object(&w, NULL);
    jw_u64(&w, "index", 0);
    jw_object(&w, "delta");
    jw_str_c(&w, "role", "assistant");
    jw_str_c(&w, "content", "");
    jw_end(&w);
    openai_write_reasons(&w, x ? FINISH_ERROR : c->reason, c->native);
    jw_null(&w, "logprobs");
    jw_end(&w);
    jw_end(&w);
    if (bill)
        chat_write_usage(&w, "usage", bill);
    return chunk_end(&w, to);
}

void openai_write_echoes(struct buf *out, const struct canon_identity *who,
                         const struct canon_echo *echoes)
{
    struct canon_writer to = {.out = out, .who = *who};
    for (; echoes; echoes = echoes->next) {
        struct json_writer w;
        to.who.provider = echoes->provider;
        chunk_begin(&w, &to);
        jw_array(&w, "choices");
        jw_end(&w);
        jw_object(&w, "debug");
        jw_raw(&w, "echo_upstream_body", echoes->body);
        jw_end(&w);
        chunk_end(&w, &to);
    }
}

static enum err write_event(struct canon_writer *to, const struct canon_event *e)
{
    if (e->choice >= CHAT_CHOICES_MAX)
        return ERR_TOO_BIG;
    switch (e->kind) {
    case EVENT_BEGIN:
        openai_write_echoes(to->out, &to->who, e->begin.echoes);
        return write_delta(to, e);
    case EVENT_LOGPROBS:
        return write_logprobs(to, e);
    case EVENT_FINISH:
        return write_finish(to, e);
    case EVENT_USAGE:
        return write_last(to, NULL, &e->bill);
    case EVENT_ERROR:
        return write_last(to, &e->failure, e->failure.bill);
    case EVENT_END:
        return buf_add(to->out, STR("data: [DONE]\n\n"));
    default:
        return write_delta(to, e);
    }
}

/* --- a whole answer --------------------------------------------------------------------------- */

static const struct canon_kept *first_of(const struct canon_answer *a, enum canon_event_kind kind,
                                         uint32_t choice)
{
    return canon_next(a->first, kind, choice);
}

/* All pieces of one tool call's arguments; clients parse them, so no arguments are {}. */
static void write_args(struct json_writer *w, const struct canon_kept *tool)
{
    const struct canon_event *t = &tool->event;
    const struct canon_kept *k = canon_next(tool, EVENT_ARGS, t->choice);
    if (k && k->event.block == t->block && k->event.args.form == CANON_ARGS_VALUE) {
        canon_write_args_text(w, "arguments", &k->event.args);
        return;
    }
    jw_raw(w, "arguments", STR("\""));
    size_t bare = w->out->n;
    for (; k; k = canon_next(k->next, EVENT_ARGS, t->choice)) {
        if (k->event.block == t->block)
            buf_add(w->out, k->event.args.raw);
    }
    buf_add(w->out, w->out->n == bare ? STR("{}\"") : STR("\""));
}

static void write_calls(struct json_writer *w, const struct canon_answer *a, uint32_t choice)
{
    const struct canon_kept *k = first_of(a, EVENT_TOOL, choice);
    uint32_t i = 0;
    if (!k)
        return;
    jw_array(w, "tool_calls");
    for (; k; k = canon_next(k->next, EVENT_TOOL, choice)) {
        jw_object(w, NULL);
        write_tool_id(w, &k->event.tool, i++);
        jw_str_c(w, "type", "function");
        jw_object(w, "function");
        jw_raw_str(w, "name", k->event.tool.name);
        write_args(w, k);
        jw_end(w);
        jw_end(w);
    }
    jw_end(w);
}

static bool has_thought(const struct canon_kept *k, uint32_t choice)
{
    while (k && !k->event.reasoning.text.n)
        k = canon_next(k->next, EVENT_REASONING, choice);
    return k;
}

static struct str join(struct canon_room *room, struct str a, struct str b)
{
    if (!a.n || !b.n)
        return b.p && !a.n ? b : a;
    char *both = arena_alloc(room->arena, a.n + b.n);
    if (!both)
        return STR_NONE;
    memcpy(both, a.p, a.n);
    memcpy(both + a.n, b.p, b.n);
    return str_of(both, a.n + b.n);
}

/* What a later event of a block adds to it. */
static void add_to_detail(struct canon_room *room, struct canon_reasoning *to,
                          const struct canon_reasoning *x)
{
    to->text = join(room, to->text, x->text);
    to->signature = join(room, to->signature, x->signature);
    to->data = join(room, to->data, x->data);
    if (!to->id.p)
        to->id = x->id;
    if (!to->format.p)
        to->format = x->format;
}

/* A detail is a block; those of other types do not add up. */
static void write_details(struct json_writer *w, struct canon_writer *to,
                          const struct canon_kept *first, uint32_t choice)
{
    struct canon_ordinals seen = {NULL, 0};
    uint32_t n = 0, at;
    for (const struct canon_kept *k = first; k; k = canon_next(k->next, EVENT_REASONING, choice))
        n++;
    struct canon_reasoning *details = arena_alloc(to->room.arena, n * sizeof *details);
    enum err e = details ? ERR_OK : ERR_NOMEM;
    for (const struct canon_kept *k = first; e == ERR_OK && k;
         k = canon_next(k->next, EVENT_REASONING, choice)) {
        bool is_new, is_other = k->event.reasoning.kind == CANON_REASONING_OTHER;
        uint64_t key = is_other ? UINT64_C(1) << 32 | seen.n : k->event.block;
        e = canon_number(&seen, &to->room, key, seen.n, &at, &is_new);
        if (e == ERR_OK && is_new)
            details[at] = k->event.reasoning;
        else if (e == ERR_OK)
            add_to_detail(&to->room, &details[at], &k->event.reasoning);
    }
    jw_array(w, "reasoning_details");
    for (uint32_t i = 0; e == ERR_OK && i < seen.n; i++)
        openai_write_reasoning(w, &details[i], i);
    jw_end(w);
    if (e != ERR_OK)
        w->out->failed = e;
}

/* The texts as one, null where there is none; and the details one by one. */
static void write_reasoning(struct json_writer *w, struct canon_writer *to,
                            const struct canon_answer *a, uint32_t choice)
{
    const struct canon_kept *k = first_of(a, EVENT_REASONING, choice);
    if (!k)
        return;
    jw_raw(w, "reasoning", has_thought(k, choice) ? STR("\"") : STR("null"));
    for (const struct canon_kept *t = k; t; t = canon_next(t->next, EVENT_REASONING, choice))
        buf_add(w->out, t->event.reasoning.text);
    buf_add(w->out, has_thought(k, choice) ? STR("\"") : STR(""));
    write_details(w, to, k, choice);
}

static void write_lists(struct json_writer *w, const struct canon_answer *a, uint32_t choice)
{
    const struct canon_kept *k = first_of(a, EVENT_IMAGE, choice);
    if (k) {
        jw_array(w, "images");
        for (; k; k = canon_next(k->next, EVENT_IMAGE, choice))
            write_image(w, &k->event.media);
        jw_end(w);
    }
    k = first_of(a, EVENT_CITATION, choice);
    if (k) {
        jw_array(w, "annotations");
        for (; k; k = canon_next(k->next, EVENT_CITATION, choice))
            write_citation(w, &k->event.citation);
        jw_end(w);
    }
}

static void write_message(struct json_writer *w, struct canon_writer *to,
                          const struct canon_answer *a, uint32_t choice)
{
    const struct canon_kept *sound = first_of(a, EVENT_SOUND, choice);
    jw_object(w, "message");
    jw_str_c(w, "role", "assistant");
    if (first_of(a, EVENT_TEXT, choice))
        canon_write_joined(w, "content", a, EVENT_TEXT, choice);
    else
        jw_null(w, "content");
    if (first_of(a, EVENT_REFUSAL, choice))
        canon_write_joined(w, "refusal", a, EVENT_REFUSAL, choice);
    else
        jw_null(w, "refusal");
    write_reasoning(w, to, a, choice);
    write_lists(w, a, choice);
    if (sound)
        write_sound(w, &sound->event);
    write_calls(w, a, choice);
    jw_end(w);
}

static void write_choice(struct json_writer *w, struct canon_writer *to,
                         const struct canon_answer *a, uint32_t choice)
{
    const struct canon_kept *logprobs = first_of(a, EVENT_LOGPROBS, choice);
    const struct canon_kept *end = first_of(a, EVENT_FINISH, choice);
    jw_object(w, NULL);
    jw_u64(w, "index", choice);
    write_message(w, to, a, choice);
    if (logprobs)
        jw_raw(w, "logprobs", logprobs->event.raw);
    else
        jw_null(w, "logprobs");
    openai_write_reasons(w, end ? end->event.finish.reason : FINISH_STOP,
                         end ? end->event.finish.native : STR_NONE);
    jw_end(w);
}

static enum err write_whole(struct canon_writer *to, const struct canon_answer *a)
{
    struct json_writer w;
    const struct canon_kept *begin = canon_next(a->first, EVENT_BEGIN, 0);
    const struct canon_kept *usage = canon_next(a->first, EVENT_USAGE, 0);
    json_writer_init(&w, to->out);
    jw_object(&w, NULL);
    openai_write_identity(&w, to, "chat.completion");
    jw_array(&w, "choices");
    for (uint32_t i = 0; i < a->choices; i++)
        write_choice(&w, to, a, i);
    jw_end(&w);
    if (begin && begin->event.begin.fingerprint.p)
        jw_raw_str(&w, "system_fingerprint", begin->event.begin.fingerprint);
    else
        jw_null(&w, "system_fingerprint");
    if (begin)
        canon_write_text(&w, "service_tier", begin->event.begin.service_tier);
    if (usage)
        chat_write_usage(&w, "usage", &usage->event.bill);
    return jw_finish(&w);
}

enum err openai_write_error(const struct canon_failure *x, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    openai_write_failure(&w, x);
    return jw_finish(&w);
}

const struct dialect dialect_openai = {
    .name = STR_INIT("openai"),
    .read_request = openai_read_request,
    .write_request = openai_write_request,
    .path = STR_INIT("/chat/completions"),
    .auth = AUTH_BEARER,
    .takes = PARAM_BIT(PARAM__COUNT) - 1,
    .has_names = true,
    .reader_size = sizeof(struct openai_reading),
    .answer_shape = openai_answer_shape,
    .read_event = openai_read_stream,
    .read_whole = openai_read_whole,
    .read_error = openai_read_failure,
    .done = STR_INIT("[DONE]"),
    .writer_size = sizeof(struct state),
    .write_event = write_event,
    .write_whole = write_whole,
    .write_error = openai_write_error,
    .keepalive = STR_INIT(": TURNPIKE PROCESSING\n\n"),
};
