/* Bedrock's form: its shapes, its frames, and that faults wear them. */
#include "unit/sim/rig.h"

#include "http/eventstream.h"

#define SAID "one two three four five six seven eight"

static struct reply converse(const char *model, const char *verb, const char *said,
                             const char *more)
{
    char body[1024], target[128];
    int n =
        snprintf(body, sizeof body,
                 "{\"system\":[{\"text\":\"four\"}],\"messages\":[{\"role\":\"user\",\"content\":"
                 "[{\"text\":\"%s\"}]}]%s}",
                 said, more);
    assert_true(n > 0 && (size_t)n < sizeof body);
    n = snprintf(target, sizeof target, "/model/%s/%s", model, verb);
    assert_true(n > 0 && (size_t)n < sizeof target);
    return rig_post(target, body);
}

static enum err on_event(void *user, const struct eventstream_event *e)
{
    struct buf *seen = user;
    buf_printf(seen, "%s%.*s %.*s\n", e->kind == EVENTSTREAM_EXCEPTION ? "!" : "", STR_ARG(e->name),
               STR_ARG(e->data));
    return ERR_OK;
}

/* A line an event; "damaged" where it is. */
static void assert_stream(const struct reply *r, const char *expected)
{
    struct eventstream s;
    struct buf seen;
    buf_init(&seen, 1 << 16);
    eventstream_init(&s, 1 << 16);
    assert_int_equal(r->status, 200);
    assert_true(has(r, "Content-Type: application/vnd.amazon.eventstream\r\n"));
    if (eventstream_feed(&s, str_of(r->body, r->body_n), on_event, &seen) != ERR_OK)
        buf_add(&seen, STR("damaged\n"));
    assert_false(eventstream_is_mid_message(&s) && r->is_complete);
    assert_str(buf_view(&seen), expected);
    eventstream_release(&s);
    buf_release(&seen);
}

#define START "messageStart {\"role\":\"assistant\"}\n"
#define DELTA(text)                                                                                \
    "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"" text "\"}}\n"
#define STOP(reason)                                                                               \
    "contentBlockStop {\"contentBlockIndex\":0}\nmessageStop {\"stopReason\":\"" reason "\"}\n"
#define TEXTS   DELTA("one two three ") DELTA("four five six ") DELTA("seven eight")
#define METRICS "\"metrics\":{\"latencyMs\":1}}\n"
#define USAGE                                                                                      \
    "metadata {\"usage\":{\"inputTokens\":11,\"outputTokens\":10,\"totalTokens\":21}," METRICS

