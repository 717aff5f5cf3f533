#include "unit/unit.h"

#include <time.h>

#include "base/clock.h"

#define DAY_MS INT64_C(86400000)

static int64_t parsed(const char *text)
{
    int64_t ms;
    assert_true(clock_parse_iso(str_c(text), &ms));
    return ms;
}

static void the_monotonic_clock_never_goes_back(void **state)
{
    (void)state;
    uint64_t last = clock_mono_ns();
    for (int i = 0; i < 10000; i++) {
        uint64_t now = clock_mono_ns();
        assert_true(now >= last);
        last = now;
    }
}

static void the_wall_clock_stands_where_a_test_sets_it(void **state)
{
    (void)state;
    clock_wall_set(1234567890123);
    assert_true(clock_wall_ms() == 1234567890123);
    clock_wall_set(-1);
    assert_true(clock_wall_ms() == -1);
    clock_wall_release();
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t off = clock_wall_ms() - (int64_t)t.tv_sec * 1000;
    assert_true(off > -10000 && off < 10000);
}

static void windows_begin_at_midnight_on_monday_and_on_the_first(void **state)
{
    (void)state;
    static const struct {
        const char *at, *day, *week, *month;
    } rows[] = {
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1969-12-29T00:00:00Z",
         "1970-01-01T00:00:00Z"},
        {"1969-12-31T23:59:59.999Z", "1969-12-31T00:00:00Z", "1969-12-29T00:00:00Z",
         "1969-12-01T00:00:00Z"},
        {"2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-02-23T00:00:00Z",
         "2026-03-01T00:00:00Z"},
        {"2024-02-29T12:00:00Z", "2024-02-29T00:00:00Z", "2024-02-26T00:00:00Z",
         "2024-02-01T00:00:00Z"},
        {"2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z",
         "2026-11-01T00:00:00Z"},
        {"2026-11-22T23:59:59.999Z", "2026-11-22T00:00:00Z", "2026-11-16T00:00:00Z",
         "2026-11-01T00:00:00Z"},
        {"2000-12-31T23:59:59Z", "2000-12-31T00:00:00Z", "2000-12-25T00:00:00Z",
         "2000-12-01T00:00:00Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t at = parsed(rows[i].at);
        assert_true(clock_day_start(at) == parsed(rows[i].day));
        assert_true(clock_week_start(at) == parsed(rows[i].week));
        assert_true(clock_month_start(at) == parsed(rows[i].month));
    }
}

/* Every day of 800 years, at a time of day that moves, against the library's calendar. */
static void the_calendar_agrees_with_the_library(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int64_t day = -719528 + 1200 * 365; day < 2932896 - 6000 * 365; day++) {
        int64_t ms = day * DAY_MS + (int64_t)(next_random(&seed) % (uint64_t)DAY_MS);
        time_t seconds = (time_t)(day * 86400 + (ms - day * DAY_MS) / 1000);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        char expected[64], out[CLOCK_ISO_MAX];
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &tm);
        struct str text = clock_iso(ms, out);
        assert_memory_equal(text.p, expected, 19);
        assert_true(parsed(out) == ms);
        assert_true(clock_day_start(ms) == day * DAY_MS);
        assert_true(clock_week_start(ms) == (day - (tm.tm_wday + 6) % 7) * DAY_MS);
        assert_true(clock_month_start(ms) == (day - tm.tm_mday + 1) * DAY_MS);
    }
}

static void times_are_written_with_milliseconds_only_where_needed(void **state)
{
    (void)state;
    char out[CLOCK_ISO_MAX];
    assert_string_equal(clock_iso(0, out).p, "1970-01-01T00:00:00Z");
    assert_string_equal(clock_iso(1, out).p, "1970-01-01T00:00:00.001Z");
    assert_string_equal(clock_iso(-1, out).p, "1969-12-31T23:59:59.999Z");
    assert_string_equal(clock_iso(951782400000, out).p, "2000-02-29T00:00:00Z");
    assert_string_equal(clock_iso(INT64_MAX, out).p, "9999-12-31T23:59:59.999Z");
    assert_string_equal(clock_iso(INT64_MIN, out).p, "0000-01-01T00:00:00Z");
}

static void fractions_and_both_forms_of_utc_are_read(void **state)
{
    (void)state;
    assert_true(parsed("1970-01-01T00:00:00.5Z") == 500);
    assert_true(parsed("1970-01-01T00:00:00.123999999Z") == 123);
    assert_true(parsed("1970-01-01T00:00:01+00:00") == 1000);
    assert_true(parsed("1970-01-01T00:00:01.25+00:00") == 1250);
}

static void what_is_no_utc_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-01-31",
        "2026-01-31T23:59:59",
        "2026-01-31T23:59Z",
        "2026-01-31 23:59:59Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1",
        "2026-01-01T00:00:00+01:00",
        "2026-01-01T00:00:00Zx",
        "26-01-01T00:00:00Z",
        "2026-1-01T00:00:00Z",
        "-026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.1x2Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms = 77;
        if (clock_parse_iso(str_c(bad[i]), &ms))
            fail_msg("accepted %s", bad[i]);
        assert_true(ms == 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(the_wall_clock_stands_where_a_test_sets_it),
        cmocka_unit_test(windows_begin_at_midnight_on_monday_and_on_the_first),
        cmocka_unit_test(the_calendar_agrees_with_the_library),
        cmocka_unit_test(times_are_written_with_milliseconds_only_where_needed),
        cmocka_unit_test(fractions_and_both_forms_of_utc_are_read),
        cmocka_unit_test(what_is_no_utc_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
