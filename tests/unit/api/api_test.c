/* What the gateway answers itself, over HTTP: models, keys, credits, generations, health, metrics.
 */
#define GATEWAY_WITH_API
#include "unit/relay/gateway.h"

#include "json/read.h"

static struct end *get(const struct made_key *k, const char *method_and_path)
{
    char head[500];
    struct end *c = client_connect();
    if (k)
        client_head(head, sizeof head, k, method_and_path, 0);
    else
        snprintf(head, sizeof head, "%s HTTP/1.1\r\nHost: h\r\nOrigin: https://x.example\r\n\r\n",
                 method_and_path);
    end_send(c, str_c(head));
    return c;
}

static void assert_get(const struct made_key *k, const char *method_and_path, int status,
                       const char *says)
{
    struct end *c = get(k, method_and_path);
    assert_answer(c, status, says);
    assert_true(got_has(c, "X-Request-Id: req-"));
    end_drop(c);
    WAIT_FOR(api_is_idle(gw.api));
}

/* One exchange, so that there is something to tell of; its generation's id. */
static void spend(const struct made_key *k, char id[GENERATION_ID_MAX])
{
    struct answer a;
    struct end *c = client_ask(k, CHAT("test/one", ""));
    answer_json(asked(&gw.makers[0]), 200, "", WHOLE_ANSWER(USAGE(1000, 100)));
    answer_wait(c, &a);
    assert_int_equal(a.status, 200);
    struct str name = STR("X-Generation-Id: ");
    struct str rest = str_skip(a.head, str_find(a.head, name) + name.n);
    snprintf(id, GENERATION_ID_MAX, "%.*s", STR_ARG(str_head(rest, str_find(rest, STR("\r\n")))));
    buf_release(&a.body);
    wait_quiet();
}

static void models_are_listed_with_their_prices(void **state)
{
    (void)state;
    assert_get(NULL, "GET /api/v1/models", 200,
               "{\"data\":[{\"id\":\"test/two\",\"canonical_slug\":\"test/two\"");
    assert_get(NULL, "GET /api/v1/models", 200, "},{\"id\":\"test/one\",");
    assert_get(
        NULL, "GET /v1/models", 200,
        "\"pricing\":{\"prompt\":\"0.00000015\",\"completion\":\"0.0000006\",\"request\":\"0\","
        "\"input_cache_read\":\"0.000000075\"");
    assert_get(NULL, "GET /v1/models?x=1", 200, "\"context_length\":128000,");
    assert_get(NULL, "GET /v1/models", 200, "\"total_count\":4,");
    assert_get(NULL, "GET /api/v1/models/count", 200, "{\"data\":{\"count\":4}}");
}

#define ALL_OF_A_GUESS                                                                             \
    "\"supported_parameters\":[\"temperature\",\"top_p\",\"frequency_penalty\","                   \
    "\"presence_penalty\",\"max_tokens\",\"max_completion_tokens\",\"logit_bias\",\"logprobs\","   \
    "\"top_logprobs\",\"seed\",\"response_format\",\"structured_outputs\",\"stop\",\"tools\","     \
    "\"tool_choice\",\"parallel_tool_calls\",\"reasoning_effort\"]"

static void endpoints_of_a_model_tell_what_each_takes(void **state)
{
    (void)state;
    assert_get(NULL, "GET /api/v1/models/test/two/endpoints", 200,
               "{\"data\":{\"id\":\"test/two\",\"name\":");
    assert_get(NULL, "GET /v1/models/test/two/endpoints", 200,
               "\"endpoints\":[{\"name\":\"Alpha | test/two\",\"model_id\":\"test/two\",");
    assert_get(NULL, "GET /v1/models/test/two:nitro/endpoints", 200,
               "\"provider_name\":\"Beta\",\"tag\":\"beta\",\"context_length\":");
    assert_get(NULL, "GET /v1/models/test/two/endpoints", 200, ALL_OF_A_GUESS);
    assert_get(NULL, "GET /v1/models/test/two/endpoints", 200,
               "\"supports_tool_choice\":{\"auto\":true,\"none\":true,\"required\":true,"
               "\"function\":true}");
    assert_get(NULL, "GET /v1/models/test/two:free/endpoints", 200, "\"endpoints\":[]}}");
    assert_get(NULL, "GET /v1/models/test/none/endpoints", 404,
               "There is no model of this name; GET /api/v1/models has all");
    assert_get(NULL, "GET /v1/model/test/two", 200,
               "{\"data\":{\"id\":\"test/two\",\"canonical_slug\":");
    assert_get(NULL, "GET /v1/model/test/two", 200,
               "\"links\":{\"details\":\"/api/v1/models/test/two/endpoints\"}");
    assert_get(NULL, "GET /v1/model/test/two:free", 404, "There is no such variant of this model");
    assert_get(NULL, "GET /v1/endpoints/zdr", 200, "{\"data\":[]}");
}

