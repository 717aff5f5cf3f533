#include "unit/unit.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/codec.h"
#include "crypto/digest.h"

static const char *hex_of(struct str s)
{
    static char hex[2 * SHA256_BYTES + 1];
    uint8_t digest[SHA256_BYTES];
    sha256(s, digest);
    hex_encode(hex, digest, sizeof digest);
    return hex;
}

/* The examples of FIPS 180-4. */
static void sha256_matches_the_standard(void **state)
{
    (void)state;
    assert_string_equal(hex_of(STR("abc")),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(hex_of(STR("")),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(hex_of(STR_NONE),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(hex_of(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
                        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    size_t million = 1000000;
    char *as = malloc(million);
    assert_non_null(as);
    memset(as, 'a', million);
    assert_string_equal(hex_of(str_of(as, million)),
                        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(as);
}

static void *digest_often(void *same)
{
    uint8_t expected[SHA256_BYTES], digest[SHA256_BYTES];
    sha256(STR("abc"), expected);
    *(bool *)same = true;
    for (int i = 0; i < 2000; i++) {
        sha256(STR("abc"), digest);
        if (!bytes_eq_secret(digest, expected, sizeof digest))
            *(bool *)same = false;
    }
    return NULL;
}

static void threads_may_digest_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    bool same[4] = {false};
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, digest_often, &same[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(same[i]);
    }
}

static void secrets_are_equal_in_all_bytes_or_not(void **state)
{
    (void)state;
    char a[32], b[32];
    memset(a, 7, sizeof a);
    memset(b, 7, sizeof b);
    assert_true(bytes_eq_secret(a, b, sizeof a));
    for (size_t i = 0; i < sizeof a; i++) {
        b[i] ^= 1;
        assert_false(bytes_eq_secret(a, b, sizeof a));
        assert_true(bytes_eq_secret(a, b, i));
        b[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_matches_the_standard),
        cmocka_unit_test(threads_may_digest_at_once),
        cmocka_unit_test(secrets_are_equal_in_all_bytes_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
