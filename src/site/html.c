#include "site/html.h"

static struct str escape_of(char c)
{
    switch (c) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    case '"':
        return STR("&quot;");
    case '\'':
        return STR("&#39;");
    default:
        return STR("");
    }
}

static bool is_control(char c)
{
    return ((unsigned char)c < ' ' && c != '\n' && c != '\t') || c == 0x7f;
}

static bool is_special(char c)
{
    return is_control(c) || escape_of(c).n;
}

void html_text(struct buf *out, struct str s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_special(s.p[i]))
            continue;
        buf_add(out, str_of(s.p + from, i - from));
        buf_add(out, escape_of(s.p[i]));
        from = i + 1;
    }
    buf_add(out, str_skip(s, from));
}

void html_raw(struct buf *out, const char *ours)
{
    buf_add_c(out, ours);
}

void html_hidden(struct buf *out, const char *name, struct str value)
{
    if (!value.n)
        return;
    buf_printf(out, "<input type=\"hidden\" name=\"%s\" value=\"", name);
    html_text(out, value);
    html_raw(out, "\">");
}

void html_form_begin(struct buf *out, const char *action, struct str csrf)
{
    buf_printf(out, "<form method=\"post\" action=\"%s\">", action);
    html_hidden(out, "csrf", csrf);
}

void html_form_end(struct buf *out)
{
    html_raw(out, "</form>\n");
}

void html_field(struct buf *out, const struct html_field *f)
{
    buf_printf(out, "<p class=\"field\"><label for=\"%s\">%s</label>", f->name, f->label);
    buf_printf(out, "<input id=\"%s\" name=\"%s\" type=\"%s\" value=\"", f->name, f->name, f->type);
    html_text(out, f->value);
    buf_printf(out, "\"%s%s", f->more ? " " : "", f->more ? f->more : "");
    if (f->hint)
        buf_printf(out,
                   " aria-describedby=\"%s-hint\"><span class=\"hint\" id=\"%s-hint\">%s</span>",
                   f->name, f->name, f->hint);
    else
        html_raw(out, ">");
    html_raw(out, "</p>\n");
}

void html_select(struct buf *out, const char *name, const char *label,
                 const struct html_choice *choices, size_t n, struct str chosen)
{
    if (label)
        buf_printf(out,
                   "<p class=\"field\"><label for=\"%s\">%s</label><select id=\"%s\" name=\"%s\">",
                   name, label, name, name);
    else
        buf_printf(out, "<select name=\"%s\" aria-label=\"%s\">", name, name);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "<option value=\"%s\"%s>%s</option>", choices[i].value,
                   str_eq(chosen, str_c(choices[i].value)) ? " selected" : "", choices[i].label);
    html_raw(out, label ? "</select></p>\n" : "</select>");
}

static void button(struct buf *out, const char *kind, const char *text, const char *name,
                   const char *value, const char *more)
{
    buf_printf(out, "<button class=\"%s\"", kind);
    if (name)
        buf_printf(out, " name=\"%s\" value=\"%s\"", name, value);
    buf_printf(out, "%s>%s</button>", more, text);
}

void html_button(struct buf *out, const char *kind, const char *text, const char *name,
                 const char *value)
{
    button(out, kind, text, name, value, "");
}

void html_button_unchecked(struct buf *out, const char *kind, const char *text, const char *name,
                           const char *value)
{
    button(out, kind, text, name, value, " formnovalidate");
}
