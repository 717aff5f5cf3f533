#include "unit/io/peers.h"

#include "io/internal.h"
#include "unit/io/certificates.h"

/* --- pairs over TLS --- */

struct tls_pair {
    struct pair p;
    struct io_tls *server, *client;
};

static void begin(struct tls_pair *t, const char *certificate_name, const char *ca)
{
    struct fault f = {0};
    t->server = io_tls_server_new(path_of(certificate_name), path_of("key.pem"), &f);
    t->client = io_tls_client_new(ca ? path_of(ca) : NULL, &f);
    assert_non_null(t->server);
    assert_non_null(t->client);
    pair_begin(&t->p, t->server, "127.0.0.1");
}

static void end(struct tls_pair *t)
{
    pair_end(&t->p);
    io_tls_free(t->server);
    io_tls_free(t->client);
}

static void open_one(struct tls_pair *t)
{
    t->p.client.stops_at = t->p.client.got + 1;
    t->p.server.to_send++;
    t->p.server.sent = t->p.server.to_send - 1;
    pair_connect(&t->p, "127.0.0.1", t->client);
    pair_run(&t->p);
    assert_int_equal(t->p.client.open_err, ERR_OK);
}

static void bytes_come_back_whole_through_tls(void **state)
{
    (void)state;
    const uint64_t sizes[] = {1, 16351, 16384, 100000, 8 << 20};
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            struct tls_pair t;
            begin(&t, "here.pem", "ca.pem");
            SSL_CTX_set_max_proto_version(t.server->ctx, version);
            pair_echo(&t.p, i % 2 ? "127.0.0.1" : "localhost", t.client, sizes[i],
                      i % 2 ? 777 + i : 0);
            end(&t);
        }
}

static void a_slow_reader_of_tls_loses_nothing(void **state)
{
    (void)state;
    struct tls_pair t;
    begin(&t, "here.pem", "ca.pem");
    t.p.client.is_slow = t.p.server.is_slow = true;
    pair_echo(&t.p, "127.0.0.1", t.client, 8 << 20, 0);
    assert_true(t.p.client.drains > 0);
    end(&t);
}

static void refused(const char *certificate_name, const char *ca, const char *host, const char *why)
{
    struct tls_pair t;
    begin(&t, certificate_name, ca);
    pair_connect(&t.p, host, t.client);
    pair_run(&t.p);
    assert_int_equal(t.p.client.opens, 1);
    assert_int_equal(t.p.client.open_err, ERR_UPSTREAM);
    assert_string_equal(t.p.client.why, why);
    assert_int_equal(t.p.accepts, 0);
    end(&t);
}

static void a_certificate_for_another_host_is_refused(void **state)
{
    (void)state;
    refused("other.pem", "ca.pem", "localhost", "certificate: hostname mismatch");
    refused("other.pem", "ca.pem", "127.0.0.1", "certificate: IP address mismatch");
}

static void a_certificate_that_nobody_vouches_for_is_refused(void **state)
{
    (void)state;
    refused("here.pem", NULL, "127.0.0.1", "certificate: unable to get local issuer certificate");
}

static void a_cut_is_told_from_an_end(void **state)
{
    (void)state;
    for (int is_cut = 0; is_cut < 2; is_cut++) {
        struct tls_pair t;
        begin(&t, "here.pem", "ca.pem");
        open_one(&t);
        t.p.client.stops_at_end = true;
        t.p.client.stops_at = 0;
        if (is_cut)
            io_close(t.p.server.c);
        else
            io_shutdown(t.p.server.c);
        pair_run(&t.p);
        assert_int_equal(t.p.client.ends, 1);
        assert_int_equal(t.p.client.end_err, is_cut ? ERR_UPSTREAM : ERR_OK);
        end(&t);
    }
}

