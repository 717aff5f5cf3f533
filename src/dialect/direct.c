/* direct.c: the table of forms, and what they share. */
#include "dialect/direct.h"

enum { NAME_MAX = 256 };

/* One row for each kind and dialect. */
static const struct direct_form *const forms[] = {
    &embed_openai, &embed_gemini, &embed_cohere, &rank_jina, &rank_cohere,
};

const struct direct_form *direct_form_at(size_t i)
{
    return i < COUNT_OF(forms) ? forms[i] : NULL;
}

const struct direct_form *direct_form_find(enum direct_kind kind, struct str dialect)
{
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (forms[i]->kind == kind && str_eq(forms[i]->dialect, dialect))
            return forms[i];
    }
    return NULL;
}

/* --- requests ----------------------------------------------------------------------------------- */

static enum err check_kinds(struct json root, struct fault *f)
{
    static const struct {
        struct str name;
        enum json_type type;
        const char *expected;
    } rows[] = {
        {STR_INIT("user"), JSON_STRING, "a string"},
        {STR_INIT("session_id"), JSON_STRING, "a string"},
        {STR_INIT("models"), JSON_ARRAY, "an array"},
        {STR_INIT("trace"), JSON_OBJECT, "an object"},
        {STR_INIT("input_type"), JSON_STRING, "a string"},
    };
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < COUNT_OF(rows); i++) {
        struct json v = json_get(root, rows[i].name);
        if (!json_is_none_or_null(v))
            e = client_want(v, rows[i].type, rows[i].name.p, rows[i].expected, f);
    }
    struct json stream = json_get(root, STR("stream"));
    if (e == ERR_OK && !json_is_none_or_null(stream) && !json_is(stream, JSON_FALSE))
        return fault_set(f, ERR_INVALID, "stream: expected false, got %s: this is answered whole",
                         json_is(stream, JSON_TRUE) ? "true" : json_kind(stream));
    return e;
}

static enum err read_models(struct json root, struct canon_room *room, struct chat_request *out,
                            struct fault *f)
{
    struct json model = json_get(root, STR("model")), models = json_get(root, STR("models"));
    enum err e = ERR_OK;
    if (!json_is_none_or_null(model) || json_first(models).type == JSON_NONE)
        e = client_add_model(out, room, model, "model", f);
    return e == ERR_OK ? client_add_models(out, room, models, f) : e;
}

enum err direct_read_common(struct json root, struct canon_room *room, struct chat_request *out,
                            struct fault *f)
{
    enum err e = client_want(root, JSON_OBJECT, "the body", "a JSON object", f);
    if (e == ERR_OK)
        e = json_refuse_duplicates(root, f);
    if (e == ERR_OK)
        e = read_models(root, room, out, f);
    if (e == ERR_OK)
        e = check_kinds(root, f);
    out->root = root;
    out->choices = 1;
    out->has_max_tokens = true; /* of no output */
    out->provider = json_get(root, STR("provider"));
    out->user = canon_plain(room, json_raw_str(json_get(root, STR("user"))));
    return e;
}

enum err direct_check_count(struct json v, const char *where, struct fault *f)
{
    uint64_t n;
    if (json_is_none_or_null(v) || (json_u64(v, UINT32_MAX, &n) && n > 0))
        return ERR_OK;
    return fault_set(f, ERR_INVALID, "%s: expected a whole number of at least 1, got %s%s", where,
                     json_kind(v), json_is(v, JSON_NUMBER) ? " outside of that" : "");
}

/* Meant for the gateway. */
static bool is_ours(struct str name)
{
    static const struct str ours[] = {
        STR_INIT("provider"), STR_INIT("models"),  STR_INIT("session_id"), STR_INIT("trace"),
        STR_INIT("preset"),   STR_INIT("plugins"), STR_INIT("route"),      STR_INIT("usage"),
        STR_INIT("debug"),    STR_INIT("stream"),
    };
    return client_is_one_of(name, ours, COUNT_OF(ours));
}

static bool is_known(struct str name)
{
    static const struct str known[] = {
        STR_INIT("model"),           STR_INIT("input"), STR_INIT("dimensions"),
        STR_INIT("encoding_format"), STR_INIT("user"),
    };
    return client_is_one_of(name, known, COUNT_OF(known));
}

