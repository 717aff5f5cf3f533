/* responses_read_answer.c: answers of OpenAI's Responses, whole and streamed, as canonical events. For
 * sources, see responses.h. */
#include "dialect/responses.h"

#include "dialect/openai.h"
#include "dialect/openai_form.h"

/* --- what must be what ------------------------------------------------------------------------ */

static const struct shape note_members[] = {SHAPE_TEXT("url"), SHAPE_TEXT("title"),
                                            SHAPE_TEXT("content"), SHAPE_END};

static const struct shape piece_members[] = {
    SHAPE_TEXT("type"),
    SHAPE_TEXT("text"),
    SHAPE_TEXT("refusal"),
    SHAPE_PARTS("annotations", note_members),
    SHAPE_PARTS("logprobs", NULL),
    SHAPE_END,
};

/* Of all types of items together. */
static const struct shape item_members[] = {
    SHAPE_TEXT("type"),
    SHAPE_TEXT("id"),
    SHAPE_PARTS("content", piece_members),
    SHAPE_PARTS("summary", piece_members),
    SHAPE_TEXT("encrypted_content"),
    SHAPE_TEXT("format"),
    SHAPE_TEXT("signature"),
    SHAPE_TEXT("call_id"),
    SHAPE_TEXT("name"),
    SHAPE_TEXT("arguments"),
    SHAPE_TEXT("result"),
    SHAPE_TEXT("output_format"),
    SHAPE_END,
};

static const struct shape cut_members[] = {SHAPE_TEXT("reason"), SHAPE_END};

static const struct shape response_members[] = {
    SHAPE_TEXT("id"),
    SHAPE_TEXT("model"),
    SHAPE_TEXT("status"),
    SHAPE_TEXT("service_tier"),
    SHAPE_PARTS("output", item_members),
    SHAPE_PART("incomplete_details", cut_members),
    SHAPE_END,
};

/* An event, and the response itself. */
const struct shape responses_answer_shape[] = {
    SHAPE_TEXT("type"),
    SHAPE_PART("response", response_members),
    SHAPE_INDEX("output_index"),
    SHAPE_INDEX("content_index"),
    SHAPE_INDEX("summary_index"),
    SHAPE_TEXT("item_id"),
    SHAPE_PART("item", item_members),
    SHAPE_TEXT("delta"),
    SHAPE_TEXT("text"),
    SHAPE_PART("annotation", note_members),
    SHAPE_TEXT("id"),
    SHAPE_TEXT("model"),
    SHAPE_TEXT("status"),
    SHAPE_PARTS("output", item_members),
    SHAPE_PART("incomplete_details", cut_members),
    SHAPE_END,
};

enum piece {
    PIECE_TEXT,
    PIECE_REFUSAL,
    PIECE_SUMMARY,
    PIECE_THOUGHT,
    PIECE_HIDDEN,
    PIECE_CALL,
    PIECE_IMAGE
};

enum { INDEX_LIMIT = 1 << 24 };

/* One event or item under way. */
struct reading {
    struct canon_reader *rd;
    struct canon_event event;
    uint64_t output;         /* the item's index */
    struct str item, format; /* its id and the format of its reasoning: words */
    bool is_new;             /* the block begins */
};

static enum err emit(struct reading *g, enum canon_event_kind kind)
{
    g->event.kind = kind;
    return canon_emit(g->rd, &g->event);
}

static enum err number(struct reading *g, enum piece piece, uint64_t index)
{
    struct responses_reading *s = g->rd->state;
    uint64_t key = (g->output % INDEX_LIMIT) << 32 | (uint64_t)piece << 24 | index % INDEX_LIMIT;
    return canon_number(&s->blocks, &g->rd->room, key, s->blocks.n, &g->event.block, &g->is_new);
}

/* What a block may say once: whether it is the first time. */
static enum err speak(struct reading *g, bool *is_first)
{
    struct responses_reading *s = g->rd->state;
    uint32_t ordinal;
    return canon_number(&s->spoken, &g->rd->room, g->event.block, s->spoken.n, &ordinal, is_first);
}

/* --- errors ----------------------------------------------------------------------------------- */

