/* openai_read_messages.c: the messages of OpenAI's chat requests as canonical ones. For sources, see
 * openai_read_request.c. */
#include "dialect/openai_form.h"

#include "dialect/client.h"

#include <stdio.h>

enum { WHERE_MAX = 128 };

/* The messages being read. */
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

enum err openai_read_messages(struct json messages, struct canon_room *room,
                              struct canon_request *out, struct fault *f)
{
    struct reading g = {.room = room, .out = out, .f = f};
    enum err e = ERR_OK;
    for (struct json m = json_first(messages); e == ERR_OK && m.type; m = json_after(messages, m)) {
        e = read_message(&g, m);
        g.at++;
    }
    return e;
}
