/* journal_record.h: the inside of a journal's bytes: records one after the other. Private to this
 * folder.
 *
 * Record: u32 length, u32 CRC-32 of the payload, payload; little endian. Payload: u8 version, u8
 * flags, i32 status, i32 attempts, fifteen i64, eleven texts of a u16 length each. */
#ifndef STORE_JOURNAL_RECORD_H
#define STORE_JOURNAL_RECORD_H

#include "store/journal.h"

enum {
    JOURNAL_HEAD = 8,
    JOURNAL_TEXT_MAX =
        1024, /* longer texts are cut: what was spent counts more than what it was called */
    JOURNAL_PAYLOAD_MIN = 10 + 15 * 8 + 11 * 2,
    JOURNAL_PAYLOAD_MAX = JOURNAL_PAYLOAD_MIN + 11 * JOURNAL_TEXT_MAX,
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
