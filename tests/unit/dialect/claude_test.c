#include "unit/dialect/rig.h"

#include "dialect/anthropic.h"
#include "dialect/bedrock.h"
#include "dialect/claude.h"
#include "dialect/openai_form.h"

#include <stdio.h>

static void a_model_is_known_by_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        bool has_one_sampler, is_adaptive;
    } rows[] = {
        {"claude-3-7-sonnet-latest", false, false},
        {"claude-3-5-sonnet-20241022", false, false},
        {"claude-sonnet-4-20250514", false, false},
        {"claude-opus-4-20250514", false, false},
        {"claude-opus-4-1-20250805", true, false},
        {"claude-sonnet-4-5-20250929", true, false},
        {"us.anthropic.claude-haiku-4-5-20251001-v1:0", true, false},
        {"claude-opus-4.6", true, false},
        {"anthropic.claude-opus-4-6-v1", true, false},
        {"claude-opus-4-7", true, true},
        {"anthropic/claude-opus-4.8", true, true},
        {"claude-sonnet-5", true, true},
        {"claude-sonnet-5-20270101", true, true},
        {"claude-mythos-preview", false, true},
        {"claude-x", false, false},
        {"claude-", false, false},
        {"", false, false},
        {"gpt-5", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct claude c = claude_of(str_c(rows[i].model));
        if (c.has_one_sampler != rows[i].has_one_sampler || c.is_adaptive != rows[i].is_adaptive)
            fail_msg("%s: %d %d", rows[i].model, c.has_one_sampler, c.is_adaptive);
    }
}

#define ASKED(more)                                                                                \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]" more "}"
#define SAMPLED ",\"temperature\":0.5,\"top_p\":0.9,\"top_k\":44"
#define FORCED                                                                                     \
    ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":"          \
    "\"required\""
#define THINKS_SHOWN "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"}"

/* What is there of a request, and what is not. */
static void models_are_asked_what_they_take(void **state)
{
    (void)state;
    static const struct {
        const char *model, *asked;
        const char *has[3], *lacks[4];
    } rows[] = {
        {"claude-3-7-sonnet-latest", ASKED(SAMPLED), {"0.5", "0.9", ":44"}, {"thinking"}},
        {"claude-sonnet-4-5", ASKED(SAMPLED), {"0.5", ":44"}, {"0.9"}},
        {"claude-sonnet-4-5", ASKED(",\"top_p\":0.9"), {"0.9"}, {NULL}},
        {"claude-opus-4-7", ASKED(SAMPLED), {NULL}, {"0.5", "0.9", ":44", "thinking"}},
        {"claude-opus-4-7",
         ASKED(SAMPLED ",\"reasoning\":{\"effort\":\"high\"}"),
         {THINKS_SHOWN, "\"output_config\":{\"effort\":\"high\"}"},
         {"0.5", "0.9", ":44", "budget"}},
        {"claude-opus-4-7",
         ASKED(",\"reasoning\":{\"effort\":\"minimal\",\"exclude\":true}"),
         {"\"thinking\":{\"type\":\"adaptive\"}", "\"effort\":\"low\""},
         {"display"}},
        {"claude-opus-4-7",
         ASKED(",\"reasoning\":{\"max_tokens\":3277}"),
         {THINKS_SHOWN, "\"effort\":\"xhigh\""},
         {"budget"}},
        {"claude-opus-4-7",
         ASKED(",\"reasoning\":{\"enabled\":true}"),
         {"\"effort\":\"medium\""},
         {NULL}},
        {"claude-opus-4-7",
         ASKED(",\"reasoning\":{\"effort\":\"none\"}"),
         {NULL},
         {"thinking", "effort"}},
        {"claude-opus-4-7",
         ASKED(FORCED ",\"reasoning\":{\"effort\":\"high\"}"),
         {NULL},
         {"thinking", "effort"}},
    };
    static const struct dialect *const to[] = {&dialect_anthropic, &dialect_bedrock};
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        char model[80];
        snprintf(model, sizeof model, "anthropic.%s", rows[i / 2].model);
        struct dialect_target t = {
            .model = str_c(model), .max_tokens = 4096, .quirks = &dialect_no_quirks};
        rig_again();
        assert_int_equal(rig_read_request(&dialect_openai, rows[i / 2].asked), ERR_OK);
        struct str sent = rig_write_request(to[i % 2], &t);
        for (size_t k = 0; k < 3 && rows[i / 2].has[k]; k++)
            if (str_find(sent, str_c(rows[i / 2].has[k])) == sent.n)
                fail_msg("no %s in %.*s", rows[i / 2].has[k], STR_ARG(sent));
        for (size_t k = 0; k < 4 && rows[i / 2].lacks[k]; k++)
            if (str_find(sent, str_c(rows[i / 2].lacks[k])) < sent.n)
                fail_msg("%s in %.*s", rows[i / 2].lacks[k], STR_ARG(sent));
    }
}

