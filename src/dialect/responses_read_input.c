/* responses_read_input.c: the input of OpenAI's Responses as canonical messages. For sources, see
 * responses.h. */
#include "dialect/responses_asked.h"

#include <stdio.h>

const char *responses_got(struct json v)
{
    return json_is(v, JSON_STRING) ? "another word" : json_kind(v);
}

enum err responses_want(const struct responses_asked *g, struct json v, enum json_type type,
                        const char *where, const char *expected)
{
    return client_want(v, type, where, expected, g->f);
}

enum err responses_want_text(const struct responses_asked *g, const struct responses_said *b,
                             const char *name)
{
    struct json v = json_get(b->v, str_c(name));
    return json_is(v, JSON_STRING)
               ? ERR_OK
               : fault_set(g->f, ERR_INVALID, "%s.%s: expected a string, got %s", b->where, name,
                           json_kind(v));
}

/* --- parts ------------------------------------------------------------------------------------ */

static enum err read_text(struct responses_asked *g, const struct responses_said *b,
                          struct canon_part *p)
{
    p->text = canon_text(json_get(b->v, STR("text")));
    tokens_add(&g->out->facts.text, p->text);
    return responses_want_text(g, b, "text");
}

static enum err read_refusal(struct responses_asked *g, const struct responses_said *b,
                             struct canon_part *p)
{
    p->text = canon_text(json_get(b->v, STR("refusal")));
    tokens_add(&g->out->facts.text, p->text);
    return responses_want_text(g, b, "refusal");
}

/* What the member `name` links to, or holds as a data URL. */
static enum err read_link(struct responses_asked *g, const struct responses_said *b,
                          const char *name, struct canon_media *m)
{
    char at[RESPONSES_WHERE_MAX];
    snprintf(at, sizeof at, "%s.%s", b->where, name);
    enum err e = canon_read_url(g->room, json_get(b->v, str_c(name)), at, m, g->f);
    g->out->facts.links += m->source == CANON_URL;
    return e;
}

static bool read_file_id(struct responses_asked *g, const struct responses_said *b,
                         struct canon_media *m)
{
    struct json id = json_get(b->v, STR("file_id"));
    if (!json_is(id, JSON_STRING))
        return false;
    m->source = CANON_FILE_ID;
    m->id = canon_word(g->room, id);
    g->out->facts.links++;
    return true;
}

static enum err read_image(struct responses_asked *g, const struct responses_said *b,
                           struct canon_part *p)
{
    p->media.detail = canon_text(json_get(b->v, STR("detail")));
    return read_file_id(g, b, &p->media) ? ERR_OK : read_link(g, b, "image_url", &p->media);
}

static enum err read_video(struct responses_asked *g, const struct responses_said *b,
                           struct canon_part *p)
{
    return read_link(g, b, "video_url", &p->media);
}

static enum err read_file(struct responses_asked *g, const struct responses_said *b,
                          struct canon_part *p)
{
    bool is_link = json_is(json_get(b->v, STR("file_url")), JSON_STRING);
    p->media.filename = canon_text(json_get(b->v, STR("filename")));
    if (read_file_id(g, b, &p->media))
        return ERR_OK;
    return read_link(g, b, is_link ? "file_url" : "file_data", &p->media);
}

static enum err read_sound(struct responses_asked *g, const struct responses_said *b,
                           struct canon_part *p)
{
    char at[RESPONSES_WHERE_MAX];
    struct json sound = json_get(b->v, STR("input_audio"));
    snprintf(at, sizeof at, "%s.input_audio", b->where);
    enum err e = responses_want(g, sound, JSON_OBJECT, at, "an object");
    if (e != ERR_OK)
        return e;
    snprintf(at, sizeof at, "%s.input_audio.data", b->where);
    p->media.source = CANON_DATA;
    p->media.format = canon_word(g->room, json_get(sound, STR("format")));
    return canon_read_base64(g->room, json_get(sound, STR("data")), at, &p->media.data, g->f);
}

static const struct part_row {
    struct str type;
    enum canon_part_kind kind;
    bool is_assistants; /* an assistant may say it; the others: all but an assistant */
    enum err (*read)(struct responses_asked *g, const struct responses_said *b,
                     struct canon_part *p);
} part_rows[] = {
    {STR_INIT("input_text"), PART_TEXT, false, read_text},
    {STR_INIT("output_text"), PART_TEXT, true, read_text},
    {STR_INIT("refusal"), PART_REFUSAL, true, read_refusal},
    {STR_INIT("input_image"), PART_IMAGE, false, read_image},
    {STR_INIT("input_file"), PART_FILE, false, read_file},
    {STR_INIT("input_audio"), PART_SOUND, false, read_sound},
    {STR_INIT("input_video"), PART_VIDEO, false, read_video},
};

