/* Clients that leave, at every moment: nothing may be left behind, and what was used is paid. */
#include "unit/relay/gateway.h"

enum { TURNS = 16 };

/* The prompt of MESSAGES as the gateway estimates it. */
enum { ESTIMATED_PROMPT = 3 };
#define ESTIMATE(completion) (ESTIMATED_PROMPT * 150 + (completion)*600)

static void one_turn(void)
{
    gw.post.run = gw_on_post;
    gw.is_posted = true;
    io_post(gw.loop, &gw.post);
    while (gw.is_posted)
        io_loop_run(gw.loop);
}

/* A key that the worker knows already. */
static struct made_key known_key(void)
{
    struct made_key k = rich_key();
    struct end *c = client_ask(&k, "{}");
    assert_answer(c, 400, "model: expected the name of a model");
    end_drop(c);
    return k;
}

static void assert_provider_closed(void)
{
    WAIT_FOR(maker_open(&gw.makers[0]) == 0);
}

/* --- before anything was sent to a provider
 * -------------------------------------------------------------- */

static void leaving_before_or_within_the_body_costs_nothing(void **state)
{
    (void)state;
    struct made_key k = known_key();
    char head[400];
    static const char part[] = "{\"model\":\"te";
    client_head(head, sizeof head, &k, CHAT_PATH, 100);
    for (size_t n = 0; n <= strlen(part); n++) {
        struct end *c = client_connect();
        end_send(c, str_c(head));
        end_send(c, str_of(part, n));
        WAIT_FOR(gw.worker->relays_n == 1);
        assert_int_equal(totals().holds, 0);
        end_drop(c);
        wait_quiet();
    }
    assert_int_equal(settled_by(&k), 0);
    assert_int_equal(gw.makers[0].accepted, 0);
}

static void leaving_while_the_key_is_looked_up_is_fine(void **state)
{
    (void)state;
    for (int turns = 0; turns < 6; turns++) {
        struct made_key k = rich_key();
        struct end *c = client_ask(&k, CHAT("test/one", ""));
        for (int i = 0; i < turns; i++)
            one_turn();
        end_drop(c);
        wait_quiet();
        WAIT_FOR(gate_is_idle(gw.worker->gate));
        assert_true(settled_by(&k) <= ESTIMATE(0));
    }
}

static void leaving_the_line_for_a_connection_costs_nothing(void **state)
{
    (void)state;
    struct made_key first = known_key(), second = known_key();
    reload_deadlines(&patient, 1);
    struct end *busy = client_ask(&first, CHAT("test/one", ""));
    struct end *p = asked(&gw.makers[0]);
    struct end *c = client_ask(&second, CHAT("test/one", ""));
    WAIT_FOR(totals().holds == 2);
    end_drop(c);
    WAIT_FOR(totals().holds == 1);
    assert_int_equal(settled_by(&second), 0);
    answer_json(p, 200, "", WHOLE_ANSWER(USAGE(5, 7)));
    assert_answer(busy, 200, "hello");
    assert_int_equal(gw.makers[0].accepted, 1);
}

/* --- afterwards: the provider's connection is closed, what was used is settled
 * ----------------------------- */

static void leaving_before_the_answer_s_head_pays_the_prompt(void **state)
{
    (void)state;
    struct made_key k = known_key();
    struct end *c = client_ask(&k, CHAT("test/one", ",\"stream\":true"));
    asked(&gw.makers[0]);
    assert_int_equal(totals().holds, 1);
    end_drop(c);
    wait_quiet();
    assert_provider_closed();
    assert_int_equal(settled_by(&k), ESTIMATE(0));
}

static void leaving_before_the_first_content_pays_the_prompt(void **state)
{
    (void)state;
    struct made_key k = known_key();
    struct end *c = client_ask(&k, CHAT("test/one", ",\"stream\":true"));
    answer_raw(asked(&gw.makers[0]), SSE_HEAD);
    turn();
    end_drop(c);
    wait_quiet();
    assert_provider_closed();
    assert_int_equal(settled_by(&k), ESTIMATE(0));
}

static void leaving_within_the_stream_pays_what_had_come(void **state)
{
    (void)state;
    struct made_key k = known_key();
    struct end *c = client_ask(&k, CHAT("test/one", ",\"stream\":true"));
    struct end *p = asked(&gw.makers[0]);
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "12345678");
    answer_delta(p, "9");
    WAIT_FOR(got_has(c, "\"9\""));
    end_drop(c);
    wait_quiet();
    assert_provider_closed();
    assert_int_equal(settled_by(&k), ESTIMATE(3));
}

static void leaving_within_a_whole_answer_pays_the_prompt(void **state)
{
    (void)state;
    struct made_key k = known_key();
    struct end *c = client_ask(&k, CHAT("test/one", ""));
    answer_raw(asked(&gw.makers[0]),
               "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"id\":\"x\",");
    turn();
    end_drop(c);
    wait_quiet();
    assert_provider_closed();
    assert_int_equal(settled_by(&k), ESTIMATE(0));
}

