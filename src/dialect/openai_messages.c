/* openai_messages.c: messages and tools of a chat for a provider that has OpenAI's form, but not all that
 * can be said in it. What such providers refuse is in their rows (catalog/kind.c); with most of them an
 * unknown member of a message is an error (Groq: "property 'reasoning' is unsupported"; Mistral: "Extra
 * inputs are not permitted"; OpenAI: "Unknown parameter: 'messages[0].content[0].cache_control'"). */
#include "dialect/openai.h"

/* One request's messages being written. */
struct fitting {
    struct json_writer w;
    const struct openai_rules *rules;
    uint8_t unsaid; /* enum chat_says: what is there and cannot stay */
};

static bool stays(const struct fitting *g, struct str name)
{
    return !(g->unsaid & chat_says_of(name));
}

/* `"name":value`, both as they stand. */
static void copy_member(struct json_writer *w, struct json v)
{
    if (w->comma)
        buf_add(w->out, STR(","));
    w->comma = true;
    buf_add(w->out, json_raw(json_key(v)));
    buf_add(w->out, STR(":"));
    buf_add(w->out, json_raw(v));
}

/* An object without one of its members. */
static void copy_without(struct json_writer *w, struct json object, struct str name)
{
    if (!json_is(object, JSON_OBJECT) || !json_get(object, name).type) {
        jw_raw(w, NULL, json_raw(object));
        return;
    }
    jw_object(w, NULL);
    for (struct json v = json_first(object); v.type; v = json_after(object, v)) {
        if (!str_eq(json_raw_str(json_key(v)), name))
            copy_member(w, v);
    }
    jw_end(w);
}

static void copy_each_without(struct json_writer *w, const char *key, struct json array,
                              struct str name)
{
    jw_array(w, key);
    for (struct json v = json_first(array); v.type; v = json_after(array, v))
        copy_without(w, v, name);
    jw_end(w);
}

/* --- content ---------------------------------------------------------------------------------- */

/* "alice: " and the text; raw. */
static void write_named(struct fitting *g, const char *key, struct str name, struct str text)
{
    jw_raw(&g->w, key, STR("\""));
    buf_add(g->w.out, name);
    buf_add(g->w.out, STR(": "));
    buf_add(g->w.out, text);
    buf_add(g->w.out, STR("\""));
}

/* The name goes before the first text; *name is taken when it has. */
static void write_part(struct fitting *g, struct json part, struct str *name)
{
    bool is_text = name->n && json_str_eq(json_get(part, STR("type")), STR("text"));
    if (!is_text) {
        copy_without(&g->w, part, g->unsaid & CHAT_MARKS ? STR("cache_control") : STR_NONE);
        return;
    }
    jw_object(&g->w, NULL);
    jw_str_c(&g->w, "type", "text");
    write_named(g, "text", *name, json_raw_str(json_get(part, STR("text"))));
    if (!(g->unsaid & CHAT_MARKS) && json_get(part, STR("cache_control")).type)
        jw_raw(&g->w, "cache_control", json_raw(json_get(part, STR("cache_control"))));
    jw_end(&g->w);
    *name = STR_NONE;
}

static void write_content(struct fitting *g, struct json content, struct str name)
{
    if (json_is(content, JSON_STRING) && name.n) {
        write_named(g, "content", name, json_raw_str(content));
    } else if (json_is(content, JSON_ARRAY)) {
        jw_array(&g->w, "content");
        for (struct json p = json_first(content); p.type; p = json_after(content, p))
            write_part(g, p, &name);
        jw_end(&g->w);
    } else {
        jw_raw(&g->w, "content", json_raw(content));
    }
}

/* --- messages --------------------------------------------------------------------------------- */

