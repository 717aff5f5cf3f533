#include "unit/unit.h"

#include <stdio.h>

#include "http/internal.h"
#include "http/pool.h"
#include "http/serving.h"

static enum err read_head(const char *text, bool is_response, struct http_head *h, struct fault *f)
{
    struct http_scan s = {.is_response = is_response};
    enum err e = http_scan(&s, str_c(text), f);
    if (e != ERR_OK)
        return e;
    assert_int_equal(s.at, strlen(text));
    return http_head_read(&s, str_head(str_c(text), s.at), h, f);
}

static void a_request_is_read_as_views(void **state)
{
    (void)state;
    struct http_head h;
    struct fault f;
    const char *text =
        "POST /v1/chat?x=1&y HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX-Blank: \t \r\nX-Trim: \t a b "
        "\t\r\n"
        "content-LENGTH: 0012\r\nExpect: 100-Continue\r\nConnection: keep-alive, x\r\n"
        "X-Text: \xc3\xa4 : \"q\"\r\n\r\n";
    assert_int_equal(read_head(text, false, &h, &f), ERR_OK);
    assert_int_equal(h.method, HTTP_POST);
    assert_str(h.target, "/v1/chat?x=1&y");
    assert_str(h.path, "/v1/chat");
    assert_str(h.query, "x=1&y");
    assert_true(h.target.p == text + 5);
    assert_int_equal(h.n, 8);
    assert_str(http_field(&h, STR("HOST")), "h");
    assert_str(http_field(&h, STR("x-empty")), "");
    assert_str(http_field(&h, STR("x-blank")), "");
    assert_str(http_field(&h, STR("x-trim")), "a b");
    assert_str(http_field(&h, STR("x-text")), "\xc3\xa4 : \"q\"");
    assert_null(http_field(&h, STR("x-none")).p);
    assert_int_equal(h.length, 12);
    assert_true(h.expects_continue && h.keep_alive && !h.is_http10 && !h.is_chunked);
}

static void methods_are_known_by_name_and_others_pass(void **state)
{
    (void)state;
    const struct {
        const char *name;
        enum http_method method;
    } methods[] = {
        {"GET", HTTP_GET},         {"HEAD", HTTP_HEAD},   {"POST", HTTP_POST},
        {"PUT", HTTP_PUT},         {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE},
        {"OPTIONS", HTTP_OPTIONS}, {"get", HTTP_OTHER},   {"GETX", HTTP_OTHER},
        {"BREW", HTTP_OTHER},      {"PRI", HTTP_OTHER},   {"SOURCE", HTTP_OTHER},
        {"M-SEARCH", HTTP_OTHER},
    };
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        char text[100];
        struct http_head h;
        struct fault f;
        snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: h\r\n\r\n", methods[i].name);
        assert_int_equal(read_head(text, false, &h, &f), ERR_OK);
        assert_int_equal(h.method, methods[i].method);
        if (h.method != HTTP_OTHER)
            assert_string_equal(http_method_name(h.method), methods[i].name);
    }
}

static void keeping_the_connection_depends_on_version_and_field(void **state)
{
    (void)state;
    const struct {
        const char *version, *field;
        bool keeps;
    } cases[] = {
        {"1.1", "", true},
        {"1.1", "Connection: close\r\n", false},
        {"1.1", "Connection: Keep-Alive\r\nConnection: x,CLOSE\r\n", false},
        {"1.0", "", false},
        {"1.0", "Connection: keep-alive\r\n", true},
        {"1.0", "Connection: keep-alive, close\r\n", false},
        {"1.1", "Connection: closed\r\n", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[200];
        struct http_head h;
        struct fault f;
        snprintf(text, sizeof text, "GET / HTTP/%s\r\nHost: h\r\n%s\r\n", cases[i].version,
                 cases[i].field);
        assert_int_equal(read_head(text, false, &h, &f), ERR_OK);
        assert_int_equal(h.keep_alive, cases[i].keeps);
        snprintf(text, sizeof text, "HTTP/%s 200 OK\r\n%s\r\n", cases[i].version, cases[i].field);
        assert_int_equal(read_head(text, true, &h, &f), ERR_OK);
        assert_int_equal(h.keep_alive, cases[i].keeps);
        assert_int_equal(h.status, 200);
    }
}

static void a_head_of_as_many_fields_as_allowed_is_read(void **state)
{
    (void)state;
    char text[4096];
    struct http_head h;
    struct fault f;
    int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 1; i < HTTP_FIELDS_MAX; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "A%d: b\r\n", i);
    snprintf(text + n, sizeof text - (size_t)n, "\r\n");
    assert_int_equal(read_head(text, false, &h, &f), ERR_OK);
    assert_int_equal(h.n, HTTP_FIELDS_MAX);
    assert_str(http_field(&h, STR("a99")), "b");
}

static void reasons_are_known(void **state)
{
    (void)state;
    assert_string_equal(http_reason(200), "OK");
    assert_string_equal(http_reason(431), "Request Header Fields Too Large");
    assert_string_equal(http_reason(299), "Unknown");
}

/* Memory of an open stream, besides what the connections below it take. */
static void a_connection_costs_little(void **state)
{
    (void)state;
    print_message("http_stream %zu, http_conn %zu, http_call %zu, http_head %zu (on the stack)\n",
                  sizeof(struct http_stream), sizeof(struct http_conn), sizeof(struct http_call),
                  sizeof(struct http_head));
    assert_true(sizeof(struct http_stream) <= 500);
    assert_true(sizeof(struct http_conn) <= 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read_as_views),
        cmocka_unit_test(methods_are_known_by_name_and_others_pass),
        cmocka_unit_test(keeping_the_connection_depends_on_version_and_field),
        cmocka_unit_test(a_head_of_as_many_fields_as_allowed_is_read),
        cmocka_unit_test(reasons_are_known),
        cmocka_unit_test(a_connection_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
