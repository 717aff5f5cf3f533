#include "dialect/chat.h"

#include <stdio.h>

#include "dialect/chat_shape.h"
#include "dialect/member.h"

struct str chat_member(unsigned i)
{
    const struct member *m = member_at(i);
    return m ? m->name : STR_NONE;
}

uint64_t chat_member_bit(struct str name)
{
    const struct member *m = member_find(name);
    return m ? member_bit(m) : 0;
}

/* What is decoded to scratch is bounded, and there is room for it beforehand: views of scratch must
 * not move while others are added. An escape takes up to six bytes for one. */
enum {
    MODEL_MAX = 256,
    MODEL_RAW_MAX = 6 * MODEL_MAX,
    NAME_RAW_MAX = 6 * 32, /* no field's name is longer than 32 */
    USER_RAW_MAX = 8192,
    SCRATCH_MIN = (CHAT_MODELS_MAX + 1) * MODEL_RAW_MAX + NAME_RAW_MAX + USER_RAW_MAX,
};

static enum err add_model(struct chat_request *r, struct json v, struct buf *scratch,
                          const char *where, struct fault *f)
{
    if (!json_is(v, JSON_STRING))
        return fault_set(f, ERR_INVALID, "%s: expected a string, got %s", where, json_kind(v));
    size_t before = scratch->n;
    struct str raw = json_raw_str(v), id = raw.n > MODEL_RAW_MAX ? raw : json_str(v, scratch);
    if (!id.p || id.n == 0 || id.n > MODEL_MAX)
        return fault_set(f, ERR_INVALID, "%s: expected a model name of 1 to %d bytes, got %zu",
                         where, MODEL_MAX, id.n);
    for (uint32_t i = 0; i < r->models_n; i++) {
        if (str_eq(r->models[i], id)) {
            scratch->n = before;
            return ERR_OK;
        }
    }
    if (r->models_n == CHAT_MODELS_MAX)
        return fault_set(f, ERR_INVALID, "models: more than %d models", CHAT_MODELS_MAX);
    r->models[r->models_n++] = id;
    return ERR_OK;
}

static enum err read_models(struct chat_request *r, const struct json *known, struct buf *scratch,
                            struct fault *f)
{
    char where[32];
    size_t i = 0;
    enum err e = ERR_OK;
    struct json model = known[MEMBER_MODEL], models = known[MEMBER_MODELS];
    if (!json_is_none_or_null(model))
        e = add_model(r, model, scratch, "model", f);
    for (struct json v = json_first(models); e == ERR_OK && v.type; v = json_after(models, v)) {
        snprintf(where, sizeof where, "models[%zu]", i++);
        e = add_model(r, v, scratch, where, f);
    }
    if (e == ERR_OK && r->models_n == 0)
        return fault_set(f, ERR_INVALID, "model: expected the name of a model, got nothing");
    return e;
}

struct json chat_prompt(struct json root)
{
    struct json prompt = json_get(root, STR("prompt")), first = json_first(prompt);
    bool is_list_of_one = json_is(prompt, JSON_ARRAY) && json_is(first, JSON_STRING) &&
                          json_after(prompt, first).type == JSON_NONE;
    return is_list_of_one ? first : prompt;
}
/* The older form: one text instead of messages. */
static enum err read_prompt(struct chat_request *r, struct json prompt, struct fault *f)
{
    tokens_add(&r->text, json_raw_str(prompt));
    return json_is(prompt, JSON_STRING)
               ? ERR_OK
               : fault_set(f, ERR_INVALID, "prompt: expected a string, got %s%s", json_kind(prompt),
                           json_is(prompt, JSON_ARRAY) ? ": send one request for each" : "");
}

/* The checks by table, and the names of what is ours. Of the older form `logprobs` is a number,
 * which its reader checks. */
