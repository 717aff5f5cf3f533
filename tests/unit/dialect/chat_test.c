#include "unit/unit.h"

#include <stdio.h>

#include "dialect/chat.h"

enum { TEXT_MAX = 64 * 1024 };

static struct reading {
    struct json_tape tape;
    struct buf text, scratch;
    struct chat_request request;
    struct fault fault;
} here;

static int set_up(void **state)
{
    (void)state;
    json_tape_init(&here.tape, 100000);
    buf_init(&here.text, TEXT_MAX);
    buf_init(&here.scratch, TEXT_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_tape_release(&here.tape);
    buf_release(&here.text);
    buf_release(&here.scratch);
    return 0;
}

static enum err read_text(const char *text)
{
    struct json root;
    buf_reset(&here.text);
    buf_reset(&here.scratch);
    buf_add_c(&here.text, text);
    here.fault = (struct fault){0};
    assert_int_equal(json_parse(&here.tape, buf_view(&here.text), &root, &here.fault), ERR_OK);
    return chat_read(root, &here.scratch, &here.request, &here.fault);
}

/* A request that is right but for these members. */
static enum err read_with(const char *members)
{
    char text[4096];
    snprintf(text, sizeof text,
             "{\"model\":\"a/b\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],%s}",
             members);
    return read_text(text);
}

static const struct chat_request *accepted(const char *members)
{
    if (read_with(members) != ERR_OK)
        fail_msg("%s: %s", members, here.fault.message);
    return &here.request;
}

static void assert_refused(enum err e, const char *what, const char *sentence)
{
    if (e != ERR_INVALID || strcmp(here.fault.message, sentence) != 0)
        fail_msg("%s\n  got:      %s %s\n  expected: %s", what, err_name(e), here.fault.message,
                 sentence);
}

/* --- one member wrong
 * -------------------------------------------------------------------------------- */

struct wrong {
    const char *member, *sentence;
};

static const struct wrong wrong_members[] = {
    {"\"n\":0", "n: expected a whole number from 1 to 20, got a number outside of that"},
    {"\"n\":21", "n: expected a whole number from 1 to 20, got a number outside of that"},
    {"\"n\":1.0", "n: expected a whole number from 1 to 20, got a number outside of that"},
    {"\"n\":-1", "n: expected a whole number from 1 to 20, got a number outside of that"},
    {"\"n\":\"1\"", "n: expected a whole number from 1 to 20, got a string"},
    {"\"n\":true", "n: expected a whole number from 1 to 20, got a boolean"},
    {"\"max_tokens\":0",
     "max_tokens: expected a whole number from 1 to 4294967295, got a number outside of that"},
    {"\"max_tokens\":4294967296",
     "max_tokens: expected a whole number from 1 to 4294967295, got a number outside of that"},
    {"\"max_tokens\":99999999999999999999999",
     "max_tokens: expected a whole number from 1 to 4294967295, got a number outside of that"},
    {"\"max_tokens\":1e3",
     "max_tokens: expected a whole number from 1 to 4294967295, got a number outside of that"},
    {"\"max_tokens\":-5",
     "max_tokens: expected a whole number from 1 to 4294967295, got a number outside of that"},
    {"\"max_tokens\":\"5\"",
     "max_tokens: expected a whole number from 1 to 4294967295, got a string"},
    {"\"max_completion_tokens\":[]",
     "max_completion_tokens: expected a whole number from 1 to 4294967295, got an array"},
    {"\"top_logprobs\":21",
     "top_logprobs: expected a whole number from 0 to 20, got a number outside of that"},
    {"\"temperature\":2.01",
     "temperature: expected a number from 0 to 2, got a number outside of that"},
    {"\"temperature\":2.0000001",
     "temperature: expected a number from 0 to 2, got a number outside of that"},
    {"\"temperature\":2.000000000000001",
     "temperature: expected a number from 0 to 2, got a number outside of that"},
    {"\"temperature\":-0.1",
     "temperature: expected a number from 0 to 2, got a number outside of that"},
    {"\"temperature\":1e400",
     "temperature: expected a number from 0 to 2, got a number outside of that"},
    {"\"temperature\":\"hot\"", "temperature: expected a number from 0 to 2, got a string"},
    {"\"top_p\":1.5", "top_p: expected a number from 0 to 1, got a number outside of that"},
    {"\"min_p\":{}", "min_p: expected a number from 0 to 1, got an object"},
    {"\"top_a\":-1", "top_a: expected a number from 0 to 1, got a number outside of that"},
    {"\"top_k\":-1",
     "top_k: expected a whole number from 0 to 1000000000, got a number outside of that"},
    {"\"top_k\":2.5",
     "top_k: expected a whole number from 0 to 1000000000, got a number outside of that"},
    {"\"seed\":\"x\"", "seed: expected a whole number, got a string"},
    {"\"seed\":1.5", "seed: expected a whole number, got a number outside of that"},
    {"\"seed\":1e3", "seed: expected a whole number, got a number outside of that"},
    {"\"seed\":-9223372036854775809000",
     "seed: expected a whole number, got a number outside of that"},
    {"\"presence_penalty\":2.5",
     "presence_penalty: expected a number from -2 to 2, got a number outside of that"},
    {"\"frequency_penalty\":-3",
     "frequency_penalty: expected a number from -2 to 2, got a number outside of that"},
    {"\"repetition_penalty\":11",
     "repetition_penalty: expected a number from 0 to 10, got a number outside of that"},
    {"\"stop\":1", "stop: expected a string or an array, got a number"},
    {"\"stop\":[\"a\",1]", "stop[1]: expected a string, got a number"},
    {"\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]", "stop: expected at most 4 strings, got more"},
    {"\"user\":{}", "user: expected a string, got an object"},
    {"\"stream\":\"true\"", "stream: expected true or false, got a string"},
    {"\"stream\":1", "stream: expected true or false, got a number"},
    {"\"stream\":{}", "stream: expected true or false, got an object"},
    {"\"logprobs\":0", "logprobs: expected true or false, got a number"},
    {"\"parallel_tool_calls\":\"\"", "parallel_tool_calls: expected true or false, got a string"},
    {"\"stream_options\":true", "stream_options: expected an object, got a boolean"},
    {"\"tools\":{}", "tools: expected an array, got an object"},
    {"\"tools\":[1]", "tools[0]: expected an object, got a number"},
    {"\"tools\":[{\"type\":\"x\"},{}]", "tools[1].type: expected a string, got nothing"},
    {"\"tools\":[{\"type\":\"function\"}]",
     "tools[0].function.name: expected a string, got nothing"},
    {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"\"}}]",
     "tools[0].function.name: expected 1 to 64 characters, got another length"},
    {"\"functions\":{}", "functions: expected an array, got an object"},
    {"\"functions\":[{}]", "functions[0].name: expected a string, got nothing"},
    {"\"function_call\":\"any\"",
     "function_call: expected auto, none or an object, got another word"},
    {"\"tool_choice\":[]", "tool_choice: expected auto, none, required or an object, got an array"},
    {"\"tool_choice\":\"any\"",
     "tool_choice: expected auto, none, required or an object, got another word"},
    {"\"tool_choice\":{}", "tool_choice.type: expected a string, got nothing"},
    {"\"tool_choice\":{\"type\":\"function\"}",
     "tool_choice.function.name: expected a string, got nothing"},
    {"\"response_format\":\"json\"", "response_format: expected an object, got a string"},
    {"\"response_format\":{}", "response_format.type: expected a string, got nothing"},
    {"\"response_format\":{\"type\":\"json_schema\"}",
     "response_format.json_schema: expected an object, got nothing"},
    {"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a b\"}}",
     "response_format.json_schema.name: expected 1 to 64 letters, digits, _ or -, got another "
     "word"},
    {"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":[]}}",
     "response_format.json_schema.schema: expected an object, got an array"},
    {"\"reasoning\":1", "reasoning: expected an object, got a number"},
    {"\"reasoning\":{\"effort\":\"much\"}",
     "reasoning.effort: expected none, minimal, low, medium, high, xhigh or max, got another word"},
    {"\"reasoning\":{\"max_tokens\":0}",
     "reasoning.max_tokens: expected a whole number from 1 to 4294967295, got a number outside of "
     "that"},
    {"\"reasoning\":{\"enabled\":1}", "reasoning.enabled: expected true or false, got a number"},
    {"\"reasoning\":{\"exclude\":\"\"}", "reasoning.exclude: expected true or false, got a string"},
    {"\"reasoning\":{\"summary\":\"all\"}",
     "reasoning.summary: expected auto, concise or detailed, got another word"},
    {"\"reasoning_effort\":2",
     "reasoning_effort: expected none, minimal, low, medium, high, xhigh or max, got a number"},
    {"\"include_reasoning\":\"yes\"", "include_reasoning: expected true or false, got a string"},
    {"\"verbosity\":\"loud\"",
     "verbosity: expected low, medium, high, xhigh or max, got another word"},
    {"\"service_tier\":\"gold\"",
     "service_tier: expected auto, default, fast, flex, priority or scale, got another word"},
    {"\"logit_bias\":[]", "logit_bias: expected an object, got an array"},
    {"\"logit_bias\":{\"1\":101}",
     "logit_bias: expected a number from -100 to 100, got a number outside of that"},
    {"\"logit_bias\":{\"1\":null}", "logit_bias: expected numbers from -100 to 100, got null"},
    {"\"metadata\":\"m\"", "metadata: expected an object, got a string"},
    {"\"metadata\":{\"a\":1}",
     "metadata: expected values that are strings of at most 512 characters, got a number"},
    {"\"modalities\":\"text\"", "modalities: expected an array of strings, got a string"},
    {"\"modalities\":[\"text\",\"smell\"]",
     "modalities[1]: expected text, image or audio, got another word"},
    {"\"image_config\":[]", "image_config: expected an object, got an array"},
    {"\"audio\":\"alloy\"", "audio: expected an object, got a string"},
    {"\"store\":\"no\"", "store: expected true or false, got a string"},
    {"\"prediction\":\"x\"", "prediction: expected an object, got a string"},
    {"\"prediction\":{\"content\":\"x\"}", "prediction.type: expected content, got nothing"},
    {"\"prediction\":{\"type\":\"content\"}",
     "prediction.content: expected a string or an array of parts, got nothing"},
    {"\"web_search_options\":true", "web_search_options: expected an object, got a boolean"},
    {"\"cache_control\":{}", "cache_control.type: expected ephemeral, got nothing"},
    {"\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"2h\"}",
     "cache_control.ttl: expected 5m or 1h, got another word"},
    {"\"prompt_cache_key\":1", "prompt_cache_key: expected a string, got a number"},
    {"\"prompt_cache_options\":1", "prompt_cache_options: expected an object, got a number"},
    {"\"safety_identifier\":1", "safety_identifier: expected a string, got a number"},
    {"\"max_tool_calls\":31",
     "max_tool_calls: expected a whole number from 1 to 30, got a number outside of that"},
    {"\"stop_server_tools_when\":{}", "stop_server_tools_when: expected an array, got an object"},
    {"\"transforms\":[1]", "transforms[0]: expected a string, got a number"},
    {"\"debug\":{\"echo_upstream_body\":1}",
     "debug.echo_upstream_body: expected true or false, got a number"},
    {"\"provider\":\"openai\"", "provider: expected an object, got a string"},
    {"\"models\":\"a/b\"", "models: expected an array, got a string"},
    {"\"models\":[1]", "models[0]: expected a string, got a number"},
    {"\"models\":[\"\"]", "models[0]: expected a model name of 1 to 256 bytes, got 0"},
    {"\"route\":1", "route: expected a string, got a number"},
    {"\"preset\":{}", "preset: expected a string, got an object"},
    {"\"session_id\":7", "session_id: expected a string, got a number"},
    {"\"plugins\":{}", "plugins: expected an array, got an object"},
    {"\"transforms\":\"x\"", "transforms: expected an array of strings, got a string"},
    {"\"usage\":true", "usage: expected an object, got a boolean"},
    {"\"trace\":[]", "trace: expected an object, got an array"},
    {"\"debug\":1", "debug: expected an object, got a number"},
};