/* A client of Anthropic's own format is told apart from models that have another mind. */
static void a_budget_of_a_client_is_no_error_of_a_model_without(void **state)
{
    (void)state;
    struct dialect_target t = {
        .model = STR("claude-opus-4-7"), .max_tokens = 4096, .quirks = &dialect_no_quirks};
    assert_int_equal(
        rig_read_request(&dialect_anthropic,
                         "{\"model\":\"m\",\"max_tokens\":4096,\"messages\":[{\"role\":\"user\","
                         "\"content\":\"hi\"}],\"thinking\":{\"type\":\"enabled\","
                         "\"budget_tokens\":2000}}"),
        ERR_OK);
    struct str sent = rig_write_request(&dialect_anthropic, &t);
    assert_true(str_find(sent, STR("\"type\":\"adaptive\"")) < sent.n);
    assert_true(str_find(sent, STR("budget")) == sent.n);
}

static void ids_of_others_are_such_as_it_takes(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *written;
    } rows[] = {
        {"toolu_01-A", "{\"id\":\"toolu_01-A\"}"},
        {"functions.f:0", "{\"id\":\"functions_f_0_4be0e962e9dcd7b8\"}"},
        {"", "{\"id\":\"_cbf29ce484222325\"}"},
    };
    char longer[66];
    memset(longer, 'a', 65);
    longer[65] = '\0';
    assert_false(claude_is_id(str_c(longer)) || claude_is_id(STR("a.b")) || claude_is_id(STR("")));
    assert_true(claude_is_id(str_c(longer + 1)));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_writer w;
        rig_again();
        json_writer_init(&w, &rig.out);
        jw_object(&w, NULL);
        claude_write_id(&w, "id", str_c(rows[i].raw));
        assert_int_equal(jw_finish(&w), ERR_OK);
        assert_same_text(buf_view(&rig.out), rows[i].written, rows[i].raw);
    }
}

#define CALLS                                                                                      \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":"             \
    "\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a.b\",\"type\":\"function\","        \
    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"a:b\",\"type\":\"function\","   \
    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":"   \
    "\"a:b\",\"content\":\"2\"},{\"role\":\"tool\",\"tool_call_id\":\"a.b\",\"content\":\"1\"}]}"
#define CALLED                                                                                     \
    "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{"     \
    "\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a.b\",\"name\":\"f\","    \
    "\"input\":{}},{\"type\":\"tool_use\",\"id\":\"a:b\",\"name\":\"f\",\"input\":{}}]},{"         \
    "\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"a:b\","            \
    "\"content\":\"2\"},{\"type\":\"tool_result\",\"tool_use_id\":\"a.b\",\"content\":\"1\"}]}]}"

static unsigned count(struct str text, struct str word)
{
    unsigned n = 0;
    for (size_t at; (at = str_find(text, word)) < text.n; n++)
        text = str_skip(text, at + word.n);
    return n;
}

static void calls_and_their_results_stay_together(void **state)
{
    (void)state;
    static const struct {
        const struct dialect *from, *to;
        const char *asked;
    } rows[] = {
        {&dialect_openai, &dialect_anthropic, CALLS},
        {&dialect_openai, &dialect_bedrock, CALLS},
        {&dialect_anthropic, &dialect_anthropic, CALLED},
        {&dialect_anthropic, &dialect_bedrock, CALLED},
    };
    struct dialect_target t = {.model = STR("m"), .quirks = &dialect_no_quirks};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rig_again();
        assert_int_equal(rig_read_request(rows[i].from, rows[i].asked), ERR_OK);
        struct str sent = rig_write_request(rows[i].to, &t);
        if (count(sent, STR("\"a_b_")) != 4 || count(sent, STR("a.b")) || count(sent, STR("a:b")))
            fail_msg("%.*s", STR_ARG(sent));
        size_t first = str_find(sent, STR("\"a_b_"));
        struct str id = str_of(sent.p + first, strlen("\"a_b_0123456789abcdef\""));
        assert_int_equal(count(sent, id), 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_known_by_its_name),
        cmocka_unit_test_setup_teardown(models_are_asked_what_they_take, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(a_budget_of_a_client_is_no_error_of_a_model_without, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(ids_of_others_are_such_as_it_takes, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(calls_and_their_results_stay_together, rig_up, rig_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
