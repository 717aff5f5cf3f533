/* chat_messages.c: a chat's messages as far as they must make sense before anybody is asked: roles, parts,
 * media, and that each tool result answers a call, once. What is only written with escapes is left to
 * who decodes it. */
#include "dialect/chat.h"

#include "base/map.h"
#include "dialect/chat_shape.h"
#include "dialect/media.h"

struct reading {
    struct chat_request *out;
    struct fault *f;
    struct map calls; /* ids of tool calls so far: to one of the two below */
    bool is_unsure;   /* an id is empty or has escapes: which is which is not known here */
    size_t at, part;  /* the message and its part */
};

static char asked, told;

/* --- parts ------------------------------------------------------------------------------------ */

/* Where a type of part has its media: in an object of that name, or, of links, right there. */
static const struct media_row {
    struct str type;
    const char *member;
    bool is_base64;
} media_rows[] = {
    {STR_INIT("image_url"), "url", false},  {STR_INIT("input_audio"), "data", true},
    {STR_INIT("video_url"), "url", false},  {STR_INIT("input_video"), "url", false},
    {STR_INIT("file"), "file_data", false},
};

static enum err refuse_media(struct reading *g, const struct media_row *row, struct json v,
                             bool is_within, const char *sentence)
{
    const char *dot = is_within ? "." : "", *member = is_within ? row->member : "";
    if (sentence)
        return fault_set(g->f, ERR_INVALID, "messages[%zu].content[%zu].%s%s%s: %s", g->at, g->part,
                         row->type.p, dot, member, sentence);
    return fault_set(g->f, ERR_INVALID, "messages[%zu].content[%zu].%s%s%s: expected %s, got %s",
                     g->at, g->part, row->type.p, dot, member, row->is_base64 ? "base64" : "a URL",
                     json_kind(v));
}

static enum err read_media(struct reading *g, const struct media_row *row, struct json part)
{
    struct media_url url;
    struct json holder = json_get(part, row->type);
    bool is_within = json_is(holder, JSON_OBJECT);
    struct json v = is_within ? json_get(holder, str_c(row->member)) : holder;
    struct str raw = json_raw_str(v);
    if (json_is_none_or_null(v) && json_is(json_get(holder, STR("file_id")), JSON_STRING)) {
        g->out->links++;
        return ERR_OK;
    }
    if (!json_is(v, JSON_STRING))
        return refuse_media(g, row, v, is_within, NULL);
    bool has_escapes = memchr(raw.p, '\\', raw.n) != NULL;
    if (row->is_base64)
        return has_escapes || media_is_base64(raw)
                   ? ERR_OK
                   : refuse_media(g, row, v, is_within, "expected base64, got text that is not");
    g->out->links += !str_ieq(str_head(raw, 5), STR("data:"));
    const char *wrong = has_escapes ? NULL : media_read_url(raw, &url);
    return wrong ? refuse_media(g, row, v, is_within, wrong) : ERR_OK;
}

static enum err refuse_part(struct reading *g, const char *member, struct json v)
{
    return fault_set(g->f, ERR_INVALID, "messages[%zu].content[%zu].%s: expected a string, got %s",
                     g->at, g->part, member, json_kind(v));
}

/* What is not in the table may be given by link as well: its size is not known here. */
static enum err read_part(struct reading *g, struct json part)
{
    struct json type = json_get(part, STR("type")), text = json_get(part, STR("text"));
    bool is_text = json_str_eq(type, STR("text"));
    if (!json_is(type, JSON_STRING))
        return refuse_part(g, "type", type);
    if (is_text && !json_is(text, JSON_STRING))
        return refuse_part(g, "text", text);
    tokens_add(&g->out->text, json_raw_str(text));
    g->out->says |= json_get(part, STR("cache_control")).type ? CHAT_MARKS : 0;
    g->out->has_media |= !is_text;
    for (size_t i = 0; !is_text && i < COUNT_OF(media_rows); i++) {
        if (json_str_eq(type, media_rows[i].type))
            return read_media(g, &media_rows[i], part);
    }
    g->out->links += json_is(json_get(part, json_raw_str(type)), JSON_OBJECT);
    return ERR_OK;
}

/* --- tool calls and their results ------------------------------------------------------------- */

static bool is_known(struct reading *g, struct str id)
{
    g->is_unsure |= id.n == 0 || memchr(id.p, '\\', id.n);
    return !g->is_unsure;
}

static enum err check_call(struct reading *g, size_t at, struct json id, struct json name,
                           bool is_function)
{
    const char *member = json_is(id, JSON_STRING) ? "function.name" : "id";
    if (json_is(id, JSON_STRING) && (!is_function || json_is(name, JSON_STRING)))
        return ERR_OK;
    return fault_set(g->f, ERR_INVALID,
                     "messages[%zu].tool_calls[%zu].%s: expected a string, got %s", g->at, at,
                     member, json_kind(json_is(id, JSON_STRING) ? name : id));
}

static enum err read_calls(struct reading *g, struct json calls)
{
    size_t at = 0;
    for (struct json c = json_first(calls); c.type; c = json_after(calls, c)) {
        struct json type = json_get(c, STR("type"));
        g->out->says |= json_get(c, STR("index")).type ? CHAT_ECHOES : 0;
        struct json function = json_get(c, STR("function"));
        struct json name = json_get(function, STR("name"));
        bool is_function = json_is_none_or_null(type) || json_str_eq(type, STR("function"));
        enum err e = check_call(g, at++, json_get(c, STR("id")), name, is_function);
        if (e != ERR_OK)
            return e;
        tokens_add(&g->out->text, json_raw_str(name));
        tokens_add(&g->out->text, json_raw_str(json_get(function, STR("arguments"))));
        struct str id = json_raw_str(json_get(c, STR("id")));
        if (is_known(g, id) && map_put(&g->calls, id, &asked) != ERR_OK)
            return fault_set(g->f, ERR_NOMEM, "No memory for this request: try again later");
    }
    return ERR_OK;
}

