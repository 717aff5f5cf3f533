/* gemini_write_request.c: canonical requests as Gemini's. For sources, see gemini.h.
 *
 * Functions are declared with parametersJsonSchema, not with `parameters`: what clients send is JSON
 * Schema, and `parameters` takes a subset of OpenAPI's alone, where $ref, additionalProperties or const
 * are errors. The same goes for responseJsonSchema. */
#include "dialect/gemini.h"

enum { OUTPUT_DEFAULT = 32768, BUDGET_DERIVED_MAX = 24576, BUDGET_LEAST = 128 };

/* One request being written. */
struct writing {
    struct json_writer w;
    const struct canon_request *r;
    const struct dialect_target *t;
    struct canon_room *room;
    struct fault *f;
    enum err err;
};

/* --- tools ------------------------------------------------------------------------------------ */

static void write_declaration(struct writing *g, const struct canon_tool *t)
{
    jw_object(&g->w, NULL);
    jw_raw_str(&g->w, "name", t->name);
    canon_write_text(&g->w, "description", t->description);
    canon_write_value(&g->w, "parametersJsonSchema", t->schema);
    jw_end(&g->w);
}

static void write_choice(struct writing *g)
{
    static const char *const modes[] = {
        [CANON_CHOICE_UNSAID] = NULL,    [CANON_CHOICE_AUTO] = "AUTO", [CANON_CHOICE_NONE] = "NONE",
        [CANON_CHOICE_REQUIRED] = "ANY", [CANON_CHOICE_NAMED] = "ANY", [CANON_CHOICE_OTHER] = NULL,
    };
    const struct canon_choice *c = &g->r->choice;
    if (!modes[c->kind])
        return;
    jw_object(&g->w, "toolConfig");
    jw_object(&g->w, "functionCallingConfig");
    jw_str_c(&g->w, "mode", modes[c->kind]);
    if (c->kind == CANON_CHOICE_NAMED) {
        jw_array(&g->w, "allowedFunctionNames");
        jw_raw_str(&g->w, NULL, c->name);
        jw_end(&g->w);
    }
    jw_end(&g->w);
    jw_end(&g->w);
}

static void write_tools(struct writing *g)
{
    bool calls = canon_has_functions(g->r), searches = g->r->values[PARAM_WEB_SEARCH_OPTIONS].p;
    if (!calls && !searches)
        return;
    if (calls && searches && g->err == ERR_OK)
        g->err = fault_set(g->f, ERR_UNPROCESSABLE,
                           "web_search_options: this provider does not search where it has tools");
    jw_array(&g->w, "tools");
    jw_object(&g->w, NULL);
    if (searches) {
        jw_object(&g->w, "googleSearch");
        jw_end(&g->w);
    }
    if (calls)
        jw_array(&g->w, "functionDeclarations");
    for (const struct canon_tool *t = g->r->tools; t; t = t->next) {
        if (t->kind == CANON_TOOL_FUNCTION)
            write_declaration(g, t);
    }
    if (calls)
        jw_end(&g->w);
    jw_end(&g->w);
    jw_end(&g->w);
    if (calls)
        write_choice(g);
}

/* --- what else is asked ----------------------------------------------------------------------- */

static struct json parse(struct writing *g, enum canon_param param)
{
    struct json v = {0};
    struct str raw = g->r->values[param];
    return raw.p && json_parse(g->room->tape, raw, &v, NULL) == ERR_OK ? v : (struct json){0};
}

static void write_modalities(struct writing *g)
{
    static const struct {
        struct str word;
        const char *ours;
    } rows[] = {
        {STR_INIT("text"), "TEXT"}, {STR_INIT("image"), "IMAGE"}, {STR_INIT("audio"), "AUDIO"}};
    struct json list = parse(g, PARAM_MODALITIES);
    if (!json_is(list, JSON_ARRAY))
        return;
    jw_array(&g->w, "responseModalities");
    for (struct json v = json_first(list); v.type; v = json_after(list, v)) {
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            if (json_str_eq(v, rows[i].word))
                jw_str_c(&g->w, NULL, rows[i].ours);
        }
    }
    jw_end(&g->w);
}

