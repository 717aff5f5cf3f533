/* completions_read.c: older completions as canonical chats. For sources, see completions.h. */
#include "dialect/completions.h"

#include "dialect/openai_form.h"

enum { LOGPROBS_MAX = 20 };

/* --- what a chat cannot do --------------------------------------------------------------------- */

/* What changes the answer and cannot be told to anybody is refused; what asks for nothing goes. */
static enum err refuse_suffix(struct json v, struct fault *f)
{
    bool is_nothing =
        json_is_none_or_null(v) || (json_is(v, JSON_STRING) && json_raw_str(v).n == 0);
    return is_nothing
               ? ERR_OK
               : fault_set(f, ERR_INVALID,
                           "suffix: expected none, got %s: no model here fills in the middle",
                           json_kind(v));
}

static enum err refuse_echo(struct json v, struct fault *f)
{
    return json_is_none_or_null(v) || json_is(v, JSON_FALSE)
               ? ERR_OK
               : fault_set(f, ERR_INVALID,
                           "echo: expected false, got %s: the prompt is not given back",
                           json_is(v, JSON_TRUE) ? "true" : json_kind(v));
}

static enum err refuse_best_of(struct json v, uint64_t choices, struct fault *f)
{
    uint64_t n;
    return json_is_none_or_null(v) || (json_u64(v, choices, &n) && n > 0)
               ? ERR_OK
               : fault_set(
                     f, ERR_INVALID,
                     "best_of: expected at most n (%llu), got %s%s: all choices that are made "
                     "are given",
                     (unsigned long long)choices, json_kind(v),
                     json_is(v, JSON_NUMBER) ? " outside of that" : "");
}

static enum err refuse_tools(struct json root, struct fault *f)
{
    static const struct str names[] = {STR_INIT("tools"), STR_INIT("functions")};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct json v = json_get(root, names[i]);
        if (!json_is_none_or_null(v) && json_first(v).type)
            return fault_set(f, ERR_INVALID,
                             "%.*s: expected none, got %s: a chat takes them "
                             "(POST /api/v1/chat/completions)",
                             STR_ARG(names[i]), json_kind(v));
    }
    return ERR_OK;
}

static enum err refuse_what_is_none(struct json root, const struct chat_request *facts,
                                    struct fault *f)
{
    enum err e = refuse_suffix(json_get(root, STR("suffix")), f);
    if (e == ERR_OK)
        e = refuse_echo(json_get(root, STR("echo")), f);
    if (e == ERR_OK)
        e = refuse_best_of(json_get(root, STR("best_of")), facts->choices, f);
    return e == ERR_OK ? refuse_tools(root, f) : e;
}

/* --- what is otherwise than in a chat ---------------------------------------------------------- */

/* How many alternatives of each token are to be told; or, as in a chat, whether. */
static enum err read_logprobs(struct json v, struct canon_request *to, struct fault *f)
{
    uint64_t n;
    if (json_is_none_or_null(v) || json_is(v, JSON_TRUE) || json_is(v, JSON_FALSE))
        return ERR_OK; /* as it stands */
    if (!json_u64(v, LOGPROBS_MAX, &n))
        return fault_set(f, ERR_INVALID, "logprobs: expected a whole number from 0 to %d, got %s%s",
                         LOGPROBS_MAX, json_kind(v),
                         json_is(v, JSON_NUMBER) ? " outside of that" : "");
    to->values[PARAM_LOGPROBS] = STR("true");
    to->values[PARAM_TOP_LOGPROBS] = n ? json_raw(v) : STR_NONE;
    return ERR_OK;
}

static enum err read_prompt(struct json prompt, struct canon_room *room, struct canon_request *to,
                            struct fault *f)
{
    struct canon_message *m = canon_add_message(to, room, CANON_USER);
    struct canon_part *p = m ? canon_add_part(&m->parts, room, PART_TEXT) : NULL;
    if (!p)
        return canon_no_memory(f);
    p->text = canon_text(prompt);
    return ERR_OK;
}

enum err completions_read_request(struct json root, struct canon_room *room,
                                  struct canon_request *out, struct fault *f)
{
    *out = (struct canon_request){.from = &dialect_completions};
    buf_reset(room->scratch);
    enum err e = chat_read_prompt(root, room->scratch, &out->facts, f);
    if (e == ERR_OK)
        e = openai_keep_facts(root, room, out, f);
    if (e == ERR_OK)
        e = refuse_what_is_none(root, &out->facts, f);
    if (e == ERR_OK)
        e = read_prompt(chat_prompt(root), room, out, f);
    if (e == ERR_OK)
        e = openai_read_settings(root, room, out, f);
    out->extras = NULL; /* nobody else speaks this format */
    return e == ERR_OK ? read_logprobs(json_get(root, STR("logprobs")), out, f) : e;
}
