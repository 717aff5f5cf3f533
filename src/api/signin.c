/* signin.c: signing in with a password, and out.
 *
 *   form --> attempts counted --> user looked up --> Argon2id on a helper --> session --> cookie
 *
 * Whether there is such a user is told neither by what is answered nor by how long it takes. */
#include "api/signin.h"

#include <stdlib.h>

#include "api/account_page.h"
#include "auth/callback.h"
#include "base/log.h"
#include "crypto/password.h"
#include "http/url.h"

enum { OIDC_SHOWN_MAX = 16 };

struct state {
    struct store_user_get user;
    struct store_session_create session;
    char email[EMAIL_MAX + 1], password[PASSWORD_MOST + 1];
    struct str return_to;
    struct signin_cookie cookie;
    bool has_user, is_right;
};

/* Decoded by us once; where it is no path of ours: the account. */
static struct str return_path(struct str given)
{
    return return_path_is_right(given) ? given : STR("/account");
}

/* "/auth?callback_url=...": an app waits for a key. */
static struct str app_behind(struct api_request *q, struct str return_to)
{
    char origin[ORIGIN_MAX + 1];
    struct fault f;
    struct str query = return_to, path = str_cut(&query, '?');
    char *room = query.n ? arena_alloc(&q->arena, query.n + 1) : NULL;
    struct buf b = {.p = room, .cap = query.n + 1, .max = query.n + 1};
    if (!room || !str_eq(path, STR("/auth")) ||
        callback_check(url_query(query, STR("callback_url"), &b), origin, &f) != ERR_OK)
        return STR_NONE;
    return arena_str(&q->arena, callback_title(str_c(origin)));
}

static void show(struct api_request *q, int status, struct str email, struct str return_to,
                 const char *error)
{
    const struct signin *s = signin_of(q);
    struct signin_view v = {.page = page_of(q, "Sign in"),
                            .email = email,
                            .return_to = return_path(return_to),
                            .app = app_behind(q, return_to),
                            .by_mail = s->has_mail,
                            .may_signup = s->signup == SIGNUP_OPEN};
    struct str names[OIDC_SHOWN_MAX];
    for (; v.oidc_n < s->oidc_n && v.oidc_n < OIDC_SHOWN_MAX; v.oidc_n++)
        names[v.oidc_n] = s->oidc[v.oidc_n].name;
    v.oidc = names;
    v.page.error = str_c(error);
    buf_reset(&q->out);
    signin_page(&q->out, &v);
    page_send(q, status);
}

void signin_show(struct api_request *q)
{
    struct str to = api_query(q, STR("return_to"));
    if (q->person)
        page_see_other(q, return_path(to));
    else
        show(q, 200, STR_NONE, to, NULL);
}

/* --- the form --- */

static void on_session(struct api_request *q)
{
    struct state *s = q->state;
    if (s->session.call.err != ERR_OK) {
        page_fault(q, &s->session.call.fault);
        return;
    }
    session_give(q, &s->cookie);
    page_see_other(q, return_path(s->return_to));
}

/* Recorded once the answer is on its way: how long that takes tells nothing. */
struct failure {
    struct store_audit_add add;
    struct audit audit;
    struct api *api;
    char target[24], from[ADDRESS_MAX + 1], agent[USER_AGENT_MAX + 1];
};

static void on_recorded(struct store_call *c)
{
    struct failure *f = container_of(c, struct failure, add.call);
    if (c->err != ERR_OK)
        log_line(LOG_ERROR, "a failed sign-in could not be recorded: %s", c->fault.message);
    f->api->requests--;
    free(f);
}

static struct str copy(char *room, size_t size, struct str s)
{
    s = str_head(s, size);
    if (s.n)
        memcpy(room, s.p, s.n);
    return str_of(room, s.n);
}

static void record_failure(struct api_request *q, const struct user *u)
{
    struct failure *f = calloc(1, sizeof *f);
    if (!f) {
        log_line(LOG_ERROR, "no memory to record a failed sign-in");
        return;
    }
    f->api = q->api;
    f->api->requests++;
    struct buf target = {.p = f->target, .cap = sizeof f->target, .max = sizeof f->target};
    buf_add_i64(&target, u->id);
    f->audit = (struct audit){.account_id = u->account_id,
                              .actor = STR("nobody"),
                              .from = copy(f->from, sizeof f->from, q->peer),
                              .agent = copy(f->agent, sizeof f->agent, q->user_agent),
                              .action = STR("user.signin_failed"),
                              .target = buf_view(&target)};
    f->add.call = (struct store_call){
        .need = STORE_AUDIT_ADD, .loop = q->api->w->loop, .done = on_recorded, .audit = &f->audit};
    store_submit(q->api->w->shared->store, &f->add.call);
}

