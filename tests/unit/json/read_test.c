#include "json/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct json_tape tape;
static struct fault fault;

/* Memory of exactly the text's size, so that a sanitizer sees one byte too far. */
static char *exact;

static enum err parse(struct str text, struct json *out)
{
    free(exact);
    exact = malloc(text.n ? text.n : 1);
    memcpy(exact, text.p, text.n);
    fault.message[0] = 0;
    return json_parse(&tape, str_of(exact, text.n), out, &fault);
}

static struct json parsed(const char *text)
{
    struct json v;
    if (parse(str_c(text), &v) != ERR_OK)
        fail_msg("%s: %s", text, fault.message);
    return v;
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
    free(exact);
    exact = NULL;
    return 0;
}

static void assert_str(struct str s, const char *expected)
{
    assert_non_null(s.p);
    assert_int_equal(s.n, strlen(expected));
    assert_memory_equal(s.p, expected, s.n);
}

static void valid_texts_are_read(void **state)
{
    (void)state;
    static const struct str texts[] = {
        STR_INIT("null"),
        STR_INIT("true"),
        STR_INIT("false"),
        STR_INIT("0"),
        STR_INIT("-0"),
        STR_INIT("-1"),
        STR_INIT("10"),
        STR_INIT("1.5"),
        STR_INIT("0.0"),
        STR_INIT("-0.1e-07"),
        STR_INIT("1E+2"),
        STR_INIT("1e2"),
        STR_INIT("0e0"),
        STR_INIT("123456789012345678901234567890"),
        STR_INIT("\"\""),
        STR_INIT("\"a\""),
        STR_INIT("\"\x7f\""),
        STR_INIT("\"\\u0000\""),
        STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
        STR_INIT("\"\\ud83d\\ude00\""),
        STR_INIT("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""),
        STR_INIT("\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xef\xbb\xbf\""),
        STR_INIT("[]"),
        STR_INIT("{}"),
        STR_INIT(" [ ] "),
        STR_INIT("\t{\r\n}\n"),
        STR_INIT("[1]"),
        STR_INIT("[1,2]"),
        STR_INIT("[[],{}]"),
        STR_INIT("{\"\":0}"),
        STR_INIT("{\"a\":{\"b\":[{},[]]}}"),
        STR_INIT(" { \"a\" : [ 1 , null ] , \"b\" : { } } "),
        STR_INIT("{\"a\":1,\"a\":2}"),
        STR_INIT("[\"0123456789abcdef\"]"),
        STR_INIT("\"0123456789abc\\n\""),
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct json v;
        if (parse(texts[i], &v) != ERR_OK)
            fail_msg("%.*s: %s", STR_ARG(texts[i]), fault.message);
        assert_int_equal(v.at, 0);
    }
}

#define END(n, what)   "not valid JSON: it ends at byte " #n ", expected " what
#define AT(n, what, c) "not valid JSON at byte " #n ": expected " what ", found " c
#define CLOSING        "the string's closing quote"
#define ESCAPE         "a valid escape (surrogates in pairs)"
#define CONTROL        "control characters in strings escaped"
#define BYTE(hex)      "the byte 0x" #hex

static const struct {
    struct str text;
    const char *sentence;
} refused[] = {
    {STR_INIT(""), END(0, "a value")},
    {STR_INIT(" \n"), END(2, "a value")},
    {STR_INIT("nul"), AT(0, "a value", "n")},
    {STR_INIT("nulL"), AT(0, "a value", "n")},
    {STR_INIT("True"), AT(0, "a value", "T")},
    {STR_INIT("nullx"), AT(4, "nothing more", "x")},
    {STR_INIT("null null"), AT(5, "nothing more", "n")},
    {STR_INIT("{}}"), AT(2, "nothing more", "}")},
    {STR_INIT("[1]\0"), AT(3, "nothing more", BYTE(00))},
    {STR_INIT("\0"), AT(0, "a value", BYTE(00))},
    {STR_INIT("\xef\xbb\xbf{}"), AT(0, "a value", BYTE(ef))},
    {STR_INIT("-"), END(1, "a digit")},
    {STR_INIT("-x"), AT(1, "a digit", "x")},
    {STR_INIT("+1"), AT(0, "a value", "+")},
    {STR_INIT("1."), END(2, "a digit")},
    {STR_INIT("1.e1"), AT(2, "a digit", "e")},
    {STR_INIT(".5"), AT(0, "a value", ".")},
    {STR_INIT("1e"), END(2, "a digit")},
    {STR_INIT("1e+"), END(3, "a digit")},
    {STR_INIT("1e+ 1"), AT(3, "a digit", BYTE(20))},
    {STR_INIT("01"), AT(1, "nothing more", "1")},
    {STR_INIT("-01"), AT(2, "nothing more", "1")},
    {STR_INIT("[00]"), AT(2, "a comma or ]", "0")},
    {STR_INIT("0x1"), AT(1, "nothing more", "x")},
    {STR_INIT("1_0"), AT(1, "nothing more", "_")},
    {STR_INIT("NaN"), AT(0, "a value", "N")},
    {STR_INIT("-Infinity"), AT(1, "a digit", "I")},
    {STR_INIT("'a'"), AT(0, "a value", "'")},
    {STR_INIT("\""), END(1, CLOSING)},
    {STR_INIT("\"a"), END(2, CLOSING)},
    {STR_INIT("\"0123456789abcdefghi"), END(20, CLOSING)},
    {STR_INIT("\"a\\"), AT(2, ESCAPE, "\\")},
    {STR_INIT("\"a\\\""), END(4, CLOSING)},
    {STR_INIT("\"a\\x\""), AT(2, ESCAPE, "\\")},
    {STR_INIT("\"\\u12\""), AT(1, ESCAPE, "\\")},
    {STR_INIT("\"\\ud800\""), AT(1, ESCAPE, "\\")},
    {STR_INIT("\"\\ud800\\u0041\""), AT(1, ESCAPE, "\\")},
    {STR_INIT("\"ab\\udc00\""), AT(3, ESCAPE, "\\")},
    {STR_INIT("\"a\tb\""), AT(2, CONTROL, BYTE(09))},
    {STR_INIT("\"a\0b\""), AT(2, CONTROL, BYTE(00))},
    {STR_INIT("\"0123456789abcdef\n\""), AT(17, CONTROL, BYTE(0a))},
    {STR_INIT("\"a\x80\""), AT(2, "UTF-8", BYTE(80))},
    {STR_INIT("\"\xc0\xaf\""), AT(1, "UTF-8", BYTE(c0))},
    {STR_INIT("\"\xc3\""), AT(1, "UTF-8", BYTE(c3))},
    {STR_INIT("\"\xc3"), AT(1, "UTF-8", BYTE(c3))},
    {STR_INIT("\"\xe0\x80\xaf\""), AT(1, "UTF-8", BYTE(e0))},
    {STR_INIT("\"\xed\xa0\x80\""), AT(1, "UTF-8", BYTE(ed))},
    {STR_INIT("\"\xc3\xa9\xf4\x90\x80\x80\""), AT(3, "UTF-8", BYTE(f4))},
    {STR_INIT("\"\xff\""), AT(1, "UTF-8", BYTE(ff))},
    {STR_INIT("["), END(1, "a value")},
    {STR_INIT("[1"), END(2, "a comma or ]")},
    {STR_INIT("[1,"), END(3, "a value")},
    {STR_INIT("[1,]"), AT(3, "a value", "]")},
    {STR_INIT("[,1]"), AT(1, "a value", ",")},
    {STR_INIT("[1,,2]"), AT(3, "a value", ",")},
    {STR_INIT("[1 2]"), AT(3, "a comma or ]", "2")},
    {STR_INIT("[1}"), AT(2, "a comma or ]", "}")},
    {STR_INIT("[}"), AT(1, "a value", "}")},
    {STR_INIT("]"), AT(0, "a value", "]")},
    {STR_INIT("{"), END(1, "a name in quotes")},
    {STR_INIT("{]"), AT(1, "a name in quotes", "]")},
    {STR_INIT("{,}"), AT(1, "a name in quotes", ",")},
    {STR_INIT("{a:1}"), AT(1, "a name in quotes", "a")},
    {STR_INIT("{1:1}"), AT(1, "a name in quotes", "1")},
    {STR_INIT("{\"a\"}"), AT(4, "a colon", "}")},
    {STR_INIT("{\"a\""), END(4, "a colon")},
    {STR_INIT("{\"a\":}"), AT(5, "a value", "}")},
    {STR_INIT("{\"a\":1"), END(6, "a comma or }")},
    {STR_INIT("{\"a\":1]"), AT(6, "a comma or }", "]")},
    {STR_INIT("{\"a\":1,}"), AT(7, "a name in quotes", "}")},
    {STR_INIT("{\"a\":1 \"b\":2}"), AT(7, "a comma or }", "\"")},
    {STR_INIT("{\"a\":1,\"b\"}"), AT(10, "a colon", "}")},
    {STR_INIT("{\"a\"::1}"), AT(5, "a value", ":")},
    {STR_INIT("[1]//"), AT(3, "nothing more", "/")},
    {STR_INIT("[\f1]"), AT(1, "a value", BYTE(0c))},
    {STR_INIT("[\xc2\xa0"
              "1]"),
     AT(1, "a value", BYTE(c2))},
};

static void invalid_texts_are_refused_with_place_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct json v;
        fault.err = ERR_OK;
        if (parse(refused[i].text, &v) != ERR_INVALID ||
            strcmp(fault.message, refused[i].sentence) != 0)
            fail_msg("%.*s: \"%s\" where \"%s\" should be", STR_ARG(refused[i].text), fault.message,
                     refused[i].sentence);
        assert_int_equal(fault.err, ERR_INVALID);
        assert_int_equal(v.type, JSON_NONE);
        assert_int_equal(json_parse(&tape, refused[i].text, &v, NULL), ERR_INVALID);
    }
}

