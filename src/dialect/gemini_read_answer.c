/* gemini_read_answer.c: Gemini's answers, whole and streamed, as canonical events. An event of a stream
 * is an answer of its own with what is new. For sources, see gemini.h. */
#include "dialect/gemini.h"

#include <stdio.h>

enum { ID_MAX = 64, CHUNKS_MAX = 256 };

/* --- what must be what ------------------------------------------------------------------------ */

static const struct shape blob_members[] = {SHAPE_TEXT("mimeType"), SHAPE_TEXT("data"), SHAPE_END};

static const struct shape call_members[] = {SHAPE_TEXT("id"), SHAPE_TEXT("name"),
                                            SHAPE_PART("args", NULL), SHAPE_END};

static const struct shape part_members[] = {
    SHAPE_TEXT("text"),
    SHAPE_IS("thought", SHAPE_BOOLEAN),
    SHAPE_TEXT("thoughtSignature"),
    SHAPE_PART("functionCall", call_members),
    SHAPE_PART("inlineData", blob_members),
    SHAPE_END,
};

static const struct shape content_members[] = {SHAPE_PARTS("parts", part_members), SHAPE_END};

static const struct shape candidate_members[] = {
    SHAPE_INDEX("index"),
    SHAPE_PART("content", content_members),
    SHAPE_TEXT("finishReason"),
    SHAPE_PART("citationMetadata", NULL),
    SHAPE_PART("groundingMetadata", NULL),
    SHAPE_PART("logprobsResult", NULL),
    SHAPE_END,
};

static const struct shape feedback_members[] = {SHAPE_TEXT("blockReason"), SHAPE_END};

const struct shape gemini_answer_shape[] = {
    SHAPE_PARTS("candidates", candidate_members),
    SHAPE_PART("promptFeedback", feedback_members),
    SHAPE_TEXT("responseId"),
    SHAPE_TEXT("modelVersion"),
    SHAPE_END,
};

/* One candidate's parts. */
struct reading {
    struct canon_reader *rd;
    struct gemini_choice *choice;
    struct canon_event event; /* choice and block of what comes next */
};

static enum err refuse(struct fault *f, enum err e)
{
    if (e == ERR_NOMEM)
        return fault_set(f, e, "No memory for this answer");
    if (e == ERR_TOO_BIG)
        return fault_set(f, ERR_UPSTREAM, "The provider's answer has too many candidates");
    return e;
}

static enum err emit(struct reading *g, enum canon_event_kind kind)
{
    g->event.kind = kind;
    return canon_emit(g->rd, &g->event);
}

/* Pieces of one kind that follow each other are one block. */
static void block(struct reading *g, enum gemini_piece piece)
{
    struct gemini_choice *c = g->choice;
    if (piece == GEMINI_NEW || piece != c->piece)
        c->block = c->blocks_n++;
    c->piece = piece;
    g->event.block = c->block;
}

static bool is_text(struct json v)
{
    return json_is(v, JSON_STRING) && json_raw_str(v).n;
}

/* --- errors ----------------------------------------------------------------------------------- */

/* Streams that are not served as events are an array, errors too. */
static struct json error_in(struct json root)
{
    return json_get(json_is(root, JSON_ARRAY) ? json_first(root) : root, STR("error"));
}

/* A wrong key is an invalid argument here, told apart by a detail. */
static bool is_key_wrong(struct json error)
{
    struct json details = json_get(error, STR("details"));
    for (struct json d = json_first(details); d.type; d = json_after(details, d)) {
        if (json_str_eq(json_get(d, STR("reason")), STR("API_KEY_INVALID")))
            return true;
    }
    return false;
}

void gemini_read_error(struct json root, struct canon_room *room, struct canon_failure *out)
{
    struct json error = error_in(root);
    struct str message = canon_plain(room, json_raw_str(json_get(error, STR("message"))));
    uint64_t code = json_u64_or(json_get(error, STR("code")), 0);
    bool is_context = chat_says_context(message);
    *out = (struct canon_failure){
        .err = is_context ? ERR_CONTEXT : ERR_UPSTREAM,
        .status = code >= 400 && code <= 599 ? (int)code : 0,
        .is_context = is_context,
        .message = arena_str(room->arena, message),
        .native = canon_word(room, json_get(error, STR("status"))),
    };
    if (is_key_wrong(error))
        out->status = 401;
}

