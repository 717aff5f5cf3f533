/* Calls through a pool to a scripted provider. */
#include "http/client.h"
#include "unit/http/rig.h"

enum { CALLS_MAX = 8 };

struct ask {
    struct http_call call;
    struct buf body;
    char content_type[32], why[300];
    struct str request[2];
    int status, sent, heads, ends, fails;
    enum err err;
    char acts_in[12]; /* the callback in which... */
    bool cancels, restarts, frees_pool, is_sink;
    uint64_t count;
};

static struct {
    struct http_pool *pool;
    uint16_t port;
    struct ask asks[CALLS_MAX];
} t;

static void start(struct ask *a);

static void act(struct ask *a, const char *where)
{
    rig_stop();
    if (strcmp(a->acts_in, where) != 0)
        return;
    if (a->frees_pool) {
        http_pool_free(t.pool);
        t.pool = NULL;
    }
    if (a->cancels)
        http_call_cancel(&a->call);
    if (a->restarts) {
        a->restarts = false;
        start(a);
    }
}

static void on_sent(struct http_call *c)
{
    struct ask *a = container_of(c, struct ask, call);
    a->sent++;
    act(a, "sent");
}

static void on_head(struct http_call *c, const struct http_head *h)
{
    struct ask *a = container_of(c, struct ask, call);
    struct str type = http_field(h, STR("content-type"));
    a->heads++;
    a->status = h->status;
    snprintf(a->content_type, sizeof a->content_type, "%.*s", STR_ARG(type));
    act(a, "head");
}

static void on_body(struct http_call *c, struct str bytes)
{
    struct ask *a = container_of(c, struct ask, call);
    a->count += bytes.n;
    if (!a->is_sink)
        assert_int_equal(buf_add(&a->body, bytes), ERR_OK);
    act(a, "body");
}

static void on_end(struct http_call *c)
{
    struct ask *a = container_of(c, struct ask, call);
    assert_true(http_call_is_over(c));
    a->ends++;
    act(a, "end");
}

static void on_fail(struct http_call *c, enum err e, const char *why)
{
    struct ask *a = container_of(c, struct ask, call);
    assert_true(http_call_is_over(c));
    a->fails++;
    a->err = e;
    snprintf(a->why, sizeof a->why, "%s", why);
    act(a, "fail");
}

static const struct http_call_ops ops = {on_sent, on_head, on_body, on_end, on_fail};

static void start_text(struct ask *a, const char *text)
{
    a->request[0] = str_c(text);
    a->request[1] = STR("Host: provider\r\n\r\n");
    http_call_start(&a->call, t.pool, &ops, a->request, 2);
}

static void start(struct ask *a)
{
    start_text(a, "GET /v1 HTTP/1.1\r\n");
}

static void begin_limited(uint32_t connections, uint32_t waiting, uint32_t idle_ms)
{
    rig_begin();
    memset(&t, 0, sizeof t);
    t.port = rig_listen();
    struct http_origin o = {.host = STR("127.0.0.1"), .port = t.port};
    struct http_pool_limits limits = {connections, waiting, idle_ms};
    t.pool = http_pool_new(rig.loop, &o, &limits);
    assert_non_null(t.pool);
    for (int i = 0; i < CALLS_MAX; i++)
        buf_init(&t.asks[i].body, 1 << 20);
}

static void begin(void)
{
    begin_limited(4, 4, 10000);
}

static void end(void)
{
    http_pool_free(t.pool);
    rig_end();
    for (int i = 0; i < CALLS_MAX; i++)
        buf_release(&t.asks[i].body);
}

/* The n-th connection, with a whole request on it. */
static struct peer *asked(unsigned n)
{
    RUN_UNTIL(rig.n > n && got_has(&rig.peers[n], "\r\n\r\n"));
    return &rig.peers[n];
}

