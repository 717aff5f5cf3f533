/* Clients and providers that speak different formats. Alpha speaks Anthropic's messages, Beta OpenAI's
 * chat: test/one is Alpha's, test/two Alpha's and then Beta's, test/other Beta's. */
#include "unit/relay/gateway.h"

#define MESSAGES_PATH  "POST /api/v1/messages"
#define RESPONSES_PATH "POST /api/v1/responses"
#define ASK(model, more)                                                                           \
    "{\"model\":\"" model "\",\"max_tokens\":100,"                                                 \
    "\"messages\":[{\"role\":\"user\",\"content\":\"Hello there\"}]" more "}"

#define SSE_ALPHA(name, more) "event: " name "\ndata: {\"type\":\"" name "\"" more "}\n\n"
#define ALPHA_BEGIN                                                                                \
    SSE_ALPHA(                                                                                     \
        "message_start",                                                                           \
        ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","              \
        "\"model\":\"n\",\"content\":[],\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}")      \
    SSE_ALPHA("content_block_start",                                                               \
              ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
#define ALPHA_TEXT(text)                                                                           \
    SSE_ALPHA("content_block_delta",                                                               \
              ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}")
#define ALPHA_STOP                                                                                 \
    SSE_ALPHA("content_block_stop", ",\"index\":0")                                                \
    SSE_ALPHA("message_delta",                                                                     \
              ",\"delta\":{\"stop_reason\":\"max_tokens\",\"stop_sequence\":null},"                \
              "\"usage\":{\"output_tokens\":5}")
#define ALPHA_END SSE_ALPHA("message_stop", "")
#define ALPHA_WHOLE                                                                                \
    "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"n\",\"content\":["  \
    "{\"type\":\"text\",\"text\":\"h\\u00e9llo\"},{\"type\":\"tool_use\",\"id\":\"toolu_1\","      \
    "\"name\":\"f\",\"input\":{\"a\":[1]}}],\"stop_reason\":\"tool_use\",\"stop_sequence\":null,"  \
    "\"usage\":{\"input_tokens\":9,\"cache_read_input_tokens\":3,\"output_tokens\":5}}"

static struct catalog *mixed_catalog(const struct deadlines *d)
{
    struct fault f;
    struct catalog *c = catalog_new();
    struct provider *alpha = add_provider(c, "alpha", "Alpha", gw.makers[0].port, d, 200);
    struct provider *beta = add_provider(c, "beta", "Beta", gw.makers[1].port, d, 200);
    struct model *two = add_model(c, "test/two");
    alpha->dialect = STR("anthropic");
    add_endpoint(c, add_model(c, "test/one"), alpha, "one-a");
    add_endpoint(c, two, alpha, "two-a");
    add_endpoint(c, two, beta, "two-b");
    add_endpoint(c, add_model(c, "test/other"), beta, "other-b");
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    return c;
}

static int mixed(void **state)
{
    struct relay_settings s = usual_settings();
    (void)state;
    reload(mixed_catalog(&patient), &s);
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

static void assert_got(const struct end *p, const char *text)
{
    if (!got_has(p, text))
        fail_msg("no '%s' in: %.*s", text, STR_ARG(buf_view(&p->got)));
}

static void assert_no(const struct end *p, const char *text)
{
    if (got_has(p, text))
        fail_msg("'%s' in: %.*s", text, STR_ARG(buf_view(&p->got)));
}

static struct end *alpha_asked(void)
{
    return asked(&gw.makers[0]);
}

static struct end *beta_asked(void)
{
    return asked(&gw.makers[1]);
}

static void assert_record(const struct end *c, int prompt, int completion, const char *finish,
                          const char *native, bool is_estimated)
{
    struct answer a;
    struct store_generation_get g;
    answer_wait(c, &a);
    wait_quiet();
    record_of(&a, &g);
    assert_int_equal(g.row.tokens_prompt, prompt);
    assert_int_equal(g.row.tokens_completion, completion);
    assert_str(g.row.finish_reason, finish);
    assert_str(g.row.native_finish_reason, native);
    assert_int_equal(g.row.is_estimated, is_estimated);
    store_generation_release(&g);
    buf_release(&a.body);
}

/* --- openai in, anthropic out ----------------------------------------------------------------- */

static void a_request_is_put_in_the_providers_format(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(CHAT_PATH, &k, CHAT("test/one", ",\"seed\":7,\"stop\":\"x\""));
    struct end *p = alpha_asked();
    assert_got(p, "POST /v1/messages HTTP/1.1\r\n");
    assert_got(p, "\r\nx-api-key: sk-upstream-canary\r\nanthropic-version: 2023-06-01\r\n");
    assert_str(request_body(p), "{\"model\":\"one-a\",\"max_tokens\":4096,\"messages\":[{\"role\":"
                                "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hello "
                                "there\"}]}],\"stop_sequences\":[\"x\"]"
                                "}");
    answer_json(p, 200, "", ALPHA_WHOLE);
    assert_answer(c, 200,
                  "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                  "\"content\":\"h\\u00e9llo\"");
    assert_got(c, "\"tool_calls\":[{\"id\":\"toolu_1\",\"type\":\"function\",\"function\":{\"name\""
                  ":\"f\",\"arguments\":\"{\\\"a\\\":[1]}\"}}]");
    assert_got(c, "\"finish_reason\":\"tool_calls\",\"native_finish_reason\":\"tool_use\"");
    assert_got(c, "\"provider\":\"Alpha\"");
    assert_got(c, "\"prompt_tokens\":12,\"completion_tokens\":5,\"total_tokens\":17,\"cost\":0.0");
    assert_got(c, "\"cached_tokens\":3");
    assert_no(c, "msg_1");
    assert_record(c, 12, 5, "tool_calls", "tool_use", false);
}

#define WHOLE_STREAM ALPHA_BEGIN ALPHA_TEXT("on") ALPHA_TEXT("e") ALPHA_STOP ALPHA_END

static struct end *streamed_in_two(const struct made_key *k, size_t at)
{
    char first[sizeof WHOLE_STREAM];
    struct end *c = client_says(CHAT_PATH, k, CHAT("test/one", ",\"stream\":true"));
    struct end *p = alpha_asked();
    memcpy(first, WHOLE_STREAM, at);
    first[at] = '\0';
    answer_raw(p, SSE_HEAD);
    if (at)
        answer_chunk(p, first);
    turn();
    answer_chunk(p, &WHOLE_STREAM[at]);
    end_send(p, STR("0\r\n\r\n"));
    return c;
}

static void a_stream_is_put_in_the_clients_format_wherever_it_is_split(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    for (size_t at = 0; at < sizeof WHOLE_STREAM - 1; at += at < 40 ? 1 : 7) {
        struct end *c = streamed_in_two(&k, at);
        assert_answer(c, 200, "data: [DONE]\n\n");
        assert_got(c, "\"delta\":{\"role\":\"assistant\",\"content\":\"on\"}");
        assert_got(c, "\"delta\":{\"role\":\"assistant\",\"content\":\"e\"}");
        assert_got(c, "\"finish_reason\":\"length\",\"native_finish_reason\":\"max_tokens\"");
        assert_got(c, "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5");
        if (at == 0)
            assert_record(c, 9, 5, "length", "max_tokens", false);
        end_drop(c);
    }
}

static void a_cut_stream_ends_with_an_error(void **state)
{
    (void)state;
    static const char *const ends[] = {"0\r\n\r\n", "3\r\nxx"};
    struct made_key k = rich_key();
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct end *c = client_says(CHAT_PATH, &k, CHAT("test/two", ",\"stream\":true"));
        struct end *p = alpha_asked();
        answer_raw(p, SSE_HEAD);
        answer_chunk(p, ALPHA_BEGIN ALPHA_TEXT("on"));
        WAIT_FOR(got_has(c, "\"on\""));
        end_send(p, str_c(ends[i]));
        maker_forget(&gw.makers[0], p);
        assert_answer(c, 200, "\"error\":{\"code\":502");
        assert_no(c, "[DONE]");
        assert_record(c, 9, 1, "error", "", true); /* the prompt's was told at the beginning */
        end_drop(c);
    }
}

#define GEMINI_TEXT(text, more)                                                                    \
    "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"" text         \
    "\"}]}}]" more "}\n\n"

static void reload_gemini(void)
{
    struct fault f;
    struct relay_settings s = usual_settings();
    struct catalog *c = catalog_new();
    struct provider *alpha = add_provider(c, "alpha", "Alpha", gw.makers[0].port, &patient, 200);
    alpha->dialect = STR("gemini");
    add_endpoint(c, add_model(c, "test/gemini"), alpha, "gemini-a");
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    reload(c, &s);
}

/* Gemini tells usage with each event: of a stream that breaks it is that of its middle. */
static void usage_told_in_the_middle_is_not_the_sum(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        int prompt, completion;
    } rows[] = {
        {",\"usageMetadata\":{\"promptTokenCount\":9}", 9, 3},
        {",\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":7}", 9, 7},
        {"", 3, 3},
    };
    struct made_key k = rich_key();
    reload_gemini();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char event[400];
        struct end *client = client_says(CHAT_PATH, &k, CHAT("test/gemini", ",\"stream\":true"));
        struct end *p = alpha_asked();
        answer_raw(p, SSE_HEAD);
        snprintf(event, sizeof event, GEMINI_TEXT("twelve bytes", "%s"), rows[i].more);
        answer_chunk(p, event);
        WAIT_FOR(got_has(client, "twelve bytes"));
        io_shutdown(p->c);
        maker_forget(&gw.makers[0], p);
        assert_answer(client, 200, "\"error\":{\"code\":502");
        assert_record(client, rows[i].prompt, rows[i].completion, "error", "", true);
        end_drop(client);
    }
}

