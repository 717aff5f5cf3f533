#include "unit/dialect/rig.h"

#include "dialect/openai_form.h"
#include "dialect/responses.h"

#include <stdio.h>

static const struct dialect_quirks openrouter = {.max_tokens_field = STR_INIT("max_tokens"),
                                                 .is_openrouter = true};
static const struct dialect_target wide = {.model = STR_INIT("native"), .quirks = &openrouter};
static const struct dialect_target plain = {.model = STR_INIT("native"),
                                            .quirks = &dialect_no_quirks};

/* --- requests --------------------------------------------------------------------------------- */

#define MODEL "{\"model\":\"native\",\"messages\":["
#define USER  "{\"role\":\"user\",\"content\":\"hi\"}"
#define CALL                                                                                       \
    "{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{"          \
    "\\\"a\\\":1}\"}}"

/* What comes back as it went in: all that the canonical form has a place for. */
static const char *const kept[] = {
    MODEL USER "]}",
    /* texts stay as they are, escapes too */
    MODEL "{\"role\":\"user\",\"content\":\"h\\u0069 \\/ \\ud83d\\ude00 \xc3\xa4\"}]}",
    MODEL "{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"developer\",\"name\":\"d\","
          "\"content\":\"t\"}," USER "]}",
    MODEL
    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"look\",\"cache_control\":"
    "{\"type\":\"ephemeral\",\"ttl\":\"1h\"}},{\"type\":\"image_url\",\"image_url\":{\"url\":"
    "\"https://h/i.png\",\"detail\":\"low\"}},{\"type\":\"image_url\",\"image_url\":{\"url\":"
    "\"data:image/png;base64,AAAA\"}},{\"type\":\"input_audio\",\"input_audio\":{\"data\":"
    "\"AAA=\",\"format\":\"wav\"}},{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://h/"
    "v\"}},{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":\"data:application/"
    "pdf;base64,AA==\"}},{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}},{\"type\":\"new\","
    "\"new\":1}]}]}",
    MODEL USER ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" CALL "]},{\"role\":"
               "\"tool\",\"tool_call_id\":\"c1\",\"content\":\"42\"}]}",
    MODEL USER ",{\"role\":\"assistant\",\"content\":\"x\",\"reasoning_details\":[{\"type\":"
               "\"reasoning.text\",\"text\":\"t\\u0041\",\"signature\":\"s\\/g\",\"format\":"
               "\"anthropic-claude-v1\",\"index\":0},{\"type\":\"reasoning.encrypted\",\"data\":"
               "\"ZZ\",\"id\":\"r1\",\"index\":1},{\"type\":\"reasoning.summary\",\"summary\":"
               "\"sum\",\"index\":2},{\"type\":\"reasoning.server_tool_call\",\"tool_name\":\"w\"}]"
               ",\"refusal\":\"no\",\"audio\":{\"id\":\"a1\"},\"images\":[{\"type\":\"image_url\","
               "\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}]}," USER "]}",
    MODEL USER "],\"temperature\":0.50,\"top_k\":3,\"seed\":-1,\"stop\":[\"a\",\"b\"],"
               "\"logit_bias\":{\"1\":-100},\"logprobs\":true,\"top_logprobs\":2,\"modalities\":"
               "[\"text\"],\"user\":\"u\",\"metadata\":{\"k\":\"v\"}}",
    MODEL USER
    "],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","
    "\"parameters\":{\"type\":\"object\"},\"strict\":true},\"cache_control\":{\"type\":"
    "\"ephemeral\"}},{\"type\":\"openrouter:datetime\"}],\"tool_choice\":{\"type\":\"function\","
    "\"function\":{\"name\":\"f\"}},\"parallel_tool_calls\":false}",
    MODEL USER "],\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\","
               "\"schema\":{\"type\":\"object\"},\"strict\":true}}}",
    MODEL USER "],\"response_format\":{\"type\":\"grammar\",\"grammar\":\"g\"}}",
    MODEL USER "],\"reasoning\":{\"effort\":\"high\",\"exclude\":true,\"summary\":\"auto\"}}",
    MODEL USER "],\"reasoning\":{\"max_tokens\":2000,\"enabled\":true}}",
    MODEL USER "],\"cache_control\":{\"type\":\"ephemeral\"},\"a_new_one\":{\"x\":[1]}}",
};

