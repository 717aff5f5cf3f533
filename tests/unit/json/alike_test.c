#include "json/alike.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "random_json.h"

static struct json_tape tape;
static struct buf text, slow, fast;
static struct alike alike;

static struct str text_with(const char *format, const char *one, const char *two)
{
    buf_reset(&text);
    for (const char *p = format; *p; p++) {
        if (*p == '1' || *p == '2')
            buf_add_c(&text, *p == '1' ? one : two);
        else
            buf_add(&text, str_of(p, 1));
    }
    return buf_view(&text);
}

/* The long way; false: it is no JSON. Learns from it if it is told to. */
static bool go_slowly(struct str from, bool learns)
{
    struct json v;
    struct splice s;
    if (json_parse(&tape, from, &v, NULL) != ERR_OK)
        return false;
    splice_init(&s, from);
    splice_set(&s, v, STR("id"), STR("\"ours\""));
    splice_drop(&s, v, STR("usage"));
    splice_set(&s, v, STR("provider"), STR("\"P\""));
    buf_reset(&slow);
    assert_int_equal(splice_write(&s, &slow), ERR_OK);
    struct json strings[] = {json_get(json_get(v, STR("delta")), STR("text")),
                             json_get(v, STR("padding"))};
    if (learns)
        alike_learn(&alike, &s, buf_view(&slow), strings, strings[1].type ? 2 : 1);
    return true;
}

static void learn(const char *format)
{
    alike_release(&alike);
    assert_true(go_slowly(text_with(format, "first", "xyz"), true));
}

/* Whether it is known again; if so, it gives what the long way gives. */
static bool is_known(const char *format, const char *one, const char *two)
{
    struct str held[ALIKE_STRINGS_MAX];
    if (!alike_read(&alike, text_with(format, one, two), held))
        return false;
    buf_reset(&fast);
    assert_int_equal(alike_write(&alike, held, &fast), ERR_OK);
    assert_true(go_slowly(buf_view(&text), false));
    assert_true(str_eq(buf_view(&fast), buf_view(&slow)));
    assert_true(str_eq(held[0], str_c(one)));
    return true;
}

static const char one_string[] = "{\"id\":\"theirs\",\"delta\":{\"text\":\"1\"},\"usage\":null}";
static const char two_strings[] =
    "{\"usage\":null,\"id\":\"theirs\",\"delta\":{\"x\":[],\"text\":\"1\"}"
    ",\"padding\":\"2\" } ";

static void texts_with_another_string_are_known(void **state)
{
    (void)state;
    learn(one_string);
    assert_true(is_known(one_string, "second", ""));
    assert_true(is_known(one_string, "a \\\"quoted\\\" \\n\\u00e9\\ud83d\\ude00 one", ""));
    assert_true(
        is_known(one_string, "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80 and sixteen more bytes", ""));
    learn(two_strings);
    assert_true(is_known(two_strings, "second", "p"));
    assert_true(is_known(two_strings, "xyz", "first"));
}

static void what_is_no_string_is_not_known(void **state)
{
    (void)state;
    static const char *const contents[] = {
        "",
        "\"",
        "a\",\"role\":\"b",
        "a\"},\"usage\":null}",
        "\n",
        "tab\t",
        "\x01",
        "\\",
        "\\x",
        "\\u12",
        "\\ud83d",
        "\\ud83d\\u0041",
        "\\ude00",
        "\xc3",
        "\xff",
        "\xed\xa0\x80",
        "\xc0\x80",
        "\xf4\x90\x80\x80",
        "ends in \\",
        "sixteen bytes and \x80 later",
    };
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        learn(one_string);
        assert_false(is_known(one_string, contents[i], ""));
        learn(two_strings);
        assert_false(is_known(two_strings, contents[i], "p"));
        assert_false(is_known(two_strings, "p", contents[i]));
        assert_true(is_known(two_strings, "still", "known"));
    }
}

static void another_text_is_not_known(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "{",
        "{\"id\":\"others\",\"delta\":{\"text\":\"1\"},\"usage\":null}",
        "{\"id\":\"theirs\",\"delta\":{\"text\":\"1\"},\"usage\":null} ",
        "{\"id\":\"theirs\",\"delta\":{\"text\":\"1\"},\"usage\":{}}",
        "{\"id\":\"theirs\",\"delta\":{\"text\":1},\"usage\":null}",
        "{\"id\":\"theirs\",\"delta\":{\"text\":\"1",
        "{\"id\":\"theirs\",\"delta\":{\"text\":\"",
    };
    learn(one_string);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(is_known(others[i], "second", ""));
    assert_true(is_known(one_string, "second", ""));
}

