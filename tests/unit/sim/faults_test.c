#include "unit/sim/rig.h"

#include <malloc.h>

#define CHAT "/v1/chat/completions"
#define SAID "one two three four five six seven eight"

static int ask(const char *model, const char *more)
{
    char body[512];
    int n =
        snprintf(body, sizeof body,
                 "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"" SAID "\"}]%s}",
                 model, more);
    assert_true(n > 0 && (size_t)n < sizeof body);
    return rig_ask(CHAT, body);
}

static struct reply whole(const char *model)
{
    return rig_reply(ask(model, ""));
}

static struct reply streamed(const char *model)
{
    return rig_reply(ask(model, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
}

/* One of the provider's own figures. */
static uint64_t calls(const char *name)
{
    char path[32];
    snprintf(path, sizeof path, "calls/%s", name);
    struct reply r = rig_get("/health");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    uint64_t now = json_u64_or(at(p.v, path), 0);
    json_tape_release(&p.tape);
    reply_free(&r);
    return now;
}

static void wait_for_calls(const char *name, uint64_t n)
{
    for (unsigned tries = 0; tries < 100000; tries++) {
        if (calls(name) >= n)
            return;
    }
    fail_msg("calls.%s never got to %llu", name, (unsigned long long)n);
}

/* --- faults before an answer ------------------------------------------------------------------ */

static void faults_with_a_status_tell_it_whole_and_streamed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int status;
        const char *code;
    } cases[] = {{"429", 429, "\"rate_limit_exceeded\""},
                 {"429-retry-after", 429, "\"rate_limit_exceeded\""},
                 {"503", 503, "null"},
                 {"context", 400, "\"context_length_exceeded\""},
                 {"auth", 401, "\"invalid_api_key\""}};
    for (size_t i = 0; i < 4 * COUNT_OF(cases); i++) {
        char model[64];
        snprintf(model, sizeof model, "%s-%s", i & 1 ? "only" : "sim/fault", cases[i / 4].name);
        struct reply r = i & 2 ? streamed(model) : whole(model);
        struct parsed p;
        parse(&p, str_of(r.body, r.body_n));
        assert_int_equal(r.status, cases[i / 4].status);
        assert_at(p.v, "error/code", cases[i / 4].code);
        assert_true(json_raw_str(at(p.v, "error/message")).n > 0);
        assert_int_equal(has(&r, "Retry-After: 1\r\n"),
                         strcmp(cases[i / 4].name, "429-retry-after") == 0);
        json_tape_release(&p.tape);
        reply_free(&r);
    }
}

static void every_second_request_works(void **state)
{
    (void)state;
    static const char *const models[] = {"fault-500-once", "only-500-once", "fault-flapping",
                                         "only-flapping"};
    for (unsigned turn = 0; turn < 4; turn++) {
        for (size_t i = 0; i < COUNT_OF(models); i++) {
            struct reply r = turn & 2 ? streamed(models[i]) : whole(models[i]);
            assert_int_equal(r.status, turn & 1 ? 200 : 500);
            assert_true(r.is_complete);
            reply_free(&r);
        }
    }
}

static void reset_closes_without_a_byte(void **state)
{
    (void)state;
    static const char *const models[] = {"only-reset", "fault-refused"};
    for (size_t i = 0; i < COUNT_OF(models); i++) {
        struct reply r = whole(models[i]);
        assert_int_equal(r.status, 0);
        reply_free(&r);
        r = streamed(models[i]);
        assert_int_equal(r.status, 0);
        reply_free(&r);
    }
}

static void nobody_listens_on_the_refused_port(void **state)
{
    (void)state;
    assert_int_not_equal(sim_refused_port(rig.sim), 0);
    assert_int_equal(rig_try_connect(sim_refused_port(rig.sim)), -1);
    assert_int_equal(errno, ECONNREFUSED);
}

