#include "dialect/dialect.h"

#include "dialect/adapt.h"
#include "dialect/anthropic.h"
#include "dialect/bedrock.h"
#include "dialect/cohere.h"
#include "dialect/completions.h"
#include "dialect/gemini.h"
#include "dialect/openai_form.h"
#include "dialect/responses.h"

const struct dialect_quirks dialect_no_quirks = {.max_tokens_field = STR_INIT("max_tokens")};

/* One row a format. */
static const struct dialect *const dialects[] = {
    &dialect_openai,    &dialect_anthropic,   &dialect_gemini, &dialect_bedrock,
    &dialect_responses, &dialect_completions, &dialect_cohere,
};

const struct dialect *dialect_at(size_t i)
{
    return i < COUNT_OF(dialects) ? dialects[i] : NULL;
}

const struct dialect *dialect_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(dialects); i++) {
        if (str_eq(dialects[i]->name, name))
            return dialects[i];
    }
    return NULL;
}

bool dialect_refuses_choice(const struct dialect_quirks *q, const struct canon_request *r)
{
    return (q->refuses_required && r->choice.kind == CANON_CHOICE_REQUIRED) ||
           (q->refuses_named && r->choice.kind == CANON_CHOICE_NAMED);
}

/* OpenRouter's "fast" is what providers call "priority". */
static void name_tier(struct canon_request *r, struct canon_room *room)
{
    struct json tier;
    struct str *raw = &r->values[PARAM_SERVICE_TIER];
    if (raw->p && json_parse(room->tape, *raw, &tier, NULL) == ERR_OK &&
        json_str_eq(tier, STR("fast")))
        *raw = STR("\"priority\"");
}

enum err dialect_write_request(const struct dialect *d, const struct canon_request *r,
                               const struct dialect_target *t, struct canon_room *room,
                               struct buf *out, struct fault *f)
{
    uint64_t refused = t->quirks->refuses;
    if (dialect_refuses_choice(t->quirks, r))
        refused |= PARAM_BIT(PARAM_TOOL_CHOICE);
    struct canon_request fitting;
    enum err e = canon_adapt(r, d, refused, room, &fitting, f);
    if (e == ERR_OK && !t->quirks->is_openrouter)
        name_tier(&fitting, room);
    return e == ERR_OK ? d->write_request(&fitting, t, room, out, f) : e;
}

enum err dialect_read(struct canon_reader *rd, struct json_tape *tape, struct str name,
                      struct str data, struct fault *f)
{
    struct json root;
    const struct dialect *d = rd->dialect;
    if (d->done.n && str_eq(str_trim(data), d->done))
        return canon_emit(rd, &(struct canon_event){.kind = EVENT_END});
    if (json_parse(tape, data, &root, NULL) != ERR_OK || !json_is(root, JSON_OBJECT))
        return fault_set(f, ERR_UPSTREAM, "The provider sent an event that is not JSON");
    enum err e = dialect_check_answer(d, root, f);
    return e == ERR_OK ? d->read_event(rd, name, root, f) : e;
}

enum err dialect_read_whole(struct canon_reader *rd, struct json root, struct fault *f)
{
    enum err e = dialect_check_answer(rd->dialect, root, f);
    return e == ERR_OK ? rd->dialect->read_whole(rd, root, f) : e;
}

enum err dialect_check_answer(const struct dialect *d, struct json root, struct fault *f)
{
    struct fault why;
    if (!d->answer_shape || !json_is(root, JSON_OBJECT) ||
        shape_check_members(d->answer_shape, root, NULL, &why) == ERR_OK)
        return ERR_OK;
    return fault_set(f, ERR_UPSTREAM, "The provider's answer is not as it should be: %s",
                     why.message);
}
