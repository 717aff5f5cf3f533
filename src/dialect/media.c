#include "dialect/media.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* --- base64 ----------------------------------------------------------------------------------- */

static bool is_digit(uint8_t c)
{
    uint8_t letter = c | 0x20;
    return (letter >= 'a' && letter <= 'z') || (c >= '/' && c <= '9') || c == '+';
}

#if defined(__SSE2__)
static __m128i between(__m128i c, char low, char high)
{
    return _mm_and_si128(_mm_cmpgt_epi8(c, _mm_set1_epi8((char)(low - 1))),
                         _mm_cmplt_epi8(c, _mm_set1_epi8((char)(high + 1))));
}

/* How many of the first bytes, sixteen at a time, are digits. */
static size_t digits_in_blocks(struct str s)
{
    size_t i = 0;
    for (; s.n - i >= 16; i += 16) {
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(s.p + i));
        __m128i letter = between(_mm_or_si128(c, _mm_set1_epi8(0x20)), 'a', 'z');
        __m128i other = _mm_or_si128(between(c, '/', '9'), _mm_cmpeq_epi8(c, _mm_set1_epi8('+')));
        if (_mm_movemask_epi8(_mm_or_si128(letter, other)) != 0xffff)
            break;
    }
    return i;
}
#else
static size_t digits_in_blocks(struct str s)
{
    (void)s;
    return 0;
}
#endif

bool media_is_base64(struct str s)
{
    size_t padding = 0;
    while (padding < 2 && s.n && s.p[s.n - 1] == '=') {
        s.n--;
        padding++;
    }
    for (size_t i = digits_in_blocks(s); i < s.n; i++) {
        if (!is_digit((uint8_t)s.p[i]))
            return false;
    }
    return s.n && (padding ? (s.n + padding) % 4 == 0 : s.n % 4 != 1);
}

/* --- URLs ------------------------------------------------------------------------------------- */

/* "data:[mime][;name=value]*;base64,..." */
static const char *read_data(struct str url, struct media_url *out)
{
    static const struct str mark = STR_INIT(";base64");
    struct str head = str_cut(&url, ',');
    if (!url.p || !str_ends(head, mark))
        return "expected a data URL of the form data:TYPE;base64,DATA";
    if (!media_is_base64(url))
        return "the data URL's base64 is broken";
    head = str_skip(str_head(head, head.n - mark.n), strlen("data:"));
    *out = (struct media_url){true, str_cut(&head, ';'), url};
    return NULL;
}

/* A scheme, "://", and something. */
static bool is_url(struct str s)
{
    size_t n = str_find(s, STR("://"));
    for (size_t i = 0; i < n && n < s.n; i++) {
        char c = (char)(s.p[i] | 0x20);
        if (!(c >= 'a' && c <= 'z') && !(i && s.p[i] >= '0' && s.p[i] <= '9'))
            return false;
    }
    return n && n + 3 < s.n;
}

const char *media_read_url(struct str plain, struct media_url *out)
{
    enum { LOOK_MAX = 4096 };
    *out = (struct media_url){.is_data = false};
    if (str_ieq(str_head(plain, 5), STR("data:")))
        return read_data(plain, out);
    return is_url(str_head(plain, LOOK_MAX)) ? NULL : "expected a URL or a data URL, got neither";
}
