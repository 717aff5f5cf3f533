/* signin_page.h: the ways in: signing in, signing up, claiming the instance, accepting an
 * invitation. */
#ifndef SITE_SIGNIN_PAGE_H
#define SITE_SIGNIN_PAGE_H

#include "site/page.h"

struct signin_view {
    struct page page;
    struct str email;       /* as typed before */
    struct str return_to;   /* a path of ours, or empty */
    struct str app;         /* whose request waits behind the sign-in, or empty */
    const struct str *oidc; /* names of OpenID providers */
    size_t oidc_n;
    bool by_mail, may_signup;
};
void signin_page(struct buf *out, const struct signin_view *v);

/* One form with an address and a password, for what a link stands for. */
struct join_view {
    struct page page;
    const char *action, *button;
    const char *text;  /* ours */
    struct str email;  /* as typed, or as the invitation says */
    bool email_is_set; /* cannot be changed */
    bool asks_password;
    struct str token;
};
void join_page(struct buf *out, const struct join_view *v);

/* A sentence and a way on. text: ours. href NULL: none. */
void message_page(struct buf *out, const struct page *p, const char *text, const char *href,
                  const char *link);

#endif
