/* Older completions: prompts read as chats, answers written in their form. */
#include "unit/dialect/rig.h"

#include "dialect/completions.h"
#include "dialect/openai_form.h"

#define MODEL "\"model\":\"a/b\","

static const struct dialect_quirks quirks = {.max_tokens_field = STR_INIT("max_tokens")};

/* --- requests --------------------------------------------------------------------------------- */

static const struct {
    const char *in, *out;
} changed[] = {
    {"{" MODEL "\"prompt\":\"h\\u00e9 \\\"q\\\"\"}",
     "{\"model\":\"n\",\"messages\":[{\"role\":\"user\",\"content\":\"h\\u00e9 \\\"q\\\"\"}]}"},
    {"{" MODEL "\"prompt\":\"\",\"suffix\":\"\",\"best_of\":1,\"echo\":null,\"tools\":[]}",
     "{\"model\":\"n\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}"},
    {"{" MODEL "\"prompt\":\"x\",\"logprobs\":0,\"temperature\":0.5,\"stop\":\"e\"}",
     "{\"model\":\"n\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":0.5,"
     "\"stop\":[\"e\"],\"logprobs\":true}"},
    {"{" MODEL "\"prompt\":\"x\",\"logprobs\":5}",
     "{\"model\":\"n\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"logprobs\":true,"
     "\"top_logprobs\":5}"},
    {"{" MODEL "\"prompt\":\"x\",\"logprobs\":true,\"top_logprobs\":2,\"unknown\":1}",
     "{\"model\":\"n\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"logprobs\":true,"
     "\"top_logprobs\":2}"},
};

static void a_prompt_is_a_chat_of_one_message(void **state)
{
    static const struct dialect_target t = {.model = STR_INIT("n"), .quirks = &quirks};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changed); i++) {
        rig_again();
        if (rig_read_request(&dialect_completions, changed[i].in) != ERR_OK)
            fail_msg("%s\n%s", changed[i].in, rig.fault.message);
        assert_same_text(rig_write_request(&dialect_openai, &t), changed[i].out, changed[i].in);
    }
}

static const struct {
    const char *text, *sentence;
} refused[] = {
    {"{\"prompt\":\"x\"}", "model: expected the name of a model, got nothing"},
    {"{" MODEL "\"x\":1}", "prompt: expected a string, got nothing"},
    {"{" MODEL "\"prompt\":[\"a\",\"b\"]}",
     "prompt: expected a string, got an array: send one request for each"},
    {"{" MODEL "\"prompt\":7}", "prompt: expected a string, got a number"},
    {"{" MODEL "\"prompt\":\"x\",\"suffix\":\"y\"}",
     "suffix: expected none, got a string: no model here fills in the middle"},
    {"{" MODEL "\"prompt\":\"x\",\"echo\":true}",
     "echo: expected false, got true: the prompt is not given back"},
    {"{" MODEL "\"prompt\":\"x\",\"best_of\":3,\"n\":2}",
     "best_of: expected at most n (2), got a number outside of that: all choices that are made are "
     "given"},
    {"{" MODEL "\"prompt\":\"x\",\"best_of\":\"1\"}",
     "best_of: expected at most n (1), got a string: all choices that are made are given"},
    {"{" MODEL "\"prompt\":\"x\",\"logprobs\":21}",
     "logprobs: expected a whole number from 0 to 20, got a number outside of that"},
    {"{" MODEL "\"prompt\":\"x\",\"logprobs\":\"1\"}",
     "logprobs: expected a whole number from 0 to 20, got a string"},
    {"{" MODEL "\"prompt\":\"x\",\"tools\":[{\"type\":\"x\"}]}",
     "tools: expected none, got an array: a chat takes them (POST /api/v1/chat/completions)"},
    {"{" MODEL "\"prompt\":\"x\",\"max_tokens\":0}",
     "max_tokens: expected a whole number from 1 to 4294967295, got a number outside of that"},
    {"{" MODEL "\"prompt\":\"x\",\"stream\":1}", "stream: expected true or false, got a number"},
    {"[]", "the body: expected a JSON object, got an array"},
};

static void what_a_chat_cannot_do_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        rig_again();
        enum err e = rig_read_request(&dialect_completions, refused[i].text);
        if (e != ERR_INVALID || strcmp(rig.fault.message, refused[i].sentence) != 0)
            fail_msg("%s\ngot      %s %s\nexpected %s", refused[i].text, err_name(e),
                     rig.fault.message, refused[i].sentence);
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

#define WHO(object)                                                                                \
    "\"id\":\"gen-1\",\"object\":\"" object "\",\"created\":1700000000,\"model\":\"a/b\","         \
    "\"provider\":\"Alpha\","
#define TOKEN(text, odds, more)                                                                    \
    "{\"token\":\"" text "\",\"logprob\":" odds ",\"bytes\":null,\"top_logprobs\":[" more "]}"
#define ODDS                                                                                       \
    TOKEN("h\\u00e9", "-0.5",                                                                      \
          TOKEN("h\\u00e9", "-0.5", "") "," TOKEN("a", "-1", "") "," TOKEN("a", "-2", ""))         \
    "," TOKEN("\xf0\x9f\x98\x80", "-0.25", "") "," TOKEN("\\ud83d\\ude00x", "-1e-3", "")