static void requests_come_back_as_they_went_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        rig_again();
        if (rig_read_request(&dialect_openai, kept[i]) != ERR_OK)
            fail_msg("%s\n%s", kept[i], rig.fault.message);
        assert_same_text(rig_write_request(&dialect_openai, &wide), kept[i], kept[i]);
    }
}

struct change {
    const char *in, *out;
};

/* For a provider that knows OpenAI's own members alone. */
static const struct change changed[] = {
    {MODEL "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\",\"cache_control\":"
           "{\"type\":\"ephemeral\"}}]}]}",
     MODEL USER "]}"},
    {MODEL USER "],\"stop\":\"a\\nb\",\"provider\":{\"order\":[]},\"n\":null}",
     MODEL USER "],\"stop\":[\"a\\nb\"]}"},
    {MODEL USER "],\"reasoning\":{\"effort\":\"max\"}}",
     MODEL USER "],\"reasoning_effort\":\"xhigh\"}"},
    {MODEL USER "],\"reasoning\":{\"enabled\":true},\"reasoning_effort\":\"low\"}",
     MODEL USER "],\"reasoning_effort\":\"low\"}"},
    {MODEL USER "],\"include_reasoning\":true}", MODEL USER "],\"reasoning_effort\":\"medium\"}"},
    /* the older form of calls: the name is the id */
    {MODEL USER ",{\"role\":\"assistant\",\"content\":null,\"function_call\":{\"name\":\"f\","
                "\"arguments\":\"{}\"}},{\"role\":\"function\",\"name\":\"f\",\"content\":\"1\"}]}",
     MODEL USER ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"f\",\"type\":"
                "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":"
                "\"tool\",\"tool_call_id\":\"f\",\"content\":\"1\"}]}"},
    /* data URLs of clients that escape slashes */
    {MODEL "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
           "\"data:image\\/png;base64,AA\\/A\"}}]}]}",
     MODEL "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
           "\"data:image/png;base64,AA/A\"}}]}]}"},
};

static void requests_change_where_the_provider_says_it_otherwise(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changed); i++) {
        rig_again();
        if (rig_read_request(&dialect_openai, changed[i].in) != ERR_OK)
            fail_msg("%s\n%s", changed[i].in, rig.fault.message);
        assert_same_text(rig_write_request(&dialect_openai, &plain), changed[i].out, changed[i].in);
    }
}

struct wrong {
    const char *text, *sentence;
};

