#include "unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/loop.h"

static struct io_loop *loop;

static struct io_loop *begin(void)
{
    struct fault f;
    loop = io_loop_new(&f);
    assert_non_null(loop);
    return loop;
}

static void stop(struct io_timer *t)
{
    (void)t;
    io_loop_stop(loop);
}

static uint64_t late_at;
static unsigned rung;

static void note_and_stop(struct io_timer *t)
{
    rung++;
    late_at = io_now_ms(loop);
    stop(t);
}

static void timers_wake_a_waiting_loop_when_they_are_due(void **state)
{
    (void)state;
    struct io_timer early, late;
    begin();
    io_timer_init(&early, note_and_stop);
    io_timer_init(&late, note_and_stop);
    uint64_t due = io_now_ms(loop) + 3;
    io_timer_set(loop, &early, due);
    io_timer_set(loop, &early, due + 3); /* later: lazily */
    io_timer_set(loop, &late, due + 5);
    io_timer_clear(loop, &late);
    io_timer_set(loop, &late, due + 9);
    io_loop_run(loop);
    assert_true(late_at >= due + 3);
    if (rung == 1) /* on a busy machine both ring in one tick */
        io_loop_run(loop);
    assert_int_equal(rung, 2);
    assert_true(late_at >= due + 9);
    io_loop_free(loop);
}

/* --- messages --- */

enum { SENDERS = 4, SENT_EACH = 20000 };

struct sender {
    struct io_post posts[SENT_EACH];
    int next; /* which should come */
};

static struct sender senders[SENDERS];
static int arrived;

static void on_message(struct io_post *p)
{
    for (int i = 0; i < SENDERS; i++)
        if (p >= senders[i].posts && p < senders[i].posts + SENT_EACH) {
            assert_int_equal(p - senders[i].posts, senders[i].next);
            senders[i].next++;
        }
    if (++arrived == SENDERS * SENT_EACH)
        io_loop_stop(loop);
}

static void *send_all(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < SENT_EACH; i++) {
        s->posts[i].run = on_message;
        io_post(loop, &s->posts[i]);
    }
    return NULL;
}

static void messages_of_many_threads_arrive_once_and_in_each_ones_order(void **state)
{
    (void)state;
    pthread_t threads[SENDERS];
    begin();
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    io_loop_run(loop);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(arrived, SENDERS * SENT_EACH);
    io_loop_free(loop);
}

static int rounds;

static void send_again(struct io_post *p)
{
    if (++rounds == 100)
        io_loop_stop(loop);
    else
        io_post(loop, p);
}

static void a_message_may_be_sent_again_while_it_runs(void **state)
{
    (void)state;
    struct io_post p = {.run = send_again};
    begin();
    io_post(loop, &p);
    io_loop_run(loop);
    assert_int_equal(rounds, 100);
    io_loop_free(loop);
}

/* --- the end of a tick --- */

static char happened[64];

static void note(char what)
{
    size_t n = strlen(happened);
    happened[n] = what;
    happened[n + 1] = 0;
}

static struct io_hook hooks[4];
static struct io_grave graves[2];

static void reap_inner(struct io_grave *g)
{
    (void)g;
    note('g');
}

static void reap_outer(struct io_grave *g)
{
    (void)g;
    note('G');
    io_bury(loop, &graves[1], reap_inner);
}

static void hook_a(struct io_hook *h)
{
    (void)h;
    note('a');
    io_hook_arm(&hooks[1]);
}

static void hook_b(struct io_hook *h)
{
    (void)h;
    note('b');
    io_bury(loop, &graves[0], reap_outer);
}

static void hook_c(struct io_hook *h)
{
    note('c');
    io_hook_remove(&hooks[3]); /* the next one, and itself */
    io_hook_remove(h);
}

static void hook_d(struct io_hook *h)
{
    (void)h;
    note('d');
}

static void start_hooks(struct io_post *p)
{
    (void)p;
    note('(');
    io_hook_arm(&hooks[3]);
    io_hook_arm(&hooks[2]);
    io_hook_arm(&hooks[0]);
    note(')');
}

