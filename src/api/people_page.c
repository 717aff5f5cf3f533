/* people_page.c: /account/people: an account's users, their roles, and who is invited. For owners
 * and admins; an admin neither makes nor changes an owner. */
#include "api/account_page.h"

#include <stdio.h>
#include <stdlib.h>

#include "site/account_page.h"

enum { INVITED_MS = 7 * 24 * 3600 * 1000 };

struct showing {
    struct store_user_list users;
    struct store_link_list links;
    int status;
    const char *error;
    struct str new_link, invited;
};

/* What each role may do to people. */
static const struct {
    bool manages, manages_owners;
} rights[ROLE__COUNT] = {
    [ROLE_OWNER] = {true, true},
    [ROLE_ADMIN] = {true, false},
    [ROLE_MEMBER] = {false, false},
};

static bool may_manage(struct api_request *q)
{
    if (!page_is_signed_in(q))
        return false;
    if (rights[q->person->role].manages)
        return true;
    page_message(q, 403, "Not for members", "Owners and admins of the account manage its people.",
                 "/account", "Back to your account");
    return false;
}

/* --- the page --- */

static struct user_line user_line(struct api_request *q, const struct user *u)
{
    return (struct user_line){
        .id = text_i64(q, u->id),
        .email = str_c(u->email),
        .role = str_c(role_name(u->role)),
        .since = str_head(text_time(q, u->created_ms), 10),
        .disabled = u->disabled,
        .is_self = u->id == q->person->user_id,
        .is_fixed = u->role == ROLE_OWNER && !rights[q->person->role].manages_owners,
    };
}

static struct invitation_line invitation_line(struct api_request *q, const struct link *l)
{
    return (struct invitation_line){
        .id = text_i64(q, l->id),
        .email = str_c(l->email),
        .role = str_c(role_name(l->role < ROLE__COUNT ? l->role : ROLE_MEMBER)),
        .until = text_time(q, l->expires_ms),
    };
}

static void write_page(struct api_request *q)
{
    struct showing *s = q->state;
    struct user_line *users = arena_alloc(&q->arena, (s->users.n + 1) * sizeof *users);
    struct invitation_line *links = arena_alloc(&q->arena, (s->links.n + 1) * sizeof *links);
    if (!users || !links) {
        api_refuse(q, ERR_NOMEM, "No memory for this page: try again later");
        return;
    }
    for (size_t i = 0; i < s->users.n; i++)
        users[i] = user_line(q, &s->users.users[i]);
    for (size_t i = 0; i < s->links.n; i++)
        links[i] = invitation_line(q, &s->links.links[i]);
    struct people_view v = {.page = page_of(q, "People"),
                            .new_link = s->new_link,
                            .invited = s->invited,
                            .was_mailed = signin_of(q)->has_mail,
                            .may_invite = signin_of(q)->signup != SIGNUP_CLOSED,
                            .makes_owners = rights[q->person->role].manages_owners,
                            .users = users,
                            .users_n = s->users.n,
                            .invitations = links,
                            .invitations_n = s->links.n};
    v.page.is_wide = true;
    v.page.error = str_c(s->error);
    buf_reset(&q->out);
    people_page(&q->out, &v);
    page_send(q, s->status);
}

static void on_links(struct api_request *q)
{
    struct showing *s = q->state;
    if (s->links.call.err != ERR_OK)
        page_fault(q, &s->links.call.fault);
    else
        write_page(q);
}

static void on_users(struct api_request *q)
{
    struct showing *s = q->state;
    if (s->users.call.err != ERR_OK) {
        page_fault(q, &s->users.call.fault);
        return;
    }
    s->links.account_id = q->account_id;
    api_store(q, &s->links.call, STORE_LINK_LIST, on_links);
}

static void release(void *showing)
{
    struct showing *s = showing;
    for (size_t i = 0; i < s->users.n; i++)
        explicit_bzero(s->users.users[i].password, sizeof s->users.users[i].password);
    free(s->users.users);
    free(s->links.links);
}

static void show(struct api_request *q, int status, const char *error, struct str new_link,
                 struct str invited)
{
    struct showing *s = api_state(q, sizeof *s);
    if (!s)
        return;
    s->status = status;
    s->error = error;
    s->new_link = new_link;
    s->invited = invited;
    s->users.account_id = q->account_id;
    if (!arena_defer(&q->arena, release, s))
        api_refuse(q, ERR_NOMEM, "No memory for this page: try again later");
    else
        api_store(q, &s->users.call, STORE_USER_LIST, on_users);
}

static void refuse(struct api_request *q, int status, const char *error)
{
    show(q, status, error, STR_NONE, STR_NONE);
}

void people_show(struct api_request *q)
{
    if (may_manage(q))
        refuse(q, 200, NULL);
}

/* --- roles --- */

static void back(struct api_request *q)
{
    page_see_other(q, STR("/account/people"));
}

static void on_changed(struct api_request *q)
{
    struct store_user_change *c = q->state;
    enum err e = c->call.err;
    explicit_bzero(c->user.password, sizeof c->user.password);
    if (e == ERR_OK)
        people_changed(q, back);
    else if (e == ERR_NOT_FOUND || e == ERR_CONFLICT || e == ERR_FORBIDDEN)
        refuse(q, err_status(e), c->call.fault.message);
    else
        page_fault(q, &c->call.fault);
}

