/* anthropic_write_answer.c: canonical answers as Anthropic's messages. For sources, see anthropic.h. */
#include "dialect/anthropic.h"

/* A stream's. Blocks come one after the other there: one is open at a time. */
struct state {
    struct canon_ordinals blocks; /* by canonical block: its latest number */
    uint32_t begun;               /* blocks */
    uint32_t open;                /* the open block's number, and one; 0: none is */
    enum canon_finish reason;
    struct str sequence; /* in the arena */
    struct chat_bill bill;
};

/* --- what whole answers and streams share ----------------------------------------------------- */

static const char *stop_word(enum canon_finish reason, struct str sequence)
{
    static const char *const words[FINISH__COUNT] = {
        [FINISH_STOP] = "end_turn",       [FINISH_LENGTH] = "max_tokens",
        [FINISH_TOOL_CALLS] = "tool_use", [FINISH_CONTENT_FILTER] = "refusal",
        [FINISH_ERROR] = "end_turn",
    };
    return reason == FINISH_STOP && sequence.p ? "stop_sequence" : words[reason];
}

static void write_stop(struct json_writer *w, enum canon_finish reason, struct str sequence)
{
    jw_str_c(w, "stop_reason", stop_word(reason, sequence));
    if (sequence.p)
        jw_raw_str(w, "stop_sequence", sequence);
    else
        jw_null(w, "stop_sequence");
}

static void write_usage(struct json_writer *w, const struct chat_bill *b)
{
    const struct chat_usage *u = &b->usage;
    jw_object(w, "usage");
    jw_u64(w, "input_tokens", u->prompt - u->cached - u->cache_write);
    jw_u64(w, "cache_creation_input_tokens", u->cache_write);
    jw_u64(w, "cache_read_input_tokens", u->cached);
    if (u->cache_write) {
        jw_object(w, "cache_creation");
        jw_u64(w, "ephemeral_5m_input_tokens", u->cache_write - u->cache_write_1h);
        jw_u64(w, "ephemeral_1h_input_tokens", u->cache_write_1h);
        jw_end(w);
    }
    jw_u64(w, "output_tokens", u->completion);
    jw_usd(w, "cost", b->cost);
    jw_end(w);
}

static void write_identity(struct json_writer *w, const struct canon_writer *to)
{
    jw_raw_str(w, "id", to->who.id);
    jw_str_c(w, "type", "message");
    jw_str_c(w, "role", "assistant");
    jw_raw_str(w, "model", to->who.model);
    jw_raw_str(w, "provider", to->who.provider);
}

/* Ids are what results refer to: a provider that gives none gets them by number. */
static void write_use_head(struct json_writer *w, const struct canon_tool_use *tool,
                           uint32_t number)
{
    jw_str_c(w, "type", "tool_use");
    if (tool->id.n) {
        jw_raw_str(w, "id", tool->id);
    } else {
        jw_raw(w, "id", STR("\"toolu_"));
        buf_add_u64(w->out, number);
        buf_add(w->out, STR("\""));
    }
    jw_raw_str(w, "name", tool->name);
}

static void write_citation(struct json_writer *w, const char *key, const struct canon_citation *c)
{
    if (c->of == &dialect_anthropic) {
        jw_raw(w, key, c->raw);
        return;
    }
    jw_object(w, key);
    jw_str_c(w, "type", "web_search_result_location");
    jw_raw_str(w, "url", c->url);
    jw_raw_str(w, "title", c->title);
    jw_raw_str(w, "cited_text", c->quote);
    jw_str_c(w, "encrypted_index", "");
    jw_end(w);
}

static void write_failure(struct json_writer *w, const struct canon_failure *x)
{
    jw_str_c(w, "type", "error");
    jw_object(w, "error");
    jw_str(w, "type", anthropic_error_of(x->status)->type);
    jw_str(w, "message", x->message);
    jw_str_c(w, "error_type", err_type(x->err));
    canon_write_origin(w, x);
    jw_end(w);
    if (x->generation_id.n)
        jw_str(w, "request_id", x->generation_id);
    else
        jw_null(w, "request_id");
}

