/* Answers of more than one block, in each format: thoughts, calls side by side, and what of earlier
 * answers and of media the simulated provider can tell. */
#include "unit/sim/rig.h"

#define CHAT     "/v1/chat/completions"
#define MESSAGES "/v1/messages"
#define GEMINI   "/v1beta/models/echo:"
#define STREAM   GEMINI "streamGenerateContent?alt=sse"
#define WHOLE    GEMINI "generateContent"

#define RESPONSES "/v1/responses"
#define CONVERSE  "/model/anthropic.echo/converse"

#define THOUGHT   "I was told: hi there"
#define SIGNATURE "SSB3YXMgdG9sZDogaGkgdGhlcmU="
#define HEAD      "{\"model\":\"echo\",\"max_tokens\":2000,"
#define SAYS(t)   "\"messages\":[{\"role\":\"user\",\"content\":\"" t "\"}]"
#define INPUTS(t) "\"input\":[{\"role\":\"user\",\"content\":\"" t "\"}]"
#define TURNS(t)  "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"" t "\"}]}]"
#define ASKS(t)   "\"contents\":[{\"parts\":[{\"text\":\"" t "\"}]}]"

#define OPENAI_TOOLS                                                                               \
    ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\"}},"                           \
    "{\"type\":\"function\",\"function\":{\"name\":\"b\"}}]"
#define ANTHROPIC_TOOLS ",\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"}]"
#define GEMINI_TOOLS    ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"a\"},{\"name\":\"b\"}]}]"
#define GEMINI_THINKS   ",\"generationConfig\":{\"thinkingConfig\":{\"includeThoughts\":true}}"
#define RESPONSES_TOOLS                                                                            \
    ",\"tools\":[{\"type\":\"function\",\"name\":\"a\"},{\"type\":\"function\",\"name\":\"b\"}]"
#define BEDROCK_TOOLS                                                                              \
    ",\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"a\"}},{\"toolSpec\":{\"name\":\"b\"}}]" \
    "}"
#define BEDROCK_THINKS                                                                             \
    ",\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":"     \
    "1024}}"
#define SUMMARIZES       ",\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"}"
#define SEALS            ",\"include\":[\"reasoning.encrypted_content\"]"
#define ANTHROPIC_THINKS ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}"

static void expect_at(const char *path, const char *body, const char *const (*rows)[2], size_t n)
{
    struct reply r = rig_post(path, body);
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    for (size_t i = 0; i < n; i++)
        assert_at(p.v, rows[i][0], rows[i][1]);
    json_tape_release(&p.tape);
    reply_free(&r);
}
#define expect(path, body, ...)                                                                    \
    do {                                                                                           \
        static const char *const rows_[][2] = {__VA_ARGS__};                                       \
        expect_at(path, body, rows_, COUNT_OF(rows_));                                             \
    } while (0)

static void who_asks_for_reasoning_is_shown_a_thought(void **state)
{
    (void)state;
    expect(CHAT, HEAD SAYS("hi there") ",\"reasoning_effort\":\"low\"}",
           {"choices/0/message/reasoning_content", "\"" THOUGHT "\""},
           {"choices/0/message/content", "\"hi there\""},
           {"usage/completion_tokens_details/reasoning_tokens", "5"},
           {"usage/completion_tokens", "7"});
    expect(CHAT, HEAD SAYS("hi there") ",\"reasoning\":{\"effort\":\"none\"}}",
           {"choices/0/message/reasoning_content", ""});
    expect(MESSAGES, HEAD SAYS("hi there") ANTHROPIC_THINKS "}", {"content/0/type", "\"thinking\""},
           {"content/0/thinking", "\"" THOUGHT "\""}, {"content/0/signature", "\"" SIGNATURE "\""},
           {"content/1/text", "\"hi there\""});
    expect(WHOLE, "{" ASKS("hi there") GEMINI_THINKS "}",
           {"candidates/0/content/parts/0/text", "\"" THOUGHT "\""},
           {"candidates/0/content/parts/0/thought", "true"},
           {"candidates/0/content/parts/1/text", "\"hi there\""},
           {"candidates/0/content/parts/1/thoughtSignature", "\"" SIGNATURE "\""},
           {"usageMetadata/thoughtsTokenCount", "5"}, {"usageMetadata/candidatesTokenCount", "2"});
}

