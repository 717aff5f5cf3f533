#include "unit/dialect/rig.h"

#include "dialect/responses.h"

#include "dialect/gemini.h"
#include "dialect/openai_form.h"

#include <stdio.h>

static const struct dialect_target plain = {.model = STR_INIT("native"),
                                            .quirks = &dialect_no_quirks};

#define MODEL "{\"model\":\"native\",\"input\":"
#define USER                                                                                       \
    "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":"      \
    "\"hi\"}]}"

/* --- requests --------------------------------------------------------------------------------- */

struct change {
    const char *in, *out;
};

/* For a provider that knows OpenAI's own members alone. */
static const struct change changed[] = {
    {MODEL "\"hi\"}", MODEL "[" USER "],\"store\":false}"},
    {MODEL "[" USER "],\"max_output_tokens\":9,\"reasoning\":{\"effort\":\"max\"}}",
     MODEL "[" USER "],\"reasoning\":{\"effort\":\"xhigh\"},\"include\":["
           "\"reasoning.encrypted_content\"],\"store\":false}"},
    /* only what OpenAI encrypted goes back to it */
    {MODEL "[" USER ",{\"type\":\"reasoning\",\"id\":\"r\",\"summary\":[],\"content\":[{\"type\":"
           "\"reasoning_text\",\"text\":\"t\"}],\"signature\":\"s\",\"format\":\"anthropic-claude-"
           "v1\"},{\"type\":\"reasoning\",\"id\":\"q\",\"summary\":[],\"encrypted_content\":\"Z\"}"
           "]}",
     MODEL "[" USER ",{\"type\":\"reasoning\",\"id\":\"q\",\"summary\":[],\"encrypted_content\":"
           "\"Z\"}],\"store\":false}"},
    /* a picture that was made goes back under its id, where the provider gave it one */
    {MODEL "[" USER ",{\"type\":\"image_generation_call\",\"id\":\"ig_7\",\"status\":\"completed\","
           "\"result\":\"AAAA\"}]}",
     MODEL "[" USER ",{\"type\":\"image_generation_call\",\"id\":\"ig_7\",\"result\":\"AAAA\","
           "\"status\":\"completed\"}],\"store\":false}"},
    /* an id that was made here names nothing to a provider */
    {MODEL "[" USER ",{\"type\":\"reasoning\",\"id\":\"rs_gen-1_0\",\"summary\":[],"
           "\"encrypted_content\":\"Z\"}]}",
     MODEL "[" USER
           ",{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"Z\"}],\"store\":"
           "false}"},
    /* nor does one that says whose it is, and what others encrypted is nothing to it */
    {MODEL "[" USER
           ",{\"type\":\"reasoning\",\"id\":\"rs_google-gemini-v1:rs_gen-1_0\",\"summary\":"
           "[],\"encrypted_content\":\"Z\"}]}",
     MODEL "[" USER "],\"store\":false}"},
};

static void requests_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changed); i++) {
        rig_again();
        if (rig_read_request(&dialect_responses, changed[i].in) != ERR_OK)
            fail_msg("%s\n%s", changed[i].in, rig.fault.message);
        assert_same_text(rig_write_request(&dialect_responses, &plain), changed[i].out,
                         changed[i].in);
    }
}

struct wrong {
    const char *text, *sentence;
};

