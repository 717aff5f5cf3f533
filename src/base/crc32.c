#include "base/codec.h"

/* Eight bytes a step by tables; sixteen by carry-less multiplication where the processor has it. */

#if defined(__x86_64__)
#include <immintrin.h>
#define WITH_CLMUL 1
#endif

/* crc_of[k][b]: what byte b does to the register when k more bytes follow it; so eight bytes take
 * eight look-ups that do not wait for each other. */
static uint32_t crc_of[8][256];
static bool has_clmul;

__attribute__((constructor)) static void prepare(void)
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
#ifdef WITH_CLMUL
    __builtin_cpu_init();
    has_clmul = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
#endif
}

#ifdef WITH_CLMUL
enum { FOLD_LEAST = 64 };

/* x moved on by as many bytes as `by` stands for, and the bytes that are there. */
__attribute__((target("pclmul,sse4.1"))) static inline __m128i fold(__m128i x, __m128i by,
                                                                    __m128i bytes)
{
    __m128i low = _mm_clmulepi64_si128(x, by, 0x00), high = _mm_clmulepi64_si128(x, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), bytes);
}

__attribute__((target("pclmul,sse4.1"))) static inline __m128i load16(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* 128 bits to 64 and to 32, then Barrett's reduction. */
__attribute__((target("pclmul,sse4.1"))) static uint32_t reduce(__m128i x)
{
    const __m128i by16 = _mm_set_epi64x(0xccaa009e, 0x1751997d0),
                  by8 = _mm_cvtsi64_si128(0x163cd6124);
    const __m128i poly = _mm_set_epi64x(0x1f7011641, 0x1db710641);
    const __m128i low32 = _mm_setr_epi32(-1, 0, -1, 0);
    x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, by16, 0x10));
    __m128i rest = _mm_srli_si128(x, 4);
    x = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(x, low32), by8, 0x00), rest);
    __m128i q = _mm_clmulepi64_si128(_mm_and_si128(x, low32), poly, 0x10);
    q = _mm_clmulepi64_si128(_mm_and_si128(q, low32), poly, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, q), 1);
}

/* After "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009),
 * whose constants for this polynomial these are: x^(8n +- 32) modulo it, bits reflected. Takes
 * n >= FOLD_LEAST bytes, a multiple of 16. */
__attribute__((target("pclmul,sse4.1"))) static uint32_t crc_fold(uint32_t crc, const uint8_t *p,
                                                                  size_t n)
{
    const __m128i by64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i by16 = _mm_set_epi64x(0xccaa009e, 0x1751997d0);
    __m128i a = _mm_xor_si128(load16(p), _mm_cvtsi32_si128((int)crc)), b = load16(p + 16);
    __m128i c = load16(p + 32), d = load16(p + 48);
    for (p += 64, n -= 64; n >= 64; p += 64, n -= 64) {
        a = fold(a, by64, load16(p));
        b = fold(b, by64, load16(p + 16));
        c = fold(c, by64, load16(p + 32));
        d = fold(d, by64, load16(p + 48));
    }
    a = fold(fold(fold(a, by16, b), by16, c), by16, d);
    for (; n >= 16; p += 16, n -= 16)
        a = fold(a, by16, load16(p));
    return reduce(a);
}
#endif

static uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t crc_by_tables(uint32_t crc, const uint8_t *p, size_t n)
{
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t a = crc ^ load_le32(p), b = load_le32(p + 4);
        crc = crc_of[7][a & 255] ^ crc_of[6][a >> 8 & 255] ^ crc_of[5][a >> 16 & 255] ^
              crc_of[4][a >> 24] ^ crc_of[3][b & 255] ^ crc_of[2][b >> 8 & 255] ^
              crc_of[1][b >> 16 & 255] ^ crc_of[0][b >> 24];
    }
    for (; n; n--)
        crc = crc >> 8 ^ crc_of[0][(crc ^ *p++) & 255];
    return crc;
}

uint32_t crc32_ieee_more(uint32_t crc, struct str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    size_t n = bytes.n;
    crc = ~crc;
#ifdef WITH_CLMUL
    if (has_clmul && n >= FOLD_LEAST) {
        crc = crc_fold(crc, p, n & ~(size_t)15);
        p += n & ~(size_t)15;
        n &= 15;
    }
#endif
    return ~crc_by_tables(crc, p, n);
}

uint32_t crc32_ieee(struct str bytes)
{
    return crc32_ieee_more(0, bytes);
}
