#include "unit/unit.h"

#include <stdio.h>

#include "auth/forgers.h"

static struct forgers forgers;

static int set_up(void **state)
{
    (void)state;
    forgers_init(&forgers);
    return 0;
}

static struct address at(const char *text)
{
    struct address a;
    assert_true(address_parse(str_c(text), &a));
    return a;
}

/* How many of `n` from there are looked at, all of them wrong. */
static unsigned flood(const char *from, unsigned n, uint64_t now_ms)
{
    unsigned looked = 0;
    struct address a = at(from);
    for (unsigned i = 0; i < n; i++) {
        if (!forgers_may(&forgers, &a, now_ms))
            continue;
        forgers_note(&forgers, &a, now_ms);
        looked++;
    }
    return looked;
}

static bool may(const char *from, uint64_t now_ms)
{
    struct address a = at(from);
    return forgers_may(&forgers, &a, now_ms);
}

static void a_network_has_so_many_a_second(void **state)
{
    (void)state;
    assert_int_equal(flood("192.0.2.1", 1000, 5000), FORGED_NETWORK_MAX);
    assert_false(may("192.0.2.1", 5999));
    assert_true(may("192.0.2.2", 5999));
    assert_true(may("192.0.2.1", 6000));
    assert_int_equal(flood("192.0.2.1", 1000, 6000), FORGED_NETWORK_MAX);
}

static void a_network_is_what_one_subscriber_has(void **state)
{
    (void)state;
    assert_int_equal(flood("2001:db8::1", 1000, 5000), FORGED_NETWORK_MAX);
    assert_false(may("2001:db8::2:3:4", 5000));
    assert_true(may("2001:db8:0:1::1", 5000));
    assert_int_equal(flood("::ffff:192.0.2.1", 1000, 5000), FORGED_NETWORK_MAX);
    assert_false(may("192.0.2.1", 5000));
}

static void all_networks_have_so_many_together(void **state)
{
    (void)state;
    unsigned looked = 0;
    char from[40];
    for (unsigned i = 0; i < 2 * FORGED_MAX; i++) {
        snprintf(from, sizeof from, "10.0.%u.%u", i / 250, i % 250);
        looked += flood(from, 1, 5000);
    }
    assert_int_equal(looked, FORGED_MAX);
    assert_false(may("192.0.2.1", 5999));
    assert_true(may("192.0.2.1", 6000));
}

static void who_is_not_known_counts_as_one(void **state)
{
    (void)state;
    for (int i = 0; i < FORGED_NETWORK_MAX; i++) {
        assert_true(forgers_may(&forgers, NULL, 5000));
        forgers_note(&forgers, NULL, 5000);
    }
    assert_false(forgers_may(&forgers, NULL, 5000));
    assert_true(may("192.0.2.1", 5000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_network_has_so_many_a_second, set_up),
        cmocka_unit_test_setup(a_network_is_what_one_subscriber_has, set_up),
        cmocka_unit_test_setup(all_networks_have_so_many_together, set_up),
        cmocka_unit_test_setup(who_is_not_known_counts_as_one, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
