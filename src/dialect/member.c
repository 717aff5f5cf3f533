#include "dialect/member.h"

#include <stdio.h>

#include "dialect/chat_shape.h"

enum { WHERE_MAX = 128, TOOL_NAME_MAX = 64 };

/* --- what is within ---------------------------------------------------------------------------- */

/* Characters of raw text, an escape as one. */
static size_t characters(struct str raw)
{
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        bool is_inner = ((uint8_t)raw.p[i] & 0xc0) == 0x80;
        n += !is_inner;
        if (raw.p[i] == '\\' && i + 1 < raw.n)
            i += raw.p[i + 1] == 'u' ? 5 : 1;
    }
    return n;
}

/* The member `name` of an object, held against a rule. */
static enum err check_within(struct json v, const char *where, const char *name,
                             const struct member_rule *rule, struct fault *f)
{
    char at[WHERE_MAX];
    snprintf(at, sizeof at, "%.64s.%s", where, name);
    return member_check(json_get(v, str_c(name)), rule, at, f);
}

static enum err want_within(struct json v, const char *where, const char *name,
                            const struct member_rule *rule, const char *expected, struct fault *f)
{
    struct json x = json_get(v, str_c(name));
    return json_is_none_or_null(x) ? fault_set(f, ERR_INVALID, "%s.%s: expected %s, got %s", where,
                                               name, expected, json_kind(x))
                                   : check_within(v, where, name, rule, f);
}

static const struct member_rule any_text = {.kind = MEMBER_STRING},
                                any_object = {.kind = MEMBER_OBJECT};

/* --- rules of single members ------------------------------------------------------------------- */

static enum err check_cache(struct json v, const char *where, struct fault *f)
{
    static const struct member_rule type = {.kind = MEMBER_WORD, .words = "ephemeral"},
                                    ttl = {.kind = MEMBER_WORD, .words = "5m 1h"};
    enum err e = want_within(v, where, "type", &type, "ephemeral", f);
    return e == ERR_OK ? check_within(v, where, "ttl", &ttl, f) : e;
}

static enum err check_bias(struct json v, const char *where, struct fault *f)
{
    static const struct member_rule bias = {.kind = MEMBER_NUMBER, .low = -100, .high = 100};
    enum err e = ERR_OK;
    for (struct json x = json_first(v); e == ERR_OK && x.type; x = json_after(v, x))
        e = json_is(x, JSON_NULL)
                ? fault_set(f, ERR_INVALID, "%s: expected numbers from -100 to 100, got null",
                            where)
                : member_check(x, &bias, where, f);
    return e;
}

static enum err check_metadata(struct json v, const char *where, struct fault *f)
{
    enum { PAIRS_MAX = 16, KEY_MAX = 64, VALUE_MAX = 512 };
    size_t n = 0;
    for (struct json x = json_first(v); x.type; x = json_after(v, x)) {
        if (++n > PAIRS_MAX)
            return fault_set(f, ERR_INVALID, "%s: expected at most %d pairs, got more", where,
                             PAIRS_MAX);
        if (characters(json_raw_str(json_key(x))) > KEY_MAX)
            return fault_set(f, ERR_INVALID,
                             "%s: expected names of at most %d characters, got a longer one", where,
                             KEY_MAX);
        if (!json_is(x, JSON_STRING) || characters(json_raw_str(x)) > VALUE_MAX)
            return fault_set(
                f, ERR_INVALID,
                "%s: expected values that are strings of at most %d characters, got %s", where,
                VALUE_MAX, json_is(x, JSON_STRING) ? "a longer one" : json_kind(x));
    }
    return ERR_OK;
}

static enum err check_prediction(struct json v, const char *where, struct fault *f)
{
    static const struct member_rule type = {.kind = MEMBER_WORD, .words = "content"};
    struct json content = json_get(v, STR("content"));
    enum err e = want_within(v, where, "type", &type, "content", f);
    if (e != ERR_OK || json_is(content, JSON_STRING) || json_is(content, JSON_ARRAY))
        return e;
    return fault_set(f, ERR_INVALID, "%s.content: expected a string or an array of parts, got %s",
                     where, json_kind(content));
}

