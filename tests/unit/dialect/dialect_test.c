/* What one provider refuses is kept from it in every format. */
#include "unit/dialect/rig.h"

#include "dialect/openai.h"
#include "dialect/openai_form.h"

#include <stdio.h>

#define ASKED                                                                                      \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_tokens\":4000,"  \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":%s,"        \
    "\"parallel_tool_calls\":false,\"temperature\":0.5,\"top_p\":0.9,\"seed\":7,\"stop\":[\"E\"]," \
    "\"reasoning\":{\"effort\":\"low\"},\"response_format\":{\"type\":\"json_schema\","            \
    "\"json_schema\":{\"name\":\"s\",\"schema\":{\"type\":\"object\"}}}}"

static const char *const formats[] = {"openai", "responses", "anthropic", "gemini", "bedrock"};

static struct str written(const char *format, const char *choice,
                          const struct dialect_quirks *quirks)
{
    static char text[2048];
    struct dialect_target target = {
        .model = STR("anthropic.m"), .max_tokens = 4000, .quirks = quirks};
    snprintf(text, sizeof text, ASKED, choice);
    rig_again();
    if (rig_read_request(&dialect_openai, text) != ERR_OK)
        fail_msg("%s", rig.fault.message);
    return rig_write_request(dialect_find(str_c(format)), &target);
}

static bool has(struct str text, const char *word)
{
    return str_find(text, str_c(word)) < text.n;
}

/* By format, a word that stands where a parameter is said; NULL: it cannot be said, or not so. */
static const struct {
    enum canon_param param;
    const char *words[COUNT_OF(formats)];
} said[] = {
    {PARAM_TEMPERATURE, {"\"temperature\"", "\"temperature\"", NULL, "\"temperature\"", NULL}},
    {PARAM_SEED, {"\"seed\"", NULL, NULL, "\"seed\"", NULL}},
    {PARAM_STOP,
     {"\"stop\"", NULL, "\"stop_sequences\"", "\"stopSequences\"", "\"stopSequences\""}},
    {PARAM_TOOLS, {"\"tools\"", "\"tools\"", "\"tools\"", "\"tools\"", "\"toolConfig\""}},
    {PARAM_TOOL_CHOICE,
     {"\"tool_choice\"", "\"tool_choice\"", NULL, "\"functionCallingConfig\"", "\"toolChoice\""}},
    {PARAM_PARALLEL_TOOL_CALLS,
     {"\"parallel_tool_calls\"", "\"parallel_tool_calls\"", "\"disable_parallel_tool_use\"", NULL,
      NULL}},
    {PARAM_RESPONSE_FORMAT,
     {"\"response_format\"", "\"format\"", "\"output_config\"", "\"responseMimeType\"",
      "\"outputConfig\""}},
    {PARAM_STRUCTURED_OUTPUTS,
     {"\"json_schema\"", "\"json_schema\"", "\"output_config\"", "\"responseMimeType\"",
      "\"outputConfig\""}},
    {PARAM_REASONING,
     {"\"reasoning_effort\"", "\"reasoning\"", "\"thinking\"", "\"thinkingConfig\"",
      "\"thinking\""}},
};

static void a_parameter_that_is_refused_is_left_out_in_every_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        for (size_t k = 0; k < COUNT_OF(formats); k++) {
            const char *word = said[i].words[k];
            struct dialect_quirks none = dialect_no_quirks, refuses = dialect_no_quirks;
            refuses.refuses = PARAM_BIT(said[i].param);
            if (!word)
                continue;
            if (!has(written(formats[k], "\"auto\"", &none), word))
                fail_msg("%s: no %s in %.*s", formats[k], word, STR_ARG(buf_view(&rig.out)));
            if (has(written(formats[k], "\"auto\"", &refuses), word))
                fail_msg("%s: %s in %.*s", formats[k], word, STR_ARG(buf_view(&rig.out)));
        }
    }
}

