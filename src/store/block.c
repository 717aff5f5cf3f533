#include "store/block.h"

#include <endian.h>

#include "store/journal_record.h"

enum {
    NUMBER_BITS = 20, /* of blocks that share a range of keys */
    BLOCK_MAX = 64 << 20,
};

struct block_keys block_keys_of(int64_t id)
{
    int64_t first = generation_slot(id) << NUMBER_BITS;
    return (struct block_keys){first, first | ((INT64_C(1) << NUMBER_BITS) - 1)};
}

/* --- reading --- */

static uint64_t get_u64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

static size_t end_at(struct str directory, size_t i)
{
    uint32_t v;
    memcpy(&v, directory.p + i * BLOCK_ENTRY + 16, sizeof v);
    return le32toh(v);
}

size_t block_count(struct str directory)
{
    return directory.n / BLOCK_ENTRY;
}

/* Ids are not negative, so that they compare as they are. */
static bool is_before(const char *entry, uint64_t id, uint64_t tag)
{
    uint64_t at = get_u64(entry);
    return at < id || (at == id && get_u64(entry + 8) < tag);
}

size_t block_find(struct str directory, int64_t id, uint64_t tag)
{
    size_t from = 0, to = block_count(directory);
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (is_before(directory.p + middle * BLOCK_ENTRY, (uint64_t)id, tag))
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

bool block_has(struct str directory, int64_t id, uint64_t tag)
{
    size_t i = block_find(directory, id, tag);
    if (i >= block_count(directory)) /* an empty directory may have no bytes to point at */
        return false;
    const char *entry = directory.p + i * BLOCK_ENTRY;
    return get_u64(entry) == (uint64_t)id && get_u64(entry + 8) == tag;
}

bool block_read(const struct block *b, size_t i, struct generation *g)
{
    if (i >= block_count(b->directory))
        return false;
    size_t begin = i ? end_at(b->directory, i - 1) : 0, end = end_at(b->directory, i);
    return begin <= end && end <= b->records.n &&
           journal_decode(str_of(b->records.p + begin, end - begin), g);
}

/* --- writing --- */

void block_writer_init(struct block_writer *w)
{
    buf_init(&w->directory, BLOCK_MAX);
    buf_init(&w->records, BLOCK_MAX);
}

void block_writer_reset(struct block_writer *w)
{
    buf_reset(&w->directory);
    buf_reset(&w->records);
}

void block_writer_release(struct block_writer *w)
{
    buf_release(&w->directory);
    buf_release(&w->records);
}

enum err block_add(struct block_writer *w, const struct generation *g)
{
    BUG_ON(g->record.n == 0);
    uint64_t id = htole64((uint64_t)g->id), tag = htole64(g->tag);
    char entry[BLOCK_ENTRY];
    enum err e = buf_add(&w->records, g->record);
    uint32_t end = htole32((uint32_t)w->records.n);
    memcpy(entry, &id, sizeof id);
    memcpy(entry + 8, &tag, sizeof tag);
    memcpy(entry + 16, &end, sizeof end);
    return e == ERR_OK ? buf_add(&w->directory, str_of(entry, sizeof entry)) : e;
}
