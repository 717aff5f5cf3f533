#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/conn.h"
#include "io/courier.h"

/* A server of one answer, on the loop of the test; the courier is on its own thread. Mail is tested
 * by a flow, against a real server. */
struct rig {
    struct io_loop *loop;
    struct io_listener *listener;
    struct courier *courier;
    struct str answer; /* empty: none, ever */
    char asked[4096];
    size_t asked_n;
    unsigned accepts;
    struct io_conn *open[16];
    char url[100];
};

static struct rig rig;

static void on_bytes(void *user, struct str bytes)
{
    struct io_conn *c = user;
    assert_true(rig.asked_n + bytes.n < sizeof rig.asked);
    memcpy(rig.asked + rig.asked_n, bytes.p, bytes.n);
    rig.asked_n += bytes.n;
    struct str asked = str_of(rig.asked, rig.asked_n);
    if (str_find(asked, STR("\r\n\r\n")) == asked.n || !rig.answer.n)
        return;
    io_write(c, &rig.answer, 1);
    io_shutdown(c);
}

static void on_end(void *user, enum err e)
{
    (void)user;
    (void)e;
}

static void on_drained(void *user)
{
    (void)user;
}

static const struct io_conn_ops ops = {
    .on_bytes = on_bytes, .on_end = on_end, .on_drained = on_drained};

static void on_accept(void *user, struct io_conn *c)
{
    (void)user;
    rig.open[rig.accepts++] = c;
    io_conn_set_user(c, &ops, c);
    io_read(c, true);
}

static int set_up(void **state)
{
    (void)state;
    struct fault f;
    memset(&rig, 0, sizeof rig);
    rig.loop = io_loop_new(&f);
    rig.listener = io_listen(rig.loop, STR("127.0.0.1"), 0, NULL, on_accept, NULL, &f);
    rig.courier = courier_new(NULL, &f);
    snprintf(rig.url, sizeof rig.url, "http://127.0.0.1:%u/keys?q=sk-canary",
             io_listener_port(rig.listener));
    return !rig.loop || !rig.listener || !rig.courier;
}

static int tear_down(void **state)
{
    (void)state;
    courier_free(rig.courier);
    io_loop_free(rig.loop);
    return 0;
}

static void on_done(struct courier_job *j)
{
    (void)j;
    io_loop_stop(rig.loop);
}

static struct courier_get get_of(const char *url)
{
    return (struct courier_get){.job = {.kind = COURIER_GET, .loop = rig.loop, .done = on_done},
                                .url = str_c(url),
                                .body_max = 1000,
                                .timeout_ms = 20000};
}

static void go(struct courier_job *j)
{
    courier_submit(rig.courier, j);
    io_loop_run(rig.loop);
}

static void a_body_comes_with_its_etag_and_age(void **state)
{
    (void)state;
    struct courier_get g = get_of(rig.url);
    g.etag = STR("\"old\"");
    g.authorization = secret_of(STR("Basic Zm9v"));
    rig.answer = STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"new\"\r\n"
                     "Cache-Control: public, max-age=60\r\n\r\nhello");
    go(&g.job);
    assert_int_equal(g.job.err, ERR_OK);
    assert_int_equal(g.answer.status, 200);
    assert_str(buf_view(&g.answer.body), "hello");
    assert_string_equal(g.answer.etag, "\"new\"");
    assert_int_equal(g.answer.max_age_s, 60);
    struct str asked = str_of(rig.asked, rig.asked_n);
    assert_true(str_starts(asked, STR("GET /keys?q=sk-canary HTTP/1.1\r\n")));
    assert_true(str_find(asked, STR("If-None-Match: \"old\"\r\n")) < asked.n);
    assert_true(str_find(asked, STR("Authorization: Basic Zm9v\r\n")) < asked.n);
    buf_release(&g.answer.body);
}

static void a_post_sends_its_body(void **state)
{
    (void)state;
    struct courier_post p = {.job = {.kind = COURIER_POST, .loop = rig.loop, .done = on_done},
                             .url = str_c(rig.url),
                             .content_type = STR("application/x-www-form-urlencoded"),
                             .body = secret_of(STR("code=1&a=b")),
                             .body_max = 100,
                             .timeout_ms = 20000};
    rig.answer = STR("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}");
    go(&p.job);
    assert_int_equal(p.job.err, ERR_OK);
    assert_int_equal(p.answer.status, 400);
    struct str asked = str_of(rig.asked, rig.asked_n);
    assert_true(str_starts(asked, STR("POST ")));
    assert_true(str_ends(asked, STR("\r\n\r\ncode=1&a=b")));
    buf_release(&p.answer.body);
}

static void a_redirect_is_an_answer_and_not_followed(void **state)
{
    (void)state;
    struct courier_get g = get_of(rig.url);
    rig.answer = STR("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n");
    go(&g.job);
    assert_int_equal(g.job.err, ERR_OK);
    assert_int_equal(g.answer.status, 302);
    assert_int_equal(rig.accepts, 1);
    buf_release(&g.answer.body);
}

static void too_long_an_answer_is_refused(void **state)
{
    (void)state;
    static char answer[3000];
    struct courier_get g = get_of(rig.url);
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n%01001d", 7);
    rig.answer = str_of(answer, (size_t)n);
    go(&g.job);
    assert_int_equal(g.job.err, ERR_TOO_BIG);
    buf_release(&g.answer.body);
}

