#include "unit/dialect/rig.h"

#include "dialect/anthropic.h"
#include "dialect/bedrock.h"
#include "dialect/openai_form.h"

#include <stdio.h>

/* --- requests --------------------------------------------------------------------------------- */

#define ASKS_AGAIN(thought)                                                                        \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"             \
    "\"assistant\"," thought                                                                       \
    "\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","           \
    "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"1\"}],"     \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"
#define CALLED_AGAIN(thought)                                                                      \
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]},{\"role\":\"assistant\","  \
    "\"content\":[" thought "{\"toolUse\":{\"toolUseId\":\"c1\",\"name\":\"f\",\"input\":{}}}]},"  \
    "{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"c1\",\"content\":[{"         \
    "\"text\":"                                                                                    \
    "\"1\"}]}}]}],"
#define CONFIG                                                                                     \
    "\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"inputSchema\":{\"json\":{"         \
    "\"type\":"                                                                                    \
    "\"object\"}}}}]}"

static const struct change {
    bool is_anthropic; /* the request; else OpenAI's */
    uint64_t max_tokens;
    const char *model, *in, *out;
} changed[] = {
    /* neighbours are one, blank texts none, results and what a system says later are the user's */
    {false, 0, "meta.llama4",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"us"
     "er\",\"content\":\" \"},{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"assistan"
     "t\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function"
     "\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"c2\",\"type\":\"function\",\"fun"
     "ction\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\""
     ":\"c1\",\"content\":\"1\"},{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":[{"
     "\"type\":\"text\",\"text\":\"2\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"d"
     "ata:image/webp;base64,AAAA\"}}]},{\"role\":\"user\",\"content\":\"hi\"}]}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"},{\"text\":\"s\"}]},"
     "{\"role\":\"assistant\",\"content\":[{\"toolUse\":{\"toolUseId\":\"c1\",\"name\":\"f"
     "\",\"input\":{}}},{\"toolUse\":{\"toolUseId\":\"c2\",\"name\":\"f\",\"input\":{}}}]}"
     ",{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"c1\",\"content\":["
     "{\"text\":\"1\"}]}},{\"toolResult\":{\"toolUseId\":\"c2\",\"content\":[{\"text\":\"2"
     "\"},{\"image\":{\"format\":\"webp\",\"source\":{\"bytes\":\"AAAA\"}}}]}},{\"text\":"
     "\"hi\"}]}]}"},
    /* a message of which nothing can be told is not there */
    {false, 0, "anthropic.claude-x",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"as"
     "sistant\",\"content\":\"\",\"reasoning\":\"t\"},{\"role\":\"user\",\"content\":[{\"type\":"
     "\"text\",\"text\":\"yo\"}]},{\"role\":\"assistant\",\"content\":\" \"}],\"cache_contr"
     "ol\":{\"type\":\"ephemeral\"}}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"},{\"text\":\"yo\"}]}]}"},
    /* a result that is an error */
    {true, 0, "anthropic.claude-x",
     "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi"
     "\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"c1\",\"name"
     "\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
     "\"tool_use_id\":\"c1\",\"is_error\":true,\"content\":\"broke\"}]}]}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]},{\"role\":\"assis"
     "tant\",\"content\":[{\"toolUse\":{\"toolUseId\":\"c1\",\"name\":\"f\",\"input\":{}}}"
     "]},{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"c1\",\"content\""
     ":[{\"text\":\"broke\"}],\"status\":\"error\"}}]}]}"},
    /* media */
    {false, 0, "us.amazon.nova-2-lite-v1:0",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_aud"
     "io\",\"input_audio\":{\"data\":\"AAA=\",\"format\":\"mp3\"}},{\"type\":\"file\",\"fi"
     "le\":{\"file_data\":\"data:text/csv;base64,AA==\"}},{\"type\":\"file\",\"file\":{\"f"
     "ilename\":\"a/b.txt\",\"file_data\":\"s3://bucket/b.txt\"}},{\"type\":\"video_url\","
     "\"video_url\":{\"url\":\"s3://bucket/v.3gp\"}}]}]}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"audio\":{\"format\":\"mp3\",\"sour"
     "ce\":{\"bytes\":\"AAA=\"}}},{\"document\":{\"format\":\"csv\",\"name\":\"document\","
     "\"source\":{\"bytes\":\"AA==\"}}},{\"document\":{\"format\":\"txt\",\"name\":\"a-b-t"
     "xt-2\",\"source\":{\"s3Location\":{\"uri\":\"s3://bucket/b.txt\"}}}},{\"video\":{\"f"
     "ormat\":\"three_gp\",\"source\":{\"s3Location\":{\"uri\":\"s3://bucket/v.3gp\"}}}}]}"
     "]}"},
    /* a mark for the whole prompt; for a model that caches nothing */
    {false, 0, "anthropic.claude-x",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"cache_contr"
     "ol\":{\"type\":\"ephemeral\"}}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"},{\"cachePoint\":{\""
     "type\":\"default\"}}]}]}"},
    {false, 0, "meta.llama4",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"cache_contr"
     "ol\":{\"type\":\"ephemeral\"}}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}]}"},
    {false, 0, "anthropic.claude-x",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
     "\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"auto\"}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],\"toolConfig\":{"
     "\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"inputSchema\":{\"json\":{\"type\":\"objec"
     "t\"}}}}],\"toolChoice\":{\"auto\":{}}}}"},
    {false, 0, "anthropic.claude-x",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
     "\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"required\"}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],\"toolConfig\":{"
     "\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"inputSchema\":{\"json\":{\"type\":\"objec"
     "t\"}}}}],\"toolChoice\":{\"any\":{}}}}"},
    /* no call: no tools */
    {false, 0, "anthropic.claude-x",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{"
     "\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"none\"}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}]}"},
    /* reasoning, by whose model it is */
    {false, 10000, "anthropic.claude-x",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\""
     ":{\"effort\":\"high\"},\"temperature\":1,\"top_k\":4}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],\"inferenceConfi"
     "g\":{\"maxTokens\":10000},\"additionalModelRequestFields\":{\"thinking\":{\"type\":"
     "\"enabled\",\"budget_tokens\":8000}}}"},
    {false, 2000, "anthropic.claude-x",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\""
     ":{\"max_tokens\":5000}}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],\"inferenceConfi"
     "g\":{\"maxTokens\":2000},\"additionalModelRequestFields\":{\"thinking\":{\"type\":\""
     "enabled\",\"budget_tokens\":1999}}}"},
    {false, 0, "anthropic.claude-x",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\""
     ":{\"effort\":\"none\"},\"top_k\":4}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],\"additionalMode"
     "lRequestFields\":{\"top_k\":4}}"},
    {false, 0, "us.amazon.nova-2-lite-v1:0",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\""
     ":{\"effort\":\"high\"},\"top_k\":4}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],\"additionalMode"
     "lRequestFields\":{\"reasoningConfig\":{\"type\":\"enabled\",\"maxReasoningEffort\":"
     "\"medium\"},\"inferenceConfig\":{\"topK\":4}}}"},
    {false, 0, "openai.gpt-oss-120b-1:0",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\""
     ":{\"effort\":\"minimal\"}}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],\"additionalMode"
     "lRequestFields\":{\"reasoning_effort\":\"low\"}}"},
    {false, 0, "meta.llama4",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"reasoning\""
     ":{\"effort\":\"high\"},\"top_k\":4}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}]}"},
    /* Claude refuses to think where the thought before the last turn's calls did not come back */
    {false, 10000, "anthropic.claude-x", ASKS_AGAIN("") ",\"reasoning\":{\"effort\":\"high\"}}",
     CALLED_AGAIN("") CONFIG ",\"inferenceConfig\":{\"maxTokens\":10000}"
                             "}"},
    {false, 10000, "anthropic.claude-x",
     ASKS_AGAIN(
         "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"t\",\"signature\":"
         "\"s\",\"format\":\"anthropic-claude-v1\"}],") ",\"reasoning\":{\"effort\":\"high\"}}",
     CALLED_AGAIN("{\"reasoningContent\":{\"reasoningText\":{\"text\":\"t\",\"signature\":\"s\"}}}"
                  ",") CONFIG
     ",\"inferenceConfig\":{\"maxTokens\":10000}"
     ",\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\","
     "\"budget_tokens\":8000}}}"},
    {false, 10000, "anthropic.claude-x",
     ASKS_AGAIN(
         "\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"d\",\"format\":"
         "\"google-gemini-v1\"}],") ",\"reasoning\":{\"effort\":\"high\"}}",
     CALLED_AGAIN("") CONFIG ",\"inferenceConfig\":{\"maxTokens\":10000}"
                             "}"},
    /* signed reasoning goes to whom it is from */
    {false, 0, "meta.llama4",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"as"
     "sistant\",\"content\":\"a\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"te"
     "xt\":\"t\",\"signature\":\"s\",\"format\":\"anthropic-claude-v1\"}]}]}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]},{\"role\":\"assis"
     "tant\",\"content\":[{\"text\":\"a\"}]}]}"},
};

static struct dialect_target target_of(const struct change *c)
{
    return (struct dialect_target){
        .model = str_c(c->model), .max_tokens = c->max_tokens, .quirks = &dialect_no_quirks};
}

static void requests_are_said_in_its_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changed); i++) {
        const struct change *c = &changed[i];
        struct dialect_target target = target_of(c);
        rig_again();
        if (rig_read_request(c->is_anthropic ? &dialect_anthropic : &dialect_openai, c->in) !=
            ERR_OK)
            fail_msg("%s\n%s", c->in, rig.fault.message);
        assert_same_text(rig_write_request(&dialect_bedrock, &target), c->out, c->in);
    }
}

static const struct {
    const char *text, *sentence;
} refused[] = {
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url"
     "\",\"image_url\":{\"url\":\"https://h/i.png\"}}]}]}",
     "messages: this provider takes no media by URL but s3://"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\""
     "file\":{\"file_id\":\"file-1\"}}]}]}",
     "messages: this provider takes no media by an id"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url"
     "\",\"image_url\":{\"url\":\"data:image/tiff;base64,AAAA\"}}]}]}",
     "messages: this provider takes no media of this type"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"image_u"
     "rl\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}]},{\"role\":\"user\",\""
     "content\":\"hi\"}]}",
     "messages: this provider takes no media in the system prompt"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"as"
     "sistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name"
     "\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"conte"
     "nt\":\"1\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"too"
     "l_choice\":\"none\"}",
     "tool_choice: this provider cannot be told to call no tool after calls"},
};

