/* anthropic_read_answer.c: Anthropic's answers, whole and streamed, as canonical events. For sources,
 * see anthropic.h. */
#include "dialect/anthropic.h"

/* --- what must be what ------------------------------------------------------------------------ */

static const struct shape citation_members[] = {SHAPE_TEXT("url"), SHAPE_TEXT("title"),
                                                SHAPE_TEXT("cited_text"), SHAPE_END};

/* Of all types of blocks together. */
static const struct shape block_members[] = {
    SHAPE_TEXT("type"),
    SHAPE_TEXT("text"),
    SHAPE_TEXT("thinking"),
    SHAPE_TEXT("signature"),
    SHAPE_TEXT("data"),
    SHAPE_TEXT("id"),
    SHAPE_TEXT("name"),
    SHAPE_PART("input", NULL),
    SHAPE_PARTS("citations", citation_members),
    SHAPE_END,
};

/* Of a block, and of the message. */
static const struct shape delta_members[] = {
    SHAPE_TEXT("type"),
    SHAPE_TEXT("text"),
    SHAPE_TEXT("thinking"),
    SHAPE_TEXT("signature"),
    SHAPE_TEXT("partial_json"),
    SHAPE_PART("citation", citation_members),
    SHAPE_TEXT("stop_reason"),
    SHAPE_TEXT("stop_sequence"),
    SHAPE_END,
};

static const struct shape begun_members[] = {SHAPE_TEXT("id"), SHAPE_TEXT("model"), SHAPE_END};

const struct shape anthropic_answer_shape[] = {
    SHAPE_TEXT("type"),
    SHAPE_INDEX("index"),
    SHAPE_PART("message", begun_members),
    SHAPE_PART("content_block", block_members),
    SHAPE_PART("delta", delta_members),
    SHAPE_TEXT("id"),
    SHAPE_TEXT("model"),
    SHAPE_PARTS("content", block_members),
    SHAPE_TEXT("stop_reason"),
    SHAPE_TEXT("stop_sequence"),
    SHAPE_END,
};

/* One block's event under way. */
struct reading {
    struct canon_reader *rd;
    struct canon_event event;
    bool is_new; /* the block begins */
};

static enum err emit(struct reading *g, enum canon_event_kind kind)
{
    g->event.kind = kind;
    return canon_emit(g->rd, &g->event);
}

/* What a block is. One that says another thing than it began with is another block. */
enum piece { PIECE_TEXT, PIECE_THOUGHT, PIECE_HIDDEN, PIECE_USE };

/* The provider counts blocks too, among them some that are not passed on. */
static enum err number(struct reading *g, enum piece piece, uint64_t index)
{
    struct anthropic_reading *s = g->rd->state;
    uint64_t key = (uint64_t)piece << 32 | index;
    return canon_number(&s->blocks, &g->rd->room, key, s->blocks.n, &g->event.block, &g->is_new);
}

/* --- errors ----------------------------------------------------------------------------------- */

static const struct anthropic_error errors[] = {
    {STR_INIT("invalid_request_error"), 400},
    {STR_INIT("authentication_error"), 401},
    {STR_INIT("billing_error"), 402},
    {STR_INIT("permission_error"), 403},
    {STR_INIT("not_found_error"), 404},
    {STR_INIT("request_too_large"), 413},
    {STR_INIT("rate_limit_error"), 429},
    {STR_INIT("timeout_error"), 504},
    {STR_INIT("overloaded_error"), 529},
    {STR_INIT("overloaded_error"), 503},
    {STR_INIT("api_error"), 500},
};

const struct anthropic_error *anthropic_error_of(int status)
{
    const struct anthropic_error *last = &errors[COUNT_OF(errors) - 1];
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        if (errors[i].status == status)
            return &errors[i];
    }
    return status >= 400 && status < 500 ? &errors[0] : last;
}

static int status_of(struct json type)
{
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        if (json_str_eq(type, errors[i].type))
            return errors[i].status;
    }
    return 0;
}

