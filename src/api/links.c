/* links.c: what one-time links stand for: claiming the instance, accepting an invitation, proving
 * an address, signing in from a mail. A link opened shows a form; only the form sent uses it up, for
 * mail scanners open links too. */
#include "api/signin.h"

#include "crypto/password.h"

struct link_use {
    struct str path;
    enum link_kind kind;
    bool asks_email, asks_password;
    const char *by; /* for the audit log */
    const char *title, *text, *button;
};

static const struct link_use uses[] = {
    {STR_INIT("!/claim"), LINK_CLAIM, true, true, "claim", "Claim this instance",
     "You will own this Turnpike: its account, its credit, its keys and its people.",
     "Claim this instance"},
    {STR_INIT("!/join"), LINK_INVITATION, false, true, "invitation", "Join",
     "You have been invited. Choose a password, and you are in.", "Join"},
    {STR_INIT("!/signup/confirm"), LINK_SIGNUP, false, true, "sign-up", "Complete your sign-up",
     "Your address is confirmed. Choose a password, and you are in.", "Complete sign-up"},
    {STR_INIT("!/signin/link"), LINK_SIGNIN, false, false, "link", "Sign in",
     "This link signs you in, once.", "Sign in"},
    {STR_INIT("!/reset"), LINK_RESET, false, true, "reset", "Choose a new password",
     "It takes the place of your old one, and you are signed in. All your other sessions end.",
     "Set password and sign in"},
};

struct state {
    struct store_link_get link;
    struct store_link_redeem redeem;
    char token[TICKET_CHARS + 2], email[EMAIL_MAX + 1], password[PASSWORD_MOST + 1];
    char hashed[PASSWORD_TEXT_MAX];
    enum err hashing;
    struct fault fault;
    struct signin_cookie cookie;
    bool is_form;
};

static const struct link_use *use_of(const struct api_request *q)
{
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        if (str_eq(uses[i].path, q->route->path))
            return &uses[i];
    }
    BUG_ON(true);
}

static void refuse(struct api_request *q)
{
    page_message(q, 404, "This link does not work",
                 "It was used before, it has expired, or it is not complete. A new start of the "
                 "server prints a new link to claim it; whoever invited you can invite you again.",
                 "/signin", "Sign in");
}

static void show(struct api_request *q, int status, const char *error)
{
    struct state *s = q->state;
    const struct link_use *u = use_of(q);
    struct join_view v = {.page = page_of(q, u->title),
                          .action = u->path.p + 1,
                          .button = u->button,
                          .text = u->text,
                          .email = str_c(u->asks_email ? s->email : s->link.link.email),
                          .email_is_set = !u->asks_email,
                          .asks_password = u->asks_password,
                          .token = str_c(s->token)};
    v.page.error = str_c(error);
    buf_reset(&q->out);
    join_page(&q->out, &v);
    page_send(q, status);
}

/* --- the form --- */

static void let_in(struct api_request *q)
{
    session_give(q, &((struct state *)q->state)->cookie);
    page_see_other(q, STR("/account"));
}

static void on_redeemed(struct api_request *q)
{
    struct state *s = q->state;
    enum err e = s->redeem.call.err;
    explicit_bzero(s->redeem.user.password, sizeof s->redeem.user.password);
    if (e == ERR_NOT_FOUND) {
        refuse(q);
    } else if (e == ERR_CONFLICT) {
        show(q, 409, s->redeem.call.fault.message);
    } else if (e != ERR_OK) {
        page_fault(q, &s->redeem.call.fault);
    } else {
        sessions_changed(q, let_in); /* others' may have ended */
    }
}

static void redeem(struct api_request *q)
{
    struct state *s = q->state;
    explicit_bzero(s->password, sizeof s->password);
    if (s->hashing != ERR_OK) {
        page_fault(q, &s->fault);
        return;
    }
    s->redeem.kind = use_of(q)->kind;
    memcpy(s->redeem.hash, s->link.hash, sizeof s->redeem.hash);
    memcpy(s->redeem.user.email, s->email, sizeof s->email);
    _Static_assert(sizeof s->hashed <= sizeof s->redeem.user.password, "a hash fits");
    memcpy(s->redeem.user.password, s->hashed, sizeof s->hashed);
    session_begin(q, &s->redeem.session, &s->cookie, use_of(q)->by);
    api_store(q, &s->redeem.call, STORE_LINK_REDEEM, on_redeemed);
}

static void hash_password(struct api_request *q)
{
    struct state *s = q->state;
    s->hashing = password_hash(secret_of(str_c(s->password)), s->hashed, &s->fault);
}

static void go_on(struct api_request *q)
{
    struct state *s = q->state;
    const struct link_use *u = use_of(q);
    if (u->asks_email && !email_is_right(str_c(s->email))) {
        show(q, 400, "Type an e-mail address such as someone@example.com.");
        return;
    }
    if (!u->asks_password) {
        redeem(q);
        return;
    }
    const char *problem = password_problem(str_c(s->password));
    if (problem)
        show(q, 400, problem);
    else
        api_work(q, hash_password, redeem);
}

static void on_link(struct api_request *q)
{
    struct state *s = q->state;
    enum err e = s->link.call.err;
    if (e == ERR_NOT_FOUND || (e == ERR_OK && s->link.link.kind != use_of(q)->kind))
        refuse(q);
    else if (e != ERR_OK)
        page_fault(q, &s->link.call.fault);
    else if (s->is_form)
        go_on(q);
    else
        show(q, 200, NULL);
}

static void find(struct api_request *q)
{
    struct state *s = q->state;
    if (ticket_hash(str_c(s->token), s->link.hash))
        api_store(q, &s->link.call, STORE_LINK_GET, on_link);
    else
        refuse(q);
}

void link_show(struct api_request *q)
{
    struct state *s = api_state(q, sizeof *s);
    if (!s)
        return;
    struct str token = str_head(api_query(q, STR("token")), TICKET_CHARS + 1);
    if (token.n)
        memcpy(s->token, token.p, token.n);
    find(q);
}

void link_submit(struct api_request *q)
{
    if (!api_form(q))
        return;
    struct state *s = api_state(q, sizeof *s);
    if (!s)
        return;
    s->is_form = true;
    form_text(q, STR("token"), s->token, sizeof s->token);
    form_text(q, STR("email"), s->email, sizeof s->email);
    if (!form_text(q, STR("password"), s->password, sizeof s->password))
        s->password[0] = '\0';
    find(q);
}
