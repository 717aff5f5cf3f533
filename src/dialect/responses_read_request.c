/* responses_read_request.c: requests of OpenAI's Responses as canonical ones: all but their input. For
 * sources, see responses.h. */
#include "dialect/responses_asked.h"

#include <stdio.h>

/* --- tools ------------------------------------------------------------------------------------ */

static enum err read_tool(struct responses_asked *g, struct json v, size_t i)
{
    char where[RESPONSES_WHERE_MAX];
    struct json schema = json_get(v, STR("parameters"));
    struct responses_said b = {v, where};
    snprintf(where, sizeof where, "tools[%zu]", i);
    enum err e = responses_want(g, v, JSON_OBJECT, where, "an object");
    if (e == ERR_OK)
        e = responses_want_text(g, &b, "type");
    if (e != ERR_OK)
        return e;
    bool is_function = json_str_eq(json_get(v, STR("type")), STR("function"));
    struct canon_tool *t =
        canon_add_tool(g->out, g->room, is_function ? CANON_TOOL_FUNCTION : CANON_TOOL_SERVER);
    if (!t)
        return canon_no_memory(g->f);
    client_read_cache(v, &t->cache);
    tokens_add(&g->out->facts.text, json_raw(v));
    if (!is_function) {
        t->raw = json_raw(v);
        t->of = &dialect_responses;
        return ERR_OK;
    }
    e = responses_want_text(g, &b, "name");
    if (e == ERR_OK && !json_is_none_or_null(schema) && !json_is(schema, JSON_OBJECT))
        return fault_set(g->f, ERR_INVALID,
                         "%s.parameters: expected a JSON Schema (an object), got %s", where,
                         json_kind(schema));
    t->name = canon_word(g->room, json_get(v, STR("name")));
    t->description = canon_text(json_get(v, STR("description")));
    t->schema = canon_value(schema);
    t->strict = canon_tri_of(json_get(v, STR("strict")));
    return e;
}

static enum err read_choice(struct responses_asked *g, struct json v)
{
    static const struct {
        struct str word;
        enum canon_choice_kind kind;
    } words[] = {
        {STR_INIT("auto"), CANON_CHOICE_AUTO},
        {STR_INIT("none"), CANON_CHOICE_NONE},
        {STR_INIT("required"), CANON_CHOICE_REQUIRED},
    };
    struct canon_choice *c = &g->out->choice;
    struct json name = json_get(v, STR("name"));
    if (json_is_none_or_null(v))
        return ERR_OK;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (json_str_eq(v, words[i].word))
            c->kind = words[i].kind;
    }
    if (c->kind)
        return ERR_OK;
    if (!json_is(v, JSON_OBJECT))
        return fault_set(g->f, ERR_INVALID,
                         "tool_choice: expected auto, none, required or an object, got %s",
                         responses_got(v));
    if (!json_str_eq(json_get(v, STR("type")), STR("function"))) {
        *c = (struct canon_choice){
            .kind = CANON_CHOICE_OTHER, .raw = json_raw(v), .of = &dialect_responses};
        return ERR_OK;
    }
    *c = (struct canon_choice){.kind = CANON_CHOICE_NAMED, .name = canon_word(g->room, name)};
    return responses_want(g, name, JSON_STRING, "tool_choice.name", "a string");
}

static enum err read_tools(struct responses_asked *g, struct json root)
{
    struct json tools = json_get(root, STR("tools"));
    enum err e = json_is_none_or_null(tools)
                     ? ERR_OK
                     : responses_want(g, tools, JSON_ARRAY, "tools", "an array");
    size_t i = 0;
    for (struct json t = json_first(tools); e == ERR_OK && t.type; t = json_after(tools, t))
        e = read_tool(g, t, i++);
    return e == ERR_OK ? read_choice(g, json_get(root, STR("tool_choice"))) : e;
}

/* --- what else is asked ----------------------------------------------------------------------- */

static enum err read_format(struct responses_asked *g, struct json v)
{
    struct canon_format *to = &g->out->format;
    struct json type = json_get(v, STR("type")), schema = json_get(v, STR("schema"));
    if (json_is_none_or_null(v))
        return ERR_OK;
    enum err e = responses_want(g, v, JSON_OBJECT, "text.format", "an object");
    if (e == ERR_OK)
        e = responses_want(g, type, JSON_STRING, "text.format.type", "a string");
    if (e != ERR_OK)
        return e;
    if (json_str_eq(type, STR("text"))) {
        to->kind = CANON_FORMAT_TEXT;
    } else if (json_str_eq(type, STR("json_object"))) {
        to->kind = CANON_FORMAT_JSON;
    } else if (json_str_eq(type, STR("json_schema"))) {
        to->kind = CANON_FORMAT_SCHEMA;
        to->name = canon_text(json_get(v, STR("name")));
        to->description = canon_text(json_get(v, STR("description")));
        to->schema = canon_value(schema);
        to->strict = canon_tri_of(json_get(v, STR("strict")));
        e = responses_want(g, schema, JSON_OBJECT, "text.format.schema", "an object");
    } else {
        to->kind = CANON_FORMAT_OTHER;
        to->raw = json_raw(v);
    }
    return e;
}

