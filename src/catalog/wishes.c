#include "catalog/wishes.h"

#include "catalog/catalog.h"

void wishes_init(struct wishes *w)
{
    w->allow_fallbacks = true;
    w->require_parameters = w->denies_training = w->wants_no_retention = false;
    w->sort = SORT_NONE;
    w->is_pooled = false;
    w->quantizations = 0;
    w->prompt_most = w->completion_most = WISHES_UNBOUNDED;
    w->request_most = WISHES_UNBOUNDED;
    w->order.n = w->only.n = w->ignore.n = 0;
}

static enum err refuse(const char *where, const char *expected, struct json v, struct fault *f)
{
    return fault_set(f, ERR_INVALID, "provider.%s: expected %s, got %s", where, expected,
                     json_kind(v));
}

static enum err read_bool(struct json provider, struct str name, bool *out, struct fault *f)
{
    struct json v = json_get(provider, name);
    if (!json_is_none_or_null(v) && !json_is(v, JSON_TRUE) && !json_is(v, JSON_FALSE))
        return refuse(name.p, "true or false", v, f);
    *out = json_bool_or(v, *out);
    return ERR_OK;
}

/* A name with escapes names nobody, so it is kept as it stands. */
static enum err read_names(struct json provider, struct str name, struct wish_names *out,
                           struct fault *f)
{
    struct json list = json_get(provider, name);
    if (json_is_none_or_null(list))
        return ERR_OK;
    if (!json_is(list, JSON_ARRAY))
        return refuse(name.p, "an array of providers", list, f);
    for (struct json v = json_first(list); v.type; v = json_after(list, v)) {
        if (!json_is(v, JSON_STRING))
            return fault_set(f, ERR_INVALID, "provider.%s[%u]: expected a string, got %s", name.p,
                             out->n, json_kind(v));
        if (out->n == WISHES_NAMES_MAX)
            return fault_set(f, ERR_INVALID, "provider.%s: more than %d providers", name.p,
                             WISHES_NAMES_MAX);
        out->at[out->n++] = json_raw_str(v);
    }
    return ERR_OK;
}

/* The index of a word in a list with NULL behind the last; -1: it is none of them. */
static int word_of(struct json v, const char *const *words)
{
    for (int i = 0; words[i]; i++) {
        if (json_str_eq(v, str_c(words[i])))
            return i;
    }
    return -1;
}

static enum err read_word(struct json v, const char *where, const char *const *words,
                          const char *expected, int *out, struct fault *f)
{
    if (json_is_none_or_null(v))
        return ERR_OK;
    int i = word_of(v, words);
    if (i < 0 && json_is(v, JSON_STRING))
        return fault_set(f, ERR_INVALID, "provider.%s: expected %s, got another word", where,
                         expected);
    if (i < 0)
        return refuse(where, expected, v, f);
    *out = i;
    return ERR_OK;
}

static enum err read_collection(struct json provider, struct wishes *w, struct fault *f)
{
    static const char *const words[] = {"allow", "deny", NULL};
    int word = 0;
    enum err e = read_word(json_get(provider, STR("data_collection")), "data_collection", words,
                           "allow or deny", &word, f);
    w->denies_training = word == 1;
    return e;
}

static enum err read_quantizations(struct json provider, struct wishes *w, struct fault *f)
{
    struct json list = json_get(provider, STR("quantizations"));
    if (json_is_none_or_null(list))
        return ERR_OK;
    if (!json_is(list, JSON_ARRAY))
        return refuse("quantizations", "an array of strings", list, f);
    for (struct json v = json_first(list); v.type; v = json_after(list, v)) {
        int i = -1;
        enum err e = read_word(v, "quantizations", quantization_names,
                               "words such as fp8, bf16 or unknown", &i, f);
        if (e != ERR_OK)
            return e;
        if (i >= 0)
            w->quantizations |= 1u << i;
    }
    return ERR_OK;
}

