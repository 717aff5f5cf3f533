/* openai_read_answer.c: OpenAI's answers, whole and streamed, as canonical events.
 * Sources: OpenAI's API reference, "Chat completion object" and "Chat completion chunk object";
 * OpenRouter's API reference, "Streaming" and its guide on reasoning. */
#include "dialect/openai_form.h"

#include "dialect/openai.h"

/* --- what must be what ------------------------------------------------------------------------ */

static const struct shape part_members[] = {SHAPE_TEXT("type"), SHAPE_TEXT("text"), SHAPE_END};

/* Some providers send the arguments as the object itself. */
static const struct shape function_members[] = {
    SHAPE_TEXT("name"), SHAPE_IS("arguments", SHAPE_STRING | SHAPE_OBJECT), SHAPE_END};

static const struct shape call_members[] = {SHAPE_INDEX("index"), SHAPE_TEXT("id"),
                                            SHAPE_PART("function", function_members), SHAPE_END};

/* Of all types of details together. */
static const struct shape detail_members[] = {
    SHAPE_TEXT("type"),   SHAPE_TEXT("text"),      SHAPE_TEXT("summary"),
    SHAPE_TEXT("data"),   SHAPE_TEXT("signature"), SHAPE_TEXT("id"),
    SHAPE_TEXT("format"), SHAPE_INDEX("index"),    SHAPE_END,
};

static const struct shape address_members[] = {SHAPE_TEXT("url"), SHAPE_END};
static const struct shape image_members[] = {SHAPE_PART("image_url", address_members), SHAPE_END};

static const struct shape cited_members[] = {SHAPE_TEXT("url"), SHAPE_TEXT("title"),
                                             SHAPE_TEXT("content"), SHAPE_END};
static const struct shape note_members[] = {SHAPE_PART("url_citation", cited_members), SHAPE_END};

static const struct shape sound_members[] = {SHAPE_TEXT("id"), SHAPE_TEXT("data"),
                                             SHAPE_TEXT("transcript"), SHAPE_END};

static const struct shape message_members[] = {
    SHAPE_TEXT("role"),
    SHAPE_LIST("content", SHAPE_STRING | SHAPE_ARRAY, SHAPE_OBJECT, part_members),
    SHAPE_TEXT("refusal"),
    SHAPE_TEXT("reasoning"),
    SHAPE_TEXT("reasoning_content"),
    SHAPE_PARTS("reasoning_details", detail_members),
    SHAPE_PARTS("annotations", note_members),
    SHAPE_PARTS("images", image_members),
    SHAPE_PART("audio", sound_members),
    SHAPE_PARTS("tool_calls", call_members),
    SHAPE_END,
};

static const struct shape choice_members[] = {
    SHAPE_INDEX("index"),
    SHAPE_PART("message", message_members),
    SHAPE_PART("delta", message_members),
    SHAPE_TEXT("finish_reason"),
    SHAPE_TEXT("native_finish_reason"),
    SHAPE_END,
};

const struct shape openai_answer_shape[] = {
    SHAPE_TEXT("id"),
    SHAPE_TEXT("object"),
    SHAPE_TEXT("model"),
    SHAPE_TEXT("system_fingerprint"),
    SHAPE_TEXT("service_tier"),
    SHAPE_PARTS("choices", choice_members),
    SHAPE_END,
};

/* --- blocks ----------------------------------------------------------------------------------- */

/* What of a choice's content a block is: one of these at a time, but for tool calls and reasoning
 * details, which have an index of their own. */
enum piece { PIECE_TEXT, PIECE_REFUSAL, PIECE_SOUND, PIECE_PLAIN, PIECE_DETAIL, PIECE_TOOL };

struct openai_choice {
    struct canon_ordinals blocks; /* by piece and index */
    uint32_t blocks_n;            /* images are blocks without an index */
};

/* One choice's delta or message. */
struct reading {
    struct canon_reader *rd;
    struct openai_choice *choice;
    struct canon_event event; /* choice and block of what comes next */
    bool is_whole;
};