static enum err read_error_event(struct canon_reader *rd, struct json root)
{
    struct canon_event e = {.kind = EVENT_ERROR};
    gemini_read_error(root, &rd->room, &e.failure);
    return canon_emit(rd, &e);
}

/* --- parts ------------------------------------------------------------------------------------ */

static enum err emit_signature(struct reading *g, struct json signature, struct str id)
{
    if (!is_text(signature))
        return ERR_OK;
    block(g, GEMINI_NEW);
    g->event.reasoning = (struct canon_reasoning){.kind = CANON_REASONING_ENCRYPTED,
                                                  .data = json_raw_str(signature),
                                                  .id = id,
                                                  .format = GEMINI_REASONING};
    return emit(g, EVENT_REASONING);
}

static enum err emit_thought(struct reading *g, struct json text, struct json signature)
{
    if (!is_text(text) && !is_text(signature))
        return ERR_OK;
    block(g, GEMINI_THOUGHT);
    g->event.reasoning = (struct canon_reasoning){
        .kind = CANON_REASONING_TEXT,
        .text = is_text(text) ? json_raw_str(text) : STR_NONE,
        .signature = is_text(signature) ? json_raw_str(signature) : STR_NONE,
        .format = GEMINI_REASONING,
    };
    if (is_text(signature)) /* it ends the thought */
        g->choice->piece = GEMINI_NEW;
    return emit(g, EVENT_REASONING);
}

static bool is_ascii(struct str raw)
{
    for (size_t i = 0; i < raw.n; i++) {
        if ((uint8_t)raw.p[i] >= 0x80)
            return false;
    }
    return str_find(raw, STR("\\u")) == raw.n;
}

static enum err emit_text(struct reading *g, struct json text)
{
    if (!is_text(text))
        return ERR_OK;
    block(g, GEMINI_TEXT);
    g->event.text = json_raw_str(text);
    g->choice->text_block = g->event.block;
    g->choice->has_text = true;
    g->choice->is_wide |= !is_ascii(g->event.text);
    return emit(g, EVENT_TEXT);
}

/* Without an id of its own: by the answer's id and the call's number. */
static struct str id_of(struct reading *g, struct json call)
{
    char id[2 * ID_MAX];
    struct gemini_reading *s = g->rd->state;
    struct json given = json_get(call, STR("id"));
    if (is_text(given))
        return canon_word(&g->rd->room, given);
    int n =
        snprintf(id, sizeof id, "%.*s%.*s-%u", STR_ARG(GEMINI_MADE_ID), STR_ARG(s->id), s->calls++);
    return arena_str(g->rd->room.arena, str_of(id, (size_t)n));
}

static enum err read_call(struct reading *g, struct json call, struct json signature)
{
    struct json args = json_get(call, STR("args"));
    struct str id = id_of(g, call);
    if (!id.p)
        return ERR_NOMEM;
    enum err e = emit_signature(g, signature, id);
    if (e != ERR_OK)
        return e;
    block(g, GEMINI_NEW);
    g->choice->has_call = true;
    g->event.tool = (struct canon_tool_use){
        .id = id, .name = canon_word(&g->rd->room, json_get(call, STR("name")))};
    e = emit(g, EVENT_TOOL);
    if (e != ERR_OK || !json_is(args, JSON_OBJECT))
        return e;
    g->event.args = (struct canon_args){CANON_ARGS_VALUE, json_raw(args)};
    return emit(g, EVENT_ARGS);
}

static enum err emit_image(struct reading *g, struct json blob, struct json signature)
{
    char id[ID_MAX];
    int n = snprintf(id, sizeof id, GEMINI_IMAGE_ID, g->choice->images++);
    block(g, GEMINI_NEW);
    g->event.media = (struct canon_media){
        .source = CANON_DATA,
        .mime = canon_word(&g->rd->room, json_get(blob, STR("mimeType"))),
        .data = canon_word(&g->rd->room, json_get(blob, STR("data"))),
    };
    enum err e = emit(g, EVENT_IMAGE);
    if (e != ERR_OK || !is_text(signature))
        return e;
    struct str kept = arena_str(g->rd->room.arena, str_of(id, (size_t)n));
    return kept.p ? emit_signature(g, signature, kept) : ERR_NOMEM;
}

