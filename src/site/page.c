#include "site/page.h"

static void header(struct buf *out, const struct page *p)
{
    html_raw(out, "<header><a class=\"brand\" href=\"/account\">Turnpike</a>");
    if (p->email.n) {
        html_raw(out, "<nav aria-label=\"Account\"><a href=\"/account\">Account</a>");
        if (p->manages_people)
            html_raw(out, "<a href=\"/account/people\">People</a>");
        html_raw(out, "</nav><div class=\"who\"><span>");
        html_text(out, p->email);
        html_raw(out, "</span>");
        html_form_begin(out, "/signout", p->csrf);
        html_button(out, "quiet", "Sign out", NULL, NULL);
        html_form_end(out);
        html_raw(out, "</div>");
    }
    html_raw(out, "</header>\n");
}

static void message(struct buf *out, const char *kind, struct str text)
{
    if (!text.n)
        return;
    buf_printf(out, "<p class=\"%s\" role=\"%s\">", kind,
               str_eq(str_c(kind), STR("error")) ? "alert" : "status");
    html_text(out, text);
    html_raw(out, "</p>\n");
}

void page_begin(struct buf *out, const struct page *p)
{
    html_raw(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                  "<meta name=\"color-scheme\" content=\"light dark\"><title>");
    html_raw(out, p->title);
    html_raw(out, " - Turnpike</title><link rel=\"icon\" href=\"/icon.svg\"><link "
                  "rel=\"stylesheet\" href=\"/site.css\"></head>\n<body>\n");
    header(out, p);
    buf_printf(out, "<main class=\"%s\">\n<h1>%s</h1>\n", p->is_wide ? "wide" : "narrow", p->title);
    message(out, "error", p->error);
    message(out, "notice", p->notice);
}

void page_end(struct buf *out)
{
    html_raw(out, "</main>\n</body></html>\n");
}
