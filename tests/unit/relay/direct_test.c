/* Embeddings and ranking on the relay's way. Alpha speaks OpenAI's form, Beta Cohere's: test/one is
 * Alpha's, test/two Alpha's and then Beta's, test/other Beta's, test/chat Alpha's and a chat, test/rank
 * Beta's, which is paid by the search, and then Alpha's. */
#include "unit/relay/gateway.h"

enum { SEARCH = 2000000 }; /* nano-dollars */

#define RANK_PATH "POST /api/v1/rerank"
#define RANK(more)                                                                                 \
    "{\"model\":\"test/rank\",\"query\":\"q\",\"documents\":[\"one\",\"two\"]" more "}"
#define RESULTS                                                                                    \
    "\"results\":[{\"index\":1,\"relevance_score\":0.5},{\"index\":0,\"relevance_score\":0.25}]"
#define EMBED_PATH         "POST /api/v1/embeddings"
#define EMBED(model, more) "{\"model\":\"" model "\",\"input\":[\"Hello\",\"there\"]" more "}"
#define ALPHA_SAYS                                                                                 \
    "{\"object\":\"list\",\"data\":[{\"index\":0,\"embedding\":[0.5,1]},{\"index\":1,"             \
    "\"embedding\":[2,3]}],\"model\":\"n\",\"usage\":{\"prompt_tokens\":7,\"total_tokens\":7}}"
#define BETA_SAYS                                                                                  \
    "{\"id\":\"e-1\",\"embeddings\":{\"float\":[[0.5,1],[2,3]]},\"meta\":{\"billed_units\":{"      \
    "\"input_tokens\":5}}}"

static struct endpoint *add_free_output(struct catalog *c, struct model *m,
                                        const struct provider *p, const char *native)
{
    struct endpoint *e = add_endpoint(c, m, p, native);
    e->price.completion = e->price.reasoning = 0;
    e->max_output = 0;
    return e;
}

static struct model *add_embedder(struct catalog *c, const char *id)
{
    struct model *m = add_model(c, id);
    m->output = OUTPUT_EMBEDDINGS;
    return m;
}

static struct catalog *embedders(const struct deadlines *d)
{
    struct fault f;
    struct catalog *c = catalog_new();
    struct provider *alpha = add_provider(c, "alpha", "Alpha", gw.makers[0].port, d, 200);
    struct provider *beta = add_provider(c, "beta", "Beta", gw.makers[1].port, d, 200);
    struct model *two = add_embedder(c, "test/two"), *rank = add_model(c, "test/rank");
    beta->dialect = STR("cohere");
    add_free_output(c, add_embedder(c, "test/one"), alpha, "one-a");
    add_free_output(c, two, alpha, "two-a");
    add_free_output(c, two, beta, "two-b");
    add_free_output(c, add_embedder(c, "test/other"), beta, "other-b");
    add_endpoint(c, add_model(c, "test/chat"), alpha, "chat-a");
    rank->output = OUTPUT_RERANK;
    add_endpoint(c, rank, beta, "rank-b")->price = (struct price){.request = SEARCH};
    add_free_output(c, rank, alpha, "rank-a");
    add_endpoint(c, add_model(c, "test/mute"), beta, "mute-b"); /* no configuration lets it pass */
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    return c;
}

static int embedding(void **state)
{
    struct relay_settings s = usual_settings();
    (void)state;
    reload(embedders(&patient), &s);
    return 0;
}

static struct end *client_says(const char *path, const struct made_key *k, const char *body)
{
    char head[400];
    struct end *p = client_connect();
    client_head(head, sizeof head, k, path, strlen(body));
    end_send(p, str_c(head));
    end_send(p, str_c(body));
    return p;
}

static struct end *client_embeds(const struct made_key *k, const char *body)
{
    return client_says(EMBED_PATH, k, body);
}

static void assert_got(const struct end *p, const char *text)
{
    if (!got_has(p, text))
        fail_msg("no '%s' in: %.*s", text, STR_ARG(buf_view(&p->got)));
}

