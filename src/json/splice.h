/* splice.h: a few members of a JSON text changed, all its other bytes untouched and in place.
 *
 * Edits are gathered against one text that json_parse() has read, then given out as views (for writev) or
 * written to a buffer. Replacements are lent until then. */
#ifndef JSON_SPLICE_H
#define JSON_SPLICE_H

#include "json/read.h"

enum { SPLICE_EDITS_MAX = 48, SPLICE_VIEWS_MAX = 2 * SPLICE_EDITS_MAX + 1 };

struct splice_edit {
    uint32_t at, n;      /* bytes of the text that go */
    struct str put[3];   /* what stands there instead, in order; unused ones are empty */
};

struct splice {
    struct str text;
    struct splice_edit edits[SPLICE_EDITS_MAX]; /* by position */
    uint32_t n;
    enum err failed; /* ERR_TOO_BIG: more edits than there is room for */
};

void splice_init(struct splice *s, struct str text);
/* The value stands as `raw` (JSON) instead. */
void splice_replace(struct splice *s, struct json value, struct str raw);
/* The member `name` of the object gets `raw`: replaced where it is, else added at the object's end. Several
 * adds to one object come in the order of the calls. `name` needs no escapes. */
void splice_set(struct splice *s, struct json object, struct str name, struct str raw);
/* The object loses the member `name`, with its comma, if it is there. Any combination of drops and sets on
 * one object gives valid JSON, also when the first, the last or all members go. */
void splice_drop(struct splice *s, struct json object, struct str name);

size_t splice_size(const struct splice *s); /* bytes of the result */
/* The result as views of the text and the replacements; returns how many (<= 4 * n + 1). Views of no bytes are
 * left out. `max` must suffice. */
size_t splice_views(const struct splice *s, struct str *out, size_t max);
enum err splice_write(const struct splice *s, struct buf *out);

#endif
