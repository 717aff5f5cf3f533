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

/* 1..16 for the lowercase hex digits; 0: it is none. */
static const uint8_t hex_values[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16};

bool hex_decode(void *out, size_t n, struct str hex)
{
    uint8_t *to = out;
    if (hex.n / 2 != n || hex.n % 2)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned high = hex_values[(uint8_t)hex.p[2 * i]];
        unsigned low = hex_values[(uint8_t)hex.p[2 * i + 1]];
        if (high == 0 || low == 0)
            return false;
        to[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return true;
}

/* crc_of[k][b]: what byte b does to the register when k more bytes follow it; so eight bytes take
 * eight look-ups that do not wait for each other. */
static uint32_t crc_of[8][256];

__attribute__((constructor)) static void crc_tables_fill(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        crc_of[0][b] = crc;
    }
    for (int k = 1; k < 8; k++) {
        for (uint32_t b = 0; b < 256; b++)
            crc_of[k][b] = crc_of[k - 1][b] >> 8 ^ crc_of[0][crc_of[k - 1][b] & 255];
    }
}

static uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t crc32_ieee_more(uint32_t crc, struct str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    crc = ~crc;
    for (size_t n = bytes.n / 8; n; n--, p += 8) {
        uint32_t a = crc ^ load_le32(p), b = load_le32(p + 4);
        crc = crc_of[7][a & 255] ^ crc_of[6][a >> 8 & 255] ^ crc_of[5][a >> 16 & 255] ^
              crc_of[4][a >> 24] ^ crc_of[3][b & 255] ^ crc_of[2][b >> 8 & 255] ^
              crc_of[1][b >> 16 & 255] ^ crc_of[0][b >> 24];
    }
    for (size_t n = bytes.n % 8; n; n--)
        crc = crc >> 8 ^ crc_of[0][(crc ^ *p++) & 255];
    return ~crc;
}

uint32_t crc32_ieee(struct str bytes)
{
    return crc32_ieee_more(0, bytes);
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
