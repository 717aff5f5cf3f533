#include "site/account_page.h"

static void cell(struct buf *out, const char *label, struct str text)
{
    buf_printf(out, "<td data-label=\"%s\">", label);
    html_text(out, text);
    html_raw(out, "</td>");
}

void bounds_fields(struct buf *out, const struct bounds_view *v)
{
    static const struct html_choice resets[] = {{"", "never"},
                                                {"daily", "every day"},
                                                {"weekly", "every week"},
                                                {"monthly", "every month"}};
    static const struct html_choice expiries[] = {{"", "never"},        {"1", "in a day"},
                                                  {"7", "in 7 days"},   {"30", "in 30 days"},
                                                  {"90", "in 90 days"}, {"365", "in a year"}};
    html_raw(out, "<div class=\"row\">");
    html_field(out, &(struct html_field){"limit", "Spending limit, in dollars", "text", v->limit,
                                         "inputmode=\"decimal\" pattern=\"[0-9]*[.]?[0-9]*\" "
                                         "autocomplete=\"off\"",
                                         "Empty: no limit but the account's credit."});
    html_select(out, "reset", "The limit starts anew", resets, COUNT_OF(resets), v->reset);
    html_select(out, "expires", "The key expires", expiries, COUNT_OF(expiries), v->expires);
    html_raw(out, "</div>");
}

/* --- keys --- */

static void key_acts(struct buf *out, const struct account_view *v, const struct key_line *k)
{
    html_raw(out, "<td class=\"acts\">");
    html_form_begin(out, "/account/keys/change", v->page.csrf);
    html_hidden(out, "hash", k->hash);
    html_button(out, "quiet", k->disabled ? "Enable" : "Disable", "do",
                k->disabled ? "enable" : "disable");
    html_button(out, "danger", k->app.n ? "Revoke" : "Delete", "do", "delete");
    html_form_end(out);
    html_raw(out, "</td>");
}

static void key_row(struct buf *out, const struct account_view *v, const struct key_line *k)
{
    html_raw(out, "<tr><td data-label=\"Name\"><strong>");
    html_text(out, k->app.n ? k->app : k->name);
    html_raw(out, "</strong><br>");
    if (k->app.n) {
        html_text(out, k->name);
        html_raw(out, "<br>");
    }
    html_raw(out, "<code>");
    html_text(out, k->label);
    html_raw(out, "</code></td>");
    cell(out, "Limit", k->limit);
    cell(out, "Used", k->used);
    cell(out, "State", k->state);
    cell(out, "Made", k->created);
    key_acts(out, v, k);
    html_raw(out, "</tr>\n");
}

static void key_table(struct buf *out, const struct account_view *v, bool of_apps)
{
    bool is_empty = true;
    for (size_t i = 0; i < v->keys_n; i++) {
        if ((v->keys[i].app.n != 0) != of_apps)
            continue;
        if (is_empty)
            buf_printf(out,
                       "<table><thead><tr><th>%s</th><th>Limit</th><th>Used</th><th>State</th>"
                       "<th>Made</th><th><span class=\"soft\">Change</span></th></tr></thead>"
                       "<tbody>\n",
                       of_apps ? "App" : "Key");
        is_empty = false;
        key_row(out, v, &v->keys[i]);
    }
    if (is_empty)
        html_raw(out, of_apps ? "<p class=\"soft\">No app has asked for a key yet.</p>"
                              : "<p class=\"soft\">No keys yet.</p>");
    else
        html_raw(out, "</tbody></table>\n");
}

static void new_key_form(struct buf *out, const struct account_view *v)
{
    static const struct html_choice kinds[] = {{"", "inference: spends"},
                                               {"management", "management: administers"}};
    html_raw(out, "<h3>New key</h3>");
    html_form_begin(out, "/account/keys", v->page.csrf);
    html_raw(out, "<div class=\"row\">");
    html_field(out, &(struct html_field){"name", "Name", "text", STR_NONE,
                                         "required maxlength=\"255\" autocomplete=\"off\"", NULL});
    if (v->sees_all_keys)
        html_select(out, "kind", "Kind", kinds, COUNT_OF(kinds), STR_NONE);
    html_raw(out, "</div>");
    bounds_fields(out, &(struct bounds_view){0});
    html_button(out, "", "Make a key", NULL, NULL);
    html_form_end(out);
}

