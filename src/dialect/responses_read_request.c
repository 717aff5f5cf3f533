/* responses_read_request.c: requests of OpenAI's Responses as canonical ones. For sources, see
 * responses.h. */
#include "dialect/responses.h"

#include "dialect/client.h"

#include <stdio.h>

enum { WHERE_MAX = 128 };

/* One request being read. */
struct reading {
    struct canon_room *room;
    struct canon_request *out;
    struct fault *f;
};

/* One part or item that is being read; `where` names it. */
struct piece {
    struct json v;
    const char *where;
};

static const char *got(struct json v)
{
    return json_is(v, JSON_STRING) ? "another word" : json_kind(v);
}

static enum err want(const struct reading *g, struct json v, enum json_type type, const char *where,
                     const char *expected)
{
    return client_want(v, type, where, expected, g->f);
}

/* A string that is the member `name`. */
static enum err want_text(const struct reading *g, const struct piece *b, const char *name)
{
    struct json v = json_get(b->v, str_c(name));
    return json_is(v, JSON_STRING)
               ? ERR_OK
               : fault_set(g->f, ERR_INVALID, "%s.%s: expected a string, got %s", b->where, name,
                           json_kind(v));
}

/* --- parts ------------------------------------------------------------------------------------ */

static enum err read_text(struct reading *g, const struct piece *b, struct canon_part *p)
{
    p->text = canon_text(json_get(b->v, STR("text")));
    g->out->facts.text_bytes += p->text.n;
    return want_text(g, b, "text");
}

static enum err read_refusal(struct reading *g, const struct piece *b, struct canon_part *p)
{
    p->text = canon_text(json_get(b->v, STR("refusal")));
    g->out->facts.text_bytes += p->text.n;
    return want_text(g, b, "refusal");
}

/* What the member `name` links to, or holds as a data URL. */
static enum err read_link(struct reading *g, const struct piece *b, const char *name,
                          struct canon_media *m)
{
    char at[WHERE_MAX];
    snprintf(at, sizeof at, "%s.%s", b->where, name);
    enum err e = canon_read_url(g->room, json_get(b->v, str_c(name)), at, m, g->f);
    g->out->facts.links += m->source == CANON_URL;
    return e;
}

static bool read_file_id(struct reading *g, const struct piece *b, struct canon_media *m)
{
    struct json id = json_get(b->v, STR("file_id"));
    if (!json_is(id, JSON_STRING))
        return false;
    m->source = CANON_FILE_ID;
    m->id = canon_word(g->room, id);
    g->out->facts.links++;
    return true;
}

static enum err read_image(struct reading *g, const struct piece *b, struct canon_part *p)
{
    p->media.detail = canon_text(json_get(b->v, STR("detail")));
    return read_file_id(g, b, &p->media) ? ERR_OK : read_link(g, b, "image_url", &p->media);
}

static enum err read_video(struct reading *g, const struct piece *b, struct canon_part *p)
{
    return read_link(g, b, "video_url", &p->media);
}

static enum err read_file(struct reading *g, const struct piece *b, struct canon_part *p)
{
    bool is_link = json_is(json_get(b->v, STR("file_url")), JSON_STRING);
    p->media.filename = canon_text(json_get(b->v, STR("filename")));
    if (read_file_id(g, b, &p->media))
        return ERR_OK;
    return read_link(g, b, is_link ? "file_url" : "file_data", &p->media);
}

static enum err read_sound(struct reading *g, const struct piece *b, struct canon_part *p)
{
    char at[WHERE_MAX];
    struct json sound = json_get(b->v, STR("input_audio"));
    snprintf(at, sizeof at, "%s.input_audio", b->where);
    enum err e = want(g, sound, JSON_OBJECT, at, "an object");
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
    enum err (*read)(struct reading *g, const struct piece *b, struct canon_part *p);
} part_rows[] = {
    {STR_INIT("input_text"), PART_TEXT, false, read_text},
    {STR_INIT("output_text"), PART_TEXT, true, read_text},
    {STR_INIT("refusal"), PART_REFUSAL, true, read_refusal},
    {STR_INIT("input_image"), PART_IMAGE, false, read_image},
    {STR_INIT("input_file"), PART_FILE, false, read_file},
    {STR_INIT("input_audio"), PART_SOUND, false, read_sound},
    {STR_INIT("input_video"), PART_VIDEO, false, read_video},
};

static enum err read_part(struct reading *g, const struct piece *b, bool is_assistant,
                          struct canon_parts *to)
{
    struct json type = json_get(b->v, STR("type"));
    enum err e = want(g, b->v, JSON_OBJECT, b->where, "a part that is an object");
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
                     got(type));
}