static const struct wrong refused[] = {
    {MODEL USER ",{\"role\":\"tool\",\"tool_call_id\":\"x\",\"content\":\"1\"}]}",
     "messages[1].tool_call_id: expected the id of a tool call of an earlier message, got one that "
     "none has"},
    {MODEL "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
           "\"data:image/png;base64,A*\"}}]}]}",
     "messages[0].content[0].image_url.url: the data URL's base64 is broken"},
    {MODEL "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
           "\"data:image/png,abc\"}}]}]}",
     "messages[0].content[0].image_url.url: expected a data URL of the form "
     "data:TYPE;base64,DATA"},
    {MODEL "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
           "\"nowhere\"}}]}]}",
     "messages[0].content[0].image_url.url: expected a URL or a data URL, got neither"},
    {MODEL "{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":7}]}]}",
     "messages[0].content[0].file: expected an object, got a number"},
    {MODEL USER ",{\"role\":\"assistant\",\"tool_calls\":[{\"type\":\"function\"}]}]}",
     "messages[1].tool_calls[0].id: expected a string, got nothing"},
    {MODEL USER ",{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":"
                "\"f\",\"arguments\":{}}}]}]}",
     "messages[1].tool_calls[0].function.arguments: expected a string, got an object"},
    {MODEL USER "],\"tools\":[{\"type\":\"function\",\"function\":{}}]}",
     "tools[0].function.name: expected a string, got nothing"},
    {MODEL USER "],\"tool_choice\":\"any\"}",
     "tool_choice: expected auto, none, required or an object, got another word"},
    {MODEL USER "],\"response_format\":{\"type\":\"json_schema\"}}",
     "response_format.json_schema: expected an object, got nothing"},
    {MODEL USER "],\"reasoning\":{\"effort\":\"much\"}}",
     "reasoning.effort: expected none, minimal, low, medium, high, xhigh or max, got another word"},
    {MODEL USER "],\"reasoning\":{\"effort\":\"low\"},\"reasoning_effort\":\"high\"}",
     "reasoning_effort and reasoning.effort contradict each other: send one of them"},
};

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        rig_again();
        enum err e = rig_read_request(&dialect_openai, refused[i].text);
        if (e != ERR_INVALID || strcmp(rig.fault.message, refused[i].sentence) != 0)
            fail_msg("%s\ngot      %s %s\nexpected %s", refused[i].text, err_name(e),
                     rig.fault.message, refused[i].sentence);
    }
}

static void what_is_asked_is_a_set_of_parameters(void **state)
{
    (void)state;
    rig_read_request(&dialect_openai,
                     MODEL USER "],\"temperature\":1,\"max_tokens\":5,\"reasoning\":{\"effort\":"
                                "\"low\"},\"response_format\":{\"type\":\"json_object\"}}");
    assert_true(canon_asks(&rig.request) ==
                (PARAM_BIT(PARAM_TEMPERATURE) | PARAM_BIT(PARAM_MAX_TOKENS) |
                 PARAM_BIT(PARAM_REASONING) | PARAM_BIT(PARAM_RESPONSE_FORMAT)));
    assert_str(canon_param_name(PARAM_RESPONSE_FORMAT), "response_format");
}

static void budgets_follow_effort_and_efforts_budgets(void **state)
{
    (void)state;
    struct canon_reason r = {.effort = EFFORT_HIGH};
    assert_int_equal(canon_budget(&r, 10000), 8000);
    assert_int_equal(canon_budget(&r, 100), 1024);
    assert_int_equal(canon_budget(&r, 1000000), 128000);
    r = (struct canon_reason){.enabled = CANON_YES};
    assert_int_equal(canon_budget(&r, 10000), 5000);
    assert_int_equal(canon_effort_of(&r, 10000), EFFORT_MEDIUM);
    r = (struct canon_reason){.max_tokens = 6000};
    assert_int_equal(canon_budget(&r, 10000), 6000);
    assert_int_equal(canon_effort_of(&r, 10000), EFFORT_HIGH);
    r = (struct canon_reason){.effort = EFFORT_NONE};
    assert_int_equal(canon_budget(&r, 10000), 0);
    r = (struct canon_reason){0};
    assert_int_equal(canon_effort_of(&r, 10000), EFFORT_UNSAID);
}

/* --- answers ---------------------------------------------------------------------------------- */

#define HEAD                                                                                       \
    "data: {\"id\":\"gen-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"         \
    "\"model\":\"a/b\",\"provider\":\"Alpha\",\"choices\":[{\"index\":0,\"delta\":{\"role\":"      \
    "\"assistant\","
#define OPEN "},\"finish_reason\":null,\"native_finish_reason\":null}]}\n\n"
#define USAGE                                                                                      \
    "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5,\"total_tokens\":14,\"cost\":0,"       \
    "\"is_byok\":false,\"prompt_tokens_details\":{\"cached_tokens\":4,\"cache_write_tokens\":0},"  \
    "\"completion_tokens_details\":{\"reasoning_tokens\":0},\"cost_details\":"                     \
    "{\"upstream_inference_cost\":null,\"upstream_inference_prompt_cost\":0,"                      \
    "\"upstream_inference_completions_cost\":0}}"