/* "audio/L16;codec=pcm;rate=24000" is what OpenAI calls pcm16. */
static enum err emit_sound(struct reading *g, struct json blob, struct str mime)
{
    struct str format = str_skip(mime, strlen("audio/"));
    format = str_head(format, str_find(format, STR(";")));
    block(g, GEMINI_SOUND);
    memset(&g->event.sound, 0, sizeof g->event.sound);
    g->event.sound.data = canon_word(&g->rd->room, json_get(blob, STR("data")));
    g->event.sound.format = str_ieq(format, STR("L16")) ? STR("pcm16") : format;
    return emit(g, EVENT_SOUND);
}

static enum err read_blob(struct reading *g, struct json blob, struct json signature)
{
    struct str mime = canon_word(&g->rd->room, json_get(blob, STR("mimeType")));
    if (!is_text(json_get(blob, STR("data"))))
        return ERR_OK;
    if (str_starts(mime, STR("image/")))
        return emit_image(g, blob, signature);
    return str_starts(mime, STR("audio/")) ? emit_sound(g, blob, mime) : ERR_OK;
}

/* Drafts of images that were thought of are not shown; what its own tools do is not passed on. */
static enum err read_part(struct reading *g, struct json part)
{
    struct json text = json_get(part, STR("text")), call = json_get(part, STR("functionCall"));
    struct json blob = json_get(part, STR("inlineData"));
    struct json signature = json_get(part, STR("thoughtSignature"));
    bool is_thought = json_bool_or(json_get(part, STR("thought")), false);
    if (json_is(call, JSON_OBJECT))
        return read_call(g, call, signature);
    if (json_is(blob, JSON_OBJECT))
        return is_thought ? ERR_OK : read_blob(g, blob, signature);
    if (is_thought)
        return emit_thought(g, text, signature);
    enum err e = emit_text(g, text);
    return e == ERR_OK ? emit_signature(g, signature, STR_NONE) : e;
}

/* --- citations -------------------------------------------------------------------------------- */

static enum err emit_citation(struct reading *g, struct canon_citation *x, struct json source)
{
    x->url = canon_text(json_get(source, STR("uri")));
    x->title = canon_text(json_get(source, STR("title")));
    x->of = g->rd->dialect;
    if (!x->url.n)
        return ERR_OK;
    g->event.citation = *x;
    return emit(g, EVENT_CITATION);
}

static struct json source_of(struct json chunk)
{
    struct json web = json_get(chunk, STR("web"));
    if (json_is(web, JSON_OBJECT))
        return web;
    struct json maps = json_get(chunk, STR("maps"));
    return json_is(maps, JSON_OBJECT) ? maps : json_get(chunk, STR("retrievedContext"));
}

static struct json chunk_at(struct json chunks, struct json index)
{
    uint64_t n;
    struct json v = json_first(chunks);
    if (!json_u64(index, CHUNKS_MAX, &n))
        return (struct json){0};
    while (v.type && n--)
        v = json_after(chunks, v);
    return v;
}

/* Places are counted in bytes there, in characters here: kept where that is the same. */
static struct canon_citation segment_of(const struct reading *g, struct json segment)
{
    struct json start = json_get(segment, STR("startIndex"));
    struct json end = json_get(segment, STR("endIndex"));
    struct canon_citation x = {.quote = canon_text(json_get(segment, STR("text")))};
    bool is_first = json_u64_or(json_get(segment, STR("partIndex")), 0) == 0;
    if (g->choice->is_wide || !is_first || !json_is(end, JSON_NUMBER))
        return x;
    x.start = json_is(start, JSON_NUMBER) ? json_raw(start) : STR("0");
    x.end = json_raw(end);
    return x;
}

static enum err read_support(struct reading *g, struct json support, struct json chunks)
{
    struct json indices = json_get(support, STR("groundingChunkIndices"));
    struct canon_citation x = segment_of(g, json_get(support, STR("segment")));
    enum err e = ERR_OK;
    x.raw = json_raw(support);
    for (struct json i = json_first(indices); e == ERR_OK && i.type; i = json_after(indices, i))
        e = emit_citation(g, &x, source_of(chunk_at(chunks, i)));
    return e;
}

