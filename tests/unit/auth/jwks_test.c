#include "unit/unit.h"

#include <stdio.h>

#include "auth/jwks.h"
#include "json/write.h"

/* RFC 7517, A.1, its RSA key; RFC 7515, A.3, its key on P-256. */
#define RSA_N                                                                                      \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"      \
    "BJECPe"                                                                                       \
    "bWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"           \
    "FDW2QvzqY36"                                                                                  \
    "8QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"                       \
    "bFTWhAI4vMQFh6WeZu0fM4l"                                                                      \
    "Fd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define RSA(more) "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"" RSA_N "\"" more "}"
#define EC(more)                                                                                   \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","     \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"" more "}"

static struct jwks *read(const char *keys)
{
    char text[20000];
    struct fault f;
    snprintf(text, sizeof text, "{\"keys\":[%s]}", keys);
    return jwks_read(str_c(text), &f);
}

static void a_key_is_found_by_name_and_algorithm(void **state)
{
    (void)state;
    struct jwks *s =
        read(RSA(",\"kid\":\"one\"") "," EC(",\"kid\":\"two\"") "," EC(",\"kid\":\"\\u0074hree\""));
    assert_non_null(s);
    assert_int_equal(s->n, 3);
    assert_non_null(jwks_find(s, STR("one"), SIGN_RS256));
    assert_null(jwks_find(s, STR("one"), SIGN_ES256));
    assert_non_null(jwks_find(s, STR("three"), SIGN_ES256));
    assert_null(jwks_find(s, STR("four"), SIGN_ES256));
    assert_non_null(jwks_find(s, STR_NONE, SIGN_RS256)); /* the only one */
    assert_null(jwks_find(s, STR_NONE, SIGN_ES256));     /* which one? */
    jwks_free(s);
    assert_null(jwks_find(NULL, STR("one"), SIGN_ES256));
    jwks_free(NULL);
}

static void two_of_one_name_are_none(void **state)
{
    (void)state;
    struct jwks *s = read(EC(",\"kid\":\"a\"") "," EC(",\"kid\":\"a\""));
    assert_non_null(s);
    assert_null(jwks_find(s, STR("a"), SIGN_ES256));
    jwks_free(s);
}

static void what_cannot_be_used_is_passed_over(void **state)
{
    (void)state;
    struct jwks *s =
        read("7,null,{},{\"kty\":\"oct\",\"k\":\"AAAA\"}," EC(",\"use\":\"enc\"") "," EC(
            ",\"alg\":\"ES384\"") "," EC(",\"kid\":7") "," EC(",\"kid\":\"\"") ",{\"kty\":\"OKP\","
                                                                               "\"crv\":"
                                                                               "\"Ed25519\",\"x\":"
                                                                               "\"AA\"}," EC(",\"ki"
                                                                                             "d\":"
                                                                                             "\"x"
                                                                                             "\""));
    assert_non_null(s);
    assert_int_equal(s->n, 1);
    assert_non_null(jwks_find(s, STR("x"), SIGN_ES256));
    jwks_free(s);
}

static void what_is_no_set_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"keys\":{}}",
                                      "{\"keys\":[]}",
                                      "{\"keys\":[7]}",
                                      "{\"keys\":\"\"}",
                                      "{\"keys\":[" EC("")};
    struct fault f;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        f = (struct fault){0};
        assert_null(jwks_read(str_c(bad[i]), &f));
        assert_true(f.message[0]);
    }
}

static void so_many_and_no_larger_ones(void **state)
{
    (void)state;
    char text[30000] = "", large[4 * JWKS_RSA_BITS_MAX / 6];
    for (int i = 0; i < JWKS_KEYS_MAX + 5; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s" EC(",\"kid\":\"k%d\""),
                 i ? "," : "", i);
    struct jwks *s = read(text);
    assert_int_equal(s->n, JWKS_KEYS_MAX);
    assert_null(jwks_find(s, STR("k20"), SIGN_ES256));
    jwks_free(s);
    memset(large, 'A' + 1, sizeof large);
    snprintf(text, sizeof text, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%.*s\"}," EC(""),
             JWKS_RSA_BITS_MAX / 6 + 20, large);
    s = read(text);
    assert_int_equal(s->n, 1); /* the one on P-256 */
    jwks_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_by_name_and_algorithm),
        cmocka_unit_test(two_of_one_name_are_none),
        cmocka_unit_test(what_cannot_be_used_is_passed_over),
        cmocka_unit_test(what_is_no_set_is_refused),
        cmocka_unit_test(so_many_and_no_larger_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
