#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static int pipe_fds[2], real_stderr;

/* What was logged since the last call: one read, as each line is one write. */
static const char *logged(void)
{
    static char out[4096];
    ssize_t n = read(pipe_fds[0], out, sizeof out - 1);
    out[n > 0 ? n : 0] = '\0';
    return out;
}

static int catch_stderr(void **state)
{
    (void)state;
    clock_wall_set(0);
    log_set_level(LOG_INFO);
    real_stderr = dup(STDERR_FILENO);
    return pipe2(pipe_fds, O_NONBLOCK) || dup2(pipe_fds[1], STDERR_FILENO) < 0;
}

static int release_stderr(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    clock_wall_release();
    return 0;
}

static void a_line_bears_time_level_and_message(void **state)
{
    (void)state;
    log_line(LOG_WARN, "disk %d%% full", 97);
    assert_string_equal(logged(), "time=1970-01-01T00:00:00Z level=warn msg=\"disk 97% full\"\n");
    log_line(LOG_INFO, "%s", "ready");
    assert_string_equal(logged(), "time=1970-01-01T00:00:00Z level=info msg=ready\n");
}

static void times_follow_the_clock(void **state)
{
    (void)state;
    static const int64_t times[] = {1,
                                    999,
                                    1000,
                                    1001,
                                    1750,
                                    59999,
                                    1767225599999,
                                    1767225600000,
                                    1767225600007,
                                    1767225600070,
                                    1767225600700,
                                    1};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        char iso[CLOCK_ISO_MAX], line[100];
        clock_wall_set(times[i]);
        log_line(LOG_INFO, "x");
        snprintf(line, sizeof line, "time=%.*s level=info msg=x\n",
                 STR_ARG(clock_iso(times[i], iso)));
        assert_string_equal(logged(), line);
    }
    clock_wall_set(0);
}

static void values_are_quoted_wherever_the_reason_stands(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        char value[18] = "abcdefghijklmnopq";
        bool is_plain = c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
        struct log_line l;
        value[c % 17] = (char)c;
        log_begin(&l, LOG_INFO, "x");
        log_str(&l, "v", str_c(value));
        log_end(&l);
        assert_int_equal(strstr(logged(), " v=\"") == NULL, is_plain);
    }
}

static void pieces_make_one_line(void **state)
{
    (void)state;
    struct log_line l;
    log_begin(&l, LOG_ERROR, "served");
    log_str(&l, "model", STR("openai/gpt-4o-mini"));
    log_str(&l, "title", STR("a b"));
    log_str(&l, "empty", STR_NONE);
    log_i64(&l, "cost", INT64_MIN);
    log_end(&l);
    assert_string_equal(logged(),
                        "time=1970-01-01T00:00:00Z level=error msg=served model=openai/gpt-4o-mini "
                        "title=\"a b\" empty=\"\" cost=-9223372036854775808\n");
}

static void a_value_cannot_forge_a_line_or_a_pair(void **state)
{
    (void)state;
    struct log_line l;
    log_begin(&l, LOG_INFO, "x");
    log_str(&l, "v", STR("a\nlevel=error \"q\" b\\c\r\t\0\x1b[31m\x7f\xc2\x9bm\xc3\xa9"));
    log_end(&l);
    assert_string_equal(
        logged(),
        "time=1970-01-01T00:00:00Z level=info msg=x "
        "v=\"a\\nlevel=error \\\"q\\\" b\\\\c\\x0d\\x09\\x00\\x1b[31m\\x7f\\xc2\\x9bm\xc3\xa9\"\n");
}

static void a_line_below_the_level_is_not_written(void **state)
{
    (void)state;
    struct log_line l;
    log_line(LOG_DEBUG, "hidden");
    assert_string_equal(logged(), "");
    log_begin(&l, LOG_DEBUG, "hidden");
    log_str(&l, "a", STR("b"));
    log_end(&l);
    assert_string_equal(logged(), "");
    log_set_level(LOG_DEBUG);
    log_line(LOG_DEBUG, "shown");
    assert_non_null(strstr(logged(), "msg=shown"));
    log_set_level(LOG_ERROR);
    log_line(LOG_WARN, "hidden");
    assert_string_equal(logged(), "");
}

