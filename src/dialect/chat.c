#include "dialect/chat.h"

#include "dialect/chat_shape.h"

/* The members that decisions rest on: found on the one walk over the body. */
enum known {
    MODEL = 1,
    MODELS,
    MESSAGES,
    STREAM,
    STREAM_OPTIONS,
    MAX_TOKENS,
    MAX_COMPLETION_TOKENS,
    CHOICES,
    PROVIDER,
    USER,
    LOGPROBS,
    TOOL_CHOICE,
    RESPONSE_FORMAT,
    REASONING,
    REASONING_EFFORT,
    KNOWN__COUNT,
};

struct field {
    struct shape shape;
    bool is_ours;     /* for the gateway, not for the provider */
    enum known known; /* 0: only checked */
};

enum {
    S = SHAPE_STRING,
    B = SHAPE_BOOLEAN,
    N = SHAPE_NUMBER,
    C = SHAPE_COUNT,
    O = SHAPE_OBJECT,
    A = SHAPE_ARRAY
};

/* By length of the name, so that a look-up compares few. null is fine for all. A row's number is
 * its bit. */
static const struct field fields[] = {
    {SHAPE_IN("n", C, 1, CHAT_CHOICES_MAX), false, CHOICES},
    {SHAPE_IN("seed", N, -9.3e18, 9.3e18), false, 0},
    {SHAPE_LIST("stop", S | A, S, NULL), false, 0},
    {SHAPE_IS("user", S), false, USER},
    {SHAPE_OF("debug", O, chat_shape_debug), true, 0},
    {SHAPE_IS("model", S), false, MODEL},
    {SHAPE_IN("min_p", N, 0, 1), false, 0},
    {SHAPE_IS("route", S), true, 0},
    {SHAPE_LIST("tools", A, O, chat_shape_tool), false, 0},
    {SHAPE_IN("top_a", N, 0, 1), false, 0},
    {SHAPE_IN("top_k", N, 0, 1e9), false, 0},
    {SHAPE_IN("top_p", N, 0, 1), false, 0},
    {SHAPE_IS("trace", O), true, 0},
    {SHAPE_OF("usage", O, chat_shape_usage), true, 0},
    {SHAPE_OF("audio", O, chat_shape_audio), false, 0},
    {SHAPE_IS("store", B), false, 0},
    {SHAPE_LIST("models", A, S, NULL), true, MODELS},
    {SHAPE_IS("preset", S), true, 0},
    {SHAPE_IS("stream", B), false, STREAM},
    {SHAPE_LIST("plugins", A, O, chat_shape_plugin), true, 0},
    {SHAPE_IS("logprobs", B), false, LOGPROBS},
    {SHAPE_LIST("messages", A, O, chat_shape_message), false, MESSAGES},
    {SHAPE_IS("metadata", O), false, 0},
    {SHAPE_IS("provider", O), true, PROVIDER},
    {SHAPE_OF("reasoning", O, chat_shape_reasoning), false, REASONING},
    {SHAPE_LIST("functions", A, O, NULL), false, 0},
    {SHAPE_IS("verbosity", S), false, 0},
    {SHAPE_IS("logit_bias", O), false, 0},
    {SHAPE_IN("max_tokens", C, 1, 4294967295.0), false, MAX_TOKENS},
    {SHAPE_LIST("modalities", A, S, NULL), false, 0},
    {SHAPE_IS("session_id", S), true, 0},
    {SHAPE_LIST("transforms", A, S, NULL), true, 0},
    {SHAPE_OF("prediction", O, chat_shape_prediction), false, 0},
    {SHAPE_IN("temperature", N, 0, 2), false, 0},
    {SHAPE_OF("tool_choice", S | O, chat_shape_choice), false, TOOL_CHOICE},
    {SHAPE_IN("top_logprobs", C, 0, 20), false, 0},
    {SHAPE_IS("service_tier", S), false, 0},
    {SHAPE_IS("image_config", O), false, 0},
    {SHAPE_OF("cache_control", O, chat_shape_cache), false, 0},
    {SHAPE_IS("function_call", S | O), false, 0},
    {SHAPE_OF("stream_options", O, chat_shape_stream), false, STREAM_OPTIONS},
    {SHAPE_OF("response_format", O, chat_shape_format), false, RESPONSE_FORMAT},
    {SHAPE_IN("presence_penalty", N, -2, 2), false, 0},
    {SHAPE_IS("reasoning_effort", S), false, REASONING_EFFORT},
    {SHAPE_IS("prompt_cache_key", S), false, 0},
    {SHAPE_IN("frequency_penalty", N, -2, 2), false, 0},
    {SHAPE_IS("safety_identifier", S), false, 0},
    {SHAPE_IS("include_reasoning", B), false, 0},
    {SHAPE_IN("repetition_penalty", N, 0, 10), false, 0},
    {SHAPE_IS("structured_outputs", B), true, 0},
    {SHAPE_IS("web_search_options", O), false, 0},
    {SHAPE_IS("parallel_tool_calls", B), false, 0},
    {SHAPE_IS("prompt_cache_options", O), false, 0},
    {SHAPE_IN("max_completion_tokens", C, 1, 4294967295.0), false, MAX_COMPLETION_TOKENS},
};

_Static_assert(COUNT_OF(fields) <= 64, "a bit each");

enum { NAME_LONGEST = 21 };

/* Of the names of each length the first one's index; filled before main(). */
static uint8_t first_of_length[NAME_LONGEST + 2];

