/* money.h: dollars as integers. Nano-dollars (1e-9) for credit and cost, pico-dollars (1e-12) per
 * token for prices. No floating point: dollars appear as decimal text at the edges only. */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include "base/buf.h"

typedef int64_t nanos; /* nano-dollars */
typedef int64_t picos; /* pico-dollars */

#define NANOS_PER_USD INT64_C(1000000000)
#define NANOS_MAX                                                                                  \
    (INT64_C(4000000000) * NANOS_PER_USD) /* four billion dollars: sums of two fit 64 bits */

/* Decimal dollars ("12", "0.0015", "1e-3" is refused) to nano-dollars, exactly: more than nine
 * digits after the point that are not zero are refused. Not negative. */
bool money_parse_usd(struct str s, nanos *out);
/* The same of a JSON number, which may have an exponent: "1e-3". */
bool money_parse_number(struct str s, nanos *out);
/* Dollars per million tokens ("0.15") to pico-dollars per token, exactly: at most six digits after
 * the point. */
bool money_parse_per_million(struct str s, picos *out);

/* Shortest exact decimal: "0", "12.5", "0.0000026". Negative amounts bear a '-'. */
enum err money_add_usd(struct buf *b, nanos amount);
/* A price per token as a shortest exact decimal of dollars: 150000 -> "0.00000015". */
enum err money_add_price(struct buf *b, picos per_token);

/* A sum of tokens x price in 128 bits; money_total() rounds it half up, once, to nano-dollars. */
struct money_sum {
    __extension__ unsigned __int128 picos;
};
void money_sum_add(struct money_sum *s, uint64_t tokens, picos per_token);
nanos money_sum_total(const struct money_sum *s);    /* half up; NANOS_MAX at the most */
nanos money_sum_total_up(const struct money_sum *s); /* rounded up: for holds */

#endif