#define GEMINI_ODDS                                                                                \
    "{\"token\":\"a\",\"logProbability\":-0.125},{\"token\":\"b\",\"logProbability\":-2.5},"       \
    "{\"token\":\"c\",\"logProbability\":-3.5},{\"token\":\"d\",\"logProbability\":-4.5}"

/* What is made for one event is gone with it, however many there are; of a whole answer all of it is
 * kept. */
static void odds_of_long_answers(void **state)
{
    enum { TOKENS = 8000, EACH = 700 };
    static char body[TOKENS * EACH];
    static const char odds[] =
        "\"logprobsResult\":{\"chosenCandidates\":[{\"token\":\"a\","
        "\"logProbability\":-0.125}],\"topCandidates\":[{\"candidates\":[" GEMINI_ODDS "]}]}";
    struct made_key k = rich_key();
    (void)state;
    reload_gemini();
    struct end *c = client_says(CHAT_PATH, &k, CHAT("test/gemini", ",\"stream\":true"));
    struct end *p = alpha_asked();
    answer_raw(p, SSE_HEAD);
    for (unsigned i = 0; i < TOKENS; i++) {
        char event[EACH];
        snprintf(event, sizeof event,
                 "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\ndata: %s}]}"
                 "\n\n",
                 odds);
        answer_chunk(p, event);
    }
    answer_chunk(p, "data: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{"
                    "\"promptTokenCount\":9,\"candidatesTokenCount\":7}}\n\n");
    end_send(p, STR("0\r\n\r\n"));
    assert_answer(c, 200, "data: [DONE]\n\n");
    assert_record(c, 9, 7, "stop", "STOP", false);
    end_drop(c);

    c = client_says(CHAT_PATH, &k, CHAT("test/gemini", ""));
    p = alpha_asked();
    struct buf b = {.p = body, .cap = sizeof body, .max = sizeof body};
    buf_add(&b, STR("{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":"
                    "\"STOP\",\"logprobsResult\":{\"chosenCandidates\":["));
    for (unsigned i = 0; i < TOKENS; i++)
        buf_printf(&b, "%s{\"token\":\"a\",\"logProbability\":-0.125}", i ? "," : "");
    buf_add(&b, STR("],\"topCandidates\":["));
    for (unsigned i = 0; i < TOKENS; i++)
        buf_printf(&b, "%s{\"candidates\":[" GEMINI_ODDS "]}", i ? "," : "");
    buf_add(&b, str_of("]}}]}", 6));
    answer_json(p, 200, "", body);
    assert_answer(c, 200, "\"top_logprobs\":[{\"token\":\"a\",\"logprob\":-0.125,\"bytes\":null}");
}

