/* Every route of the table against every kind of credential: statuses and sentences stand in
 * route_table.h, and a route that is not there fails.
 *
 * CVE-2026-35029 (a route that asked for no role): no route is open by omission, as each has a row.
 * CVE-2026-47101/47102/40217 (a user becomes an admin): an inference key manages nothing.
 * GHSA-qqcv-vg9f-5rr3, CVE-2026-30886 (another tenant's objects): another account's management key
 * finds nothing of ours, neither to read nor to change.
 * Bifrost CVE-2026-90898, Portkey PR #1657 (administration without login): nothing that administers
 * answers without a credential. */
#define GATEWAY_WITH_API
#include "unit/relay/gateway.h"

#include "api/internal.h"
#include "auth/federation.h"
#include "base/codec.h"
#include "unit/api/route_table.h"

enum who {
    NONE,
    MALFORMED,
    UNKNOWN,
    DISABLED,
    EXPIRED,
    DELETED,
    INFERENCE,
    MANAGEMENT,
    OTHER,
    SESSION,
    SCOPELESS,
    IN_TABLE,
    TOKEN = IN_TABLE,
    WHO__COUNT
};

static const char *const names[WHO__COUNT] = {
    "no credential",         "a malformed key",
    "an unknown key",        "a disabled key",
    "an expired key",        "a deleted key",
    "an inference key",      "a management key",
    "another account's key", "a session without CSRF token",
    "a token without scope", "a token"};

static const struct row {
    enum http_method method;
    const char *path, *body;
    int status[IN_TABLE];
} rows[] = {
#define X(method, path, body, ...) {HTTP_##method, path, body, {__VA_ARGS__}},
    ROUTE_TABLE(X)
#undef X
};

/* Does what it gives away outlive a token, or is it for those who administer? */
static bool is_for_keys_alone(const struct route *r)
{
    return r->access == ACCESS_INFERENCE || r->access == ACCESS_KEY_ITSELF ||
           r->access == ACCESS_MANAGEMENT;
}

static int status_of(const struct route *r, const struct row *row, enum who who)
{
    if (who == TOKEN)
        return is_for_keys_alone(r) ? 403 : row->status[INFERENCE];
    return row->status[who];
}

static const char *sentence_of_token(enum who who, const struct route *r)
{
    if (r->access == ACCESS_MANAGEMENT)
        return "This is an access token: only a management key is allowed here";
    if (is_for_keys_alone(r))
        return "This is an access token: only the API key itself is allowed here";
    return who == SCOPELESS ? "This access token lacks the scope 'inference'" : NULL;
}

/* What an answer of this status must say; NULL: a matter of the route. */
static const char *sentence(enum who who, const struct route *r, int status)
{
    if (r->access == ACCESS_PAGE) /* pages are for people: a key is no credential there */
        return status == 403 && r->method == HTTP_POST ? "This form is out of date" : NULL;
    if (r->access == ACCESS_OPEN && status == 401) /* another kind of credential */
        return "Github-Public-Key-Identifier and Github-Public-Key-Signature: expected both";
    static const char *const of_401[WHO__COUNT] = {
        [NONE] = "no credential was received",
        [MALFORMED] = "Malformed API key",
        [UNKNOWN] = "Unknown API key: it does not exist or was deleted",
        [DISABLED] = "This API key is disabled",
        [EXPIRED] = "This API key has expired",
        [DELETED] = "Unknown API key: it does not exist or was deleted",
        [SESSION] = "no credential was received",
    };
    if (status == 401)
        return of_401[who];
    if (status == 403 && (who == SCOPELESS || who == TOKEN))
        return sentence_of_token(who, r);
    if (status == 403 && who == INFERENCE)
        return "This is an inference key: only a management key is allowed here";
    if (status == 403 && who == MANAGEMENT)
        return "This is a management key: it administers and cannot run inference";
    if (status == 403 && who == SESSION)
        return "X-CSRF-Token";
    if (status == 404)
        return "no ";
    return NULL;
}

/* --- what the test has --- */

static struct cast {
    struct made_key key, management, other, other_inference, disabled, expired, deleted, unknown;
    struct person person;
    struct person_source source;
    unsigned people; /* references that are out */
    char policy[FEDERATION_ID_CHARS + 1];
    char scopeless[TOKEN_TEXT_MAX], token[TOKEN_TEXT_MAX];
} cast;