static void leaving_while_another_endpoint_is_tried_is_fine(void **state)
{
    (void)state;
    struct made_key k = known_key();
    struct end *c = client_ask(&k, CHAT("test/two", ""));
    answer_json(asked(&gw.makers[0]), 503, "", "{}");
    asked(&gw.makers[1]);
    end_drop(c);
    wait_quiet();
    WAIT_FOR(maker_open(&gw.makers[1]) == 0);
    assert_int_equal(settled_by(&k), ESTIMATE(0));
}

/* The whole answer is on its way; the client goes a turn later each time: so also while the record
 * is written. */
static void leave_at_every_turn(bool is_streamed)
{
    struct made_key k = known_key();
    for (int turns = 0; turns < TURNS; turns++) {
        nanos before = settled_by(&k);
        struct end *c = client_ask(&k, is_streamed ? CHAT("test/one", ",\"stream\":true")
                                                   : CHAT("test/one", ""));
        struct end *p = asked(&gw.makers[0]);
        if (is_streamed) {
            answer_raw(p, SSE_HEAD);
            answer_delta(p, "1234");
            answer_stream_end(p, 5, 7);
        } else {
            answer_json(p, 200, "", WHOLE_ANSWER(USAGE(5, 7)));
        }
        for (int i = 0; i < turns; i++)
            one_turn();
        end_drop(c);
        wait_quiet();
        maker_open(&gw.makers[0]);
        nanos paid = settled_by(&k) - before;
        assert_true(paid == ESTIMATE(0) || paid == ESTIMATE(1) || paid == 5 * 150 + 7 * 600);
    }
}

static void leaving_at_any_turn_of_a_stream_s_end_settles_once(void **state)
{
    (void)state;
    leave_at_every_turn(true);
}

static void leaving_at_any_turn_of_a_whole_answer_settles_once(void **state)
{
    (void)state;
    leave_at_every_turn(false);
}

/* --- the end of the process
 * -------------------------------------------------------------------------------- */

static void ending_all_tells_clients_and_settles_their_streams(void **state)
{
    (void)state;
    struct made_key k = known_key();
    struct answer a;
    char head[400];
    struct end *streaming = client_ask(&k, CHAT("test/one", ",\"stream\":true"));
    struct end *p = asked(&gw.makers[0]);
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "1234");
    WAIT_FOR(got_has(streaming, "1234"));
    struct end *reading = client_connect();
    client_head(head, sizeof head, &k, CHAT_PATH, 100);
    end_send(reading, str_c(head));
    WAIT_FOR(gw.worker->relays_n == 2);
    relay_end_all(gw.worker);
    wait_quiet();
    answer_wait(streaming, &a);
    assert_true(a.is_complete);
    assert_true(got_has(streaming, "1234") && !got_has(streaming, "[DONE]"));
    assert_true(
        got_has(streaming, "\"error\":{\"code\":503,\"message\":\"This gateway is stopping"));
    assert_true(got_has(streaming, "\"finish_reason\":\"error\""));
    WAIT_FOR(got_has(reading, "HTTP/1.1 503 ") && got_has(reading, "This gateway is stopping"));
    assert_provider_closed();
    assert_int_equal(settled_by(&k), ESTIMATE(1));
    buf_release(&a.body);
}

/* A relay may have died in the tick in which all are ended. */
static void ending_all_twice_in_one_tick_is_fine(void **state)
{
    (void)state;
    struct made_key k = known_key();
    char head[400];
    struct end *reading = client_connect();
    client_head(head, sizeof head, &k, CHAT_PATH, 100);
    end_send(reading, str_c(head));
    WAIT_FOR(gw.worker->relays_n == 1);
    relay_end_all(gw.worker);
    relay_end_all(gw.worker);
    wait_quiet();
}

#define TEST(name) cmocka_unit_test_teardown(name, tidy)

static int begin_with_sync(void **state)
{
    (void)state;
    return gateway_begin_with(JOURNAL_SYNC_ALWAYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(leaving_before_or_within_the_body_costs_nothing),
        TEST(leaving_while_the_key_is_looked_up_is_fine),
        TEST(leaving_the_line_for_a_connection_costs_nothing),
        TEST(leaving_before_the_answer_s_head_pays_the_prompt),
        TEST(leaving_before_the_first_content_pays_the_prompt),
        TEST(leaving_within_the_stream_pays_what_had_come),
        TEST(leaving_within_a_whole_answer_pays_the_prompt),
        TEST(leaving_while_another_endpoint_is_tried_is_fine),
        TEST(leaving_at_any_turn_of_a_stream_s_end_settles_once),
        TEST(leaving_at_any_turn_of_a_whole_answer_settles_once),
        TEST(ending_all_tells_clients_and_settles_their_streams),
        TEST(ending_all_twice_in_one_tick_is_fine),
    };
    int failed =
        cmocka_run_group_tests_name("records not synced", tests, gateway_begin, gateway_end);
    return failed +
           cmocka_run_group_tests_name("records synced", tests, begin_with_sync, gateway_end);
}