/* Here it is shown to who asks for a summary, and given out to who asks for what is encrypted. */
static void responses_show_a_thought_as_it_is_asked_for(void **state)
{
    (void)state;
    expect(RESPONSES, HEAD INPUTS("hi there") SUMMARIZES SEALS "}",
           {"output/0/type", "\"reasoning\""}, {"output/0/summary/0/text", "\"" THOUGHT "\""},
           {"output/0/encrypted_content", "\"" SIGNATURE "\""},
           {"output/1/content/0/text", "\"hi there\""},
           {"usage/output_tokens_details/reasoning_tokens", "5"}, {"usage/output_tokens", "7"});
    expect(RESPONSES, HEAD INPUTS("hi there") ",\"reasoning\":{\"effort\":\"low\"}}",
           {"output/0/type", "\"reasoning\""}, {"output/0/summary", "[]"},
           {"output/0/encrypted_content", ""}, {"output/1/content/0/text", "\"hi there\""});
    expect(RESPONSES, HEAD INPUTS("hi there") ",\"reasoning\":{\"effort\":\"none\"}}",
           {"output/0/type", "\"message\""});
    expect(CONVERSE, "{" TURNS("hi there") BEDROCK_THINKS "}",
           {"output/message/content/0/reasoningContent/reasoningText",
            "{\"text\":\"" THOUGHT "\",\"signature\":\"" SIGNATURE "\"}"},
           {"output/message/content/1/text", "\"hi there\""}, {"usage/outputTokens", "7"});
}

/* Its events name their item and its place. */
static void responses_stream_item_after_item(void **state)
{
    (void)state;
    struct reply r =
        rig_post(RESPONSES, HEAD INPUTS("hi there") SUMMARIZES SEALS ",\"stream\":true}");
    struct events e = events_of(&r);
    static const char *const shown[] = {"response.created",
                                        "response.in_progress",
                                        "response.output_item.added",
                                        "response.reasoning_summary_part.added",
                                        "response.reasoning_summary_text.delta",
                                        "response.reasoning_summary_text.delta",
                                        "response.reasoning_summary_text.done",
                                        "response.reasoning_summary_part.done",
                                        "response.output_item.done",
                                        "response.output_item.added",
                                        "response.content_part.added",
                                        "response.output_text.delta",
                                        "response.output_text.done",
                                        "response.content_part.done",
                                        "response.output_item.done",
                                        "response.completed"};
    assert_int_equal(e.n, COUNT_OF(shown));
    for (unsigned i = 0; i < e.n; i++)
        assert_str(e.names[i], shown[i]);
    assert_joined(&e, "delta", THOUGHT "hi there");
    assert_joined(&e, "item/encrypted_content", SIGNATURE);
    assert_joined(&e, "response/output/1/content/0/text", "hi there");
    assert_true(has(&r, "\"output_index\":1,\"content_index\":0,\"delta\":\"hi there\""));
    reply_free(&r);
    r = rig_post(RESPONSES,
                 HEAD INPUTS("hi there") ",\"reasoning\":{\"effort\":\"low\"},\"stream\":true}");
    e = events_of(&r);
    assert_joined(&e, "delta", "hi there");
    assert_joined(&e, "response/output/0/type", "reasoning");
    assert_true(!has(&r, "summary_text"));
    reply_free(&r);
    r = rig_post(RESPONSES, HEAD INPUTS("call b(x), a(y)") RESPONSES_TOOLS ",\"stream\":true}");
    e = events_of(&r);
    assert_joined(&e, "delta", "{\"text\":\"x\"}{\"text\":\"y\"}");
    assert_joined(&e, "response/output/0/name", "b");
    assert_joined(&e, "response/output/1/arguments", "{\"text\":\"y\"}");
    reply_free(&r);
}

