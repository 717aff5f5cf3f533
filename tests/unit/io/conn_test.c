#include "unit/io/peers.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/internal.h"

static void bytes_come_back_whole_whatever_their_sizes(void **state)
{
    (void)state;
    const uint64_t sizes[] = {1, 1000, 16351, 16352, 16353, 65536, 300001, 8 << 20};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct pair p;
        pair_begin(&p, NULL, "127.0.0.1");
        pair_echo(&p, "127.0.0.1", NULL, sizes[i], i % 2 ? 12345 + i : 0);
        assert_int_equal(p.accepts, 1);
        pair_end(&p);
    }
}

static void a_slow_reader_slows_the_writer_and_loses_nothing(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p, NULL, "127.0.0.1");
    p.client.is_slow = true;
    pair_echo(&p, "127.0.0.1", NULL, 8 << 20, 0);
    assert_true(p.client.drains > 0);
    pair_end(&p);
}

static void on_unread(struct io_timer *t)
{
    struct pair *p = container_of(t, struct pair, server.resume);
    io_loop_stop(p->loop);
}

static void what_the_kernel_does_not_take_stays_countable_until_drained(void **state)
{
    (void)state;
    static char big[16 << 20];
    struct str view = {big, sizeof big};
    struct pair p;
    pair_begin(&p, NULL, "127.0.0.1");
    p.client.stops_at = 1;
    p.server.to_send = 1;
    pair_connect(&p, "127.0.0.1", NULL);
    pair_run(&p);
    io_read(p.client.c, false);
    assert_true(io_write(p.server.c, &view, 1));
    size_t unsent = io_unsent(p.server.c);
    unsigned drains = p.server.drains;
    assert_true(unsent > 0 && unsent < sizeof big);

    /* The loop turns, nobody reads: it stays. */
    io_timer_init(&p.server.resume, on_unread);
    io_timer_set(p.loop, &p.server.resume, io_now_ms(p.loop) + 5);
    pair_run(&p);
    assert_true(io_unsent(p.server.c) > 0);
    assert_int_equal(p.server.drains, drains);
    assert_int_equal(p.client.got, 1);
    io_close(p.client.c);
    p.server.stops_at_end = true;
    pair_run(&p);
    assert_int_equal(p.server.ends, 1);
    assert_int_equal(p.server.end_err, ERR_UPSTREAM);
    assert_int_equal(p.server.drains, drains);
    assert_false(io_write(p.server.c, &view, 1));
    pair_end(&p);
}

static void being_drained_is_told_once_even_if_all_went_out_at_once(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p, NULL, "127.0.0.1");
    p.client.stops_at = 3;
    p.server.to_send = 3;
    pair_connect(&p, "127.0.0.1", NULL);
    pair_run(&p);
    assert_int_equal(p.server.drains, 1);
    struct str some = {(const char *)pattern + 3, 100};
    p.client.stops_at = 203;
    assert_true(io_write(p.server.c, &some, 1));
    io_flush(p.server.c);
    some.p += 100;
    assert_true(io_write(p.server.c, &some, 1));
    assert_int_equal(io_unsent(p.server.c), 100);
    assert_int_equal(p.server.drains, 1); /* never from inside a call */
    pair_run(&p);
    assert_int_equal(p.server.drains, 2);
    pair_end(&p);
}

static void the_other_direction_works_after_one_end_is_shut(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p, NULL, "127.0.0.1");
    p.server.stops_at_end = true;
    p.client.to_send = 1 << 20;
    pair_connect(&p, "127.0.0.1", NULL);
    io_shutdown(p.client.c); /* all that is written before goes first, even before it is open */
    p.client.to_send = 0;
    pair_run(&p);
    assert_int_equal(p.server.ends, 1);
    assert_int_equal(p.server.end_err, ERR_OK);
    assert_int_equal(p.client.ends, 0);
    p.server.to_send = 3 << 20;
    p.client.stops_at = 3 << 20;
    end_pump(&p.server);
    pair_run(&p);
    assert_int_equal(p.client.got, 3 << 20);
    p.client.stops_at_end = true;
    io_shutdown(p.server.c);
    pair_run(&p);
    assert_int_equal(p.client.ends, 1);
    assert_int_equal(p.client.end_err, ERR_OK);
    assert_int_equal(p.server.ends, 1);
    pair_end(&p);
}

