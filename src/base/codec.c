#include "base/codec.h"

#include <errno.h>
#include <sys/random.h>

#include "base/bug.h"

void hex_encode(char *out, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = bytes;
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
}

/* 1..16; 0 for what is no lowercase hex digit. */
static const uint8_t hex_values[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

bool hex_decode(void *out, size_t n, struct str hex)
{
    uint8_t *to = out;
    if (hex.n / 2 != n || hex.n % 2)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned high = hex_values[(uint8_t)hex.p[2 * i]];
        unsigned low = hex_values[(uint8_t)hex.p[2 * i + 1]];
        if (!high || !low)
            return false;
        to[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return true;
}

char *decimal_before(char *end, uint64_t v)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    for (; v >= 100; v /= 100)
        memcpy(end -= 2, pairs + v % 100 * 2, 2);
    if (v >= 10)
        memcpy(end -= 2, pairs + v * 2, 2);
    else
        *--end = (char)('0' + v);
    return end;
}

void random_bytes(void *out, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = getrandom((char *)out + done, n - done, 0);
        if (got > 0)
            done += (size_t)got;
        else
            BUG_ON(errno != EINTR);
    }
}
