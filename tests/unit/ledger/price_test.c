#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "ledger/price.h"

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* gpt-4o-mini: 0.15, 0.60 and 0.075 dollars per million. */
static const struct price mini = {.prompt = 150000,
                                  .completion = 600000,
                                  .cache_read = 75000,
                                  .cache_write = 150000,
                                  .reasoning = 600000};

static void a_cost_is_exact_and_rounded_once(void **state)
{
    (void)state;
    assert_int_equal(price_cost(&mini, &(struct tokens){.prompt = 1000000}), 150000000);
    assert_int_equal(price_cost(&mini, &(struct tokens){.prompt = 10, .completion = 5}),
                     1500 + 3000);
    assert_int_equal(price_cost(&mini, &(struct tokens){.prompt = 10, .cached = 4}),
                     6 * 150 + 4 * 75);
    struct price thin = {.prompt = 250, .completion = 250};
    assert_int_equal(price_cost(&thin, &(struct tokens){.prompt = 1}), 0);
    assert_int_equal(price_cost(&thin, &(struct tokens){.prompt = 1, .completion = 1}),
                     1); /* half up */
    assert_int_equal(price_bound(&thin, 1, 0), 1);
    struct price each = {.request = 7};
    assert_int_equal(price_cost(&each, &(struct tokens){.prompt = 99}), 7);
    assert_int_equal(price_bound(&each, 99, 99), 7);
}

static void parts_larger_than_the_whole_are_cut(void **state)
{
    (void)state;
    struct price p = {.prompt = 1000,
                      .completion = 2000,
                      .cache_read = 10000,
                      .cache_write = 100000,
                      .reasoning = 3000};
    assert_int_equal(price_cost(&p, &(struct tokens){.prompt = 5, .cached = 99}), 50);
    assert_int_equal(price_cost(&p, &(struct tokens){.prompt = 5, .cached = 3, .cache_write = 99}),
                     30 + 200);
    assert_int_equal(price_cost(&p, &(struct tokens){.completion = 5, .reasoning = 99}), 15);
}

static void numbers_without_sense_end_at_the_ceiling(void **state)
{
    (void)state;
    struct price p = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    struct tokens t = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    assert_true(price_cost(&p, &t) == NANOS_MAX);
    assert_true(price_bound(&p, UINT64_MAX, UINT64_MAX) == NANOS_MAX);
    assert_int_equal(price_affordable(&p, UINT64_MAX, NANOS_MAX), 0);
}

static picos some_price(uint64_t *random)
{
    static const picos most[] = {1, 1000, 1000000, 100000000};
    return (picos)(next_random(random) % (uint64_t)(most[next_random(random) % 4] + 1));
}

static struct price random_price(uint64_t *random)
{
    return (struct price){some_price(random), some_price(random), some_price(random),
                          some_price(random), some_price(random), some_price(random)};
}

static void no_use_costs_more_than_its_bound(void **state)
{
    uint64_t random = 17;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        struct price p = random_price(&random);
        uint64_t prompt = next_random(&random) % 200000, completion = next_random(&random) % 100000;
        nanos bound = price_bound(&p, prompt, completion);
        struct tokens t = {next_random(&random) % (prompt + 1),
                           next_random(&random) % (completion + 1),
                           next_random(&random) % (prompt + 9), next_random(&random) % (prompt + 9),
                           next_random(&random) % (completion + 9)};
        assert_true(price_cost(&p, &t) <= bound);
    }
}

static void what_is_affordable_is_all_that_is(void **state)
{
    uint64_t random = 18;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        struct price p = random_price(&random);
        uint64_t prompt = next_random(&random) % 200000;
        nanos amount = (nanos)(next_random(&random) % 100000000);
        uint64_t n = price_affordable(&p, prompt, amount);
        bool is_prompt_payable = price_bound(&p, prompt, 0) <= amount;
        if (n == UINT64_MAX) {
            assert_true(p.completion == 0 && p.reasoning == 0 && is_prompt_payable);
        } else if (n == 0) {
            assert_true(price_bound(&p, prompt, 1) > amount);
        } else {
            assert_true(price_bound(&p, prompt, n) <= amount);
            assert_true(price_bound(&p, prompt, n + 1) > amount);
        }
    }
}

static void many_requests_at_once_are_each_paid_for(void **state)
{
    (void)state;
    const struct price p = {.prompt = 1000, .request = 2000000};
    struct tokens t = {.prompt = 7};
    for (uint64_t n = 0; n < 5; n++) {
        struct price all = price_of_requests(&p, n);
        assert_int_equal(price_cost(&all, &t), (nanos)(n ? n : 1) * 2000000 + 7);
        assert_int_equal(price_bound(&all, 7, 0), (nanos)(n ? n : 1) * 2000000 + 7);
    }
    struct price most = price_of_requests(&p, UINT64_MAX);
    assert_int_equal(most.request, INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cost_is_exact_and_rounded_once),
        cmocka_unit_test(parts_larger_than_the_whole_are_cut),
        cmocka_unit_test(numbers_without_sense_end_at_the_ceiling),
        cmocka_unit_test(no_use_costs_more_than_its_bound),
        cmocka_unit_test(what_is_affordable_is_all_that_is),
        cmocka_unit_test(many_requests_at_once_are_each_paid_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
