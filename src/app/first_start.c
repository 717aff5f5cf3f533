#include "app/first_start.h"

#include <stdlib.h>

#include "app/master.h"
#include "app/rotation.h"
#include "store/calls_people.h"

/* Enough for a first look; the operator grants what the account shall have. */
#define FIRST_GRANT (10 * NANOS_PER_USD)
enum { CLAIM_MS = 24 * 3600 * 1000 };

static enum err submit(struct store *s, struct store_call *c, enum store_need need, struct fault *f)
{
    *c = (struct store_call){.need = need};
    store_submit(s, c);
    if (c->err != ERR_OK)
        *f = c->fault;
    return c->err;
}

static enum err has_keys(struct store *s, bool *out, struct fault *f)
{
    struct store_key_list list = {
        .include_disabled = true, .include_expired = true, .include_management = true, .limit = 1};
    enum err e = submit(s, &list.call, STORE_KEY_LIST, f);
    *out = e == ERR_OK && list.n > 0;
    store_key_list_release(&list);
    return e;
}

static enum err grant(struct store *s, const struct account *a, struct first_start *out,
                      struct fault *f)
{
    struct store_credit_grant g = {
        .account_id = a->id, .amount = FIRST_GRANT, .note = "first start"};
    if (a->granted > 0)
        return ERR_OK;
    out->granted = FIRST_GRANT;
    return submit(s, &g.call, STORE_CREDIT_GRANT, f);
}

static enum err make_key(const struct config *c, struct store *s, int64_t account_id,
                         struct first_start *out, struct fault *f)
{
    struct store_key_create create = {.key = {.limit = NO_LIMIT, .name = "first key"}};
    key_make(c->key_prefix, false, out->key, &create.key);
    create.key.account_id = account_id;
    out->made_key = true;
    return submit(s, &create.call, STORE_KEY_CREATE, f);
}

/* There is no default password: who reads the server's output is its owner. */
static enum err make_claim(struct store *s, struct first_start *out, struct fault *f)
{
    struct store_account_get get = {.create_first = true};
    struct store_link_create link = {.link = {.kind = LINK_CLAIM}};
    enum err e = submit(s, &get.call, STORE_ACCOUNT_GET, f);
    if (e != ERR_OK)
        return e;
    link.link.account_id = get.account.id;
    account_release(&get.account);
    link.link.expires_ms = clock_wall_ms() + CLAIM_MS;
    ticket_make(out->claim, link.link.hash);
    e = submit(s, &link.call, STORE_LINK_CREATE, f);
    out->has_claim = e == ERR_OK;
    return e == ERR_CONFLICT ? ERR_OK : e; /* it has an owner */
}

/* What an earlier version left in the queue as it was. */
static enum err seal_queued_mail(struct store *s, struct fault *f)
{
    struct seal_key master;
    struct master_vault vault;
    struct store_mail_seal seal = {.n = 0};
    enum err e = master_open(&master, s, f);
    if (e != ERR_OK)
        return e;
    master_vault_give(&vault, &master, s);
    e = submit(s, &seal.call, STORE_MAIL_SEAL, f);
    store_set_vault(s, NULL);
    seal_key_forget(&vault.key);
    seal_key_forget(&master);
    return e;
}

/* The first key that signs access tokens, sealed. */
static enum err make_signer(struct store *s, struct fault *f)
{
    struct seal_key master;
    struct signing_key ignored;
    enum err e = master_open(&master, s, f);
    if (e == ERR_OK)
        e = rotation_make(s, &master, false, NULL, &ignored, f);
    seal_key_forget(&master);
    return e;
}

enum err first_start(const struct config *c, struct first_start *out, struct fault *f)
{
    struct store_account_get get = {.create_first = true};
    bool present = false;
    *out = (struct first_start){0};
    struct store *s = store_open(c->data, STORE_DIRECT, f);
    if (!s)
        return f->err;
    enum err e = has_keys(s, &present, f);
    if (e == ERR_OK && !present) {
        e = submit(s, &get.call, STORE_ACCOUNT_GET, f);
        if (e == ERR_OK)
            e = grant(s, &get.account, out, f);
        if (e == ERR_OK)
            e = make_key(c, s, get.account.id, out, f);
    }
    account_release(&get.account);
    if (e == ERR_OK)
        e = make_claim(s, out, f);
    if (e == ERR_OK)
        e = seal_queued_mail(s, f);
    if (e == ERR_OK)
        e = make_signer(s, f);
    store_close(s);
    return e;
}
