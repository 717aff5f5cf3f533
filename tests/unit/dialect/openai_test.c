#include "unit/unit.h"

#include <stdio.h>

#include "dialect/openai.h"

enum { TEXT_MAX = 64 * 1024 };

static struct reading {
    struct json_tape tape;
    struct buf scratch, out;
} here;

static int set_up(void **state)
{
    (void)state;
    json_tape_init(&here.tape, 100000);
    buf_init(&here.scratch, TEXT_MAX);
    buf_init(&here.out, TEXT_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_tape_release(&here.tape);
    buf_release(&here.scratch);
    buf_release(&here.out);
    return 0;
}

static struct json parse(const char *text)
{
    struct json root;
    struct fault f;
    if (json_parse(&here.tape, str_c(text), &root, &f) != ERR_OK)
        fail_msg("%s: %s", text, f.message);
    return root;
}

static void assert_text(struct str got, const char *expected, const char *of)
{
    if (!str_eq(got, str_c(expected)))
        fail_msg("of       %s\ngot      %.*s\nexpected %s", of, STR_ARG(got), expected);
}

/* --- requests
 * ---------------------------------------------------------------------------------------- */

#define MESSAGES "\"messages\":[ {\"role\":\"user\", \"content\":\"h\\u0069 \xc3\xa4\"}\t]"

struct request_edit {
    const char *max_tokens; /* "": leave it to the provider */
    const char *body, *sent;
};

static const struct request_edit request_edits[] = {
    /* bytes that are not concerned stay as they are, odd white space and escapes too */
    {"", "{ \"model\" : \"a/b\" ,\n " MESSAGES ", \"temperature\": 1.50e0 }",
     "{ \"model\" : \"native-1\" ,\n " MESSAGES ", \"temperature\": 1.50e0 }"},
    /* a model known from `models` alone is added */
    {"", "{" MESSAGES ",\"models\":[\"a/b\"]}", "{" MESSAGES ",\"model\":\"native-1\"}"},
    {"", "{\"models\":[\"a/b\"]," MESSAGES "}", "{" MESSAGES ",\"model\":\"native-1\"}"},
    /* ours go from any position */
    {"", "{\"provider\":{\"order\":[\"x\"]},\"model\":\"a\"," MESSAGES "}",
     "{\"model\":\"native-1\"," MESSAGES "}"},
    {"", "{\"model\":\"a\",\"provider\":{}," MESSAGES "}", "{\"model\":\"native-1\"," MESSAGES "}"},
    {"", "{\"model\":\"a\"," MESSAGES ",\"provider\":{}}", "{\"model\":\"native-1\"," MESSAGES "}"},
    {"",
     "{\"route\":\"f\",\"plugins\":[],\"model\":\"a\",\"usage\":{\"include\":true}," MESSAGES
     ",\"transforms\":[],\"session_id\":\"s\"}",
     "{\"model\":\"native-1\"," MESSAGES "}"},
    {"", "{\"pro\\u0076ider\":{},\"mod\\u0065l\":\"a\"," MESSAGES "}",
     "{\"mod\\u0065l\":\"native-1\"," MESSAGES "}"},
    /* the output bound: where it is, under the provider's name where it is not, both where both are
     */
    {"100", "{\"model\":\"a\"," MESSAGES "}",
     "{\"model\":\"native-1\"," MESSAGES ",\"max_tokens\":100}"},
    {"100", "{\"model\":\"a\",\"max_tokens\":500," MESSAGES "}",
     "{\"model\":\"native-1\",\"max_tokens\":100," MESSAGES "}"},
    {"100", "{\"model\":\"a\",\"max_tokens\":null," MESSAGES "}",
     "{\"model\":\"native-1\",\"max_tokens\":100," MESSAGES "}"},
    {"100", "{\"max_completion_tokens\":500,\"model\":\"a\"," MESSAGES "}",
     "{\"max_completion_tokens\":100,\"model\":\"native-1\"," MESSAGES "}"},
    {"9", "{\"max_completion_tokens\":500,\"model\":\"a\",\"max_tokens\":500," MESSAGES "}",
     "{\"max_completion_tokens\":9,\"model\":\"native-1\",\"max_tokens\":9," MESSAGES "}"},
    {"", "{\"model\":\"a\",\"max_tokens\":500," MESSAGES "}",
     "{\"model\":\"native-1\",\"max_tokens\":500," MESSAGES "}"},
    /* a stream brings its usage, other options stay */
    {"", "{\"model\":\"a\",\"stream\":true," MESSAGES "}",
     "{\"model\":\"native-1\",\"stream\":true," MESSAGES
     ",\"stream_options\":{\"include_usage\":true}}"},
    {"", "{\"model\":\"a\",\"stream\":true,\"stream_options\":{}," MESSAGES "}",
     "{\"model\":\"native-1\",\"stream\":true,\"stream_options\":{\"include_usage\":true}," MESSAGES
     "}"},
    {"", "{\"model\":\"a\",\"stream\":true,\"stream_options\":null," MESSAGES "}",
     "{\"model\":\"native-1\",\"stream\":true,\"stream_options\":{\"include_usage\":true}," MESSAGES
     "}"},
    {"",
     "{\"model\":\"a\",\"stream\":true,\"stream_options\":{\"include_obfuscation\": false, "
     "\"include_usage\":false}," MESSAGES "}",
     "{\"model\":\"native-1\",\"stream\":true,\"stream_options\":{\"include_obfuscation\": false, "
     "\"include_usage\":true}," MESSAGES "}"},
    {"", "{\"model\":\"a\",\"stream\":false,\"stream_options\":{}," MESSAGES "}",
     "{\"model\":\"native-1\",\"stream\":false,\"stream_options\":{}," MESSAGES "}"},
};

static void a_request_changes_only_where_it_must(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(request_edits); i++) {
        const struct request_edit *x = &request_edits[i];
        struct chat_request r;
        struct fault f;
        struct splice s;
        struct openai_target t = {STR("\"native-1\""), str_c(x->max_tokens), STR("max_tokens"),
                                  NULL};
        buf_reset(&here.scratch);
        buf_reset(&here.out);
        if (chat_read(parse(x->body), &here.scratch, &r, &f) != ERR_OK)
            fail_msg("%s: %s", x->body, f.message);
        splice_init(&s, str_c(x->body));
        openai_edit_request(&r, &t, &s);
        assert_int_equal(splice_write(&s, &here.out), ERR_OK);
        assert_text(buf_view(&here.out), x->sent, x->body);
    }
}

