/* keys.c: keys of an account, for those who manage it. */
#include "api/key_fields.h"

#include <stdio.h>

#include "auth/key.h"
#include "auth/key_json.h"
#include "auth/rules.h"
#include "base/codec.h"

enum { PAGE = 100, DETAIL_MAX = 64 * 1024 };

/* --- what is shown --- */

/* The ledger's own figures where it has them: the store's come a moment later. */
static void take_usage(struct api_request *q, struct key *k, int64_t now_ms)
{
    struct budget *b = ledger_find_key(q->api->w->shared->ledger, k->id);
    struct budget_view v;
    if (!b)
        return;
    budget_view(b, now_ms, &v);
    k->usage = v.usage;
}

static void key_write(struct api_request *q, struct json_writer *w, const char *name, struct key *k)
{
    int64_t now_ms = clock_wall_ms();
    take_usage(q, k, now_ms);
    key_write_json(w, name, k, now_ms);
}

static void show_key(struct api_request *q, struct key *k)
{
    struct json_writer w;
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    key_write(q, &w, "data", k);
    jw_finish(&w);
    api_reply_buf(q, 200);
}

static void refuse_key(struct api_request *q)
{
    api_refuse(q, ERR_NOT_FOUND, "There is no key with this hash in the account");
}

/* Management keys are the command line's and the pages' business; what is another account's is not
 * there; a member has only what they made. */
static bool is_visible(struct api_request *q, const struct key *k)
{
    const char *creator = api_only_creator(q);
    return k->account_id == q->account_id && !k->is_management &&
           (!creator || str_eq(str_c(creator), str_c(k->creator)));
}

static bool hash_param(struct api_request *q, uint8_t hash[KEY_HASH_BYTES])
{
    if (hex_decode(hash, KEY_HASH_BYTES, q->params[0]))
        return true;
    refuse_key(q); /* never echoed: people will try the key itself */
    return false;
}

/* --- listing --- */

static void show_list(struct api_request *q)
{
    struct store_key_list *l = q->state;
    struct json_writer w;
    if (l->call.err != ERR_OK) {
        api_fault(q, &l->call.fault);
        return;
    }
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_array(&w, "data");
    for (size_t i = 0; i < l->n; i++)
        key_write(q, &w, NULL, &l->keys[i]);
    jw_finish(&w);
    api_reply_buf(q, 200);
}

static void release_list(void *list)
{
    store_key_list_release(list);
}

static void list_keys(struct api_request *q, int64_t parent_id)
{
    struct str workspace = api_query(q, STR("workspace_id"));
    struct store_key_list *l = api_state(q, sizeof *l);
    uint64_t offset = 0;
    if (!l)
        return;
    l->account_id = q->account_id;
    l->parent_id = parent_id;
    l->include_delegated = parent_id != 0;
    l->creator = api_only_creator(q);
    l->limit = PAGE;
    if (!api_query_u64(q, STR("offset"), INT32_MAX, &offset) ||
        !api_query_bool(q, STR("include_disabled"), &l->include_disabled) ||
        !api_query_bool(q, STR("include_expired"), &l->include_expired) ||
        !api_query_bool(q, STR("include_delegated"), &l->include_delegated))
        return;
    l->offset = (uint32_t)offset;
    if (workspace.n && !str_eq(workspace, STR(THE_WORKSPACE)))
        api_refuse(q, ERR_NOT_FOUND, "workspace_id: there is only %s", THE_WORKSPACE);
    else if (!arena_defer(&q->arena, release_list, l))
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    else
        api_store(q, &l->call, STORE_KEY_LIST, show_list);
}

void api_keys_list(struct api_request *q)
{
    list_keys(q, 0);
}

/* --- making --- */

struct making {
    struct key_fields in;
    struct store_key_create create;
    char text[KEY_TEXT_MAX + 1];
};

static void release_making(void *making)
{
    struct making *m = making;
    key_fields_release(&m->in);
    explicit_bzero(m->text, sizeof m->text);
}