static enum err read_fields(struct chat_request *r, bool is_prompt, struct json *known,
                            struct buf *scratch, struct fault *f)
{
    for (struct json v = json_first(r->root); v.type; v = json_after(r->root, v)) {
        struct json key = json_key(v);
        size_t before = scratch->n;
        const struct member *m =
            json_raw_str(key).n > NAME_RAW_MAX ? NULL : member_find(json_str(key, scratch));
        scratch->n = before;
        if (!m) {
            r->has_unknown = true;
            continue;
        }
        r->given |= member_bit(m);
        bool is_checked_elsewhere = is_prompt && m->known == MEMBER_LOGPROBS;
        enum err e = is_checked_elsewhere ? ERR_OK : member_check(v, &m->rule, m->name.p, f);
        if (e != ERR_OK)
            return e;
        if (m->is_ours && r->ours_n < CHAT_OURS_MAX)
            r->ours[r->ours_n++] = m->name;
        if (m->known)
            known[m->known] = v;
        if (!json_is(v, JSON_NULL))
            r->asks |= member_bit(m);
    }
    return ERR_OK;
}

bool chat_wants_echo(struct json debug, bool is_streamed)
{
    return is_streamed && json_is(json_get(debug, STR("echo_upstream_body")), JSON_TRUE);
}

/* What some members ask for is more, or less, than that they are there. */
static void read_asks(struct chat_request *r, const struct json *known)
{
    struct json choice = known[MEMBER_TOOL_CHOICE], format = known[MEMBER_RESPONSE_FORMAT];
    struct json type = json_get(format, STR("type"));
    r->hides_thoughts = json_bool_or(json_get(known[MEMBER_REASONING], STR("exclude")), false) ||
                        json_is(known[MEMBER_INCLUDE_REASONING], JSON_FALSE);
    r->wants_tool = json_str_eq(choice, STR("required"));
    r->wants_function = json_is(choice, JSON_OBJECT);
    r->wants_schema = json_str_eq(type, STR("json_schema"));
    if (r->choices <= 1)
        r->asks &= ~chat_member_bit(STR("n"));
    if (!json_bool_or(known[MEMBER_LOGPROBS], false))
        r->asks &= ~chat_member_bit(STR("logprobs"));
    if (json_str_eq(type, STR("text")))
        r->asks &= ~chat_member_bit(STR("response_format"));
}

static enum err read_bounds(struct chat_request *r, const struct json *known, struct fault *f)
{
    uint64_t older = 0, newer = 0;
    r->has_max_tokens = json_u64(known[MEMBER_MAX_TOKENS], UINT32_MAX, &older);
    r->has_max_completion_tokens =
        json_u64(known[MEMBER_MAX_COMPLETION_TOKENS], UINT32_MAX, &newer);
    if (r->has_max_tokens && r->has_max_completion_tokens && older != newer)
        return member_contradict("max_tokens", "max_completion_tokens", f);
    r->max_tokens = r->has_max_tokens ? older : newer;
    r->choices = json_u64_or(known[MEMBER_CHOICES], 1);
    return ERR_OK;
}

static bool is_said(struct json v)
{
    return !json_is_none_or_null(v);
}

/* `reasoning`, and its older forms. What contradicts itself within `reasoning` its rule has seen. */
static enum err check_reasoning(const struct json *known, struct fault *f)
{
    struct json brief = known[MEMBER_REASONING_EFFORT], whole = known[MEMBER_REASONING];
    struct json effort = json_get(whole, STR("effort")), max = json_get(whole, STR("max_tokens"));
    struct json enabled = json_get(whole, STR("enabled"));
    struct json include = known[MEMBER_INCLUDE_REASONING],
                exclude = json_get(whole, STR("exclude"));
    bool is_none = json_str_eq(brief, STR("none"));
    if (is_said(brief) && is_said(effort) && !str_eq(json_raw(brief), json_raw(effort)))
        return member_contradict("reasoning_effort", "reasoning.effort", f);
    if (is_said(brief) && is_said(max))
        return member_contradict("reasoning_effort", "reasoning.max_tokens", f);
    if (is_said(brief) && is_said(enabled) && json_is(enabled, JSON_TRUE) == is_none)
        return member_contradict("reasoning_effort", "reasoning.enabled", f);
    if (is_said(include) && is_said(exclude) && include.type == exclude.type)
        return member_contradict("include_reasoning", "reasoning.exclude", f);
    return ERR_OK;
}

