#include "site/signin_page.h"

#include "http/url.h"

static void password_part(struct buf *out, const struct signin_view *v)
{
    html_form_begin(out, "/signin", v->page.csrf);
    html_hidden(out, "return_to", v->return_to);
    html_field(out, &(struct html_field){"email", "E-mail", "email", v->email,
                                         "required autocomplete=\"username\" autofocus", NULL});
    html_field(out, &(struct html_field){"password", "Password", "password", STR_NONE,
                                         "autocomplete=\"current-password\"", NULL});
    html_button(out, "", "Sign in", NULL, NULL);
    if (v->by_mail)
        html_button(out, "quiet", "Mail me a sign-in link", "by", "mail");
    html_form_end(out);
}

static void oidc_part(struct buf *out, const struct signin_view *v)
{
    if (!v->oidc_n)
        return;
    html_raw(out, "<p class=\"or\">or</p>\n");
    for (size_t i = 0; i < v->oidc_n; i++) {
        html_raw(out, "<a class=\"button quiet\" href=\"/signin/oidc?provider=");
        url_add_encoded(out, v->oidc[i]);
        html_raw(out, "&amp;return_to=");
        url_add_encoded(out, v->return_to);
        html_raw(out, "\">Continue with ");
        html_text(out, v->oidc[i]);
        html_raw(out, "</a>");
    }
}

void signin_page(struct buf *out, const struct signin_view *v)
{
    page_begin(out, &v->page);
    if (v->app.n) {
        html_raw(out, "<p>Sign in to let <span class=\"app\">");
        html_text(out, v->app);
        html_raw(out, "</span> ask for a key.</p>\n");
    }
    html_raw(out, "<div class=\"card\">");
    password_part(out, v);
    oidc_part(out, v);
    html_raw(out, "</div>\n");
    if (v->may_signup)
        html_raw(out, "<p>No account yet? <a href=\"/signup\">Sign up</a></p>\n");
    page_end(out);
}

void join_page(struct buf *out, const struct join_view *v)
{
    page_begin(out, &v->page);
    html_raw(out, "<p>");
    html_raw(out, v->text);
    html_raw(out, "</p>\n<div class=\"card\">");
    html_form_begin(out, v->action, v->page.csrf);
    html_hidden(out, "token", v->token);
    html_field(out, &(struct html_field){"email", "E-mail", "email", v->email,
                                         v->email_is_set
                                             ? "readonly autocomplete=\"username\""
                                             : "required autocomplete=\"username\" autofocus",
                                         NULL});
    if (v->asks_password)
        html_field(out, &(struct html_field){"password", "Password", "password", STR_NONE,
                                             "required minlength=\"12\" maxlength=\"256\" "
                                             "autocomplete=\"new-password\"",
                                             "At least 12 characters."});
    html_button(out, "", v->button, NULL, NULL);
    html_form_end(out);
    html_raw(out, "</div>\n");
    page_end(out);
}

void message_page(struct buf *out, const struct page *p, const char *text, const char *href,
                  const char *link)
{
    page_begin(out, p);
    html_raw(out, "<div class=\"card\"><p>");
    html_raw(out, text);
    html_raw(out, "</p>");
    if (href)
        buf_printf(out, "<p><a href=\"%s\">%s</a></p>", href, link);
    html_raw(out, "</div>\n");
    page_end(out);
}
