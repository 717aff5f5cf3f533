/* The formats that are not OpenAI's: their shapes, and that faults wear them. */
#include "unit/sim/rig.h"

#define SAID     "one two three four five six seven eight"
#define MESSAGES "/v1/messages"

/* --- Anthropic -------------------------------------------------------------------------------- */

static struct reply messages(const char *model, const char *said, const char *more)
{
    char body[1024];
    int n =
        snprintf(body, sizeof body,
                 "{\"model\":\"%s\",\"max_tokens\":100,\"system\":\"four\",\"messages\":[{\"role\":"
                 "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}]%s}",
                 model, said, more);
    assert_true(n > 0 && (size_t)n < sizeof body);
    return rig_post(MESSAGES, body);
}

static void a_message_is_answered_whole(void **state)
{
    (void)state;
    struct reply r = messages("sim/echo", SAID, "");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_int_equal(r.status, 200);
    assert_at(p.v, "type", "\"message\"");
    assert_at(p.v, "role", "\"assistant\"");
    assert_at(p.v, "model", "\"sim/echo\"");
    assert_at(p.v, "content/0/type", "\"text\"");
    assert_at(p.v, "content/0/text", "\"" SAID "\"");
    assert_at(p.v, "stop_reason", "\"end_turn\"");
    assert_at(p.v, "usage/input_tokens", "11"); /* 4 + 39 bytes */
    assert_at(p.v, "usage/output_tokens", "10");
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void a_message_is_streamed_with_named_events(void **state)
{
    (void)state;
    static const char *const names[] = {
        "message_start",       "content_block_start", "ping",
        "content_block_delta", "content_block_delta", "content_block_delta",
        "content_block_stop",  "message_delta",       "message_stop"};
    struct reply r = messages("echo", SAID, ",\"stream\":true");
    struct events e = events_of(&r);
    assert_true(r.is_complete);
    assert_int_equal(e.n, COUNT_OF(names));
    for (unsigned i = 0; i < e.n; i++) {
        struct parsed p;
        parse(&p, e.data[i]);
        assert_str(e.names[i], names[i]);
        assert_str(json_raw_str(at(p.v, "type")), names[i]);
        json_tape_release(&p.tape);
    }
    assert_joined(&e, "delta/text", SAID);
    assert_joined(&e, "delta/stop_reason", "end_turn");
    assert_true(has(&r, "\"input_tokens\":11"));
    assert_true(has(&r, "\"usage\":{\"output_tokens\":10}"));
    reply_free(&r);
}

static void a_message_calls_tools(void **state)
{
    (void)state;
    const char *tools = ",\"tools\":[{\"name\":\"weather\",\"input_schema\":{}}]";
    struct reply r = messages("echo", "call weather", tools);
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_at(p.v, "content/0/type", "\"tool_use\"");
    assert_at(p.v, "content/0/name", "\"weather\"");
    assert_at(p.v, "content/0/input", "{\"text\":\"call weather\"}");
    assert_at(p.v, "stop_reason", "\"tool_use\"");
    json_tape_release(&p.tape);
    reply_free(&r);
    r = messages(
        "echo", "hi",
        ",\"stream\":true,\"tool_choice\":{\"type\":\"any\"},\"tools\":[{\"name\":\"a\"}]");
    struct events e = events_of(&r);
    assert_joined(&e, "content_block/name", "a");
    assert_joined(&e, "delta/partial_json", "{\"text\":\"hi\"}");
    assert_joined(&e, "delta/stop_reason", "tool_use");
    reply_free(&r);
}

static void cut_arguments_are_no_call_of_a_tool(void **state)
{
    (void)state;
    struct reply r =
        rig_post(MESSAGES, "{\"model\":\"echo\",\"max_tokens\":2,\"tools\":[{\"name\":\"a\"}],"
                           "\"tool_choice\":{\"type\":\"tool\",\"name\":\"a\"},"
                           "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_at(p.v, "content/0/input", "{}");
    assert_at(p.v, "stop_reason", "\"max_tokens\"");
    assert_at(p.v, "usage/output_tokens", "2");
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void a_message_without_max_tokens_is_refused(void **state)
{
    (void)state;
    struct reply r = rig_post(MESSAGES, "{\"model\":\"echo\",\"messages\":[]}");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_int_equal(r.status, 400);
    assert_at(p.v, "type", "\"error\"");
    assert_at(p.v, "error/type", "\"invalid_request_error\"");
    assert_true(has(&r, "max_tokens"));
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void anthropic_faults_have_its_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        int status;
        const char *type;
    } cases[] = {
        {"nothing", 404, "not_found_error"},   {"only-429", 429, "rate_limit_error"},
        {"only-503", 503, "overloaded_error"}, {"only-auth", 401, "authentication_error"},
        {"only-flapping", 500, "api_error"},   {"only-context", 400, "invalid_request_error"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = messages(cases[i].model, SAID, "");
        struct parsed p;
        parse(&p, str_of(r.body, r.body_n));
        assert_int_equal(r.status, cases[i].status);
        assert_str(json_raw_str(at(p.v, "error/type")), cases[i].type);
        json_tape_release(&p.tape);
        reply_free(&r);
    }
}

static void anthropic_streams_fail_in_the_middle(void **state)
{
    (void)state;
    struct reply r = messages("only-cut", SAID, ",\"stream\":true");
    assert_true(r.status == 200 && !r.is_complete && !has(&r, "message_delta"));
    reply_free(&r);
    r = messages("only-no-done", SAID, ",\"stream\":true");
    assert_true(r.is_complete && has(&r, "message_delta") && !has(&r, "message_stop"));
    reply_free(&r);
    r = messages("only-error-first", SAID, ",\"stream\":true");
    assert_true(r.status == 200 && has(&r, "event: error\ndata: {\"type\":\"error\""));
    reply_free(&r);
    r = messages("only-no-usage", SAID, ",\"stream\":true");
    assert_true(r.is_complete && !has(&r, "\"usage\""));
    reply_free(&r);
    r = messages("only-filter", SAID, ",\"stream\":true");
    assert_true(has(&r, "\"stop_reason\":\"refusal\""));
    reply_free(&r);
}

/* --- OpenAI's responses ------------------------------------------------------------------------ */

#define RESPONSES "/v1/responses"

static struct reply responses(const char *model, const char *said, const char *more)
{
    char body[1024];
    int n = snprintf(body, sizeof body,
                     "{\"model\":\"%s\",\"instructions\":\"four\",\"input\":[{\"role\":\"user\","
                     "\"content\":[{\"type\":\"input_text\",\"text\":\"%s\"}]}]%s}",
                     model, said, more);
    assert_true(n > 0 && (size_t)n < sizeof body);
    return rig_post(RESPONSES, body);
}

static void a_response_is_answered_whole(void **state)
{
    (void)state;
    struct reply r = responses("sim/echo", SAID, "");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_int_equal(r.status, 200);
    assert_at(p.v, "object", "\"response\"");
    assert_at(p.v, "status", "\"completed\"");
    assert_at(p.v, "output/0/type", "\"message\"");
    assert_at(p.v, "output/0/content/0/text", "\"" SAID "\"");
    assert_at(p.v, "usage/input_tokens", "11"); /* 4 + 39 bytes */
    assert_at(p.v, "usage/output_tokens", "10");
    json_tape_release(&p.tape);
    reply_free(&r);
    r = rig_post(RESPONSES, "{\"model\":\"echo\",\"input\":\"hello\",\"max_output_tokens\":1}");
    parse(&p, str_of(r.body, r.body_n));
    assert_at(p.v, "status", "\"incomplete\"");
    assert_at(p.v, "incomplete_details/reason", "\"max_output_tokens\"");
    assert_at(p.v, "output/0/content/0/text", "\"hell\"");
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void a_response_is_streamed_with_numbered_events(void **state)
{
    (void)state;
    static const char *const names[] = {"response.created",           "response.in_progress",
                                        "response.output_item.added", "response.content_part.added",
                                        "response.output_text.delta", "response.output_text.delta",
                                        "response.output_text.delta", "response.output_text.done",
                                        "response.content_part.done", "response.output_item.done",
                                        "response.completed"};
    struct reply r = responses("echo", SAID, ",\"stream\":true");
    struct events e = events_of(&r);
    assert_true(r.is_complete);
    assert_int_equal(e.n, COUNT_OF(names));
    for (unsigned i = 0; i < e.n; i++) {
        struct parsed p;
        parse(&p, e.data[i]);
        assert_str(e.names[i], names[i]);
        assert_str(json_raw_str(at(p.v, "type")), names[i]);
        assert_int_equal(json_u64_or(at(p.v, "sequence_number"), 99), i);
        json_tape_release(&p.tape);
    }
    assert_joined(&e, "delta", SAID);
    assert_joined(&e, "response/output/0/content/0/text", SAID);
    reply_free(&r);
}

static void a_response_calls_functions(void **state)
{
    (void)state;
    struct reply r = responses("echo", "hi",
                               ",\"stream\":true,\"tool_choice\":\"required\",\"tools\":[{"
                               "\"type\":\"function\",\"name\":\"a\"}]");
    struct events e = events_of(&r);
    assert_joined(&e, "delta", "{\"text\":\"hi\"}");
    assert_joined(&e, "response/output/0/arguments", "{\"text\":\"hi\"}");
    assert_joined(&e, "response/output/0/name", "a");
    reply_free(&r);
}

static void faults_of_responses_have_their_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        int status;
        const char *code;
    } cases[] = {{"nothing", 404, "\"model_not_found\""},
                 {"only-429", 429, "\"rate_limit_exceeded\""},
                 {"only-503", 503, "\"server_is_overloaded\""},
                 {"only-auth", 401, "\"invalid_api_key\""},
                 {"fault-flapping", 500, "\"server_error\""},
                 {"only-context", 400, "\"context_length_exceeded\""}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = responses(cases[i].model, SAID, "");
        struct parsed p;
        parse(&p, str_of(r.body, r.body_n));
        assert_int_equal(r.status, cases[i].status);
        assert_at(p.v, "error/code", cases[i].code);
        json_tape_release(&p.tape);
        reply_free(&r);
    }
    struct reply r = responses("only-cut", SAID, ",\"stream\":true");
    assert_true(r.status == 200 && !r.is_complete && !has(&r, "response.completed"));
    reply_free(&r);
    r = responses("only-error-first", SAID, ",\"stream\":true");
    assert_true(r.status == 200 && has(&r, "event: error\ndata: {\"type\":\"error\""));
    reply_free(&r);
    r = responses("only-filter", SAID, ",\"stream\":true");
    assert_true(has(&r, "event: response.incomplete") && has(&r, "\"content_filter\""));
    reply_free(&r);
}

/* --- Gemini ----------------------------------------------------------------------------------- */

static struct reply gemini(const char *path, const char *said, const char *more)
{
    char body[1024], target[128];
    int n =
        snprintf(body, sizeof body,
                 "{\"systemInstruction\":{\"parts\":[{\"text\":\"four\"}]},\"contents\":[{\"role\":"
                 "\"user\",\"parts\":[{\"text\":\"%s\"}]}]%s}",
                 said, more);
    assert_true(n > 0 && (size_t)n < sizeof body);
    snprintf(target, sizeof target, "/v1beta/models/%s", path);
    return rig_post(target, body);
}

static void content_is_generated_whole(void **state)
{
    (void)state;
    struct reply r = gemini("sim/echo:generateContent", SAID, "");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_int_equal(r.status, 200);
    assert_at(p.v, "candidates/0/content/role", "\"model\"");
    assert_at(p.v, "candidates/0/content/parts/0/text", "\"" SAID "\"");
    assert_at(p.v, "candidates/0/finishReason", "\"STOP\"");
    assert_at(p.v, "usageMetadata/promptTokenCount", "11");
    assert_at(p.v, "usageMetadata/candidatesTokenCount", "10");
    assert_at(p.v, "usageMetadata/totalTokenCount", "21");
    assert_at(p.v, "modelVersion", "\"sim/echo\"");
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void content_is_streamed(void **state)
{
    (void)state;
    struct reply r = gemini("echo:streamGenerateContent?alt=sse", SAID,
                            ",\"generationConfig\":{\"maxOutputTokens\":8}");
    struct events e = events_of(&r);
    assert_true(r.is_complete && e.n >= 3);
    assert_joined(&e, "candidates/0/content/parts/0/text", "one two three four five six seve");
    assert_joined(&e, "candidates/0/finishReason", "MAX_TOKENS");
    reply_free(&r);
    r = gemini("echo:streamGenerateContent", SAID, "");
    assert_int_equal(r.status, 400);
    assert_true(has(&r, "alt=sse") && has(&r, "\"status\":\"INVALID_ARGUMENT\""));
    reply_free(&r);
}

static void gemini_calls_functions(void **state)
{
    (void)state;
    const char *tools =
        ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"a\"},{\"name\":\"b\"}]}]";
    const char *call = "{\"name\":\"b\",\"args\":{\"text\":\"call b\"}}";
    static const char *const paths[] = {"echo:generateContent",
                                        "echo:streamGenerateContent?alt=sse"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct reply r = gemini(paths[i], "call b", tools);
        struct events e = events_of(&r);
        struct parsed p;
        parse(&p, i ? e.data[e.n - 1] : str_of(r.body, r.body_n));
        assert_at(p.v, "candidates/0/content/parts/0/functionCall", call);
        assert_at(p.v, "candidates/0/finishReason", "\"STOP\"");
        json_tape_release(&p.tape);
        reply_free(&r);
    }
    char choice[256];
    snprintf(choice, sizeof choice,
             "%s,\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\","
             "\"allowedFunctionNames\":[\"b\"]}}",
             tools);
    struct reply r = gemini("echo:generateContent", "hi", choice);
    assert_true(has(&r, "\"functionCall\":{\"name\":\"b\",\"args\":{\"text\":\"hi\"}}"));
    reply_free(&r);
}

static void gemini_faults_have_its_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int status;
        const char *name;
    } cases[] = {{"nothing:generateContent", 404, "NOT_FOUND"},
                 {"echo:countTokens", 404, "NOT_FOUND"},
                 {"only-429:generateContent", 429, "RESOURCE_EXHAUSTED"},
                 {"only-503:generateContent", 503, "UNAVAILABLE"},
                 {"only-auth:generateContent", 401, "UNAUTHENTICATED"},
                 {"only-500-once:generateContent", 500, "INTERNAL"},
                 {"only-context:generateContent", 400, "INVALID_ARGUMENT"},
                 {"only-error-first:generateContent", 200, "UNAVAILABLE"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = gemini(cases[i].path, SAID, "");
        struct parsed p;
        parse(&p, str_of(r.body, r.body_n));
        assert_int_equal(r.status, cases[i].status);
        assert_str(json_raw_str(at(p.v, "error/status")), cases[i].name);
        json_tape_release(&p.tape);
        reply_free(&r);
    }
}

static void gemini_streams_fail_in_the_middle(void **state)
{
    (void)state;
    struct reply r = gemini("only-cut:streamGenerateContent?alt=sse", SAID, "");
    assert_true(r.status == 200 && !r.is_complete && has(&r, "three") && !has(&r, "finishReason"));
    reply_free(&r);
    r = gemini("only-no-usage:streamGenerateContent?alt=sse", SAID, "");
    assert_true(r.is_complete && !has(&r, "usageMetadata"));
    reply_free(&r);
    r = gemini("only-filter:generateContent", SAID, "");
    assert_true(has(&r, "\"finishReason\":\"SAFETY\""));
    reply_free(&r);
}

/* --- embeddings ------------------------------------------------------------------------------- */

static struct reply embed(const char *members)
{
    char body[256];
    snprintf(body, sizeof body, "{\"model\":\"echo\",%s}", members);
    return rig_post("/v1/embeddings", body);
}

static void equal_texts_have_equal_embeddings(void **state)
{
    (void)state;
    struct reply r = embed("\"input\":[\"abcde\",\"x\",\"abcde\"],\"dimensions\":5");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_int_equal(r.status, 200);
    struct str first = json_raw(at(p.v, "data/0/embedding"));
    assert_true(json_is(at(p.v, "data/0/embedding/4"), JSON_NUMBER));
    assert_true(json_is(at(p.v, "data/0/embedding/5"), JSON_NONE));
    assert_true(str_eq(first, json_raw(at(p.v, "data/2/embedding"))));
    assert_false(str_eq(first, json_raw(at(p.v, "data/1/embedding"))));
    assert_at(p.v, "data/2/index", "2");
    assert_at(p.v, "usage/prompt_tokens", "3"); /* 11 bytes */
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void embeddings_come_as_base64_where_asked(void **state)
{
    (void)state;
    static const unsigned lengths[] = {8, 12, 16, 24}; /* of 4, 8, 12 and 16 bytes */
    for (unsigned i = 0; i < COUNT_OF(lengths); i++) {
        char members[128];
        snprintf(members, sizeof members,
                 "\"input\":\"abc\",\"encoding_format\":\"base64\",\"dimensions\":%u", i + 1);
        struct reply r = embed(members);
        struct parsed p;
        parse(&p, str_of(r.body, r.body_n));
        assert_int_equal(json_raw_str(at(p.v, "data/0/embedding")).n, lengths[i]);
        json_tape_release(&p.tape);
        reply_free(&r);
    }
}

static void wrong_inputs_of_embeddings_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"\"input\":[]", "\"input\":7", "\"input\":[[1,-2]]",
                                        "\"input\":\"x\",\"dimensions\":4000",
                                        "\"input\":\"x\",\"encoding_format\":\"hex\""};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct reply r = embed(wrong[i]);
        assert_int_equal(r.status, 400);
        assert_true(has(&r, "invalid_request_error"));
        reply_free(&r);
    }
}