static enum err block(struct reading *g, enum piece piece, uint32_t index, bool *is_new)
{
    struct openai_choice *c = g->choice;
    enum err e = canon_number(&c->blocks, &g->rd->room, (uint64_t)piece << 32 | index, c->blocks_n,
                              &g->event.block, is_new);
    c->blocks_n += e == ERR_OK && *is_new;
    return e;
}

static enum err emit(struct reading *g, enum canon_event_kind kind)
{
    g->event.kind = kind;
    return canon_emit(g->rd, &g->event);
}

static bool is_text(struct json v)
{
    return json_is(v, JSON_STRING) && json_raw_str(v).n;
}

static enum err read_text(struct reading *g, struct json v, enum piece piece,
                          enum canon_event_kind kind)
{
    bool is_new;
    if (!is_text(v))
        return ERR_OK;
    enum err e = block(g, piece, 0, &is_new);
    g->event.text = json_raw_str(v);
    return e == ERR_OK ? emit(g, kind) : e;
}

/* A string, or parts of which the texts count. */
static enum err read_content(struct reading *g, struct json v)
{
    enum err e = read_text(g, v, PIECE_TEXT, EVENT_TEXT);
    if (!json_is(v, JSON_ARRAY))
        return e;
    for (struct json p = json_first(v); e == ERR_OK && p.type; p = json_after(v, p))
        e = read_text(g, json_get(p, STR("text")), PIECE_TEXT, EVENT_TEXT);
    return e;
}

/* --- reasoning -------------------------------------------------------------------------------- */

static enum err read_plain_reasoning(struct reading *g, struct json v)
{
    bool is_new;
    if (!is_text(v))
        return ERR_OK;
    enum err e = block(g, PIECE_PLAIN, 0, &is_new);
    g->event.reasoning =
        (struct canon_reasoning){.kind = CANON_REASONING_TEXT, .text = json_raw_str(v)};
    return e == ERR_OK ? emit(g, EVENT_REASONING) : e;
}

/* A block is known by its index and type: one index may bear a text and then what is encrypted. */
static enum err read_detail(struct reading *g, struct json detail, uint32_t ordinal)
{
    bool is_new;
    struct canon_reasoning r;
    openai_read_reasoning(&g->rd->room, detail, &r);
    uint64_t index = json_u64_or(json_get(detail, STR("index")), g->is_whole ? ordinal : 0);
    uint32_t key = (uint32_t)(index % (1u << 28)) << 2 | (uint32_t)r.kind;
    enum err e = block(g, PIECE_DETAIL, key, &is_new);
    g->event.reasoning = r;
    return e == ERR_OK ? emit(g, EVENT_REASONING) : e;
}

/* Details say all that the plain text beside them says. */
static enum err read_reasoning(struct reading *g, struct json message)
{
    struct json details = json_get(message, STR("reasoning_details"));
    struct json plain = json_get(message, STR("reasoning"));
    uint32_t i = 0;
    enum err e = ERR_OK;
    if (!json_is(json_first(details), JSON_OBJECT))
        return read_plain_reasoning(
            g, is_text(plain) ? plain : json_get(message, STR("reasoning_content")));
    for (struct json d = json_first(details); e == ERR_OK && d.type; d = json_after(details, d))
        e = read_detail(g, d, i++);
    return e;
}

/* --- media, citations, tools ------------------------------------------------------------------ */

static enum err read_images(struct reading *g, struct json images)
{
    enum err e = ERR_OK;
    for (struct json v = json_first(images); e == ERR_OK && v.type; v = json_after(images, v)) {
        struct json url = json_get(json_get(v, STR("image_url")), STR("url"));
        g->event.block = g->choice->blocks_n++;
        g->event.media = (struct canon_media){0};
        if (canon_read_url(&g->rd->room, url, "", &g->event.media, NULL) == ERR_OK)
            e = emit(g, EVENT_IMAGE);
    }
    return e;
}

static enum err read_sound(struct reading *g, struct json sound)
{
    bool is_new;
    if (!json_is(sound, JSON_OBJECT))
        return ERR_OK;
    enum err e = block(g, PIECE_SOUND, 0, &is_new);
    g->event.sound.id = canon_text(json_get(sound, STR("id")));
    g->event.sound.data = canon_text(json_get(sound, STR("data")));
    g->event.sound.transcript = canon_text(json_get(sound, STR("transcript")));
    g->event.sound.expires_at = canon_value(json_get(sound, STR("expires_at")));
    g->event.sound.format = canon_text(json_get(sound, STR("format")));
    return e == ERR_OK ? emit(g, EVENT_SOUND) : e;
}

