#include "unit/unit.h"

#include "base/bug.h"
#include "catalog/health.h"

enum { NOTES_MAX = 4096, DAY = 24 * 60 };

/* All that was noted, to be counted the slow way. */
static struct note {
    int64_t minute;
    bool has_answered;
} notes[NOTES_MAX];
static unsigned notes_n;

static void note(struct health *h, int64_t minute, bool has_answered)
{
    assert_true(notes_n < NOTES_MAX);
    notes[notes_n++] = (struct note){minute, has_answered};
    health_note(h, minute, has_answered);
}

static void check(const struct health *h, int64_t now, uint32_t minutes)
{
    bool by_hours = minutes > HEALTH_MINUTES;
    int64_t unit = by_hours ? 60 : 1, since = now / unit - minutes / unit;
    struct health_count wanted = {0}, got = health_last(h, now, minutes);
    for (unsigned i = 0; i < notes_n; i++) {
        if (notes[i].minute / unit > since)
            *(notes[i].has_answered ? &wanted.answered : &wanted.failed) += 1;
    }
    assert_int_equal(got.answered, wanted.answered);
    assert_int_equal(got.failed, wanted.failed);
}

static void what_was_noted_in_a_span_is_counted_and_nothing_else(void **state)
{
    (void)state;
    const int64_t steps[] = {0,  0,  0,  1,  1,   2,       7,   29,      30,
                             31, 59, 60, 61, 500, DAY - 1, DAY, DAY + 1, 3 * DAY};
    for (unsigned seed = 0; seed < 200; seed++) {
        struct health h = {0};
        int64_t now = seed % 3 ? 29000000 + seed : seed;
        uint64_t x = seed * UINT64_C(2654435761) + 1;
        notes_n = 0;
        for (unsigned i = 0; i < 60; i++) {
            x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
            now += steps[(x >> 33) % COUNT_OF(steps)];
            note(&h, now, x >> 63);
            for (int64_t later = 0; later < 100; later += 9) {
                check(&h, now + later, 1);
                check(&h, now + later, 5);
                check(&h, now + later, 30);
                check(&h, now + later, DAY);
            }
        }
    }
}

static void a_clock_that_is_set_back_loses_nothing(void **state)
{
    (void)state;
    struct health h = {0};
    health_note(&h, 1000, true);
    health_note(&h, 990, false);
    struct health_count c = health_last(&h, 1000, 5);
    assert_int_equal(c.answered, 1);
    assert_int_equal(c.failed, 1);
}

static void nothing_noted_is_nothing(void **state)
{
    (void)state;
    struct health h = {0};
    const uint32_t spans[] = {5, 30, DAY};
    for (size_t i = 0; i < COUNT_OF(spans); i++) {
        struct health_count c = health_last(&h, 29000000, spans[i]);
        assert_int_equal(c.answered + c.failed, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_noted_in_a_span_is_counted_and_nothing_else),
        cmocka_unit_test(a_clock_that_is_set_back_loses_nothing),
        cmocka_unit_test(nothing_noted_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