static void thoughts_are_streamed_before_the_text(void **state)
{
    (void)state;
    struct reply r =
        rig_post(CHAT, HEAD SAYS("hi there") ",\"reasoning_effort\":\"low\",\"stream\":true}");
    struct events e = events_of(&r);
    assert_joined(&e, "choices/0/delta/reasoning_content", THOUGHT);
    assert_joined(&e, "choices/0/delta/content", "hi there");
    reply_free(&r);
    r = rig_post(MESSAGES, HEAD SAYS("hi there") ANTHROPIC_THINKS ",\"stream\":true}");
    e = events_of(&r);
    assert_joined(&e, "delta/thinking", THOUGHT);
    assert_joined(&e, "delta/signature", SIGNATURE);
    assert_joined(&e, "delta/text", "hi there");
    assert_true(has(&r, "\"index\":1,\"content_block\":{\"type\":\"text\""));
    reply_free(&r);
    r = rig_post(STREAM, "{" ASKS("hi there") GEMINI_THINKS "}");
    e = events_of(&r);
    assert_joined(&e, "candidates/0/content/parts/0/text", THOUGHT "hi there");
    assert_joined(&e, "candidates/0/content/parts/0/thoughtSignature", SIGNATURE);
    reply_free(&r);
}

static void tools_are_called_side_by_side(void **state)
{
    (void)state;
    expect(CHAT, HEAD SAYS("call b(x y), a") OPENAI_TOOLS "}",
           {"choices/0/message/tool_calls/0/function/name", "\"b\""},
           {"choices/0/message/tool_calls/0/function/arguments", "\"{\\\"text\\\":\\\"x y\\\"}\""},
           {"choices/0/message/tool_calls/1/function/name", "\"a\""},
           {"choices/0/message/tool_calls/1/function/arguments",
            "\"{\\\"text\\\":\\\"call b(x y), a\\\"}\""});
    expect(MESSAGES, HEAD SAYS("call b(x), a(y)") ANTHROPIC_TOOLS "}",
           {"content/0/input", "{\"text\":\"x\"}"}, {"content/1/input", "{\"text\":\"y\"}"},
           {"content/1/name", "\"a\""}, {"stop_reason", "\"tool_use\""});
    expect(
        WHOLE, "{" ASKS("call a(x), a(y)") GEMINI_TOOLS "}",
        {"candidates/0/content/parts/0/functionCall", "{\"name\":\"a\",\"args\":{\"text\":\"x\"}}"},
        {"candidates/0/content/parts/1/functionCall",
         "{\"name\":\"a\",\"args\":{\"text\":\"y\"}}"});
    expect(RESPONSES, HEAD INPUTS("call b(x), a(y)") RESPONSES_TOOLS "}",
           {"output/0/name", "\"b\""}, {"output/1/name", "\"a\""},
           {"output/1/arguments", "\"{\\\"text\\\":\\\"y\\\"}\""});
    expect(CONVERSE, "{" TURNS("call b(x), a(y)") BEDROCK_TOOLS "}",
           {"output/message/content/0/toolUse/name", "\"b\""},
           {"output/message/content/1/toolUse/name", "\"a\""},
           {"output/message/content/1/toolUse/input", "{\"text\":\"y\"}"},
           {"stopReason", "\"tool_use\""});
}