static void write_image_config(struct writing *g)
{
    struct json config = parse(g, PARAM_IMAGE_CONFIG);
    if (!json_is(config, JSON_OBJECT))
        return;
    jw_object(&g->w, "imageConfig");
    canon_write_text(&g->w, "aspectRatio", canon_text(json_get(config, STR("aspect_ratio"))));
    canon_write_text(&g->w, "imageSize", canon_text(json_get(config, STR("image_size"))));
    jw_end(&g->w);
}

static void write_voice(struct writing *g)
{
    struct str voice = canon_text(json_get(parse(g, PARAM_AUDIO), STR("voice")));
    if (!voice.p)
        return;
    jw_object(&g->w, "speechConfig");
    jw_object(&g->w, "voiceConfig");
    jw_object(&g->w, "prebuiltVoiceConfig");
    jw_raw_str(&g->w, "voiceName", voice);
    jw_end(&g->w);
    jw_end(&g->w);
    jw_end(&g->w);
}

/* A budget in tokens, which every generation takes. What follows from an effort stays within what the
 * smallest model takes; -1 leaves it to the model; larger ones ("pro") cannot but think. */
static int64_t budget_of(const struct canon_reason *reason, const struct dialect_target *t)
{
    uint64_t bound = t->max_tokens ? t->max_tokens : OUTPUT_DEFAULT;
    uint64_t budget = canon_budget(reason, bound);
    if (canon_reasons(reason) == CANON_NO)
        return str_find(t->model, STR("-pro")) < t->model.n ? BUDGET_LEAST : 0;
    if (reason->max_tokens)
        return (int64_t)(budget < INT32_MAX ? budget : INT32_MAX);
    if (!reason->effort)
        return -1;
    return (int64_t)(budget < BUDGET_DERIVED_MAX ? budget : BUDGET_DERIVED_MAX);
}

/* The third generation has levels. Its larger models know fewer: the first of them low and high alone,
 * and neither they nor flash from 3.7 on know minimal, which is the least that others think. */
static const char *level_of(const struct canon_reason *reason, const struct dialect_target *t)
{
    unsigned version = gemini_version(t->model);
    bool is_pro = str_find(t->model, STR("-pro")) < t->model.n;
    bool is_lite = str_find(t->model, STR("-lite")) < t->model.n;
    enum canon_effort e = canon_effort_of(reason, t->max_tokens ? t->max_tokens : OUTPUT_DEFAULT);
    if (e <= EFFORT_MINIMAL)
        return is_pro || (version >= 37 && !is_lite) ? "low" : "minimal";
    if (e == EFFORT_MEDIUM)
        return is_pro && version == 30 ? "high" : "medium";
    return e == EFFORT_LOW ? "low" : "high";
}

/* A budget that was said is a budget still; who leaves it to the model says nothing. */
static void write_amount(struct writing *g, const struct canon_reason *reason)
{
    if (gemini_version(g->t->model) < 30 || reason->max_tokens)
        jw_i64(&g->w, "thinkingBudget", budget_of(reason, g->t));
    else if (!reason->is_adaptive)
        jw_str_c(&g->w, "thinkingLevel", level_of(reason, g->t));
}

static void write_thinking(struct writing *g)
{
    const struct canon_reason *reason = &g->r->reason;
    enum canon_tri wanted = canon_reasons(reason);
    if (wanted == CANON_UNSAID)
        return;
    jw_object(&g->w, "thinkingConfig");
    write_amount(g, reason);
    if (wanted == CANON_YES)
        jw_bool(&g->w, "includeThoughts", !reason->is_excluded);
    jw_end(&g->w);
}

static void write_format(struct writing *g)
{
    const struct canon_format *x = &g->r->format;
    if (x->kind != CANON_FORMAT_JSON && x->kind != CANON_FORMAT_SCHEMA)
        return;
    jw_str_c(&g->w, "responseMimeType", "application/json");
    if (x->kind == CANON_FORMAT_SCHEMA)
        canon_write_value(&g->w, "responseJsonSchema", x->schema);
}

/* Alternatives without logprobs are an error there, and so is a top_k of 0, which asks for nothing. */
static bool is_unsayable(const struct canon_request *r, enum canon_param p)
{
    return (p == PARAM_TOP_LOGPROBS && !str_eq(r->values[PARAM_LOGPROBS], STR("true"))) ||
           (p == PARAM_TOP_K && str_eq(r->values[p], STR("0")));
}

