#include "unit/store/support.h"

#include "auth/session.h"
#include "auth/ticket.h"
#include "store/calls_people.h"

enum { GUARD_MS = 20000, IDLE_MS = 3600 * 1000, ABSOLUTE_MS = 24 * IDLE_MS };

/* A store with one user, and a worker's sessions on the test's loop. */
static struct here {
    struct dir dir;
    struct store *store;
    struct io_loop *loop;
    struct sessions *sessions;
    struct user user;
    struct io_timer guard, look;
    bool is_timed_out;
    unsigned answers;
} here;

struct asker {
    struct person_wait wait;
    bool is_answered;
};

static void on_guard(struct io_timer *t)
{
    (void)t;
    here.is_timed_out = true;
    io_loop_stop(here.loop);
}

static void on_look(struct io_timer *t)
{
    (void)t;
    io_loop_stop(here.loop);
}

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        io_timer_set(here.loop, &here.guard, io_now_ms(here.loop) + GUARD_MS);                     \
        while (!(condition) && !here.is_timed_out) {                                               \
            io_timer_set(here.loop, &here.look, io_now_ms(here.loop) + 1);                         \
            io_loop_run(here.loop);                                                                \
        }                                                                                          \
        assert_false(here.is_timed_out);                                                           \
        io_timer_clear(here.loop, &here.guard);                                                    \
    } while (0)

static int set_up(void **state)
{
    const struct session_limits limits = {IDLE_MS, ABSOLUTE_MS};
    struct fault f;
    (void)state;
    memset(&here, 0, sizeof here);
    dir_make(&here.dir);
    clock_wall_set(SOME_MS);
    struct store *s = direct(&here.dir);
    struct store_user_signup u = {.call.need = STORE_USER_SIGNUP,
                                  .user.email = "ada@example.org",
                                  .session.expires_ms = SOME_MS + 1};
    ask(s, &u.call);
    here.user = u.user;
    store_close(s);
    here.store = store_open(str_c(here.dir.path), STORE_THREADS, &f);
    here.loop = io_loop_new(&f);
    assert_true(here.store && here.loop);
    here.sessions = sessions_new(here.loop, here.store, &limits);
    assert_non_null(here.sessions);
    io_timer_init(&here.guard, on_guard);
    io_timer_init(&here.look, on_look);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    WAIT_FOR(sessions_is_idle(here.sessions));
    sessions_free(here.sessions);
    io_loop_free(here.loop);
    store_close(here.store);
    dir_remove(&here.dir);
    clock_wall_release();
    return 0;
}

static void on_call(struct store_call *c)
{
    (void)c;
    here.answers++;
}

static void do_call(struct store_call *c, enum store_need need)
{
    unsigned before = here.answers;
    c->need = need;
    c->loop = here.loop;
    c->done = on_call;
    store_submit(here.store, c);
    WAIT_FOR(here.answers != before);
    assert_int_equal(c->err, ERR_OK);
}

static int64_t sign_in(char cookie[TICKET_CHARS + 1])
{
    struct store_session_create s = {.session.user_id = here.user.id,
                                     .session.expires_ms = clock_wall_ms() + ABSOLUTE_MS};
    ticket_make(cookie, s.session.hash);
    do_call(&s.call, STORE_SESSION_CREATE);
    return s.session.id;
}

static void on_known(struct person_wait *w)
{
    container_of(w, struct asker, wait)->is_answered = true;
}

static enum gate_answer ask_once(struct asker *a, const char *cookie)
{
    struct person_source *source = sessions_source(here.sessions);
    *a = (struct asker){.wait = {.source = source, .done = on_known}};
    return source->ask(source, str_c(cookie), &a->wait);
}

static void let_go(struct asker *a)
{
    struct person_source *source = sessions_source(here.sessions);
    source->release(source, a->wait.person);
}

/* True: a person; let go of already. `from`: how it was answered. */
static bool is_known(const char *cookie, enum gate_answer *from)
{
    struct asker a;
    *from = ask_once(&a, cookie);
    if (*from == GATE_WAIT)
        WAIT_FOR(a.is_answered);
    if (!a.wait.person) {
        assert_int_equal(a.wait.fault.err, ERR_AUTH);
        return false;
    }
    assert_int_equal(a.wait.person->user_id, here.user.id);
    assert_string_equal(a.wait.person->email, "ada@example.org");
    let_go(&a);
    return true;
}

static void a_cookie_is_looked_up_once(void **state)
{
    char cookie[TICKET_CHARS + 1], form[TICKET_CHARS + 1];
    struct asker a;
    enum gate_answer from;
    (void)state;
    int64_t id = sign_in(cookie);
    assert_int_equal(ask_once(&a, cookie), GATE_WAIT);
    WAIT_FOR(a.is_answered);
    assert_int_equal(a.wait.person->session_id, id);
    ticket_derive(str_c(cookie), STR("form"), form);
    assert_string_equal(a.wait.person->csrf, form);
    assert_string_not_equal(form, cookie);
    let_go(&a);
    assert_true(is_known(cookie, &from));
    assert_int_equal(from, GATE_OPEN);
}

static void what_is_no_cookie_of_ours_does_not_reach_the_store(void **state)
{
    static const char *const bad[] = {
        "", "x", "0123456789abcdef0123456789abcdef",
        "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"};
    enum gate_answer from;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(is_known(bad[i], &from));
        assert_int_equal(from, GATE_SHUT);
    }
}