/* What stands in the audit log: everything but figures. */
static void write_detail(struct json_writer *w, const struct key *k)
{
    char time[CLOCK_ISO_MAX];
    jw_object(w, NULL);
    jw_str_c(w, "name", k->name);
    jw_str_c(w, "label", k->label);
    if (k->limit != NO_LIMIT)
        jw_usd(w, "limit", k->limit);
    if (k->reset)
        jw_str_c(w, "limit_reset", window_name(k->reset));
    if (k->expires_ms)
        jw_str(w, "expires_at", clock_iso(k->expires_ms, time));
    if (k->models)
        key_write_list(w, "allowed_models", text_view(k->models));
    if (k->providers)
        key_write_list(w, "allowed_providers", text_view(k->providers));
    if (k->rate_requests || k->rate_tokens)
        key_write_rates(w, "rate_limit", k);
    jw_finish(w);
}

static void audit_key(struct api_request *q, const char *action, const uint8_t *hash,
                      const struct buf *detail)
{
    char hex[2 * KEY_HASH_BYTES];
    hex_encode(hex, hash, KEY_HASH_BYTES);
    api_audit(q, action, str_of(hex, sizeof hex), detail ? buf_view(detail) : STR_NONE);
}

static void show_made(struct api_request *q)
{
    struct making *m = q->state;
    struct json_writer w;
    if (m->create.call.err != ERR_OK) {
        api_fault(q, &m->create.call.fault);
        return;
    }
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    key_write(q, &w, "data", &m->create.key);
    jw_str_c(&w, "key", m->text);
    jw_finish(&w);
    api_reply_buf(q, 201);
}

/* Makes what `in` says. */
static void make(struct api_request *q, struct making *m, const char *action)
{
    struct buf detail;
    struct json_writer w;
    m->create.key = m->in.key;
    m->create.key.account_id = q->account_id;
    key_make(q->api->w->shared->key_prefix, false, m->text, &m->create.key);
    buf_init(&detail, DETAIL_MAX);
    json_writer_init(&w, &detail);
    write_detail(&w, &m->create.key);
    audit_key(q, action, m->create.key.hash, &detail);
    buf_release(&detail);
    api_store(q, &m->create.call, STORE_KEY_CREATE, show_made);
}

static struct making *making_read(struct api_request *q, unsigned where)
{
    struct making *m = api_state(q, sizeof *m);
    struct json root;
    struct fault f;
    if (!m || !api_json(q, &root))
        return NULL;
    if (!arena_defer(&q->arena, release_making, m)) {
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
        return NULL;
    }
    if (key_fields_read(root, where, &m->in, &f) == ERR_OK)
        return m;
    api_fault(q, &f);
    return NULL;
}

void api_keys_create(struct api_request *q)
{
    struct making *m = making_read(q, KEY_FIELDS_CREATE);
    if (!m)
        return;
    if (q->person)
        snprintf(m->in.key.creator, sizeof m->in.key.creator, "%s", api_creator(q));
    make(q, m, "key.create");
}

/* --- one key --- */

/* A key that is looked at before it is changed. */
struct changing {
    struct store_key_get get;
    struct key_fields in;
    union {
        struct store_key_update update;
        struct store_key_delete delete;
    };
    void (*go_on)(struct api_request *q);
};

static void release_changing(void *changing)
{
    struct changing *c = changing;
    store_key_get_release(&c->get);
    key_fields_release(&c->in);
}

static void on_found(struct api_request *q)
{
    struct changing *c = q->state;
    bool is_there = c->get.call.err == ERR_OK && is_visible(q, &c->get.key);
    if (is_there)
        c->go_on(q);
    else if (c->get.call.err == ERR_OK || c->get.call.err == ERR_NOT_FOUND)
        refuse_key(q);
    else
        api_fault(q, &c->get.call.fault);
}

static struct changing *changing_new(struct api_request *q, handler_fn *go_on)
{
    struct changing *c = api_state(q, sizeof *c);
    if (!c || !hash_param(q, c->get.hash))
        return NULL;
    c->go_on = go_on;
    if (arena_defer(&q->arena, release_changing, c))
        return c;
    api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    return NULL;
}

