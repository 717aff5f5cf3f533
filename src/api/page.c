/* page.c: what people's pages share: the visitor's cookie and token, forms, sessions given and
 * taken back. */
#include "api/signin.h"

#include "auth/callback.h"
#include "crypto/hmac.h"
#include "http/url.h"

/* Who is not signed in has a cookie too, from which the token of forms follows: so nobody can be
 * signed in by another site's form. */
#define VISITOR_COOKIE "turnpike_visitor"

/* --- the form's token --- */

static bool visitor_token(struct api_request *q, char out[TICKET_CHARS + 1])
{
    struct str cookie = api_cookie(q, STR(VISITOR_COOKIE));
    uint8_t ignored[TICKET_HASH_BYTES];
    if (!ticket_hash(cookie, ignored))
        return false;
    ticket_derive(cookie, STR("form"), out);
    return true;
}

static struct str visitor_welcome(struct api_request *q)
{
    char cookie[TICKET_CHARS + 1], token[TICKET_CHARS + 1];
    uint8_t ignored[TICKET_HASH_BYTES];
    if (!visitor_token(q, token)) {
        ticket_make(cookie, ignored);
        ticket_derive(str_c(cookie), STR("form"), token);
        api_set_cookie(q, STR(VISITOR_COOKIE), str_c(cookie), "; Path=/");
    }
    return arena_str(&q->arena, str_c(token));
}

bool page_csrf_is_right(struct api_request *q)
{
    char token[TICKET_CHARS + 1];
    struct str got = q->csrf.n ? q->csrf : api_form_value(q, STR("csrf"));
    struct str wanted = q->person ? str_c(q->person->csrf) : STR_NONE;
    if (!wanted.n && visitor_token(q, token))
        wanted = str_c(token);
    return wanted.n && secret_eq(secret_of(got), secret_of(wanted));
}

void page_refuse_csrf(struct api_request *q)
{
    page_message(q, 403, "This form is out of date",
                 "It was made for another session, or cookies are switched off. Open the page "
                 "again and send it from there.",
                 "/account", "Start again");
}

/* --- pages --- */

struct page page_of(struct api_request *q, const char *title)
{
    struct page p = {.title = title};
    if (q->person) {
        p.email = str_c(q->person->email);
        p.csrf = str_c(q->person->csrf);
        p.manages_people = q->person->role != ROLE_MEMBER;
    } else {
        p.csrf = visitor_welcome(q);
    }
    return p;
}

void page_send(struct api_request *q, int status)
{
    if (q->out.failed != ERR_OK)
        api_refuse(q, ERR_NOMEM, "No memory for this page: try again later");
    else
        api_html(q, status, buf_view(&q->out));
}

void page_message(struct api_request *q, int status, const char *title, const char *text,
                  const char *href, const char *link)
{
    struct page p = page_of(q, title);
    buf_reset(&q->out);
    message_page(&q->out, &p, text, href, link);
    page_send(q, status);
}

void page_fault(struct api_request *q, const struct fault *f)
{
    struct page p = page_of(q, "That did not work");
    p.error = str_c(f->message);
    buf_reset(&q->out);
    message_page(&q->out, &p, "Nothing was changed.", "/account", "Back to your account");
    page_send(q, err_status(f->err));
}

void page_see_other(struct api_request *q, struct str path)
{
    api_redirect(q, 303, path);
}

void page_to_signin(struct api_request *q)
{
    struct buf *out = &q->out;
    buf_reset(out);
    buf_add(out, STR("/signin?return_to="));
    url_add_encoded(out, str_skip(q->route->path, 1));
    if (q->query.n) {
        buf_add(out, STR("%3F"));
        url_add_encoded(out, q->query);
    }
    struct str to = out->failed == ERR_OK ? arena_str(&q->arena, buf_view(out)) : STR_NONE;
    page_see_other(q, to.p ? to : STR("/signin"));
}

