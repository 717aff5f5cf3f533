/* request.c: what the formats' requests have in common. */
#include "sim/internal.h"

enum { MODEL_MAX = 256 };

/* --- models ----------------------------------------------------------------------------------- */

/* Cuts "@20ms" off the name's end: the pause between two events. */
static bool cut_pace(struct str *name, uint32_t *ms)
{
    struct str rest = *name;
    struct str voice = str_cut(&rest, '@');
    if (!rest.p)
        return true;
    uint64_t n;
    if (!str_ends(rest, STR("ms")) || !str_u64(str_head(rest, rest.n - 2), SIM_PACE_MAX_MS, &n))
        return false;
    *name = voice;
    *ms = (uint32_t)n;
    return true;
}

static bool read_voice(struct sim_call *c, struct str name)
{
    if (str_eq(name, STR("echo")))
        return true;
    c->is_lorem = str_eq(name, STR("lorem"));
    c->is_only = str_starts(name, STR("only-"));
    if (c->is_lorem)
        return true;
    struct str prefix = c->is_only ? STR("only-") : STR("fault-");
    if (!str_starts(name, prefix))
        return false;
    const struct sim_fault *fault = sim__fault(str_skip(name, prefix.n));
    if (fault)
        c->fault = fault;
    return fault != NULL;
}

/* Without "sim/", and without a family's name: "anthropic.echo" is asked as Bedrock's Claude is. */
static struct str bare_name(struct str name)
{
    static const struct str families[] = {STR_INIT("sim/"), STR_INIT("anthropic.")};
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        if (str_starts(name, families[i]))
            name = str_skip(name, families[i].n);
    }
    return name;
}

enum err sim__read_model(struct sim_call *c, struct str name, struct fault *f)
{
    if (name.n == 0 || name.n > MODEL_MAX)
        return fault_set(f, ERR_INVALID, "model: a name of 1 to %d bytes is needed", MODEL_MAX);
    struct str bare = bare_name(name);
    if (!cut_pace(&bare, &c->pace_ms) || !read_voice(c, bare))
        return fault_set(f, ERR_NOT_FOUND,
                         "The model `%.*s` does not exist: the simulated provider has echo, lorem, "
                         "and fault-NAME for each of its faults.",
                         STR_ARG(str_head(name, 100)));
    c->model = arena_str(&c->arena, name);
    return c->model.p ? ERR_OK : fault_set(f, ERR_NOMEM, "no memory for the model's name");
}

enum err sim__read_model_member(struct sim_call *c, struct json request, struct fault *f)
{
    struct json v = json_get(request, STR("model"));
    if (!json_is(v, JSON_STRING))
        return fault_set(f, ERR_INVALID, "model: expected a string, got %s", json_kind(v));
    struct buf decoded;
    buf_init(&decoded, SIM_BODY_MAX);
    enum err e = sim__read_model(c, json_str(v, &decoded), f);
    buf_release(&decoded);
    return e;
}

/* --- scalars ---------------------------------------------------------------------------------- */

enum err sim__read_count(struct json object, const char *name, uint64_t *out, struct fault *f)
{
    struct json v = json_get(object, str_c(name));
    if (json_is_none_or_null(v))
        return ERR_OK;
    uint64_t n;
    if (!json_u64(v, UINT32_MAX, &n) || n == 0)
        return fault_set(f, ERR_INVALID, "%s: expected a whole number from 1, got %s", name,
                         json_is(v, JSON_NUMBER) ? "another" : json_kind(v));
    *out = n;
    return ERR_OK;
}

enum err sim__read_bool(struct json object, const char *name, bool *out, struct fault *f)
{
    struct json v = json_get(object, str_c(name));
    if (json_is_none_or_null(v))
        return ERR_OK;
    if (!json_is(v, JSON_TRUE) && !json_is(v, JSON_FALSE))
        return fault_set(f, ERR_INVALID, "%s: expected true or false, got %s", name, json_kind(v));
    *out = json_is(v, JSON_TRUE);
    return ERR_OK;
}
