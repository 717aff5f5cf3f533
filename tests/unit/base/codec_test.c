#include "unit/unit.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bug.h"
#include "base/codec.h"

static void hex_is_lowercase_and_reads_back(void **state)
{
    (void)state;
    uint8_t bytes[256], back[256];
    char text[512];
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    hex_encode(text, bytes, sizeof bytes);
    assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f10", 34);
    assert_memory_equal(text + 508, "feff", 4);
    assert_true(hex_decode(back, sizeof back, str_of(text, sizeof text)));
    assert_memory_equal(bytes, back, sizeof bytes);
}

static void hex_of_another_length_or_alphabet_is_refused(void **state)
{
    (void)state;
    uint8_t out[2];
    assert_true(hex_decode(out, 2, STR("00ff")));
    assert_true(hex_decode(out, 0, STR("")));
    assert_false(hex_decode(out, 2, STR("00f")));
    assert_false(hex_decode(out, 2, STR("00fff")));
    assert_false(hex_decode(out, 2, STR("00ff00")));
    assert_false(hex_decode(out, 2, STR("")));
    for (int c = -128; c < 128; c++) {
        char text[4] = {'0', '0', '0', (char)c};
        bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        assert_int_equal(hex_decode(out, 2, str_of(text, 4)), is_digit);
    }
}

static void decimals_end_where_they_are_told_to(void **state)
{
    (void)state;
    char room[DECIMAL_MAX], expected[DECIMAL_MAX + 1], *end = room + sizeof room;
    const uint64_t powers[] = {1, 10, 100, 1000, 10000, UINT64_C(10000000000000000000)};
    uint64_t seed = 9;
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t v =
            i < COUNT_OF(powers) * 2 ? powers[i / 2] - i % 2 : next_random(&seed) >> i % 64;
        int n = snprintf(expected, sizeof expected, "%" PRIu64, v);
        char *p = decimal_before(end, v);
        assert_int_equal(end - p, n);
        assert_memory_equal(p, expected, n);
    }
    assert_int_equal(end - decimal_before(end, UINT64_MAX), DECIMAL_MAX);
}

static void random_bytes_fill_all_and_differ(void **state)
{
    (void)state;
    uint8_t a[1000] = {0}, b[1000] = {0};
    unsigned zeros = 0;
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    random_bytes(a, 0);
    assert_memory_not_equal(a, b, sizeof a);
    for (size_t i = 0; i < sizeof a; i++)
        zeros += a[i] == 0;
    assert_true(zeros < 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_is_lowercase_and_reads_back),
        cmocka_unit_test(hex_of_another_length_or_alphabet_is_refused),
        cmocka_unit_test(decimals_end_where_they_are_told_to),
        cmocka_unit_test(random_bytes_fill_all_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
