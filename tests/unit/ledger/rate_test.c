#include "unit/unit.h"

#include "ledger/rate.h"

#define MINUTE INT64_C(60000)

static struct rate_answer take(struct rate *r, uint32_t requests, uint32_t tokens, uint64_t n,
                               int64_t at)
{
    return rate_take(r, &(struct rate_limits){requests, tokens}, n, at);
}

static void requests_are_counted_to_the_end_of_the_minute(void **state)
{
    (void)state;
    struct rate r = {0};
    int64_t begin = 100 * MINUTE;
    for (int i = 0; i < 3; i++)
        assert_false(take(&r, 3, 0, 1, begin + i).is_refused);
    struct rate_answer a = take(&r, 3, 0, 1, begin + MINUTE - 1);
    assert_true(a.is_refused && !a.is_of_tokens);
    assert_int_equal(a.limit, 3);
    assert_int_equal(a.reset_ms, begin + MINUTE);
    assert_false(take(&r, 3, 0, 1, begin + MINUTE).is_refused);
    assert_false(take(&r, 3, 0, 1, begin).is_refused); /* set back: still the later minute */
    assert_int_equal(r.requests, 2);
}

static void tokens_are_set_right_once_they_are_known(void **state)
{
    (void)state;
    struct rate r = {0};
    int64_t t = 100 * MINUTE;
    assert_false(take(&r, 0, 100, 50, t).is_refused);
    assert_false(take(&r, 0, 100, 40, t).is_refused);
    rate_correct(&r, t, 50, 70, t); /* 110 */
    struct rate_answer a = take(&r, 0, 100, 1, t);
    assert_true(a.is_refused && a.is_of_tokens);
    assert_int_equal(a.limit, 100);
    rate_correct(&r, t, 40, 0, t); /* 70 */
    assert_false(take(&r, 0, 100, 1, t).is_refused);
    rate_correct(&r, t, 1000, 0, t + MINUTE); /* of a minute that is over: nothing comes back */
    assert_int_equal(r.tokens, 0);
    rate_correct(&r, t, 10, 110, t + MINUTE); /* but what is more counts when it is known */
    assert_true(take(&r, 0, 100, 1, t + MINUTE).is_refused);
    rate_correct(&r, t, 0, UINT64_MAX, t + MINUTE);
    assert_true(take(&r, 0, UINT32_MAX, 1, t + MINUTE).is_refused);
}

static void without_limits_nothing_is_refused(void **state)
{
    (void)state;
    struct rate r = {0};
    for (int i = 0; i < 1000; i++)
        assert_false(take(&r, 0, 0, UINT64_MAX, 5).is_refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_counted_to_the_end_of_the_minute),
        cmocka_unit_test(tokens_are_set_right_once_they_are_known),
        cmocka_unit_test(without_limits_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
