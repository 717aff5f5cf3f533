#include "json/write.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "json/read.h"

static struct buf out;
static struct json_writer w;

static void start(void)
{
    buf_reset(&out);
    json_writer_init(&w, &out);
}

static void assert_written(const char *expected)
{
    assert_int_equal(jw_finish(&w), ERR_OK);
    if (!str_eq(buf_view(&out), str_c(expected)))
        fail_msg("%.*s where %s should be", STR_ARG(buf_view(&out)), expected);
}

static void every_kind_of_value_is_written(void **state)
{
    (void)state;
    start();
    jw_object(&w, NULL);
    jw_str(&w, "id", STR("gen-1"));
    jw_str_c(&w, "c", "x");
    jw_str_c(&w, "none", NULL);
    jw_object(&w, "usage");
    jw_u64(&w, "u", UINT64_MAX);
    jw_i64(&w, "i", INT64_MIN);
    jw_end(&w);
    jw_array(&w, "a");
    jw_bool(&w, NULL, true);
    jw_bool(&w, NULL, false);
    jw_null(&w, NULL);
    jw_object(&w, NULL);
    jw_end(&w);
    jw_array(&w, NULL);
    jw_end(&w);
    jw_raw(&w, NULL, STR("[1, 2]"));
    jw_end(&w);
    jw_usd(&w, "cost", 2600);
    jw_usd(&w, "debt", -12 * NANOS_PER_USD - NANOS_PER_USD / 2);
    assert_written(
        "{\"id\":\"gen-1\",\"c\":\"x\",\"none\":null,\"usage\":{\"u\":18446744073709551615,"
        "\"i\":-9223372036854775808},\"a\":[true,false,null,{},[],[1, 2]],\"cost\":0.0000026,"
        "\"debt\":-12.5}");
}

static void finishing_closes_all_that_is_open(void **state)
{
    (void)state;
    start();
    jw_array(&w, NULL);
    jw_object(&w, NULL);
    jw_array(&w, "a");
    jw_u64(&w, NULL, 1);
    assert_written("[{\"a\":[1]}]");
    start();
    jw_str(&w, NULL, STR(""));
    assert_written("\"\"");
}

static void sixty_four_scopes_can_be_open(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < JSON_WRITE_DEPTH_MAX; i++) {
        if (i % 2)
            jw_object(&w, NULL);
        else
            jw_array(&w, i ? "k" : NULL);
    }
    assert_int_equal(jw_finish(&w), ERR_OK);
    struct json_tape t;
    struct json v;
    json_tape_init(&t, 1000);
    assert_int_equal(json_parse(&t, buf_view(&out), &v, NULL), ERR_OK);
    assert_int_equal(t.n, 64 + 31);
    json_tape_release(&t);
}

static void assert_string(struct str s, const char *expected)
{
    buf_reset(&out);
    assert_int_equal(json_add_str(&out, s), ERR_OK);
    if (!str_eq(buf_view(&out), str_c(expected)))
        fail_msg("%.*s where %s should be", STR_ARG(buf_view(&out)), expected);
}

static void strings_are_escaped(void **state)
{
    (void)state;
    assert_string(STR_NONE, "\"\"");
    assert_string(STR("a\"b\\c/\b\f\n\r\t\x01\x1f\x7f\0z"),
                  "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000z\"");
    assert_string(STR("\u00e9\u20ac\U0001f600"), "\"\u00e9\u20ac\U0001f600\"");
    assert_string(STR("0123456789abcdef\"0123456789abcdef"),
                  "\"0123456789abcdef\\\"0123456789abcdef\"");
}

static void bytes_that_are_not_utf8_become_replacement_characters(void **state)
{
    (void)state;
    assert_string(STR("a\xff\xc3"), "\"a\ufffd\ufffd\"");
    assert_string(STR("\xc3\xa9\xc3\x28"), "\"\u00e9\ufffd(\"");
    assert_string(STR("\xed\xa0\x80"), "\"\ufffd\ufffd\ufffd\"");
    assert_string(STR("\xf4\x90\x80\x80x"), "\"\ufffd\ufffd\ufffd\ufffdx\"");
}

/* Any bytes at all: what is written is accepted, and stands for them where they were UTF-8. */
static void what_is_written_can_be_read(void **state)
{
    (void)state;
    struct json_tape t;
    struct json v;
    json_tape_init(&t, 10);
    for (unsigned i = 0; i < 0x10000; i++) {
        char bytes[] = {'a', (char)(i >> 8), (char)i, 'z'};
        struct str s = str_of(bytes, sizeof bytes);
        buf_reset(&out);
        assert_int_equal(json_add_str(&out, s), ERR_OK);
        assert_int_equal(json_parse(&t, buf_view(&out), &v, NULL), ERR_OK);
        if (i < 0x8000 && (i & 0xff) < 0x80)
            assert_true(json_str_eq(v, s));
    }
    json_tape_release(&t);
}

static void an_error_is_told_at_the_end(void **state)
{
    (void)state;
    for (size_t max = 0; max < 24; max++) {
        struct buf small;
        buf_init(&small, max);
        json_writer_init(&w, &small);
        jw_object(&w, NULL);
        jw_str(&w, "name", STR("\n\xff..."));
        jw_bool(&w, "b", true);
        assert_int_equal(jw_finish(&w), ERR_TOO_BIG);
        buf_release(&small);
    }
}

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, 1 << 16);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_written),
        cmocka_unit_test(finishing_closes_all_that_is_open),
        cmocka_unit_test(sixty_four_scopes_can_be_open),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(bytes_that_are_not_utf8_become_replacement_characters),
        cmocka_unit_test(what_is_written_can_be_read),
        cmocka_unit_test(an_error_is_told_at_the_end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
