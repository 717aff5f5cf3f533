#include "dialect/openai.h"

/* --- requests ------------------------------------------------------------------------------------
 */

static uint64_t dropped(const struct chat_request *r, const struct openai_rules *rules)
{
    uint64_t drops = rules->drops;
    if ((rules->drops_required && r->wants_tool) || (rules->drops_function && r->wants_function))
        drops |= chat_member_bit(STR("tool_choice"));
    if (rules->drops_schema && r->wants_schema)
        drops |= chat_member_bit(STR("response_format"));
    return drops & r->given;
}

/* Under a name that only this provider has, which a client may use as well. */
static bool is_own_name(const struct openai_rules *rules, struct str name)
{
    for (uint32_t i = 0; i < rules->renames_n; i++) {
        if (str_eq(rules->renames[i].to, name))
            return true;
    }
    return false;
}

/* Only where there is something to drop. */
static void drop_members(const struct chat_request *r, const struct openai_rules *rules,
                         struct splice *s)
{
    char room[256];
    uint64_t drops = dropped(r, rules);
    bool drops_unknown = rules->drops_unknown && r->has_unknown;
    if (!drops && !drops_unknown)
        return;
    for (struct json v = json_first(r->root); v.type; v = json_after(r->root, v)) {
        struct buf decoded = {.p = room, .cap = sizeof room, .max = sizeof room};
        struct str name = json_str(json_key(v), &decoded);
        uint64_t bit = chat_member_bit(name);
        if (bit ? (drops & bit) != 0 : drops_unknown && !is_own_name(rules, name))
            splice_drop(s, r->root, name);
    }
}

static bool is_bound(struct str name)
{
    return str_eq(name, STR("max_tokens")) || str_eq(name, STR("max_completion_tokens"));
}

/* What the client already says under the new name stands. */
static void rename_members(const struct chat_request *r, const struct openai_target *t,
                           struct splice *s)
{
    const struct openai_rules *rules = t->rules;
    for (uint32_t i = 0; i < rules->renames_n; i++) {
        const struct openai_rename *x = &rules->renames[i];
        if (!(r->given & x->bit & ~rules->drops))
            continue;
        struct json value = json_get(r->root, x->from);
        if (x->member.n)
            value = json_get(value, x->member);
        struct str raw =
            is_bound(x->from) && t->max_tokens_json.n ? t->max_tokens_json : json_raw(value);
        splice_drop(s, r->root, x->from);
        if (!json_is_none_or_null(value) && json_is_none_or_null(json_get(r->root, x->to)))
            splice_set(s, r->root, x->to, raw);
    }
}

static void bound_output(const struct chat_request *r, const struct openai_target *t,
                         struct splice *s)
{
    bool has_either = r->has_max_tokens || r->has_max_completion_tokens;
    if (!t->max_tokens_json.n)
        return;
    if (r->has_max_tokens)
        splice_set(s, r->root, STR("max_tokens"), t->max_tokens_json);
    if (r->has_max_completion_tokens)
        splice_set(s, r->root, STR("max_completion_tokens"), t->max_tokens_json);
    if (!has_either)
        splice_set(s, r->root, t->max_tokens_field, t->max_tokens_json);
}

static void ask_for_usage(const struct chat_request *r, struct splice *s)
{
    struct json options = json_get(r->root, STR("stream_options"));
    if (json_is(options, JSON_OBJECT))
        splice_set(s, options, STR("include_usage"), STR("true"));
    else
        splice_set(s, r->root, STR("stream_options"), STR("{\"include_usage\":true}"));
}

void openai_edit_request(const struct chat_request *r, const struct openai_target *t,
                         struct splice *s)
{
    splice_set(s, r->root, STR("model"), t->model_json);
    for (uint32_t i = 0; i < r->ours_n; i++)
        splice_drop(s, r->root, r->ours[i]);
    bound_output(r, t, s);
    if (r->is_streamed && !(t->rules && t->rules->has_no_stream_options))
        ask_for_usage(r, s);
    if (t->rules) {
        drop_members(r, t->rules, s);
        rename_members(r, t, s);
    }
}

