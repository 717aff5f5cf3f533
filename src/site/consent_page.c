#include "site/consent_page.h"

static void who_asks(struct buf *out, const struct consent_view *v)
{
    html_raw(out, "<p><span class=\"app\" id=\"app\">");
    if (v->title.n)
        html_text(out, v->title);
    else
        html_raw(out, "An app without an address");
    html_raw(out, "</span> asks for an API key that spends from your account.</p>\n");
    if (v->label.n) {
        html_raw(out, "<p>It wants the key to be called <span class=\"app\" id=\"label\">");
        html_text(out, v->label);
        html_raw(out, "</span>.</p>\n");
    }
    html_raw(out, "<p class=\"soft\">");
    if (!v->title.n) {
        html_raw(out, "You will be shown a code to copy into it. Go on only if you have just asked "
                      "for that yourself.");
    } else {
        html_raw(out,
                 v->is_local ? "It runs on your own machine, at <code>" : "The key goes to <code>");
        html_text(out, v->origin);
        html_raw(out, "</code>.");
    }
    html_raw(out, " With the key it can ask models, up to the limit below. It sees none of your "
                  "other keys and changes nothing in your account. You can revoke the key on your "
                  "account's page at any time.</p>\n");
}

void consent_page(struct buf *out, const struct consent_view *v)
{
    page_begin(out, &v->page);
    who_asks(out, v);
    html_raw(out, "<div class=\"card\">");
    html_form_begin(out, "/auth", v->page.csrf);
    html_hidden(out, "callback_url", v->callback_url);
    html_hidden(out, "code_challenge", v->challenge);
    html_hidden(out, "code_challenge_method", v->method);
    html_hidden(out, "key_label", v->label);
    bounds_fields(out, &v->bounds);
    html_button(out, "", "Allow", "do", "allow");
    html_button_unchecked(out, "quiet", "Deny", "do", "deny");
    html_form_end(out);
    html_raw(out, "</div>\n");
    page_end(out);
}

void code_page(struct buf *out, const struct page *p, struct str code)
{
    page_begin(out, p);
    html_raw(out, "<div class=\"card\"><p>Copy this code into the app that asked for it. It works "
                  "once, for ten minutes:</p><p><code class=\"secret\" id=\"code\">");
    html_text(out, code);
    html_raw(out, "</code></p></div>\n");
    page_end(out);
}