/* "price", or {"by": "price", "partition": "none"}. */
static enum err read_sort(struct json provider, struct wishes *w, struct fault *f)
{
    static const char *const words[] = {"", "price", "throughput", "latency", "exacto", NULL};
    static const char *const partitions[] = {"model", "none", NULL};
    struct json sort = json_get(provider, STR("sort"));
    bool is_object = json_is(sort, JSON_OBJECT);
    int by = SORT_NONE, partition = 0;
    enum err e =
        read_word(is_object ? json_get(sort, STR("by")) : sort, is_object ? "sort.by" : "sort",
                  words + 1, "price, throughput, latency or exacto", &by, f);
    if (e == ERR_OK && !json_is_none_or_null(is_object ? json_get(sort, STR("by")) : sort))
        by++;
    if (e == ERR_OK && is_object)
        e = read_word(json_get(sort, STR("partition")), "sort.partition", partitions,
                      "model or none", &partition, f);
    w->sort = (enum wish_sort)by;
    w->is_pooled = partition == 1;
    return e;
}

/* A number or a string of decimal dollars. */
static enum err read_price(struct json max_price, const char *name,
                           bool (*parse)(struct str text, int64_t *out), int64_t *out,
                           struct fault *f)
{
    struct json v = json_get(max_price, str_c(name));
    bool is_text = json_is(v, JSON_STRING);
    if (json_is_none_or_null(v))
        return ERR_OK;
    if ((is_text || json_is(v, JSON_NUMBER)) && parse(is_text ? json_raw_str(v) : json_raw(v), out))
        return ERR_OK;
    return fault_set(f, ERR_INVALID,
                     "provider.max_price.%s: expected dollars such as 0.5, at most %d digits after "
                     "the point, got %s",
                     name, parse == money_parse_usd ? 9 : 6, json_kind(v));
}

static enum err read_max_price(struct json provider, struct wishes *w, struct fault *f)
{
    struct json v = json_get(provider, STR("max_price"));
    if (json_is_none_or_null(v))
        return ERR_OK;
    if (!json_is(v, JSON_OBJECT))
        return refuse("max_price", "an object", v, f);
    enum err e = read_price(v, "prompt", money_parse_per_million, &w->prompt_most, f);
    if (e == ERR_OK)
        e = read_price(v, "completion", money_parse_per_million, &w->completion_most, f);
    if (e == ERR_OK)
        e = read_price(v, "request", money_parse_usd, &w->request_most, f);
    return e;
}

static enum err read_all(struct json p, struct wishes *w, struct fault *f)
{
    enum err e = read_bool(p, STR("allow_fallbacks"), &w->allow_fallbacks, f);
    if (e == ERR_OK)
        e = read_bool(p, STR("require_parameters"), &w->require_parameters, f);
    if (e == ERR_OK)
        e = read_bool(p, STR("zdr"), &w->wants_no_retention, f);
    if (e == ERR_OK)
        e = read_collection(p, w, f);
    if (e == ERR_OK)
        e = read_names(p, STR("order"), &w->order, f);
    if (e == ERR_OK)
        e = read_names(p, STR("only"), &w->only, f);
    if (e == ERR_OK)
        e = read_names(p, STR("ignore"), &w->ignore, f);
    if (e == ERR_OK)
        e = read_quantizations(p, w, f);
    if (e == ERR_OK)
        e = read_sort(p, w, f);
    if (e == ERR_OK)
        e = read_max_price(p, w, f);
    return e;
}

enum err wishes_read(struct json provider, struct wishes *w, struct fault *f)
{
    wishes_init(w);
    if (json_is_none_or_null(provider))
        return ERR_OK;
    if (!json_is(provider, JSON_OBJECT))
        return fault_set(f, ERR_INVALID, "provider: expected an object, got %s",
                         json_kind(provider));
    enum err e = json_refuse_duplicates(provider, f); /* what is ignored must not be chosen */
    return e == ERR_OK ? read_all(provider, w, f) : e;
}