#define CHUNK(members) "{\"id\":\"x\",\"choices\":[{\"index\":0," members "}]}"
#define DELTA(members) CHUNK("\"delta\":{" members "}")

static const struct change deltas[] = {
    {DELTA("\"role\":\"assistant\",\"content\":\"\""), ""},
    {DELTA("\"content\":\"a\\u00e4\\n\""), HEAD "\"content\":\"a\\u00e4\\n\"" OPEN},
    {DELTA("\"content\":\"b\",\"reasoning\":\"t\""),
     HEAD "\"content\":\"\",\"reasoning\":\"t\",\"reasoning_details\":[{\"type\":"
          "\"reasoning.text\",\"text\":\"t\",\"index\":0}]" OPEN HEAD "\"content\":\"b\"" OPEN},
    {DELTA("\"reasoning\":\"t\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":"
           "\"t\",\"signature\":\"s\",\"index\":7}]"),
     HEAD "\"content\":\"\",\"reasoning\":\"t\",\"reasoning_details\":[{\"type\":"
          "\"reasoning.text\",\"text\":\"t\",\"signature\":\"s\",\"index\":1}]" OPEN},
    {DELTA("\"tool_calls\":[{\"index\":3,\"id\":\"c1\",\"function\":{\"name\":\"f\","
           "\"arguments\":\"\"}}]"),
     HEAD "\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":\"function\","
          "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]" OPEN},
    {DELTA("\"tool_calls\":[{\"index\":3,\"function\":{\"arguments\":\"{\\\"a\\\"\"}}]"),
     HEAD "\"content\":null,\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
          "\"{\\\"a\\\"\"}}]" OPEN},
    {DELTA("\"refusal\":\"no\""), HEAD "\"refusal\":\"no\"" OPEN},
    {CHUNK("\"delta\":{},\"finish_reason\":\"max_tokens\""),
     HEAD "\"content\":\"\"},\"finish_reason\":\"length\",\"native_finish_reason\":"
          "\"max_tokens\"}]}\n\n"},
    {"{\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5,"
     "\"prompt_tokens_details\":{\"cached_tokens\":4}}}",
     ""},
    {"[DONE]", ""},
};

static void a_stream_is_read_and_written(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_openai, &dialect_openai);
    for (size_t i = 0; i < COUNT_OF(deltas); i++) {
        size_t before = rig.out.n;
        if (rig_feed("", deltas[i].in) != ERR_OK)
            fail_msg("%s\n%s", deltas[i].in, rig.fault.message);
        struct str got = str_skip(buf_view(&rig.out), before);
        if (i == 0) /* the beginning */
            got = STR("");
        assert_same_text(got, deltas[i].out, deltas[i].in);
    }
    assert_int_equal(rig.ends, 1);
    buf_reset(&rig.out);
    assert_same_text(rig_finish_stream(),
                     HEAD "\"content\":\"\"},\"finish_reason\":\"length\",\"native_finish_reason\":"
                          "\"max_tokens\",\"logprobs\":null}]," USAGE "}\n\ndata: [DONE]\n\n",
                     "the end");
}

