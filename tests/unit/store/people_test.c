#include "unit/store/support.h"

#include "store/calls_people.h"

/* Users, sessions, one-time links and codes in the store. */

enum { HOUR_MS = 3600 * 1000 };

struct here {
    struct dir dir;
    struct store *s;
    struct account account;
};

static int setup(void **state)
{
    struct here *h = calloc(1, sizeof *h);
    struct store_account_get g = {.call.need = STORE_ACCOUNT_GET, .create_first = true};
    clock_wall_set(SOME_MS);
    dir_make(&h->dir);
    h->s = direct(&h->dir);
    ask(h->s, &g.call);
    h->account = g.account;
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    struct here *h = *state;
    store_close(h->s);
    dir_remove(&h->dir);
    free(h);
    clock_wall_release();
    return 0;
}

static void session_fill(struct session *s, uint8_t seed)
{
    memset(s->hash, seed, sizeof s->hash);
    s->expires_ms = clock_wall_ms() + 24 * HOUR_MS;
    snprintf(s->user_agent, sizeof s->user_agent, "agent %u", seed);
    snprintf(s->address, sizeof s->address, "192.0.2.%u", seed);
}

static void make_link(struct here *h, enum link_kind kind, uint8_t seed, const char *email,
                      enum role role, int64_t user_id)
{
    struct store_link_create l = {.call.need = STORE_LINK_CREATE};
    l.link.kind = kind;
    l.link.account_id = kind == LINK_SIGNUP ? 0 : h->account.id;
    l.link.user_id = user_id;
    l.link.role = role;
    l.link.expires_ms = clock_wall_ms() + HOUR_MS;
    memset(l.link.hash, seed, sizeof l.link.hash);
    snprintf(l.link.email, sizeof l.link.email, "%s", email);
    ask(h->s, &l.call);
}

static struct store_link_redeem redeem(struct here *h, enum link_kind kind, uint8_t seed,
                                       const char *email)
{
    struct store_link_redeem r = {.call.need = STORE_LINK_REDEEM, .kind = kind};
    memset(r.hash, seed, sizeof r.hash);
    snprintf(r.user.email, sizeof r.user.email, "%s", email);
    snprintf(r.user.password, sizeof r.user.password, "$argon2id$%u", seed);
    session_fill(&r.session, seed);
    store_submit(h->s, &r.call);
    return r;
}

static struct user claim(struct here *h)
{
    make_link(h, LINK_CLAIM, 1, "", ROLE_OWNER, 0);
    struct store_link_redeem r = redeem(h, LINK_CLAIM, 1, "ada@example.org");
    assert_int_equal(r.call.err, ERR_OK);
    return r.user;
}

static struct user invite(struct here *h, uint8_t seed, const char *email, enum role role)
{
    make_link(h, LINK_INVITATION, seed, email, role, 0);
    struct store_link_redeem r = redeem(h, LINK_INVITATION, seed, "ignored@example.org");
    assert_int_equal(r.call.err, ERR_OK);
    return r.user;
}

static struct store_session_get find_session(struct here *h, uint8_t seed)
{
    struct store_session_get g = {.call.need = STORE_SESSION_GET};
    memset(g.hash, seed, sizeof g.hash);
    store_submit(h->s, &g.call);
    return g;
}

static enum err change(struct here *h, struct store_user_change *c)
{
    c->call.need = STORE_USER_CHANGE;
    if (!c->account_id)
        c->account_id = h->account.id;
    store_submit(h->s, &c->call);
    return c->call.err;
}

/* one-api "shipped credentials": one-time bootstrap token. */
static void an_instance_is_claimed_once(void **state)
{
    struct here *h = *state;
    struct user u = claim(h);
    assert_int_equal(u.role, ROLE_OWNER);
    assert_true(u.is_proven);
    assert_int_equal(u.account_id, h->account.id);
    assert_string_equal(get_account(h->s, h->account.id).email, "ada@example.org");
    assert_int_equal(find_session(h, 1).call.err, ERR_OK);
    struct store_link_create again = {.call.need = STORE_LINK_CREATE};
    again.link = (struct link){
        .kind = LINK_CLAIM, .account_id = h->account.id, .expires_ms = SOME_MS + HOUR_MS};
    store_submit(h->s, &again.call);
    assert_int_equal(again.call.err, ERR_CONFLICT);
}

