/* A stream of AWS's framing gives the same events whole and in pieces, and what it gives can be
 * written and read again. The first byte: where it is split, and whether its checksums are made
 * right first (else hardly a message would pass them); the second: the limit. */
#include <stdint.h>
#include <stdlib.h>

#include "base/codec.h"
#include "http/eventstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LEAST = 16 };

static enum err see(void *user, const struct eventstream_event *e)
{
    struct buf *seen = user;
    buf_printf(seen, "%d %zu:", (int)e->kind, e->name.n);
    buf_add(seen, e->name);
    buf_printf(seen, "%zu:", e->data.n);
    buf_add(seen, e->data);
    buf_printf(seen, "%zu:", e->message.n);
    buf_add(seen, e->message);
    return ERR_OK;
}

static enum err write_again(void *user, const struct eventstream_event *e)
{
    return eventstream_add(user, e);
}

/* Each piece in memory of its own size, gone afterwards. */
static enum err feed(struct eventstream *s, struct str bytes, size_t step, eventstream_fn *fn,
                     struct buf *out)
{
    enum err e = ERR_OK;
    while (bytes.n && e == ERR_OK) {
        struct str piece = str_head(bytes, step);
        char *copy = malloc(piece.n);
        BUG_ON(!copy);
        memcpy(copy, piece.p, piece.n);
        e = eventstream_feed(s, str_of(copy, piece.n), fn, out);
        free(copy);
        bytes = str_skip(bytes, piece.n);
    }
    return e;
}

static void put(char *at, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (char)(uint8_t)(v >> 8 * (3 - i));
}

static uint32_t get(const char *at)
{
    const uint8_t *p = (const uint8_t *)at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Where a length cannot be it is cut to what is there, but for every fourth. */
static void mend(char *p, size_t n)
{
    while (n >= LEAST) {
        uint32_t size = get(p);
        if ((size < LEAST || size > n) && size % 4)
            put(p, size = (uint32_t)(LEAST + size % (n - LEAST + 1)));
        put(p + 8, crc32_ieee(str_of(p, 8)));
        if (size < LEAST || size > n)
            return;
        put(p + size - 4, crc32_ieee(str_of(p, size - 4)));
        p += size;
        n -= size;
    }
}

/* What is written of events gives the same events. */
static void check_written(struct str bytes, struct str seen)
{
    struct eventstream s;
    struct buf written, again;
    eventstream_init(&s, SIZE_MAX / 2);
    buf_init(&written, SIZE_MAX / 2);
    buf_init(&again, SIZE_MAX / 2);
    BUG_ON(feed(&s, bytes, SIZE_MAX, write_again, &written) != ERR_OK);
    eventstream_release(&s);
    BUG_ON(feed(&s, buf_view(&written), SIZE_MAX, see, &again) != ERR_OK);
    BUG_ON(again.n > seen.n); /* what one kind does not bear is not written */
    eventstream_release(&s);
    buf_release(&written);
    buf_release(&again);
}

static void check(struct str bytes, size_t step, size_t limit)
{
    struct eventstream whole, split;
    struct buf seen_whole, seen_split;
    eventstream_init(&whole, limit);
    eventstream_init(&split, limit);
    buf_init(&seen_whole, SIZE_MAX / 2);
    buf_init(&seen_split, SIZE_MAX / 2);
    enum err e = feed(&whole, bytes, SIZE_MAX, see, &seen_whole);
    enum err f = feed(&split, bytes, step, see, &seen_split);
    BUG_ON(e != f || !str_eq(buf_view(&seen_whole), buf_view(&seen_split)));
    BUG_ON(e == ERR_OK && eventstream_is_mid_message(&whole) != eventstream_is_mid_message(&split));
    if (e == ERR_OK && !eventstream_is_mid_message(&whole))
        check_written(bytes, buf_view(&seen_whole));
    eventstream_release(&whole);
    eventstream_release(&split);
    buf_release(&seen_whole);
    buf_release(&seen_split);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    char *copy = malloc(size - 2);
    BUG_ON(!copy);
    memcpy(copy, data + 2, size - 2);
    if (data[0] & 128)
        mend(copy, size - 2);
    check(str_of(copy, size - 2), data[0] % 32 + 1u, data[1] < 64 ? LEAST + 4u * data[1] : 1 << 16);
    free(copy);
    return 0;
}