static void providers_are_listed(void **state)
{
    (void)state;
    assert_get(NULL, "GET /api/v1/providers", 200,
               "{\"data\":[{\"name\":\"Alpha\",\"slug\":\"alpha\",\"privacy_policy_url\":null,"
               "\"terms_of_service_url\":null,\"status_page_url\":null},{\"name\":\"Beta\",");
}

static void what_a_kind_takes_is_what_is_told(void **state)
{
    (void)state;
    struct fault f;
    struct relay_settings s = usual_settings();
    struct catalog *c = catalog_new();
    struct provider groq = {.name = STR("groq"),
                            .title = STR("Groq"),
                            .dialect = STR("openai"),
                            .kind = kind_at(kind_find(STR("groq"))),
                            .base_url = STR("http://127.0.0.1:1"),
                            .connections_max = 1};
    const struct provider *p = catalog_add_provider(c, &groq);
    struct model *m = catalog_add_model(c, &(struct model){.id = STR("a/b")});
    struct endpoint e = {.provider = p,
                         .model = STR("x"),
                         .tag = STR("turbo"),
                         .quantization = QUANTIZATION_FP8,
                         .takes = PARAMETER_BIT(TOOLS) | PARAMETER_BIT(TOOL_CHOICE)};
    assert_non_null(catalog_add_endpoint(c, m, &e));
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    reload(c, &s);
    assert_get(NULL, "GET /v1/models", 200, "\"supported_parameters\":[\"tools\",\"tool_choice\"]");
    assert_get(NULL, "GET /v1/models/a/b/endpoints", 200,
               "\"supports_tool_choice\":{\"auto\":true,\"none\":true,\"required\":false,"
               "\"function\":false}");
    assert_get(NULL, "GET /v1/models/a/b/endpoints", 200, "\"tag\":\"groq/turbo\",");
    assert_get(NULL, "GET /v1/models/a/b/endpoints", 200, "\"quantization\":\"fp8\",");
    assert_get(NULL, "GET /v1/providers", 200,
               "\"privacy_policy_url\":\"https://groq.com/privacy-policy\"");
    e.takes = 0;
    c = catalog_new();
    groq.retention_days = 0;
    p = catalog_add_provider(c, &groq);
    e.provider = p;
    m = catalog_add_model(c, &(struct model){.id = STR("a/b")});
    assert_non_null(catalog_add_endpoint(c, m, &e));
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    reload(c, &s);
    assert_get(NULL, "GET /v1/endpoints/zdr", 200, "{\"data\":[{\"name\":\"Groq | a/b\",");
}

static void a_reload_lists_the_new_models(void **state)
{
    (void)state;
    struct fault f;
    struct relay_settings s = usual_settings();
    struct catalog *c = catalog_new();
    assert_get(NULL, "GET /v1/models", 200, "test/two");
    add_endpoint(c, add_model(c, "new/one"),
                 add_provider(c, "a", "A", gw.makers[0].port, &patient, 1), "n");
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    reload(c, &s);
    assert_get(NULL, "GET /v1/models", 200, "{\"data\":[{\"id\":\"new/one\"");
    assert_get(NULL, "GET /v1/models", 200, "\"total_count\":1,");
}

static void a_list_of_models_is_json(void **state)
{
    (void)state;
    struct answer a;
    struct json_tape tape;
    struct json root;
    struct fault f;
    json_tape_init(&tape, 100000);
    struct end *c = get(NULL, "GET /v1/models");
    answer_wait(c, &a);
    assert_int_equal(json_parse(&tape, buf_view(&a.body), &root, &f), ERR_OK);
    assert_true(json_is(json_get(root, STR("data")), JSON_ARRAY));
    json_tape_release(&tape);
    buf_release(&a.body);
}

