/* Money: what an answer costs to the nano-dollar, its record, and that no report of a provider
 * breaks a limit. */
#include "unit/relay/gateway.h"

enum { ROUNDS = 50, KEYS = 24, AT_ONCE = 3 };

/* --- exact cost
 * ------------------------------------------------------------------------------------------- */

static const struct {
    const char *usage;
    nanos cost;
    uint64_t prompt, completion, cached, reasoning;
    bool is_estimated;
} bills[] = {
    {USAGE(1000, 100), 1000 * 150 + 100 * 600, 1000, 100, 0, 0, false},
    /* of an answer that brought something, nothing is no figure */
    {USAGE(0, 0), 3 * 150 + 2 * 600, 3, 2, 0, 0, true},
    {USAGE(1, 0), 150 + 2 * 600, 1, 2, 0, 0, true},
    {",\"usage\":{\"prompt_tokens\":1001,\"completion_tokens\":10,\"prompt_tokens_details\":{"
     "\"cached_tokens\":333},"
     "\"completion_tokens_details\":{\"reasoning_tokens\":4}}",
     668 * 150 + 333 * 75 + 10 * 600, 1001, 10, 333, 4, false},
    {",\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":1,\"prompt_tokens_details\":{\"cached_"
     "tokens\":99}}",
     10 * 75 + 600, 10, 1, 10, 0, false},
    {"", 3 * 150 + 2 * 600, 3, 2, 0, 0, true},
    {",\"usage\":null", 3 * 150 + 2 * 600, 3, 2, 0, 0, true},
};

static void a_cost_is_exact_and_the_same_everywhere(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    for (size_t i = 0; i < COUNT_OF(bills); i++) {
        struct answer a;
        struct store_generation_get g;
        char json[800], cost[64];
        struct buf room = {.p = cost, .cap = sizeof cost, .max = sizeof cost};
        nanos before = settled_by(&k);
        snprintf(json, sizeof json, "%.*s%s}", (int)strlen(WHOLE_ANSWER("")) - 1, WHOLE_ANSWER(""),
                 bills[i].usage);
        struct end *c = client_ask(&k, CHAT("test/one", ""));
        answer_json(asked(&gw.makers[0]), 200, "", json);
        answer_wait(c, &a);
        buf_add(&room, STR("\"cost\":"));
        money_add_usd(&room, bills[i].cost);
        buf_add(&room, str_of(",", 2)); /* and a NUL */
        if (!got_has(c, cost))
            fail_msg("expected %s in %.*s", cost, STR_ARG(buf_view(&c->got)));
        assert_int_equal(settled_by(&k) - before, bills[i].cost);
        record_of(&a, &g);
        assert_int_equal(g.row.cost, bills[i].cost);
        assert_int_equal(g.row.uncollected, 0);
        assert_int_equal(g.row.tokens_prompt, bills[i].prompt);
        assert_int_equal(g.row.tokens_completion, bills[i].completion);
        assert_int_equal(g.row.tokens_cached, bills[i].cached);
        assert_int_equal(g.row.tokens_reasoning, bills[i].reasoning);
        assert_int_equal(g.row.is_estimated, bills[i].is_estimated);
        store_generation_release(&g);
        buf_release(&a.body);
        wait_quiet();
    }
}

static void a_fraction_of_a_nano_dollar_rounds_once(void **state)
{
    (void)state;
    struct fault f;
    struct relay_settings s = usual_settings();
    struct catalog *c = catalog_new();
    struct provider *alpha = add_provider(c, "alpha", "Alpha", gw.makers[0].port, &patient, 10);
    struct endpoint *e = add_endpoint(c, add_model(c, "test/odd"), alpha, "odd");
    e->price = (struct price){.prompt = 100,
                              .completion = 150,
                              .reasoning = 150,
                              .cache_read = 100,
                              .cache_write = 100,
                              .request = 7};
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    reload(c, &s);
    struct made_key k = rich_key();
    struct end *client = client_ask(&k, CHAT("test/odd", ""));
    answer_json(asked(&gw.makers[0]), 200, "", WHOLE_ANSWER(USAGE(3, 8))); /* 0.3 + 1.2 + 7 */
    assert_answer(client, 200, "\"cost\":0.000000009,");
    assert_int_equal(settled_by(&k), 9);
}

