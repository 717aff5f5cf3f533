#include "unit/unit.h"

#include <stdlib.h>

#include "auth/callback.h"

/* agentgateway CVE-2026-29791 (what goes into a URL is escaped or refused) and
 * LiteLLM CVE-2024-6587 (nothing secret goes to a host that was not agreed to). */

static void callbacks_are_https_or_loopback(void **state)
{
    static const struct {
        const char *url, *origin;
    } good[] = {
        {"https://app.example/cb", "https://app.example"},
        {"https://App.Example:443", "https://app.example"},
        {"https://app.example:8443/cb?x=1&y=%20", "https://app.example:8443"},
        {"http://localhost:3000/", "http://localhost:3000"},
        {"http://localhost", "http://localhost"},
        {"HTTP://LOCALHOST:80/a", "http://localhost"},
        {"http://127.0.0.1:65535/x", "http://127.0.0.1:65535"},
        {"https://[2001:db8::1]:9/x", "https://[2001:db8::1]:9"},
        {"https://app.example?next=a@b", "https://app.example"},
    };
    char origin[ORIGIN_MAX + 1];
    struct fault f;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (callback_check(str_c(good[i].url), origin, &f) != ERR_OK)
            fail_msg("%s: %s", good[i].url, f.message);
        assert_string_equal(origin, good[i].origin);
    }
}

static void all_other_callbacks_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "app.example",
        "//app.example",
        "http://app.example/",
        "http://localhost.evil.example/",
        "http://localhost./",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.2/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://127.1/",
        "https://user@app.example/",
        "https://user:pass@app.example/",
        "http://localhost@evil.example/",
        "http://localhost:3000@evil.example/",
        "https://app.example/#fragment",
        "https://app.example/?a#b",
        "https://app.example\\@evil.example/",
        "http://localhost\\.evil.example/",
        "https://app.example/\r\nSet-Cookie: a=b",
        "https://app.example/\n",
        "https://app.example/ x",
        "https://app.example/\t",
        "https://app.ex\xc3\xa4mple/",
        "https:///cb",
        "https://",
        "https://app.example:0/",
        "https://app.example:65536/",
        "https://app.example:x/",
        "javascript:alert(1)",
        "javascript://localhost/%0aalert(1)",
        "data:text/html,x",
        "myapp://callback",
        "file:///etc/passwd",
        " https://app.example/",
    };
    char origin[ORIGIN_MAX + 1], *longest = calloc(1, CALLBACK_MAX + 2);
    struct fault f;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (callback_check(str_c(bad[i]), origin, &f) == ERR_OK)
            fail_msg("%s is no callback", bad[i]);
    }
    memset(longest, 'a', CALLBACK_MAX + 1);
    memcpy(longest, "https://app.example/", 20);
    assert_int_equal(callback_check(str_of(longest, CALLBACK_MAX), origin, &f), ERR_OK);
    assert_int_equal(callback_check(str_of(longest, CALLBACK_MAX + 1), origin, &f), ERR_INVALID);
    memset(longest, 'a', CALLBACK_MAX);
    memcpy(longest, "https://", 8);
    assert_int_equal(callback_check(str_of(longest, CALLBACK_MAX), origin, &f), ERR_INVALID);
    free(longest);
}

static void a_query_that_is_there_is_kept(void **state)
{
    static const char *const cases[][2] = {
        {"https://a.example/cb", "https://a.example/cb?code=C"},
        {"https://a.example", "https://a.example?code=C"},
        {"https://a.example/cb?x=1", "https://a.example/cb?x=1&code=C"},
        {"https://a.example/cb?x=1&", "https://a.example/cb?x=1&code=C"},
        {"https://a.example/cb?", "https://a.example/cb?code=C"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char room[200];
        struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
        assert_int_equal(callback_add(&b, str_c(cases[i][0]), STR("code"), STR("C")), ERR_OK);
        assert_true(str_eq(buf_view(&b), str_c(cases[i][1])));
    }
}

static void an_app_is_called_by_its_host(void **state)
{
    (void)state;
    assert_true(str_eq(callback_title(STR("https://app.example")), STR("app.example")));
    assert_true(str_eq(callback_title(STR("http://localhost:3000")), STR("localhost:3000")));
}

static void a_sign_in_returns_to_this_site_only(void **state)
{
    (void)state;
    assert_true(return_path_is_right(STR("/account")));
    assert_true(return_path_is_right(STR("/auth?callback_url=https%3A%2F%2Fa.example")));
    assert_false(return_path_is_right(STR("")));
    assert_false(return_path_is_right(STR("account")));
    assert_false(return_path_is_right(STR("//evil.example")));
    assert_false(return_path_is_right(STR("/\\evil.example")));
    assert_false(return_path_is_right(STR("https://evil.example")));
    assert_false(return_path_is_right(STR("/a\r\nLocation: x")));
    assert_false(return_path_is_right(STR("/\t/evil.example")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callbacks_are_https_or_loopback),
        cmocka_unit_test(all_other_callbacks_are_refused),
        cmocka_unit_test(a_query_that_is_there_is_kept),
        cmocka_unit_test(an_app_is_called_by_its_host),
        cmocka_unit_test(a_sign_in_returns_to_this_site_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
