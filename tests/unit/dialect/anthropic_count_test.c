/* Requests whose tokens are only counted: what they need and what they need not. */
#include "unit/dialect/rig.h"

#include <stdio.h>

#include "dialect/anthropic.h"

#define ASK "\"model\":\"a/b\",\"messages\":[{\"role\":\"user\",\"content\":\"12345678\"}]"

static uint64_t bytes_of(const char *text)
{
    rig_again();
    if (rig_read_request(&dialect_anthropic_count, text) != ERR_OK)
        fail_msg("%s: %s", text, rig.fault.message);
    return rig.request.facts.text.bytes;
}

static void what_is_counted_needs_no_bound_of_output(void **state)
{
    (void)state;
    assert_int_equal(bytes_of("{" ASK "}"), 8);
    assert_int_equal(bytes_of("{" ASK ",\"max_tokens\":null}"), 8);
    assert_int_equal(bytes_of("{" ASK ",\"max_tokens\":5}"), 8);
    assert_int_equal(rig.request.facts.max_tokens, 5);
    rig_again();
    assert_int_equal(rig_read_request(&dialect_anthropic, "{" ASK "}"), ERR_INVALID);
}

static void system_prompts_and_tools_count_too(void **state)
{
    (void)state;
    static const char tool[] = "{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}";
    char text[512];
    assert_int_equal(bytes_of("{" ASK ",\"system\":\"1234\"}"), 12);
    snprintf(text, sizeof text, "{" ASK ",\"tools\":[%s]}", tool);
    assert_int_equal(bytes_of(text), 8 + strlen(tool));
}

static void what_makes_no_sense_is_refused_as_ever(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"{" ASK ",\"max_tokens\":0}",
         "max_tokens: expected a whole number of at least 1, got a number outside of that"},
        {"{\"messages\":[]}", "model: expected the name of a model, got nothing"},
        {"{\"model\":\"a/b\",\"messages\":[]}",
         "messages: expected an array of at least one message, got an empty array"},
        {"{\"model\":\"a/b\",\"messages\":[{\"role\":\"king\",\"content\":\"x\"}]}",
         "messages[0].role: expected user or assistant, got another word"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig_again();
        assert_int_equal(rig_read_request(&dialect_anthropic_count, rows[i].text), ERR_INVALID);
        assert_string_equal(rig.fault.message, rows[i].sentence);
    }
}

static void a_count_is_told_as_anthropic_tells_it(void **state)
{
    (void)state;
    assert_int_equal(dialect_anthropic_count.write_count(2095, &rig.out), ERR_OK);
    assert_same_text(buf_view(&rig.out), "{\"input_tokens\":2095}", "2095");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_counted_needs_no_bound_of_output),
        TEST(system_prompts_and_tools_count_too),
        TEST(what_makes_no_sense_is_refused_as_ever),
        TEST(a_count_is_told_as_anthropic_tells_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
