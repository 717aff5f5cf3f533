/* federation.c: federation policies: whose tokens may be exchanged for access tokens of which key. */
#include "api/internal.h"

#include "auth/federation.h"

enum { DETAIL_MAX = 16 * 1024 };

struct policies {
    struct store_federation_add add;
    struct store_federation_get get;
    struct store_federation_list list;
    struct store_federation_change change;
    struct store_federation_delete delete;
};

/* Owners and admins only: what acts as a key spends what the account has. */
static bool may_rule(struct api_request *q)
{
    if (!q->person || q->person->role != ROLE_MEMBER)
        return true;
    api_refuse(q, ERR_FORBIDDEN, "Only an owner or an admin may see or change federation policies");
    return false;
}

static bool id_param(struct api_request *q, char out[FEDERATION_ID_CHARS + 1])
{
    if (federation_id_is_right(q->params[0])) {
        memcpy(out, q->params[0].p, FEDERATION_ID_CHARS);
        return true;
    }
    api_refuse(q, ERR_NOT_FOUND, "There is no such federation policy");
    return false;
}

static void show(struct api_request *q, int status, const struct federation *p)
{
    struct json_writer w;
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    federation_write_json(&w, "data", p);
    jw_finish(&w);
    api_reply_buf(q, status);
}

/* --- in force everywhere --- */

/* arg: the hash of the policy's key. */
static void forget(struct api *a, void *arg)
{
    gate_forget_tokens(a->w->gate, arg);
}

/* --- looking --- */

static void release_list(void *policies)
{
    store_federation_list_release(&((struct policies *)policies)->list);
}

static void show_list(struct api_request *q)
{
    const struct store_federation_list *l = &((struct policies *)q->state)->list;
    struct json_writer w;
    if (l->call.err != ERR_OK) {
        api_fault(q, &l->call.fault);
        return;
    }
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_array(&w, "data");
    for (size_t i = 0; i < l->n; i++)
        federation_write_json(&w, NULL, &l->rows[i]);
    jw_finish(&w);
    api_reply_buf(q, 200);
}

void api_federation_list(struct api_request *q)
{
    struct policies *p = api_state(q, sizeof *p);
    if (!p || !may_rule(q))
        return;
    p->list.account_id = q->account_id;
    if (!arena_defer(&q->arena, release_list, p))
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    else
        api_store(q, &p->list.call, STORE_FEDERATION_LIST, show_list);
}

static void show_got(struct api_request *q)
{
    const struct store_federation_get *g = &((struct policies *)q->state)->get;
    if (g->call.err != ERR_OK)
        api_fault(q, &g->call.fault);
    else
        show(q, 200, &g->row);
}

void api_federation_show(struct api_request *q)
{
    struct policies *p = api_state(q, sizeof *p);
    if (!p || !may_rule(q) || !id_param(q, p->get.id))
        return;
    p->get.account_id = q->account_id;
    api_store(q, &p->get.call, STORE_FEDERATION_GET, show_got);
}

/* --- making --- */

static void show_added(struct api_request *q)
{
    const struct store_federation_add *a = &((struct policies *)q->state)->add;
    if (a->call.err != ERR_OK)
        api_fault(q, &a->call.fault);
    else
        show(q, 201, &a->row);
}

static void audit_made(struct api_request *q, const struct federation *p)
{
    struct buf detail;
    struct json_writer w;
    buf_init(&detail, DETAIL_MAX);
    json_writer_init(&w, &detail);
    federation_write_json(&w, NULL, p);
    jw_finish(&w);
    api_audit(q, "federation.create", str_c(p->id), buf_view(&detail));
    buf_release(&detail);
}

void api_federation_add(struct api_request *q)
{
    struct policies *p = api_state(q, sizeof *p);
    struct json root;
    struct fault f;
    if (!p || !may_rule(q) || !api_json(q, &root))
        return;
    if (federation_read(root, false, &p->add.row, &f) != ERR_OK) {
        api_fault(q, &f);
        return;
    }
    p->add.row.account_id = q->account_id;
    federation_id_make(p->add.row.id);
    audit_made(q, &p->add.row);
    api_store(q, &p->add.call, STORE_FEDERATION_ADD, show_added);
}

/* --- changing --- */

static void show_changed(struct api_request *q)
{
    show(q, 200, &((struct policies *)q->state)->change.row);
}

static void on_changed(struct api_request *q)
{
    struct store_federation_change *c = &((struct policies *)q->state)->change;
    if (c->call.err != ERR_OK)
        api_fault(q, &c->call.fault);
    else
        api_everywhere(q, forget, c->row.key_hash, show_changed);
}

static void audit_changed(struct api_request *q, const struct store_federation_change *c)
{
    char room[2 * FEDERATION_NAME_MAX + 100];
    struct buf detail = {.p = room, .cap = sizeof room, .max = sizeof room};
    struct json_writer w;
    json_writer_init(&w, &detail);
    jw_object(&w, NULL);
    if (c->fields & FEDERATION_SET_NAME)
        jw_str_c(&w, "name", c->row.name);
    if (c->fields & FEDERATION_SET_LIFETIME)
        jw_u64(&w, "max_lifetime_seconds", c->row.lifetime_s);
    if (c->fields & FEDERATION_SET_DISABLED)
        jw_bool(&w, "enabled", !c->row.disabled);
    jw_finish(&w);
    api_audit(q, "federation.update", str_c(c->id), buf_view(&detail));
}

void api_federation_change(struct api_request *q)
{
    struct policies *p = api_state(q, sizeof *p);
    struct json root;
    struct fault f;
    if (!p || !may_rule(q) || !id_param(q, p->change.id) || !api_json(q, &root))
        return;
    if (federation_read_change(root, &p->change.row, &p->change.fields, &f) != ERR_OK) {
        api_fault(q, &f);
        return;
    }
    p->change.account_id = q->account_id;
    audit_changed(q, &p->change);
    api_store(q, &p->change.call, STORE_FEDERATION_CHANGE, on_changed);
}

static void show_deleted(struct api_request *q)
{
    api_reply(q, 200, STR("{\"deleted\":true}"));
}

static void on_deleted(struct api_request *q)
{
    struct store_federation_delete *d = &((struct policies *)q->state)->delete;
    if (d->call.err != ERR_OK)
        api_fault(q, &d->call.fault);
    else
        api_everywhere(q, forget, d->row.key_hash, show_deleted);
}

void api_federation_delete(struct api_request *q)
{
    struct policies *p = api_state(q, sizeof *p);
    if (!p || !may_rule(q) || !id_param(q, p->delete.id))
        return;
    p->delete.account_id = q->account_id;
    api_audit(q, "federation.delete", str_c(p->delete.id), STR_NONE);
    api_store(q, &p->delete.call, STORE_FEDERATION_DELETE, on_deleted);
}