static void what_is_written_before_shutdown_arrives_before_the_end(void **state)
{
    (void)state;
    struct tls_pair t;
    begin(&t, "here.pem", "ca.pem");
    open_one(&t);
    struct str all = {(const char *)pattern, PATTERN_N};
    for (int i = 0; i < 32; i++)
        assert_true(io_write(t.p.client.c, &all, 1));
    assert_int_equal(io_unsent(t.p.client.c), 32 * PATTERN_N);
    io_shutdown(t.p.client.c);
    t.p.server.is_slow = t.p.server.stops_at_end = true;
    pair_run(&t.p);
    assert_int_equal(t.p.server.got, 32 * PATTERN_N);
    assert_int_equal(t.p.server.end_err, ERR_OK);

    /* Half closed: the other way still works. */
    t.p.client.stops_at = 100001;
    t.p.server.to_send = 100001;
    end_pump(&t.p.server);
    pair_run(&t.p);
    assert_int_equal(t.p.client.got, 100001);
    end(&t);
}

static void sessions_are_resumed(void **state)
{
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_pair t;
        begin(&t, "here.pem", "ca.pem");
        SSL_CTX_set_max_proto_version(t.server->ctx, version);
        open_one(&t);
        assert_int_equal(SSL_CTX_sess_hits(t.client->ctx), 0);
        io_close(t.p.client.c);
        open_one(&t);
        assert_int_equal(SSL_CTX_sess_hits(t.client->ctx), 1);
        end(&t);
    }
}

static void sessions_are_kept_for_so_many_hosts_and_no_more(void **state)
{
    (void)state;
    struct sessions *s = sessions__new();
    char key[32];
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "host-%d:443", i);
        sessions__keep(s, key, SSL_SESSION_new());
    }
    sessions__keep(s, key, SSL_SESSION_new());
    assert_null(sessions__find(s, "host-0:443"));
    sessions__free(s);
    sessions__free(NULL);
}

static void closing_in_any_callback_is_safe(void **state)
{
    (void)state;
    const char *where[] = {"on_open", "on_accept", "on_bytes", "on_drained"};
    for (size_t i = 0; i < COUNT_OF(where); i++) {
        struct tls_pair t;
        begin(&t, "here.pem", "ca.pem");
        struct end *e = i == 1 ? &t.p.server : &t.p.client;
        snprintf(e->closes_in, sizeof e->closes_in, "%s", where[i]);
        t.p.server.to_send = t.p.client.to_send = 50000;
        pair_connect(&t.p, "127.0.0.1", t.client);
        pair_run(&t.p);
        end(&t);
    }
}

static void on_stranger_bytes(void *user, struct str bytes)
{
    (void)user, (void)bytes; /* the alert */
}

static const struct io_conn_ops stranger = {end_on_open, on_stranger_bytes, end_on_end,
                                            end_on_drained};

static void a_client_that_does_not_speak_tls_is_cut_off(void **state)
{
    (void)state;
    struct tls_pair t;
    begin(&t, "here.pem", "ca.pem");
    t.p.client.to_send = 1000;
    t.p.client.stops_at_end = true;
    pair_connect(&t.p, "127.0.0.1", NULL);
    io_conn_set_user(t.p.client.c, &stranger, &t.p.client);
    pair_run(&t.p);
    assert_int_equal(t.p.client.ends, 1);
    assert_int_equal(t.p.accepts, 0);
    end(&t);
}

static void accept_and_close(void *user, struct io_conn *c)
{
    (void)user;
    io_close(c);
}

static void accept_and_babble(void *user, struct io_conn *c)
{
    struct pair *p = user;
    struct str nonsense = {(const char *)pattern, 1000};
    p->server.c = c;
    io_conn_set_user(c, &stranger, &p->server);
    io_read(c, true);
    assert_true(io_write(c, &nonsense, 1));
}

static void a_server_that_does_not_speak_tls_is_not_opened(void **state)
{
    (void)state;
    void (*accepts[])(void *, struct io_conn *) = {accept_and_close, accept_and_babble};
    for (size_t i = 0; i < COUNT_OF(accepts); i++) {
        struct tls_pair t;
        struct fault f;
        begin(&t, "here.pem", "ca.pem");
        struct io_listener *s =
            io_listen(t.p.loop, STR("127.0.0.1"), 0, NULL, accepts[i], &t.p, &f);
        t.p.client.c = io_connect(t.p.loop, STR("127.0.0.1"), io_listener_port(s), t.client,
                                  &end_ops, &t.p.client);
        pair_run(&t.p);
        assert_int_equal(t.p.client.opens, 1);
        assert_int_equal(t.p.client.open_err, ERR_UPSTREAM);
        assert_true(*t.p.client.why);
        end(&t);
    }
}

