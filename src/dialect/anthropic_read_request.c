/* anthropic_read_request.c: Anthropic's requests as canonical ones. For sources, see anthropic.h. */
#include "dialect/anthropic.h"

#include "dialect/client.h"

#include <stdio.h>

enum { WHERE_MAX = 128, FALLBACKS_MAX = 3 };

/* One request being read. */
struct reading {
    struct canon_room *room;
    struct canon_request *out;
    struct fault *f;
    bool is_only_counted;
};

static enum err want(const struct reading *g, struct json v, enum json_type type, const char *where,
                     const char *expected)
{
    return client_want(v, type, where, expected, g->f);
}

/* --- tools ------------------------------------------------------------------------------------ */

static enum err read_tool(struct reading *g, struct json v, size_t i)
{
    char where[WHERE_MAX];
    struct json type = json_get(v, STR("type")), name = json_get(v, STR("name"));
    struct json schema = json_get(v, STR("input_schema"));
    snprintf(where, sizeof where, "tools[%zu]", i);
    enum err e = want(g, v, JSON_OBJECT, where, "an object");
    if (e != ERR_OK)
        return e;
    bool is_function = json_is_none_or_null(type) || json_str_eq(type, STR("custom"));
    struct canon_tool *t =
        canon_add_tool(g->out, g->room, is_function ? CANON_TOOL_FUNCTION : CANON_TOOL_SERVER);
    if (!t)
        return canon_no_memory(g->f);
    client_read_cache(v, &t->cache);
    tokens_add(&g->out->facts.text, json_raw(v));
    t->raw = json_raw(v);
    t->of = &dialect_anthropic;
    if (!is_function)
        return ERR_OK;
    e = client_want_member(name, JSON_STRING, where, "name", g->f);
    if (e == ERR_OK)
        e = client_want_member(schema, JSON_OBJECT, where, "input_schema", g->f);
    t->name = canon_word(g->room, name);
    t->description = canon_text(json_get(v, STR("description")));
    t->schema = canon_value(schema);
    t->strict = canon_tri_of(json_get(v, STR("strict")));
    return e;
}

static enum err read_choice(struct reading *g, struct json v)
{
    static const struct {
        struct str word;
        enum canon_choice_kind kind;
    } words[] = {
        {STR_INIT("auto"), CANON_CHOICE_AUTO},
        {STR_INIT("none"), CANON_CHOICE_NONE},
        {STR_INIT("any"), CANON_CHOICE_REQUIRED},
        {STR_INIT("tool"), CANON_CHOICE_NAMED},
    };
    struct canon_choice *c = &g->out->choice;
    struct json type = json_get(v, STR("type")), name = json_get(v, STR("name"));
    if (json_is_none_or_null(v))
        return ERR_OK;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (json_str_eq(type, words[i].word))
            c->kind = words[i].kind;
    }
    if (!c->kind)
        return fault_set(g->f, ERR_INVALID,
                         "tool_choice.type: expected auto, any, tool or none, got %s",
                         json_is(type, JSON_STRING) ? "another word" : json_kind(type));
    if (json_is(json_get(v, STR("disable_parallel_tool_use")), JSON_TRUE))
        g->out->parallel = CANON_NO;
    c->name = canon_word(g->room, name);
    return c->kind == CANON_CHOICE_NAMED
               ? want(g, name, JSON_STRING, "tool_choice.name", "a string")
               : ERR_OK;
}

static enum err read_tools(struct reading *g, struct json root)
{
    struct json tools = json_get(root, STR("tools"));
    enum err e =
        json_is_none_or_null(tools) ? ERR_OK : want(g, tools, JSON_ARRAY, "tools", "an array");
    size_t i = 0;
    for (struct json t = json_first(tools); e == ERR_OK && t.type; t = json_after(tools, t))
        e = read_tool(g, t, i++);
    return e == ERR_OK ? read_choice(g, json_get(root, STR("tool_choice"))) : e;
}

/* --- what else is asked ----------------------------------------------------------------------- */

static enum err read_thinking_wish(struct reading *g, struct json v)
{
    struct canon_reason *to = &g->out->reason;
    struct json type = json_get(v, STR("type")), budget = json_get(v, STR("budget_tokens"));
    if (json_is_none_or_null(v))
        return ERR_OK;
    bool is_enabled = json_str_eq(type, STR("enabled"));
    if (!is_enabled && !json_str_eq(type, STR("adaptive")) && !json_str_eq(type, STR("disabled")))
        return fault_set(g->f, ERR_INVALID,
                         "thinking.type: expected enabled, adaptive or disabled, got %s",
                         json_is(type, JSON_STRING) ? "another word" : json_kind(type));
    if (is_enabled && (!json_u64(budget, UINT32_MAX, &to->max_tokens) || to->max_tokens < 1024))
        return fault_set(g->f, ERR_INVALID,
                         "thinking.budget_tokens: expected a whole number of at least 1024, got %s",
                         json_kind(budget));
    to->enabled = json_str_eq(type, STR("disabled")) ? CANON_NO : CANON_YES;
    to->is_adaptive = json_str_eq(type, STR("adaptive"));
    to->said = json_raw(v);
    return member_check_budget(to->max_tokens, "thinking.budget_tokens", g->out->facts.max_tokens,
                               "max_tokens", g->f);
}