#define INPUT(items) MODEL "[" items "]}"
static const struct wrong refused[] = {
    {MODEL "\"hi\",\"previous_response_id\":\"r\"}",
     "previous_response_id: not supported, nothing is stored here: send the earlier items in "
     "input"},
    {MODEL "\"hi\",\"conversation\":{}}",
     "conversation: not supported, nothing is stored here: send the earlier items in input"},
    {MODEL "\"hi\",\"store\":true}",
     "store: not supported, nothing is stored here: leave it out or send false"},
    {MODEL "\"hi\",\"background\":true}",
     "background: not supported, nothing is stored here: leave it out or send false"},
    {"{\"input\":\"hi\"}", "model: expected the name of a model, got nothing"},
    {MODEL "[]}", "input: expected a string or an array of at least one item, got an empty array"},
    {MODEL "7}", "input: expected a string or an array of at least one item, got a number"},
    {MODEL "\"hi\",\"instructions\":7}", "instructions: expected a string, got a number"},
    {INPUT("7"), "input[0]: expected an item that is an object, got a number"},
    {INPUT("{\"type\":\"item_reference\",\"id\":\"x\"}"),
     "input[0].type: item_reference is not supported, nothing is stored here: send the item "
     "itself"},
    {INPUT("{\"role\":\"tool\",\"content\":\"x\"}"),
     "input[0].role: expected user, assistant, system or developer, got another word"},
    {INPUT("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}"),
     "input[0].content[0].type: expected input_text, input_image, input_file or input_audio, got "
     "another word"},
    {INPUT("{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"data:image/"
           "png;base64,A*\"}]}"),
     "input[0].content[0].image_url: the data URL's base64 is broken"},
    {INPUT("{\"type\":\"function_call_output\",\"call_id\":\"x\",\"output\":\"1\"}"),
     "input[0].call_id: expected the id of an earlier tool call, got one that none has"},
    {INPUT("{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":{}}"),
     "input[0].arguments: expected a string, got an object"},
    {INPUT("{\"type\":\"reasoning\",\"summary\":[{\"text\":7}]}"),
     "input[0].summary[0].text: expected a string, got a number"},
    {MODEL "\"hi\",\"tools\":[{\"type\":\"function\"}]}",
     "tools[0].name: expected a string, got nothing"},
    {MODEL "\"hi\",\"tool_choice\":\"any\"}",
     "tool_choice: expected auto, none, required or an object, got another word"},
    {MODEL "\"hi\",\"text\":{\"format\":{\"type\":\"json_schema\"}}}",
     "text.format.schema: expected an object, got nothing"},
    {MODEL "\"hi\",\"reasoning\":{\"effort\":\"much\"}}",
     "reasoning.effort: expected none, minimal, low, medium, high, xhigh or max, got another word"},
    {MODEL "\"hi\",\"max_output_tokens\":0}",
     "max_output_tokens: expected a whole number of at least 1, got a number outside of that"},
    {MODEL "\"hi\",\"temperature\":\"1\"}", "temperature: expected a number, got a string"},
    {MODEL "\"hi\",\"stream\":1}", "stream: expected true or false, got a number"},
};

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        rig_again();
        enum err e = rig_read_request(&dialect_responses, refused[i].text);
        if (e != ERR_INVALID || strcmp(rig.fault.message, refused[i].sentence) != 0)
            fail_msg("%s\ngot      %s %s\nexpected %s", refused[i].text, err_name(e),
                     rig.fault.message, refused[i].sentence);
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

#define DELTA(members) "{\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{" members "}}]}"
#define FINISH(word)   "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" word "\"}]}"

/* The types of the stream's events, one a line, and that they are numbered from 0. */
static struct str types(struct buf *to)
{
    struct str all = buf_view(&rig.out);
    char number[64];
    unsigned n = 0;
    buf_init(to, RIG_TEXT_MAX);
    while (all.n) {
        struct str line = str_cut(&all, '\n');
        if (str_starts(line, STR("event: "))) {
            buf_add(to, str_skip(line, 7));
            buf_add(to, STR("\n"));
        }
        if (!str_starts(line, STR("data: ")))
            continue;
        snprintf(number, sizeof number, "\"sequence_number\":%u,", n++);
        assert_true(str_find(line, str_c(number)) < line.n);
    }
    return buf_view(to);
}

static void feed(const char *const *events, size_t n)
{
    rig_begin_answer(&dialect_openai, &dialect_responses);
    for (size_t i = 0; i < n; i++) {
        if (rig_feed("", events[i]) != ERR_OK)
            fail_msg("%s\n%s", events[i], rig.fault.message);
    }
}

static void assert_has(const char *piece)
{
    struct str all = buf_view(&rig.out);
    if (str_find(all, str_c(piece)) == all.n)
        fail_msg("lacks %s\n%.*s", piece, STR_ARG(all));
}