static bool is_name(struct json v)
{
    struct str raw = json_raw_str(v);
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i], letter = (char)(c | 0x20);
        if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return raw.n && raw.n <= TOOL_NAME_MAX;
}

static enum err check_format(struct json v, const char *where, struct fault *f)
{
    char at[WHERE_MAX];
    struct json schema = json_get(v, STR("json_schema")), name = json_get(schema, STR("name"));
    enum err e = want_within(v, where, "type", &any_text, "a string", f);
    if (e != ERR_OK || !json_str_eq(json_get(v, STR("type")), STR("json_schema")))
        return e;
    e = want_within(v, where, "json_schema", &any_object, "an object", f);
    if (e == ERR_OK && !json_is_none_or_null(name) && !is_name(name))
        e = fault_set(
            f, ERR_INVALID, "%s.json_schema.name: expected 1 to %d letters, digits, _ or -, got %s",
            where, TOOL_NAME_MAX, json_is(name, JSON_STRING) ? "another word" : json_kind(name));
    snprintf(at, sizeof at, "%.64s.json_schema", where);
    return e == ERR_OK ? check_within(schema, at, "schema", &any_object, f) : e;
}

static enum err check_choice(struct json v, const char *where, struct fault *f)
{
    char at[WHERE_MAX];
    if (!json_is(v, JSON_OBJECT))
        return ERR_OK;
    enum err e = want_within(v, where, "type", &any_text, "a string", f);
    if (e != ERR_OK || !json_str_eq(json_get(v, STR("type")), STR("function")))
        return e;
    snprintf(at, sizeof at, "%.64s.function", where);
    return want_within(json_get(v, STR("function")), at, "name", &any_text, "a string", f);
}

static enum err check_function(struct json v, const char *where, struct fault *f)
{
    struct json name = json_get(v, STR("name"));
    if (!json_is(name, JSON_STRING))
        return fault_set(f, ERR_INVALID, "%s.name: expected a string, got %s", where,
                         json_kind(name));
    size_t n = characters(json_raw_str(name));
    return n && n <= TOOL_NAME_MAX
               ? ERR_OK
               : fault_set(f, ERR_INVALID,
                           "%s.name: expected 1 to %d characters, got another length", where,
                           TOOL_NAME_MAX);
}

static enum err check_tool(struct json v, const char *where, struct fault *f)
{
    char at[WHERE_MAX];
    if (!json_is(v, JSON_OBJECT))
        return fault_set(f, ERR_INVALID, "%s: expected an object, got %s", where, json_kind(v));
    enum err e = want_within(v, where, "type", &any_text, "a string", f);
    if (e != ERR_OK || !json_str_eq(json_get(v, STR("type")), STR("function")))
        return e;
    snprintf(at, sizeof at, "%.64s.function", where);
    return check_function(json_get(v, STR("function")), at, f);
}

static enum err check_each(struct json v, const char *where, struct fault *f,
                           enum err (*check)(struct json v, const char *where, struct fault *f))
{
    char at[WHERE_MAX];
    size_t i = 0;
    enum err e = ERR_OK;
    for (struct json x = json_first(v); e == ERR_OK && x.type; x = json_after(v, x)) {
        snprintf(at, sizeof at, "%.64s[%zu]", where, i++);
        e = check(x, at, f);
    }
    return e;
}

static enum err check_tools(struct json v, const char *where, struct fault *f)
{
    return check_each(v, where, f, check_tool);
}

static enum err check_functions(struct json v, const char *where, struct fault *f)
{
    return check_each(v, where, f, check_function);
}

#define EFFORTS "none minimal low medium high xhigh max"

/* Effort and budget are two ways to say one thing, and "no" is neither. */
static enum err check_reasoning_contradictions(struct json v, struct fault *f)
{
    struct json effort = json_get(v, STR("effort")), max = json_get(v, STR("max_tokens"));
    struct json enabled = json_get(v, STR("enabled"));
    bool has_effort = !json_is_none_or_null(effort), has_max = !json_is_none_or_null(max);
    bool is_none = json_str_eq(effort, STR("none"));
    if (has_effort && has_max)
        return member_contradict("reasoning.effort", "reasoning.max_tokens", f);
    if (has_effort && !json_is_none_or_null(enabled) && json_is(enabled, JSON_TRUE) == is_none)
        return member_contradict("reasoning.effort", "reasoning.enabled", f);
    if (has_max && json_is(enabled, JSON_FALSE))
        return member_contradict("reasoning.max_tokens", "reasoning.enabled", f);
    return ERR_OK;
}

