/* What of a request one provider is told: JSON of one format in, of another out, by way of what is made
 * to fit. */
#include "unit/dialect/rig.h"

#include <stdio.h>

#include "dialect/adapt.h"
#include "dialect/anthropic.h"
#include "dialect/bedrock.h"
#include "dialect/bedrock.h"
#include "dialect/gemini.h"
#include "dialect/openai_form.h"
#include "dialect/responses.h"

#define USER                 "{\"role\":\"user\",\"content\":\"hi\"}"
#define CHAT(messages, more) "{\"model\":\"m\",\"messages\":[" messages "]" more "}"
#define MESSAGES(messages, more)                                                                   \
    "{\"model\":\"m\",\"max_tokens\":4000,\"messages\":[" messages "]" more "}"
#define SAID(more)                                                                                 \
    "{\"model\":\"native\",\"max_tokens\":4000,\"messages\":[{\"role\":\"user\",\"content\":["     \
    "{\"type\":\"text\",\"text\":\"hi\"}]}]" more "}"

static struct str told(const struct dialect *from, const struct dialect *to, const char *text,
                       uint64_t refuses)
{
    struct dialect_quirks quirks = {.max_tokens_field = STR_INIT("max_tokens"), .refuses = refuses};
    struct dialect_target t = {.model = STR("native"), .quirks = &quirks};
    rig_again();
    if (rig_read_request(from, text) != ERR_OK)
        fail_msg("%s\n%s", text, rig.fault.message);
    t.max_tokens = rig.request.facts.max_tokens;
    return rig_write_request(to, &t);
}

struct change {
    const struct dialect *from, *to;
    const char *in, *out;
};

static void assert_changes(const struct change *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_same_text(told(rows[i].from, rows[i].to, rows[i].in, 0), rows[i].out, rows[i].in);
}

/* --- names and what only one format has -------------------------------------------------------- */

static const struct change names[] = {
    {&dialect_openai, &dialect_openai,
     CHAT("{\"role\":\"user\",\"name\":\"ann\",\"content\":\"hi\"}", ""),
     "{\"model\":\"native\",\"messages\":[{\"role\":\"user\",\"name\":\"ann\",\"content\":\"hi\"}]"
     "}"},
    {&dialect_openai, &dialect_gemini,
     CHAT("{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"name\":\"\\u0041nn\","
          "\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://h/i.png\"}},"
          "{\"type\":\"text\",\"text\":\"hi\"},{\"type\":\"text\",\"text\":\"you\"}]}",
          ""),
     "{\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},\"contents\":[{\"role\":\"user\","
     "\"parts\":[{\"fileData\":{\"mimeType\":\"image/png\",\"fileUri\":\"https://h/i.png\"}},"
     "{\"text\":\"\\u0041nn: hi\"},{\"text\":\"you\"}]}]}"},
    {&dialect_openai, &dialect_responses,
     CHAT("{\"role\":\"user\",\"name\":\"ann\",\"content\":\"hi\"}", ""),
     "{\"model\":\"native\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{"
     "\"type\":\"input_text\",\"text\":\"ann: hi\"}]}],\"store\":false}"},
};

static void a_name_begins_the_text_where_messages_have_none(void **state)
{
    (void)state;
    assert_changes(names, COUNT_OF(names));
}

static const struct change plain_words[] = {
    /* a document of plain text */
    {&dialect_anthropic, &dialect_openai,
     MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"source\":{\"type\":"
              "\"text\",\"media_type\":\"text/plain\",\"data\":\"abc\"}},{\"type\":\"text\","
              "\"text\":\"?\"}]}",
              ""),
     "{\"model\":\"native\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
     "\"text\":\"abc\"},{\"type\":\"text\",\"text\":\"?\"}]}],\"max_tokens\":4000}"},
    /* what a provider's own tools did is left out, and the message with it where nothing is left */
    {&dialect_anthropic, &dialect_openai,
     MESSAGES(USER ",{\"role\":\"assistant\",\"content\":[{\"type\":\"server_tool_use\",\"id\":"
                   "\"s\",\"name\":\"web_search\",\"input\":{}}]}," USER,
              ""),
     "{\"model\":\"native\",\"messages\":[" USER "," USER "],\"max_tokens\":4000}"},
    /* tools of another provider, and the choice among them */
    {&dialect_anthropic, &dialect_openai,
     MESSAGES(USER, ",\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}],"
                    "\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true}"),
     "{\"model\":\"native\",\"messages\":[" USER "],\"max_tokens\":4000}"},
    {&dialect_openai, &dialect_anthropic,
     CHAT(USER, ",\"max_tokens\":4000,\"tools\":[{\"type\":\"openrouter:datetime\"}],"
                "\"tool_choice\":\"auto\""),
     SAID("")},
    /* the older form of tools */
    {&dialect_openai, &dialect_anthropic,
     CHAT(USER, ",\"max_tokens\":4000,\"functions\":[{\"name\":\"f\",\"parameters\":{}}],"
                "\"function_call\":{\"name\":\"f\"}"),
     SAID(",\"tools\":[{\"name\":\"f\",\"input_schema\":{}}],\"tool_choice\":{\"type\":\"tool\","
          "\"name\":\"f\"}")},
};