/* False: answered. */
static bool role_read(struct api_request *q, enum role *out)
{
    if (!role_parse(api_form_value(q, STR("role")), out))
        refuse(q, 400, "A role is owner, admin or member.");
    else if (*out == ROLE_OWNER && !rights[q->person->role].manages_owners)
        refuse(q, 403, "Only an owner can make an owner.");
    else
        return true;
    return false;
}

static const char *change_read(struct api_request *q, struct store_user_change *c)
{
    struct str what = api_form_value(q, STR("do"));
    if (str_eq(what, STR("role"))) {
        c->set_role = true;
        return "user.role";
    }
    c->set_disabled = true;
    c->disables_keys = str_eq(what, STR("disable-keys"));
    c->user.disabled = c->disables_keys || str_eq(what, STR("disable"));
    if (c->user.disabled)
        return "user.disable";
    return str_eq(what, STR("enable")) ? "user.enable" : NULL;
}

static struct str change_detail(struct api_request *q, const struct store_user_change *c)
{
    char room[64];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    if (c->set_role)
        buf_printf(&b, "{\"role\":\"%s\"}", role_name(c->user.role));
    else if (c->disables_keys)
        buf_add(&b, STR("{\"keys\":true}"));
    return arena_str(&q->arena, buf_view(&b));
}

void people_change(struct api_request *q)
{
    if (!may_manage(q) || !api_form(q))
        return;
    struct store_user_change *c = api_state(q, sizeof *c);
    if (!c)
        return;
    const char *action = change_read(q, c);
    if (!form_id(q, STR("id"), &c->id) || !action) {
        refuse(q, 400, "There is no such user.");
        return;
    }
    if (c->id == q->person->user_id) {
        refuse(q, 403, "Nobody changes their own role.");
        return;
    }
    if (c->set_role && !role_read(q, &c->user.role))
        return;
    c->account_id = q->account_id;
    snprintf(c->creator, sizeof c->creator, "user_%lld", (long long)c->id);
    c->spares_owners = !rights[q->person->role].manages_owners;
    api_audit(q, action, text_i64(q, c->id), change_detail(q, c));
    api_store(q, &c->call, STORE_USER_CHANGE, on_changed);
}

/* --- invitations --- */

struct inviting {
    struct store_link_create create;
    struct str url;
};

static void on_invited(struct api_request *q)
{
    struct inviting *i = q->state;
    if (i->create.call.err == ERR_CONFLICT)
        refuse(q, 409, i->create.call.fault.message);
    else if (i->create.call.err != ERR_OK)
        page_fault(q, &i->create.call.fault);
    else
        show(q, 201, NULL, i->url, str_c(i->create.link.email));
}

static struct str link_url(struct api_request *q, const char *token)
{
    char room[512];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    buf_add(&b, signin_of(q)->base_url);
    buf_printf(&b, "/join?token=%s", token);
    struct str url = arena_str(&q->arena, buf_view(&b));
    explicit_bzero(room, sizeof room);
    return url;
}

void people_invite(struct api_request *q)
{
    if (!may_manage(q) || !api_form(q))
        return;
    struct inviting *i = api_state(q, sizeof *i);
    char token[TICKET_CHARS + 1];
    if (!i)
        return;
    struct link *l = &i->create.link;
    if (signin_of(q)->signup == SIGNUP_CLOSED) {
        refuse(q, 403, "Sign-up is closed: nobody can be invited.");
        return;
    }
    form_text(q, STR("email"), l->email, sizeof l->email);
    if (!email_is_right(str_c(l->email))) {
        refuse(q, 400, "Type an e-mail address such as someone@example.com.");
        return;
    }
    if (!role_read(q, &l->role))
        return;
    l->kind = LINK_INVITATION;
    l->account_id = q->account_id;
    l->expires_ms = clock_wall_ms() + INVITED_MS;
    ticket_make(token, l->hash);
    i->url = link_url(q, token);
    i->create.mail = invitation_mail(q, l, i->url);
    explicit_bzero(token, sizeof token);
    api_audit(q, "user.invite", str_c(l->email), STR_NONE);
    api_store(q, &i->create.call, STORE_LINK_CREATE, on_invited);
}

static void on_withdrawn(struct api_request *q)
{
    struct store_link_delete *d = q->state;
    if (d->call.err != ERR_OK && d->call.err != ERR_NOT_FOUND)
        page_fault(q, &d->call.fault);
    else
        back(q);
}

void people_uninvite(struct api_request *q)
{
    if (!may_manage(q) || !api_form(q))
        return;
    struct store_link_delete *d = api_state(q, sizeof *d);
    if (!d)
        return;
    d->account_id = q->account_id;
    if (!form_id(q, STR("id"), &d->id)) {
        refuse(q, 400, "There is no such invitation.");
        return;
    }
    api_audit(q, "user.uninvite", text_i64(q, d->id), STR_NONE);
    api_store(q, &d->call, STORE_LINK_DELETE, on_withdrawn);
}
