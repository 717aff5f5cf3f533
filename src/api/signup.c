/* signup.c: an account of one's own, where the operator lets anybody have one. It starts without
 * credit. */
#include "api/signin.h"

#include "crypto/password.h"

struct state {
    struct store_user_signup signup;
    char email[EMAIL_MAX + 1], password[PASSWORD_MOST + 1];
    char hashed[PASSWORD_TEXT_MAX];
    enum err hashing;
    struct fault fault;
    struct signin_cookie cookie;
};

static bool is_open(struct api_request *q)
{
    if (signin_of(q)->signup == SIGNUP_OPEN)
        return true;
    page_message(q, 403, "Sign-up is closed",
                 "Nobody can make an account here by themselves. Ask the people who run this "
                 "Turnpike to invite you.",
                 "/signin", "Sign in");
    return false;
}

static void show(struct api_request *q, int status, struct str email, const char *error)
{
    struct join_view v = {.page = page_of(q, "Sign up"),
                          .action = "/signup",
                          .button = "Sign up",
                          .text = "An account of your own, with keys of your own.",
                          .email = email,
                          .asks_password = !signin_of(q)->has_mail};
    v.page.error = str_c(error);
    buf_reset(&q->out);
    join_page(&q->out, &v);
    page_send(q, status);
}

void signup_show(struct api_request *q)
{
    if (is_open(q))
        show(q, 200, STR_NONE, NULL);
}

static void on_signed_up(struct api_request *q)
{
    struct state *s = q->state;
    enum err e = s->signup.call.err;
    explicit_bzero(s->signup.user.password, sizeof s->signup.user.password);
    if (e == ERR_CONFLICT) {
        show(q, 409, str_c(s->email), "There is an account with this address already.");
    } else if (e != ERR_OK) {
        page_fault(q, &s->signup.call.fault);
    } else {
        session_give(q, &s->cookie);
        page_see_other(q, STR("/account"));
    }
}

static void on_hashed(struct api_request *q)
{
    struct state *s = q->state;
    explicit_bzero(s->password, sizeof s->password);
    if (s->hashing != ERR_OK) {
        page_fault(q, &s->fault);
        return;
    }
    memcpy(s->signup.user.email, s->email, sizeof s->email);
    memcpy(s->signup.user.password, s->hashed, sizeof s->hashed);
    session_begin(q, &s->signup.session, &s->cookie, "sign-up");
    api_store(q, &s->signup.call, STORE_USER_SIGNUP, on_signed_up);
}

static void hash_password(struct api_request *q)
{
    struct state *s = q->state;
    s->hashing = password_hash(secret_of(str_c(s->password)), s->hashed, &s->fault);
}

/* Accounts cost something to make, and who guesses addresses learns which are taken. */
static bool is_let_on(struct api_request *q, struct state *s)
{
    uint64_t wait = attempts_take(signin_of(q)->attempts, ATTEMPTS_ADDRESS, q->peer,
                                  io_now_ms(q->api->w->loop));
    if (!wait)
        return true;
    buf_printf(&q->fields, "Retry-After: %llu\r\n", (unsigned long long)((wait + 999) / 1000));
    show(q, 429, str_c(s->email), "Too many attempts. Wait a little before the next one.");
    return false;
}

void signup_submit(struct api_request *q)
{
    if (!is_open(q) || !api_form(q))
        return;
    struct state *s = api_state(q, sizeof *s);
    if (!s)
        return;
    form_text(q, STR("email"), s->email, sizeof s->email);
    form_text(q, STR("password"), s->password, sizeof s->password);
    const char *problem = password_problem(str_c(s->password));
    if (!email_is_right(str_c(s->email)))
        show(q, 400, str_c(s->email), "Type an e-mail address such as someone@example.com.");
    else if (signin_of(q)->has_mail) {
        if (mail_is_let_on(q, s->email))
            link_mail(q, LINK_SIGNUP, s->email);
    } else if (problem)
        show(q, 400, str_c(s->email), problem);
    else if (is_let_on(q, s))
        api_work(q, hash_password, on_hashed);
}