static enum err check_contradictions(const struct chat_request *r, const struct json *known,
                                     struct fault *f)
{
    struct json budget = json_get(known[MEMBER_REASONING], STR("max_tokens"));
    enum err e = check_reasoning(known, f);
    if (e == ERR_OK)
        e = member_check_budget(json_u64_or(budget, 0), "reasoning.max_tokens", r->max_tokens,
                                r->has_max_tokens ? "max_tokens" : "max_completion_tokens", f);
    if (e != ERR_OK)
        return e;
    if (is_said(known[MEMBER_FUNCTIONS]) && is_said(known[MEMBER_TOOLS]))
        return member_contradict("functions", "tools", f);
    if (is_said(known[MEMBER_FUNCTION_CALL]) && is_said(known[MEMBER_TOOL_CHOICE]))
        return member_contradict("function_call", "tool_choice", f);
    if (json_is(known[MEMBER_LOGPROBS], JSON_FALSE) &&
        json_u64_or(known[MEMBER_TOP_LOGPROBS], 0) > 0)
        return member_contradict("logprobs", "top_logprobs", f);
    return ERR_OK;
}

static void read_tools(struct chat_request *r, struct json tools)
{
    tokens_add(&r->text, json_raw(tools));
    for (struct json t = json_first(tools); t.type; t = json_after(tools, t))
        r->says |= json_get(t, STR("cache_control")).type ? CHAT_MARKS : 0;
}

static enum err read_request(struct json root, bool is_prompt, struct buf *scratch,
                             struct chat_request *r, struct fault *f)
{
    struct json known[MEMBER__KNOWN_COUNT] = {{0}};
    *r = (struct chat_request){.root = root};
    if (!json_is(root, JSON_OBJECT))
        return fault_set(f, ERR_INVALID, "the body: expected a JSON object, got %s",
                         json_kind(root));
    if (buf_grow(scratch, SCRATCH_MIN) != ERR_OK)
        return fault_set(f, ERR_NOMEM, "No memory for this request: try again later");
    enum err e = json_refuse_duplicates(root, f);
    if (e == ERR_OK)
        e = read_fields(r, is_prompt, known, scratch, f);
    if (e == ERR_OK)
        e = json_refuse_duplicates(known[MEMBER_STREAM_OPTIONS],
                                   f); /* the usage that is asked for pays the bill */
    if (e == ERR_OK)
        e = read_models(r, known, scratch, f);
    if (e == ERR_OK)
        e = is_prompt ? read_prompt(r, chat_prompt(root), f)
                      : chat_read_messages(r, known[MEMBER_MESSAGES], f);
    if (e == ERR_OK)
        e = read_bounds(r, known, f);
    if (e == ERR_OK)
        e = check_contradictions(r, known, f);
    if (json_is(known[MEMBER_TOOLS], JSON_ARRAY))
        read_tools(r, known[MEMBER_TOOLS]);
    r->is_streamed = json_bool_or(known[MEMBER_STREAM], false);
    r->may_speak =
        (r->given & (chat_member_bit(STR("modalities")) | chat_member_bit(STR("audio")))) != 0;
    read_asks(r, known);
    r->wants_echo = chat_wants_echo(known[MEMBER_DEBUG], r->is_streamed);
    r->provider = known[MEMBER_PROVIDER];
    struct str user = json_raw_str(known[MEMBER_USER]);
    r->user = user.n > USER_RAW_MAX ? user : json_str(known[MEMBER_USER], scratch);
    return e;
}

enum err chat_read(struct json root, struct buf *scratch, struct chat_request *out, struct fault *f)
{
    return read_request(root, false, scratch, out, f);
}

enum err chat_read_prompt(struct json root, struct buf *scratch, struct chat_request *out,
                          struct fault *f)
{
    return read_request(root, true, scratch, out, f);
}

static void trim(uint64_t *part, uint64_t whole)
{
    if (*part > whole)
        *part = whole;
}

void chat_trim_usage(struct chat_usage *u)
{
    trim(&u->cached, u->prompt);
    trim(&u->cache_write, u->prompt - u->cached);
    trim(&u->cache_write_1h, u->cache_write);
    trim(&u->audio, u->prompt);
    trim(&u->image, u->prompt - u->audio);
    trim(&u->video, u->prompt - u->audio - u->image);
    trim(&u->audio_cached, u->cached);
    trim(&u->audio_cached, u->audio);
    trim(&u->reasoning, u->completion);
    trim(&u->audio_output, u->completion - u->reasoning);
    trim(&u->image_output, u->completion - u->reasoning - u->audio_output);
}

