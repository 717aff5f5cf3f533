#include "unit/unit.h"

#include "base/codec.h"
#include "crypto/hmac.h"

static void check(struct str key, struct str data, const char *expected)
{
    uint8_t mac[SHA256_BYTES];
    char hex[2 * SHA256_BYTES];
    hmac_sha256(secret_of(key), data, mac);
    hex_encode(hex, mac, sizeof mac);
    assert_memory_equal(hex, expected, strlen(expected));
}

/* RFC 4231, test cases 1 to 7 (5 is a truncated one). */
static void macs_are_those_of_the_standard(void **state)
{
    (void)state;
    char key[131], fifty[50], counting[25];
    memset(key, 0x0b, 20);
    check(str_of(key, 20), STR("Hi There"),
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check(STR("Jefe"), STR("what do ya want for nothing?"),
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    memset(fifty, 0xdd, sizeof fifty);
    check(str_of(key, 20), str_of(fifty, 50),
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    for (int i = 0; i < 25; i++)
        counting[i] = (char)(i + 1);
    memset(fifty, 0xcd, sizeof fifty);
    check(str_of(counting, 25), str_of(fifty, 50),
          "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    memset(counting, 0x0c, 20);
    check(str_of(counting, 20), STR("Test With Truncation"), "a3b6167473100ee06e0c796c2955552b");
    check(str_of(key, 131), STR("Test Using Larger Than Block-Size Key - Hash Key First"),
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    check(
        str_of(key, 131),
        STR("This is a test using a larger than block-size key and a larger than block-size data. "
            "The key needs to be hashed before being used by the HMAC algorithm."),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

static void secrets_are_equal_in_length_and_bytes(void **state)
{
    (void)state;
    assert_true(secret_eq(secret_of(STR("abc")), secret_of(STR("abc"))));
    assert_true(secret_eq(secret_of(STR("")), secret_of(STR_NONE)));
    assert_false(secret_eq(secret_of(STR("abc")), secret_of(STR("abd"))));
    assert_false(secret_eq(secret_of(STR("abc")), secret_of(STR("abcd"))));
    assert_false(secret_eq(secret_of(STR("")), secret_of(STR("a"))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(macs_are_those_of_the_standard),
        cmocka_unit_test(secrets_are_equal_in_length_and_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