static enum err read_part(struct responses_asked *g, const struct responses_said *b,
                          bool is_assistant, struct canon_parts *to)
{
    struct json type = json_get(b->v, STR("type"));
    enum err e = responses_want(g, b->v, JSON_OBJECT, b->where, "a part that is an object");
    if (e != ERR_OK)
        return e;
    for (size_t i = 0; i < COUNT_OF(part_rows); i++) {
        const struct part_row *row = &part_rows[i];
        bool is_text = row->kind == PART_TEXT; /* some clients give an assistant's as input_text */
        if (!json_str_eq(type, row->type) || (row->is_assistants != is_assistant && !is_text))
            continue;
        struct canon_part *p = canon_add_part(to, g->room, row->kind);
        if (!p)
            return canon_no_memory(g->f);
        client_read_cache(b->v, &p->cache);
        return row->read(g, b, p);
    }
    return fault_set(g->f, ERR_INVALID, "%s.type: expected %s, got %s", b->where,
                     is_assistant ? "output_text or refusal"
                                  : "input_text, input_image, input_file or input_audio",
                     responses_got(type));
}

/* A string, or parts. */
static enum err read_content(struct responses_asked *g, struct json content, const char *where,
                             bool is_assistant, struct canon_parts *to)
{
    char at[RESPONSES_WHERE_MAX];
    size_t i = 0;
    if (json_is(content, JSON_STRING)) {
        struct canon_part *p = canon_add_part(to, g->room, PART_TEXT);
        if (!p)
            return canon_no_memory(g->f);
        p->text = canon_text(content);
        tokens_add(&g->out->facts.text, p->text);
        return ERR_OK;
    }
    enum err e = responses_want(g, content, JSON_ARRAY, where, "a string or an array of parts");
    for (struct json v = json_first(content); e == ERR_OK && v.type; v = json_after(content, v)) {
        snprintf(at, sizeof at, "%s[%zu]", where, i++);
        e = read_part(g, &(struct responses_said){v, at}, is_assistant, to);
    }
    return e;
}

/* --- items ------------------------------------------------------------------------------------ */

/* What an assistant says in several items is one message. */
static struct canon_parts *assistants(struct responses_asked *g)
{
    struct canon_message *m = g->out->last_message;
    if (!m || m->role != CANON_ASSISTANT)
        m = canon_add_message(g->out, g->room, CANON_ASSISTANT);
    return m ? &m->parts : NULL;
}

static struct canon_part *add_assistants(struct responses_asked *g, enum canon_part_kind kind)
{
    struct canon_parts *to = assistants(g);
    return to ? canon_add_part(to, g->room, kind) : NULL;
}

static enum err read_message(struct responses_asked *g, const struct responses_said *b)
{
    static const struct {
        struct str word;
        enum canon_role role;
    } roles[] = {
        {STR_INIT("user"), CANON_USER},
        {STR_INIT("assistant"), CANON_ASSISTANT},
        {STR_INIT("system"), CANON_SYSTEM},
        {STR_INIT("developer"), CANON_DEVELOPER},
    };
    char at[RESPONSES_WHERE_MAX];
    struct json role = json_get(b->v, STR("role")), content = json_get(b->v, STR("content"));
    snprintf(at, sizeof at, "%s.content", b->where);
    if (json_str_eq(role, STR("user")) && json_is(content, JSON_ARRAY) && !json_first(content).type)
        return fault_set(g->f, ERR_INVALID,
                         "%s: expected a string or an array of parts, got an empty array", at);
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        if (!json_str_eq(role, roles[i].word))
            continue;
        bool is_assistant = roles[i].role == CANON_ASSISTANT;
        struct canon_message *m =
            is_assistant ? NULL : canon_add_message(g->out, g->room, roles[i].role);
        struct canon_parts *to = is_assistant ? assistants(g) : m ? &m->parts : NULL;
        return to ? read_content(g, content, at, is_assistant, to) : canon_no_memory(g->f);
    }
    return fault_set(g->f, ERR_INVALID,
                     "%s.role: expected user, assistant, system or developer, got %s", b->where,
                     responses_got(role));
}

/* A call of a function, or of a custom tool, whose input is free text. */
static enum err read_call(struct responses_asked *g, const struct responses_said *b)
{
    bool is_custom = json_str_eq(json_get(b->v, STR("type")), STR("custom_tool_call"));
    const char *args = is_custom ? "input" : "arguments";
    enum err e = responses_want_text(g, b, "call_id");
    if (e == ERR_OK)
        e = responses_want_text(g, b, "name");
    if (e == ERR_OK)
        e = responses_want_text(g, b, args);
    if (e != ERR_OK)
        return e;
    struct canon_part *p = add_assistants(g, PART_TOOL_USE);
    if (!p)
        return canon_no_memory(g->f);
    p->tool = (struct canon_tool_use){
        .id = canon_word(g->room, json_get(b->v, STR("call_id"))),
        .name = canon_word(g->room, json_get(b->v, STR("name"))),
        .args = {CANON_ARGS_TEXT, canon_text(json_get(b->v, str_c(args)))},
        .is_custom = is_custom,
    };
    tokens_add(&g->out->facts.text, p->tool.args.raw);
    return canon_note_use(g->out, g->room, &p->tool, g->f);
}

