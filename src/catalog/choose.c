#include "catalog/choose.h"

/* --- speeds --------------------------------------------------------------------------------------
 */

static uint32_t at_most_32(uint64_t n)
{
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static uint32_t blend(uint32_t old, uint32_t now)
{
    return (uint32_t)((old * UINT64_C(7) + now) / 8);
}

void speed_note(struct speed *s, uint64_t first_ns, uint64_t whole_ns, uint64_t tokens)
{
    uint64_t us = first_ns / 1000, whole_us = whole_ns / 1000;
    uint32_t first = at_most_32(us ? us : 1);
    uint32_t rate = at_most_32(tokens * 1000000000 / (whole_us ? whole_us : 1));
    bool is_new = s->first_us == 0 || s->first_us == UINT32_MAX;
    s->first_us = is_new ? first : blend(s->first_us, first);
    s->milli_tokens = is_new ? rate : blend(s->milli_tokens, rate);
}

void speed_note_failure(struct speed *s)
{
    *s = (struct speed){.first_us = UINT32_MAX};
}

/* --- models --------------------------------------------------------------------------------------
 */

static bool sort_of_variant(struct str variant, enum wish_sort *sort)
{
    static const struct {
        struct str name;
        enum wish_sort sort;
    } rows[] = {{STR_INIT("nitro"), SORT_THROUGHPUT},
                {STR_INIT("floor"), SORT_PRICE},
                {STR_INIT("exacto"), SORT_EXACTO}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_eq(variant, rows[i].name)) {
            *sort = rows[i].sort;
            return true;
        }
    }
    return false;
}

const struct model *choose_model(const struct catalog *c, struct str id, enum wish_sort *sort)
{
    char room[256];
    struct buf plain = {.p = room, .cap = sizeof room, .max = sizeof room};
    *sort = SORT_NONE;
    const struct model *m = catalog_model(c, id);
    if (m || id.n > sizeof room)
        return m;
    buf_add(&plain, str_cut(&id, ':'));
    while (id.p) {
        struct str variant = str_cut(&id, ':');
        if (!sort_of_variant(variant, sort)) {
            buf_add(&plain, STR(":"));
            buf_add(&plain, variant);
        }
    }
    return plain.failed == ERR_OK ? catalog_model(c, buf_view(&plain)) : NULL;
}

/* --- names ---------------------------------------------------------------------------------------
 */

bool choose_names(struct str wish, const struct endpoint *e)
{
    struct str base = str_cut(&wish, '/');
    bool is_tier = str_ieq(e->tag, STR("flex")) || str_ieq(e->tag, STR("priority"));
    if (!str_ieq(base, e->provider->name) && !str_ieq(base, e->provider->title))
        return false;
    if (!wish.p)
        return !is_tier;
    return wish.n &&
           (str_ieq(wish, e->tag) || str_ieq(wish, str_c(quantization_names[e->quantization])));
}

/* Its place in the list, or the list's length. */
static uint32_t place_in(const struct wish_names *list, const struct endpoint *e)
{
    uint32_t i = 0;
    while (i < list->n && !choose_names(list->at[i], e))
        i++;
    return i;
}

static bool is_in(const struct wish_names *list, const struct endpoint *e)
{
    return place_in(list, e) < list->n;
}

/* --- filters -------------------------------------------------------------------------------------
 */

/* In this order; the furthest that an endpoint came says why there is none. */
enum filter {
    BY_KEY,
    BY_NAME,
    BY_POLICY,
    BY_QUANTIZATION,
    BY_PRICE,
    BY_PARAMETERS,
    FILTER__PASSED
};

static bool is_dearer(int64_t price, int64_t most)
{
    return most != WISHES_UNBOUNDED && price > most;
}

static bool is_too_dear(const struct price *p, const struct wishes *w)
{
    return is_dearer(p->prompt, w->prompt_most) || is_dearer(p->completion, w->completion_most) ||
           is_dearer(p->request, w->request_most);
}

static bool is_against_policy(const struct provider *p, const struct wishes *w)
{
    bool keeps = p->may_train || p->retention_days != 0;
    return (w->denies_training && p->may_train) || (w->wants_no_retention && keeps);
}

/* The filter that it does not pass. */
static enum filter filter_of(const struct choice_question *q, const struct endpoint *e)
{
    const struct wishes *w = q->wishes;
    bool may_be_others = w->allow_fallbacks || w->order.n == 0;
    if (q->may_use && !q->may_use(q->arg, e))
        return BY_KEY;
    if ((w->only.n && !is_in(&w->only, e)) || is_in(&w->ignore, e) ||
        (!may_be_others && !is_in(&w->order, e)))
        return BY_NAME;
    if (is_against_policy(e->provider, w))
        return BY_POLICY;
    if (w->quantizations && !(w->quantizations >> e->quantization & 1))
        return BY_QUANTIZATION;
    if (is_too_dear(&e->price, w))
        return BY_PRICE;
    if (w->require_parameters &&
        ((q->asks & ~e->takes) || (q->may_tell && !q->may_tell(q->arg, e))))
        return BY_PARAMETERS;
    return FILTER__PASSED;
}