/* --- the record
 * ---------------------------------------------------------------------------------------------- */

static void a_stream_s_record_tells_all(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct answer a;
    struct store_generation_get g;
    char head[800];
    static const char body[] = CHAT("test/two", ",\"stream\":true,\"user\":\"u-7\"");
    struct end *c = client_connect();
    snprintf(head, sizeof head,
             CHAT_PATH " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nX-Title: My "
                       "app\r\nUser-Agent: sdk/1\r\n"
                       "HTTP-Referer: https://app.example/\r\nContent-Length: %zu\r\n\r\n%s",
             k.text, strlen(body), body);
    end_send(c, str_c(head));
    answer_json(asked(&gw.makers[0]), 503, "", "{}");
    struct end *p = asked(&gw.makers[1]);
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "x");
    answer_stream_end(p, 11, 3);
    answer_wait(c, &a);
    record_of(&a, &g);
    assert_int_equal(g.row.account_id, k.row.account_id);
    assert_int_equal(g.row.key_id, k.row.id);
    assert_int_equal(g.row.created_ms, SOME_MS);
    assert_int_equal(g.row.settled_ms, SOME_MS);
    assert_int_equal(g.row.cost, 11 * 150 + 3 * 600);
    assert_int_equal(g.row.attempts, 2);
    assert_int_equal(g.row.status, 200);
    assert_true(g.row.is_streamed && !g.row.is_cancelled && !g.row.is_estimated);
    assert_str(g.row.model, "test/two");
    assert_str(g.row.provider, "Beta");
    assert_str(g.row.native_model, "two-b");
    assert_str(g.row.upstream_id, "c");
    assert_str(g.row.finish_reason, "stop");
    assert_str(g.row.native_finish_reason, "stop");
    assert_str(g.row.title, "My app");
    assert_str(g.row.referer, "https://app.example/");
    assert_str(g.row.user_agent, "sdk/1");
    assert_str(g.row.external_user, "u-7");
    assert_true(got_has(c, "X-Request-Id: req-"));
    assert_int_equal(g.row.request_id.n, 20);
    store_generation_release(&g);
    buf_release(&a.body);
}

static void a_broken_stream_s_record_says_so(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct answer a;
    struct store_generation_get g;
    struct end *c = client_ask(&k, CHAT("test/one", ",\"stream\":true"));
    struct end *p = asked(&gw.makers[0]);
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "1234");
    WAIT_FOR(got_has(c, "1234"));
    io_shutdown(p->c);
    answer_wait(c, &a);
    record_of(&a, &g);
    assert_str(g.row.finish_reason, "error");
    assert_true(g.row.is_estimated);
    assert_int_equal(g.row.cost, 3 * 150 + 600);
    store_generation_release(&g);
    buf_release(&a.body);
}

static void an_estimate_is_never_above_what_was_asked_for(void **state)
{
    (void)state;
    static const char long_text[] =
        "a text of far more words than the three tokens that were asked for";
    struct made_key k = rich_key();
    struct answer a;
    struct store_generation_get g;
    struct end *c = client_ask(&k, CHAT("test/one", ",\"stream\":true,\"max_tokens\":3"));
    struct end *p = asked(&gw.makers[0]);
    answer_raw(p, SSE_HEAD);
    answer_delta(p, long_text);
    WAIT_FOR(got_has(c, long_text));
    io_shutdown(p->c);
    answer_wait(c, &a);
    record_of(&a, &g);
    assert_true(g.row.is_estimated);
    assert_int_equal(g.row.cost, 3 * 150 + 3 * 600);
    store_generation_release(&g);
    buf_release(&a.body);
}

