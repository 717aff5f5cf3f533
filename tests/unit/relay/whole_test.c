/* Answers too large to hold, and clients too slow for them. */
#include "unit/relay/gateway.h"

enum { HELD = 3 << 20, LARGE = 12 << 20, HUGE = 24 << 20, PIECE = 40000 };

/* Waits without reading megabytes again and again. */
static void wait_end(struct end *c)
{
    WAIT_FOR(c->is_ended || str_ends(buf_view(&c->got), STR("\r\n0\r\n\r\n")));
}

static void send_head(struct end *p, const char *framing)
{
    char head[200];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s\r\n\r\n",
             framing);
    answer_raw(p, head);
}

/* n bytes of a string's inside. */
static void add_filler(struct buf *b, size_t n)
{
    static char piece[PIECE];
    for (size_t i = 0; i < PIECE; i++)
        piece[i] = (char)('a' + i % 26);
    for (; n; n -= n < PIECE ? n : PIECE)
        buf_add(b, str_of(piece, n < PIECE ? n : PIECE));
}

#define BEFORE                                                                                     \
    "{\"id\":\"chatcmpl-9\",\"object\":\"chat.completion\",\"provider\":\"theirs\",\"model\":"     \
    "\"n\",\"choices\":[{"                                                                         \
    "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\""
#define AFTER                                                                                      \
    "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":20},"  \
    "\"created\":7}"
#define GIVEN_BEFORE                                                                               \
    "\",\"object\":\"chat.completion\",\"model\":\"test/"                                          \
    "one\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\""
#define GIVEN_AFTER                                                                                \
    "\"},\"finish_reason\":\"stop\"}],\"created\":7,\"provider\":\"Alpha\",\"usage\":{\"prompt_"   \
    "tokens\":10,"                                                                                 \
    "\"completion_tokens\":20,\"total_tokens\":30,\"cost\":0.0000135,"

static void make_large(struct buf *b, size_t n, const char *after)
{
    buf_init(b, n + 4096);
    buf_add_c(b, BEFORE);
    add_filler(b, n);
    buf_add_c(b, after);
    buf_add(b, str_of("", 1)); /* ends it for who reads to a NUL */
    b->n -= b->n != 0;
    assert_int_equal(b->failed, ERR_OK);
}

static void a_large_answer_passes_with_its_members_edited(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct buf large, filler;
    struct answer a;
    struct store_generation_get g;
    char framing[64];
    make_large(&large, LARGE, AFTER);
    snprintf(framing, sizeof framing, "Content-Length: %zu", large.n);
    struct end *c = client_ask(&k, CHAT("test/one", ""));
    struct end *p = asked(&gw.makers[0]);
    send_head(p, framing);
    end_send(p, buf_view(&large));
    wait_end(c);
    buf_init(&a.body, GOT_MAX);
    answer_read(c, &a);
    assert_true(a.status == 200 && a.is_complete);
    struct str body = buf_view(&a.body);
    assert_true(str_starts(body, STR("{\"id\":\"gen-")));
    body = str_skip(body, str_find(body, STR("\",\"object\"")));
    assert_true(str_starts(body, STR(GIVEN_BEFORE)));
    body = str_skip(body, strlen(GIVEN_BEFORE));
    buf_init(&filler, LARGE);
    add_filler(&filler, LARGE);
    assert_true(str_starts(body, buf_view(&filler)));
    body = str_skip(body, LARGE);
    assert_true(str_starts(body, STR(GIVEN_AFTER)));
    assert_true(body.p[body.n - 1] == '}');
    wait_quiet();
    assert_int_equal(settled_by(&k), 10 * 150 + 20 * 600);
    record_of(&a, &g);
    assert_int_equal(g.row.cost, 13500);
    assert_false(g.row.is_estimated);
    store_generation_release(&g);
    assert_int_equal(upstream_connections(), 1); /* it can serve again */
    buf_release(&filler);
    buf_release(&large);
    buf_release(&a.body);
}

