/* Failures of providers: what is tried next, in which order, how often, and what the client is
 * told. */
#include "unit/relay/gateway.h"

/* TOTAL_MS must let a busy machine make two attempts. */
enum { SHORT_MS = 25, TOTAL_MS = 400, SCRIPT_MAX = 6 };

#define ALPHA 0
#define BETA  1

/* What a provider does with a request. */
enum deed { NOTHING, ANSWERS, STREAMS, FAILS, CLOSES, SENDS };

struct step {
    int maker;
    enum deed deed;
    int status;         /* of FAILS */
    const char *fields; /* of FAILS */
    const char *bytes;  /* of FAILS: the body. Of SENDS: raw, then the end of the connection */
};

struct script {
    const char *of, *body;
    struct step steps[SCRIPT_MAX]; /* in the order in which requests must come, then NOTHING */
    int status;
    const char *says, *field; /* in the client's answer, in its head */
};

#define ALPHA_ANSWERS                                                                              \
    {                                                                                              \
        ALPHA, ANSWERS, 0, NULL, NULL                                                              \
    }
#define ALPHA_CLOSES                                                                               \
    {                                                                                              \
        ALPHA, CLOSES, 0, NULL, NULL                                                               \
    }
#define BETA_ANSWERS                                                                               \
    {                                                                                              \
        BETA, ANSWERS, 0, NULL, NULL                                                               \
    }
#define BETA_STREAMS                                                                               \
    {                                                                                              \
        BETA, STREAMS, 0, NULL, NULL                                                               \
    }

#define SSE "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
#define ROLE                                                                                       \
    "data: "                                                                                       \
    "{\"id\":\"secret-alpha\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]" \
    "}\n\n"
#define ONE            CHAT("test/one", "")
#define TWO            CHAT("test/two", "")
#define ONE_STREAM     CHAT("test/one", ",\"stream\":true")
#define TWO_STREAM     CHAT("test/two", ",\"stream\":true")
#define TWO_THEN_OTHER CHAT("test/two", ",\"models\":[\"test/other\"]")
#define ERROR(message) "{\"error\":{\"message\":\"" message "\"}}"
#define TOO_LONG       "{\"error\":{\"message\":\"too long\",\"code\":\"context_length_exceeded\"}}"