/* --- a stream --------------------------------------------------------------------------------- */

static void event_begin(struct json_writer *w, struct canon_writer *to, const char *type)
{
    buf_add(to->out, STR("event: "));
    buf_add_c(to->out, type);
    buf_add(to->out, STR("\ndata: "));
    json_writer_init(w, to->out);
    jw_object(w, NULL);
    jw_str_c(w, "type", type);
}

static enum err event_end(struct json_writer *w, struct canon_writer *to)
{
    jw_finish(w);
    return buf_add(to->out, STR("\n\n"));
}

static enum err write_begin(struct canon_writer *to)
{
    static const struct chat_bill nothing;
    struct json_writer w;
    event_begin(&w, to, "message_start");
    jw_object(&w, "message");
    write_identity(&w, to);
    jw_array(&w, "content");
    jw_end(&w);
    jw_null(&w, "stop_reason");
    jw_null(&w, "stop_sequence");
    write_usage(&w, &nothing);
    return event_end(&w, to);
}

static void close_block(struct canon_writer *to)
{
    struct state *s = to->state;
    struct json_writer w;
    if (!s->open)
        return;
    event_begin(&w, to, "content_block_stop");
    jw_u64(&w, "index", s->open - 1);
    event_end(&w, to);
    s->open = 0;
}

/* See anthropic.h, "What other providers signed". */
static void add_mark(struct buf *out, const struct canon_reasoning *x)
{
    if (!x->format.n || str_eq(x->format, ANTHROPIC_REASONING))
        return;
    buf_add(out, x->format);
    buf_add(out, STR(":"));
    buf_add_u64(out, x->id.n);
    buf_add(out, STR(":"));
    buf_add(out, x->id);
}

static void write_marked(struct json_writer *w, const char *key, const struct canon_reasoning *x,
                         struct str raw)
{
    jw_raw(w, key, STR("\""));
    add_mark(w->out, x);
    buf_add(w->out, raw);
    buf_add(w->out, STR("\""));
}

/* What a block begins with. */
static void write_block_head(struct json_writer *w, const struct canon_event *e, uint32_t number)
{
    jw_object(w, "content_block");
    if (e->kind == EVENT_TOOL) {
        write_use_head(w, &e->tool, number);
        jw_raw(w, "input", STR("{}"));
    } else if (e->kind == EVENT_REASONING && e->reasoning.kind == CANON_REASONING_ENCRYPTED) {
        jw_str_c(w, "type", "redacted_thinking");
        write_marked(w, "data", &e->reasoning, e->reasoning.data);
    } else if (e->kind == EVENT_REASONING) {
        jw_str_c(w, "type", "thinking");
        jw_str_c(w, "thinking", "");
        jw_str_c(w, "signature", "");
    } else {
        jw_str_c(w, "type", "text");
        jw_str_c(w, "text", "");
    }
    jw_end(w);
}

/* Blocks follow each other here. A text or thought that goes on after another block has begun is a block more. What comes
 * late of a call, or is noted on a text, has no other place than the block that it belongs to. */
static bool goes_on(const struct state *s, const struct canon_event *e, uint32_t number)
{
    bool is_said = e->kind == EVENT_TEXT || e->kind == EVENT_REFUSAL || e->kind == EVENT_REASONING;
    return is_said && s->open != number + 1;
}

/* The block that the event is of, begun if it was not. */
static enum err open_block(struct canon_writer *to, const struct canon_event *e, uint32_t *number)
{
    struct state *s = to->state;
    struct json_writer w;
    bool is_new;
    enum err failed = canon_number(&s->blocks, &to->room, e->block, s->begun, number, &is_new);
    if (failed != ERR_OK || (!is_new && !goes_on(s, e, *number)))
        return failed;
    *number = s->begun++;
    canon_renumber(&s->blocks, e->block, *number);
    close_block(to);
    event_begin(&w, to, "content_block_start");
    jw_u64(&w, "index", *number);
    write_block_head(&w, e, *number);
    s->open = *number + 1;
    return event_end(&w, to);
}