/* Such as one with images in it: all that is told of a small one is told of it. */
static void an_answer_of_some_megabytes_is_as_a_small_one(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct buf large;
    struct answer a;
    struct store_generation_get g;
    make_large(&large, HELD, AFTER);
    struct end *c = client_ask(&k, CHAT("test/one", ""));
    answer_json(asked(&gw.makers[0]), 200, "", large.p);
    WAIT_FOR(str_ends(buf_view(&c->got), STR("}")));
    buf_init(&a.body, GOT_MAX);
    answer_read(c, &a);
    assert_true(a.status == 200 && a.is_complete);
    assert_true(str_find(buf_view(&a.body), STR("\"native_finish_reason\":\"stop\"")) < a.body.n);
    wait_quiet();
    record_of(&a, &g);
    assert_true(str_eq(g.row.finish_reason, STR("stop")));
    assert_int_equal(g.row.cost, 13500);
    store_generation_release(&g);
    buf_release(&large);
    buf_release(&a.body);
}

static void a_large_answer_without_usage_is_estimated(void **state)
{
    (void)state;
    struct made_key k = key_for(&(struct terms){.credit = 100 * NANOS_PER_USD});
    struct buf large;
    make_large(&large, LARGE, "\"}}]}");
    struct end *c = client_ask(&k, CHAT("test/one", ""));
    struct end *p = asked(&gw.makers[0]);
    send_head(p, "Connection: close");
    end_send(p, buf_view(&large));
    io_shutdown(p->c);
    wait_end(c);
    assert_true(str_ends(buf_view(&c->got), STR("\r\n0\r\n\r\n")));
    wait_quiet();
    assert_int_equal(settled_by(&k), 3 * 150 + MAX_OUTPUT * 600);
    buf_release(&large);
}

static void cut_large(const char *framing, struct str sent, const char *then)
{
    struct made_key k = rich_key();
    struct end *c = client_ask(&k, CHAT("test/one", ""));
    struct end *p = asked(&gw.makers[0]);
    send_head(p, framing);
    end_send(p, sent);
    end_send(p, str_c(then));
    io_shutdown(p->c);
    wait_end(c);
    assert_true(got_has(c, "HTTP/1.1 200 OK"));
    assert_true(c->is_ended);
    assert_false(str_ends(buf_view(&c->got), STR("\r\n0\r\n\r\n")));
    wait_quiet();
    assert_true(settled_by(&k) > 0);
    end_drop(c);
}

static void a_large_answer_that_is_cut_never_ends_cleanly(void **state)
{
    (void)state;
    struct buf large;
    make_large(&large, LARGE, AFTER);
    cut_large("Content-Length: 99999999", buf_view(&large), "");
    cut_large("Connection: close", str_head(buf_view(&large), large.n - 1), "");
    cut_large("Connection: close", str_head(buf_view(&large), LARGE), "");
    cut_large("Connection: close", buf_view(&large), "more");
    cut_large("Connection: close", str_head(buf_view(&large), LARGE + 200), "\"}} no JSON");
    buf_release(&large);
}

static void a_large_body_of_failure_is_not_gathered_for_ever(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct buf large;
    make_large(&large, LARGE, AFTER);
    struct end *c = client_ask(&k, CHAT("test/one", ",\"provider\":{\"allow_fallbacks\":false}"));
    struct end *p = asked(&gw.makers[0]);
    answer_raw(p, "HTTP/1.1 500 Oh\r\nConnection: close\r\n\r\n");
    end_send(p, buf_view(&large));
    assert_answer(c, 502, "more than 1048576 bytes in place of an answer");
    buf_release(&large);
}

static void a_client_that_leaves_within_a_large_answer_leaves_nothing(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct buf large;
    make_large(&large, LARGE, AFTER);
    struct end *c = client_ask(&k, CHAT("test/one", ""));
    struct end *p = asked(&gw.makers[0]);
    send_head(p, "Content-Length: 99999999");
    end_send(p, buf_view(&large));
    WAIT_FOR(c->got.n > 100000);
    end_drop(c);
    wait_quiet();
    WAIT_FOR(maker_open(&gw.makers[0]) == 0);
    assert_true(settled_by(&k) > 0);
    buf_release(&large);
}

