/* random_json.h: random values and white space, the same in every run. */
#ifndef TESTS_RANDOM_JSON_H
#define TESTS_RANDOM_JSON_H

#include "base/buf.h"

static uint64_t random_state = 88172645463325252u;

static inline unsigned random_below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 11) % n;
}

static inline void random_space(struct buf *out)
{
    static const struct str spaces[] = {STR_INIT(""), STR_INIT(""), STR_INIT(" "), STR_INIT("\n\t"),
                                        STR_INIT(" \r\n  ")};
    buf_add(out, spaces[random_below(COUNT_OF(spaces))]);
}

static inline void random_value(struct buf *out, int depth)
{
    static const struct str scalars[] = {STR_INIT("null"),
                                         STR_INIT("true"),
                                         STR_INIT("0"),
                                         STR_INIT("-1.5e+3"),
                                         STR_INIT("\"\""),
                                         STR_INIT("\"}],{[\""),
                                         STR_INIT("\"a \\\"quoted\\\\\""),
                                         STR_INIT("\"\\u00e9\xc3\xa9 \\ud83d\\ude00\""),
                                         STR_INIT("\"0123456789abcdef0123456789\"")};
    unsigned kind = random_below(depth > 0 ? 4 : 2), n = random_below(4);
    if (kind < 2) {
        buf_add(out, scalars[random_below(COUNT_OF(scalars))]);
        return;
    }
    buf_add(out, kind == 2 ? STR("[") : STR("{"));
    random_space(out);
    for (unsigned i = 0; i < n; i++) {
        if (kind == 3)
            buf_printf(out, "\"%c\\n\":", 'k' + (int)i);
        random_space(out);
        random_value(out, depth - 1);
        random_space(out);
        buf_add(out, i + 1 < n ? STR(",") : STR(""));
    }
    buf_add(out, kind == 2 ? STR("]") : STR("}"));
}

#endif
