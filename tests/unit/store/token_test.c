/* Federation policies and signing keys in the store. */
#include "unit/store/support.h"

#include "store/calls_token.h"

static struct dir dir;
static struct store *store;
static struct account account, other;

static int set_up(void **state)
{
    (void)state;
    clock_wall_set(SOME_MS);
    dir_make(&dir);
    store = direct(&dir);
    account = make_account(store, "a@example.org", 0);
    other = make_account(store, "b@example.org", 0);
    make_key(store, account.id, 1);
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

static struct store_federation_add policy(int64_t account_id, uint8_t key, unsigned n)
{
    struct store_federation_add a = {.call.need = STORE_FEDERATION_ADD,
                                     .row = {.account_id = account_id,
                                             .name = "ci",
                                             .issuer = "https://issuer.example",
                                             .audience = "us",
                                             .subject = "s*",
                                             .claims = "{\"a\":true}",
                                             .lifetime_s = 300,
                                             .is_operators = true}};
    memset(a.row.key_hash, key, KEY_HASH_BYTES);
    snprintf(a.row.id, sizeof a.row.id, "fp-%032u", n);
    return a;
}

static enum err get(int64_t account_id, const char *id, struct federation *out)
{
    struct store_federation_get g = {.call.need = STORE_FEDERATION_GET, .account_id = account_id};
    snprintf(g.id, sizeof g.id, "%s", id);
    store_submit(store, &g.call);
    *out = g.row;
    return g.call.err;
}

/* Field by field: what lies between them is nobody's. */
static void assert_same(const struct federation *a, const struct federation *b)
{
    assert_string_equal(a->id, b->id);
    assert_int_equal(a->account_id, b->account_id);
    assert_memory_equal(a->key_hash, b->key_hash, KEY_HASH_BYTES);
    assert_string_equal(a->key_label, b->key_label);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->issuer, b->issuer);
    assert_string_equal(a->jwks_url, b->jwks_url);
    assert_string_equal(a->audience, b->audience);
    assert_string_equal(a->subject, b->subject);
    assert_string_equal(a->claims, b->claims);
    assert_int_equal(a->lifetime_s, b->lifetime_s);
    assert_int_equal(a->disabled, b->disabled);
    assert_int_equal(a->is_operators, b->is_operators);
    assert_int_equal(a->created_ms, b->created_ms);
    assert_int_equal(a->updated_ms, b->updated_ms);
    assert_int_equal(a->last_used_ms, b->last_used_ms);
}

static void a_policy_is_kept_as_it_was_made(void **state)
{
    (void)state;
    struct store_federation_add a = policy(account.id, 1, 1);
    struct federation p;
    ask(store, &a.call);
    assert_int_equal(get(0, a.row.id, &p), ERR_OK);
    assert_same(&p, &a.row);
    assert_string_equal(p.key_label, "sk-tp-v1-abc...def");
    assert_int_equal(p.created_ms, SOME_MS);
    assert_int_equal(get(account.id, a.row.id, &p), ERR_OK);
    assert_int_equal(get(other.id, a.row.id, &p), ERR_NOT_FOUND);
    assert_int_equal(get(0, "fp-", &p), ERR_NOT_FOUND);
}

static void a_policy_is_for_an_inference_key_of_its_account(void **state)
{
    (void)state;
    struct store_federation_add a = policy(other.id, 1, 1), unknown = policy(account.id, 9, 1),
                                management = policy(account.id, 2, 1);
    struct store_key_create k = {
        .call.need = STORE_KEY_CREATE,
        .key = {.account_id = account.id, .limit = NO_LIMIT, .is_management = true}};
    memset(k.key.hash, 2, KEY_HASH_BYTES);
    ask(store, &k.call);
    store_submit(store, &a.call);
    assert_int_equal(a.call.err, ERR_NOT_FOUND);
    store_submit(store, &unknown.call);
    assert_int_equal(unknown.call.err, ERR_NOT_FOUND);
    store_submit(store, &management.call);
    assert_int_equal(management.call.err, ERR_INVALID);
}

static void an_account_has_so_many(void **state)
{
    (void)state;
    struct store_federation_list l = {.call.need = STORE_FEDERATION_LIST, .account_id = account.id};
    for (unsigned i = 0; i < FEDERATIONS_MAX; i++) {
        struct store_federation_add a = policy(account.id, 1, i);
        ask(store, &a.call);
    }
    struct store_federation_add a = policy(account.id, 1, 99);
    store_submit(store, &a.call);
    assert_int_equal(a.call.err, ERR_INVALID);
    ask(store, &l.call);
    assert_int_equal(l.n, FEDERATIONS_MAX);
    store_federation_list_release(&l);
    l.account_id = other.id;
    ask(store, &l.call);
    assert_int_equal(l.n, 0);
    store_federation_list_release(&l);
}