static void calls_are_streamed_one_after_the_other(void **state)
{
    (void)state;
    struct reply r = rig_post(CHAT, HEAD SAYS("call b(x), a(y)") OPENAI_TOOLS ",\"stream\":true}");
    struct events e = events_of(&r);
    assert_joined(&e, "choices/0/delta/tool_calls/0/function/name", "ba");
    assert_joined(&e, "choices/0/delta/tool_calls/0/function/arguments",
                  "{\"text\":\"x\"}{\"text\":\"y\"}");
    assert_true(has(&r, "\"index\":1,\"id\":\"call-sim-"));
    reply_free(&r);
    r = rig_post(MESSAGES, HEAD SAYS("call b(x), a(y)") ANTHROPIC_TOOLS ",\"stream\":true}");
    e = events_of(&r);
    assert_joined(&e, "content_block/name", "ba");
    assert_joined(&e, "delta/partial_json", "{\"text\":\"x\"}{\"text\":\"y\"}");
    reply_free(&r);
    r = rig_post(STREAM, "{" ASKS("call b(x), a(y)") GEMINI_TOOLS "}");
    assert_true(has(&r, "\"functionCall\":{\"name\":\"b\",\"args\":{\"text\":\"x\"}}"));
    assert_true(has(&r, "\"functionCall\":{\"name\":\"a\",\"args\":{\"text\":\"y\"}}"));
    reply_free(&r);
}

static void what_is_no_call_comes_back_as_text(void **state)
{
    (void)state;
    static const char *const rows[] = {"call a(x", "call a, ", "call a(x)b", "call a, c", "call "};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char body[512], expected[64];
        snprintf(body, sizeof body, HEAD SAYS("%s") OPENAI_TOOLS "}", rows[i]);
        snprintf(expected, sizeof expected, "\"content\":\"%s\"", rows[i]);
        struct reply r = rig_post(CHAT, body);
        assert_true(has(&r, expected) && !has(&r, "tool_calls"));
        reply_free(&r);
    }
}

static void results_are_the_last_message(void **state)
{
    (void)state;
    expect(MESSAGES,
           HEAD "\"messages\":[{\"role\":\"user\",\"content\":\"call a\"},{\"role\":\"assistant\","
                "\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"a\",\"input\":{}}]},"
                "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\","
                "\"content\":\"one\"},{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":"
                "[{\"type\":\"text\",\"text\":\"two\"}]}]}]" ANTHROPIC_TOOLS "}",
           {"content/0/text", "\"one\\ntwo\""});
    expect(WHOLE,
           "{\"contents\":[{\"parts\":[{\"text\":\"call a\"}]},{\"role\":\"user\",\"parts\":[{"
           "\"functionResponse\":{\"name\":\"a\",\"response\":{\"result\":\"one\"}}},"
           "{\"functionResponse\":{\"name\":\"a\",\"response\":{\"n\":2}}}]}]}",
           {"candidates/0/content/parts/0/text", "\"one\\n{\\\"n\\\":2}\""});
    expect(RESPONSES,
           HEAD "\"input\":[{\"role\":\"user\",\"content\":\"call a\"},{\"type\":\"function_call\","
                "\"call_id\":\"t\",\"name\":\"a\",\"arguments\":\"{}\"},{\"type\":"
                "\"function_call_output\",\"call_id\":\"t\",\"output\":\"one\"},{\"type\":"
                "\"function_call_output\",\"call_id\":\"t\",\"output\":[{\"type\":\"input_text\","
                "\"text\":\"two\"}]}]" RESPONSES_TOOLS "}",
           {"output/0/content/0/text", "\"one\\ntwo\""});
    expect(CONVERSE,
           "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"call a\"}]},{\"role\":"
           "\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"t\",\"content\":[{\"text\":"
           "\"one\"}]}},{\"toolResult\":{\"toolUseId\":\"u\",\"content\":[{\"text\":\"two\"}]}}]}]"
           "}",
           {"output/message/content/0/text", "\"one\\ntwo\""});
}