static void no_beginning_of_an_object_is_valid(void **state)
{
    (void)state;
    const char *text = "{\"a\":[1,-2.5e+3,\"x\\u00e9\xc3\xa9\",{\"b\":null}],\"c\":true}";
    struct json v;
    for (size_t n = 0; n < strlen(text); n++)
        assert_int_equal(parse(str_of(text, n), &v), ERR_INVALID);
    assert_int_equal(parse(str_c(text), &v), ERR_OK);
}

static enum err parse_nested(unsigned depth, bool objects)
{
    struct buf b;
    struct json v;
    buf_init(&b, 1 << 20);
    for (unsigned i = 0; i < depth; i++)
        buf_add(&b, objects ? STR("{\"a\":") : STR("["));
    buf_add(&b, STR("1"));
    for (unsigned i = 0; i < depth; i++)
        buf_add(&b, objects ? STR("}") : STR("]"));
    enum err e = parse(buf_view(&b), &v);
    buf_release(&b);
    return e;
}

static void depth_has_a_ceiling(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(512, false), ERR_OK);
    assert_int_equal(parse_nested(512, true), ERR_OK);
    assert_int_equal(parse_nested(513, true), ERR_TOO_BIG);
    assert_int_equal(parse_nested(513, false), ERR_TOO_BIG);
    assert_string_equal(fault.message, "JSON nested more than 512 deep at byte 512");
    assert_int_equal(parse_nested(100000, false), ERR_TOO_BIG);
}

