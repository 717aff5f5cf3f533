#include "unit/unit.h"

#include "base/base64.h"

/* RFC 4648, section 10. */
static const struct {
    const char *bytes, *plain, *url;
} vectors[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
};

static void check(enum base64 kind, struct str bytes, const char *text)
{
    char out[64];
    uint8_t back[64];
    size_t n;
    assert_str(str_of(out, base64_encode(kind, out, bytes.p, bytes.n)), text);
    assert_true(base64_decode(kind, str_c(text), back, bytes.n, &n));
    assert_int_equal(n, bytes.n);
    assert_memory_equal(back, bytes.p, n);
    if (bytes.n)
        assert_false(base64_decode(kind, str_c(text), back, bytes.n - 1, &n));
}

static void texts_are_those_of_the_standard(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        check(BASE64_PLAIN, str_c(vectors[i].bytes), vectors[i].plain);
        check(BASE64_URL, str_c(vectors[i].bytes), vectors[i].url);
    }
    check(BASE64_PLAIN, STR("\xfb\xff\xbf"), "+/+/");
    check(BASE64_URL, STR("\xfb\xff\xbf"), "-_-_");
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const plain[] = {"Zg",   "Zg=",      "Zh==",    "Zm9=", "Z===",
                                        "====", "Zm9v=",    "=Zm9",    "Zm 9", "Zm9v\n",
                                        "-_-_", "Zg==Zg==", "Zm8=Zg=="};
    static const char *const url[] = {"Zg==", "Z",     "Zh",    "Zm9", "Zm9vY",
                                      "+/+/", "Zm9v ", "Zm9v.", "Zm.v"};
    uint8_t out[64];
    size_t n;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        assert_false(base64_decode(BASE64_PLAIN, str_c(plain[i]), out, sizeof out, &n));
    for (size_t i = 0; i < sizeof url / sizeof url[0]; i++)
        assert_false(base64_decode(BASE64_URL, str_c(url[i]), out, sizeof out, &n));
}

static void all_lengths_read_back(void **state)
{
    (void)state;
    uint64_t seed = 9;
    for (size_t n = 0; n < 300; n++) {
        uint8_t bytes[300];
        struct buf text, back;
        buf_init(&text, 1000);
        buf_init(&back, 1000);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)next_random(&seed);
        enum base64 kind = n % 2 ? BASE64_URL : BASE64_PLAIN;
        assert_int_equal(base64_add(&text, kind, bytes, n), ERR_OK);
        assert_true(base64_add_decoded(&back, kind, buf_view(&text)));
        assert_int_equal(back.n, n);
        if (n)
            assert_memory_equal(back.p, bytes, n);
        buf_release(&text);
        buf_release(&back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_those_of_the_standard),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(all_lengths_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
