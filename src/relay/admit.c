/* admit.c: may this request be made, by whom, of which endpoints, and what is set aside for it. */
#include "relay/direct.h"
#include "relay/translate.h"

#include "dialect/openai_form.h"

_Static_assert((int)CHOOSE_MODELS_MAX >= (int)CHAT_MODELS_MAX, "room for all that are named");

/* --- the plan ------------------------------------------------------------------------------------
 */

static bool may_use(const void *r, const struct endpoint *e)
{
    return relay_may_use(r, e);
}

static bool may_tell(const void *r, const struct endpoint *e)
{
    return relay_may_tell(r, e);
}

/* What a request is, and whose route it is for a model of that output. */
static const struct service {
    const char *what, *path;
} services[OUTPUT__COUNT] = {
    [OUTPUT_TEXT] = {"chats", "/api/v1/chat/completions"},
    [OUTPUT_EMBEDDINGS] = {"embeddings", "/api/v1/embeddings"},
    [OUTPUT_RERANK] = {"ranking", "/api/v1/rerank"},
};

/* A model that is for something else. */
static enum err check_output(const struct relay *r, const struct model *m, struct fault *f)
{
    const struct service *is = &services[m->output];
    if (m->output == upstream_output(r->task))
        return ERR_OK;
    return fault_set(
        f, ERR_INVALID, "model: expected a model for %s, got one for %s: %.*s is asked by POST %s",
        services[upstream_output(r->task)].what, is->what, STR_ARG(str_head(m->id, 100)), is->path);
}

/* The models that the client names, there are, and its key may ask. */
static enum err find_models(const struct relay *r, const struct chat_request *req,
                            struct choice_question *q, struct fault *f)
{
    bool is_there = false;
    for (uint32_t i = 0; i < req->models_n; i++) {
        const struct model *m =
            choose_model(r->routes->catalog, req->models[i], &q->sorts[q->models_n]);
        is_there |= m != NULL;
        if (m && check_output(r, m, f) != ERR_OK)
            return f->err;
        if (m && relay_may_ask(r, m))
            q->models[q->models_n++] = m;
    }
    if (q->models_n)
        return ERR_OK;
    struct str first = str_head(req->models[0], 256);
    if (is_there)
        return fault_set(f, ERR_FORBIDDEN, "This API key may not use %.*s: see its allowed_models",
                         STR_ARG(str_head(first, 100)));
    return fault_set(f, ERR_NOT_FOUND, "No endpoints found for %.*s.", STR_ARG(first));
}

/* Endpoints in the order of trying: of each model in the client's order, as the client wishes. */
static enum err make_plan(struct relay *r, const struct chat_request *req, struct fault *f)
{
    struct wishes wishes;
    struct choice_question q = {.wishes = &wishes,
                                .asks = fit_asks(&r->routes->fit, req),
                                .max_tokens = r->asked.has_max ? r->asked.max_tokens : 0,
                                .speeds = r->routes->speeds,
                                .may_use = may_use,
                                .may_tell = may_tell,
                                .arg = r};
    enum err e = wishes_read(req->provider, &wishes, f);
    if (e == ERR_OK)
        e = find_models(r, req, &q, f);
    if (e != ERR_OK)
        return e;
    r->plan = arena_alloc(&r->arena, choose_room(&q) * sizeof *r->plan);
    if (!r->plan)
        return fault_set(f, ERR_NOMEM, "No memory for this request");
    uint32_t n = choose_targets(&q, r->plan, f);
    r->plan_n = n < PLAN_MAX ? n : PLAN_MAX;
    return n ? ERR_OK : ERR_NOT_FOUND;
}

/* --- the hold ------------------------------------------------------------------------------------
 */

/* Bytes of the prompt count as tokens: no tokenizer makes more of them, and what a chat's
 * form adds is less than its JSON. */
static uint64_t prompt_bound(const struct relay *r, const struct chat_request *req)
{
    uint64_t repeated = r->direct ? r->direct->asked.repeated : 0;
    return r->body.n + req->links * LINK_TOKENS + repeated;
}

static uint64_t output_wanted(const struct relay *r, const struct endpoint *e)
{
    uint64_t most = e->max_output ? e->max_output : e->context ? e->context : TOKENS_DEFAULT;
    return r->asked.has_max && r->asked.max_tokens < most ? r->asked.max_tokens : most;
}