struct rules_edit {
    const char *max_tokens;
    const char *more, *sent; /* behind the model */
};

/* A provider that takes little, refuses what it does not know, and has names of its own. */
static const struct rules_edit rules_edits[] = {
    {"", "", ""},
    {"", ",\"temperature\":1,\"seed\":7", ",\"temperature\":1,\"random_seed\":7"},
    {"", ",\"seed\":null,\"stop\":\"x\"", ",\"stop\":\"x\""},
    {"", ",\"seed\":7,\"random_seed\":8", ",\"random_seed\":8"}, /* its own word stands */
    {"", ",\"logit_bias\":{},\"zebra\":[1,{\"a\":2}],\"user\":\"u\"", ",\"user\":\"u\""},
    {"", ",\"log\\u0069t_bias\":{},\"zebr\\u0061\":1,\"user\":\"u\"", ",\"user\":\"u\""},
    {"", ",\"tool_choice\":\"required\",\"tools\":[]", ",\"tools\":[]"},
    {"", ",\"tool_choice\":\"auto\",\"tools\":[]", ",\"tool_choice\":\"auto\",\"tools\":[]"},
    {"", ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}", ""},
    {"", ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}", ""},
    {"", ",\"response_format\":{\"type\":\"json_object\"}",
     ",\"response_format\":{\"type\":\"json_object\"}"},
    {"", ",\"reasoning\":{\"effort\":\"low\",\"exclude\":true}", ",\"reasoning_effort\":\"low\""},
    /* one word for what it says of effort: the nearest that there is */
    {"", ",\"reasoning\":{\"max_tokens\":5}", ",\"reasoning_effort\":\"medium\""},
    {"5000", ",\"max_tokens\":5000,\"reasoning\":{\"max_tokens\":1025}",
     ",\"max_tokens\":5000,\"reasoning_effort\":\"medium\""},
    {"5000", ",\"max_tokens\":5000,\"reasoning\":{\"max_tokens\":100}",
     ",\"max_tokens\":5000,\"reasoning_effort\":\"low\""},
    {"", ",\"reasoning\":{\"enabled\":true}", ",\"reasoning_effort\":\"medium\""},
    {"", ",\"reasoning\":{\"enabled\":false}", ",\"reasoning_effort\":\"none\""},
    {"", ",\"reasoning\":{\"exclude\":true}", ""},
    {"", ",\"reasoning\":{}", ""},
    {"", ",\"reasoning\":{\"effort\":\"max\"}", ",\"reasoning_effort\":\"high\""},
    {"", ",\"reasoning\":{\"effort\":\"minimal\"}", ",\"reasoning_effort\":\"low\""},
    {"", ",\"reasoning_effort\":\"xhigh\"", ",\"reasoning_effort\":\"high\""},
    {"", ",\"reasoning_effort\":\"none\"", ",\"reasoning_effort\":\"none\""},
    {"", ",\"reasoning\":{\"effort\":\"high\"},\"reasoning_effort\":\"high\"",
     ",\"reasoning_effort\":\"high\""},
    /* the bound of the output, under the one name */
    {"5", ",\"max_completion_tokens\":9", ",\"max_tokens\":5"},
    {"5", ",\"max_tokens\":9", ",\"max_tokens\":5"},
    {"5", ",\"max_completion_tokens\":9,\"max_tokens\":9", ",\"max_tokens\":5"},
    {"5", ",\"max_completion_tokens\":null", ",\"max_tokens\":5"},
    {"5", "", ",\"max_tokens\":5"},
    {"", ",\"max_completion_tokens\":9", ",\"max_tokens\":9"},
    /* usage is told unasked */
    {"", ",\"stream\":true", ",\"stream\":true"},
    {"", ",\"stream\":true,\"stream_options\":{\"include_usage\":true}", ",\"stream\":true"},
};