static void thoughts_that_come_back_are_recalled(void **state)
{
    (void)state;
    expect(CHAT,
           HEAD "\"messages\":[{\"role\":\"assistant\",\"reasoning_content\":\"one\"},"
                "{\"role\":\"assistant\",\"reasoning\":\"two\"},{\"role\":\"user\",\"content\":"
                "\"recall\"}]}",
           {"choices/0/message/content", "\"one\\ntwo\""});
    expect(MESSAGES,
           HEAD "\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
                "\"thinking\":\"" THOUGHT "\",\"signature\":\"" SIGNATURE
                "\"}]},{\"role\":\"user\","
                "\"content\":\"recall\"}]}",
           {"content/0/text", "\"" THOUGHT "\""});
    expect(WHOLE,
           "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"\",\"thoughtSignature\":"
           "\"" SIGNATURE "\"}]},{\"parts\":[{\"text\":\"recall\"}]}]}",
           {"candidates/0/content/parts/0/text", "\"" THOUGHT "\""});
    expect(RESPONSES,
           HEAD
           "\"input\":[{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"" SIGNATURE
           "\"},{\"role\":\"user\",\"content\":\"recall\"}]}",
           {"output/0/content/0/text", "\"" THOUGHT "\""});
    expect(CONVERSE,
           "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"reasoningContent\":{"
           "\"reasoningText\":{\"text\":\"" THOUGHT "\",\"signature\":\"" SIGNATURE
           "\"}}}]},{\"role\":\"user\",\"content\":[{\"text\":\"recall\"}]}]}",
           {"output/message/content/0/text", "\"" THOUGHT "\""});
}

static void signatures_that_are_not_its_own_are_refused(void **state)
{
    (void)state;
    struct reply r = rig_post(
        MESSAGES, HEAD "\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
                       "\"thinking\":\"another\",\"signature\":\"" SIGNATURE "\"}]}]}");
    assert_int_equal(r.status, 400);
    assert_true(has(&r, "messages[0].content: Invalid `signature`"));
    reply_free(&r);
    r = rig_post(WHOLE, "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"\","
                        "\"thoughtSignature\":\"?\"}]}]}");
    assert_int_equal(r.status, 400);
    reply_free(&r);
    r = rig_post(RESPONSES, HEAD "\"input\":[{\"type\":\"reasoning\",\"summary\":[],"
                                 "\"encrypted_content\":\"?\"}]}");
    assert_int_equal(r.status, 400);
    assert_true(has(&r, "input[0].text: Invalid `signature`"));
    reply_free(&r);
    r = rig_post(CONVERSE, "{\"messages\":[{\"role\":\"assistant\",\"content\":[{"
                           "\"reasoningContent\":{\"reasoningText\":{\"text\":\"another\","
                           "\"signature\":\"" SIGNATURE "\"}}}]}]}");
    assert_int_equal(r.status, 400);
    reply_free(&r);
}

static void who_thinks_and_calls_gives_the_thought_back(void **state)
{
    (void)state;
#define CALL "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"a\",\"input\":{}}"
#define TURN(thought)                                                                              \
    HEAD "\"messages\":[{\"role\":\"assistant\",\"content\":[" thought CALL                        \
         "]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\"}]}"   \
         "]" ANTHROPIC_THINKS "}"
    struct reply r = rig_post(MESSAGES, TURN(""));
    assert_int_equal(r.status, 400);
    assert_true(has(&r, "Expected `thinking`"));
    reply_free(&r);
    r = rig_post(MESSAGES, TURN("{\"type\":\"thinking\",\"thinking\":\"" THOUGHT
                                "\",\"signature\":\"" SIGNATURE "\"},"));
    assert_int_equal(r.status, 200);
    reply_free(&r);
#define CLAUDE(thought)                                                                            \
    "{\"messages\":[{\"role\":\"assistant\",\"content\":[" thought                                 \
    "{\"toolUse\":{\"toolUseId\":\"t\",\"name\":\"a\",\"input\":{}}}]},{\"role\":\"user\","        \
    "\"content\":[{\"toolResult\":{\"toolUseId\":\"t\"}}]}]" BEDROCK_THINKS "}"
    r = rig_post(CONVERSE, CLAUDE(""));
    assert_int_equal(r.status, 400);
    assert_true(has(&r, "Expected `thinking`"));
    reply_free(&r);
    r = rig_post(CONVERSE, CLAUDE("{\"reasoningContent\":{\"reasoningText\":{\"text\":\"" THOUGHT
                                  "\",\"signature\":\"" SIGNATURE "\"}}},"));
    assert_int_equal(r.status, 200);
    reply_free(&r);
}