static enum err read_result(struct reading *g, struct json id)
{
    struct str raw = json_raw_str(id);
    if (!json_is(id, JSON_STRING))
        return fault_set(g->f, ERR_INVALID, "messages[%zu].tool_call_id: expected a string, got %s",
                         g->at, json_kind(id));
    if (!is_known(g, raw))
        return ERR_OK;
    const void *state = map_get(&g->calls, raw);
    if (state != &asked)
        return fault_set(g->f, ERR_INVALID,
                         "messages[%zu].tool_call_id: expected the id of a tool call of an earlier "
                         "message, got one that %s",
                         g->at, state ? "has its result already" : "none has");
    return map_put(&g->calls, raw, &told); /* replaced: nothing to fail */
}

/* --- messages --------------------------------------------------------------------------------- */

static bool is_role(struct json v)
{
    static const struct str roles[] = {STR_INIT("user"),   STR_INIT("assistant"),
                                       STR_INIT("system"), STR_INIT("developer"),
                                       STR_INIT("tool"),   STR_INIT("function")};
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        if (json_str_eq(v, roles[i]))
            return true;
    }
    return false;
}

static enum err refuse_content(struct reading *g, const char *got)
{
    return fault_set(g->f, ERR_INVALID,
                     "messages[%zu].content: expected a string or an array of parts, got %s", g->at,
                     got);
}

static enum err read_parts(struct reading *g, struct json content)
{
    enum err e = ERR_OK;
    g->part = 0;
    for (struct json p = json_first(content); e == ERR_OK && p.type; p = json_after(content, p)) {
        e = read_part(g, p);
        g->part++;
    }
    return e;
}

/* What it said, drew and called before. */
static enum err read_assistant(struct reading *g, struct json m)
{
    g->out->has_media |= !json_is_none_or_null(json_get(m, STR("audio"))) ||
                         !json_is_none_or_null(json_get(m, STR("images")));
    return read_calls(g, json_get(m, STR("tool_calls")));
}

uint8_t chat_says_of(struct str name)
{
    static const struct {
        struct str name;
        uint8_t says;
    } rows[] = {
        {STR_INIT("name"), CHAT_NAMES},
        {STR_INIT("reasoning"), CHAT_THOUGHTS},
        {STR_INIT("reasoning_content"), CHAT_THOUGHTS},
        {STR_INIT("reasoning_details"), CHAT_THOUGHTS},
        {STR_INIT("cache_control"), CHAT_MARKS},
        {STR_INIT("refusal"), CHAT_OWN},
        {STR_INIT("annotations"), CHAT_OWN},
        {STR_INIT("audio"), CHAT_OWN},
        {STR_INIT("function_call"), CHAT_OWN},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (name.n == rows[i].name.n && str_eq(name, rows[i].name))
            return rows[i].says;
    }
    return 0;
}

/* By the names of its members; a result's `name` is a function's. */
static uint8_t says_of(struct json m, struct json role)
{
    bool is_result = json_str_eq(role, STR("tool")) || json_str_eq(role, STR("function"));
    uint8_t says = json_str_eq(role, STR("developer")) ? CHAT_DEVELOPER : 0;
    for (struct json v = json_first(m); v.type; v = json_after(m, v))
        says |= chat_says_of(json_raw_str(json_key(v)));
    return is_result ? says & ~CHAT_NAMES : says;
}

static enum err read_message(struct reading *g, struct json m)
{
    struct json role = json_get(m, STR("role")), content = json_get(m, STR("content"));
    bool is_user = json_str_eq(role, STR("user"));
    enum err e = ERR_OK;
    if (!is_user && !is_role(role))
        return fault_set(
            g->f, ERR_INVALID,
            "messages[%zu].role: expected system, developer, user, assistant or tool, got %s",
            g->at, json_is(role, JSON_STRING) ? "another word" : json_kind(role));
    g->out->says = (g->out->says & ~CHAT_PREFILL) | says_of(m, role) |
                   (json_str_eq(role, STR("assistant")) ? CHAT_PREFILL : 0);
    if (json_is(content, JSON_STRING))
        tokens_add(&g->out->text, json_raw_str(content));
    else if (is_user && json_is_none_or_null(content))
        return refuse_content(g, json_kind(content));
    else if (is_user && json_first(content).type == JSON_NONE)
        return refuse_content(g, "an empty array");
    else
        e = read_parts(g, content);
    if (e != ERR_OK || is_user)
        return e;
    if (json_str_eq(role, STR("tool")))
        return read_result(g, json_get(m, STR("tool_call_id")));
    return json_str_eq(role, STR("assistant")) ? read_assistant(g, m) : ERR_OK;
}

enum err chat_read_messages(struct chat_request *r, struct json messages, struct fault *f)
{
    struct reading g = {.out = r, .f = f};
    struct json first = json_first(messages);
    if (!json_is(messages, JSON_ARRAY) || first.type == JSON_NONE)
        return fault_set(f, ERR_INVALID,
                         "messages: expected an array of at least one message, got %s",
                         json_is(messages, JSON_ARRAY) ? "an empty array" : json_kind(messages));
    enum err e = shape_check(&chat_shape_messages, messages, NULL, f);
    if (e != ERR_OK)
        return e;
    map_init(&g.calls);
    for (struct json m = first; e == ERR_OK && m.type; m = json_after(messages, m)) {
        e = read_message(&g, m);
        g.at++;
    }
    map_release(&g.calls);
    return e;
}