static const char *limit_word(enum window w)
{
    static const char *const words[WINDOW__COUNT] = {"total", "daily", "weekly", "monthly"};
    return words[w];
}

static enum err refuse_dear(struct fault *f, const struct hold_answer *a, const struct price *p,
                            uint64_t prompt, uint64_t wanted, const char *remedy)
{
    uint64_t afford = price_affordable(p, prompt, a->affordable);
    if (afford == 0)
        return fault_set(
            f, ERR_NO_CREDIT,
            "This request requires more credits. Its prompt of up to %llu tokens costs more than "
            "is left. %s",
            (unsigned long long)prompt, remedy);
    return fault_set(
        f, ERR_NO_CREDIT,
        "This request requires more credits, or fewer max_tokens. You requested up to %llu "
        "tokens, but can only afford %llu. %s",
        (unsigned long long)wanted, (unsigned long long)afford, remedy);
}

static enum err refuse_hold(struct fault *f, const struct hold_answer *a, const struct price *p,
                            uint64_t prompt, uint64_t wanted)
{
    switch (a->refusal) {
    case HOLD_KEY_EXHAUSTED:
        return fault_set(
            f, ERR_KEY_LIMIT, "Key limit exceeded (%s limit%s). Raise it or wait for its reset",
            limit_word(a->window), a->is_ancestor ? " of a key that this one comes from" : "");
    case HOLD_KEY_TOO_DEAR:
        return refuse_dear(f, a, p, prompt, wanted, "Use a key with a higher limit");
    case HOLD_ACCOUNT_EXHAUSTED:
        return fault_set(f, ERR_NO_CREDIT,
                         "Insufficient credits: the account has none left. Add credits");
    case HOLD_ACCOUNT_TOO_DEAR:
        return refuse_dear(f, a, p, prompt, wanted, "Add credits to the account");
    case HOLD_KEY_IN_FLIGHT:
    case HOLD_ACCOUNT_IN_FLIGHT:
        return fault_set(
            f, ERR_NO_CREDIT,
            "This request would exceed your available credits given your current in-flight "
            "requests. Retry after in-flight requests settle, or add credits.");
    case HOLD_OK:
        break;
    }
    return ERR_OK;
}

const struct canon_unpaid *relay_unpaid(enum hold_refusal refusal)
{
    static const struct canon_unpaid all[] = {
        [HOLD_KEY_EXHAUSTED] = {STR_INIT("openrouter_key_limit"), STR_INIT(""),
                                STR_INIT("Raise the key's limit or wait for its reset")},
        [HOLD_KEY_TOO_DEAR] = {STR_INIT("openrouter_key_limit"), STR_INIT("weight_exceeds_budget"),
                               STR_INIT(
                                   "Ask for fewer max_tokens or use a key with a higher limit")},
        [HOLD_KEY_IN_FLIGHT] = {STR_INIT("openrouter_in_flight_budget"),
                                STR_INIT("in_flight_budget_exhausted"),
                                STR_INIT("Retry after in-flight requests settle")},
        [HOLD_ACCOUNT_EXHAUSTED] = {STR_INIT("openrouter_credits"), STR_INIT(""),
                                    STR_INIT("Add credits")},
        [HOLD_ACCOUNT_TOO_DEAR] = {STR_INIT("openrouter_credits"),
                                   STR_INIT("weight_exceeds_budget"),
                                   STR_INIT("Ask for fewer max_tokens or add credits")},
        [HOLD_ACCOUNT_IN_FLIGHT] = {STR_INIT("openrouter_in_flight_budget"),
                                    STR_INIT("in_flight_budget_exhausted"),
                                    STR_INIT("Retry after in-flight requests settle, or add "
                                             "credits")},
    };
    return refusal == HOLD_OK ? NULL : &all[refusal];
}

/* What a hold was for another endpoint is made to fit this one. */
static bool adjust(struct relay *r, nanos need, nanos least, int64_t now)
{
    if (hold_resize(&r->hold, need, now))
        return true;
    if (r->hold.amount >= least)
        return true;
    hold_cancel(&r->hold);
    return false;
}