static void the_tape_has_a_ceiling(void **state)
{
    (void)state;
    struct json v;
    for (uint32_t max = 0; max < 200; max++) {
        struct json_tape small;
        struct buf b;
        json_tape_init(&small, max);
        buf_init(&b, 4096);
        buf_add(&b, STR("["));
        for (uint32_t i = 2; i < max; i++)
            buf_add(&b, STR("1,"));
        buf_add(&b, STR("1]"));
        assert_int_equal(json_parse(&small, buf_view(&b), &v, &fault),
                         max < 2 ? ERR_TOO_BIG : ERR_OK);
        assert_true(small.cap <= max);
        b.n--;
        buf_add(&b, STR(",1]"));
        assert_int_equal(json_parse(&small, buf_view(&b), &v, &fault), ERR_TOO_BIG);
        assert_int_equal(v.type, JSON_NONE);
        assert_true(small.cap <= max);
        assert_int_equal(json_parse(&small, STR("1"), &v, &fault), max ? ERR_OK : ERR_TOO_BIG);
        buf_release(&b);
        json_tape_release(&small);
        assert_int_equal(small.max, max);
    }
    assert_string_equal(fault.message, "JSON of more than 199 values and names");
}

static void texts_of_4_gib_are_refused_unread(void **state)
{
    (void)state;
    struct json v;
    assert_int_equal(json_parse(&tape, str_of("1", UINT32_MAX), &v, &fault), ERR_TOO_BIG);
    assert_string_equal(fault.message, "JSON of 4 GiB or more");
}