static void media_are_seen(void **state)
{
    (void)state;
    expect(CHAT,
           HEAD
           "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"see\"},"
           "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image\\/png;base64,AAAA\"}},"
           "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}]}]}",
           {"choices/0/message/content", "\"image/png 9b0d08f1\\nhttps://x/y.png\""});
    expect(MESSAGES,
           HEAD "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{"
                "\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AAAA\"}},"
                "{\"type\":\"text\",\"text\":\"see\"}]}]}",
           {"content/0/text", "\"image/png 9b0d08f1\""});
    expect(
        WHOLE,
        "{\"contents\":[{\"parts\":[{\"text\":\"see\"},{\"inlineData\":{\"mimeType\":\"image/png\""
        ",\"data\":\"AAAA\"}}]}]}",
        {"candidates/0/content/parts/0/text", "\"image/png 9b0d08f1\""});
    expect(RESPONSES,
           HEAD "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"
                "\"see\"},{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,AAAA\"},"
                "{\"type\":\"input_file\",\"file_data\":\"data:text/csv;base64,AAAA\"}]}]}",
           {"output/0/content/0/text", "\"image/png 9b0d08f1\\ntext/csv 9b0d08f1\""});
    expect(
        CONVERSE,
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"image\":{\"format\":\"png\",\"source\":"
        "{\"bytes\":\"AAAA\"}}},{\"document\":{\"format\":\"pdf\",\"name\":\"d\",\"source\":"
        "{\"bytes\":\"AAAA\"}}},{\"text\":\"see\"}]}]}",
        {"output/message/content/0/text", "\"image/png 9b0d08f1\\ndocument/pdf 9b0d08f1\""});
}

static void a_limit_cuts_blocks_too(void **state)
{
    (void)state;
    expect(
        CHAT,
        "{\"model\":\"echo\",\"max_tokens\":3,\"reasoning_effort\":\"low\"," SAYS("hi there") "}",
        {"choices/0/message/reasoning_content", "\"I was told: \""},
        {"choices/0/message/content", "null"}, {"choices/0/finish_reason", "\"length\""},
        {"usage/completion_tokens", "3"},
        {"usage/completion_tokens_details/reasoning_tokens", "3"});
    expect(MESSAGES,
           "{\"model\":\"echo\",\"max_tokens\":5," SAYS("call a(x), b(y)") ANTHROPIC_TOOLS "}",
           {"content/0/input", "{\"text\":\"x\"}"}, {"content/1/input", "{}"},
           {"stop_reason", "\"max_tokens\""});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_for_reasoning_is_shown_a_thought),
        cmocka_unit_test(responses_show_a_thought_as_it_is_asked_for),
        cmocka_unit_test(responses_stream_item_after_item),
        cmocka_unit_test(thoughts_are_streamed_before_the_text),
        cmocka_unit_test(tools_are_called_side_by_side),
        cmocka_unit_test(calls_are_streamed_one_after_the_other),
        cmocka_unit_test(what_is_no_call_comes_back_as_text),
        cmocka_unit_test(results_are_the_last_message),
        cmocka_unit_test(thoughts_that_come_back_are_recalled),
        cmocka_unit_test(signatures_that_are_not_its_own_are_refused),
        cmocka_unit_test(who_thinks_and_calls_gives_the_thought_back),
        cmocka_unit_test(media_are_seen),
        cmocka_unit_test(a_limit_cuts_blocks_too),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
