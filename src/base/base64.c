#include "base/base64.h"

static const char *const alphabets[] = {
    [BASE64_PLAIN] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

static bool is_padded(enum base64 kind)
{
    return kind == BASE64_PLAIN;
}

/* The last one or two bytes. */
static size_t encode_rest(enum base64 kind, char *out, const uint8_t *in, size_t n)
{
    const char *digits = alphabets[kind];
    uint32_t bits = (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0);
    for (size_t i = 0; i <= n; i++)
        out[i] = digits[bits >> (18 - 6 * i) & 63];
    if (!is_padded(kind))
        return n + 1;
    for (size_t i = n + 1; i < 4; i++)
        out[i] = '=';
    return 4;
}

size_t base64_encode(enum base64 kind, char *out, const void *bytes, size_t n)
{
    const char *digits = alphabets[kind];
    const uint8_t *in = bytes;
    char *at = out;
    for (; n >= 3; n -= 3, in += 3, at += 4) {
        uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        for (size_t i = 0; i < 4; i++)
            at[i] = digits[bits >> (18 - 6 * i) & 63];
    }
    if (n)
        at += encode_rest(kind, at, in, n);
    return (size_t)(at - out);
}

/* 0..63, or 64 for what is no digit. */
static uint32_t value_of(enum base64 kind, char c)
{
    const char *digits = alphabets[kind];
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    return c == digits[62] ? 62 : c == digits[63] ? 63 : 64;
}

/* The digits without their padding; p NULL where there is the wrong number of them. */
static struct str digits_of(enum base64 kind, struct str text)
{
    if (is_padded(kind)) {
        if (text.n % 4)
            return STR_NONE;
        for (int i = 0; i < 2 && text.n && text.p[text.n - 1] == '='; i++)
            text.n--;
    }
    return text.n % 4 == 1 ? STR_NONE : (struct str){text.p ? text.p : "", text.n};
}

bool base64_decode(enum base64 kind, struct str text, void *out, size_t max, size_t *n)
{
    uint8_t *to = out;
    struct str digits = digits_of(kind, text);
    uint32_t bits = 0;
    unsigned have = 0;
    *n = 0;
    if (!digits.p || digits.n / 4 * 3 + (digits.n % 4 ? digits.n % 4 - 1 : 0) > max)
        return false;
    for (size_t i = 0; i < digits.n; i++) {
        uint32_t v = value_of(kind, digits.p[i]);
        if (v > 63)
            return false;
        bits = bits << 6 | v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            to[(*n)++] = (uint8_t)(bits >> have);
        }
    }
    return (bits & ((1u << have) - 1)) == 0; /* bits that mean nothing must be zero */
}

enum err base64_add(struct buf *out, enum base64 kind, const void *bytes, size_t n)
{
    enum err e = buf_grow(out, BASE64_SIZE(n));
    if (e == ERR_OK && n)
        out->n += base64_encode(kind, out->p + out->n, bytes, n);
    return e;
}

bool base64_add_decoded(struct buf *out, enum base64 kind, struct str text)
{
    size_t n, max = text.n / 4 * 3 + 3;
    if (buf_grow(out, max) != ERR_OK)
        return false;
    bool is_right = base64_decode(kind, text, out->p + out->n, max, &n);
    out->n += is_right ? n : 0;
    return is_right;
}
