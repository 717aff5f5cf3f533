#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

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
/* gpt-4o-audio: text 2.50 and 10, audio 40 and 80; and what others ask for images and for an hour. */
static const struct price rich = {.prompt = 2500000,
                                  .completion = 10000000,
                                  .cache_read = 1250000,
                                  .cache_write = 3125000,
                                  .reasoning = 10000000,
                                  .cache_write_1h = 5000000,
                                  .audio = 40000000,
                                  .image = 5000000,
                                  .audio_cache_read = 2500000,
                                  .audio_output = 80000000,
                                  .image_output = 30000000};

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

static void each_kind_of_token_has_its_price(void **state)
{
    (void)state;
    static const struct {
        struct tokens t;
        nanos cost;
    } rows[] = {
        {{.prompt = 10, .audio = 4}, 6 * 2500 + 4 * 40000},
        {{.prompt = 10, .image = 3}, 7 * 2500 + 3 * 5000},
        {{.prompt = 10, .audio = 4, .image = 3}, 3 * 2500 + 4 * 40000 + 3 * 5000},
        {{.prompt = 10, .cache_write = 6, .cache_write_1h = 2}, 4 * 2500 + 4 * 3125 + 2 * 5000},
        {{.prompt = 10, .cached = 5, .audio = 4, .audio_cached = 3},
         4 * 2500 + 2 * 1250 + 3 * 2500 + 1 * 40000},
        {{.completion = 10, .audio_output = 4}, 6 * 10000 + 4 * 80000},
        {{.completion = 10, .image_output = 4, .reasoning = 2}, 6 * 10000 + 4 * 30000},
        /* more than the whole */
        {{.prompt = 10, .cached = 8, .audio = 9}, 8 * 1250 + 2 * 40000},
        {{.prompt = 10, .audio = 99, .image = 99}, 10 * 40000},
        {{.prompt = 10, .cache_write = 3, .cache_write_1h = 99}, 7 * 2500 + 3 * 5000},
        {{.prompt = 10, .audio = 2, .audio_cached = 99}, 8 * 2500 + 2 * 40000},
        {{.completion = 3, .audio_output = 99, .image_output = 99}, 3 * 80000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(price_cost(&rich, &rows[i].t), rows[i].cost);
}

static void a_text_is_not_held_for_as_if_it_were_audio(void **state)
{
    (void)state;
    struct price text = price_without_media(&rich, true, true);
    struct price heard = price_without_media(&rich, false, true);
    struct price spoken = price_without_media(&rich, true, false);
    assert_int_equal(price_bound(&text, 10, 10), 10 * 5000 + 10 * 30000); /* an image may come */
    assert_int_equal(price_bound(&heard, 10, 10), 10 * 40000 + 10 * 30000);
    assert_int_equal(price_bound(&spoken, 10, 10), 10 * 5000 + 10 * 80000);
    assert_int_equal(price_bound(&rich, 10, 10), 10 * 40000 + 10 * 80000);
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
    struct price p;
    struct tokens t;
    memset(&t, 0xff, sizeof t);
    for (size_t i = 0; i < sizeof p / sizeof(picos); i++)
        ((picos *)&p)[i] = INT64_MAX;
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
    struct price p;
    for (size_t i = 0; i < sizeof p / sizeof(picos); i++)
        ((picos *)&p)[i] = some_price(random);
    return p;
}

static void no_use_costs_more_than_its_bound(void **state)
{
    uint64_t random = 17;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        struct price p = random_price(&random);
        uint64_t prompt = next_random(&random) % 200000, completion = next_random(&random) % 100000;
        nanos bound = price_bound(&p, prompt, completion);
        struct tokens t;
        for (size_t k = 0; k < sizeof t / sizeof(uint64_t); k++)
            ((uint64_t *)&t)[k] = next_random(&random) % ((k % 2 ? completion : prompt) + 9);
        t.prompt = next_random(&random) % (prompt + 1);
        t.completion = next_random(&random) % (completion + 1);
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
            assert_true(p.completion == 0 && p.reasoning == 0 && p.audio_output == 0 &&
                        p.image_output == 0 && is_prompt_payable);
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
        cmocka_unit_test(each_kind_of_token_has_its_price),
        cmocka_unit_test(a_text_is_not_held_for_as_if_it_were_audio),
        cmocka_unit_test(parts_larger_than_the_whole_are_cut),
        cmocka_unit_test(numbers_without_sense_end_at_the_ceiling),
        cmocka_unit_test(no_use_costs_more_than_its_bound),
        cmocka_unit_test(what_is_affordable_is_all_that_is),
        cmocka_unit_test(many_requests_at_once_are_each_paid_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
