#include "unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "io/pool.h"

enum { JOBS = 200 };

struct work {
    struct io_job job;
    struct rig *rig;
    pthread_t ran_on;
    int result;
};

struct rig {
    struct io_loop *loop;
    struct io_pool *pool;
    pthread_t home;
    unsigned done;
    unsigned expected;
    pthread_mutex_t gate;
    struct work work[JOBS];
};

static void square(struct io_job *j)
{
    struct work *w = container_of(j, struct work, job);
    pthread_mutex_lock(&w->rig->gate); /* held by a test that wants the threads to wait */
    pthread_mutex_unlock(&w->rig->gate);
    w->ran_on = pthread_self();
    w->result = (int)(w - w->rig->work) * (int)(w - w->rig->work);
}

static void on_done(struct io_job *j)
{
    struct work *w = container_of(j, struct work, job);
    struct rig *r = w->rig;
    assert_true(pthread_equal(pthread_self(), r->home));
    assert_false(pthread_equal(w->ran_on, r->home));
    assert_int_equal(w->result, (w - r->work) * (w - r->work));
    if (++r->done == r->expected)
        io_loop_stop(r->loop);
}

static struct rig rig;

static bool give(unsigned i)
{
    rig.work[i].rig = &rig;
    return io_work(rig.pool, rig.loop, &rig.work[i].job, square, on_done);
}

static void set_up(unsigned threads, unsigned waiting_max)
{
    struct fault f;
    memset(&rig, 0, sizeof rig);
    pthread_mutex_init(&rig.gate, NULL);
    rig.loop = io_loop_new(&f);
    rig.pool = io_pool_new(threads, waiting_max, &f);
    rig.home = pthread_self();
    assert_non_null(rig.loop);
    assert_non_null(rig.pool);
}

static void tear_down(void)
{
    io_pool_free(rig.pool);
    io_loop_free(rig.loop);
    pthread_mutex_destroy(&rig.gate);
}

static void work_is_done_elsewhere_and_told_at_home(void **state)
{
    (void)state;
    set_up(3, JOBS);
    rig.expected = JOBS;
    for (unsigned i = 0; i < JOBS; i++)
        assert_true(give(i));
    io_loop_run(rig.loop);
    assert_int_equal(rig.done, JOBS);
    tear_down();
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    unsigned taken = 0;
    set_up(1, 5);
    pthread_mutex_lock(&rig.gate);
    for (unsigned i = 0; i < JOBS; i++)
        taken += give(i);
    assert_true(taken == 5 || taken == 6); /* the thread may have one in hand */
    rig.expected = taken;
    pthread_mutex_unlock(&rig.gate);
    io_loop_run(rig.loop);
    assert_int_equal(rig.done, taken);
    tear_down();
}

static void a_pool_ends_with_its_work_done(void **state)
{
    (void)state;
    set_up(2, JOBS);
    for (unsigned i = 0; i < 50; i++)
        assert_true(give(i));
    io_pool_free(rig.pool);
    rig.pool = NULL;
    assert_int_equal(rig.work[49].result, 49 * 49);
    tear_down();
    io_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_done_elsewhere_and_told_at_home),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_pool_ends_with_its_work_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