static void a_message_is_answered_whole(void **state)
{
    (void)state;
    struct reply r = converse("echo", "converse", SAID, "");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_int_equal(r.status, 200);
    assert_at(p.v, "output/message/role", "\"assistant\"");
    assert_at(p.v, "output/message/content/0/text", "\"" SAID "\"");
    assert_at(p.v, "stopReason", "\"end_turn\"");
    assert_at(p.v, "usage/inputTokens", "11"); /* 4 + 39 bytes */
    assert_at(p.v, "usage/outputTokens", "10");
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void a_message_is_streamed_in_frames(void **state)
{
    (void)state;
    struct reply r = converse("sim%2Fecho", "converse-stream", SAID, "");
    assert_stream(&r, START TEXTS STOP("end_turn") USAGE);
    assert_true(r.is_complete);
    reply_free(&r);
}

static void a_message_calls_tools(void **state)
{
    (void)state;
    const char *tools = ",\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"weather\"}},"
                        "{\"cachePoint\":{\"type\":\"default\"}}]}";
    struct reply r = converse("echo", "converse", "call weather", tools);
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_at(p.v, "output/message/content/0/toolUse/name", "\"weather\"");
    assert_at(p.v, "output/message/content/0/toolUse/input", "{\"text\":\"call weather\"}");
    assert_at(p.v, "stopReason", "\"tool_use\"");
    json_tape_release(&p.tape);
    reply_free(&r);
    r = converse("echo", "converse-stream", "hi",
                 ",\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"a\"}}],"
                 "\"toolChoice\":{\"any\":{}}}");
    assert_true(r.is_complete);
    reply_free(&r);
    r = converse("echo", "converse", "hi",
                 ",\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"a\"}}],"
                 "\"toolChoice\":{\"tool\":{\"name\":\"b\"}}}");
    assert_int_equal(r.status, 400);
    reply_free(&r);
}

/* Texts and thoughts have no event that begins them; a signature is a piece of its own. */
static void blocks_are_streamed_one_after_the_other(void **state)
{
    (void)state;
    struct reply r = converse("anthropic.echo", "converse-stream", "call b(x), a(y)",
                              ",\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"a\"}},"
                              "{\"toolSpec\":{\"name\":\"b\"}}]},\"additionalModelRequestFields\":"
                              "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}");
#define AT(i, rest) "{\"contentBlockIndex\":" i rest "}\n"
#define THINKS(key, text)                                                                          \
    "contentBlockDelta " AT("0", ",\"delta\":{\"reasoningContent\":{\"" key "\":\"" text "\"}}")
#define BEGINS(i, id, name)                                                                        \
    "contentBlockStart " AT(i, ",\"start\":{\"toolUse\":{\"toolUseId\":\"" id                      \
                               "\",\"name\":\"" name "\"}}")
#define GIVES(i, text)                                                                             \
    "contentBlockDelta " AT(i, ",\"delta\":{\"toolUse\":{\"input\":\"" text "\"}}")
#define ENDS(i) "contentBlockStop " AT(i, "")
    struct buf id;
    buf_init(&id, 64);
    const char *found = memmem(r.body, r.body_n, "tooluse-sim-", 12);
    assert_non_null(found);
    buf_add(&id, str_of(found, strcspn(found, "\"")));
    char expected[4096];
    snprintf(expected, sizeof expected,
             START THINKS("text", "I was told: ") THINKS("text", "call b(x), a(y)")
                 THINKS("signature", "SSB3YXMgdG9sZDogY2FsbCBiKHgpLCBhKHkp") ENDS("0")
                     BEGINS("1", "%.*s", "b") GIVES("1", "{\\\"text\\\":\\\"x\\\"}") ENDS("1")
                         BEGINS("2", "%.*s-1", "a") GIVES("2", "{\\\"text\\\":\\\"y\\\"}")
                             ENDS("2") "messageStop {\"stopReason\":\"tool_use\"}\n"
                                       "metadata {\"usage\":{\"inputTokens\":5,\"outputTokens\":13,"
                                       "\"totalTokens\":18}," METRICS,
             STR_ARG(buf_view(&id)), STR_ARG(buf_view(&id)));
    assert_stream(&r, expected);
    buf_release(&id);
    reply_free(&r);
}

static void faults_have_their_statuses(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        int status;
    } cases[] = {{"nothing", 404},   {"only-429", 429},      {"only-503", 503},
                 {"only-auth", 403}, {"only-flapping", 500}, {"only-context", 400}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = converse(cases[i].model, "converse", SAID, "");
        struct parsed p;
        parse(&p, str_of(r.body, r.body_n));
        assert_int_equal(r.status, cases[i].status);
        assert_true(json_raw_str(at(p.v, "message")).n > 0);
        json_tape_release(&p.tape);
        reply_free(&r);
    }
    struct reply r = converse("echo", "invoke", SAID, "");
    assert_int_equal(r.status, 404);
    reply_free(&r);
}

static void streams_fail_in_the_middle(void **state)
{
    (void)state;
    static const struct {
        const char *model, *stream;
        bool is_complete;
    } cases[] = {
        {"only-cut", START DELTA("one two three ") DELTA("four five six "), false},
        {"only-malformed", START DELTA("one two three ") DELTA("four five six ") "damaged\n", true},
        {"only-no-done", START TEXTS STOP("end_turn"), true},
        {"only-no-usage", START TEXTS STOP("end_turn") "metadata {" METRICS, true},
        {"only-filter", START TEXTS STOP("content_filtered") USAGE, true},
        {"only-error-first",
         "!serviceUnavailableException {\"message\":\"The engine is currently overloaded, please "
         "try again later.\"}\n",
         true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = converse(cases[i].model, "converse-stream", SAID, "");
        assert_stream(&r, cases[i].stream);
        assert_int_equal(r.is_complete, cases[i].is_complete);
        reply_free(&r);
    }
}

static void the_limit_cuts_an_answer(void **state)
{
    (void)state;
    struct reply r =
        converse("echo", "converse-stream", SAID, ",\"inferenceConfig\":{\"maxTokens\":3}");
    assert_stream(
        &r, START DELTA("one two thre")
                STOP("max_tokens") "metadata {\"usage\":{\"inputTokens\":11,\"outputTokens\":3,"
                                   "\"totalTokens\":14}," METRICS);
    reply_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_answered_whole),
        cmocka_unit_test(a_message_is_streamed_in_frames),
        cmocka_unit_test(a_message_calls_tools),
        cmocka_unit_test(blocks_are_streamed_one_after_the_other),
        cmocka_unit_test(faults_have_their_statuses),
        cmocka_unit_test(streams_fail_in_the_middle),
        cmocka_unit_test(the_limit_cuts_an_answer),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