static struct openai_rules odd_rules(void)
{
    struct openai_rules rules = {
        .drops = chat_member_bit(STR("logit_bias")) | chat_member_bit(STR("stream_options")),
        .drops_unknown = true,
        .drops_required = true,
        .drops_function = true,
        .drops_schema = true,
        .has_no_stream_options = true,
        .renames = {{STR("max_completion_tokens"), STR("max_tokens"), false, 0},
                    {STR("seed"), STR("random_seed"), false, 0},
                    {STR("reasoning"), STR("reasoning_effort"), true, 0}},
        .renames_n = 3,
        .least_effort = EFFORT_LOW,
        .most_effort = EFFORT_HIGH,
    };
    for (uint32_t i = 0; i < rules.renames_n; i++)
        rules.renames[i].bit = chat_member_bit(rules.renames[i].from);
    return rules;
}

static void an_endpoint_is_sent_what_it_takes_as_it_takes_it(void **state)
{
    (void)state;
    struct openai_rules rules = odd_rules();
    struct openai_target t = {
        .model_json = STR("\"m\""), .max_tokens_field = STR("max_tokens"), .rules = &rules};
    for (size_t i = 0; i < COUNT_OF(rules_edits); i++) {
        const struct rules_edit *x = &rules_edits[i];
        char body[400], sent[400];
        struct chat_request r;
        struct fault f;
        struct splice s;
        snprintf(body, sizeof body, "{" MESSAGES ",\"model\":\"a\"%s}", x->more);
        snprintf(sent, sizeof sent, "{" MESSAGES ",\"model\":\"m\"%s}", x->sent);
        buf_reset(&here.scratch);
        buf_reset(&here.out);
        t.max_tokens_json = str_c(x->max_tokens);
        if (chat_read(parse(body), &here.scratch, &r, &f) != ERR_OK)
            fail_msg("%s: %s", body, f.message);
        splice_init(&s, str_c(body));
        openai_edit_request(&r, &t, &s);
        assert_int_equal(splice_write(&s, &here.out), ERR_OK);
        assert_text(buf_view(&here.out), sent, body);
        assert_true(json_parse(&here.tape, buf_view(&here.out), &r.root, NULL) == ERR_OK);
    }
}

/* --- messages -------------------------------------------------------------------------------- */

enum { ALL = 127, ADDED = CHAT_THOUGHTS | CHAT_MARKS | CHAT_ECHOES };

struct messages_edit {
    uint8_t unsaid;
    const char *thoughts, *prefill;
    const char *said, *sent; /* a message; sent NULL: as it is */
};