static enum err read_text_wish(struct responses_asked *g, struct json v)
{
    struct json verbosity = json_get(v, STR("verbosity"));
    if (json_is_none_or_null(v))
        return ERR_OK;
    enum err e = responses_want(g, v, JSON_OBJECT, "text", "an object");
    if (e == ERR_OK)
        e = member_check(verbosity, &member_find(STR("verbosity"))->rule, "text.verbosity", g->f);
    g->out->values[PARAM_VERBOSITY] = canon_value(verbosity);
    return e == ERR_OK ? read_format(g, json_get(v, STR("format"))) : e;
}

static enum err read_reasoning_wish(struct responses_asked *g, struct json v)
{
    struct canon_reason *to = &g->out->reason;
    struct json effort = json_get(v, STR("effort")), max = json_get(v, STR("max_tokens"));
    if (json_is_none_or_null(v))
        return ERR_OK;
    enum err e = member_check(v, &member_find(STR("reasoning"))->rule, "reasoning", g->f);
    if (e != ERR_OK)
        return e;
    to->effort = canon_effort_find(canon_word(g->room, effort));
    to->max_tokens = json_u64_or(max, 0);
    to->enabled = canon_tri_of(json_get(v, STR("enabled")));
    to->is_excluded = json_bool_or(json_get(v, STR("exclude")), false);
    to->summary = canon_text(json_get(v, STR("summary")));
    return member_check_budget(to->max_tokens, "reasoning.max_tokens", g->out->facts.max_tokens,
                               "max_output_tokens", g->f);
}

/* Members that go through as they are, with the kind that they must be. */
static const struct client_setting settings[] = {
    {STR_INIT("temperature"), PARAM_TEMPERATURE, JSON_NUMBER, "a number"},
    {STR_INIT("top_p"), PARAM_TOP_P, JSON_NUMBER, "a number"},
    {STR_INIT("top_k"), PARAM_TOP_K, JSON_NUMBER, "a number"},
    {STR_INIT("frequency_penalty"), PARAM_FREQUENCY_PENALTY, JSON_NUMBER, "a number"},
    {STR_INIT("presence_penalty"), PARAM_PRESENCE_PENALTY, JSON_NUMBER, "a number"},
    {STR_INIT("top_logprobs"), PARAM_TOP_LOGPROBS, JSON_NUMBER, "a number"},
    {STR_INIT("metadata"), PARAM_METADATA, JSON_OBJECT, "an object"},
    {STR_INIT("modalities"), PARAM_MODALITIES, JSON_ARRAY, "an array"},
    {STR_INIT("image_config"), PARAM_IMAGE_CONFIG, JSON_OBJECT, "an object"},
    {STR_INIT("service_tier"), PARAM_SERVICE_TIER, JSON_STRING, "a string"},
    {STR_INIT("user"), PARAM_USER, JSON_STRING, "a string"},
    {STR_INIT("prompt_cache_key"), PARAM_PROMPT_CACHE_KEY, JSON_STRING, "a string"},
    {STR_INIT("prompt_cache_options"), PARAM_PROMPT_CACHE_OPTIONS, JSON_OBJECT, "an object"},
    {STR_INIT("safety_identifier"), PARAM_SAFETY_IDENTIFIER, JSON_STRING, "a string"},
};

static enum err read_settings(struct responses_asked *g, struct json root)
{
    static const struct member_rule strings = {.kind = MEMBER_STRINGS},
                                    truncation = {.kind = MEMBER_WORD, .words = "auto disabled"};
    struct json user = json_get(root, STR("user")), include = json_get(root, STR("include"));
    enum err e = client_read_settings(g->out, root, settings, COUNT_OF(settings), g->f);
    if (e != ERR_OK)
        return e;
    e = member_check(include, &strings, "include", g->f);
    if (e == ERR_OK)
        e = member_check(json_get(root, STR("truncation")), &truncation, "truncation", g->f);
    if (e != ERR_OK)
        return e;
    for (struct json v = json_first(include); v.type; v = json_after(include, v)) {
        if (json_str_eq(v, RESPONSES_LOGPROBS))
            g->out->values[PARAM_LOGPROBS] = STR("true");
    }
    if (json_u64_or(json_get(root, STR("top_logprobs")), 0) > 0)
        g->out->values[PARAM_LOGPROBS] = STR("true"); /* elsewhere it is nothing without */
    if (json_is(user, JSON_STRING))
        g->out->facts.user = canon_plain(g->room, json_raw_str(user));
    return ERR_OK;
}

