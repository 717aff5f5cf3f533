#include "json/pass.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json/splice.h"
#include "json_same.h"
#include "random_json.h"

static const struct pass_rule rules[] = {
    {.name = STR_INIT("id"), .put = STR_INIT("\"gen-1\""), .note = true},
    {.name = STR_INIT("secret"), .drop = true},
    {.name = STR_INIT("usage"), .note = true},
    {.name = STR_INIT("gone"), .drop = true, .note = true},
};

static struct json_pass pass;
static struct buf out;
static struct fault fault;

/* Feeds the text cut at `a` and `b`, each part from memory of exactly its size. */
static enum err feed_cut(struct str text, size_t a, size_t b, size_t note_max)
{
    const size_t ends[] = {a, b, text.n};
    enum err e = ERR_OK;
    buf_reset(&out);
    json_pass_release(&pass);
    json_pass_init(&pass, rules, COUNT_OF(rules), note_max);
    for (size_t i = 0, from = 0; i < 3 && e == ERR_OK; from = ends[i++]) {
        size_t n = ends[i] - from;
        char *exact = malloc(n ? n : 1);
        if (n)
            memcpy(exact, text.p + from, n);
        e = json_pass_feed(&pass, str_of(exact, n), &out, &fault);
        free(exact);
    }
    return e;
}

static void assert_view(struct str got, const char *expected)
{
    if (!str_eq(got, str_c(expected)))
        fail_msg("%.*s where %s should be", STR_ARG(got), expected);
}

static void assert_passed(const char *text, const char *members, const char *expected)
{
    struct str s = str_c(text);
    for (size_t a = 0; a <= s.n; a++) {
        for (size_t b = a; b <= s.n; b++) {
            if (feed_cut(s, a, b, 100) != ERR_OK)
                fail_msg("%s cut at %zu and %zu: %s", text, a, b, fault.message);
            assert_true(json_pass_is_done(&pass));
            assert_int_equal(json_pass_finish(&pass, str_c(members), &out), ERR_OK);
            assert_view(buf_view(&out), expected);
        }
    }
}

static void members_pass_as_they_are(void **state)
{
    (void)state;
    assert_passed("{}", "", "{}");
    assert_passed(" { } \n", "\"x\":1", "{\"x\":1}");
    assert_passed("{\"a\":[1, {\"b\" : \"}]\\\"\"}, []],\"c\":\"\xc3\xa9\\\\\"}", "",
                  "{\"a\":[1, {\"b\" : \"}]\\\"\"}, []],\"c\":\"\xc3\xa9\\\\\"}");
    assert_passed("{ \"a\" : -1.5E+3 , \"b\" : null }", "\"x\":1",
                  "{\"a\":-1.5E+3,\"b\":null,\"x\":1}");
}

static void members_are_replaced_and_dropped(void **state)
{
    (void)state;
    assert_passed("{\"id\":{\"a\":[\"}\"]},\"b\":2}", "", "{\"id\":\"gen-1\",\"b\":2}");
    assert_passed("{\"secret\":\"k\",\"b\":2}", "", "{\"b\":2}");
    assert_passed("{\"b\":2 ,\"secret\":1.5}", "", "{\"b\":2}");
    assert_passed("{\"secret\":[1,2]}", "", "{}");
    assert_passed("{\"secret\":0,\"gone\":1}", "\"x\":1", "{\"x\":1}");
    assert_passed("{\"a\":0,\"gone\":1,\"id\":2}", "\"x\":1", "{\"a\":0,\"id\":\"gen-1\",\"x\":1}");
    assert_passed("{\"a\":{\"id\":1,\"secret\":2}}", "", "{\"a\":{\"id\":1,\"secret\":2}}");
}

static void names_are_compared_unescaped(void **state)
{
    (void)state;
    assert_passed("{\"\\u0069d\":1,\"secre\\u0074\":2}", "", "{\"\\u0069d\":\"gen-1\"}");
    assert_passed("{\"ids\":1,\"i\":2,\"\":3}", "", "{\"ids\":1,\"i\":2,\"\":3}");
}

/* Behind a member that goes: nothing of its rule may stick. */
static void long_names_pass(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 4096);
    for (unsigned n = 380; n < 390; n++) {
        buf_reset(&text);
        buf_add(&text, STR("{\"a\":1,\"gone\":2,\"\\u0069"));
        for (unsigned i = 6; i < n; i++)
            buf_add(&text, STR("x"));
        buf_add(&text, STR("\":{\"id\":1}}"));
        for (size_t a = 0; a <= text.n; a++) {
            assert_int_equal(feed_cut(buf_view(&text), a, text.n, 100), ERR_OK);
            assert_int_equal(json_pass_finish(&pass, STR(""), &out), ERR_OK);
            assert_view(str_head(buf_view(&out), 7), "{\"a\":1,");
            assert_view(buf_view(&pass.noted[3]), "2");
            assert_true(str_eq(str_skip(buf_view(&out), 7), str_skip(buf_view(&text), 16)));
        }
    }
    buf_release(&text);
}

