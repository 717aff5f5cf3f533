/* Reloads: requests under way keep their catalog, and each request goes to the provider it was
 * planned for. */
#include "unit/relay/gateway.h"

static struct catalog *two_providers(bool is_swapped, bool is_beta_alone)
{
    struct fault f;
    struct catalog *c = catalog_new();
    struct provider *p[2] = {0};
    for (int i = 0; i < 2; i++) {
        int at = is_swapped ? 1 - i : i;
        if (at == 1 || !is_beta_alone)
            p[at] = add_provider(c, at ? "beta" : "alpha", at ? "Beta" : "Alpha",
                                 gw.makers[at].port, &patient, 10);
    }
    struct model *two = add_model(c, "test/two");
    if (p[0])
        add_endpoint(c, two, p[0], "two-a");
    add_endpoint(c, two, p[1], "two-b");
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    return c;
}

static void swap(bool is_swapped, bool is_beta_alone)
{
    struct relay_settings s = usual_settings();
    reload(two_providers(is_swapped, is_beta_alone), &s);
}

static struct end *ask_in_part(const struct made_key *k, struct str body)
{
    char head[400];
    struct end *c = client_connect();
    client_head(head, sizeof head, k, CHAT_PATH, body.n);
    end_send(c, str_c(head));
    end_send(c, str_head(body, 10));
    WAIT_FOR(gw.worker->relays_n == 1);
    return c;
}

static void a_request_that_is_being_read_goes_where_its_catalog_says(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct str body = STR(CHAT("test/two", ""));
    swap(false, false);
    struct end *c = ask_in_part(&k, body);
    swap(true, false);
    end_send(c, str_skip(body, 10));
    WAIT_FOR(asked_now(&gw.makers[0]) || asked_now(&gw.makers[1]));
    assert_null(asked_now(&gw.makers[1]));
    assert_true(got_has(asked_now(&gw.makers[0]), "\"two-a\""));
    answer_json(asked(&gw.makers[0]), 200, "", WHOLE_ANSWER(USAGE(5, 7)));
    assert_answer(c, 200, "\"provider\":\"Alpha\"");
}

static void a_provider_that_a_reload_took_away_serves_what_was_planned_for_it(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct str body = STR(CHAT("test/two", ""));
    swap(false, false);
    struct end *c = ask_in_part(&k, body);
    swap(false, true);
    end_send(c, str_skip(body, 10));
    WAIT_FOR(asked_now(&gw.makers[0]) || asked_now(&gw.makers[1]) || is_answered(c));
    struct end *p = asked_now(&gw.makers[0]) ? asked_now(&gw.makers[0]) : asked_now(&gw.makers[1]);
    assert_non_null(p);
    assert_true(got_has(p, p == asked_now(&gw.makers[0]) ? "\"two-a\"" : "\"two-b\""));
    answer_json(p, 200, "", WHOLE_ANSWER(USAGE(5, 7)));
    assert_answer(c, 200, "hello");
}

static void a_fallback_after_a_reload_goes_where_its_catalog_says(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    swap(false, false);
    struct end *c = client_ask(&k, CHAT("test/two", ""));
    struct end *p = asked(&gw.makers[0]);
    swap(false, true);
    answer_json(p, 503, "", "{}");
    WAIT_FOR(asked_now(&gw.makers[1]) || is_answered(c));
    assert_non_null(asked_now(&gw.makers[1]));
    assert_true(got_has(asked_now(&gw.makers[1]), "\"two-b\""));
    answer_json(asked(&gw.makers[1]), 200, "", WHOLE_ANSWER(USAGE(5, 7)));
    assert_answer(c, 200, "\"provider\":\"Beta\"");
}