/* output_config: {"effort":"high","format":{"type":"json_schema","schema":{...}}} */
static enum err read_output(struct reading *g, struct json v)
{
    struct json effort = json_get(v, STR("effort")), format = json_get(v, STR("format"));
    if (!json_is_none_or_null(effort)) {
        g->out->reason.effort = canon_effort_find(canon_word(g->room, effort));
        if (!g->out->reason.effort)
            return fault_set(
                g->f, ERR_INVALID,
                "output_config.effort: expected low, medium, high, xhigh or max, got %s",
                json_is(effort, JSON_STRING) ? "another word" : json_kind(effort));
    }
    if (json_is_none_or_null(format))
        return ERR_OK;
    g->out->format.kind = CANON_FORMAT_SCHEMA;
    g->out->format.schema = canon_value(json_get(format, STR("schema")));
    return json_str_eq(json_get(format, STR("type")), STR("json_schema"))
               ? ERR_OK
               : fault_set(g->f, ERR_INVALID, "output_config.format.type: expected json_schema");
}

/* Members that go through as they are, with the kind that they must be. */
static const struct client_setting settings[] = {
    {STR_INIT("temperature"), PARAM_TEMPERATURE, JSON_NUMBER, "a number"},
    {STR_INIT("top_p"), PARAM_TOP_P, JSON_NUMBER, "a number"},
    {STR_INIT("top_k"), PARAM_TOP_K, JSON_NUMBER, "a number"},
    {STR_INIT("stop_sequences"), PARAM_STOP, JSON_ARRAY, "an array of strings"},
};

/* "auto" and "standard_only" here are "auto" and "default" there. */
static void read_tier(struct reading *g, struct json v)
{
    if (json_str_eq(v, STR("standard_only")))
        g->out->values[PARAM_SERVICE_TIER] = STR("\"default\"");
    else
        g->out->values[PARAM_SERVICE_TIER] = canon_value(v);
}

/* What this format wants otherwise than a chat does. */
static enum err check_settings(const struct reading *g, struct json root)
{
    static const struct {
        const char *name;
        struct member_rule rule;
    } rows[] = {
        {"temperature", {.kind = MEMBER_NUMBER, .high = 1}},
        {"stop_sequences", {.kind = MEMBER_STRINGS}},
        {"service_tier", {.kind = MEMBER_WORD, .words = "auto standard_only"}},
        {"metadata", {.kind = MEMBER_OBJECT}},
        {"user", {.kind = MEMBER_STRING}},
    };
    static const struct member_rule text = {.kind = MEMBER_STRING};
    struct json id = json_get(json_get(root, STR("metadata")), STR("user_id"));
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < COUNT_OF(rows); i++)
        e = member_check(json_get(root, str_c(rows[i].name)), &rows[i].rule, rows[i].name, g->f);
    return e == ERR_OK ? member_check(id, &text, "metadata.user_id", g->f) : e;
}

/* Who asks: OpenRouter's member, or Anthropic's. */
static enum err read_user(struct reading *g, struct json root)
{
    struct json user = json_get(root, STR("user"));
    struct json id = json_get(json_get(root, STR("metadata")), STR("user_id"));
    bool has_both = json_is(user, JSON_STRING) && json_is(id, JSON_STRING);
    if (has_both && !str_eq(json_raw(user), json_raw(id)))
        return member_contradict("user", "metadata.user_id", g->f);
    if (!json_is(user, JSON_STRING))
        user = id;
    if (json_is(user, JSON_STRING)) {
        g->out->values[PARAM_USER] = json_raw(user);
        g->out->facts.user = canon_plain(g->room, json_raw_str(user));
    }
    return ERR_OK;
}

static enum err read_settings(struct reading *g, struct json root)
{
    enum err e = check_settings(g, root);
    if (e == ERR_OK)
        e = client_read_settings(g->out, root, settings, COUNT_OF(settings), g->f);
    if (e == ERR_OK)
        e = read_user(g, root);
    read_tier(g, json_get(root, STR("service_tier")));
    return e;
}

/* --- facts ------------------------------------------------------------------------------------ */