static const struct script scripts[] = {
    {"no failure", TWO, {ALPHA_ANSWERS}, 200, "\"provider\":\"Alpha\"", NULL},
    {"503: the other endpoint",
     TWO,
     {{ALPHA, FAILS, 503, "", "{}"}, BETA_ANSWERS},
     200,
     "\"provider\":\"Beta\"",
     NULL},
    {"429: the other endpoint",
     TWO,
     {{ALPHA, FAILS, 429, "Retry-After: 9\r\n", "{}"}, BETA_ANSWERS},
     200,
     "hello",
     NULL},
    {"401: the other endpoint",
     TWO,
     {{ALPHA, FAILS, 401, "", "{}"}, BETA_ANSWERS},
     200,
     "hello",
     NULL},
    {"500: the other endpoint, not the same again",
     TWO,
     {{ALPHA, FAILS, 500, "", "{}"}, BETA_ANSWERS},
     200,
     "hello",
     NULL},
    {"closed: the other endpoint", TWO, {ALPHA_CLOSES, BETA_ANSWERS}, 200, "hello", NULL},
    {"all fail: the last is tried twice, and told",
     TWO,
     {{ALPHA, FAILS, 503, "", "{}"},
      {BETA, FAILS, 500, "", ERROR("b1")},
      {BETA, FAILS, 500, "", ERROR("b2")}},
     502,
     "\"provider_name\":\"Beta\",\"raw\":\"b2\",\"previous_errors\":["
     "{\"code\":503,\"message\":\"The provider is overloaded (status "
     "503)\",\"provider_name\":\"Alpha\"},"
     "{\"code\":502,\"message\":\"The provider failed (status "
     "500)\",\"provider_name\":\"Beta\",\"raw\":\"b1\"}"
     "]}}}",
     NULL},
    {"500 once: the same again",
     ONE,
     {{ALPHA, FAILS, 500, "", "{}"}, ALPHA_ANSWERS},
     200,
     "hello",
     NULL},
    {"500: twice at the most",
     ONE,
     {{ALPHA, FAILS, 500, "", "{}"}, {ALPHA, FAILS, 500, "", "{}"}},
     502,
     "{\"error\":{\"code\":502,\"message\":\"The provider failed (status 500)\",\"metadata\":"
     "{\"error_type\":\"provider_unavailable\",\"provider_name\":\"Alpha\",\"previous_errors\":["
     "{\"code\":502,\"message\":\"The provider failed (status "
     "500)\",\"provider_name\":\"Alpha\"}]}}}",
     NULL},
    {"closed twice",
     ONE,
     {ALPHA_CLOSES, ALPHA_CLOSES},
     502,
     "connection closed before an answer",
     NULL},
    {"429 with its hint",
     ONE,
     {{ALPHA, FAILS, 429, "Retry-After: 7\r\n", ERROR("slow down")}},
     429,
     "{\"error\":{\"code\":429,\"message\":\"The provider is rate limited (status "
     "429)\",\"metadata\":"
     "{\"error_type\":\"rate_limit_exceeded\",\"provider_name\":\"Alpha\",\"raw\":\"slow down\"}}}",
     "\r\nRetry-After: 7\r\n"},
    {"503 with its hint",
     ONE,
     {{ALPHA, FAILS, 503, "Retry-After: 3\r\n", "busy"}},
     503,
     "overloaded",
     "\r\nRetry-After: 3\r\n"},
    {"529 is 503", ONE, {{ALPHA, FAILS, 529, "", "{}"}}, 503, "overloaded (status 529)", NULL},
    {"401 is never the client's, nor are the provider's words about it",
     ONE,
     {{ALPHA, FAILS, 401, "", ERROR("Incorrect API key sk-upstream-canary")}},
     502,
     "\"message\":\"The provider did not accept the gateway's credential (status "
     "401)\",\"metadata\":"
     "{\"error_type\":\"provider_unavailable\",\"provider_name\":\"Alpha\"}",
     NULL},
    {"402 is the operator's",
     ONE,
     {{ALPHA, FAILS, 402, "", "{}"}},
     502,
     "wants to be paid by the operator",
     NULL},
    {"403 is the operator's",
     ONE,
     {{ALPHA, FAILS, 403, "", "{}"}},
     502,
     "does not allow this",
     NULL},
    {"404 is the operator's",
     ONE,
     {{ALPHA, FAILS, 404, "", "{}"}},
     502,
     "does not know this model",
     NULL},
    {"400 is the client's: no other endpoint of the model would do",
     TWO,
     {{ALPHA, FAILS, 400, "", ERROR("bad tool")}},
     400,
     "\"raw\":\"bad tool\"",
     NULL},
    {"422 is the client's",
     TWO,
     {{ALPHA, FAILS, 422, "", ERROR("x")}},
     422,
     "cannot process this request",
     NULL},
    {"413 is the client's",
     TWO,
     {{ALPHA, FAILS, 413, "", ERROR("x")}},
     413,
     "too large for the provider",
     NULL},
    {"too long a prompt: the next model, not the next endpoint",
     TWO_THEN_OTHER,
     {{ALPHA, FAILS, 400, "", TOO_LONG}, BETA_ANSWERS},
     200,
     "\"model\":\"test/other\"",
     NULL},
    {"too long a prompt: told as such",
     TWO,
     {{ALPHA, FAILS, 400, "", TOO_LONG}},
     400,
     "\"error_type\":\"context_length_exceeded\"",
     NULL},
    {"a redirect is not followed",
     ONE,
     {{ALPHA, FAILS, 302, "Location: http://127.0.0.1:1/\r\n", ""},
      {ALPHA, FAILS, 302, "Location: http://127.0.0.1:1/\r\n", ""}},
     502,
     "status 302",
     NULL},
    {"no fallback where the client forbids it",
     CHAT("test/two", ",\"provider\":{\"allow_fallbacks\":false}"),
     {{ALPHA, FAILS, 503, "", "{}"}},
     503,
     "overloaded",
     NULL},
    {"an error under 200",
     TWO,
     {{ALPHA, FAILS, 200, "", "{\"error\":{\"message\":\"m\",\"code\":429}}"}, BETA_ANSWERS},
     200,
     "hello",
     NULL},
    {"an error under 200, told with its own status",
     ONE,
     {{ALPHA, FAILS, 200, "", "{\"error\":{\"message\":\"m\",\"code\":429}}"}},
     429,
     "\"raw\":\"m\"",
     NULL},
    {"an answer that is not JSON",
     TWO,
     {{ALPHA, FAILS, 200, "", "<html>"}, BETA_ANSWERS},
     200,
     "hello",
     NULL},
    {"an answer of another kind",
     ONE,
     {{ALPHA, FAILS, 200, "", "{}"}, {ALPHA, FAILS, 200, "", "[]"}},
     502,
     "The provider's answer is no chat completion",
     NULL},
    {"no HTTP",
     TWO,
     {{ALPHA, SENDS, 0, NULL, "SSH-2.0-OpenSSH_9.2\r\n"}, BETA_ANSWERS},
     200,
     "hello",
     NULL},
    {"an answer that is cut",
     TWO,
     {{ALPHA, SENDS, 0, NULL, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\""},
      BETA_ANSWERS},
     200,
     "hello",
     NULL},
    {"a stream that was not asked for",
     TWO,
     {{ALPHA, SENDS, 0, NULL, SSE ROLE}, BETA_ANSWERS},
     200,
     "hello",
     NULL},
    {"a stream's other endpoint",
     TWO_STREAM,
     {{ALPHA, FAILS, 500, "", "{}"}, BETA_STREAMS},
     200,
     "\"provider\":\"Beta\"",
     NULL},
    {"an error event before content",
     TWO_STREAM,
     {{ALPHA, SENDS, 0, NULL, SSE ROLE "data: {\"error\":{\"message\":\"x\"}}\n\n"}, BETA_STREAMS},
     200,
     "streamed",
     NULL},
    {"a stream cut before content",
     TWO_STREAM,
     {{ALPHA, SENDS, 0, NULL, SSE ROLE}, BETA_STREAMS},
     200,
     "streamed",
     NULL},
    {"a malformed event before content",
     TWO_STREAM,
     {{ALPHA, SENDS, 0, NULL, SSE ROLE "data: {\n\n"}, BETA_STREAMS},
     200,
     "streamed",
     NULL},
    {"a stream that is none", TWO_STREAM, {ALPHA_ANSWERS, BETA_STREAMS}, 200, "streamed", NULL},
    {"an error event before content, told with its own status",
     ONE_STREAM,
     {{ALPHA, SENDS, 0, NULL, SSE "data: {\"error\":{\"message\":\"x\",\"code\":429}}\n\n"}},
     429,
     "rate_limit_exceeded",
     NULL},
};

