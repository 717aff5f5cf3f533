/* text.h: what stands between the quotes of a JSON string: plain runs, UTF-8, escapes. For this
 * folder only.
 *
 * Each scan has a version for SSE2 and a portable one that takes eight bytes at a time;
 * JSON_PORTABLE chooses the latter, so that both can be tested on one machine. */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include "base/buf.h"

#if defined(__SSE2__) && !defined(JSON_PORTABLE)
#define TEXT_SSE2 1
#include <emmintrin.h>
#endif

#define TEXT_EVERY_BYTE(c) (UINT64_C(0x0101010101010101) * (uint8_t)(c))
#define TEXT_TOP_BITS      TEXT_EVERY_BYTE(0x80)

static inline uint64_t text__load8(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* Not zero iff a byte of x is c. Bits above the lowest one that is set may be wrong: a borrow
 * passes on. */
static inline uint64_t text__has_byte(uint64_t x, char c)
{
    uint64_t diff = x ^ TEXT_EVERY_BYTE(c);
    return (diff - TEXT_EVERY_BYTE(1)) & ~diff & TEXT_TOP_BITS;
}

/* ASCII that stands for itself in a string. */
static inline bool text__is_plain(char c)
{
    return c >= 0x20 && (uint8_t)c < 0x80 && c != '"' && c != '\\';
}

/* First byte that is not plain, or `end`. */
static inline const char *text__skip_plain_portable(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t x = text__load8(p);
        uint64_t below_space = (x - TEXT_EVERY_BYTE(0x20)) & ~x;
        if (((x | below_space) & TEXT_TOP_BITS) | text__has_byte(x, '"') | text__has_byte(x, '\\'))
            break;
    }
    while (p < end && text__is_plain(*p))
        p++;
    return p;
}

/* What the letter of a two-character escape stands for; 0: it is no such letter. */
extern const char text__short_escapes[256];
static inline char text__short_escape(char letter)
{
    return text__short_escapes[(uint8_t)letter];
}

static inline bool text__is_short_escape(const char *p, const char *end)
{
    return *p == '\\' && end - p >= 2 && text__short_escape(p[1]);
}

/* First byte that is neither plain nor of a two-character escape, or `end`. Sets *escaped where it
 * met one. */
static inline const char *text__skip_common_portable(const char *p, const char *end, bool *escaped)
{
    for (;;) {
        p = text__skip_plain_portable(p, end);
        if (p == end || !text__is_short_escape(p, end))
            return p;
        *escaped = true;
        p += 2;
    }
}

static inline bool text__is_structure(char c)
{
    return c == '"' || (c & ~0x20) == '[' || (c & ~0x20) == ']';
}

/* First quote, bracket or brace, or `end`. */
static inline const char *text__skip_to_structure_portable(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t x = text__load8(p), folded = x & ~TEXT_EVERY_BYTE(0x20);
        if (text__has_byte(x, '"') | text__has_byte(folded, '[') | text__has_byte(folded, ']'))
            break;
    }
    while (p < end && !text__is_structure(*p))
        p++;
    return p;
}

#ifdef TEXT_SSE2
/* Which of sixteen bytes are not plain. As signed bytes, control characters and all that is not
 * ASCII are the ones below a space. */
static inline unsigned text__not_plain16(const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i quotes = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i backslashes = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    __m128i others = _mm_cmplt_epi8(v, _mm_set1_epi8(' '));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), others));
}

static inline const char *text__skip_plain(const char *p, const char *end)
{
    for (; end - p >= 16; p += 16) {
        unsigned found = text__not_plain16(p);
        if (found)
            return p + __builtin_ctz(found);
    }
    return text__skip_plain_portable(p, end);
}

/* Escapes are stepped over by their bits, without looking at the bytes again: in a text full of
 * them, each step would otherwise wait for the one before. */
static inline const char *text__skip_common(const char *p, const char *end, bool *escaped)
{
    while (end - p > 16) { /* with one more, for the letter of an escape */
        unsigned found = text__not_plain16(p), size = 16;
        while (found) {
            unsigned i = (unsigned)__builtin_ctz(found);
            if (p[i] != '\\' || !text__short_escape(p[i + 1]))
                return p + i;
            *escaped = true;
            found &= ~(3u << i);
            size = i == 15 ? 17 : 16;
        }
        p += size;
    }
    return text__skip_common_portable(p, end, escaped);
}

static inline const char *text__skip_to_structure(const char *p, const char *end)
{
    const __m128i quote = _mm_set1_epi8('"'), opening = _mm_set1_epi8('[');
    const __m128i closing = _mm_set1_epi8(']'), fold = _mm_set1_epi8((char)~0x20);
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i folded = _mm_and_si128(v, fold);
        __m128i found =
            _mm_or_si128(_mm_cmpeq_epi8(folded, opening), _mm_cmpeq_epi8(folded, closing));
        int mask = _mm_movemask_epi8(_mm_or_si128(found, _mm_cmpeq_epi8(v, quote)));
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
    }
    return text__skip_to_structure_portable(p, end);
}
#else
static inline const char *text__skip_common(const char *p, const char *end, bool *escaped)
{
    return text__skip_common_portable(p, end, escaped);
}

static inline const char *text__skip_plain(const char *p, const char *end)
{
    return text__skip_plain_portable(p, end);
}

static inline const char *text__skip_to_structure(const char *p, const char *end)
{
    return text__skip_to_structure_portable(p, end);
}
#endif

/* Bytes of the character at p (< end) if it is well formed (RFC 3629) and not ASCII: 2, 3 or 4.
 * Else 0. */
static inline unsigned text__utf8(const char *at, const char *end)
{
    const uint8_t *p = (const uint8_t *)at;
    size_t left = (size_t)(end - at);
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < 2 || (p[1] & 0xc0) != 0x80)
        return 0;
    if (p[0] < 0xe0)
        return 2;
    if (left < 3 || (p[2] & 0xc0) != 0x80)
        return 0;
    if (p[0] < 0xf0) {
        bool is_overlong = p[0] == 0xe0 && p[1] < 0xa0, is_surrogate = p[0] == 0xed && p[1] > 0x9f;
        return is_overlong || is_surrogate ? 0 : 3;
    }
    if (left < 4 || (p[3] & 0xc0) != 0x80)
        return 0;
    bool is_overlong = p[0] == 0xf0 && p[1] < 0x90, is_too_high = p[0] == 0xf4 && p[1] > 0x8f;
    return is_overlong || is_too_high ? 0 : 4;
}

/* Bytes of the escape whose backslash is at p: 2, 6, or 12 for a pair of surrogates. 0: it is none.
 */
unsigned text__escape(const char *p, const char *end);

/* Takes one escape that text__escape() has accepted, or else one byte; returns how many bytes it
 * stands for. */
unsigned text__unescape(const char **p, char out[4]);

/* A checked text stands for the bytes s. */
bool text__is(struct str text, struct str s);
/* Two checked texts stand for the same. */
bool text__eq(struct str a, struct str b);

/* Appends what a checked text stands for. */
enum err text__add_unescaped(struct buf *out, struct str s);

#endif