static const struct messages_edit messages_edits[] = {
    {ALL, "", "", "{\"role\":\"user\", \"content\":\"h\\u0069\"}", NULL},
    {ADDED, "", "", "{\"role\": \"developer\",\"content\":\"a\"}", NULL},
    {ALL, "", "", "{\"role\": \"developer\",\"content\":\"a\"}",
     "{\"role\":\"system\",\"content\":\"a\"}"},
    /* who speaks stands before the first text */
    {ADDED, "", "", "{\"role\":\"user\",\"name\":\"bob\",\"content\":\"a\"}", NULL},
    {ALL, "", "", "{\"role\":\"user\",\"name\":\"bob\",\"content\":\"a\\n\"}",
     "{\"role\":\"user\",\"content\":\"bob: a\\n\"}"},
    {CHAT_NAMES, "", "",
     "{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://a/"
     "b.png\"}},{\"type\":\"text\","
     "\"text\":"
     "\"a\",\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"b\"}],"
     "\"name\":"
     "\"bob\",\"role\":\"user\"}",
     "{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://a/"
     "b.png\"}},{\"type\":\"text\","
     "\"text\":"
     "\"bob: "
     "a\",\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"b\"}],\"role\":"
     "\"user\"}"},
    {ALL, "", "",
     "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{"
     "\"name\":\"f\",\"arguments\":\"{}\"}}]},"
     "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"name\":\"f\",\"content\":\"a\"}",
     NULL},
    /* marks for a cache */
    {ADDED, "", "",
     "{\"role\":\"user\",\"cache_control\":{\"type\":\"ephemeral\"},\"content\":[{\"type\":"
     "\"text\","
     "\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}}]}",
     "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}"},
    /* thoughts: not at all, or by the provider's name */
    {ADDED, "", "",
     "{\"reasoning\":\"hm\",\"role\":\"assistant\",\"content\":\"a\",\"reasoning_details\":[{"
     "\"type\":"
     "\"reasoning.text\",\"text\":\"hm\"}],\"reasoning_content\":\"hm\"}",
     "{\"role\":\"assistant\",\"content\":\"a\"}"},
    {ADDED, "reasoning_content", "",
     "{\"role\":\"assistant\",\"content\":null,\"reasoning\":\"h\\n\"}",
     "{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"h\\n\"}"},
    {ADDED, "reasoning", "",
     "{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":\"h\",\"reasoning\":null}",
     "{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"h\"}"},
    {ADDED, "reasoning_content", "",
     "{\"role\":\"assistant\",\"content\":\"\",\"reasoning_details\":[{\"type\":\"reasoning."
     "summary\","
     "\"summary\":\"so\"},{\"type\":\"reasoning.encrypted\",\"data\":\"x\"},{\"type\":\"reasoning."
     "text\","
     "\"text\":\" h\\\"\"}]}",
     "{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":\"so h\\\"\"}"},
    {ADDED, "reasoning_content", "",
     "{\"role\":\"assistant\",\"content\":\"\",\"reasoning_details\":[]}",
     "{\"role\":\"assistant\",\"content\":\"\"}"},
    {CHAT_MARKS, "", "", "{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"h\"}", NULL},
    /* what else came with an answer */
    {ADDED, "", "",
     "{\"role\":\"assistant\",\"content\":null,\"refusal\":null,\"annotations\":[],\"function_"
     "call\":null,"
     "\"audio\":null,\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"function\",\"function\":{"
     "\"name\":"
     "\"f\",\"arguments\":\"{}\"}}]}",
     "{\"role\":\"assistant\",\"content\":null,\"refusal\":null,\"annotations\":[],\"function_"
     "call\":null,\"audio\":null,"
     "\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
     "\"arguments\":\"{}\"}"
     "}]}"},
    {ADDED | CHAT_OWN, "", "",
     "{\"role\":\"assistant\",\"content\":\"a\",\"refusal\":null,\"annotations\":[],\"function_"
     "call\":null,"
     "\"audio\":null,\"tool_calls\":null}",
     "{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":null}"},
    /* an answer that is begun */
    {ALL, "", "prefix", "{\"role\":\"assistant\",\"content\":\"a\"}",
     "{\"role\":\"assistant\",\"content\":\"a\",\"prefix\":true}"},
    {ALL, "", "prefix", "{\"role\":\"assistant\",\"prefix\":false,\"content\":\"a\"}", NULL},
    {ALL, "", "prefix", "{\"role\":\"user\",\"content\":\"a\"}", NULL},
};

#define TOOLS_SAID                                                                                 \
    ",\"tools\":[{\"type\":\"function\",\"cache_control\":{\"type\":\"ephemeral\"},\"function\":{" \
    "\"name\":"                                                                                    \
    "\"f\"}}]"
#define TOOLS_SENT ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"

static void edit_messages(const char *body, const struct openai_rules *rules, const char *sent)
{
    struct chat_request r;
    struct fault f;
    struct splice s;
    char room[2 * 1024];
    struct buf b = {.p = room, .cap = 2 * strlen(body), .max = 2 * strlen(body)};
    assert_true(b.max <= sizeof room);
    buf_reset(&here.scratch);
    buf_reset(&here.out);
    if (chat_read(parse(body), &here.scratch, &r, &f) != ERR_OK)
        fail_msg("%s: %s", body, f.message);
    splice_init(&s, str_c(body));
    if (openai_must_edit_messages(&r, rules))
        openai_edit_messages(&r, rules, &s, &b);
    assert_int_equal(splice_write(&s, &here.out), ERR_OK);
    assert_text(buf_view(&here.out), sent, body);
    assert_true(json_parse(&here.tape, buf_view(&here.out), &r.root, NULL) == ERR_OK);
}

