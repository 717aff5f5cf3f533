/* unit.h: what every unit test includes: cmocka with what it wants before it, and numbers that look
 * random but are the same in every run. */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

#define assert_str(s, expected)                                                                    \
    do {                                                                                           \
        struct str actual_ = (s);                                                                  \
        assert_int_equal(actual_.n, strlen(expected));                                             \
        if (actual_.n)                                                                             \
            assert_memory_equal(actual_.p, expected, actual_.n);                                   \
    } while (0)

/* xorshift64 */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