static void delta_begin(struct json_writer *w, struct canon_writer *to, uint32_t number,
                        const char *type)
{
    event_begin(w, to, "content_block_delta");
    jw_u64(w, "index", number);
    jw_object(w, "delta");
    jw_str_c(w, "type", type);
}

static enum err write_piece(struct canon_writer *to, uint32_t number, const char *type,
                            const char *key, struct str raw)
{
    struct json_writer w;
    if (!raw.n)
        return to->out->failed;
    delta_begin(&w, to, number, type);
    jw_raw_str(&w, key, raw);
    return event_end(&w, to);
}

static enum err write_reasoning(struct canon_writer *to, uint32_t number,
                                const struct canon_reasoning *x)
{
    if (x->kind == CANON_REASONING_ENCRYPTED)
        return ERR_OK; /* the block's head has said it */
    struct json_writer w;
    enum err failed = write_piece(to, number, "thinking_delta", "thinking", x->text);
    if (!x->signature.n)
        return failed;
    delta_begin(&w, to, number, "signature_delta");
    write_marked(&w, "signature", x, x->signature);
    return event_end(&w, to);
}

static enum err write_args(struct canon_writer *to, uint32_t number, const struct canon_args *args)
{
    struct json_writer w;
    delta_begin(&w, to, number, "input_json_delta");
    canon_write_args_text(&w, "partial_json", args);
    return event_end(&w, to);
}

static enum err write_cited(struct canon_writer *to, uint32_t number,
                            const struct canon_citation *c)
{
    struct json_writer w;
    delta_begin(&w, to, number, "citations_delta");
    write_citation(&w, "citation", c);
    return event_end(&w, to);
}

static enum err write_content(struct canon_writer *to, const struct canon_event *e)
{
    uint32_t number;
    enum err failed = open_block(to, e, &number);
    if (failed != ERR_OK)
        return failed;
    switch (e->kind) {
    case EVENT_TEXT:
    case EVENT_REFUSAL:
        return write_piece(to, number, "text_delta", "text", e->text);
    case EVENT_REASONING:
        return write_reasoning(to, number, &e->reasoning);
    case EVENT_ARGS:
        return write_args(to, number, &e->args);
    case EVENT_CITATION:
        return write_cited(to, number, &e->citation);
    default:
        return ERR_OK;
    }
}

static enum err write_error_event(struct canon_writer *to, const struct canon_failure *x)
{
    struct json_writer w;
    buf_add(to->out, STR("event: error\ndata: "));
    json_writer_init(&w, to->out);
    jw_object(&w, NULL);
    write_failure(&w, x);
    return event_end(&w, to);
}

/* No stop reason says that the provider gave up. */
static enum err write_end(struct canon_writer *to)
{
    struct state *s = to->state;
    struct json_writer w;
    if (s->reason == FINISH_ERROR)
        return write_error_event(to, &canon_finished_badly);
    event_begin(&w, to, "message_delta");
    jw_object(&w, "delta");
    write_stop(&w, s->reason, s->sequence);
    jw_end(&w);
    write_usage(&w, &s->bill);
    event_end(&w, to);
    event_begin(&w, to, "message_stop");
    return event_end(&w, to);
}

/* This format says neither alternatives nor pictures nor sound. */
static bool is_sayable(const struct canon_event *e)
{
    return e->choice == 0 && e->kind != EVENT_IMAGE && e->kind != EVENT_SOUND &&
           e->kind != EVENT_LOGPROBS &&
           !(e->kind == EVENT_REASONING && e->reasoning.kind == CANON_REASONING_OTHER);
}

