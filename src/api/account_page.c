/* account_page.c: /account: what a person has: keys, apps, sessions; their password. */
#include "api/account_page.h"

#include <stdlib.h>

#include "auth/callback.h"
#include "base/codec.h"
#include "crypto/password.h"
#include "site/account_page.h"

enum { KEYS_MAX = 500 };

struct showing {
    struct store_user_get user;
    struct store_key_list keys;
    struct store_app_list apps;
    struct store_session_list sessions;
    int status;
    struct str new_key;
    const char *error;
};

/* --- texts in the request's arena --- */

static struct str keep(struct api_request *q, struct buf *b)
{
    struct str s = arena_str(&q->arena, buf_view(b));
    return s.p ? s : STR("");
}

struct str text_usd(struct api_request *q, nanos amount)
{
    char room[48];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    buf_add(&b, STR("$"));
    money_add_usd(&b, amount);
    return keep(q, &b);
}

struct str text_i64(struct api_request *q, int64_t v)
{
    char room[24];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    buf_add_i64(&b, v);
    return keep(q, &b);
}

/* "2026-01-31 23:59 UTC" */
struct str text_time(struct api_request *q, int64_t ms)
{
    char iso[CLOCK_ISO_MAX], room[32];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    struct str s = clock_iso(ms, iso);
    buf_add(&b, str_head(s, 10));
    buf_add(&b, STR(" "));
    buf_add(&b, str_head(str_skip(s, 11), 5));
    buf_add(&b, STR(" UTC"));
    return keep(q, &b);
}

static struct str text_limit(struct api_request *q, const struct key *k)
{
    char room[64];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    if (k->limit == NO_LIMIT)
        return STR("none");
    buf_add(&b, text_usd(q, k->limit));
    if (k->reset) {
        buf_add(&b, STR(" "));
        buf_add_c(&b, window_name(k->reset));
    }
    return keep(q, &b);
}

static struct str text_state(struct api_request *q, const struct key *k)
{
    char room[64];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    if (k->disabled)
        return STR("disabled");
    if (k->expires_ms && k->expires_ms <= clock_wall_ms())
        return STR("expired");
    if (!k->expires_ms)
        return k->is_management ? STR("active, management") : STR("active");
    buf_add(&b, STR("active until "));
    buf_add(&b, str_head(text_time(q, k->expires_ms), 10));
    return keep(q, &b);
}

/* --- the page --- */

static struct str app_title(const struct showing *s, const struct key *k)
{
    if (k->origin != KEY_OF_APP)
        return STR_NONE;
    for (size_t i = 0; i < s->apps.n; i++) {
        if (s->apps.apps[i].id == k->app_id && s->apps.apps[i].origin[0])
            return callback_title(str_c(s->apps.apps[i].origin));
    }
    return STR("an app without a callback");
}

/* The ledger's own figures where it has them: the store's come a moment later. */
static nanos used_of(struct api_request *q, const struct key *k)
{
    struct budget *b = ledger_find_key(q->api->w->shared->ledger, k->id);
    int64_t now = clock_wall_ms();
    struct budget_view v;
    if (!b)
        return usage_at(&k->usage, k->reset, now);
    budget_view(b, now, &v);
    return usage_at(&v.usage, k->reset, now);
}

static struct key_line key_line(struct api_request *q, const struct showing *s, const struct key *k)
{
    char hex[2 * KEY_HASH_BYTES];
    struct buf b = {.p = hex, .n = sizeof hex, .cap = sizeof hex, .max = sizeof hex};
    hex_encode(hex, k->hash, KEY_HASH_BYTES);
    return (struct key_line){.hash = keep(q, &b),
                             .name = str_c(k->name),
                             .label = str_c(k->label),
                             .app = app_title(s, k),
                             .limit = text_limit(q, k),
                             .used = text_usd(q, used_of(q, k)),
                             .state = text_state(q, k),
                             .created = str_head(text_time(q, k->created_ms), 10),
                             .disabled = k->disabled,
                             .is_management = k->is_management};
}

static struct session_line session_line(struct api_request *q, const struct session *s)
{
    return (struct session_line){.id = text_i64(q, s->id),
                                 .agent = s->user_agent[0] ? str_c(s->user_agent)
                                                           : STR("an unnamed client"),
                                 .address = str_c(s->address),
                                 .seen = text_time(q, s->seen_ms),
                                 .is_this = s->id == q->person->session_id};
}