static enum err check_reasoning(struct json v, const char *where, struct fault *f)
{
    static const struct {
        const char *name;
        struct member_rule rule;
    } rows[] = {
        {"effort", {.kind = MEMBER_WORD, .words = EFFORTS}},
        {"max_tokens", {.kind = MEMBER_COUNT, .low = 1, .high = 4294967295.0}},
        {"enabled", {.kind = MEMBER_BOOLEAN}},
        {"exclude", {.kind = MEMBER_BOOLEAN}},
        {"summary", {.kind = MEMBER_WORD, .words = "auto concise detailed"}},
    };
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < COUNT_OF(rows); i++)
        e = check_within(v, where, rows[i].name, &rows[i].rule, f);
    return e == ERR_OK ? check_reasoning_contradictions(v, f) : e;
}

/* --- the table --------------------------------------------------------------------------------- */

#define TEXT(...)                                                                                  \
    {                                                                                              \
        .kind = MEMBER_STRING, __VA_ARGS__                                                         \
    }
#define FLAG                                                                                       \
    {                                                                                              \
        .kind = MEMBER_BOOLEAN                                                                     \
    }
#define COUNT(a, b)                                                                                \
    {                                                                                              \
        .kind = MEMBER_COUNT, .low = (a), .high = (b)                                              \
    }
#define NUMBER(a, b)                                                                               \
    {                                                                                              \
        .kind = MEMBER_NUMBER, .low = (a), .high = (b)                                             \
    }
#define WORD(list)                                                                                 \
    {                                                                                              \
        .kind = MEMBER_WORD, .words = (list)                                                       \
    }
#define OBJECT(...)                                                                                \
    {                                                                                              \
        .kind = MEMBER_OBJECT, __VA_ARGS__                                                         \
    }
#define ARRAY(...)                                                                                 \
    {                                                                                              \
        .kind = MEMBER_ARRAY, __VA_ARGS__                                                          \
    }

enum { OURS = true, THEIRS = false };

