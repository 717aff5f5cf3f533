/* A stream gives the same events whole and in pieces. The first byte: where it is split; the
 * second: the limit. */
#include <stdint.h>
#include <stdlib.h>

#include "http/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err on_event(void *user, const struct sse_event *e)
{
    struct buf *seen = user;
    BUG_ON(e->name.n && memchr(e->name.p, '\n', e->name.n));
    BUG_ON(e->data.n && memchr(e->data.p, '\r', e->data.n));
    buf_printf(seen, "%zu:", e->name.n);
    buf_add(seen, e->name);
    buf_printf(seen, "%zu:", e->data.n);
    buf_add(seen, e->data);
    return ERR_OK;
}

/* Each piece in memory of its own size, gone afterwards. */
static enum err feed(struct sse *s, struct str bytes, size_t step, struct buf *seen)
{
    enum err e = ERR_OK;
    while (bytes.n && e == ERR_OK) {
        struct str piece = str_head(bytes, step);
        char *copy = malloc(piece.n);
        BUG_ON(!copy);
        memcpy(copy, piece.p, piece.n);
        e = sse_feed(s, str_of(copy, piece.n), on_event, seen);
        free(copy);
        bytes = str_skip(bytes, piece.n);
    }
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct str bytes = str_of((const char *)data + 2, size - 2);
    size_t limit = data[1] < 64 ? data[1] : 1 << 16;
    struct sse whole, split;
    struct buf seen_whole, seen_split;
    sse_init(&whole, limit);
    sse_init(&split, limit);
    buf_init(&seen_whole, SIZE_MAX / 2);
    buf_init(&seen_split, SIZE_MAX / 2);
    enum err e = feed(&whole, bytes, SIZE_MAX, &seen_whole);
    enum err f = feed(&split, bytes, data[0] % 16 + 1u, &seen_split);
    BUG_ON(e != f || !str_eq(buf_view(&seen_whole), buf_view(&seen_split)));
    BUG_ON(whole.comments != split.comments);
    BUG_ON(e == ERR_OK && sse_is_mid_event(&whole) != sse_is_mid_event(&split));
    sse_release(&whole);
    sse_release(&split);
    buf_release(&seen_whole);
    buf_release(&seen_split);
    return 0;
}