void anthropic_read_error(struct json root, struct canon_room *room, struct canon_failure *out)
{
    struct json error = json_get(root, STR("error")), type = json_get(error, STR("type"));
    struct str message = canon_plain(room, json_raw_str(json_get(error, STR("message"))));
    bool is_context = chat_says_context(message);
    *out = (struct canon_failure){
        .err = is_context ? ERR_CONTEXT : ERR_UPSTREAM,
        .status = status_of(type),
        .is_context = is_context,
        .message = arena_str(room->arena, message),
        .native = canon_word(room, type),
    };
}

/* --- usage ------------------------------------------------------------------------------------ */

static bool count(struct json usage, struct str name, uint64_t *out)
{
    return json_u64(json_get(usage, name), UINT32_MAX, out);
}

/* Input comes in three parts here: the prompt is their sum. Later figures replace earlier ones. */
static void read_usage(struct anthropic_reading *s, struct json usage)
{
    uint64_t fresh = s->usage.prompt - s->usage.cached - s->usage.cache_write;
    bool any = count(usage, STR("input_tokens"), &fresh);
    any |= count(usage, STR("cache_read_input_tokens"), &s->usage.cached);
    any |= count(usage, STR("cache_creation_input_tokens"), &s->usage.cache_write);
    any |= count(usage, STR("output_tokens"), &s->usage.completion);
    count(json_get(usage, STR("cache_creation")), STR("ephemeral_1h_input_tokens"),
          &s->usage.cache_write_1h);
    s->usage.prompt = fresh + s->usage.cached + s->usage.cache_write;
    s->has_usage |= any;
}