static void values_are_noted(void **state)
{
    (void)state;
    struct str text =
        STR("{\"id\": \"x\" ,\"usage\" : {\"total\": 12, \"s\":\"}\"} , \"gone\":17 }");
    for (size_t a = 0; a <= text.n; a++) {
        assert_int_equal(feed_cut(text, a, text.n, 100), ERR_OK);
        assert_view(buf_view(&pass.noted[0]), "\"x\"");
        assert_int_equal(pass.noted[1].n, 0);
        assert_view(buf_view(&pass.noted[2]), "{\"total\": 12, \"s\":\"}\"}");
        assert_view(buf_view(&pass.noted[3]), "17");
        assert_int_equal(json_pass_finish(&pass, STR(""), &out), ERR_OK);
        assert_view(buf_view(&out), "{\"id\":\"gen-1\",\"usage\":{\"total\": 12, \"s\":\"}\"}}");
    }
}

static void a_note_over_its_ceiling_is_empty(void **state)
{
    (void)state;
    struct str text = STR("{\"usage\":[1,2,3,4,5,6],\"id\":\"12345678\"}");
    for (size_t a = 0; a <= text.n; a++) {
        assert_int_equal(feed_cut(text, a, text.n, 10), ERR_OK);
        assert_int_equal(pass.noted[2].n, 0);
        assert_int_equal(pass.noted[0].n, 10);
    }
}

static void what_is_no_object_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"[]", "byte 0: expected an object"},
        {"null", "byte 0: expected an object"},
        {"{,", "byte 1: expected a name in quotes or }"},
        {"{\"a\":1,}", "byte 7: expected a name in quotes"},
        {"{\"a\" 1", "byte 5: expected a colon"},
        {"{\"a\":}", "byte 5: expected a value"},
        {"{\"a\":1 2", "byte 7: expected a comma or }"},
        {"{\"a\":1]", "byte 6: expected a comma or }"},
        {"{\"a\":[1}", "byte 7: expected ]"},
        {"{\"a\":[{]", "byte 7: expected }"},
        {"{\"a\":\"\n", "byte 6: expected control characters in strings escaped"},
        {"{\"a\\x\":1", "byte 4: expected a valid escape"},
        {"{\"\\u12\":1", "byte 6: expected valid escapes in the name that ends here"},
        {"{} }", "byte 3: expected nothing more"},
        {"{\"id\":1,\"\\u0069d\":2}", "byte 16: expected another name: this one stands twice"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str text = str_c(cases[i].text);
        for (size_t a = 0; a <= text.n; a++) {
            assert_int_equal(feed_cut(text, a, text.n, 100), ERR_INVALID);
            assert_int_equal(fault.err, ERR_INVALID);
            if (strcmp(fault.message + strlen("not valid JSON at "), cases[i].sentence) != 0)
                fail_msg("%s: %s", cases[i].text, fault.message);
        }
        assert_false(json_pass_is_done(&pass));
        assert_int_equal(json_pass_feed(&pass, STR(" "), &out, &fault), ERR_INVALID);
    }
}

static void a_cut_object_is_not_done(void **state)
{
    (void)state;
    struct str text = STR("{\"id\":\"a\",\"b\":[{\"c\":1}],\"d\":12}");
    for (size_t n = 0; n <= text.n; n++) {
        assert_int_equal(feed_cut(str_head(text, n), 0, 0, 100), ERR_OK);
        assert_int_equal(json_pass_is_done(&pass), n == text.n);
    }
}

static enum err feed_nested(unsigned depth)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_add(&b, STR("{\"a\":"));
    for (unsigned i = 1; i < depth; i++)
        buf_add(&b, i % 3 ? STR("[") : STR("{\"\":"));
    buf_add(&b, STR("0"));
    for (unsigned i = depth - 1; i > 0; i--)
        buf_add(&b, i % 3 ? STR("]") : STR("}"));
    buf_add(&b, STR("}"));
    enum err e = feed_cut(buf_view(&b), 0, 1, 100);
    assert_int_equal(json_pass_is_done(&pass), e == ERR_OK);
    buf_release(&b);
    return e;
}

static void depth_has_a_ceiling(void **state)
{
    (void)state;
    assert_int_equal(feed_nested(2), ERR_OK);
    assert_int_equal(feed_nested(PASS_DEPTH_MAX), ERR_OK);
    assert_int_equal(feed_nested(PASS_DEPTH_MAX + 1), ERR_INVALID);
}

static void a_full_buffer_ends_the_pass(void **state)
{
    (void)state;
    struct buf small;
    buf_init(&small, 8);
    json_pass_release(&pass);
    json_pass_init(&pass, rules, COUNT_OF(rules), 100);
    assert_int_equal(json_pass_feed(&pass, STR("{\"a\":\"0123456789\"}"), &small, &fault),
                     ERR_TOO_BIG);
    assert_false(json_pass_is_done(&pass));
    assert_int_equal(fault.err, ERR_TOO_BIG);
    buf_release(&small);
}