static void show_found(struct api_request *q)
{
    show_key(q, &((struct changing *)q->state)->get.key);
}

void api_keys_show(struct api_request *q)
{
    struct changing *c = changing_new(q, show_found);
    if (c)
        api_store(q, &c->get.call, STORE_KEY_GET, on_found);
}

/* --- in force everywhere --- */

static void forget(struct api *a, void *hash)
{
    gate_forget_key(a->w->gate, hash);
}

static void show_updated(struct api_request *q)
{
    struct changing *c = q->state;
    struct key *k = &c->update.key;
    /* After every worker has let go of the old row, so that none brings its limit back. */
    if (!ledger_key(q->api->w->shared->ledger, k, c->get.line))
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    else
        show_key(q, k);
    /* q is gone */
}

static void release_updated(void *update)
{
    key_release(&((struct store_key_update *)update)->key);
}

static void on_updated(struct api_request *q)
{
    struct changing *c = q->state;
    if (c->update.call.err == ERR_NOT_FOUND)
        refuse_key(q);
    else if (c->update.call.err != ERR_OK)
        api_fault(q, &c->update.call.fault);
    else
        api_everywhere(q, forget, c->get.hash, show_updated);
}

/* --- changing --- */

static void from_to(struct json_writer *w, const char *name,
                    void (*write)(struct json_writer *w, const char *name, const struct key *k),
                    const struct key *from, const struct key *to)
{
    jw_object(w, name);
    write(w, "from", from);
    write(w, "to", to);
    jw_end(w);
}

static void write_name(struct json_writer *w, const char *name, const struct key *k)
{
    jw_str_c(w, name, k->name);
}

static void write_disabled(struct json_writer *w, const char *name, const struct key *k)
{
    jw_bool(w, name, k->disabled);
}

static void write_limit(struct json_writer *w, const char *name, const struct key *k)
{
    if (k->limit == NO_LIMIT)
        jw_null(w, name);
    else
        jw_usd(w, name, k->limit);
}

static void write_reset(struct json_writer *w, const char *name, const struct key *k)
{
    jw_str_c(w, name, window_name(k->reset));
}

static void write_byok(struct json_writer *w, const char *name, const struct key *k)
{
    jw_bool(w, name, k->include_byok);
}

static void write_models(struct json_writer *w, const char *name, const struct key *k)
{
    key_write_list(w, name, text_view(k->models));
}

static void write_providers(struct json_writer *w, const char *name, const struct key *k)
{
    key_write_list(w, name, text_view(k->providers));
}

static const struct {
    uint32_t field;
    const char *name;
    void (*write)(struct json_writer *w, const char *name, const struct key *k);
} changes[] = {
    {KEY_SET_NAME, "name", write_name},
    {KEY_SET_DISABLED, "disabled", write_disabled},
    {KEY_SET_LIMIT, "limit", write_limit},
    {KEY_SET_RESET, "limit_reset", write_reset},
    {KEY_SET_BYOK, "include_byok_in_limit", write_byok},
    {KEY_SET_MODELS, "allowed_models", write_models},
    {KEY_SET_PROVIDERS, "allowed_providers", write_providers},
    {KEY_SET_RATES, "rate_limit", key_write_rates},
};

static void audit_update(struct api_request *q, const struct changing *c)
{
    struct buf detail;
    struct json_writer w;
    buf_init(&detail, DETAIL_MAX);
    json_writer_init(&w, &detail);
    jw_object(&w, NULL);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        if (c->in.fields & changes[i].field)
            from_to(&w, changes[i].name, changes[i].write, &c->get.key, &c->in.key);
    }
    jw_finish(&w);
    audit_key(q, "key.update", c->get.hash, &detail);
    buf_release(&detail);
}

static void update(struct api_request *q)
{
    struct changing *c = q->state;
    c->update = (struct store_key_update){
        .account_id = q->account_id, .fields = c->in.fields, .to = &c->in.key};
    memcpy(c->update.hash, c->get.hash, KEY_HASH_BYTES);
    if (!arena_defer(&q->arena, release_updated, &c->update)) {
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
        return;
    }
    audit_update(q, c);
    api_store(q, &c->update.call, STORE_KEY_UPDATE, on_updated);
}