static enum gate_answer ask_session(struct person_source *s, struct str cookie,
                                    struct person_wait *w)
{
    (void)s;
    if (!str_eq(cookie, STR("owner")))
        return GATE_SHUT;
    cast.people++;
    w->person = &cast.person;
    return GATE_OPEN;
}

static void leave_session(struct person_wait *w)
{
    (void)w;
}

static void release_session(struct person_source *s, struct person *p)
{
    (void)s;
    assert_ptr_equal(p, &cast.person);
    cast.people--;
}

static void forget_sessions(struct person_source *s)
{
    (void)s;
}

static struct made_key key_in(int64_t account_id, bool is_management, int64_t expires_ms,
                              int64_t parent_id)
{
    struct made_key k;
    struct store_key_create c = {.key = {.limit = NO_LIMIT,
                                         .account_id = account_id,
                                         .expires_ms = expires_ms,
                                         .parent_id = parent_id,
                                         .origin = parent_id ? KEY_DELEGATED : KEY_MADE}};
    key_make(gw.shared.key_prefix, is_management, k.text, &c.key);
    do_call(&c.call, STORE_KEY_CREATE);
    assert_int_equal(c.call.err, ERR_OK);
    k.row = c.key;
    return k;
}

static void add_policy(char out[FEDERATION_ID_CHARS + 1])
{
    struct store_federation_add add = {.row = {.account_id = cast.key.row.account_id,
                                               .name = "ci",
                                               .issuer = "https://issuer.example",
                                               .audience = "us",
                                               .subject = "s",
                                               .lifetime_s = 900}};
    memcpy(add.row.key_hash, cast.key.row.hash, KEY_HASH_BYTES);
    federation_id_make(add.row.id);
    do_call(&add.call, STORE_FEDERATION_ADD);
    assert_int_equal(add.call.err, ERR_OK);
    memcpy(out, add.row.id, sizeof add.row.id);
}

static void make_token(uint32_t scopes, const struct signing_key *row, char out[TOKEN_TEXT_MAX])
{
    struct fault f;
    struct buf b = {.p = out, .cap = TOKEN_TEXT_MAX - 1, .max = TOKEN_TEXT_MAX - 1};
    struct token t = {.scopes = scopes,
                      .issued_s = clock_wall_ms() / 1000,
                      .expires_s = clock_wall_ms() / 1000 + TOKEN_LIFE_MAX_S};
    struct sign_key *k = signer_open(&gw_master, row, &f);
    assert_non_null(k);
    memcpy(t.key_hash, cast.key.row.hash, KEY_HASH_BYTES);
    memcpy(t.policy, cast.policy, sizeof t.policy);
    assert_int_equal(token_add(&b, k, str_c(row->kid), gw_tokens.issuer, &t), ERR_OK);
    sign_key_free(k);
}

static void make_tokens(void)
{
    struct store_signing_add add = {.after = 0};
    struct fault f;
    add_policy(cast.policy);
    assert_int_equal(signer_make(&gw_master, &add.row, &f), ERR_OK);
    do_call(&add.call, STORE_SIGNING_ADD);
    assert_int_equal(add.call.err, ERR_OK);
    make_token(0, &add.row, cast.scopeless);
    make_token(TOKEN_INFERENCE, &add.row, cast.token);
}

