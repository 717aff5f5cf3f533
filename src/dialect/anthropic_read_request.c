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

/* --- blocks ----------------------------------------------------------------------------------- */

/* One block of a list that is being read; `where` names it. */
struct block {
    struct json v;
    const char *where;
};

static enum err read_text(struct reading *g, const struct block *b, struct canon_part *p)
{
    struct json text = json_get(b->v, STR("text"));
    p->text = canon_text(text);
    g->out->facts.text_bytes += p->text.n;
    return want(g, text, JSON_STRING, b->where, "text that is a string");
}

/* {"type":"base64","media_type":..,"data":..}, {"type":"url","url":..}, {"type":"file","file_id":..} */
static enum err read_source(struct reading *g, const struct block *b, struct canon_media *m)
{
    char at[WHERE_MAX];
    struct json source = json_get(b->v, STR("source")), type = json_get(source, STR("type"));
    if (json_str_eq(type, STR("base64"))) {
        snprintf(at, sizeof at, "%s.source.data", b->where);
        m->source = CANON_DATA;
        m->mime = canon_word(g->room, json_get(source, STR("media_type")));
        return canon_read_base64(g->room, json_get(source, STR("data")), at, &m->data, g->f);
    }
    if (json_str_eq(type, STR("url"))) {
        snprintf(at, sizeof at, "%s.source.url", b->where);
        g->out->facts.links++;
        return canon_read_url(g->room, json_get(source, STR("url")), at, m, g->f);
    }
    if (json_str_eq(type, STR("file"))) {
        m->source = CANON_FILE_ID;
        m->id = canon_word(g->room, json_get(source, STR("file_id")));
        g->out->facts.links++;
        return m->id.p
                   ? ERR_OK
                   : fault_set(g->f, ERR_INVALID, "%s.source.file_id: expected a string", b->where);
    }
    return fault_set(g->f, ERR_INVALID, "%s.source.type: expected base64, url or file, got %s",
                     b->where, json_is(type, JSON_STRING) ? "another word" : json_kind(type));
}

static enum err read_image(struct reading *g, const struct block *b, struct canon_part *p)
{
    return read_source(g, b, &p->media);
}

/* A document of plain text or of blocks is what only this format can say. */
static enum err read_document(struct reading *g, const struct block *b, struct canon_part *p)
{
    struct json type = json_get(json_get(b->v, STR("source")), STR("type"));
    if (json_str_eq(type, STR("text")) || json_str_eq(type, STR("content"))) {
        p->kind = PART_OPAQUE;
        p->opaque.of = &dialect_anthropic;
        p->opaque.raw = json_raw(b->v);
        g->out->facts.text_bytes += p->opaque.raw.n;
        return ERR_OK;
    }
    p->media.filename = canon_text(json_get(b->v, STR("title")));
    return read_source(g, b, &p->media);
}

/* Takes the mark off the text; false: it bears none. See anthropic.h, "What other providers signed". */
static bool take_mark(struct str *raw, struct canon_reasoning *x)
{
    struct str rest = *raw;
    struct str format = str_cut(&rest, ':'), length = str_cut(&rest, ':');
    uint64_t n;
    if (!format.n || !rest.p || !str_u64(length, rest.n, &n))
        return false;
    x->format = format;
    x->id = n ? str_head(rest, n) : STR_NONE;
    *raw = str_skip(rest, n);
    return true;
}

/* What nobody has signed is nobody's. */
static enum err read_thinking(struct reading *g, const struct block *b, struct canon_part *p)
{
    struct json text = json_get(b->v, STR("thinking"));
    struct canon_reasoning *x = &p->reasoning;
    x->kind = CANON_REASONING_TEXT;
    x->text = canon_text(text);
    x->signature = canon_text(json_get(b->v, STR("signature")));
    if (x->signature.n && !take_mark(&x->signature, x))
        x->format = ANTHROPIC_REASONING;
    return want(g, text, JSON_STRING, b->where, "thinking that is a string");
}