/* --- facts ------------------------------------------------------------------------------------ */

/* `model`, then `models`. */
static enum err read_models(struct responses_asked *g, struct json root)
{
    struct json model = json_get(root, STR("model")), models = json_get(root, STR("models"));
    enum err e = ERR_OK;
    if (!json_is_none_or_null(models))
        e = responses_want(g, models, JSON_ARRAY, "models", "an array");
    if (e == ERR_OK && (!json_is_none_or_null(model) || json_first(models).type == JSON_NONE))
        e = client_add_model(&g->out->facts, g->room, model, "model", g->f);
    if (e == ERR_OK)
        e = client_add_models(&g->out->facts, g->room, models, g->f);
    return e;
}

/* Nothing is stored: what would need it is refused by name. */
static enum err refuse_state(const struct responses_asked *g, struct json root)
{
    static const struct {
        const char *name;
        bool is_flag; /* false is fine, and null */
        const char *why;
    } rows[] = {
        {"previous_response_id", false, "send the earlier items in input"},
        {"conversation", false, "send the earlier items in input"},
        {"store", true, "leave it out or send false"},
        {"background", true, "leave it out or send false"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json v = json_get(root, str_c(rows[i].name));
        if (json_is_none_or_null(v) || (rows[i].is_flag && json_is(v, JSON_FALSE)))
            continue;
        return fault_set(g->f, ERR_INVALID, "%s: not supported, nothing is stored here: %s",
                         rows[i].name, rows[i].why);
    }
    return ERR_OK;
}

static enum err read_facts(struct responses_asked *g, struct json root)
{
    struct chat_request *facts = &g->out->facts;
    struct json max = json_get(root, STR("max_output_tokens"));
    enum err e = read_models(g, root);
    if (e == ERR_OK)
        e = refuse_state(g, root);
    if (e != ERR_OK)
        return e;
    facts->has_max_tokens = !json_is_none_or_null(max);
    if (facts->has_max_tokens &&
        (!json_u64(max, UINT32_MAX, &facts->max_tokens) || facts->max_tokens == 0))
        return fault_set(g->f, ERR_INVALID,
                         "max_output_tokens: expected a whole number of at least 1, got %s%s",
                         json_kind(max), json_is(max, JSON_NUMBER) ? " outside of that" : "");
    g->out->parallel = canon_tri_of(json_get(root, STR("parallel_tool_calls")));
    e = client_read_facts(g->out, root, g->f);
    facts->wants_echo = chat_wants_echo(json_get(root, STR("debug")), facts->is_streamed);
    return e;
}

/* Members that are read elsewhere, or are the gateway's own. */
static bool is_known(struct str name)
{
    static const struct str known[] = {
        STR_INIT("model"),         STR_INIT("models"),
        STR_INIT("input"),         STR_INIT("instructions"),
        STR_INIT("stream"),        STR_INIT("stream_options"),
        STR_INIT("tools"),         STR_INIT("tool_choice"),
        STR_INIT("text"),          STR_INIT("parallel_tool_calls"),
        STR_INIT("reasoning"),     STR_INIT("max_output_tokens"),
        STR_INIT("store"),         STR_INIT("background"),
        STR_INIT("conversation"),  STR_INIT("previous_response_id"),
        STR_INIT("provider"),      STR_INIT("plugins"),
        STR_INIT("session_id"),    STR_INIT("trace"),
        STR_INIT("transforms"),    STR_INIT("route"),
        STR_INIT("debug"),         STR_INIT("preset"),
        STR_INIT("usage"),         STR_INIT("stop_server_tools_when"),
        STR_INIT("cache_control"),
    };
    if (client_is_one_of(name, known, COUNT_OF(known)))
        return true;
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        if (str_eq(name, settings[i].name))
            return true;
    }
    return false;
}

enum err responses_read_request(struct json root, struct canon_room *room,
                                struct canon_request *out, struct fault *f)
{
    struct responses_asked g = {.room = room, .out = out, .f = f};
    *out = (struct canon_request){.from = &dialect_responses};
    enum err e = client_open(root, f);
    if (e == ERR_OK)
        e = read_facts(&g, root);
    if (e == ERR_OK)
        e = responses_read_input(&g, root);
    if (e == ERR_OK)
        e = read_tools(&g, root);
    if (e == ERR_OK)
        e = read_text_wish(&g, json_get(root, STR("text")));
    if (e == ERR_OK)
        e = read_reasoning_wish(&g, json_get(root, STR("reasoning")));
    if (e == ERR_OK)
        e = read_settings(&g, root);
    if (e == ERR_OK)
        e = client_read_extras(out, room, root, is_known, f);
    if (e == ERR_OK)
        e = client_check(root, responses_request_shape, f);
    client_read_cache(root, &out->cache);
    return e;
}
