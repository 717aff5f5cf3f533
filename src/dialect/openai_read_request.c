/* openai_read_request.c: OpenAI's chat requests as canonical ones.
 * Sources: OpenAI's API reference, "Create chat completion"; OpenRouter's API reference, "Chat
 * completion", and its guides on reasoning and prompt caching. */
#include "dialect/openai_form.h"

#include "dialect/client.h"

#include <stdio.h>

enum { WHERE_MAX = 128 };

/* One request being read. */
struct reading {
    struct canon_room *room;
    struct canon_request *out;
    struct fault *f;
};

static enum err want_object(const struct reading *g, struct json v, const char *where)
{
    return client_want(v, JSON_OBJECT, where, "an object", g->f);
}

/* --- tools ------------------------------------------------------------------------------------ */

static enum err read_function(struct reading *g, struct json function, struct canon_tool *t,
                              const char *where)
{
    struct json name = json_get(function, STR("name")),
                schema = json_get(function, STR("parameters"));
    if (!json_is(name, JSON_STRING))
        return fault_set(g->f, ERR_INVALID, "%s.name: expected a string, got %s", where,
                         json_kind(name));
    if (!json_is(schema, JSON_OBJECT) && !json_is_none_or_null(schema))
        return fault_set(g->f, ERR_INVALID,
                         "%s.parameters: expected a JSON Schema (an object), got %s", where,
                         json_kind(schema));
    t->name = canon_word(g->room, name);
    t->description = canon_text(json_get(function, STR("description")));
    t->schema = canon_value(schema);
    t->strict = canon_tri_of(json_get(function, STR("strict")));
    return ERR_OK;
}

static enum err read_tool(struct reading *g, struct json tool, size_t i)
{
    char where[WHERE_MAX];
    bool is_function = json_str_eq(json_get(tool, STR("type")), STR("function"));
    snprintf(where, sizeof where, "tools[%zu]", i);
    enum err e = want_object(g, tool, where);
    if (e != ERR_OK)
        return e;
    struct canon_tool *t =
        canon_add_tool(g->out, g->room, is_function ? CANON_TOOL_FUNCTION : CANON_TOOL_SERVER);
    if (!t)
        return canon_no_memory(g->f);
    client_read_cache(tool, &t->cache);
    if (!is_function) {
        t->raw = json_raw(tool);
        t->of = g->out->from;
        return ERR_OK;
    }
    snprintf(where, sizeof where, "tools[%zu].function", i);
    return read_function(g, json_get(tool, STR("function")), t, where);
}

/* The older form of tools. */
static enum err read_functions(struct reading *g, struct json functions)
{
    char where[WHERE_MAX];
    enum err e = ERR_OK;
    size_t i = 0;
    for (struct json v = json_first(functions); e == ERR_OK && v.type;
         v = json_after(functions, v)) {
        struct canon_tool *t = canon_add_tool(g->out, g->room, CANON_TOOL_FUNCTION);
        if (!t)
            return canon_no_memory(g->f);
        snprintf(where, sizeof where, "functions[%zu]", i++);
        e = read_function(g, v, t, where);
    }
    return e;
}

static enum err read_tools(struct reading *g, struct json root)
{
    struct json tools = json_get(root, STR("tools"));
    enum err e = ERR_OK;
    size_t i = 0;
    for (struct json t = json_first(tools); e == ERR_OK && t.type; t = json_after(tools, t))
        e = read_tool(g, t, i++);
    return e == ERR_OK ? read_functions(g, json_get(root, STR("functions"))) : e;
}

static enum err read_choice(struct reading *g, struct json v)
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
    struct json function = json_get(v, STR("function")), type = json_get(v, STR("type"));
    struct json name = json_get(json_is_none_or_null(type) ? v : function, STR("name"));
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (json_str_eq(v, words[i].word))
            c->kind = words[i].kind;
    }
    if (c->kind || json_is_none_or_null(v))
        return ERR_OK;
    if (json_is(v, JSON_STRING))
        return fault_set(g->f, ERR_INVALID,
                         "tool_choice: expected auto, none, required or an object, got another "
                         "word");
    if (json_is(name, JSON_STRING))
        *c = (struct canon_choice){.kind = CANON_CHOICE_NAMED, .name = canon_word(g->room, name)};
    else
        *c = (struct canon_choice){
            .kind = CANON_CHOICE_OTHER, .raw = json_raw(v), .of = g->out->from};
    return ERR_OK;
}