static void what_it_cannot_say_is_for_others(void **state)
{
    (void)state;
    struct dialect_target target = {.model = STR("m"), .quirks = &dialect_no_quirks};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        rig_again();
        assert_int_equal(rig_read_request(&dialect_openai, refused[i].text), ERR_OK);
        assert_int_equal(dialect_write_request(&dialect_bedrock, &rig.request, &target, &rig.room,
                                               &rig.out, &rig.fault),
                         ERR_UNPROCESSABLE);
        assert_string_equal(rig.fault.message, refused[i].sentence);
    }
}

static void models_are_one_segment_of_the_path(void **state)
{
    (void)state;
    struct dialect_target target = {.model =
                                        STR("arn:aws:bedrock:us-east-1:1:inference-profile/us.x"),
                                    .is_streamed = true,
                                    .quirks = &dialect_no_quirks};
    assert_int_equal(dialect_bedrock.write_path(&target, &rig.out), ERR_OK);
    assert_same_text(buf_view(&rig.out),
                     "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/"
                     "converse-stream",
                     "a model");
}

/* --- answers ---------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    enum canon_finish reason;
} finishes[] = {
    {"end_turn", FINISH_STOP},
    {"stop_sequence", FINISH_STOP},
    {"tool_use", FINISH_TOOL_CALLS},
    {"max_tokens", FINISH_LENGTH},
    {"model_context_window_exceeded", FINISH_LENGTH},
    {"guardrail_intervened", FINISH_CONTENT_FILTER},
    {"content_filtered", FINISH_CONTENT_FILTER},
    {"malformed_tool_use", FINISH_ERROR},
    {"a_new_one", FINISH_STOP},
};

static void reasons_are_told_in_ours(void **state)
{
    char text[128];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(finishes); i++) {
        rig_again();
        rig_begin_answer(&dialect_bedrock, NULL);
        snprintf(text, sizeof text, "{\"stopReason\":\"%s\"}", finishes[i].word);
        assert_int_equal(rig_feed("messageStop", text), ERR_OK);
        const struct canon_kept *end = canon_next(rig.kept.first, EVENT_FINISH, 0);
        assert_non_null(end);
        assert_int_equal(end->event.finish.reason, finishes[i].reason);
        assert_int_equal(rig.ends, 0);
        assert_int_equal(rig_feed("metadata", "{}"), ERR_OK);
        assert_int_equal(rig.ends, 1);
    }
}

static void exceptions_are_errors(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_bedrock, NULL);
    assert_int_equal(rig_feed("throttlingException", "{\"message\":\"slow\"}"), ERR_OK);
    assert_int_equal(rig.errors, 1);
    const struct canon_failure *x = &rig.kept.last->event.failure;
    assert_int_equal(x->status, 429);
    assert_str(x->message, "slow");
    assert_str(x->native, "throttlingException");
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_bedrock, NULL);
    assert_int_equal(rig_feed("contentBlockDelta", "{"), ERR_UPSTREAM);
    assert_int_equal(rig_read_whole("{\"output\":{}}"), ERR_UPSTREAM);
    /* arguments of a tool that never began, what is not known */
    assert_int_equal(
        rig_feed("contentBlockDelta",
                 "{\"contentBlockIndex\":3,\"delta\":{\"toolUse\":{\"input\":\"1\"}}}"),
        ERR_UPSTREAM);
    assert_int_equal(rig_feed("contentBlockDelta", "{\"delta\":{\"new\":{}}}"), ERR_OK);
    assert_int_equal(rig_feed("somethingNew", "{}"), ERR_OK);
    assert_null(canon_next(rig.kept.first, EVENT_ARGS, 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        TEST(requests_are_said_in_its_words),
        TEST(what_it_cannot_say_is_for_others),
        TEST(models_are_one_segment_of_the_path),
        TEST(reasons_are_told_in_ours),
        TEST(exceptions_are_errors),
        TEST(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