static enum err write_event(struct canon_writer *to, const struct canon_event *e)
{
    struct state *s = to->state;
    switch (e->kind) {
    case EVENT_BEGIN:
        return write_begin(to);
    case EVENT_FINISH:
        if (e->choice == 0) {
            close_block(to);
            s->reason = e->finish.reason;
            s->sequence =
                e->finish.sequence.p ? arena_str(to->room.arena, e->finish.sequence) : STR_NONE;
        }
        return to->out->failed;
    case EVENT_USAGE:
        s->bill = e->bill;
        return ERR_OK;
    case EVENT_ERROR:
        return write_error_event(to, &e->failure);
    case EVENT_END:
        close_block(to);
        return write_end(to);
    default:
        return is_sayable(e) ? write_content(to, e) : ERR_OK;
    }
}

/* --- a whole answer --------------------------------------------------------------------------- */

static bool is_of(const struct canon_kept *k, const struct canon_kept *first)
{
    return k->event.choice == 0 && k->event.block == first->event.block;
}

/* The texts of the block's events of one kind, joined. */
static void write_joined(struct json_writer *w, const char *key, const struct canon_kept *first)
{
    jw_raw(w, key, STR("\""));
    for (const struct canon_kept *k = first; k; k = k->next) {
        const struct canon_event *e = &k->event;
        if (is_of(k, first) && e->kind == first->event.kind)
            buf_add(w->out, e->kind == EVENT_REASONING ? e->reasoning.text : e->text);
    }
    buf_add(w->out, STR("\""));
}

/* The block's last one. */
static void write_signature(struct json_writer *w, const struct canon_kept *first)
{
    const struct canon_reasoning *signed_by = NULL;
    for (const struct canon_kept *k = first; k; k = k->next) {
        const struct canon_event *e = &k->event;
        if (is_of(k, first) && e->kind == EVENT_REASONING && e->reasoning.signature.n)
            signed_by = &e->reasoning;
    }
    if (signed_by)
        write_marked(w, "signature", signed_by, signed_by->signature);
    else
        jw_str_c(w, "signature", "");
}

static void write_citations(struct json_writer *w, const struct canon_kept *first)
{
    bool any = false;
    for (const struct canon_kept *k = first; k; k = k->next) {
        if (!is_of(k, first) || k->event.kind != EVENT_CITATION)
            continue;
        if (!any)
            jw_array(w, "citations");
        any = true;
        write_citation(w, NULL, &k->event.citation);
    }
    if (any)
        jw_end(w);
}

/* A tool's input as an object: all pieces of its arguments. */
static void write_input(struct json_writer *w, struct canon_writer *to,
                        const struct canon_kept *tool)
{
    struct canon_args args = {CANON_ARGS_TEXT, STR_NONE};
    struct buf joined;
    buf_init(&joined, to->out->max);
    for (const struct canon_kept *k = tool; k; k = k->next) {
        if (!is_of(k, tool) || k->event.kind != EVENT_ARGS)
            continue;
        if (k->event.args.form == CANON_ARGS_VALUE)
            args = k->event.args;
        else
            buf_add(&joined, k->event.args.raw);
    }
    if (args.form == CANON_ARGS_TEXT)
        args.raw = buf_view(&joined);
    canon_write_args_value(w, "input", &args, &to->room);
    if (joined.failed)
        w->out->failed = joined.failed;
    buf_release(&joined);
}

static void write_block(struct json_writer *w, struct canon_writer *to,
                        const struct canon_kept *first, uint32_t number)
{
    const struct canon_event *e = &first->event;
    jw_object(w, NULL);
    if (e->kind == EVENT_TOOL) {
        write_use_head(w, &e->tool, number);
        write_input(w, to, first);
    } else if (e->kind == EVENT_REASONING && e->reasoning.kind == CANON_REASONING_ENCRYPTED) {
        jw_str_c(w, "type", "redacted_thinking");
        write_marked(w, "data", &e->reasoning, e->reasoning.data);
    } else if (e->kind == EVENT_REASONING) {
        jw_str_c(w, "type", "thinking");
        write_joined(w, "thinking", first);
        write_signature(w, first);
    } else {
        jw_str_c(w, "type", "text");
        write_joined(w, "text", first);
        write_citations(w, first);
    }
    jw_end(w);
}