/* Of the text. */
static enum err read_citations(struct reading *g, struct json notes)
{
    enum err e = ERR_OK;
    bool is_new;
    for (struct json v = json_first(notes); e == ERR_OK && v.type; v = json_after(notes, v)) {
        struct json url = json_get(v, STR("url_citation"));
        e = block(g, PIECE_TEXT, 0, &is_new);
        if (e != ERR_OK)
            return e;
        g->event.citation = (struct canon_citation){
            .url = canon_text(json_get(url, STR("url"))),
            .title = canon_text(json_get(url, STR("title"))),
            .quote = canon_text(json_get(url, STR("content"))),
            .start = canon_value(json_get(url, STR("start_index"))),
            .end = canon_value(json_get(url, STR("end_index"))),
            .raw = json_raw(v),
            .of = g->rd->dialect,
        };
        e = emit(g, EVENT_CITATION);
    }
    return e;
}

static enum err read_call(struct reading *g, struct json call, uint32_t ordinal)
{
    bool is_new;
    struct json function = json_get(call, STR("function"));
    struct json args = json_get(function, STR("arguments")), index = json_get(call, STR("index"));
    uint64_t key = json_u64_or(index, ordinal);
    enum err e = block(g, PIECE_TOOL, (uint32_t)(key % UINT32_MAX), &is_new);
    if (e == ERR_OK && is_new) {
        struct canon_room *room = &g->rd->room;
        g->event.tool = (struct canon_tool_use){
            .id = canon_word(room, json_get(call, STR("id"))),
            .name = canon_word(room, json_get(function, STR("name"))),
        };
        e = emit(g, EVENT_TOOL);
    }
    if (e != ERR_OK || json_is_none_or_null(args) || json_raw(args).n == 2)
        return e;
    /* some providers send the object itself */
    g->event.args = json_is(args, JSON_STRING)
                        ? (struct canon_args){CANON_ARGS_TEXT, json_raw_str(args)}
                        : (struct canon_args){CANON_ARGS_VALUE, json_raw(args)};
    return emit(g, EVENT_ARGS);
}

static enum err read_calls(struct reading *g, struct json calls)
{
    uint32_t i = 0;
    enum err e = ERR_OK;
    for (struct json c = json_first(calls); e == ERR_OK && c.type; c = json_after(calls, c))
        e = read_call(g, c, i++);
    return e;
}

/* --- a choice --------------------------------------------------------------------------------- */

/* In the order in which a model says them, whatever the order of the members. */
static enum err read_message(struct reading *g, struct json m)
{
    enum err e = read_reasoning(g, m);
    if (e == ERR_OK)
        e = read_content(g, json_get(m, STR("content")));
    if (e == ERR_OK)
        e = read_text(g, json_get(m, STR("refusal")), PIECE_REFUSAL, EVENT_REFUSAL);
    if (e == ERR_OK)
        e = read_citations(g, json_get(m, STR("annotations")));
    if (e == ERR_OK)
        e = read_images(g, json_get(m, STR("images")));
    if (e == ERR_OK)
        e = read_sound(g, json_get(m, STR("audio")));
    if (e == ERR_OK)
        e = read_calls(g, json_get(m, STR("tool_calls")));
    return e;
}

static enum err read_finish(struct reading *g, struct json choice)
{
    struct json reason = json_get(choice, STR("finish_reason"));
    struct json native = json_get(choice, STR("native_finish_reason"));
    if (!json_is(reason, JSON_STRING))
        return ERR_OK;
    g->event.finish.reason = canon_finish_find(chat_finish_reason(json_raw_str(reason)));
    g->event.finish.native = canon_text(json_is(native, JSON_STRING) ? native : reason);
    g->event.finish.sequence = STR_NONE;
    return emit(g, EVENT_FINISH);
}

