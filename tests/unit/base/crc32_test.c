#include "unit/unit.h"

#include "base/codec.h"

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
    uint64_t seed = 3; /* past what one step of the fast way takes */
    char bytes[600];
    for (int round = 0; round < 5000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)next_random(&seed);
        size_t from = next_random(&seed) % 20, n = next_random(&seed) % (sizeof bytes - 20);
        size_t cut = n ? next_random(&seed) % n : 0;
        struct str all = {bytes + from, n};
        uint32_t expected = crc32_slowly((const uint8_t *)all.p, n);
        assert_int_equal(crc32_ieee(all), expected);
        uint32_t first = crc32_ieee(str_head(all, cut));
        assert_int_equal(crc32_ieee_more(first, str_skip(all, cut)), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32_matches_known_values),
        cmocka_unit_test(crc32_agrees_with_its_definition_however_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
