/* What parameters must be, in each format that clients speak. For chats more rows are in chat_test.c. */
#include "unit/dialect/rig.h"

#include <stdio.h>

#include "dialect/anthropic.h"
#include "dialect/member.h"
#include "dialect/openai_form.h"
#include "dialect/responses.h"

#define CHAT(more) "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" more "}"
#define MESSAGES(more)                                                                             \
    "{\"model\":\"m\",\"max_tokens\":4000,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}"    \
    "]" more "}"
#define RESPONSES(more) "{\"model\":\"m\",\"input\":\"hi\"" more "}"

struct wrong {
    const char *text, *sentence;
};

static void assert_refused(const struct dialect *d, const struct wrong *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rig_again();
        enum err e = rig_read_request(d, rows[i].text);
        if (e != ERR_INVALID || strcmp(rig.fault.message, rows[i].sentence) != 0)
            fail_msg("%s\ngot      %s %s\nexpected %s", rows[i].text, err_name(e),
                     rig.fault.message, rows[i].sentence);
    }
}

static void assert_accepted(const struct dialect *d, const char *const *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rig_again();
        if (rig_read_request(d, rows[i]) != ERR_OK)
            fail_msg("%s\n%s", rows[i], rig.fault.message);
    }
}

/* --- messages --------------------------------------------------------------------------------- */

static const struct wrong wrong_messages[] = {
    {MESSAGES(",\"temperature\":1.5"),
     "temperature: expected a number from 0 to 1, got a number outside of that"},
    {MESSAGES(",\"temperature\":3"),
     "temperature: expected a number from 0 to 1, got a number outside of that"},
    {MESSAGES(",\"temperature\":\"x\""),
     "temperature: expected a number from 0 to 1, got a string"},
    {MESSAGES(",\"top_p\":2"),
     "top_p: expected a number from 0 to 1, got a number outside of that"},
    {MESSAGES(",\"top_k\":1.5"),
     "top_k: expected a whole number from 0 to 1000000000, got a number outside of that"},
    {MESSAGES(",\"stop_sequences\":\"x\""),
     "stop_sequences: expected an array of strings, got a string"},
    {MESSAGES(",\"stop_sequences\":[1]"), "stop_sequences[0]: expected a string, got a number"},
    {MESSAGES(",\"service_tier\":\"flex\""),
     "service_tier: expected auto or standard_only, got another word"},
    {MESSAGES(",\"metadata\":[]"), "metadata: expected an object, got an array"},
    {MESSAGES(",\"metadata\":{\"user_id\":1}"),
     "metadata.user_id: expected a string, got a number"},
    {MESSAGES(",\"user\":1"), "user: expected a string, got a number"},
    {MESSAGES(",\"user\":\"a\",\"metadata\":{\"user_id\":\"b\"}"),
     "user and metadata.user_id contradict each other: send one of them"},
    {MESSAGES(",\"models\":[\"a\"],\"fallbacks\":[]"),
     "models and fallbacks contradict each other: send one of them"},
    {MESSAGES(",\"models\":\"a\""), "models: expected an array, got a string"},
    {MESSAGES(",\"fallbacks\":\"a\""), "fallbacks: expected an array, got a string"},
    {MESSAGES(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4000}"),
     "thinking.budget_tokens and max_tokens contradict each other: the former must be less than "
     "the "
     "latter, of which it is a part"},
    {MESSAGES(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1000}"),
     "thinking.budget_tokens: expected a whole number of at least 1024, got a number"},
    {MESSAGES(",\"cache_control\":{\"type\":\"forever\"}"),
     "cache_control.type: expected ephemeral, got another word"},
    {MESSAGES(",\"plugins\":{}"), "plugins: expected an array, got an object"},
    {MESSAGES(",\"session_id\":1"), "session_id: expected a string, got a number"},
    {MESSAGES(",\"max_tool_calls\":0"),
     "max_tool_calls: expected a whole number from 1 to 30, got a number outside of that"},
};

static const char *const right_messages[] = {
    MESSAGES(",\"temperature\":1,\"top_p\":1,\"top_k\":0,\"service_tier\":\"standard_only\""),
    MESSAGES(",\"temperature\":null,\"metadata\":null,\"user\":null,\"service_tier\":null"),
    MESSAGES(",\"user\":\"a\",\"metadata\":{\"user_id\":\"a\"}"),
    MESSAGES(",\"stop_sequences\":[\"1\",\"2\",\"3\",\"4\",\"5\"]"), /* no bound is stated there */
    MESSAGES(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3999}"),
};

static void parameters_of_messages(void **state)
{
    (void)state;
    assert_refused(&dialect_anthropic, wrong_messages, COUNT_OF(wrong_messages));
    assert_accepted(&dialect_anthropic, right_messages, COUNT_OF(right_messages));
}