static void tokens_are_embedded_and_counted(void **state)
{
    (void)state;
    struct reply r = embed("\"input\":[[1,2,3],[4]],\"dimensions\":2");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_at(p.v, "data/1/index", "1");
    assert_at(p.v, "usage/prompt_tokens", "4");
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void every_form_makes_the_same_vectors(void **state)
{
    static const struct {
        const char *target, *body, *vector, *tokens;
    } rows[] = {
        {"/v1/embeddings", "{\"model\":\"echo\",\"input\":[\"x\",\"abcde\"],\"dimensions\":2}",
         "data/1/embedding", "usage/prompt_tokens"},
        {"/v1beta/models/echo:batchEmbedContents",
         "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]},\"outputDimensionality\":2},"
         "{\"content\":{\"parts\":[{\"text\":\"ab\"},{\"text\":\"cde\"}]},"
         "\"outputDimensionality\":2}]}",
         "embeddings/1/values", "usageMetadata/promptTokenCount"},
        {"/v2/embed",
         "{\"model\":\"echo\",\"texts\":[\"x\",\"abcde\"],\"input_type\":\"search_query\","
         "\"output_dimension\":2}",
         "embeddings/float/1", "meta/billed_units/input_tokens"},
    };
    char first[64] = "";
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reply r = rig_post(rows[i].target, rows[i].body);
        struct parsed p;
        parse(&p, str_of(r.body, r.body_n));
        assert_int_equal(r.status, 200);
        struct str vector = json_raw(at(p.v, rows[i].vector));
        if (i == 0)
            snprintf(first, sizeof first, "%.*s", STR_ARG(vector));
        assert_str(vector, first);
        assert_at(p.v, rows[i].tokens, "2");
        json_tape_release(&p.tape);
        reply_free(&r);
    }
}