/* An answer that brought something and of which nothing is counted is not for nothing. */
static void usage_without_the_answers_tokens_is_estimated(void **state)
{
    static const char *const tails[] = {
        ",\"usageMetadata\":{\"promptTokenCount\":9}",
        ",\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":0}",
    };
    struct made_key k = rich_key();
    (void)state;
    reload_gemini();
    for (size_t i = 0; i < 2 * COUNT_OF(tails); i++) {
        char event[400];
        bool is_streamed = i % 2;
        struct end *c = client_says(CHAT_PATH, &k,
                                    is_streamed ? CHAT("test/gemini", ",\"stream\":true")
                                                : CHAT("test/gemini", ""));
        struct end *p = alpha_asked();
        snprintf(event, sizeof event,
                 "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"twelve bytes\"}]},"
                 "\"finishReason\":\"STOP\"}]%s}",
                 tails[i / 2]);
        if (is_streamed) {
            answer_raw(p, SSE_HEAD);
            answer_chunk(p, "data: ");
            answer_chunk(p, event);
            answer_chunk(p, "\n\n");
            end_send(p, STR("0\r\n\r\n"));
        } else {
            answer_json(p, 200, "", event);
        }
        assert_answer(c, 200, "twelve bytes");
        assert_record(c, 9, 3, "stop", "STOP", true);
        end_drop(c);
    }
}

