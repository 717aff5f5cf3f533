/* cli_federation.c: turnpike federation ... */
#include <stdio.h>
#include <stdlib.h>

#include "app/commands.h"
#include "app/master.h"
#include "app/rotation.h"
#include "auth/federation.h"
#include "base/codec.h"

enum { BODY_MAX = 64 * 1024, DETAIL_MAX = 16 * 1024, NODES_MAX = 256 };

/* --- add --- */

static void write_option(struct json_writer *w, const char *name, struct str value)
{
    if (value.p)
        jw_str(w, name, value);
}

/* What the API takes, of the options: so both read it in the same way. */
static enum err write_body(const struct command_args *a, struct buf *out)
{
    struct json_writer w;
    struct str claims = a->options[OPTION_CLAIMS], life = a->options[OPTION_MAX_LIFETIME];
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    write_option(&w, "name", a->options[OPTION_NAME]);
    write_option(&w, "issuer", a->options[OPTION_ISSUER]);
    write_option(&w, "jwks_url", a->options[OPTION_JWKS_URL]);
    write_option(&w, "audience", a->options[OPTION_AUDIENCE]);
    write_option(&w, "subject", a->options[OPTION_SUBJECT]);
    write_option(&w, "key", a->options[OPTION_KEY]);
    if (claims.p)
        jw_raw(&w, "claims", claims);
    if (life.p)
        jw_raw(&w, "max_lifetime_seconds", life);
    return jw_finish(&w);
}

static enum err read_body(const struct command_args *a, struct federation *out, struct fault *f)
{
    struct buf body;
    struct json_tape tape;
    struct json root;
    struct fault ignored;
    buf_init(&body, BODY_MAX);
    json_tape_init(&tape, NODES_MAX);
    enum err e = write_body(a, &body) == ERR_OK &&
                         json_parse(&tape, buf_view(&body), &root, &ignored) == ERR_OK &&
                         json_refuse_duplicates(root, &ignored) == ERR_OK
                     ? federation_read(root, true, out, f)
                     : fault_set(f, ERR_INVALID,
                                 "claims: expected a JSON object; max_lifetime_seconds: a number");
    json_tape_release(&tape);
    buf_release(&body);
    return e;
}

static enum err add(struct command_session *s, const struct command_args *a)
{
    struct store_federation_add add = {.row = {.account_id = 0}};
    struct account account;
    struct buf detail;
    struct json_writer w;
    enum err e = read_body(a, &add.row, &s->fault);
    if (e == ERR_OK)
        e = command_account(s, a, &account);
    if (e != ERR_OK)
        return e;
    add.row.account_id = account.id;
    federation_id_make(add.row.id);
    buf_init(&detail, DETAIL_MAX);
    json_writer_init(&w, &detail);
    federation_write_json(&w, NULL, &add.row);
    e = jw_finish(&w);
    if (e == ERR_OK)
        e = command_call_audited(s, &add.call, STORE_FEDERATION_ADD, account.id,
                                 "federation.create", str_c(add.row.id), buf_view(&detail));
    buf_release(&detail);
    jw_object(&s->json, NULL);
    federation_write_json(&s->json, "data", &add.row);
    return e;
}

int command_federation_add(const struct command_args *a)
{
    static const enum option needed[] = {OPTION_NAME, OPTION_ISSUER, OPTION_AUDIENCE, OPTION_KEY};
    static const char *const names[] = {"--name", "--issuer", "--audience", "--key"};
    struct command_session s;
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        if (!a->options[needed[i]].p)
            return command_misused(a, "%s is missing", names[i]);
    }
    int status = command_session_open(&s, a);
    return status == EXIT_DONE ? command_session_close(&s, add(&s, a)) : status;
}

/* --- looking --- */

static enum err list(struct command_session *s, const struct command_args *a)
{
    struct store_federation_list l = {.account_id = 0};
    struct account account;
    enum err e = ERR_OK;
    if (a->options[OPTION_ACCOUNT].p) {
        e = command_account(s, a, &account);
        l.account_id = account.id;
    }
    if (e == ERR_OK)
        e = command_call(s, &l.call, STORE_FEDERATION_LIST);
    jw_object(&s->json, NULL);
    jw_array(&s->json, "data");
    for (size_t i = 0; e == ERR_OK && i < l.n; i++)
        federation_write_json(&s->json, NULL, &l.rows[i]);
    store_federation_list_release(&l);
    return e;
}