/* --- answers -------------------------------------------------------------------------------------
 */

static uint64_t count_of(struct json v)
{
    uint64_t n;
    return json_u64(v, UINT32_MAX, &n) ? n : 0;
}

struct count_row {
    struct str name;
    size_t at; /* in struct chat_usage */
};

static void read_counts(struct json object, const struct count_row *rows, size_t n,
                        struct chat_usage *u)
{
    for (struct json v = json_first(object); v.type; v = json_after(object, v)) {
        struct str name = json_raw_str(json_key(v));
        for (size_t i = 0; i < n; i++) {
            if (str_eq(name, rows[i].name))
                *(uint64_t *)(void *)((char *)u + rows[i].at) = count_of(v);
        }
    }
}

#define COUNT(name, member)                                                                        \
    {                                                                                              \
        STR_INIT(name), offsetof(struct chat_usage, member)                                        \
    }
void openai_read_details(struct json in, struct json out, struct chat_usage *u)
{
    static const struct count_row of_prompt[] = {
        COUNT("cached_tokens", cached), COUNT("cache_write_tokens", cache_write),
        COUNT("audio_tokens", audio),   COUNT("image_tokens", image),
        COUNT("video_tokens", video),
    };
    static const struct count_row of_completion[] = {
        COUNT("reasoning_tokens", reasoning),
        COUNT("audio_tokens", audio_output),
        COUNT("image_tokens", image_output),
    };
    read_counts(in, of_prompt, COUNT_OF(of_prompt), u);
    read_counts(out, of_completion, COUNT_OF(of_completion), u);
}
#undef COUNT

/* A count, or nothing; *has_any tells of a count. */
static bool take_count(struct json v, uint64_t *out, bool *has_any)
{
    bool is_count = json_u64(v, UINT32_MAX, out);
    *has_any |= is_count;
    return is_count || json_is_none_or_null(v);
}

bool openai_read_usage(struct json usage, struct chat_usage *out)
{
    struct json in = {0}, made = {0}, of_in = {0}, of_made = {0};
    bool has_any = false;
    *out = (struct chat_usage){0};
    if (!json_is(usage, JSON_OBJECT))
        return false;
    for (struct json v = json_first(usage); v.type; v = json_after(usage, v)) {
        struct str name = json_raw_str(json_key(v));
        if (str_eq(name, STR("prompt_tokens")))
            in = v;
        else if (str_eq(name, STR("completion_tokens")))
            made = v;
        else if (str_eq(name, STR("prompt_tokens_details")))
            of_in = v;
        else if (str_eq(name, STR("completion_tokens_details")))
            of_made = v;
    }
    if (!take_count(in, &out->prompt, &has_any) || !take_count(made, &out->completion, &has_any))
        return false;
    openai_read_details(of_in, of_made, out);
    chat_trim_usage(out);
    return has_any;
}

/* What most providers call what was thought; OpenRouter's name is `reasoning`. */
#define THOUGHTS STR("reasoning_content")

static bool is_nothing(struct json v)
{
    bool is_empty_list = json_is(v, JSON_ARRAY) && json_first(v).type == JSON_NONE;
    bool is_empty_text = json_is(v, JSON_STRING) && json_raw_str(v).n == 0;
    return json_is_none_or_null(v) || is_empty_list || is_empty_text;
}

/* Text of tool calls: [{"function":{"name":...,"arguments":...}}]. */
static void count_calls(struct json calls, struct tokens_text *to)
{
    for (struct json c = json_first(calls); c.type; c = json_after(calls, c)) {
        struct json function = json_get(c, STR("function"));
        tokens_add(to, json_raw_str(json_get(function, STR("name"))));
        tokens_add(to, json_raw_str(json_get(function, STR("arguments"))));
    }
}