static void act(const struct step *s, struct end *p)
{
    switch (s->deed) {
    case NOTHING:
        break;
    case ANSWERS:
        answer_json(p, 200, "", WHOLE_ANSWER(USAGE(5, 7)));
        break;
    case STREAMS:
        answer_raw(p, SSE_HEAD);
        answer_delta(p, "streamed");
        answer_stream_end(p, 5, 7);
        break;
    case FAILS:
        answer_json(p, s->status, s->fields, s->bytes);
        break;
    case SENDS:
        answer_raw(p, s->bytes);
        io_shutdown(p->c);
        break;
    case CLOSES:
        buf_reset(&p->got);
        io_shutdown(p->c);
        break;
    }
}

static void run_script(const struct script *x, const struct made_key *k)
{
    struct answer a;
    nanos before = settled_by(k);
    struct end *c = client_ask(k, x->body);
    for (const struct step *s = x->steps; s->deed != NOTHING; s++) {
        WAIT_FOR(asked_now(&gw.makers[ALPHA]) || asked_now(&gw.makers[BETA]) || is_answered(c));
        if (!asked_now(&gw.makers[s->maker]))
            fail_msg("%s: step %d: another provider was asked, or none", x->of,
                     (int)(s - x->steps));
        act(s, asked_now(&gw.makers[s->maker]));
    }
    WAIT_FOR(is_answered(c) || asked_now(&gw.makers[ALPHA]) || asked_now(&gw.makers[BETA]));
    if (!is_answered(c))
        fail_msg("%s: one request too many", x->of);
    answer_wait(c, &a);
    if (a.status != x->status || !a.is_complete || !got_has(c, x->says) ||
        (x->field && !got_has(c, x->field)) || got_has(c, "secret-alpha") || got_has(c, "canary"))
        fail_msg("%s: got %.*s", x->of, STR_ARG(str_head(buf_view(&c->got), 900)));
    wait_quiet();
    assert_int_equal(settled_by(k) - before, x->status == 200 ? 5 * 150 + 7 * 600 : 0);
    end_drop(c);
    buf_release(&a.body);
    makers_hang_up();
}

