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
    size_t at; /* the message */
};

/* --- parts ------------------------------------------------------------------------------------ */

static enum err want_object(const struct reading *g, struct json v, const char *where)
{
    return json_is(v, JSON_OBJECT) ? ERR_OK
                                   : fault_set(g->f, ERR_INVALID, "%s: expected an object, got %s",
                                               where, json_kind(v));
}

static enum err read_text_part(struct reading *g, struct json part, struct canon_part *p,
                               const char *where)
{
    struct json text = json_get(part, p->kind == PART_TEXT ? STR("text") : STR("refusal"));
    p->text = canon_text(text);
    return p->text.p ? ERR_OK
                     : fault_set(g->f, ERR_INVALID, "%s: expected a string, got %s", where,
                                 json_kind(text));
}

static enum err read_link(struct reading *g, struct json part, struct canon_part *p,
                          const char *where)
{
    char at[WHERE_MAX];
    struct json holder = json_get(part, json_raw_str(json_get(part, STR("type"))));
    /* {"image_url":"..."}: what some clients send */
    if (json_is(holder, JSON_STRING))
        return canon_read_url(g->room, holder, where, &p->media, g->f);
    enum err e = want_object(g, holder, where);
    if (e != ERR_OK)
        return e;
    snprintf(at, sizeof at, "%s.url", where);
    p->media.detail = canon_text(json_get(holder, STR("detail")));
    return canon_read_url(g->room, json_get(holder, STR("url")), at, &p->media, g->f);
}

static enum err read_sound(struct reading *g, struct json part, struct canon_part *p,
                           const char *where)
{
    char at[WHERE_MAX];
    struct json sound = json_get(part, STR("input_audio"));
    enum err e = want_object(g, sound, where);
    if (e != ERR_OK)
        return e;
    snprintf(at, sizeof at, "%s.data", where);
    p->media.source = CANON_DATA;
    p->media.format = canon_word(g->room, json_get(sound, STR("format")));
    return canon_read_base64(g->room, json_get(sound, STR("data")), at, &p->media.data, g->f);
}

static enum err read_file(struct reading *g, struct json part, struct canon_part *p,
                          const char *where)
{
    char at[WHERE_MAX];
    struct json file = json_get(part, STR("file")), id = json_get(file, STR("file_id"));
    enum err e = want_object(g, file, where);
    if (e != ERR_OK)
        return e;
    p->media.filename = canon_text(json_get(file, STR("filename")));
    if (json_is(id, JSON_STRING)) {
        p->media.source = CANON_FILE_ID;
        p->media.id = canon_word(g->room, id);
        return ERR_OK;
    }
    snprintf(at, sizeof at, "%s.file_data", where);
    return canon_read_url(g->room, json_get(file, STR("file_data")), at, &p->media, g->f);
}

static enum err read_opaque(struct reading *g, struct json part, struct canon_part *p,
                            const char *where)
{
    (void)where;
    p->opaque.of = g->out->from;
    p->opaque.raw = json_raw(part);
    return ERR_OK;
}

static const struct part_row {
    struct str type;
    enum canon_part_kind kind;
    enum err (*read)(struct reading *g, struct json part, struct canon_part *p, const char *where);
} part_rows[] = {
    {STR_INIT("text"), PART_TEXT, read_text_part},
    {STR_INIT("refusal"), PART_REFUSAL, read_text_part},
    {STR_INIT("image_url"), PART_IMAGE, read_link},
    {STR_INIT("input_audio"), PART_SOUND, read_sound},
    {STR_INIT("video_url"), PART_VIDEO, read_link},
    {STR_INIT("input_video"), PART_VIDEO, read_link},
    {STR_INIT("file"), PART_FILE, read_file},
    {STR_INIT(""), PART_OPAQUE, read_opaque},
};

static const struct part_row *part_row_of(struct json type)
{
    const struct part_row *row = part_rows;
    while (row->type.n && !json_str_eq(type, row->type))
        row++;
    return row;
}

static enum err read_part(struct reading *g, struct json part, size_t i, struct canon_parts *to)
{
    char where[WHERE_MAX];
    const struct part_row *row = part_row_of(json_get(part, STR("type")));
    struct canon_part *p = canon_add_part(to, g->room, row->kind);
    if (!p)
        return canon_no_memory(g->f);
    snprintf(where, sizeof where, "messages[%zu].content[%zu].%.*s", g->at, i, STR_ARG(row->type));
    client_read_cache(part, &p->cache);
    return row->read(g, part, p, where);
}

