/* html.h: pieces of HTML. What comes from anywhere but our own source goes through html_text(). */
#ifndef SITE_HTML_H
#define SITE_HTML_H

#include "base/buf.h"

/* Text or the value of a quoted attribute: & < > " ' are escaped, control characters dropped. */
void html_text(struct buf *out, struct str s);
/* ours: a literal of our source, written as it is. */
void html_raw(struct buf *out, const char *ours);

/* <form method="post">, with the token that our own pages know. An empty csrf: none. */
void html_form_begin(struct buf *out, const char *action, struct str csrf);
void html_form_end(struct buf *out);
void html_hidden(struct buf *out, const char *name, struct str value); /* nothing if it is empty */

struct html_field {
    const char *name, *label;
    const char *type; /* "text", "email", "password", "number" */
    struct str value;
    const char *more; /* further attributes, ours; or NULL */
    const char *hint; /* ours; or NULL */
};
void html_field(struct buf *out, const struct html_field *f);

struct html_choice {
    const char *value, *label;
};
/* label NULL: none is shown, `name` is read out. */
void html_select(struct buf *out, const char *name, const char *label,
                 const struct html_choice *choices, size_t n, struct str chosen);
/* Sends the form whatever its fields hold. */
void html_button_unchecked(struct buf *out, const char *kind, const char *text, const char *name,
                           const char *value);
/* kind: "", "quiet" or "danger". name NULL: none. */
void html_button(struct buf *out, const char *kind, const char *text, const char *name,
                 const char *value);

#endif