static void messages_say_what_the_provider_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(messages_edits); i++) {
        const struct messages_edit *x = &messages_edits[i];
        struct openai_rules rules = {
            .unsaid = x->unsaid, .thoughts = str_c(x->thoughts), .prefill = str_c(x->prefill)};
        char body[900], sent[900];
        snprintf(body, sizeof body, "{\"model\":\"a\",\"messages\":[%s],\"n\":1}", x->said);
        snprintf(sent, sizeof sent, "{\"model\":\"a\",\"messages\":[%s],\"n\":1}",
                 x->sent ? x->sent : x->said);
        edit_messages(body, &rules, sent);
    }
}

static void marks_on_tools_go_too(void **state)
{
    (void)state;
    struct openai_rules rules = {.unsaid = ADDED}, all = {.unsaid = CHAT_NAMES};
    edit_messages(
        "{\"model\":\"a\"" TOOLS_SAID ",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
        &rules,
        "{\"model\":\"a\"" TOOLS_SENT ",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}");
    edit_messages(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"model\":\"a\"" TOOLS_SAID "}",
        &all,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"model\":\"a\"" TOOLS_SAID "}");
    edit_messages(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"model\":\"a\"" TOOLS_SAID "}",
        NULL,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"model\":\"a\"" TOOLS_SAID "}");
}

/* --- events
 * -------------------------------------------------------------------------------------------- */

struct event_edit {
    const char *of;
    enum openai_event_kind kind;
    unsigned finishes;
    uint64_t content_bytes;
    const char *chunk, *given; /* given NULL: not passed on */
};

#define OURS "\"id\":\"gen-1\",\"model\":\"a/b\""
#define BY   ",\"provider\":\"Maker\""

