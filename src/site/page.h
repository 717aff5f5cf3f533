/* page.h: the frame of every page, and its style sheet. */
#ifndef SITE_PAGE_H
#define SITE_PAGE_H

#include "site/html.h"

/* Who looks at a page, and what it tells them first. */
struct page {
    const char *title;
    struct str email; /* who is signed in; empty: nobody */
    struct str csrf;  /* of the session, or of the visitor */
    struct str error; /* a sentence at the top, or empty */
    struct str notice;
    bool is_wide;        /* holds tables */
    bool manages_people; /* shows the way there */
};
void page_begin(struct buf *out, const struct page *p);
void page_end(struct buf *out);

extern const char site_css[];
struct str site_css_view(void);
struct str site_icon_view(void); /* SVG */

#endif
