#include "ledger/rate.h"

#define MINUTE_MS INT64_C(60000)

/* A clock that was set back begins no new minute. */
static void turn(struct rate *r, int64_t now_ms)
{
    int64_t minute = now_ms / MINUTE_MS;
    if (minute > r->minute)
        *r = (struct rate){.minute = minute};
}

static uint64_t add_capped(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

struct rate_answer rate_take(struct rate *r, const struct rate_limits *limits, uint64_t tokens,
                             int64_t now_ms)
{
    turn(r, now_ms);
    struct rate_answer a = {.reset_ms = (r->minute + 1) * MINUTE_MS};
    bool is_full = limits->requests && r->requests >= limits->requests;
    a.is_of_tokens = !is_full && limits->tokens && r->tokens >= limits->tokens;
    a.is_refused = is_full || a.is_of_tokens;
    a.limit = a.is_of_tokens ? limits->tokens : limits->requests;
    if (a.is_refused)
        return a;
    r->requests++;
    r->tokens = add_capped(r->tokens, tokens);
    return a;
}

/* What is more than was thought counts now, whenever that is; what is less comes back in its own
 * minute only. */
void rate_correct(struct rate *r, int64_t taken_ms, uint64_t tokens, uint64_t used, int64_t now_ms)
{
    turn(r, now_ms);
    if (used >= tokens)
        r->tokens = add_capped(r->tokens, used - tokens);
    else if (taken_ms / MINUTE_MS == r->minute)
        r->tokens -= tokens - used < r->tokens ? tokens - used : r->tokens;
}