/* `model`, then `models` or `fallbacks` ([{"model":...}]): one of the two. */
static enum err read_models(struct reading *g, struct json root)
{
    struct json models = json_get(root, STR("models")), falls = json_get(root, STR("fallbacks"));
    enum err e =
        client_add_model(&g->out->facts, g->room, json_get(root, STR("model")), "model", g->f);
    char where[32];
    uint32_t n = 0;
    if (e == ERR_OK && !json_is_none_or_null(models) && !json_is_none_or_null(falls))
        return member_contradict("models", "fallbacks", g->f);
    if (e == ERR_OK && !json_is_none_or_null(falls))
        e = want(g, falls, JSON_ARRAY, "fallbacks", "an array");
    if (e == ERR_OK)
        e = client_add_models(&g->out->facts, g->room, models, g->f);
    for (struct json v = json_first(falls); e == ERR_OK && v.type; v = json_after(falls, v)) {
        if (++n > FALLBACKS_MAX)
            return fault_set(g->f, ERR_INVALID, "fallbacks: more than %d models", FALLBACKS_MAX);
        snprintf(where, sizeof where, "fallbacks[%u].model", n - 1);
        e = client_add_model(&g->out->facts, g->room, json_get(v, STR("model")), where, g->f);
    }
    return e;
}

static enum err read_facts(struct reading *g, struct json root)
{
    struct chat_request *facts = &g->out->facts;
    struct json max = json_get(root, STR("max_tokens"));
    bool is_unsaid = g->is_only_counted && json_is_none_or_null(max);
    enum err e = read_models(g, root);
    if (e != ERR_OK || is_unsaid)
        return e == ERR_OK ? client_read_facts(g->out, root, g->f) : e;
    if (!json_u64(max, UINT32_MAX, &facts->max_tokens) || facts->max_tokens == 0)
        return fault_set(g->f, ERR_INVALID,
                         "max_tokens: expected a whole number of at least 1, got %s%s",
                         json_kind(max), json_is(max, JSON_NUMBER) ? " outside of that" : "");
    facts->has_max_tokens = true;
    return client_read_facts(g->out, root, g->f);
}

/* Members that are read elsewhere, or are the gateway's own. */
static bool is_known(struct str name)
{
    static const struct str known[] = {
        STR_INIT("model"),
        STR_INIT("messages"),
        STR_INIT("max_tokens"),
        STR_INIT("system"),
        STR_INIT("stream"),
        STR_INIT("tools"),
        STR_INIT("tool_choice"),
        STR_INIT("thinking"),
        STR_INIT("output_config"),
        STR_INIT("temperature"),
        STR_INIT("top_p"),
        STR_INIT("top_k"),
        STR_INIT("metadata"),
        STR_INIT("service_tier"),
        STR_INIT("stop_sequences"),
        STR_INIT("user"),
        STR_INIT("cache_control"),
        STR_INIT("models"),
        STR_INIT("fallbacks"),
        STR_INIT("provider"),
        STR_INIT("plugins"),
        STR_INIT("session_id"),
        STR_INIT("trace"),
        STR_INIT("transforms"),
        STR_INIT("route"),
        STR_INIT("debug"),
        STR_INIT("preset"),
        STR_INIT("usage"),
        STR_INIT("stop_server_tools_when"),
        STR_INIT("max_tool_calls"),
    };
    return client_is_one_of(name, known, COUNT_OF(known));
}

static enum err read_request(struct reading *g, struct json root)
{
    *g->out = (struct canon_request){.from = &dialect_anthropic};
    enum err e = client_open(root, g->f);
    if (e == ERR_OK)
        e = read_facts(g, root);
    if (e == ERR_OK)
        e = anthropic_read_messages(root, g->room, g->out, g->f);
    if (e == ERR_OK)
        e = read_tools(g, root);
    if (e == ERR_OK)
        e = read_thinking_wish(g, json_get(root, STR("thinking")));
    if (e == ERR_OK)
        e = read_output(g, json_get(root, STR("output_config")));
    if (e == ERR_OK)
        e = read_settings(g, root);
    if (e == ERR_OK)
        e = client_read_extras(g->out, g->room, root, is_known, g->f);
    if (e == ERR_OK)
        e = client_check(root, anthropic_request_shape, g->f);
    client_read_cache(root, &g->out->cache);
    return e;
}

enum err anthropic_read_request(struct json root, struct canon_room *room,
                                struct canon_request *out, struct fault *f)
{
    return read_request(&(struct reading){.room = room, .out = out, .f = f}, root);
}

enum err anthropic_read_countable(struct json root, struct canon_room *room,
                                  struct canon_request *out, struct fault *f)
{
    struct reading g = {.room = room, .out = out, .f = f, .is_only_counted = true};
    return read_request(&g, root);
}