static void a_new_claim_link_takes_the_place_of_the_old_one(void **state)
{
    struct here *h = *state;
    make_link(h, LINK_CLAIM, 1, "", ROLE_OWNER, 0);
    make_link(h, LINK_CLAIM, 2, "", ROLE_OWNER, 0);
    assert_int_equal(redeem(h, LINK_CLAIM, 1, "eve@example.org").call.err, ERR_NOT_FOUND);
    assert_int_equal(redeem(h, LINK_CLAIM, 2, "ada@example.org").call.err, ERR_OK);
}

static void a_link_works_once_in_its_time_and_for_its_kind(void **state)
{
    struct here *h = *state;
    claim(h);
    make_link(h, LINK_INVITATION, 2, "bob@example.org", ROLE_ADMIN, 0);
    assert_int_equal(redeem(h, LINK_SIGNIN, 2, "").call.err, ERR_NOT_FOUND);
    struct store_link_redeem r = redeem(h, LINK_INVITATION, 2, "eve@example.org");
    assert_int_equal(r.call.err, ERR_OK);
    assert_string_equal(r.user.email, "bob@example.org");
    assert_int_equal(r.user.role, ROLE_ADMIN);
    assert_int_equal(redeem(h, LINK_INVITATION, 2, "").call.err, ERR_NOT_FOUND);
    make_link(h, LINK_INVITATION, 3, "cy@example.org", ROLE_MEMBER, 0);
    clock_wall_set(SOME_MS + HOUR_MS);
    assert_int_equal(redeem(h, LINK_INVITATION, 3, "").call.err, ERR_NOT_FOUND);
}

/* All of it or nothing: a link whose redemption fails still works. */
static void a_failed_redemption_leaves_the_link(void **state)
{
    struct here *h = *state;
    claim(h);
    make_link(h, LINK_INVITATION, 2, "bob@example.org", ROLE_MEMBER, 0);
    struct store_user_signup s = {.call.need = STORE_USER_SIGNUP};
    snprintf(s.user.email, sizeof s.user.email, "BOB@example.org");
    session_fill(&s.session, 9);
    ask(h->s, &s.call);
    assert_int_equal(redeem(h, LINK_INVITATION, 2, "").call.err, ERR_CONFLICT);
    struct store_link_get g = {.call.need = STORE_LINK_GET};
    memset(g.hash, 2, sizeof g.hash);
    ask(h->s, &g.call);
    assert_string_equal(g.link.email, "bob@example.org");
}

static void a_mailed_link_signs_in_and_proves_the_address(void **state)
{
    struct here *h = *state;
    struct store_user_signup s = {.call.need = STORE_USER_SIGNUP};
    snprintf(s.user.email, sizeof s.user.email, "new@example.org");
    session_fill(&s.session, 9);
    ask(h->s, &s.call);
    assert_int_equal(s.user.role, ROLE_OWNER);
    assert_int_not_equal(s.user.account_id, h->account.id);
    assert_int_equal(get_account(h->s, s.user.account_id).granted, 0);
    make_link(h, LINK_SIGNIN, 4, "", ROLE_OWNER, s.user.id);
    make_link(h, LINK_SIGNIN, 5, "", ROLE_OWNER, s.user.id);
    assert_int_equal(redeem(h, LINK_SIGNIN, 4, "").call.err, ERR_NOT_FOUND);
    struct store_link_redeem r = redeem(h, LINK_SIGNIN, 5, "");
    assert_int_equal(r.call.err, ERR_OK);
    assert_int_equal(r.user.id, s.user.id);
    assert_true(r.user.is_proven);
    assert_string_equal(r.user.password, "");
}

static void invitations_belong_to_their_account(void **state)
{
    struct here *h = *state;
    struct store_link_list l = {.call.need = STORE_LINK_LIST, .account_id = h->account.id};
    struct store_link_delete d = {.call.need = STORE_LINK_DELETE};
    claim(h);
    make_link(h, LINK_INVITATION, 2, "bob@example.org", ROLE_MEMBER, 0);
    make_link(h, LINK_INVITATION, 3, "BOB@example.org", ROLE_ADMIN, 0);
    ask(h->s, &l.call);
    assert_int_equal(l.n, 1);
    assert_int_equal(l.links[0].role, ROLE_ADMIN);
    d.id = l.links[0].id;
    free(l.links);
    d.account_id = h->account.id + 1;
    store_submit(h->s, &d.call);
    assert_int_equal(d.call.err, ERR_NOT_FOUND);
    d.account_id = h->account.id;
    ask(h->s, &d.call);
    ask(h->s, &l.call);
    assert_int_equal(l.n, 0);
    free(l.links);
}