/* Notes what one delta or message brings; true: something that a client waits for. */
static bool read_content(struct json message, struct openai_event *ev)
{
    bool brings = false;
    for (struct json v = json_first(message); v.type; v = json_after(message, v)) {
        struct str name = json_raw_str(json_key(v));
        if (str_eq(name, STR("role")) || is_nothing(v))
            continue;
        brings = true;
        ev->has_thoughts |= str_eq(name, THOUGHTS);
        if (str_eq(name, STR("tool_calls"))) {
            count_calls(v, &ev->content);
            ev->texts += 2;
        } else {
            tokens_add(&ev->content, json_raw_str(v));
            ev->text = v;
            ev->texts++;
        }
    }
    return brings;
}

static void read_choice(struct json choice, struct str part, struct openai_event *ev)
{
    for (struct json v = json_first(choice); v.type; v = json_after(choice, v)) {
        struct str name = json_raw_str(json_key(v));
        if (str_eq(name, part)) {
            if (read_content(v, ev))
                ev->kind = OPENAI_CONTENT;
        } else if (json_is(v, JSON_STRING) && str_eq(name, STR("finish_reason"))) {
            ev->kind = OPENAI_CONTENT;
            ev->finish_reason = json_raw_str(v);
            ev->finishes++;
        }
    }
}

/* One walk: a stream is made of many small events. */
static void find_members(struct json root, struct openai_event *ev, struct json *error)
{
    const struct {
        struct str name;
        struct json *at;
    } wanted[] = {
        {STR("id"), &ev->id_at},
        {STR("model"), &ev->model_at},
        {STR("error"), error},
        {STR("usage"), &ev->usage_at},
        {STR("choices"), &ev->choices},
        {STR("provider"), &ev->provider_at},
        {STR("obfuscation"), &ev->padding_at},
    };
    for (struct json v = json_first(root); v.type; v = json_after(root, v)) {
        struct str name = json_raw_str(json_key(v));
        ev->has_fingerprint |= str_eq(name, STR("system_fingerprint"));
        for (size_t i = 0; i < COUNT_OF(wanted); i++) {
            if (name.n == wanted[i].name.n && str_eq(name, wanted[i].name))
                *wanted[i].at = v;
        }
    }
}

static void read_event(struct json root, struct str part, struct openai_event *ev)
{
    struct json error = {0};
    *ev = (struct openai_event){.kind = OPENAI_BAD, .root = root};
    find_members(root, ev, &error);
    if (!json_is_none_or_null(error)) {
        ev->kind = OPENAI_ERROR;
        return;
    }
    ev->id = json_raw_str(ev->id_at);
    ev->has_usage = openai_read_usage(ev->usage_at, &ev->usage);
    ev->first_choice = json_first(ev->choices);
    if (json_is(ev->first_choice, JSON_OBJECT))
        ev->kind = OPENAI_EMPTY;
    else if (ev->has_usage)
        ev->kind = OPENAI_USAGE;
    else if (json_is(ev->choices, JSON_ARRAY) && ev->first_choice.type == JSON_NONE)
        ev->kind = OPENAI_EMPTY;
    for (struct json c = ev->first_choice; c.type; c = json_after(ev->choices, c))
        read_choice(c, part, ev);
}

void openai_read_chunk(struct json root, struct openai_event *ev)
{
    read_event(root, STR("delta"), ev);
}

void openai_read_answer(struct json root, struct openai_event *ev)
{
    read_event(root, STR("message"), ev);
    ev->is_whole = true;
    bool has_message = json_is(json_get(ev->first_choice, STR("message")), JSON_OBJECT);
    if (ev->kind != OPENAI_ERROR)
        ev->kind = has_message ? OPENAI_CONTENT : OPENAI_BAD;
}