static enum err read_choice(struct canon_reader *rd, struct json choice, bool is_whole)
{
    struct openai_reading *s = rd->state;
    struct json message = json_get(choice, is_whole ? STR("message") : STR("delta"));
    struct json logprobs = json_get(choice, STR("logprobs"));
    uint64_t index = json_u64_or(json_get(choice, STR("index")), 0);
    if (index >= CHAT_CHOICES_MAX)
        return ERR_TOO_BIG;
    struct reading g = {.rd = rd,
                        .choice = &s->choices[index],
                        .event.choice = (uint32_t)index,
                        .is_whole = is_whole};
    enum err e = read_message(&g, message);
    g.event.block = 0;
    if (e == ERR_OK && json_is(logprobs, JSON_OBJECT)) {
        g.event.raw = json_raw(logprobs);
        e = emit(&g, EVENT_LOGPROBS);
    }
    return e == ERR_OK ? read_finish(&g, choice) : e;
}

/* --- an event, a whole answer ----------------------------------------------------------------- */

static enum err begin(struct canon_reader *rd, struct json root)
{
    struct openai_reading *s = rd->state;
    struct canon_event e = {.kind = EVENT_BEGIN};
    if (s->has_begun)
        return ERR_OK;
    s->has_begun = true;
    s->choices = arena_zalloc(rd->room.arena, CHAT_CHOICES_MAX * sizeof *s->choices);
    if (!s->choices)
        return ERR_NOMEM;
    e.begin.id = canon_text(json_get(root, STR("id")));
    e.begin.model = canon_text(json_get(root, STR("model")));
    e.begin.service_tier = canon_text(json_get(root, STR("service_tier")));
    e.begin.fingerprint = canon_text(json_get(root, STR("system_fingerprint")));
    return canon_emit(rd, &e);
}

void openai_read_failure(struct json root, struct canon_room *room, struct canon_failure *out)
{
    struct openai_error said;
    struct json error = json_get(root, STR("error")), code = json_get(error, STR("code"));
    buf_reset(room->scratch);
    openai_read_error(root, room->scratch, &said);
    *out = (struct canon_failure){
        .err = said.is_context ? ERR_CONTEXT : ERR_UPSTREAM,
        .status = said.status,
        .is_context = said.is_context,
        .message = arena_str(room->arena, said.message),
    };
    out->native =
        canon_word(room, json_is(code, JSON_STRING) ? code : json_get(error, STR("type")));
}

static enum err read_error(struct canon_reader *rd, struct json root)
{
    struct canon_event e = {.kind = EVENT_ERROR};
    openai_read_failure(root, &rd->room, &e.failure);
    return canon_emit(rd, &e);
}

static enum err read(struct canon_reader *rd, struct json root, bool is_whole)
{
    struct json choices = json_get(root, STR("choices"));
    struct canon_event usage = {.kind = EVENT_USAGE};
    if (!json_is_none_or_null(json_get(root, STR("error"))))
        return read_error(rd, root);
    enum err e = begin(rd, root);
    for (struct json c = json_first(choices); e == ERR_OK && c.type; c = json_after(choices, c))
        e = read_choice(rd, c, is_whole);
    if (e == ERR_OK && openai_read_usage(json_get(root, STR("usage")), &usage.bill.usage))
        e = canon_emit(rd, &usage);
    return e;
}

enum err openai_read_stream(struct canon_reader *rd, struct str name, struct json root,
                            struct fault *f)
{
    (void)name;
    return canon_refuse_answer(f, read(rd, root, false));
}

enum err openai_read_whole(struct canon_reader *rd, struct json root, struct fault *f)
{
    struct json first = json_first(json_get(root, STR("choices")));
    bool is_error = !json_is_none_or_null(json_get(root, STR("error")));
    if (!is_error && !json_is(json_get(first, STR("message")), JSON_OBJECT))
        return fault_set(f, ERR_UPSTREAM, "The provider's answer is no chat completion");
    enum err e = read(rd, root, true);
    if (e == ERR_OK && !is_error)
        e = canon_emit(rd, &(struct canon_event){.kind = EVENT_END});
    return canon_refuse_answer(f, e);
}
