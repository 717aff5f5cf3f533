/* door.c: who may come in from where, and how long keys may live: rules of a whole account. */
#include "api/internal.h"

#include <stdio.h>

enum { DAYS_MAX = 36500 };
#define DAY_MS INT64_C(86400000)

/* --- in force everywhere --- */

static void forget_all(struct api *a, void *arg)
{
    (void)arg;
    gate_forget_all(a->w->gate);
}

/* Owners and admins only: a member could shut the others out. */
static bool may_rule(struct api_request *q)
{
    if (!q->person || q->person->role != ROLE_MEMBER)
        return true;
    api_refuse(q, ERR_FORBIDDEN, "Only an owner or an admin may change the account's rules");
    return false;
}

/* --- the allow list --- */

struct listing {
    struct store_ip_allow_list list;
    struct store_ip_allow_add add;
    struct store_ip_allow_delete delete;
    handler_fn *go_on;
};

static void write_row(struct json_writer *w, const char *name, const struct ip_allow *r)
{
    char time[CLOCK_ISO_MAX], id[24];
    snprintf(id, sizeof id, "%lld", (long long)r->id);
    jw_object(w, name);
    jw_str_c(w, "id", id);
    jw_str_c(w, "cidr", r->range);
    jw_str_c(w, "label", r->label[0] ? r->label : NULL);
    jw_str(w, "created_at", clock_iso(r->created_ms, time));
    jw_end(w);
}

static void show_list(struct api_request *q)
{
    const struct listing *l = q->state;
    struct json_writer w;
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_array(&w, "data");
    for (size_t i = 0; i < l->list.n; i++)
        write_row(&w, NULL, &l->list.rows[i]);
    jw_finish(&w);
    api_reply_buf(q, 200);
}

static void on_list(struct api_request *q)
{
    struct listing *l = q->state;
    if (l->list.call.err != ERR_OK)
        api_fault(q, &l->list.call.fault);
    else
        l->go_on(q);
}

static void list(struct api_request *q, struct listing *l, handler_fn *go_on)
{
    l->list.account_id = q->account_id;
    l->go_on = go_on;
    api_store(q, &l->list.call, STORE_IP_ALLOW_LIST, on_list);
}

void api_ip_list(struct api_request *q)
{
    struct listing *l = api_state(q, sizeof *l);
    if (l)
        list(q, l, show_list);
}

/* Would who asks still get in with these, but for `without`? */
static bool keeps_asker(const struct api_request *q, const struct listing *l, int64_t without,
                        const char *added)
{
    struct address asker;
    struct cidr c;
    bool is_empty = true, is_in = false;
    bool is_known = address_parse(q->peer, &asker);
    for (size_t i = 0; i <= l->list.n; i++) {
        const char *text = i < l->list.n ? l->list.rows[i].range : added;
        if (!text || (i < l->list.n && l->list.rows[i].id == without))
            continue;
        is_empty = false;
        is_in |= is_known && cidr_parse(str_c(text), &c) && cidr_has(&c, &asker);
    }
    return is_empty || is_in;
}

static void refuse_lockout(struct api_request *q)
{
    api_refuse(q, ERR_CONFLICT,
               "cidr: with this change the allow list would shut out the address that asks for it, "
               "%.*s; allow that first, or use the command line",
               STR_ARG(q->peer));
}

static void show_added(struct api_request *q)
{
    struct listing *l = q->state;
    struct json_writer w;
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    write_row(&w, "data", &l->add.row);
    jw_finish(&w);
    api_reply_buf(q, 201);
}

static void on_added(struct api_request *q)
{
    struct listing *l = q->state;
    if (l->add.call.err != ERR_OK)
        api_fault(q, &l->add.call.fault);
    else
        api_everywhere(q, forget_all, NULL, show_added);
}

static void add(struct api_request *q)
{
    struct listing *l = q->state;
    char detail[64 + IP_RANGE_MAX];
    if (!keeps_asker(q, l, 0, l->add.row.range)) {
        refuse_lockout(q);
        return;
    }
    snprintf(detail, sizeof detail, "{\"cidr\":\"%s\"}", l->add.row.range);
    api_audit(q, "ip_allowlist.add", str_c(l->add.row.range), str_c(detail));
    l->add.account_id = q->account_id;
    api_store(q, &l->add.call, STORE_IP_ALLOW_ADD, on_added);
}

static enum err read_entry(struct json root, struct ip_allow *out, struct fault *f)
{
    char room[CIDR_TEXT_MAX], label[IP_LABEL_MAX + 1];
    struct cidr c;
    struct json cidr = json_get(root, STR("cidr")), named = json_get(root, STR("label"));
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    struct buf lb = {.p = label, .cap = sizeof label, .max = IP_LABEL_MAX};
    for (struct json v = json_first(root); v.type; v = json_after(root, v)) {
        if (!json_str_eq(json_key(v), STR("cidr")) && !json_str_eq(json_key(v), STR("label")))
            return fault_set(f, ERR_INVALID, "The body: expected cidr and label only");
    }
    if (!cidr_parse(json_str(cidr, &b), &c))
        return fault_set(f, ERR_INVALID,
                         "cidr: expected an address or a range such as 203.0.113.0/24 or "
                         "2001:db8::/32, without bits behind its prefix");
    struct str text = cidr_text(&c, out->range), s = json_str(named, &lb);
    out->range[text.n] = '\0';
    if (!json_is_none_or_null(named) &&
        (!json_is(named, JSON_STRING) || !s.p || s.n > IP_LABEL_MAX))
        return fault_set(f, ERR_INVALID, "label: expected null or a text of at most %d bytes",
                         IP_LABEL_MAX);
    memcpy(out->label, s.n ? s.p : "", s.n);
    out->label[s.n] = '\0';
    return ERR_OK;
}

