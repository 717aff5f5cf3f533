#include "unit/unit.h"

#include "base/buf.h"

static void a_buffer_grows_as_it_is_added_to(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(buf_add(&b, STR("0123456789")), ERR_OK);
    assert_int_equal(b.n, 100000);
    assert_true(b.cap >= b.n && b.cap <= b.max);
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(b.p[i], '0' + i % 10);
    buf_release(&b);
    assert_null(b.p);
    assert_int_equal(b.max, 1 << 20);
}

static void the_ceiling_holds_exactly_and_a_failure_is_remembered(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_int_equal(buf_add(&b, STR("0123456789")), ERR_OK);
    assert_int_equal(buf_add(&b, STR("")), ERR_OK);
    assert_int_equal(buf_add(&b, STR("x")), ERR_TOO_BIG);
    assert_str(buf_view(&b), "0123456789");
    buf_consume(&b, 5);
    assert_int_equal(buf_add(&b, STR("x")),
                     ERR_TOO_BIG); /* there is room, but the text has a hole */
    assert_int_equal(b.failed, ERR_TOO_BIG);
    buf_reset(&b);
    assert_int_equal(buf_add(&b, STR("x")), ERR_OK);
    assert_int_equal(b.cap, 10);
    buf_release(&b);
}

static void numbers_are_written_at_their_extremes(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 200);
    buf_add_u64(&b, 0);
    buf_add_c(&b, " ");
    buf_add_u64(&b, UINT64_MAX);
    buf_add_c(&b, " ");
    buf_add_i64(&b, INT64_MIN);
    buf_add_c(&b, " ");
    buf_add_i64(&b, INT64_MAX);
    assert_str(buf_view(&b), "0 18446744073709551615 -9223372036854775808 9223372036854775807");
    buf_release(&b);
}

static void printing_adds_without_a_nul(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 64);
    buf_add_c(&b, "a");
    assert_int_equal(buf_printf(&b, "%s=%d", "key", 42), ERR_OK);
    buf_add_c(&b, ";");
    assert_str(buf_view(&b), "akey=42;");
    assert_int_equal(buf_printf(&b, "%60d", 1), ERR_TOO_BIG);
    assert_str(buf_view(&b), "akey=42;");
    buf_release(&b);
}

static void consuming_and_shrinking_keep_what_is_left(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_add_c(&b, "abcdef");
    buf_consume(&b, 2);
    assert_str(buf_view(&b), "cdef");
    buf_shrink(&b);
    assert_int_equal(b.cap, 4);
    assert_str(buf_view(&b), "cdef");
    buf_consume(&b, 4);
    buf_shrink(&b);
    assert_null(b.p);
    assert_int_equal(b.cap, 0);
    buf_add_c(&b, "again");
    assert_str(buf_view(&b), "again");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_as_it_is_added_to),
        cmocka_unit_test(the_ceiling_holds_exactly_and_a_failure_is_remembered),
        cmocka_unit_test(numbers_are_written_at_their_extremes),
        cmocka_unit_test(printing_adds_without_a_nul),
        cmocka_unit_test(consuming_and_shrinking_keep_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