/* By length of the name, so that a look-up compares few. A row's number is its bit. */
static const struct member members[] = {
    {STR_INIT("n"), COUNT(1, MEMBER_CHOICES_MAX), THEIRS, MEMBER_CHOICES},
    {STR_INIT("seed"), {.kind = MEMBER_INTEGER, .low = -9.2e18, .high = 9.2e18}, THEIRS, 0},
    {STR_INIT("stop"), {.kind = MEMBER_STRING_OR_STRINGS, .high = 4}, THEIRS, 0},
    {STR_INIT("user"), TEXT(), THEIRS, MEMBER_USER},
    {STR_INIT("debug"), OBJECT(.inside = chat_shape_debug), OURS, MEMBER_DEBUG},
    {STR_INIT("model"), TEXT(), THEIRS, MEMBER_MODEL},
    {STR_INIT("min_p"), NUMBER(0, 1), THEIRS, 0},
    {STR_INIT("route"), TEXT(), OURS, 0},
    {STR_INIT("tools"),
     ARRAY(.items = SHAPE_OBJECT, .inside = chat_shape_tool, .check = check_tools), THEIRS,
     MEMBER_TOOLS},
    {STR_INIT("top_a"), NUMBER(0, 1), THEIRS, 0},
    {STR_INIT("top_k"), COUNT(0, 1e9), THEIRS, 0},
    {STR_INIT("top_p"), NUMBER(0, 1), THEIRS, 0},
    {STR_INIT("trace"), OBJECT(), OURS, 0},
    {STR_INIT("usage"), OBJECT(.inside = chat_shape_usage), OURS, 0},
    {STR_INIT("audio"), OBJECT(.inside = chat_shape_audio), THEIRS, 0},
    {STR_INIT("store"), FLAG, THEIRS, 0},
    {STR_INIT("models"), ARRAY(.items = SHAPE_STRING), OURS, MEMBER_MODELS},
    {STR_INIT("preset"), TEXT(), OURS, 0},
    {STR_INIT("stream"), FLAG, THEIRS, MEMBER_STREAM},
    {STR_INIT("plugins"), ARRAY(.items = SHAPE_OBJECT, .inside = chat_shape_plugin), OURS, 0},
    {STR_INIT("logprobs"), FLAG, THEIRS, MEMBER_LOGPROBS},
    {STR_INIT("messages"), ARRAY(), THEIRS, MEMBER_MESSAGES},
    {STR_INIT("metadata"), OBJECT(.check = check_metadata), THEIRS, 0},
    {STR_INIT("provider"), OBJECT(), OURS, MEMBER_PROVIDER},
    {STR_INIT("reasoning"), OBJECT(.inside = chat_shape_reasoning, .check = check_reasoning),
     THEIRS, MEMBER_REASONING},
    {STR_INIT("functions"), ARRAY(.items = SHAPE_OBJECT, .check = check_functions), THEIRS,
     MEMBER_FUNCTIONS},
    {STR_INIT("verbosity"), WORD("low medium high xhigh max"), THEIRS, 0},
    {STR_INIT("logit_bias"), OBJECT(.check = check_bias), THEIRS, 0},
    {STR_INIT("max_tokens"), COUNT(1, 4294967295.0), THEIRS, MEMBER_MAX_TOKENS},
    {STR_INIT("modalities"), {.kind = MEMBER_STRINGS, .words = "text image audio"}, THEIRS, 0},
    {STR_INIT("session_id"), TEXT(.high = 256), OURS, 0},
    {STR_INIT("transforms"), {.kind = MEMBER_STRINGS}, OURS, 0},
    {STR_INIT("prediction"), OBJECT(.inside = chat_shape_prediction, .check = check_prediction),
     THEIRS, 0},
    {STR_INIT("temperature"), NUMBER(0, 2), THEIRS, 0},
    {STR_INIT("tool_choice"),
     {.kind = MEMBER_WORD_OR_OBJECT,
      .words = "auto none required",
      .inside = chat_shape_choice,
      .check = check_choice},
     THEIRS,
     MEMBER_TOOL_CHOICE},
    {STR_INIT("top_logprobs"), COUNT(0, 20), THEIRS, MEMBER_TOP_LOGPROBS},
    {STR_INIT("service_tier"), WORD("auto default fast flex priority scale"), THEIRS, 0},
    {STR_INIT("image_config"), OBJECT(), THEIRS, 0},
    {STR_INIT("cache_control"), OBJECT(.inside = chat_shape_cache, .check = check_cache), THEIRS,
     0},
    {STR_INIT("function_call"),
     {.kind = MEMBER_WORD_OR_OBJECT, .words = "auto none"},
     THEIRS,
     MEMBER_FUNCTION_CALL},
    {STR_INIT("max_tool_calls"), COUNT(1, 30), OURS, 0},
    {STR_INIT("stream_options"), OBJECT(.inside = chat_shape_stream), THEIRS,
     MEMBER_STREAM_OPTIONS},
    {STR_INIT("response_format"), OBJECT(.inside = chat_shape_format, .check = check_format),
     THEIRS, MEMBER_RESPONSE_FORMAT},
    {STR_INIT("presence_penalty"), NUMBER(-2, 2), THEIRS, 0},
    {STR_INIT("reasoning_effort"), WORD(EFFORTS), THEIRS, MEMBER_REASONING_EFFORT},
    {STR_INIT("prompt_cache_key"), TEXT(), THEIRS, 0},
    {STR_INIT("frequency_penalty"), NUMBER(-2, 2), THEIRS, 0},
    {STR_INIT("safety_identifier"), TEXT(), THEIRS, 0},
    {STR_INIT("include_reasoning"), FLAG, THEIRS, MEMBER_INCLUDE_REASONING},
    {STR_INIT("repetition_penalty"), NUMBER(0, 10), THEIRS, 0},
    {STR_INIT("structured_outputs"), FLAG, OURS, 0},
    {STR_INIT("web_search_options"), OBJECT(), THEIRS, 0},
    {STR_INIT("parallel_tool_calls"), FLAG, THEIRS, 0},
    {STR_INIT("prompt_cache_options"), OBJECT(), THEIRS, 0},
    {STR_INIT("max_completion_tokens"), COUNT(1, 4294967295.0), THEIRS,
     MEMBER_MAX_COMPLETION_TOKENS},
    {STR_INIT("stop_server_tools_when"), ARRAY(.items = SHAPE_OBJECT), OURS, 0},
};

