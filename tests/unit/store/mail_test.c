#include "unit/store/support.h"

#include <sqlite3.h>
#include <stdio.h>

#include "store/calls_mail.h"

static void assert_text(struct str s, const char *expected)
{
    assert_true(str_eq(s, str_c(expected)));
}

#define NOW SOME_MS
#define DAY (INT64_C(24) * 3600 * 1000)
static struct dir dir;
static struct store *store;

/* Not secret, but bound to its label. */
static enum err fake_seal(const void *key, struct buf *out, struct str label, struct secret plain)
{
    struct str p = secret_reveal(plain);
    buf_add(out, label);
    buf_add(out, STR("|"));
    for (size_t i = 0; i < p.n; i++)
        buf_add(out, str_of(&(char){(char)(p.p[i] ^ *(const char *)key)}, 1));
    return out->failed;
}

static enum err fake_open(const void *key, struct buf *out, struct str label, struct str sealed,
                          struct fault *f)
{
    if (!str_starts(sealed, label) || sealed.p[label.n] != '|')
        return fault_set(f, ERR_INVALID, "it does not open");
    sealed = str_skip(sealed, label.n + 1);
    for (size_t i = 0; i < sealed.n; i++)
        buf_add(out, str_of(&(char){(char)(sealed.p[i] ^ *(const char *)key)}, 1));
    return out->failed;
}

static const struct vault vault = {"K", fake_seal, fake_open};

static struct store *with_vault(void)
{
    struct store *s = direct(&dir);
    store_set_vault(s, &vault);
    return s;
}

static int set_up(void **state)
{
    (void)state;
    clock_wall_set(NOW);
    dir_make(&dir);
    store = with_vault();
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
    store = with_vault();
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

/* --- what lies sealed --- */

static void run_sql(const char *sql)
{
    char path[PATH_MAX];
    sqlite3 *db;
    store_close(store);
    snprintf(path, sizeof path, "%s/turnpike.db", dir.path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    store = with_vault();
}

static bool file_has(const char *text)
{
    static char bytes[1 << 20];
    char path[PATH_MAX];
    store_close(store);
    snprintf(path, sizeof path, "%s/turnpike.db", dir.path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(bytes, 1, sizeof bytes, file);
    assert_true(n > 0 && feof(file));
    fclose(file);
    store = with_vault();
    return memmem(bytes, n, text, strlen(text)) != NULL;
}

static void what_was_queued_as_it_was_is_sealed(void **state)
{
    (void)state;
    struct store_mail_seal s = {.call.need = STORE_MAIL_SEAL};
    run_sql("INSERT INTO mail(recipient, subject, text, created_ms, due_ms, expires_ms) VALUES"
            "('a@b.c', 'Subject', 'Text' || char(10), 1, 1, 9e15),"
            "('b@b.c', 'Subject', 'Text' || char(10), 1, 2, 9e15),"
            "('c@b.c', 'failed', '', 1, NULL, 9e15)");
    assert_true(file_has("Text\n"));
    ask(store, &s.call);
    assert_int_equal(s.n, 2);
    assert_false(file_has("Text\n")); /* nor what was deleted */
    int64_t a = next(NOW, "a@b.c");
    mark(a, MAIL_SENT, 0);
    assert_int_equal(next(NOW, "b@b.c"), a + 1);
    ask(store, &s.call);
    assert_int_equal(s.n, 0);
}

static void a_mail_opens_for_its_own_recipient_only(void **state)
{
    (void)state;
    struct store_mail_next n = {.call.need = STORE_MAIL_NEXT, .now_ms = NOW};
    int64_t id = add_one("a@b.c", 0);
    run_sql("UPDATE mail SET recipient = 'mallory@b.c'");
    store_submit(store, &n.call);
    assert_int_equal(n.call.err, ERR_INVALID);
    assert_int_equal(n.id, id);
    store_mail_next_release(&n);
    mark(id, MAIL_LATER, NOW + 1);
    run_sql("UPDATE mail SET recipient = 'a@b.c'");
    assert_int_equal(next(NOW + 1, "a@b.c"), id);
}

static void what_was_sent_or_failed_leaves_no_text(void **state)
{
    (void)state;
    static const char sealed[] = {'T' ^ 'K', 'e' ^ 'K', 'x' ^ 'K', 't' ^ 'K', '\0'};
    int64_t a = add_one("a@b.c", 0), b = add_one("b@b.c", 0);
    assert_false(file_has("Text\n"));
    assert_true(file_has(sealed));
    mark(a, MAIL_SENT, 0);
    mark(b, MAIL_FAILED, 0);
    assert_false(file_has(sealed));
}

static void without_a_vault_no_mail_is_taken(void **state)
{
    (void)state;
    struct store_mail_next n = {.call.need = STORE_MAIL_NEXT, .now_ms = NOW};
    int64_t id;
    store_set_vault(store, NULL);
    assert_int_equal(add((struct mail){.to = STR("a@b.c")}, &id), ERR_STORE);
    store_submit(store, &n.call);
    assert_int_equal(n.call.err, ERR_STORE);
    store_mail_next_release(&n);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_one_that_waited_longest_is_next),
        TEST(what_expired_goes_when_the_next_one_comes),
        TEST(what_cannot_be_sent_is_refused),
        TEST(what_was_queued_as_it_was_is_sealed),
        TEST(a_mail_opens_for_its_own_recipient_only),
        TEST(what_was_sent_or_failed_leaves_no_text),
        TEST(without_a_vault_no_mail_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