static void a_stream_has_each_event_in_its_place(void **state)
{
    static const char *const events[] = {
        DELTA("\"reasoning\":\"t\""),
        DELTA("\"content\":\"a\\u00e4\""),
        DELTA("\"content\":\"b\""),
        DELTA("\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"https://"
              "h\"}}]"),
        DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"f\","
              "\"arguments\":\"{\"}},{\"index\":1,\"id\":\"c2\",\"function\":{\"name\":\"g\","
              "\"arguments\":\"{}\"}}]"),
        DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]"),
        FINISH("tool_calls"),
    };
    static const char expected[] = "response.created\nresponse.in_progress\n"
                                   "response.output_item.added\nresponse.content_part.added\n"
                                   "response.reasoning_text.delta\nresponse.reasoning_text.done\n"
                                   "response.content_part.done\nresponse.output_item.done\n"
                                   "response.output_item.added\nresponse.content_part.added\n"
                                   "response.output_text.delta\nresponse.output_text.delta\n"
                                   "response.output_text.annotation.added\n"
                                   "response.output_text.done\nresponse.content_part.done\n"
                                   "response.output_item.done\nresponse.output_item.added\n"
                                   "response.function_call_arguments.delta\n"
                                   "response.output_item.added\n"
                                   "response.function_call_arguments.delta\n"
                                   "response.function_call_arguments.delta\n"
                                   "response.function_call_arguments.done\n"
                                   "response.output_item.done\n"
                                   "response.function_call_arguments.done\n"
                                   "response.output_item.done\n";
    struct buf seen;
    (void)state;
    feed(events, COUNT_OF(events));
    assert_same_text(types(&seen), expected, "the events before the end");
    buf_release(&seen);
    buf_reset(&rig.out);
    rig_finish_stream();
    assert_true(str_starts(buf_view(&rig.out), STR("event: response.completed\n")));
    assert_has("\"status\":\"completed\",\"model\":\"a/b\"");
    assert_has("\"text\":\"a\\u00e4b\",\"annotations\":[{\"type\":\"url_citation\",\"url\":"
               "\"https://h\"");
    assert_has("\"id\":\"fc_gen-1_2\",\"type\":\"function_call\",\"status\":\"completed\","
               "\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":\"{}\"");
    assert_has("\"output_text\":\"a\\u00e4b\"");
    assert_has("\"input_tokens\":0");
}

/* Calls may be told side by side, whatever comes between; what is encrypted may come in pieces. */
static void pieces_that_overlap_add_up(void **state)
{
    static const char *const events[] = {
        DELTA("\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"AB\",\"id\":"
              "\"rs_1\",\"index\":0}]"),
        DELTA("\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"CD\",\"index\":"
              "0}]"),
        DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"f\","
              "\"arguments\":\"{\"}}]"),
        DELTA("\"content\":\"a\""),
        DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]"),
        DELTA("\"content\":\"b\""),
        FINISH("tool_calls"),
    };
    (void)state;
    feed(events, COUNT_OF(events));
    buf_reset(&rig.out);
    rig_finish_stream();
    assert_has("\"encrypted_content\":\"ABCD\"");
    assert_has("\"name\":\"f\",\"arguments\":\"{}\"");
    assert_has("\"text\":\"ab\"");
}

/* Of all texts of an answer together there is a most. */
static void an_answer_has_a_ceiling(void **state)
{
    static char event[RIG_TEXT_MAX / 2];
    enum err e = ERR_OK;
    unsigned n = 0;
    (void)state;
    struct buf b = {.p = event, .cap = sizeof event, .max = sizeof event};
    rig_begin_answer(&dialect_openai, &dialect_responses);
    buf_add(
        &b,
        STR("{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0000,\"function\":{"
            "\"arguments\":\""));
    memset(b.p + b.n, 'x', sizeof event - 200);
    b.n += sizeof event - 200;
    buf_add(&b, str_of("\"}}]}}]}", 9));
    char *digits = strstr(event, "0000");
    for (; e == ERR_OK && n < 1000; n++) {
        char number[8];
        snprintf(number, sizeof number, "%4u", n + 1);
        memcpy(digits, number, 4);
        e = dialect_read(&rig.reader, &rig.body_tape, STR(""), str_c(event), &rig.fault);
        buf_reset(&rig.out);
    }
    assert_int_not_equal(e, ERR_OK);
    assert_true(n < 200);
}

static void an_answer_that_was_cut_is_incomplete(void **state)
{
    static const char *const events[] = {DELTA("\"content\":\"a\""), FINISH("length")};
    (void)state;
    feed(events, COUNT_OF(events));
    rig_finish_stream();
    assert_has("event: response.incomplete\n");
    assert_has("\"incomplete_details\":{\"reason\":\"max_output_tokens\"}");
    assert_true(str_find(buf_view(&rig.out), STR("response.completed")) == rig.out.n);
}

static void an_error_ends_a_stream_that_is_never_completed(void **state)
{
    static const char *const events[] = {DELTA("\"content\":\"a\"")};
    struct canon_event e = {.kind = EVENT_ERROR};
    (void)state;
    feed(events, COUNT_OF(events));
    e.failure = (struct canon_failure){
        .err = ERR_RATE, .status = 429, .message = STR("too \"fast\""), .provider = STR("Alpha")};
    assert_int_equal(dialect_responses.write_event(&rig.writer, &e), ERR_OK);
    assert_has("event: response.failed\n");
    assert_has("\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"too \\\"fast\\\"\"");
    assert_true(str_find(buf_view(&rig.out), STR("response.completed")) == rig.out.n);
}