/* {"error":{"message","type","code"}}, and {"message","code"} as events say it. */
void responses_read_error(struct json root, struct canon_room *room, struct canon_failure *out)
{
    static const struct {
        struct str code;
        int status;
    } codes[] = {
        {STR_INIT("server_error"), 500},       {STR_INIT("rate_limit_exceeded"), 429},
        {STR_INIT("insufficient_quota"), 429}, {STR_INIT("server_is_overloaded"), 503},
        {STR_INIT("invalid_prompt"), 400},     {STR_INIT("context_length_exceeded"), 400},
    };
    struct json error = json_get(root, STR("error"));
    struct json code = json_get(json_is(error, JSON_OBJECT) ? error : root, STR("code"));
    openai_read_failure(root, room, out);
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        if (out->status == 0 && json_str_eq(code, codes[i].code))
            out->status = codes[i].status;
    }
    if (!out->native.p && json_is(code, JSON_STRING))
        out->native = canon_word(room, code);
}

static enum err emit_error(struct canon_reader *rd, struct json holder)
{
    struct canon_event e = {.kind = EVENT_ERROR};
    responses_read_error(holder, &rd->room, &e.failure);
    return canon_emit(rd, &e);
}

/* --- pieces ----------------------------------------------------------------------------------- */

static enum err emit_text(struct reading *g, enum piece piece, struct json text)
{
    struct str said = canon_text(text);
    if (!said.n)
        return ERR_OK;
    if (piece == PIECE_TEXT || piece == PIECE_REFUSAL) {
        g->event.text = said;
        return emit(g, piece == PIECE_TEXT ? EVENT_TEXT : EVENT_REFUSAL);
    }
    g->event.reasoning = (struct canon_reasoning){
        .kind = piece == PIECE_SUMMARY ? CANON_REASONING_SUMMARY : CANON_REASONING_TEXT,
        .text = said,
        .id = g->item,
        .format = g->format.p ? g->format : RESPONSES_REASONING,
    };
    return emit(g, EVENT_REASONING);
}

static enum err emit_logprobs(struct reading *g, struct json list)
{
    struct buf *b = g->rd->room.scratch;
    if (json_first(list).type == JSON_NONE || !json_is(list, JSON_ARRAY))
        return ERR_OK;
    buf_reset(b);
    buf_printf(b, "{\"content\":%.*s}", STR_ARG(json_raw(list)));
    g->event.raw = b->failed ? STR_NONE : canon_made(g->rd, buf_view(b));
    return g->event.raw.p ? emit(g, EVENT_LOGPROBS) : ERR_NOMEM;
}

static enum err emit_citation(struct reading *g, struct json v)
{
    struct json start = json_get(v, STR("start_index")), end = json_get(v, STR("end_index"));
    if (!json_is(v, JSON_OBJECT))
        return ERR_OK;
    g->event.citation = (struct canon_citation){
        .url = canon_text(json_get(v, STR("url"))),
        .title = canon_text(json_get(v, STR("title"))),
        .quote = canon_text(json_get(v, STR("content"))),
        .start = json_is(start, JSON_NUMBER) ? canon_value(start) : STR_NONE,
        .end = json_is(end, JSON_NUMBER) ? canon_value(end) : STR_NONE,
        .raw = json_raw(v),
        .of = &dialect_responses,
    };
    return emit(g, EVENT_CITATION);
}

/* A piece of the arguments, or all of them at the end: those count only where none has come. */
static enum err emit_args(struct reading *g, struct json text, bool is_whole)
{
    bool is_first;
    struct str args = canon_text(text);
    if (!args.n)
        return ERR_OK;
    enum err e = speak(g, &is_first);
    if (e != ERR_OK || (is_whole && !is_first))
        return e;
    g->event.args = (struct canon_args){CANON_ARGS_TEXT, args};
    return emit(g, EVENT_ARGS);
}

/* --- items, as they begin and as they end ----------------------------------------------------- */

/* What was not streamed is emitted when the item is whole. */
static enum err read_rest(struct reading *g, enum piece piece, struct json list, struct str member)
{
    enum err e = ERR_OK;
    uint64_t index = 0;
    for (struct json v = json_first(list); e == ERR_OK && v.type; v = json_after(list, v)) {
        e = number(g, piece, index++);
        if (e == ERR_OK && g->is_new)
            e = emit_text(g, piece, json_get(v, member));
    }
    return e;
}

static enum err read_content(struct reading *g, struct json list)
{
    enum err e = ERR_OK;
    uint64_t index = 0;
    for (struct json v = json_first(list); e == ERR_OK && v.type; v = json_after(list, v)) {
        bool is_refusal = json_str_eq(json_get(v, STR("type")), STR("refusal"));
        enum piece piece = is_refusal ? PIECE_REFUSAL : PIECE_TEXT;
        struct json notes = json_get(v, STR("annotations"));
        e = number(g, piece, index++);
        if (e != ERR_OK || !g->is_new)
            continue;
        e = emit_text(g, piece, json_get(v, is_refusal ? STR("refusal") : STR("text")));
        for (struct json a = json_first(notes); e == ERR_OK && a.type; a = json_after(notes, a))
            e = emit_citation(g, a);
        if (e == ERR_OK)
            e = emit_logprobs(g, json_get(v, STR("logprobs")));
    }
    return e;
}