static size_t write_sessions(struct api_request *q, const struct showing *s,
                             struct session_line *lines)
{
    int64_t idle_since = clock_wall_ms() - signin_of(q)->limits.idle_ms;
    size_t n = 0;
    for (size_t i = 0; i < s->sessions.n; i++) {
        if (s->sessions.sessions[i].seen_ms > idle_since)
            lines[n++] = session_line(q, &s->sessions.sessions[i]);
    }
    return n;
}

static void write_page(struct api_request *q)
{
    struct showing *s = q->state;
    struct key_line *keys = arena_alloc(&q->arena, (s->keys.n + 1) * sizeof *keys);
    struct session_line *sessions = arena_alloc(&q->arena, (s->sessions.n + 1) * sizeof *sessions);
    if (!keys || !sessions) {
        api_refuse(q, ERR_NOMEM, "No memory for this page: try again later");
        return;
    }
    for (size_t i = 0; i < s->keys.n; i++)
        keys[i] = key_line(q, s, &s->keys.keys[i]);
    struct account_view v = {.page = page_of(q, "Account"),
                             .new_key = s->new_key,
                             .keys = keys,
                             .keys_n = s->keys.n,
                             .sessions = sessions,
                             .sessions_n = write_sessions(q, s, sessions),
                             .sees_all_keys = q->person->role != ROLE_MEMBER,
                             .has_password = s->user.user.password[0] != '\0'};
    v.page.is_wide = true;
    v.page.error = str_c(s->error);
    buf_reset(&q->out);
    account_page(&q->out, &v);
    page_send(q, s->status);
}

/* --- what it needs, one after the other --- */

static bool came(struct api_request *q, const struct store_call *c)
{
    if (c->err == ERR_OK)
        return true;
    page_fault(q, &c->fault);
    return false;
}

static void on_sessions(struct api_request *q)
{
    if (came(q, &((struct showing *)q->state)->sessions.call))
        write_page(q);
}

static void on_apps(struct api_request *q)
{
    struct showing *s = q->state;
    if (!came(q, &s->apps.call))
        return;
    s->sessions.user_id = q->person->user_id;
    api_store(q, &s->sessions.call, STORE_SESSION_LIST, on_sessions);
}

static void on_keys(struct api_request *q)
{
    struct showing *s = q->state;
    if (!came(q, &s->keys.call))
        return;
    s->apps.account_id = q->account_id;
    api_store(q, &s->apps.call, STORE_APP_LIST, on_apps);
}

static void on_user(struct api_request *q)
{
    struct showing *s = q->state;
    if (!came(q, &s->user.call))
        return;
    s->keys.account_id = q->account_id;
    s->keys.creator = api_only_creator(q);
    s->keys.include_disabled = s->keys.include_expired = s->keys.include_apps = true;
    s->keys.include_management = q->person->role != ROLE_MEMBER;
    s->keys.limit = KEYS_MAX;
    api_store(q, &s->keys.call, STORE_KEY_LIST, on_keys);
}

static void release(void *showing)
{
    struct showing *s = showing;
    store_key_list_release(&s->keys);
    free(s->apps.apps);
    free(s->sessions.sessions);
    explicit_bzero(s->user.user.password, sizeof s->user.user.password);
}

void account_show(struct api_request *q, int status, struct str new_key, const char *error)
{
    struct showing *s = api_state(q, sizeof *s);
    if (!s)
        return;
    s->status = status;
    s->new_key = new_key;
    s->error = error;
    s->user.id = q->person->user_id;
    if (!arena_defer(&q->arena, release, s))
        api_refuse(q, ERR_NOMEM, "No memory for this page: try again later");
    else
        api_store(q, &s->user.call, STORE_USER_GET, on_user);
}

bool page_is_signed_in(struct api_request *q)
{
    if (q->person)
        return true;
    page_to_signin(q);
    return false;
}

void account_page_show(struct api_request *q)
{
    if (page_is_signed_in(q))
        account_show(q, 200, STR_NONE, NULL);
}

/* --- sessions --- */

static void back_to_account(struct api_request *q)
{
    page_see_other(q, STR("/account"));
}

static void on_ended(struct api_request *q)
{
    struct store_session_delete *d = q->state;
    if (d->call.err != ERR_OK && d->call.err != ERR_NOT_FOUND)
        page_fault(q, &d->call.fault);
    else
        sessions_changed(q, back_to_account);
}