static void assert_record(const struct end *c, const struct made_key *k, int prompt,
                          bool is_estimated)
{
    struct answer a;
    struct store_generation_get g;
    answer_wait(c, &a);
    wait_quiet();
    record_of(&a, &g);
    assert_int_equal(g.row.tokens_prompt, prompt);
    assert_int_equal(g.row.tokens_completion, 0);
    assert_int_equal(g.row.finish_reason.n, 0);
    assert_int_equal(g.row.is_estimated, is_estimated);
    assert_int_equal(g.row.cost, settled_by(k));
    assert_int_equal(settled_by(k), (prompt * (nanos)PROMPT_PRICE + 500) / 1000);
    store_generation_release(&g);
    buf_release(&a.body);
}

static void bytes_pass_through_where_both_speak_the_same(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_embeds(&k, EMBED("test/one", ",\"provider\":{}, \"dimensions\" : 2"));
    struct end *p = asked(&gw.makers[0]);
    assert_got(p, "POST /v1/embeddings HTTP/1.1\r\n");
    assert_got(p, "Authorization: Bearer sk-upstream-canary\r\n");
    assert_str(request_body(p),
               "{\"model\":\"one-a\",\"input\":[\"Hello\",\"there\"], \"dimensions\" : 2}");
    answer_json(p, 200, "", ALPHA_SAYS);
    assert_answer(c, 200, "\"data\":[{\"index\":0,\"embedding\":[0.5,1]},{\"index\":1,");
    assert_got(c,
               "\"model\":\"test/one\",\"usage\":{\"prompt_tokens\":7,\"total_tokens\":7,\"cost\":"
               "0.00000105,");
    assert_got(c, ",\"id\":\"gen-");
    assert_record(c, &k, 7, false);
}

static void another_form_takes_over_and_is_put_in_the_clients(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_embeds(&k, EMBED("test/two", ""));
    answer_json(asked(&gw.makers[0]), 503, "", "{\"error\":{\"message\":\"busy\"}}");
    struct end *p = asked(&gw.makers[1]);
    assert_got(p, "POST /v1/embed HTTP/1.1\r\n");
    assert_str(request_body(p), "{\"model\":\"two-b\",\"input_type\":\"search_document\","
                                "\"embedding_types\":[\"float\"],\"texts\":[\"Hello\",\"there\"]}");
    answer_json(p, 200, "", BETA_SAYS);
    assert_answer(c, 200,
                  "\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.5,1]},"
                  "{\"object\":\"embedding\",\"index\":1,\"embedding\":[2,3]}]");
    assert_record(c, &k, 5, false);
}

static void an_answer_that_is_none_is_tried_elsewhere_and_costs_nothing(void **state)
{
    static const char *const wrong[] = {
        "{\"data\":[{\"embedding\":[1]}]}",
        "{\"data\":\"x\"}",
        "[]",
        "nothing",
        "{\"error\":{\"message\":\"no\",\"code\":500}}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct made_key k = rich_key();
        struct end *c = client_embeds(&k, EMBED("test/two", ""));
        answer_json(asked(&gw.makers[0]), 200, "", wrong[i]);
        answer_json(asked(&gw.makers[1]), 200, "", BETA_SAYS);
        assert_answer(c, 200, "\"model\":\"test/two\"");
        assert_record(c, &k, 5, false);
        c = client_embeds(&k, EMBED("test/other", ""));
        answer_json(asked(&gw.makers[1]), 200, "", wrong[i]);
        answer_json(asked(&gw.makers[1]), 200, "", wrong[i]); /* once more the same */
        assert_answer(c, 502, "\"error\":{\"code\":502,");
        wait_quiet();
        assert_int_equal(settled_by(&k), 5 * PROMPT_PRICE / 1000);
        end_drop(c);
    }
}

static void without_usage_the_texts_are_counted(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_embeds(&k, EMBED("test/other", ""));
    answer_json(asked(&gw.makers[1]), 200, "", "{\"embeddings\":{\"float\":[[1],[2]]}}");
    assert_answer(c, 200, "\"prompt_tokens\":3,\"total_tokens\":3,");
    assert_record(c, &k, 3, true);
}

static void a_client_that_leaves_pays_for_its_texts(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_embeds(&k, EMBED("test/one", ""));
    asked(&gw.makers[0]);
    end_drop(c);
    wait_quiet();
    assert_int_equal(settled_by(&k), 3 * PROMPT_PRICE / 1000);
}