enum err relay_hold(struct relay *r, const struct target *t, uint64_t *max_tokens, struct fault *f)
{
    enum { LEAST_OUTPUT = 16 }; /* tokens; less is no answer, and some providers refuse it */
    struct price use =
        price_without_media(&t->endpoint->price, !r->asked.has_media, !r->asked.may_speak);
    struct price all = price_of_requests(&use, r->asked.searches);
    const struct price *p = &all;
    uint64_t prompt = r->asked.prompt_bound, n = r->asked.choices;
    uint64_t wanted = output_wanted(r, t->endpoint);
    uint64_t least_output = r->asked.has_max || wanted < LEAST_OUTPUT ? wanted : LEAST_OUTPUT;
    nanos need = price_bound(p, prompt, wanted * n),
          least = price_bound(p, prompt, least_output * n);
    int64_t now = relay_worker_wall_ms(r->w);
    if (!r->hold.account || !adjust(r, need, least, now)) {
        struct hold_answer a =
            hold_open(&r->hold, r->who->account_budget, r->who->key_budget, need, least, now);
        if (a.refusal != HOLD_OK) {
            r->hold_refusal = (uint8_t)a.refusal;
            return refuse_hold(f, &a, p, prompt, wanted);
        }
    }
    uint64_t afford = price_affordable(p, prompt, r->hold.amount) / n;
    *max_tokens = afford < wanted ? afford : wanted;
    r->output_bound = *max_tokens * n;
    return ERR_OK;
}

/* --- admission -----------------------------------------------------------------------------------
 */

static void keep_facts(struct relay *r, const struct chat_request *req)
{
    r->asked = (struct asked){
        .is_streamed = req->is_streamed,
        .hides_thoughts = req->hides_thoughts,
        .has_max = req->has_max_tokens || req->has_max_completion_tokens,
        .choices = (uint32_t)req->choices,
        .max_tokens = req->max_tokens,
        .prompt_bound = prompt_bound(r, req),
        .text = req->text,
        .searches = r->direct ? r->direct->asked.searches : 1,
        .has_media = req->has_media,
        .may_speak = req->may_speak,
        .wants_echo = req->wants_echo,
    };
    if (req->user.n)
        r->user = arena_str(&r->arena, str_head(req->user, 200));
}

/* Where nothing may have to be translated, the canonical form is not made before it is needed. */
static enum err read_request(struct relay *r, struct json root, struct chat_request *out,
                             struct fault *f)
{
    bool is_openai = r->client == &dialect_openai;
    if (r->task)
        return relay_direct_read(r, root, out, f);
    struct json wish = json_get(json_get(root, STR("provider")), STR("require_parameters"));
    if (!is_openai || json_bool_or(wish, false)) {
        enum err e = relay_translation_read(r, root, f);
        if (e != ERR_OK)
            return e;
        *out = r->translation->asked.facts;
        out->provider = json_get(root, STR("provider"));
    }
    buf_reset(&r->w->scratch);
    return is_openai ? chat_read(root, &r->w->scratch, out, f) : ERR_OK;
}

/* The gateway's own estimate, which nobody pays for. */
static void tell_count(struct relay *r)
{
    struct buf *out = &r->w->scratch2;
    struct fault f = {ERR_NOMEM, "No memory for this answer: try again later"};
    buf_reset(out);
    if (r->client->write_count(relay_prompt_estimate(r), out) != ERR_OK) {
        relay_refuse(r, &f);
        return;
    }
    struct str body = buf_view(out);
    relay_respond(r, 200, STR_NONE, &body, 1);
    relay_die(r);
}

void relay_admit(struct relay *r)
{
    struct chat_request req;
    struct json root;
    struct fault f;
    enum err e = json_parse(&r->w->tape, buf_view(&r->body), &root, &f);
    if (e == ERR_OK)
        e = read_request(r, root, &req, &f);
    if (e == ERR_OK) {
        keep_facts(r, &req);
        e = make_plan(r, &req, &f);
    }
    if (e == ERR_OK && !arena_defer(&r->arena, hold_cancel, &r->hold))
        e = fault_set(&f, ERR_NOMEM, "No memory for this request");
    if (e != ERR_OK) {
        relay_refuse(r, &f);
        return;
    }
    if (r->client->write_count) {
        tell_count(r);
        return;
    }
    if (!relay_take_rate(r))
        return;
    relay_enter(r, RELAY_TRYING);
    relay_try(r, req.root.type ? &req : NULL);
}
