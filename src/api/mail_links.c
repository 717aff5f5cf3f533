/* mail_links.c: one-time links sent by mail. The answer goes out first: what is done then, and how
 * long it takes, depends on whether there is such a user. */
#include "api/signin.h"

#include <stdlib.h>

#include "base/log.h"

enum { LINK_MS = 15 * 60 * 1000, TEXT_MAX = 2000 };

/* Outlives its request, but not the worker: it counts as one. */
struct errand {
    struct store_user_get user;
    struct store_link_create create;
    struct store_mail_add add;
    struct api *api;
    enum link_kind kind;
    char email[EMAIL_MAX + 1];
    struct mail mail;
    struct buf text;
};

static void errand_free(struct errand *e)
{
    e->api->requests--;
    if (e->text.n)
        explicit_bzero(e->text.p, e->text.n);
    buf_release(&e->text);
    explicit_bzero(e->user.user.password, sizeof e->user.user.password);
    free(e);
}

static void submit(struct errand *e, struct store_call *c, enum store_need need,
                   void (*done)(struct store_call *c))
{
    c->need = need;
    c->loop = e->api->w->loop;
    c->done = done;
    c->user = e;
    store_submit(e->api->w->shared->store, c);
}

/* Who asked has been answered; the operator is told. */
static void on_queued(struct store_call *c)
{
    if (c->err != ERR_OK && c->err != ERR_CONFLICT)
        log_line(LOG_ERROR, "a link could not be mailed: %s", c->fault.message);
    errand_free(c->user);
}

static void write_mail(struct errand *e, const char *subject)
{
    e->mail = (struct mail){.to = str_c(e->email), .subject = str_c(subject)};
}

static void send_link(struct errand *e, const char *subject, const char *path, const char *what)
{
    char token[TICKET_CHARS + 1];
    struct link *l = &e->create.link;
    l->kind = e->kind;
    l->expires_ms = clock_wall_ms() + LINK_MS;
    memcpy(l->email, e->email, sizeof l->email);
    ticket_make(token, l->hash);
    buf_printf(
        &e->text,
        "%s\n\n%.*s%s?token=%s\n\nThe link works once, for 15 minutes. If you have not asked "
        "for it, do nothing.\n",
        what, STR_ARG(e->api->shared->signin->base_url), path, token);
    explicit_bzero(token, sizeof token);
    write_mail(e, subject);
    e->mail.expires_ms = l->expires_ms;
    e->mail.text = buf_view(&e->text);
    e->create.mail = &e->mail;
    submit(e, &e->create.call, STORE_LINK_CREATE, on_queued);
}

static void send_notice(struct errand *e)
{
    buf_printf(&e->text,
               "Somebody, perhaps you, wanted to sign up with this address, which has an account "
               "already. To sign in:\n\n%.*s/signin\n",
               STR_ARG(e->api->shared->signin->base_url));
    write_mail(e, "You have an account at Turnpike already");
    e->mail.text = buf_view(&e->text);
    e->add.mail = e->mail;
    submit(e, &e->add.call, STORE_MAIL_ADD, on_queued);
}

static void on_user(struct store_call *c)
{
    struct errand *e = c->user;
    bool is_there = c->err == ERR_OK;
    if (c->err != ERR_OK && c->err != ERR_NOT_FOUND) {
        on_queued(c);
    } else if (e->kind == LINK_SIGNUP && !is_there) {
        send_link(e, "Complete your sign-up at Turnpike", "/signup/confirm",
                  "To complete your sign-up, open this link:");
    } else if (e->kind == LINK_SIGNUP) {
        send_notice(e);
    } else if (is_there && !e->user.user.disabled) {
        e->create.link.user_id = e->user.user.id;
        e->create.link.account_id = e->user.user.account_id;
        send_link(e, "Your sign-in link for Turnpike", "/signin/link",
                  "To sign in, open this link:");
    } else {
        errand_free(e);
    }
}

static void begin(struct api *a, enum link_kind kind, const char *email)
{
    struct errand *e = calloc(1, sizeof *e);
    if (!e) {
        log_line(LOG_ERROR, "no memory to mail a link");
        return;
    }
    e->api = a;
    a->requests++;
    e->kind = kind;
    memcpy(e->email, email, sizeof e->email);
    memcpy(e->user.user.email, email, sizeof e->user.user.email);
    buf_init(&e->text, TEXT_MAX);
    submit(e, &e->user.call, STORE_USER_GET, on_user);
}

void link_mail(struct api_request *q, enum link_kind kind, const char *email)
{
    struct api *a = q->api;
    char to[EMAIL_MAX + 1];
    memcpy(to, email, sizeof to); /* the request ends with its answer */
    page_message(q, 200, "Look into your mail",
                 kind == LINK_SIGNIN
                     ? "If this address has an account here, a link is on its way to it. It works "
                       "once, for 15 minutes."
                     : "A mail is on its way to you. It says how to go on.",
                 "/signin", "Back to sign in");
    begin(a, kind, to);
}

bool mail_is_let_on(struct api_request *q, const char *email)
{
    struct attempts *a = signin_of(q)->attempts;
    uint64_t now = io_now_ms(q->api->w->loop);
    uint64_t wait = attempts_take(a, ATTEMPTS_ADDRESS, q->peer, now);
    if (!wait)
        wait = attempts_take(a, ATTEMPTS_MAIL, str_c(email), now);
    if (!wait)
        return true;
    buf_printf(&q->fields, "Retry-After: %llu\r\n", (unsigned long long)((wait + 999) / 1000));
    page_message(q, 429, "Wait a little", "Too many mails were asked for. Try again later.",
                 "/signin", "Back to sign in");
    return false;
}

const struct mail *invitation_mail(struct api_request *q, const struct link *l, struct str url)
{
    char room[TEXT_MAX];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    struct mail *m = signin_of(q)->has_mail ? arena_zalloc(&q->arena, sizeof *m) : NULL;
    if (!m)
        return NULL;
    buf_printf(&b,
               "%s invites you to their account at Turnpike. To accept, open this link:\n\n%.*s\n\n"
               "It works once, for a week.\n",
               q->person->email, STR_ARG(url));
    m->to = str_c(l->email);
    m->subject = STR("You are invited to Turnpike");
    m->text = arena_str(&q->arena, buf_view(&b));
    m->expires_ms = l->expires_ms;
    explicit_bzero(room, sizeof room);
    return m->text.p ? m : NULL;
}