/* Two members that cannot both be meant: the sentence names both. */
static const struct wrong contradictions[] = {
    {"\"max_tokens\":5,\"max_completion_tokens\":6",
     "max_tokens and max_completion_tokens contradict each other: send one of them"},
    {"\"reasoning_effort\":\"low\",\"reasoning\":{\"effort\":\"high\"}",
     "reasoning_effort and reasoning.effort contradict each other: send one of them"},
    {"\"reasoning_effort\":\"low\",\"reasoning\":{\"max_tokens\":2000}",
     "reasoning_effort and reasoning.max_tokens contradict each other: send one of them"},
    {"\"reasoning_effort\":\"low\",\"reasoning\":{\"enabled\":false}",
     "reasoning_effort and reasoning.enabled contradict each other: send one of them"},
    {"\"reasoning\":{\"effort\":\"low\",\"max_tokens\":2000}",
     "reasoning.effort and reasoning.max_tokens contradict each other: send one of them"},
    {"\"reasoning\":{\"effort\":\"low\",\"enabled\":false}",
     "reasoning.effort and reasoning.enabled contradict each other: send one of them"},
    {"\"reasoning\":{\"effort\":\"none\",\"enabled\":true}",
     "reasoning.effort and reasoning.enabled contradict each other: send one of them"},
    {"\"reasoning\":{\"max_tokens\":2000,\"enabled\":false}",
     "reasoning.max_tokens and reasoning.enabled contradict each other: send one of them"},
    {"\"reasoning\":{\"exclude\":true},\"include_reasoning\":true",
     "include_reasoning and reasoning.exclude contradict each other: send one of them"},
    {"\"reasoning\":{\"max_tokens\":2000},\"max_tokens\":2000",
     "reasoning.max_tokens and max_tokens contradict each other: the former must be less than the "
     "latter, of which it is a part"},
    {"\"reasoning\":{\"max_tokens\":2000},\"max_completion_tokens\":100",
     "reasoning.max_tokens and max_completion_tokens contradict each other: the former must be "
     "less "
     "than the latter, of which it is a part"},
    {"\"functions\":[],\"tools\":[]",
     "functions and tools contradict each other: send one of them"},
    {"\"function_call\":\"auto\",\"tool_choice\":\"auto\"",
     "function_call and tool_choice contradict each other: send one of them"},
    {"\"logprobs\":false,\"top_logprobs\":2",
     "logprobs and top_logprobs contradict each other: send one of them"},
};