static void a_whole_answer_is_a_response(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_responses, NULL);
    assert_int_equal(
        rig_read_whole("{\"id\":\"r\",\"status\":\"completed\",\"output\":[{\"id\":\"rs_1\","
                       "\"type\":\"reasoning\",\"summary\":[{\"text\":\"s\"},{\"text\":\"u\"}],"
                       "\"encrypted_content\":\"Z\\/Z\"},{\"type\":\"message\",\"content\":[{"
                       "\"type\":\"output_text\",\"text\":\"a\"},{\"type\":\"refusal\",\"refusal\":"
                       "\"n\"}]}],\"usage\":{\"input_tokens\":9,\"output_tokens\":5}}"),
        ERR_OK);
    rig_write_whole(&dialect_responses);
    assert_true(str_starts(buf_view(&rig.out), STR("{\"id\":\"gen-1\",\"object\":\"response\"")));
    assert_has("{\"id\":\"rs_1\",\"type\":\"reasoning\",\"status\":\"completed\",\"summary\":[{"
               "\"type\":\"summary_text\",\"text\":\"s\"},{\"type\":\"summary_text\",\"text\":"
               "\"u\"}],\"encrypted_content\":\"Z\\/Z\",\"format\":\"openai-responses-v1\"}");
    assert_has("\"content\":[{\"type\":\"output_text\",\"text\":\"a\",\"annotations\":[],"
               "\"logprobs\":[]},{\"type\":\"refusal\",\"refusal\":\"n\"}]");
    assert_has("\"total_tokens\":14");
}

/* What neither is complete nor says that it was cut has failed, whether it says why or not. */
static void an_answer_that_failed_is_not_whole(void **state)
{
    static const struct {
        const char *status;
        enum canon_finish reason;
    } rows[] = {
        {"\"completed\"", FINISH_STOP},    {"null", FINISH_STOP},
        {"\"incomplete\"", FINISH_LENGTH}, {"\"failed\"", FINISH_ERROR},
        {"\"cancelled\"", FINISH_ERROR},   {"\"in_progress\"", FINISH_ERROR},
        {"\"queued\"", FINISH_ERROR},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"id\":\"r\",\"status\":%s,\"error\":null,\"output\":[]}",
                 rows[i].status);
        rig_again();
        rig_begin_answer(&dialect_responses, NULL);
        assert_int_equal(rig_read_whole(text), ERR_OK);
        const struct canon_kept *k = canon_next(rig.kept.first, EVENT_FINISH, 0);
        assert_non_null(k);
        if (k->event.finish.reason != rows[i].reason)
            fail_msg("%s: %s", text, canon_finish_word(k->event.finish.reason));
    }
}

/* OpenRouter says at an item's beginning whose reasoning it is. */
static void the_pieces_of_reasoning_bear_its_format(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_responses, &dialect_openai);
    rig_feed("", "{\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":"
                 "\"reasoning\",\"id\":\"r\",\"summary\":[],\"format\":\"anthropic-claude-v1\"}}");
    rig_feed("", "{\"type\":\"response.reasoning_text.delta\",\"output_index\":0,\"item_id\":\"r\","
                 "\"content_index\":0,\"delta\":\"t\"}");
    assert_has("\"text\":\"t\",\"id\":\"r\",\"format\":\"anthropic-claude-v1\"");
    buf_reset(&rig.out);
    rig_feed("", "{\"type\":\"response.reasoning_text.delta\",\"output_index\":1,\"item_id\":\"q\","
                 "\"content_index\":0,\"delta\":\"t\"}");
    assert_has("\"format\":\"openai-responses-v1\"");
}

