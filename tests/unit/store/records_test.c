#include "unit/store/support.h"

#define DAY_MS INT64_C(86400000)

static int64_t ms(const char *iso)
{
    int64_t out;
    assert_true(clock_parse_iso(str_c(iso), &out));
    return out;
}

static void windows_have_names(void **state)
{
    enum window w;
    (void)state;
    assert_null(window_name(WINDOW_NONE));
    assert_string_equal(window_name(WINDOW_MONTH), "monthly");
    assert_true(window_parse(STR("weekly"), &w) && w == WINDOW_WEEK);
    assert_false(window_parse(STR("week"), &w));
    assert_false(window_parse(STR_NONE, &w));
}

static void usage_counts_in_the_window_of_the_latest(void **state)
{
    struct usage u = {0};
    (void)state;
    usage_add(&u, ms("2025-12-31T23:59:59.999Z"), 5); /* a Wednesday */
    assert_int_equal(usage_at(&u, WINDOW_DAY, ms("2025-12-31T12:00:00Z")), 5);
    assert_int_equal(usage_at(&u, WINDOW_DAY, ms("2026-01-01T00:00:00Z")), 0);
    assert_int_equal(usage_at(&u, WINDOW_WEEK, ms("2026-01-04T23:59:59Z")), 5);
    assert_int_equal(usage_at(&u, WINDOW_WEEK, ms("2026-01-05T00:00:00Z")), 0);
    assert_int_equal(usage_at(&u, WINDOW_MONTH, ms("2026-01-01T00:00:00Z")), 0);
    assert_int_equal(usage_at(&u, WINDOW_NONE, ms("2030-01-01T00:00:00Z")), 5);
    usage_add(&u, ms("2026-01-01T00:00:00Z"), 7);
    assert_int_equal(u.in[WINDOW_NONE], 12);
    assert_int_equal(u.in[WINDOW_DAY], 7);
    assert_int_equal(u.in[WINDOW_WEEK], 12);
    assert_int_equal(u.in[WINDOW_MONTH], 7);
    usage_add(&u, ms("2025-12-31T12:00:00Z"), 1); /* late: only where its window still stands */
    assert_int_equal(u.in[WINDOW_NONE], 13);
    assert_int_equal(u.in[WINDOW_DAY], 7);
    assert_int_equal(u.in[WINDOW_WEEK], 13);
    assert_int_equal(u.in[WINDOW_MONTH], 7);
}

static void usage_does_not_depend_on_the_order(void **state)
{
    enum { N = 40 };
    uint64_t random = 7;
    (void)state;
    for (int round = 0; round < 200; round++) {
        int64_t at[N];
        nanos cost[N];
        struct usage forth = {0}, shuffled = {0};
        for (int i = 0; i < N; i++) {
            at[i] = SOME_MS + (int64_t)(next_random(&random) % (uint64_t)(90 * DAY_MS));
            cost[i] = (nanos)(next_random(&random) % 1000);
            usage_add(&forth, at[i], cost[i]);
        }
        for (int i = N - 1; i > 0; i--) {
            int j = (int)(next_random(&random) % (uint64_t)(i + 1));
            int64_t t = at[i];
            nanos c = cost[i];
            at[i] = at[j], cost[i] = cost[j];
            at[j] = t, cost[j] = c;
        }
        for (int i = 0; i < N; i++)
            usage_add(&shuffled, at[i], cost[i]);
        assert_memory_equal(&forth, &shuffled, sizeof forth);
    }
}

static void usage_stops_at_the_largest_number(void **state)
{
    struct usage u = {0};
    (void)state;
    usage_add(&u, SOME_MS, INT64_MAX);
    usage_add(&u, SOME_MS, INT64_MAX);
    assert_true(u.in[WINDOW_NONE] == INT64_MAX && u.in[WINDOW_DAY] == INT64_MAX);
}

static void generation_ids_grow_whatever_the_clock_does(void **state)
{
    struct generation_ids ids = {.maker = 63};
    uint64_t random = 3;
    int64_t now = SOME_MS, last = -1;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint64_t r = next_random(&random);
        if (r % 1000 == 0)
            now -= 5000;
        else if (r % 10 == 0)
            now++;
        int64_t id = generation_id_next(&ids, now);
        assert_true(id > last);
        last = id;
    }
    for (int i = 0; i < 100000; i++) { /* more than one millisecond has numbers for */
        int64_t id = generation_id_next(&ids, now);
        assert_true(id > last);
        last = id;
    }
    struct generation_ids before_its_time = {0};
    assert_true(generation_id_next(&before_its_time, 0) < generation_id_next(&before_its_time, 0));
}

static void makers_never_make_the_same_id(void **state)
{
    struct generation_ids a = {.maker = 0}, b = {.maker = 1};
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_not_equal(generation_id_next(&a, SOME_MS), generation_id_next(&b, SOME_MS));
}

static void an_id_and_its_text_are_one(void **state)
{
    uint64_t random = 11, tag;
    int64_t id;
    char text[GENERATION_ID_MAX];
    (void)state;
    struct generation_ids ids = {.maker = 5};
    struct str s = generation_id_text(generation_id_next(&ids, SOME_MS), 1, text);
    assert_true(str_starts(s, STR("gen-1767225600-")));
    assert_int_equal(s.n, 15 + 26);
    for (int i = 0; i < 20000; i++) {
        int64_t in = (int64_t)(next_random(&random) >> 1);
        uint64_t in_tag = next_random(&random);
        s = generation_id_text(in, in_tag, text);
        assert_true(generation_id_parse(s, &id, &tag));
        assert_true(id == in && tag == in_tag);
    }
}

static void only_the_one_text_is_an_id(void **state)
{
    char text[GENERATION_ID_MAX], bad[GENERATION_ID_MAX + 1];
    uint64_t tag;
    int64_t id;
    (void)state;
    struct str s =
        generation_id_text(INT64_C(123456789012345678), UINT64_C(0xfedcba9876543210), text);
    assert_true(generation_id_parse(s, &id, &tag));
    for (size_t i = 0; i < s.n; i++) {
        memcpy(bad, s.p, s.n);
        bad[i] = bad[i] == 'u' ? 'i' : 'u'; /* neither is a digit of ours, nor elsewhere right */
        assert_false(generation_id_parse(str_of(bad, s.n), &id, &tag));
        bad[i] = '\0';
        assert_false(generation_id_parse(str_of(bad, s.n), &id, &tag));
        assert_false(generation_id_parse(str_head(s, i), &id, &tag));
    }
    memcpy(bad, s.p, s.n);
    bad[s.n] = '0';
    assert_false(generation_id_parse(str_of(bad, s.n + 1), &id, &tag));
    assert_false(generation_id_parse(STR("gen-0-zzzzzzzzzzzzzzzzzzzzzzzzzz"), &id, &tag));
    assert_false(generation_id_parse(STR_NONE, &id, &tag));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_have_names),
        cmocka_unit_test(usage_counts_in_the_window_of_the_latest),
        cmocka_unit_test(usage_does_not_depend_on_the_order),
        cmocka_unit_test(usage_stops_at_the_largest_number),
        cmocka_unit_test(generation_ids_grow_whatever_the_clock_does),
        cmocka_unit_test(makers_never_make_the_same_id),
        cmocka_unit_test(an_id_and_its_text_are_one),
        cmocka_unit_test(only_the_one_text_is_an_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