/* What says one thing twice, or leaves it open, is none. */
static const char *const agreements[] = {
    "\"max_tokens\":5,\"max_completion_tokens\":5",
    "\"reasoning_effort\":\"low\",\"reasoning\":{\"effort\":\"low\",\"enabled\":true}",
    "\"reasoning_effort\":\"none\",\"reasoning\":{\"enabled\":false}",
    "\"reasoning\":{\"effort\":\"none\",\"enabled\":false,\"max_tokens\":null}",
    "\"reasoning\":{\"exclude\":true},\"include_reasoning\":false",
    "\"reasoning\":{\"max_tokens\":2000},\"max_tokens\":2001",
    "\"functions\":[],\"tools\":null",
    "\"logprobs\":false,\"top_logprobs\":0",
    "\"seed\":-9000000000000000000,\"stop\":[\"a\",\"b\",\"c\",\"d\"]",
};

static void contradictions_are_refused_with_both_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(contradictions); i++)
        assert_refused(read_with(contradictions[i].member), contradictions[i].member,
                       contradictions[i].sentence);
    for (size_t i = 0; i < COUNT_OF(agreements); i++)
        accepted(agreements[i]);
}

/* Lengths count characters, not bytes, and an escape is one. */
static void texts_have_their_lengths_in_characters(void **state)
{
    (void)state;
    char text[4000];
    static const struct {
        const char *head, *one, *tail;
        unsigned most;
    } rows[] = {
        {"\"session_id\":\"", "a", "\"", 256},
        {"\"session_id\":\"", "\xc3\xa4", "\"", 256},
        {"\"session_id\":\"", "\\u00e4", "\"", 256},
        {"\"session_id\":\"", "\\n", "\"", 256},
        {"\"metadata\":{\"", "k", "\":\"v\"}", 64},
        {"\"metadata\":{\"k\":\"", "v", "\"}", 512},
        {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"", "f", "\"}}]", 64},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (unsigned more = 0; more < 2; more++) {
            struct buf b = {.p = text, .cap = sizeof text, .max = sizeof text};
            buf_add_c(&b, rows[i].head);
            for (unsigned n = 0; n < rows[i].most + more; n++)
                buf_add_c(&b, rows[i].one);
            buf_add_c(&b, rows[i].tail);
            buf_add(&b, str_of("", 1));
            assert_int_equal(read_with(text), more ? ERR_INVALID : ERR_OK);
        }
    }
}