static const struct event_edit event_edits[] = {
    {"text", OPENAI_CONTENT, 0, 3,
     "{\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"abc\"},"
     "\"finish_reason\":"
     "null}]}",
     "{" OURS
     ",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"abc\"},\"finish_reason\":null}]" BY "}"},
    {"a role alone", OPENAI_EMPTY, 0, 0,
     "{\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
     "\"content\":\"\"}}]"
     "}",
     "{" OURS ",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]" BY
     "}"},
    {"a role with a refusal of null and no tool calls", OPENAI_EMPTY, 0, 0,
     "{\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"refusal\":"
     "null,\"tool_calls\":"
     "[]}}]}",
     "{" OURS
     ",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"refusal\":null,\"tool_calls\":[]}}]" BY
     "}"},
    {"the provider's own `provider` is replaced", OPENAI_CONTENT, 0, 1,
     "{\"provider\":\"x\",\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"a\"}"
     "}]}",
     "{\"provider\":\"Maker\"," OURS ",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}"},
    {"without id and model both are added", OPENAI_CONTENT, 0, 1,
     "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}",
     "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]," OURS BY "}"},
    {"reasoning", OPENAI_CONTENT, 0, 2,
     "{\"id\":1,\"model\":2,\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}",
     "{" OURS ",\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]" BY "}"},
    {"a tool call's beginning", OPENAI_CONTENT, 0, 7,
     "{\"id\":1,\"model\":2,\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_"
     "1\",\"type\":"
     "\"function\","
     "\"function\":{\"name\":\"weather\",\"arguments\":\"\"}}]}}]}",
     "{" OURS ",\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":"
     "\"function\","
     "\"function\":{\"name\":\"weather\",\"arguments\":\"\"}}]}}]" BY "}"},
    {"a tool call's arguments", OPENAI_CONTENT, 0, 4,
     "{\"id\":1,\"model\":2,\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"
     "\"arguments\":\"{"
     "\\\"a\"}}]}}]}",
     "{" OURS ",\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
     "\"{\\\"a\"}}]}}]" BY "}"},
    {"a known finish keeps its word", OPENAI_CONTENT, 1, 0,
     "{\"id\":1,\"model\":2,\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}",
     "{" OURS ",\"choices\":[{\"delta\":{},\"finish_reason\":\"length\",\"native_finish_reason\":"
     "\"length\"}]" BY "}"},
    {"another is normalised, the native one kept", OPENAI_CONTENT, 1, 0,
     "{\"id\":1,\"model\":2,\"choices\":[{\"delta\":{},\"finish_reason\":\"function_call\"}]}",
     "{" OURS ",\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\",\"native_finish_"
     "reason\":\"function_call\"}]" BY "}"},
    {"a native one that is there stays", OPENAI_CONTENT, 1, 0,
     "{\"id\":1,\"model\":2,\"choices\":[{\"native_finish_reason\":\"END\",\"finish_reason\":"
     "\"eos\",\"delta\":{}}]}",
     "{" OURS
     ",\"choices\":[{\"native_finish_reason\":\"END\",\"finish_reason\":\"stop\",\"delta\":{}}]" BY
     "}"},
    {"two choices end in one event", OPENAI_CONTENT, 2, 1,
     "{\"id\":1,\"model\":2,\"choices\":[{\"index\":1,\"delta\":{\"content\":\"x\"},\"finish_"
     "reason\":\"safety\"},"
     "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}",
     "{" OURS ",\"choices\":[{\"index\":1,\"delta\":{\"content\":\"x\"},\"finish_reason\":"
     "\"content_filter\","
     "\"native_finish_reason\":\"safety\"},{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\","
     "\"native_finish_reason\":\"stop\"}]" BY "}"},
    {"usage beside content is not the client's yet", OPENAI_CONTENT, 1, 0,
     "{\"id\":1,\"model\":2,\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{"
     "\"prompt_tokens\":1}}",
     "{" OURS
     ",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\",\"native_finish_reason\":\"stop\"}]" BY
     "}"},
    {"a report that is none is not passed on either", OPENAI_CONTENT, 0, 1,
     "{\"id\":1,\"model\":2,\"usage\":{},\"choices\":[{\"delta\":{\"content\":\"a\"}}]}",
     "{" OURS ",\"choices\":[{\"delta\":{\"content\":\"a\"}}]" BY "}"},
    {"what was thought, under most providers' name", OPENAI_CONTENT, 0, 2,
     "{\"id\":1,\"model\":2,\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}",
     "{" OURS ",\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]" BY "}"},
    {"the same beside OpenRouter's, which says nothing", OPENAI_CONTENT, 0, 2,
     "{\"id\":1,\"model\":2,\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\",\"reasoning\":"
     "null}}]}",
     "{" OURS ",\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]" BY "}"},
    {"under both names", OPENAI_CONTENT, 0, 4,
     "{\"id\":1,\"model\":2,\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\",\"reasoning\":"
     "\"hm\"}}]}",
     "{" OURS ",\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\",\"reasoning\":\"hm\"}}]" BY
     "}"},
    {"a thought that is nothing", OPENAI_CONTENT, 0, 1,
     "{\"id\":1,\"model\":2,\"choices\":[{\"delta\":{\"reasoning_content\":null,\"content\":\"a\"}}"
     "]}",
     "{" OURS ",\"choices\":[{\"delta\":{\"reasoning_content\":null,\"content\":\"a\"}}]" BY "}"},
    {"Azure's first chunk", OPENAI_EMPTY, 0, 0,
     "{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_"
     "results\":[{\"prompt_"
     "index\":0}]}",
     "{\"choices\":[],\"created\":0,\"id\":\"gen-1\",\"model\":\"a/"
     "b\",\"object\":\"\",\"prompt_filter_results\":"
     "[{\"prompt_index\":0}]" BY "}"},
    {"usage alone", OPENAI_USAGE, 0, 0,
     "{\"id\":1,\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}", NULL},
    {"an error", OPENAI_ERROR, 0, 0, "{\"error\":{\"message\":\"x\"}}", NULL},
    {"an error beside choices", OPENAI_ERROR, 0, 0,
     "{\"choices\":[{\"delta\":{\"content\":\"\"}}],\"error\":{\"message\":\"x\"}}", NULL},
    {"no chunk at all", OPENAI_BAD, 0, 0, "{\"type\":\"ping\"}", NULL},
    {"no chunk: an array", OPENAI_BAD, 0, 0, "[]", NULL},
    {"choices that are no objects", OPENAI_BAD, 0, 0, "{\"choices\":[1]}", NULL},
};

static const struct openai_identity us = {
    .id_json = STR_INIT("\"gen-1\""),
    .model_json = STR_INIT("\"a/b\""),
    .provider_json = STR_INIT("\"Maker\""),
};

