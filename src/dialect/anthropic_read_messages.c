/* anthropic_read_messages.c: the messages and the system prompt of Anthropic's requests as canonical
 * ones. For sources, see anthropic.h. */
#include "dialect/anthropic.h"

#include "dialect/client.h"

#include <stdio.h>

enum { WHERE_MAX = 128 };

/* The messages being read. */
struct reading {
    struct canon_room *room;
    struct canon_request *out;
    struct fault *f;
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
    tokens_add(&g->out->facts.text, p->text);
    return client_want_member(text, JSON_STRING, b->where, "text", g->f);
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
        struct json source = json_get(b->v, STR("source"));
        p->kind = PART_OPAQUE;
        p->opaque.of = &dialect_anthropic;
        p->opaque.raw = json_raw(b->v);
        p->opaque.text = canon_text(json_get(source, STR("data")));
        if (!p->opaque.text.p)
            p->opaque.text = canon_text(json_get(source, STR("content")));
        tokens_add(&g->out->facts.text, p->opaque.raw);
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
    return client_want_member(text, JSON_STRING, b->where, "thinking", g->f);
}

static enum err read_redacted(struct reading *g, const struct block *b, struct canon_part *p)
{
    struct json data = json_get(b->v, STR("data"));
    struct canon_reasoning *x = &p->reasoning;
    x->kind = CANON_REASONING_ENCRYPTED;
    x->data = canon_text(data);
    if (!take_mark(&x->data, x))
        x->format = ANTHROPIC_REASONING;
    return client_want_member(data, JSON_STRING, b->where, "data", g->f);
}

static enum err read_use(struct reading *g, const struct block *b, struct canon_part *p)
{
    struct json id = json_get(b->v, STR("id")), name = json_get(b->v, STR("name"));
    struct json input = json_get(b->v, STR("input"));
    enum err e = client_want_member(id, JSON_STRING, b->where, "id", g->f);
    if (e == ERR_OK)
        e = client_want_member(name, JSON_STRING, b->where, "name", g->f);
    if (e == ERR_OK)
        e = client_want_member(input, JSON_OBJECT, b->where, "input", g->f);
    if (e != ERR_OK)
        return e;
    p->tool = (struct canon_tool_use){
        .id = canon_word(g->room, id),
        .name = canon_word(g->room, name),
        .args = {CANON_ARGS_VALUE, json_raw(input)},
    };
    tokens_add(&g->out->facts.text, p->tool.args.raw);
    return canon_note_use(g->out, g->room, &p->tool, g->f);
}

static enum err read_content(struct reading *g, struct json content, const char *where,
                             bool is_assistant, struct canon_parts *to);

static enum err read_result(struct reading *g, const struct block *b, struct canon_part *p)
{
    char at[WHERE_MAX];
    struct json id = json_get(b->v, STR("tool_use_id")), content = json_get(b->v, STR("content"));
    enum err e = client_want_member(id, JSON_STRING, b->where, "tool_use_id", g->f);
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
    tokens_add(&g->out->facts.text, p->opaque.raw);
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
        e = client_want_member(type, JSON_STRING, where, "type", g->f);
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
    if (row->kind != PART_REASONING && row->kind != PART_OPAQUE)
        p->said = json_raw(v);
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
        tokens_add(&g->out->facts.text, p->text);
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

static enum err read_user_message(struct reading *g, struct json content, const char *where)
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
        return read_user_message(g, content, where);
    struct canon_message *m = canon_add_message(g->out, g->room, CANON_ASSISTANT);
    return m ? read_content(g, content, where, true, &m->parts) : canon_no_memory(g->f);
}

enum err anthropic_read_messages(struct json root, struct canon_room *room,
                                 struct canon_request *out, struct fault *f)
{
    struct reading g = {room, out, f};
    struct json messages = json_get(root, STR("messages")), system = json_get(root, STR("system"));
    enum err e = ERR_OK;
    size_t i = 0;
    if (!json_is_none_or_null(system)) {
        struct canon_message *m = canon_add_message(out, room, CANON_SYSTEM);
        e = m ? read_content(&g, system, "system", false, &m->parts) : canon_no_memory(f);
    }
    if (e == ERR_OK && json_first(messages).type == JSON_NONE)
        return fault_set(f, ERR_INVALID,
                         "messages: expected an array of at least one message, got %s",
                         json_is(messages, JSON_ARRAY) ? "an empty array" : json_kind(messages));
    if (e == ERR_OK)
        e = want(&g, messages, JSON_ARRAY, "messages", "an array");
    for (struct json m = json_first(messages); e == ERR_OK && m.type; m = json_after(messages, m))
        e = read_message(&g, m, i++);
    return e;
}