static void a_member_of_the_wrong_kind_or_range_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong_members); i++)
        assert_refused(read_with(wrong_members[i].member), wrong_members[i].member,
                       wrong_members[i].sentence);
}

static void an_escaped_name_is_the_same_name(void **state)
{
    (void)state;
    assert_refused(
        read_with("\"max_\\u0074okens\":0"), "escaped",
        "max_tokens: expected a whole number from 1 to 4294967295, got a number outside of that");
    assert_true(accepted("\"max_\\u0074okens\":9")->has_max_tokens);
    assert_int_equal(here.request.max_tokens, 9);
    assert_int_equal(accepted("\"pro\\u0076ider\":{\"allow_fallbacks\":false}")->ours_n, 1);
    assert_str(here.request.ours[0], "provider");
    assert_true(json_is(json_get(here.request.provider, STR("allow_fallbacks")), JSON_FALSE));
}

static void a_name_that_is_there_twice_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_with("\"max_tokens\":5,\"max_tokens\":5"), ERR_INVALID);
    assert_non_null(strstr(here.fault.message, "max_tokens"));
    assert_int_equal(read_with("\"max_tokens\":5,\"max\\u005ftokens\":6"), ERR_INVALID);
    assert_int_equal(read_with("\"nobody_knows\":5,\"nobody_knows\":5"), ERR_INVALID);
    assert_int_equal(read_with("\"mod\\u0065l\":\"other\""), ERR_INVALID);
    assert_int_equal(
        read_with("\"stream_options\":{\"include\\u005fusage\":true,\"include_usage\":false}"),
        ERR_INVALID);
    assert_non_null(strstr(here.fault.message, "include_usage"));
}