static void every_form_refuses_in_its_own_words(void **state)
{
    static const struct {
        const char *target, *body, *says;
        int status;
    } rows[] = {
        {"/v1beta/models/echo:batchEmbedContents", "{\"requests\":[]}", "\"INVALID_ARGUMENT\"",
         400},
        {"/v1beta/models/only-429:batchEmbedContents",
         "{\"requests\":[{\"content\":{\"parts\":[]}}]}", "\"RESOURCE_EXHAUSTED\"", 429},
        {"/v2/embed", "{\"model\":\"echo\",\"texts\":[\"x\"]}", "{\"message\":\"input_type", 400},
        {"/v2/embed", "{\"model\":\"only-503\",\"texts\":[\"x\"],\"input_type\":\"search_query\"}",
         "{\"message\":", 503},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reply r = rig_post(rows[i].target, rows[i].body);
        assert_int_equal(r.status, rows[i].status);
        assert_true(has(&r, rows[i].says));
        reply_free(&r);
    }
}

/* --- ranking ---------------------------------------------------------------------------------- */

static void documents_are_ranked_by_the_querys_words_in_them(void **state)
{
    static const struct {
        const char *target, *unit, *is;
    } rows[] = {{"/v1/rerank", "usage/total_tokens", "7"}, /* 27 bytes */
                {"/v2/rerank", "meta/billed_units/search_units", "1"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reply r =
            rig_post(rows[i].target, "{\"model\":\"echo\",\"query\":\"a b c\",\"top_n\":2,"
                                     "\"documents\":[\"a x\",\"none\",\"c a b\"]}");
        struct parsed p;
        parse(&p, str_of(r.body, r.body_n));
        assert_int_equal(r.status, 200);
        assert_at(p.v, "results/0/index", "2");
        assert_at(p.v, "results/0/relevance_score", "1.000000");
        assert_at(p.v, "results/1/index", "0");
        assert_at(p.v, "results/1/relevance_score", "0.333333");
        assert_true(json_is(at(p.v, "results/2"), JSON_NONE));
        assert_at(p.v, rows[i].unit, rows[i].is);
        json_tape_release(&p.tape);
        reply_free(&r);
    }
}

/* However long a query is, no more than its first words are looked for. */
static void a_long_query_is_counted_right(void **state)
{
    enum { WORDS = 6000 };
    static char body[2 * WORDS + 200];
    struct buf b = {.p = body, .cap = sizeof body, .max = sizeof body};
    (void)state;
    buf_add(&b, STR("{\"model\":\"echo\",\"documents\":[\"b\",\"a\"],\"query\":\""));
    for (unsigned i = 0; i < WORDS; i++)
        buf_add(&b, STR("a "));
    buf_add(&b, str_of("\"}", 3));
    struct reply r = rig_post("/v1/rerank", body);
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_at(p.v, "results/0/index", "1");
    assert_at(p.v, "results/0/relevance_score", "1.000000");
    assert_at(p.v, "results/1/relevance_score", "0.000000");
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void wrong_rankings_are_refused(void **state)
{
    static const char *const wrong[] = {
        "{\"model\":\"echo\",\"query\":\"a\",\"documents\":[]}",
        "{\"model\":\"echo\",\"documents\":[\"a\"]}",
        "{\"model\":\"echo\",\"query\":\"a\",\"documents\":[\"a\"],\"top_n\":0}",
        "{\"model\":\"echo\",\"query\":\"a\",\"documents\":[7]}"};
    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(wrong); i++) {
        struct reply r = rig_post(i % 2 ? "/v1/rerank" : "/v2/rerank", wrong[i / 2]);
        assert_int_equal(r.status, 400);
        reply_free(&r);
    }
}

/* --- the rest --------------------------------------------------------------------------------- */

static void models_are_listed(void **state)
{
    (void)state;
    struct reply r = rig_get("/v1/models");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_at(p.v, "object", "\"list\"");
    assert_at(p.v, "data/0/id", "\"echo\"");
    assert_true(has(&r, "\"fault-auth\"") && has(&r, "\"only-huge\""));
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void other_paths_and_methods_are_refused(void **state)
{
    (void)state;
    struct reply r = rig_get("/v2/models");
    assert_int_equal(r.status, 404);
    reply_free(&r);
    r = rig_get("/v1/chat/completions");
    assert_int_equal(r.status, 405);
    assert_true(has(&r, "Allow: POST\r\n"));
    reply_free(&r);
    r = rig_post("/health", "{}");
    assert_int_equal(r.status, 405);
    assert_true(has(&r, "Allow: GET, HEAD\r\n"));
    reply_free(&r);
}

static void a_large_message_comes_back(void **state)
{
    (void)state;
    enum { LARGE = 3 << 20 };
    static const char head[] =
        "{\"model\":\"echo\",\"messages\":[{\"role\":\"user\",\"content\":\"";
    char *body = malloc(LARGE + 256);
    assert_non_null(body);
    memcpy(body, head, sizeof head - 1);
    memset(body + sizeof head - 1, 'x', LARGE);
    memcpy(body + sizeof head - 1 + LARGE, "\"}]}", 4);
    struct reply r =
        rig_reply(rig_ask_n("POST", "/v1/chat/completions", body, sizeof head - 1 + LARGE + 4));
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_int_equal(json_raw_str(at(p.v, "choices/0/message/content")).n, LARGE);
    json_tape_release(&p.tape);
    reply_free(&r);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_answered_whole),
        cmocka_unit_test(a_message_is_streamed_with_named_events),
        cmocka_unit_test(a_message_calls_tools),
        cmocka_unit_test(cut_arguments_are_no_call_of_a_tool),
        cmocka_unit_test(a_message_without_max_tokens_is_refused),
        cmocka_unit_test(anthropic_faults_have_its_shapes),
        cmocka_unit_test(anthropic_streams_fail_in_the_middle),
        cmocka_unit_test(a_response_is_answered_whole),
        cmocka_unit_test(a_response_is_streamed_with_numbered_events),
        cmocka_unit_test(a_response_calls_functions),
        cmocka_unit_test(faults_of_responses_have_their_shapes),
        cmocka_unit_test(content_is_generated_whole),
        cmocka_unit_test(content_is_streamed),
        cmocka_unit_test(gemini_calls_functions),
        cmocka_unit_test(gemini_faults_have_its_shapes),
        cmocka_unit_test(gemini_streams_fail_in_the_middle),
        cmocka_unit_test(equal_texts_have_equal_embeddings),
        cmocka_unit_test(embeddings_come_as_base64_where_asked),
        cmocka_unit_test(wrong_inputs_of_embeddings_are_refused),
        cmocka_unit_test(tokens_are_embedded_and_counted),
        cmocka_unit_test(every_form_makes_the_same_vectors),
        cmocka_unit_test(every_form_refuses_in_its_own_words),
        cmocka_unit_test(documents_are_ranked_by_the_querys_words_in_them),
        cmocka_unit_test(a_long_query_is_counted_right),
        cmocka_unit_test(wrong_rankings_are_refused),
        cmocka_unit_test(models_are_listed),
        cmocka_unit_test(other_paths_and_methods_are_refused),
        cmocka_unit_test(a_large_message_comes_back),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