static void thoughts_that_nobody_wants_are_left_out(void **state)
{
    (void)state;
    const char *text =
        "{\"id\":1,\"model\":2,\"choices\":[{\"delta\":{\"reasoning\":\"a\",\"content\":\"\","
        "\"reasoning_content\":\"b\"}},{\"delta\":{\"reasoning_details\":[{}]}},{}]}";
    const char *sent =
        "{" OURS ",\"choices\":[{\"delta\":{\"content\":\"\"}},{\"delta\":{}},{}]" BY "}";
    struct openai_identity who = us;
    struct openai_event ev;
    struct splice s;
    who.hides_thoughts = true;
    buf_reset(&here.out);
    openai_read_chunk(parse(text), &ev);
    splice_init(&s, str_c(text));
    openai_edit_event(&ev, &who, &s);
    assert_int_equal(splice_write(&s, &here.out), ERR_OK);
    assert_text(buf_view(&here.out), sent, text);
}

static void chunks_come_out_under_our_identity(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(event_edits); i++) {
        const struct event_edit *x = &event_edits[i];
        struct openai_event ev;
        struct splice s;
        openai_read_chunk(parse(x->chunk), &ev);
        if (ev.kind != x->kind || ev.finishes != x->finishes ||
            ev.content.bytes != x->content_bytes)
            fail_msg("%s: kind %d, %u finishes, %llu bytes", x->of, (int)ev.kind, ev.finishes,
                     (unsigned long long)ev.content.bytes);
        if (!x->given)
            continue;
        buf_reset(&here.out);
        splice_init(&s, str_c(x->chunk));
        openai_edit_event(&ev, &us, &s);
        assert_int_equal(splice_write(&s, &here.out), ERR_OK);
        assert_text(buf_view(&here.out), x->given, x->of);
    }
}

static void the_most_choices_that_may_be_asked_for_fit_an_edit(void **state)
{
    (void)state;
    struct openai_event ev;
    struct splice s;
    char text[4096];
    int n = snprintf(text, sizeof text, "{\"choices\":[");
    for (int i = 0; i < CHAT_CHOICES_MAX; i++)
        n += snprintf(
            text + n, sizeof text - (size_t)n,
            "%s{\"index\":%d,\"delta\":{\"reasoning_content\":\"a\"},\"finish_reason\":\"eos\"}",
            i ? "," : "", i);
    snprintf(text + n, sizeof text - (size_t)n, "],\"usage\":{}}");
    openai_read_chunk(parse(text), &ev);
    assert_int_equal(ev.finishes, CHAT_CHOICES_MAX);
    buf_reset(&here.out);
    splice_init(&s, str_c(text));
    openai_edit_event(&ev, &us, &s);
    assert_int_equal(splice_write(&s, &here.out), ERR_OK);
}

static void a_whole_answer_needs_a_message(void **state)
{
    (void)state;
    struct openai_event ev;
    openai_read_answer(parse("{\"id\":\"c\\n1\",\"choices\":[{\"message\":{\"role\":\"assistant\","
                             "\"content\":\"hello\"},"
                             "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,"
                             "\"completion_tokens\":4}}"),
                       &ev);
    assert_int_equal(ev.kind, OPENAI_CONTENT);
    assert_str(ev.id, "c\\n1");
    assert_str(ev.finish_reason, "stop");
    assert_int_equal(ev.content.bytes, 5);
    assert_true(ev.has_usage);
    assert_int_equal(ev.usage.prompt, 3);
    static const char *const bad[] = {"{}",
                                      "[]",
                                      "\"x\"",
                                      "{\"choices\":[]}",
                                      "{\"choices\":[{\"text\":\"x\"}]}",
                                      "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        openai_read_answer(parse(bad[i]), &ev);
        assert_int_equal(ev.kind, OPENAI_BAD);
    }
    openai_read_answer(parse("{\"error\":{\"message\":\"no\"}}"), &ev);
    assert_int_equal(ev.kind, OPENAI_ERROR);
}

/* --- usage and errors
 * ------------------------------------------------------------------------------------ */

static void usage_is_read_and_its_parts_are_cut_to_the_whole(void **state)
{
    (void)state;
    struct chat_usage u;
    assert_true(openai_read_usage(
        parse(
            "{\"prompt_tokens\":100,\"completion_tokens\":50,\"prompt_tokens_details\":{\"cached_"
            "tokens\":60,"
            "\"cache_write_tokens\":30},\"completion_tokens_details\":{\"reasoning_tokens\":20}}"),
        &u));
    assert_true(u.prompt == 100 && u.completion == 50 && u.cached == 60 && u.cache_write == 30 &&
                u.reasoning == 20);
    assert_true(openai_read_usage(
        parse(
            "{\"prompt_tokens\":10,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_"
            "tokens\":60,"
            "\"cache_write_tokens\":30},\"completion_tokens_details\":{\"reasoning_tokens\":20}}"),
        &u));
    assert_true(u.cached == 10 && u.cache_write == 0 && u.reasoning == 5);
    assert_true(openai_read_usage(
        parse("{\"prompt_tokens\":1,\"completion_tokens\":2,\"prompt_tokens_details\":null}"), &u));
    assert_true(u.prompt == 1 && u.completion == 2 && u.cached == 0);
    assert_false(openai_read_usage(parse("null"), &u));
    assert_false(openai_read_usage(parse("[]"), &u));
    assert_false(openai_read_usage(parse("7"), &u));
}