__attribute__((constructor)) static void fields_index(void)
{
    size_t i = 0;
    for (size_t n = 0; n < COUNT_OF(first_of_length); n++) {
        while (i < COUNT_OF(fields) && fields[i].shape.name.n < n)
            i++;
        first_of_length[n] = (uint8_t)i;
    }
    BUG_ON(i != COUNT_OF(fields)); /* by length, and none longer */
}

static const struct field *field_find(struct str name)
{
    if (name.n > NAME_LONGEST)
        return NULL;
    for (size_t i = first_of_length[name.n]; i < first_of_length[name.n + 1]; i++) {
        if (memcmp(fields[i].shape.name.p, name.p, name.n) == 0)
            return &fields[i];
    }
    return NULL;
}

static uint64_t bit_of(const struct field *d)
{
    return UINT64_C(1) << (d - fields);
}

struct str chat_member(unsigned i)
{
    return i < COUNT_OF(fields) ? fields[i].shape.name : STR_NONE;
}

uint64_t chat_member_bit(struct str name)
{
    const struct field *d = field_find(name);
    return d ? bit_of(d) : 0;
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
    enum err e = ERR_OK;
    struct json model = known[MODEL], models = known[MODELS];
    if (!json_is_none_or_null(model))
        e = add_model(r, model, scratch, "model", f);
    for (struct json v = json_first(models); e == ERR_OK && v.type; v = json_after(models, v))
        e = add_model(r, v, scratch, "models", f);
    if (e == ERR_OK && r->models_n == 0)
        return fault_set(f, ERR_INVALID, "model: expected the name of a model, got nothing");
    return e;
}

/* The older form: one text instead of messages. */
static enum err read_prompt(struct chat_request *r, struct json prompt, struct fault *f)
{
    r->text_bytes = json_raw_str(prompt).n;
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
        const struct field *d =
            json_raw_str(key).n > NAME_RAW_MAX ? NULL : field_find(json_str(key, scratch));
        scratch->n = before;
        if (!d) {
            r->has_unknown = true;
            continue;
        }
        r->given |= bit_of(d);
        bool is_checked_elsewhere = is_prompt && d->known == LOGPROBS;
        enum err e = is_checked_elsewhere ? ERR_OK : shape_check(&d->shape, v, NULL, f);
        if (e != ERR_OK)
            return e;
        if (d->is_ours && r->ours_n < CHAT_OURS_MAX)
            r->ours[r->ours_n++] = d->shape.name;
        if (d->known)
            known[d->known] = v;
        if (!json_is(v, JSON_NULL))
            r->asks |= bit_of(d);
    }
    return ERR_OK;
}

/* What some members ask for is more, or less, than that they are there. */
static void read_asks(struct chat_request *r, const struct json *known)
{
    struct json choice = known[TOOL_CHOICE], format = known[RESPONSE_FORMAT];
    struct json type = json_get(format, STR("type"));
    r->wants_tool = json_str_eq(choice, STR("required"));
    r->wants_function = json_is(choice, JSON_OBJECT);
    r->wants_schema = json_str_eq(type, STR("json_schema"));
    if (r->choices <= 1)
        r->asks &= ~chat_member_bit(STR("n"));
    if (!json_bool_or(known[LOGPROBS], false))
        r->asks &= ~chat_member_bit(STR("logprobs"));
    if (json_str_eq(type, STR("text")))
        r->asks &= ~chat_member_bit(STR("response_format"));
}

static enum err read_bounds(struct chat_request *r, const struct json *known, struct fault *f)
{
    uint64_t older = 0, newer = 0;
    r->has_max_tokens = json_u64(known[MAX_TOKENS], UINT32_MAX, &older);
    r->has_max_completion_tokens = json_u64(known[MAX_COMPLETION_TOKENS], UINT32_MAX, &newer);
    if (r->has_max_tokens && r->has_max_completion_tokens && older != newer)
        return fault_set(f, ERR_INVALID,
                         "max_tokens and max_completion_tokens differ: send one of them");
    r->max_tokens = r->has_max_tokens ? older : newer;
    r->choices = json_u64_or(known[CHOICES], 1);
    return ERR_OK;
}

static enum err check_effort(const struct json *known, struct fault *f)
{
    struct json brief = known[REASONING_EFFORT];
    struct json effort = json_get(known[REASONING], STR("effort"));
    if (json_is_none_or_null(brief) || json_is_none_or_null(effort) ||
        str_eq(json_raw(brief), json_raw(effort)))
        return ERR_OK;
    return fault_set(f, ERR_INVALID,
                     "reasoning_effort and reasoning.effort differ: send one of them");
}

static enum err read_request(struct json root, bool is_prompt, struct buf *scratch,
                             struct chat_request *r, struct fault *f)
{
    struct json known[KNOWN__COUNT] = {{0}};
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
        e = json_refuse_duplicates(known[STREAM_OPTIONS],
                                   f); /* the usage that is asked for pays the bill */
    if (e == ERR_OK)
        e = read_models(r, known, scratch, f);
    if (e == ERR_OK)
        e = is_prompt ? read_prompt(r, json_get(root, STR("prompt")), f)
                      : chat_read_messages(r, known[MESSAGES], f);
    if (e == ERR_OK)
        e = read_bounds(r, known, f);
    if (e == ERR_OK)
        e = check_effort(known, f);
    r->is_streamed = json_bool_or(known[STREAM], false);
    read_asks(r, known);
    r->provider = known[PROVIDER];
    struct str user = json_raw_str(known[USER]);
    r->user = user.n > USER_RAW_MAX ? user : json_str(known[USER], scratch);
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
    buf_add(&t, STR("},\"completion_tokens_details\":{\"reasoning_tokens\":"));
    buf_add_u64(&t, u->reasoning);
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