#define COLUMNS                                                                                    \
    "{\"tokens\":[\"h\\u00e9\",\"\xf0\x9f\x98\x80\",\"\\ud83d\\ude00x\"],"                         \
    "\"token_logprobs\":[-0.5,-0.25,-1e-3],"                                                       \
    "\"top_logprobs\":[{\"h\\u00e9\":-0.5,\"a\":-1},{},{}],\"text_offset\":[0,2,3]}"
#define USAGE                                                                                      \
    "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11,\"cost\":0,"       \
    "\"is_byok\":false,\"prompt_tokens_details\":{\"cached_tokens\":0,\"cache_write_tokens\":0},"  \
    "\"completion_tokens_details\":{\"reasoning_tokens\":0},\"cost_details\":{"                    \
    "\"upstream_inference_cost\":null,\"upstream_inference_prompt_cost\":0,"                       \
    "\"upstream_inference_completions_cost\":0}}"

static void a_whole_answer_is_texts(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_openai, NULL);
    assert_int_equal(
        rig_read_whole("{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                       "\"assistant\",\"content\":\"h\\u00e9\",\"reasoning\":\"hm\"},"
                       "\"logprobs\":{\"content\":[" ODDS "]},\"finish_reason\":\"stop\"},"
                       "{\"index\":1,\"message\":{\"role\":\"assistant\",\"refusal\":\"no\"},"
                       "\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":9,"
                       "\"completion_tokens\":2}}"),
        ERR_OK);
    assert_same_text(
        rig_write_whole(&dialect_completions),
        "{" WHO("text_completion") "\"choices\":[{\"text\":\"h\\u00e9\",\"index\":0,"
                                   "\"reasoning\":\"hm\",\"logprobs\":" COLUMNS
                                   ",\"finish_reason\":\"stop\",\"native_finish_reason\":\"stop\"},"
                                   "{\"text\":\"no\",\"index\":1,\"logprobs\":null,"
                                   "\"finish_reason\":\"length\",\"native_finish_reason\":"
                                   "\"length\"}]," USAGE "}",
        "a whole answer");
}

#define CHUNK(choice, more)                                                                        \
    "data: {" WHO("text_completion") "\"choices\":[{" choice "}]" more "}\n\n"

static void a_stream_is_texts(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_openai, &dialect_completions);
    rig_feed("", "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
                 "\"content\":\"\"}}]}");
    rig_feed("", "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\\n\"}}]}");
    rig_feed("", "{\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"hm\"}}]}");
    rig_feed("", "{\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":{\"content\":[" TOKEN(
                     "ab", "-1", "") "]}}]}");
    rig_feed("", "{\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":{\"content\":[" TOKEN(
                     "c", "-2", "") "]}}]}");
    rig_feed("", "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"max_tokens\"}]}");
    rig_feed("", "{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}");
    rig_feed("", "[DONE]");
    assert_int_equal(rig.ends, 1);
    assert_same_text(
        rig_finish_stream(),
        CHUNK("\"text\":\"h\\n\",\"index\":0,\"logprobs\":null,\"finish_reason\":null", "")
            CHUNK("\"text\":\"\",\"index\":0,\"reasoning\":\"hm\",\"logprobs\":null,"
                  "\"finish_reason\":null",
                  "") CHUNK("\"text\":\"\",\"index\":0,\"logprobs\":{\"tokens\":[\"ab\"],"
                            "\"token_logprobs\":[-1],\"top_logprobs\":[{}],\"text_offset\":[0]},"
                            "\"finish_reason\":null",
                            "")
                CHUNK("\"text\":\"\",\"index\":0,\"logprobs\":{\"tokens\":[\"c\"],"
                      "\"token_logprobs\":[-2],\"top_logprobs\":[{}],\"text_offset\":[2]},"
                      "\"finish_reason\":null",
                      "") CHUNK("\"text\":\"\",\"index\":0,\"logprobs\":null,"
                                "\"finish_reason\":\"length\",\"native_finish_reason\":"
                                "\"max_tokens\"",
                                "") CHUNK("\"text\":\"\",\"index\":0,\"logprobs\":null,"
                                          "\"finish_reason\":\"length\",\"native_finish_reason\":"
                                          "\"max_tokens\"",
                                          "," USAGE) "data: [DONE]\n\n",
        "a stream");
}

static void an_error_in_a_stream_is_the_last_that_is_said(void **state)
{
    (void)state;
    struct canon_event e = {
        .kind = EVENT_ERROR,
        .failure = {
            .err = ERR_UPSTREAM, .status = 502, .message = STR("It broke off"), .bill = &rig.bill}};
    rig_begin_answer(&dialect_openai, &dialect_completions);
    rig.bill.usage = (struct chat_usage){.prompt = 9, .completion = 2};
    assert_int_equal(dialect_completions.write_event(&rig.writer, &e), ERR_OK);
    assert_same_text(
        buf_view(&rig.out),
        "data: {" WHO("text_completion") "\"error\":{\"code\":502,\"message\":\"It broke off\","
                                         "\"metadata\":{\"error_type\":\"provider_unavailable\"}},"
                                         "\"choices\":[{\"text\":\"\",\"index\":0,\"logprobs\":"
                                         "null,\"finish_reason\":\"error\","
                                         "\"native_finish_reason\":null}]," USAGE "}\n\n",
        "an error");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        TEST(a_prompt_is_a_chat_of_one_message),
        TEST(what_a_chat_cannot_do_is_refused_by_name),
        TEST(a_whole_answer_is_texts),
        TEST(a_stream_is_texts),
        TEST(an_error_in_a_stream_is_the_last_that_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