static void the_last_owner_stays(void **state)
{
    struct here *h = *state;
    struct user ada = claim(h), bob = invite(h, 2, "bob@example.org", ROLE_MEMBER);
    struct store_user_change c = {.id = ada.id, .set_role = true, .user.role = ROLE_MEMBER};
    assert_int_equal(change(h, &c), ERR_CONFLICT);
    c = (struct store_user_change){.id = ada.id, .set_disabled = true, .user.disabled = true};
    assert_int_equal(change(h, &c), ERR_CONFLICT);
    c = (struct store_user_change){.id = bob.id, .set_role = true, .user.role = ROLE_OWNER};
    assert_int_equal(change(h, &c), ERR_OK);
    c = (struct store_user_change){.id = ada.id, .set_role = true, .user.role = ROLE_MEMBER};
    assert_int_equal(change(h, &c), ERR_OK);
    assert_int_equal(c.user.role, ROLE_MEMBER);
    assert_string_equal(c.user.email, "ada@example.org");
}

/* GHSA-qqcv-vg9f-5rr3 and CVE-2026-30886: object-level checks. */
static void a_user_of_another_account_cannot_be_changed(void **state)
{
    struct here *h = *state;
    struct user ada = claim(h);
    struct store_user_change c = {
        .id = ada.id, .account_id = h->account.id + 1, .set_disabled = true, .user.disabled = true};
    assert_int_equal(change(h, &c), ERR_NOT_FOUND);
    c = (struct store_user_change){.id = 12345};
    assert_int_equal(change(h, &c), ERR_NOT_FOUND);
}

static void disabling_ends_sessions_and_a_new_password_all_but_one(void **state)
{
    struct here *h = *state;
    claim(h);
    struct user bob = invite(h, 2, "bob@example.org", ROLE_MEMBER);
    struct store_session_create s = {.call.need = STORE_SESSION_CREATE};
    session_fill(&s.session, 3);
    s.session.user_id = bob.id;
    ask(h->s, &s.call);
    struct store_user_change c = {.id = bob.id, .set_password = true, .keep_session = s.session.id};
    snprintf(c.user.password, sizeof c.user.password, "$argon2id$new");
    assert_int_equal(change(h, &c), ERR_OK);
    assert_int_equal(find_session(h, 2).call.err, ERR_NOT_FOUND);
    assert_int_equal(find_session(h, 3).call.err, ERR_OK);
    assert_string_equal(find_session(h, 3).user.password, "$argon2id$new");
    c = (struct store_user_change){.id = bob.id, .set_disabled = true, .user.disabled = true};
    assert_int_equal(change(h, &c), ERR_OK);
    assert_int_equal(find_session(h, 3).call.err, ERR_NOT_FOUND);
    store_submit(h->s, &s.call);
    assert_int_equal(s.call.err, ERR_FORBIDDEN);
}

static void sessions_are_listed_touched_and_ended(void **state)
{
    struct here *h = *state;
    struct user ada = claim(h), bob = invite(h, 2, "bob@example.org", ROLE_MEMBER);
    struct store_session_create s = {.call.need = STORE_SESSION_CREATE};
    session_fill(&s.session, 3);
    s.session.user_id = ada.id;
    ask(h->s, &s.call);
    struct store_session_get first = find_session(h, 1);
    assert_int_equal(first.session.user_id, ada.id);
    assert_string_equal(first.session.user_agent, "agent 1");
    assert_string_equal(first.session.address, "192.0.2.1");
    assert_false(first.account_disabled);
    struct store_session_touch t = {
        .call.need = STORE_SESSION_TOUCH, .id = first.session.id, .seen_ms = SOME_MS + 5};
    ask(h->s, &t.call);
    struct store_session_list l = {.call.need = STORE_SESSION_LIST, .user_id = ada.id};
    ask(h->s, &l.call);
    assert_int_equal(l.n, 2);
    assert_int_equal(l.sessions[0].id, first.session.id);
    assert_int_equal(l.sessions[0].seen_ms, SOME_MS + 5);
    free(l.sessions);
    struct store_session_delete d = {
        .call.need = STORE_SESSION_DELETE, .user_id = bob.id, .id = first.session.id};
    store_submit(h->s, &d.call);
    assert_int_equal(d.call.err, ERR_NOT_FOUND);
    d.user_id = ada.id;
    ask(h->s, &d.call);
    assert_int_equal(find_session(h, 1).call.err, ERR_NOT_FOUND);
    d.id = 0;
    ask(h->s, &d.call);
    assert_int_equal(find_session(h, 3).call.err, ERR_NOT_FOUND);
    assert_int_equal(find_session(h, 2).call.err, ERR_OK);
}

