#include "json/text.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The 16 bits of "\uXXXX" at p; -1: that is not there. */
static int unit_at(const char *p, const char *end)
{
    int unit = 0;
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static bool is_high(int unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(int unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

const char text__short_escapes[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                       ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};

unsigned text__escape(const char *p, const char *end)
{
    if (end - p >= 2 && text__short_escape(p[1]))
        return 2;
    int unit = unit_at(p, end);
    if (unit < 0 || is_low(unit))
        return 0;
    if (!is_high(unit))
        return 6;
    return is_low(unit_at(p + 6, end)) ? 12 : 0;
}

static unsigned put_utf8(char out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    unsigned n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (unsigned i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00u >> n & 0xf0) | c);
    return n;
}

unsigned text__unescape(const char **p, char out[4])
{
    const char *at = *p;
    if (at[0] != '\\' || at[1] != 'u') {
        out[0] = at[0] == '\\' ? text__short_escape(at[1]) : at[0];
        *p += at[0] == '\\' ? 2 : 1;
        return 1;
    }
    uint32_t c = (uint32_t)unit_at(at, at + 6);
    *p += 6;
    if (is_high((int)c)) {
        uint32_t low = (uint32_t)unit_at(at + 6, at + 12);
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        *p += 6;
    }
    return put_utf8(out, c);
}

/* Gives a text byte by byte as what it stands for. */
struct cursor {
    const char *p, *end;
    char bytes[4];
    unsigned n, i;
};

static int next_byte(struct cursor *c)
{
    if (c->i == c->n) {
        if (c->p == c->end)
            return -1;
        c->n = text__unescape(&c->p, c->bytes);
        c->i = 0;
    }
    return (uint8_t)c->bytes[c->i++];
}

bool text__is(struct str text, struct str s)
{
    struct cursor c = {.p = text.p, .end = text.p + text.n};
    for (size_t i = 0; i < s.n; i++) {
        if (next_byte(&c) != (uint8_t)s.p[i])
            return false;
    }
    return next_byte(&c) < 0;
}

bool text__eq(struct str a, struct str b)
{
    struct cursor x = {.p = a.p, .end = a.p + a.n}, y = {.p = b.p, .end = b.p + b.n};
    int byte;
    do {
        byte = next_byte(&x);
        if (byte != next_byte(&y))
            return false;
    } while (byte >= 0);
    return true;
}

static size_t unescaped_length(struct str s)
{
    const char *p = s.p, *end = s.p + s.n;
    char ignored[4];
    size_t n = 0;
    while (p < end)
        n += text__unescape(&p, ignored);
    return n;
}

/* It never gets longer; how much shorter is counted only where that decides. */
enum err text__add_unescaped(struct buf *out, struct str s)
{
    const char *p = s.p, *end = s.p + s.n;
    enum err e = buf_grow(out, s.n <= out->max - out->n ? s.n : unescaped_length(s));
    while (e == ERR_OK && p < end) {
        const char *backslash = memchr(p, '\\', (size_t)(end - p));
        const char *stop = backslash ? backslash : end;
        e = buf_add(out, str_of(p, (size_t)(stop - p)));
        p = stop;
        if (e == ERR_OK && backslash)
            out->n += text__unescape(&p, out->p + out->n);
    }
    return e;
}