static void what_is_written_before_shutdown_arrives_before_the_end(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p, NULL, "127.0.0.1");
    p.client.stops_at = 1;
    p.server.to_send = 1;
    pair_connect(&p, "127.0.0.1", NULL);
    pair_run(&p);
    p.server.is_slow = p.server.stops_at_end = true;
    struct str all = {(const char *)pattern, PATTERN_N};
    for (int i = 0; i < 64; i++)
        assert_true(io_write(p.client.c, &all, 1));
    io_shutdown(p.client.c);
    assert_false(io_write(p.client.c, &all, 1));
    pair_run(&p);
    assert_int_equal(p.server.got, 64 * PATTERN_N);
    assert_int_equal(p.server.end_err, ERR_OK);
    pair_end(&p);
}

static void closing_in_any_callback_is_safe_and_final(void **state)
{
    (void)state;
    const char *where[] = {"on_open", "on_bytes", "on_drained", "on_end", "on_accept"};
    for (size_t i = 0; i < COUNT_OF(where); i++)
        for (int side = 0; side < 2; side++) {
            struct pair p;
            pair_begin(&p, NULL, "127.0.0.1");
            struct end *e = side ? &p.server : &p.client, *other = side ? &p.client : &p.server;
            snprintf(e->closes_in, sizeof e->closes_in, "%s", where[i]);
            if ((side && i == 0) ||
                (!side && i == 4)) { /* a callback that this side does not have */
                pair_end(&p);
                continue;
            }
            e->to_send = i == 2 ? 16 << 20 : 0;
            other->to_send = i == 2 ? 0 : 100;
            snprintf(other->closes_in, sizeof other->closes_in, i == 3 ? "on_open" : "none");
            if (i == 3 && !side)
                snprintf(other->closes_in, sizeof other->closes_in, "on_accept");
            pair_connect(&p, "127.0.0.1", NULL);
            if (i == 3)
                pair_run(&p); /* the other one closes */
            pair_run(&p);
            unsigned before = e->ends + e->drains + e->opens;
            other->stops_at_end = true;
            if (other->c && i != 3 && !other->ends)
                pair_run(&p);
            assert_int_equal(e->ends + e->drains + e->opens, before);
            pair_end(&p);
        }
}

static void a_refused_connection_says_so_and_is_closed(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p, NULL, "127.0.0.1");
    uint16_t port = io_listener_port(p.listener);
    io_listener_close(p.listener);
    p.client.c = io_connect(p.loop, STR("127.0.0.1"), port, NULL, &end_ops, &p.client);
    pair_run(&p);
    assert_int_equal(p.client.opens, 1);
    assert_int_equal(p.client.open_err, ERR_UPSTREAM);
    assert_string_equal(p.client.why, "connection refused");
    assert_int_equal(p.client.ends, 0);
    pair_end(&p);
}

static void a_host_that_cannot_be_is_not_found(void **state)
{
    (void)state;
    const struct str hosts[] = {
        STR_INIT(""), STR_INIT("no such host"), {(const char *)pattern, 300}, STR_INIT("a\0b")};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct pair p;
        pair_begin(&p, NULL, "127.0.0.1");
        p.client.c = io_connect(p.loop, hosts[i], 1, NULL, &end_ops, &p.client);
        pair_run(&p);
        assert_int_equal(p.client.open_err, ERR_UPSTREAM);
        assert_memory_equal(p.client.why, "host not found", 14);
        pair_end(&p);
    }
}

static void names_are_resolved_and_every_address_is_tried(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p, NULL, "localhost"); /* listens on one of its addresses alone */
    pair_echo(&p, "localhost", NULL, 1000, 0);
    pair_end(&p);
}

static void closing_while_the_name_is_resolved_is_silent(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p, NULL, "127.0.0.1");
    pair_connect(&p, "localhost", NULL);
    io_close(p.client.c);
    pair_connect(&p, "127.0.0.1", NULL);
    io_close(p.client.c);
    io_timer_init(&p.server.resume, on_unread);
    io_timer_set(p.loop, &p.server.resume, io_now_ms(p.loop) + 5);
    pair_run(&p);
    assert_int_equal(p.client.opens, 0);
    pair_connect(&p, "localhost", NULL); /* and with the loop */
    pair_end(&p);
    assert_int_equal(p.client.opens, 0);
}

static void freeing_the_loop_closes_all_without_callbacks(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p, NULL, "127.0.0.1");
    p.client.stops_at = 1;
    p.server.to_send = 1;
    pair_connect(&p, "127.0.0.1", NULL);
    pair_run(&p);
    struct str all = {(const char *)pattern, PATTERN_N};
    for (int i = 0; i < 200; i++)
        assert_true(io_write(p.client.c, &all, 1));
    pair_end(&p);
    assert_int_equal(p.client.ends + p.server.ends, 0);
}

