/* What the server does not take: each is answered with a reason in JSON, and the connection is
 * closed. */
#include "unit/http/served.h"

#define HOST    "Host: h\r\n"
#define POST    "POST /echo HTTP/1.1\r\nHost: h\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

struct refusal {
    int status;
    const char *request, *reason; /* a part of the message */
    size_t n;                     /* 0: to the NUL */
};

static const struct refusal heads[] = {
    {400, "GET / HTTP/1.1\nHost: h\r\n\r\n", "bare LF", 0},
    {400, "GET / HTTP/1.1\r\nHost: h\n\r\n", "bare LF", 0},
    {400, "GET / HTTP/1.1\r\nHost: h\r\n\n", "bare LF", 0},
    {400, "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "bare LF", 0},
    {400, "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", "bare CR", 0},
    {400, "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", "bare CR", 0},
    {400, "GET /\r HTTP/1.1\r\nHost: h\r\n\r\n", "bare CR", 0},
    {400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", "NUL", 36},
    {400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", "folded", 0},
    {400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n", "folded", 0},
    {400, "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "folded", 0},
    {400, "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "White space", 0},
    {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length\t: 1\r\n\r\nx", "White space", 0},
    {400, "GET / HTTP/1.1\r\nHost: h\r\n: v\r\n\r\n", "no name", 0},
    {400, "GET / HTTP/1.1\r\nHost: h\r\nNoColon\r\n\r\n", "no colon", 0},
    {400, "GET / HTTP/1.1\r\nHost: h\r\nX(y): v\r\n\r\n", "not allowed", 0},
    {400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\x01z\r\n\r\n", "\\\"X\\\" holds a character", 0},
    {400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\x7fz\r\n\r\n", "\\\"X\\\" holds a character", 0},
    {400, "GET / HTTP/1.1\r\n\r\n", "Host is missing", 0},
    {400, "GET / HTTP/1.1\r\nHost: h\r\nhost: h\r\n\r\n", "Host is given twice", 0},
    {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "Host is not a name", 0},
    {400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "Host is not a name", 0},
    {400, "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", "Host is not a name", 0},
    {400, "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", "Host is not a name", 0},
    {400, "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", "Host is not a name", 0},
    {400, POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "Content-Length", 0},
    {400, POST "Content-Length: 1\r\ncontent-length: 2\r\n\r\nx", "Content-Length", 0},
    {400, POST "Content-Length: 1, 1\r\n\r\nx", "Content-Length is not a number", 0},
    {400, POST "Content-Length: +1\r\n\r\nx", "Content-Length is not a number", 0},
    {400, POST "Content-Length: -1\r\n\r\nx", "Content-Length is not a number", 0},
    {400, POST "Content-Length: 0x1\r\n\r\nx", "Content-Length is not a number", 0},
    {400, POST "Content-Length: 1 1\r\n\r\nx", "Content-Length is not a number", 0},
    {400, POST "Content-Length:\r\n\r\n", "Content-Length is not a number", 0},
    {400, POST "Content-Length: 18446744073709551617\r\n\r\nx", "Content-Length is not a number",
     0},
    {400, POST "Content-Length: 9223372036854775808\r\n\r\nx", "Content-Length is not a number", 0},
    {400, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "beside Transfer-Encoding", 0},
    {400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
     "beside Transfer-Encoding", 0},
    {400, POST "Transfer-Encoding: gzip\r\n\r\n", "Transfer-Encoding", 0},
    {400, POST "Transfer-Encoding: identity\r\n\r\n", "Transfer-Encoding", 0},
    {400, POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "Transfer-Encoding", 0},
    {400, POST "Transfer-Encoding: chunked, identity\r\n\r\n", "Transfer-Encoding", 0},
    {400, POST "Transfer-Encoding: chunked, chunked\r\n\r\n", "Transfer-Encoding", 0},
    {400, POST "Transfer-Encoding: \"chunked\"\r\n\r\n", "Transfer-Encoding", 0},
    {400, POST "Transfer-Encoding: xchunked\r\n\r\n", "Transfer-Encoding", 0},
    {400, POST "Transfer-Encoding:\r\n\r\n", "Transfer-Encoding", 0},
    {400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "Transfer-Encoding", 0},
    {400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
     "Transfer-Encoding", 0},
    {400, POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "White space", 0},
    {400,
     POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n0\r\n\r\n",
     "", 0},
    {400, "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.0", 0},
    {400, "GET /\r\n", "no HTTP version", 0},
    {400, "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "target", 0},
    {400, "GET /  HTTP/1.1\r\nHost: h\r\n\r\n", "no HTTP version", 0},
    {400, "GET / x HTTP/1.1\r\nHost: h\r\n\r\n", "no HTTP version", 0},
    {400, "GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n", "percent-encoded", 0},
    {400, "GET /#f HTTP/1.1\r\nHost: h\r\n\r\n", "percent-encoded", 0},
    {400, "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "no HTTP version", 0},
    {400, "GET / HTTP/1.10\r\nHost: h\r\n\r\n", "no HTTP version", 0},
    {400, "GET / http/1.1\r\nHost: h\r\n\r\n", "no HTTP version", 0},
    {400, "GET / ICE/1.1\r\nHost: h\r\n\r\n", "no HTTP version", 0},
    {400, "G@T / HTTP/1.1\r\nHost: h\r\n\r\n", "method", 0},
    {400, " GET / HTTP/1.1\r\nHost: h\r\n\r\n", "method", 0},
    {400, "\x16\x03\x01\x02\x00\x01\r\n", "NUL", 8},
    {400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2.0", 0},
    {400, "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "HTTP/1.2", 0},
    {400, "GET / HTTP/0.9\r\nHost: h\r\n\r\n", "HTTP/0.9", 0},
    {417, POST "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", "100-continue", 0},
    {413, POST "Content-Length: 1048577\r\n\r\n", "limit", 0},
};

static const struct refusal bodies[] = {
    {400, CHUNKED "+1\r\nx\r\n0\r\n\r\n", "hexadecimal", 0},
    {400, CHUNKED "-1\r\nx\r\n0\r\n\r\n", "hexadecimal", 0},
    {400, CHUNKED "0x1\r\nx\r\n0\r\n\r\n", "chunk size", 0},
    {400, CHUNKED " 1\r\nx\r\n0\r\n\r\n", "hexadecimal", 0},
    {400, CHUNKED "1 \r\nx\r\n0\r\n\r\n", "CRLF", 0},
    {400, CHUNKED "1\nx\r\n0\r\n\r\n", "CRLF", 0},
    {400, CHUNKED "1\r\r\nx\r\n0\r\n\r\n", "CRLF", 0},
    {400, CHUNKED "1;a\nx\r\n0\r\n\r\n", "not allowed", 0},
    {400, CHUNKED "1\r\nx\n0\r\n\r\n", "CRLF", 0},
    {400, CHUNKED "1\r\nxy\r\n0\r\n\r\n", "CRLF", 0},
    {400, CHUNKED "1\r\nx0\r\n\r\n", "CRLF", 0},
    {400, CHUNKED "\r\n0\r\n\r\n", "hexadecimal", 0},
    {400, CHUNKED "g\r\n", "hexadecimal", 0},
    {400, CHUNKED "10000000000000001\r\nx\r\n", "too many digits", 0},
    {400, CHUNKED "0000000000000001\r\nx\r\n", "too many digits", 0},
    {400, CHUNKED "0\r\nT: x\n\r\n", "not allowed", 0},
    {400, CHUNKED "0\r\n\n", "not allowed", 0},
    {400, CHUNKED "0\r\nT: x\r\n y\r\n\r\n", "folded", 0},
    {400, CHUNKED "0\r\nT: x\rX\r\n\r\n", "CRLF", 0},
    {400, CHUNKED "1;a=\x01\r\nx\r\n", "not allowed", 0},
    {413, CHUNKED "ffffff\r\n", "limit", 0},
};

static struct str request_of(const struct refusal *r)
{
    return str_of(r->request, r->n ? r->n : strlen(r->request));
}

static void check_refused(struct peer *p, const struct refusal *r)
{
    RUN_UNTIL(p->is_ended);
    if (got_status(p) != r->status || !got_has(p, r->reason))
        print_error("request: %s\nanswer: %.*s\n", r->request, STR_ARG(buf_view(&p->got)));
    assert_int_equal(got_status(p), r->status);
    assert_true(got_has(p, "Content-Type: application/json\r\n"));
    assert_true(got_has(p, "Connection: close\r\n"));
    assert_true(got_has(p, "{\"error\":{\"code\":"));
    assert_true(got_has(p, r->reason) && str_ends(buf_view(&p->got), STR("\"}}")));
    assert_int_equal(got_count(p, "\r\nDate: "), 1);
    assert_int_equal(p->end, ERR_OK);
}

static void refused_heads_never_reach_the_app(void **state)
{
    (void)state;
    served_begin(NULL);
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        struct peer *p = served_connect();
        peer_send_n(p, request_of(&heads[i]));
        check_refused(p, &heads[i]);
        peer_close(p);
    }
    assert_int_equal(served.n, 0);
    served_end();
}

static void refused_heads_are_refused_when_split_too(void **state)
{
    (void)state;
    served_begin(NULL);
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        struct peer *p = served_connect();
        struct str request = request_of(&heads[i]);
        size_t half = request.n / 2;
        peer_send_n(p, str_head(request, half));
        rig_turn();
        peer_send_n(p, str_skip(request, half));
        check_refused(p, &heads[i]);
        peer_close(p);
    }
    assert_int_equal(served.n, 0);
    served_end();
}

static void a_body_of_nonsense_is_refused_and_the_app_told(void **state)
{
    (void)state;
    served_begin(NULL);
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct peer *p = served_connect();
        peer_send_n(p, request_of(&bodies[i]));
        if (bodies[i].status == 413) {
            static char big[(1 << 20) + 1];
            memset(big, 'x', sizeof big);
            peer_send_n(p, str_of(big, sizeof big));
        }
        check_refused(p, &bodies[i]);
        assert_int_equal(served.n, i + 1);
        assert_true(served.asks[i].is_gone && !served.asks[i].is_complete);
        assert_int_equal(err_status(served.asks[i].why), bodies[i].status);
        peer_close(p);
    }
    served_end();
}

static void send_flood(struct peer *p, const char *piece, size_t bytes)
{
    for (size_t sent = 0; sent < bytes; sent += strlen(piece))
        peer_send(p, piece);
}

static void heads_that_are_too_big_are_refused(void **state)
{
    (void)state;
    const struct refusal big = {431, "big", "32768 bytes", 0},
                         many = {431, "many", "100 headers", 0};
    served_begin(NULL);
    peer_send(served.peer, "GET / HTTP/1.1\r\nHost: h\r\n");
    send_flood(
        served.peer,
        "X-Long: 0123456789012345678901234567890123456789012345678901234567890123456789"
        "012345678901234567890123456789012345678901234567890123456789012345678901234567890"
        "012345678901234567890123456789012345678901234567890123456789012345678901234567890"
        "012345678901234567890123456789012345678901234567890123456789012345678901234567890"
        "012345678901234567890123456789012345678901234567890123456789012345678901234567890\r\n",
        33000);
    check_refused(served.peer, &big);

    struct peer *endless = served_connect();
    peer_send(endless, "GET /");
    send_flood(endless, "0123456789012345678901234567890123456789", 33000);
    check_refused(endless, &big);

    struct peer *lines = served_connect();
    peer_send(lines, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 101; i++)
        peer_send(lines, "A: b\r\n");
    check_refused(lines, &many);
    assert_int_equal(served.n, 0);
    served_end();
}

static void extensions_and_trailers_are_bounded(void **state)
{
    (void)state;
    const struct refusal extra = {400, "extra", "4096 bytes", 0};
    served_begin(NULL);
    peer_send(served.peer, CHUNKED);
    send_flood(served.peer, "1;extension=0123456789012345678901234567890123456789\r\nx\r\n", 8000);
    check_refused(served.peer, &extra);
    struct peer *trailers = served_connect();
    peer_send(trailers, CHUNKED "0\r\n");
    send_flood(trailers, "Trailer: 0123456789012345678901234567890123456789\r\n", 8000);
    check_refused(trailers, &extra);
    served_end();
}

static void a_slow_head_and_a_slow_body_end_with_408(void **state)
{
    (void)state;
    struct http_limits limits = usual_limits;
    const struct refusal head = {408, "head", "head of the request", 0},
                         body = {408, "body", "body of the request", 0};
    limits.head_ms = limits.body_ms = 20;
    served_begin(&limits);
    peer_send(served.peer, "GET / HT");
    check_refused(served.peer, &head);
    struct peer *second = served_connect();
    peer_send(second, POST "Content-Length: 5\r\n\r\nhel");
    check_refused(second, &body);
    assert_true(served.n == 1 && served.asks[0].is_gone);
    assert_int_equal(served.asks[0].why, ERR_CLIENT_TIMEOUT);
    served_end();
}

static void a_paused_body_has_no_deadline(void **state)
{
    (void)state;
    struct http_limits limits = usual_limits;
    limits.body_ms = 10;
    limits.idle_ms = 30;
    served_begin(&limits);
    struct peer *idle = served_connect();
    peer_send(served.peer, "POST /paused HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
    RUN_UNTIL(idle->is_ended);
    assert_int_equal(idle->got.n, 0);
    assert_false(served.asks[0].is_gone);
    http_body_read(served.asks[0].s, true);
    RUN_UNTIL(served.asks[0].is_gone);
    served_end();
}

static void a_client_that_takes_nothing_is_closed(void **state)
{
    (void)state;
    struct http_limits limits = usual_limits;
    limits.write_ms = 40;
    served_begin(&limits);
    served.peer->is_sink = true;
    peer_send(served.peer, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(served.peer->count > 0);
    io_read(served.peer->c, false);
    RUN_UNTIL(served.asks[0].is_gone);
    assert_int_equal(served.asks[0].why, ERR_CANCELLED);
    assert_true(served.asks[0].sent < BIG_N);
    served_end();
}

static void a_pipeliner_that_reads_no_answers_gets_no_further(void **state)
{
    (void)state;
    static char body[50000];
    char head[100];
    served_begin(NULL);
    memset(body, 'x', sizeof body);
    struct str request[] = {
        str_of(head, (size_t)snprintf(head, sizeof head, POST "Content-Length: %zu\r\n\r\n",
                                      sizeof body)),
        str_of(body, sizeof body)};
    served.peer->is_sink = true;
    RUN_UNTIL((rig_turn(), http_server_connections(served.server) == 1));
    io_read(served.peer->c, false);
    for (int i = 0; i < 280; i++)
        assert_true(io_write(served.peer->c, request, 2));
    for (int i = 0; i < 30; i++)
        rig_turn();
    assert_true(served.n < 280);
    io_read(served.peer->c, true);
    RUN_UNTIL(served.n == 280);
    RUN_UNTIL(served.peer->count > 280 * sizeof body);
    served_end();
}

static void unknown_methods_and_absolute_targets_reach_the_app(void **state)
{
    (void)state;
    served_begin(NULL);
    peer_send(served.peer, "BREW /early HTTP/1.1\r\nHost: h\r\n\r\n"
                           "M-SEARCH http://h/early?x=http://y HTTP/1.1\r\nHost: h\r\n\r\n"
                           "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    RUN_UNTIL(served.n == 3);
    assert_string_equal(served.asks[0].path, "/early");
    assert_string_equal(served.asks[1].path, "/early");
    assert_string_equal(served.asks[2].path, "*");
    served_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_heads_never_reach_the_app),
        cmocka_unit_test(refused_heads_are_refused_when_split_too),
        cmocka_unit_test(a_body_of_nonsense_is_refused_and_the_app_told),
        cmocka_unit_test(heads_that_are_too_big_are_refused),
        cmocka_unit_test(extensions_and_trailers_are_bounded),
        cmocka_unit_test(a_slow_head_and_a_slow_body_end_with_408),
        cmocka_unit_test(a_paused_body_has_no_deadline),
        cmocka_unit_test(a_client_that_takes_nothing_is_closed),
        cmocka_unit_test(a_pipeliner_that_reads_no_answers_gets_no_further),
        cmocka_unit_test(unknown_methods_and_absolute_targets_reach_the_app),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
