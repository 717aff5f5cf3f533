/* bedrock_read_answer.c: Bedrock's Converse answers, whole and streamed, as canonical events. An event's
 * name says what it is; of an exception it is the exception's. For sources, see bedrock.h. */
#include "dialect/bedrock.h"

#include "dialect/anthropic.h"

/* --- what must be what ------------------------------------------------------------------------ */

static const struct shape text_members[] = {SHAPE_TEXT("text"), SHAPE_END};
static const struct shape web_members[] = {SHAPE_TEXT("url"), SHAPE_END};
static const struct shape location_members[] = {SHAPE_PART("web", web_members), SHAPE_END};

static const struct shape citation_members[] = {
    SHAPE_TEXT("title"),
    SHAPE_PART("location", location_members),
    SHAPE_LIST("sourceContent", SHAPE_ARRAY | SHAPE_OBJECT, SHAPE_OBJECT, text_members),
    SHAPE_END,
};

static const struct shape cited_members[] = {SHAPE_PARTS("content", text_members),
                                             SHAPE_PARTS("citations", citation_members), SHAPE_END};

static const struct shape signed_text_members[] = {SHAPE_TEXT("text"), SHAPE_TEXT("signature"),
                                                   SHAPE_END};

static const struct shape thought_members[] = {SHAPE_PART("reasoningText", signed_text_members),
                                               SHAPE_TEXT("redactedContent"), SHAPE_END};

static const struct shape use_members[] = {SHAPE_TEXT("toolUseId"), SHAPE_TEXT("name"),
                                           SHAPE_PART("input", NULL), SHAPE_END};

static const struct shape source_members[] = {SHAPE_TEXT("bytes"), SHAPE_END};
static const struct shape image_members[] = {SHAPE_TEXT("format"),
                                             SHAPE_PART("source", source_members), SHAPE_END};

/* Of all kinds of blocks together. */
static const struct shape block_members[] = {
    SHAPE_TEXT("text"),
    SHAPE_PART("reasoningContent", thought_members),
    SHAPE_PART("toolUse", use_members),
    SHAPE_PART("citationsContent", cited_members),
    SHAPE_PART("image", image_members),
    SHAPE_END,
};

static const struct shape message_members[] = {SHAPE_PARTS("content", block_members), SHAPE_END};
static const struct shape output_members[] = {SHAPE_PART("message", message_members), SHAPE_END};
static const struct shape start_members[] = {SHAPE_PART("toolUse", use_members), SHAPE_END};

static const struct shape thought_delta_members[] = {SHAPE_TEXT("text"), SHAPE_TEXT("signature"),
                                                     SHAPE_TEXT("redactedContent"), SHAPE_END};
static const struct shape use_delta_members[] = {SHAPE_TEXT("input"), SHAPE_END};

static const struct shape delta_members[] = {
    SHAPE_TEXT("text"),
    SHAPE_PART("reasoningContent", thought_delta_members),
    SHAPE_PART("toolUse", use_delta_members),
    SHAPE_PART("citation", citation_members),
    SHAPE_END,
};

const struct shape bedrock_answer_shape[] = {
    SHAPE_PART("output", output_members), SHAPE_TEXT("stopReason"),
    SHAPE_INDEX("contentBlockIndex"),     SHAPE_PART("start", start_members),
    SHAPE_PART("delta", delta_members),   SHAPE_END,
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
enum piece { PIECE_TEXT, PIECE_THOUGHT, PIECE_USE, PIECE_IMAGE };

static enum err number(struct reading *g, enum piece piece, uint64_t index)
{
    struct bedrock_reading *s = g->rd->state;
    uint64_t key = (uint64_t)piece << 32 | index;
    return canon_number(&s->blocks, &g->rd->room, key, s->blocks.n, &g->event.block, &g->is_new);
}

static bool is_text(struct json v)
{
    return json_is(v, JSON_STRING) && json_raw_str(v).n;
}

/* --- errors ----------------------------------------------------------------------------------- */

static const struct {
    struct str name;
    int status;
} errors[] = {
    {STR_INIT("validationException"), 400},           {STR_INIT("accessDeniedException"), 403},
    {STR_INIT("resourceNotFoundException"), 404},     {STR_INIT("modelTimeoutException"), 408},
    {STR_INIT("modelErrorException"), 424},           {STR_INIT("modelStreamErrorException"), 424},
    {STR_INIT("throttlingException"), 429},           {STR_INIT("modelNotReadyException"), 429},
    {STR_INIT("serviceQuotaExceededException"), 400}, {STR_INIT("internalServerException"), 500},
    {STR_INIT("serviceUnavailableException"), 503},
};

/* "com.amazon.coral.service#ThrottlingException:http://..." */
static struct str short_name(struct str name)
{
    size_t at = str_find(name, STR("#"));
    name = str_skip(name, at < name.n ? at + 1 : 0);
    return str_head(name, str_find(name, STR(":")));
}

static int status_of(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        if (str_ieq(errors[i].name, name))
            return errors[i].status;
    }
    return 0;
}

