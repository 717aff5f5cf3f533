/* rate.h: how many requests and tokens a key may use in a minute of the clock. The caller guards it.
 *
 * Tokens are counted as they are estimated when a request comes in, and set right once it is known
 * what it used: answers under way may so go beyond the limit, the next request is then refused. */
#ifndef LEDGER_RATE_H
#define LEDGER_RATE_H

#include "base/str.h"

struct rate {
    int64_t minute; /* the one that the counts are of */
    uint64_t requests, tokens;
};

struct rate_limits {
    uint32_t requests, tokens; /* a minute; 0: any number */
};

struct rate_answer {
    bool is_refused, is_of_tokens; /* which limit it was */
    uint32_t limit;
    int64_t reset_ms; /* when the next minute begins */
};

struct rate_answer rate_take(struct rate *r, const struct rate_limits *limits, uint64_t tokens,
                             int64_t now_ms);
/* What was counted as `tokens` at taken_ms has come to be `used`. */
void rate_correct(struct rate *r, int64_t taken_ms, uint64_t tokens, uint64_t used, int64_t now_ms);

#endif
