#include "unit/sim/rig.h"

#define CHAT "/v1/chat/completions"

/* One user message, and more members of the request. */
static struct reply chat(const char *model, const char *said, const char *more)
{
    char body[1024];
    int n = snprintf(body, sizeof body,
                     "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]%s}",
                     model, said, more);
    assert_true(n > 0 && (size_t)n < sizeof body);
    return rig_post(CHAT, body);
}

static void expect_refusal(const char *target, const char *body, const char *sentence)
{
    struct reply r = rig_post(target, body);
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    if (r.status != 400 || !has(&r, sentence))
        print_error("%s\n-> %s\n", body, r.text);
    assert_int_equal(r.status, 400);
    assert_at(p.v, "error/type", "\"invalid_request_error\"");
    assert_true(has(&r, sentence));
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void echo_answers_with_the_last_user_message(void **state)
{
    (void)state;
    struct reply r = rig_post(
        CHAT, "{\"model\":\"sim/echo\",\"messages\":[{\"role\":\"system\",\"content\":\"abc\"},"
              "{\"role\":\"user\",\"content\":\"first\"},{\"role\":\"assistant\",\"content\":null},"
              "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"h\\u00e4\\\"\"},"
              "{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}},{\"type\":\"text\",\"text\":"
              "\"llo\"}]}]}");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_int_equal(r.status, 200);
    assert_true(r.is_complete);
    assert_at(p.v, "object", "\"chat.completion\"");
    assert_at(p.v, "model", "\"sim/echo\"");
    assert_at(p.v, "choices/0/message/role", "\"assistant\"");
    assert_at(p.v, "choices/0/message/content", "\"h\xc3\xa4\\\"llo\"");
    assert_at(p.v, "choices/0/finish_reason", "\"stop\"");
    assert_at(p.v, "usage/prompt_tokens", "4"); /* abc, first, 7 bytes: 15 */
    assert_at(p.v, "usage/completion_tokens", "2");
    assert_at(p.v, "usage/total_tokens", "6");
    assert_at(p.v, "usage/prompt_tokens_details/cached_tokens", "0");
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void echo_is_cut_to_max_tokens_between_characters(void **state)
{
    (void)state;
    struct reply r = chat("echo", "abc\xc3\xa4\xc3\xa4", ",\"max_tokens\":1");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_at(p.v, "choices/0/message/content", "\"abc\"");
    assert_at(p.v, "choices/0/finish_reason", "\"length\"");
    assert_at(p.v, "usage/completion_tokens", "1");
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void lorem_answers_with_as_many_words_as_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        unsigned words;
    } cases[] = {{"", 64}, {",\"max_tokens\":1", 1}, {",\"max_completion_tokens\":333", 333}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = chat("lorem", "x", cases[i].more);
        struct parsed p;
        parse(&p, str_of(r.body, r.body_n));
        struct str text = json_raw_str(at(p.v, "choices/0/message/content"));
        assert_int_equal(text.n, 4 * cases[i].words - 1);
        assert_int_equal(json_u64_or(at(p.v, "usage/completion_tokens"), 0), cases[i].words);
        assert_at(p.v, "choices/0/finish_reason", "\"stop\"");
        json_tape_release(&p.tape);
        reply_free(&r);
    }
}

static void a_stream_has_role_text_finish_usage_and_done(void **state)
{
    (void)state;
    struct reply r = chat("echo", "one two three four five six seven",
                          ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    struct events e = events_of(&r);
    assert_true(has(&r, "Content-Type: text/event-stream\r\n"));
    assert_true(r.is_complete);
    assert_int_equal(e.n, 7); /* role, three of text, finish, usage, done */
    assert_str(e.data[e.n - 1], "[DONE]");
    assert_joined(&e, "choices/0/delta/content", "one two three four five six seven");
    assert_joined(&e, "choices/0/delta/role", "assistant");
    assert_joined(&e, "choices/0/finish_reason", "stop");
    struct parsed first, last;
    parse(&first, e.data[0]);
    parse(&last, e.data[e.n - 2]);
    assert_at(first.v, "object", "\"chat.completion.chunk\"");
    assert_at(first.v, "usage", "null");
    assert_at(last.v, "choices", "[]");
    assert_at(last.v, "usage/prompt_tokens", "9");
    assert_at(last.v, "usage/completion_tokens", "9");
    assert_true(str_eq(json_raw(at(first.v, "id")), json_raw(at(last.v, "id"))));
    json_tape_release(&first.tape);
    json_tape_release(&last.tape);
    reply_free(&r);
}

static void a_stream_tells_usage_only_when_asked(void **state)
{
    (void)state;
    struct reply r = chat("echo", "hello", ",\"stream\":true");
    assert_true(r.is_complete && has(&r, "[DONE]"));
    assert_false(has(&r, "\"usage\""));
    reply_free(&r);
}

static void a_long_stream_is_given_in_many_turns(void **state)
{
    (void)state;
    struct reply r = chat("lorem", "x", ",\"stream\":true,\"max_tokens\":40000");
    assert_true(r.is_complete && r.status == 200);
    assert_int_equal(count_events(&r), 40000 / 4 + 3);
    reply_free(&r);
}

#define TOOLS                                                                                      \
    ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"clock\"}},{\"type\":"             \
    "\"function\",\"function\":{\"name\":\"weather\",\"parameters\":{}}}]"

static void expect_call(const char *said, const char *more, const char *name)
{
    struct reply r = chat("echo", said, more);
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    char quoted[64], arguments[128];
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    snprintf(arguments, sizeof arguments, "\"{\\\"text\\\":\\\"%s\\\"}\"", said);
    assert_at(p.v, "choices/0/message/content", "null");
    assert_at(p.v, "choices/0/message/tool_calls/0/type", "\"function\"");
    assert_at(p.v, "choices/0/message/tool_calls/0/function/name", quoted);
    assert_at(p.v, "choices/0/message/tool_calls/0/function/arguments", arguments);
    assert_at(p.v, "choices/0/finish_reason", "\"tool_calls\"");
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void a_tool_is_called_when_demanded_or_named_by_the_user(void **state)
{
    (void)state;
    expect_call("call weather", TOOLS, "weather");
    expect_call("hi", TOOLS ",\"tool_choice\":\"required\"", "clock");
    expect_call(
        "hi", TOOLS ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"weather\"}}",
        "weather");
}

static void no_tool_is_called_otherwise(void **state)
{
    (void)state;
    static const struct {
        const char *said, *more;
    } cases[] = {{"call weather", ""},
                 {"call weather", TOOLS ",\"tool_choice\":\"none\""},
                 {"call weather now", TOOLS},
                 {"call weathe", TOOLS}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = chat("echo", cases[i].said, cases[i].more);
        struct parsed p;
        parse(&p, str_of(r.body, r.body_n));
        assert_str(json_raw_str(at(p.v, "choices/0/message/content")), cases[i].said);
        json_tape_release(&p.tape);
        reply_free(&r);
    }
}

static void the_result_of_a_tool_ends_the_calling(void **state)
{
    (void)state;
    struct reply r = rig_post(
        CHAT,
        "{\"model\":\"echo\",\"messages\":[{\"role\":\"user\",\"content\":\"call clock\"},"
        "{\"role\":\"assistant\",\"tool_calls\":[]},{\"role\":\"tool\",\"tool_call_id\":\"x\","
        "\"content\":\"noon\"}]" TOOLS "}");
    assert_true(has(&r, "\"content\":\"noon\""));
    reply_free(&r);
}

static void a_tool_call_is_streamed_in_pieces(void **state)
{
    (void)state;
    struct reply r = chat("echo", "call weather", TOOLS ",\"stream\":true");
    struct events e = events_of(&r);
    assert_true(e.n >= 6); /* role, name, two of arguments at least, finish, done */
    assert_joined(&e, "choices/0/delta/tool_calls/0/function/name", "weather");
    assert_joined(&e, "choices/0/delta/tool_calls/0/function/arguments",
                  "{\"text\":\"call weather\"}");
    assert_joined(&e, "choices/0/finish_reason", "tool_calls");
    reply_free(&r);
}

static void json_is_answered_where_json_is_asked_for(void **state)
{
    (void)state;
    static const char *const formats[] = {
        ",\"response_format\":{\"type\":\"json_object\"}",
        ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}"};
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        struct reply r = chat("lorem", "hi", formats[i]);
        assert_true(has(&r, "\"content\":\"{\\\"text\\\":\\\"hi\\\"}\""));
        reply_free(&r);
    }
}

static void wrong_bodies_are_refused_with_a_sentence(void **state)
{
    (void)state;
    expect_refusal(CHAT, "", "");
    expect_refusal(CHAT, "{\"model\":", "");
    expect_refusal(CHAT, "[]", "must be a JSON object");
    expect_refusal(CHAT, "{}", "model: expected a string, got nothing");
    expect_refusal(CHAT, "{\"model\":\"echo\",\"model\":\"lorem\"}", "model");
    expect_refusal(CHAT, "{\"model\":\"echo\"}", "messages: expected an array");
    expect_refusal(CHAT, "{\"model\":\"echo\",\"messages\":[]}", "at least one message");
    expect_refusal(CHAT, "{\"model\":\"echo\",\"messages\":[1]}",
                   "messages[0]: expected an object");
    expect_refusal(CHAT, "{\"model\":\"echo\",\"messages\":[{\"role\":\"king\"}]}",
                   "messages[0].role");
    expect_refusal(CHAT, "{\"model\":\"echo\",\"messages\":[{\"role\":\"user\",\"content\":1}]}",
                   "messages[0].content");
#define HI "{\"model\":\"echo\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
    expect_refusal(CHAT, HI ",\"n\":2}", "n: ");
    expect_refusal(CHAT, HI ",\"max_tokens\":0}", "max_tokens: expected a whole number");
    expect_refusal(CHAT, HI ",\"max_tokens\":\"9\"}", "max_tokens: expected a whole number");
    expect_refusal(CHAT, HI ",\"stream\":1}", "stream: expected true or false");
    expect_refusal(CHAT, HI ",\"response_format\":{\"type\":\"xml\"}}", "response_format.type");
    expect_refusal(CHAT, HI ",\"tool_choice\":\"required\"}", "tools: ");
    expect_refusal("/v1/completions", "{\"model\":\"echo\",\"prompt\":[1,2]}", "prompt: ");
    expect_refusal("/v1/completions", "{\"model\":\"echo\",\"prompt\":[]}", "prompt: ");
}

static void an_unknown_model_is_not_found(void **state)
{
    (void)state;
    static const char *const names[] = {"gpt-4o",          "sim/",       "fault-nothing",
                                        "only-",           "echo@20",    "echo@-1ms",
                                        "echo@99999999ms", "fault-echo", "sim/sim/echo"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct reply r = chat(names[i], "hi", "");
        assert_int_equal(r.status, 404);
        assert_true(has(&r, "\"code\":\"model_not_found\""));
        reply_free(&r);
    }
}

static void completions_answer_with_the_prompt(void **state)
{
    (void)state;
    struct reply r = rig_post("/v1/completions", "{\"model\":\"echo\",\"prompt\":[\"abcde\"]}");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_at(p.v, "object", "\"text_completion\"");
    assert_at(p.v, "choices/0/text", "\"abcde\"");
    assert_at(p.v, "usage/prompt_tokens", "2");
    assert_at(p.v, "usage/completion_tokens", "2");
    json_tape_release(&p.tape);
    reply_free(&r);
    r = rig_post("/v1/completions",
                 "{\"model\":\"echo\",\"prompt\":\"one two three four five\",\"stream\":true}");
    struct events e = events_of(&r);
    assert_joined(&e, "choices/0/text", "one two three four five");
    assert_joined(&e, "choices/0/finish_reason", "stop");
    assert_str(e.data[e.n - 1], "[DONE]");
    reply_free(&r);
}

static void a_paced_stream_comes_piece_by_piece(void **state)
{
    (void)state;
    struct reply r = chat("lorem@1ms", "x", ",\"stream\":true,\"max_tokens\":16");
    struct events e = events_of(&r);
    assert_int_equal(e.n, 1 + 4 + 2);
    assert_true(r.is_complete);
    reply_free(&r);
    r = chat("echo@1ms", "hello", "");
    assert_true(has(&r, "\"content\":\"hello\""));
    reply_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_answers_with_the_last_user_message),
        cmocka_unit_test(echo_is_cut_to_max_tokens_between_characters),
        cmocka_unit_test(lorem_answers_with_as_many_words_as_tokens),
        cmocka_unit_test(a_stream_has_role_text_finish_usage_and_done),
        cmocka_unit_test(a_stream_tells_usage_only_when_asked),
        cmocka_unit_test(a_long_stream_is_given_in_many_turns),
        cmocka_unit_test(a_tool_is_called_when_demanded_or_named_by_the_user),
        cmocka_unit_test(no_tool_is_called_otherwise),
        cmocka_unit_test(the_result_of_a_tool_ends_the_calling),
        cmocka_unit_test(a_tool_call_is_streamed_in_pieces),
        cmocka_unit_test(json_is_answered_where_json_is_asked_for),
        cmocka_unit_test(wrong_bodies_are_refused_with_a_sentence),
        cmocka_unit_test(an_unknown_model_is_not_found),
        cmocka_unit_test(completions_answer_with_the_prompt),
        cmocka_unit_test(a_paced_stream_comes_piece_by_piece),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