static void end_sessions(struct api_request *q, struct store_session_delete *d, bool is_others)
{
    char room[64];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    if (is_others)
        buf_add(&b, STR("{\"others\":true}"));
    else
        buf_printf(&b, "{\"session\":%lld}", (long long)d->id);
    api_audit(q, "session.end", text_i64(q, d->user_id), buf_view(&b));
    api_store(q, &d->call, STORE_SESSION_DELETE, on_ended);
}

/* Only one's own: the user is part of the question. */
void account_sessions_end(struct api_request *q)
{
    if (!page_is_signed_in(q) || !api_form(q))
        return;
    struct store_session_delete *d = api_state(q, sizeof *d);
    if (!d)
        return;
    d->user_id = q->person->user_id;
    d->keep = q->person->session_id;
    bool is_others = api_form_value(q, STR("others")).n != 0;
    if (!is_others && !form_id(q, STR("id"), &d->id))
        account_show(q, 400, STR_NONE, "There is no such session.");
    else
        end_sessions(q, d, is_others);
}

/* --- password --- */

struct password_state {
    struct store_user_get user;
    struct store_user_change change;
    char current[PASSWORD_MOST + 1], password[PASSWORD_MOST + 1], hashed[PASSWORD_TEXT_MAX];
    bool is_right;
    enum err hashing;
    struct fault fault;
};

static void on_changed(struct api_request *q)
{
    struct password_state *s = q->state;
    explicit_bzero(s->change.user.password, sizeof s->change.user.password);
    if (s->change.call.err != ERR_OK)
        page_fault(q, &s->change.call.fault);
    else
        sessions_changed(q, back_to_account);
}

static void on_rehashed(struct api_request *q)
{
    struct password_state *s = q->state;
    explicit_bzero(s->user.user.password, sizeof s->user.user.password);
    explicit_bzero(s->current, sizeof s->current);
    explicit_bzero(s->password, sizeof s->password);
    if (!s->is_right) {
        account_show(q, 403, STR_NONE, "The password until now is another one.");
        return;
    }
    if (s->hashing != ERR_OK) {
        page_fault(q, &s->fault);
        return;
    }
    attempts_right(signin_of(q)->attempts, ATTEMPTS_ACCOUNT, str_c(q->person->email));
    s->change.account_id = q->account_id;
    s->change.id = q->person->user_id;
    s->change.set_password = true;
    s->change.keep_session = q->person->session_id;
    memcpy(s->change.user.password, s->hashed, sizeof s->hashed);
    api_audit(q, "user.password", text_i64(q, q->person->user_id), STR_NONE);
    api_store(q, &s->change.call, STORE_USER_CHANGE, on_changed);
}

static void rehash(struct api_request *q)
{
    struct password_state *s = q->state;
    const char *old = s->user.user.password;
    s->is_right = !old[0] || password_is(secret_of(str_c(s->current)), old);
    if (s->is_right)
        s->hashing = password_hash(secret_of(str_c(s->password)), s->hashed, &s->fault);
}

static void on_self(struct api_request *q)
{
    struct password_state *s = q->state;
    if (s->user.call.err != ERR_OK)
        page_fault(q, &s->user.call.fault);
    else
        api_work(q, rehash, on_rehashed);
}

void account_password(struct api_request *q)
{
    if (!page_is_signed_in(q) || !api_form(q))
        return;
    struct password_state *s = api_state(q, sizeof *s);
    if (!s)
        return;
    form_text(q, STR("current"), s->current, sizeof s->current);
    form_text(q, STR("password"), s->password, sizeof s->password);
    const char *problem = password_problem(str_c(s->password));
    if (problem) {
        account_show(q, 400, STR_NONE, problem);
        return;
    }
    uint64_t wait = attempts_take(signin_of(q)->attempts, ATTEMPTS_ACCOUNT, str_c(q->person->email),
                                  io_now_ms(q->api->w->loop));
    if (wait) {
        buf_printf(&q->fields, "Retry-After: %llu\r\n", (unsigned long long)((wait + 999) / 1000));
        account_show(q, 429, STR_NONE, "Too many attempts. Wait a little before the next one.");
        return;
    }
    s->user.id = q->person->user_id;
    api_store(q, &s->user.call, STORE_USER_GET, on_self);
}