static void hooks_run_in_order_of_addition_then_graves_are_reaped(void **state)
{
    (void)state;
    struct io_post p = {.run = start_hooks};
    struct io_timer t;
    begin();
    happened[0] = 0;
    io_hook_add(loop, &hooks[0], hook_a);
    io_hook_add(loop, &hooks[1], hook_b);
    io_hook_add(loop, &hooks[2], hook_c);
    io_hook_add(loop, &hooks[3], hook_d);
    io_post(loop, &p);
    io_timer_init(&t, stop);
    io_timer_set(loop, &t, io_now_ms(loop) + 2);
    io_loop_run(loop);
    assert_string_equal(happened, "()abcGg");
    io_loop_free(loop);
}

static void hook_of_itself(struct io_hook *h)
{
    if (++rounds == 1000)
        io_loop_stop(loop);
    io_hook_arm(h);
}

static unsigned ticks_of_timer;

static void tick_again(struct io_timer *t)
{
    ticks_of_timer++;
    io_timer_set(loop, t, 0);
}

static void a_hook_that_asks_for_itself_does_not_hold_the_loop(void **state)
{
    (void)state;
    struct io_timer t;
    begin();
    rounds = 0;
    io_hook_add(loop, &hooks[0], hook_of_itself);
    io_hook_arm(&hooks[0]);
    io_timer_init(&t, tick_again);
    io_timer_set(loop, &t, 0);
    io_loop_run(loop);
    assert_true(rounds >= 1000);
    assert_true(ticks_of_timer > 0);
    io_loop_free(loop);
}

static void arm_from_timer(struct io_timer *t)
{
    (void)t;
    note('t');
    io_hook_arm(&hooks[0]);
}

static void hook_stops(struct io_hook *h)
{
    (void)h;
    note('h');
    io_loop_stop(loop);
}

static void what_a_timer_asks_for_is_done_before_the_loop_waits(void **state)
{
    (void)state;
    struct io_timer t;
    begin();
    happened[0] = 0;
    io_hook_add(loop, &hooks[0], hook_stops);
    io_timer_init(&t, arm_from_timer);
    io_timer_set(loop, &t, io_now_ms(loop) + 1); /* nothing else would wake the loop */
    io_loop_run(loop);
    assert_string_equal(happened, "th");
    io_loop_free(loop);
}

static void graves_left_over_are_reaped_with_the_loop(void **state)
{
    (void)state;
    begin();
    happened[0] = 0;
    io_bury(loop, &graves[0], reap_outer);
    io_loop_free(loop);
    assert_string_equal(happened, "Gg");
    io_loop_free(NULL);
}

#ifdef DEBUG
static void wait_long(struct io_timer *t)
{
    (void)t;
    struct timespec long_wait = {0, 80 * 1000000};
    nanosleep(&long_wait, NULL); /* what is tested is that callbacks must not */
}

static void a_callback_that_waits_ends_a_debug_build(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct io_timer t;
        signal(SIGABRT, SIG_DFL);
        begin();
        io_timer_init(&t, wait_long);
        io_timer_set(loop, &t, 0);
        alarm(5);
        io_loop_run(loop);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_wake_a_waiting_loop_when_they_are_due),
        cmocka_unit_test(messages_of_many_threads_arrive_once_and_in_each_ones_order),
        cmocka_unit_test(a_message_may_be_sent_again_while_it_runs),
        cmocka_unit_test(hooks_run_in_order_of_addition_then_graves_are_reaped),
        cmocka_unit_test(a_hook_that_asks_for_itself_does_not_hold_the_loop),
        cmocka_unit_test(what_a_timer_asks_for_is_done_before_the_loop_waits),
        cmocka_unit_test(graves_left_over_are_reaped_with_the_loop),
#ifdef DEBUG
        cmocka_unit_test(a_callback_that_waits_ends_a_debug_build),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
