#include "unit/http/served.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static void an_answer_has_its_length_and_date_and_the_connection_stays(void **state)
{
    (void)state;
    served_begin(NULL);
    clock_wall_set(784111777000);
    peer_send(served.peer, "POST /echo?q HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    RUN_UNTIL(got_has(served.peer, "hello"));
    assert_str(buf_view(&served.peer->got),
               "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
               "Content-Length: 5\r\n\r\nhello");
    buf_reset(&served.peer->got);
    peer_send(served.peer, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(served.n == 2);
    assert_true(served.asks[1].is_complete);
    answer(&served.asks[1], 404, "none");
    RUN_UNTIL(got_has(served.peer, "none"));
    assert_true(got_has(served.peer, "HTTP/1.1 404 Not Found\r\n"));
    assert_true(got_has(served.peer, "Content-Type: text/plain\r\n"));
    assert_false(got_has(served.peer, "Connection"));
    assert_int_equal(http_server_connections(served.server), 1);
    clock_wall_release();
    served_end();
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(
        served.peer,
        "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
        "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        "\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\necho"
        "GET /c HTTP/1.1\r\nHost:");
    RUN_UNTIL(served.n == 1);
    rig_turn();
    assert_int_equal(served.n, 1);
    answer(&served.asks[0], 200, "first");
    RUN_UNTIL(served.n == 2 && served.asks[1].is_complete);
    assert_str(buf_view(&served.asks[1].body), "abc");
    answer(&served.asks[1], 200, "second");
    RUN_UNTIL(got_has(served.peer, "echo"));
    peer_send(served.peer, " h\r\n\r\n");
    RUN_UNTIL(served.n == 4);
    answer(&served.asks[3], 200, "fourth");
    RUN_UNTIL(got_has(served.peer, "fourth"));
    struct str got = buf_view(&served.peer->got);
    assert_true(str_find(got, STR("first")) < str_find(got, STR("second")));
    assert_true(str_find(got, STR("second")) < str_find(got, STR("echo")));
    assert_true(str_find(got, STR("echo")) < str_find(got, STR("fourth")));
    assert_int_equal(got_count(served.peer, "HTTP/1.1 200 OK"), 4);
    served_end();
}

static void a_request_may_come_in_two_pieces_split_anywhere(void **state)
{
    (void)state;
    const char *text = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5;a=\"b\"\r\nhello\r\n00A\r\n, dear all\r\n0\r\nTrailer: x\r\n\r\n";
    served_begin(NULL);
    for (size_t i = 1; i < strlen(text); i++) {
        peer_send_n(served.peer, str_of(text, i));
        rig_turn();
        assert_int_equal(served.peer->got.n, 0);
        peer_send(served.peer, text + i);
        RUN_UNTIL(got_has(served.peer, "hello, dear all"));
        buf_reset(&served.peer->got);
    }
    assert_int_equal(http_server_connections(served.server), 1);
    served_end();
}

static void a_request_may_come_byte_by_byte(void **state)
{
    (void)state;
    const char *text = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    served_begin(NULL);
    for (size_t i = 0; text[i]; i++) {
        peer_send_n(served.peer, str_of(text + i, 1));
        rig_turn();
    }
    RUN_UNTIL(got_has(served.peer, "\r\n\r\nabc"));
    served_end();
}

static void chunks_are_framed_and_empty_ones_are_not_sent(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer, "GET /chunks HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(got_has(served.peer, "\r\n0\r\n\r\n"));
    assert_true(got_has(served.peer,
                        "Transfer-Encoding: chunked\r\nX-Kind: chunks\r\n\r\n"
                        "5\r\nhello\r\n1b\r\na chunk of 27 bytes, really\r\n0\r\n\r\n"));
    assert_false(served.peer->is_ended);
    served_end();
}

static void head_gets_the_head_alone(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer,
              "HEAD /later HTTP/1.1\r\nHost: h\r\n\r\nHEAD /chunks HTTP/1.1\r\nHost: h\r\n\r\n"
              "GET /early HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(served.n == 1);
    answer(&served.asks[0], 200, "12345");
    RUN_UNTIL(got_has(served.peer, "early"));
    assert_true(got_has(served.peer, "Content-Length: 5\r\n"));
    assert_false(got_has(served.peer, "12345"));
    assert_true(
        got_has(served.peer, "chunked\r\nX-Kind: chunks\r\n\r\nHTTP/1.1 401 Unauthorized\r\n"));
    served_end();
}

static void http_1_0_gets_no_chunks_and_a_close(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer, "GET /chunks HTTP/1.0\r\n\r\n");
    RUN_UNTIL(served.peer->is_ended);
    assert_false(got_has(served.peer, "chunked"));
    assert_true(got_has(served.peer, "Connection: close\r\n"));
    assert_true(
        str_ends(buf_view(&served.peer->got), STR("\r\n\r\nhelloa chunk of 27 bytes, really")));

    struct peer *kept = served_connect();
    peer_send(kept, "POST /echo HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\n1");
    RUN_UNTIL(got_has(kept, "\r\n\r\n1"));
    assert_true(got_has(kept, "Connection: keep-alive\r\n"));
    peer_send(kept, "POST /echo HTTP/1.0\r\nContent-Length: 1\r\n\r\n2");
    RUN_UNTIL(kept->is_ended);
    assert_true(got_has(kept, "Connection: close\r\n\r\n2"));
    served_end();
}

static void connection_close_is_honoured(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer,
              "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\n1"
              "GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(served.peer->is_ended);
    assert_int_equal(served.peer->end, ERR_OK);
    assert_true(got_has(served.peer, "Connection: close\r\n\r\n1"));
    assert_int_equal(served.n, 1);
    peer_close(served.peer);
    RUN_UNTIL((rig_turn(), http_server_connections(served.server) == 0));
    served_end();
}

static void continue_is_sent_when_the_body_is_wanted(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(
        served.peer,
        "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
    RUN_UNTIL(got_has(served.peer, "HTTP/1.1 100 Continue\r\n\r\n"));
    peer_send(served.peer, "ok");
    RUN_UNTIL(got_has(served.peer, "\r\n\r\nok"));
    assert_int_equal(got_count(served.peer, "100 Continue"), 1);
    buf_reset(&served.peer->got);

    peer_send(
        served.peer,
        "POST /paused HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    RUN_UNTIL(served.n == 2);
    rig_turn();
    assert_int_equal(served.peer->got.n, 0);
    http_body_read(served.asks[1].s, true);
    RUN_UNTIL(got_has(served.peer, "100 Continue"));
    buf_reset(&served.peer->got);
    peer_send(served.peer, "ok");
    RUN_UNTIL(served.asks[1].is_complete);
    answer(&served.asks[1], 200, "paused");
    RUN_UNTIL(got_has(served.peer, "paused"));
    buf_reset(&served.peer->got);

    peer_send(
        served.peer,
        "POST /early HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    RUN_UNTIL(served.peer->is_ended);
    assert_int_equal(got_status(served.peer), 401);
    assert_true(got_has(served.peer, "Connection: close\r\n"));
    assert_int_equal(got_count(served.peer, "HTTP/1.1"), 1);
    served_end();
}

static void an_early_answer_with_the_whole_body_at_hand_keeps_the_connection(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer,
              "POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
              "POST /refuse-in-body HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
              "GET /chunks HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(got_has(served.peer, "0\r\n\r\n"));
    assert_false(got_has(served.peer, "Connection: close"));
    assert_int_equal(got_count(served.peer, "HTTP/1.1 "), 3);
    served_end();
}

static void an_early_answer_arrives_although_the_body_still_comes(void **state)
{
    (void)state;
    static char part[64 * 1024];
    served_begin(NULL);
    memset(part, 'x', sizeof part);
    peer_send(served.peer, "POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    peer_send_n(served.peer, str_of(part, sizeof part));
    RUN_UNTIL(got_has(served.peer, "early"));
    for (int i = 0; i < 2; i++) {
        peer_send_n(served.peer, str_of(part, sizeof part));
        rig_turn();
    }
    RUN_UNTIL(served.peer->is_ended);
    assert_int_equal(served.peer->end, ERR_OK);
    assert_true(got_has(served.peer, "Connection: close"));
    assert_int_equal(http_server_connections(served.server), 1);
    for (int i = 0; i < 3 && http_server_connections(served.server); i++) {
        io_write(served.peer->c, &(struct str){part, sizeof part}, 1);
        rig_turn();
    }
    RUN_UNTIL((rig_turn(), http_server_connections(served.server) == 0));
    served_end();
}

static void a_stream_may_be_aborted_from_within_its_body(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer,
              "POST /abort-in-body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
              "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    RUN_UNTIL(served.peer->is_ended);
    assert_int_equal(served.peer->got.n, 0);
    assert_false(served.asks[0].is_gone);
    assert_int_equal(served.asks[0].body.n, 1);
    served_end();
}

static void an_aborted_answer_is_visibly_cut(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(served.n == 1);
    struct str part = STR("part");
    http_begin(served.asks[0].s, 200, STR_NONE);
    http_send(served.asks[0].s, &part, 1);
    http_abort(served.asks[0].s);
    RUN_UNTIL(served.peer->is_ended);
    assert_true(str_ends(buf_view(&served.peer->got), STR("\r\n\r\n4\r\npart\r\n")));
    assert_false(served.asks[0].is_gone);
    served_end();
}

static void a_slow_client_bounds_what_is_queued_and_gets_all(void **state)
{
    (void)state;
    served_begin(NULL);
    served.peer->is_sink = true;
    peer_send(served.peer, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(served.peer->count > 0);
    io_read(served.peer->c, false);
    for (int i = 0; i < 20; i++)
        rig_turn();
    assert_true(served.asks[0].sent < BIG_N);
    io_read(served.peer->c, true);
    RUN_UNTIL(served.peer->count > BIG_N && !served.asks[0].s);
    assert_true(served.asks[0].unsent_max < QUEUE_MAX + 64 * 1024);
    assert_true(served.asks[0].drains > 0);
    assert_false(served.asks[0].is_gone);
    served_end();
}

static void a_paused_body_waits_in_the_socket(void **state)
{
    (void)state;
    static char part[512 * 1024];
    served_begin(NULL);
    memset(part, 'x', sizeof part);
    peer_send(served.peer, "POST /paused HTTP/1.1\r\nHost: h\r\nContent-Length: 524288\r\n\r\n");
    RUN_UNTIL(served.n == 1);
    peer_send_n(served.peer, str_of(part, sizeof part));
    for (int i = 0; i < 10; i++)
        rig_turn();
    assert_int_equal(served.asks[0].body.n, 0);
    http_body_read(served.asks[0].s, true);
    RUN_UNTIL(served.asks[0].is_complete);
    assert_int_equal(served.asks[0].body.n, sizeof part);
    served_end();
}

static void a_half_closed_client_still_gets_its_answers(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer, "GET /a HTTP/1.1\r\nHost: h\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\n"
                           "Content-Length: 4\r\n\r\nlast");
    io_shutdown(served.peer->c);
    RUN_UNTIL(served.n == 1);
    rig_turn();
    assert_false(served.asks[0].is_gone);
    answer(&served.asks[0], 200, "first");
    RUN_UNTIL(served.peer->is_ended);
    assert_int_equal(served.peer->end, ERR_OK);
    assert_true(got_has(served.peer, "first") && got_has(served.peer, "last"));
    assert_int_equal(http_server_connections(served.server), 0);

    struct peer *big = served_connect();
    big->is_sink = true;
    peer_send(big, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    io_shutdown(big->c);
    RUN_UNTIL(big->is_ended);
    assert_int_equal(big->end, ERR_OK);
    assert_true(big->count > BIG_N);
    served_end();
}

static void a_client_that_leaves_within_its_body_is_noticed(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
    RUN_UNTIL(served.n == 1);
    peer_close(served.peer);
    RUN_UNTIL(served.asks[0].is_gone);
    RUN_UNTIL((rig_turn(), http_server_connections(served.server) == 0));
    served_end();
}

static void a_client_that_leaves_within_its_answer_is_noticed(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(served.n == 1);
    struct str part = STR("part");
    http_begin(served.asks[0].s, 200, STR_NONE);
    http_send(served.asks[0].s, &part, 1);
    RUN_UNTIL(got_has(served.peer, "part"));
    peer_close(served.peer);
    while (!served.asks[0].is_gone) {
        http_send(served.asks[0].s, &part, 1);
        rig_turn();
    }
    served_end();
}

/* A close with data unread, or with this option, is a reset. */
static void a_client_that_resets_is_noticed_while_it_waits(void **state)
{
    (void)state;
    served_begin(NULL);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(http_server_port(served.server)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    const char *request = "GET /later HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    RUN_UNTIL(served.n == 1);
    struct linger reset = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(fd);
    RUN_UNTIL(served.asks[0].is_gone);
    served_end();
}

static void too_many_connections_are_told_so(void **state)
{
    (void)state;
    struct http_limits limits = usual_limits;
    limits.connections_max = 1;
    served_begin(&limits);
    peer_send(served.peer, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(served.n == 1);
    struct peer *second = served_connect();
    peer_send(second, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(second->is_ended);
    assert_int_equal(got_status(second), 503);
    assert_true(got_has(second, "{\"error\":{\"code\":503,\"message\":\""));
    assert_int_equal(served.n, 1);
    served_end();
}

static void on_drained_all(void *user)
{
    (void)user;
    served.is_drained = true;
    rig_stop();
}

static void draining_closes_the_idle_and_waits_for_the_busy(void **state)
{
    (void)state;
    served_begin(NULL);
    struct peer *idle = served_connect();
    peer_send(idle, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1");
    peer_send(served.peer, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(got_has(idle, "\r\n\r\n1") && served.n == 2);
    struct ask *busy = served.asks[0].s ? &served.asks[0] : &served.asks[1];
    uint16_t port = http_server_port(served.server);
    http_server_drain(served.server, on_drained_all, NULL);
    RUN_UNTIL(idle->is_ended);
    assert_false(served.is_drained);
    assert_int_not_equal(port, 0);
    assert_int_equal(http_server_port(served.server), 0);
    peer_close(idle);
    answer(busy, 200, "done");
    RUN_UNTIL(served.peer->is_ended);
    assert_true(got_has(served.peer, "Connection: close\r\n"));
    assert_true(got_has(served.peer, "done"));
    peer_close(served.peer);
    RUN_UNTIL(served.is_drained);
    assert_int_equal(http_server_connections(served.server), 0);
    served.is_drained = false;
    http_server_drain(served.server, on_drained_all, NULL);
    assert_true(served.is_drained);
    served_end();
}

static void a_server_freed_in_the_middle_calls_nobody(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel");
    RUN_UNTIL(served.n == 1);
    http_server_free(served.server);
    served.server = NULL;
    RUN_UNTIL(served.peer->is_ended);
    assert_false(served.asks[0].is_gone);
    served_end();
}

static void the_peer_has_an_address_without_port(void **state)
{
    (void)state;
    char room[IO_ADDRESS_MAX];
    served_begin(NULL);
    peer_send(served.peer, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(served.n == 1);
    assert_str(http_peer(served.asks[0].s, room), "127.0.0.1");
    assert_false(http_is_tls(served.asks[0].s));
    served_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_its_length_and_date_and_the_connection_stays),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_request_may_come_in_two_pieces_split_anywhere),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(chunks_are_framed_and_empty_ones_are_not_sent),
        cmocka_unit_test(head_gets_the_head_alone),
        cmocka_unit_test(http_1_0_gets_no_chunks_and_a_close),
        cmocka_unit_test(connection_close_is_honoured),
        cmocka_unit_test(continue_is_sent_when_the_body_is_wanted),
        cmocka_unit_test(an_early_answer_with_the_whole_body_at_hand_keeps_the_connection),
        cmocka_unit_test(an_early_answer_arrives_although_the_body_still_comes),
        cmocka_unit_test(a_stream_may_be_aborted_from_within_its_body),
        cmocka_unit_test(an_aborted_answer_is_visibly_cut),
        cmocka_unit_test(a_slow_client_bounds_what_is_queued_and_gets_all),
        cmocka_unit_test(a_paused_body_waits_in_the_socket),
        cmocka_unit_test(a_half_closed_client_still_gets_its_answers),
        cmocka_unit_test(a_client_that_leaves_within_its_body_is_noticed),
        cmocka_unit_test(a_client_that_leaves_within_its_answer_is_noticed),
        cmocka_unit_test(a_client_that_resets_is_noticed_while_it_waits),
        cmocka_unit_test(too_many_connections_are_told_so),
        cmocka_unit_test(draining_closes_the_idle_and_waits_for_the_busy),
        cmocka_unit_test(a_server_freed_in_the_middle_calls_nobody),
        cmocka_unit_test(the_peer_has_an_address_without_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