static enum err read_grounding(struct reading *g, struct json grounding)
{
    struct json chunks = json_get(grounding, STR("groundingChunks"));
    struct json supports = json_get(grounding, STR("groundingSupports"));
    enum err e = ERR_OK;
    for (struct json v = json_first(supports); e == ERR_OK && v.type; v = json_after(supports, v))
        e = read_support(g, v, chunks);
    if (json_first(supports).type)
        return e;
    for (struct json v = json_first(chunks); e == ERR_OK && v.type; v = json_after(chunks, v)) {
        struct canon_citation x = {.raw = json_raw(v)};
        e = emit_citation(g, &x, source_of(v));
    }
    return e;
}

static enum err read_citations(struct reading *g, struct json candidate)
{
    struct json sources =
        json_get(json_get(candidate, STR("citationMetadata")), STR("citationSources"));
    if (!g->choice->has_text)
        return ERR_OK;
    g->event.block = g->choice->text_block;
    enum err e = read_grounding(g, json_get(candidate, STR("groundingMetadata")));
    for (struct json v = json_first(sources); e == ERR_OK && v.type; v = json_after(sources, v)) {
        struct canon_citation x = segment_of(g, v);
        x.raw = json_raw(v);
        e = emit_citation(g, &x, v);
    }
    return e;
}

/* --- log probabilities ------------------------------------------------------------------------ */

static void write_token(struct json_writer *w, struct json token)
{
    struct json logprob = json_get(token, STR("logProbability"));
    jw_raw_str(w, "token", json_raw_str(json_get(token, STR("token"))));
    jw_raw(w, "logprob", json_is(logprob, JSON_NUMBER) ? json_raw(logprob) : STR("0"));
    jw_null(w, "bytes");
}

/* As OpenAI says it. */
static enum err read_logprobs(struct reading *g, struct json result)
{
    struct json_writer w;
    struct buf *scratch = g->rd->room.scratch;
    struct json chosen = json_get(result, STR("chosenCandidates"));
    struct json tops = json_get(result, STR("topCandidates")), top = json_first(tops);
    if (!json_is(json_first(chosen), JSON_OBJECT))
        return ERR_OK;
    buf_reset(scratch);
    json_writer_init(&w, scratch);
    jw_object(&w, NULL);
    jw_array(&w, "content");
    for (struct json v = json_first(chosen); v.type; v = json_after(chosen, v)) {
        struct json others = json_get(top, STR("candidates"));
        jw_object(&w, NULL);
        write_token(&w, v);
        jw_array(&w, "top_logprobs");
        for (struct json x = json_first(others); x.type; x = json_after(others, x)) {
            jw_object(&w, NULL);
            write_token(&w, x);
            jw_end(&w);
        }
        jw_end(&w);
        jw_end(&w);
        if (top.type)
            top = json_after(tops, top);
    }
    if (jw_finish(&w) != ERR_OK)
        return ERR_NOMEM;
    g->event.raw = canon_made(g->rd, buf_view(scratch));
    return g->event.raw.p ? emit(g, EVENT_LOGPROBS) : ERR_NOMEM;
}

/* --- candidates ------------------------------------------------------------------------------- */

