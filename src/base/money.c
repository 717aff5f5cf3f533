#include "base/money.h"

#include "base/codec.h"

#define PICOS_PER_USD INT64_C(1000000000000)
/* More than a dollar a token is a mistake; and so no sum of prices comes near 128 bits. */
#define PRICE_MAX PICOS_PER_USD

__extension__ typedef unsigned __int128 u128;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Appends a decimal digit to *v; false past max. */
static bool add_digit(int64_t *v, int digit, int64_t max)
{
    if (*v > (max - digit) / 10)
        return false;
    *v = *v * 10 + digit;
    return true;
}

/* "12.5" in units of 10^-places, exactly, 0..max. */
static bool parse_decimal(struct str s, unsigned places, int64_t max, int64_t *out)
{
    int64_t v = 0;
    unsigned after = 0; /* digits after the point that counted */
    size_t at = 0;
    for (; at < s.n && is_digit(s.p[at]); at++) {
        if (!add_digit(&v, s.p[at] - '0', max))
            return false;
    }
    if (at == 0)
        return false;
    bool has_point = at < s.n && s.p[at] == '.';
    if (has_point && ++at == s.n)
        return false;
    for (; has_point && at < s.n && is_digit(s.p[at]); at++) {
        if (after == places && s.p[at] != '0')
            return false;
        if (after < places && !add_digit(&v, s.p[at] - '0', max))
            return false;
        after += after < places;
    }
    for (; after < places; after++) {
        if (!add_digit(&v, 0, max))
            return false;
    }
    if (at != s.n)
        return false;
    *out = v;
    return true;
}

bool money_parse_usd(struct str s, nanos *out)
{
    return parse_decimal(s, 9, NANOS_MAX, out);
}

/* Without its point, and how many digits stand behind that. Zeros in front count for nothing. */
static bool digits_of(struct str s, char out[40], size_t *n, int64_t *behind)
{
    bool is_behind = false;
    *n = 0;
    *behind = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.') {
            is_behind = true;
            continue;
        }
        if (!is_digit(s.p[i]))
            return false;
        *behind += is_behind;
        if (*n == 0 && s.p[i] == '0')
            continue;
        if (*n == 40)
            return false;
        out[(*n)++] = s.p[i];
    }
    return s.n > 0;
}

bool money_parse_number(struct str s, nanos *out)
{
    char digits[40];
    size_t n;
    int64_t behind;
    uint64_t exponent = 0;
    size_t e = 0;
    while (e < s.n && s.p[e] != 'e' && s.p[e] != 'E')
        e++;
    if (e == s.n)
        return money_parse_usd(s, out);
    struct str power = str_skip(s, e + 1);
    bool is_minus = str_starts(power, STR("-"));
    if (is_minus || str_starts(power, STR("+")))
        power = str_skip(power, 1);
    if (!str_u64(power, 400, &exponent) || !digits_of(str_head(s, e), digits, &n, &behind))
        return false;
    /* the number is the digits times ten to this, in nano-dollars */
    int64_t shift = (is_minus ? -(int64_t)exponent : (int64_t)exponent) - behind + 9;
    for (; shift < 0 && n && digits[n - 1] == '0'; shift++)
        n--;
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (!add_digit(&v, digits[i] - '0', NANOS_MAX))
            return false;
    }
    for (; shift > 0 && v; shift--) {
        if (!add_digit(&v, 0, NANOS_MAX))
            return false;
    }
    if (shift < 0 && v)
        return false;
    *out = v;
    return true;
}

bool money_parse_per_million(struct str s, picos *out)
{
    return parse_decimal(s, 6, PRICE_MAX, out);
}

/* v in units of 1/unit, a power of ten, as the shortest exact decimal. */
static enum err add_decimal(struct buf *b, int64_t v, uint64_t unit)
{
    char room[2 * DECIMAL_MAX + 2], *end = room + sizeof room, *p = end;
    uint64_t size = v < 0 ? 0 - (uint64_t)v : (uint64_t)v, fraction = size % unit;
    if (fraction) {
        p = decimal_before(end,
                           unit + fraction); /* a 1 before all its digits, where the point goes */
        *p = '.';
        while (end[-1] == '0')
            end--;
    }
    p = decimal_before(p, size / unit);
    if (v < 0)
        *--p = '-';
    return buf_add(b, str_of(p, (size_t)(end - p)));
}

enum err money_add_usd(struct buf *b, nanos amount)
{
    return add_decimal(b, amount, NANOS_PER_USD);
}

enum err money_add_price(struct buf *b, picos per_token)
{
    return add_decimal(b, per_token, PICOS_PER_USD);
}

void money_sum_add(struct money_sum *s, uint64_t tokens, picos per_token)
{
    BUG_ON(per_token < 0);
    u128 cost = (u128)tokens * (uint64_t)per_token; /* 64 by 63 bits: fits */
    if (__builtin_add_overflow(s->picos, cost, &s->picos))
        s->picos = ~(u128)0;
}

nanos money_sum_total(const struct money_sum *s)
{
    u128 total = s->picos / 1000 + (s->picos % 1000 >= 500);
    return total > (uint64_t)NANOS_MAX ? NANOS_MAX : (nanos)total;
}

nanos money_sum_total_up(const struct money_sum *s)
{
    u128 total = s->picos / 1000 + (s->picos % 1000 != 0);
    return total > (uint64_t)NANOS_MAX ? NANOS_MAX : (nanos)total;
}
