/* block.h: many generations in one row: a row costs a database ten times what copying a record
 * does. Private to this folder, and the same for every backend.
 *
 *   records     the journal's payloads, one behind the other
 *   directory   for each of them i64 id, u64 tag, u32 end of its payload; little endian; by id, tag
 *
 * A generation's block is found by its id alone: see block_keys_of(). */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include "base/buf.h"
#include "store/records.h"

/* The keys that blocks with this generation may have. Blocks of one maker and a quarter of a second
 * share such a range and are numbered within it; keys grow with time, so that a block goes to the
 * table's end and old ones are cut off its beginning. */
struct block_keys {
    int64_t first, last;
};
struct block_keys block_keys_of(int64_t id);

/* As a row has it; lent. */
struct block {
    struct str directory, records;
};
enum { BLOCK_ENTRY = 20 };
size_t block_count(struct str directory);
/* Where (id, tag) stands, or would stand. */
size_t block_find(struct str directory, int64_t id, uint64_t tag);
bool block_has(struct str directory, int64_t id, uint64_t tag);
/* Views of the i-th record; false: the block is damaged. */
bool block_read(const struct block *b, size_t i, struct generation *g) MUST_USE;

/* Rows by id, then by tag; each has its record. */
struct block_writer {
    struct buf directory, records;
};
void block_writer_init(struct block_writer *w);
void block_writer_reset(struct block_writer *w);
void block_writer_release(struct block_writer *w);
enum err block_add(struct block_writer *w, const struct generation *g) MUST_USE;

#endif