static void refuse(const struct choice_question *q, enum filter furthest, struct fault *f)
{
    static const char *const why[FILTER__PASSED] = {
        [BY_KEY] = "No allowed providers are available for the selected model: this API key's "
                   "allowed_providers leaves out all that have it",
        [BY_NAME] = "No allowed providers are available for the selected model.",
        [BY_POLICY] = "No endpoints found matching your data policy (provider.data_collection, "
                      "provider.zdr).",
        [BY_QUANTIZATION] = "No endpoints found with the quantizations in provider.quantizations.",
        [BY_PRICE] = "No endpoints found at the prices in provider.max_price.",
    };
    if (furthest != BY_PARAMETERS) {
        fault_write(f, ERR_NOT_FOUND, "%s", why[furthest]);
        return;
    }
    if (q->asks & PARAMETER_BIT(TOOLS)) {
        fault_write(f, ERR_NOT_FOUND,
                    "No endpoints found that support tool use and all other "
                    "parameters sent (provider.require_parameters).");
        return;
    }
    fault_write(f, ERR_NOT_FOUND,
                "No endpoints found that support all parameters sent "
                "(provider.require_parameters).");
}

/* --- what is better served elsewhere -------------------------------------------------------------
 */

static bool serves(const struct target *t, uint64_t wanted, uint64_t max_tokens)
{
    const struct endpoint *e = t->endpoint;
    return !(wanted & ~e->takes) && !(max_tokens && e->max_output && max_tokens > e->max_output);
}

/* Where some of them serve it, the others go. Returns how many are left. */
static uint32_t prefer(struct target *at, uint32_t n, uint64_t wanted, uint64_t max_tokens)
{
    uint32_t served = 0;
    for (uint32_t i = 0; i < n; i++)
        served += serves(&at[i], wanted, max_tokens);
    if (served == 0 || served == n)
        return n;
    uint32_t left = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (serves(&at[i], wanted, max_tokens))
            at[left++] = at[i];
    }
    return left;
}

static uint32_t prefer_all(const struct choice_question *q, struct target *at, uint32_t n)
{
    static const uint64_t kept_together[] = {
        PARAMETER_BIT(TOOLS) | PARAMETER_BIT(TOOL_CHOICE) | PARAMETER_BIT(TOOL_CHOICE_REQUIRED) |
            PARAMETER_BIT(TOOL_CHOICE_FUNCTION),
        PARAMETER_BIT(RESPONSE_FORMAT) | PARAMETER_BIT(STRUCTURED_OUTPUTS),
        PARAMETER_BIT(VERBOSITY),
    };
    for (size_t i = 0; i < COUNT_OF(kept_together); i++) {
        if (q->asks & kept_together[i])
            n = prefer(at, n, q->asks & kept_together[i], 0);
    }
    return q->max_tokens ? prefer(at, n, 0, q->max_tokens) : n;
}

/* --- order ---------------------------------------------------------------------------------------
 */

/* Smaller goes first. */
struct rank {
    uint32_t place; /* in `order` */
    uint64_t cost;  /* by what is sorted */
};

/* For a prompt and an answer of the same length, of a thousand tokens. */
static uint64_t price_rank(const struct price *p)
{
    return (uint64_t)p->prompt + (uint64_t)p->completion + (uint64_t)p->request;
}

/* What nobody has measured goes first, once: then it is measured. */
static struct rank rank_of(const struct choice_question *q, enum wish_sort sort,
                           const struct endpoint *e)
{
    static const struct speed unmeasured;
    const struct speed *s = q->speeds ? &q->speeds[e->index] : &unmeasured;
    struct rank r = {.place = place_in(&q->wishes->order, e)};
    if (sort == SORT_PRICE)
        r.cost = price_rank(&e->price);
    else if (sort == SORT_LATENCY)
        r.cost = s->first_us;
    else if (sort == SORT_THROUGHPUT)
        r.cost = s->first_us ? UINT32_MAX - (uint64_t)s->milli_tokens : 0;
    return r;
}

static bool goes_before(struct rank a, struct rank b)
{
    return a.place != b.place ? a.place < b.place : a.cost < b.cost;
}

/* Stable: what ranks the same stays as configured. */
static void sort_targets(const struct choice_question *q, enum wish_sort sort, struct target *at,
                         uint32_t n)
{
    if (q->wishes->order.n == 0 && (sort == SORT_NONE || sort == SORT_EXACTO))
        return;
    for (uint32_t i = 1; i < n; i++) {
        struct target moved = at[i];
        struct rank rank = rank_of(q, sort, moved.endpoint);
        uint32_t to = i;
        for (; to > 0 && goes_before(rank, rank_of(q, sort, at[to - 1].endpoint)); to--)
            at[to] = at[to - 1];
        at[to] = moved;
    }
}

/* --- all of it -----------------------------------------------------------------------------------
 */

uint32_t choose_room(const struct choice_question *q)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < q->models_n; i++)
        n += q->models[i]->endpoints_n;
    return n;
}

/* Of one model, in its order. */
static uint32_t choose_of(const struct choice_question *q, uint32_t at, struct target *out,
                          enum filter *furthest)
{
    const struct model *m = q->models[at];
    const struct wishes *w = q->wishes;
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->endpoints_n; i++) {
        enum filter stopped = filter_of(q, m->endpoints[i]);
        if (stopped == FILTER__PASSED)
            out[n++] = (struct target){m, m->endpoints[i]};
        else if (stopped > *furthest)
            *furthest = stopped;
    }
    n = prefer_all(q, out, n);
    sort_targets(q, w->sort != SORT_NONE ? w->sort : q->sorts[at], out, n);
    bool is_first_alone = !w->allow_fallbacks && w->order.n == 0;
    return is_first_alone && n ? 1 : n;
}

uint32_t choose_targets(const struct choice_question *q, struct target *out, struct fault *f)
{
    enum filter furthest = BY_KEY;
    uint32_t n = 0;
    for (uint32_t i = 0; i < q->models_n; i++)
        n += choose_of(q, i, out + n, &furthest);
    if (q->wishes->is_pooled)
        sort_targets(q, q->wishes->sort, out, n);
    if (n == 0)
        refuse(q, furthest, f);
    return n;
}
