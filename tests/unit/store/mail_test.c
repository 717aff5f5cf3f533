#include "unit/store/support.h"

#include "store/calls_mail.h"

static void assert_text(struct str s, const char *expected)
{
    assert_true(str_eq(s, str_c(expected)));
}

#define NOW SOME_MS
#define DAY (INT64_C(24) * 3600 * 1000)
static struct dir dir;
static struct store *store;

static int set_up(void **state)
{
    (void)state;
    clock_wall_set(NOW);
    dir_make(&dir);
    store = direct(&dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_close(store);
    dir_remove(&dir);
    clock_wall_release();
    return 0;
}

static enum err add(struct mail m, int64_t *id)
{
    struct store_mail_add a = {.call.need = STORE_MAIL_ADD, .mail = m};
    store_submit(store, &a.call);
    *id = a.id;
    return a.call.err;
}

static int64_t add_one(const char *to, int64_t expires_ms)
{
    int64_t id;
    struct mail m = {str_c(to), STR("Subject"), STR("Text\n"), expires_ms};
    assert_int_equal(add(m, &id), ERR_OK);
    return id;
}

/* Its id, or 0 where none is due. */
static int64_t next(int64_t now_ms, const char *to)
{
    struct store_mail_next n = {.call.need = STORE_MAIL_NEXT, .now_ms = now_ms};
    store_submit(store, &n.call);
    if (n.call.err == ERR_OK) {
        assert_text(n.mail.to, to);
        assert_text(n.mail.subject, "Subject");
        assert_text(n.mail.text, "Text\n");
    } else {
        assert_int_equal(n.call.err, ERR_NOT_FOUND);
        n.id = 0;
    }
    store_mail_next_release(&n);
    return n.id;
}

static void mark(int64_t id, enum mail_fate fate, int64_t due_ms)
{
    struct store_mail_mark m = {.call.need = STORE_MAIL_MARK,
                                .id = id,
                                .fate = fate,
                                .due_ms = due_ms,
                                .why = STR("because")};
    ask(store, &m.call);
}

static void the_one_that_waited_longest_is_next(void **state)
{
    (void)state;
    assert_int_equal(next(NOW, ""), 0);
    int64_t a = add_one("a@b.c", 0), b;
    clock_wall_set(NOW + 1);
    b = add_one("b@b.c", 0);
    assert_int_equal(next(NOW - 1, ""), 0);
    assert_int_equal(next(NOW + 1, "a@b.c"), a);
    mark(a, MAIL_LATER, NOW + 1000);
    assert_int_equal(next(NOW + 1, "b@b.c"), b);
    mark(b, MAIL_SENT, 0);
    assert_int_equal(next(NOW + 999, ""), 0);
    store_close(store);
    store = direct(&dir);
    assert_int_equal(next(NOW + 1000, "a@b.c"), a);
    mark(a, MAIL_FAILED, 0);
    assert_int_equal(next(INT64_MAX, ""), 0);
}

static void what_expired_goes_when_the_next_one_comes(void **state)
{
    (void)state;
    add_one("a@b.c", NOW + 10);
    add_one("b@b.c", 0);
    clock_wall_set(NOW + 10);
    int64_t c = add_one("c@b.c", 0);
    assert_int_equal(next(NOW + 9, "b@b.c"), c - 1);
    clock_wall_set(NOW + 4 * DAY);
    add_one("d@b.c", 0);
    assert_int_equal(next(NOW + 4 * DAY, "c@b.c"), c);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    (void)state;
    static char much[MAIL_TEXT_MAX + 1];
    static const char *const wrong[] = {"",        "ab",      "nobody",      "a@b\r\nBcc: c@d",
                                        "a b@c.d", "<a@b.c>", "\xc3\xa4@b.c"};
    int64_t id;
    memset(much, 'x', sizeof much);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(add((struct mail){.to = str_c(wrong[i])}, &id), ERR_INVALID);
    assert_int_equal(add((struct mail){.to = str_of(much, 300)}, &id), ERR_INVALID);
    assert_int_equal(add((struct mail){.to = STR("a@b.c"), .subject = STR("a\r\nBcc: c@d")}, &id),
                     ERR_INVALID);
    assert_int_equal(
        add((struct mail){.to = STR("a@b.c"), .subject = str_of(much, MAIL_SUBJECT_MAX + 1)}, &id),
        ERR_INVALID);
    assert_int_equal(add((struct mail){.to = STR("a@b.c"), .text = str_of(much, sizeof much)}, &id),
                     ERR_INVALID);
    assert_int_equal(
        add((struct mail){.to = STR("a@b.c"), .text = str_of(much, MAIL_TEXT_MAX)}, &id), ERR_OK);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_one_that_waited_longest_is_next),
        TEST(what_expired_goes_when_the_next_one_comes),
        TEST(what_cannot_be_sent_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
