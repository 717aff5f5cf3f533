/* bounds.c: what a key may ask for, and how often: its own rules and those of all that it comes
 * from. */
#include "relay/internal.h"

#include <stdio.h>

#include "auth/rules.h"
#include "dialect/openai_form.h"

/* --- models and providers --- */

bool relay_may_ask(const struct relay *r, const struct model *m)
{
    return !r->who->has_rules || rules_allow_model(r->who, m->id);
}

bool relay_may_use(const struct relay *r, const struct endpoint *e)
{
    return !r->who->has_rules || rules_allow_provider(r->who, e->provider->name);
}

/* --- rates --- */

/* The limits of the key at `at` of its line: 0 is the key itself. False: it has none. */
static bool limits_at(const struct principal *p, int at, struct rate_limits *out)
{
    *out = at == 0
               ? (struct rate_limits){p->key.rate_requests, p->key.rate_tokens}
               : (struct rate_limits){p->line[at - 1].rate_requests, p->line[at - 1].rate_tokens};
    return out->requests || out->tokens;
}

static void refuse(struct relay *r, const struct rate_answer *a, bool is_ancestor, int64_t now_ms)
{
    char lines[200], text[1024], metadata[400];
    struct buf body = {.p = text, .cap = sizeof text, .max = sizeof text};
    struct buf meta = {.p = metadata, .cap = sizeof metadata, .max = sizeof metadata};
    struct fault f;
    long long reset = (long long)a->reset_ms, wait = (reset - (long long)now_ms + 999) / 1000;
    fault_write(&f, ERR_RATE, "Rate limit exceeded: %u %s per minute of %s. Try again in %lld s",
                a->limit, a->is_of_tokens ? "tokens" : "requests",
                is_ancestor ? "a key that this API key comes from" : "this API key", wait);
    int n = snprintf(lines, sizeof lines,
                     "Retry-After: %lld\r\nX-RateLimit-Limit: %u\r\nX-RateLimit-Remaining: 0\r\n"
                     "X-RateLimit-Reset: %lld\r\n",
                     wait, a->limit, reset);
    buf_printf(&meta,
               "{\"error_type\":\"%s\",\"headers\":{\"X-RateLimit-Limit\":\"%u\","
               "\"X-RateLimit-Remaining\":\"0\",\"X-RateLimit-Reset\":\"%lld\"}}",
               err_type(ERR_RATE), a->limit, reset);
    reply_write_error(&body, &f, 0, buf_view(&meta));
    struct str view = buf_view(&body);
    struct canon_failure x = reply_failure_of(&f);
    if (r->stream && r->client == &dialect_openai) /* whose errors repeat the head's lines */
        relay_respond(r, err_status(ERR_RATE), str_of(lines, (size_t)n), &view, 1);
    else if (r->stream)
        relay_respond_failure(r, &x, str_of(lines, (size_t)n));
    relay_die(r);
}

bool relay_take_rate(struct relay *r)
{
    const struct principal *p = r->who;
    struct budget *b = p->key_budget;
    if (!p->has_rates)
        return true;
    r->rate_ms = relay_worker_wall_ms(r->w);
    r->rate_tokens = relay_prompt_estimate(r);
    for (int at = 0; b && at <= p->key.depth; at++, b = budget_parent(b)) {
        struct rate_limits limits;
        if (!limits_at(p, at, &limits))
            continue;
        struct rate_answer a = budget_rate_take(b, &limits, r->rate_tokens, r->rate_ms);
        if (!a.is_refused)
            continue;
        r->rate_depth = at;
        refuse(r, &a, at > 0, r->rate_ms);
        return false;
    }
    r->rate_depth = p->key.depth + 1;
    return true;
}

void relay_settle_rate(struct relay *r, uint64_t used)
{
    const struct principal *p = r->who;
    if (!r->rate_ms)
        return;
    struct budget *b = p->key_budget;
    for (int at = 0; b && at < r->rate_depth; at++, b = budget_parent(b)) {
        struct rate_limits ignored;
        if (limits_at(p, at, &ignored))
            budget_rate_correct(b, r->rate_ms, r->rate_tokens, used, relay_worker_wall_ms(r->w));
    }
    r->rate_ms = 0;
}
