#include "unit/unit.h"

#include <stdlib.h>
#include <time.h>

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

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* An unknown user must not be told from a wrong password by the time it takes; measured in turns, in
 * processor time, so that a busy machine does not matter. The flow test measures answers. */
static void an_unknown_user_takes_as_long_as_a_wrong_password(void **state)
{
    (void)state;
    enum { TURNS = 15 };
    uint64_t wrong[TURNS], unknown[TURNS];
    char text[PASSWORD_TEXT_MAX];
    assert_int_equal(password_hash(secret_of(STR("right")), text, NULL), ERR_OK);
    for (int i = 0; i < TURNS; i++) {
        uint64_t began = cpu_ns();
        password_is(secret_of(STR("wrong")), text);
        wrong[i] = cpu_ns() - began;
        began = cpu_ns();
        password_is(secret_of(STR("wrong")), NULL);
        unknown[i] = cpu_ns() - began;
    }
    qsort(wrong, TURNS, sizeof wrong[0], by_value);
    qsort(unknown, TURNS, sizeof unknown[0], by_value);
    double ratio = (double)wrong[TURNS / 2] / (double)unknown[TURNS / 2];
    assert_true(ratio > 0.8 && ratio < 1.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_the_reference_are_right),
        cmocka_unit_test(a_password_is_right_and_another_is_wrong),
        cmocka_unit_test(a_password_has_a_greatest_length),
        cmocka_unit_test(an_unknown_user_takes_as_long_as_a_wrong_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