/* A string, or parts. */
static enum err read_content(struct reading *g, struct json content, const char *where,
                             bool is_assistant, struct canon_parts *to)
{
    char at[WHERE_MAX];
    size_t i = 0;
    if (json_is(content, JSON_STRING)) {
        struct canon_part *p = canon_add_part(to, g->room, PART_TEXT);
        if (!p)
            return canon_no_memory(g->f);
        p->text = canon_text(content);
        g->out->facts.text_bytes += p->text.n;
        return ERR_OK;
    }
    enum err e = want(g, content, JSON_ARRAY, where, "a string or an array of parts");
    for (struct json v = json_first(content); e == ERR_OK && v.type; v = json_after(content, v)) {
        snprintf(at, sizeof at, "%s[%zu]", where, i++);
        e = read_part(g, &(struct piece){v, at}, is_assistant, to);
    }
    return e;
}

/* --- items ------------------------------------------------------------------------------------ */

/* What an assistant says in several items is one message. */
static struct canon_parts *assistants(struct reading *g)
{
    struct canon_message *m = g->out->last_message;
    if (!m || m->role != CANON_ASSISTANT)
        m = canon_add_message(g->out, g->room, CANON_ASSISTANT);
    return m ? &m->parts : NULL;
}

static struct canon_part *add_assistants(struct reading *g, enum canon_part_kind kind)
{
    struct canon_parts *to = assistants(g);
    return to ? canon_add_part(to, g->room, kind) : NULL;
}

static enum err read_message(struct reading *g, const struct piece *b)
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
    char at[WHERE_MAX];
    struct json role = json_get(b->v, STR("role")), content = json_get(b->v, STR("content"));
    snprintf(at, sizeof at, "%s.content", b->where);
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
                     got(role));
}

/* A call of a function, or of a custom tool, whose input is free text. */
static enum err read_call(struct reading *g, const struct piece *b)
{
    bool is_custom = json_str_eq(json_get(b->v, STR("type")), STR("custom_tool_call"));
    const char *args = is_custom ? "input" : "arguments";
    enum err e = want_text(g, b, "call_id");
    if (e == ERR_OK)
        e = want_text(g, b, "name");
    if (e == ERR_OK)
        e = want_text(g, b, args);
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
    g->out->facts.text_bytes += p->tool.args.raw.n;
    return canon_note_use(g->out, g->room, &p->tool, g->f);
}

static enum err read_result(struct reading *g, const struct piece *b)
{
    char at[WHERE_MAX];
    struct json id = json_get(b->v, STR("call_id"));
    enum err e = want_text(g, b, "call_id");
    if (e != ERR_OK)
        return e;
    struct canon_message *m = canon_add_message(g->out, g->room, CANON_TOOL);
    struct canon_part *p = m ? canon_add_part(&m->parts, g->room, PART_TOOL_RESULT) : NULL;
    if (!p)
        return canon_no_memory(g->f);
    p->result.use = canon_find_use(g->out, canon_word(g->room, id));
    if (!p->result.use)
        return fault_set(
            g->f, ERR_INVALID,
            "%s.call_id: expected the call_id of an earlier call, got one that none has", b->where);
    snprintf(at, sizeof at, "%s.output", b->where);
    return read_content(g, json_get(b->v, STR("output")), at, false, &p->result.parts);
}

static enum err add_thought(struct reading *g, const struct canon_reasoning *x)
{
    struct canon_part *p = add_assistants(g, PART_REASONING);
    if (!p)
        return canon_no_memory(g->f);
    p->reasoning = *x;
    g->out->facts.text_bytes += x->text.n;
    return ERR_OK;
}

/* `summary` and `content`: each of their texts is a part. The signature is the last text's. */
static enum err read_thoughts(struct reading *g, const struct piece *b, const char *name,
                              struct canon_reasoning x, struct str signature)
{
    char at[WHERE_MAX];
    size_t i = 0;
    struct json list = json_get(b->v, str_c(name));
    snprintf(at, sizeof at, "%s.%s", b->where, name);
    enum err e =
        json_is_none_or_null(list) ? ERR_OK : want(g, list, JSON_ARRAY, at, "an array of texts");
    for (struct json v = json_first(list), next; e == ERR_OK && v.type; v = next) {
        next = json_after(list, v);
        snprintf(at, sizeof at, "%s.%s[%zu]", b->where, name, i++);
        e = want_text(g, &(struct piece){v, at}, "text");
        x.text = canon_text(json_get(v, STR("text")));
        x.signature = next.type ? STR_NONE : signature;
        if (e == ERR_OK)
            e = add_thought(g, &x);
    }
    return e;
}