static enum err read_result(struct responses_asked *g, const struct responses_said *b)
{
    char at[RESPONSES_WHERE_MAX];
    struct json id = json_get(b->v, STR("call_id"));
    enum err e = responses_want_text(g, b, "call_id");
    if (e != ERR_OK)
        return e;
    struct canon_message *m = canon_add_message(g->out, g->room, CANON_TOOL);
    struct canon_part *p = m ? canon_add_part(&m->parts, g->room, PART_TOOL_RESULT) : NULL;
    if (!p)
        return canon_no_memory(g->f);
    e = canon_take_use(g->out, canon_word(g->room, id), b->where, "call_id", &p->result.use, g->f);
    if (e != ERR_OK)
        return e;
    snprintf(at, sizeof at, "%s.output", b->where);
    return read_content(g, json_get(b->v, STR("output")), at, false, &p->result.parts);
}

static enum err add_thought(struct responses_asked *g, const struct canon_reasoning *x)
{
    struct canon_part *p = add_assistants(g, PART_REASONING);
    if (!p)
        return canon_no_memory(g->f);
    p->reasoning = *x;
    tokens_add(&g->out->facts.text, x->text);
    return ERR_OK;
}

/* `summary` and `content`: each of their texts is a part. The signature is the last text's. */
static enum err read_thoughts(struct responses_asked *g, const struct responses_said *b,
                              const char *name, struct canon_reasoning x, struct str signature)
{
    char at[RESPONSES_WHERE_MAX];
    size_t i = 0;
    struct json list = json_get(b->v, str_c(name));
    snprintf(at, sizeof at, "%s.%s", b->where, name);
    enum err e = json_is_none_or_null(list)
                     ? ERR_OK
                     : responses_want(g, list, JSON_ARRAY, at, "an array of texts");
    for (struct json v = json_first(list), next; e == ERR_OK && v.type; v = next) {
        next = json_after(list, v);
        snprintf(at, sizeof at, "%s.%s[%zu]", b->where, name, i++);
        e = responses_want_text(g, &(struct responses_said){v, at}, "text");
        x.text = canon_text(json_get(v, STR("text")));
        x.signature = next.type ? STR_NONE : signature;
        if (e == ERR_OK)
            e = add_thought(g, &x);
    }
    return e;
}

/* Takes "rs_FORMAT:" off an id that has it. */
static void read_whose(struct canon_reasoning *x)
{
    struct str rest = str_skip(x->id, RESPONSES_WHOSE_ID.n);
    struct str format = str_cut(&rest, ':');
    if (!str_starts(x->id, RESPONSES_WHOSE_ID) || !format.n || !rest.n)
        return;
    x->id = rest;
    if (!x->format.p)
        x->format = format;
}

/* "signed:FORMAT:SIGNATURE:TEXT" in place of what is encrypted. */
static bool read_signed(struct responses_asked *g, const struct responses_said *b,
                        struct canon_reasoning *x)
{
    struct json v = json_get(b->v, STR("encrypted_content"));
    if (!str_starts(json_raw_str(v), RESPONSES_SIGNED))
        return false;
    struct str rest = str_skip(canon_word(g->room, v), RESPONSES_SIGNED.n);
    struct str format = str_cut(&rest, ':'), signature = str_cut(&rest, ':');
    *x = (struct canon_reasoning){.kind = CANON_REASONING_TEXT,
                                  .text = rest.n ? rest : STR(""),
                                  .signature = signature,
                                  .format = format};
    return true;
}

static enum err read_reasoning_item(struct responses_asked *g, const struct responses_said *b)
{
    struct canon_reasoning x = {
        .kind = CANON_REASONING_SUMMARY,
        .id = canon_word(g->room, json_get(b->v, STR("id"))),
        .format = canon_word(g->room, json_get(b->v, STR("format"))),
    };
    struct canon_reasoning one;
    struct str data = canon_text(json_get(b->v, STR("encrypted_content")));
    if (read_signed(g, b, &one)) {
        if (!json_is(json_get(b->v, STR("signature")), JSON_STRING))
            return add_thought(g, &one);
        data = STR_NONE; /* the item says it all by itself */
    }
    read_whose(&x);
    if (str_starts(x.id, RESPONSES_MADE_ID))
        x.id = STR_NONE;
    if (data.p && !x.format.p) /* who encrypted it is OpenAI: nobody else can read it */
        x.format = RESPONSES_REASONING;
    enum err e = read_thoughts(g, b, "summary", x, STR_NONE);
    x.kind = CANON_REASONING_TEXT;
    if (e == ERR_OK)
        e = read_thoughts(g, b, "content", x, canon_text(json_get(b->v, STR("signature"))));
    x.kind = CANON_REASONING_ENCRYPTED;
    x.data = data;
    return e == ERR_OK && data.p ? add_thought(g, &x) : e;
}

