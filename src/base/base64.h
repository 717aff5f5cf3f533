/* base64.h: bytes as base64 (RFC 4648): the ordinary alphabet with padding, or the one for URLs
 * without. Reading is strict: no other characters, no spaces, and only the one text that writing
 * gives, so that a signature over a text cannot be had for another. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

enum base64 { BASE64_PLAIN, BASE64_URL };

/* Characters for n bytes, at most. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes no NUL; the number of characters written: at most BASE64_SIZE(n). */
size_t base64_encode(enum base64 kind, char *out, const void *bytes, size_t n);
/* At most `max` bytes into `out`. False: no such text, or more than that. */
bool base64_decode(enum base64 kind, struct str text, void *out, size_t max, size_t *n);
/* The same at the end of a buffer, whose ceiling counts. */
enum err base64_add(struct buf *out, enum base64 kind, const void *bytes, size_t n);
bool base64_add_decoded(struct buf *out, enum base64 kind, struct str text);

#endif
