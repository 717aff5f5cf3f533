#include "json/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

typedef const char *scan(const char *p, const char *end);

static bool is_special(char c)
{
    return !text__is_plain(c);
}

/* Each byte value at each place of each length around the widths of the scanners, in memory of
 * exactly that size. */
static void check_scan(scan *find, bool (*stops_at)(char), char filler)
{
    for (size_t n = 0; n <= 40; n++) {
        char *bytes = malloc(n ? n : 1);
        for (size_t at = 0; at <= n; at++) {
            for (int c = 0; c < 256 && (at < n || c == 0); c++) {
                memset(bytes, filler, n);
                if (at < n)
                    bytes[at] = (char)c;
                size_t expected = at < n && stops_at((char)c) ? at : n;
                assert_int_equal(find(bytes, bytes + n) - bytes, expected);
            }
        }
        free(bytes);
    }
}

static void both_scanners_find_the_first_byte_that_is_not_plain(void **state)
{
    (void)state;
    check_scan(text__skip_plain, is_special, 'a');
    check_scan(text__skip_plain_portable, is_special, ' ');
    check_scan(text__skip_plain, is_special, 0x7f);
}

static void both_scanners_find_the_first_quote_or_bracket(void **state)
{
    (void)state;
    check_scan(text__skip_to_structure, text__is_structure, '1');
    check_scan(text__skip_to_structure_portable, text__is_structure, ',');
    check_scan(text__skip_to_structure_portable, text__is_structure, (char)0xff);
}

static void the_first_of_many_is_found(void **state)
{
    (void)state;
    const char s[] = "0123456789\"\x01\\\xff\"\"\"\"\"\"\"\"\"\"";
    assert_ptr_equal(text__skip_plain(s, s + sizeof s - 1), s + 10);
    assert_ptr_equal(text__skip_plain_portable(s, s + sizeof s - 1), s + 10);
}

static const char *simple_by_definition(const char *p, const char *end)
{
    while (p < end && (text__is_plain(*p) ||
                       (*p == '\\' && p + 1 < end && strchr("\"\\/bfnrt", p[1]) && p[1])))
        p += text__is_plain(*p) ? 1 : 2;
    return p;
}

/* Texts of few letters, so that escapes stand at each place of a block, alone and in rows. */
static void both_scanners_pass_short_escapes(void **state)
{
    static const char letters[] = "aaaaaaaa\\\\n\"u/\x01\xc3";
    unsigned seed = 1;
    (void)state;
    for (int turn = 0; turn < 200000; turn++) {
        size_t n = (seed = seed * 1103515245 + 12345) >> 16 & 63;
        char *s = malloc(n ? n : 1);
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1103515245 + 12345;
            s[i] = letters[(seed >> 16) % (turn % 2 ? 12 : sizeof letters - 1)];
        }
        const char *expected = simple_by_definition(s, s + n);
        bool wide = false, narrow = false, any = memchr(s, '\\', (size_t)(expected - s)) != NULL;
        assert_ptr_equal(text__skip_common(s, s + n, &wide), expected);
        assert_ptr_equal(text__skip_common_portable(s, s + n, &narrow), expected);
        assert_int_equal(wide, any);
        assert_int_equal(narrow, any);
        free(s);
    }
}

