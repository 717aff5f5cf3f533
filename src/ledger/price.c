#include "ledger/price.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static picos most(picos a, picos b)
{
    return a > b ? a : b;
}

struct price price_of_requests(const struct price *p, uint64_t n)
{
    struct price all = *p;
    if (n > 1 && __builtin_mul_overflow(p->request, n, &all.request))
        all.request = INT64_MAX;
    return all;
}

static void add_request(struct money_sum *sum, const struct price *p)
{
    money_sum_add(sum, 1000, p->request); /* a nano-dollar is a thousand pico-dollars */
}

nanos price_cost(const struct price *p, const struct tokens *t)
{
    struct money_sum sum = {0};
    uint64_t cached = least(t->cached, t->prompt);
    uint64_t written = least(t->cache_write, t->prompt - cached);
    uint64_t reasoning = least(t->reasoning, t->completion);
    money_sum_add(&sum, t->prompt - cached - written, p->prompt);
    money_sum_add(&sum, cached, p->cache_read);
    money_sum_add(&sum, written, p->cache_write);
    money_sum_add(&sum, t->completion - reasoning, p->completion);
    money_sum_add(&sum, reasoning, p->reasoning);
    add_request(&sum, p);
    return money_sum_total(&sum);
}

/* The dearest that a token of either side can be. */
static picos prompt_most(const struct price *p)
{
    return most(p->prompt, most(p->cache_read, p->cache_write));
}

static picos completion_most(const struct price *p)
{
    return most(p->completion, p->reasoning);
}

nanos price_bound(const struct price *p, uint64_t prompt, uint64_t completion)
{
    struct money_sum sum = {0};
    money_sum_add(&sum, prompt, prompt_most(p));
    money_sum_add(&sum, completion, completion_most(p));
    add_request(&sum, p);
    return money_sum_total_up(&sum);
}

uint64_t price_affordable(const struct price *p, uint64_t prompt, nanos amount)
{
    struct money_sum spent = {0}, all = {0};
    BUG_ON(amount < 0);
    money_sum_add(&spent, prompt, prompt_most(p));
    add_request(&spent, p);
    money_sum_add(&all, (uint64_t)amount, 1000);
    if (spent.picos > all.picos)
        return 0;
    picos each = completion_most(p);
    if (each == 0)
        return UINT64_MAX;
    all.picos = (all.picos - spent.picos) / (uint64_t)each;
    return all.picos < UINT64_MAX ? (uint64_t)all.picos : UINT64_MAX - 1;
}