/* CVE-2026-35030: the cache is keyed by the whole digest. */
static void a_cookie_that_differs_in_its_last_digit_is_another(void **state)
{
    char cookie[TICKET_CHARS + 1];
    enum gate_answer from;
    (void)state;
    sign_in(cookie);
    assert_true(is_known(cookie, &from));
    cookie[TICKET_CHARS - 1] = cookie[TICKET_CHARS - 1] == '0' ? '1' : '0';
    assert_false(is_known(cookie, &from));
}

static void an_idle_session_ends_and_use_keeps_it(void **state)
{
    char cookie[TICKET_CHARS + 1];
    enum gate_answer from;
    (void)state;
    sign_in(cookie);
    for (int i = 1; i < 5; i++) {
        assert_true(is_known(cookie, &from));
        clock_wall_set(SOME_MS + i * (IDLE_MS - 1));
    }
    assert_true(is_known(cookie, &from));
    WAIT_FOR(sessions_is_idle(here.sessions));
    clock_wall_set(SOME_MS + 4 * (int64_t)(IDLE_MS - 1) + IDLE_MS);
    assert_false(is_known(cookie, &from));
}

/* Another worker has seen it meanwhile: what is cached here is not the last word. */
static void idleness_is_the_store_s_word(void **state)
{
    char cookie[TICKET_CHARS + 1];
    enum gate_answer from;
    (void)state;
    int64_t id = sign_in(cookie);
    assert_true(is_known(cookie, &from));
    struct store_session_touch t = {.id = id, .seen_ms = SOME_MS + IDLE_MS - 5};
    do_call(&t.call, STORE_SESSION_TOUCH);
    clock_wall_set(SOME_MS + IDLE_MS + 5);
    assert_true(is_known(cookie, &from));
    assert_int_equal(from, GATE_WAIT);
}

static void a_session_ends_absolutely(void **state)
{
    char cookie[TICKET_CHARS + 1];
    enum gate_answer from;
    (void)state;
    sign_in(cookie);
    for (int64_t at = 0; at < ABSOLUTE_MS; at += IDLE_MS / 2) {
        clock_wall_set(SOME_MS + at);
        assert_true(is_known(cookie, &from));
        WAIT_FOR(sessions_is_idle(here.sessions));
    }
    clock_wall_set(SOME_MS + ABSOLUTE_MS);
    assert_false(is_known(cookie, &from));
}

static void a_revoked_session_is_over_once_forgotten(void **state)
{
    char cookie[TICKET_CHARS + 1];
    enum gate_answer from;
    (void)state;
    struct store_session_delete d = {.user_id = here.user.id};
    d.id = sign_in(cookie);
    assert_true(is_known(cookie, &from));
    do_call(&d.call, STORE_SESSION_DELETE);
    sessions_forget_all(here.sessions);
    assert_false(is_known(cookie, &from));
}

/* What was read before the change must not stay in the cache after it. */
static void a_look_up_that_was_overtaken_is_not_kept(void **state)
{
    char cookie[TICKET_CHARS + 1];
    struct asker a;
    enum gate_answer from;
    (void)state;
    sign_in(cookie);
    assert_int_equal(ask_once(&a, cookie), GATE_WAIT);
    sessions_forget_all(here.sessions);
    WAIT_FOR(a.is_answered);
    let_go(&a);
    assert_true(is_known(cookie, &from));
    assert_int_equal(from, GATE_WAIT);
}

static void an_asker_may_leave(void **state)
{
    char cookie[TICKET_CHARS + 1];
    struct asker a;
    (void)state;
    sign_in(cookie);
    assert_int_equal(ask_once(&a, cookie), GATE_WAIT);
    sessions_source(here.sessions)->leave(&a.wait);
    WAIT_FOR(sessions_is_idle(here.sessions));
    assert_false(a.is_answered);
}

static void a_disabled_user_or_account_has_no_session(void **state)
{
    char cookie[TICKET_CHARS + 1];
    enum gate_answer from;
    (void)state;
    sign_in(cookie);
    struct store_account_disable d = {.email = "ada@example.org", .disabled = true};
    do_call(&d.call, STORE_ACCOUNT_DISABLE);
    assert_false(is_known(cookie, &from));
    d.disabled = false;
    do_call(&d.call, STORE_ACCOUNT_DISABLE);
    assert_true(is_known(cookie, &from));
}

static void a_person_outlives_being_forgotten(void **state)
{
    char cookie[TICKET_CHARS + 1];
    struct asker a;
    (void)state;
    sign_in(cookie);
    assert_int_equal(ask_once(&a, cookie), GATE_WAIT);
    WAIT_FOR(a.is_answered);
    sessions_forget_all(here.sessions);
    assert_int_equal(a.wait.person->user_id, here.user.id);
    let_go(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_cookie_is_looked_up_once),
        TEST(what_is_no_cookie_of_ours_does_not_reach_the_store),
        TEST(a_cookie_that_differs_in_its_last_digit_is_another),
        TEST(an_idle_session_ends_and_use_keeps_it),
        TEST(idleness_is_the_store_s_word),
        TEST(a_session_ends_absolutely),
        TEST(a_revoked_session_is_over_once_forgotten),
        TEST(a_look_up_that_was_overtaken_is_not_kept),
        TEST(an_asker_may_leave),
        TEST(a_disabled_user_or_account_has_no_session),
        TEST(a_person_outlives_being_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
