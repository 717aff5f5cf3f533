/* Keys are found the same in a whole text and in blocks; what is found is a key, and bounded. The
 * first byte: the block's size. 'K' stands for a right key, so that the fuzzer need not find one. */
#include <stdint.h>
#include <stdlib.h>

#include "auth/find.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char key[KEY_TEXT_MAX + 1];

static unsigned find_whole(const struct finder *f, struct str text)
{
    struct found_key k;
    size_t from = 0;
    unsigned n = 0;
    while (finder_next(f, text, &from, true, &k)) {
        BUG_ON(key_shape(k.text, STR("sk-tp-v1-")) == KEY_SHAPE_BAD);
        BUG_ON(k.text.p != text.p + k.at || from > text.n);
        n++;
    }
    BUG_ON(from != text.n);
    return n;
}

static unsigned find_in_blocks(const struct finder *f, struct str text, size_t block)
{
    char *room = malloc(block + FIND_CONTEXT);
    size_t kept = 0, from = 0;
    unsigned n = 0;
    BUG_ON(!room);
    for (bool is_end = false; !is_end;) {
        struct str part = str_head(text, block);
        struct found_key k;
        if (part.n)
            memcpy(room + kept, part.p, part.n);
        text = str_skip(text, part.n);
        kept += part.n;
        is_end = text.n == 0;
        while (finder_next(f, str_of(room, kept), &from, is_end, &k))
            n++;
        size_t drop = from > FIND_BEFORE ? from - FIND_BEFORE : 0;
        memmove(room, room + drop, kept - drop);
        kept -= drop;
        from -= drop;
        BUG_ON(!is_end && kept > FIND_CONTEXT);
    }
    free(room);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct finder f;
    struct key row = {0};
    struct buf text;
    if (size == 0)
        return 0;
    if (!key[0])
        key_make(STR("sk-tp-v1-"), false, key, &row);
    finder_init(&f, STR("sk-tp-v1-"));
    buf_init(&text, 1 << 20);
    for (size_t i = 1; i < size; i++)
        buf_add(&text, data[i] == 'K' ? str_c(key) : str_of((const char *)data + i, 1));
    char *copy = malloc(text.n ? text.n : 1);
    BUG_ON(!copy);
    if (text.n)
        memcpy(copy, text.p, text.n);
    struct str all = str_of(copy, text.n);
    BUG_ON(find_whole(&f, all) != find_in_blocks(&f, all, data[0] + 1u));
    free(copy);
    buf_release(&text);
    return 0;
}