/* OpenRouter's items may be signed: the signature is the last text's. The response at the end repeats
 * it. */
static enum err read_signature(struct reading *g, struct json item)
{
    struct str signature = canon_text(json_get(item, STR("signature")));
    struct json content = json_get(item, STR("content"));
    uint64_t n = 0;
    bool is_first;
    for (struct json v = json_first(content); v.type; v = json_after(content, v))
        n++;
    if (!signature.n)
        return ERR_OK;
    enum err e = number(g, PIECE_THOUGHT, n ? n - 1 : 0);
    if (e == ERR_OK)
        e = speak(g, &is_first);
    if (e != ERR_OK || !is_first)
        return e;
    g->event.reasoning = (struct canon_reasoning){
        .kind = CANON_REASONING_TEXT, .signature = signature, .id = g->item, .format = g->format};
    return emit(g, EVENT_REASONING);
}

static enum err read_reasoning(struct reading *g, struct json item)
{
    struct str data = canon_text(json_get(item, STR("encrypted_content")));
    g->format = canon_word(&g->rd->room, json_get(item, STR("format")));
    if (!g->format.p)
        g->format = RESPONSES_REASONING;
    enum err e = read_rest(g, PIECE_SUMMARY, json_get(item, STR("summary")), STR("text"));
    if (e == ERR_OK)
        e = read_rest(g, PIECE_THOUGHT, json_get(item, STR("content")), STR("text"));
    if (e == ERR_OK)
        e = read_signature(g, item);
    if (e != ERR_OK || !data.n)
        return e;
    e = number(g, PIECE_HIDDEN, 0);
    g->event.reasoning = (struct canon_reasoning){
        .kind = CANON_REASONING_ENCRYPTED, .data = data, .id = g->item, .format = g->format};
    return e == ERR_OK && g->is_new ? emit(g, EVENT_REASONING) : e;
}

static enum err read_call(struct reading *g, struct json item, bool is_custom)
{
    struct responses_reading *s = g->rd->state;
    enum err e = number(g, PIECE_CALL, 0);
    s->has_call = true;
    if (e == ERR_OK && g->is_new) {
        g->event.tool = (struct canon_tool_use){
            .id = canon_word(&g->rd->room, json_get(item, STR("call_id"))),
            .name = canon_word(&g->rd->room, json_get(item, STR("name"))),
            .is_custom = is_custom,
        };
        e = emit(g, EVENT_TOOL);
    }
    if (e != ERR_OK)
        return e;
    return emit_args(g, json_get(item, is_custom ? STR("input") : STR("arguments")), true);
}

static enum err read_image(struct reading *g, struct json item)
{
    struct json result = json_get(item, STR("result"));
    struct json format = json_get(item, STR("output_format"));
    if (!json_raw_str(result).n || !json_is(result, JSON_STRING))
        return ERR_OK;
    enum err e = number(g, PIECE_IMAGE, 0);
    g->event.media =
        (struct canon_media){.source = CANON_DATA, .mime = STR("image/png"), .id = g->item};
    if (json_str_eq(format, STR("jpeg")))
        g->event.media.mime = STR("image/jpeg");
    if (json_str_eq(format, STR("webp")))
        g->event.media.mime = STR("image/webp");
    if (e != ERR_OK || !g->is_new)
        return e;
    e = canon_read_base64(&g->rd->room, result, "result", &g->event.media.data, NULL);
    return e == ERR_OK ? emit(g, EVENT_IMAGE) : e == ERR_NOMEM ? e : ERR_OK;
}

/* What an item's beginning says of the pieces that follow it. */
static enum err note_begin(struct reading *g, struct json item)
{
    struct responses_reading *s = g->rd->state;
    struct str format = canon_word(&g->rd->room, json_get(item, STR("format")));
    s->begun = g->output + 1;
    s->format = format.p ? arena_str(g->rd->room.arena, format) : STR_NONE;
    return format.p && !s->format.p ? ERR_NOMEM : ERR_OK;
}

