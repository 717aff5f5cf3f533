#include "unit/http/served.h"
#include "unit/io/certificates.h"

enum { FRESH_N = 100 };

/* An alarm that rings every millisecond makes all timers be looked at in the middle of ticks, and
 * lets a test wait for what stops no loop. */
static struct io_timer tick;
static unsigned ticks, ticks_to_stop;

static void on_tick(struct io_timer *t)
{
    io_timer_set(rig.loop, t, io_now_ms(rig.loop) + 1);
    if (++ticks % ticks_to_stop == 0)
        rig_stop();
}

static void begin_ticking(unsigned to_stop)
{
    ticks_to_stop = to_stop;
    io_timer_init(&tick, on_tick);
    on_tick(&tick);
}

/* The tickets that TLS sends after a handshake are no answer that the client does not take. */
static void a_fresh_tls_connection_is_not_taken_for_a_stalled_one(void **state)
{
    (void)state;
    struct fault f = {0};
    served_begin(NULL);
    RUN_UNTIL((rig_turn(), http_server_connections(served.server) == 1));
    http_server_free(served.server);
    struct io_tls *tls = io_tls_server_new(path_of("here.pem"), path_of("key.pem"), &f);
    struct io_tls *client = io_tls_client_new(path_of("ca.pem"), &f);
    served.server = http_server_new(rig.loop, &usual_limits, app_on_request, NULL);
    assert_int_equal(http_server_listen(served.server, STR("127.0.0.1"), 0, tls, &f), ERR_OK);
    begin_ticking(20);
    for (unsigned i = 0; i < FRESH_N; i++) {
        struct peer *p = peer_new();
        p->c = io_connect(rig.loop, STR("127.0.0.1"), http_server_port(served.server), client,
                          &peer_ops, p);
    }
    RUN_UNTIL(ticks >= 200 && http_server_connections(served.server) == FRESH_N);
    for (unsigned i = 1; i <= FRESH_N; i++)
        assert_false(rig.peers[i].is_ended);
    io_timer_clear(rig.loop, &tick);
    served_end();
    io_tls_free(tls);
    io_tls_free(client);
}

static uint64_t ms_until_no_connection_is_left(void)
{
    uint64_t began = clock_mono_ns();
    begin_ticking(1);
    RUN_UNTIL(http_server_connections(served.server) == 0);
    io_timer_clear(rig.loop, &tick);
    return (clock_mono_ns() - began) / 1000000;
}

static void a_client_that_never_closes_is_waited_for_briefly(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer, "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                           "Content-Length: 1\r\n\r\n1");
    RUN_UNTIL(served.peer->is_ended);
    assert_true(got_has(served.peer, "\r\n\r\n1"));
    uint64_t waited = ms_until_no_connection_is_left();
    assert_in_range(waited, 1000, 5000);
    served_end();
}

/* It is waited for once it has all, however long it took to take that. */
static void a_slow_client_that_never_closes_gets_all_first(void **state)
{
    (void)state;
    served_begin(NULL);
    served.peer->is_sink = true;
    peer_send(served.peer, "GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    RUN_UNTIL(served.peer->count > 0);
    while (!served.peer->is_ended) {
        io_read(served.peer->c, false);
        rig_turn();
        io_read(served.peer->c, true);
        uint64_t before = served.peer->count;
        RUN_UNTIL(served.peer->count > before || served.peer->is_ended);
    }
    assert_int_equal(served.peer->end, ERR_OK);
    assert_true(served.peer->count > BIG_N);
    assert_in_range(ms_until_no_connection_is_left(), 0, 5000);
    served_end();
}

static void cutting_closes_whatever_is_under_way(void **state)
{
    (void)state;
    served_begin(NULL);
    struct peer *sending = served_connect(), *idle = served_connect();
    peer_send(served.peer, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_send(sending, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n1");
    RUN_UNTIL((rig_turn(), served.n == 2 && http_server_connections(served.server) == 3));
    http_server_cut(served.server);
    assert_true(served.asks[0].is_gone && served.asks[1].is_gone);
    RUN_UNTIL(served.peer->is_ended && sending->is_ended && idle->is_ended);
    assert_int_equal(http_server_connections(served.server), 0);
    served_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_tls_connection_is_not_taken_for_a_stalled_one),
        cmocka_unit_test(a_client_that_never_closes_is_waited_for_briefly),
        cmocka_unit_test(a_slow_client_that_never_closes_gets_all_first),
        cmocka_unit_test(cutting_closes_whatever_is_under_way),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