/* Clients that know OpenAI's members alone give an item's id back, but not its format. */
static void whose_reasoning_it_is_stands_in_its_id_too(void **state)
{
    (void)state;
    static const struct {
        const char *id; /* of the item; what Gemini is given back follows from it */
        bool is_taken;
    } rows[] = {{"rs_google-gemini-v1:c1", true},
                {"rs_google-gemini-v1:rs_gen-1_0", false}, /* of no call */
                {"rs_anthropic-claude-v1:c1", false},
                {"rs_0a1b", false},
                {"rs_:c1", false},
                {"rs_gen-1_0", false}};
    static const struct dialect_target gemini = {.model = STR_INIT("gemini-2.5-pro"),
                                                 .quirks = &dialect_no_quirks};
    rig_begin_answer(&dialect_gemini, NULL);
    assert_int_equal(
        rig_read_whole("{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"id\":"
                       "\"c1\",\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"Z\\/Z\"},{"
                       "\"text\":\"a\",\"thoughtSignature\":\"Y\"}]},\"finishReason\":\"STOP\"}]}"),
        ERR_OK);
    rig_write_whole(&dialect_responses);
    assert_has("{\"id\":\"rs_google-gemini-v1:c1\",\"type\":\"reasoning\"");
    assert_has("\"encrypted_content\":\"Z\\/Z\",\"format\":\"google-gemini-v1\"}");
    assert_has("{\"id\":\"rs_google-gemini-v1:rs_gen-1_3\",\"type\":\"reasoning\"");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char body[512];
        snprintf(body, sizeof body,
                 MODEL "[" USER ",{\"type\":\"reasoning\",\"id\":\"%s\",\"summary\":[],"
                       "\"encrypted_content\":\"Z\\/Z\"},{\"type\":\"function_call\",\"call_id\":"
                       "\"c1\",\"name\":\"f\",\"arguments\":\"{}\"}]}",
                 rows[i].id);
        rig_again();
        assert_int_equal(rig_read_request(&dialect_responses, body), ERR_OK);
        struct str sent = rig_write_request(&dialect_gemini, &gemini);
        const char *call = "\"args\":{}},\"thoughtSignature\":\"Z\\/Z\"}";
        bool is_taken = str_find(sent, str_c(call)) < sent.n;
        if (is_taken != rows[i].is_taken)
            fail_msg("%s\n%.*s", body, STR_ARG(sent));
    }
}

static void a_response_repeats_what_was_asked(void **state)
{
    (void)state;
    rig_read_request(&dialect_responses,
                     MODEL "\"hi\",\"instructions\":\"be\",\"tools\":[{\"type\":\"function\","
                           "\"name\":\"f\"}],\"temperature\":0.5,\"max_output_tokens\":7}");
    rig_begin_answer(&dialect_openai, &dialect_responses);
    rig.writer.asked = &rig.request;
    rig_feed("", DELTA("\"content\":\"a\""));
    assert_has("\"instructions\":\"be\",\"metadata\":null,\"tools\":[{\"type\":\"function\","
               "\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{}},\"strict\":"
               "false}],\"tool_choice\":\"auto\",\"parallel_tool_calls\":true,"
               "\"max_output_tokens\":7,\"temperature\":0.5");
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_responses, NULL);
    assert_int_equal(rig_feed("", "{\"type\":"), ERR_UPSTREAM);
    assert_int_equal(rig_read_whole("{\"output\":7}"), ERR_UPSTREAM);
    assert_int_equal(rig_feed("", "{\"type\":\"response.new\"}"), ERR_OK);
    assert_int_equal(rig_feed("", "{\"type\":\"error\",\"code\":\"server_error\",\"message\":"
                                  "\"x\"}"),
                     ERR_OK);
    assert_int_equal(rig.errors, 1);
}

static void errors_are_told_in_our_shape(void **state)
{
    (void)state;
    struct canon_failure x = {.err = ERR_INVALID, .status = 400, .message = STR("no")};
    assert_int_equal(dialect_responses.write_error(&x, &rig.out), ERR_OK);
    assert_same_text(buf_view(&rig.out),
                     "{\"error\":{\"code\":400,\"message\":\"no\",\"metadata\":{\"error_type\":"
                     "\"invalid_request\"}},\"error_type\":\"invalid_request\"}",
                     "an error");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        TEST(requests_are_read_and_written),
        TEST(what_is_wrong_is_named),
        TEST(a_stream_has_each_event_in_its_place),
        TEST(pieces_that_overlap_add_up),
        TEST(an_answer_has_a_ceiling),
        TEST(an_answer_that_was_cut_is_incomplete),
        TEST(an_error_ends_a_stream_that_is_never_completed),
        TEST(a_whole_answer_is_a_response),
        TEST(an_answer_that_failed_is_not_whole),
        TEST(the_pieces_of_reasoning_bear_its_format),
        TEST(whose_reasoning_it_is_stands_in_its_id_too),
        TEST(a_response_repeats_what_was_asked),
        TEST(what_makes_no_sense_is_refused),
        TEST(errors_are_told_in_our_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
