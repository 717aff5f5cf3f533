/* cli_session.c: what commands share: a configuration, a store, an answer. */
#include <stdio.h>

#include "app/commands.h"

enum { ANSWER_MAX = 256 * 1024 * 1024 };

int command_failed(const struct fault *f)
{
    fprintf(stderr, "turnpike: %s\n", f->message);
    /* A sentence about a flag is about how we were called. */
    return str_starts(str_c(f->message), STR("--")) ? EXIT_MISUSED : EXIT_FAILED;
}

int command_print(struct buf *out)
{
    int status = EXIT_DONE;
    if (out->failed != ERR_OK) {
        fprintf(stderr, "turnpike: no memory for the answer\n");
        status = EXIT_FAILED;
    } else if (fwrite(out->p, 1, out->n, stdout) != out->n || fflush(stdout) != 0) {
        fprintf(stderr, "turnpike: cannot write to standard output\n");
        status = EXIT_FAILED;
    }
    if (out->n)
        explicit_bzero(out->p, out->n); /* it may be a key */
    buf_release(out);
    return status;
}

int command_session_open(struct command_session *s, const struct command_args *a)
{
    struct config_flags flags = a->flags;
    flags.settings_only = true;
    *s = (struct command_session){.store = NULL};
    if (config_load(&s->config, &flags, &s->fault) != ERR_OK)
        return command_failed(&s->fault);
    log_set_level(s->config.log_level);
    s->store = store_open(s->config.data, STORE_DIRECT, &s->fault);
    if (!s->store) {
        config_release(&s->config);
        return command_failed(&s->fault);
    }
    buf_init(&s->out, ANSWER_MAX);
    json_writer_init(&s->json, &s->out);
    return EXIT_DONE;
}

static enum err call(struct command_session *s, struct store_call *c, enum store_need need,
                     const struct audit *audit)
{
    *c = (struct store_call){.need = need, .audit = audit};
    store_submit(s->store, c);
    if (c->err != ERR_OK)
        s->fault = c->fault;
    return c->err;
}

enum err command_call(struct command_session *s, struct store_call *c, enum store_need need)
{
    return call(s, c, need, NULL);
}

enum err command_call_audited(struct command_session *s, struct store_call *c, enum store_need need,
                              int64_t account_id, const char *action, struct str target,
                              struct str detail)
{
    struct audit a = {.account_id = account_id,
                      .actor = STR("cli"),
                      .label = STR("command line"),
                      .action = str_c(action),
                      .target = target,
                      .detail = detail};
    return call(s, c, need, &a);
}

enum err command_account(struct command_session *s, const struct command_args *a,
                         struct account *out)
{
    struct store_account_get get = {.create_first = true};
    struct str email = a->options[OPTION_ACCOUNT];
    if (email.n > EMAIL_MAX)
        return fault_set(&s->fault, ERR_NOT_FOUND, "there is no account with so long an address");
    if (email.n)
        memcpy(get.account.email, email.p, email.n);
    enum err e = command_call(s, &get.call, STORE_ACCOUNT_GET);
    account_release(&get.account);
    if (e == ERR_OK)
        *out = get.account;
    return e;
}

int command_session_close(struct command_session *s, enum err e)
{
    store_close(s->store);
    config_release(&s->config);
    if (e != ERR_OK) {
        buf_release(&s->out);
        return command_failed(&s->fault);
    }
    jw_finish(&s->json);
    buf_add(&s->out, STR("\n"));
    return command_print(&s->out);
}
