/* The keys that sign access tokens are followed by new ones when the clock says so. */
#include "unit/store/support.h"

#include "app/rotation.h"

enum { GUARD_MS = 20000 };
#define DAY_MS    INT64_C(86400000)
#define PERIOD_MS (30 * DAY_MS)

static const struct seal_key master = {{3}};

static struct here {
    struct dir dir;
    struct store *store;
    struct io_loop *loop;
    struct rotation *rotation;
    struct io_timer look;
    uint64_t end_ms;
} here;

static void on_look(struct io_timer *t)
{
    (void)t;
    if (rotation_is_idle(here.rotation) || io_now_ms(here.loop) > here.end_ms)
        io_loop_stop(here.loop);
    else
        io_timer_set(here.loop, t, io_now_ms(here.loop) + 1);
}

static void wait_idle(void)
{
    here.end_ms = io_now_ms(here.loop) + GUARD_MS;
    io_timer_init(&here.look, on_look);
    io_timer_set(here.loop, &here.look, io_now_ms(here.loop) + 1);
    io_loop_run(here.loop);
    assert_true(rotation_is_idle(here.rotation));
}

static void look_at(int64_t ms)
{
    clock_wall_set(ms);
    rotation_look(here.rotation);
    wait_idle();
}

static struct store_signing_list list(void)
{
    struct store_signing_list l = {.call.need = STORE_SIGNING_LIST};
    struct store *s = direct(&here.dir);
    ask(s, &l.call);
    store_close(s);
    return l;
}

static void keys_are_made_followed_and_forgotten(void **state)
{
    struct fault f;
    struct signing_key first, again;
    (void)state;
    log_set_level(LOG_ERROR);
    clock_wall_set(SOME_MS);
    dir_make(&here.dir);
    struct store *s = direct(&here.dir);
    assert_int_equal(rotation_make(s, &master, false, NULL, &first, &f), ERR_OK);
    assert_int_equal(rotation_make(s, &master, false, NULL, &again, &f), ERR_OK);
    assert_string_equal(first.kid, again.kid);
    assert_int_equal(again.sealed_n, 0);
    store_close(s);
    here.store = store_open(str_c(here.dir.path), STORE_THREADS, &f);
    here.loop = io_loop_new(&f);
    here.rotation = rotation_new(here.loop, here.store, &master, PERIOD_MS);
    assert_true(here.store && here.loop && here.rotation);
    wait_idle();
    assert_int_equal(list().n, 1);
    look_at(SOME_MS + PERIOD_MS - 1);
    assert_int_equal(list().n, 1);
    look_at(SOME_MS + PERIOD_MS);
    struct store_signing_list l = list();
    assert_int_equal(l.n, 2);
    assert_string_equal(l.rows[1].kid, first.kid);
    look_at(SOME_MS + PERIOD_MS + SIGNER_STAYS_MS);
    assert_int_equal(list().n, 2);
    look_at(SOME_MS + PERIOD_MS + SIGNER_STAYS_MS + 1);
    l = list();
    assert_int_equal(l.n, 1); /* the old private key is nowhere any more */
    assert_string_not_equal(l.rows[0].kid, first.kid);
    look_at(SOME_MS + 3 * PERIOD_MS); /* asleep for long */
    assert_int_equal(list().n, 2);
    rotation_stop(here.rotation);
    rotation_look(here.rotation);
    assert_true(rotation_is_idle(here.rotation));
    rotation_free(here.rotation);
    io_loop_free(here.loop);
    store_close(here.store);
    dir_remove(&here.dir);
    clock_wall_release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_made_followed_and_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
