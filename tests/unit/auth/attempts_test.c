#include "unit/unit.h"

#include <stdio.h>

#include "auth/attempts.h"

#define SOME_NOW UINT64_C(5000000)

static int setup(void **state)
{
    *state = attempts_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    attempts_free(*state);
    return 0;
}

static uint64_t account(struct attempts *a, const char *who, uint64_t now)
{
    return attempts_take(a, ATTEMPTS_ACCOUNT, str_c(who), now);
}

static void some_failures_are_free_then_waits_double(void **state)
{
    struct attempts *a = *state;
    uint64_t now = SOME_NOW;
    for (int i = 0; i < ATTEMPTS_FREE_ACCOUNT; i++)
        assert_int_equal(account(a, "ada@example.org", now), 0);
    for (uint64_t wait = 1000; wait < ATTEMPTS_WAIT_ACCOUNT_MS; wait *= 2) {
        assert_int_equal(account(a, "ada@example.org", now), wait);
        assert_int_equal(account(a, "ada@example.org", now + wait - 1), 1);
        now += wait;
        assert_int_equal(account(a, "ada@example.org", now), 0);
    }
    assert_int_equal(account(a, "ada@example.org", now), ATTEMPTS_WAIT_ACCOUNT_MS);
}

/* Many at once do not get more than one after the other. */
static void attempts_count_before_they_are_judged(void **state)
{
    struct attempts *a = *state;
    int let_in = 0;
    for (int i = 0; i < 1000; i++)
        let_in += account(a, "ada@example.org", SOME_NOW) == 0;
    assert_int_equal(let_in, ATTEMPTS_FREE_ACCOUNT);
}

static void the_case_of_an_address_is_no_way_round(void **state)
{
    struct attempts *a = *state;
    for (int i = 0; i < ATTEMPTS_FREE_ACCOUNT; i++)
        assert_int_equal(account(a, i % 2 ? "Ada@example.org" : "ada@EXAMPLE.org", SOME_NOW), 0);
    assert_int_not_equal(account(a, "ADA@example.org", SOME_NOW), 0);
}

static void accounts_and_addresses_are_apart(void **state)
{
    struct attempts *a = *state;
    for (int i = 0; i <= ATTEMPTS_FREE_ACCOUNT; i++)
        account(a, "192.0.2.1", SOME_NOW);
    assert_int_equal(account(a, "other@example.org", SOME_NOW), 0);
    for (int i = 0; i < ATTEMPTS_FREE_ADDRESS; i++)
        assert_int_equal(attempts_take(a, ATTEMPTS_ADDRESS, STR("192.0.2.1"), SOME_NOW), 0);
    assert_int_equal(attempts_take(a, ATTEMPTS_ADDRESS, STR("192.0.2.1"), SOME_NOW), 1000);
}

static void a_right_one_clears_the_account_but_not_the_address(void **state)
{
    struct attempts *a = *state;
    for (int i = 0; i < ATTEMPTS_FREE_ADDRESS; i++) {
        account(a, "ada@example.org", SOME_NOW + (uint64_t)i * 100000);
        assert_int_equal(attempts_take(a, ATTEMPTS_ADDRESS, STR("192.0.2.1"), SOME_NOW), 0);
    }
    attempts_right(a, ATTEMPTS_ACCOUNT, STR("ada@example.org"));
    attempts_right(a, ATTEMPTS_ADDRESS, STR("192.0.2.1"));
    for (int i = 0; i < ATTEMPTS_FREE_ACCOUNT; i++)
        assert_int_equal(account(a, "ada@example.org", SOME_NOW + 2000001), 0);
    assert_int_equal(attempts_take(a, ATTEMPTS_ADDRESS, STR("192.0.2.1"), SOME_NOW), 0);
    assert_int_equal(attempts_take(a, ATTEMPTS_ADDRESS, STR("192.0.2.1"), SOME_NOW), 1000);
}

static void an_hour_of_peace_forgives(void **state)
{
    struct attempts *a = *state;
    for (int i = 0; i <= ATTEMPTS_FREE_ACCOUNT; i++)
        account(a, "ada@example.org", SOME_NOW);
    for (int i = 0; i < ATTEMPTS_FREE_ACCOUNT; i++)
        assert_int_equal(account(a, "ada@example.org", SOME_NOW + ATTEMPTS_FORGET_MS), 0);
}

static void an_ipv6_network_counts_as_one(void **state)
{
    struct attempts *a = *state;
    char who[40];
    for (int i = 0; i < ATTEMPTS_FREE_ADDRESS; i++) {
        snprintf(who, sizeof who, "2001:db8:1:2::%x", i);
        assert_int_equal(attempts_take(a, ATTEMPTS_ADDRESS, str_c(who), SOME_NOW), 0);
    }
    assert_int_not_equal(attempts_take(a, ATTEMPTS_ADDRESS, STR("2001:db8:1:2:ffff::1"), SOME_NOW),
                         0);
    assert_int_equal(attempts_take(a, ATTEMPTS_ADDRESS, STR("2001:db8:1:3::1"), SOME_NOW), 0);
    assert_int_equal(attempts_take(a, ATTEMPTS_ADDRESS, STR("192.0.2.1"), SOME_NOW), 0);
}

/* A flood of names takes no more memory, and does not wash away the one under attack at once. */
static void the_table_is_bounded(void **state)
{
    struct attempts *a = *state;
    char name[32];
    for (int i = 0; i < 200000; i++) {
        snprintf(name, sizeof name, "user%d@example.org", i);
        assert_int_equal(account(a, name, SOME_NOW + (uint64_t)i), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(some_failures_are_free_then_waits_double),
        TEST(attempts_count_before_they_are_judged),
        TEST(the_case_of_an_address_is_no_way_round),
        TEST(accounts_and_addresses_are_apart),
        TEST(a_right_one_clears_the_account_but_not_the_address),
        TEST(an_hour_of_peace_forgives),
        TEST(an_ipv6_network_counts_as_one),
        TEST(the_table_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
