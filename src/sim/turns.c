/* turns.c: messages: their text, what of a user's message is no text, and what is given back of earlier
 * answers: results of tools, and thoughts. */
#include "sim/internal.h"

#include "base/codec.h"

#include <stdio.h>

/* --- text ------------------------------------------------------------------------------------- */

static void add_str(struct json v, struct buf *out)
{
    size_t before = out->n;
    struct str s = json_str(v, out);
    if (out->n == before) /* no escapes: a view of the source */
        buf_add(out, s);
}

static enum err add_text(struct json content, const char *where, struct buf *out, struct fault *f)
{
    if (json_is_none_or_null(content))
        return ERR_OK;
    if (json_is(content, JSON_STRING)) {
        add_str(content, out);
        return ERR_OK;
    }
    if (!json_is(content, JSON_ARRAY))
        return fault_set(f, ERR_INVALID, "%s: expected a string or an array of parts, got %s",
                         where, json_kind(content));
    for (struct json part = json_first(content); !json_is(part, JSON_NONE);
         part = json_after(content, part)) {
        if (!json_is(part, JSON_OBJECT))
            return fault_set(f, ERR_INVALID, "%s: each part must be an object, got %s", where,
                             json_kind(part));
        add_str(json_get(part, STR("text")), out);
    }
    return ERR_OK;
}

/* A buffer's failure has no sentence of its own. */
static enum err read_text(struct json content, const char *where, struct buf *out, struct fault *f)
{
    buf_init(out, SIM_TEXT_MAX);
    enum err e = add_text(content, where, out, f);
    if (e == ERR_OK && out->failed != ERR_OK)
        e = fault_set(f, out->failed, "%s: there is no memory for the text", where);
    return e;
}

enum err sim__count_text(struct sim_call *c, struct json content, const char *where,
                         struct fault *f)
{
    struct buf text;
    enum err e = read_text(content, where, &text, f);
    c->prompt_bytes += text.n;
    buf_release(&text);
    return e;
}

enum err sim__read_prompt(struct sim_call *c, struct json content, const char *where,
                          struct fault *f)
{
    buf_release(&c->text);
    enum err e = read_text(content, where, &c->text, f);
    c->prompt_bytes += c->text.n;
    return e;
}

/* --- what is no text --------------------------------------------------------------------------- */

static void add_line(struct buf *to, struct str line)
{
    if (to->n)
        buf_add(to, STR("\n"));
    buf_add(to, line);
}

/* "image/png 1a2b3c4d": the CRC-32 of its base64, as it came. */
static void add_data(struct buf *to, struct str mime, struct str base64)
{
    add_line(to, mime);
    buf_printf(to, " %08x", crc32_ieee(base64));
}

/* A link as it is; a data URL taken apart. */
static void add_url(struct buf *to, struct str url)
{
    struct str rest = url;
    struct str head = str_cut(&rest, ',');
    if (str_starts(head, STR("data:")) && str_ends(head, STR(";base64")))
        add_data(to, str_head(str_skip(head, 5), head.n - 5 - 7), rest);
    else
        add_line(to, url);
}

/* Bedrock's: {"image": {"format": "png", "source": {"bytes": its base64}}}. */
static void keep_bytes(struct sim_call *c, struct json part)
{
    static const struct str kinds[] = {STR_INIT("image"), STR_INIT("audio"), STR_INIT("video"),
                                       STR_INIT("document")};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct json media = json_get(part, kinds[i]);
        struct json bytes = json_get(json_get(media, STR("source")), STR("bytes"));
        char mime[64];
        if (!json_is(bytes, JSON_STRING))
            continue;
        snprintf(mime, sizeof mime, "%.*s/%.*s", STR_ARG(kinds[i]),
                 STR_ARG(json_raw_str(json_get(media, STR("format")))));
        add_data(&c->media, str_c(mime), json_raw_str(bytes));
    }
}