static bool is_dropped(struct str name, const struct direct_target *t)
{
    if (is_ours(name))
        return true;
    if (str_eq(name, STR("user")))
        return t->drops_user;
    if (str_eq(name, STR("input_type")))
        return !t->takes_additions;
    return t->drops_unknown && !is_known(name);
}

struct str direct_quoted(struct canon_room *room, struct str plain)
{
    buf_reset(room->scratch);
    json_add_str(room->scratch, plain);
    return room->scratch->failed ? STR_NONE : arena_str(room->arena, buf_view(room->scratch));
}

enum err direct_pass_request(struct json root, const struct direct_target *t,
                             struct canon_room *room, struct buf *out, struct fault *f)
{
    struct splice s;
    struct str model = direct_quoted(room, t->model), raw = json_raw(root);
    size_t blanks = (size_t)(raw.p - root.text); /* edits count from where the text begins */
    if (!model.p)
        return canon_no_memory(f);
    splice_init(&s, str_of(root.text, blanks + raw.n));
    splice_set(&s, root, STR("model"), model);
    for (struct json v = json_first(root); v.type; v = json_after(root, v)) {
        char decoded[NAME_MAX];
        struct buf b = {.p = decoded, .cap = sizeof decoded, .max = sizeof decoded};
        struct str name = json_str(json_key(v), &b);
        if (is_dropped(name, t))
            splice_drop(&s, root, name);
    }
    if (s.failed == ERR_TOO_BIG)
        return fault_set(f, ERR_INVALID, "the body: it has too many members that are not known");
    return splice_write(&s, out) == ERR_OK ? ERR_OK : canon_no_memory(f);
}

/* --- answers ------------------------------------------------------------------------------------ */

static uint32_t length_of(struct json list)
{
    uint32_t n = 0;
    for (struct json v = json_first(list); v.type; v = json_after(list, v))
        n++;
    return n;
}

enum err direct_read_items(struct json list, struct json (*value)(struct json item),
                           enum json_type type, struct canon_room *room, struct direct_answer *out,
                           struct fault *f)
{
    uint32_t n = length_of(list);
    if (!json_is(list, JSON_ARRAY))
        return fault_set(f, ERR_UPSTREAM, "The provider's answer has no list of results");
    out->items = arena_alloc(room->arena, (n + 1) * sizeof *out->items);
    if (!out->items)
        return canon_no_memory(f);
    for (struct json v = json_first(list); v.type; v = json_after(list, v)) {
        struct json item = value(v);
        if (!json_is(item, type))
            return fault_set(f, ERR_UPSTREAM, "The provider's answer has a result without a value");
        out->items[out->items_n++] = item;
    }
    return ERR_OK;
}

bool direct_is_vector(struct json v)
{
    struct json number = json_is(v, JSON_ARRAY) ? json_first(v) : (struct json){0};
    bool has_any = json_is(number, JSON_NUMBER);
    while (json_is(number, JSON_NUMBER))
        number = json_after(v, number);
    return has_any && number.type == JSON_NONE;
}

static struct json rank_of(struct json item)
{
    uint64_t index;
    bool is_whole = json_u64(json_get(item, STR("index")), UINT32_MAX, &index) &&
                    json_is(json_get(item, STR("relevance_score")), JSON_NUMBER);
    return is_whole ? item : (struct json){.type = JSON_NONE};
}

enum err direct_read_ranks(struct json root, struct canon_room *room, struct direct_answer *out,
                           struct fault *f)
{
    out->id = canon_text(json_get(root, STR("id")));
    return direct_read_items(json_get(root, STR("results")), rank_of, JSON_OBJECT, room, out, f);
}

bool direct_count(struct json v, uint64_t *out)
{
    struct str digits = json_raw(v), rest = digits;
    if (!json_is(v, JSON_NUMBER))
        return false;
    digits = str_cut(&rest, '.');
    for (size_t i = 0; i < rest.n; i++) {
        if (rest.p[i] != '0')
            return false;
    }
    return str_u64(digits, UINT32_MAX, out);
}

bool direct_read_usage(struct json usage, struct chat_usage *out)
{
    return openai_read_usage(usage, out) ||
           direct_count(json_get(usage, STR("total_tokens")), &out->prompt);
}