_Static_assert(COUNT_OF(members) <= 64, "a bit each");

enum { NAME_LONGEST = 22 };

/* Of the names of each length the first one's index; filled before main(). */
static uint8_t first_of_length[NAME_LONGEST + 2];

__attribute__((constructor)) static void members_index(void)
{
    size_t i = 0;
    for (size_t n = 0; n < COUNT_OF(first_of_length); n++) {
        while (i < COUNT_OF(members) && members[i].name.n < n)
            i++;
        first_of_length[n] = (uint8_t)i;
    }
    BUG_ON(i != COUNT_OF(members)); /* by length, and none longer */
}

const struct member *member_at(unsigned i)
{
    return i < COUNT_OF(members) ? &members[i] : NULL;
}

const struct member *member_find(struct str name)
{
    if (name.n > NAME_LONGEST)
        return NULL;
    for (size_t i = first_of_length[name.n]; i < first_of_length[name.n + 1]; i++) {
        if (memcmp(members[i].name.p, name.p, name.n) == 0)
            return &members[i];
    }
    return NULL;
}

uint64_t member_bit(const struct member *m)
{
    return UINT64_C(1) << (m - members);
}

/* --- kinds ------------------------------------------------------------------------------------- */

static bool is_whole(struct json v)
{
    struct str raw = json_raw(v);
    return json_is(v, JSON_NUMBER) && !memchr(raw.p, '.', raw.n) && !memchr(raw.p, 'e', raw.n) &&
           !memchr(raw.p, 'E', raw.n);
}

static bool is_word(struct json v, const char *words)
{
    struct str list = str_c(words);
    while (list.n) {
        if (json_str_eq(v, str_cut(&list, ' ')))
            return true;
    }
    return false;
}

static bool is_kind(const struct member_rule *r, struct json v)
{
    uint64_t n;
    switch (r->kind) {
    case MEMBER_STRING:
        return json_is(v, JSON_STRING);
    case MEMBER_BOOLEAN:
        return json_is(v, JSON_TRUE) || json_is(v, JSON_FALSE);
    case MEMBER_COUNT:
        return json_u64(v, (uint64_t)r->high, &n) && n >= (uint64_t)r->low;
    case MEMBER_INTEGER:
        return is_whole(v) && shape_number_in(v, r->low, r->high);
    case MEMBER_NUMBER:
        return shape_number_in(v, r->low, r->high);
    case MEMBER_WORD:
        return is_word(v, r->words);
    case MEMBER_OBJECT:
        return json_is(v, JSON_OBJECT);
    case MEMBER_ARRAY:
    case MEMBER_STRINGS:
        return json_is(v, JSON_ARRAY);
    case MEMBER_STRING_OR_STRINGS:
        return json_is(v, JSON_STRING) || json_is(v, JSON_ARRAY);
    case MEMBER_WORD_OR_OBJECT:
        return json_is(v, JSON_OBJECT) || is_word(v, r->words);
    }
    return false;
}

/* "low medium high" as "low, medium or high". */
static void add_words(struct buf *out, const char *words, bool is_last)
{
    struct str list = str_c(words);
    while (list.n) {
        buf_add(out, str_cut(&list, ' '));
        if (list.n)
            buf_add(out, memchr(list.p, ' ', list.n) || !is_last ? STR(", ") : STR(" or "));
    }
}

