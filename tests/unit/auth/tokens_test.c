/* Access tokens at the gate, and the keys that sign them, as the clock moves on. */
#include "unit/auth/gate_rig.h"

#include "auth/federation.h"

/* The issuer's name is the rig's. LiteLLM CVE-2026-35030: what is kept is found by its whole digest. */
struct issued {
    char text[TOKEN_TEXT_MAX + 1];
    struct token token;
};

static struct signing_key add_signer(int64_t after)
{
    struct store_signing_add add = {.after = after};
    struct fault f;
    assert_int_equal(signer_make(&rig_master, &add.row, &f), ERR_OK);
    do_call(&add.call, STORE_SIGNING_ADD);
    return add.row;
}

static struct federation add_policy(const struct made_key *k)
{
    struct store_federation_add add = {.row = {.account_id = here.account.id,
                                               .name = "ci",
                                               .issuer = "https://issuer.example",
                                               .audience = "us",
                                               .subject = "s",
                                               .lifetime_s = 900}};
    memcpy(add.row.key_hash, k->row.hash, KEY_HASH_BYTES);
    federation_id_make(add.row.id);
    do_call(&add.call, STORE_FEDERATION_ADD);
    return add.row;
}

static void set_disabled(const struct federation *p, bool disabled)
{
    struct store_federation_change c = {.fields = FEDERATION_SET_DISABLED,
                                        .row.disabled = disabled};
    memcpy(c.id, p->id, sizeof c.id);
    do_call(&c.call, STORE_FEDERATION_CHANGE);
}

static struct issued issue(const struct signing_key *signer, const struct federation *p,
                           int64_t life_s)
{
    struct issued i = {.token = {.scopes = TOKEN_INFERENCE,
                                 .issued_s = clock_wall_ms() / 1000,
                                 .expires_s = clock_wall_ms() / 1000 + life_s}};
    struct buf b = {.p = i.text, .cap = TOKEN_TEXT_MAX, .max = TOKEN_TEXT_MAX};
    struct fault f;
    struct sign_key *k = signer_open(&rig_master, signer, &f);
    assert_non_null(k);
    memcpy(i.token.key_hash, p->key_hash, KEY_HASH_BYTES);
    memcpy(i.token.policy, p->id, sizeof i.token.policy);
    assert_int_equal(token_add(&b, k, str_c(signer->kid), rig_tokens.issuer, &i.token), ERR_OK);
    sign_key_free(k);
    i.text[b.n] = '\0';
    return i;
}

static enum gate_answer ask_token(struct asker *a, const char *text)
{
    char line[TOKEN_TEXT_MAX + 10];
    snprintf(line, sizeof line, "Bearer %s", text);
    return ask_raw(a, line, NULL, GATE_INFERENCE);
}

static void assert_token_open(const struct issued *i)
{
    struct asker a;
    if (ask_token(&a, i->text) == GATE_WAIT)
        WAIT_FOR(a.is_answered);
    if (!a.wait.principal)
        fail_msg("refused: %s", a.wait.fault.message);
    principal_unref(a.wait.principal);
}

static void assert_token_shut(const struct issued *i, const char *says)
{
    struct asker a;
    if (ask_token(&a, i->text) == GATE_WAIT)
        WAIT_FOR(a.is_answered);
    assert_null(a.wait.principal);
    assert_int_equal(a.wait.fault.err, ERR_AUTH);
    if (!strstr(a.wait.fault.message, says))
        fail_msg("expected %s, got: %s", says, a.wait.fault.message);
}

/* --- the cache --- */

static void a_known_token_is_asked_of_nobody(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct signing_key signer = add_signer(0);
    struct federation p = add_policy(&k);
    struct issued i = issue(&signer, &p, 900);
    struct asker a;
    assert_int_equal(ask_token(&a, i.text), GATE_WAIT);
    WAIT_FOR(a.is_answered);
    assert_int_equal(a.wait.principal->key.id, k.row.id);
    assert_ptr_equal(a.wait.principal->key_budget, ledger_find_key(here.ledger, k.row.id));
    principal_unref(a.wait.principal);
    assert_int_equal(ask_token(&a, i.text), GATE_OPEN);
    principal_unref(a.wait.principal);
}