static void null_is_fine_for_every_member_that_may_miss(void **state)
{
    (void)state;
    static const char *const names[] = {"n",
                                        "seed",
                                        "stop",
                                        "user",
                                        "models",
                                        "stream",
                                        "tools",
                                        "top_p",
                                        "provider",
                                        "max_tokens",
                                        "temperature",
                                        "tool_choice",
                                        "stream_options",
                                        "response_format",
                                        "max_completion_tokens"};
    char member[64];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(member, sizeof member, "\"%s\":null", names[i]);
        const struct chat_request *r = accepted(member);
        assert_false(r->has_max_tokens || r->has_max_completion_tokens || r->is_streamed);
        assert_int_equal(r->choices, 1);
    }
}

static void what_is_not_known_is_left_alone(void **state)
{
    (void)state;
    const struct chat_request *r =
        accepted("\"new_thing\":{\"deep\":[1,2]},\"max_token\":0,\"x\":\"y\"");
    assert_int_equal(r->ours_n, 0);
    assert_int_equal(r->models_n, 1);
}

/* --- the whole body
 * ------------------------------------------------------------------------------------ */

static const struct wrong wrong_bodies[] = {
    {"[]", "the body: expected a JSON object, got an array"},
    {"\"x\"", "the body: expected a JSON object, got a string"},
    {"null", "the body: expected a JSON object, got null"},
    {"{}", "model: expected the name of a model, got nothing"},
    {"{\"model\":null}", "model: expected the name of a model, got nothing"},
    {"{\"models\":[]}", "model: expected the name of a model, got nothing"},
    {"{\"model\":7}", "model: expected a string, got a number"},
    {"{\"model\":\"\"}", "model: expected a model name of 1 to 256 bytes, got 0"},
    {"{\"model\":\"m\"}", "messages: expected an array of at least one message, got nothing"},
    {"{\"model\":\"m\",\"messages\":[]}",
     "messages: expected an array of at least one message, got an empty array"},
    {"{\"model\":\"m\",\"messages\":null}",
     "messages: expected an array of at least one message, got null"},
    {"{\"model\":\"m\",\"messages\":[1]}", "messages[0]: expected an object, got a number"},
    {"{\"model\":\"m\",\"messages\":[{}]}",
     "messages[0].role: expected system, developer, user, assistant or tool, got nothing"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"boss\",\"content\":\"x\"}]}",
     "messages[0].role: expected system, developer, user, assistant or tool, got another word"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}]}",
     "messages[0].content: expected a string or an array of parts, got nothing"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"x\"},{\"role\":\"user\","
     "\"content\":null}]}",
     "messages[1].content: expected a string or an array of parts, got null"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":5}]}",
     "messages[0].content: expected a string or an array, got a number"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[\"x\"]}]}",
     "messages[0].content[0]: expected an object, got a string"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]}]}",
     "messages[0].content[0].type: expected a string, got nothing"},
    {"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":1}"
     "]}]}",
     "messages[0].content[0].text: expected a string, got a number"},
};