static int begin(void **state)
{
    gateway_begin(state);
    struct store_key_disable disable = {.disabled = true};
    struct store_key_delete delete = {0};
    cast.key = rich_key();
    int64_t account = cast.key.row.account_id;
    make_tokens();
    cast.management = key_in(account, true, 0, 0);
    cast.disabled = key_in(account, false, 0, 0);
    cast.expired = key_in(account, false, SOME_MS, 0);
    cast.deleted = key_in(account, false, 0, 0);
    cast.other_inference = rich_key();
    cast.other = key_in(cast.other_inference.row.account_id, true, 0, 0);
    key_make(gw.shared.key_prefix, false, cast.unknown.text, &cast.unknown.row);
    memcpy(disable.hash, cast.disabled.row.hash, KEY_HASH_BYTES);
    do_call(&disable.call, STORE_KEY_DISABLE);
    memcpy(delete.hash, cast.deleted.row.hash, KEY_HASH_BYTES);
    do_call(&delete.call, STORE_KEY_DELETE);
    cast.person = (struct person){
        .user_id = 7, .account_id = account, .role = ROLE_OWNER, .csrf = "the-token"};
    for (int i = 0; i < 7; i++) { /* so that there is a user 7 */
        struct store_user_signup u = {.session.expires_ms = SOME_MS};
        memset(u.session.hash, i, sizeof u.session.hash);
        snprintf(u.user.email, sizeof u.user.email, "user%d@example.org", i);
        do_call(&u.call, STORE_USER_SIGNUP);
        assert_int_equal(u.call.err, ERR_OK);
    }
    cast.source =
        (struct person_source){ask_session, leave_session, release_session, forget_sessions};
    gw.worker->persons = &cast.source;
    return 0;
}

static int end(void **state)
{
    assert_int_equal(cast.people, 0);
    return gateway_end(state);
}

/* --- one question --- */

enum { LINE_MAX_BYTES = TOKEN_TEXT_MAX + 100 };

static const char *credential_line(enum who who, const struct route *r, char room[LINE_MAX_BYTES])
{
    bool wants_inference = r->access == ACCESS_INFERENCE || r->access == ACCESS_RELAY;
    const char *text[WHO__COUNT] = {
        [MALFORMED] = "sk-tp-v1-0123",
        [UNKNOWN] = cast.unknown.text,
        [DISABLED] = cast.disabled.text,
        [EXPIRED] = cast.expired.text,
        [DELETED] = cast.deleted.text,
        [INFERENCE] = cast.key.text,
        [MANAGEMENT] = cast.management.text,
        [OTHER] = wants_inference ? cast.other_inference.text : cast.other.text,
        [SCOPELESS] = cast.scopeless,
        [TOKEN] = cast.token,
    };
    if (who == NONE)
        return "";
    if (who == SESSION)
        return "Cookie: a=b; turnpike_session=owner\r\n";
    snprintf(room, LINE_MAX_BYTES, "Authorization: Bearer %s\r\n", text[who]);
    return room;
}

/* A fresh target for each question, as some end it. */
static void target(const struct route *r, char out[80])
{
    struct store_ip_allow_add add = {.account_id = cast.key.row.account_id,
                                     .row.range = "127.0.0.1"};
    out[0] = '\0';
    size_t open = str_find(r->path, STR("{author}/{slug}"));
    if (open < r->path.n) { /* a model that is not there */
        snprintf(out, 80, "test/none%.*s", STR_ARG(str_skip(r->path, open + 15)));
        return;
    }
    if (str_starts(r->path, STR("/federation-policies/"))) {
        add_policy(out);
    } else if (str_ends(r->path, STR("{id}"))) {
        do_call(&add.call, STORE_IP_ALLOW_ADD);
        assert_int_equal(add.call.err, ERR_OK);
        snprintf(out, 80, "%lld", (long long)add.row.id);
    } else if (str_ends(r->path, STR("{hash}"))) {
        struct made_key k = key_in(cast.key.row.account_id, false, 0, cast.key.row.id);
        hex_encode(out, k.row.hash, KEY_HASH_BYTES);
        out[2 * KEY_HASH_BYTES] = '\0';
    }
}

static void clear_target(const struct route *r, const char *id)
{
    struct store_ip_allow_delete del = {.account_id = cast.key.row.account_id};
    uint64_t n;
    struct store_federation_delete policy = {.account_id = del.account_id};
    if (federation_id_is_right(str_c(id))) {
        memcpy(policy.id, id, sizeof policy.id);
        do_call(&policy.call, STORE_FEDERATION_DELETE);
    }
    if (!str_ends(r->path, STR("{id}")) || !str_u64(str_c(id), INT64_MAX, &n))
        return;
    del.id = (int64_t)n;
    do_call(&del.call, STORE_IP_ALLOW_DELETE);
}