static void an_error_before_content_moves_on_to_another_format(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(CHAT_PATH, &k, CHAT("test/two", ",\"stream\":true"));
    struct end *p = alpha_asked();
    answer_raw(p, SSE_HEAD);
    answer_chunk(p, ALPHA_BEGIN SSE_ALPHA("error", ",\"error\":{\"type\":\"overloaded_error\","
                                                   "\"message\":\"busy\"}"));
    p = beta_asked();
    assert_got(p, "\"model\":\"two-b\"");
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "late");
    answer_stream_end(p, 4, 2);
    assert_answer(c, 200, "\"content\":\"late\"");
    assert_got(c, "data: [DONE]\n\n");
    assert_no(c, "Alpha");
    assert_record(c, 4, 2, "stop", "stop", false);
}

static void a_providers_words_are_shown(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(CHAT_PATH, &k, CHAT("test/one", ""));
    answer_json(alpha_asked(), 429, "Retry-After: 3\r\n",
                "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow "
                "\\u0064own\"}}");
    assert_answer(c, 429,
                  "\"metadata\":{\"error_type\":\"rate_limit_exceeded\",\"provider_name\":"
                  "\"Alpha\",\"raw\":\"slow down\"}");
    assert_got(c, "Retry-After: 3\r\n");
}

#define SOUND                                                                                      \
    "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\","   \
    "\"input_audio\":{\"data\":\"AAAA\",\"format\":\"wav\"}}]}]}"

static void what_one_format_cannot_say_another_may(void **state)
{
    (void)state;
    char body[400];
    struct made_key k = rich_key();
    snprintf(body, sizeof body, SOUND, "test/two");
    struct end *c = client_says(CHAT_PATH, &k, body);
    struct end *p = beta_asked();
    assert_got(p, "\"input_audio\"");
    answer_json(p, 200, "", WHOLE_ANSWER(USAGE(4, 2)));
    assert_answer(c, 200, "\"provider\":\"Beta\"");
    assert_int_equal(gw.makers[0].accepted, 0);
    snprintf(body, sizeof body, SOUND, "test/one");
    assert_answer(client_says(CHAT_PATH, &k, body), 422, "\"error_type\":\"unprocessable\"");
}