static void an_answer_that_is_cut_is_no_answer(void **state)
{
    (void)state;
    struct courier_get g = get_of(rig.url);
    rig.answer = STR("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    go(&g.job);
    assert_int_equal(g.job.err, ERR_UPSTREAM);
    assert_null(strstr(g.job.fault.message, "canary"));
    buf_release(&g.answer.body);
}

static void silence_ends_in_time(void **state)
{
    (void)state;
    struct courier_get g = get_of(rig.url);
    g.timeout_ms = 100;
    go(&g.job);
    assert_int_equal(g.job.err, ERR_TIMEOUT);
    assert_null(strstr(g.job.fault.message, "canary"));
    buf_release(&g.answer.body);
}

static void what_is_given_up_ends_at_once(void **state)
{
    (void)state;
    struct courier_get g = get_of(rig.url);
    courier_submit(rig.courier, &g.job);
    courier_cancel(rig.courier, &g.job);
    io_loop_run(rig.loop);
    assert_int_equal(g.job.err, ERR_CANCELLED);
    buf_release(&g.answer.body);
}

/* CVE-2026-55245 (Bifrost): "allow-list of global unicast, resolve once, pin, check after every redirect": the
 * very address that is connected to is looked at; a redirect is an answer. */
static void this_machine_is_not_the_public_network(void **state)
{
    (void)state;
    struct courier_get g = get_of(rig.url);
    g.is_public_only = true;
    rig.answer = STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    go(&g.job);
    assert_int_equal(g.job.err, ERR_FORBIDDEN);
    assert_int_equal(rig.accepts, 0);
    buf_release(&g.answer.body);
    static const char *const others[] = {
        "https://10.0.0.1/",         "https://192.168.1.1/",    "https://169.254.169.254/",
        "https://100.64.0.1/",       "https://172.31.0.1/",     "https://[::1]/",
        "https://[fd00::1]/",        "https://[fe80::1]/",      "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/", "https://[2002:a00:1::]/", "https://0.0.0.0/",
        "https://localhost/",        "https://0x7f000001/"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct courier_get h = get_of(others[i]);
        h.is_public_only = true;
        go(&h.job);
        assert_int_equal(h.job.err, ERR_FORBIDDEN);
        buf_release(&h.answer.body);
    }
}

/* What was judged is what is connected to: the address, once looked up, and not the name. */
static void a_name_is_judged_by_where_it_leads(void **state)
{
    (void)state;
    char url[64];
    const char *port = strrchr(rig.url, ':');
    snprintf(url, sizeof url, "http://localhost%s", port);
    rig.answer = STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for (int is_public = 0; is_public < 2; is_public++) {
        struct courier_get g = get_of(url);
        unsigned before = rig.accepts;
        g.is_public_only = is_public;
        go(&g.job);
        assert_int_equal(g.job.err, is_public ? ERR_FORBIDDEN : ERR_OK);
        assert_int_equal(rig.accepts - before, !is_public);
        buf_release(&g.answer.body);
    }
}

static void other_urls_are_not_taken(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "http://example.com/",
                                        "http://127.0.0.1.example.com/",
                                        "http://localhost.example.com/",
                                        "http://128.0.0.1/",
                                        "ftp://127.0.0.1/",
                                        "file:///etc/passwd",
                                        "gopher://127.0.0.1/",
                                        "smtp://127.0.0.1/",
                                        "https://user:password@example.com/",
                                        "http://user@127.0.0.1/",
                                        "example.com",
                                        "https://exa mple.com/",
                                        "https://example.com/\r\nX: y"};
    static const char *const right[] = {"https://example.com", "https://example.com:8443/a/b?c",
                                        "http://127.0.0.1:1/", "http://localhost/x",
                                        "http://[::1]:8080/"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct courier_get g = get_of(wrong[i]);
        assert_false(courier_url_is_right(str_c(wrong[i])));
        go(&g.job);
        assert_int_equal(g.job.err, ERR_INVALID);
        buf_release(&g.answer.body);
    }
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        assert_true(courier_url_is_right(str_c(right[i])));
    struct courier_get g = get_of(rig.url);
    g.authorization = secret_of(STR("a\r\nHost: b"));
    go(&g.job);
    assert_int_equal(g.job.err, ERR_INVALID);
    buf_release(&g.answer.body);
}

static void mail_goes_to_addresses_only(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "a", "a@b>\r\nRCPT TO:<c@d", "a b@c", "<a@b>", "a@b\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct courier_mail m = {.job = {.kind = COURIER_MAIL, .loop = rig.loop, .done = on_done},
                                 .url = STR("smtp://127.0.0.1:1"),
                                 .from = STR("x@example.com"),
                                 .to = str_c(wrong[i]),
                                 .message = STR("\r\n"),
                                 .timeout_ms = 1000};
        go(&m.job);
        assert_int_equal(m.job.err, ERR_INVALID);
    }
}

static void a_courier_ends_whatever_is_under_way(void **state)
{
    (void)state;
    struct courier_get g = get_of(rig.url);
    courier_submit(rig.courier, &g.job);
    courier_free(rig.courier);
    rig.courier = NULL;
    buf_release(&g.answer.body);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_body_comes_with_its_etag_and_age),
        TEST(a_post_sends_its_body),
        TEST(a_redirect_is_an_answer_and_not_followed),
        TEST(too_long_an_answer_is_refused),
        TEST(an_answer_that_is_cut_is_no_answer),
        TEST(silence_ends_in_time),
        TEST(what_is_given_up_ends_at_once),
        TEST(this_machine_is_not_the_public_network),
        TEST(a_name_is_judged_by_where_it_leads),
        TEST(other_urls_are_not_taken),
        TEST(mail_goes_to_addresses_only),
        TEST(a_courier_ends_whatever_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
