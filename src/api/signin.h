/* signin.h: what the handlers of people's pages share: settings, slowed attempts, helper threads;
 * pages and forms of visitors. */
#ifndef API_SIGNIN_H
#define API_SIGNIN_H

#include "api/internal.h"
#include "auth/attempts.h"
#include "auth/oidc.h"
#include "auth/session.h"
#include "auth/ticket.h"
#include "site/signin_page.h"
#include "store/calls_people.h"

enum signup { SIGNUP_CLOSED, SIGNUP_INVITATION, SIGNUP_OPEN };

/* All workers' own; nothing changes while they run. */
struct signin {
    enum signup signup;
    struct session_limits limits;
    struct str public_url; /* as configured, or empty */
    struct str base_url;   /* the same, or how this process is reached: before links of ours */
    struct io_pool *pool;
    struct attempts *attempts;
    bool has_mail;
    const struct oidc_provider *oidc;
    unsigned oidc_n;
};

static inline const struct signin *signin_of(const struct api_request *q)
{
    return q->api->shared->signin;
}

enum { PASSWORD_LEAST = 12, PASSWORD_MOST = 256 };

/* --- pages --- */

/* A page of whoever asks: with the token that its forms must bear. */
struct page page_of(struct api_request *q, const char *title);
void page_send(struct api_request *q, int status); /* q->out */
/* A sentence instead of a page. text, href and link: ours. */
void page_message(struct api_request *q, int status, const char *title, const char *text,
                  const char *href, const char *link);
/* The fault's status and sentence. */
void page_fault(struct api_request *q, const struct fault *f);
bool page_csrf_is_right(struct api_request *q);
void page_refuse_csrf(struct api_request *q);
/* To /signin, and back here afterwards. */
void page_to_signin(struct api_request *q);
void page_see_other(struct api_request *q, struct str path); /* 303 */

/* --- forms --- */

/* Copied to out and terminated, the decoded text wiped. False: not there or too long. */
bool form_text(struct api_request *q, struct str name, char *out, size_t size);
/* An address such as someone@example.com. */
bool email_is_right(struct str email);
/* NULL: it is; else a sentence. */
const char *password_problem(struct str password);
bool form_id(struct api_request *q, struct str name, int64_t *out);

/* --- mail --- */

/* Asks for a link of this kind (LINK_SIGNIN or LINK_SIGNUP) to be mailed, after the answer was given:
 * neither it nor its time tells whether there is such a user. */
void link_mail(struct api_request *q, enum link_kind kind, const char *email);
/* An invitation's mail, in the request's memory; NULL: none is sent here. */
const struct mail *invitation_mail(struct api_request *q, const struct link *l, struct str url);
/* False: answered with 429. */
bool mail_is_let_on(struct api_request *q, const char *email);

/* --- sessions --- */

/* Fills a session for this request and sets its cookie when it has been stored:
 * session_begin(), store, then session_give(). */
struct signin_cookie {
    char text[TICKET_CHARS + 1];
};
/* by: how, for the audit log */
void session_begin(struct api_request *q, struct session *s, struct signin_cookie *c,
                   const char *by);
void session_give(struct api_request *q, struct signin_cookie *c);
void session_take_back(struct api_request *q);
/* Every worker looks at every session again, then `then`. */
void sessions_changed(struct api_request *q, handler_fn *then);
/* The same, and at every key. */
void people_changed(struct api_request *q, handler_fn *then);

handler_fn page_style, page_icon, page_home, signin_show, signin_submit, signout_submit, link_show,
    link_submit, signup_show, signup_submit, oidc_begin, oidc_callback;

#endif
