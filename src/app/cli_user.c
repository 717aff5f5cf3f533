/* cli_user.c: turnpike user ...: who may sign in, and a way back for who is locked out. */
#include <stdio.h>
#include <stdlib.h>

#include "app/base_url.h"
#include "app/commands.h"
#include "auth/ticket.h"
#include "store/calls_people.h"

enum { LINK_MS = 3600 * 1000 };

static void write_user(struct json_writer *w, const char *name, const struct user *u)
{
    char time[CLOCK_ISO_MAX];
    jw_object(w, name);
    jw_i64(w, "id", u->id);
    jw_str_c(w, "email", u->email);
    jw_str_c(w, "role", role_name(u->role));
    jw_bool(w, "disabled", u->disabled);
    jw_bool(w, "has_password", u->password[0] != '\0');
    jw_str(w, "created_at", clock_iso(u->created_ms, time));
    jw_end(w);
}

/* --- listing --- */

static enum err list_account(struct command_session *s, int64_t account_id)
{
    struct store_user_list list = {.account_id = account_id};
    enum err e = command_call(s, &list.call, STORE_USER_LIST);
    for (size_t i = 0; e == ERR_OK && i < list.n; i++)
        write_user(&s->json, NULL, &list.users[i]);
    if (list.n)
        explicit_bzero(list.users, list.n * sizeof *list.users); /* passwords' hashes */
    free(list.users);
    return e;
}

static enum err list_all(struct command_session *s)
{
    struct store_account_list accounts = {.n = 0};
    enum err e = command_call(s, &accounts.call, STORE_ACCOUNT_LIST);
    for (size_t i = 0; e == ERR_OK && i < accounts.n; i++)
        e = list_account(s, accounts.accounts[i].id);
    free(accounts.accounts);
    return e;
}

int command_user_list(const struct command_args *a)
{
    struct command_session s;
    struct account account;
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    jw_object(&s.json, NULL);
    jw_array(&s.json, "data");
    enum err e = ERR_OK;
    if (!a->options[OPTION_ACCOUNT].p)
        e = list_all(&s);
    else if ((e = command_account(&s, a, &account)) == ERR_OK)
        e = list_account(&s, account.id);
    return command_session_close(&s, e);
}

/* --- one user --- */

static int open_for(struct command_session *s, const struct command_args *a,
                    struct store_user_get *get)
{
    if (!email_is_right(a->words[0]))
        return command_misused(a, "EMAIL must be an address such as someone@example.com");
    memcpy(get->user.email, a->words[0].p, a->words[0].n);
    return command_session_open(s, a);
}

static int set_disabled(const struct command_args *a, bool disabled)
{
    struct command_session s;
    struct store_user_get get = {.id = 0};
    struct store_user_change c = {.set_disabled = true, .user.disabled = disabled};
    int status = open_for(&s, a, &get);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_call(&s, &get.call, STORE_USER_GET);
    c.id = get.user.id;
    c.account_id = get.user.account_id;
    c.disables_keys = disabled && a->options[OPTION_KEYS].p;
    snprintf(c.creator, sizeof c.creator, "user_%lld", (long long)c.id);
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)c.id);
    if (e == ERR_OK)
        e = command_call_audited(&s, &c.call, STORE_USER_CHANGE, c.account_id,
                                 disabled ? "user.disable" : "user.enable", str_c(id),
                                 c.disables_keys ? STR("{\"keys\":true}") : STR_NONE);
    jw_object(&s.json, NULL);
    write_user(&s.json, "data", &c.user);
    explicit_bzero(get.user.password, sizeof get.user.password);
    explicit_bzero(c.user.password, sizeof c.user.password);
    return command_session_close(&s, e);
}

int command_user_disable(const struct command_args *a)
{
    return set_disabled(a, true);
}

int command_user_enable(const struct command_args *a)
{
    return set_disabled(a, false);
}

/* --- the way back --- */

static enum err make_link(struct command_session *s, const struct user *u,
                          struct store_link_create *create, char token[TICKET_CHARS + 1])
{
    char id[24];
    if (u->disabled)
        return fault_set(&s->fault, ERR_FORBIDDEN, "this user is disabled: turnpike user enable %s",
                         u->email);
    snprintf(id, sizeof id, "%lld", (long long)u->id);
    create->link = (struct link){.kind = LINK_RESET,
                                 .account_id = u->account_id,
                                 .user_id = u->id,
                                 .expires_ms = clock_wall_ms() + LINK_MS};
    memcpy(create->link.email, u->email, sizeof u->email);
    ticket_make(token, create->link.hash);
    return command_call_audited(s, &create->call, STORE_LINK_CREATE, u->account_id, "user.link",
                                str_c(id), STR_NONE);
}

static void write_link(struct command_session *s, const struct link *l, const char *token)
{
    char base[BASE_URL_MAX], url[BASE_URL_MAX + TICKET_CHARS + 32], time[CLOCK_ISO_MAX];
    struct str at = base_url_write(&s->config, s->config.listen_port, base);
    snprintf(url, sizeof url, "%.*s/reset?token=%s", STR_ARG(at), token);
    jw_object(&s->json, NULL);
    jw_str_c(&s->json, "link", url);
    jw_str(&s->json, "expires_at", clock_iso(l->expires_ms, time));
    explicit_bzero(url, sizeof url);
}

int command_user_link(const struct command_args *a)
{
    struct command_session s;
    struct store_user_get get = {.id = 0};
    struct store_link_create create = {.mail = NULL};
    char token[TICKET_CHARS + 1] = "";
    int status = open_for(&s, a, &get);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_call(&s, &get.call, STORE_USER_GET);
    if (e == ERR_OK)
        e = make_link(&s, &get.user, &create, token);
    if (e == ERR_OK)
        write_link(&s, &create.link, token);
    explicit_bzero(token, sizeof token);
    explicit_bzero(get.user.password, sizeof get.user.password);
    return command_session_close(&s, e);
}