static void parameters_are_dropped_unless_they_are_required(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(CHAT_PATH, &k, CHAT("test/two", ",\"seed\":7"));
    struct end *p = alpha_asked();
    assert_no(p, "seed");
    answer_json(p, 200, "", ALPHA_WHOLE);
    assert_answer(c, 200, "\"provider\":\"Alpha\"");
    c = client_says(CHAT_PATH, &k,
                    CHAT("test/two", ",\"seed\":7,\"provider\":{\"require_parameters\":true}"));
    p = beta_asked();
    assert_got(p, "\"seed\":7");
    answer_json(p, 200, "", WHOLE_ANSWER(USAGE(4, 2)));
    assert_answer(c, 200, "\"provider\":\"Beta\"");
    c = client_says(CHAT_PATH, &k,
                    CHAT("test/one", ",\"seed\":7,\"provider\":{\"require_parameters\":true}"));
    assert_answer(c, 404, "provider.require_parameters");
}

static void a_request_that_makes_no_sense_is_refused_before_it_is_sent(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(CHAT_PATH, &k,
                                "{\"model\":\"test/one\",\"messages\":[{\"role\":\"tool\","
                                "\"tool_call_id\":\"none\",\"content\":\"x\"}]}");
    assert_answer(c, 400, "messages[0].tool_call_id");
    assert_int_equal(gw.makers[0].accepted, 0);
}

/* --- anthropic in ----------------------------------------------------------------------------- */

static void a_client_of_the_other_format_is_answered_by_openai(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(MESSAGES_PATH, &k, ASK("test/other", ",\"system\":\"s\""));
    struct end *p = beta_asked();
    assert_got(p, "POST /v1/chat/completions HTTP/1.1\r\n");
    assert_got(p, "{\"model\":\"other-b\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{"
                  "\"role\":\"user\",\"content\":\"Hello there\"}]");
    assert_got(p, "\"max_tokens\":100");
    answer_json(p, 200, "", WHOLE_ANSWER(USAGE(4, 2)));
    assert_answer(c, 200, "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"test/other\"");
    assert_got(c, "\"content\":[{\"type\":\"text\",\"text\":\"hello\"}]");
    assert_got(c, "\"stop_reason\":\"end_turn\"");
    assert_got(c, "\"input_tokens\":4");
    assert_got(c, "\"cost\":0.0");
    assert_record(c, 4, 2, "stop", "stop", false);
}

static void a_stream_in_the_other_format(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(MESSAGES_PATH, &k, ASK("test/other", ",\"stream\":true"));
    struct end *p = beta_asked();
    assert_got(p, "\"stream_options\":{\"include_usage\":true}");
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "on");
    answer_delta(p, "e");
    WAIT_FOR(got_has(c, "\"text\":\"e\""));
    assert_no(c, "message_delta");
    answer_stream_end(p, 4, 2);
    assert_answer(c, 200, "event: message_start\ndata: {\"type\":\"message_start\"");
    assert_got(c, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
                  "\"delta\":{\"type\":\"text_delta\",\"text\":\"on\"}}\n\n");
    assert_got(c, "\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{"
                  "\"input_tokens\":4");
    assert_got(c, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    assert_record(c, 4, 2, "stop", "stop", false);
}

static void the_same_format_on_both_sides(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(MESSAGES_PATH, &k, ASK("test/one", ",\"stream\":true,\"top_k\":3"));
    struct end *p = alpha_asked();
    assert_got(p, "\"top_k\":3");
    answer_raw(p, SSE_HEAD);
    answer_chunk(p, WHOLE_STREAM);
    end_send(p, STR("0\r\n\r\n"));
    assert_answer(c, 200, "\"stop_reason\":\"max_tokens\"");
    assert_got(c, "event: message_stop");
    assert_record(c, 9, 5, "length", "max_tokens", false);
}

