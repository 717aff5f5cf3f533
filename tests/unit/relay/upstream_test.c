#include "unit/unit.h"

#include "relay/upstream.h"

static struct io_loop *loop;

static int set_up(void **state)
{
    struct fault f;
    (void)state;
    loop = io_loop_new(&f);
    return loop ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    io_loop_free(loop);
    return 0;
}

static struct provider provider(const char *url, const char *api_key)
{
    return (struct provider){.name = STR("p"),
                             .title = STR("P"),
                             .dialect = STR("openai"),
                             .kind = kind_at(0),
                             .base_url = str_c(url),
                             .api_key = {str_c(api_key)},
                             .connections_max = 4,
                             .max_tokens_field = STR("max_tokens")};
}

static struct upstream *made(const struct provider *p)
{
    struct fault f;
    struct upstream *u = upstream_new(loop, p, NULL, &f);
    if (!u)
        fail_msg("%s", f.message);
    return u;
}

static void the_head_is_the_same_for_every_request(void **state)
{
    (void)state;
    static const struct {
        const char *url, *key, *head;
    } rows[] = {
        {"http://h.example/v1", "sk-1",
         "POST /v1/chat/completions HTTP/1.1\r\nHost: h.example\r\nAuthorization: Bearer sk-1\r\n"
         "Content-Type: application/json\r\nUser-Agent: turnpike\r\nContent-Length: "},
        {"http://h.example:81", "",
         "POST /chat/completions HTTP/1.1\r\nHost: h.example:81\r\nContent-Type: "
         "application/json\r\n"
         "User-Agent: turnpike\r\nContent-Length: "},
        {"http://[::1]:8080/a/b", "k",
         "POST /a/b/chat/completions HTTP/1.1\r\nHost: [::1]:8080\r\nAuthorization: Bearer k\r\n"
         "Content-Type: application/json\r\nUser-Agent: turnpike\r\nContent-Length: "},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct provider p = provider(rows[i].url, rows[i].key);
        struct upstream *u = made(&p);
        assert_str(buf_view(&u->head), rows[i].head);
        upstream_unref(u);
    }
}

#define AFTER_HOST "Content-Type: application/json\r\nUser-Agent: turnpike\r\nContent-Length: "

static void the_kind_says_how_a_provider_is_asked(void **state)
{
    (void)state;
    static const struct kind odd = {
        .auth = KIND_NO_AUTH, .path_prefix = STR_INIT("/x"), .headers = STR_INIT("X-One: 1\r\n")};
    static const struct kind other = {.auth = KIND_X_API_KEY};
    const struct {
        const struct kind *kind;
        const char *url, *head, *tail;
    } rows[] = {
        {kind_at(kind_find(STR("azure"))), "https://r.openai.azure.com",
         "POST /openai/deployments/",
         "/chat/completions?api-version=2024-10-21 HTTP/1.1\r\nHost: r.openai.azure.com\r\n"
         "api-key: sk-1\r\n" AFTER_HOST},
        {&odd, "http://h/v1",
         "POST /v1/x/chat/completions HTTP/1.1\r\nHost: h\r\n"
         "Content-Type: application/json\r\nUser-Agent: turnpike\r\nX-One: 1\r\n"
         "Content-Length: ",
         ""},
        {&other, "http://h",
         "POST /chat/completions HTTP/1.1\r\nHost: h\r\nx-api-key: sk-1\r\n" AFTER_HOST, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct provider p = provider(rows[i].url, "sk-1");
        p.kind = rows[i].kind;
        p.api_version = STR("2024-10-21");
        struct upstream *u = made(&p);
        assert_str(buf_view(&u->head), rows[i].head);
        assert_str(buf_view(&u->tail), rows[i].tail);
        upstream_unref(u);
    }
}

static void what_is_no_chat_has_heads_of_its_own(void **state)
{
    const struct {
        const char *dialect, *kind, *head, *tail;
    } rows[] = {
        {"openai", "generic",
         "POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer sk-1\r\n" AFTER_HOST,
         ""},
        {"openai", "azure", "POST /v1/openai/deployments/",
         "/embeddings?api-version=2024-10-21 HTTP/1.1\r\nHost: h\r\napi-key: sk-1\r\n" AFTER_HOST},
        {"gemini", "generic", "POST /v1",
         " HTTP/1.1\r\nHost: h\r\nx-goog-api-key: sk-1\r\n" AFTER_HOST},
        {"cohere", "generic",
         "POST /v1/embed HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer sk-1\r\n" AFTER_HOST, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct provider p = provider("http://h/v1", "sk-1");
        p.dialect = str_c(rows[i].dialect);
        p.kind = kind_at(kind_find(str_c(rows[i].kind)));
        p.api_version = STR("2024-10-21");
        struct upstream *u = made(&p);
        const struct upstream_way *w = &u->direct[DIRECT_EMBED];
        assert_ptr_equal(w->form, direct_form_find(DIRECT_EMBED, p.dialect));
        assert_str(buf_view(&w->head), rows[i].head);
        assert_str(buf_view(&w->tail), rows[i].tail);
        assert_true(upstream_has(&p, OUTPUT_EMBEDDINGS));
        assert_int_equal(upstream_has(&p, OUTPUT_TEXT), !str_eq(p.dialect, STR("cohere")));
        upstream_unref(u);
    }
    struct provider none = provider("http://h/v1", "sk-1");
    none.dialect = STR("anthropic");
    assert_false(upstream_has(&none, OUTPUT_EMBEDDINGS));
}

static void a_url_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {"", "h.example", "ftp://h/", "http://", "http://h:99999"};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct provider p = provider(urls[i], "k");
        struct fault f = {0};
        assert_null(upstream_new(loop, &p, NULL, &f));
        assert_true(f.err != ERR_OK && f.message[0]);
    }
}

static void it_serves_what_is_asked_for_in_the_same_way(void **state)
{
    (void)state;
    struct provider p = provider("http://h/v1", "k"), q = p;
    struct upstream *u = made(&p);
    assert_true(upstream_serves(u, &p));
    q.name = STR("other");
    q.deadlines.first_ms = 7;
    assert_true(upstream_serves(u, &q));
    q = p;
    q.base_url = STR("http://h/v2");
    assert_false(upstream_serves(u, &q));
    q = p;
    q.api_key = secret_of(STR("k2"));
    assert_false(upstream_serves(u, &q));
    q = p;
    q.connections_max = 5;
    assert_false(upstream_serves(u, &q));
    upstream_unref(u);
}

static void it_lives_until_its_last_reference(void **state)
{
    (void)state;
    struct provider p = provider("http://h/v1", "k");
    struct upstream *u = made(&p);
    assert_ptr_equal(upstream_ref(u), u);
    upstream_unref(u);
    assert_true(upstream_serves(u, &p)); /* a sanitizer would say otherwise */
    upstream_unref(u);
    upstream_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_is_the_same_for_every_request),
        cmocka_unit_test(the_kind_says_how_a_provider_is_asked),
        cmocka_unit_test(what_is_no_chat_has_heads_of_its_own),
        cmocka_unit_test(a_url_that_is_none_is_refused),
        cmocka_unit_test(it_serves_what_is_asked_for_in_the_same_way),
        cmocka_unit_test(it_lives_until_its_last_reference),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