/* Their only place to say so. */
static void values_beside_reasoning_are_left_out_too(void **state)
{
    (void)state;
    struct dialect_quirks q = dialect_no_quirks;
    q.refuses = PARAM_BIT(PARAM_REASONING);
    assert_true(has(written("anthropic", "\"auto\"", &q), "\"temperature\""));
    q.refuses |= PARAM_BIT(PARAM_TEMPERATURE);
    assert_false(has(written("anthropic", "\"auto\"", &q), "\"temperature\""));
    assert_true(has(buf_view(&rig.out), "\"top_p\""));
}

#define ONE "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"

static void a_choice_of_tools_that_is_refused_is_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *choice;
        bool required, named, is_kept;
    } cases[] = {
        {"\"required\"", true, false, false},
        {"\"required\"", false, true, true},
        {ONE, false, true, false},
        {ONE, true, false, true},
        {"\"auto\"", true, true, true},
        {"\"none\"", true, true, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct dialect_quirks q = dialect_no_quirks;
        q.refuses_required = cases[i].required;
        q.refuses_named = cases[i].named;
        assert_int_equal(has(written("openai", cases[i].choice, &q), "\"tool_choice\""),
                         cases[i].is_kept);
        assert_int_equal(has(written("gemini", cases[i].choice, &q), "\"functionCallingConfig\""),
                         cases[i].is_kept);
        assert_int_equal(dialect_refuses_choice(&q, &rig.request), !cases[i].is_kept);
        assert_true(has(written("anthropic", cases[i].choice, &q), "\"tools\""));
        assert_int_equal(has(buf_view(&rig.out), "\"any\"") || has(buf_view(&rig.out), "\"tool\""),
                         cases[i].is_kept && cases[i].choice[1] != 'a' &&
                             cases[i].choice[1] != 'n');
    }
}

static void the_openai_form_has_the_providers_names(void **state)
{
    (void)state;
    struct openai_rules rules = {
        .renames = {{.from = STR("seed"), .to = STR("random_seed")},
                    {.from = STR("max_tokens"), .to = STR("max_completion_tokens")},
                    {.from = STR("reasoning"),
                     .member = STR("effort"),
                     .to = STR("reasoning_effort")}},
        .renames_n = 3,
    };
    struct dialect_quirks q = dialect_no_quirks;
    q.rules = &rules;
    struct str text = written("openai", "\"auto\"", &q);
    assert_true(has(text, "\"random_seed\":7") && !has(text, "\"seed\""));
    assert_true(has(text, "\"max_completion_tokens\":4000") && !has(text, "\"max_tokens\""));
    assert_true(has(text, "\"reasoning_effort\":\"low\""));
}

static void usage_of_a_stream_is_asked_for_where_that_is_taken(void **state)
{
    (void)state;
    struct openai_rules rules = {.has_no_stream_options = false};
    struct dialect_quirks q = dialect_no_quirks;
    struct dialect_target t = {.model = STR("m"), .is_streamed = true, .quirks = &q};
    q.rules = &rules;
    written("openai", "\"auto\"", &q);
    assert_true(has(rig_write_request(&dialect_openai, &t), "\"stream_options\""));
    rules.has_no_stream_options = true;
    assert_false(has(rig_write_request(&dialect_openai, &t), "\"stream_options\""));
    assert_true(has(buf_view(&rig.out), "\"stream\":true"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parameter_that_is_refused_is_left_out_in_every_format),
        cmocka_unit_test(values_beside_reasoning_are_left_out_too),
        cmocka_unit_test(a_choice_of_tools_that_is_refused_is_left_out),
        cmocka_unit_test(the_openai_form_has_the_providers_names),
        cmocka_unit_test(usage_of_a_stream_is_asked_for_where_that_is_taken),
    };
    return cmocka_run_group_tests(tests, rig_up, rig_down);
}