#define TOLD_SO_FAR(text, n)                                                                       \
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text                 \
    "\"},\"finish_reason\":null}],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":" #n       \
    "}}\n\n"

/* Some tell with each event how far they are: of a stream that breaks it is not the sum. */
static void a_broken_stream_s_usage_up_to_then_is_an_estimate(void **state)
{
    (void)state;
    static const struct {
        const char *event;
        uint64_t completion;
    } rows[] = {{TOLD_SO_FAR("12345678", 1), 2}, {TOLD_SO_FAR("12345678", 5), 5}};
    struct made_key k = rich_key();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer a;
        struct store_generation_get g;
        struct end *c = client_ask(&k, CHAT("test/one", ",\"stream\":true"));
        struct end *p = asked(&gw.makers[0]);
        answer_raw(p, SSE_HEAD);
        answer_chunk(p, rows[i].event);
        WAIT_FOR(got_has(c, "12345678"));
        io_shutdown(p->c);
        answer_wait(c, &a);
        record_of(&a, &g);
        assert_true(g.row.is_estimated);
        assert_int_equal(g.row.tokens_prompt, 11);
        assert_int_equal(g.row.tokens_completion, rows[i].completion);
        store_generation_release(&g);
        buf_release(&a.body);
        wait_quiet();
    }
}

/* A comment has committed the answer; then no endpoint could be paid or reached: nothing was used.
 */
static void a_stream_that_never_began_costs_nothing(void **state)
{
    (void)state;
    struct relay_settings s = usual_settings();
    struct made_key k = rich_key();
    struct answer a;
    struct store_generation_get g;
    s.keepalive_ms = 2;
    reload(usual_catalog(&patient, 10), &s);
    struct end *c = client_ask(&k, CHAT("test/one", ",\"stream\":true"));
    struct end *p = asked(&gw.makers[0]);
    answer_raw(p, SSE_HEAD);
    WAIT_FOR(got_has(c, "PROCESSING"));
    answer_chunk(p, "data: {\"error\":{\"message\":\"no\",\"code\":503}}\n\n");
    answer_wait(c, &a);
    assert_true(got_has(c, "\"code\":503") && got_has(c, "\"finish_reason\":\"error\"") &&
                !got_has(c, "[DONE]"));
    record_of(&a, &g);
    assert_int_equal(g.row.cost, 0);
    assert_int_equal(g.row.settled_ms, SOME_MS);
    store_generation_release(&g);
    buf_release(&a.body);
}

/* The same, but the other endpoint cannot be paid. */
static void a_stream_whose_other_endpoint_is_too_dear_has_a_record_with_a_time(void **state)
{
    (void)state;
    struct fault f;
    struct relay_settings s = usual_settings();
    struct catalog *c = catalog_new();
    struct provider *alpha = add_provider(c, "alpha", "Alpha", gw.makers[0].port, &patient, 10);
    struct provider *beta = add_provider(c, "beta", "Beta", gw.makers[1].port, &patient, 10);
    struct model *two = add_model(c, "test/two");
    struct answer a;
    struct store_generation_get g;
    add_endpoint(c, two, alpha, "cheap");
    add_endpoint(c, two, beta, "dear")->price.prompt = 1000 * (picos)1000000;
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    s.keepalive_ms = 2;
    reload(c, &s);
    struct made_key k = key_for(&(struct terms){.credit = 10000000});
    struct end *client = client_ask(&k, CHAT("test/two", ",\"stream\":true"));
    struct end *p = asked(&gw.makers[0]);
    answer_raw(p, SSE_HEAD);
    WAIT_FOR(got_has(client, "PROCESSING"));
    answer_chunk(p, "data: {\"error\":{\"message\":\"no\",\"code\":503}}\n\n");
    answer_wait(client, &a);
    assert_true(got_has(client, "\"code\":402") && !got_has(client, "[DONE]"));
    record_of(&a, &g);
    assert_int_equal(g.row.cost, 0);
    assert_int_equal(g.row.settled_ms, SOME_MS);
    store_generation_release(&g);
    buf_release(&a.body);
}

