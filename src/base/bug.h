/* bug.h: checks that stay on in release builds, and small compiler helpers. */
#ifndef BASE_BUG_H
#define BASE_BUG_H

#include <stddef.h>

#define MUST_USE           __attribute__((warn_unused_result))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define NORETURN           __attribute__((noreturn))
#define COUNT_OF(a)        (sizeof(a) / sizeof((a)[0]))
#define LIKELY(x)          __builtin_expect(!!(x), 1)
#define UNLIKELY(x)        __builtin_expect(!!(x), 0)

/* The struct of `type` whose `member` p points at. */
#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

NORETURN void bug_die(const char *what, const char *file, int line);

/* Ends the process: the condition can only be true if our own code is wrong. */
#define BUG_ON(condition)                                                                          \
    do {                                                                                           \
        if (UNLIKELY(condition))                                                                   \
            bug_die(#condition, __FILE__, __LINE__);                                               \
    } while (0)

#endif