static enum err emit_usage(struct canon_reader *rd)
{
    struct anthropic_reading *s = rd->state;
    struct canon_event e = {.kind = EVENT_USAGE, .bill.usage = s->usage};
    chat_trim_usage(&e.bill.usage);
    return s->has_usage ? canon_emit(rd, &e) : ERR_OK;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static enum err emit_text(struct reading *g, struct json text)
{
    g->event.text = canon_text(text);
    return g->event.text.n ? emit(g, EVENT_TEXT) : ERR_OK;
}

static enum err emit_reasoning(struct reading *g, struct json text, struct json signature)
{
    g->event.reasoning = (struct canon_reasoning){
        .kind = CANON_REASONING_TEXT,
        .text = json_raw_str(text).n ? canon_text(text) : STR_NONE,
        .signature = json_raw_str(signature).n ? canon_text(signature) : STR_NONE,
        .format = ANTHROPIC_REASONING,
    };
    bool says = g->event.reasoning.text.p || g->event.reasoning.signature.p;
    return says ? emit(g, EVENT_REASONING) : ERR_OK;
}

static enum err emit_redacted(struct reading *g, struct json data)
{
    g->event.reasoning = (struct canon_reasoning){
        .kind = CANON_REASONING_ENCRYPTED, .data = canon_text(data), .format = ANTHROPIC_REASONING};
    return emit(g, EVENT_REASONING);
}

static enum err emit_use(struct reading *g, struct json block)
{
    struct json input = json_get(block, STR("input"));
    g->event.tool = (struct canon_tool_use){
        .id = canon_word(&g->rd->room, json_get(block, STR("id"))),
        .name = canon_word(&g->rd->room, json_get(block, STR("name"))),
    };
    enum err e = emit(g, EVENT_TOOL);
    if (e != ERR_OK || json_first(input).type == JSON_NONE)
        return e;
    g->event.args = (struct canon_args){CANON_ARGS_VALUE, json_raw(input)};
    return emit(g, EVENT_ARGS);
}

static enum err emit_citation(struct reading *g, struct json v)
{
    if (!json_is(v, JSON_OBJECT))
        return ERR_OK;
    g->event.citation = (struct canon_citation){
        .url = canon_text(json_get(v, STR("url"))),
        .title = canon_text(json_get(v, STR("title"))),
        .quote = canon_text(json_get(v, STR("cited_text"))),
        .raw = json_raw(v),
        .of = g->rd->dialect,
    };
    return emit(g, EVENT_CITATION);
}

static enum err emit_citations(struct reading *g, struct json list)
{
    enum err e = ERR_OK;
    for (struct json v = json_first(list); e == ERR_OK && v.type; v = json_after(list, v))
        e = emit_citation(g, v);
    return e;
}

/* A block as it begins, or all of it. Blocks of the provider's own tools are not passed on. */
static enum err read_block(struct reading *g, struct json block, uint64_t index)
{
    struct json type = json_get(block, STR("type"));
    bool is_text = json_str_eq(type, STR("text")), is_thought = json_str_eq(type, STR("thinking"));
    bool is_hidden = json_str_eq(type, STR("redacted_thinking"));
    bool is_use = json_str_eq(type, STR("tool_use"));
    if (!is_text && !is_thought && !is_hidden && !is_use) {
        ((struct anthropic_reading *)g->rd->state)->skipped = index + 1;
        return ERR_OK;
    }
    enum err e = number(g,
                        is_use      ? PIECE_USE
                        : is_hidden ? PIECE_HIDDEN
                        : is_text   ? PIECE_TEXT
                                    : PIECE_THOUGHT,
                        index);
    if (e != ERR_OK)
        return e;
    if (is_use)
        return emit_use(g, block);
    if (is_hidden)
        return emit_redacted(g, json_get(block, STR("data")));
    if (is_thought)
        return emit_reasoning(g, json_get(block, STR("thinking")),
                              json_get(block, STR("signature")));
    e = emit_text(g, json_get(block, STR("text")));
    return e == ERR_OK ? emit_citations(g, json_get(block, STR("citations"))) : e;
}

/* --- pieces of blocks ------------------------------------------------------------------------- */

static enum err read_text(struct reading *g, struct json delta)
{
    return emit_text(g, json_get(delta, STR("text")));
}

static enum err read_thought(struct reading *g, struct json delta)
{
    return emit_reasoning(g, json_get(delta, STR("thinking")), (struct json){0});
}

static enum err read_signature(struct reading *g, struct json delta)
{
    return emit_reasoning(g, (struct json){0}, json_get(delta, STR("signature")));
}

static enum err read_cited(struct reading *g, struct json delta)
{
    return emit_citation(g, json_get(delta, STR("citation")));
}

static enum err read_args(struct reading *g, struct json delta)
{
    if (g->is_new)
        return ERR_INVALID; /* of a tool that never began */
    g->event.args =
        (struct canon_args){CANON_ARGS_TEXT, canon_text(json_get(delta, STR("partial_json")))};
    return g->event.args.raw.n ? emit(g, EVENT_ARGS) : ERR_OK;
}

/* What is not known, or of a block that is not passed on, is left out. */
static enum err read_delta(struct reading *g, struct json delta, uint64_t index)
{
    static const struct {
        struct str type;
        enum piece piece;
        enum err (*read)(struct reading *g, struct json delta);
    } rows[] = {
        {STR_INIT("text_delta"), PIECE_TEXT, read_text},
        {STR_INIT("thinking_delta"), PIECE_THOUGHT, read_thought},
        {STR_INIT("signature_delta"), PIECE_THOUGHT, read_signature},
        {STR_INIT("citations_delta"), PIECE_TEXT, read_cited},
        {STR_INIT("input_json_delta"), PIECE_USE, read_args},
    };
    struct json type = json_get(delta, STR("type"));
    const struct anthropic_reading *s = g->rd->state;
    for (size_t i = 0; i < COUNT_OF(rows) && s->skipped != index + 1; i++) {
        if (!json_str_eq(type, rows[i].type))
            continue;
        enum err e = number(g, rows[i].piece, index);
        return e == ERR_OK ? rows[i].read(g, delta) : e;
    }
    return ERR_OK;
}

/* --- the message ------------------------------------------------------------------------------ */

static enum err begin(struct canon_reader *rd, struct json message)
{
    struct canon_event e = {.kind = EVENT_BEGIN};
    e.begin.id = canon_text(json_get(message, STR("id")));
    e.begin.model = canon_text(json_get(message, STR("model")));
    read_usage(rd->state, json_get(message, STR("usage")));
    return canon_emit(rd, &e);
}

static enum err finish(struct canon_reader *rd, struct json holder)
{
    static const struct {
        struct str word;
        enum canon_finish reason;
    } words[] = {
        {STR_INIT("max_tokens"), FINISH_LENGTH},
        {STR_INIT("model_context_window_exceeded"), FINISH_LENGTH},
        {STR_INIT("tool_use"), FINISH_TOOL_CALLS},
        {STR_INIT("refusal"), FINISH_CONTENT_FILTER},
    };
    struct json reason = json_get(holder, STR("stop_reason"));
    struct canon_event e = {.kind = EVENT_FINISH, .finish.reason = FINISH_STOP};
    if (!json_is(reason, JSON_STRING))
        return ERR_OK;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (json_str_eq(reason, words[i].word))
            e.finish.reason = words[i].reason;
    }
    e.finish.native = canon_text(reason);
    e.finish.sequence = canon_text(json_get(holder, STR("stop_sequence")));
    return canon_emit(rd, &e);
}

