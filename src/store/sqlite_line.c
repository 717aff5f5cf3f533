/* sqlite_line.c: spending counts up the line of a key. */
#include <stdlib.h>

#include "store/sqlite.h"

/* 0: the key comes from none. */
static enum err parent_of(struct store_conn *c, int64_t id, int64_t *out, struct fault *f)
{
    struct query q = query_of(c, SQL_KEY_PARENT_ID);
    query_i64(&q, id);
    enum err e = query_next(&q, f);
    *out = e == ERR_OK ? col_i64(&q) : 0;
    query_end(&q);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static size_t group_end(const struct charge *charges, size_t at, size_t n)
{
    size_t end = at + 1;
    while (end < n && charges[end].owner == charges[at].owner)
        end++;
    return end;
}

/* The charges from `at` to `end` again, at their end, for another owner. */
static enum err add_group(struct charge **charges, size_t *n, size_t *cap, size_t at, size_t end,
                          int64_t owner, struct fault *f)
{
    if (*n + (end - at) > *cap) {
        *cap = 2 * (*n + (end - at));
        struct charge *more = reallocarray(*charges, *cap, sizeof *more);
        if (!more)
            return fault_set(f, ERR_NOMEM, "no memory for a batch of %zu charges", *cap);
        *charges = more;
    }
    for (size_t i = at; i < end; i++) {
        (*charges)[*n] = (*charges)[i];
        (*charges)[(*n)++].owner = owner;
    }
    return ERR_OK;
}

/* What is added is looked at in turn, so that this reaches the end of every line. */
enum err sqlite_charge_ancestors(struct store_conn *c, struct charge **charges, size_t *n,
                                 struct fault *f)
{
    size_t cap = *n;
    for (size_t at = 0, end; at < *n; at = end) {
        int64_t parent;
        end = group_end(*charges, at, *n);
        enum err e = parent_of(c, (*charges)[at].owner, &parent, f);
        if (e == ERR_OK && parent)
            e = add_group(charges, n, &cap, at, end, parent, f);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}