static void write_values(struct writing *g)
{
    static const struct {
        enum canon_param param;
        const char *name;
    } rows[] = {
        {PARAM_TEMPERATURE, "temperature"},
        {PARAM_TOP_P, "topP"},
        {PARAM_TOP_K, "topK"},
        {PARAM_STOP, "stopSequences"},
        {PARAM_SEED, "seed"},
        {PARAM_N, "candidateCount"},
        {PARAM_PRESENCE_PENALTY, "presencePenalty"},
        {PARAM_FREQUENCY_PENALTY, "frequencyPenalty"},
        {PARAM_LOGPROBS, "responseLogprobs"},
        {PARAM_TOP_LOGPROBS, "logprobs"},
    };
    if (g->t->max_tokens)
        jw_u64(&g->w, "maxOutputTokens", g->t->max_tokens);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!is_unsayable(g->r, rows[i].param))
            canon_write_value(&g->w, rows[i].name, g->r->values[rows[i].param]);
    }
}

/* Not there where nothing is said. */
static void write_config(struct writing *g)
{
    struct json_writer before = g->w;
    size_t at = g->w.out->n;
    jw_object(&g->w, "generationConfig");
    size_t bare = g->w.out->n;
    write_values(g);
    write_format(g);
    write_modalities(g);
    write_image_config(g);
    write_voice(g);
    write_thinking(g);
    if (g->w.out->n > bare) {
        jw_end(&g->w);
        return;
    }
    g->w = before;
    g->w.out->n = at;
}

static enum err write_request(const struct canon_request *r, const struct dialect_target *t,
                              struct canon_room *room, struct buf *out, struct fault *f)
{
    struct writing g = {.r = r, .t = t, .room = room, .f = f};
    json_writer_init(&g.w, out);
    jw_object(&g.w, NULL);
    g.err = gemini_write_messages(&g.w, r, t->model, room, f);
    write_tools(&g);
    write_config(&g);
    enum err e = jw_finish(&g.w);
    if (e != ERR_OK)
        return fault_set(f, e, "No memory for this request: try again later");
    return g.err;
}

static enum err write_path(const struct dialect_target *t, struct buf *out)
{
    buf_add(out, STR("/models/"));
    canon_add_segment(out, t->model);
    return buf_add(out, t->is_streamed ? STR(":streamGenerateContent?alt=sse")
                                       : STR(":generateContent"));
}

const struct dialect dialect_gemini = {
    .name = STR_INIT("gemini"),
    .write_request = write_request,
    .write_path = write_path,
    .auth = AUTH_HEADER,
    .auth_header = STR_INIT("x-goog-api-key"),
    .takes = PARAM_BIT(PARAM_MAX_TOKENS) | PARAM_BIT(PARAM_TOOLS) | PARAM_BIT(PARAM_TOOL_CHOICE) |
             PARAM_BIT(PARAM_RESPONSE_FORMAT) | PARAM_BIT(PARAM_STRUCTURED_OUTPUTS) |
             PARAM_BIT(PARAM_REASONING) | PARAM_BIT(PARAM_TEMPERATURE) | PARAM_BIT(PARAM_TOP_P) |
             PARAM_BIT(PARAM_TOP_K) | PARAM_BIT(PARAM_STOP) | PARAM_BIT(PARAM_SEED) |
             PARAM_BIT(PARAM_N) | PARAM_BIT(PARAM_PRESENCE_PENALTY) |
             PARAM_BIT(PARAM_FREQUENCY_PENALTY) | PARAM_BIT(PARAM_LOGPROBS) |
             PARAM_BIT(PARAM_TOP_LOGPROBS) | PARAM_BIT(PARAM_MODALITIES) | PARAM_BIT(PARAM_AUDIO) |
             PARAM_BIT(PARAM_IMAGE_CONFIG) | PARAM_BIT(PARAM_WEB_SEARCH_OPTIONS),
    .function_name_max = 128,
    .reader_size = sizeof(struct gemini_reading),
    .answer_shape = gemini_answer_shape,
    .read_event = gemini_read_event,
    .read_whole = gemini_read_whole,
    .read_error = gemini_read_error,
    .ends_by_close = true,
};
