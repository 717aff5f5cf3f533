/* Our reading of heads beside llhttp's: what we take, it takes, and finds the same fields. */
#include "unit/unit.h"

#include <stdio.h>

#include "http_same.h"

static enum err read_head(struct str text, bool is_response, struct http_scan *s,
                          struct http_head *h)
{
    struct fault f;
    *s = (struct http_scan){.is_response = is_response};
    enum err e = http_scan(s, text, &f);
    return e == ERR_OK ? http_head_read(s, str_head(text, s->at), h, &f) : e;
}

static bool target_is_read(const char *target)
{
    char text[400];
    struct http_scan s;
    struct http_head h;
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", target);
    bool is_read = read_head(str_c(text), false, &s, &h) == ERR_OK;
    assert_true(!is_read || http_is_same(&s, str_c(text), &h));
    return is_read;
}

static void a_target_is_a_path_or_a_url(void **state)
{
    (void)state;
    const char *good[] = {"/",          "/a?b",        "//x",       "*",
                          "/%zz",       "http://h",    "http://h/", "HTTPS://u:p@[::1]:80/x?y",
                          "http://h?y", "/\"<>\\^`{|}"};
    const char *bad[] = {"a",    "http:",         "http:/h",     "http://",   "http:///x", "://h",
                         "h:80", "http://a@b@c/", "http://h\"/", "1http://h", "?x",        "**",
                         "*x"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(target_is_read(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(target_is_read(bad[i]));
}

/* Heads with some bytes changed, dropped or doubled. */
static size_t spoil(char *text, size_t n, uint64_t *seed)
{
    static const char bytes[] = " \t\r\n:,;/?#@*\x01\x7f\x80\"AZaz09";
    for (unsigned edits = next_random(seed) % 4; edits; edits--) {
        size_t at = next_random(seed) % n;
        switch (next_random(seed) % 3) {
        case 0:
            text[at] = bytes[next_random(seed) % sizeof bytes];
            break;
        case 1:
            memmove(text + at, text + at + 1, --n - at);
            break;
        default:
            memmove(text + at + 1, text + at, n++ - at);
        }
    }
    return n;
}

static void what_we_take_llhttp_takes(void **state)
{
    (void)state;
    static const char *const heads[] = {
        ("POST /v1/chat?x=1 HTTP/1.1\r\nHost: h\r\nX:  y\t\r\nContent-Length: 12\r\nA-b: "
         "c:d\r\n\r\n"),
        "GET http://h:1/p HTTP/1.0\r\nConnection: keep-alive\r\nX-Empty:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 404\r\nContent-Length: 0\r\nX: \xc3\xa4\r\n\r\n",
    };
    uint64_t seed = 11;
    unsigned taken = 0;
    for (unsigned round = 0; round < 200000; round++) {
        char text[200];
        struct http_scan s;
        struct http_head h;
        size_t which = round % COUNT_OF(heads), n = strlen(heads[which]);
        memcpy(text, heads[which], n);
        n = spoil(text, n, &seed);
        if (read_head(str_of(text, n), which >= 2, &s, &h) != ERR_OK)
            continue;
        taken++;
        if (!http_is_same(&s, str_of(text, s.at), &h))
            fail_msg("llhttp reads this otherwise: %.*s", (int)n, text);
    }
    assert_true(taken > 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_is_a_path_or_a_url),
        cmocka_unit_test(what_we_take_llhttp_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