static void every_failure_leads_where_it_should(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    for (size_t i = 0; i < COUNT_OF(scripts); i++)
        run_script(&scripts[i], &k);
}

static void a_provider_where_nobody_listens_is_unreachable(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct fault f;
    struct relay_settings s = usual_settings();
    struct io_listener *l =
        io_listen(gw.loop, STR("127.0.0.1"), 0, NULL, maker_on_accept, NULL, &f);
    struct catalog *c = catalog_new();
    struct provider *gone = add_provider(c, "gone", "Gone", io_listener_port(l), &patient, 10);
    struct provider *beta = add_provider(c, "beta", "Beta", gw.makers[BETA].port, &patient, 10);
    struct model *both = add_model(c, "test/two");
    io_listener_close(l);
    add_endpoint(c, add_model(c, "test/one"), gone, "one");
    add_endpoint(c, both, gone, "two");
    add_endpoint(c, both, beta, "two");
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    reload(c, &s);
    assert_answer(client_ask(&k, ONE), 502, "connection refused");
    struct end *client = client_ask(&k, TWO);
    answer_json(asked(&gw.makers[BETA]), 200, "", WHOLE_ANSWER(USAGE(5, 7)));
    assert_answer(client, 200, "hello");
}

static void a_failure_after_content_is_told_in_the_stream_and_nothing_else_is_tried(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_ask(&k, TWO_STREAM);
    struct end *p = asked(&gw.makers[ALPHA]);
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "begun");
    WAIT_FOR(got_has(c, "begun"));
    io_shutdown(p->c);
    assert_answer(c, 200, "\"finish_reason\":\"error\"");
    assert_false(got_has(c, "[DONE]"));
    assert_int_equal(gw.makers[BETA].accepted, 0);
    wait_quiet();
}

/* --- deadlines
 * ------------------------------------------------------------------------------------------- */

static struct deadlines deadlines(uint32_t connect_ms, uint32_t first_ms, uint32_t idle_ms,
                                  uint32_t total_ms)
{
    return (struct deadlines){connect_ms ? connect_ms : GUARD_MS, first_ms ? first_ms : GUARD_MS,
                              idle_ms ? idle_ms : GUARD_MS, total_ms ? total_ms : 2 * GUARD_MS};
}

static void a_connection_has_its_deadline(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct deadlines d = deadlines(SHORT_MS, 0, 0, 0);
    reload_deadlines(&d, 1);
    struct end *busy = client_ask(&k, ONE);
    struct end *p = asked(&gw.makers[ALPHA]);
    struct end *waits = client_ask(&k, ONE);
    assert_non_null(waits);
    WAIT_FOR(is_answered(waits));
    assert_true(got_has(waits, "HTTP/1.1 504 ") &&
                got_has(waits, "The provider did not accept a connection in time"));
    answer_json(p, 200, "", WHOLE_ANSWER(USAGE(5, 7)));
    assert_answer(busy, 200, "hello");
}

static void the_first_byte_has_its_deadline(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct deadlines d = deadlines(0, SHORT_MS, 0, 0);
    reload_deadlines(&d, 10);
    struct end *c = client_ask(&k, ONE);
    asked(&gw.makers[ALPHA]);
    assert_answer(c, 504, "The provider sent no answer in time");
    WAIT_FOR(maker_open(&gw.makers[ALPHA]) == 0);
    assert_int_equal(gw.makers[ALPHA].accepted, 1); /* what is slow is not asked again */
    wait_quiet();
}

static void a_silent_provider_gives_way_to_the_other(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct deadlines d = deadlines(0, SHORT_MS, 0, 0);
    reload_deadlines(&d, 10);
    struct end *c = client_ask(&k, TWO_STREAM);
    answer_raw(asked(&gw.makers[ALPHA]), SSE_HEAD); /* a head is no content */
    struct end *p = asked(&gw.makers[BETA]);
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "x");
    answer_stream_end(p, 5, 7);
    assert_answer(c, 200, "\"provider\":\"Beta\"");
    wait_quiet();
}

static void silence_within_a_stream_has_its_deadline(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct deadlines d = deadlines(0, 0, SHORT_MS, 0);
    reload_deadlines(&d, 10);
    struct end *c = client_ask(&k, TWO_STREAM);
    struct end *p = asked(&gw.makers[ALPHA]);
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "begun");
    assert_answer(c, 200, "\"code\":504,\"message\":\"The provider sent nothing more in time\"");
    assert_true(got_has(c, "begun") && !got_has(c, "[DONE]"));
    WAIT_FOR(maker_open(&gw.makers[ALPHA]) == 0);
    wait_quiet();
}