static enum err read_reasoning_item(struct reading *g, const struct piece *b)
{
    struct canon_reasoning x = {
        .kind = CANON_REASONING_SUMMARY,
        .id = canon_word(g->room, json_get(b->v, STR("id"))),
        .format = canon_word(g->room, json_get(b->v, STR("format"))),
    };
    struct str data = canon_text(json_get(b->v, STR("encrypted_content")));
    enum err e = read_thoughts(g, b, "summary", x, STR_NONE);
    x.kind = CANON_REASONING_TEXT;
    if (e == ERR_OK)
        e = read_thoughts(g, b, "content", x, canon_text(json_get(b->v, STR("signature"))));
    x.kind = CANON_REASONING_ENCRYPTED;
    x.data = data;
    return e == ERR_OK && data.p ? add_thought(g, &x) : e;
}

/* A picture that was made earlier. */
static enum err read_made(struct reading *g, const struct piece *b)
{
    char at[WHERE_MAX];
    struct canon_part *p = add_assistants(g, PART_IMAGE);
    if (!p)
        return canon_no_memory(g->f);
    snprintf(at, sizeof at, "%s.result", b->where);
    p->media.source = CANON_DATA;
    p->media.mime = STR("image/png");
    return canon_read_base64(g->room, json_get(b->v, STR("result")), at, &p->media.data, g->f);
}

static enum err refuse_reference(struct reading *g, const struct piece *b)
{
    return fault_set(g->f, ERR_INVALID,
                     "%s.type: item_reference is not supported, nothing is stored here: send the "
                     "item itself",
                     b->where);
}

/* Calls of the provider's own tools and their results. */
static enum err read_opaque(struct reading *g, const struct piece *b)
{
    struct canon_part *p = add_assistants(g, PART_OPAQUE);
    if (!p)
        return canon_no_memory(g->f);
    p->opaque.of = &dialect_responses;
    p->opaque.raw = json_raw(b->v);
    g->out->facts.text_bytes += p->opaque.raw.n;
    return ERR_OK;
}