static void a_key_s_page_shows_the_settled_figures(void **state)
{
    (void)state;
    char id[GENERATION_ID_MAX];
    struct made_key k = key_for(
        &(struct terms){.credit = NANOS_PER_USD, .limit = NANOS_PER_USD / 2, .reset = WINDOW_DAY});
    assert_get(&k, "GET /api/v1/key", 200,
               "\"limit\":0.5,\"limit_remaining\":0.5,\"limit_reset\":\"daily\"");
    spend(&k, id);
    assert_get(&k, "GET /api/v1/key", 200,
               "\"limit\":0.5,\"limit_remaining\":0.49979,\"limit_reset\":\"daily\"");
    assert_get(&k, "GET /v1/auth/key", 200,
               "\"usage\":0.00021,\"usage_daily\":0.00021,\"usage_weekly\":0.00021,\"usage_"
               "monthly\":0.00021");
    clock_wall_set(SOME_MS + 86400000);
    assert_get(&k, "GET /api/v1/key", 200,
               "\"usage\":0.00021,\"usage_daily\":0,\"usage_weekly\":0.00021");
    clock_wall_set(SOME_MS);
    struct made_key free_of_limits = rich_key();
    assert_get(&free_of_limits, "GET /api/v1/key", 200,
               "\"limit\":null,\"limit_remaining\":null,\"limit_reset\":null");
}

static void credits_are_for_management_keys(void **state)
{
    (void)state;
    struct made_key spends = rich_key();
    struct made_key rules =
        key_for(&(struct terms){.credit = 7 * NANOS_PER_USD, .is_management = true});
    assert_get(&rules, "GET /api/v1/credits", 200,
               "{\"data\":{\"total_credits\":7,\"total_usage\":0}}");
    assert_get(&spends, "GET /api/v1/credits", 403, "only a management key is allowed here");
    assert_get(NULL, "GET /api/v1/credits", 401, "no credential was received");
}

static void a_generation_is_shown_to_its_account_only(void **state)
{
    (void)state;
    char id[GENERATION_ID_MAX], path[128];
    struct made_key mine = rich_key(), theirs = rich_key();
    spend(&mine, id);
    snprintf(path, sizeof path, "GET /api/v1/generation?id=%s", id);
    assert_get(&mine, path, 200, "\"usage\":0.00021,\"total_cost\":0.00021");
    assert_get(&mine, path, 200, "\"model\":\"test/one\",\"provider_name\":\"Alpha\"");
    assert_get(&mine, path, 200, "\"tokens_prompt\":1000,\"tokens_completion\":100");
    assert_get(&theirs, path, 404, "Generation not found");
    assert_get(NULL, path, 401, "no credential");
    path[strlen(path) - 1] = path[strlen(path) - 1] == 'a' ? 'b' : 'a';
    assert_get(&mine, path, 404, "Generation not found");
    assert_get(&mine, "GET /api/v1/generation?id=gen-1-x", 404, "Generation not found");
    assert_get(&mine, "GET /api/v1/generation", 400, "id: expected ?id=gen-...");
}

static void who_leaves_while_the_store_is_asked_leaves_nothing(void **state)
{
    (void)state;
    char id[GENERATION_ID_MAX], path[128];
    struct made_key k = rich_key();
    spend(&k, id);
    snprintf(path, sizeof path, "GET /api/v1/generation?id=%s", id);
    for (int turns = 0; turns < 8; turns++) {
        struct end *c = get(&k, path);
        for (int i = 0; i < turns; i++)
            turn();
        end_drop(c);
        struct end *scrape = get(NULL, "GET /metrics");
        for (int i = 0; i < turns; i++)
            turn();
        end_drop(scrape);
        struct made_key unknown = rich_key();
        struct end *asks = get(&unknown, "GET /api/v1/key");
        turn();
        end_drop(asks);
    }
    turn();
    WAIT_FOR(api_is_idle(gw.api));
}

static void health_and_metrics_need_no_key(void **state)
{
    (void)state;
    char id[GENERATION_ID_MAX];
    struct made_key k = rich_key();
    assert_get(NULL, "GET /health", 200, "{\"status\":\"ok\"}");
    spend(&k, id);
    assert_get(NULL, "GET /metrics", 200, "turnpike_build_info{version=\"test\"} 1\n");
    assert_get(NULL, "GET /metrics", 200,
               "turnpike_attempts_total{provider=\"alpha\",outcome=\"ok\"}");
    assert_get(NULL, "GET /metrics", 200, "\nturnpike_relays 0\n");
    assert_get(NULL, "GET /metrics", 200, "\nturnpike_held_dollars 0\n");
}