static void a_wrong_body_is_refused_with_the_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong_bodies); i++)
        assert_refused(read_text(wrong_bodies[i].member), wrong_bodies[i].member,
                       wrong_bodies[i].sentence);
}

static void a_model_name_has_an_end(void **state)
{
    (void)state;
    char name[258], text[400];
    memset(name, 'm', sizeof name);
    snprintf(text, sizeof text, "{\"model\":\"%.*s\"}", 257, name);
    assert_refused(read_text(text), "long name",
                   "model: expected a model name of 1 to 256 bytes, got 257");
}

/* --- what is read
 * ------------------------------------------------------------------------------------ */

static void models_come_in_order_each_once(void **state)
{
    (void)state;
    const struct chat_request *r = accepted("\"models\":[\"c/d\",\"a/b\",\"c\\u002fd\",\"e\"]");
    assert_int_equal(r->models_n, 3);
    assert_str(r->models[0], "a/b");
    assert_str(r->models[1], "c/d");
    assert_str(r->models[2], "e");
    read_text("{\"models\":[\"x\"],\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    assert_int_equal(r->models_n, 1);
    assert_str(r->models[0], "x");
    assert_refused(read_with("\"models\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\","
                             "\"10\",\"11\",\"12\","
                             "\"13\",\"14\",\"15\",\"16\"]"),
                   "17 models", "models: more than 16 models");
}

static uint64_t bits(const char *names)
{
    uint64_t all = 0;
    struct str list = str_c(names);
    while (list.n) {
        struct str name = str_cut(&list, ' ');
        assert_true(chat_member_bit(name) != 0);
        all |= chat_member_bit(name);
    }
    return all;
}

#define ALWAYS "model messages "

static void members_are_known_by_bits_and_by_what_they_ask_for(void **state)
{
    (void)state;
    static const struct {
        const char *more, *given, *asks;
        bool has_unknown;
    } rows[] = {
        {"\"seed\":1,\"stop\":[]", ALWAYS "seed stop", ALWAYS "seed stop", false},
        {"\"seed\":null", ALWAYS "seed", ALWAYS, false},
        {"\"se\\u0065d\":1", ALWAYS "seed", ALWAYS "seed", false},
        {"\"n\":1,\"logprobs\":false", ALWAYS "n logprobs", ALWAYS, false},
        {"\"n\":2,\"logprobs\":true", ALWAYS "n logprobs", ALWAYS "n logprobs", false},
        {"\"response_format\":{\"type\":\"text\"}", ALWAYS "response_format", ALWAYS, false},
        {"\"seeds\":1", ALWAYS, ALWAYS, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct chat_request *r = accepted(rows[i].more);
        assert_int_equal(r->given, bits(rows[i].given));
        assert_int_equal(r->asks, bits(rows[i].asks));
        assert_int_equal(r->has_unknown, rows[i].has_unknown);
    }
    for (unsigned i = 0; chat_member(i).p; i++)
        assert_int_equal(chat_member_bit(chat_member(i)), UINT64_C(1) << i);
    assert_int_equal(chat_member_bit(STR_NONE), 0);
    const struct chat_request *r = accepted("\"tool_choice\":\"required\"");
    assert_true(r->wants_tool && !r->wants_function);
    r = accepted("\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}");
    assert_true(!r->wants_tool && r->wants_function);
    r = accepted("\"tool_choice\":\"auto\",\"response_format\":{\"type\":\"json_object\"}");
    assert_true(!r->wants_tool && !r->wants_function && !r->wants_schema);
    r = accepted("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}");
    assert_true(r->wants_schema);
}

static void bounds_streaming_and_choices_are_read(void **state)
{
    (void)state;
    const struct chat_request *r = accepted("\"max_tokens\":4294967295,\"n\":20,\"stream\":true");
    assert_true(r->has_max_tokens && !r->has_max_completion_tokens && r->is_streamed);
    assert_int_equal(r->max_tokens, UINT32_MAX);
    assert_int_equal(r->choices, 20);
    accepted("\"max_completion_tokens\":7");
    assert_true(!r->has_max_tokens && r->has_max_completion_tokens);
    assert_int_equal(r->max_tokens, 7);
    accepted("\"max_tokens\":8,\"max_completion_tokens\":8");
    assert_true(r->has_max_tokens && r->has_max_completion_tokens);
    assert_int_equal(r->max_tokens, 8);
    accepted("\"user\":\"J\\u00f6rg\"");
    assert_str(r->user, "J\xc3\xb6rg");
}

static void what_is_ours_is_noted_whether_null_or_not(void **state)
{
    (void)state;
    const struct chat_request *r = accepted(
        "\"provider\":null,\"usage\":{\"include\":true},\"route\":\"fallback\",\"plugins\":[],"
        "\"transforms\":[],\"models\":[],\"preset\":\"p\",\"session_id\":\"s\",\"debug\":{},"
        "\"trace\":{},\"max_tool_calls\":3,\"stop_server_tools_when\":[],\"temperature\":1");
    static const char *const ours[] = {
        "provider", "usage",      "route", "plugins", "transforms",     "models",
        "preset",   "session_id", "debug", "trace",   "max_tool_calls", "stop_server_tools_when"};
    assert_int_equal(r->ours_n, COUNT_OF(ours));
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        assert_str(r->ours[i], ours[i]);
}

static void text_is_counted_and_links_too(void **state)
{
    (void)state;
    assert_int_equal(
        read_text(
            "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"12345\"},"
            "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"678\"},"
            "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}},"
            "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}},"
            "{\"type\":\"file\",\"file\":{\"file_data\":\"https://x/y.pdf\"}}]},"
            "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\","
            "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":"
            "\"\\u4f609\"}],\"tools\":[]}"),
        ERR_OK);
    assert_int_equal(here.request.text.bytes, 15 + strlen("[]"));
    assert_int_equal(here.request.text.wide, 1);
    assert_int_equal(here.request.links, 2);
}

/* --- usage and finish reasons
 * --------------------------------------------------------------------------- */

static void usage_is_written_as_clients_know_it(void **state)
{
    (void)state;
    struct chat_bill bill = {
        .usage = {.prompt = 10, .completion = 5, .cached = 4, .cache_write = 1, .reasoning = 2},
        .cost = 4350,
        .prompt_cost = 1350,
        .completion_cost = 3000};
    struct json_writer w;
    buf_reset(&here.text);
    json_writer_init(&w, &here.text);
    chat_write_usage(&w, NULL, &bill);
    assert_int_equal(jw_finish(&w), ERR_OK);
    assert_str(
        buf_view(&here.text),
        "{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,\"cost\":0.00000435,"
        "\"is_byok\":false,\"prompt_tokens_details\":{\"cached_tokens\":4,\"cache_write_tokens\":1}"
        ","
        "\"completion_tokens_details\":{\"reasoning_tokens\":2},\"cost_details\":"
        "{\"upstream_inference_cost\":null,\"upstream_inference_prompt_cost\":0.00000135,"
        "\"upstream_inference_completions_cost\":0.000003}}");
}

static void finish_reasons_are_five(void **state)
{
    (void)state;
    static const struct {
        const char *native, *ours;
    } rows[] = {
        {"stop", "stop"},
        {"length", "length"},
        {"tool_calls", "tool_calls"},
        {"error", "error"},
        {"function_call", "tool_calls"},
        {"content_filter", "content_filter"},
        {"max_tokens", "length"},
        {"model_length", "length"},
        {"safety", "content_filter"},
        {"eos", "stop"},
        {"", "stop"},
        {"STOP", "stop"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_str(chat_finish_reason(str_c(rows[i].native)), rows[i].ours);
}

/* Under a sanitizer this sees a view that points to where scratch was before it grew. */
static void what_is_decoded_stays_where_it_is(void **state)
{
    (void)state;
    char text[2048], long_name[240];
    memset(long_name, 'x', sizeof long_name);
    snprintf(text, sizeof text,
             "{\"model\":\"a\\u002fb\",\"models\":[\"c\\u002f%.240s\",\"d\\u002f%.240s\"],"
             "\"us\\u0065r\":\"\\u0041%.240s\",\"messages\":[{\"role\":\"user\","
             "\"content\":\"hi\"}]}",
             long_name, long_name, long_name);
    buf_release(&here.scratch);
    buf_init(&here.scratch, TEXT_MAX);
    assert_int_equal(read_text(text), ERR_OK);
    assert_str(here.request.models[0], "a/b");
    assert_int_equal(here.request.models_n, 3);
    assert_str(str_head(here.request.models[2], 3), "d/x");
    assert_str(str_head(here.request.user, 2), "Ax");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_of_the_wrong_kind_or_range_is_refused_by_name),
        cmocka_unit_test(contradictions_are_refused_with_both_names),
        cmocka_unit_test(texts_have_their_lengths_in_characters),
        cmocka_unit_test(an_escaped_name_is_the_same_name),
        cmocka_unit_test(a_name_that_is_there_twice_is_refused),
        cmocka_unit_test(null_is_fine_for_every_member_that_may_miss),
        cmocka_unit_test(what_is_not_known_is_left_alone),
        cmocka_unit_test(a_wrong_body_is_refused_with_the_place),
        cmocka_unit_test(a_model_name_has_an_end),
        cmocka_unit_test(models_come_in_order_each_once),
        cmocka_unit_test(what_is_decoded_stays_where_it_is),
        cmocka_unit_test(members_are_known_by_bits_and_by_what_they_ask_for),
        cmocka_unit_test(bounds_streaming_and_choices_are_read),
        cmocka_unit_test(what_is_ours_is_noted_whether_null_or_not),
        cmocka_unit_test(text_is_counted_and_links_too),
        cmocka_unit_test(usage_is_written_as_clients_know_it),
        cmocka_unit_test(finish_reasons_are_five),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