static void what_one_format_has_is_said_plainly_or_left_out(void **state)
{
    (void)state;
    assert_changes(plain_words, COUNT_OF(plain_words));
}

static void a_picture_by_its_id_is_refused_where_there_are_none(void **state)
{
    struct dialect_target t = {.model = STR("native"), .quirks = &dialect_no_quirks};
    (void)state;
    assert_int_equal(
        rig_read_request(&dialect_anthropic,
                         MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{"
                                  "\"type\":\"file\",\"file_id\":\"f\"}}]}",
                                  "")),
        ERR_OK);
    assert_int_equal(
        dialect_write_request(&dialect_openai, &rig.request, &t, &rig.room, &rig.out, &rig.fault),
        ERR_UNPROCESSABLE);
    assert_string_equal(rig.fault.message, "messages: this provider takes no images by an id");
}

static void what_matters_and_cannot_be_said_is_refused(void **state)
{
    (void)state;
    struct canon_request fitting;
    assert_int_equal(
        rig_read_request(&dialect_openai,
                         CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"new\"}]}", "")),
        ERR_OK);
    assert_int_equal(canon_adapt(&rig.request, &dialect_openai, 0, &rig.room, &fitting, &rig.fault),
                     ERR_OK);
    assert_int_equal(canon_adapt(&rig.request, &dialect_gemini, 0, &rig.room, &fitting, &rig.fault),
                     ERR_UNPROCESSABLE);
    assert_string_equal(rig.fault.message,
                        "messages: a part of a type that only the format of openai has cannot be "
                        "told to this provider");
}

/* --- what an endpoint does not take ------------------------------------------------------------ */

#define EVERYTHING                                                                                 \
    ",\"max_tokens\":4000,\"temperature\":0.5,\"top_p\":0.5,\"stop\":[\"x\"],\"tools\":[{"         \
    "\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"required\","          \
    "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}"

static const struct {
    const struct dialect *to;
    uint64_t refuses;
    const char *out;
} refusals[] = {
    {&dialect_anthropic,
     PARAM_BIT(PARAM_TOOLS) | PARAM_BIT(PARAM_TOP_P) | PARAM_BIT(PARAM_STRUCTURED_OUTPUTS),
     SAID(",\"temperature\":0.5,\"stop_sequences\":[\"x\"]")},
    {&dialect_anthropic,
     PARAM_BIT(PARAM_TOOL_CHOICE) | PARAM_BIT(PARAM_TEMPERATURE) | PARAM_BIT(PARAM_TOP_P) |
         PARAM_BIT(PARAM_STOP) | PARAM_BIT(PARAM_STRUCTURED_OUTPUTS),
     SAID(",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}]")},
    {&dialect_gemini,
     PARAM_BIT(PARAM_TOOLS) | PARAM_BIT(PARAM_TEMPERATURE) | PARAM_BIT(PARAM_STRUCTURED_OUTPUTS),
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
     "\"maxOutputTokens\":4000,\"topP\":0.5,\"stopSequences\":[\"x\"]}}"},
    {&dialect_bedrock,
     PARAM_BIT(PARAM_TOOLS) | PARAM_BIT(PARAM_TOP_P) | PARAM_BIT(PARAM_STRUCTURED_OUTPUTS),
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],\"inferenceConfig\":{"
     "\"maxTokens\":4000,\"temperature\":0.5,\"stopSequences\":[\"x\"]}}"},
};

static void an_endpoint_is_not_sent_what_it_does_not_take(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++)
        assert_same_text(
            told(&dialect_openai, refusals[i].to, CHAT(USER, EVERYTHING), refusals[i].refuses),
            refusals[i].out, "everything");
}

/* What is asked of one endpoint leaves the request as it was for the next. */
static void the_request_itself_is_not_changed(void **state)
{
    (void)state;
    struct canon_request fitting;
    assert_int_equal(
        rig_read_request(&dialect_openai,
                         CHAT("{\"role\":\"user\",\"name\":\"ann\",\"content\":\"hi\"}",
                              ",\"tools\":[{\"type\":\"x\"}],\"top_k\":1")),
        ERR_OK);
    assert_int_equal(
        canon_adapt(&rig.request, &dialect_anthropic, 0, &rig.room, &fitting, &rig.fault), ERR_OK);
    assert_str(fitting.messages->parts.first->text, "ann: hi");
    assert_null(fitting.tools);
    assert_str(rig.request.messages->parts.first->text, "hi");
    assert_non_null(rig.request.tools);
    assert_str(rig.request.values[PARAM_TOP_K], "1");
}

