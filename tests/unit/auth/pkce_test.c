#include "unit/unit.h"

#include "auth/pkce.h"

/* RFC 7636, appendix B */
#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

static void the_published_vector_matches(void **state)
{
    char sum[CHALLENGE_MAX + 1];
    (void)state;
    pkce_s256(STR(VERIFIER), sum);
    assert_string_equal(sum, CHALLENGE);
    assert_true(pkce_matches(CHALLENGE_S256, STR(CHALLENGE), STR(VERIFIER)));
    assert_true(pkce_matches(CHALLENGE_PLAIN, STR(VERIFIER), STR(VERIFIER)));
}

static void another_verifier_or_method_does_not(void **state)
{
    (void)state;
    assert_false(pkce_matches(CHALLENGE_S256, STR(CHALLENGE), STR(CHALLENGE)));
    assert_false(pkce_matches(CHALLENGE_PLAIN, STR(CHALLENGE), STR(VERIFIER)));
    assert_false(pkce_matches(CHALLENGE_NONE, STR(""), STR(VERIFIER)));
    assert_false(pkce_matches(CHALLENGE_S256, STR(CHALLENGE), STR("")));
    assert_false(pkce_matches(CHALLENGE_PLAIN, STR("short"), STR("short")));
}

static void a_verifier_is_43_to_128_unreserved_characters(void **state)
{
    char text[VERIFIER_MAX + 1];
    (void)state;
    memset(text, 'a', sizeof text);
    assert_false(pkce_verifier_is_valid(str_of(text, VERIFIER_MIN - 1)));
    assert_true(pkce_verifier_is_valid(str_of(text, VERIFIER_MIN)));
    assert_true(pkce_verifier_is_valid(str_of(text, VERIFIER_MAX)));
    assert_false(pkce_verifier_is_valid(str_of(text, VERIFIER_MAX + 1)));
    memcpy(text, "-._~09AZ", 8);
    assert_true(pkce_verifier_is_valid(str_of(text, VERIFIER_MIN)));
    for (const char *bad = "+/= %\n\"\x7f"; *bad; bad++) {
        text[5] = *bad;
        assert_false(pkce_verifier_is_valid(str_of(text, VERIFIER_MIN)));
    }
}

static void a_challenge_has_the_form_of_its_method(void **state)
{
    (void)state;
    assert_true(pkce_challenge_is_valid(CHALLENGE_S256, STR(CHALLENGE)));
    assert_true(pkce_challenge_is_valid(CHALLENGE_S256,
                                        STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
    assert_false(pkce_challenge_is_valid(CHALLENGE_S256,
                                         STR("=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
    assert_false(pkce_challenge_is_valid(CHALLENGE_S256, STR(CHALLENGE "=")));
    assert_false(pkce_challenge_is_valid(CHALLENGE_S256, STR(CHALLENGE "A")));
    assert_false(pkce_challenge_is_valid(CHALLENGE_S256, STR("")));
    assert_true(pkce_challenge_is_valid(CHALLENGE_PLAIN, STR(VERIFIER "~")));
    assert_false(pkce_challenge_is_valid(CHALLENGE_NONE, STR(CHALLENGE)));
}

static void methods_have_names(void **state)
{
    enum challenge_method m;
    (void)state;
    assert_true(pkce_method_parse(STR("S256"), &m));
    assert_int_equal(m, CHALLENGE_S256);
    assert_true(pkce_method_parse(STR("plain"), &m));
    assert_int_equal(m, CHALLENGE_PLAIN);
    assert_false(pkce_method_parse(STR("s256"), &m));
    assert_false(pkce_method_parse(STR(""), &m));
    assert_string_equal(pkce_method_name(CHALLENGE_S256), "S256");
    assert_string_equal(pkce_method_name(CHALLENGE_NONE), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vector_matches),
        cmocka_unit_test(another_verifier_or_method_does_not),
        cmocka_unit_test(a_verifier_is_43_to_128_unreserved_characters),
        cmocka_unit_test(a_challenge_has_the_form_of_its_method),
        cmocka_unit_test(methods_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
