#include "unit/store/support.h"

#include "auth/gate.h"
#include "auth/key.h"

enum { GUARD_MS = 20000, WAITERS = 50 };
#define PREFIX     STR("sk-tp-v1-")
#define MANAGEMENT STR("sk-tp-mgmt-v1-")

/* A store with one account, and a gate on the test's loop. */
static struct here {
    struct dir dir;
    struct store *store;
    struct ledger *ledger;
    struct io_loop *loop;
    struct gate *gate;
    struct account account;
    struct io_timer guard, look;
    bool is_timed_out;
    unsigned answers;
} here;

/* A question and whether it was answered. */
struct asker {
    struct gate_wait wait;
    bool is_answered;
};

struct made_key {
    char text[KEY_TEXT_MAX + 1];
    struct key row;
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
    struct fault f;
    (void)state;
    memset(&here, 0, sizeof here);
    dir_make(&here.dir);
    struct store *s = direct(&here.dir);
    here.account = make_account(s, "a@example.org", 5 * NANOS_PER_USD);
    store_close(s);
    here.store = store_open(str_c(here.dir.path), STORE_THREADS, &f);
    here.loop = io_loop_new(&f);
    here.ledger = ledger_new();
    assert_true(here.store && here.loop && here.ledger);
    here.gate = gate_new(here.loop, here.store, here.ledger, PREFIX, MANAGEMENT);
    assert_non_null(here.gate);
    io_timer_init(&here.guard, on_guard);
    io_timer_init(&here.look, on_look);
    clock_wall_set(SOME_MS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    WAIT_FOR(gate_is_idle(here.gate));
    gate_free(here.gate);
    ledger_free(here.ledger);
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

/* A call of the store, waited for. */
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

static struct made_key make(bool is_management, int64_t expires_ms)
{
    struct made_key k;
    struct store_key_create c = {
        .key = {.account_id = here.account.id, .limit = NO_LIMIT, .expires_ms = expires_ms}};
    key_make(PREFIX, is_management, k.text, &c.key);
    do_call(&c.call, STORE_KEY_CREATE);
    k.row = c.key;
    return k;
}

static void disable(const struct made_key *k, bool disabled)
{
    struct store_key_disable c = {.disabled = disabled};
    memcpy(c.hash, k->row.hash, sizeof c.hash);
    do_call(&c.call, STORE_KEY_DISABLE);
}

static void on_answer(struct gate_wait *w)
{
    container_of(w, struct asker, wait)->is_answered = true;
}

static enum gate_answer ask_raw(struct asker *a, const char *authorization, const char *x_api_key,
                                enum gate_need need)
{
    *a = (struct asker){.wait.done = on_answer};
    return gate_ask(here.gate, authorization ? str_c(authorization) : STR_NONE,
                    x_api_key ? str_c(x_api_key) : STR_NONE, need, &a->wait);
}

static enum gate_answer ask_key(struct asker *a, const char *text, enum gate_need need)
{
    char line[KEY_TEXT_MAX + 16];
    snprintf(line, sizeof line, "Bearer %s", text);
    return ask_raw(a, line, NULL, need);
}

/* Asks and waits where it must. NULL: refused, and the fault says why. */
static struct principal *ask_fully(struct asker *a, const char *text, enum gate_need need)
{
    if (ask_key(a, text, need) == GATE_WAIT)
        WAIT_FOR(a->is_answered);
    return a->wait.principal;
}

static void assert_open(const char *text, enum gate_need need)
{
    struct asker a;
    struct principal *p = ask_fully(&a, text, need);
    if (!p)
        fail_msg("refused: %s", a.wait.fault.message);
    principal_unref(p);
}

static void assert_shut(const char *text, enum gate_need need, enum err e, const char *sentence)
{
    struct asker a;
    assert_null(ask_fully(&a, text, need));
    assert_int_equal(a.wait.fault.err, e);
    assert_string_equal(a.wait.fault.message, sentence);
}

/* --- the shape
 * -------------------------------------------------------------------------------------- */

static const char unknown_sentence[] = "Unknown API key: it does not exist or was deleted";

static void what_is_no_key_is_told_from_no_credential_without_a_look_up(void **state)
{
    (void)state;
    static const struct {
        const char *authorization, *x_api_key, *sentence;
    } rows[] = {
        {NULL, NULL,
         "Missing Authentication header: no credential was received. "
         "Send 'Authorization: Bearer <API key>'"},
        {"", NULL,
         "Missing Authentication header: no credential was received. "
         "Send 'Authorization: Bearer <API key>'"},
        {NULL, "",
         "Missing Authentication header: no credential was received. "
         "Send 'Authorization: Bearer <API key>'"},
        {"Basic c2VjcmV0", NULL,
         "The Authorization header holds no Bearer credential. "
         "Send 'Authorization: Bearer <API key>'"},
        {"Bearer", NULL,
         "The Authorization header holds no Bearer credential. "
         "Send 'Authorization: Bearer <API key>'"},
        {"sk-tp-v1-00", NULL,
         "The Authorization header holds no Bearer credential. "
         "Send 'Authorization: Bearer <API key>'"},
        {"Bearer sk-or-v1-canary", NULL,
         "Malformed API key: expected 'sk-tp-v1-' or 'sk-tp-mgmt-v1-' and 64 hex digits with a "
         "checksum, "
         "got 15 characters that are no such key"},
        {NULL, "canary",
         "Malformed API key: expected 'sk-tp-v1-' or 'sk-tp-mgmt-v1-' and 64 hex digits with a "
         "checksum, got 6 characters that are no such key"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct asker a;
        assert_int_equal(ask_raw(&a, rows[i].authorization, rows[i].x_api_key, GATE_ANY_KEY),
                         GATE_SHUT);
        assert_int_equal(a.wait.fault.err, ERR_AUTH);
        assert_string_equal(a.wait.fault.message, rows[i].sentence);
        assert_true(gate_is_idle(here.gate) && !a.wait.principal);
    }
}

static void a_wrong_checksum_is_malformed_and_not_looked_up(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct asker a;
    size_t n = strlen(k.text);
    for (size_t i = n - KEY_DIGITS; i < n; i += 7) {
        struct made_key typo = k;
        typo.text[i] = typo.text[i] == '0' ? '1' : '0';
        assert_int_equal(ask_key(&a, typo.text, GATE_ANY_KEY), GATE_SHUT);
        assert_int_equal(strncmp(a.wait.fault.message, "Malformed API key", 17), 0);
        assert_null(strstr(a.wait.fault.message, typo.text + 9));
    }
    assert_true(gate_is_idle(here.gate));
}

static void a_key_is_taken_in_either_header_and_any_case_of_bearer(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct asker a;
    char line[160];
    assert_open(k.text, GATE_INFERENCE);
    assert_int_equal(ask_raw(&a, NULL, k.text, GATE_INFERENCE), GATE_OPEN);
    principal_unref(a.wait.principal);
    snprintf(line, sizeof line, "bEARER   %s \t", k.text);
    assert_int_equal(ask_raw(&a, line, NULL, GATE_INFERENCE), GATE_OPEN);
    principal_unref(a.wait.principal);
    assert_int_equal(ask_raw(&a, "Basic x", k.text, GATE_INFERENCE), GATE_SHUT);
}

/* --- the cache
 * -------------------------------------------------------------------------------------- */

/* Portkey (a cache key without the tenant): what is cached is found by the credential's whole digest alone. */
static void a_known_key_is_asked_of_the_store_once(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct asker first, second;
    assert_int_equal(ask_key(&first, k.text, GATE_INFERENCE), GATE_WAIT);
    WAIT_FOR(first.is_answered);
    assert_int_equal(ask_key(&second, k.text, GATE_INFERENCE), GATE_OPEN);
    assert_ptr_equal(first.wait.principal, second.wait.principal);
    assert_int_equal(first.wait.principal->key.id, k.row.id);
    assert_int_equal(first.wait.principal->key.account_id, here.account.id);
    assert_ptr_equal(first.wait.principal->key_budget, ledger_find_key(here.ledger, k.row.id));
    assert_ptr_equal(first.wait.principal->account_budget,
                     ledger_find_account(here.ledger, here.account.id));
    principal_unref(first.wait.principal);
    principal_unref(second.wait.principal);
}

static void many_who_ask_at_once_share_one_answer(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct asker a[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(ask_key(&a[i], k.text, i % 2 ? GATE_INFERENCE : GATE_MANAGEMENT),
                         GATE_WAIT);
        assert_ptr_equal(a[i].wait.lookup, a[0].wait.lookup);
    }
    WAIT_FOR(a[WAITERS - 1].is_answered);
    for (int i = 0; i < WAITERS; i++) {
        assert_true(a[i].is_answered);
        assert_true((a[i].wait.principal != NULL) == (i % 2 == 1));
        principal_unref(a[i].wait.principal);
    }
    assert_true(gate_is_idle(here.gate));
}

static void an_unknown_key_is_remembered_for_a_while(void **state)
{
    (void)state;
    struct made_key k;
    struct asker a;
    key_make(PREFIX, false, k.text, &k.row);
    assert_int_equal(ask_key(&a, k.text, GATE_INFERENCE), GATE_WAIT);
    WAIT_FOR(a.is_answered);
    assert_null(a.wait.principal);
    assert_string_equal(a.wait.fault.message, unknown_sentence);
    assert_int_equal(ask_key(&a, k.text, GATE_INFERENCE), GATE_SHUT);
    assert_int_equal(a.wait.fault.err, ERR_AUTH);
    assert_string_equal(a.wait.fault.message, unknown_sentence);
    gate_forget_key(here.gate, k.row.hash);
    assert_int_equal(ask_key(&a, k.text, GATE_INFERENCE), GATE_WAIT);
    gate_leave(&a.wait);
}

static void a_key_made_after_it_was_unknown_opens_once_forgotten(void **state)
{
    (void)state;
    struct store_key_create c = {.key = {.account_id = here.account.id, .limit = NO_LIMIT}};
    char text[KEY_TEXT_MAX + 1];
    key_make(PREFIX, false, text, &c.key);
    assert_shut(text, GATE_INFERENCE, ERR_AUTH, unknown_sentence);
    do_call(&c.call, STORE_KEY_CREATE);
    gate_forget_all(here.gate);
    assert_open(text, GATE_INFERENCE);
}

/* --- the judgement
 * ------------------------------------------------------------------------------------- */

static void a_management_key_does_not_infer_and_the_reverse(void **state)
{
    (void)state;
    struct made_key spends = make(false, 0), rules = make(true, 0);
    for (int i = 0; i < 2; i++) { /* from the store, then from the cache */
        assert_open(spends.text, GATE_INFERENCE);
        assert_open(spends.text, GATE_ANY_KEY);
        assert_open(rules.text, GATE_MANAGEMENT);
        assert_open(rules.text, GATE_ANY_KEY);
        assert_shut(spends.text, GATE_MANAGEMENT, ERR_FORBIDDEN,
                    "This is an inference key: only a management key is allowed here");
        assert_shut(rules.text, GATE_INFERENCE, ERR_FORBIDDEN,
                    "This is a management key: it administers and cannot run inference. "
                    "Use an inference key here");
    }
}

static void a_disabled_key_is_shut_out_and_let_in_again(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    assert_open(k.text, GATE_INFERENCE);
    disable(&k, true);
    gate_forget_key(here.gate, k.row.hash);
    assert_shut(k.text, GATE_INFERENCE, ERR_AUTH, "This API key is disabled");
    assert_shut(k.text, GATE_INFERENCE, ERR_AUTH, "This API key is disabled");
    disable(&k, false);
    gate_forget_all(here.gate);
    assert_open(k.text, GATE_INFERENCE);
}

static void a_key_expires_to_the_millisecond_also_from_the_cache(void **state)
{
    (void)state;
    struct made_key k = make(false, SOME_MS + 1000);
    assert_open(k.text, GATE_INFERENCE);
    clock_wall_set(SOME_MS + 999);
    assert_open(k.text, GATE_INFERENCE);
    clock_wall_set(SOME_MS + 1000);
    assert_shut(k.text, GATE_INFERENCE, ERR_AUTH, "This API key has expired");
    gate_forget_all(here.gate);
    assert_shut(k.text, GATE_INFERENCE, ERR_AUTH, "This API key has expired");
}

static void a_disabled_account_shuts_its_keys_out(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct store_account_disable c = {.email = "a@example.org", .disabled = true};
    assert_open(k.text, GATE_INFERENCE);
    do_call(&c.call, STORE_ACCOUNT_DISABLE);
    gate_forget_all(here.gate);
    assert_shut(k.text, GATE_INFERENCE, ERR_FORBIDDEN, "The account of this API key is disabled");
}

static void a_deleted_key_is_unknown(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct store_key_delete c = {0};
    memcpy(c.hash, k.row.hash, sizeof c.hash);
    assert_open(k.text, GATE_INFERENCE);
    do_call(&c.call, STORE_KEY_DELETE);
    gate_forget_key(here.gate, k.row.hash);
    assert_shut(k.text, GATE_INFERENCE, ERR_AUTH, unknown_sentence);
}

/* --- changes and departures
 * ------------------------------------------------------------------------------- */

/* What was read before the change is told to nobody: the store is asked again. */
static void a_change_during_a_look_up_is_not_overlooked(void **state)
{
    (void)state;
    struct made_key k = make(false, 0), unknown;
    struct asker a, b;
    key_make(PREFIX, false, unknown.text, &unknown.row);
    assert_int_equal(ask_key(&a, k.text, GATE_INFERENCE), GATE_WAIT);
    assert_int_equal(ask_key(&b, unknown.text, GATE_INFERENCE), GATE_WAIT);
    gate_forget_key(here.gate, k.row.hash);
    gate_forget_all(here.gate);
    gate_forget_key(here.gate, k.row.hash);
    WAIT_FOR(a.is_answered && b.is_answered);
    principal_unref(a.wait.principal);
    assert_int_equal(ask_key(&b, unknown.text, GATE_INFERENCE), GATE_SHUT);
    assert_int_equal(ask_key(&a, k.text, GATE_INFERENCE), GATE_OPEN);
    assert_true(a.wait.principal->is_cached);
    principal_unref(a.wait.principal);
}

static void who_leaves_is_not_answered_and_the_others_are(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct asker a[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask_key(&a[i], k.text, GATE_INFERENCE), GATE_WAIT);
    gate_leave(&a[1].wait);
    gate_leave(&a[1].wait);
    WAIT_FOR(a[2].is_answered);
    assert_true(a[0].is_answered && !a[1].is_answered && !a[1].wait.principal);
    gate_leave(&a[0].wait);
    principal_unref(a[0].wait.principal);
    principal_unref(a[2].wait.principal);
}

static void the_last_to_leave_does_not_stop_the_look_up(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct asker a;
    assert_int_equal(ask_key(&a, k.text, GATE_INFERENCE), GATE_WAIT);
    gate_leave(&a.wait);
    assert_false(gate_is_idle(here.gate));
    WAIT_FOR(gate_is_idle(here.gate));
    assert_false(a.is_answered);
    assert_int_equal(ask_key(&a, k.text, GATE_INFERENCE), GATE_OPEN);
    principal_unref(a.wait.principal);
}

static void a_principal_outlives_the_cache(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct asker a;
    struct principal *p = ask_fully(&a, k.text, GATE_INFERENCE);
    assert_true(p->is_cached);
    gate_forget_all(here.gate);
    assert_false(p->is_cached);
    gate_stop(here.gate); /* its use is told */
    assert_int_equal(p->refs, 1);
    assert_int_equal(p->key.id, k.row.id);
    principal_unref(p);
    principal_unref(NULL);
}

static void a_flood_of_unknown_keys_is_bounded(void **state)
{
    (void)state;
    enum { FLOOD = 600 };
    struct asker *a = calloc(FLOOD, sizeof *a);
    unsigned shut = 0, answered = 0;
    struct made_key k;
    assert_non_null(a);
    for (int i = 0; i < FLOOD; i++) {
        key_make(PREFIX, false, k.text, &k.row);
        enum gate_answer is = ask_key(&a[i], k.text, GATE_INFERENCE);
        assert_int_not_equal(is, GATE_OPEN);
        if (is == GATE_SHUT) {
            assert_int_equal(a[i].wait.fault.err, ERR_NOMEM);
            shut++;
        }
    }
    assert_int_equal(shut, FLOOD - 512);
    WAIT_FOR(gate_is_idle(here.gate));
    for (int i = 0; i < FLOOD; i++)
        answered += a[i].is_answered;
    assert_int_equal(answered, 512);
    free(a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_key_is_told_from_no_credential_without_a_look_up),
        TEST(a_wrong_checksum_is_malformed_and_not_looked_up),
        TEST(a_key_is_taken_in_either_header_and_any_case_of_bearer),
        TEST(a_known_key_is_asked_of_the_store_once),
        TEST(many_who_ask_at_once_share_one_answer),
        TEST(an_unknown_key_is_remembered_for_a_while),
        TEST(a_key_made_after_it_was_unknown_opens_once_forgotten),
        TEST(a_management_key_does_not_infer_and_the_reverse),
        TEST(a_disabled_key_is_shut_out_and_let_in_again),
        TEST(a_key_expires_to_the_millisecond_also_from_the_cache),
        TEST(a_disabled_account_shuts_its_keys_out),
        TEST(a_deleted_key_is_unknown),
        TEST(a_change_during_a_look_up_is_not_overlooked),
        TEST(who_leaves_is_not_answered_and_the_others_are),
        TEST(the_last_to_leave_does_not_stop_the_look_up),
        TEST(a_principal_outlives_the_cache),
        TEST(a_flood_of_unknown_keys_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