/* A schema that Anthropic takes is no JSON mode, which it has not. */
static void what_is_asked_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        bool is_taken;
    } rows[] = {{"{\"type\":\"json_object\"}", false},
                {"{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}", true},
                {"{\"type\":\"text\"}", true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[300];
        rig_again();
        snprintf(text, sizeof text, CHAT(USER, ",\"response_format\":%s"), rows[i].format);
        assert_int_equal(rig_read_request(&dialect_openai, text), ERR_OK);
        assert_int_equal(!(canon_asks(&rig.request) & ~dialect_anthropic.takes), rows[i].is_taken);
    }
}

/* --- the same format on both sides ------------------------------------------------------------- */

static const char *const as_said[] = {
    SAID(",\"thinking\":{\"type\":\"adaptive\",\"display\":\"omitted\"},\"temperature\":1,"
         "\"output_config\":{\"effort\":\"max\"}"),
    SAID(",\"output_config\":{\"effort\":\"low\",\"format\":{\"type\":\"json_schema\",\"schema\":{"
         "}}}"),
    SAID(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}"),
    SAID(",\"thinking\":{\"type\":\"disabled\"}"),
    SAID(",\"tools\":[{\"name\":\"f\",\"input_schema\":{},\"input_examples\":[{}]}]"),
    MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"source\":{\"type\":"
             "\"base64\",\"media_type\":\"application/pdf\",\"data\":\"AAAA\"},\"title\":\"T\","
             "\"context\":\"C\",\"citations\":{\"enabled\":true}}]},{\"role\":\"assistant\","
             "\"content\":[{\"type\":\"text\",\"text\":\"x\",\"citations\":[{\"type\":"
             "\"page_location\",\"cited_text\":\"c\"}]}]}",
             ""),
};

static void a_client_of_anthropics_format_is_passed_on_as_it_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(as_said); i++) {
        struct str sent = told(&dialect_anthropic, &dialect_anthropic, as_said[i], 0);
        char expected[1024];
        snprintf(expected, sizeof expected, "{\"model\":\"native\"%s",
                 strchr(as_said[i], ',')); /* the model is ours */
        assert_same_text(sent, expected, as_said[i]);
    }
}

/* --- reasoning --------------------------------------------------------------------------------- */

static const struct change reasoning[] = {
    /* the least that Anthropic takes */
    {&dialect_openai, &dialect_anthropic,
     CHAT(USER, ",\"max_tokens\":4000,\"reasoning\":{\"max_tokens\":500}"),
     SAID(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}")},
    /* nobody but OpenAI reads what it encrypted */
    {&dialect_responses, &dialect_anthropic,
     "{\"model\":\"m\",\"max_output_tokens\":4000,\"input\":[{\"type\":\"reasoning\",\"id\":\"rs_"
     "1\","
     "\"summary\":[],\"encrypted_content\":\"EE\"},{\"role\":\"assistant\",\"content\":\"a\"},{"
     "\"role\":"
     "\"user\",\"content\":\"b\"}]}",
     "{\"model\":\"native\",\"max_tokens\":4000,\"messages\":[{\"role\":\"assistant\",\"content\":["
     "{"
     "\"type\":\"text\",\"text\":\"a\"}]},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
     "\"text\":"
     "\"b\"}]}]}"},
    /* a number of likely tokens is nothing without logprobs elsewhere */
    {&dialect_responses, &dialect_openai, "{\"model\":\"m\",\"input\":\"hi\",\"top_logprobs\":2}",
     "{\"model\":\"native\",\"messages\":[" USER "],\"logprobs\":true,\"top_logprobs\":2}"},
    {&dialect_openai, &dialect_gemini, CHAT(USER, ",\"top_logprobs\":2,\"top_k\":0"),
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]}"},
    {&dialect_openai, &dialect_gemini,
     CHAT(USER, ",\"logprobs\":true,\"top_logprobs\":2,\"top_k\":1"),
     "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}],\"generationConfig\":{"
     "\"topK\":1,\"responseLogprobs\":true,\"logprobs\":2}}"},
    /* OpenRouter's word for a tier is no provider's */
    {&dialect_openai, &dialect_openai, CHAT(USER, ",\"service_tier\":\"fast\""),
     "{\"model\":\"native\",\"messages\":[" USER "],\"service_tier\":\"priority\"}"},
    {&dialect_openai, &dialect_bedrock, CHAT(USER, ",\"service_tier\":\"f\\u0061st\""),
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}],\"serviceTier\":{"
     "\"type\":"
     "\"priority\"}}"},
};

static void what_else_one_says_otherwise(void **state)
{
    (void)state;
    assert_changes(reasoning, COUNT_OF(reasoning));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_name_begins_the_text_where_messages_have_none, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(what_one_format_has_is_said_plainly_or_left_out, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(what_matters_and_cannot_be_said_is_refused, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(a_picture_by_its_id_is_refused_where_there_are_none, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(an_endpoint_is_not_sent_what_it_does_not_take, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(the_request_itself_is_not_changed, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(what_is_asked_is_told_apart, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(a_client_of_anthropics_format_is_passed_on_as_it_said,
                                        rig_up, rig_down),
        cmocka_unit_test_setup_teardown(what_else_one_says_otherwise, rig_up, rig_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