static void a_change_is_told_and_only_of_what_it_names(void **state)
{
    (void)state;
    struct store_federation_add a = policy(account.id, 1, 1);
    struct store_changes seen = {.call.need = STORE_CHANGES, .seq = -1};
    struct store_federation_change c = {.call.need = STORE_FEDERATION_CHANGE,
                                        .account_id = other.id,
                                        .fields = FEDERATION_SET_DISABLED,
                                        .row = {.disabled = true, .name = "no", .lifetime_s = 1}};
    struct store_federation_delete d = {.call.need = STORE_FEDERATION_DELETE,
                                        .account_id = other.id};
    struct federation p;
    ask(store, &a.call);
    ask(store, &seen.call);
    memcpy(c.id, a.row.id, sizeof c.id);
    memcpy(d.id, a.row.id, sizeof d.id);
    store_submit(store, &c.call);
    assert_int_equal(c.call.err, ERR_NOT_FOUND);
    store_submit(store, &d.call);
    assert_int_equal(d.call.err, ERR_NOT_FOUND);
    c.account_id = d.account_id = account.id;
    c.row.disabled = true;
    ask(store, &c.call);
    assert_int_equal(get(0, a.row.id, &p), ERR_OK);
    assert_true(p.disabled && p.lifetime_s == 300 && p.updated_ms == SOME_MS);
    assert_string_equal(p.name, "ci");
    ask(store, &d.call);
    assert_string_equal(d.row.name, "ci");
    assert_int_equal(get(0, a.row.id, &p), ERR_NOT_FOUND);
    ask(store, &seen.call);
    assert_int_equal(seen.n, 0); /* nobody has to hear of it: tokens that were given stay */
}

/* --- giving tokens out --- */

static enum err issue(const char *id)
{
    struct store_token_issue t = {.call.need = STORE_TOKEN_ISSUE};
    snprintf(t.id, sizeof t.id, "%s", id);
    store_submit(store, &t.call);
    return t.call.err;
}

static void a_policy_gives_so_many_tokens_a_minute(void **state)
{
    (void)state;
    struct store_federation_add a = policy(account.id, 1, 1), b = policy(account.id, 1, 2);
    struct federation p;
    const int64_t minute = SOME_MS - SOME_MS % 60000;
    ask(store, &a.call);
    ask(store, &b.call);
    for (int64_t turn = 0; turn < 2; turn++) {
        clock_wall_set(minute + turn * 60000 + 59999 * (1 - turn));
        for (int i = 0; i < TOKENS_A_MINUTE_MAX; i++)
            assert_int_equal(issue(a.row.id), ERR_OK);
        assert_int_equal(issue(a.row.id), ERR_RATE);
        assert_int_equal(issue(a.row.id), ERR_RATE);
    }
    assert_int_equal(issue(b.row.id), ERR_OK);
    assert_int_equal(get(0, a.row.id, &p), ERR_OK);
    assert_int_equal(p.last_used_ms, minute + 60000);
}

static void a_disabled_or_deleted_policy_gives_none(void **state)
{
    (void)state;
    struct store_federation_add a = policy(account.id, 1, 1);
    struct store_federation_change c = {.call.need = STORE_FEDERATION_CHANGE,
                                        .fields = FEDERATION_SET_DISABLED,
                                        .row.disabled = true};
    ask(store, &a.call);
    memcpy(c.id, a.row.id, sizeof c.id);
    ask(store, &c.call);
    assert_int_equal(issue(a.row.id), ERR_NOT_FOUND);
    assert_int_equal(issue("fp-none"), ERR_NOT_FOUND);
}

/* --- signing keys --- */

static enum err sign_with(const char *kid, int64_t after, int64_t *id)
{
    struct store_signing_add a = {.call.need = STORE_SIGNING_ADD, .after = after};
    snprintf(a.row.kid, sizeof a.row.kid, "%s", kid);
    memset(a.row.sealed, kid[0], sizeof a.row.sealed);
    a.row.sealed_n = 200;
    store_submit(store, &a.call);
    *id = a.row.id;
    return a.call.err;
}

static int64_t prune(int64_t before_ms)
{
    struct store_signing_prune p = {.call.need = STORE_SIGNING_PRUNE, .before_ms = before_ms};
    ask(store, &p.call);
    return p.n;
}

static void signing_keys_follow_each_other(void **state)
{
    (void)state;
    struct store_signing_list l = {.call.need = STORE_SIGNING_LIST};
    struct store_changes seen = {.call.need = STORE_CHANGES, .seq = -1};
    int64_t first, second, third;
    ask(store, &l.call);
    ask(store, &seen.call);
    assert_int_equal(l.n, 0);
    assert_int_equal(sign_with("a", 0, &first), ERR_OK);
    assert_int_equal(sign_with("b", 0, &second), ERR_CONFLICT); /* of two, one was faster */
    clock_wall_set(SOME_MS + 1000);
    assert_int_equal(sign_with("b", first, &second), ERR_OK);
    clock_wall_set(SOME_MS + 2000);
    assert_int_equal(sign_with("c", second, &third), ERR_OK);
    ask(store, &seen.call);
    assert_int_equal(seen.n, 3);
    assert_true(seen.changes[0].kind == CHANGE_SIGNERS && seen.changes[2].kind == CHANGE_SIGNERS);
    ask(store, &l.call);
    assert_int_equal(l.n, 3);
    assert_string_equal(l.rows[0].kid, "c");
    assert_int_equal(l.rows[2].created_ms, SOME_MS);
    assert_int_equal(l.rows[1].sealed_n, 200);
    assert_int_equal(l.rows[1].sealed[199], 'b');
    assert_int_equal(prune(SOME_MS + 1000), 0);
    assert_int_equal(prune(SOME_MS + 1001), 1); /* a was followed by b by then */
    assert_int_equal(prune(SOME_MS + 9999999), 1);
    ask(store, &l.call);
    assert_int_equal(l.n, 1); /* the newest stays, however old */
    assert_string_equal(l.rows[0].kid, "c");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_policy_is_kept_as_it_was_made),
        TEST(a_policy_is_for_an_inference_key_of_its_account),
        TEST(an_account_has_so_many),
        TEST(a_change_is_told_and_only_of_what_it_names),
        TEST(a_policy_gives_so_many_tokens_a_minute),
        TEST(a_disabled_or_deleted_policy_gives_none),
        TEST(signing_keys_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