static void handshakes_under_way_end_with_their_listener(void **state)
{
    (void)state;
    struct tls_pair t;
    begin(&t, "here.pem", "ca.pem");
    t.p.client.to_send = 1; /* a byte of nonsense, too few to be refused; then it waits */
    t.p.client.stops_at_end = true;
    pair_connect(&t.p, "127.0.0.1", NULL);
    io_timer_set(t.p.loop, &t.p.guard, io_now_ms(t.p.loop) + 5);
    io_loop_run(t.p.loop);
    t.p.is_timed_out = false;
    assert_false(list_is_empty(&t.p.listener->handshakes));
    io_listener_close(t.p.listener);
    pair_run(&t.p);
    assert_int_equal(t.p.client.ends, 1);
    assert_int_equal(t.p.accepts, 0);
    end(&t);
}

static void a_renewed_certificate_is_shown_to_those_who_come_then(void **state)
{
    (void)state;
    struct tls_pair t;
    struct fault f = {0};
    begin(&t, "other.pem", "ca.pem");
    pair_connect(&t.p, "127.0.0.1", t.client);
    pair_run(&t.p);
    assert_int_equal(t.p.client.open_err, ERR_UPSTREAM);
    struct io_tls *fresh = io_tls_server_new(path_of("here.pem"), path_of("key.pem"), &f);
    assert_non_null(fresh);
    io_tls_renew(t.server, fresh);
    open_one(&t);
    end(&t);
}

static void files_that_do_not_serve_are_named(void **state)
{
    (void)state;
    struct fault f;
    assert_null(io_tls_server_new(path_of("no.pem"), path_of("key.pem"), &f));
    assert_non_null(strstr(f.message, "no.pem: no such file or directory"));
    assert_null(io_tls_server_new(path_of("here.pem"), path_of("no.pem"), &f));
    assert_non_null(strstr(f.message, "the private key "));
    assert_non_null(strstr(f.message, "no.pem: no such file or directory"));
    assert_null(io_tls_client_new(path_of("no.pem"), &f));
    assert_non_null(strstr(f.message, "no.pem: no such file or directory"));
    assert_non_null(strstr(f.message, "/no.pem"));
    assert_null(io_tls_server_new(path_of("here.pem"), path_of("ca-key.pem"), &f));
    assert_non_null(strstr(f.message, "/ca-key.pem"));
    assert_non_null(strstr(f.message, "mismatch"));
    assert_null(io_tls_client_new(path_of("no.pem"), &f));
    assert_non_null(strstr(f.message, "/no.pem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back_whole_through_tls),
        cmocka_unit_test(a_slow_reader_of_tls_loses_nothing),
        cmocka_unit_test(a_certificate_for_another_host_is_refused),
        cmocka_unit_test(a_certificate_that_nobody_vouches_for_is_refused),
        cmocka_unit_test(a_cut_is_told_from_an_end),
        cmocka_unit_test(what_is_written_before_shutdown_arrives_before_the_end),
        cmocka_unit_test(sessions_are_resumed),
        cmocka_unit_test(sessions_are_kept_for_so_many_hosts_and_no_more),
        cmocka_unit_test(closing_in_any_callback_is_safe),
        cmocka_unit_test(a_client_that_does_not_speak_tls_is_cut_off),
        cmocka_unit_test(a_server_that_does_not_speak_tls_is_not_opened),
        cmocka_unit_test(handshakes_under_way_end_with_their_listener),
        cmocka_unit_test(a_renewed_certificate_is_shown_to_those_who_come_then),
        cmocka_unit_test(files_that_do_not_serve_are_named),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
