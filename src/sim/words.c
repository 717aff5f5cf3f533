/* words.c: filler, and how text is cut. */
#include "sim/internal.h"

/* Three letters and a space are four bytes: so n words are n tokens exactly, and an answer of
 * max_tokens words never costs more than was set aside for it. */
enum { WORD_BYTES = 3, STRIDE = WORD_BYTES + 1 };

static const char words[][WORD_BYTES + 1] = {
    "sed", "non", "est", "qui", "per", "nec", "vel", "sit", "leo", "mus", "dis", "dui",
    "sem", "eos", "rem", "vim", "his", "pro", "cum", "duo", "eum", "ius", "mel", "nam",
    "tot", "ubi", "vox", "lex", "pax", "lux", "dux", "rex", "sol", "mos", "ars",
};

static char filler_byte(uint64_t at)
{
    uint64_t letter = at % STRIDE;
    return letter == WORD_BYTES ? ' ' : words[at / STRIDE % COUNT_OF(words)][letter];
}

enum err sim__add_words(struct buf *out, uint64_t n)
{
    if (n == 0)
        return ERR_OK;
    size_t bytes = (size_t)n * STRIDE - 1; /* no space after the last */
    if (buf_grow(out, bytes) != ERR_OK)
        return out->failed;
    sim__fill(out->p + out->n, bytes);
    out->n += bytes;
    return ERR_OK;
}

void sim__fill(char *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = filler_byte(i);
}

static bool is_inside_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

struct str sim__cut(struct str s, uint64_t n)
{
    if (n >= s.n)
        return s;
    size_t at = (size_t)n;
    while (at > 0 && is_inside_character(s.p[at]))
        at--;
    return str_head(s, at);
}

struct str sim__next_words(struct str s)
{
    if (s.n <= SIM_PIECE_MAX)
        return s;
    for (size_t n = SIM_PIECE_MAX; n > 0; n--) {
        if (s.p[n - 1] == ' ')
            return str_head(s, n);
    }
    return sim__cut(s, SIM_PIECE_MAX);
}