static void read_failure(struct json root, struct str name, struct canon_room *room,
                         struct canon_failure *out)
{
    struct json said = json_get(root, STR("message"));
    if (!json_is(said, JSON_STRING))
        said = json_get(root, STR("Message"));
    struct str message = canon_plain(room, json_raw_str(said));
    bool is_context = chat_says_context(message);
    *out = (struct canon_failure){
        .err = is_context ? ERR_CONTEXT : ERR_UPSTREAM,
        .status = status_of(name),
        .is_context = is_context,
        .message = arena_str(room->arena, message),
        .native = name.n ? arena_str(room->arena, name) : STR_NONE,
    };
}

/* Which exception it is stands in a header (x-amzn-errortype), and in some answers here too. */
void bedrock_read_error(struct json root, struct canon_room *room, struct canon_failure *out)
{
    struct str type = canon_plain(room, json_raw_str(json_get(root, STR("__type"))));
    read_failure(root, short_name(type), room, out);
}

static bool is_exception(struct str name)
{
    return str_ends(name, STR("Exception")) || str_ends(name, STR("exception"));
}

static enum err read_exception(struct canon_reader *rd, struct str name, struct json root)
{
    struct canon_event e = {.kind = EVENT_ERROR};
    read_failure(root, short_name(name), &rd->room, &e.failure);
    return canon_emit(rd, &e);
}

/* --- usage ------------------------------------------------------------------------------------ */

static bool count(struct json usage, struct str name, uint64_t *out)
{
    return json_u64(json_get(usage, name), UINT32_MAX, out);
}

/* What was written to the cache, by how long it is kept: [{"ttl":"1h","inputTokens":9},...] */
static uint64_t kept_for_an_hour(struct json details)
{
    uint64_t sum = 0, n;
    for (struct json v = json_first(details); v.type; v = json_after(details, v)) {
        if (json_str_eq(json_get(v, STR("ttl")), STR("1h")) && count(v, STR("inputTokens"), &n))
            sum += n;
    }
    return sum;
}