static void error_first_tells_it_within_an_answer(void **state)
{
    (void)state;
    struct reply r = whole("only-error-first");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_int_equal(r.status, 200);
    assert_at(p.v, "error/code", "503");
    assert_at(p.v, "error/type", "\"server_error\"");
    json_tape_release(&p.tape);
    reply_free(&r);
    r = streamed("only-error-first");
    struct events e = events_of(&r);
    assert_int_equal(r.status, 200);
    assert_int_equal(e.n, 1);
    parse(&p, e.data[0]);
    assert_at(p.v, "error/code", "503");
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void slow_first_sends_its_head_at_once(void **state)
{
    (void)state;
    int fd = ask("fault-slow-first", ",\"stream\":true");
    char head[1024] = "";
    assert_true(recv(fd, head, sizeof head - 1, 0) > 0);
    assert_non_null(strstr(head, "200 OK"));
    assert_null(strstr(head, "data:"));
    struct reply r = {.text = NULL};
    size_t n;
    r.text = rig_read_all(fd, &n);
    close(fd);
    assert_true(has(&r, "[DONE]"));
    reply_free(&r);
    r = whole("fault-slow-first");
    assert_true(r.is_complete && has(&r, SAID));
    reply_free(&r);
}

/* --- faults in the middle --------------------------------------------------------------------- */

static void a_cut_stream_ends_without_its_last_chunk(void **state)
{
    (void)state;
    struct reply r = streamed("only-cut");
    struct events e = events_of(&r);
    assert_int_equal(r.status, 200);
    assert_false(r.is_complete);
    assert_false(has(&r, "[DONE]") || has(&r, "\"stop\"") || has(&r, "total_tokens"));
    assert_joined(&e, "choices/0/delta/content", "one two three four five six ");
    reply_free(&r);
    r = whole("only-cut");
    assert_int_equal(r.status, 200);
    assert_true(r.body_n > 0 && !r.is_complete);
    reply_free(&r);
}

/* Reads until `needle` came. */
static void read_until(int fd, const char *needle)
{
    static char seen[16384];
    size_t n = 0;
    do {
        ssize_t now = recv(fd, seen + n, sizeof seen - n - 1, 0);
        assert_true(now > 0);
        n += (size_t)now;
        seen[n] = '\0';
    } while (!strstr(seen, needle));
}

static void assert_nothing_more(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
}

static void a_stalled_answer_keeps_its_connection(void **state)
{
    (void)state;
    int fd = ask("only-stall", ",\"stream\":true");
    read_until(fd, "six ");
    wait_for_calls("open", 1);
    assert_nothing_more(fd);
    close(fd);
    fd = ask("only-stall", "");
    read_until(fd, "chatcmpl");
    wait_for_calls("open", 1);
    assert_nothing_more(fd);
    close(fd);
}

static void a_silent_provider_takes_the_request_and_says_nothing(void **state)
{
    (void)state;
    int fd = ask("only-silent", "");
    wait_for_calls("open", 1);
    assert_nothing_more(fd);
    close(fd);
}

static void one_event_is_malformed_and_the_rest_is_not(void **state)
{
    (void)state;
    struct reply r = streamed("only-malformed");
    struct events e = events_of(&r);
    unsigned bad = 0;
    for (unsigned i = 0; i + 1 < e.n; i++) {
        struct parsed p;
        parse(&p, e.data[i]);
        bad += json_is(p.v, JSON_NONE);
        json_tape_release(&p.tape);
    }
    assert_int_equal(bad, 1);
    assert_true(r.is_complete && has(&r, "[DONE]"));
    assert_joined(&e, "choices/0/delta/content", SAID);
    reply_free(&r);
    r = whole("only-malformed");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_true(r.is_complete && r.status == 200 && json_is(p.v, JSON_NONE));
    json_tape_release(&p.tape);
    reply_free(&r);
}

/* --- faults of the end ------------------------------------------------------------------------ */

static void no_done_lacks_only_that(void **state)
{
    (void)state;
    struct reply r = streamed("only-no-done");
    struct events e = events_of(&r);
    assert_true(r.is_complete);
    assert_false(has(&r, "[DONE]"));
    assert_joined(&e, "choices/0/delta/content", SAID);
    assert_joined(&e, "choices/0/finish_reason", "stop");
    assert_true(has(&r, "total_tokens"));
    reply_free(&r);
}

static void a_filtered_answer_says_so(void **state)
{
    (void)state;
    struct reply r = streamed("only-filter");
    struct events e = events_of(&r);
    assert_joined(&e, "choices/0/finish_reason", "content_filter");
    reply_free(&r);
    r = whole("only-filter");
    assert_true(has(&r, "\"finish_reason\":\"content_filter\""));
    reply_free(&r);
}

static void no_usage_is_told_although_asked_for(void **state)
{
    (void)state;
    struct reply r = streamed("only-no-usage");
    assert_true(r.is_complete && has(&r, "[DONE]") && !has(&r, "\"usage\""));
    reply_free(&r);
    r = whole("only-no-usage");
    assert_true(r.is_complete && has(&r, SAID) && !has(&r, "\"usage\""));
    reply_free(&r);
}

/* --- the huge answer -------------------------------------------------------------------------- */

static void a_huge_answer_is_whole_json(void **state)
{
    (void)state;
    struct reply r = whole("fault-huge");
    struct parsed p;
    parse(&p, str_of(r.body, r.body_n));
    assert_true(r.is_complete);
    assert_int_equal(json_raw_str(at(p.v, "choices/0/message/content")).n, 64 << 20);
    assert_at(p.v, "usage/completion_tokens", "16777216");
    json_tape_release(&p.tape);
    reply_free(&r);
}

static void a_huge_stream_has_many_chunks(void **state)
{
    (void)state;
    struct reply r = streamed("fault-huge");
    assert_true(r.is_complete && has(&r, "[DONE]"));
    assert_int_equal(count_events(&r), 4096 + 4);
    assert_true(r.body_n > 64 << 20);
    reply_free(&r);
}

static size_t memory_in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* The pause of another answer tells that the provider's loop has turned often enough to have made
 * more than the kernel takes. Says nothing under sanitizers, whose allocator has no such figures.
 */
static void a_client_that_does_not_read_costs_little_memory(void **state)
{
    (void)state;
    size_t before = memory_in_use();
    int fd = ask("fault-huge", ",\"stream\":true");
    struct reply r = whole("echo@100ms");
    assert_true(r.is_complete);
    reply_free(&r);
    assert_true(memory_in_use() < before + (1 << 20));
    close(fd);
}

/* --- clients that leave ----------------------------------------------------------------------- */

static void a_client_that_leaves_ends_the_work(void **state)
{
    (void)state;
    static const struct {
        const char *model, *more;
    } cases[] = {{"lorem@1ms", ",\"stream\":true,\"max_tokens\":1000000"},
                 {"fault-huge", ""},
                 {"fault-huge", ",\"stream\":true"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t gone = calls("gone");
        int fd = ask(cases[i].model, cases[i].more);
        read_until(fd, "chatcmpl");
        close(fd);
        wait_for_calls("gone", gone + 1);
    }
}

/* The connection is reset: not a byte was on its way that could tell. */
static void leave(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(fd);
}

static void a_client_that_leaves_is_noticed_while_nothing_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *model, *more;
    } cases[] = {{"only-silent", ""}, {"only-stall", ""}, {"only-stall", ",\"stream\":true"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t gone = calls("gone"), open = calls("open");
        int fd = ask(cases[i].model, cases[i].more);
        wait_for_calls("open", open + 1);
        leave(fd);
        wait_for_calls("gone", gone + 1);
    }
}

static void the_table_has_each_fault_once_and_an_end(void **state)
{
    (void)state;
    unsigned n = 0;
    for (; sim_fault_name(n); n++) {
        for (unsigned j = 0; j < n; j++)
            assert_string_not_equal(sim_fault_name(n), sim_fault_name(j));
    }
    assert_int_equal(n, 19);
    assert_null(sim_fault_name(n + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_with_a_status_tell_it_whole_and_streamed),
        cmocka_unit_test(every_second_request_works),
        cmocka_unit_test(reset_closes_without_a_byte),
        cmocka_unit_test(nobody_listens_on_the_refused_port),
        cmocka_unit_test(error_first_tells_it_within_an_answer),
        cmocka_unit_test(slow_first_sends_its_head_at_once),
        cmocka_unit_test(a_cut_stream_ends_without_its_last_chunk),
        cmocka_unit_test(a_stalled_answer_keeps_its_connection),
        cmocka_unit_test(a_silent_provider_takes_the_request_and_says_nothing),
        cmocka_unit_test(one_event_is_malformed_and_the_rest_is_not),
        cmocka_unit_test(no_done_lacks_only_that),
        cmocka_unit_test(a_filtered_answer_says_so),
        cmocka_unit_test(no_usage_is_told_although_asked_for),
        cmocka_unit_test(a_huge_answer_is_whole_json),
        cmocka_unit_test(a_huge_stream_has_many_chunks),
        cmocka_unit_test(a_client_that_does_not_read_costs_little_memory),
        cmocka_unit_test(a_client_that_leaves_ends_the_work),
        cmocka_unit_test(a_client_that_leaves_is_noticed_while_nothing_is_said),
        cmocka_unit_test(the_table_has_each_fault_once_and_an_end),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
