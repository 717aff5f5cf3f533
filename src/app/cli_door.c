/* cli_door.c: turnpike ip ..., turnpike audit ..., turnpike account policy */
#include <stdio.h>
#include <stdlib.h>

#include "app/commands.h"
#include "base/cidr.h"

enum { DAYS_MAX = 36500 };
#define DAY_MS INT64_C(86400000)

/* --- the allow list --- */

static void write_entry(struct json_writer *w, const char *name, const struct ip_allow *r)
{
    char time[CLOCK_ISO_MAX];
    jw_object(w, name);
    jw_i64(w, "id", r->id);
    jw_str_c(w, "cidr", r->range);
    jw_str_c(w, "label", r->label[0] ? r->label : NULL);
    jw_str(w, "created_at", clock_iso(r->created_ms, time));
    jw_end(w);
}

int command_ip_add(const struct command_args *a)
{
    struct command_session s;
    struct store_ip_allow_add add = {.account_id = 0};
    struct account account;
    struct cidr c;
    struct str label = a->options[OPTION_LABEL];
    if (!cidr_parse(a->words[0], &c))
        return command_misused(a, "CIDR must be an address or a range such as 203.0.113.0/24 or "
                                  "2001:db8::/32, without bits behind its prefix");
    if (label.n > IP_LABEL_MAX)
        return command_misused(a, "--label must have at most %d bytes", IP_LABEL_MAX);
    struct str text = cidr_text(&c, add.row.range);
    add.row.range[text.n] = '\0';
    if (label.n)
        memcpy(add.row.label, label.p, label.n);
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_account(&s, a, &account);
    add.account_id = account.id;
    if (e == ERR_OK)
        e = command_call_audited(&s, &add.call, STORE_IP_ALLOW_ADD, account.id, "ip_allowlist.add",
                                 text, STR_NONE);
    jw_object(&s.json, NULL);
    write_entry(&s.json, "data", &add.row);
    return command_session_close(&s, e);
}

int command_ip_list(const struct command_args *a)
{
    struct command_session s;
    struct account account;
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    struct store_ip_allow_list *list = calloc(1, sizeof *list);
    enum err e = list ? command_account(&s, a, &account)
                      : fault_set(&s.fault, ERR_NOMEM, "no memory for a list");
    if (e == ERR_OK) {
        list->account_id = account.id;
        e = command_call(&s, &list->call, STORE_IP_ALLOW_LIST);
    }
    jw_object(&s.json, NULL);
    jw_array(&s.json, "data");
    for (size_t i = 0; e == ERR_OK && i < list->n; i++)
        write_entry(&s.json, NULL, &list->rows[i]);
    free(list);
    return command_session_close(&s, e);
}

int command_ip_delete(const struct command_args *a)
{
    struct command_session s;
    struct store_ip_allow_delete del = {.id = 0};
    struct account account;
    uint64_t id;
    if (!str_u64(a->words[0], INT64_MAX, &id))
        return command_misused(a, "ID must be a number, as 'ip list' shows it");
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_account(&s, a, &account);
    if (e == ERR_OK) {
        del.account_id = account.id;
        del.id = (int64_t)id;
        e = command_call_audited(&s, &del.call, STORE_IP_ALLOW_DELETE, account.id,
                                 "ip_allowlist.delete", a->words[0], STR_NONE);
    }
    jw_object(&s.json, NULL);
    jw_bool(&s.json, "deleted", true);
    return command_session_close(&s, e);
}

/* --- the policy --- */

static bool read_days(struct str s, int64_t *ms)
{
    uint64_t days = 0;
    bool is_none = str_eq(s, STR("none"));
    if (!is_none && (!str_u64(s, DAYS_MAX, &days) || days == 0))
        return false;
    *ms = (int64_t)days * DAY_MS;
    return true;
}

static enum err set_policy(struct command_session *s, int64_t account_id, int64_t ms)
{
    struct store_policy_set set = {.account_id = account_id, .key_lifetime_ms = ms};
    char detail[64] = "{\"max_key_lifetime_days\":null}";
    if (ms)
        snprintf(detail, sizeof detail, "{\"max_key_lifetime_days\":%lld}",
                 (long long)(ms / DAY_MS));
    return command_call_audited(s, &set.call, STORE_POLICY_SET, account_id, "policy.set",
                                STR("max_key_lifetime_days"), str_c(detail));
}

int command_account_policy(const struct command_args *a)
{
    struct command_session s;
    struct account account;
    struct str days = a->options[OPTION_MAX_KEY_LIFETIME];
    int64_t ms = 0;
    if (days.p && !read_days(days, &ms))
        return command_misused(a, "--max-key-lifetime must be none or days from 1 to %d", DAYS_MAX);
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_account(&s, a, &account);
    if (e == ERR_OK && !days.p)
        ms = account.key_lifetime_ms;
    else if (e == ERR_OK)
        e = set_policy(&s, account.id, ms);
    jw_object(&s.json, NULL);
    jw_object(&s.json, "data");
    if (ms)
        jw_i64(&s.json, "max_key_lifetime_days", ms / DAY_MS);
    else
        jw_null(&s.json, "max_key_lifetime_days");
    return command_session_close(&s, e);
}

/* --- the audit log --- */

static void write_act(struct json_writer *w, const struct audit_row *r)
{
    char time[CLOCK_ISO_MAX];
    jw_object(w, NULL);
    jw_i64(w, "id", r->id);
    jw_i64(w, "account", r->audit.account_id);
    jw_str(w, "created_at", clock_iso(r->at_ms, time));
    jw_str(w, "action", r->audit.action);
    jw_str(w, "target", r->audit.target);
    jw_str(w, "actor", r->audit.actor);
    jw_str(w, "actor_label", r->audit.label);
    jw_str(w, "address", r->audit.from);
    jw_raw(w, "detail", r->audit.detail);
    jw_end(w);
}

static enum err list_acts(struct command_session *s, const struct command_args *a,
                          struct store_audit_list *l)
{
    struct account account = {.id = 0};
    enum err e = a->options[OPTION_ACCOUNT].n ? command_account(s, a, &account) : ERR_OK;
    if (e != ERR_OK)
        return e;
    l->account_id = account.id;
    l->action = a->options[OPTION_ACTION];
    l->target = a->options[OPTION_TARGET];
    return command_call(s, &l->call, STORE_AUDIT_LIST);
}

int command_audit_list(const struct command_args *a)
{
    struct command_session s;
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    struct store_audit_list *l = calloc(1, sizeof *l);
    enum err e =
        l ? list_acts(&s, a, l) : fault_set(&s.fault, ERR_NOMEM, "no memory for the audit log");
    jw_object(&s.json, NULL);
    jw_array(&s.json, "data");
    for (size_t i = 0; e == ERR_OK && i < l->n; i++)
        write_act(&s.json, &l->rows[i]);
    if (l)
        store_audit_list_release(l);
    free(l);
    return command_session_close(&s, e);
}
