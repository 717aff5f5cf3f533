#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "relay/metrics.h"

static const struct metrics_shared some_shared = {.version = "1.2",
                                                  .uptime_s = 5,
                                                  .held = 1500000000,
                                                  .holds = 2,
                                                  .accounts = 3,
                                                  .keys = 4,
                                                  .journal_bytes = 99};

static struct metrics *fresh(void)
{
    struct metrics *m = calloc(1, sizeof *m);
    assert_non_null(m);
    return m;
}

static void assert_has(const struct buf *b, const char *line)
{
    char whole[200];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (str_find(buf_view(b), str_c(whole)) == b->n)
        fail_msg("no line '%s' in\n%.*s", line, STR_ARG(buf_view(b)));
}

static void write_text(const struct metrics *m, struct buf *b)
{
    buf_init(b, 1 << 20);
    assert_int_equal(metrics_write(m, &some_shared, b), ERR_OK);
}

static uint64_t attempts(const struct metrics *m, const char *name, enum outcome o)
{
    for (uint32_t i = 0; i < m->providers_n; i++) {
        if (strcmp(m->providers[i].name, name) == 0)
            return m->providers[i].attempts[o];
    }
    return 0;
}

static void latencies_fall_into_their_buckets(void **state)
{
    (void)state;
    struct metrics *m = fresh();
    metrics_added(m, 0);
    metrics_added(m, 50);
    metrics_added(m, 51);
    metrics_added(m, 1000000);
    metrics_added(m, 1000001);
    assert_int_equal(m->added_us[0], 2);
    assert_int_equal(m->added_us[1], 1);
    assert_int_equal(m->added_us[METRICS_BUCKETS - 2], 1);
    assert_int_equal(m->added_us[METRICS_BUCKETS - 1], 1);
    assert_int_equal(m->added_us_sum, 2000102);
    assert_int_equal(m->added_n, 5);
    for (int i = 1; i < METRICS_BUCKETS - 1; i++)
        assert_true(metrics_bounds_us[i] > metrics_bounds_us[i - 1]);
    free(m);
}

static void each_outcome_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < OUTCOME__COUNT; i++) {
        for (int k = 0; k < i; k++)
            assert_string_not_equal(outcome_name((enum outcome)i), outcome_name((enum outcome)k));
    }
}

static void workers_add_up(void **state)
{
    (void)state;
    struct metrics *a = fresh(), *b = fresh(), *sum = fresh();
    metrics_attempt(a, STR("alpha"), OUTCOME_OK);
    metrics_attempt(a, STR("beta"), OUTCOME_RATE);
    metrics_attempt(b, STR("beta"), OUTCOME_RATE);
    metrics_attempt(b, STR("alpha"), OUTCOME_TIMEOUT);
    a->requests[200] = 2;
    b->requests[200] = 3;
    b->requests[599] = 1;
    a->cost = 10;
    b->cost = 32;
    a->relays = b->relays = 1;
    metrics_added(a, 10);
    metrics_added(b, 20);
    metrics_merge(sum, a);
    metrics_merge(sum, b);
    assert_int_equal(attempts(sum, "alpha", OUTCOME_OK), 1);
    assert_int_equal(attempts(sum, "alpha", OUTCOME_TIMEOUT), 1);
    assert_int_equal(attempts(sum, "beta", OUTCOME_RATE), 2);
    assert_int_equal(sum->providers_n, 2);
    assert_int_equal(sum->requests[200], 5);
    assert_int_equal(sum->requests[599], 1);
    assert_int_equal(sum->cost, 42);
    assert_int_equal(sum->relays, 2);
    assert_int_equal(sum->added_n, 2);
    assert_int_equal(sum->added_us_sum, 30);
    free(a);
    free(b);
    free(sum);
}

static void more_providers_than_rows_lose_no_attempt(void **state)
{
    (void)state;
    struct metrics *m = fresh();
    uint64_t sum = 0;
    char name[100];
    for (int i = 0; i < METRICS_PROVIDERS + 20; i++) {
        snprintf(name, sizeof name, "provider-%d", i);
        metrics_attempt(m, str_c(name), OUTCOME_OK);
    }
    for (uint32_t i = 0; i < m->providers_n; i++)
        sum += m->providers[i].attempts[OUTCOME_OK];
    assert_int_equal(m->providers_n, METRICS_PROVIDERS);
    assert_int_equal(sum, METRICS_PROVIDERS + 20);
    assert_int_equal(m->providers[0].attempts[OUTCOME_OK], 1);
    free(m);
}