static void keys_part(struct buf *out, const struct account_view *v)
{
    html_raw(out, "<section class=\"card\" id=\"keys\"><h2>");
    html_raw(out, v->sees_all_keys ? "Keys of the account" : "Your keys");
    html_raw(out, "</h2>");
    if (v->new_key.n) {
        html_raw(out, "<p class=\"notice\" role=\"status\">Your new key, shown this once. Copy it "
                      "now:</p><p><code class=\"secret\" id=\"new-key\">");
        html_text(out, v->new_key);
        html_raw(out, "</code></p>\n");
    }
    key_table(out, v, false);
    new_key_form(out, v);
    html_raw(out, "</section>\n<section class=\"card\" id=\"apps\"><h2>Apps</h2>");
    key_table(out, v, true);
    html_raw(out, "</section>\n");
}

/* --- sessions and password --- */

static void session_row(struct buf *out, const struct account_view *v, const struct session_line *s)
{
    html_raw(out, "<tr>");
    cell(out, "Browser", s->agent);
    cell(out, "Address", s->address);
    cell(out, "Last seen", s->seen);
    html_raw(out, "<td class=\"acts\">");
    if (s->is_this) {
        html_raw(out, "<span class=\"soft\">this session</span>");
    } else {
        html_form_begin(out, "/account/sessions/end", v->page.csrf);
        html_hidden(out, "id", s->id);
        html_button(out, "danger", "End", NULL, NULL);
        html_form_end(out);
    }
    html_raw(out, "</td></tr>\n");
}

static void sessions_part(struct buf *out, const struct account_view *v)
{
    html_raw(out, "<section class=\"card\" id=\"sessions\"><h2>Where you are signed in</h2>"
                  "<table><thead><tr><th>Browser</th><th>Address</th><th>Last seen</th><th></th>"
                  "</tr></thead><tbody>\n");
    for (size_t i = 0; i < v->sessions_n; i++)
        session_row(out, v, &v->sessions[i]);
    html_raw(out, "</tbody></table>\n");
    if (v->sessions_n > 1) {
        html_form_begin(out, "/account/sessions/end", v->page.csrf);
        html_button(out, "quiet", "End all others", "others", "1");
        html_form_end(out);
    }
    html_raw(out, "</section>\n");
}

static void password_part(struct buf *out, const struct account_view *v)
{
    html_raw(out, "<section class=\"card\" id=\"password\"><h2>Password</h2>");
    html_form_begin(out, "/account/password", v->page.csrf);
    html_raw(out, "<input hidden name=\"email\" autocomplete=\"username\" value=\"");
    html_text(out, v->page.email);
    html_raw(out, "\"><div class=\"row\">");
    if (v->has_password)
        html_field(out, &(struct html_field){"current", "Password until now", "password", STR_NONE,
                                             "required autocomplete=\"current-password\"", NULL});
    html_field(out, &(struct html_field){"password", "New password", "password", STR_NONE,
                                         "required minlength=\"12\" maxlength=\"256\" "
                                         "autocomplete=\"new-password\"",
                                         "At least 12 characters. All other sessions end."});
    html_raw(out, "</div>");
    html_button(out, "quiet", v->has_password ? "Change password" : "Set a password", NULL, NULL);
    html_form_end(out);
    html_raw(out, "</section>\n");
}

void account_page(struct buf *out, const struct account_view *v)
{
    page_begin(out, &v->page);
    keys_part(out, v);
    sessions_part(out, v);
    password_part(out, v);
    page_end(out);
}

/* --- people --- */

static const struct html_choice roles[] = {
    {"member", "member"}, {"admin", "admin"}, {"owner", "owner"}};

static size_t roles_offered(const struct people_view *v)
{
    return v->makes_owners ? COUNT_OF(roles) : COUNT_OF(roles) - 1;
}

