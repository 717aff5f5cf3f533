#include "unit/auth/gate_rig.h"

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

/* Changes another key at every turn of the loop. */
static struct busy {
    struct io_post post;
    uint8_t hash[KEY_HASH_BYTES];
    const struct asker *until;
    unsigned changes;
} busy;

static void on_busy(struct io_post *p)
{
    if (busy.until->is_answered)
        return;
    busy.changes++;
    gate_forget_key(here.gate, busy.hash);
    io_post(here.loop, p);
}

static void changes_of_other_keys_hold_no_look_up_up(void **state)
{
    (void)state;
    struct made_key k = make(false, 0), other = make(false, 0);
    struct asker a;
    busy = (struct busy){.post = {.run = on_busy}, .until = &a};
    memcpy(busy.hash, other.row.hash, sizeof busy.hash);
    assert_int_equal(ask_key(&a, k.text, GATE_INFERENCE), GATE_WAIT);
    on_busy(&busy.post);
    WAIT_FOR(a.is_answered);
    assert_true(busy.changes > 0);
    assert_non_null(a.wait.principal);
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
        TEST(changes_of_other_keys_hold_no_look_up_up),
        TEST(who_leaves_is_not_answered_and_the_others_are),
        TEST(the_last_to_leave_does_not_stop_the_look_up),
        TEST(a_principal_outlives_the_cache),
        TEST(a_flood_of_unknown_keys_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
