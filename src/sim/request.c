/* request.c: what the formats' requests have in common. */
#include "sim/internal.h"

#include <stdio.h>

enum { MODEL_MAX = 256, TOOL_MAX = 256 };

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

enum err sim__read_model(struct sim_call *c, struct str name, struct fault *f)
{
    if (name.n == 0 || name.n > MODEL_MAX)
        return fault_set(f, ERR_INVALID, "model: a name of 1 to %d bytes is needed", MODEL_MAX);
    struct str bare = str_starts(name, STR("sim/")) ? str_skip(name, 4) : name;
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

/* A user's message without text (a tool's result, an image) leaves the last text standing. */
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

static enum err read_turn(struct sim_call *c, struct json turn, const struct sim_turns *t,
                          unsigned i, struct fault *f)
{
    enum err e = check_turn(turn, t, i, f);
    if (e != ERR_OK)
        return e;
    char where[64];
    snprintf(where, sizeof where, "%s[%u].%s", t->list, i, t->content);
    struct json role = json_get(turn, STR("role"));
    bool is_user = json_is(role, JSON_NONE) || json_str_eq(role, STR("user"));
    struct buf text;
    e = read_text(json_get(turn, str_c(t->content)), where, &text, f);
    if (e == ERR_OK)
        keep_last(c, is_user, &text);
    buf_release(&text);
    return e;
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

/* --- tools ------------------------------------------------------------------------------------ */

/* The last word is the user's, and it is "call NAME". */
static bool user_calls(const struct sim_call *c, struct json name)
{
    struct str said = buf_view(&c->text);
    return c->ends_with_user && str_starts(said, STR("call ")) &&
           json_str_eq(name, str_skip(said, STR("call ").n));
}

static bool is_chosen(const struct sim_call *c, struct json name,
                      const struct sim_tool_choice *choice)
{
    if (!json_is(name, JSON_STRING) || choice->never)
        return false;
    if (!json_is(choice->named, JSON_STRING))
        return choice->must || user_calls(c, name);
    struct buf decoded;
    buf_init(&decoded, SIM_BODY_MAX);
    struct str wanted = json_str(choice->named, &decoded);
    bool same = json_str_eq(name, wanted);
    buf_release(&decoded);
    return same;
}

void sim__pick_tool(struct sim_call *c, struct json list, struct json (*name_of)(struct json tool),
                    const struct sim_tool_choice *choice)
{
    struct buf decoded;
    buf_init(&decoded, TOOL_MAX);
    for (struct json tool = json_first(list); c->tool.n == 0 && !json_is(tool, JSON_NONE);
         tool = json_after(list, tool)) {
        struct json name = name_of(tool);
        buf_reset(&decoded);
        if (is_chosen(c, name, choice))
            c->tool = arena_str(&c->arena, str_head(json_str(name, &decoded), TOOL_MAX));
    }
    buf_release(&decoded);
}

enum err sim__check_tool(const struct sim_call *c, const struct sim_tool_choice *choice,
                         struct fault *f)
{
    bool is_demanded = choice->must || json_is(choice->named, JSON_STRING);
    if (is_demanded && c->tool.n == 0)
        return fault_set(f, ERR_INVALID, "tools: the tool that must be called is not among them");
    return ERR_OK;
}
