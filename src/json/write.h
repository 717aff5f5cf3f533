/* write.h: a writer that remembers its open scopes, puts the commas, and tells of an error once, at
 * the end.
 *
 *     json_writer_init(&w, &out);
 *     jw_object(&w, NULL);
 *     jw_str(&w, "id", id);
 *     jw_object(&w, "usage");
 *     jw_u64(&w, "prompt_tokens", n);
 *     jw_end(&w);
 *     return jw_finish(&w);
 *
 * `key` is NULL in arrays and at the top; it is written as it is (a literal without escapes). */
#ifndef JSON_WRITE_H
#define JSON_WRITE_H

#include "base/buf.h"
#include "base/money.h"

enum { JSON_WRITE_DEPTH_MAX = 64 };

struct json_writer {
    struct buf *out;    /* lent */
    uint64_t is_object; /* bit d: the scope at depth d is an object */
    uint8_t depth;
    bool comma;
};

void json_writer_init(struct json_writer *w, struct buf *out);
void jw_object(struct json_writer *w, const char *key);
void jw_array(struct json_writer *w, const char *key);
void jw_end(struct json_writer *w); /* closes the innermost scope */
void jw_str(struct json_writer *w, const char *key,
            struct str s); /* escaped; bytes that are not UTF-8 become U+FFFD */
void jw_str_c(struct json_writer *w, const char *key, const char *s); /* NULL is written as null */
void jw_u64(struct json_writer *w, const char *key, uint64_t v);
void jw_i64(struct json_writer *w, const char *key, int64_t v);
void jw_bool(struct json_writer *w, const char *key, bool v);
void jw_null(struct json_writer *w, const char *key);
void jw_usd(struct json_writer *w, const char *key,
            nanos amount); /* a number in dollars: 0.0000026 */
void jw_raw(struct json_writer *w, const char *key, struct str json); /* written as it is */
/* What json_raw_str() gave, within quotes again. */
void jw_raw_str(struct json_writer *w, const char *key, struct str raw);
/* Closes all that is open; the first error of the buffer. */
enum err jw_finish(struct json_writer *w);

/* Appends s as a JSON string with quotes. */
enum err json_add_str(struct buf *out, struct str s);

#endif