/* Input comes in three parts: the prompt is their sum. */
static enum err read_usage(struct canon_reader *rd, struct json usage)
{
    struct canon_event e = {.kind = EVENT_USAGE};
    struct chat_usage u = {0};
    bool any = count(usage, STR("inputTokens"), &u.prompt);
    any |= count(usage, STR("outputTokens"), &u.completion);
    any |= count(usage, STR("cacheReadInputTokens"), &u.cached);
    any |= count(usage, STR("cacheWriteInputTokens"), &u.cache_write);
    u.prompt += u.cached + u.cache_write;
    u.cache_write_1h = kept_for_an_hour(json_get(usage, STR("cacheDetails")));
    chat_trim_usage(&u);
    e.bill.usage = u;
    return any ? canon_emit(rd, &e) : ERR_OK;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static enum err emit_text(struct reading *g, struct json text)
{
    g->event.text = canon_text(text);
    return g->event.text.n ? emit(g, EVENT_TEXT) : ERR_OK;
}

/* Reasoning without a signature is plain. */
static enum err emit_thought(struct reading *g, struct json text, struct json signature)
{
    bool is_signed = is_text(signature);
    if (!is_text(text) && !is_signed)
        return ERR_OK;
    g->event.reasoning = (struct canon_reasoning){
        .kind = CANON_REASONING_TEXT,
        .text = is_text(text) ? json_raw_str(text) : STR_NONE,
        .signature = is_signed ? json_raw_str(signature) : STR_NONE,
        .format = is_signed ? ANTHROPIC_REASONING : STR_NONE,
    };
    return emit(g, EVENT_REASONING);
}

static enum err emit_hidden(struct reading *g, struct json data)
{
    if (!is_text(data))
        return ERR_OK;
    g->event.reasoning = (struct canon_reasoning){
        .kind = CANON_REASONING_ENCRYPTED, .data = json_raw_str(data), .format = BEDROCK_REASONING};
    return emit(g, EVENT_REASONING);
}

static enum err emit_use(struct reading *g, struct json use)
{
    struct json input = json_get(use, STR("input"));
    g->event.tool = (struct canon_tool_use){
        .id = canon_word(&g->rd->room, json_get(use, STR("toolUseId"))),
        .name = canon_word(&g->rd->room, json_get(use, STR("name"))),
    };
    enum err e = emit(g, EVENT_TOOL);
    if (e != ERR_OK || json_first(input).type == JSON_NONE)
        return e;
    g->event.args = (struct canon_args){CANON_ARGS_VALUE, json_raw(input)};
    return emit(g, EVENT_ARGS);
}

/* Of a page that was found, or of a document that was given. */
static enum err emit_citation(struct reading *g, struct json v)
{
    struct json web = json_get(json_get(v, STR("location")), STR("web"));
    struct json source = json_get(v, STR("sourceContent"));
    struct json quote = json_is(source, JSON_ARRAY) ? json_first(source) : source;
    g->event.citation = (struct canon_citation){
        .url = canon_text(json_get(web, STR("url"))),
        .title = canon_text(json_get(v, STR("title"))),
        .quote = canon_text(json_get(quote, STR("text"))),
        .raw = json_raw(v),
        .of = g->rd->dialect,
    };
    return json_is(v, JSON_OBJECT) ? emit(g, EVENT_CITATION) : ERR_OK;
}

static enum err emit_cited(struct reading *g, struct json cited)
{
    struct json texts = json_get(cited, STR("content"));
    struct json citations = json_get(cited, STR("citations"));
    enum err e = ERR_OK;
    for (struct json v = json_first(texts); e == ERR_OK && v.type; v = json_after(texts, v))
        e = emit_text(g, json_get(v, STR("text")));
    for (struct json v = json_first(citations); e == ERR_OK && v.type; v = json_after(citations, v))
        e = emit_citation(g, v);
    return e;
}

static enum err emit_image(struct reading *g, struct json image)
{
    struct json bytes = json_get(json_get(image, STR("source")), STR("bytes"));
    struct str format = canon_word(&g->rd->room, json_get(image, STR("format")));
    if (!is_text(bytes))
        return ERR_OK;
    g->event.media = (struct canon_media){
        .source = CANON_DATA,
        .mime = str_eq(format, STR("jpeg"))   ? STR("image/jpeg")
                : str_eq(format, STR("gif"))  ? STR("image/gif")
                : str_eq(format, STR("webp")) ? STR("image/webp")
                                              : STR("image/png"),
        .data = canon_word(&g->rd->room, bytes),
    };
    return emit(g, EVENT_IMAGE);
}

static enum err read_thought(struct reading *g, struct json thought)
{
    struct json said = json_get(thought, STR("reasoningText"));
    if (json_is(said, JSON_OBJECT))
        return emit_thought(g, json_get(said, STR("text")), json_get(said, STR("signature")));
    return emit_hidden(g, json_get(thought, STR("redactedContent")));
}

/* A member that says what a block, or a piece of one, is; and who reads it. */
struct piece_row {
    struct str name;
    enum piece piece;
    enum err (*read)(struct reading *g, struct json v);
};

/* By the first row that is there. What its own tools do has none: it is not passed on. */
static enum err read_piece(struct reading *g, const struct piece_row *rows, size_t n,
                           struct json holder, uint64_t index)
{
    for (size_t i = 0; i < n; i++) {
        struct json v = json_get(holder, rows[i].name);
        if (!json_is(v, JSON_OBJECT) && !is_text(v))
            continue;
        enum err e = number(g, rows[i].piece, index);
        return e == ERR_OK ? rows[i].read(g, v) : e;
    }
    return ERR_OK;
}

static enum err read_block(struct reading *g, struct json block, uint64_t index)
{
    static const struct piece_row rows[] = {
        {STR_INIT("toolUse"), PIECE_USE, emit_use},
        {STR_INIT("reasoningContent"), PIECE_THOUGHT, read_thought},
        {STR_INIT("citationsContent"), PIECE_TEXT, emit_cited},
        {STR_INIT("image"), PIECE_IMAGE, emit_image},
        {STR_INIT("text"), PIECE_TEXT, emit_text},
    };
    return read_piece(g, rows, COUNT_OF(rows), block, index);
}

/* --- a stream --------------------------------------------------------------------------------- */

static enum err begin(struct canon_reader *rd)
{
    struct bedrock_reading *s = rd->state;
    if (s->has_begun)
        return ERR_OK;
    s->has_begun = true;
    return canon_emit(rd, &(struct canon_event){.kind = EVENT_BEGIN});
}

static enum err read_start(struct reading *g, struct json root, uint64_t index)
{
    struct json use = json_get(json_get(root, STR("start")), STR("toolUse"));
    if (!json_is(use, JSON_OBJECT))
        return ERR_OK;
    enum err e = number(g, PIECE_USE, index);
    return e == ERR_OK ? emit_use(g, use) : e;
}

static enum err read_args(struct reading *g, struct json use)
{
    struct json input = json_get(use, STR("input"));
    if (g->is_new)
        return ERR_INVALID; /* of a tool that never began */
    g->event.args = (struct canon_args){CANON_ARGS_TEXT, canon_text(input)};
    return g->event.args.raw.n ? emit(g, EVENT_ARGS) : ERR_OK;
}

static enum err read_thought_delta(struct reading *g, struct json thought)
{
    struct json text = json_get(thought, STR("text")), none = {0};
    if (is_text(text))
        return emit_thought(g, text, none);
    if (is_text(json_get(thought, STR("signature"))))
        return emit_thought(g, none, json_get(thought, STR("signature")));
    return emit_hidden(g, json_get(thought, STR("redactedContent")));
}

static enum err read_delta(struct reading *g, struct json root, uint64_t index)
{
    static const struct piece_row rows[] = {
        {STR_INIT("text"), PIECE_TEXT, emit_text},
        {STR_INIT("toolUse"), PIECE_USE, read_args},
        {STR_INIT("citation"), PIECE_TEXT, emit_citation},
        {STR_INIT("reasoningContent"), PIECE_THOUGHT, read_thought_delta},
    };
    return read_piece(g, rows, COUNT_OF(rows), json_get(root, STR("delta")), index);
}

static enum err finish(struct canon_reader *rd, struct json reason)
{
    static const struct {
        struct str word;
        enum canon_finish reason;
    } words[] = {
        {STR_INIT("tool_use"), FINISH_TOOL_CALLS},
        {STR_INIT("max_tokens"), FINISH_LENGTH},
        {STR_INIT("model_context_window_exceeded"), FINISH_LENGTH},
        {STR_INIT("guardrail_intervened"), FINISH_CONTENT_FILTER},
        {STR_INIT("content_filtered"), FINISH_CONTENT_FILTER},
        {STR_INIT("malformed_model_output"), FINISH_ERROR},
        {STR_INIT("malformed_tool_use"), FINISH_ERROR},
    };
    struct canon_event e = {.kind = EVENT_FINISH, .finish.reason = FINISH_STOP};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (json_str_eq(reason, words[i].word))
            e.finish.reason = words[i].reason;
    }
    e.finish.native = canon_text(reason);
    return canon_emit(rd, &e);
}