static void the_tape_is_kept_between_parses(void **state)
{
    (void)state;
    parsed("[1,2,3]");
    const struct json_node *nodes = tape.nodes;
    parsed("{\"a\":1}");
    assert_ptr_equal(tape.nodes, nodes);
    assert_int_equal(tape.n, 3);
}

static void what_is_missing_is_a_value(void **state)
{
    (void)state;
    struct json v = parsed("{\"a\":{\"b\":[7]},\"n\":null}");
    assert_int_equal(json_get(v, STR("x")).type, JSON_NONE);
    assert_int_equal(json_get(json_get(v, STR("x")), STR("y")).type, JSON_NONE);
    assert_int_equal(json_get(json_first(json_get(json_get(v, STR("a")), STR("b"))), STR("y")).type,
                     JSON_NONE);
    assert_int_equal(json_first(json_get(v, STR("x"))).type, JSON_NONE);
    assert_int_equal(json_first(json_get(v, STR("n"))).type, JSON_NONE);
    assert_int_equal(json_after(v, json_get(v, STR("n"))).type, JSON_NONE);
    assert_null(json_raw(json_get(v, STR("x"))).p);
    assert_null(json_raw_str(v).p);
    assert_null(json_str(v, NULL).p);
    assert_int_equal(json_u64_or(json_get(v, STR("x")), 4096), 4096);
    assert_true(json_is_none_or_null(json_get(v, STR("x"))));
    assert_true(json_is_none_or_null(json_get(v, STR("n"))));
    assert_false(json_is_none_or_null(v));
    assert_true(json_is(json_get(v, STR("a")), JSON_OBJECT));
}

static void members_are_found_by_what_their_name_stands_for(void **state)
{
    (void)state;
    struct json v =
        parsed("{\"m\\u006fdel\":1,\"model\":2,\"\":3,\"a\\\"b\":4,\"back\\\\slash\":5}");
    assert_str(json_raw(json_get(v, STR("model"))), "1");
    assert_str(json_raw(json_get(v, STR(""))), "3");
    assert_str(json_raw(json_get(v, STR("a\"b"))), "4");
    assert_str(json_raw(json_get(v, STR("back\\slash"))), "5");
    assert_int_equal(json_get(v, STR("m\\u006fdel")).type, JSON_NONE);
    assert_int_equal(json_get(v, STR("mode")).type, JSON_NONE);
    assert_int_equal(json_get(v, STR("models")).type, JSON_NONE);
    v = parsed("{\"a\":{\"x\":1,\"y\":[{\"x\":5}]},\"x\":2}");
    assert_str(json_raw(json_get(v, STR("x"))), "2");
    assert_str(json_raw(v), exact ? "{\"a\":{\"x\":1,\"y\":[{\"x\":5}]},\"x\":2}" : "");
}

static void arrays_and_objects_are_walked(void **state)
{
    (void)state;
    struct json v = parsed(" [ 1 , [2,[3]] , {\"a\":4} , [] ,\"s\"]");
    static const char *const raws[] = {"1", "[2,[3]]", "{\"a\":4}", "[]", "\"s\""};
    size_t n = 0;
    for (struct json c = json_first(v); c.type; c = json_after(v, c))
        assert_str(json_raw(c), raws[n++]);
    assert_int_equal(n, COUNT_OF(raws));
    v = parsed("{\"a\":1,\"b\":{\"c\":[]},\"\\n\":{}}");
    static const char *const members[] = {"\"a\"", "1", "\"b\"", "{\"c\":[]}", "\"\\n\"", "{}"};
    n = 0;
    for (struct json c = json_first(v); c.type; c = json_after(v, c), n += 2) {
        assert_str(json_raw(json_key(c)), members[n]);
        assert_str(json_raw(c), members[n + 1]);
    }
    assert_int_equal(n, COUNT_OF(members));
}