/* What comes out is taken away at once, as a writer would; nothing else may grow. */
static void sixty_four_mebibytes_pass_in_constant_memory(void **state)
{
    (void)state;
    enum { PIECE = 64 << 10, PIECES = 1024 };
    static char piece[PIECE];
    struct buf small;
    size_t passed = 0;
    memset(piece, 'x', sizeof piece);
    buf_init(&small, PIECE + 64);
    json_pass_release(&pass);
    json_pass_init(&pass, rules, COUNT_OF(rules), 100);
    assert_int_equal(json_pass_feed(&pass, STR("{\"usage\":\""), &small, &fault), ERR_OK);
    for (int i = 0; i < PIECES; i++) {
        assert_int_equal(json_pass_feed(&pass, str_of(piece, sizeof piece), &small, &fault),
                         ERR_OK);
        passed += small.n;
        buf_reset(&small);
        assert_true(pass.noted[2].cap <= 100);
    }
    assert_int_equal(json_pass_feed(&pass, STR("\",\"id\":1}"), &small, &fault), ERR_OK);
    assert_true(json_pass_is_done(&pass));
    assert_int_equal(json_pass_finish(&pass, STR(""), &small), ERR_OK);
    assert_view(buf_view(&small), "\",\"id\":\"gen-1\"}");
    assert_int_equal(passed, PIECE * (size_t)PIECES + strlen("{\"usage\":\""));
    buf_release(&small);
}

static void random_document(struct buf *text)
{
    static const char *const names[] = {"id",    "a",    "secret",  "\\u0069dx",
                                        "usage", "gone", "\xc3\xa9"};
    bool any = false;
    buf_reset(text);
    random_space(text);
    buf_add(text, STR("{"));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        random_space(text);
        if (random_below(2))
            continue;
        buf_printf(text, "%s\"%s\"", any ? "," : "", names[i]);
        random_space(text);
        buf_add(text, STR(":"));
        random_space(text);
        random_value(text, 3);
        any = true;
    }
    random_space(text);
    buf_add(text, STR("}"));
    random_space(text);
}

/* A pass and a splice of the same document must mean the same. */
static void random_documents_come_out_as_a_splice_of_them(void **state)
{
    (void)state;
    struct buf text, spliced;
    struct json_tape x, y;
    struct json v, w;
    struct splice s;
    buf_init(&text, 1 << 16);
    buf_init(&spliced, 1 << 16);
    json_tape_init(&x, 10000);
    json_tape_init(&y, 10000);
    for (int round = 0; round < 5000; round++) {
        random_document(&text);
        buf_reset(&spliced);
        assert_int_equal(json_parse(&x, buf_view(&text), &v, &fault), ERR_OK);
        splice_init(&s, buf_view(&text));
        if (json_get(v, STR("id")).type)
            splice_set(&s, v, STR("id"), STR("\"gen-1\""));
        splice_drop(&s, v, STR("secret"));
        splice_drop(&s, v, STR("gone"));
        splice_set(&s, v, STR("provider"), STR("[]"));
        assert_int_equal(splice_write(&s, &spliced), ERR_OK);
        struct str usage = json_raw(json_get(v, STR("usage")));

        size_t b = random_below((unsigned)text.n + 1), a = random_below((unsigned)b + 1);
        assert_int_equal(feed_cut(buf_view(&text), a, b, 10000), ERR_OK);
        assert_int_equal(json_pass_finish(&pass, STR("\"provider\":[]"), &out), ERR_OK);
        assert_true(str_eq(buf_view(&pass.noted[2]), usage));
        assert_int_equal(json_parse(&x, buf_view(&spliced), &v, &fault), ERR_OK);
        assert_int_equal(json_parse(&y, buf_view(&out), &w, &fault), ERR_OK);
        assert_true(json_same(&x, buf_view(&spliced), &y, buf_view(&out)));
    }
    json_tape_release(&x);
    json_tape_release(&y);
    buf_release(&text);
    buf_release(&spliced);
}

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, 1 << 16);
    json_pass_init(&pass, rules, COUNT_OF(rules), 100);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_pass_release(&pass);
    buf_release(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_pass_as_they_are),
        cmocka_unit_test(members_are_replaced_and_dropped),
        cmocka_unit_test(names_are_compared_unescaped),
        cmocka_unit_test(long_names_pass),
        cmocka_unit_test(values_are_noted),
        cmocka_unit_test(a_note_over_its_ceiling_is_empty),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(a_cut_object_is_not_done),
        cmocka_unit_test(depth_has_a_ceiling),
        cmocka_unit_test(a_full_buffer_ends_the_pass),
        cmocka_unit_test(sixty_four_mebibytes_pass_in_constant_memory),
        cmocka_unit_test(random_documents_come_out_as_a_splice_of_them),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
