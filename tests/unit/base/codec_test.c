#include "unit/unit.h"

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

static void crc32_matches_known_values(void **state)
{
    (void)state;
    assert_int_equal(crc32_ieee(STR("")), 0);
    assert_int_equal(crc32_ieee(STR("123456789")), 0xcbf43926u);
    assert_int_equal(crc32_ieee(STR("a")), 0xe8b7be43u);
    assert_int_equal(crc32_ieee(STR("The quick brown fox jumps over the lazy dog")), 0x414fa339u);
}

/* From the definition: the remainder of a division, bit by bit. */
static uint32_t crc32_slowly(const uint8_t *p, size_t n)
{
    uint32_t crc = ~0u;
    while (n--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

static void crc32_agrees_with_its_definition_however_it_is_cut(void **state)
{
    (void)state;
    uint64_t seed = 3;
    char bytes[100];
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)next_random(&seed);
        size_t from = next_random(&seed) % 8, n = next_random(&seed) % (sizeof bytes - 8);
        size_t cut = n ? next_random(&seed) % n : 0;
        struct str all = {bytes + from, n};
        uint32_t expected = crc32_slowly((const uint8_t *)all.p, n);
        assert_int_equal(crc32_ieee(all), expected);
        uint32_t first = crc32_ieee(str_head(all, cut));
        assert_int_equal(crc32_ieee_more(first, str_skip(all, cut)), expected);
    }
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
        cmocka_unit_test(crc32_matches_known_values),
        cmocka_unit_test(crc32_agrees_with_its_definition_however_it_is_cut),
        cmocka_unit_test(random_bytes_fill_all_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