/* --- what else is asked ----------------------------------------------------------------------- */

static enum err read_format(struct reading *g, struct json v)
{
    struct canon_format *to = &g->out->format;
    struct json type = json_get(v, STR("type")), schema = json_get(v, STR("json_schema"));
    if (json_is_none_or_null(v))
        return ERR_OK;
    if (json_str_eq(type, STR("text"))) {
        to->kind = CANON_FORMAT_TEXT;
    } else if (json_str_eq(type, STR("json_object"))) {
        to->kind = CANON_FORMAT_JSON;
    } else if (json_str_eq(type, STR("json_schema"))) {
        to->kind = CANON_FORMAT_SCHEMA;
        to->name = canon_text(json_get(schema, STR("name")));
        to->description = canon_text(json_get(schema, STR("description")));
        to->schema = canon_value(json_get(schema, STR("schema")));
        to->strict = canon_tri_of(json_get(schema, STR("strict")));
        return want_object(g, schema, "response_format.json_schema");
    } else if (json_is(type, JSON_STRING)) {
        to->kind = CANON_FORMAT_OTHER;
        to->raw = json_raw(v);
    } else {
        return fault_set(g->f, ERR_INVALID, "response_format.type: expected a string, got %s",
                         json_kind(type));
    }
    return ERR_OK;
}

static enum err read_effort(struct reading *g, struct json v, const char *where,
                            enum canon_effort *out)
{
    *out = EFFORT_UNSAID;
    if (json_is_none_or_null(v))
        return ERR_OK;
    *out = canon_effort_find(canon_word(g->room, v));
    if (*out)
        return ERR_OK;
    return fault_set(g->f, ERR_INVALID,
                     "%s: expected none, minimal, low, medium, high, xhigh or max, got %s", where,
                     json_is(v, JSON_STRING) ? "another word" : json_kind(v));
}

/* `reasoning`, and its older forms `reasoning_effort` and `include_reasoning`. */
static enum err read_reasoning(struct reading *g, struct json root)
{
    struct canon_reason *to = &g->out->reason;
    struct json v = json_get(root, STR("reasoning")), max = json_get(v, STR("max_tokens"));
    struct json include = json_get(root, STR("include_reasoning"));
    enum canon_effort shorthand;
    enum err e =
        read_effort(g, json_get(root, STR("reasoning_effort")), "reasoning_effort", &shorthand);
    if (e == ERR_OK)
        e = read_effort(g, json_get(v, STR("effort")), "reasoning.effort", &to->effort);
    if (e != ERR_OK)
        return e;
    if (!json_is_none_or_null(max) && !json_u64(max, UINT32_MAX, &to->max_tokens))
        return fault_set(g->f, ERR_INVALID, "reasoning.max_tokens: expected a whole number, got %s",
                         json_kind(max));
    if (shorthand)
        to->effort = shorthand;
    to->enabled = canon_tri_of(json_get(v, STR("enabled")));
    to->is_excluded = json_bool_or(json_get(v, STR("exclude")), json_is(include, JSON_FALSE));
    to->summary = canon_text(json_get(v, STR("summary")));
    if (json_is(include, JSON_TRUE) && json_is_none_or_null(v) && !shorthand)
        to->enabled = CANON_YES;
    return ERR_OK;
}

/* `stop` is an array from here on. */
static struct str read_stop(struct canon_room *room, struct json v)
{
    if (!json_is(v, JSON_STRING))
        return canon_value(v);
    buf_reset(room->scratch);
    buf_printf(room->scratch, "[%.*s]", STR_ARG(json_raw(v)));
    return room->scratch->failed ? STR_NONE : arena_str(room->arena, buf_view(room->scratch));
}