/* --- what providers must not be able to do
 * --------------------------------------------------------------------- */

/* A report whose figures are none says nothing: the answer is not free. */
static void a_report_that_makes_no_sense_is_no_report(void **state)
{
    (void)state;
    static const char *const answers[] = {
        WHOLE_ANSWER(",\"usage\":{}"),
        WHOLE_ANSWER(",\"usage\":{\"prompt_tokens\":\"5\",\"completion_tokens\":\"7\"}"),
        WHOLE_ANSWER(",\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":-7}"),
        WHOLE_ANSWER(",\"usage\":{\"prompt_tokens\":1e30,\"completion_tokens\":1e30}"),
    };
    struct made_key k = rich_key();
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        nanos before = settled_by(&k);
        struct end *c = client_ask(&k, CHAT("test/one", ""));
        answer_json(asked(&gw.makers[0]), 200, "", answers[i]);
        assert_answer(c, 200, "hello");
        if (settled_by(&k) - before != 3 * 150 + 2 * 600)
            fail_msg("%s cost %lld", answers[i], (long long)(settled_by(&k) - before));
    }
}

/* Clients cannot turn the report off by saying so twice. */
static void a_client_cannot_turn_the_usage_off(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c =
        client_ask(&k, CHAT("test/one", ",\"stream\":true,\"stream_options\":{\"include_usage\":"
                                        "true,\"include_usage\":false}"));
    WAIT_FOR(asked_now(&gw.makers[0]) || is_answered(c));
    if (asked_now(&gw.makers[0]))
        assert_false(got_has(asked_now(&gw.makers[0]), "\"include_usage\":false"));
    else
        assert_answer(c, 400, "include_usage");
}

static const char *some_usage(uint64_t *seed, char *room, size_t size)
{
    static const char *const figures[] = {"0",
                                          "1",
                                          "40",
                                          "4000",
                                          "100000",
                                          "4294967295",
                                          "4294967296",
                                          "1e9",
                                          "-3",
                                          "\"7\"",
                                          "99999999999999999999",
                                          "null"};
    uint64_t kind = next_random(seed) % 8;
    if (kind == 0)
        return "";
    if (kind == 1)
        return ",\"usage\":{}";
    snprintf(room, size,
             ",\"usage\":{\"prompt_tokens\":%s,\"completion_tokens\":%s,\"prompt_tokens_details\":"
             "{\"cached_tokens\":%s},\"completion_tokens_details\":{\"reasoning_tokens\":%s}}",
             figures[next_random(seed) % COUNT_OF(figures)],
             figures[next_random(seed) % COUNT_OF(figures)],
             figures[next_random(seed) % COUNT_OF(figures)],
             figures[next_random(seed) % COUNT_OF(figures)]);
    return room;
}

static void assert_limit_holds(const struct budget_view *v, const char *whose)
{
    nanos settled = v->usage.in[v->reset];
    if (settled + v->held > v->limit)
        fail_msg("%s: %lld settled, %lld held, limit %lld", whose, (long long)settled,
                 (long long)v->held, (long long)v->limit);
}

static void assert_limits_hold(const struct made_key *k)
{
    struct budget_view v;
    if (!ledger_find_key(gw.ledger, k->row.id))
        return;
    budget_view(ledger_find_key(gw.ledger, k->row.id), clock_wall_ms(), &v);
    assert_limit_holds(&v, "the key");
    budget_view(ledger_find_account(gw.ledger, k->row.account_id), clock_wall_ms(), &v);
    assert_limit_holds(&v, "the account");
}