static void reply(unsigned n, const char *text)
{
    struct peer *p = asked(n);
    buf_reset(&p->got);
    peer_send(p, text);
}

static const char hello[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

static void a_call_gets_its_answer_and_the_connection_is_used_again(void **state)
{
    (void)state;
    begin();
    struct ask *a = &t.asks[0];
    for (int i = 1; i <= 3; i++) {
        start(a);
        assert_false(http_call_is_over(&a->call));
        assert_int_equal(a->sent, i == 1 ? 0 : i);
        assert_str(buf_view(&asked(0)->got), "GET /v1 HTTP/1.1\r\nHost: provider\r\n\r\n");
        assert_int_equal(a->call.is_reused, i > 1);
        reply(0, hello);
        RUN_UNTIL(a->ends == i);
        assert_int_equal(a->status, 200);
        assert_string_equal(a->content_type, "text/plain");
        assert_str(buf_view(&a->body), "hello");
        buf_reset(&a->body);
        struct http_pool_counts n = http_pool_counts(t.pool);
        assert_true(n.open == 1 && n.idle == 1 && n.waiting == 0);
    }
    assert_int_equal(a->sent, 3);
    assert_int_equal(a->fails, 0);
    assert_int_equal(rig.n, 1);
    end();
}

struct answer {
    const char *text, *body;
    int status;
    bool is_reusable, needs_close;
};

static const struct answer answers[] = {
    {hello, "hello", 200, true, false},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", 200, true, false},
    {"HTTP/1.1 204 No Content\r\n\r\n", "", 204, true, false},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", 304, true, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n "
     "world\r\n0\r\nT: v\r\n\r\n",
     "hello world", 200, true, false},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n"
     "Content-Length: 5\r\n\r\nhello",
     "hello", 200, true, false},
    {"HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 4\r\n\r\noops",
     "oops", 500, false, false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, false, false},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", "hello", 200,
     true, false},
    {"HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", 200, false, true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n", "hello", 200,
     false, false},
};

static void check_answer(const struct answer *want, size_t split)
{
    begin();
    struct ask *a = &t.asks[0];
    size_t n = strlen(want->text);
    start(a);
    struct peer *p = asked(0);
    peer_send_n(p, str_of(want->text, split));
    if (split < n) {
        rig_turn();
        peer_send_n(p, str_of(want->text + split, n - split));
    }
    if (want->needs_close)
        io_shutdown(p->c);
    RUN_UNTIL(a->ends);
    assert_int_equal(a->status, want->status);
    assert_int_equal(a->heads, 1);
    assert_str(buf_view(&a->body), want->body);
    if (strstr(want->text, "hello") && strstr(strstr(want->text, "hello") + 5, "HTTP/1.1"))
        rig_turn(); /* what comes later finds the connection idle */
    assert_int_equal(http_pool_counts(t.pool).idle, want->is_reusable);
    end();
}

static void answers_are_framed_in_every_way_and_split_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        for (size_t split = 1; split <= strlen(answers[i].text); split++)
            check_answer(&answers[i], split);
    }
}

static void a_head_request_has_no_body_in_its_answer(void **state)
{
    (void)state;
    begin();
    start_text(&t.asks[0], "HEAD / HTTP/1.1\r\n");
    reply(0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    RUN_UNTIL(t.asks[0].ends == 1);
    assert_int_equal(http_pool_counts(t.pool).idle, 1);
    end();
}

struct failure {
    const char *text, *why;
    bool closes;
};

static const struct failure failures[] = {
    {"", "connection closed before an answer", true},
    {"HTTP/1.1 200 OK\r\nConte", "connection closed within the head of the answer", true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhello",
     "the answer ended after 5 of 5000 bytes", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
     "the answer was cut after 5 bytes", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
     "the answer was cut after 3 bytes", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
     "the answer was cut after 5 bytes", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX", "not proper HTTP", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
     "not proper HTTP", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "not proper HTTP", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "not proper HTTP", false},
    {"HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n", "not proper HTTP", false},
    {"HTTP/1.1 20 OK\r\n\r\n", "not proper HTTP", false},
    {"HTTP/2.0 200 OK\r\n\r\n", "not proper HTTP", false},
    {"SSH-2.0-OpenSSH_9.2\r\n", "not proper HTTP", false},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "another protocol", false},
};