static enum err refuse_kind(const struct member_rule *r, struct json v, const char *where,
                            struct fault *f)
{
    static const char *const wanted[] = {
        [MEMBER_STRING] = "a string",
        [MEMBER_BOOLEAN] = "true or false",
        [MEMBER_INTEGER] = "a whole number",
        [MEMBER_OBJECT] = "an object",
        [MEMBER_ARRAY] = "an array",
        [MEMBER_STRINGS] = "an array of strings",
        [MEMBER_STRING_OR_STRINGS] = "a string or an array",
    };
    char room[160];
    struct buf expected = {.p = room, .cap = sizeof room, .max = sizeof room};
    bool is_number = json_is(v, JSON_NUMBER) && r->kind >= MEMBER_COUNT && r->kind <= MEMBER_NUMBER;
    bool is_other_word =
        json_is(v, JSON_STRING) && (r->kind == MEMBER_WORD || r->kind == MEMBER_WORD_OR_OBJECT);
    if (r->kind == MEMBER_COUNT)
        buf_printf(&expected, "a whole number from %.0f to %.0f", r->low, r->high);
    else if (r->kind == MEMBER_NUMBER)
        buf_printf(&expected, "a number from %g to %g", r->low, r->high);
    else if (r->words && r->kind != MEMBER_STRINGS)
        add_words(&expected, r->words, r->kind == MEMBER_WORD);
    else
        buf_add_c(&expected, wanted[r->kind]);
    if (r->kind == MEMBER_WORD_OR_OBJECT)
        buf_add(&expected, STR(" or an object"));
    return fault_set(f, ERR_INVALID, "%s: expected %.*s, got %s%s", where,
                     STR_ARG(buf_view(&expected)), is_other_word ? "another word" : json_kind(v),
                     is_number ? " outside of that" : "");
}

static enum err check_strings(const struct member_rule *r, struct json v, const char *where,
                              struct fault *f)
{
    char at[WHERE_MAX];
    struct member_rule one = {.kind = r->words ? MEMBER_WORD : MEMBER_STRING, .words = r->words};
    size_t i = 0;
    enum err e = ERR_OK;
    for (struct json x = json_first(v); e == ERR_OK && x.type; x = json_after(v, x)) {
        if (r->high > 0 && (double)i >= r->high)
            return fault_set(f, ERR_INVALID, "%s: expected at most %.0f strings, got more", where,
                             r->high);
        snprintf(at, sizeof at, "%.64s[%zu]", where, i++);
        e = is_kind(&one, x) ? ERR_OK : refuse_kind(&one, x, at, f);
    }
    return e;
}

static enum err check_inside(const struct member_rule *r, struct json v, const char *where,
                             struct fault *f)
{
    struct shape whole = {
        .name = str_c(where), .kinds = SHAPE_ANY, .items = r->items, .members = r->inside};
    return shape_check(&whole, v, NULL, f);
}

enum err member_check(struct json v, const struct member_rule *r, const char *where,
                      struct fault *f)
{
    if (json_is_none_or_null(v))
        return ERR_OK;
    if (!is_kind(r, v))
        return refuse_kind(r, v, where, f);
    enum err e = r->check ? r->check(v, where, f) : ERR_OK;
    if (e != ERR_OK)
        return e;
    if (r->inside || r->items)
        return check_inside(r, v, where, f);
    if (json_is(v, JSON_ARRAY) && r->kind != MEMBER_ARRAY)
        return check_strings(r, v, where, f);
    if (r->kind == MEMBER_STRING && r->high > 0 && (double)characters(json_raw_str(v)) > r->high)
        return fault_set(f, ERR_INVALID,
                         "%s: expected a string of at most %.0f characters, got a longer one",
                         where, r->high);
    return ERR_OK;
}

enum err member_contradict(const char *a, const char *b, struct fault *f)
{
    return fault_set(f, ERR_INVALID, "%s and %s contradict each other: send one of them", a, b);
}

enum err member_check_budget(uint64_t budget, const char *budget_name, uint64_t bound,
                             const char *bound_name, struct fault *f)
{
    if (!budget || !bound || budget < bound)
        return ERR_OK;
    return fault_set(f, ERR_INVALID,
                     "%s and %s contradict each other: the former must be less than the latter, of "
                     "which it is a part",
                     budget_name, bound_name);
}
