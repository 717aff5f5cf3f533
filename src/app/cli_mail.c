/* cli_mail.c: turnpike mail ... */
#include "app/commands.h"
#include "store/calls_mail.h"

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
        e = command_call(&s, &add.call, STORE_MAIL_ADD);
    if (e == ERR_OK) {
        jw_object(&s.json, NULL);
        jw_i64(&s.json, "queued", add.id);
    }
    return command_session_close(&s, e);
}