static void a_cut_stream_ends_with_that_formats_error(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(MESSAGES_PATH, &k, ASK("test/other", ",\"stream\":true"));
    struct end *p = beta_asked();
    answer_raw(p, SSE_HEAD);
    answer_delta(p, "on");
    WAIT_FOR(got_has(c, "\"text\":\"on\""));
    answer_chunk(p, "data: {\n\n");
    assert_answer(c, 200,
                  "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"");
    assert_no(c, "message_stop");
    assert_no(c, "message_delta");
    assert_record(c, 3, 1, "error", "", true);
}

static void silence_is_broken_by_comments_and_ends_with_an_error(void **state)
{
    (void)state;
    static const struct deadlines short_first = {GUARD_MS, 120, GUARD_MS, 2 * GUARD_MS};
    struct relay_settings s = usual_settings();
    struct made_key k = rich_key();
    s.keepalive_ms = 20;
    reload(mixed_catalog(&short_first), &s);
    struct end *c = client_says(MESSAGES_PATH, &k, ASK("test/one", ",\"stream\":true"));
    answer_raw(alpha_asked(), SSE_HEAD);
    WAIT_FOR(got_has(c, ": TURNPIKE PROCESSING\n\n"));
    assert_answer(c, 200, "event: error\ndata: {\"type\":\"error\"");
    assert_no(c, "message_stop");
}

static void errors_come_in_the_callers_shape(void **state)
{
    (void)state;
    static const struct {
        nanos credit;
        const char *body;
        int status;
        const char *says;
    } rows[] = {
        {1, "{", 400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\""},
        {1, ASK("test/one", ",\"stream\":1"), 400, "\"message\":\"stream: expected true or false"},
        {1, ASK("no/model", ""), 404, "\"error\":{\"type\":\"not_found_error\""},
        {1, ASK("test/one", ""), 402, "\"error\":{\"type\":\"billing_error\""},
        {0, ASK("test/one", ""), 402, "\"error\":{\"type\":\"billing_error\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct made_key k = key_for(&(struct terms){.credit = rows[i].credit});
        assert_answer(client_says(MESSAGES_PATH, &k, rows[i].body), rows[i].status, rows[i].says);
    }
    struct made_key none = {.text = "sk-tp-v1-0"};
    assert_answer(client_says(MESSAGES_PATH, &none, ASK("test/one", "")), 401,
                  "\"error\":{\"type\":\"authentication_error\"");
}

static void a_failure_of_the_provider_comes_in_the_callers_shape(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(MESSAGES_PATH, &k, ASK("test/other", ""));
    answer_json(beta_asked(), 503, "", "{\"error\":{\"message\":\"busy\"}}");
    assert_answer(c, 503, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"");
    assert_got(c, "\"provider_name\":\"Beta\",\"raw\":\"busy\"");
}

static void a_leaving_client_is_billed_for_what_it_got(void **state)
{
    (void)state;
    struct made_key k = rich_key();
    struct end *c = client_says(MESSAGES_PATH, &k, ASK("test/one", ",\"stream\":true"));
    struct end *p = alpha_asked();
    answer_raw(p, SSE_HEAD);
    answer_chunk(p, ALPHA_BEGIN ALPHA_TEXT("on"));
    WAIT_FOR(got_has(c, "\"on\""));
    end_drop(c);
    wait_quiet();
    assert_true(settled_by(&k) > 0);
}

/* Large whole answers are held where they cannot pass through. */
static void a_large_whole_answer(void **state)
{
    (void)state;
    enum { MANY = 3 * 1024 * 1024 };
    struct made_key k = rich_key();
    struct end *c = client_says(CHAT_PATH, &k, CHAT("test/one", ""));
    struct end *p = alpha_asked();
    static char body[MANY + 400];
    struct buf b = {.p = body, .cap = sizeof body, .max = sizeof body};
    buf_add(&b,
            STR("{\"id\":\"m\",\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\""));
    memset(b.p + b.n, 'x', MANY);
    b.n += MANY;
    buf_add(&b, STR("\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":1,"
                    "\"output_tokens\":2}}"));
    body[b.n] = '\0';
    answer_json(p, 200, "", body);
    assert_answer(c, 200, "\"finish_reason\":\"stop\"");
    assert_true(c->count > MANY);
    assert_record(c, 1, 2, "stop", "end_turn", false);
}

/* --- responses in ----------------------------------------------------------------------------- */

/* What begins an answer repeats the request, however long that is, and an endpoint that fails before it
 * has brought content leaves nothing of it. */
static void an_answer_that_repeats_a_long_request_begins_whole(void **state)
{
    enum { LONG = 100 * 1024 };
    static char body[LONG + 200];
    (void)state;
    struct made_key k = rich_key();
    struct buf b = {.p = body, .cap = sizeof body, .max = sizeof body};
    buf_add(&b,
            STR("{\"model\":\"test/two\",\"stream\":true,\"input\":\"hi\",\"instructions\":\""));
    memset(b.p + b.n, 'x', LONG);
    b.n += LONG;
    buf_add(&b, str_of("\"}", 3));
    struct end *c = client_says(RESPONSES_PATH, &k, body);
    struct end *p = alpha_asked();
    answer_raw(p, SSE_HEAD);
    answer_chunk(p, ALPHA_BEGIN);
    turn();
    end_send(p, STR("3\r\nxx"));
    maker_forget(&gw.makers[0], p);
    p = beta_asked();
    answer_raw(p, SSE_HEAD);
    answer_chunk(p, "data: {\"id\":\"c\",\"service_tier\":\"flex\",\"choices\":[{\"index\":0,"
                    "\"delta\":{\"role\":\"assistant\"}}]}\n\n");
    turn();
    answer_delta(p, "one");
    answer_stream_end(p, 4, 2);
    assert_answer(c, 200, "event: response.completed\n");
    struct str created = STR("event: response.created\n"), all = buf_view(&c->got);
    size_t at = str_find(all, created);
    assert_true(at < all.n);
    assert_true(str_find(str_skip(all, at + 1), created) == all.n - at - 1);
    assert_got(c, "\"service_tier\":\"flex\"");
    assert_no(c, "Alpha");
}

#define MIXED(test) cmocka_unit_test_setup_teardown(test, mixed, tidy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MIXED(a_request_is_put_in_the_providers_format),
        MIXED(a_stream_is_put_in_the_clients_format_wherever_it_is_split),
        MIXED(a_cut_stream_ends_with_an_error),
        MIXED(usage_told_in_the_middle_is_not_the_sum),
        MIXED(odds_of_long_answers),
        MIXED(usage_without_the_answers_tokens_is_estimated),
        MIXED(an_error_before_content_moves_on_to_another_format),
        MIXED(a_providers_words_are_shown),
        MIXED(what_one_format_cannot_say_another_may),
        MIXED(parameters_are_dropped_unless_they_are_required),
        MIXED(a_request_that_makes_no_sense_is_refused_before_it_is_sent),
        MIXED(a_client_of_the_other_format_is_answered_by_openai),
        MIXED(a_stream_in_the_other_format),
        MIXED(the_same_format_on_both_sides),
        MIXED(a_cut_stream_ends_with_that_formats_error),
        MIXED(silence_is_broken_by_comments_and_ends_with_an_error),
        MIXED(errors_come_in_the_callers_shape),
        MIXED(a_failure_of_the_provider_comes_in_the_callers_shape),
        MIXED(a_leaving_client_is_billed_for_what_it_got),
        MIXED(a_large_whole_answer),
        MIXED(an_answer_that_repeats_a_long_request_begins_whole),
    };
    return cmocka_run_group_tests(tests, gateway_begin, gateway_end);
}