static void a_wrong_path_or_method_is_told(void **state)
{
    (void)state;
    assert_get(NULL, "GET /nowhere", 404, "No such path: the API lies under /api/v1");
    struct end *c = get(NULL, "DELETE /api/v1/models");
    assert_answer(c, 405, "DELETE is not allowed here: use one of GET, HEAD, OPTIONS");
    assert_true(got_has(c, "\r\nAllow: GET, HEAD, OPTIONS\r\n"));
    c = get(NULL, "BREW /api/v1/models");
    assert_answer(c, 405, "This method is not allowed here: use one of GET, HEAD, OPTIONS");
}

/* What HTTP itself refuses never gets to a route, and is an answer like all others. */
static void what_is_not_http_is_answered_like_all_else(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *head, *says;
    } bad[] = {
        {400, "GET / HTTP/1.1\r\n\r\n", "Host is missing"},
        {400, "GET / HTTP/1.1\r\nHost: h\r\nX\xff\"y: v\r\n\r\n", "not allowed"},
        {413, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n",
         "over the limit"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct end *c = client_connect();
        end_send(c, str_c(bad[i].head));
        assert_answer(c, bad[i].status, bad[i].says);
        assert_true(got_has(c, "\r\nX-Request-Id: req-"));
        assert_true(got_has(c, "\r\nAccess-Control-Allow-Origin: *\r\n"));
        assert_true(got_has(c, "\r\nConnection: close\r\n"));
        assert_true(got_has(c, "\"metadata\":{\"error_type\":"));
    }
}

static void browsers_are_let_in(void **state)
{
    (void)state;
    struct end *c = get(NULL, "OPTIONS /api/v1/chat/completions");
    WAIT_FOR(got_has(c, "\r\n\r\n"));
    assert_true(got_has(c, "HTTP/1.1 204 ") &&
                got_has(c, "\r\nAccess-Control-Allow-Origin: *\r\n") &&
                got_has(c, "\r\nAccess-Control-Allow-Methods: POST, OPTIONS\r\n") &&
                got_has(c, "\r\nAccess-Control-Allow-Headers: Authorization,"));
    assert_true(got_has(c, ", X-Stainless-Arch, ")); /* OpenAI's and Anthropic's clients */
    assert_true(got_has(c, ", *\r\nAccess-Control-Max-Age:"));
    c = get(NULL, "GET /health");
    assert_answer(c, 200, "ok");
    assert_true(got_has(c, "\r\nAccess-Control-Allow-Origin: *\r\n"));
}

static void chat_goes_to_the_relay_under_both_roots(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    char head[400];
    static const char *const paths[] = {"POST /api/v1/chat/completions",
                                        "POST /v1/chat/completions"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct end *c = client_connect();
        static const char body[] = CHAT("test/one", "");
        client_head(head, sizeof head, &k, paths[i], strlen(body));
        end_send(c, str_c(head));
        end_send(c, str_c(body));
        answer_json(asked(&gw.makers[0]), 200, "", WHOLE_ANSWER(USAGE(5, 7)));
        assert_answer(c, 200, "hello");
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, tidy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(models_are_listed_with_their_prices),
        TEST(endpoints_of_a_model_tell_what_each_takes),
        TEST(providers_are_listed),
        TEST(what_a_kind_takes_is_what_is_told),
        TEST(a_reload_lists_the_new_models),
        TEST(a_list_of_models_is_json),
        TEST(a_key_s_page_shows_the_settled_figures),
        TEST(credits_are_for_management_keys),
        TEST(a_generation_is_shown_to_its_account_only),
        TEST(who_leaves_while_the_store_is_asked_leaves_nothing),
        TEST(health_and_metrics_need_no_key),
        TEST(a_wrong_path_or_method_is_told),
        TEST(what_is_not_http_is_answered_like_all_else),
        TEST(browsers_are_let_in),
        TEST(chat_goes_to_the_relay_under_both_roots),
    };
    return cmocka_run_group_tests(tests, gateway_begin, gateway_end);
}
