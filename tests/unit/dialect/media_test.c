#include "unit/unit.h"

#include "base/bug.h"
#include "dialect/media.h"

static bool is_digit(int c)
{
    return c && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", c);
}

/* Every byte at every place of texts that take several steps. */
static void each_byte_is_a_digit_or_is_not(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at < 35; at++) {
            char text[36];
            memset(text, 'A', sizeof text);
            text[at] = (char)c;
            assert_int_equal(media_is_base64(str_of(text, sizeof text)), is_digit(c));
        }
    }
}

static void padding_stands_at_the_end_and_fits(void **state)
{
    (void)state;
    static const char *const right[] = {"QQ==", "QUI=", "QUJD",
                                        "QQ",   "QUI",  "AAAAAAAAAAAAAAAAAAAAAA=="};
    static const char *const wrong[] = {
        "",         "=",        "==",    "Q",    "Q===",  "Q=",       "QUJD=",
        "QU==QUJD", "QUJD====", "QUJDR", " QUI", "QUI\n", "QUI-QUI_", "AAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < COUNT_OF(right); i++)
        assert_true(media_is_base64(str_c(right[i])));
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(media_is_base64(str_c(wrong[i])));
}

static void a_data_url_is_taken_apart(void **state)
{
    (void)state;
    struct media_url url;
    assert_null(media_read_url(STR("data:image/png;base64,QUJD"), &url));
    assert_true(url.is_data);
    assert_str(url.mime, "image/png");
    assert_str(url.data, "QUJD");
    assert_null(media_read_url(STR("DATA:text/plain;charset=utf-8;base64,QQ=="), &url));
    assert_str(url.mime, "text/plain");
    assert_null(media_read_url(STR("data:;base64,QQ=="), &url));
    assert_int_equal(url.mime.n, 0);
    assert_null(media_read_url(STR("https://x/y"), &url));
    assert_false(url.is_data);
}

static void what_is_no_url_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"", "expected a URL or a data URL, got neither"},
        {"picture.png", "expected a URL or a data URL, got neither"},
        {"://x", "expected a URL or a data URL, got neither"},
        {"https://", "expected a URL or a data URL, got neither"},
        {"data:image/png,QQ==", "expected a data URL of the form data:TYPE;base64,DATA"},
        {"data:image/png;base64", "expected a data URL of the form data:TYPE;base64,DATA"},
        {"data:image/png;base64,", "the data URL's base64 is broken"},
        {"data:image/png;base64,Q Q=", "the data URL's base64 is broken"},
    };
    struct media_url url;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(media_read_url(str_c(rows[i].text), &url), rows[i].sentence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_is_a_digit_or_is_not),
        cmocka_unit_test(padding_stands_at_the_end_and_fits),
        cmocka_unit_test(a_data_url_is_taken_apart),
        cmocka_unit_test(what_is_no_url_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