/* chat_read() has seen that it is a string, parts or nothing. */
static enum err read_content(struct reading *g, struct json content, struct canon_parts *to)
{
    enum err e = ERR_OK;
    size_t i = 0;
    if (json_is(content, JSON_STRING)) {
        struct canon_part *p = canon_add_part(to, g->room, PART_TEXT);
        if (!p)
            return canon_no_memory(g->f);
        p->text = json_raw_str(content);
        return ERR_OK;
    }
    for (struct json p = json_first(content); e == ERR_OK && p.type; p = json_after(content, p))
        e = read_part(g, p, i++, to);
    return e;
}

/* --- an assistant's own parts ----------------------------------------------------------------- */

static const struct {
    enum canon_reasoning_kind kind;
    struct str type;
} reasoning_types[] = {
    {CANON_REASONING_TEXT, STR_INIT("reasoning.text")},
    {CANON_REASONING_SUMMARY, STR_INIT("reasoning.summary")},
    {CANON_REASONING_ENCRYPTED, STR_INIT("reasoning.encrypted")},
};

const char *openai_reasoning_type(enum canon_reasoning_kind kind)
{
    for (size_t i = 0; i < COUNT_OF(reasoning_types); i++) {
        if (reasoning_types[i].kind == kind)
            return reasoning_types[i].type.p;
    }
    return NULL;
}

void openai_read_reasoning(struct canon_room *room, struct json detail, struct canon_reasoning *out)
{
    struct json type = json_get(detail, STR("type"));
    *out = (struct canon_reasoning){.kind = CANON_REASONING_OTHER, .raw = json_raw(detail)};
    for (size_t i = 0; i < COUNT_OF(reasoning_types); i++) {
        if (!json_str_eq(type, reasoning_types[i].type))
            continue;
        out->kind = reasoning_types[i].kind;
        out->raw = STR_NONE;
    }
    bool is_summary = out->kind == CANON_REASONING_SUMMARY;
    if (out->kind == CANON_REASONING_OTHER)
        return;
    out->text = canon_text(json_get(detail, is_summary ? STR("summary") : STR("text")));
    out->signature = canon_text(json_get(detail, STR("signature")));
    out->data = canon_text(json_get(detail, STR("data")));
    out->id = canon_word(room, json_get(detail, STR("id")));
    out->format = canon_word(room, json_get(detail, STR("format")));
}

static enum err add_plain_reasoning(struct reading *g, struct json text, struct canon_parts *to)
{
    if (!json_is(text, JSON_STRING) || json_raw_str(text).n == 0)
        return ERR_OK;
    struct canon_part *p = canon_add_part(to, g->room, PART_REASONING);
    if (!p)
        return canon_no_memory(g->f);
    p->reasoning = (struct canon_reasoning){.kind = CANON_REASONING_TEXT, .text = canon_text(text)};
    return ERR_OK;
}

/* Details say all that the plain text says, and more. */
static enum err read_reasoning_of(struct reading *g, struct json m, struct canon_parts *to)
{
    struct json details = json_get(m, STR("reasoning_details"));
    struct json plain = json_get(m, STR("reasoning"));
    if (!json_is(json_first(details), JSON_OBJECT))
        return add_plain_reasoning(
            g, json_is(plain, JSON_STRING) ? plain : json_get(m, STR("reasoning_content")), to);
    for (struct json d = json_first(details); d.type; d = json_after(details, d)) {
        struct canon_part *p = canon_add_part(to, g->room, PART_REASONING);
        if (!p)
            return canon_no_memory(g->f);
        openai_read_reasoning(g->room, d, &p->reasoning);
    }
    return ERR_OK;
}

static enum err add_use(struct reading *g, struct json function, struct str id,
                        struct canon_parts *to, const char *where)
{
    struct json name = json_get(function, STR("name"));
    struct json args = json_get(function, STR("arguments"));
    if (!json_is(name, JSON_STRING))
        return fault_set(g->f, ERR_INVALID, "%s.name: expected a string, got %s", where,
                         json_kind(name));
    if (!json_is(args, JSON_STRING) && !json_is_none_or_null(args))
        return fault_set(g->f, ERR_INVALID, "%s.arguments: expected a string of JSON, got %s",
                         where, json_kind(args));
    struct canon_part *p = canon_add_part(to, g->room, PART_TOOL_USE);
    if (!p)
        return canon_no_memory(g->f);
    p->tool.name = canon_word(g->room, name);
    p->tool.id = id.p ? id : p->tool.name;
    p->tool.args = (struct canon_args){CANON_ARGS_TEXT, canon_text(args)};
    return canon_note_use(g->out, g->room, &p->tool, g->f);
}

