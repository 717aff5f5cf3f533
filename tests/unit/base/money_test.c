#include "unit/unit.h"

#include "base/money.h"

static void dollars_are_read_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        nanos amount;
    } rows[] = {
        {"0", 0},
        {"12", 12 * NANOS_PER_USD},
        {"0.0015", 1500000},
        {"0.000000001", 1},
        {"1.5", 1500000000},
        {"007.10", 7100000000},
        {"1.0000000010000", 1000000001},
        {"4000000000", NANOS_MAX},
        {"4000000000.000000000", NANOS_MAX},
        {"0.00000000000000", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        nanos v = -1;
        assert_true(money_parse_usd(str_c(rows[i].text), &v));
        assert_true(v == rows[i].amount);
    }
}

static void what_is_no_exact_amount_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ".",
        ".5",
        "5.",
        "-1",
        "+1",
        "1e3",
        "1e-3",
        " 1",
        "1 ",
        "1,5",
        "1.2.3",
        "0x10",
        "$1",
        "inf",
        "nan",
        "0.0000000001",
        "1.0000000011",
        "4000000000.000000001",
        "4000000001",
        "99999999999999999999999",
        "18446744073709551616",
        "1.",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        nanos v = 77;
        if (money_parse_usd(str_c(bad[i]), &v))
            fail_msg("accepted %s", bad[i]);
        assert_true(v == 77);
    }
    nanos v;
    assert_false(money_parse_usd(STR("1\0"), &v));
    assert_false(money_parse_usd(STR_NONE, &v));
}

static void prices_are_read_exactly(void **state)
{
    (void)state;
    picos p;
    assert_true(money_parse_per_million(STR("0.15"), &p) && p == 150000);
    assert_true(money_parse_per_million(STR("0.000001"), &p) && p == 1);
    assert_true(money_parse_per_million(STR("60"), &p) && p == 60000000);
    assert_true(money_parse_per_million(STR("1000000"), &p) && p == INT64_C(1000000000000));
    assert_false(money_parse_per_million(STR("1000001"), &p));
    assert_false(money_parse_per_million(STR("0.0000001"), &p));
    assert_false(money_parse_per_million(STR("-1"), &p));
}

static const char *usd(nanos amount)
{
    static char room[64];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    assert_int_equal(money_add_usd(&b, amount), ERR_OK);
    room[b.n] = '\0';
    return room;
}

static void amounts_are_written_as_the_shortest_exact_decimal(void **state)
{
    (void)state;
    assert_string_equal(usd(0), "0");
    assert_string_equal(usd(12500000000), "12.5");
    assert_string_equal(usd(2600), "0.0000026");
    assert_string_equal(usd(-1), "-0.000000001");
    assert_string_equal(usd(10 * NANOS_PER_USD), "10");
    assert_string_equal(usd(INT64_MAX), "9223372036.854775807");
    assert_string_equal(usd(INT64_MIN), "-9223372036.854775808");
}

static void prices_are_written_per_token(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    money_add_price(&b, 150000);
    buf_add_c(&b, " ");
    money_add_price(&b, 0);
    buf_add_c(&b, " ");
    money_add_price(&b, 1);
    buf_add_c(&b, " ");
    money_add_price(&b, INT64_C(1000000000000));
    assert_str(buf_view(&b), "0.00000015 0 0.000000000001 1");
    buf_release(&b);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    uint64_t seed = 99;
    for (int i = 0; i < 200000; i++) {
        nanos amount = (nanos)(next_random(&seed) >> (next_random(&seed) % 63 + 1)), back;
        if (amount > NANOS_MAX)
            continue;
        assert_true(money_parse_usd(str_c(usd(amount)), &back));
        assert_true(back == amount);
    }
}

static nanos rounded(uint64_t tokens, picos price, nanos *up)
{
    struct money_sum s = {0};
    money_sum_add(&s, tokens, price);
    *up = money_sum_total_up(&s);
    return money_sum_total(&s);
}

static void a_sum_is_rounded_half_up_and_once(void **state)
{
    (void)state;
    nanos up;
    assert_true(rounded(1, 499, &up) == 0 && up == 1);
    assert_true(rounded(1, 500, &up) == 1 && up == 1);
    assert_true(rounded(1, 1000, &up) == 1 && up == 1);
    assert_true(rounded(1, 1001, &up) == 1 && up == 2);
    assert_true(rounded(0, 1000, &up) == 0 && up == 0);
    struct money_sum s = {0};
    money_sum_add(&s, 1, 250); /* two halves of a half: rounded apart they would be nothing */
    money_sum_add(&s, 1, 250);
    assert_true(money_sum_total(&s) == 1);
}

static void a_sum_beyond_all_bounds_is_the_greatest_amount(void **state)
{
    (void)state;
    struct money_sum s = {0};
    for (int i = 0; i < 5; i++) {
        money_sum_add(&s, UINT64_MAX, INT64_MAX);
        assert_true(money_sum_total(&s) == NANOS_MAX);
        assert_true(money_sum_total_up(&s) == NANOS_MAX);
    }
}

/* Where everything fits 64 bits, plain arithmetic must say the same. */
static void sums_agree_with_plain_arithmetic(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (int i = 0; i < 200000; i++) {
        uint64_t a = next_random(&seed) % 2000000, b = next_random(&seed) % 2000000;
        picos pa = (picos)(next_random(&seed) % 100000000),
              pb = (picos)(next_random(&seed) % 100000000);
        uint64_t exact = a * (uint64_t)pa + b * (uint64_t)pb;
        struct money_sum s = {0};
        money_sum_add(&s, a, pa);
        money_sum_add(&s, b, pb);
        assert_true((uint64_t)money_sum_total(&s) == (exact + 500) / 1000);
        assert_true((uint64_t)money_sum_total_up(&s) == (exact + 999) / 1000);
    }
}

static void numbers_of_json_are_read_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        nanos is; /* -1: refused */
    } numbers[] = {{"0", 0},
                   {"1e-9", 1},
                   {"1E-9", 1},
                   {"1e-10", -1},
                   {"10e-10", 1},
                   {"0.1", 100000000},
                   {"1.5e1", 15000000000},
                   {"1.50e+1", 15000000000},
                   {"4e9", NANOS_MAX},
                   {"4.000000001e9", -1},
                   {"1e400", -1},
                   {"1e401", -1},
                   {"0e400", 0},
                   {"0.0e-400", 0},
                   {"-1", -1},
                   {"-1e2", -1},
                   {"1e", -1},
                   {"e1", -1},
                   {"1e1.5", -1},
                   {"123456789.123456789", 123456789123456789},
                   {"0.30000000000000004", -1},
                   {"1e18446744073709551617", -1}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        nanos n = -1;
        bool is_read = money_parse_number(str_c(numbers[i].text), &n);
        if ((is_read ? n : -1) != numbers[i].is)
            fail_msg("%s: %lld", numbers[i].text, (long long)n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_json_are_read_exactly),
        cmocka_unit_test(dollars_are_read_exactly),
        cmocka_unit_test(what_is_no_exact_amount_is_refused),
        cmocka_unit_test(prices_are_read_exactly),
        cmocka_unit_test(amounts_are_written_as_the_shortest_exact_decimal),
        cmocka_unit_test(prices_are_written_per_token),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_sum_is_rounded_half_up_and_once),
        cmocka_unit_test(a_sum_beyond_all_bounds_is_the_greatest_amount),
        cmocka_unit_test(sums_agree_with_plain_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