/* Else an answer would be free. */
static void a_report_without_usable_figures_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"total_tokens\":5}",
        "{\"prompt_tokens\":null,\"completion_tokens\":null}",
        "{\"prompt_tokens\":\"5\",\"completion_tokens\":7}",
        "{\"prompt_tokens\":5,\"completion_tokens\":-7}",
        "{\"prompt_tokens\":5.0,\"completion_tokens\":7}",
        "{\"prompt_tokens\":4294967296,\"completion_tokens\":7}",
    };
    struct chat_usage u;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (openai_read_usage(parse(texts[i]), &u))
            fail_msg("%s is taken for a report", texts[i]);
    }
    assert_true(openai_read_usage(parse("{\"prompt_tokens\":0,\"completion_tokens\":0}"), &u));
    assert_true(
        openai_read_usage(parse("{\"prompt_tokens\":4294967295,\"completion_tokens\":null}"), &u));
    assert_int_equal(u.prompt, UINT32_MAX);
}

static const struct {
    const char *text, *message;
    int status;
    bool is_context;
} errors[] = {
    {"{\"error\":{\"message\":\"no \\\"way\\\"\",\"code\":429}}", "no \"way\"", 429, false},
    {"{\"error\":{\"message\":\"m\",\"code\":\"rate_limit\"}}", "m", 0, false},
    {"{\"error\":{\"message\":\"m\",\"code\":200}}", "m", 0, false},
    {"{\"error\":{\"message\":\"m\",\"code\":600}}", "m", 0, false},
    {"{\"error\":{\"message\":\"m\",\"code\":null}}", "m", 0, false},
    {"{\"error\":\"plain\"}", "plain", 0, false},
    {"{\"message\":\"bare\"}", "bare", 0, false},
    {"{\"detail\":\"other\"}", "", 0, false},
    {"[]", "", 0, false},
    {"{\"error\":{\"message\":7}}", "", 0, false},
    {"{\"error\":{\"code\":\"context_length_exceeded\"}}", "", 0, true},
    {"{\"error\":{\"type\":\"context_length_exceeded\",\"message\":\"m\"}}", "m", 0, true},
    {"{\"error\":{\"code\":400,\"type\":\"exceed_context_size_error\",\"message\":\"m\"}}", "m",
     400, true},
    {"{\"error\":{\"message\":\"request (9 tokens) exceeds the available context size\"}}",
     "request (9 tokens) exceeds the available context size", 0, true},
    {"{\"error\":{\"code\":400,\"metadata\":{\"error_type\":\"context_length_exceeded\"}}}", "",
     400, true},
    {"{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens.\"}}",
     "This model's maximum context length is 8192 tokens.", 0, true},
    {"{\"error\":{\"message\":\"prompt is too long: 9 > 8\"}}", "prompt is too long: 9 > 8", 0,
     true},
};

static void a_provider_s_error_is_read_in_each_of_its_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct openai_error e;
        buf_reset(&here.scratch);
        openai_read_error(parse(errors[i].text), &here.scratch, &e);
        assert_text(e.message, errors[i].message, errors[i].text);
        assert_int_equal(e.status, errors[i].status);
        assert_int_equal(e.is_context, errors[i].is_context);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_changes_only_where_it_must),
        cmocka_unit_test(an_endpoint_is_sent_what_it_takes_as_it_takes_it),
        cmocka_unit_test(messages_say_what_the_provider_takes),
        cmocka_unit_test(marks_on_tools_go_too),
        cmocka_unit_test(thoughts_that_nobody_wants_are_left_out),
        cmocka_unit_test(chunks_come_out_under_our_identity),
        cmocka_unit_test(the_most_choices_that_may_be_asked_for_fit_an_edit),
        cmocka_unit_test(a_whole_answer_needs_a_message),
        cmocka_unit_test(usage_is_read_and_its_parts_are_cut_to_the_whole),
        cmocka_unit_test(a_report_without_usable_figures_is_none),
        cmocka_unit_test(a_provider_s_error_is_read_in_each_of_its_forms),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