static void a_long_name_is_one_row(void **state)
{
    (void)state;
    struct metrics *m = fresh();
    char name[100];
    memset(name, 'p', sizeof name);
    metrics_attempt(m, str_of(name, sizeof name), OUTCOME_OK);
    metrics_attempt(m, str_of(name, sizeof name), OUTCOME_OK);
    assert_int_equal(m->providers_n, 1);
    assert_int_equal(m->providers[0].attempts[OUTCOME_OK], 2);
    free(m);
}

static void the_text_is_what_prometheus_reads(void **state)
{
    (void)state;
    struct metrics *m = fresh();
    struct buf b;
    m->requests[200] = 7;
    m->requests[402] = 1;
    m->tokens_prompt = 11;
    m->cost = 13500;
    m->upstream_idle = 6;
    metrics_added(m, 60);
    metrics_added(m, 2000000);
    metrics_attempt(m, STR("a\"b\\c\nd"), OUTCOME_UNREACHABLE);
    write_text(m, &b);
    assert_has(&b, "turnpike_build_info{version=\"1.2\"} 1");
    assert_has(&b, "turnpike_uptime_seconds 5");
    assert_has(&b, "turnpike_requests_total{status=\"200\"} 7");
    assert_has(&b, "turnpike_requests_total{status=\"402\"} 1");
    assert_has(&b, "turnpike_tokens_total{kind=\"prompt\"} 11");
    assert_has(&b, "turnpike_cost_dollars_total 0.0000135");
    assert_has(&b, "turnpike_held_dollars 1.5");
    assert_has(&b, "turnpike_holds 2");
    assert_has(&b, "turnpike_upstream_idle 6");
    assert_has(&b, "turnpike_journal_queue_bytes 99");
    assert_has(&b,
               "turnpike_attempts_total{provider=\"a\\\"b\\\\c\\nd\",outcome=\"unreachable\"} 1");
    assert_has(&b, "turnpike_added_latency_seconds_bucket{le=\"0.000050\"} 0");
    assert_has(&b, "turnpike_added_latency_seconds_bucket{le=\"0.000100\"} 1");
    assert_has(&b, "turnpike_added_latency_seconds_bucket{le=\"1.000000\"} 1");
    assert_has(&b, "turnpike_added_latency_seconds_bucket{le=\"+Inf\"} 2");
    assert_has(&b, "turnpike_added_latency_seconds_sum 2.000060");
    assert_has(&b, "turnpike_added_latency_seconds_count 2");
    assert_true(str_find(buf_view(&b), STR("status=\"404\"")) == b.n);
    buf_release(&b);
    free(m);
}

/* Each series has its help and its type before it, once. */
static void every_series_is_declared_once(void **state)
{
    (void)state;
    struct metrics *m = fresh();
    struct buf b;
    char declared[100][80];
    unsigned n = 0;
    metrics_attempt(m, STR("x"), OUTCOME_OK);
    m->requests[200] = 1;
    write_text(m, &b);
    struct str rest = buf_view(&b), line;
    while ((line = str_cut(&rest, '\n')).n) {
        if (str_starts(line, STR("# TYPE "))) {
            struct str name = str_skip(line, 7);
            name = str_cut(&name, ' ');
            for (unsigned i = 0; i < n; i++)
                assert_false(str_eq(name, str_c(declared[i])));
            assert_true(n < COUNT_OF(declared) && name.n < sizeof declared[0]);
            snprintf(declared[n++], sizeof declared[0], "%.*s", STR_ARG(name));
        } else if (line.p[0] != '#') {
            assert_true(n > 0 && str_starts(line, str_c(declared[n - 1])));
        }
    }
    assert_true(n > 15);
    buf_release(&b);
    free(m);
}

static void a_buffer_too_small_is_told(void **state)
{
    (void)state;
    struct metrics *m = fresh();
    struct buf b;
    buf_init(&b, 100);
    assert_int_equal(metrics_write(m, &some_shared, &b), ERR_TOO_BIG);
    buf_release(&b);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latencies_fall_into_their_buckets),
        cmocka_unit_test(each_outcome_has_a_name_of_its_own),
        cmocka_unit_test(workers_add_up),
        cmocka_unit_test(more_providers_than_rows_lose_no_attempt),
        cmocka_unit_test(a_long_name_is_one_row),
        cmocka_unit_test(the_text_is_what_prometheus_reads),
        cmocka_unit_test(every_series_is_declared_once),
        cmocka_unit_test(a_buffer_too_small_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