/* --- responses -------------------------------------------------------------------------------- */

static const struct wrong wrong_responses[] = {
    {RESPONSES(",\"temperature\":2.5"),
     "temperature: expected a number from 0 to 2, got a number outside of that"},
    {RESPONSES(",\"top_p\":2"),
     "top_p: expected a number from 0 to 1, got a number outside of that"},
    {RESPONSES(",\"top_logprobs\":21"),
     "top_logprobs: expected a whole number from 0 to 20, got a number outside of that"},
    {RESPONSES(",\"presence_penalty\":-3"),
     "presence_penalty: expected a number from -2 to 2, got a number outside of that"},
    {RESPONSES(",\"service_tier\":\"gold\""),
     "service_tier: expected auto, default, fast, flex, priority or scale, got another word"},
    {RESPONSES(",\"metadata\":{\"a\":{}}"),
     "metadata: expected values that are strings of at most 512 characters, got an object"},
    {RESPONSES(",\"modalities\":[\"taste\"]"),
     "modalities[0]: expected text, image or audio, got another word"},
    {RESPONSES(",\"text\":{\"verbosity\":\"loud\"}"),
     "text.verbosity: expected low, medium, high, xhigh or max, got another word"},
    {RESPONSES(",\"truncation\":\"middle\""),
     "truncation: expected auto or disabled, got another word"},
    {RESPONSES(",\"include\":[1]"), "include[0]: expected a string, got a number"},
    {RESPONSES(",\"max_tool_calls\":\"x\""),
     "max_tool_calls: expected a whole number from 1 to 30, got a string"},
    {RESPONSES(",\"reasoning\":{\"effort\":\"low\",\"max_tokens\":2000}"),
     "reasoning.effort and reasoning.max_tokens contradict each other: send one of them"},
    {RESPONSES(",\"reasoning\":{\"effort\":\"low\",\"enabled\":false}"),
     "reasoning.effort and reasoning.enabled contradict each other: send one of them"},
    {RESPONSES(",\"reasoning\":{\"max_tokens\":2000},\"max_output_tokens\":2000"),
     "reasoning.max_tokens and max_output_tokens contradict each other: the former must be less "
     "than the latter, of which it is a part"},
    {RESPONSES(",\"reasoning\":{\"summary\":1}"),
     "reasoning.summary: expected auto, concise or detailed, got a number"},
    {RESPONSES(",\"cache_control\":1"), "cache_control: expected an object, got a number"},
    {RESPONSES(",\"trace\":1"), "trace: expected an object, got a number"},
};

static const char *const right_responses[] = {
    RESPONSES(",\"temperature\":2,\"truncation\":\"auto\",\"include\":[],\"max_tool_calls\":30"),
    RESPONSES(",\"reasoning\":{\"effort\":\"xhigh\",\"summary\":\"auto\",\"mode\":\"pro\"}"),
    RESPONSES(",\"reasoning\":{\"effort\":null,\"max_tokens\":2000},\"max_output_tokens\":2001"),
    RESPONSES(",\"reasoning\":null,\"text\":null,\"include\":null,\"truncation\":null"),
};

static void parameters_of_responses(void **state)
{
    (void)state;
    assert_refused(&dialect_responses, wrong_responses, COUNT_OF(wrong_responses));
    assert_accepted(&dialect_responses, right_responses, COUNT_OF(right_responses));
}

/* --- chats ------------------------------------------------------------------------------------ */

static void parameters_of_chats(void **state)
{
    (void)state;
    static const struct wrong rows[] = {
        {CHAT(",\"verbosity\":1"),
         "verbosity: expected low, medium, high, xhigh or max, got a number"},
        {CHAT(",\"reasoning\":{\"effort\":\"low\",\"max_tokens\":2000}"),
         "reasoning.effort and reasoning.max_tokens contradict each other: send one of them"},
    };
    assert_refused(&dialect_openai, rows, COUNT_OF(rows));
}

/* The look-up goes by length: every row must be found, and nothing else. */
static void every_member_is_found_by_its_name(void **state)
{
    (void)state;
    const struct member *m;
    for (unsigned i = 0; (m = member_at(i)); i++) {
        assert_ptr_equal(member_find(m->name), m);
        assert_int_equal(member_bit(m), UINT64_C(1) << i);
        char other[64];
        int n = snprintf(other, sizeof other, "%.*s", STR_ARG(m->name));
        other[n - 1] = '?';
        assert_null(member_find(str_c(other)));
    }
    assert_null(member_find(STR("a_name_that_is_much_longer_than_all")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parameters_of_messages, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(parameters_of_responses, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(parameters_of_chats, rig_up, rig_down),
        cmocka_unit_test(every_member_is_found_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