/* By the definition: decode, then look at the ranges. */
static unsigned utf8_by_definition(const uint8_t *p, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned len = p[0] >= 0xf0 && p[0] < 0xf8   ? 4
                   : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                   : p[0] >= 0xc0 && p[0] < 0xe0 ? 2
                                                 : 0;
    if (len == 0 || n < len)
        return 0;
    uint32_t c = p[0] & (0x7fu >> len);
    for (unsigned i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : len;
}

static void utf8_is_what_its_definition_says(void **state)
{
    (void)state;
    static const uint8_t tails[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    for (unsigned a = 0x80; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            for (unsigned i = 0; i < 100; i++) {
                uint8_t s[4] = {(uint8_t)a, (uint8_t)b, tails[i / 10], tails[i % 10]};
                for (size_t n = 1; n <= 4; n++)
                    assert_int_equal(text__utf8((char *)s, (char *)s + n),
                                     utf8_by_definition(s, n));
            }
        }
    }
}

static unsigned escape_length(const char *s)
{
    return text__escape(s, s + strlen(s));
}

static void escapes_are_checked(void **state)
{
    (void)state;
    static const char *const two[] = {"\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"};
    for (size_t i = 0; i < COUNT_OF(two); i++)
        assert_int_equal(escape_length(two[i]), 2);
    assert_int_equal(escape_length("\\u00e9"), 6);
    assert_int_equal(escape_length("\\uFFFFx"), 6);
    assert_int_equal(escape_length("\\ud83d\\uDE00"), 12);
    static const char *const bad[] = {
        "\\",      "\\x",      "\\u",        "\\u123",         "\\u12g4",
        "\\ud83d", "\\ud83dx", "\\ud83d\\n", "\\ud83d\\u0041", "\\ud83d\\ud83d",
        "\\ude00", "\\U0041",  "\\u+123",    "\\ud83d\\ude0"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(escape_length(bad[i]), 0);
}

static void assert_unescaped(const char *text, const char *expected)
{
    struct buf b;
    buf_init(&b, 100);
    assert_int_equal(text__add_unescaped(&b, str_c(text)), ERR_OK);
    assert_int_equal(b.n, strlen(expected));
    assert_memory_equal(b.p, expected, b.n);
    assert_true(text__is(str_c(text), str_c(expected)));
    assert_false(text__is(str_c(text), str_head(str_c(expected), b.n - 1)));
    buf_release(&b);
}

static void texts_are_unescaped(void **state)
{
    (void)state;
    assert_unescaped("a\\\"b\\\\c\\/\\b\\f\\n\\r\\t", "a\"b\\c/\b\f\n\r\t");
    assert_unescaped("\\u0041\\u00e9\\u20ac\\ud83d\\ude00!", "A\u00e9\u20ac\U0001f600!");
    assert_unescaped("\\u07ff\\u0800\\uffff\\ud800\\udc00\\udbff\\udfff",
                     "\u07ff\u0800\uffff\U00010000\U0010ffff");
    assert_unescaped("plain", "plain");
}

static void room_for_what_a_text_stands_for_is_enough(void **state)
{
    (void)state;
    static const char text[] = "\\u00e9\\ud83d\\ude00\\/a"; /* 2 + 4 + 1 + 1 bytes */
    char room[9] = "xxxxxxxx";
    struct buf b = {.p = room, .cap = 8, .max = 8};
    assert_int_equal(text__add_unescaped(&b, str_c(text)), ERR_OK);
    assert_string_equal(room, "\u00e9\U0001f600/a");
    b = (struct buf){.p = room, .cap = 7, .max = 7};
    assert_int_equal(text__add_unescaped(&b, str_c(text)), ERR_TOO_BIG);
    assert_int_equal(b.n, 0);
}

static void texts_are_compared_as_what_they_stand_for(void **state)
{
    (void)state;
    assert_true(text__eq(STR("m\\u006fdel"), STR("model")));
    assert_true(text__eq(STR("\\u00e9"), STR("\xc3\xa9")));
    assert_true(text__eq(STR(""), STR("")));
    assert_false(text__eq(STR("m\\u006fdel"), STR("modem")));
    assert_false(text__eq(STR("model"), STR("mode")));
    assert_false(text__eq(STR("mode"), STR("model")));
    assert_false(text__is(STR("\\\\n"), STR("\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_scanners_find_the_first_byte_that_is_not_plain),
        cmocka_unit_test(both_scanners_find_the_first_quote_or_bracket),
        cmocka_unit_test(the_first_of_many_is_found),
        cmocka_unit_test(both_scanners_pass_short_escapes),
        cmocka_unit_test(utf8_is_what_its_definition_says),
        cmocka_unit_test(escapes_are_checked),
        cmocka_unit_test(texts_are_unescaped),
        cmocka_unit_test(room_for_what_a_text_stands_for_is_enough),
        cmocka_unit_test(texts_are_compared_as_what_they_stand_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