/* A picture that was made earlier. */
static enum err read_made(struct responses_asked *g, const struct responses_said *b)
{
    char at[RESPONSES_WHERE_MAX];
    struct canon_part *p = add_assistants(g, PART_IMAGE);
    if (!p)
        return canon_no_memory(g->f);
    struct str id = canon_word(g->room, json_get(b->v, STR("id")));
    snprintf(at, sizeof at, "%s.result", b->where);
    p->media.source = CANON_DATA;
    p->media.id = str_starts(id, RESPONSES_MADE_IMAGE) ? STR_NONE : id;
    p->media.mime = STR("image/png");
    return canon_read_base64(g->room, json_get(b->v, STR("result")), at, &p->media.data, g->f);
}

static enum err refuse_reference(struct responses_asked *g, const struct responses_said *b)
{
    return fault_set(g->f, ERR_INVALID,
                     "%s.type: item_reference is not supported, nothing is stored here: send the "
                     "item itself",
                     b->where);
}

/* Calls of the provider's own tools and their results. */
static enum err read_opaque(struct responses_asked *g, const struct responses_said *b)
{
    struct canon_part *p = add_assistants(g, PART_OPAQUE);
    if (!p)
        return canon_no_memory(g->f);
    p->opaque.of = &dialect_responses;
    p->opaque.raw = json_raw(b->v);
    tokens_add(&g->out->facts.text, p->opaque.raw);
    return ERR_OK;
}

static const struct item_row {
    struct str type;
    enum err (*read)(struct responses_asked *g, const struct responses_said *b);
} item_rows[] = {
    {STR_INIT("message"), read_message},
    {STR_INIT("function_call"), read_call},
    {STR_INIT("custom_tool_call"), read_call},
    {STR_INIT("function_call_output"), read_result},
    {STR_INIT("custom_tool_call_output"), read_result},
    {STR_INIT("reasoning"), read_reasoning_item},
    {STR_INIT("image_generation_call"), read_made},
    {STR_INIT("item_reference"), refuse_reference},
};

static enum err read_item(struct responses_asked *g, struct json v, size_t i)
{
    char where[RESPONSES_WHERE_MAX];
    struct json type = json_get(v, STR("type"));
    struct responses_said b = {v, where};
    snprintf(where, sizeof where, "input[%zu]", i);
    enum err e = responses_want(g, v, JSON_OBJECT, where, "an item that is an object");
    if (e != ERR_OK)
        return e;
    if (json_is_none_or_null(type))
        return read_message(g, &b);
    for (size_t k = 0; k < COUNT_OF(item_rows); k++) {
        if (json_str_eq(type, item_rows[k].type))
            return item_rows[k].read(g, &b);
    }
    e = responses_want_text(g, &b, "type");
    return e == ERR_OK ? read_opaque(g, &b) : e;
}

enum err responses_read_input(struct responses_asked *g, struct json root)
{
    struct json input = json_get(root, STR("input")), says = json_get(root, STR("instructions"));
    enum err e = ERR_OK;
    size_t i = 0;
    if (!json_is_none_or_null(says)) {
        struct canon_message *m = canon_add_message(g->out, g->room, CANON_SYSTEM);
        if (!m)
            return canon_no_memory(g->f);
        e = responses_want(g, says, JSON_STRING, "instructions", "a string");
        if (e == ERR_OK)
            e = read_content(g, says, "instructions", false, &m->parts);
    }
    if (e == ERR_OK && json_is(input, JSON_STRING)) {
        struct canon_message *m = canon_add_message(g->out, g->room, CANON_USER);
        return m ? read_content(g, input, "input", false, &m->parts) : canon_no_memory(g->f);
    }
    if (e == ERR_OK && json_first(input).type == JSON_NONE)
        return fault_set(g->f, ERR_INVALID,
                         "input: expected a string or an array of at least one item, got %s",
                         json_is(input, JSON_ARRAY) ? "an empty array" : json_kind(input));
    if (e == ERR_OK)
        e = responses_want(g, input, JSON_ARRAY, "input", "a string or an array of items");
    for (struct json v = json_first(input); e == ERR_OK && v.type; v = json_after(input, v))
        e = read_item(g, v, i++);
    return e;
}
