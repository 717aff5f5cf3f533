#include "unit/unit.h"

#include "http/url.h"

static void base_urls_are_taken_apart(void **state)
{
    (void)state;
    const struct {
        const char *text, *host, *path, *authority;
        uint16_t port;
        bool is_tls;
    } urls[] = {
        {"https://api.openai.com/v1", "api.openai.com", "/v1", "api.openai.com", 443, true},
        {"HTTP://localhost:11434", "localhost", "", "localhost:11434", 11434, false},
        {"http://127.0.0.1/", "127.0.0.1", "", "127.0.0.1", 80, false},
        {"https://h/a/b//", "h", "/a/b", "h", 443, true},
        {"http://[::1]:8080/v1/", "::1", "/v1", "[::1]:8080", 8080, false},
        {"https://[2001:db8::1]", "2001:db8::1", "", "[2001:db8::1]", 443, true},
        {"https://h:443/%7Eme", "h", "/%7Eme", "h:443", 443, true},
    };
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct url u;
        assert_int_equal(url_parse(str_c(urls[i].text), &u, NULL), ERR_OK);
        assert_str(u.host, urls[i].host);
        assert_str(u.path, urls[i].path);
        assert_str(u.authority, urls[i].authority);
        assert_int_equal(u.port, urls[i].port);
        assert_int_equal(u.is_tls, urls[i].is_tls);
    }
}

static void what_is_no_base_url_is_refused_with_a_reason(void **state)
{
    (void)state;
    const struct {
        const char *text, *reason;
    } urls[] = {
        {"", "http://"},
        {"api.openai.com", "http://"},
        {"ftp://h", "http://"},
        {"https://", "no host"},
        {"https:///v1", "host"},
        {"https://h/a b", "space"},
        {"https://h\n", "percent-encoded"},
        {"https://h/\xc3\xa4", "percent-encoded"},
        {"https://h?x=1", "query"},
        {"https://h/#f", "fragment"},
        {"https://user:secret@h/", "credentials"},
        {"https://h:/", "port"},
        {"https://h:0", "port"},
        {"https://h:65536", "port"},
        {"https://h:80x", "port"},
        {"https://h:+80", "port"},
        {"https://::1/", "host"},
        {"https://[::1", "host"},
        {"https://[::1]x", "host"},
        {"https://[h]", "host"},
        {"https://a%41", "host"},
    };
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct url u;
        struct fault f = {.err = ERR_OK};
        if (url_parse(str_c(urls[i].text), &u, &f) != ERR_INVALID ||
            !strstr(f.message, urls[i].reason))
            print_error("%s: %s\n", urls[i].text, f.message);
        assert_int_equal(f.err, ERR_INVALID);
        assert_non_null(strstr(f.message, urls[i].reason));
        assert_null(strstr(f.message, "secret"));
    }
}

static void query_values_are_found_and_decoded(void **state)
{
    (void)state;
    const struct {
        const char *query, *name, *value;
    } queries[] = {
        {"id=gen-1", "id", "gen-1"},
        {"a=1&id=gen%2D1&id=2", "id", "gen-1"},
        {"a=1&b", "b", ""},
        {"a=1&b=", "b", ""},
        {"na%6De=x+y%20z%2b", "name", "x y z+"},
        {"a=%", "a", "%"},
        {"a=%4", "a", "%4"},
        {"a=%zz", "a", "%zz"},
        {"a=b=c", "a", "b=c"},
        {"xid=1", "id", NULL},
        {"", "id", NULL},
        {"&&=", "id", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        struct buf scratch;
        buf_init(&scratch, 1024);
        buf_add(&scratch, STR("kept"));
        struct str v = url_query(str_c(queries[i].query), str_c(queries[i].name), &scratch);
        assert_int_equal(v.p != NULL, queries[i].value != NULL);
        if (queries[i].value)
            assert_str(v, queries[i].value);
        assert_memory_equal(scratch.p, "kept", 4);
        buf_release(&scratch);
    }
}

static void addresses_to_listen_on_are_taken_apart(void **state)
{
    (void)state;
    const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080},
        {"[::1]:0", "::1", 0},
        {":80", "", 80},
        {"localhost:65535", "localhost", 65535},
    };
    const char *bad[] = {"",       ":",     "8080",    "h:",   "h:65536",
                         "::1:80", "[::1]", "[::1]80", "h:-1", "h h:1"};
    struct str host;
    uint16_t port;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(url_parse_listen(str_c(good[i].text), &host, &port));
        assert_str(host, good[i].host);
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(url_parse_listen(str_c(bad[i]), &host, &port));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_urls_are_taken_apart),
        cmocka_unit_test(what_is_no_base_url_is_refused_with_a_reason),
        cmocka_unit_test(query_values_are_found_and_decoded),
        cmocka_unit_test(addresses_to_listen_on_are_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
