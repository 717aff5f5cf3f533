/* Anthropic's messages: what other providers signed or encrypted goes through them and back whole. */
#include "unit/dialect/rig.h"

#include <stdio.h>

#include "dialect/anthropic.h"
#include "dialect/gemini.h"
#include "dialect/openai_form.h"

/* --- back from the client ----------------------------------------------------------------------- */

#define ASKS(block)                                                                                \
    "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"assistant\",\"content\":[" block  \
    "]}]}"
#define THINKS(signature)                                                                          \
    ASKS("{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"" signature "\"}")
#define HIDES(data) ASKS("{\"type\":\"redacted_thinking\",\"data\":\"" data "\"}")

static void reasoning_is_of_whom_its_mark_names(void **state)
{
    (void)state;
    static const struct {
        const char *body, *format, *id, *own; /* own: the signature, or the data */
    } rows[] = {
        {THINKS("QUJD"), "anthropic-claude-v1", "", "QUJD"},
        {THINKS("google-gemini-v1:0:QUJD"), "google-gemini-v1", "", "QUJD"},
        {THINKS(""), "", "", ""},
        {HIDES("QUJD"), "anthropic-claude-v1", "", "QUJD"},
        {HIDES("google-gemini-v1:6:call:1QUJD"), "google-gemini-v1", "call:1", "QUJD"},
        {HIDES("google-gemini-v1:0:Q:UJD"), "google-gemini-v1", "", "Q:UJD"},
        {HIDES("x:99:short"), "anthropic-claude-v1", "", "x:99:short"},
        {HIDES("x:y:short"), "anthropic-claude-v1", "", "x:y:short"},
        {HIDES(":1:short"), "anthropic-claude-v1", "", ":1:short"},
        {HIDES("x:1"), "anthropic-claude-v1", "", "x:1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(rig_read_request(&dialect_anthropic, rows[i].body), ERR_OK);
        const struct canon_reasoning *x = &rig.request.messages->parts.first->reasoning;
        bool is_hidden = x->kind == CANON_REASONING_ENCRYPTED;
        assert_str(x->format, rows[i].format);
        assert_str(x->id, rows[i].id);
        assert_str(is_hidden ? x->data : x->signature, rows[i].own);
        rig_again();
    }
}

/* A message of which nothing can be told is not there: empty ones are refused. */
static void no_message_is_empty(void **state)
{
    static const struct dialect_target t = {.model = STR_INIT("m"), .quirks = &dialect_no_quirks};
    static const char asked[] =
        "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{"
        "\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"t\"},{\"role\":\"user\","
        "\"content\":"
        "\"yo\"}]}";
    (void)state;
    assert_int_equal(rig_read_request(&dialect_openai, asked), ERR_OK);
    struct str out = rig_write_request(&dialect_anthropic, &t);
    assert_true(str_find(out, STR("\"content\":[]")) == out.n);
    assert_true(str_find(out, STR("assistant")) == out.n);
}

/* --- to the client ------------------------------------------------------------------------------ */

static void expect_told(const struct dialect *from, const char *answer, const char *const *parts,
                        bool is_streamed)
{
    rig_begin_answer(from, is_streamed ? &dialect_anthropic : NULL);
    if (is_streamed)
        assert_int_equal(rig_feed("", answer), ERR_OK);
    else
        assert_int_equal(rig_read_whole(answer), ERR_OK);
    struct str told = is_streamed ? rig_finish_stream() : rig_write_whole(&dialect_anthropic);
    for (; *parts; parts++) {
        if (str_find(told, str_c(*parts)) == told.n)
            fail_msg("no %s in %.*s", *parts, STR_ARG(told));
    }
    rig_again();
}

static void reasoning_of_others_is_marked(void **state)
{
    (void)state;
    static const char answer[] =
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":true,"
        "\"thoughtSignature\":\"QUJD\"},{\"functionCall\":{\"id\":\"call-1\",\"name\":\"f\","
        "\"args\":{}},"
        "\"thoughtSignature\":\"REVG\"}]},\"finishReason\":\"STOP\",\"index\":0}]}";
    static const char *const parts[] = {"\"signature\":\"google-gemini-v1:0:QUJD\"",
                                        "\"data\":\"google-gemini-v1:6:call-1REVG\"", NULL};
    expect_told(&dialect_gemini, answer, parts, false);
    expect_told(&dialect_gemini, answer, parts, true);
}

static void reasoning_of_its_own_is_not(void **state)
{
    (void)state;
    static const char *const parts[] = {"\"signature\":\"QUJD\"", "\"data\":\"REVG\"", NULL};
    expect_told(
        &dialect_anthropic,
        "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
        "\"thinking\":\"hm\",\"signature\":\"QUJD\"},{\"type\":\"redacted_thinking\",\"data\":"
        "\"REVG\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":1,"
        "\"output_tokens\":1}}",
        parts, false);
}

/* No stop reason says that the provider gave up: a stream must not end as if whole. */
static void expect_next(struct str *rest, const char *wanted)
{
    size_t at = str_find(*rest, str_c(wanted));
    if (at == rest->n)
        fail_msg("no %s in %.*s", wanted, STR_ARG(buf_view(&rig.out)));
    *rest = str_skip(*rest, at);
}

static void a_text_that_goes_on_after_a_thought_is_another_block(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_openai, &dialect_anthropic);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rig_feed("", "{\"choices\":[{\"delta\":{\"content\":\"said\"}}]}"),
                         ERR_OK);
        assert_int_equal(rig_feed("", "{\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}"),
                         ERR_OK);
    }
    struct str rest = buf_view(&rig.out);
    for (int i = 0; i < 4; i++) {
        char wanted[120];
        const char *type = i % 2 ? "thinking" : "text";
        snprintf(wanted, sizeof wanted, "_start\",\"index\":%d,\"content_block\":{\"type\":\"%s\"",
                 i, type);
        expect_next(&rest, wanted);
        snprintf(wanted, sizeof wanted, "\"index\":%d,\"delta\":{\"type\":\"%s_delta\"", i, type);
        expect_next(&rest, wanted);
        snprintf(wanted, sizeof wanted, "_stop\",\"index\":%d}", i);
        if (i < 3)
            expect_next(&rest, wanted);
    }
}