static void a_touched_string_is_not_learnt(void **state)
{
    (void)state;
    static const char *const touched[] = {
        "{\"delta\":0,\"padding\":\"1\"}",                /* the first is missing */
        "{\"delta\":{\"text\":7}}",                       /* is no string */
        "{\"padding\":\"2\",\"delta\":{\"text\":\"1\"}}", /* stands behind the second */
        "{\"usage\":0,\"delta\":{\"text\":\"1\"},\"padding\":{}}",
    };
    for (size_t i = 0; i < COUNT_OF(touched); i++) {
        learn(touched[i]);
        assert_null(alike.parts);
    }
    struct str from = STR("{\"a\":\"x\",\"b\":[\"y\"]}");
    struct splice s;
    struct json v;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(json_parse(&tape, from, &v, NULL), ERR_OK);
        splice_init(&s, from);
        struct json string = i ? json_first(json_get(v, STR("b"))) : json_get(v, STR("a"));
        if (i)
            splice_drop(&s, v, STR("b"));
        else
            splice_replace(&s, string, STR("\"z\""));
        buf_reset(&slow);
        assert_int_equal(splice_write(&s, &slow), ERR_OK);
        alike_learn(&alike, &s, buf_view(&slow), &string, 1);
        assert_null(alike.parts);
    }
}

static void too_long_a_text_is_not_learnt(void **state)
{
    (void)state;
    static char format[2 * ALIKE_BYTES_MAX];
    int spaces = ALIKE_BYTES_MAX / 2;
    for (; spaces > 0 && !alike.parts; spaces--) {
        snprintf(format, sizeof format, "{%*s\"delta\":{\"text\":\"1\"}}", spaces, "");
        learn(format);
    }
    assert_in_range(strlen(format), ALIKE_BYTES_MAX / 2 - 20, ALIKE_BYTES_MAX / 2);
    assert_true(is_known(format, "second", ""));
}

static void who_learns_in_vain_gives_up(void **state)
{
    (void)state;
    char format[100];
    unsigned learnt = 0;
    alike_release(&alike);
    for (int i = 0; i < 20; i++) {
        snprintf(format, sizeof format, "{\"%c\":0,\"delta\":{\"text\":\"1\"}}", 'A' + i);
        assert_false(is_known(format, "x", ""));
        assert_true(go_slowly(text_with(format, "first", ""), true));
        learnt += alike.parts != NULL;
    }
    assert_int_equal(learnt, 4);
    learn(one_string);
    for (int i = 0; i < 20; i++) {
        assert_true(go_slowly(text_with(one_string, "first", ""), true));
        assert_true(is_known(one_string, "x", ""));
    }
}

/* Contents made of pieces of which some belong in no string. */
static void random_contents_are_known_iff_they_are_strings(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",       "plain text of some length",
                                         "\\n",     "\\\"",
                                         "\\\\",    "\xc3\xa9",
                                         "\\u00e9", "\\ud83d\\ude00",
                                         "\"",      "\\",
                                         "\xc3",    "\x1f",
                                         "},",      "\\ud83d"};
    unsigned known = 0;
    for (int round = 0; round < 20000; round++) {
        char contents[2][200] = {"", ""};
        for (int i = 0; i < 2; i++) {
            for (unsigned n = random_below(5); n; n--)
                strcat(contents[i], pieces[random_below(random_below(3) ? 8 : COUNT_OF(pieces))]);
        }
        learn(two_strings);
        bool is_json = go_slowly(text_with(two_strings, contents[0], contents[1]), false);
        bool is_filled = contents[0][0] && contents[1][0];
        bool is_same = is_known(two_strings, contents[0], contents[1]);
        assert_true(!is_same || (is_json && is_filled));
        bool has_structure = strchr(contents[0], '"') || strchr(contents[1], '"');
        assert_true(is_same || !is_json || !is_filled || has_structure);
        known += is_same;
    }
    assert_in_range(known, 1000, 19000);
}

static int set_up(void **state)
{
    (void)state;
    json_tape_init(&tape, 1000);
    buf_init(&text, 1 << 16);
    buf_init(&slow, 1 << 16);
    buf_init(&fast, 1 << 16);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_tape_release(&tape);
    alike_release(&alike);
    buf_release(&text);
    buf_release(&slow);
    buf_release(&fast);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_with_another_string_are_known),
        cmocka_unit_test(what_is_no_string_is_not_known),
        cmocka_unit_test(another_text_is_not_known),
        cmocka_unit_test(a_touched_string_is_not_learnt),
        cmocka_unit_test(too_long_a_text_is_not_learnt),
        cmocka_unit_test(who_learns_in_vain_gives_up),
        cmocka_unit_test(random_contents_are_known_iff_they_are_strings),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
