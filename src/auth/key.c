#include "auth/key.h"

#include <stdio.h>

#include "base/codec.h"
#include "crypto/digest.h"

enum {
    RANDOM_DIGITS = 56,
    SUM_DIGITS = KEY_DIGITS - RANDOM_DIGITS,
    VERSION_PART = 3, /* "v1-" */
};

#define MANAGEMENT STR("mgmt-")

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool key_prefix_is_valid(struct str prefix)
{
    if (prefix.n < 2 + VERSION_PART || prefix.n > KEY_PREFIX_MAX || prefix.p[0] == '-')
        return false;
    for (size_t i = 0; i < prefix.n; i++) {
        if (!is_lower_or_digit(prefix.p[i]) && prefix.p[i] != '-')
            return false;
    }
    struct str version = str_skip(prefix, prefix.n - VERSION_PART - 1);
    return version.p[0] == '-' && version.p[1] == 'v' && version.p[2] >= '0' &&
           version.p[2] <= '9' && version.p[3] == '-';
}

struct str key_management_prefix(struct str prefix, char out[KEY_PREFIX_MAX + 5])
{
    BUG_ON(!key_prefix_is_valid(prefix));
    size_t before = prefix.n - VERSION_PART;
    memcpy(out, prefix.p, before);
    memcpy(out + before, MANAGEMENT.p, MANAGEMENT.n);
    memcpy(out + before + MANAGEMENT.n, prefix.p + before, VERSION_PART);
    return str_of(out, prefix.n + MANAGEMENT.n);
}

static void put_sum(char out[SUM_DIGITS], struct str digits)
{
    uint32_t crc = crc32_ieee(digits);
    uint8_t bytes[] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                       (uint8_t)crc};
    hex_encode(out, bytes, sizeof bytes);
}

void key_make(struct str prefix, bool is_management, char text[KEY_TEXT_MAX + 1], struct key *row)
{
    BUG_ON(!key_prefix_is_valid(prefix));
    char room[KEY_PREFIX_MAX + 5];
    uint8_t random[RANDOM_DIGITS / 2];
    struct str front = is_management ? key_management_prefix(prefix, room) : prefix;
    char *digits = text + front.n;
    memcpy(text, front.p, front.n);
    random_bytes(random, sizeof random);
    hex_encode(digits, random, sizeof random);
    explicit_bzero(random, sizeof random);
    put_sum(digits + RANDOM_DIGITS, str_of(digits, RANDOM_DIGITS));
    digits[KEY_DIGITS] = '\0';

    row->is_management = is_management;
    key_hash(str_of(text, front.n + KEY_DIGITS), row->hash);
    snprintf(row->label, sizeof row->label, "%.*s%.3s...%.3s", STR_ARG(front), digits,
             digits + KEY_DIGITS - 3);
}

static bool digits_are_right(struct str digits)
{
    uint8_t ignored[KEY_DIGITS / 2];
    char sum[SUM_DIGITS];
    if (!hex_decode(ignored, sizeof ignored, digits))
        return false;
    put_sum(sum, str_head(digits, RANDOM_DIGITS));
    return str_eq(str_skip(digits, RANDOM_DIGITS), str_of(sum, SUM_DIGITS));
}

enum key_shape key_shape(struct str text, struct str prefix)
{
    if (text.n <= KEY_DIGITS)
        return KEY_SHAPE_BAD;
    struct str front = str_head(text, text.n - KEY_DIGITS), digits = str_skip(text, front.n);
    char room[KEY_PREFIX_MAX + 5];
    enum key_shape shape = KEY_SHAPE_BAD;
    if (str_eq(front, prefix))
        shape = KEY_SHAPE_INFERENCE;
    else if (front.n == prefix.n + MANAGEMENT.n &&
             str_eq(front, key_management_prefix(prefix, room)))
        shape = KEY_SHAPE_MANAGEMENT;
    return shape != KEY_SHAPE_BAD && digits_are_right(digits) ? shape : KEY_SHAPE_BAD;
}

void key_hash(struct str text, uint8_t out[KEY_HASH_BYTES])
{
    _Static_assert(KEY_HASH_BYTES == (int)SHA256_BYTES, "a key's identity is its SHA-256");
    sha256(text, out);
}