static bool begins_block(const struct canon_event *e)
{
    return e->kind == EVENT_TEXT || e->kind == EVENT_REFUSAL || e->kind == EVENT_REASONING ||
           e->kind == EVENT_TOOL;
}

static enum err write_blocks(struct json_writer *w, struct canon_writer *to,
                             const struct canon_answer *a)
{
    struct canon_ordinals seen = {NULL, 0};
    for (const struct canon_kept *k = a->first; k; k = k->next) {
        uint32_t number;
        bool is_new;
        if (!begins_block(&k->event) || !is_sayable(&k->event))
            continue;
        enum err e = canon_number(&seen, &to->room, k->event.block, seen.n, &number, &is_new);
        if (e != ERR_OK)
            return e;
        if (is_new)
            write_block(w, to, k, number);
    }
    return ERR_OK;
}

static enum err write_whole(struct canon_writer *to, const struct canon_answer *a)
{
    static const struct chat_bill nothing;
    struct json_writer w;
    const struct canon_kept *end = canon_next(a->first, EVENT_FINISH, 0);
    const struct canon_kept *usage = canon_next(a->first, EVENT_USAGE, 0);
    json_writer_init(&w, to->out);
    jw_object(&w, NULL);
    write_identity(&w, to);
    jw_array(&w, "content");
    enum err e = write_blocks(&w, to, a);
    if (e != ERR_OK)
        return e;
    jw_end(&w);
    write_stop(&w, end ? end->event.finish.reason : FINISH_STOP,
               end ? end->event.finish.sequence : STR_NONE);
    write_usage(&w, usage ? &usage->event.bill : &nothing);
    return jw_finish(&w);
}

static enum err write_error(const struct canon_failure *x, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    write_failure(&w, x);
    return jw_finish(&w);
}

static enum err write_count(uint64_t tokens, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_u64(&w, "input_tokens", tokens);
    return jw_finish(&w);
}

const struct dialect dialect_anthropic_count = {
    .name = STR_INIT("anthropic"),
    .read_request = anthropic_read_countable,
    .write_count = write_count,
    .write_error = write_error,
};

const struct dialect dialect_anthropic = {
    .name = STR_INIT("anthropic"),
    .read_request = anthropic_read_request,
    .write_request = anthropic_write_request,
    .path = STR_INIT("/messages"),
    .headers = STR_INIT("anthropic-version: 2023-06-01\r\n"),
    .auth = AUTH_HEADER,
    .auth_header = STR_INIT("x-api-key"),
    .function_name_max = 128,
    .takes = PARAM_BIT(PARAM_MAX_TOKENS) | PARAM_BIT(PARAM_TOOLS) | PARAM_BIT(PARAM_TOOL_CHOICE) |
             PARAM_BIT(PARAM_PARALLEL_TOOL_CALLS) | PARAM_BIT(PARAM_STRUCTURED_OUTPUTS) |
             PARAM_BIT(PARAM_REASONING) | PARAM_BIT(PARAM_TEMPERATURE) | PARAM_BIT(PARAM_TOP_P) |
             PARAM_BIT(PARAM_TOP_K) | PARAM_BIT(PARAM_STOP) | PARAM_BIT(PARAM_USER) |
             PARAM_BIT(PARAM_SERVICE_TIER),
    .reader_size = sizeof(struct anthropic_reading),
    .answer_shape = anthropic_answer_shape,
    .read_event = anthropic_read_event,
    .read_whole = anthropic_read_whole,
    .read_error = anthropic_read_error,
    .writer_size = sizeof(struct state),
    .write_event = write_event,
    .write_whole = write_whole,
    .write_error = write_error,
    .keepalive = STR_INIT(": TURNPIKE PROCESSING\n\n"),
};