/* What was typed is not told: it may be a password in the wrong field. */
static void note_failure(struct api_request *q, const struct state *s)
{
    struct log_line l;
    log_begin(&l, LOG_WARN, "sign-in failed");
    log_i64(&l, "user", s->has_user ? s->user.user.id : 0);
    log_str(&l, "address", q->peer);
    log_end(&l);
    if (s->has_user)
        record_failure(q, &s->user.user);
}

static void on_judged(struct api_request *q)
{
    struct state *s = q->state;
    struct attempts *a = signin_of(q)->attempts;
    explicit_bzero(s->password, sizeof s->password);
    explicit_bzero(s->user.user.password, sizeof s->user.user.password);
    if (!s->is_right || s->user.user.disabled) {
        note_failure(q, s);
        show(q, 401, str_c(s->email), s->return_to,
             "This e-mail address and password do not belong together.");
        return;
    }
    attempts_right(a, ATTEMPTS_ACCOUNT, str_c(s->email));
    attempts_right(a, ATTEMPTS_ADDRESS, q->peer);
    session_begin(q, &s->session.session, &s->cookie, "password");
    s->session.session.user_id = s->user.user.id;
    api_store(q, &s->session.call, STORE_SESSION_CREATE, on_session);
}

static void judge(struct api_request *q)
{
    struct state *s = q->state;
    const char *hash = s->has_user && s->user.user.password[0] ? s->user.user.password : NULL;
    s->is_right = password_is(secret_of(str_c(s->password)), hash);
}

static void on_user(struct api_request *q)
{
    struct state *s = q->state;
    enum err e = s->user.call.err;
    s->has_user = e == ERR_OK;
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        page_fault(q, &s->user.call.fault);
    else
        api_work(q, judge, on_judged);
}

static bool is_let_on(struct api_request *q, struct state *s)
{
    struct attempts *a = signin_of(q)->attempts;
    uint64_t now = io_now_ms(q->api->w->loop);
    uint64_t wait = attempts_take(a, ATTEMPTS_ADDRESS, q->peer, now);
    if (!wait && (wait = attempts_take(a, ATTEMPTS_ACCOUNT, str_c(s->email), now)))
        attempts_right(a, ATTEMPTS_ADDRESS, q->peer); /* it was not made */
    if (!wait)
        return true;
    buf_printf(&q->fields, "Retry-After: %llu\r\n", (unsigned long long)((wait + 999) / 1000));
    show(q, 429, str_c(s->email), s->return_to,
         "Too many attempts. Wait a little before the next one.");
    return false;
}

/* --- by mail --- */

static void submit_mail(struct api_request *q, struct state *s)
{
    form_text(q, STR("email"), s->email, sizeof s->email);
    if (!signin_of(q)->has_mail)
        show(q, 404, str_c(s->email), s->return_to, "This Turnpike sends no mail.");
    else if (!email_is_right(str_c(s->email)))
        show(q, 400, str_c(s->email), s->return_to,
             "Type an e-mail address such as someone@example.com.");
    else if (mail_is_let_on(q, s->email))
        link_mail(q, LINK_SIGNIN, s->email);
}

void signin_submit(struct api_request *q)
{
    if (!api_form(q))
        return;
    struct state *s = api_state(q, sizeof *s);
    if (!s)
        return;
    s->return_to = api_form_value(q, STR("return_to"));
    if (str_eq(api_form_value(q, STR("by")), STR("mail"))) {
        submit_mail(q, s);
        return;
    }
    bool is_complete = form_text(q, STR("email"), s->email, sizeof s->email) &&
                       form_text(q, STR("password"), s->password, sizeof s->password);
    if (!is_complete || !email_is_right(str_c(s->email))) {
        show(q, 400, str_c(s->email), s->return_to,
             "Type an e-mail address such as someone@example.com, and a password.");
        return;
    }
    if (!is_let_on(q, s))
        return;
    memcpy(s->user.user.email, s->email, sizeof s->email);
    api_store(q, &s->user.call, STORE_USER_GET, on_user);
}

/* --- the way out --- */

static void on_signed_out(struct api_request *q)
{
    session_take_back(q);
    page_see_other(q, STR("/signin"));
}

static void on_deleted(struct api_request *q)
{
    sessions_changed(q, on_signed_out);
}

void signout_submit(struct api_request *q)
{
    if (!q->person) {
        on_signed_out(q);
        return;
    }
    struct store_session_delete *d = api_state(q, sizeof *d);
    if (!d)
        return;
    d->user_id = q->person->user_id;
    d->id = q->person->session_id;
    api_audit(q, "user.signout", text_i64(q, d->user_id), STR_NONE);
    api_store(q, &d->call, STORE_SESSION_DELETE, on_deleted);
}
