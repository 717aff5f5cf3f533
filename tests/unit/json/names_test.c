#include "json/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static struct json_tape tape;
static struct fault fault;

static enum err check(struct str text)
{
    struct json v;
    assert_int_equal(json_parse(&tape, text, &v, &fault), ERR_OK);
    return json_refuse_duplicates(v, &fault);
}

/* {"n0":0,"n1":0,...} and then `more`. */
static void write_members(struct buf *out, unsigned n, const char *prefix, const char *more)
{
    buf_reset(out);
    for (unsigned i = 0; i < n; i++)
        buf_printf(out, "%s\"%s%u\":%u", i ? "," : "{", prefix, i, i);
    buf_printf(out, "%s}", more);
    assert_int_equal(out->failed, ERR_OK);
}

static void distinct_names_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(check(STR("{}")), ERR_OK);
    assert_int_equal(check(STR("{\"a\":1,\"A\":2,\"\":3,\"aa\":{\"a\":1}}")), ERR_OK);
    assert_int_equal(check(STR("[1,1]")), ERR_OK);
    assert_int_equal(check(STR("{\"a\":{\"b\":1,\"b\":2}}")), ERR_OK); /* asked of the outer one */
}

/* GHSA-4gph-2hhr-5mwg (Envoy AI Gateway): "case-sensitive parser, reject duplicate keys in security-relevant
 * objects". */
static void a_name_that_stands_twice_is_named(void **state)
{
    (void)state;
    assert_int_equal(check(STR("{\"a\":1,\"model\":2,\"b\":3,\"model\":2}")), ERR_INVALID);
    assert_string_equal(fault.message, "the name \"model\" stands twice in one object");
    assert_int_equal(check(STR("{\"\":1,\"\":2}")), ERR_INVALID);
}

static void names_are_compared_unescaped(void **state)
{
    (void)state;
    assert_int_equal(check(STR("{\"model\":1,\"m\\u006fdel\":2}")), ERR_INVALID);
    assert_int_equal(check(STR("{\"\\u00e9\":1,\"\xc3\xa9\":2}")), ERR_INVALID);
    assert_int_equal(check(STR("{\"a\\n\":1,\"a\\\\n\":2}")), ERR_OK);
}

static void in_every_size_of_object_every_twin_is_found(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    for (unsigned n = 1; n < 40; n++) {
        write_members(&b, n, "n\\u0061\\n", "");
        assert_int_equal(check(buf_view(&b)), ERR_OK);
        for (unsigned twin = 0; twin < n; twin++) {
            char more[64];
            snprintf(more, sizeof more, ",\"na\\u000a%u\":0", twin);
            write_members(&b, n, "n\\u0061\\n", more);
            assert_int_equal(check(buf_view(&b)), ERR_INVALID);
        }
    }
    buf_release(&b);
}

static void a_long_name_is_cut_between_characters(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    for (int twice = 0; twice < 2; twice++) {
        buf_add(&b, twice ? STR(",\"x") : STR("{\"x"));
        for (int i = 0; i < 40; i++)
            buf_add(&b, STR("\xc3\xa9"));
        buf_add(&b, STR("\":1"));
    }
    buf_add(&b, STR("}"));
    assert_int_equal(check(buf_view(&b)), ERR_INVALID);
    const char *quoted = strchr(fault.message, '"');
    assert_int_equal(strrchr(fault.message, '"') - quoted - 1, 63);
    buf_release(&b);
}

/* Quadratic time would take minutes here. */
static void a_hundred_thousand_members_take_no_quadratic_time(void **state)
{
    (void)state;
    struct buf b;
    struct timespec start, end;
    buf_init(&b, 1 << 24);
    write_members(&b, 100000, "a-common-beginning-\\u0031", ",\"a-common-beginning-199999\":0");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    assert_int_equal(check(buf_view(&b)), ERR_INVALID);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    assert_true(end.tv_sec - start.tv_sec <= 2);
    assert_string_equal(fault.message,
                        "the name \"a-common-beginning-199999\" stands twice in one object");
    buf_release(&b);
}

static int set_up(void **state)
{
    (void)state;
    json_tape_init(&tape, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_tape_release(&tape);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distinct_names_are_accepted),
        cmocka_unit_test(a_name_that_stands_twice_is_named),
        cmocka_unit_test(names_are_compared_unescaped),
        cmocka_unit_test(in_every_size_of_object_every_twin_is_found),
        cmocka_unit_test(a_long_name_is_cut_between_characters),
        cmocka_unit_test(a_hundred_thousand_members_take_no_quadratic_time),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
