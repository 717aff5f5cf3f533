/* buf.h: bytes that we own, growing up to a ceiling. Invariants: n <= cap <= max; p is NULL iff cap
 * is 0.
 *
 * A failed add leaves the buffer as it was and sets `failed`, which stays until buf_reset() or
 * buf_release(): a writer may add many times and look once, at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n, cap, max;
    enum err failed; /* ERR_OK, ERR_TOO_BIG or ERR_NOMEM */
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* frees; b may be used again */

static inline void buf_reset(struct buf *b) /* keeps the memory */
{
    b->n = 0;
    b->failed = ERR_OK;
}

static inline struct str buf_view(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

enum err buf_grow_more(struct buf *b, size_t more);

/* Makes room for `more` bytes past n: ERR_TOO_BIG past the ceiling, ERR_NOMEM without memory. */
static inline enum err buf_grow(struct buf *b, size_t more)
{
    if (LIKELY(b->failed == ERR_OK && more <= b->cap - b->n))
        return ERR_OK;
    return buf_grow_more(b, more);
}

/* The results may be left unlooked at: `failed` remembers. */
static inline enum err buf_add(struct buf *b, struct str s)
{
    if (UNLIKELY(s.n > b->cap - b->n)) {
        enum err e = buf_grow(b, s.n);
        if (e != ERR_OK)
            return e;
    }
    if (s.n)
        memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
    return b->failed;
}

enum err buf_add_c(struct buf *b, const char *c);
enum err buf_add_u64(struct buf *b, uint64_t v);
enum err buf_add_i64(struct buf *b, int64_t v);
enum err buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);

/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);
/* Gives back memory above what is in use. */
void buf_shrink(struct buf *b);

#endif
