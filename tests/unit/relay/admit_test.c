/* Who may ask for what, the hold that is taken for it, and the sentences of refusals. */
#include "unit/relay/gateway.h"

#define CLIENT_BODY(more) CHAT("test/one", more)

static nanos bound(const char *body, uint64_t completion)
{
    return price_bound(&usual_price, strlen(body), completion);
}

/* What the provider was asked of this many tokens. */
static void assert_asked_of(struct end *p, uint64_t max_tokens)
{
    char member[64];
    snprintf(member, sizeof member, "\"max_tokens\":%llu}", (unsigned long long)max_tokens);
    if (!got_has(p, member))
        fail_msg("expected %s in %.*s", member, STR_ARG(buf_view(&p->got)));
}

static void finish_exchange(struct end *c, struct end *p)
{
    answer_json(p, 200, "", WHOLE_ANSWER(USAGE(5, 7)));
    assert_answer(c, 200, "hello");
}

static void assert_refused(const struct made_key *k, const char *body, int status,
                           const char *sentence)
{
    char member[600];
    snprintf(member, sizeof member,
             "{\"error\":{\"code\":%d,\"message\":\"%s\",\"metadata\":", status, sentence);
    struct end *c = client_ask(k, body);
    assert_answer(c, status, member);
    end_drop(c);
    assert_int_equal(gw.makers[0].n + gw.makers[1].n, 0);
}

/* --- what is refused before anything is held
 * ---------------------------------------------------------------- */

static void what_makes_no_sense_is_refused_with_its_sentence(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    assert_refused(&k, CHAT("x/y", ""), 404, "No endpoints found for x/y.");
    assert_refused(&k, CHAT("test/one:free", ""), 404, "No endpoints found for test/one:free.");
    assert_refused(&k, CLIENT_BODY(",\"temperature\":3"), 400,
                   "temperature: expected a number from 0 to 2, got a number outside of that");
    assert_refused(&k, CLIENT_BODY(",\"max_tokens\":5,\"max_completion_tokens\":6"), 400,
                   "max_tokens and max_completion_tokens contradict each other: send one of them");
    struct end *c = client_ask(&k, "{\"model\":");
    assert_answer(c, 400, "\"error_type\":\"invalid_request\"");
    assert_int_equal(settled_by(&k), 0);
}

static void a_management_key_cannot_spend(void **state)
{
    (void)state;
    struct made_key k = key_for(&(struct terms){.credit = NANOS_PER_USD, .is_management = true});
    struct end *c = client_ask(&k, CLIENT_BODY(""));
    assert_answer(c, 403, "This is a management key");
}

static void a_body_over_the_ceiling_is_refused_told_or_not(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    char head[400], piece[4096 + 16];
    struct end *told = client_connect(), *untold = client_connect();
    client_head(head, sizeof head, &k, CHAT_PATH, BODY_MAX + 1);
    end_send(told, str_c(head));
    assert_answer(told, 413, "Content-Length: expected at most 262144 bytes, got 262145");
    snprintf(
        head, sizeof head,
        CHAT_PATH
        " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n",
        k.text);
    end_send(untold, str_c(head));
    memset(piece, ' ', sizeof piece);
    memcpy(piece, "1000\r\n", 6);
    memcpy(piece + 6 + 4096, "\r\n", 2);
    for (size_t n = 0; n <= BODY_MAX && !is_answered(untold); n += 4096) {
        end_send(untold, str_of(piece, 4096 + 8));
        turn();
    }
    assert_answer(untold, 413, "The body is larger than 262144 bytes");
}

static void a_coded_body_is_refused(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    char head[400];
    struct end *c = client_connect();
    snprintf(head, sizeof head,
             CHAT_PATH
             " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Encoding: gzip\r\n"
             "Content-Length: 2\r\n\r\n{}",
             k.text);
    end_send(c, str_c(head));
    assert_answer(c, 400, "Content-Encoding: expected none");
}

/* --- the plan
 * ------------------------------------------------------------------------------------------------
 */

static void a_routing_variant_is_its_model(void **state)
{
    (void)state;
    static const char *const bodies[] = {CHAT("test/one:nitro", ""), CHAT("test/one:floor", ""),
                                         CHAT("test/one:exacto", "")};
    struct made_key k = rich_key();
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct end *c = client_ask(&k, bodies[i]);
        finish_exchange(c, asked(&gw.makers[0]));
        assert_true(got_has(c, "\"model\":\"test/one\""));
    }
}

static void models_that_are_not_there_are_passed_over(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_ask(&k, CHAT("x/y", ",\"models\":[\"y/z\",\"test/other\"]"));
    finish_exchange(c, asked(&gw.makers[1]));
    assert_true(got_has(c, "\"model\":\"test/other\""));
}