static void what_fails_is_told_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        begin();
        struct ask *a = &t.asks[0];
        start(a);
        struct peer *p = asked(0);
        peer_send(p, failures[i].text);
        if (failures[i].closes)
            io_shutdown(p->c);
        RUN_UNTIL(a->fails);
        assert_int_equal(a->err, ERR_UPSTREAM);
        if (!strstr(a->why, failures[i].why))
            print_error("%s\n", a->why);
        assert_non_null(strstr(a->why, failures[i].why));
        assert_int_equal(a->ends, 0);
        assert_int_equal(http_pool_counts(t.pool).open, 0);
        end();
    }
}

static void a_head_without_end_is_given_up(void **state)
{
    (void)state;
    begin();
    start(&t.asks[0]);
    struct peer *p = asked(0);
    peer_send(p, "HTTP/1.1 200 OK\r\nX: ");
    for (int i = 0; i < 1000; i++)
        peer_send(p, "0123456789012345678901234567890123456789");
    RUN_UNTIL(t.asks[0].fails);
    assert_non_null(strstr(t.asks[0].why, "over 32768 bytes"));
    end();
}

static void a_refused_connection_is_told(void **state)
{
    (void)state;
    begin();
    io_listener_close(rig.listener);
    rig_turn();
    start(&t.asks[0]);
    assert_int_equal(t.asks[0].fails, 0);
    RUN_UNTIL(t.asks[0].fails);
    assert_int_equal(t.asks[0].err, ERR_UPSTREAM);
    assert_string_equal(t.asks[0].why, "connection refused");
    assert_int_equal(http_pool_counts(t.pool).open, 0);
    end();
}