static enum err read_redacted(struct reading *g, const struct block *b, struct canon_part *p)
{
    struct json data = json_get(b->v, STR("data"));
    struct canon_reasoning *x = &p->reasoning;
    x->kind = CANON_REASONING_ENCRYPTED;
    x->data = canon_text(data);
    if (!take_mark(&x->data, x))
        x->format = ANTHROPIC_REASONING;
    return want(g, data, JSON_STRING, b->where, "data that is a string");
}

static enum err read_use(struct reading *g, const struct block *b, struct canon_part *p)
{
    struct json id = json_get(b->v, STR("id")), name = json_get(b->v, STR("name"));
    struct json input = json_get(b->v, STR("input"));
    enum err e = want(g, id, JSON_STRING, b->where, "an id that is a string");
    if (e == ERR_OK)
        e = want(g, name, JSON_STRING, b->where, "a name that is a string");
    if (e == ERR_OK)
        e = want(g, input, JSON_OBJECT, b->where, "an input that is an object");
    if (e != ERR_OK)
        return e;
    p->tool = (struct canon_tool_use){
        .id = canon_word(g->room, id),
        .name = canon_word(g->room, name),
        .args = {CANON_ARGS_VALUE, json_raw(input)},
    };
    g->out->facts.text_bytes += p->tool.args.raw.n;
    return canon_note_use(g->out, g->room, &p->tool, g->f);
}

static enum err read_content(struct reading *g, struct json content, const char *where,
                             bool is_assistant, struct canon_parts *to);

static enum err read_result(struct reading *g, const struct block *b, struct canon_part *p)
{
    char at[WHERE_MAX];
    struct json id = json_get(b->v, STR("tool_use_id")), content = json_get(b->v, STR("content"));
    enum err e = want(g, id, JSON_STRING, b->where, "a tool_use_id that is a string");
    if (e != ERR_OK)
        return e;
    e = canon_take_use(g->out, canon_word(g->room, id), b->where, "tool_use_id", &p->result.use,
                       g->f);
    if (e != ERR_OK)
        return e;
    p->result.is_error = canon_tri_of(json_get(b->v, STR("is_error")));
    snprintf(at, sizeof at, "%s.content", b->where);
    return json_is_none_or_null(content) ? ERR_OK
                                         : read_content(g, content, at, false, &p->result.parts);
}

static enum err read_opaque(struct reading *g, const struct block *b, struct canon_part *p)
{
    p->opaque.of = &dialect_anthropic;
    p->opaque.raw = json_raw(b->v);
    g->out->facts.text_bytes += p->opaque.raw.n;
    return ERR_OK;
}

static const struct block_row {
    struct str type;
    enum canon_part_kind kind;
    bool is_users, is_assistants; /* who may say it */
    enum err (*read)(struct reading *g, const struct block *b, struct canon_part *p);
} block_rows[] = {
    {STR_INIT("text"), PART_TEXT, true, true, read_text},
    {STR_INIT("image"), PART_IMAGE, true, false, read_image},
    {STR_INIT("document"), PART_FILE, true, false, read_document},
    {STR_INIT("thinking"), PART_REASONING, false, true, read_thinking},
    {STR_INIT("redacted_thinking"), PART_REASONING, false, true, read_redacted},
    {STR_INIT("tool_use"), PART_TOOL_USE, false, true, read_use},
    {STR_INIT("tool_result"), PART_TOOL_RESULT, true, false, read_result},
    {STR_INIT(""), PART_OPAQUE, true, true, read_opaque},
};

static const struct block_row *row_of(struct json type)
{
    const struct block_row *row = block_rows;
    while (row->type.n && !json_str_eq(type, row->type))
        row++;
    return row;
}