/* Members that are read elsewhere. */
static bool is_shaped(struct str name)
{
    static const struct str known[] = {
        STR_INIT("model"),
        STR_INIT("messages"),
        STR_INIT("stream"),
        STR_INIT("stream_options"),
        STR_INIT("max_tokens"),
        STR_INIT("max_completion_tokens"),
        STR_INIT("tools"),
        STR_INIT("tool_choice"),
        STR_INIT("parallel_tool_calls"),
        STR_INIT("response_format"),
        STR_INIT("reasoning"),
        STR_INIT("reasoning_effort"),
        STR_INIT("cache_control"),
        STR_INIT("include_reasoning"),
        STR_INIT("functions"),
        STR_INIT("function_call"),
    };
    return client_is_one_of(name, known, COUNT_OF(known));
}

static enum err read_values(struct reading *g, struct json root)
{
    struct canon_request *r = g->out;
    enum err e = ERR_OK;
    for (struct json v = json_first(root); e == ERR_OK && v.type; v = json_after(root, v)) {
        struct str name = canon_word(g->room, json_key(v));
        enum canon_param p = canon_value_find(name);
        if (p == PARAM_STOP)
            r->values[p] = read_stop(g->room, v);
        else if (p < PARAM_VALUE__COUNT)
            r->values[p] = canon_value(v);
        else if (!is_shaped(name) && !client_is_one_of(name, r->facts.ours, r->facts.ours_n) &&
                 !json_is(v, JSON_NULL))
            e = canon_add_extra(&r->extras, g->room, v, g->f);
    }
    return e;
}

/* Views of scratch move to the arena: it is used again. */
static enum err keep_facts(struct reading *g, struct str text)
{
    struct chat_request *facts = &g->out->facts;
    for (uint32_t i = 0; i <= facts->models_n; i++) {
        struct str *s = i < facts->models_n ? &facts->models[i] : &facts->user;
        bool is_source = !s->p || (s->p >= text.p && s->p < text.p + text.n);
        if (!is_source)
            *s = arena_str(g->room->arena, *s);
        if (!is_source && !s->p)
            return canon_no_memory(g->f);
    }
    return ERR_OK;
}

enum err openai_read_settings(struct json root, struct canon_room *room, struct canon_request *out,
                              struct fault *f)
{
    struct reading g = {.room = room, .out = out, .f = f};
    enum err e = read_format(&g, json_get(root, STR("response_format")));
    if (e == ERR_OK)
        e = read_reasoning(&g, root);
    if (e == ERR_OK)
        e = read_values(&g, root);
    return e;
}

/* The facts are read: their views of scratch are kept, and nothing of the tape. */
enum err openai_keep_facts(struct json root, struct canon_room *room, struct canon_request *out,
                           struct fault *f)
{
    struct reading g = {.room = room, .out = out, .f = f};
    out->facts.root = (struct json){0}; /* its tape is lent */
    return keep_facts(&g, json_raw(root));
}

enum err openai_read_request(struct json root, struct canon_room *room, struct canon_request *out,
                             struct fault *f)
{
    struct reading g = {.room = room, .out = out, .f = f};
    *out = (struct canon_request){.from = &dialect_openai};
    buf_reset(room->scratch);
    enum err e = chat_read(root, room->scratch, &out->facts, f);
    if (e == ERR_OK)
        e = openai_keep_facts(root, room, out, f);
    if (e == ERR_OK)
        e = openai_read_messages(json_get(root, STR("messages")), room, out, f);
    if (e == ERR_OK)
        e = read_tools(&g, root);
    if (e == ERR_OK)
        e = read_choice(&g, json_get(root, STR("tool_choice")));
    if (e == ERR_OK && !out->choice.kind) /* the older form */
        e = read_choice(&g, json_get(root, STR("function_call")));
    if (e == ERR_OK)
        e = openai_read_settings(root, room, out, f);
    out->parallel = canon_tri_of(json_get(root, STR("parallel_tool_calls")));
    client_read_cache(root, &out->cache);
    return e;
}
