#include "unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "io/pool.h"

enum { JOBS = 100, GUARD_MS = 20000 };

static struct here {
    struct io_loop *loop;
    pthread_t loop_thread;
    pthread_mutex_t gate; /* held: jobs wait */
    atomic_uint ran;
    unsigned done;
    unsigned wanted;
} here;

struct job {
    struct io_job job;
    bool is_elsewhere;
};

static void run(struct io_job *j)
{
    struct job *k = container_of(j, struct job, job);
    k->is_elsewhere = !pthread_equal(pthread_self(), here.loop_thread);
    pthread_mutex_lock(&here.gate);
    pthread_mutex_unlock(&here.gate);
    atomic_fetch_add(&here.ran, 1);
}

static void done(struct io_job *j)
{
    assert_true(container_of(j, struct job, job)->is_elsewhere);
    assert_true(pthread_equal(pthread_self(), here.loop_thread));
    if (++here.done == here.wanted)
        io_loop_stop(here.loop);
}

static void set_up(void)
{
    struct fault f;
    memset(&here, 0, sizeof here);
    here.loop = io_loop_new(&f);
    here.loop_thread = pthread_self();
    pthread_mutex_init(&here.gate, NULL);
    assert_non_null(here.loop);
}

static void work_is_done_elsewhere_and_told_at_home(void **state)
{
    static struct job jobs[JOBS];
    struct fault f;
    (void)state;
    set_up();
    struct io_pool *p = io_pool_new(3, JOBS, &f);
    assert_non_null(p);
    here.wanted = JOBS;
    for (int i = 0; i < JOBS; i++) {
        jobs[i].job = (struct io_job){.run = run, .done = done};
        assert_true(io_work(p, here.loop, &jobs[i].job));
    }
    io_loop_run(here.loop);
    assert_int_equal(atomic_load(&here.ran), JOBS);
    io_pool_free(p);
    io_loop_free(here.loop);
}

static void a_full_queue_refuses(void **state)
{
    static struct job jobs[8];
    struct fault f;
    (void)state;
    set_up();
    struct io_pool *p = io_pool_new(1, 2, &f);
    assert_non_null(p);
    pthread_mutex_lock(&here.gate);
    unsigned taken = 0;
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        jobs[i].job = (struct io_job){.run = run, .done = done};
        taken += io_work(p, here.loop, &jobs[i].job);
    }
    assert_true(taken == 2 || taken == 3); /* the helper may have taken one already */
    here.wanted = taken;
    pthread_mutex_unlock(&here.gate);
    io_loop_run(here.loop);
    assert_int_equal(here.done, taken);
    io_pool_free(p);
    io_loop_free(here.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_done_elsewhere_and_told_at_home),
        cmocka_unit_test(a_full_queue_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