/* Items of the provider's own tools are not passed on. */
static enum err read_item(struct reading *g, struct json item, bool is_whole)
{
    struct json type = json_get(item, STR("type"));
    g->item = canon_word(&g->rd->room, json_get(item, STR("id")));
    if (json_str_eq(type, STR("function_call")))
        return read_call(g, item, false);
    if (json_str_eq(type, STR("custom_tool_call")))
        return read_call(g, item, true);
    if (!is_whole)
        return note_begin(g, item);
    if (json_str_eq(type, STR("message")))
        return read_content(g, json_get(item, STR("content")));
    if (json_str_eq(type, STR("reasoning")))
        return read_reasoning(g, item);
    return json_str_eq(type, STR("image_generation_call")) ? read_image(g, item) : ERR_OK;
}

/* --- the response ----------------------------------------------------------------------------- */

static enum err begin(struct canon_reader *rd, struct json response)
{
    struct canon_event e = {.kind = EVENT_BEGIN};
    e.begin.id = canon_text(json_get(response, STR("id")));
    e.begin.model = canon_text(json_get(response, STR("model")));
    e.begin.service_tier = canon_text(json_get(response, STR("service_tier")));
    return canon_emit(rd, &e);
}

static enum err finish(struct canon_reader *rd, struct json response)
{
    const struct responses_reading *s = rd->state;
    struct json reason = json_get(json_get(response, STR("incomplete_details")), STR("reason"));
    struct json status = json_get(response, STR("status"));
    struct canon_event e = {.kind = EVENT_FINISH};
    bool is_cut = json_str_eq(status, STR("incomplete"));
    bool is_whole = json_is_none_or_null(status) || json_str_eq(status, STR("completed"));
    e.finish.reason = !is_whole ? FINISH_ERROR : s->has_call ? FINISH_TOOL_CALLS : FINISH_STOP;
    if (is_cut)
        e.finish.reason =
            json_str_eq(reason, STR("content_filter")) ? FINISH_CONTENT_FILTER : FINISH_LENGTH;
    e.finish.native = canon_text(is_cut && json_is(reason, JSON_STRING) ? reason : status);
    return canon_emit(rd, &e);
}

static enum err emit_usage(struct canon_reader *rd, struct json usage)
{
    struct canon_event e = {.kind = EVENT_USAGE};
    struct chat_usage *u = &e.bill.usage;
    struct json in = json_get(usage, STR("input_tokens_details"));
    struct json out = json_get(usage, STR("output_tokens_details"));
    if (!json_u64(json_get(usage, STR("input_tokens")), UINT32_MAX, &u->prompt) ||
        !json_u64(json_get(usage, STR("output_tokens")), UINT32_MAX, &u->completion))
        return ERR_OK;
    openai_read_details(in, out, u);
    chat_trim_usage(u);
    return canon_emit(rd, &e);
}

static enum err end(struct canon_reader *rd, struct json response)
{
    enum err e = finish(rd, response);
    if (e == ERR_OK)
        e = emit_usage(rd, json_get(response, STR("usage")));
    return e == ERR_OK ? canon_emit(rd, &(struct canon_event){.kind = EVENT_END}) : e;
}

static enum err read_items(struct canon_reader *rd, struct json response)
{
    struct json output = json_get(response, STR("output"));
    struct reading g = {.rd = rd};
    enum err e = ERR_OK;
    for (struct json v = json_first(output); e == ERR_OK && v.type; v = json_after(output, v)) {
        e = read_item(&g, v, true);
        g.output++;
    }
    return e;
}

/* --- a stream --------------------------------------------------------------------------------- */

static const struct delta_row {
    struct str type;
    enum piece piece;
    struct str index;
} delta_rows[] = {
    {STR_INIT("response.output_text.delta"), PIECE_TEXT, STR_INIT("content_index")},
    {STR_INIT("response.refusal.delta"), PIECE_REFUSAL, STR_INIT("content_index")},
    {STR_INIT("response.reasoning_text.delta"), PIECE_THOUGHT, STR_INIT("content_index")},
    {STR_INIT("response.reasoning_summary_text.delta"), PIECE_SUMMARY, STR_INIT("summary_index")},
    {STR_INIT("response.function_call_arguments.delta"), PIECE_CALL, STR_INIT("")},
    {STR_INIT("response.custom_tool_call_input.delta"), PIECE_CALL, STR_INIT("")},
};

