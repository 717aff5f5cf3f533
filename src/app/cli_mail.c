/* cli_mail.c: turnpike mail ... */
#include "app/commands.h"
#include "app/master.h"
#include "store/calls_mail.h"

static enum err queue(struct command_session *s, struct store_mail_add *add)
{
    struct seal_key master;
    struct master_vault vault;
    enum err e = master_open(&master, s->store, &s->fault);
    if (e != ERR_OK)
        return e;
    master_vault_give(&vault, &master, s->store);
    e = command_call(s, &add->call, STORE_MAIL_ADD);
    store_set_vault(s->store, NULL);
    seal_key_forget(&vault.key);
    seal_key_forget(&master);
    return e;
}

int command_mail_test(const struct command_args *a)
{
    struct command_session s;
    struct store_mail_add add = {0};
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    enum err e = ERR_OK;
    if (!s.config.mail_smtp.n)
        e = fault_set(&s.fault, ERR_INVALID,
                      "no mail server is configured: set mail.smtp and mail.from");
    add.mail = (struct mail){.to = a->words[0],
                             .subject = STR("Mail from Turnpike works"),
                             .text = STR("This is a test: Turnpike can send you mail.\n")};
    if (e == ERR_OK)
        e = queue(&s, &add);
    if (e == ERR_OK) {
        jw_object(&s.json, NULL);
        jw_i64(&s.json, "queued", add.id);
    }
    return command_session_close(&s, e);
}