static const struct item_row {
    struct str type;
    enum err (*read)(struct reading *g, const struct piece *b);
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

static enum err read_item(struct reading *g, struct json v, size_t i)
{
    char where[WHERE_MAX];
    struct json type = json_get(v, STR("type"));
    struct piece b = {v, where};
    snprintf(where, sizeof where, "input[%zu]", i);
    enum err e = want(g, v, JSON_OBJECT, where, "an item that is an object");
    if (e != ERR_OK)
        return e;
    if (json_is_none_or_null(type))
        return read_message(g, &b);
    for (size_t k = 0; k < COUNT_OF(item_rows); k++) {
        if (json_str_eq(type, item_rows[k].type))
            return item_rows[k].read(g, &b);
    }
    e = want_text(g, &b, "type");
    return e == ERR_OK ? read_opaque(g, &b) : e;
}

static enum err read_input(struct reading *g, struct json root)
{
    struct json input = json_get(root, STR("input")), says = json_get(root, STR("instructions"));
    enum err e = ERR_OK;
    size_t i = 0;
    if (!json_is_none_or_null(says)) {
        struct canon_message *m = canon_add_message(g->out, g->room, CANON_SYSTEM);
        if (!m)
            return canon_no_memory(g->f);
        e = want(g, says, JSON_STRING, "instructions", "a string");
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
        e = want(g, input, JSON_ARRAY, "input", "a string or an array of items");
    for (struct json v = json_first(input); e == ERR_OK && v.type; v = json_after(input, v))
        e = read_item(g, v, i++);
    return e;
}

/* --- tools ------------------------------------------------------------------------------------ */

static enum err read_tool(struct reading *g, struct json v, size_t i)
{
    char where[WHERE_MAX];
    struct json schema = json_get(v, STR("parameters"));
    struct piece b = {v, where};
    snprintf(where, sizeof where, "tools[%zu]", i);
    enum err e = want(g, v, JSON_OBJECT, where, "an object");
    if (e == ERR_OK)
        e = want_text(g, &b, "type");
    if (e != ERR_OK)
        return e;
    bool is_function = json_str_eq(json_get(v, STR("type")), STR("function"));
    struct canon_tool *t =
        canon_add_tool(g->out, g->room, is_function ? CANON_TOOL_FUNCTION : CANON_TOOL_SERVER);
    if (!t)
        return canon_no_memory(g->f);
    client_read_cache(v, &t->cache);
    if (!is_function) {
        t->raw = json_raw(v);
        t->of = &dialect_responses;
        return ERR_OK;
    }
    e = want_text(g, &b, "name");
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
                         "tool_choice: expected auto, none, required or an object, got %s", got(v));
    if (!json_str_eq(json_get(v, STR("type")), STR("function"))) {
        *c = (struct canon_choice){
            .kind = CANON_CHOICE_OTHER, .raw = json_raw(v), .of = &dialect_responses};
        return ERR_OK;
    }
    *c = (struct canon_choice){.kind = CANON_CHOICE_NAMED, .name = canon_word(g->room, name)};
    return want(g, name, JSON_STRING, "tool_choice.name", "a string");
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

static enum err read_format(struct reading *g, struct json v)
{
    struct canon_format *to = &g->out->format;
    struct json type = json_get(v, STR("type")), schema = json_get(v, STR("schema"));
    if (json_is_none_or_null(v))
        return ERR_OK;
    enum err e = want(g, v, JSON_OBJECT, "text.format", "an object");
    if (e == ERR_OK)
        e = want(g, type, JSON_STRING, "text.format.type", "a string");
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
        e = want(g, schema, JSON_OBJECT, "text.format.schema", "an object");
    } else {
        to->kind = CANON_FORMAT_OTHER;
        to->raw = json_raw(v);
    }
    return e;
}

static enum err read_text_wish(struct reading *g, struct json v)
{
    struct json verbosity = json_get(v, STR("verbosity"));
    if (json_is_none_or_null(v))
        return ERR_OK;
    enum err e = want(g, v, JSON_OBJECT, "text", "an object");
    if (e == ERR_OK && !json_is_none_or_null(verbosity))
        e = want(g, verbosity, JSON_STRING, "text.verbosity", "a string");
    g->out->values[PARAM_VERBOSITY] = canon_value(verbosity);
    return e == ERR_OK ? read_format(g, json_get(v, STR("format"))) : e;
}

static enum err read_reasoning_wish(struct reading *g, struct json v)
{
    struct canon_reason *to = &g->out->reason;
    struct json effort = json_get(v, STR("effort")), max = json_get(v, STR("max_tokens"));
    if (json_is_none_or_null(v))
        return ERR_OK;
    enum err e = want(g, v, JSON_OBJECT, "reasoning", "an object");
    if (e != ERR_OK)
        return e;
    if (!json_is_none_or_null(effort)) {
        to->effort = canon_effort_find(canon_word(g->room, effort));
        if (!to->effort)
            return fault_set(g->f, ERR_INVALID,
                             "reasoning.effort: expected none, minimal, low, medium, high, xhigh "
                             "or max, got %s",
                             got(effort));
    }
    if (!json_is_none_or_null(max) && !json_u64(max, UINT32_MAX, &to->max_tokens))
        return fault_set(g->f, ERR_INVALID, "reasoning.max_tokens: expected a whole number, got %s",
                         json_kind(max));
    to->enabled = canon_tri_of(json_get(v, STR("enabled")));
    to->is_excluded = json_bool_or(json_get(v, STR("exclude")), false);
    to->summary = canon_text(json_get(v, STR("summary")));
    return ERR_OK;
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

static enum err read_settings(struct reading *g, struct json root)
{
    struct json user = json_get(root, STR("user")), include = json_get(root, STR("include"));
    enum err e = client_read_settings(g->out, root, settings, COUNT_OF(settings), g->f);
    if (e != ERR_OK)
        return e;
    if (!json_is_none_or_null(include) && !json_is(include, JSON_ARRAY))
        return want(g, include, JSON_ARRAY, "include", "an array of strings");
    for (struct json v = json_first(include); v.type; v = json_after(include, v)) {
        if (json_str_eq(v, RESPONSES_LOGPROBS))
            g->out->values[PARAM_LOGPROBS] = STR("true");
    }
    if (json_is(user, JSON_STRING))
        g->out->facts.user = canon_plain(g->room, json_raw_str(user));
    return ERR_OK;
}

/* --- facts ------------------------------------------------------------------------------------ */

/* `model`, then `models`. */
static enum err read_models(struct reading *g, struct json root)
{
    struct json model = json_get(root, STR("model")), models = json_get(root, STR("models"));
    enum err e = ERR_OK;
    if (!json_is_none_or_null(models))
        e = want(g, models, JSON_ARRAY, "models", "an array");
    if (e == ERR_OK && (!json_is_none_or_null(model) || json_first(models).type == JSON_NONE))
        e = client_add_model(g->out, g->room, model, "model", g->f);
    for (struct json v = json_first(models); e == ERR_OK && v.type; v = json_after(models, v))
        e = client_add_model(g->out, g->room, v, "models", g->f);
    return e;
}

/* Nothing is stored: what would need it is refused by name. */
static enum err refuse_state(const struct reading *g, struct json root)
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

static enum err read_facts(struct reading *g, struct json root)
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
    return client_read_facts(g->out, root, g->f);
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
    struct reading g = {.room = room, .out = out, .f = f};
    *out = (struct canon_request){.from = &dialect_responses};
    enum err e = client_check(root, responses_request_shape, f);
    if (e == ERR_OK)
        e = read_facts(&g, root);
    if (e == ERR_OK)
        e = read_input(&g, root);
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
    client_read_cache(root, &out->cache);
    return e;
}
