#include "unit/unit.h"

#include <stdio.h>

#include "auth/key.h"
#include "base/codec.h"

#define PREFIX STR("sk-tp-v1-")

static void prefixes_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"sk-tp-v1-", "x-v0-", "sk-or-v9-", "a1-b2-v3-",
                                       "abcdefghijklmnopqrstuvwxyz12-v1-"};
    static const char *const bad[] = {
        "",          "-v1-",       "v1-",       "sk-tp-",
        "sk-tp-v1",  "sk-tp-v12-", "sk_tp-v1-", "SK-tp-v1-",
        "sk tp-v1-", "-sk-v1-",    "sk-tp-va-", "abcdefghijklmnopqrstuvwxyz123-v1-"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(key_prefix_is_valid(str_c(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(key_prefix_is_valid(str_c(bad[i])));
}

static void a_management_prefix_has_mgmt_before_its_version(void **state)
{
    (void)state;
    char room[KEY_PREFIX_MAX + 5];
    assert_str(key_management_prefix(PREFIX, room), "sk-tp-mgmt-v1-");
    struct str longest = STR("abcdefghijklmnopqrstuvwxyz12-v1-");
    assert_int_equal(longest.n, KEY_PREFIX_MAX);
    assert_str(key_management_prefix(longest, room), "abcdefghijklmnopqrstuvwxyz12-mgmt-v1-");
}

static void a_new_key_has_the_form_that_is_published(void **state)
{
    (void)state;
    for (int management = 0; management < 2; management++) {
        char text[KEY_TEXT_MAX + 1];
        struct key row = {0};
        key_make(PREFIX, management, text, &row);
        const char *front = management ? "sk-tp-mgmt-v1-" : "sk-tp-v1-";
        size_t n = strlen(front);
        assert_int_equal(strlen(text), n + 64);
        assert_memory_equal(text, front, n);
        assert_int_equal(strspn(text + n, "0123456789abcdef"), 64);
        assert_int_equal(row.is_management, management);

        char label[64], sum[9];
        snprintf(label, sizeof label, "%s%.3s...%s", front, text + n, text + n + 61);
        assert_string_equal(row.label, label);
        snprintf(sum, sizeof sum, "%08x", crc32_ieee(str_of(text + n, 56)));
        assert_string_equal(text + n + 56, sum);

        uint8_t hash[KEY_HASH_BYTES];
        key_hash(str_c(text), hash);
        assert_memory_equal(row.hash, hash, sizeof hash);
        assert_int_equal(key_shape(str_c(text), PREFIX),
                         management ? KEY_SHAPE_MANAGEMENT : KEY_SHAPE_INFERENCE);
    }
}

static void keys_differ(void **state)
{
    (void)state;
    char a[KEY_TEXT_MAX + 1], b[KEY_TEXT_MAX + 1];
    struct key row;
    key_make(PREFIX, false, a, &row);
    key_make(PREFIX, false, b, &row);
    assert_string_not_equal(a, b);
}

static void a_known_key_has_its_known_hash(void **state)
{
    (void)state;
    struct str text = STR("sk-tp-v1-00000000000000000000000000000000000000000000000000000000"
                          "cb612bfd");
    char hex[2 * KEY_HASH_BYTES];
    uint8_t hash[KEY_HASH_BYTES];
    assert_int_equal(key_shape(text, PREFIX), KEY_SHAPE_INFERENCE);
    key_hash(text, hash);
    hex_encode(hex, hash, sizeof hash);
    assert_memory_equal(hex, "0dcf8a7e123aadd1a4b8f09e7e6b775aa28c9c1ed4a86fb1b5edff5e552bc38f",
                        64);
}

static void any_single_changed_digit_is_noticed(void **state)
{
    (void)state;
    char text[KEY_TEXT_MAX + 1];
    struct key row;
    key_make(PREFIX, false, text, &row);
    for (size_t i = PREFIX.n; i < strlen(text); i++) {
        char was = text[i];
        for (const char *c = "0123456789abcdefABCDEF gz-"; *c; c++) {
            text[i] = *c;
            assert_int_equal(key_shape(str_c(text), PREFIX),
                             *c == was ? KEY_SHAPE_INFERENCE : KEY_SHAPE_BAD);
        }
        text[i] = was;
    }
    for (size_t i = PREFIX.n; i + 1 < strlen(text); i++) { /* two neighbours swapped */
        if (text[i] == text[i + 1])
            continue;
        char was = text[i];
        text[i] = text[i + 1];
        text[i + 1] = was;
        assert_int_equal(key_shape(str_c(text), PREFIX), KEY_SHAPE_BAD);
        text[i + 1] = text[i];
        text[i] = was;
    }
}

static void other_prefixes_and_lengths_are_refused(void **state)
{
    (void)state;
    char text[KEY_TEXT_MAX + 1];
    struct key row;
    key_make(PREFIX, false, text, &row);
    struct str key = str_c(text);
    assert_int_equal(key_shape(key, STR("sk-or-v1-")), KEY_SHAPE_BAD);
    assert_int_equal(key_shape(key, STR("sk-tp-v2-")), KEY_SHAPE_BAD);
    assert_int_equal(key_shape(key, STR("tp-v1-")), KEY_SHAPE_BAD);
    for (size_t n = 0; n < key.n; n++)
        assert_int_equal(key_shape(str_head(key, n), PREFIX), KEY_SHAPE_BAD);
    assert_int_equal(key_shape(str_of(text, key.n + 1), PREFIX), KEY_SHAPE_BAD);
    assert_int_equal(key_shape(str_skip(key, 1), PREFIX), KEY_SHAPE_BAD);
    assert_int_equal(key_shape(STR_NONE, PREFIX), KEY_SHAPE_BAD);
    assert_int_equal(key_shape(str_skip(key, PREFIX.n), PREFIX), KEY_SHAPE_BAD);
    text[0] = 'S';
    assert_int_equal(key_shape(key, PREFIX), KEY_SHAPE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_are_checked),
        cmocka_unit_test(a_management_prefix_has_mgmt_before_its_version),
        cmocka_unit_test(a_new_key_has_the_form_that_is_published),
        cmocka_unit_test(keys_differ),
        cmocka_unit_test(a_known_key_has_its_known_hash),
        cmocka_unit_test(any_single_changed_digit_is_noticed),
        cmocka_unit_test(other_prefixes_and_lengths_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