static enum err read_call(struct reading *g, struct json call, size_t i, struct canon_parts *to)
{
    char where[WHERE_MAX];
    struct json id = json_get(call, STR("id"));
    int n = snprintf(where, sizeof where, "messages[%zu].tool_calls[%zu]", g->at, i);
    enum err e = want_object(g, call, where);
    if (e != ERR_OK)
        return e;
    if (!json_is(id, JSON_STRING))
        return fault_set(g->f, ERR_INVALID, "%s.id: expected a string, got %s", where,
                         json_kind(id));
    snprintf(where + n, sizeof where - (size_t)n, ".function");
    return add_use(g, json_get(call, STR("function")), canon_word(g->room, id), to, where);
}

static enum err read_calls(struct reading *g, struct json m, struct canon_parts *to)
{
    char where[WHERE_MAX];
    struct json calls = json_get(m, STR("tool_calls")), old = json_get(m, STR("function_call"));
    enum err e = ERR_OK;
    size_t i = 0;
    if (!json_is_none_or_null(calls) && !json_is(calls, JSON_ARRAY))
        return fault_set(g->f, ERR_INVALID, "messages[%zu].tool_calls: expected an array, got %s",
                         g->at, json_kind(calls));
    for (struct json c = json_first(calls); e == ERR_OK && c.type; c = json_after(calls, c))
        e = read_call(g, c, i++, to);
    snprintf(where, sizeof where, "messages[%zu].function_call", g->at);
    if (e == ERR_OK && json_is(old, JSON_OBJECT)) /* the name is all the id that it has */
        e = add_use(g, old, STR_NONE, to, where);
    return e;
}

static enum err read_refusal(struct reading *g, struct json m, struct canon_parts *to)
{
    struct json refusal = json_get(m, STR("refusal"));
    if (!json_is(refusal, JSON_STRING))
        return ERR_OK;
    struct canon_part *p = canon_add_part(to, g->room, PART_REFUSAL);
    if (!p)
        return canon_no_memory(g->f);
    p->text = canon_text(refusal);
    return ERR_OK;
}

/* Images that the model made, and the audio that it spoke (known by its id). */
static enum err read_made(struct reading *g, struct json m, struct canon_parts *to)
{
    char where[WHERE_MAX];
    struct json images = json_get(m, STR("images")), id;
    size_t i = 0;
    enum err e = ERR_OK;
    for (struct json v = json_first(images); e == ERR_OK && v.type; v = json_after(images, v)) {
        struct canon_part *p = canon_add_part(to, g->room, PART_IMAGE);
        if (!p)
            return canon_no_memory(g->f);
        snprintf(where, sizeof where, "messages[%zu].images[%zu].image_url", g->at, i++);
        e = read_link(g, v, p, where);
    }
    id = json_get(json_get(m, STR("audio")), STR("id"));
    if (e != ERR_OK || !json_is(id, JSON_STRING))
        return e;
    struct canon_part *p = canon_add_part(to, g->room, PART_SOUND);
    if (!p)
        return canon_no_memory(g->f);
    p->media = (struct canon_media){.source = CANON_FILE_ID, .id = canon_word(g->room, id)};
    return ERR_OK;
}

static enum err read_assistant(struct reading *g, struct json m, struct canon_message *to)
{
    enum err e = read_reasoning_of(g, m, &to->parts);
    if (e == ERR_OK)
        e = read_content(g, json_get(m, STR("content")), &to->parts);
    if (e == ERR_OK)
        e = read_refusal(g, m, &to->parts);
    if (e == ERR_OK)
        e = read_made(g, m, &to->parts);
    if (e == ERR_OK)
        e = read_calls(g, m, &to->parts);
    return e;
}

/* --- messages --------------------------------------------------------------------------------- */