static void an_endpoint_that_cannot_be_paid_is_passed_over(void **state)
{
    (void)state;
    struct fault f;
    struct relay_settings s = usual_settings();
    struct catalog *c = catalog_new();
    struct provider *alpha = add_provider(c, "alpha", "Alpha", gw.makers[0].port, &patient, 10);
    struct provider *beta = add_provider(c, "beta", "Beta", gw.makers[1].port, &patient, 10);
    struct model *two = add_model(c, "test/two");
    add_endpoint(c, two, alpha, "dear")->price.prompt = 1000 * (picos)1000000;
    add_endpoint(c, two, beta, "cheap");
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    reload(c, &s);
    struct made_key k = key_for(&(struct terms){.credit = 10000000});
    struct end *client = client_ask(&k, CHAT("test/two", ""));
    finish_exchange(client, asked(&gw.makers[1]));
    assert_int_equal(gw.makers[0].accepted, 0);
}

/* --- the hold
 * -------------------------------------------------------------------------------------------------
 */

static void a_hold_is_the_upper_bound_and_ends_with_the_request(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        uint64_t completion, asked_of;
    } rows[] = {
        {CLIENT_BODY(""), MAX_OUTPUT, MAX_OUTPUT},
        {CLIENT_BODY(",\"max_tokens\":100"), 100, 0},
        {CLIENT_BODY(",\"max_tokens\":99999"), MAX_OUTPUT, MAX_OUTPUT},
        {CLIENT_BODY(",\"n\":3,\"max_tokens\":100"), 300, 100},
        {CLIENT_BODY(",\"n\":20"), 20 * MAX_OUTPUT, MAX_OUTPUT},
    };
    struct made_key k = rich_key();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct end *c = client_ask(&k, rows[i].body);
        struct end *p = asked(&gw.makers[0]);
        assert_int_equal(totals().holds, 1);
        assert_int_equal(totals().held, bound(rows[i].body, rows[i].completion));
        if (rows[i].asked_of)
            assert_asked_of(p, rows[i].asked_of);
        finish_exchange(c, p);
        wait_quiet();
    }
}

static void what_is_given_by_link_is_held_for_too(void **state)
{
    (void)state;
    static const char body[] = "{\"model\":\"test/"
                               "one\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\","
                               "\"content\":[{\"type\":\"image_url\","
                               "\"image_url\":{\"url\":\"https://x/y.png\"}}]}]}";
    struct made_key k = rich_key();
    struct end *c = client_ask(&k, body);
    struct end *p = asked(&gw.makers[0]);
    assert_int_equal(totals().held, price_bound(&usual_price, strlen(body) + 16384, 10));
    finish_exchange(c, p);
}

static void a_free_model_needs_no_credit(void **state)
{
    (void)state;
    struct made_key k = key_for(&(struct terms){0});
    assert_refused(&k, CLIENT_BODY(""), 402,
                   "Insufficient credits: the account has none left. Add credits");
    struct end *c = client_ask(&k, CHAT("test/free", ""));
    struct end *p = asked(&gw.makers[0]);
    assert_int_equal(totals().held, 0);
    assert_int_equal(totals().holds, 1);
    assert_asked_of(p, MAX_OUTPUT);
    finish_exchange(c, p);
    assert_int_equal(settled_by(&k), 0);
}

static void without_a_bound_the_output_is_clamped_to_what_can_be_paid(void **state)
{
    (void)state;
    static const char body[] = CLIENT_BODY("");
    const nanos prompt = (nanos)strlen(body) * 150;
    for (nanos extra = 16; extra < MAX_OUTPUT; extra *= 3) {
        struct made_key k = key_for(&(struct terms){.credit = prompt + extra * 600 + 599});
        struct end *c = client_ask(&k, body);
        struct end *p = asked(&gw.makers[0]);
        assert_asked_of(p, (uint64_t)extra);
        assert_int_equal(totals().held, prompt + extra * 600 + 599);
        finish_exchange(c, p);
        assert_int_equal(settled_by(&k), 5 * 150 + 7 * 600);
    }
}