static void many_who_ask_at_once_share_one_look(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct signing_key signer = add_signer(0);
    struct federation p = add_policy(&k);
    struct issued i = issue(&signer, &p, 900);
    struct asker a[WAITERS];
    for (int n = 0; n < WAITERS; n++) {
        assert_int_equal(ask_token(&a[n], i.text), GATE_WAIT);
        assert_ptr_equal(a[n].wait.token.check, a[0].wait.token.check);
    }
    gate_leave(&a[3].wait);
    WAIT_FOR(a[WAITERS - 1].is_answered && gate_is_idle(here.gate));
    for (int n = 0; n < WAITERS; n++) {
        assert_true(a[n].is_answered == (n != 3));
        assert_true((a[n].wait.principal != NULL) == (n != 3));
        principal_unref(a[n].wait.principal);
    }
}

static void what_almost_is_a_known_token_is_none(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct signing_key signer = add_signer(0);
    struct federation p = add_policy(&k);
    struct issued i = issue(&signer, &p, 900);
    size_t n = strlen(i.text);
    assert_token_open(&i);
    for (size_t at = n / 3; at < n; at += 37) {
        struct issued other = i;
        other.text[at] = other.text[at] == 'A' ? 'B' : 'A';
        assert_token_shut(&other, "");
    }
    assert_token_open(&i);
}

/* --- its end --- */

static void a_token_ends_to_the_second_also_from_the_cache(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct signing_key signer = add_signer(0);
    struct federation p = add_policy(&k);
    struct issued i = issue(&signer, &p, 900);
    assert_token_open(&i);
    clock_wall_set(i.token.expires_s * 1000 - 1);
    assert_token_open(&i);
    clock_wall_set(i.token.expires_s * 1000);
    assert_token_shut(&i, "expired");
    assert_token_shut(&i, "expired"); /* no longer from the cache */
}

static void a_token_ends_with_its_key_and_not_with_its_policy(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct signing_key signer = add_signer(0);
    struct federation p = add_policy(&k);
    struct issued i = issue(&signer, &p, 900), fresh = issue(&signer, &p, 800);
    struct store_federation_delete gone = {.account_id = here.account.id};
    assert_token_open(&i);
    set_disabled(&p, true);
    assert_token_open(&i);
    memcpy(gone.id, p.id, sizeof gone.id);
    do_call(&gone.call, STORE_FEDERATION_DELETE);
    assert_token_open(&i);
    assert_token_open(&fresh);
    disable(&k, true);
    gate_forget_key(here.gate, k.row.hash);
    assert_token_shut(&i, "The API key as which this access token acts is disabled");
    assert_token_shut(&fresh, "disabled");
    struct store_key_delete del = {.account_id = 0};
    memcpy(del.hash, k.row.hash, sizeof del.hash);
    do_call(&del.call, STORE_KEY_DELETE);
    gate_forget_key(here.gate, k.row.hash);
    assert_token_shut(&i, "was deleted");
    assert_token_shut(&i, "was deleted");
}

static void a_token_ends_with_its_keys_time(void **state)
{
    (void)state;
    struct made_key k = make(false, SOME_MS + 5000);
    struct signing_key signer = add_signer(0);
    struct federation p = add_policy(&k);
    struct issued i = issue(&signer, &p, 900);
    assert_token_open(&i);
    clock_wall_set(SOME_MS + 5000);
    assert_token_shut(&i, "has expired");
}

/* Changes the signing keys at every turn of the loop. */
static struct busy {
    struct io_post post;
    const struct asker *until;
    unsigned changes;
    bool is_sent;
} busy;

static void on_busy(struct io_post *p)
{
    busy.is_sent = !busy.until->is_answered;
    if (!busy.is_sent)
        return;
    busy.changes++;
    gate_forget_signers(here.gate);
    io_post(here.loop, p);
}