static const char whole[] =
    "{\"id\":\"gen-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"a/b\","
    "\"provider\":\"Alpha\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
    "\"content\":\"hi \\u00e4\",\"refusal\":null,\"reasoning\":\"t\",\"reasoning_details\":"
    "[{\"type\":\"reasoning.text\",\"text\":\"t\",\"signature\":\"s\",\"index\":0},{\"type\":"
    "\"reasoning.encrypted\",\"data\":\"ZZ\",\"index\":1}],\"images\":[{\"type\":\"image_url\","
    "\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}],\"annotations\":[{\"type\":"
    "\"url_citation\",\"url_citation\":{\"url\":\"https://h\"}}],\"audio\":{\"id\":\"a\",\"data\":"
    "\"AA==\",\"transcript\":\"t\",\"expires_at\":1},\"tool_calls\":[" CALL
    ",{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},"
    "\"logprobs\":{\"content\":[]},\"finish_reason\":\"tool_calls\",\"native_finish_reason\":"
    "\"tool_use\"},{\"index\":1,\"message\":{\"role\":\"assistant\",\"content\":\"two\","
    "\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\",\"native_finish_reason\":"
    "\"stop\"}],\"system_fingerprint\":\"fp\",\"service_tier\":\"default\"," USAGE "}";

static void a_whole_answer_comes_back_as_it_went_in(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_openai, NULL);
    assert_int_equal(rig_read_whole(whole), ERR_OK);
    assert_int_equal(rig.ends, 1);
    assert_same_text(rig_write_whole(&dialect_openai), whole, "the whole");
}

/* Encrypted reasoning has no text: that is null, not an empty thought. */
static void reasoning_without_a_text_is_null(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_responses, NULL);
    assert_int_equal(
        rig_read_whole("{\"id\":\"r\",\"status\":\"completed\",\"output\":[{\"id\":\"q\",\"type\":"
                       "\"reasoning\",\"summary\":[],\"encrypted_content\":\"Z\"}]}"),
        ERR_OK);
    struct str out = rig_write_whole(&dialect_openai);
    const char *expected = "\"reasoning\":null,\"reasoning_details\":[{\"type\":"
                           "\"reasoning.encrypted\",\"data\":\"Z\"";
    assert_true(str_find(out, str_c(expected)) < out.n);
}

static void a_stream_is_kept_as_a_whole_answer(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_openai, NULL);
    rig_feed("", DELTA("\"content\":\"a\""));
    rig_feed("", DELTA("\"content\":\"b\""));
    rig_feed("", DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\","
                       "\"arguments\":\"{\"}},{\"index\":1,\"id\":\"d\",\"function\":{\"name\":"
                       "\"g\",\"arguments\":\"{}\"}}]"));
    rig_feed("", DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]"));
    struct str out = rig_write_whole(&dialect_openai);
    assert_true(str_find(out, STR("\"content\":\"ab\"")) < out.n);
    assert_true(str_find(out, STR("\"name\":\"f\",\"arguments\":\"{}\"")) < out.n);
    assert_true(str_find(out, STR("\"name\":\"g\",\"arguments\":\"{}\"")) < out.n);
}

/* Of what other formats say in several events, and with fewer members. */
static void blocks_are_details_and_citations_are_whole(void **state)
{
    static const struct canon_event events[] = {
        {.kind = EVENT_BEGIN},
        {.kind = EVENT_REASONING,
         .reasoning = {.text = STR_INIT("a"), .format = STR_INIT("anthropic-claude-v1")}},
        {.kind = EVENT_REASONING, .block = 1, .reasoning = {.text = STR_INIT("c")}},
        {.kind = EVENT_REASONING, .reasoning = {.text = STR_INIT("b")}},
        {.kind = EVENT_REASONING,
         .reasoning = {.signature = STR_INIT("S"), .format = STR_INIT("anthropic-claude-v1")}},
        {.kind = EVENT_REASONING,
         .block = 2,
         .reasoning = {.kind = CANON_REASONING_ENCRYPTED, .data = STR_INIT("X")}},
        {.kind = EVENT_REASONING,
         .block = 2,
         .reasoning = {.kind = CANON_REASONING_ENCRYPTED, .data = STR_INIT("Y")}},
        {.kind = EVENT_TEXT, .block = 3, .text = STR_INIT("t")},
        {.kind = EVENT_CITATION, .block = 3, .citation = {.quote = STR_INIT("q")}},
        {.kind = EVENT_FINISH},
    };
    (void)state;
    rig_begin_answer(&dialect_openai, NULL);
    for (size_t i = 0; i < COUNT_OF(events); i++)
        assert_int_equal(canon_keep(&rig.kept, &rig.room, &events[i]), ERR_OK);
    struct str out = rig_write_whole(&dialect_openai);
    static const char details[] =
        "\"reasoning\":\"acb\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"ab\","
        "\"signature\":\"S\",\"format\":\"anthropic-claude-v1\",\"index\":0},{\"type\":"
        "\"reasoning.text\",\"text\":\"c\",\"index\":1},{\"type\":\"reasoning.encrypted\",\"data\":"
        "\"XY\",\"index\":2}]";
    static const char citation[] = "{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"\","
                                   "\"title\":\"\",\"content\":\"q\","
                                   "\"start_index\":0,\"end_index\":0}}";
    if (str_find(out, str_c(details)) == out.n || str_find(out, str_c(citation)) == out.n)
        fail_msg("%.*s", STR_ARG(out));
}