static enum err read_result(struct reading *g, struct json m, struct canon_message *to)
{
    char where[WHERE_MAX];
    bool is_old = json_str_eq(json_get(m, STR("role")), STR("function"));
    const char *field = is_old ? "name" : "tool_call_id";
    struct json id = json_get(m, str_c(field));
    if (!json_is(id, JSON_STRING))
        return fault_set(g->f, ERR_INVALID, "messages[%zu].%s: expected a string, got %s", g->at,
                         field, json_kind(id));
    struct canon_part *p = canon_add_part(&to->parts, g->room, PART_TOOL_RESULT);
    if (!p)
        return canon_no_memory(g->f);
    snprintf(where, sizeof where, "messages[%zu]", g->at);
    enum err e =
        canon_take_use(g->out, canon_word(g->room, id), where, field, &p->result.use, g->f);
    if (e != ERR_OK)
        return e;
    client_read_cache(m, &p->cache);
    return read_content(g, json_get(m, STR("content")), &p->result.parts);
}

static enum canon_role role_of(struct json v)
{
    static const struct {
        struct str word;
        enum canon_role role;
    } rows[] = {
        {STR_INIT("system"), CANON_SYSTEM},       {STR_INIT("developer"), CANON_DEVELOPER},
        {STR_INIT("assistant"), CANON_ASSISTANT}, {STR_INIT("tool"), CANON_TOOL},
        {STR_INIT("function"), CANON_TOOL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (json_str_eq(v, rows[i].word))
            return rows[i].role;
    }
    return CANON_USER;
}

/* Members of a message that have no place in the canonical form: `annotations`, `model`, ... */
static enum err read_message_extras(struct reading *g, struct json m, struct canon_message *to)
{
    static const struct str known[] = {
        STR_INIT("role"),          STR_INIT("content"),       STR_INIT("name"),
        STR_INIT("tool_calls"),    STR_INIT("function_call"), STR_INIT("tool_call_id"),
        STR_INIT("refusal"),       STR_INIT("reasoning"),     STR_INIT("reasoning_content"),
        STR_INIT("cache_control"), STR_INIT("images"),        STR_INIT("reasoning_details"),
        STR_INIT("audio"),
    };
    enum err e = ERR_OK;
    for (struct json v = json_first(m); e == ERR_OK && v.type; v = json_after(m, v)) {
        bool is_known = client_is_one_of(json_raw_str(json_key(v)), known, COUNT_OF(known));
        if (!is_known && !json_is(v, JSON_NULL))
            e = canon_add_extra(&to->extras, g->room, v, g->f);
    }
    return e;
}

static enum err read_message(struct reading *g, struct json m)
{
    enum canon_role role = role_of(json_get(m, STR("role")));
    struct canon_message *to = canon_add_message(g->out, g->room, role);
    enum err e;
    if (!to)
        return canon_no_memory(g->f);
    if (role != CANON_TOOL)
        to->name = canon_text(json_get(m, STR("name")));
    if (role == CANON_TOOL)
        e = read_result(g, m, to);
    else if (role == CANON_ASSISTANT)
        e = read_assistant(g, m, to);
    else
        e = read_content(g, json_get(m, STR("content")), &to->parts);
    return e == ERR_OK ? read_message_extras(g, m, to) : e;
}

static enum err read_messages(struct reading *g, struct json messages)
{
    enum err e = ERR_OK;
    for (struct json m = json_first(messages); e == ERR_OK && m.type; m = json_after(messages, m)) {
        e = read_message(g, m);
        g->at++;
    }
    return e;
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

static enum err read_tools(struct reading *g, struct json tools)
{
    enum err e = ERR_OK;
    size_t i = 0;
    for (struct json t = json_first(tools); e == ERR_OK && t.type; t = json_after(tools, t))
        e = read_tool(g, t, i++);
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
        {STR_INIT("required"), CANON_CHOICE_REQUIRED},
    };
    struct canon_choice *c = &g->out->choice;
    struct json name = json_get(json_get(v, STR("function")), STR("name"));
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
        e = read_messages(&g, json_get(root, STR("messages")));
    if (e == ERR_OK)
        e = read_tools(&g, json_get(root, STR("tools")));
    if (e == ERR_OK)
        e = read_choice(&g, json_get(root, STR("tool_choice")));
    if (e == ERR_OK)
        e = openai_read_settings(root, room, out, f);
    out->parallel = canon_tri_of(json_get(root, STR("parallel_tool_calls")));
    client_read_cache(root, &out->cache);
    return e;
}