static void assert_open_meanwhile(const struct issued *i)
{
    struct asker a;
    busy.post.run = on_busy;
    busy.until = &a;
    busy.changes = 0;
    assert_int_equal(ask_token(&a, i->text), GATE_WAIT);
    on_busy(&busy.post);
    WAIT_FOR(a.is_answered && !busy.is_sent); /* what is sent must not be sent again */
    assert_true(busy.changes > 0);
    if (!a.wait.principal)
        fail_msg("refused: %s", a.wait.fault.message);
    principal_unref(a.wait.principal);
}

static void changes_of_signing_keys_hold_no_look_up(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct signing_key signer = add_signer(0);
    struct federation p = add_policy(&k);
    struct issued i = issue(&signer, &p, 900), late = issue(&signer, &p, 800);
    assert_open_meanwhile(&i);
    assert_open_meanwhile(&late);
}

/* --- signing keys turn --- */

static size_t published(void)
{
    struct signers *s = gate_signers(here.gate);
    struct buf out;
    struct json_writer w;
    size_t n = 0;
    buf_init(&out, 100000);
    json_writer_init(&w, &out);
    signers_write(s, clock_wall_ms(), &w);
    assert_int_equal(jw_finish(&w), ERR_OK);
    for (struct str rest = buf_view(&out); rest.n; n++) {
        size_t at = str_find(rest, STR("\"kid\""));
        if (at == rest.n)
            break;
        rest = str_skip(rest, at + 1);
    }
    assert_true(str_find(buf_view(&out), STR("\"d\":")) == out.n);
    buf_release(&out);
    return n;
}

static void the_new_key_signs_and_the_old_one_stays_until_its_last_token_is_over(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct signing_key first = add_signer(0);
    struct federation p = add_policy(&k);
    struct issued old = issue(&first, &p, 900);
    struct str kid;
    assert_token_open(&old);
    clock_wall_set(SOME_MS + 1000);
    struct signing_key second = add_signer(first.id);
    struct issued fresh = issue(&second, &p, 900);
    assert_token_open(&fresh); /* without having been told: its name is asked for */
    assert_token_open(&old);
    assert_int_equal(published(), 2);
    assert_non_null(signers_newest(gate_signers(here.gate), clock_wall_ms(), &kid));
    assert_true(str_eq(kid, str_c(second.kid)));
    struct issued late = issue(&first, &p, 900); /* by who has not heard of it yet */
    clock_wall_set(SOME_MS + 1000 + SIGNER_STAYS_MS - 70 * 1000);
    gate_forget_signers(here.gate);
    assert_token_open(&late);
    clock_wall_set(SOME_MS + 1000 + SIGNER_STAYS_MS);
    assert_int_equal(published(), 1);
    struct issued forged = issue(&first, &p, 900); /* who has stolen the old key has nothing */
    assert_token_shut(&forged, "kid");
}

static void a_key_sealed_by_another_master_signs_nothing(void **state)
{
    (void)state;
    static const struct seal_key other = {{1}};
    struct store_signing_add add = {.after = 0};
    struct signer_wait w = {.done = NULL};
    struct fault f;
    struct str kid;
    log_set_level(LOG_ERROR + 1);
    assert_int_equal(signer_make(&other, &add.row, &f), ERR_OK);
    assert_null(signer_open(&rig_master, &add.row, &f));
    struct signing_key moved = add.row; /* what is sealed for one name opens under no other */
    moved.kid[0] ^= 1;
    assert_null(signer_open(&other, &moved, &f));
    struct sign_key *k = signer_open(&other, &add.row, &f);
    assert_non_null(k);
    sign_key_free(k);
    do_call(&add.call, STORE_SIGNING_ADD);
    struct signers *s = gate_signers(here.gate);
    assert_int_equal(signers_ask(s, str_c(add.row.kid), &w), SIGNERS_WAIT);
    signers_leave(&w);
    WAIT_FOR(gate_is_idle(here.gate));
    assert_null(signers_newest(s, clock_wall_ms(), &kid));
    assert_int_equal(published(), 0);
    log_set_level(LOG_ERROR);
}

/* --- floods --- */