void api_ip_add(struct api_request *q)
{
    struct listing *l = api_state(q, sizeof *l);
    struct json root;
    struct fault f;
    if (!l || !may_rule(q) || !api_json(q, &root))
        return;
    if (read_entry(root, &l->add.row, &f) != ERR_OK)
        api_fault(q, &f);
    else
        list(q, l, add);
}

static void show_deleted(struct api_request *q)
{
    api_reply(q, 200, STR("{\"deleted\":true}"));
}

static void on_deleted(struct api_request *q)
{
    struct listing *l = q->state;
    if (l->delete.call.err != ERR_OK)
        api_fault(q, &l->delete.call.fault);
    else
        api_everywhere(q, forget_all, NULL, show_deleted);
}

static void delete (struct api_request *q)
{
    struct listing *l = q->state;
    char detail[64 + IP_RANGE_MAX] = "";
    const char *range = "";
    for (size_t i = 0; i < l->list.n; i++) {
        if (l->list.rows[i].id == l->delete.id)
            range = l->list.rows[i].range;
    }
    if (!keeps_asker(q, l, l->delete.id, NULL)) {
        refuse_lockout(q);
        return;
    }
    snprintf(detail, sizeof detail, "{\"cidr\":\"%s\"}", range);
    api_audit(q, "ip_allowlist.delete", str_c(range), str_c(detail));
    l->delete.account_id = q->account_id;
    api_store(q, &l->delete.call, STORE_IP_ALLOW_DELETE, on_deleted);
}

void api_ip_delete(struct api_request *q)
{
    struct listing *l = api_state(q, sizeof *l);
    uint64_t id = 0;
    if (!l || !may_rule(q))
        return;
    if (!str_u64(q->params[0], INT64_MAX, &id)) {
        api_refuse(q, ERR_NOT_FOUND, "There is no such entry in the allow list");
        return;
    }
    l->delete.id = (int64_t)id;
    list(q, l, delete);
}

/* --- the policy --- */

struct policy {
    struct store_account_get get;
    struct store_policy_set set;
};

static void write_policy(struct api_request *q, int64_t key_lifetime_ms)
{
    struct json_writer w;
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_object(&w, "data");
    if (key_lifetime_ms)
        jw_i64(&w, "max_key_lifetime_days", key_lifetime_ms / DAY_MS);
    else
        jw_null(&w, "max_key_lifetime_days");
    jw_finish(&w);
    api_reply_buf(q, 200);
}

static void show_policy(struct api_request *q)
{
    struct policy *p = q->state;
    account_release(&p->get.account);
    if (p->get.call.err != ERR_OK)
        api_fault(q, &p->get.call.fault);
    else
        write_policy(q, p->get.account.key_lifetime_ms);
}

void api_policy(struct api_request *q)
{
    struct policy *p = api_state(q, sizeof *p);
    if (!p)
        return;
    p->get.id = q->account_id;
    api_store(q, &p->get.call, STORE_ACCOUNT_GET, show_policy);
}

static void show_set(struct api_request *q)
{
    write_policy(q, ((struct policy *)q->state)->set.key_lifetime_ms);
}

static void on_set(struct api_request *q)
{
    struct policy *p = q->state;
    if (p->set.call.err != ERR_OK)
        api_fault(q, &p->set.call.fault);
    else
        api_everywhere(q, forget_all, NULL, show_set);
}

void api_policy_set(struct api_request *q)
{
    struct policy *p = api_state(q, sizeof *p);
    struct json root;
    uint64_t days = 0;
    char detail[64];
    if (!p || !may_rule(q) || !api_json(q, &root))
        return;
    struct json v = json_get(root, STR("max_key_lifetime_days")), first = json_first(root);
    bool is_right = v.type != JSON_NONE && !json_after(root, first).type &&
                    (json_is(v, JSON_NULL) || (json_u64(v, DAYS_MAX, &days) && days > 0));
    if (!is_right) {
        api_refuse(q, ERR_INVALID,
                   "max_key_lifetime_days: expected null or a whole number from 1 to %d, and no "
                   "other field",
                   DAYS_MAX);
        return;
    }
    p->set.account_id = q->account_id;
    p->set.key_lifetime_ms = (int64_t)days * DAY_MS;
    if (days)
        snprintf(detail, sizeof detail, "{\"max_key_lifetime_days\":%llu}",
                 (unsigned long long)days);
    else
        snprintf(detail, sizeof detail, "{\"max_key_lifetime_days\":null}");
    api_audit(q, "policy.set", STR("max_key_lifetime_days"), str_c(detail));
    api_store(q, &p->set.call, STORE_POLICY_SET, on_set);
}