static void peers_have_an_address_and_a_port(void **state)
{
    (void)state;
    static const char *hosts[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < 2; i++) {
        struct pair p;
        char expected[IO_ADDRESS_MAX], got[IO_ADDRESS_MAX];
        pair_begin(&p, NULL, hosts[i]);
        p.client.stops_at = 1;
        p.server.to_send = 1;
        pair_connect(&p, hosts[i], NULL);
        pair_run(&p);
        snprintf(expected, sizeof expected, i ? "[%s]:%u" : "%s:%u", hosts[i],
                 io_listener_port(p.listener));
        assert_str(io_peer(p.client.c, got), expected);
        assert_ptr_equal(io_conn_loop(p.client.c), p.loop);
        io_close(p.client.c);
        assert_str(io_peer(p.client.c, got), "unknown");
        pair_end(&p);
    }
}

static void several_listeners_share_a_port_but_strangers_cannot(void **state)
{
    (void)state;
    struct fault f;
    struct pair p;
    pair_begin(&p, NULL, "127.0.0.1");
    uint16_t port = io_listener_port(p.listener);
    assert_non_null(io_listen(p.loop, STR("127.0.0.1"), port, NULL, pair_on_accept, &p, &f));

    assert_int_equal(io_port_check(STR("127.0.0.1"), port, &f), ERR_INVALID);
    assert_non_null(strstr(f.message, ": address already in use"));
    assert_int_equal(io_port_check(STR("127.0.0.1"), 0, &f), ERR_OK);

    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    char expected[300];
    snprintf(expected, sizeof expected, "cannot listen on 127.0.0.1:%u: address already in use",
             ntohs(a.sin_port));
    assert_null(
        io_listen(p.loop, STR("127.0.0.1"), ntohs(a.sin_port), NULL, pair_on_accept, &p, &f));
    assert_string_equal(f.message, expected);
    assert_null(io_listen(p.loop, STR("no such host"), 0, NULL, pair_on_accept, &p, &f));
    assert_memory_equal(f.message, "cannot listen on no such host:0: ", 33);
    close(fd);
    pair_end(&p);
}

static void without_descriptors_accepting_pauses_and_goes_on_later(void **state)
{
    (void)state;
    struct pair p;
    struct rlimit old, tight;
    pair_begin(&p, NULL, "127.0.0.1");
    pair_connect(&p, "127.0.0.1", NULL);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    int next = dup(0);
    close(next);
    tight = (struct rlimit){(rlim_t)next, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    io_timer_init(&p.server.resume, on_unread);
    io_timer_set(p.loop, &p.server.resume, io_now_ms(p.loop) + 10);
    pair_run(&p);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(p.client.opens, 1); /* the kernel took it for us */
    assert_int_equal(p.accepts, 0);
    assert_false(uv_is_active((uv_handle_t *)&p.listener->poll));

    p.server.to_send = p.client.stops_at = 10;
    pair_run(&p);
    assert_int_equal(p.accepts, 1);
    pair_end(&p);
}

static void a_connection_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct io_conn) - sizeof(uv_tcp_t) <= 192);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back_whole_whatever_their_sizes),
        cmocka_unit_test(a_slow_reader_slows_the_writer_and_loses_nothing),
        cmocka_unit_test(what_the_kernel_does_not_take_stays_countable_until_drained),
        cmocka_unit_test(being_drained_is_told_once_even_if_all_went_out_at_once),
        cmocka_unit_test(the_other_direction_works_after_one_end_is_shut),
        cmocka_unit_test(what_is_written_before_shutdown_arrives_before_the_end),
        cmocka_unit_test(closing_in_any_callback_is_safe_and_final),
        cmocka_unit_test(a_refused_connection_says_so_and_is_closed),
        cmocka_unit_test(a_host_that_cannot_be_is_not_found),
        cmocka_unit_test(names_are_resolved_and_every_address_is_tried),
        cmocka_unit_test(closing_while_the_name_is_resolved_is_silent),
        cmocka_unit_test(freeing_the_loop_closes_all_without_callbacks),
        cmocka_unit_test(peers_have_an_address_and_a_port),
        cmocka_unit_test(several_listeners_share_a_port_but_strangers_cannot),
        cmocka_unit_test(without_descriptors_accepting_pauses_and_goes_on_later),
        cmocka_unit_test(a_connection_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
