/* account_keys.c: keys made and changed by form. A member reaches only what they made; nobody
 * reaches another account's. */
#include "api/account_page.h"

#include <stdio.h>

#include "auth/key.h"
#include "auth/key_json.h"
#include "base/codec.h"

enum { DAY_MS = 24 * 3600 * 1000, DAYS_MAX = 36500 };

const char *bounds_read(struct api_request *q, struct key *k)
{
    struct str limit = str_trim(api_form_value(q, STR("limit")));
    struct str reset = api_form_value(q, STR("reset")), expires = api_form_value(q, STR("expires"));
    uint64_t days;
    k->limit = NO_LIMIT;
    k->reset = WINDOW_NONE;
    k->expires_ms = 0;
    if (limit.n && !money_parse_usd(limit, &k->limit))
        return "The limit must be dollars such as 25 or 0.5, or empty.";
    if (reset.n && !window_parse(reset, &k->reset))
        return "The limit starts anew daily, weekly, monthly or never.";
    if (expires.n && (!str_u64(expires, DAYS_MAX, &days) || days == 0))
        return "The key expires in a whole number of days, or never.";
    if (expires.n)
        k->expires_ms = clock_wall_ms() + (int64_t)days * DAY_MS;
    return NULL;
}

/* --- making --- */

struct making {
    struct store_key_create create;
    char text[KEY_TEXT_MAX + 1];
};

static void wipe(void *making)
{
    explicit_bzero(((struct making *)making)->text, KEY_TEXT_MAX);
}

static void on_made(struct api_request *q)
{
    struct making *m = q->state;
    if (m->create.call.err != ERR_OK)
        page_fault(q, &m->create.call.fault);
    else
        account_show(q, 201, str_c(m->text), NULL);
}

void account_keys_create(struct api_request *q)
{
    if (!page_is_signed_in(q) || !api_form(q))
        return;
    struct making *m = api_state(q, sizeof *m);
    if (!m)
        return;
    struct key *k = &m->create.key;
    const char *problem = bounds_read(q, k);
    bool is_management = str_eq(api_form_value(q, STR("kind")), STR("management"));
    if (!form_text(q, STR("name"), k->name, sizeof k->name) || !k->name[0]) {
        account_show(q, 400, STR_NONE, "A key needs a name of at most 255 bytes.");
    } else if (problem) {
        account_show(q, 400, STR_NONE, problem);
    } else if (is_management && q->person->role == ROLE_MEMBER) {
        account_show(q, 403, STR_NONE, "Members cannot make management keys.");
    } else if (!arena_defer(&q->arena, wipe, m)) {
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    } else {
        k->account_id = q->account_id;
        snprintf(k->creator, sizeof k->creator, "%s", api_creator(q));
        key_make(q->api->w->shared->key_prefix, is_management, m->text, k);
        api_audit_key(q, "key.create", k);
        api_store(q, &m->create.call, STORE_KEY_CREATE, on_made);
    }
}

/* --- changing --- */

struct changing {
    struct store_key_get get;
    struct store_key_update update;
    struct store_key_delete delete;
    struct key to;
    bool deletes;
};

static void release(void *changing)
{
    struct changing *c = changing;
    store_key_get_release(&c->get);
    key_release(&c->update.key);
}

static void back(struct api_request *q)
{
    struct changing *c = q->state;
    /* after every worker has let go of the old row, so that none brings its limit back */
    if (!c->deletes)
        ledger_key(q->api->w->shared->ledger, &c->update.key, c->get.line);
    page_see_other(q,
                   c->get.key.origin == KEY_OF_APP ? STR("/account#apps") : STR("/account#keys"));
}

static void forget(struct api *a, void *hash)
{
    gate_forget_key(a->w->gate, hash);
}

static void on_changed(struct api_request *q)
{
    struct changing *c = q->state;
    const struct store_call *call = c->deletes ? &c->delete.call : &c->update.call;
    if (call->err != ERR_OK)
        page_fault(q, &call->fault);
    else
        api_everywhere(q, forget, c->get.hash, back);
}

static void refuse(struct api_request *q)
{
    account_show(q, 404, STR_NONE, "There is no such key among those that you may change.");
}

static bool is_reachable(struct api_request *q, const struct key *k)
{
    const char *creator = api_only_creator(q);
    return k->account_id == q->account_id &&
           (!creator || (str_eq(str_c(creator), str_c(k->creator)) && !k->is_management));
}

static void audit_change(struct api_request *q, const struct key *k, bool disabled)
{
    char hex[2 * KEY_HASH_BYTES], room[KEY_DISABLED_ROOM];
    hex_encode(hex, k->hash, KEY_HASH_BYTES);
    api_audit(q, "key.update", str_of(hex, sizeof hex), key_disabled_text(k, disabled, room));
}

static void on_found(struct api_request *q)
{
    struct changing *c = q->state;
    struct key *k = &c->get.key;
    if (c->get.call.err != ERR_OK && c->get.call.err != ERR_NOT_FOUND) {
        page_fault(q, &c->get.call.fault);
    } else if (c->get.call.err != ERR_OK || !is_reachable(q, k)) {
        refuse(q);
    } else if (c->deletes) {
        c->delete.account_id = q->account_id;
        memcpy(c->delete.hash, c->get.hash, KEY_HASH_BYTES);
        api_audit_key(q, "key.delete", k);
        api_store(q, &c->delete.call, STORE_KEY_DELETE, on_changed);
    } else {
        c->update.account_id = q->account_id;
        c->update.fields = KEY_SET_DISABLED;
        c->update.to = &c->to;
        memcpy(c->update.hash, c->get.hash, KEY_HASH_BYTES);
        audit_change(q, k, c->to.disabled);
        api_store(q, &c->update.call, STORE_KEY_UPDATE, on_changed);
    }
}

void account_keys_change(struct api_request *q)
{
    if (!page_is_signed_in(q) || !api_form(q))
        return;
    struct changing *c = api_state(q, sizeof *c);
    if (!c)
        return;
    struct str what = api_form_value(q, STR("do"));
    c->deletes = str_eq(what, STR("delete"));
    c->to.disabled = str_eq(what, STR("disable"));
    bool is_known = c->deletes || c->to.disabled || str_eq(what, STR("enable"));
    if (!is_known || !hex_decode(c->get.hash, KEY_HASH_BYTES, api_form_value(q, STR("hash"))))
        refuse(q);
    else if (!arena_defer(&q->arena, release, c))
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    else
        api_store(q, &c->get.call, STORE_KEY_GET, on_found);
}