static enum err read_block(struct reading *g, struct json v, const char *where, bool is_assistant,
                           struct canon_parts *to)
{
    struct json type = json_get(v, STR("type"));
    enum err e = want(g, v, JSON_OBJECT, where, "a block that is an object");
    if (e == ERR_OK)
        e = want(g, type, JSON_STRING, where, "a type that is a string");
    if (e != ERR_OK)
        return e;
    const struct block_row *row = row_of(type);
    if (!(is_assistant ? row->is_assistants : row->is_users))
        return fault_set(g->f, ERR_INVALID,
                         "%s: a block of type %.*s does not belong to the role %s", where,
                         STR_ARG(row->type), is_assistant ? "assistant" : "user");
    struct canon_part *p = canon_add_part(to, g->room, row->kind);
    if (!p)
        return canon_no_memory(g->f);
    client_read_cache(v, &p->cache);
    return row->read(g, &(struct block){v, where}, p);
}

/* A string, or blocks. */
static enum err read_content(struct reading *g, struct json content, const char *where,
                             bool is_assistant, struct canon_parts *to)
{
    char at[WHERE_MAX];
    enum err e = ERR_OK;
    size_t i = 0;
    if (json_is(content, JSON_STRING)) {
        struct canon_part *p = canon_add_part(to, g->room, PART_TEXT);
        if (!p)
            return canon_no_memory(g->f);
        p->text = canon_text(content);
        g->out->facts.text_bytes += p->text.n;
        return ERR_OK;
    }
    e = want(g, content, JSON_ARRAY, where, "a string or an array of blocks");
    for (struct json v = json_first(content); e == ERR_OK && v.type; v = json_after(content, v)) {
        snprintf(at, sizeof at, "%s[%zu]", where, i++);
        e = read_block(g, v, at, is_assistant, to);
    }
    return e;
}

/* --- messages --------------------------------------------------------------------------------- */

/* Results become messages of their own, before what else the user says. */
static enum err take_results(struct reading *g, struct canon_parts *said)
{
    struct canon_parts rest = {NULL, NULL};
    for (struct canon_part *p = said->first, *next; p; p = next) {
        next = p->next;
        p->next = NULL;
        struct canon_parts *to = &rest;
        if (p->kind == PART_TOOL_RESULT) {
            struct canon_message *m = canon_add_message(g->out, g->room, CANON_TOOL);
            if (!m)
                return canon_no_memory(g->f);
            to = &m->parts;
        }
        if (to->last)
            to->last->next = p;
        else
            to->first = p;
        to->last = p;
    }
    *said = rest;
    return ERR_OK;
}

static enum err read_user(struct reading *g, struct json content, const char *where)
{
    struct canon_parts said = {NULL, NULL};
    enum err e = read_content(g, content, where, false, &said);
    if (e == ERR_OK)
        e = take_results(g, &said);
    if (e != ERR_OK ||
        (!said.first && g->out->last_message && g->out->last_message->role == CANON_TOOL))
        return e;
    struct canon_message *m = canon_add_message(g->out, g->room, CANON_USER);
    if (!m)
        return canon_no_memory(g->f);
    m->parts = said;
    return ERR_OK;
}

static enum err read_message(struct reading *g, struct json v, size_t i)
{
    char where[WHERE_MAX];
    struct json role = json_get(v, STR("role")), content = json_get(v, STR("content"));
    snprintf(where, sizeof where, "messages[%zu]", i);
    enum err e = want(g, v, JSON_OBJECT, where, "an object");
    if (e != ERR_OK)
        return e;
    bool is_assistant = json_str_eq(role, STR("assistant"));
    if (!is_assistant && !json_str_eq(role, STR("user")))
        return fault_set(g->f, ERR_INVALID, "%s.role: expected user or assistant, got %s", where,
                         json_is(role, JSON_STRING) ? "another word" : json_kind(role));
    snprintf(where, sizeof where, "messages[%zu].content", i);
    if (!is_assistant && json_is(content, JSON_ARRAY) && json_first(content).type == JSON_NONE)
        return fault_set(g->f, ERR_INVALID,
                         "%s: expected a string or an array of blocks, got an empty array", where);
    if (!is_assistant)
        return read_user(g, content, where);
    struct canon_message *m = canon_add_message(g->out, g->room, CANON_ASSISTANT);
    return m ? read_content(g, content, where, true, &m->parts) : canon_no_memory(g->f);
}