static void errors_of_a_provider_are_events(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_openai, NULL);
    assert_int_equal(rig_feed("", "{\"error\":{\"message\":\"too \\u006cong\",\"code\":"
                                  "\"context_length_exceeded\"}}"),
                     ERR_OK);
    assert_int_equal(rig.errors, 1);
    const struct canon_failure *x = &rig.kept.last->event.failure;
    assert_true(x->is_context);
    assert_str(x->message, "too long");
    assert_str(x->native, "context_length_exceeded");
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    rig_begin_answer(&dialect_openai, NULL);
    assert_int_equal(rig_feed("", "{\"id\":"), ERR_UPSTREAM);
    assert_int_equal(rig_feed("", "[]"), ERR_UPSTREAM);
    assert_int_equal(rig_feed("", "{\"choices\":[{\"index\":20,\"delta\":{}}]}"), ERR_UPSTREAM);
    assert_int_equal(rig_read_whole("{\"choices\":[]}"), ERR_UPSTREAM);
    assert_int_equal(rig_feed("", "{\"choices\":7}"), ERR_UPSTREAM);
}

static void errors_are_told_in_our_shape(void **state)
{
    (void)state;
    struct canon_failure x = {.err = ERR_CONTEXT, .status = 400, .message = STR("too \"long\"")};
    assert_int_equal(dialect_openai.write_error(&x, &rig.out), ERR_OK);
    assert_same_text(buf_view(&rig.out),
                     "{\"error\":{\"code\":400,\"message\":\"too \\\"long\\\"\",\"metadata\":"
                     "{\"error_type\":\"context_length_exceeded\"}}}",
                     "an error");
}

static void the_table_is_searched_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(dialect_find(STR("openai")), &dialect_openai);
    assert_null(dialect_find(STR("open")));
    for (size_t i = 0; dialect_at(i); i++)
        assert_ptr_equal(dialect_find(dialect_at(i)->name), dialect_at(i));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_up, rig_down)
    const struct CMUnitTest tests[] = {
        TEST(requests_come_back_as_they_went_in),
        TEST(requests_change_where_the_provider_says_it_otherwise),
        TEST(what_is_wrong_is_named),
        TEST(what_is_asked_is_a_set_of_parameters),
        TEST(budgets_follow_effort_and_efforts_budgets),
        TEST(a_stream_is_read_and_written),
        TEST(a_whole_answer_comes_back_as_it_went_in),
        TEST(reasoning_without_a_text_is_null),
        TEST(a_stream_is_kept_as_a_whole_answer),
        TEST(blocks_are_details_and_citations_are_whole),
        TEST(errors_of_a_provider_are_events),
        TEST(what_makes_no_sense_is_refused),
        TEST(errors_are_told_in_our_shape),
        TEST(the_table_is_searched_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