static enum err read_error_event(struct canon_reader *rd, struct json root)
{
    struct canon_event e = {.kind = EVENT_ERROR};
    anthropic_read_error(root, &rd->room, &e.failure);
    return canon_emit(rd, &e);
}

static enum err read_stream(struct canon_reader *rd, struct json root)
{
    struct json type = json_get(root, STR("type"));
    struct reading g = {.rd = rd};
    uint64_t index = json_u64_or(json_get(root, STR("index")), 0);
    if (json_str_eq(type, STR("content_block_delta")))
        return read_delta(&g, json_get(root, STR("delta")), index);
    if (json_str_eq(type, STR("content_block_start")))
        return read_block(&g, json_get(root, STR("content_block")), index);
    if (json_str_eq(type, STR("message_start"))) {
        enum err e = begin(rd, json_get(root, STR("message")));
        bool is_told = ((const struct anthropic_reading *)rd->state)->usage.prompt > 0;
        return e == ERR_OK && is_told ? emit_usage(rd) : e; /* known even if the stream breaks */
    }
    if (json_str_eq(type, STR("message_delta"))) {
        read_usage(rd->state, json_get(root, STR("usage")));
        enum err e = finish(rd, json_get(root, STR("delta")));
        return e == ERR_OK ? emit_usage(rd) : e;
    }
    if (json_str_eq(type, STR("message_stop")))
        return canon_emit(rd, &(struct canon_event){.kind = EVENT_END});
    return json_str_eq(type, STR("error")) ? read_error_event(rd, root) : ERR_OK;
}

enum err anthropic_read_event(struct canon_reader *rd, struct str name, struct json root,
                              struct fault *f)
{
    (void)name; /* the data says it too */
    return canon_refuse_answer(f, read_stream(rd, root));
}

enum err anthropic_read_whole(struct canon_reader *rd, struct json root, struct fault *f)
{
    struct json content = json_get(root, STR("content"));
    struct reading g = {.rd = rd};
    uint64_t index = 0;
    if (json_str_eq(json_get(root, STR("type")), STR("error")))
        return canon_refuse_answer(f, read_error_event(rd, root));
    if (!json_is(content, JSON_ARRAY))
        return fault_set(f, ERR_UPSTREAM, "The provider's answer is no message");
    enum err e = begin(rd, root);
    for (struct json b = json_first(content); e == ERR_OK && b.type; b = json_after(content, b))
        e = read_block(&g, b, index++);
    if (e == ERR_OK)
        e = finish(rd, root);
    if (e == ERR_OK)
        e = emit_usage(rd);
    if (e == ERR_OK)
        e = canon_emit(rd, &(struct canon_event){.kind = EVENT_END});
    return canon_refuse_answer(f, e);
}