static enum err read_messages(struct reading *g, struct json root)
{
    struct json messages = json_get(root, STR("messages")), system = json_get(root, STR("system"));
    enum err e = ERR_OK;
    size_t i = 0;
    if (!json_is_none_or_null(system)) {
        struct canon_message *m = canon_add_message(g->out, g->room, CANON_SYSTEM);
        e = m ? read_content(g, system, "system", false, &m->parts) : canon_no_memory(g->f);
    }
    if (e == ERR_OK && json_first(messages).type == JSON_NONE)
        return fault_set(g->f, ERR_INVALID,
                         "messages: expected an array of at least one message, got %s",
                         json_is(messages, JSON_ARRAY) ? "an empty array" : json_kind(messages));
    if (e == ERR_OK)
        e = want(g, messages, JSON_ARRAY, "messages", "an array");
    for (struct json m = json_first(messages); e == ERR_OK && m.type; m = json_after(messages, m))
        e = read_message(g, m, i++);
    return e;
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
    g->out->facts.text_bytes += json_raw(v).n;
    if (!is_function) {
        t->raw = json_raw(v);
        t->of = &dialect_anthropic;
        return ERR_OK;
    }
    e = want(g, name, JSON_STRING, where, "a name that is a string");
    if (e == ERR_OK)
        e = want(g, schema, JSON_OBJECT, where, "an input_schema that is an object");
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
    return ERR_OK;
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

static enum err read_settings(struct reading *g, struct json root)
{
    struct json user = json_get(root, STR("user"));
    struct json id = json_get(json_get(root, STR("metadata")), STR("user_id"));
    enum err e = client_read_settings(g->out, root, settings, COUNT_OF(settings), g->f);
    if (e != ERR_OK)
        return e;
    if (!json_is(user, JSON_STRING))
        user = id;
    if (json_is(user, JSON_STRING)) {
        g->out->values[PARAM_USER] = json_raw(user);
        g->out->facts.user = canon_plain(g->room, json_raw_str(user));
    }
    read_tier(g, json_get(root, STR("service_tier")));
    return ERR_OK;
}

/* --- facts ------------------------------------------------------------------------------------ */

/* `model`, then `models` or `fallbacks` ([{"model":...}]): one of the two. */
static enum err read_models(struct reading *g, struct json root)
{
    struct json models = json_get(root, STR("models")), falls = json_get(root, STR("fallbacks"));
    enum err e = client_add_model(g->out, g->room, json_get(root, STR("model")), "model", g->f);
    uint32_t n = 0;
    if (e == ERR_OK && !json_is_none_or_null(models) && !json_is_none_or_null(falls))
        return fault_set(g->f, ERR_INVALID, "models and fallbacks: send one of them");
    for (struct json v = json_first(models); e == ERR_OK && v.type; v = json_after(models, v))
        e = client_add_model(g->out, g->room, v, "models", g->f);
    for (struct json v = json_first(falls); e == ERR_OK && v.type; v = json_after(falls, v)) {
        if (++n > FALLBACKS_MAX)
            return fault_set(g->f, ERR_INVALID, "fallbacks: more than %d models", FALLBACKS_MAX);
        e = client_add_model(g->out, g->room, json_get(v, STR("model")), "fallbacks", g->f);
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
    };
    return client_is_one_of(name, known, COUNT_OF(known));
}

static enum err read_request(struct reading *g, struct json root)
{
    *g->out = (struct canon_request){.from = &dialect_anthropic};
    enum err e = client_check(root, anthropic_request_shape, g->f);
    if (e == ERR_OK)
        e = read_facts(g, root);
    if (e == ERR_OK)
        e = read_messages(g, root);
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