#define DELTA(index, delta)                                                                        \
    "{\"type\":\"content_block_delta\",\"index\":" index ",\"delta\":" delta "}"

static void a_block_is_what_it_says(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_anthropic, NULL);
    assert_int_equal(rig_feed("", "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
                                  "{\"type\":\"thinking\",\"thinking\":\"hm\"}}"),
                     ERR_OK);
    assert_int_equal(rig_feed("", DELTA("0", "{\"type\":\"text_delta\",\"text\":\"said\"}")),
                     ERR_OK);
    assert_int_equal(canon_next(rig.kept.first, EVENT_REASONING, 0)->event.block, 0);
    assert_int_equal(canon_next(rig.kept.first, EVENT_TEXT, 0)->event.block, 1);
    assert_int_equal(
        rig_feed("", DELTA("1", "{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}")),
        ERR_UPSTREAM);
    assert_string_equal(rig.fault.message,
                        "The provider sent a piece of something that never began");
    assert_int_equal(rig_feed("", DELTA("\"1\"", "{}")), ERR_UPSTREAM);
    assert_string_equal(rig.fault.message,
                        "The provider's answer is not as it should be: index: expected a whole "
                        "number from 0 to 4294967295, got a string");
}

static void a_stream_that_ended_with_an_error_has_no_stop(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_gemini, &dialect_anthropic);
    assert_int_equal(
        rig_feed("",
                 "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":"
                 "\"MALFORMED_FUNCTION_CALL\"}]}"),
        ERR_OK);
    struct str told = rig_finish_stream();
    static const char end[] =
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":"
        "\"The provider ended its answer with an error\",\"error_type\":\"provider_unavailable\"},"
        "\"request_id\":null}\n\n";
    if (!str_ends(told, str_c(end)))
        fail_msg("%.*s", STR_ARG(told));
}

/* --- to the provider ---------------------------------------------------------------------------- */

#define CALL                                                                                       \
    "\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","            \
    "\"arguments\":\"{}\"}}]"
#define SIGNED                                                                                     \
    "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\",\"signature\":\"QUJD\","  \
    "\"format\":"                                                                                  \
    "\"anthropic-claude-v1\"}],"
#define RESULT "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"1\"}"
#define REASONS(messages)                                                                          \
    "{\"model\":\"m\",\"reasoning\":{\"effort\":\"low\"},\"messages\":[" messages                  \
    "],\"tools\":[{\"type\":"                                                                      \
    "\"function\",\"function\":{\"name\":\"f\"}}]}"

/* Without it the provider refuses the request. */
static void who_does_not_give_the_thought_before_a_call_back_goes_on_without(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        bool thinks;
    } rows[] = {
        {REASONS("{\"role\":\"user\",\"content\":\"a\"}"), true},
        {REASONS("{\"role\":\"assistant\"," SIGNED CALL "}," RESULT), true},
        {REASONS("{\"role\":\"assistant\"," CALL "}," RESULT), false},
        {REASONS("{\"role\":\"assistant\",\"content\":\"a\"," CALL "}," RESULT), false},
        {REASONS("{\"role\":\"assistant\"," CALL "}," RESULT
                 ",{\"role\":\"user\",\"content\":\"b\"}"),
         false},
        {REASONS("{\"role\":\"assistant\"," CALL "}," RESULT
                 ",{\"role\":\"assistant\",\"content\":\"a\"},"
                 "{\"role\":\"user\",\"content\":\"b\"}"),
         true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct dialect_target t = {
            .model = STR("m"), .max_tokens = 4096, .quirks = &dialect_no_quirks};
        assert_int_equal(rig_read_request(&dialect_openai, rows[i].body), ERR_OK);
        struct str sent = rig_write_request(&dialect_anthropic, &t);
        bool thinks = str_find(sent, STR("\"budget_tokens\"")) < sent.n;
        if (thinks != rows[i].thinks)
            fail_msg("%s\n%.*s", rows[i].body, STR_ARG(sent));
        rig_again();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reasoning_is_of_whom_its_mark_names, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(no_message_is_empty, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(a_text_that_goes_on_after_a_thought_is_another_block,
                                        rig_up, rig_down),
        cmocka_unit_test_setup_teardown(a_block_is_what_it_says, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(a_stream_that_ended_with_an_error_has_no_stop, rig_up,
                                        rig_down),
        cmocka_unit_test_setup_teardown(reasoning_of_others_is_marked, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(reasoning_of_its_own_is_not, rig_up, rig_down),
        cmocka_unit_test_setup_teardown(
            who_does_not_give_the_thought_before_a_call_back_goes_on_without, rig_up, rig_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