static void strings_are_views_unless_they_hold_escapes(void **state)
{
    (void)state;
    struct buf scratch;
    buf_init(&scratch, 20);
    struct json v = parsed("[\"plain\",\"\\u00e9\\n\",\"\",\"0123456789012345\\n\"]");
    struct json plain = json_first(v), escaped = json_after(v, plain),
                empty = json_after(v, escaped);
    assert_ptr_equal(json_str(plain, &scratch).p, exact + 2);
    assert_int_equal(scratch.n, 0);
    buf_add(&scratch, STR("kept"));
    assert_str(json_str(escaped, &scratch), "\u00e9\n");
    assert_int_equal(scratch.n, 7);
    assert_str(json_str(empty, &scratch), "");
    assert_str(json_raw_str(escaped), "\\u00e9\\n");
    assert_null(json_str(json_after(v, empty), &scratch).p);
    assert_int_equal(scratch.failed, ERR_TOO_BIG);
    assert_int_equal(scratch.n, 7);
    assert_true(json_str_eq(plain, STR("plain")));
    assert_false(json_str_eq(plain, STR("plai")));
    assert_true(json_str_eq(escaped, STR("\u00e9\n")));
    assert_false(json_str_eq(escaped, STR("\\u00e9\\n")));
    assert_true(json_str_eq(empty, STR_NONE));
    assert_false(json_str_eq(v, STR("plain")));
    buf_release(&scratch);
}

static void whole_numbers_are_read_exactly(void **state)
{
    (void)state;
    uint64_t n = 5;
    assert_true(json_u64(parsed("18446744073709551615"), UINT64_MAX, &n) && n == UINT64_MAX);
    assert_false(json_u64(parsed("18446744073709551616"), UINT64_MAX, &n));
    assert_true(json_u64(parsed("0"), 0, &n) && n == 0);
    assert_false(json_u64(parsed("11"), 10, &n));
    assert_false(json_u64(parsed("-1"), 10, &n));
    assert_false(json_u64(parsed("-0"), 10, &n));
    assert_false(json_u64(parsed("1.0"), 10, &n));
    assert_false(json_u64(parsed("1e0"), 10, &n));
    assert_false(json_u64(parsed("\"1\""), 10, &n));
    assert_int_equal(n, 0);
    assert_int_equal(json_u64_or(parsed("12"), 7), 12);
    assert_int_equal(json_u64_or(parsed("null"), 7), 7);
}

static void booleans_have_a_fallback(void **state)
{
    (void)state;
    assert_true(json_bool_or(parsed("true"), false));
    assert_false(json_bool_or(parsed("false"), true));
    assert_true(json_bool_or(parsed("null"), true));
    assert_false(json_bool_or(parsed("\"true\""), false));
}

static void kinds_have_words(void **state)
{
    (void)state;
    assert_string_equal(json_kind((struct json){0}), "nothing");
    assert_string_equal(json_kind(parsed("null")), "null");
    assert_string_equal(json_kind(parsed("true")), "a boolean");
    assert_string_equal(json_kind(parsed("false")), "a boolean");
    assert_string_equal(json_kind(parsed("1")), "a number");
    assert_string_equal(json_kind(parsed("\"\"")), "a string");
    assert_string_equal(json_kind(parsed("[]")), "an array");
    assert_string_equal(json_kind(parsed("{}")), "an object");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_texts_are_read),
        cmocka_unit_test(invalid_texts_are_refused_with_place_and_reason),
        cmocka_unit_test(no_beginning_of_an_object_is_valid),
        cmocka_unit_test(depth_has_a_ceiling),
        cmocka_unit_test(the_tape_has_a_ceiling),
        cmocka_unit_test(texts_of_4_gib_are_refused_unread),
        cmocka_unit_test(the_tape_is_kept_between_parses),
        cmocka_unit_test(what_is_missing_is_a_value),
        cmocka_unit_test(members_are_found_by_what_their_name_stands_for),
        cmocka_unit_test(arrays_and_objects_are_walked),
        cmocka_unit_test(strings_are_views_unless_they_hold_escapes),
        cmocka_unit_test(whole_numbers_are_read_exactly),
        cmocka_unit_test(booleans_have_a_fallback),
        cmocka_unit_test(kinds_have_words),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
