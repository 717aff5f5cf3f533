/* alike.h: JSON texts that are equal but for what one or two of their strings hold, as the events of a
 * stream are. Once one of them has been read and given out by a splice, the next ones are known by
 * their bytes, and go out as the first did with other texts in it, without being read again.
 *
 * Why that is right: such a text is a JSON text iff what it holds instead is a string's content, and
 * then its tape is the first one's but for offsets. */
#ifndef JSON_ALIKE_H
#define JSON_ALIKE_H

#include "json/splice.h"

enum { ALIKE_STRINGS_MAX = 2, ALIKE_BYTES_MAX = 2048 };

struct alike {
    char *
        parts; /* owned; what stands around the strings, as it comes and behind that as it goes out */
    uint16_t in[ALIKE_STRINGS_MAX + 1], out[ALIKE_STRINGS_MAX + 1]; /* bytes of each part */
    uint8_t strings_n;
    uint8_t learnt; /* how often since one was met that is alike */
};

/* All zero is a fresh one. */
void alike_release(struct alike *a);
/* Learns from a text, its result and the strings that may differ, in the order in which they stand.
 * Learns nothing, and forgets what it had, where a string is touched by an edit, where all is longer
 * than ALIKE_BYTES_MAX, or where it has learnt some times in vain: then these texts are not alike. */
void alike_learn(struct alike *a, struct splice *s, struct str result, const struct json *strings,
                 size_t n);
/* What the strings of `text` hold, raw and never nothing; false: it is another kind of text. */
bool alike_read(struct alike *a, struct str text, struct str held[ALIKE_STRINGS_MAX]);
/* Appends the result of the text with these strings. */
enum err alike_write(const struct alike *a, const struct str held[ALIKE_STRINGS_MAX],
                     struct buf *out);

#endif