/* Of each format: where a part has its link or data URL (or is it itself); or its type and its data. */
static void keep_media(struct sim_call *c, struct json part)
{
    static const struct {
        struct str part, type, data, url;
    } rows[] = {
        {STR_INIT("image_url"), STR_INIT(""), STR_INIT(""), STR_INIT("url")},
        {STR_INIT("file"), STR_INIT(""), STR_INIT(""), STR_INIT("file_data")},
        {STR_INIT("file_data"), STR_INIT(""), STR_INIT(""), STR_INIT("")},
        {STR_INIT("input_audio"), STR_INIT("format"), STR_INIT("data"), STR_INIT("")},
        {STR_INIT("source"), STR_INIT("media_type"), STR_INIT("data"), STR_INIT("url")},
        {STR_INIT("inlineData"), STR_INIT("mimeType"), STR_INIT("data"), STR_INIT("")},
        {STR_INIT("fileData"), STR_INIT("mimeType"), STR_INIT(""), STR_INIT("fileUri")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json media = json_get(part, rows[i].part);
        struct json data = json_get(media, rows[i].data);
        struct json url = json_is(media, JSON_STRING) ? media : json_get(media, rows[i].url);
        struct buf said;
        buf_init(&said, SIM_BODY_MAX);
        if (json_is(data, JSON_STRING))
            add_data(&c->media, json_raw_str(json_get(media, rows[i].type)), json_raw_str(data));
        else if (json_is(url, JSON_STRING))
            add_url(&c->media, json_str(url, &said));
        buf_release(&said);
    }
}

/* --- what is given back ------------------------------------------------------------------------ */

static enum err keep_result(struct sim_call *c, struct json content, const char *where,
                            struct fault *f)
{
    struct buf text;
    enum err e = read_text(content, where, &text, f);
    if (e == ERR_OK)
        add_line(&c->results, buf_view(&text));
    c->prompt_bytes += text.n;
    buf_release(&text);
    return e;
}

/* Gemini's is an object: the first of its members that is a string, or all of it. */
static enum err keep_response(struct sim_call *c, struct json response, const char *where,
                              struct fault *f)
{
    for (struct json v = json_first(response); v.type; v = json_after(response, v)) {
        if (json_is(v, JSON_STRING))
            return keep_result(c, v, where, f);
    }
    add_line(&c->results, json_raw(response));
    return ERR_OK;
}

static enum err refuse_signature(const char *where, struct fault *f)
{
    return fault_set(f, ERR_INVALID, "%s: Invalid `signature` in `thinking` block", where);
}

static enum err keep_thought(struct sim_call *c, struct json text, struct json signature,
                             const char *where, struct fault *f)
{
    struct buf thought, given;
    buf_init(&thought, SIM_BODY_MAX);
    buf_init(&given, SIM_BODY_MAX);
    struct str t = json_str(text, &thought), s = json_str(signature, &given);
    bool ok = json_is(text, JSON_STRING) ? sim__keep_thought(c, t, s) : sim__keep_signature(c, s);
    buf_release(&thought);
    buf_release(&given);
    return ok ? ERR_OK : refuse_signature(where, f);
}

/* What of a part is more than its text. */
static enum err read_part(struct sim_call *c, struct json part, bool is_user, const char *where,
                          struct fault *f)
{
    struct json signature = json_get(part, STR("thoughtSignature"));
    struct json response = json_get(part, STR("functionResponse"));
    if (is_user) {
        keep_media(c, part);
        keep_bytes(c, part);
    }
    struct json result = json_get(part, STR("toolResult"));
    struct json reasoning = json_get(json_get(part, STR("reasoningContent")), STR("reasoningText"));
    if (json_str_eq(json_get(part, STR("type")), STR("tool_result")))
        return keep_result(c, json_get(part, STR("content")), where, f);
    if (json_is(result, JSON_OBJECT))
        return keep_result(c, json_get(result, STR("content")), where, f);
    if (json_is(response, JSON_OBJECT))
        return keep_response(c, json_get(response, STR("response")), where, f);
    if (json_str_eq(json_get(part, STR("type")), STR("thinking")))
        return keep_thought(c, json_get(part, STR("thinking")), json_get(part, STR("signature")),
                            where, f);
    if (json_is(reasoning, JSON_OBJECT))
        return keep_thought(c, json_get(reasoning, STR("text")),
                            json_get(reasoning, STR("signature")), where, f);
    if (json_is(signature, JSON_STRING))
        return keep_thought(c, (struct json){0}, signature, where, f);
    return ERR_OK;
}

static enum err read_parts(struct sim_call *c, struct json content, bool is_user, const char *where,
                           struct fault *f)
{
    enum err e = ERR_OK;
    if (!json_is(content, JSON_ARRAY))
        return e;
    for (struct json p = json_first(content); e == ERR_OK && p.type; p = json_after(content, p))
        e = read_part(c, p, is_user, where, f);
    return e;
}

/* OpenAI's format has no thoughts; its dialects have them beside the content, without a signature. */
static void read_reasoning(struct sim_call *c, struct json turn)
{
    static const struct str names[] = {STR_INIT("reasoning_content"), STR_INIT("reasoning")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct json v = json_get(turn, names[i]);
        struct buf said;
        buf_init(&said, SIM_BODY_MAX);
        if (json_is(v, JSON_STRING)) {
            add_line(&c->thoughts, json_str(v, &said));
            i = COUNT_OF(names);
        }
        buf_release(&said);
    }
}

/* --- messages --------------------------------------------------------------------------------- */

static bool is_one_of(struct json role, const char *const *roles)
{
    for (; *roles; roles++) {
        if (json_str_eq(role, str_c(*roles)))
            return true;
    }
    return false;
}

static enum err check_turn(struct json turn, const struct sim_turns *t, unsigned i, struct fault *f)
{
    if (!json_is(turn, JSON_OBJECT))
        return fault_set(f, ERR_INVALID, "%s[%u]: expected an object, got %s", t->list, i,
                         json_kind(turn));
    struct json role = json_get(turn, STR("role"));
    if (json_is(role, JSON_NONE) && t->role_is_optional)
        return ERR_OK;
    if (!is_one_of(role, t->roles))
        return fault_set(f, ERR_INVALID, "%s[%u].role: expected a known role, got %s", t->list, i,
                         json_is(role, JSON_STRING) ? "another string" : json_kind(role));
    return ERR_OK;
}

/* A user's message without text (an image) leaves the last text standing. */
static void keep_last(struct sim_call *c, bool is_user, struct buf *text)
{
    c->prompt_bytes += text->n;
    c->ends_with_user = is_user && text->n > 0;
    if (!c->ends_with_user)
        return;
    struct buf before = c->text;
    c->text = *text;
    *text = before;
}

/* What the last message but one bore is over. */
static void forget(struct sim_call *c, bool is_user, bool is_tool)
{
    if (!is_tool)
        buf_reset(&c->results);
    if (is_user)
        buf_reset(&c->media);
}

/* Who speaks, and where it is said. */
struct speaker {
    bool is_user, is_tool;
    const char *content;
};

/* Items of OpenAI's responses that are no messages have a type in place of a role. */
static struct speaker speaker_of(struct json turn, const struct sim_turns *t)
{
    struct json role = json_get(turn, STR("role")), type = json_get(turn, STR("type"));
    bool is_item = json_is(role, JSON_NONE) && json_is(type, JSON_STRING) &&
                   !json_str_eq(type, STR("message"));
    if (is_item) {
        bool is_output = json_str_eq(type, STR("function_call_output"));
        return (struct speaker){.is_tool = is_output, .content = is_output ? "output" : "text"};
    }
    return (struct speaker){.is_user = json_is(role, JSON_NONE) || json_str_eq(role, STR("user")),
                            .is_tool = json_str_eq(role, STR("tool")),
                            .content = t->content};
}

/* What an item of OpenAI's responses has of a thought. */
static enum err read_sealed(struct sim_call *c, struct json turn, const char *where,
                            struct fault *f)
{
    struct json sealed = json_get(turn, STR("encrypted_content"));
    if (!json_is(sealed, JSON_STRING))
        return ERR_OK;
    return keep_thought(c, (struct json){0}, sealed, where, f);
}

static enum err read_said(struct sim_call *c, struct json turn, const struct speaker *by,
                          const char *where, struct fault *f)
{
    struct buf text;
    struct json content = json_get(turn, str_c(by->content));
    enum err e = read_text(content, where, &text, f);
    if (e == ERR_OK)
        e = read_parts(c, content, by->is_user, where, f);
    if (e == ERR_OK && by->is_tool)
        add_line(&c->results, buf_view(&text));
    if (e == ERR_OK)
        keep_last(c, by->is_user, &text);
    buf_release(&text);
    return e;
}

static enum err read_turn(struct sim_call *c, struct json turn, const struct sim_turns *t,
                          unsigned i, struct fault *f)
{
    enum err e = check_turn(turn, t, i, f);
    if (e != ERR_OK)
        return e;
    char where[64];
    struct speaker by = speaker_of(turn, t);
    snprintf(where, sizeof where, "%s[%u].%s", t->list, i, by.content);
    forget(c, by.is_user, by.is_tool);
    read_reasoning(c, turn);
    e = read_sealed(c, turn, where, f);
    return e == ERR_OK ? read_said(c, turn, &by, where, f) : e;
}

enum err sim__read_turns(struct sim_call *c, struct json request, const struct sim_turns *t,
                         struct fault *f)
{
    struct json list = json_get(request, str_c(t->list));
    if (!json_is(list, JSON_ARRAY))
        return fault_set(f, ERR_INVALID, "%s: expected an array, got %s", t->list, json_kind(list));
    struct json turn = json_first(list);
    if (json_is(turn, JSON_NONE))
        return fault_set(f, ERR_INVALID, "%s: at least one message is needed", t->list);
    enum err e = ERR_OK;
    for (unsigned i = 0; e == ERR_OK && !json_is(turn, JSON_NONE); i++) {
        e = read_turn(c, turn, t, i, f);
        turn = json_after(list, turn);
    }
    return e;
}

struct json sim__last_of(struct json request, const struct sim_turns *t, struct str role)
{
    struct json list = json_get(request, str_c(t->list)), last = {0};
    for (struct json m = json_first(list); m.type; m = json_after(list, m)) {
        if (json_str_eq(json_get(m, STR("role")), role))
            last = json_get(m, str_c(t->content));
    }
    return last;
}

enum err sim__check_thinking(const struct sim_call *c, bool calls, bool has_thought,
                             struct fault *f)
{
    if (!c->thinks || !calls || has_thought)
        return ERR_OK;
    return fault_set(
        f, ERR_INVALID,
        "messages.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
        "another. When `thinking` is enabled, a final `assistant` message must start "
        "with a thinking block.");
}
