/* journal.h: generations, durable before their clients see the end of an answer.
 *
 * Each worker appends to its own file, DIR/journal/<start>-<worker>.log; all that settled in one
 * tick goes out in one write at the tick's end, before any connection's bytes do; then done() is
 * called for each entry, and the bytes that done() sends leave in the same tick. The store's writer
 * applies journals to the database in batches and notes, in the same transaction, how far it came:
 * a record counts once. A record that is torn at a file's end never had its done() called.
 *
 * Record: u32 length, u32 CRC-32 of the payload, payload (version byte, then fields); little
 * endian. */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "store/store.h"

enum journal_sync {
    JOURNAL_SYNC_INTERVAL, /* fdatasync every second, off the loop: done() after the write */
    JOURNAL_SYNC_ALWAYS,   /* done() after fdatasync (grouped, off the loop) */
    JOURNAL_SYNC_NEVER,
};

struct journal;

/* Add the journal's loop hook first, before any other: it runs first at the end of a tick. */
struct journal *journal_open(struct store *s, struct io_loop *l, unsigned worker,
                             enum journal_sync sync, struct fault *f);
/* Writes what is left. No entry may be waiting. */
void journal_close(struct journal *j);

struct journal_entry {
    struct list link;
    /* ERR_OK: durable as configured. ERR_STORE: the record is not in the journal (disk full, I/O
     * error) and will not be. */
    void (*done)(struct journal_entry *e, enum err err);
};
/* Takes a copy of the generation now. done() is never called from inside. */
void journal_append(struct journal *j, const struct generation *g, struct journal_entry *e);

/* True after a write failed, until one succeeds: new work should be refused (it tries again every
 * second). */
bool journal_is_failing(const struct journal *j);
uint64_t journal_bytes_unapplied(struct store *s); /* queue depth for metrics; any thread */

/* The record format, for tests and fuzzers. Decoding lends views of `payload`. */
enum err journal_encode(const struct generation *g, struct buf *out);
bool journal_decode(struct str payload, struct generation *g);

#endif