static void long_values_are_cut_between_characters(void **state)
{
    (void)state;
    char value[201], *text = value;
    struct log_line l;
    memset(value, 'a', 199);
    memcpy(value + 199, "\xc3\xa9", 2);
    log_begin(&l, LOG_INFO, "x");
    log_str(&l, "v", str_of(text, 201));
    log_end(&l);
    const char *v = strstr(logged(), " v=") + 3;
    assert_int_equal(strspn(v, "a"), 199);
    assert_string_equal(v + 199, "\n");
}

static void a_full_line_drops_whole_pairs_and_still_ends(void **state)
{
    (void)state;
    char controls[400];
    struct log_line l;
    memset(controls, 1, sizeof controls);
    controls[399] = '\0';
    log_begin(&l, LOG_INFO, controls);
    log_str(&l, "v", str_of(controls, 200));
    log_i64(&l, "n", 5);
    log_end(&l);
    const char *line = logged();
    assert_null(strstr(line, " v="));
    assert_non_null(strstr(line, "msg=\"\\x01"));
    assert_non_null(strstr(line, "\" n=5\n"));
    assert_true(strlen(line) <= sizeof l.room);
}

static void logging_leaves_errno_alone(void **state)
{
    (void)state;
    errno = ENOENT;
    log_line(LOG_INFO, "x");
    assert_int_equal(errno, ENOENT);
    logged();
}

static void levels_are_read_by_name(void **state)
{
    (void)state;
    enum log_level v = LOG_INFO;
    assert_true(log_parse_level(STR("error"), &v) && v == LOG_ERROR);
    assert_true(log_parse_level(STR("debug"), &v) && v == LOG_DEBUG);
    assert_false(log_parse_level(STR("warning"), &v));
    assert_false(log_parse_level(STR(""), &v));
    assert_int_equal(v, LOG_DEBUG);
}

/* How many of the lines that the reader gets follow the last one. */
static unsigned read_numbered(unsigned from)
{
    char text[64 * 1024], wanted[32];
    ssize_t n = read(pipe_fds[0], text, sizeof text);
    struct str rest = str_of(text, n > 0 ? (size_t)n : 0);
    static struct buf line = {.max = 1024}; /* may come in two pieces */
    while (rest.n) {
        bool is_whole = str_find(rest, STR("\n")) < rest.n;
        buf_add(&line, str_cut(&rest, '\n'));
        if (!is_whole)
            break;
        snprintf(wanted, sizeof wanted, "msg=\"line %u\"", from);
        from += str_ends(buf_view(&line), str_c(wanted));
        buf_reset(&line);
    }
    return from;
}

static void a_reader_that_sleeps_stops_nobody_and_misses_nothing(void **state)
{
    (void)state;
    enum { LINES = 4000 }; /* more than a pipe holds */
    unsigned got = 0;
    fcntl(pipe_fds[1], F_SETFL, 0); /* whoever writes too much here sleeps for ever */
    log_set_deferred(true);
    for (unsigned i = 0; i < LINES; i++)
        log_line(LOG_INFO, "line %u", i);
    log_flush();
    log_flush();
    while (got < LINES) {
        unsigned now = read_numbered(got);
        assert_true(now > got);
        got = now;
        log_flush();
    }
    log_set_deferred(false);
    assert_int_equal(read_numbered(got), got);
}

static void the_end_does_not_wait_for_a_reader_that_sleeps(void **state)
{
    (void)state;
    fcntl(pipe_fds[1], F_SETFL, 0);
    log_set_deferred(true);
    for (unsigned i = 0; i < 4000; i++)
        log_line(LOG_INFO, "line %u", i);
    log_set_deferred(false);
    assert_true(read_numbered(0) > 100);
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, catch_stderr, release_stderr)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_line_bears_time_level_and_message),
        LOG_TEST(times_follow_the_clock),
        LOG_TEST(values_are_quoted_wherever_the_reason_stands),
        LOG_TEST(pieces_make_one_line),
        LOG_TEST(a_value_cannot_forge_a_line_or_a_pair),
        LOG_TEST(a_line_below_the_level_is_not_written),
        LOG_TEST(long_values_are_cut_between_characters),
        LOG_TEST(a_full_line_drops_whole_pairs_and_still_ends),
        LOG_TEST(logging_leaves_errno_alone),
        LOG_TEST(a_reader_that_sleeps_stops_nobody_and_misses_nothing),
        LOG_TEST(the_end_does_not_wait_for_a_reader_that_sleeps),
        LOG_TEST(levels_are_read_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