/* Under the provider's name for them: as one text, else what there is in details. */
static void write_thoughts(struct fitting *g, struct json m)
{
    struct json text = json_get(m, STR("reasoning_content"));
    struct json details = json_get(m, STR("reasoning_details"));
    if (!json_is(text, JSON_STRING))
        text = json_get(m, STR("reasoning"));
    if (json_is(text, JSON_STRING)) {
        jw_raw(&g->w, g->rules->thoughts.p, json_raw(text));
        return;
    }
    if (json_first(details).type == JSON_NONE)
        return;
    jw_raw(&g->w, g->rules->thoughts.p, STR("\""));
    for (struct json d = json_first(details); d.type; d = json_after(details, d)) {
        buf_add(g->w.out, json_raw_str(json_get(d, STR("text"))));
        buf_add(g->w.out, json_raw_str(json_get(d, STR("summary"))));
    }
    buf_add(g->w.out, STR("\""));
}

static void write_member(struct fitting *g, struct json v, struct str speaker)
{
    struct str name = json_raw_str(json_key(v));
    bool is_developer =
        g->unsaid & CHAT_DEVELOPER && str_eq(name, STR("role")) && json_str_eq(v, STR("developer"));
    if (is_developer)
        jw_str_c(&g->w, "role", "system");
    else if (str_eq(name, STR("content")))
        write_content(g, v, speaker);
    else if (g->unsaid & CHAT_ECHOES && str_eq(name, STR("tool_calls")) && json_is(v, JSON_ARRAY))
        copy_each_without(&g->w, "tool_calls", v, STR("index"));
    else
        copy_member(&g->w, v);
}

/* A result's name is its function's. */
static struct str speaker_of(const struct fitting *g, struct json m)
{
    struct json role = json_get(m, STR("role"));
    bool is_result = json_str_eq(role, STR("tool")) || json_str_eq(role, STR("function"));
    return is_result || !(g->unsaid & CHAT_NAMES) ? STR_NONE
                                                  : json_raw_str(json_get(m, STR("name")));
}

static void write_message(struct fitting *g, struct json m, bool is_last)
{
    struct json role = json_get(m, STR("role"));
    bool is_assistant = json_str_eq(role, STR("assistant"));
    struct str speaker = speaker_of(g, m);
    jw_object(&g->w, NULL);
    for (struct json v = json_first(m); v.type; v = json_after(m, v)) {
        struct str name = json_raw_str(json_key(v));
        bool is_functions = str_eq(name, STR("name")) && !speaker.n;
        if (is_functions || stays(g, name))
            write_member(g, v, speaker);
    }
    if (is_assistant && g->unsaid & CHAT_THOUGHTS && g->rules->thoughts.n)
        write_thoughts(g, m);
    if (is_last && is_assistant && g->rules->prefill.n && !json_get(m, g->rules->prefill).type)
        jw_bool(&g->w, g->rules->prefill.p, true);
    jw_end(&g->w);
}

static void edit_tools(struct fitting *g, struct json root, struct splice *s)
{
    struct json tools = json_get(root, STR("tools"));
    size_t at = g->w.out->n;
    if (!(g->unsaid & CHAT_MARKS) || !json_is(tools, JSON_ARRAY))
        return;
    json_writer_init(&g->w, g->w.out);
    copy_each_without(&g->w, NULL, tools, STR("cache_control"));
    splice_replace(s, tools, str_of(g->w.out->p + at, g->w.out->n - at));
}

bool openai_must_edit_messages(const struct chat_request *r, const struct openai_rules *rules)
{
    return rules && (r->says & rules->unsaid);
}

void openai_edit_messages(const struct chat_request *r, const struct openai_rules *rules,
                          struct splice *s, struct buf *room)
{
    struct fitting g = {.rules = rules, .unsaid = rules->unsaid};
    struct json messages = json_get(r->root, STR("messages"));
    json_writer_init(&g.w, room);
    jw_array(&g.w, NULL);
    for (struct json m = json_first(messages), next; m.type; m = next) {
        next = json_after(messages, m);
        write_message(&g, m, next.type == JSON_NONE);
    }
    jw_end(&g.w);
    splice_replace(s, messages, buf_view(room));
    edit_tools(&g, r->root, s);
    if (room->failed != ERR_OK)
        s->failed = room->failed;
}
