/* str.h: a view of bytes that somebody else owns. Not terminated; may hold NULs.
 *
 * Two views are equal when length and bytes are equal: nothing here matches a prefix by accident.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

/* A view of a string literal. */
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define STR_NONE ((struct str){NULL, 0})

/* For "%.*s". */
#define STR_ARG(s) (int)((s).n), ((s).p ? (s).p : "")

static inline struct str str_of(const char *p, size_t n)
{
    return (struct str){p, n};
}

/* A view of a terminated string; NULL gives STR_NONE. */
static inline struct str str_c(const char *c)
{
    return c ? (struct str){c, strlen(c)} : STR_NONE;
}

/* With a literal as b, a comparison without a call. */
static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (b.n == 0 || memcmp(a.p, b.p, b.n) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* What is left after the first n bytes; n past the end gives an empty view. */
static inline struct str str_skip(struct str s, size_t n)
{
    if (!s.p) /* NULL + 0 is undefined */
        return STR_NONE;
    return n >= s.n ? (struct str){s.p + s.n, 0} : (struct str){s.p + n, s.n - n};
}

/* At most the first n bytes. */
static inline struct str str_head(struct str s, size_t n)
{
    return (struct str){s.p, n < s.n ? n : s.n};
}

/* Equal but for ASCII case. */
bool str_ieq(struct str a, struct str b);
/* Without spaces and tabs at either end. */
struct str str_trim(struct str s);
/* Cuts *s at the first `sep`: returns what is before it, leaves in *s what is after it. Without a
 * `sep` returns all and leaves *s empty with p == NULL. */
struct str str_cut(struct str *s, char sep);
/* Position of `needle` in s, or s.n. */
size_t str_find(struct str s, struct str needle);
/* Parses all of s as a decimal number without sign, at most `max`. */
bool str_u64(struct str s, uint64_t max, uint64_t *out);
/* Number of edits (insert, delete, replace, swap) from a to b; both at most 64 bytes, else
 * SIZE_MAX. */
size_t str_distance(struct str a, struct str b);

#endif
