/* cli_account.c: turnpike account ..., turnpike credit ... */
#include <stdlib.h>

#include "app/commands.h"

static void write_account(struct json_writer *w, const char *name, const struct account *account)
{
    char created[CLOCK_ISO_MAX];
    jw_object(w, name);
    jw_str_c(w, "email", account->email);
    jw_bool(w, "disabled", account->disabled);
    jw_usd(w, "total_credits", account->granted);
    jw_usd(w, "total_usage", account->usage.in[WINDOW_NONE]);
    jw_str(w, "created_at", clock_iso(account->created_ms, created));
    jw_end(w);
}

static int close_with_account(struct command_session *s, enum err e, const struct account *account)
{
    if (e == ERR_OK) {
        jw_object(&s->json, NULL);
        write_account(&s->json, "data", account);
    }
    return command_session_close(s, e);
}

/* --- accounts --- */

static int open_for_email(struct command_session *s, const struct command_args *a,
                          char email[EMAIL_MAX + 1])
{
    if (!email_is_right(a->words[0]))
        return command_misused(a, "EMAIL must be an address such as someone@example.com");
    memcpy(email, a->words[0].p, a->words[0].n);
    return command_session_open(s, a);
}

int command_account_create(const struct command_args *a)
{
    struct command_session s;
    struct store_account_create create = {.account = {.id = 0}};
    int status = open_for_email(&s, a, create.account.email);
    if (status != EXIT_DONE)
        return status;
    char email[EMAIL_MAX + 1];
    memcpy(email, create.account.email, sizeof email);
    enum err e = command_call_audited(&s, &create.call, STORE_ACCOUNT_CREATE, 0, "account.create",
                                      str_c(email), STR_NONE);
    return close_with_account(&s, e, &create.account);
}

int command_account_list(const struct command_args *a)
{
    struct command_session s;
    struct store_account_list list = {.n = 0};
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_call(&s, &list.call, STORE_ACCOUNT_LIST);
    jw_object(&s.json, NULL);
    jw_array(&s.json, "data");
    for (size_t i = 0; e == ERR_OK && i < list.n; i++)
        write_account(&s.json, NULL, &list.accounts[i]);
    free(list.accounts);
    return command_session_close(&s, e);
}

static int set_disabled(const struct command_args *a, bool disabled)
{
    struct command_session s;
    struct store_account_disable set = {.disabled = disabled};
    struct store_account_get get = {.id = 0};
    int status = open_for_email(&s, a, set.email);
    if (status != EXIT_DONE)
        return status;
    memcpy(get.account.email, set.email, sizeof set.email);
    enum err e = command_call(&s, &get.call, STORE_ACCOUNT_GET);
    if (e == ERR_OK)
        e = command_call_audited(&s, &set.call, STORE_ACCOUNT_DISABLE, get.account.id,
                                 disabled ? "account.disable" : "account.enable", str_c(set.email),
                                 STR_NONE);
    get.account.disabled = disabled;
    account_release(&get.account);
    return close_with_account(&s, e, &get.account);
}

int command_account_disable(const struct command_args *a)
{
    return set_disabled(a, true);
}

int command_account_enable(const struct command_args *a)
{
    return set_disabled(a, false);
}

/* --- credit --- */

static enum err grant(struct command_session *s, const struct command_args *a,
                      struct store_credit_grant *g)
{
    enum err e = command_account(s, a, &g->account);
    g->account_id = g->account.id;
    char room[64];
    struct buf detail = {.p = room, .cap = sizeof room, .max = sizeof room};
    if (e != ERR_OK)
        return e;
    buf_add(&detail, STR("{\"usd\":"));
    money_add_usd(&detail, g->amount);
    buf_add(&detail, STR("}"));
    return command_call_audited(s, &g->call, STORE_CREDIT_GRANT, g->account_id, "credit.grant",
                                str_c(g->account.email), buf_view(&detail));
}

int command_credit_grant(const struct command_args *a)
{
    struct command_session s;
    struct store_credit_grant g = {.account_id = 0};
    struct str note = a->options[OPTION_NOTE];
    if (!money_parse_usd(a->words[0], &g.amount) || g.amount == 0)
        return command_misused(
            a,
            "USD must be dollars above zero such as 25 or 0.5, with at most nine digits after the "
            "point");
    if (note.n >= sizeof g.note)
        return command_misused(a, "--note must have at most %zu bytes", sizeof g.note - 1);
    if (note.n)
        memcpy(g.note, note.p, note.n);
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    enum err e = grant(&s, a, &g);
    return close_with_account(&s, e, &g.account);
}

int command_credit_show(const struct command_args *a)
{
    struct command_session s;
    struct account account;
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_account(&s, a, &account);
    return close_with_account(&s, e, &account);
}