static void a_reload_does_not_end_what_is_under_way_and_keeps_connections(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    swap(false, false);
    struct end *c = client_ask(&k, CHAT("test/two", ",\"stream\":true"));
    struct end *p = asked(&gw.makers[0]);
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "before");
    WAIT_FOR(got_has(c, "before"));
    swap(false, true);
    answer_delta(p, "after");
    answer_stream_end(p, 5, 7);
    assert_answer(c, 200, "after");
    assert_true(got_has(c, "[DONE]"));
    WAIT_FOR(maker_open(&gw.makers[0]) == 0); /* nobody's any more */
    swap(true, false);
    for (int i = 0; i < 3; i++) {
        c = client_ask(&k, CHAT("test/two", ""));
        answer_json(asked(&gw.makers[0]), 200, "", WHOLE_ANSWER(USAGE(5, 7)));
        assert_answer(c, 200, "hello");
        swap(i % 2, false);
    }
    assert_int_equal(gw.makers[0].accepted, 2); /* the same one through all reloads */
}

static void a_catalog_with_a_wrong_url_changes_nothing(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct fault f = {0};
    struct relay_settings s = usual_settings();
    struct catalog *c = catalog_new();
    struct provider bad = {.name = STR("bad"),
                           .title = STR("Bad"),
                           .dialect = STR("openai"),
                           .base_url = STR("nonsense"),
                           .api_key = {STR("x")},
                           .max_tokens_field = STR("max_tokens")};
    add_provider(c, "alpha", "Alpha", gw.makers[0].port, &patient, 10);
    assert_non_null(catalog_add_provider(c, &bad));
    s.body_max = 1;
    assert_int_not_equal(relay_worker_reload(gw.worker, &s, c, &f), ERR_OK);
    assert_true(f.message[0] != '\0');
    catalog_unref(c);
    struct end *client = client_ask(&k, CHAT("test/one", ""));
    answer_json(asked(&gw.makers[0]), 200, "", WHOLE_ANSWER(USAGE(5, 7)));
    assert_answer(client, 200, "hello");
}

static uint32_t failures_of(const char *provider)
{
    const struct model *m = catalog_model(gw.worker->routes->catalog, STR("test/two"));
    for (uint32_t i = 0; m && i < m->endpoints_n; i++) {
        const struct endpoint *e = m->endpoints[i];
        if (str_eq(e->provider->name, str_c(provider)))
            return health_last(&gw.worker->routes->healths[e->index],
                               relay_worker_wall_ms(gw.worker) / 60000, 30)
                .failed;
    }
    return 0;
}

static void a_reload_forgets_nothing_of_the_endpoints_that_stay(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    swap(false, false);
    struct end *c = client_ask(&k, CHAT("test/two", ""));
    answer_json(asked(&gw.makers[0]), 503, "", "{}");
    answer_json(asked(&gw.makers[1]), 200, "", WHOLE_ANSWER(USAGE(5, 7)));
    assert_answer(c, 200, "hello");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(failures_of("alpha"), 1);
        assert_int_equal(failures_of("beta"), 0);
        swap(i % 2 == 0, false);
    }
    swap(false, true);
    assert_int_equal(failures_of("alpha") + failures_of("beta"), 0);
}

static void random_numbers_do_not_repeat(void **state)
{
    (void)state;
    enum { N = 2000 };
    static uint64_t seen[N];
    for (int i = 0; i < N; i++) {
        seen[i] = relay_worker_random(gw.worker);
        for (int k = 0; k < i; k++)
            assert_true(seen[k] != seen[i]);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, tidy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_that_is_being_read_goes_where_its_catalog_says),
        TEST(a_provider_that_a_reload_took_away_serves_what_was_planned_for_it),
        TEST(a_fallback_after_a_reload_goes_where_its_catalog_says),
        TEST(a_reload_does_not_end_what_is_under_way_and_keeps_connections),
        TEST(a_catalog_with_a_wrong_url_changes_nothing),
        TEST(a_reload_forgets_nothing_of_the_endpoints_that_stay),
        TEST(random_numbers_do_not_repeat),
    };
    return cmocka_run_group_tests(tests, gateway_begin, gateway_end);
}