/* All was said but [DONE], and the provider keeps the connection. */
static void silence_after_the_finish_is_a_proper_end(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct deadlines d = deadlines(0, 0, SHORT_MS, 0);
    reload_deadlines(&d, 10);
    struct end *c = client_ask(&k, TWO_STREAM);
    struct end *p = asked(&gw.makers[ALPHA]);
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "all");
    answer_chunk(p, FINISH_EVENT);
    assert_answer(c, 200, "[DONE]");
    assert_false(got_has(c, "\"error\""));
    WAIT_FOR(maker_open(&gw.makers[ALPHA]) == 0);
    wait_quiet();
}

static void silence_within_a_whole_answer_has_its_deadline(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct deadlines d = deadlines(0, 0, SHORT_MS, 0);
    reload_deadlines(&d, 10);
    struct end *c = client_ask(&k, ONE);
    answer_raw(asked(&gw.makers[ALPHA]), "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\"");
    assert_answer(c, 504, "The provider sent");
    WAIT_FOR(maker_open(&gw.makers[ALPHA]) == 0);
    wait_quiet();
}

static void everything_together_has_its_deadline(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct deadlines d = deadlines(0, 0, 0, TOTAL_MS);
    reload_deadlines(&d, 10);
    struct end *streaming = client_ask(&k, TWO_STREAM);
    struct end *p = asked(&gw.makers[ALPHA]);
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "begun");
    assert_answer(streaming, 200, "\"code\":504");
    struct end *whole = client_ask(&k, TWO);
    answer_json(asked(&gw.makers[ALPHA]), 503, "", "{}");
    asked(&gw.makers[BETA]); /* the clock runs on across attempts */
    assert_answer(whole, 504, "in time");
    assert_int_equal(gw.makers[BETA].accepted, 1);
    whole = client_ask(&k, TWO);
    asked(&gw.makers[ALPHA]);
    assert_answer(whole, 504, "in time"); /* nothing else is begun */
    assert_null(asked_now(&gw.makers[BETA]));
    assert_int_equal(gw.makers[BETA].accepted, 1);
    wait_quiet();
}

static void each_outcome_is_counted(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    const struct provider_metrics *alpha = NULL;
    run_script(&scripts[0], &k);
    for (uint32_t i = 0; i < gw.worker->metrics.providers_n; i++) {
        if (strcmp(gw.worker->metrics.providers[i].name, "alpha") == 0)
            alpha = &gw.worker->metrics.providers[i];
    }
    assert_non_null(alpha);
    struct provider_metrics before = *alpha;
    run_script(&scripts[1], &k); /* 503 */
    run_script(&scripts[2], &k); /* 429 */
    run_script(&scripts[3], &k); /* 401 */
    run_script(&scripts[5], &k); /* closed */
    assert_int_equal(alpha->attempts[OUTCOME_OVERLOADED] - before.attempts[OUTCOME_OVERLOADED], 1);
    assert_int_equal(alpha->attempts[OUTCOME_RATE] - before.attempts[OUTCOME_RATE], 1);
    assert_int_equal(alpha->attempts[OUTCOME_AUTH] - before.attempts[OUTCOME_AUTH], 1);
    assert_int_equal(alpha->attempts[OUTCOME_UNREACHABLE] - before.attempts[OUTCOME_UNREACHABLE],
                     1);
    assert_int_equal(alpha->attempts[OUTCOME_OK], before.attempts[OUTCOME_OK]);
}

#define TEST(name) cmocka_unit_test_teardown(name, tidy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_failure_leads_where_it_should),
        TEST(a_provider_where_nobody_listens_is_unreachable),
        TEST(a_failure_after_content_is_told_in_the_stream_and_nothing_else_is_tried),
        TEST(a_connection_has_its_deadline),
        TEST(the_first_byte_has_its_deadline),
        TEST(a_silent_provider_gives_way_to_the_other),
        TEST(silence_within_a_stream_has_its_deadline),
        TEST(silence_after_the_finish_is_a_proper_end),
        TEST(silence_within_a_whole_answer_has_its_deadline),
        TEST(everything_together_has_its_deadline),
        TEST(each_outcome_is_counted),
    };
    return cmocka_run_group_tests(tests, gateway_begin, gateway_end);
}