static void ask_as(const struct route *r, const struct row *row, enum who who)
{
    char head[LINE_MAX_BYTES + 400], room[LINE_MAX_BYTES], id[80], path[128];
    int status = status_of(r, row, who);
    struct answer a;
    bool is_root = r->path.p[0] == '!';
    struct str at = str_skip(r->path, is_root);
    target(r, id);
    gate_forget_all(gw.worker->gate);
    size_t open = str_find(at, STR("{"));
    snprintf(path, sizeof path, "%s%.*s%s", is_root ? "" : "/api/v1", STR_ARG(str_head(at, open)),
             id);
    snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\n\r\n%s",
             http_method_name(r->method), path, credential_line(who, r, room), strlen(row->body),
             row->body);
    struct end *c = client_connect();
    end_send(c, str_c(head));
    answer_wait(c, &a);
    struct str body = buf_view(&a.body);
    const char *says = sentence(who, r, status);
    if (a.status != status || (says && str_find(body, str_c(says)) == body.n))
        fail_msg("%s %s with %s: expected %d%s%s, got %d: %.*s", http_method_name(r->method), path,
                 names[who], status, says ? " and " : "", says ? says : "", a.status,
                 STR_ARG(str_head(body, 400)));
    /* What was sent as a credential is never told back, nor is what belongs to the account told to
     * another one. */
    assert_true(str_find(body, str_c(cast.key.text)) == body.n);
    if (who == OTHER && id[0] && a.status == 200)
        assert_true(str_find(body, str_c(id)) == body.n);
    buf_release(&a.body);
    end_drop(c);
    WAIT_FOR(api_is_idle(gw.api) && gw.worker->relays_n == 0);
    clear_target(r, id);
}

static const struct row *row_of(const struct route *r)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].method == r->method && str_eq(r->path, str_c(rows[i].path)))
            return &rows[i];
    }
    return NULL;
}

static void every_route_says_to_everyone_what_the_table_says(void **state)
{
    (void)state;
    for (unsigned i = 0; route_at(i); i++) {
        const struct route *r = route_at(i);
        const struct row *row = row_of(r);
        if (!row)
            fail_msg("%s %.*s has no row in route_table.h", http_method_name(r->method),
                     STR_ARG(r->path));
        for (enum who who = NONE; who < WHO__COUNT; who++)
            ask_as(r, row, who);
    }
}

static void every_row_has_its_route(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool is_there = false;
        for (unsigned k = 0; route_at(k) && !is_there; k++)
            is_there = row_of(route_at(k)) == &rows[i];
        if (!is_there)
            fail_msg("%s has a row, but is no route", rows[i].path);
    }
}

static void assert_session(const char *line, const char *body, int status, const char *says)
{
    char head[600];
    struct end *c = client_connect();
    snprintf(head, sizeof head,
             "POST /api/v1/keys HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\n\r\n%s", line,
             strlen(body), body);
    end_send(c, str_c(head));
    assert_answer(c, status, says);
    end_drop(c);
    WAIT_FOR(api_is_idle(gw.api));
}

#define COOKIE "Cookie: turnpike_session=owner\r\n"

static void a_session_changes_nothing_without_its_token(void **state)
{
    (void)state;
    assert_session(COOKIE "X-CSRF-Token: the-token\r\n", "{\"name\":\"by a person\"}", 201,
                   "\"creator_user_id\":\"user_7\"");
    assert_session(COOKIE "X-CSRF-Token: the-toke\r\n", "{\"name\":\"x\"}", 403, "X-CSRF-Token");
    assert_session(COOKIE "X-CSRF-Token: the-token2\r\n", "{\"name\":\"x\"}", 403, "X-CSRF-Token");
    assert_session(COOKIE, "csrf=wrong&name=x", 403, "X-CSRF-Token");
    assert_session(COOKIE, "name=x&csrf=the-token", 400, "JSON"); /* let in, and no JSON */
    assert_session("Cookie: turnpike_session=stranger\r\n", "{}", 401, "Nobody is signed in");
    gw.worker->persons = NULL; /* no source: no cookie is ever accepted */
    assert_session(COOKIE "X-CSRF-Token: the-token\r\n", "{}", 401, "no credential was received");
    gw.worker->persons = &cast.source;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_route_says_to_everyone_what_the_table_says, tidy),
        cmocka_unit_test_teardown(every_row_has_its_route, tidy),
        cmocka_unit_test_teardown(a_session_changes_nothing_without_its_token, tidy),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