static void user_acts(struct buf *out, const struct people_view *v, const struct user_line *u)
{
    html_raw(out, "<td class=\"acts\">");
    if (u->is_self) {
        html_raw(out, "<span class=\"soft\">you</span>");
    } else if (!u->is_fixed) {
        html_form_begin(out, "/account/people/change", v->page.csrf);
        html_hidden(out, "id", u->id);
        html_select(out, "role", NULL, roles, roles_offered(v), u->role);
        html_button(out, "quiet", "Set role", "do", "role");
        if (u->disabled)
            html_button(out, "quiet", "Enable", "do", "enable");
        else
            html_button(out, "danger", "Disable", "do", "disable");
        html_button(out, "danger", u->disabled ? "Disable keys" : "Disable with keys", "do",
                    "disable-keys");
        html_form_end(out);
    }
    html_raw(out, "</td>");
}

static void users_part(struct buf *out, const struct people_view *v)
{
    html_raw(out, "<section class=\"card\" id=\"users\"><h2>Users</h2><table><thead><tr>"
                  "<th>E-mail</th><th>Role</th><th>State</th><th>Since</th><th>Change</th></tr>"
                  "</thead><tbody>\n");
    for (size_t i = 0; i < v->users_n; i++) {
        const struct user_line *u = &v->users[i];
        html_raw(out, "<tr>");
        cell(out, "E-mail", u->email);
        cell(out, "Role", u->role);
        cell(out, "State", u->disabled ? STR("disabled") : STR("active"));
        cell(out, "Since", u->since);
        user_acts(out, v, u);
        html_raw(out, "</tr>\n");
    }
    html_raw(out, "</tbody></table></section>\n");
}

static void invitation_rows(struct buf *out, const struct people_view *v)
{
    if (!v->invitations_n)
        return;
    html_raw(out, "<table><thead><tr><th>E-mail</th><th>Role</th><th>Open until</th><th></th></tr>"
                  "</thead><tbody>\n");
    for (size_t i = 0; i < v->invitations_n; i++) {
        const struct invitation_line *l = &v->invitations[i];
        html_raw(out, "<tr>");
        cell(out, "E-mail", l->email);
        cell(out, "Role", l->role);
        cell(out, "Open until", l->until);
        html_raw(out, "<td class=\"acts\">");
        html_form_begin(out, "/account/people/uninvite", v->page.csrf);
        html_hidden(out, "id", l->id);
        html_button(out, "danger", "Withdraw", NULL, NULL);
        html_form_end(out);
        html_raw(out, "</td></tr>\n");
    }
    html_raw(out, "</tbody></table>\n");
}

static void invitations_part(struct buf *out, const struct people_view *v)
{
    html_raw(out, "<section class=\"card\" id=\"invitations\"><h2>Invitations</h2>");
    if (v->new_link.n) {
        html_raw(out, "<p class=\"notice\" role=\"status\">");
        html_raw(out, v->was_mailed ? "A mail is on its way to " : "Give this link to ");
        html_text(out, v->invited);
        html_raw(out, ". It works once, for a week, and is shown this once:</p>"
                      "<p><code class=\"secret\" id=\"new-link\">");
        html_text(out, v->new_link);
        html_raw(out, "</code></p>\n");
    }
    invitation_rows(out, v);
    if (!v->may_invite) {
        html_raw(out, "<p class=\"soft\">Sign-up is closed: the setting "
                      "<code>signup: invitation</code> opens it to those who are invited.</p>");
    } else {
        html_form_begin(out, "/account/people/invite", v->page.csrf);
        html_raw(out, "<div class=\"row\">");
        html_field(out, &(struct html_field){"email", "E-mail", "email", STR_NONE,
                                             "required autocomplete=\"off\"", NULL});
        html_select(out, "role", "Role", roles, roles_offered(v), STR("member"));
        html_raw(out, "</div>");
        html_button(out, "", "Invite", NULL, NULL);
        html_form_end(out);
    }
    html_raw(out, "</section>\n");
}

void people_page(struct buf *out, const struct people_view *v)
{
    page_begin(out, &v->page);
    users_part(out, v);
    invitations_part(out, v);
    page_end(out);
}
