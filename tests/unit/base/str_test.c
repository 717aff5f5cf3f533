#include "unit/unit.h"

static void views_are_equal_only_in_length_and_bytes(void **state)
{
    (void)state;
    assert_true(str_eq(STR("http"), STR("http")));
    assert_false(str_eq(STR("http"), STR("https")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_true(str_eq(STR_NONE, STR("")));
    assert_true(str_eq(str_c(NULL), STR_NONE));
}

static void prefixes_and_suffixes_are_found(void **state)
{
    (void)state;
    assert_true(str_starts(STR("sk-tp-v1-"), STR("sk-")));
    assert_false(str_starts(STR("sk"), STR("sk-")));
    assert_true(str_starts(STR("x"), STR("")));
    assert_true(str_ends(STR("model:free"), STR(":free")));
    assert_false(str_ends(STR("free"), STR(":free")));
}

static void skipping_past_the_end_gives_an_empty_view(void **state)
{
    (void)state;
    assert_str(str_skip(STR("abc"), 1), "bc");
    assert_str(str_skip(STR("abc"), 3), "");
    assert_str(str_skip(STR("abc"), 9), "");
    assert_null(str_skip(STR_NONE, 2).p);
    assert_str(str_head(STR("abc"), 2), "ab");
    assert_str(str_head(STR("abc"), 9), "abc");
}

static void case_is_ignored_for_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(str_ieq(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_ieq(STR("["), STR("{")));
    assert_false(str_ieq(STR("\xc3\x84"), STR("\xc3\xa4")));
    assert_false(str_ieq(STR("a"), STR("ab")));
}

static void trimming_takes_spaces_and_tabs_off_both_ends(void **state)
{
    (void)state;
    assert_str(str_trim(STR(" \t a b\t ")), "a b");
    assert_str(str_trim(STR(" \t ")), "");
    assert_str(str_trim(STR("\n")), "\n");
    assert_str(str_trim(STR_NONE), "");
}

static void cutting_walks_the_parts_of_a_list(void **state)
{
    (void)state;
    struct str s = STR("a,,b");
    assert_str(str_cut(&s, ','), "a");
    assert_str(str_cut(&s, ','), "");
    assert_non_null(s.p);
    assert_str(str_cut(&s, ','), "b");
    assert_null(s.p);
    s = STR("a,");
    assert_str(str_cut(&s, ','), "a");
    assert_non_null(s.p);
    assert_int_equal(s.n, 0);
}

static void finding_tells_the_first_position_or_the_length(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("ababc"), STR("abc")), 2);
    assert_int_equal(str_find(STR("abab"), STR("abc")), 4);
    assert_int_equal(str_find(STR_NONE, STR("a")), 0);
}

static void numbers_are_parsed_whole_and_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t value;
    } rows[] = {
        {"0", 9, true, 0},
        {"007", 9, true, 7},
        {"10", 9, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999", UINT64_MAX, false, 0},
        {"", 9, false, 0},
        {"-1", 9, false, 0},
        {"+1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1x", 9, false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t v = 77;
        assert_int_equal(str_u64(str_c(rows[i].text), rows[i].max, &v), rows[i].ok);
        assert_int_equal(v, rows[i].ok ? rows[i].value : 77);
    }
}

static void distance_counts_edits_and_swaps(void **state)
{
    (void)state;
    assert_int_equal(str_distance(STR("listen"), STR("listen")), 0);
    assert_int_equal(str_distance(STR("lisen"), STR("listen")), 1);
    assert_int_equal(str_distance(STR("lisetn"), STR("listen")), 1);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting")), 3);
    assert_int_equal(str_distance(STR(""), STR("abc")), 3);
    char longer[65];
    memset(longer, 'x', sizeof longer);
    assert_true(str_distance(str_of(longer, 65), STR("")) == SIZE_MAX);
    assert_int_equal(str_distance(str_of(longer, 64), STR("")), 64);
}

static void distance_is_the_same_in_both_directions(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (int i = 0; i < 2000; i++) {
        char a[12], b[12];
        struct str x = {a, next_random(&seed) % 12}, y = {b, next_random(&seed) % 12};
        for (size_t j = 0; j < sizeof a; j++) {
            a[j] = (char)('a' + next_random(&seed) % 3);
            b[j] = (char)('a' + next_random(&seed) % 3);
        }
        size_t d = str_distance(x, y);
        assert_int_equal(d, str_distance(y, x));
        assert_true(d <= (x.n > y.n ? x.n : y.n));
        assert_int_equal(d == 0, str_eq(x, y));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_are_equal_only_in_length_and_bytes),
        cmocka_unit_test(prefixes_and_suffixes_are_found),
        cmocka_unit_test(skipping_past_the_end_gives_an_empty_view),
        cmocka_unit_test(case_is_ignored_for_ascii_letters_only),
        cmocka_unit_test(trimming_takes_spaces_and_tabs_off_both_ends),
        cmocka_unit_test(cutting_walks_the_parts_of_a_list),
        cmocka_unit_test(finding_tells_the_first_position_or_the_length),
        cmocka_unit_test(numbers_are_parsed_whole_and_bounded),
        cmocka_unit_test(distance_counts_edits_and_swaps),
        cmocka_unit_test(distance_is_the_same_in_both_directions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