static void a_user_has_a_bounded_number_of_sessions(void **state)
{
    struct here *h = *state;
    struct user ada = claim(h);
    for (int i = 0; i < SESSIONS_MAX + 3; i++) {
        struct store_session_create s = {.call.need = STORE_SESSION_CREATE};
        clock_wall_set(SOME_MS + i);
        session_fill(&s.session, (uint8_t)(10 + i));
        s.session.user_id = ada.id;
        ask(h->s, &s.call);
    }
    struct store_session_list l = {.call.need = STORE_SESSION_LIST, .user_id = ada.id};
    ask(h->s, &l.call);
    assert_int_equal(l.n, SESSIONS_MAX);
    free(l.sessions);
    assert_int_equal(find_session(h, 10 + SESSIONS_MAX + 2).call.err, ERR_OK);
    assert_int_equal(find_session(h, 10).call.err, ERR_NOT_FOUND);
}

static struct store_user_identify identify(struct here *h, const char *subject, const char *email,
                                           bool is_proven, bool may_signup, uint8_t seed)
{
    struct store_user_identify i = {
        .call.need = STORE_USER_IDENTIFY, .is_proven = is_proven, .may_signup = may_signup};
    snprintf(i.issuer, sizeof i.issuer, "https://issuer.example");
    snprintf(i.subject, sizeof i.subject, "%s", subject);
    snprintf(i.user.email, sizeof i.user.email, "%s", email);
    session_fill(&i.session, seed);
    store_submit(h->s, &i.call);
    return i;
}

static void an_identity_is_linked_where_both_sides_have_proven_the_address(void **state)
{
    struct here *h = *state;
    struct user ada = claim(h);
    assert_int_equal(identify(h, "s1", "ada@example.org", false, true, 2).call.err, ERR_NOT_FOUND);
    assert_int_equal(identify(h, "s1", "Ada@Example.org", true, false, 3).user.id, ada.id);
    /* from now on by subject, whatever the address */
    assert_int_equal(identify(h, "s1", "other@example.org", false, false, 4).user.id, ada.id);
    assert_int_equal(identify(h, "s2", "bob@example.org", true, false, 5).call.err, ERR_NOT_FOUND);
    struct store_user_identify made = identify(h, "s2", "bob@example.org", true, true, 6);
    assert_int_equal(made.call.err, ERR_OK);
    assert_int_not_equal(made.user.account_id, ada.account_id);
    assert_int_equal(find_session(h, 6).user.id, made.user.id);
}

/* Whoever signed up with another's address before them gets no hold of who comes later. */
static void an_unproven_user_is_not_linked(void **state)
{
    struct here *h = *state;
    struct store_user_signup s = {.call.need = STORE_USER_SIGNUP};
    snprintf(s.user.email, sizeof s.user.email, "victim@example.org");
    session_fill(&s.session, 9);
    ask(h->s, &s.call);
    assert_int_equal(identify(h, "v", "victim@example.org", true, true, 2).call.err, ERR_CONFLICT);
}

static void a_disabled_user_gets_no_session_by_any_way(void **state)
{
    struct here *h = *state;
    claim(h);
    struct user bob = invite(h, 2, "bob@example.org", ROLE_MEMBER);
    assert_int_equal(identify(h, "b", "bob@example.org", true, false, 3).call.err, ERR_OK);
    struct store_user_change c = {.id = bob.id, .set_disabled = true, .user.disabled = true};
    assert_int_equal(change(h, &c), ERR_OK);
    assert_int_equal(identify(h, "b", "bob@example.org", true, false, 4).call.err, ERR_FORBIDDEN);
    make_link(h, LINK_SIGNIN, 5, "", ROLE_MEMBER, bob.id);
    assert_int_equal(redeem(h, LINK_SIGNIN, 5, "").call.err, ERR_FORBIDDEN);
}

static struct store_code_create make_code(struct here *h, int64_t user_id, uint8_t seed)
{
    struct store_code_create c = {.call.need = STORE_CODE_CREATE, .origin = "https://app.example"};
    c.code = (struct oauth_code){.user_id = user_id,
                                 .account_id = h->account.id,
                                 .method = CHALLENGE_S256,
                                 .challenge = "challenge",
                                 .name = "app.example",
                                 .limit = 5 * NANOS_PER_USD,
                                 .reset = WINDOW_WEEK,
                                 .key_expires_ms = SOME_MS + 48 * HOUR_MS,
                                 .expires_ms = SOME_MS + HOUR_MS / 6};
    memset(c.code.hash, seed, sizeof c.code.hash);
    ask(h->s, &c.call);
    return c;
}