void api_keys_update(struct api_request *q)
{
    struct changing *c = changing_new(q, update);
    struct json root;
    struct fault f;
    if (!c || !api_json(q, &root))
        return;
    if (key_fields_read(root, KEY_FIELDS_UPDATE, &c->in, &f) != ERR_OK)
        api_fault(q, &f);
    else
        api_store(q, &c->get.call, STORE_KEY_GET, on_found);
}

/* --- deleting --- */

static void show_deleted(struct api_request *q)
{
    api_reply(q, 200, STR("{\"deleted\":true}"));
}

static void on_deleted(struct api_request *q)
{
    struct changing *c = q->state;
    if (c->delete.call.err == ERR_NOT_FOUND)
        refuse_key(q);
    else if (c->delete.call.err != ERR_OK)
        api_fault(q, &c->delete.call.fault);
    else
        api_everywhere(q, forget, c->get.hash, show_deleted);
}

static void delete (struct api_request *q)
{
    struct changing *c = q->state;
    c->delete = (struct store_key_delete){.account_id = q->account_id};
    memcpy(c->delete.hash, c->get.hash, KEY_HASH_BYTES);
    audit_key(q, "key.delete", c->get.hash, NULL);
    api_store(q, &c->delete.call, STORE_KEY_DELETE, on_deleted);
}

void api_keys_delete(struct api_request *q)
{
    struct changing *c = changing_new(q, delete);
    if (c)
        api_store(q, &c->get.call, STORE_KEY_GET, on_found);
}

/* --- delegated keys --- */

/* Nothing that its parent may not. A parent's own ancestors bound it already. */
static enum err bound(const struct principal *parent, struct key_fields *in, struct fault *f)
{
    const struct key *p = &parent->key;
    struct key *k = &in->key;
    struct str item;
    if (p->expires_ms && !k->expires_ms)
        k->expires_ms = p->expires_ms;
    if (p->expires_ms && k->expires_ms > p->expires_ms)
        return fault_set(f, ERR_INVALID,
                         "expires_at: expected a time no later than that of the key that asks");
    if (k->models && !rules_within(text_view(k->models), text_view(p->models), &item))
        return fault_set(f, ERR_INVALID,
                         "allowed_models: expected only what the key that asks may use itself, got "
                         "%.*s",
                         STR_ARG(str_head(item, 100)));
    if (k->providers && !rules_within(text_view(k->providers), text_view(p->providers), &item))
        return fault_set(f, ERR_INVALID,
                         "allowed_providers: expected only what the key that asks may use itself, "
                         "got %.*s",
                         STR_ARG(str_head(item, 100)));
    return ERR_OK;
}

void api_children_create(struct api_request *q)
{
    struct making *m = making_read(q, KEY_FIELDS_CHILD);
    struct fault f;
    if (!m)
        return;
    const struct key *p = &q->who->key;
    if (bound(q->who, &m->in, &f) != ERR_OK) {
        api_fault(q, &f);
        return;
    }
    struct key *k = &m->in.key;
    if (!k->models)
        k->models = text_ref(p->models);
    if (!k->providers)
        k->providers = text_ref(p->providers);
    if (!k->name[0])
        snprintf(k->name, sizeof k->name, "delegated by %s", p->label);
    memcpy(k->creator, p->creator, sizeof k->creator);
    k->parent_id = p->id;
    k->origin = KEY_DELEGATED;
    make(q, m, "key.delegate");
}

void api_children_list(struct api_request *q)
{
    list_keys(q, q->who->key.id);
}

static void delete_child(struct api_request *q)
{
    struct changing *c = q->state;
    if (c->get.key.parent_id == q->who->key.id)
        delete (q);
    else
        api_refuse(q, ERR_NOT_FOUND, "This key has made no key with this hash");
}

void api_children_delete(struct api_request *q)
{
    struct changing *c = changing_new(q, delete_child);
    if (c)
        api_store(q, &c->get.call, STORE_KEY_GET, on_found);
}