static void calls_over_the_limit_wait_in_line_and_more_are_refused(void **state)
{
    (void)state;
    begin_limited(1, 2, 10000);
    for (int i = 0; i < 4; i++)
        start(&t.asks[i]);
    assert_int_equal(t.asks[3].fails, 0);
    RUN_UNTIL(t.asks[3].fails);
    assert_int_equal(t.asks[3].err, ERR_OVERLOADED);
    assert_int_equal(http_pool_counts(t.pool).waiting, 2);
    reply(0, hello);
    RUN_UNTIL(t.asks[0].ends);
    assert_true(t.asks[1].sent == 1 && t.asks[2].sent == 0);
    reply(0, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    RUN_UNTIL(t.asks[1].ends);
    reply(1, hello);
    RUN_UNTIL(t.asks[2].ends);
    assert_false(t.asks[2].call.is_reused);
    assert_true(t.asks[1].call.is_reused);
    end();
}

static void the_newest_idle_connection_is_taken_first_and_old_ones_expire(void **state)
{
    (void)state;
    begin_limited(3, 0, 60);
    for (int i = 0; i < 3; i++)
        start(&t.asks[i]);
    for (unsigned i = 0; i < 3; i++)
        asked(i);
    for (unsigned i = 0; i < 3; i++) {
        reply(i, hello);
        RUN_UNTIL(http_pool_counts(t.pool).idle == i + 1);
    }
    start(&t.asks[0]);
    RUN_UNTIL(rig.peers[2].got.n > 0);
    assert_true(rig.peers[0].got.n == 0 && rig.peers[1].got.n == 0);
    RUN_UNTIL(rig.peers[0].is_ended && rig.peers[1].is_ended);
    assert_int_equal(http_pool_counts(t.pool).open, 1);
    reply(2, hello);
    RUN_UNTIL(rig.peers[2].is_ended);
    assert_int_equal(http_pool_counts(t.pool).open, 0);
    end();
}

static void an_idle_connection_that_closes_or_speaks_is_dropped(void **state)
{
    (void)state;
    begin();
    start(&t.asks[0]);
    start(&t.asks[1]);
    asked(1);
    reply(0, hello);
    reply(1, hello);
    RUN_UNTIL(http_pool_counts(t.pool).idle == 2);
    peer_close(&rig.peers[0]);
    peer_send(&rig.peers[1], "HTTP/1.1 200 OK\r\n\r\n");
    RUN_UNTIL((rig_turn(), http_pool_counts(t.pool).open == 0));
    assert_true(t.asks[0].fails == 0 && t.asks[1].fails == 0);
    end();
}

static void a_stale_connection_is_replaced_once(void **state)
{
    (void)state;
    begin();
    struct ask *a = &t.asks[0];
    start(a);
    reply(0, hello);
    RUN_UNTIL(a->ends == 1);
    start(a); /* while the provider closes */
    assert_true(a->call.is_reused);
    peer_close(&rig.peers[0]);
    asked(1);
    assert_false(a->call.is_reused);
    assert_int_equal(a->fails, 0);
    assert_int_equal(a->sent, 2);
    peer_close(&rig.peers[1]);
    RUN_UNTIL(a->fails == 1);
    assert_non_null(strstr(a->why, "before an answer"));
    assert_int_equal(rig.n, 2);
    end();
}

static void a_reused_connection_that_has_begun_to_answer_is_not_replaced(void **state)
{
    (void)state;
    begin();
    struct ask *a = &t.asks[0];
    start(a);
    reply(0, hello);
    RUN_UNTIL(a->ends == 1);
    start(a);
    reply(0, "HTTP/1.1 2");
    io_shutdown(rig.peers[0].c);
    RUN_UNTIL(a->fails == 1);
    assert_int_equal(rig.n, 1);
    end();
}

static void cancelling_closes_the_connection_at_once(void **state)
{
    (void)state;
    const char *where[] = {"sent", "head", "body", "end", "fail"};
    for (size_t i = 0; i < COUNT_OF(where); i++) {
        begin();
        struct ask *a = &t.asks[0];
        snprintf(a->acts_in, sizeof a->acts_in, "%s", where[i]);
        a->cancels = true;
        start(a);
        RUN_UNTIL(rig.n == 1);
        if (i == 0) {
            RUN_UNTIL(rig.peers[0].is_ended);
        } else if (i == 4) {
            peer_send(&rig.peers[0], "nonsense\r\n");
            RUN_UNTIL(a->fails);
        } else {
            reply(0, hello);
            RUN_UNTIL(i == 3 ? a->ends : rig.peers[0].is_ended);
            assert_int_equal(a->ends, i == 3);
        }
        assert_true(http_call_is_over(&a->call));
        assert_int_equal(http_pool_counts(t.pool).open, i == 3);
        http_call_cancel(&a->call);
        end();
    }
}

static void waiting_and_connecting_calls_can_be_cancelled(void **state)
{
    (void)state;
    begin_limited(1, 1, 10000);
    start(&t.asks[0]);
    start(&t.asks[1]);
    start(&t.asks[2]);
    http_call_cancel(&t.asks[2].call);
    http_call_cancel(&t.asks[0].call);
    assert_true(http_call_is_over(&t.asks[0].call));
    RUN_UNTIL(t.asks[1].sent);
    assert_int_equal(http_pool_counts(t.pool).waiting, 0);
    http_call_cancel(&t.asks[1].call);
    rig_turn();
    assert_true(t.asks[0].fails + t.asks[1].fails + t.asks[2].fails == 0);
    assert_int_equal(http_pool_counts(t.pool).open, 0);
    end();
}

static void a_call_may_start_again_from_its_own_callbacks(void **state)
{
    (void)state;
    begin();
    struct ask *a = &t.asks[0];
    strcpy(a->acts_in, "end");
    a->restarts = true;
    start(a);
    reply(0, hello);
    RUN_UNTIL(a->ends == 1);
    reply(0, hello);
    RUN_UNTIL(a->ends == 2);
    assert_int_equal(rig.n, 1);
    strcpy(a->acts_in, "fail");
    a->restarts = true;
    start(a);
    reply(0, "HTTP/1.1 x");
    peer_send(&rig.peers[0], "\r\n");
    RUN_UNTIL(a->fails == 1);
    reply(1, hello);
    RUN_UNTIL(a->ends == 3);
    end();
}

static void the_pool_may_be_freed_from_any_callback(void **state)
{
    (void)state;
    const char *where[] = {"sent", "head", "body", "end", "fail"};
    for (size_t i = 0; i < COUNT_OF(where); i++) {
        begin_limited(1, 1, 10000);
        struct ask *a = &t.asks[0];
        snprintf(a->acts_in, sizeof a->acts_in, "%s", where[i]);
        a->frees_pool = true;
        start(a);
        start(&t.asks[1]);
        start(&t.asks[2]); /* refused, and told later */
        http_call_cancel(&t.asks[2].call);
        RUN_UNTIL(rig.n == 1);
        if (i)
            reply(0, i == 4 ? "nonsense\r\n" : hello);
        RUN_UNTIL(!t.pool);
        rig_turn();
        assert_true(http_call_is_over(&a->call) && http_call_is_over(&t.asks[1].call));
        assert_int_equal(t.asks[1].ends + t.asks[1].fails, 0);
        end();
    }
}

static void a_slow_reader_stops_the_provider(void **state)
{
    (void)state;
    static char part[1 << 20];
    begin();
    struct ask *a = &t.asks[0];
    a->is_sink = true;
    start(a);
    reply(0, "HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n");
    RUN_UNTIL(a->heads);
    http_call_read(&a->call, false);
    for (int i = 0; i < 32; i++)
        peer_send_n(&rig.peers[0], str_of(part, sizeof part));
    for (int i = 0; i < 10; i++)
        rig_turn();
    assert_int_equal(a->count, 0);
    http_call_read(&a->call, true);
    RUN_UNTIL(a->count > 0);
    http_call_read(&a->call, false);
    uint64_t now = a->count;
    rig_turn();
    assert_int_equal(a->count, now);
    http_call_read(&a->call, true);
    RUN_UNTIL(a->ends);
    assert_int_equal(a->count, 33554432);
    assert_int_equal(http_pool_counts(t.pool).idle, 1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_gets_its_answer_and_the_connection_is_used_again),
        cmocka_unit_test(answers_are_framed_in_every_way_and_split_anywhere),
        cmocka_unit_test(a_head_request_has_no_body_in_its_answer),
        cmocka_unit_test(what_fails_is_told_in_words),
        cmocka_unit_test(a_head_without_end_is_given_up),
        cmocka_unit_test(a_refused_connection_is_told),
        cmocka_unit_test(calls_over_the_limit_wait_in_line_and_more_are_refused),
        cmocka_unit_test(the_newest_idle_connection_is_taken_first_and_old_ones_expire),
        cmocka_unit_test(an_idle_connection_that_closes_or_speaks_is_dropped),
        cmocka_unit_test(a_stale_connection_is_replaced_once),
        cmocka_unit_test(a_reused_connection_that_has_begun_to_answer_is_not_replaced),
        cmocka_unit_test(cancelling_closes_the_connection_at_once),
        cmocka_unit_test(waiting_and_connecting_calls_can_be_cancelled),
        cmocka_unit_test(a_call_may_start_again_from_its_own_callbacks),
        cmocka_unit_test(the_pool_may_be_freed_from_any_callback),
        cmocka_unit_test(a_slow_reader_stops_the_provider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