static enum canon_finish finish_of(struct json reason, bool has_call)
{
    static const struct {
        struct str word;
        enum canon_finish reason;
    } words[] = {
        {STR_INIT("MAX_TOKENS"), FINISH_LENGTH},
        {STR_INIT("SAFETY"), FINISH_CONTENT_FILTER},
        {STR_INIT("RECITATION"), FINISH_CONTENT_FILTER},
        {STR_INIT("BLOCKLIST"), FINISH_CONTENT_FILTER},
        {STR_INIT("PROHIBITED_CONTENT"), FINISH_CONTENT_FILTER},
        {STR_INIT("SPII"), FINISH_CONTENT_FILTER},
        {STR_INIT("MODEL_ARMOR"), FINISH_CONTENT_FILTER},
        {STR_INIT("IMAGE_SAFETY"), FINISH_CONTENT_FILTER},
        {STR_INIT("IMAGE_PROHIBITED_CONTENT"), FINISH_CONTENT_FILTER},
        {STR_INIT("IMAGE_RECITATION"), FINISH_CONTENT_FILTER},
        {STR_INIT("LANGUAGE"), FINISH_ERROR},
        {STR_INIT("OTHER"), FINISH_ERROR},
        {STR_INIT("IMAGE_OTHER"), FINISH_ERROR},
        {STR_INIT("NO_IMAGE"), FINISH_ERROR},
        {STR_INIT("MALFORMED_FUNCTION_CALL"), FINISH_ERROR},
        {STR_INIT("MALFORMED_RESPONSE"), FINISH_ERROR},
        {STR_INIT("UNEXPECTED_TOOL_CALL"), FINISH_ERROR},
        {STR_INIT("TOO_MANY_TOOL_CALLS"), FINISH_ERROR},
        {STR_INIT("MISSING_THOUGHT_SIGNATURE"), FINISH_ERROR},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (json_str_eq(reason, words[i].word))
            return words[i].reason;
    }
    return has_call ? FINISH_TOOL_CALLS : FINISH_STOP;
}

/* Some models give a reason with every event: the first is told. */
static enum err finish(struct reading *g, enum canon_finish reason, struct json native)
{
    if (g->choice->has_finish)
        return ERR_OK;
    g->choice->has_finish = true;
    g->event.block = 0;
    g->event.finish.reason = reason;
    g->event.finish.native = canon_text(native);
    g->event.finish.sequence = STR_NONE;
    return emit(g, EVENT_FINISH);
}

static struct reading reading_of(struct canon_reader *rd, uint32_t choice)
{
    struct gemini_reading *s = rd->state;
    return (struct reading){.rd = rd, .choice = &s->choices[choice], .event.choice = choice};
}

static enum err read_candidate(struct canon_reader *rd, struct json v, uint64_t ordinal,
                               bool is_whole)
{
    struct json parts = json_get(json_get(v, STR("content")), STR("parts"));
    struct json reason = json_get(v, STR("finishReason"));
    uint64_t index = json_u64_or(json_get(v, STR("index")), ordinal);
    enum err e = ERR_OK;
    if (index >= CHAT_CHOICES_MAX)
        return ERR_TOO_BIG;
    struct reading g = reading_of(rd, (uint32_t)index);
    for (struct json p = json_first(parts); e == ERR_OK && p.type; p = json_after(parts, p))
        e = read_part(&g, p);
    if (e == ERR_OK)
        e = read_citations(&g, v);
    g.event.block = g.choice->text_block;
    if (e == ERR_OK)
        e = read_logprobs(&g, json_get(v, STR("logprobsResult")));
    if (e == ERR_OK && (is_whole || is_text(reason)))
        e = finish(&g, finish_of(reason, g.choice->has_call), reason);
    return e;
}

/* --- an event, a whole answer ----------------------------------------------------------------- */

static bool is_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = (char)(s.p[i] | 0x20);
        bool is_letter = c >= 'a' && c <= 'z', is_digit = s.p[i] >= '0' && s.p[i] <= '9';
        if (!is_letter && !is_digit && s.p[i] != '-' && s.p[i] != '_')
            return false;
    }
    return s.n <= ID_MAX;
}

static enum err begin(struct canon_reader *rd, struct json root)
{
    struct gemini_reading *s = rd->state;
    struct canon_event e = {.kind = EVENT_BEGIN};
    struct json id = json_get(root, STR("responseId"));
    if (s->has_begun)
        return ERR_OK;
    s->has_begun = true;
    if (is_text(id) && is_id(json_raw_str(id)))
        s->id = arena_str(rd->room.arena, json_raw_str(id));
    e.begin.id = canon_text(id);
    e.begin.model = canon_text(json_get(root, STR("modelVersion")));
    return canon_emit(rd, &e);
}

/* [{"modality":"AUDIO","tokenCount":9},...]; what is not in a list that is there was none. */
static uint64_t count_of(struct json list, struct str modality, uint64_t before)
{
    uint64_t sum = 0, n;
    if (!json_is(list, JSON_ARRAY))
        return before;
    for (struct json v = json_first(list); v.type; v = json_after(list, v)) {
        if (json_str_eq(json_get(v, STR("modality")), modality) &&
            json_u64(json_get(v, STR("tokenCount")), UINT32_MAX, &n))
            sum += n;
    }
    return sum;
}

