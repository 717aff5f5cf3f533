#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    free(b->p);
    buf_init(b, b->max);
}

/* Doubles, so that n adds cost O(n); never past the ceiling. */
enum err buf_grow_more(struct buf *b, size_t more)
{
    if (b->failed != ERR_OK)
        return b->failed;
    if (more > b->max - b->n)
        return b->failed = ERR_TOO_BIG;
    if (more <= b->cap - b->n)
        return ERR_OK;
    size_t cap = b->cap ? b->cap : 128;
    while (cap - b->n < more && cap <= b->max / 2)
        cap *= 2;
    if (cap > b->max || cap - b->n < more)
        cap = b->max;
    char *p = realloc(b->p, cap);
    if (!p)
        return b->failed = ERR_NOMEM;
    b->p = p;
    b->cap = cap;
    return ERR_OK;
}

enum err buf_add_c(struct buf *b, const char *c)
{
    return buf_add(b, str_c(c));
}

/* Two digits for each division. */
enum err buf_add_u64(struct buf *b, uint64_t v)
{
    char digits[DECIMAL_MAX], *end = digits + sizeof digits;
    if (v < 10) { /* most counts are none */
        *digits = (char)('0' + v);
        return buf_add(b, str_of(digits, 1));
    }
    char *p = decimal_before(end, v);
    return buf_add(b, str_of(p, (size_t)(end - p)));
}

enum err buf_add_i64(struct buf *b, int64_t v)
{
    if (v >= 0)
        return buf_add_u64(b, (uint64_t)v);
    buf_add(b, STR("-"));
    return buf_add_u64(b, 0 - (uint64_t)v);
}

enum err buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    BUG_ON(n < 0);
    enum err e = buf_grow(b, (size_t)n + 1); /* vsnprintf wants room for its NUL */
    if (e != ERR_OK)
        return e;
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
    return ERR_OK;
}

void buf_consume(struct buf *b, size_t n)
{
    BUG_ON(n > b->n);
    b->n -= n;
    if (b->n)
        memmove(b->p, b->p + n, b->n);
}

void buf_shrink(struct buf *b)
{
    if (b->n == b->cap)
        return;
    if (b->n == 0) {
        free(b->p);
        b->p = NULL;
        b->cap = 0;
        return;
    }
    char *p = realloc(b->p, b->n);
    if (p) {
        b->p = p;
        b->cap = b->n;
    }
}