/* Constant texts: the edits lend them until the splice is written. */
static struct str quoted_reason(struct str native)
{
    static const struct {
        struct str reason, quoted;
    } rows[] = {
        {STR_INIT("stop"), STR_INIT("\"stop\"")},
        {STR_INIT("length"), STR_INIT("\"length\"")},
        {STR_INIT("tool_calls"), STR_INIT("\"tool_calls\"")},
        {STR_INIT("content_filter"), STR_INIT("\"content_filter\"")},
        {STR_INIT("error"), STR_INIT("\"error\"")},
    };
    struct str reason = chat_finish_reason(native);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_eq(rows[i].reason, reason))
            return rows[i].quoted;
    }
    return rows[0].quoted;
}

static void edit_choice(struct json choice, struct splice *s)
{
    struct json finish = json_get(choice, STR("finish_reason"));
    if (!json_is(finish, JSON_STRING))
        return;
    struct str native = json_raw_str(finish), reason = quoted_reason(native);
    if (!str_eq(native, str_of(reason.p + 1, reason.n - 2)))
        splice_replace(s, finish, reason);
    if (json_get(choice, STR("native_finish_reason")).type == JSON_NONE)
        splice_add(s, choice, STR("native_finish_reason"), json_raw(finish));
}

/* One edit where it can be: an answer may have many choices. Who says both names has said it all. */
static void edit_thoughts(struct json message, struct splice *s)
{
    struct json thoughts = json_get(message, THOUGHTS);
    struct json ours = json_get(message, STR("reasoning"));
    if (!json_is(thoughts, JSON_STRING) || json_is(ours, JSON_STRING))
        return;
    if (ours.type == JSON_NONE) {
        splice_replace(s, json_key(thoughts), STR("\"reasoning\""));
        return;
    }
    splice_replace(s, ours, json_raw(thoughts));
    splice_drop(s, message, THOUGHTS);
}

static void put(struct splice *s, struct json root, struct json at, struct str name, struct str raw)
{
    if (at.type)
        splice_replace(s, at, raw);
    else
        splice_add(s, root, name, raw);
}

void openai_edit_event(const struct openai_event *ev, const struct openai_identity *who,
                       struct splice *s)
{
    put(s, ev->root, ev->id_at, STR("id"), who->id_json);
    put(s, ev->root, ev->model_at, STR("model"), who->model_json);
    if (ev->finish_reason.p)
        for (struct json c = ev->first_choice; c.type; c = json_after(ev->choices, c))
            edit_choice(c, s);
    struct str part = ev->is_whole ? STR("message") : STR("delta");
    if (ev->has_thoughts)
        for (struct json c = ev->first_choice; c.type; c = json_after(ev->choices, c))
            edit_thoughts(json_get(c, part), s);
    if (who->usage_json.n)
        put(s, ev->root, ev->usage_at, STR("usage"), who->usage_json);
    else if (ev->usage_at.type)
        splice_drop_value(s, ev->root, ev->usage_at);
    if (ev->is_whole && !ev->has_fingerprint)
        splice_add(s, ev->root, STR("system_fingerprint"), STR("null"));
    put(s, ev->root, ev->provider_at, STR("provider"), who->provider_json);
}

static bool is_context_code(struct json error)
{
    return json_str_eq(json_get(error, STR("code")), STR("context_length_exceeded")) ||
           json_str_eq(json_get(error, STR("type")), STR("context_length_exceeded")) ||
           json_str_eq(json_get(error, STR("type")), STR("exceed_context_size_error")) ||
           json_str_eq(json_get(json_get(error, STR("metadata")), STR("error_type")),
                       STR("context_length_exceeded"));
}

void openai_read_error(struct json root, struct buf *scratch, struct openai_error *out)
{
    struct json error = json_get(root, STR("error"));
    struct json message = json_get(json_is(error, JSON_OBJECT) ? error : root, STR("message"));
    uint64_t status = 0;
    *out = (struct openai_error){0};
    out->message = json_str(json_is(error, JSON_STRING) ? error : message, scratch);
    json_u64(json_get(error, STR("code")), 599, &status);
    if (status >= 400)
        out->status = (int)status;
    out->is_context = is_context_code(error) || chat_says_context(out->message);
}