static void too_little_for_an_answer_is_refused(void **state)
{
    (void)state;
    static const char body[] = CLIENT_BODY(""), bounded[] = CLIENT_BODY(",\"max_tokens\":1000");
    char sentence[400];
    const nanos prompt = (nanos)strlen(body) * 150,
                left = (nanos)strlen(bounded) * 150 + 100 * 600 + 300;
    struct made_key k = key_for(&(struct terms){.credit = prompt - 1});
    snprintf(sentence, sizeof sentence,
             "This request requires more credits. Its prompt of up to %zu tokens costs more than "
             "is left. Add credits "
             "to the account",
             strlen(body));
    assert_refused(&k, body, 402, sentence);
    k = key_for(&(struct terms){.credit = prompt + 15 * 600});
    assert_refused(&k, body, 402,
                   "This request requires more credits, or fewer max_tokens. You requested up to "
                   "4096 tokens, but can only "
                   "afford 15. Add credits to the account");
    k = key_for(&(struct terms){.credit = left});
    assert_refused(&k, bounded, 402,
                   "This request requires more credits, or fewer max_tokens. You requested up to "
                   "1000 tokens, but can only "
                   "afford 100. Add credits to the account");
    k = key_for(&(struct terms){.credit = NANOS_PER_USD, .limit = left});
    assert_refused(&k, bounded, 402,
                   "This request requires more credits, or fewer max_tokens. You requested up to "
                   "1000 tokens, but can only "
                   "afford 100. Use a key with a higher limit");
}

static void a_used_up_key_is_refused_until_its_window_turns(void **state)
{
    (void)state;
    static const char body[] = CLIENT_BODY(",\"max_tokens\":10");
    static const struct {
        enum window reset;
        const char *sentence;
        int64_t days; /* until it counts anew; SOME_MS is a Thursday and the first of its month */
    } rows[] = {
        {WINDOW_DAY, "Key limit exceeded (daily limit). Raise it or wait for its reset", 1},
        {WINDOW_WEEK, "Key limit exceeded (weekly limit). Raise it or wait for its reset", 4},
        {WINDOW_MONTH, "Key limit exceeded (monthly limit). Raise it or wait for its reset", 31},
        {WINDOW_NONE, "Key limit exceeded (total limit). Raise it or wait for its reset", 0},
    };
    const nanos limit = bound(body, 10);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct made_key k = key_for(
            &(struct terms){.credit = NANOS_PER_USD, .limit = limit, .reset = rows[i].reset});
        struct end *c = client_ask(&k, body);
        answer_json(asked(&gw.makers[0]), 200, "",
                    WHOLE_ANSWER(USAGE(100000, 7))); /* more than was held */
        assert_answer(c, 200, "hello");
        assert_int_equal(settled_by(&k), limit);
        makers_hang_up();
        if (rows[i].days)
            clock_wall_set(SOME_MS / 86400000 * 86400000 + rows[i].days * 86400000 - 1);
        assert_refused(&k, body, 403, rows[i].sentence);
        if (rows[i].days) {
            clock_wall_set(SOME_MS / 86400000 * 86400000 + rows[i].days * 86400000);
            c = client_ask(&k, body);
            finish_exchange(c, asked(&gw.makers[0]));
            makers_hang_up();
        }
        clock_wall_set(SOME_MS);
    }
}

static void what_others_hold_is_waited_for(void **state)
{
    (void)state;
    static const char body[] = CLIENT_BODY(",\"max_tokens\":100");
    struct made_key k = key_for(&(struct terms){.credit = bound(body, 100) + 1000});
    struct end *first = client_ask(&k, body);
    struct end *p = asked(&gw.makers[0]);
    struct end *second = client_ask(&k, body);
    WAIT_FOR(is_answered(second));
    assert_true(got_has(second, "HTTP/1.1 402 ") &&
                got_has(second, "This request would exceed your available credits given your "
                                "current in-flight requests. "
                                "Retry after in-flight requests settle, or add credits."));
    answer_json(p, 200, "", WHOLE_ANSWER(USAGE(1, 1)));
    assert_answer(first, 200, "hello");
    second = client_ask(&k, body);
    answer_json(asked(&gw.makers[0]), 200, "", WHOLE_ANSWER(USAGE(1, 1)));
    assert_answer(second, 200, "hello");
    assert_int_equal(settled_by(&k), 2 * (150 + 600));
}

#define TEST(name) cmocka_unit_test_teardown(name, tidy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_makes_no_sense_is_refused_with_its_sentence),
        TEST(a_management_key_cannot_spend),
        TEST(a_body_over_the_ceiling_is_refused_told_or_not),
        TEST(a_coded_body_is_refused),
        TEST(a_routing_variant_is_its_model),
        TEST(models_that_are_not_there_are_passed_over),
        TEST(an_endpoint_that_cannot_be_paid_is_passed_over),
        TEST(a_hold_is_the_upper_bound_and_ends_with_the_request),
        TEST(what_is_given_by_link_is_held_for_too),
        TEST(a_free_model_needs_no_credit),
        TEST(without_a_bound_the_output_is_clamped_to_what_can_be_paid),
        TEST(too_little_for_an_answer_is_refused),
        TEST(a_used_up_key_is_refused_until_its_window_turns),
        TEST(what_others_hold_is_waited_for),
    };
    return cmocka_run_group_tests(tests, gateway_begin, gateway_end);
}
