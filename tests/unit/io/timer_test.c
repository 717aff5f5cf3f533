#include "unit/unit.h"

#include "io/internal.h"

/* A timer that knows what it is expected to do. */
struct probe {
    struct io_timer t;
    uint64_t due;      /* 0: must not fire */
    uint64_t fired_at; /* 0: has not */
    struct timers *q;
    struct probe *clears;
    uint64_t again; /* set again for then */
};

static uint64_t now;
static unsigned fired;
static uint64_t last_due;

static void on_fire(struct io_timer *t)
{
    struct probe *p = container_of(t, struct probe, t);
    assert_int_equal(t->slot, 0);
    p->fired_at = now;
    fired++;
    last_due = t->due_ms;
    if (p->clears)
        timers__clear(p->q, &p->clears->t);
    if (p->again)
        timers__set(p->q, t, p->again);
}

static void begin(struct timers *q)
{
    assert_true(timers__init(q));
    fired = 0;
    last_due = 0;
}

static void run_at(struct timers *q, uint64_t ms)
{
    now = ms;
    timers__run(q, ms);
}

static void set(struct timers *q, struct probe *p, uint64_t due)
{
    if (!p->t.fire)
        io_timer_init(&p->t, on_fire);
    p->q = q;
    p->due = due;
    timers__set(q, &p->t, due);
}

static void deadlines_fire_in_their_order_and_not_early(void **state)
{
    (void)state;
    struct timers q;
    struct probe p[3] = {0};
    begin(&q);
    set(&q, &p[0], 30);
    set(&q, &p[1], 10);
    set(&q, &p[2], 20);
    assert_int_equal(timers__next(&q), 10);
    run_at(&q, 9);
    assert_int_equal(fired, 0);
    run_at(&q, 20);
    assert_int_equal(p[1].fired_at, 20);
    assert_int_equal(last_due, 20);
    assert_int_equal(p[0].fired_at, 0);
    run_at(&q, 30);
    assert_int_equal(fired, 3);
    assert_int_equal(timers__next(&q), UINT64_MAX);
    timers__release(&q);
}

static void moving_a_deadline_later_leaves_its_place_until_it_would_have_fired(void **state)
{
    (void)state;
    struct timers q;
    struct probe p = {0};
    begin(&q);
    set(&q, &p, 10);
    set(&q, &p, 500);
    assert_int_equal(p.t.queued_ms, 10);
    run_at(&q, 10);
    assert_int_equal(fired, 0);
    assert_int_equal(timers__next(&q), 500);
    run_at(&q, 499);
    assert_int_equal(fired, 0);
    run_at(&q, 500);
    assert_int_equal(fired, 1);
    timers__release(&q);
}

static void moving_a_deadline_sooner_takes_effect_at_once(void **state)
{
    (void)state;
    struct timers q;
    struct probe p = {0};
    begin(&q);
    set(&q, &p, 100);
    set(&q, &p, 900);
    set(&q, &p, 50);
    assert_int_equal(timers__next(&q), 50);
    run_at(&q, 50);
    assert_int_equal(fired, 1);
    timers__release(&q);
}

static void a_timer_may_clear_one_that_is_due_in_the_same_turn(void **state)
{
    (void)state;
    struct timers q;
    struct probe p[2] = {0};
    begin(&q);
    p[0].clears = &p[1];
    set(&q, &p[0], 10);
    set(&q, &p[1], 11);
    run_at(&q, 20);
    assert_int_equal(fired, 1);
    timers__clear(&q, &p[0].t); /* nothing is set: nothing happens */
    assert_int_equal(q.n, 0);
    timers__release(&q);
}

static void one_that_sets_itself_for_now_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct timers q;
    struct probe p = {0};
    begin(&q);
    p.again = 5;
    set(&q, &p, 10);
    run_at(&q, 10);
    assert_int_equal(fired, 1);
    assert_int_equal(timers__next(&q), 11);
    run_at(&q, 11);
    assert_int_equal(fired, 2);
    timers__clear(&q, &p.t);
    timers__release(&q);
}

enum { PROBES = 2000, STEPS = 60000 };

static void thousands_behave_as_a_plain_list_would(void **state)
{
    (void)state;
    static struct probe p[PROBES];
    struct timers q;
    uint64_t seed = 88172645463325252u, at = 1;
    begin(&q);
    for (unsigned step = 0; step < STEPS; step++) {
        struct probe *one = &p[next_random(&seed) % PROBES];
        uint64_t what = next_random(&seed) % 16;
        if (what < 11) {
            set(&q, one, at + 1 + next_random(&seed) % 400);
        } else if (what < 15) {
            one->due = 0;
            timers__clear(&q, &one->t);
        } else {
            unsigned expected = 0;
            at += next_random(&seed) % 20;
            for (unsigned i = 0; i < PROBES; i++)
                expected += p[i].due && p[i].due <= at;
            fired = 0;
            run_at(&q, at);
            assert_int_equal(fired, expected);
            for (unsigned i = 0; i < PROBES; i++) {
                if (!p[i].due || p[i].due > at)
                    continue;
                assert_int_equal(p[i].fired_at, at);
                p[i].due = 0;
            }
        }
    }
    for (unsigned i = 0; i < PROBES; i++)
        timers__clear(&q, &p[i].t);
    assert_int_equal(q.n, 0);
    timers__release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_fire_in_their_order_and_not_early),
        cmocka_unit_test(moving_a_deadline_later_leaves_its_place_until_it_would_have_fired),
        cmocka_unit_test(moving_a_deadline_sooner_takes_effect_at_once),
        cmocka_unit_test(a_timer_may_clear_one_that_is_due_in_the_same_turn),
        cmocka_unit_test(one_that_sets_itself_for_now_waits_for_the_next_turn),
        cmocka_unit_test(thousands_behave_as_a_plain_list_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
