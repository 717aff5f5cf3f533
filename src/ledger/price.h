/* price.h: tokens x price = cost, and the upper bound of a cost. Rounded once per request. */
#ifndef LEDGER_PRICE_H
#define LEDGER_PRICE_H

#include "base/money.h"

/* Pico-dollars per token; `request` in nano-dollars per request. */
struct price {
    picos prompt, completion;
    picos cache_read, cache_write; /* of prompt tokens that were read from / written to a cache */
    picos reasoning;               /* of completion tokens that were reasoning */
    nanos request;
};

/* Tokens as providers count them: cached and cache_write are parts of prompt, reasoning is part of
 * completion. Parts larger than the whole are cut to it. */
struct tokens {
    uint64_t prompt, completion;
    uint64_t cached, cache_write, reasoning;
};

/* The same where so many requests are paid for at once; 0 counts as one. */
struct price price_of_requests(const struct price *p, uint64_t n);

nanos price_cost(const struct price *p, const struct tokens *t);
/* No use of at most this many tokens costs more. */
nanos price_bound(const struct price *p, uint64_t prompt, uint64_t completion);
/* The most completion tokens that `amount` can pay beside `prompt` tokens; 0: not even the prompt.
 * UINT64_MAX: output is free. */
uint64_t price_affordable(const struct price *p, uint64_t prompt, nanos amount);

#endif