void chat_write_count(struct json_writer *w, const char *key, uint64_t n)
{
    if (n)
        jw_u64(w, key, n);
}

/* Kinds of tokens that few answers have are told where there are any. */
static void add_count(struct buf *t, struct str lead, uint64_t n)
{
    if (!n)
        return;
    buf_add(t, lead);
    buf_add_u64(t, n);
}

/* Each answer brings one: pieces of known size, copied without calls, take half the time that the
 * writer takes for names and commas. */
void chat_write_usage(struct json_writer *w, const char *key, const struct chat_bill *b)
{
    const struct chat_usage *u = &b->usage;
    char room[1024]; /* for the longest numbers too */
    struct buf t = {.p = room, .cap = sizeof room, .max = sizeof room};
    buf_add(&t, STR("{\"prompt_tokens\":"));
    buf_add_u64(&t, u->prompt);
    buf_add(&t, STR(",\"completion_tokens\":"));
    buf_add_u64(&t, u->completion);
    buf_add(&t, STR(",\"total_tokens\":"));
    buf_add_u64(&t, u->prompt + u->completion);
    buf_add(&t, STR(",\"cost\":"));
    money_add_usd(&t, b->cost);
    buf_add(&t, STR(",\"is_byok\":false,\"prompt_tokens_details\":{\"cached_tokens\":"));
    buf_add_u64(&t, u->cached);
    buf_add(&t, STR(",\"cache_write_tokens\":"));
    buf_add_u64(&t, u->cache_write);
    add_count(&t, STR(",\"audio_tokens\":"), u->audio);
    add_count(&t, STR(",\"image_tokens\":"), u->image);
    add_count(&t, STR(",\"video_tokens\":"), u->video);
    buf_add(&t, STR("},\"completion_tokens_details\":{\"reasoning_tokens\":"));
    buf_add_u64(&t, u->reasoning);
    add_count(&t, STR(",\"audio_tokens\":"), u->audio_output);
    add_count(&t, STR(",\"image_tokens\":"), u->image_output);
    buf_add(&t, STR("},\"cost_details\":{\"upstream_inference_cost\":null,"
                    "\"upstream_inference_prompt_cost\":"));
    money_add_usd(&t, b->prompt_cost);
    buf_add(&t, STR(",\"upstream_inference_completions_cost\":"));
    money_add_usd(&t, b->completion_cost);
    buf_add(&t, STR("}}"));
    BUG_ON(t.failed != ERR_OK);
    jw_raw(w, key, buf_view(&t));
}

struct str chat_finish_reason(struct str native)
{
    static const struct {
        struct str native, ours;
    } words[] = {
        {STR_INIT("stop"), STR_INIT("stop")},
        {STR_INIT("length"), STR_INIT("length")},
        {STR_INIT("tool_calls"), STR_INIT("tool_calls")},
        {STR_INIT("content_filter"), STR_INIT("content_filter")},
        {STR_INIT("error"), STR_INIT("error")},
        {STR_INIT("function_call"), STR_INIT("tool_calls")},
        {STR_INIT("max_tokens"), STR_INIT("length")},
        {STR_INIT("model_length"), STR_INIT("length")},
        {STR_INIT("safety"), STR_INIT("content_filter")},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_eq(words[i].native, native))
            return words[i].ours;
    }
    return STR("stop");
}

bool chat_says_context(struct str message)
{
    static const struct str signs[] = {STR_INIT("maximum context length"),
                                       STR_INIT("context length exceeded"),
                                       STR_INIT("prompt is too long"),
                                       STR_INIT("context window"),
                                       STR_INIT("exceed context limit"),
                                       STR_INIT("available context size"),
                                       STR_INIT("exceeds the maximum number of tokens"),
                                       STR_INIT("nput is too long for requested model")};
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        if (str_find(message, signs[i]) < message.n)
            return true;
    }
    return false;
}