static struct store_code_exchange exchange(struct here *h, int64_t code_id, uint8_t seed)
{
    struct store_code_exchange x = {.call.need = STORE_CODE_EXCHANGE, .code_id = code_id};
    memset(x.key.hash, seed, sizeof x.key.hash);
    snprintf(x.key.label, sizeof x.key.label, "sk-tp-v1-abc...def");
    store_submit(h->s, &x.call);
    return x;
}

static void a_code_makes_one_key(void **state)
{
    struct here *h = *state;
    struct user ada = claim(h);
    struct store_code_create c = make_code(h, ada.id, 7), other = make_code(h, ada.id, 8);
    assert_int_equal(c.code.app_id, other.code.app_id);
    struct store_code_get g = {.call.need = STORE_CODE_GET};
    memset(g.hash, 7, sizeof g.hash);
    ask(h->s, &g.call);
    assert_int_equal(g.code.method, CHALLENGE_S256);
    assert_string_equal(g.code.challenge, "challenge");
    assert_int_equal(g.code.used_ms, 0);
    struct store_code_exchange x = exchange(h, g.code.id, 0x70);
    assert_int_equal(x.call.err, ERR_OK);
    struct key k = get_key(h->s, 0x70);
    assert_string_equal(k.name, "app.example");
    assert_int_equal(k.limit, 5 * NANOS_PER_USD);
    assert_int_equal(k.reset, WINDOW_WEEK);
    assert_int_equal(k.expires_ms, SOME_MS + 48 * HOUR_MS);
    assert_false(k.is_management);
    assert_int_equal(exchange(h, g.code.id, 0x71).call.err, ERR_NOT_FOUND);
    ask(h->s, &g.call);
    assert_int_equal(g.code.used_ms, SOME_MS);
}

/* A key that cannot be made leaves the code unused. */
static void a_failed_exchange_leaves_the_code(void **state)
{
    struct here *h = *state;
    struct user ada = claim(h);
    struct store_code_create c = make_code(h, ada.id, 7);
    make_key(h->s, h->account.id, 0x70);
    assert_int_equal(exchange(h, c.code.id, 0x70).call.err, ERR_CONFLICT);
    assert_int_equal(exchange(h, c.code.id, 0x71).call.err, ERR_OK);
}

static void a_disabled_user_s_code_makes_no_key(void **state)
{
    struct here *h = *state;
    claim(h);
    struct user bob = invite(h, 2, "bob@example.org", ROLE_MEMBER);
    struct store_code_create c = make_code(h, bob.id, 7);
    struct store_user_change d = {.id = bob.id, .set_disabled = true, .user.disabled = true};
    assert_int_equal(change(h, &d), ERR_OK);
    assert_int_equal(exchange(h, c.code.id, 0x70).call.err, ERR_NOT_FOUND);
}

static void old_codes_are_forgotten_after_a_day(void **state)
{
    struct here *h = *state;
    struct user ada = claim(h);
    struct store_code_get g = {.call.need = STORE_CODE_GET};
    make_code(h, ada.id, 7);
    memset(g.hash, 7, sizeof g.hash);
    clock_wall_set(SOME_MS + 2 * HOUR_MS);
    make_code(h, ada.id, 8);
    ask(h->s, &g.call);
    clock_wall_set(SOME_MS + 26 * HOUR_MS);
    make_code(h, ada.id, 9);
    store_submit(h->s, &g.call);
    assert_int_equal(g.call.err, ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(an_instance_is_claimed_once),
        TEST(a_new_claim_link_takes_the_place_of_the_old_one),
        TEST(a_link_works_once_in_its_time_and_for_its_kind),
        TEST(a_failed_redemption_leaves_the_link),
        TEST(a_mailed_link_signs_in_and_proves_the_address),
        TEST(invitations_belong_to_their_account),
        TEST(the_last_owner_stays),
        TEST(a_user_of_another_account_cannot_be_changed),
        TEST(disabling_ends_sessions_and_a_new_password_all_but_one),
        TEST(sessions_are_listed_touched_and_ended),
        TEST(a_user_has_a_bounded_number_of_sessions),
        TEST(an_identity_is_linked_where_both_sides_have_proven_the_address),
        TEST(an_unproven_user_is_not_linked),
        TEST(a_disabled_user_gets_no_session_by_any_way),
        TEST(a_code_makes_one_key),
        TEST(a_failed_exchange_leaves_the_code),
        TEST(a_disabled_user_s_code_makes_no_key),
        TEST(old_codes_are_forgotten_after_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