void page_style(struct api_request *q)
{
    buf_add(&q->fields, STR("Cache-Control: max-age=300\r\nX-Content-Type-Options: nosniff\r\n"));
    api_reply_as(q, 200, STR("text/css; charset=utf-8"), site_css_view());
}

void page_icon(struct api_request *q)
{
    buf_add(&q->fields, STR("Cache-Control: max-age=86400\r\nX-Content-Type-Options: nosniff\r\n"));
    api_reply_as(q, 200, STR("image/svg+xml"), site_icon_view());
}

void page_home(struct api_request *q)
{
    page_see_other(q, q->person ? STR("/account") : STR("/signin"));
}

/* --- forms --- */

bool form_text(struct api_request *q, struct str name, char *out, size_t size)
{
    struct str v = api_form_value(q, name);
    bool fits = v.p && v.n < size && !memchr(v.p, '\0', v.n);
    memset(out, 0, size);
    if (fits)
        memcpy(out, v.p, v.n);
    if (v.n)
        explicit_bzero((void *)v.p, v.n); /* the arena's copy; it may be a password */
    return fits;
}

bool form_id(struct api_request *q, struct str name, int64_t *out)
{
    uint64_t v;
    if (!str_u64(api_form_value(q, name), INT64_MAX, &v) || v == 0)
        return false;
    *out = (int64_t)v;
    return true;
}

bool email_is_right(struct str email)
{
    struct str domain = email, user = str_cut(&domain, '@');
    if (email.n > EMAIL_MAX || user.n == 0 || domain.n == 0 ||
        str_find(domain, STR("@")) < domain.n)
        return false;
    for (size_t i = 0; i < email.n; i++) {
        if ((unsigned char)email.p[i] <= ' ' || email.p[i] == 0x7f || email.p[i] == ',' ||
            email.p[i] == '<' || email.p[i] == '>')
            return false;
    }
    return true;
}

const char *password_problem(struct str password)
{
    if (password.n < PASSWORD_LEAST)
        return "The password must have at least 12 characters.";
    return password.n > PASSWORD_MOST ? "The password must have at most 256 bytes." : NULL;
}

/* --- sessions --- */

static void copy_text(char *out, size_t size, struct str s)
{
    s = str_head(s, size - 1);
    memset(out, 0, size);
    if (s.n)
        memcpy(out, s.p, s.n);
}

void session_begin(struct api_request *q, struct session *s, struct signin_cookie *c,
                   const char *by)
{
    *s = (struct session){.by = by,
                          .expires_ms = clock_wall_ms() + signin_of(q)->limits.absolute_ms};
    ticket_make(c->text, s->hash);
    copy_text(s->user_agent, sizeof s->user_agent, q->user_agent);
    copy_text(s->address, sizeof s->address, q->peer);
}

void session_give(struct api_request *q, struct signin_cookie *c)
{
    char attributes[64];
    struct buf b = {.p = attributes, .cap = sizeof attributes - 1, .max = sizeof attributes - 1};
    buf_printf(&b, "; Path=/; Max-Age=%lld", (long long)(signin_of(q)->limits.absolute_ms / 1000));
    attributes[b.n] = '\0';
    api_set_cookie(q, STR(SESSION_COOKIE), str_c(c->text), attributes);
    api_set_cookie(q, STR(VISITOR_COOKIE), STR(""), "; Path=/; Max-Age=0");
    explicit_bzero(c, sizeof *c);
}

void session_take_back(struct api_request *q)
{
    api_set_cookie(q, STR(SESSION_COOKIE), STR(""), "; Path=/; Max-Age=0");
}

static void forget(struct api *a, void *arg)
{
    (void)arg;
    if (a->w->persons)
        a->w->persons->forget_all(a->w->persons);
}

static void forget_keys_too(struct api *a, void *arg)
{
    forget(a, arg);
    gate_forget_all(a->w->gate);
}

void sessions_changed(struct api_request *q, handler_fn *then)
{
    api_everywhere(q, forget, NULL, then);
}

void people_changed(struct api_request *q, handler_fn *then)
{
    api_everywhere(q, forget_keys_too, NULL, then);
}
