/* journal_record.h: the inside of a journal's bytes: records one after the other. Private to this
 * folder.
 *
 * Record: u32 length, u32 CRC-32 of the payload, payload; little endian. Payload: u8 version, u8
 * flags, u64 id, u64 tag, fifteen numbers and eleven texts with their lengths: numbers of variable
 * size, since what is written here is written and read four times before it rests. */
#ifndef STORE_JOURNAL_RECORD_H
#define STORE_JOURNAL_RECORD_H

#include "store/journal.h"

enum {
    JOURNAL_HEAD = 8,
    JOURNAL_TEXT_MAX =
        1024, /* longer texts are cut: what was spent counts more than what it was called */
    JOURNAL_PAYLOAD_MIN = 2 + 2 * 8 + 15 + 11,
    JOURNAL_PAYLOAD_MAX = 2 + 2 * 8 + 15 * 10 + 11 * (2 + JOURNAL_TEXT_MAX),
    JOURNAL_RECORD_MAX = JOURNAL_HEAD + JOURNAL_PAYLOAD_MAX,
};

/* The size of the record that begins at p, by its own word. */
size_t journal_record_size(const char *p);
/* Reads at most `max` records off the beginning; returns how many bytes they take. Stops before
 * what is no whole, sound record. The rows lend views of `bytes`. */
size_t journal_scan(struct str bytes, struct generation *rows, size_t max, size_t *n);
/* Whether a sound record begins anywhere but at the very beginning. */
bool journal_has_record_within(struct str bytes);

#endif
