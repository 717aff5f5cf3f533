#include "unit/unit.h"

#include "base/siphash.h"

/* What CPython 3.11 answers for hash(bytes) with a key of zeros. */
static void hashes_match_another_implementation(void **state)
{
    (void)state;
    const struct siphash_key zeros = {0, 0};
    assert_true(siphash13(&zeros, STR("a")) == UINT64_C(0x407448d2b89b1813));
    assert_true(siphash13(&zeros, STR("abcdefg")) == UINT64_C(0x6db12aae9070f506));
    assert_true(siphash13(&zeros, STR("abcdefgh")) == UINT64_C(0x3f7b849c0b8e35ea));
    assert_true(siphash13(&zeros, STR("abcdefghi")) == UINT64_C(0xf89b34a3d11eb6e5));
    assert_true(siphash13(&zeros, STR("openai/gpt-4o-mini")) == UINT64_C(0x1d9f0bdc5e94af58));
}

/* What Rust's standard library tests for the key 00 01 .. 0f and an empty text. */
static void the_key_matters(void **state)
{
    (void)state;
    const struct siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    assert_true(siphash13(&key, STR("")) == UINT64_C(0xabac0158050fc4dc));
    assert_true(siphash13(&key, STR_NONE) == UINT64_C(0xabac0158050fc4dc));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_match_another_implementation),
        cmocka_unit_test(the_key_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