/* --- a client that does not read
 * --------------------------------------------------------------------------- */

/* Until nothing moves any more: what is left at the provider then is what the gateway does not
 * take. */
static void wait_stuck(struct end *p)
{
    size_t before, same = 0;
    do {
        before = io_unsent(p->c);
        for (int i = 0; i < 20; i++)
            turn();
        same = io_unsent(p->c) == before ? same + 1 : 0;
    } while (same < 5);
}

static void slow_client(const char *body, const char *framing, struct str answer, uint64_t least)
{
    struct made_key k = rich_key();
    struct end *c = client_ask(&k, body);
    struct end *p = asked(&gw.makers[0]);
    c->is_sink = true;
    io_read(c->c, false);
    answer_raw(p, framing);
    end_send(p, answer);
    io_shutdown(p->c);
    wait_stuck(p);
    assert_true(io_unsent(p->c) >
                answer.n / 3); /* the rest is in the kernel's buffers, which end somewhere */
    assert_int_equal(gw.worker->relays_n, 1);
    io_read(c->c, true);
    WAIT_FOR(gw.worker->relays_n == 0);
    WAIT_FOR(c->count >= least);
    wait_quiet();
    assert_int_equal(settled_by(&k), 10 * 150 + 20 * 600);
}

static void a_slow_client_stops_the_reading_of_a_large_answer(void **state)
{
    (void)state;
    struct buf large;
    char head[200];
    make_large(&large, HUGE, AFTER);
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             large.n);
    slow_client(CHAT("test/one", ""), head, buf_view(&large), HUGE);
    buf_release(&large);
}

static void a_slow_client_stops_the_reading_of_a_stream(void **state)
{
    (void)state;
    struct buf b, filler;
    buf_init(&b, 2 * HUGE);
    buf_init(&filler, 9000);
    add_filler(&filler, 8000);
    while (b.n < HUGE) {
        buf_add_c(&b, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"");
        buf_add(&b, buf_view(&filler));
        buf_add_c(&b, "\"}}]}\n\n");
    }
    buf_add_c(&b, FINISH_EVENT
              "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":20}}\n\n"
              "data: [DONE]\n\n");
    slow_client(CHAT("test/one", ",\"stream\":true"),
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n",
                buf_view(&b), HUGE);
    buf_release(&b);
    buf_release(&filler);
}

static void an_event_of_many_megabytes_passes(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct buf b;
    buf_init(&b, 8 << 20);
    buf_add_c(&b, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"");
    add_filler(&b, 5 << 20);
    buf_add_c(&b, "\"}}]}\n\n" FINISH_EVENT "data: [DONE]\n\n");
    struct end *c = client_ask(&k, CHAT("test/one", ",\"stream\":true"));
    struct end *p = asked(&gw.makers[0]);
    answer_raw(p,
               "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
    end_send(p, buf_view(&b));
    io_shutdown(p->c);
    wait_end(c);
    assert_true(c->got.n > 5 << 20);
    assert_true(str_ends(buf_view(&c->got), STR("data: [DONE]\n\n\r\n0\r\n\r\n")));
    wait_quiet();
    buf_release(&b);
}

#define TEST(name) cmocka_unit_test_teardown(name, tidy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_large_answer_passes_with_its_members_edited),
        TEST(an_answer_of_some_megabytes_is_as_a_small_one),
        TEST(a_large_answer_without_usage_is_estimated),
        TEST(a_large_answer_that_is_cut_never_ends_cleanly),
        TEST(a_large_body_of_failure_is_not_gathered_for_ever),
        TEST(a_client_that_leaves_within_a_large_answer_leaves_nothing),
        TEST(a_slow_client_stops_the_reading_of_a_large_answer),
        TEST(a_slow_client_stops_the_reading_of_a_stream),
        TEST(an_event_of_many_megabytes_passes),
    };
    return cmocka_run_group_tests(tests, gateway_begin, gateway_end);
}