/* The last event bears the usage. */
static enum err read_metadata(struct canon_reader *rd, struct json root)
{
    enum err e = read_usage(rd, json_get(root, STR("usage")));
    return e == ERR_OK ? canon_emit(rd, &(struct canon_event){.kind = EVENT_END}) : e;
}

static enum err read_stream(struct canon_reader *rd, struct str name, struct json root)
{
    struct reading g = {.rd = rd};
    uint64_t index = json_u64_or(json_get(root, STR("contentBlockIndex")), 0);
    if (is_exception(name))
        return read_exception(rd, name, root);
    enum err e = begin(rd);
    if (e != ERR_OK)
        return e;
    if (str_eq(name, STR("contentBlockDelta")))
        return read_delta(&g, root, index);
    if (str_eq(name, STR("contentBlockStart")))
        return read_start(&g, root, index);
    if (str_eq(name, STR("messageStop")))
        return finish(rd, json_get(root, STR("stopReason")));
    return str_eq(name, STR("metadata")) ? read_metadata(rd, root) : ERR_OK;
}

enum err bedrock_read_event(struct canon_reader *rd, struct str name, struct json root,
                            struct fault *f)
{
    return canon_refuse_answer(f, read_stream(rd, name, root));
}

/* --- a whole answer --------------------------------------------------------------------------- */

enum err bedrock_read_whole(struct canon_reader *rd, struct json root, struct fault *f)
{
    struct json content =
        json_get(json_get(json_get(root, STR("output")), STR("message")), STR("content"));
    struct reading g = {.rd = rd};
    uint64_t index = 0;
    struct json type = json_get(root, STR("__type"));
    if (json_is(type, JSON_STRING))
        return canon_refuse_answer(
            f, read_exception(rd, canon_plain(&rd->room, json_raw_str(type)), root));
    if (!json_is(content, JSON_ARRAY))
        return fault_set(f, ERR_UPSTREAM, "The provider's answer is no message");
    enum err e = begin(rd);
    for (struct json b = json_first(content); e == ERR_OK && b.type; b = json_after(content, b))
        e = read_block(&g, b, index++);
    if (e == ERR_OK)
        e = finish(rd, json_get(root, STR("stopReason")));
    if (e == ERR_OK)
        e = read_metadata(rd, root);
    return canon_refuse_answer(f, e);
}