static void answer_somehow(struct end *p, uint64_t *seed)
{
    char room[400], json[1200];
    const char *usage = some_usage(seed, room, sizeof room);
    bool is_streamed = got_has(p, "\"stream\":true");
    switch (next_random(seed) % 6) {
    case 0:
        answer_json(p, 500, "", "{}");
        return;
    case 1:
        answer_raw(p, SSE_HEAD);
        answer_delta(p, "half");
        io_shutdown(p->c);
        return;
    default:
        break;
    }
    snprintf(json, sizeof json, "%.*s%s}", (int)strlen(WHOLE_ANSWER("")) - 1, WHOLE_ANSWER(""),
             usage);
    if (!is_streamed) {
        answer_json(p, 200, "", json);
        return;
    }
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "all");
    answer_chunk(p, FINISH_EVENT);
    snprintf(json, sizeof json, "data: {\"id\":\"c\",\"choices\":[]%s}\n\n", usage);
    answer_chunk(p, json);
    answer_chunk(p, "data: [DONE]\n\n");
    end_send(p, STR("0\r\n\r\n"));
}

/* Three clients of one key at a time, each asking again when it has its answer. */
static void spend(const struct made_key *k, uint64_t seed)
{
    static const char *const bodies[] = {
        CHAT("test/two", ""), CHAT("test/two", ",\"stream\":true"),
        CHAT("test/two", ",\"max_tokens\":200"),
        CHAT("test/two", ",\"stream\":true,\"max_tokens\":30,\"n\":2")};
    struct end *clients[AT_ONCE] = {0};
    unsigned asked_n = 0, done = 0;
    while (done < ROUNDS) {
        for (int i = 0; i < AT_ONCE; i++) {
            if (clients[i] && is_answered(clients[i])) {
                end_drop(clients[i]);
                clients[i] = NULL;
                done++;
            }
            if (!clients[i] && asked_n < ROUNDS) {
                clients[i] = client_ask(k, bodies[next_random(&seed) % COUNT_OF(bodies)]);
                asked_n++;
            }
        }
        turn();
        assert_limits_hold(k);
        struct maker *m = &gw.makers[next_random(&seed) % MAKERS];
        maker_open(m);
        if (asked_now(m))
            answer_somehow(asked_now(m), &seed);
        turn();
        assert_limits_hold(k);
    }
    wait_quiet();
}

static void no_report_of_a_provider_breaks_a_limit(void **state)
{
    (void)state;
    uint64_t seed = 0x9e3779b97f4a7c15;
    unsigned used_up = 0;
    for (int i = 0; i < KEYS; i++) {
        nanos credit = 100000 + (nanos)(next_random(&seed) % (i % 2 ? 1000000 : 100000000));
        struct made_key k = key_for(&(struct terms){
            .credit = credit, .limit = i % 3 ? 0 : credit / 2, .reset = WINDOW_DAY});
        spend(&k, next_random(&seed));
        used_up += settled_by(&k) == (i % 3 ? credit : credit / 2); /* and not a nano-dollar more */
    }
    assert_true(used_up > 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, tidy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cost_is_exact_and_the_same_everywhere),
        TEST(a_fraction_of_a_nano_dollar_rounds_once),
        TEST(a_stream_s_record_tells_all),
        TEST(a_broken_stream_s_record_says_so),
        TEST(an_estimate_is_never_above_what_was_asked_for),
        TEST(a_broken_stream_s_usage_up_to_then_is_an_estimate),
        TEST(a_stream_that_never_began_costs_nothing),
        TEST(a_stream_whose_other_endpoint_is_too_dear_has_a_record_with_a_time),
        TEST(a_report_that_makes_no_sense_is_no_report),
        TEST(a_client_cannot_turn_the_usage_off),
        TEST(no_report_of_a_provider_breaks_a_limit),
    };
    return cmocka_run_group_tests(tests, gateway_begin, gateway_end);
}