static void made_up_names_of_keys_are_asked_for_seldom(void **state)
{
    (void)state;
    struct made_key k = make(false, 0);
    struct signing_key signer = add_signer(0);
    struct federation p = add_policy(&k);
    struct issued i = issue(&signer, &p, 900);
    unsigned shut = 0, unknown = 0;
    assert_token_open(&i);
    for (int n = 0; n < 200; n++) {
        struct store_signing_add made = {.after = 0};
        struct fault f;
        struct asker a;
        assert_int_equal(signer_make(&rig_master, &made.row, &f), ERR_OK);
        struct issued forged = issue(&made.row, &p, 900);
        if (ask_token(&a, forged.text) == GATE_WAIT)
            WAIT_FOR(a.is_answered);
        assert_null(a.wait.principal);
        shut += a.wait.fault.err == ERR_OVERLOADED;
        unknown += a.wait.fault.err == ERR_AUTH;
    }
    assert_true(shut > 0 && unknown > 0 && shut + unknown == 200);
    assert_token_open(&i);
}

static bool locate(const void *where, struct address *out)
{
    return address_parse(str_c(where), out);
}

static enum gate_answer ask_token_from(struct asker *a, const char *text, const char *address)
{
    char line[TOKEN_TEXT_MAX + 10];
    snprintf(line, sizeof line, "Bearer %s", text);
    *a = (struct asker){.wait = {.done = on_answer, .locate = locate, .where = address}};
    enum gate_answer answer = gate_ask(here.gate, str_c(line), STR_NONE, GATE_INFERENCE, &a->wait);
    if (answer == GATE_WAIT)
        WAIT_FOR(a->is_answered);
    return answer;
}

static enum err forge(const struct issued *good, unsigned n, const char *address)
{
    struct asker a;
    struct issued forged = *good;
    char *signature = strrchr(forged.text, '.') + 1;
    for (unsigned bit = 0; bit < 12; bit++)
        signature[bit] = (n >> bit) & 1 ? 'B' : 'C';
    assert_int_equal(ask_token_from(&a, forged.text, address), GATE_SHUT);
    bool is_told = str_eq(gate_refusal_field(&a.wait.fault), STR("Retry-After: 1\r\n"));
    assert_int_equal(is_told, a.wait.fault.err == ERR_RATE);
    return a.wait.fault.err;
}

static void wrong_signatures_are_looked_at_seldom(void **state)
{
    enum { FLOOD = 400 };
    (void)state;
    struct made_key k = make(false, 0);
    struct signing_key signer = add_signer(0);
    struct federation p = add_policy(&k);
    struct issued good = issue(&signer, &p, 900), uncached = issue(&signer, &p, 900);
    unsigned wrong = 0, refused = 0;
    struct asker a;
    assert_token_open(&good);
    for (unsigned n = 0; n < FLOOD; n++) {
        enum err e = forge(&good, n, "192.0.2.1");
        wrong += e == ERR_AUTH;
        refused += e == ERR_RATE;
    }
    assert_int_equal(wrong + refused, FLOOD);
    assert_true(wrong >= FORGED_NETWORK_MAX && refused > 0); /* more where a second turned */
    assert_token_open(&good);
    assert_int_equal(ask_token_from(&a, uncached.text, "192.0.2.1"), GATE_SHUT);
    assert_int_equal(a.wait.fault.err, ERR_RATE);
    assert_int_equal(ask_token_from(&a, uncached.text, "192.0.2.2"), GATE_OPEN);
    assert_non_null(a.wait.principal);
    principal_unref(a.wait.principal);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_known_token_is_asked_of_nobody),
        TEST(many_who_ask_at_once_share_one_look),
        TEST(what_almost_is_a_known_token_is_none),
        TEST(a_token_ends_to_the_second_also_from_the_cache),
        TEST(a_token_ends_with_its_key_and_not_with_its_policy),
        TEST(a_token_ends_with_its_keys_time),
        TEST(changes_of_signing_keys_hold_no_look_up),
        TEST(the_new_key_signs_and_the_old_one_stays_until_its_last_token_is_over),
        TEST(a_key_sealed_by_another_master_signs_nothing),
        TEST(made_up_names_of_keys_are_asked_for_seldom),
        TEST(wrong_signatures_are_looked_at_seldom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