static void read_media(struct json usage, struct chat_usage *u)
{
    struct json prompt = json_get(usage, STR("promptTokensDetails"));
    struct json cached = json_get(usage, STR("cacheTokensDetails"));
    struct json answer = json_get(usage, STR("candidatesTokensDetails"));
    u->audio = count_of(prompt, STR("AUDIO"), u->audio);
    u->image = count_of(prompt, STR("IMAGE"), u->image);
    u->video = count_of(prompt, STR("VIDEO"), u->video);
    u->audio_cached = count_of(cached, STR("AUDIO"), u->audio_cached);
    u->audio_output = count_of(answer, STR("AUDIO"), u->audio_output);
    u->image_output = count_of(answer, STR("IMAGE"), u->image_output);
}

/* Each figure is the sum up to now; one that is not there stays. */
static enum err read_usage(struct canon_reader *rd, struct json usage)
{
    struct gemini_reading *s = rd->state;
    const struct {
        struct str name;
        uint64_t *to;
    } rows[] = {
        {STR("promptTokenCount"), &s->prompt},
        {STR("toolUsePromptTokenCount"), &s->tool_prompt},
        {STR("cachedContentTokenCount"), &s->cached},
        {STR("candidatesTokenCount"), &s->answer},
        {STR("thoughtsTokenCount"), &s->thoughts},
    };
    struct canon_event e = {.kind = EVENT_USAGE};
    bool any = false;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        any |= json_u64(json_get(usage, rows[i].name), UINT32_MAX, rows[i].to);
    read_media(usage, &s->media);
    e.bill.usage = s->media;
    e.bill.usage.prompt = s->prompt + s->tool_prompt;
    e.bill.usage.completion = s->answer + s->thoughts;
    e.bill.usage.cached = s->cached;
    e.bill.usage.reasoning = s->thoughts;
    chat_trim_usage(&e.bill.usage);
    return any ? canon_emit(rd, &e) : ERR_OK;
}

/* The prompt was refused: there is no candidate. */
static enum err read_block(struct canon_reader *rd, struct json root, bool *is_blocked)
{
    struct reading g = reading_of(rd, 0);
    struct json reason = json_get(json_get(root, STR("promptFeedback")), STR("blockReason"));
    *is_blocked = is_text(reason);
    return *is_blocked ? finish(&g, FINISH_CONTENT_FILTER, reason) : ERR_OK;
}

static enum err read(struct canon_reader *rd, struct json root, bool is_whole, bool *is_answer)
{
    struct json candidates = json_get(root, STR("candidates"));
    uint64_t ordinal = 0;
    enum err e = begin(rd, root);
    *is_answer = json_first(candidates).type != JSON_NONE;
    for (struct json v = json_first(candidates); e == ERR_OK && v.type;
         v = json_after(candidates, v))
        e = read_candidate(rd, v, ordinal++, is_whole);
    if (e == ERR_OK && !*is_answer)
        e = read_block(rd, root, is_answer);
    return e == ERR_OK ? read_usage(rd, json_get(root, STR("usageMetadata"))) : e;
}

enum err gemini_read_event(struct canon_reader *rd, struct str name, struct json root,
                           struct fault *f)
{
    bool is_answer;
    (void)name;
    if (json_is(error_in(root), JSON_OBJECT))
        return refuse(f, read_error_event(rd, root));
    return refuse(f, read(rd, root, false, &is_answer));
}

enum err gemini_read_whole(struct canon_reader *rd, struct json root, struct fault *f)
{
    bool is_answer;
    if (json_is(error_in(root), JSON_OBJECT))
        return refuse(f, read_error_event(rd, root));
    if (!json_is(root, JSON_OBJECT))
        return fault_set(f, ERR_UPSTREAM, "The provider's answer is no object");
    enum err e = read(rd, root, true, &is_answer);
    if (e == ERR_OK && !is_answer)
        return fault_set(f, ERR_UPSTREAM, "The provider's answer has no candidates");
    if (e == ERR_OK)
        e = canon_emit(rd, &(struct canon_event){.kind = EVENT_END});
    return refuse(f, e);
}
