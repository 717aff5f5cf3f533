#include "unit/unit.h"

#include <stdlib.h>

#include "base/clock.h"
#include "crypto/password.h"

/* Of the reference implementation's own tests (phc-winner-argon2, src/test.c: argon2id). */
static void texts_of_the_reference_are_right(void **state)
{
    (void)state;
    static const char text[] = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
                               "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert_true(password_is(secret_of(STR("password")), text));
    assert_false(password_is(secret_of(STR("Password")), text));
    assert_false(password_is(secret_of(STR("password")), NULL));
    assert_false(password_is(secret_of(STR("password")), "password"));
    assert_false(password_is(secret_of(STR("password")), ""));
}

static void a_password_is_right_and_another_is_wrong(void **state)
{
    (void)state;
    char a[PASSWORD_TEXT_MAX], b[PASSWORD_TEXT_MAX];
    struct secret p = secret_of(STR("correct horse\0battery staple"));
    assert_int_equal(password_hash(p, a, NULL), ERR_OK);
    assert_int_equal(password_hash(p, b, NULL), ERR_OK);
    assert_string_not_equal(a, b);
    assert_true(str_starts(str_c(a), STR("$argon2id$v=19$m=65536,t=2,p=1$")));
    assert_true(password_is(p, a));
    assert_true(password_is(p, b));
    assert_false(password_is(secret_of(STR("correct horse")), a));
    assert_false(password_is(secret_of(STR("")), a));
    assert_false(password_is_outdated(a));
    assert_true(password_is_outdated("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$"
                                     "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"));
}

static void a_password_has_a_greatest_length(void **state)
{
    (void)state;
    static char much[PASSWORD_MAX + 1];
    char text[PASSWORD_TEXT_MAX];
    memset(much, 'x', sizeof much);
    struct fault f;
    assert_int_equal(password_hash(secret_of(str_of(much, sizeof much)), text, &f), ERR_TOO_BIG);
    assert_int_equal(password_hash(secret_of(str_of(much, PASSWORD_MAX)), text, &f), ERR_OK);
    assert_false(password_is(secret_of(str_of(much, sizeof much)), text));
    assert_true(password_is(secret_of(str_of(much, PASSWORD_MAX)), text));
}

/* An unknown user must not be told from a wrong password by the work that is done: bench/signin.py measures
 * the time. */
static void an_unknown_user_costs_what_a_wrong_password_does(void **state)
{
    (void)state;
    char text[PASSWORD_TEXT_MAX];
    assert_int_equal(password_hash(secret_of(STR("right")), text, NULL), ERR_OK);
    uint64_t before = password_evaluations();
    assert_false(password_is(secret_of(STR("wrong")), text));
    assert_int_equal(password_evaluations(), before + 1);
    assert_false(password_is(secret_of(STR("wrong")), NULL));
    assert_int_equal(password_evaluations(), before + 2);
    assert_false(password_is_outdated(password_of_nobody()));
    struct str cost = str_head(str_c(text), strlen("$argon2id$v=19$m=65536,t=2,p=1$"));
    assert_true(str_starts(str_c(password_of_nobody()), cost));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_the_reference_are_right),
        cmocka_unit_test(a_password_is_right_and_another_is_wrong),
        cmocka_unit_test(a_password_has_a_greatest_length),
        cmocka_unit_test(an_unknown_user_costs_what_a_wrong_password_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
