/* secret.h: text that must never be printed. A type of its own, so that no formatter takes it; only
 * the few places that put it on a wire or hash it call secret_reveal(), and a search for that name
 * finds them. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/str.h"

struct secret {
    struct str unprintable;
};

static inline struct secret secret_of(struct str s)
{
    return (struct secret){s};
}

static inline struct str secret_reveal(struct secret s)
{
    return s.unprintable;
}

static inline bool secret_is_empty(struct secret s)
{
    return s.unprintable.n == 0;
}

#endif
