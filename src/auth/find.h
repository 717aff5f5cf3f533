/* find.h: keys in the midst of other bytes, by prefix, digits, boundaries and checksum. Pure.
 *
 * On its left a key must not be part of a longer prefix: no lowercase letter, digit or '-' before
 * it, unless those end an escape (\n, %20, \u0022). On its right no letter or digit may follow. */
#ifndef AUTH_FIND_H
#define AUTH_FIND_H

#include "auth/key.h"

enum {
    FIND_PREFIXES_MAX = 4,
    FIND_BEFORE = 6,                               /* bytes that may matter before a key */
    FIND_CONTEXT = FIND_BEFORE + KEY_TEXT_MAX + 1, /* what must be kept from block to block */
};

struct finder {
    struct str prefixes[FIND_PREFIXES_MAX]; /* up to the version: "sk-tp-" */
    unsigned n;
};

/* prefix: of keys, as configured; lent. The default one is always looked for too. */
void finder_init(struct finder *f, struct str prefix);

struct found_key {
    size_t at; /* in the bytes */
    struct str text;
    bool is_management;
};
/* The first key that begins at `from` or behind. `bytes` may begin in the middle of something: what
 * lies before `from` is looked at as what is before a key. False: there is none; then *from is where
 * to go on once more bytes are there, which is the end where there are none (is_end). */
bool finder_next(const struct finder *f, struct str bytes, size_t *from, bool is_end,
                 struct found_key *out);
/* Whether the text of a right key stands in it at all, whatever is around: for what must not be kept or
 * told. */
bool finder_holds(const struct finder *f, struct str bytes);

#endif