int command_federation_list(const struct command_args *a)
{
    struct command_session s;
    int status = command_session_open(&s, a);
    return status == EXIT_DONE ? command_session_close(&s, list(&s, a)) : status;
}

static bool id_word(const struct command_args *a, char out[FEDERATION_ID_CHARS + 1])
{
    bool is_right = federation_id_is_right(a->words[0]);
    if (is_right)
        memcpy(out, a->words[0].p, FEDERATION_ID_CHARS);
    return is_right;
}

static int misused_id(const struct command_args *a)
{
    return command_misused(a, "ID must be a policy's, as 'federation list' shows it");
}

int command_federation_show(const struct command_args *a)
{
    struct command_session s;
    struct store_federation_get get = {.account_id = 0};
    if (!id_word(a, get.id))
        return misused_id(a);
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    enum err e = command_call(&s, &get.call, STORE_FEDERATION_GET);
    jw_object(&s.json, NULL);
    federation_write_json(&s.json, "data", &get.row);
    return command_session_close(&s, e);
}

/* --- changing --- */

/* Whose it is: the audit log is each account's own. */
static enum err account_of(struct command_session *s, const char *id, int64_t *account_id)
{
    struct store_federation_get get = {.account_id = 0};
    memcpy(get.id, id, sizeof get.id);
    enum err e = command_call(s, &get.call, STORE_FEDERATION_GET);
    *account_id = get.row.account_id;
    return e;
}

static enum err set_disabled(struct command_session *s, struct store_federation_change *c)
{
    int64_t account_id;
    enum err e = account_of(s, c->id, &account_id);
    if (e == ERR_OK)
        e = command_call_audited(
            s, &c->call, STORE_FEDERATION_CHANGE, account_id, "federation.update", str_c(c->id),
            c->row.disabled ? STR("{\"enabled\":false}") : STR("{\"enabled\":true}"));
    jw_object(&s->json, NULL);
    federation_write_json(&s->json, "data", &c->row);
    return e;
}

static int change(const struct command_args *a, bool disabled)
{
    struct command_session s;
    struct store_federation_change c = {.fields = FEDERATION_SET_DISABLED,
                                        .row.disabled = disabled};
    if (!id_word(a, c.id))
        return misused_id(a);
    int status = command_session_open(&s, a);
    return status == EXIT_DONE ? command_session_close(&s, set_disabled(&s, &c)) : status;
}

int command_federation_disable(const struct command_args *a)
{
    return change(a, true);
}

int command_federation_enable(const struct command_args *a)
{
    return change(a, false);
}

int command_federation_delete(const struct command_args *a)
{
    struct command_session s;
    struct store_federation_delete d = {.account_id = 0};
    int64_t account_id;
    if (!id_word(a, d.id))
        return misused_id(a);
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    enum err e = account_of(&s, d.id, &account_id);
    if (e == ERR_OK)
        e = command_call_audited(&s, &d.call, STORE_FEDERATION_DELETE, account_id,
                                 "federation.delete", str_c(d.id), STR_NONE);
    jw_object(&s.json, NULL);
    jw_bool(&s.json, "deleted", true);
    return command_session_close(&s, e);
}

/* --- the keys that sign --- */

/* Of no account: it is the whole instance's. */
static const struct audit rotated = {.actor = STR_INIT("cli"),
                                     .label = STR_INIT("command line"),
                                     .action = STR_INIT("federation.rotate")};

int command_federation_rotate(const struct command_args *a)
{
    struct command_session s;
    struct seal_key master;
    struct signing_key k = {.id = 0};
    char time[CLOCK_ISO_MAX];
    int status = command_session_open(&s, a);
    if (status != EXIT_DONE)
        return status;
    enum err e = master_open(&master, s.store, &s.fault);
    if (e == ERR_OK)
        e = rotation_make(s.store, &master, true, &rotated, &k, &s.fault);
    seal_key_forget(&master);
    jw_object(&s.json, NULL);
    jw_object(&s.json, "data");
    jw_str_c(&s.json, "kid", k.kid);
    jw_str(&s.json, "created_at", clock_iso(k.created_ms, time));
    return command_session_close(&s, e);
}