static void models_are_asked_for_what_they_are_for(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_embeds(&k, EMBED("test/chat", ""));
    assert_answer(c, 400,
                  "\"message\":\"model: expected a model for embeddings, got one for chats: ");
    c = client_ask(&k, CHAT("test/one", ""));
    assert_answer(c, 400,
                  "\"message\":\"model: expected a model for chats, got one for embeddings: ");
    c = client_ask(&k, CHAT("test/mute", ""));
    assert_answer(c, 422, "has no chats");
    wait_quiet();
    assert_int_equal(settled_by(&k), 0);
}

static void what_cannot_be_paid_is_not_asked(void **state)
{
    (void)state;
    struct made_key k = key_for(&(struct terms){.credit = 1});
    struct end *c = client_embeds(&k, EMBED("test/one", ""));
    assert_answer(c, 402, "Its prompt of up to ");
    wait_quiet();
}

/* --- ranking ------------------------------------------------------------------------------------ */

static void searches_are_paid_for_one_by_one(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(RANK_PATH, &k, RANK(",\"top_n\":1"));
    struct end *p = asked(&gw.makers[1]);
    assert_got(p, "POST /v1/rerank HTTP/1.1\r\n");
    assert_str(request_body(p), "{\"model\":\"rank-b\",\"query\":\"q\",\"documents\":[\"one\","
                                "\"two\"],\"top_n\":1}");
    answer_json(p, 200, "", "{" RESULTS ",\"meta\":{\"billed_units\":{\"search_units\":1}}}");
    assert_answer(
        c, 200,
        "\"provider\":\"Beta\",\"results\":[{\"index\":1,\"relevance_score\":0.5,"
        "\"document\":{\"text\":\"two\"}}],\"usage\":{\"search_units\":1,\"cost\":0.002}}");
    wait_quiet();
    assert_int_equal(settled_by(&k), SEARCH);
}

static void tokens_of_another_are_paid_for_where_it_takes_over(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(RANK_PATH, &k, RANK(""));
    answer_json(asked(&gw.makers[1]), 429, "", "{\"message\":\"slow down\"}");
    answer_json(asked(&gw.makers[0]), 200, "", "{" RESULTS ",\"usage\":{\"total_tokens\":20}}");
    assert_answer(c, 200, "\"usage\":{\"total_tokens\":20,\"cost\":0.000003}}");
    wait_quiet();
    assert_int_equal(settled_by(&k), 20 * PROMPT_PRICE / 1000);
}

/* A provider that bills more than was set aside is paid what is there; no limit is exceeded. */
static void more_searches_than_can_be_are_not_charged(void **state)
{
    (void)state;
    struct made_key k = key_for(&(struct terms){.credit = SEARCH + SEARCH / 2});
    struct end *c = client_says(RANK_PATH, &k, RANK(""));
    answer_json(asked(&gw.makers[1]), 200, "",
                "{" RESULTS ",\"meta\":{\"billed_units\":{\"search_units\":7}}}");
    assert_answer(c, 200, "\"search_units\":7,\"cost\":0.003}}");
    wait_quiet();
    assert_int_equal(settled_by(&k), SEARCH + SEARCH / 2);
}

static void a_search_that_cannot_be_paid_is_not_asked(void **state)
{
    (void)state;
    struct made_key k = key_for(&(struct terms){.credit = 1000}); /* not even Alpha's tokens */
    struct end *c = client_says(RANK_PATH, &k, RANK(""));
    assert_answer(c, 402, "This request requires more credits");
    wait_quiet();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, embedding, tidy)
    const struct CMUnitTest tests[] = {
        TEST(bytes_pass_through_where_both_speak_the_same),
        TEST(another_form_takes_over_and_is_put_in_the_clients),
        TEST(an_answer_that_is_none_is_tried_elsewhere_and_costs_nothing),
        TEST(without_usage_the_texts_are_counted),
        TEST(a_client_that_leaves_pays_for_its_texts),
        TEST(models_are_asked_for_what_they_are_for),
        TEST(what_cannot_be_paid_is_not_asked),
        TEST(searches_are_paid_for_one_by_one),
        TEST(tokens_of_another_are_paid_for_where_it_takes_over),
        TEST(more_searches_than_can_be_are_not_charged),
        TEST(a_search_that_cannot_be_paid_is_not_asked),
    };
    return cmocka_run_group_tests(tests, gateway_begin, gateway_end);
}
