/* splice.h: a few members of a JSON text changed, all its other bytes untouched and in place.
 *
 * Edits are gathered against one text that json_parse() has read, then given out as views (for
 * writev) or written to a buffer. Replacements and names are lent until then.
 *
 * Where edits meet, the later one of a name wins; what happens inside a value that goes or is
 * replaced does not matter. Names are taken to be free of duplicates (json_refuse_duplicates). */
#ifndef JSON_SPLICE_H
#define JSON_SPLICE_H

#include "json/read.h"

enum { SPLICE_EDITS_MAX = 96, SPLICE_VIEWS_MAX = 4 * SPLICE_EDITS_MAX + 1 };
#define SPLICE_NOWHERE SIZE_MAX

/* An added member is two edits, one behind the other, so that each gives at most four views. */
enum splice_kind { SPLICE_REPLACE, SPLICE_DROP, SPLICE_ADD_NAME, SPLICE_ADD_VALUE };

struct splice_edit {
    uint32_t at, n;       /* bytes of the text that go */
    uint32_t key;         /* of a drop: where the member begins */
    uint8_t kind;         /* enum splice_kind */
    bool comma;           /* of an added name: something stands before it */
    struct str name, raw; /* what stands there instead */
};

struct splice {
    struct str text;
    uint32_t n;
    struct json unsettled; /* the object whose drops and adds have yet to be given their commas */
    enum err failed; /* ERR_TOO_BIG: more edits than there is room for. ERR_INVALID: an edit of what
                        is not there */
    struct splice_edit edits[SPLICE_EDITS_MAX]; /* by position */
};

void splice_init(struct splice *s, struct str text);
/* The value stands as `raw` (JSON) instead. */
void splice_replace(struct splice *s, struct json value, struct str raw);
/* The member `name` of the object gets `raw`: replaced where it is, else added at the object's end.
 * Several adds to one object come in the order of the calls. `name` needs no escapes. */
void splice_set(struct splice *s, struct json object, struct str name, struct str raw);
/* The same, of an object that has no such member: it is not looked for. */
void splice_add(struct splice *s, struct json object, struct str name, struct str raw);
/* The object loses the member `name`, with its comma, if it is there. Any combination of drops and
 * sets on one object gives valid JSON, also when the first, the last or all members go. */
void splice_drop(struct splice *s, struct json object, struct str name);
/* The same, of a member that was found before and not added here. */
void splice_drop_value(struct splice *s, struct json object, struct json value);

/* Once `failed` is set there is no result: no bytes and no views; splice_write() returns it and
 * fails `out`. */
size_t splice_size(struct splice *s); /* bytes of the result */
/* The result as views of the text and the replacements; returns how many (<= 4 * n + 1). Views of
 * no bytes are left out. `max` must suffice. */
size_t splice_views(struct splice *s, struct str *out, size_t max);
enum err splice_write(struct splice *s, struct buf *out);
/* Where a value of the text begins in the result; SPLICE_NOWHERE: an edit touches it. */
size_t splice_where(struct splice *s, struct json value);

#endif
