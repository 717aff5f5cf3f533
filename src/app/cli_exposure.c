/* cli_exposure.c: turnpike exposure ... */
#include <stdlib.h>

#include "app/commands.h"
#include "auth/exposure.h"

static enum err list(struct command_session *s, const struct command_args *a,
                     struct store_exposure_list *l)
{
    struct account account;
    enum err e = ERR_OK;
    if (a->options[OPTION_ACCOUNT].p) {
        e = command_account(s, a, &account);
        l->account_id = account.id;
    }
    if (e == ERR_OK)
        e = command_call(s, &l->call, STORE_EXPOSURE_LIST);
    jw_object(&s->json, NULL);
    jw_array(&s->json, "data");
    for (size_t i = 0; e == ERR_OK && i < l->n; i++)
        exposure_write_json(&s->json, &l->rows[i]);
    store_exposure_list_release(l);
    return e;
}

int command_exposure_list(const struct command_args *a)
{
    struct command_session s;
    struct store_exposure_list *l = calloc(1, sizeof *l);
    int status = l ? command_session_open(&s, a) : EXIT_FAILED;
    if (status == EXIT_DONE)
        status = command_session_close(&s, list(&s, a, l));
    free(l);
    return status;
}

static enum err policy(struct command_session *s, const struct command_args *a,
                       struct store_exposure_policy *p, bool sets)
{
    struct account account;
    const char *name = exposure_policy_name(p->policy);
    enum err e = command_account(s, a, &account);
    p->account_id = account.id;
    if (e == ERR_OK && sets)
        e = command_call_audited(s, &p->call, STORE_EXPOSURE_POLICY_SET, account.id,
                                 "exposures.policy", str_c(name ? name : "default"), STR_NONE);
    if (e == ERR_OK)
        e = command_call(s, &p->call, STORE_EXPOSURE_POLICY_GET);
    enum exposure_policy otherwise =
        (enum exposure_policy)(s->config.exposure_choice + EXPOSURE_NOTIFY);
    jw_object(&s->json, NULL);
    jw_object(&s->json, "data");
    jw_str_c(&s->json, "policy", exposure_policy_name(p->policy));
    jw_str_c(&s->json, "in_force",
             exposure_policy_name(p->policy == EXPOSURE_DEFAULT ? otherwise : p->policy));
    return e;
}

int command_exposure_policy(const struct command_args *a)
{
    struct command_session s;
    struct store_exposure_policy p = {.account_id = 0};
    bool sets = a->words_n > 0;
    if (sets && !str_eq(a->words[0], STR("default")) &&
        !exposure_policy_parse(a->words[0], &p.policy))
        return command_misused(a, "POLICY must be notify, disable, delete or default");
    int status = command_session_open(&s, a);
    return status == EXIT_DONE ? command_session_close(&s, policy(&s, a, &p, sets)) : status;
}