static enum err read_delta(struct reading *g, struct json root, const struct delta_row *row)
{
    struct json delta = json_get(root, STR("delta"));
    struct responses_reading *s = g->rd->state;
    uint64_t index = row->index.n ? json_u64_or(json_get(root, row->index), 0) : 0;
    if (!json_raw_str(delta).n)
        return ERR_OK;
    enum err e = number(g, row->piece, index);
    if (e != ERR_OK)
        return e;
    if (row->piece == PIECE_CALL)
        return g->is_new ? ERR_INVALID /* it never began */ : emit_args(g, delta, false);
    if (s->begun == g->output + 1)
        g->format = s->format;
    struct json odds = json_get(root, STR("logprobs"));
    e = emit_text(g, row->piece, delta);
    if (e != ERR_OK || row->piece != PIECE_TEXT || json_first(odds).type == JSON_NONE)
        return e;
    bool is_first;
    e = speak(g, &is_first);
    return e == ERR_OK ? emit_logprobs(g, odds) : e;
}

/* The odds of a text at its end, where its pieces have told none. */
static enum err read_text_end(struct reading *g, struct json root)
{
    struct json odds = json_get(root, STR("logprobs"));
    bool is_first;
    if (json_first(odds).type == JSON_NONE)
        return ERR_OK;
    enum err e = number(g, PIECE_TEXT, json_u64_or(json_get(root, STR("content_index")), 0));
    if (e == ERR_OK && g->is_new)
        e = emit_text(g, PIECE_TEXT, json_get(root, STR("text")));
    if (e == ERR_OK)
        e = speak(g, &is_first);
    return e == ERR_OK && is_first ? emit_logprobs(g, odds) : e;
}

static enum err read_note(struct reading *g, struct json root)
{
    enum err e = number(g, PIECE_TEXT, json_u64_or(json_get(root, STR("content_index")), 0));
    return e == ERR_OK ? emit_citation(g, json_get(root, STR("annotation"))) : e;
}

static enum err read_end(struct canon_reader *rd, struct json response)
{
    const struct responses_reading *s = rd->state;
    enum err e = s->has_items ? ERR_OK : read_items(rd, response);
    return e == ERR_OK ? end(rd, response) : e;
}

static enum err read_stream(struct canon_reader *rd, struct json root)
{
    struct json type = json_get(root, STR("type")), response = json_get(root, STR("response"));
    struct reading g = {.rd = rd, .output = json_u64_or(json_get(root, STR("output_index")), 0)};
    for (size_t i = 0; i < COUNT_OF(delta_rows); i++) {
        if (!json_str_eq(type, delta_rows[i].type))
            continue;
        g.item = canon_word(&rd->room, json_get(root, STR("item_id")));
        return read_delta(&g, root, &delta_rows[i]);
    }
    if (json_str_eq(type, STR("response.output_item.added")))
        return read_item(&g, json_get(root, STR("item")), false);
    if (json_str_eq(type, STR("response.output_item.done"))) {
        ((struct responses_reading *)rd->state)->has_items = true;
        return read_item(&g, json_get(root, STR("item")), true);
    }
    if (json_str_eq(type, STR("response.output_text.annotation.added")))
        return read_note(&g, root);
    if (json_str_eq(type, STR("response.output_text.done")))
        return read_text_end(&g, root);
    if (json_str_eq(type, STR("response.created")))
        return begin(rd, response);
    if (json_str_eq(type, STR("response.completed")) ||
        json_str_eq(type, STR("response.incomplete")))
        return read_end(rd, response);
    if (json_str_eq(type, STR("response.failed")))
        return emit_error(rd, response);
    bool is_error = json_str_eq(type, STR("error")) || json_str_eq(type, STR("response.error"));
    return is_error || (json_is_none_or_null(type) && json_get(root, STR("error")).type)
               ? emit_error(rd, root)
               : ERR_OK;
}

enum err responses_read_event(struct canon_reader *rd, struct str name, struct json root,
                              struct fault *f)
{
    (void)name; /* the data says it too */
    return canon_refuse_answer(f, read_stream(rd, root));
}

enum err responses_read_whole(struct canon_reader *rd, struct json root, struct fault *f)
{
    struct json error = json_get(root, STR("error")), output = json_get(root, STR("output"));
    if (json_is(error, JSON_OBJECT))
        return canon_refuse_answer(f, emit_error(rd, root));
    if (!json_is(output, JSON_ARRAY))
        return fault_set(f, ERR_UPSTREAM, "The provider's answer is no response");
    enum err e = begin(rd, root);
    if (e == ERR_OK)
        e = read_items(rd, root);
    if (e == ERR_OK)
        e = end(rd, root);
    return canon_refuse_answer(f, e);
}
