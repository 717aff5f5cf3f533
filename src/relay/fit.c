#include "relay/fit.h"

#include <stdlib.h>

/* --- one endpoint --------------------------------------------------------------------------------
 */

static bool lacks(const struct endpoint *e, uint64_t parameter)
{
    return (e->drops & parameter) != 0;
}

static void add_rename(struct openai_rules *rules, struct str from, struct str to, bool is_effort)
{
    BUG_ON(rules->renames_n == OPENAI_RENAMES_MAX);
    rules->renames[rules->renames_n++] = (struct openai_rename){
        .from = from, .to = to, .is_effort = is_effort, .bit = chat_member_bit(from)};
}

static struct str name_of(uint64_t parameter)
{
    unsigned p = 0;
    while (parameter >> p > 1)
        p++;
    return parameter_name(p);
}

/* An output bound always goes along, under the name that is taken. */
static uint64_t add_bound(struct openai_rules *rules, const struct endpoint *e)
{
    const struct kind_rename *x = e->provider->kind->renames;
    struct str older = STR("max_tokens"), newer = STR("max_completion_tokens");
    uint64_t bounds = PARAMETER_BIT(MAX_TOKENS) | PARAMETER_BIT(MAX_COMPLETION_TOKENS);
    for (size_t i = 0; i < KIND_RENAMES_MAX && x[i].from; i++) {
        if (x[i].from & bounds)
            return bounds; /* the kind has said it */
    }
    if (lacks(e, PARAMETER_BIT(MAX_TOKENS)) != lacks(e, PARAMETER_BIT(MAX_COMPLETION_TOKENS))) {
        bool is_newer = lacks(e, PARAMETER_BIT(MAX_TOKENS));
        add_rename(rules, is_newer ? older : newer, is_newer ? newer : older, false);
    }
    return bounds;
}

/* Of messages: what is not taken as it stands. */
static void fill_messages(struct openai_rules *rules, const struct kind *k)
{
    rules->least_effort = k->least_effort.n ? canon_effort_find(k->least_effort) : EFFORT_LOW;
    rules->most_effort = k->most_effort.n ? canon_effort_find(k->most_effort) : EFFORT_HIGH;
    rules->thoughts = k->thoughts;
    rules->prefill = k->prefill;
    if (!k->takes_developer)
        rules->unsaid |= CHAT_DEVELOPER;
    if (k->refuses_names)
        rules->unsaid |= CHAT_NAMES;
    if (!k->takes_additions)
        rules->unsaid |= CHAT_THOUGHTS | CHAT_MARKS | CHAT_ECHOES;
    if (k->refuses_unknown)
        rules->unsaid |= CHAT_OWN;
    if (k->prefill.n)
        rules->unsaid |= CHAT_PREFILL;
}

static void fill(struct openai_rules *rules, const struct fit *all, const struct endpoint *e)
{
    const struct kind *k = e->provider->kind;
    uint64_t kept = add_bound(rules, e);
    for (size_t i = 0; i < KIND_RENAMES_MAX && k->renames[i].from; i++) {
        const struct kind_rename *x = &k->renames[i];
        if ((x->from & kept) || !lacks(e, x->from))
            add_rename(rules, name_of(x->from), x->to, x->is_effort);
    }
    for (unsigned i = 0; i < FIT_MEMBERS_MAX; i++) {
        if (lacks(e, all->parameters[i] & ~kept))
            rules->drops |= UINT64_C(1) << i;
    }
    rules->drops_unknown = k->refuses_unknown;
    rules->drops_required = lacks(e, PARAMETER_BIT(TOOL_CHOICE_REQUIRED));
    rules->drops_function = lacks(e, PARAMETER_BIT(TOOL_CHOICE_FUNCTION));
    rules->drops_schema = lacks(e, PARAMETER_BIT(STRUCTURED_OUTPUTS));
    rules->has_no_stream_options = lacks(e, PARAMETER_BIT(STREAM_OPTIONS));
    fill_messages(rules, k);
}

/* An output bound always goes along, and a word of `reasoning` where only that is taken. */
static uint64_t refused(const struct endpoint *e)
{
    uint64_t refuses = 0, kept = PARAM_BIT(PARAM_MAX_TOKENS);
    for (unsigned p = 0; e->drops && p < PARAM__COUNT; p++) {
        if (lacks(e, parameter_bit(canon_param_name((enum canon_param)p))))
            refuses |= PARAM_BIT(p);
    }
    if (!lacks(e, PARAMETER_BIT(REASONING_EFFORT)))
        kept |= PARAM_BIT(PARAM_REASONING);
    return refuses & ~kept;
}

/* --- all of them ---------------------------------------------------------------------------------
 */

static void fill_all(struct fit *r, const struct catalog *c)
{
    struct str name;
    for (unsigned i = 0; (name = chat_member(i)).p; i++)
        r->parameters[i] = parameter_bit(name);
    for (uint32_t i = 0; i < c->models_n; i++) {
        const struct model *m = c->models[i];
        for (uint32_t j = 0; j < m->endpoints_n; j++) {
            const struct endpoint *e = m->endpoints[j];
            fill(&r->of[e->index], r, e);
            r->refuses[e->index] = refused(e);
        }
    }
}

enum err fit_init(struct fit *r, const struct catalog *c)
{
    *r = (struct fit){.of = calloc(c->endpoints_n + 1, sizeof *r->of),
                      .refuses = calloc(c->endpoints_n + 1, sizeof *r->refuses)};
    if (!r->of || !r->refuses) {
        fit_release(r);
        return ERR_NOMEM;
    }
    fill_all(r, c);
    return ERR_OK;
}

void fit_release(struct fit *r)
{
    free(r->of);
    free(r->refuses);
    *r = (struct fit){.of = NULL};
}

uint64_t fit_asks(const struct fit *r, const struct chat_request *req)
{
    uint64_t asks = 0;
    for (uint64_t left = req->asks; left; left &= left - 1)
        asks |= r->parameters[__builtin_ctzll(left)];
    if (req->wants_tool)
        asks |= PARAMETER_BIT(TOOL_CHOICE_REQUIRED);
    if (req->wants_function)
        asks |= PARAMETER_BIT(TOOL_CHOICE_FUNCTION);
    if (req->wants_schema)
        asks |= PARAMETER_BIT(STRUCTURED_OUTPUTS);
    return asks;
}
