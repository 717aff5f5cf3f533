/* consent_page.h: an app asks for a key. */
#ifndef SITE_CONSENT_PAGE_H
#define SITE_CONSENT_PAGE_H

#include "site/account_page.h"

struct consent_view {
    struct page page;
    struct str title;        /* "app.example"; empty: an app without a callback */
    struct str origin;       /* where the key goes */
    bool is_local;           /* on the user's own machine */
    struct str callback_url; /* what follows is sent back with the form */
    struct str challenge, method, label;
    struct bounds_view bounds;
};
void consent_page(struct buf *out, const struct consent_view *v);

/* The headless form: the code, to be copied into the app. */
void code_page(struct buf *out, const struct page *p, struct str code);

#endif
