/* exposures.c: POST /exposures, for anybody's scanner; what was found; the account's policy.
 * GitHub's own protocol is in github.c, and comes here once its signature is right. */
#include "api/exposures.h"

#include <stdlib.h>

#include "api/trust.h"
#include "base/codec.h"

/* A report on its way through the store, some at a time. */
struct reporting {
    struct exposure_report report;
    struct store_exposure_add add;
    struct exposure batch[EXPOSURES_AT_ONCE];
    struct reported *of[EXPOSURES_AT_ONCE]; /* which item each of the batch is */
    size_t next;                            /* the first item not yet given to the store */
    uint8_t (*changed)[KEY_HASH_BYTES];     /* keys that ended */
    size_t changed_n, changed_cap;
    handler_fn *answer;
};

static void release(void *state)
{
    struct reporting *r = state;
    exposure_report_release(&r->report);
    free(r->changed);
}

static void visit(struct api *a, void *arg)
{
    struct reporting *r = arg;
    for (size_t i = 0; i < r->changed_n; i++)
        gate_forget_key(a->w->gate, r->changed[i]);
}

static bool note_changed(struct reporting *r, const uint8_t hash[KEY_HASH_BYTES])
{
    if (r->changed_n == r->changed_cap) {
        size_t cap = r->changed_cap ? r->changed_cap * 2 : 64;
        uint8_t(*more)[KEY_HASH_BYTES] = reallocarray(r->changed, cap, sizeof *more);
        if (!more)
            return false;
        r->changed = more;
        r->changed_cap = cap;
    }
    memcpy(r->changed[r->changed_n++], hash, KEY_HASH_BYTES);
    return true;
}

static void note_result(struct reported *it, const struct exposure *x)
{
    bool deletes = x->policy == EXPOSURE_DELETE;
    it->is_known = x->is_known;
    it->is_deleted = x->was_deleted || (x->is_changed && deletes);
    it->is_disabled = x->was_disabled || (x->is_changed && !deletes);
}

static void next_batch(struct api_request *q);

static void on_added(struct api_request *q)
{
    struct reporting *r = q->state;
    bool has_room = true;
    if (r->add.call.err != ERR_OK) {
        api_fault(q, &r->add.call.fault);
        return;
    }
    for (size_t i = 0; i < r->add.n; i++) {
        note_result(r->of[i], &r->batch[i]);
        if (r->batch[i].is_changed)
            has_room = note_changed(r, r->batch[i].hash) && has_room;
    }
    if (has_room)
        next_batch(q);
    else /* the watch tells the workers within a second all the same */
        api_refuse(q, ERR_NOMEM, "No memory for this report: try again later");
}

static void next_batch(struct api_request *q)
{
    struct reporting *r = q->state;
    r->add.n = 0;
    memset(r->batch, 0, sizeof r->batch);
    for (; r->next < r->report.n && r->add.n < EXPOSURES_AT_ONCE; r->next++) {
        struct reported *it = &r->report.items[r->next];
        struct exposure *x = &r->batch[r->add.n];
        if (!it->may_be_key)
            continue;
        memcpy(x->hash, it->hash, KEY_HASH_BYTES);
        x->url = it->url;
        x->source = it->source;
        x->type = it->type;
        r->of[r->add.n++] = it;
    }
    if (r->add.n)
        api_store(q, &r->add.call, STORE_EXPOSURE_ADD, on_added);
    else if (r->changed_n)
        api_everywhere(q, visit, r, r->answer);
    else
        r->answer(q);
}

void exposures_take(struct api_request *q, struct str reporter, bool is_github, handler_fn *answer)
{
    const struct trust *t = q->api->shared->trust;
    struct str prefix = q->api->w->shared->key_prefix;
    struct reporting *r = api_state(q, sizeof *r);
    struct finder finder;
    struct fault f;
    if (!r)
        return;
    if (!arena_defer(&q->arena, release, r)) {
        api_refuse(q, ERR_NOMEM, "No memory for this report: try again later");
        return;
    }
    finder_init(&finder, prefix);
    if (exposure_report_read(&r->report, &finder, prefix, buf_view(&q->body), !is_github,
                             !is_github, &f) != ERR_OK) {
        api_fault(q, &f);
        return;
    }
    r->answer = answer;
    r->add = (struct store_exposure_add){
        .account_id = is_github ? 0 : q->account_id,
        .policy = t->exposure_policy,
        .reporter = reporter,
        .reporter_label = q->audit.label,
        .from = q->peer,
        .has_mail = t->has_mail,
        .items = r->batch,
        .write_mail = exposure_write_mail,
        .write_detail = exposure_write_detail,
    };
    next_batch(q);
}

const struct exposure_report *exposures_report(const struct api_request *q)
{
    return &((const struct reporting *)q->state)->report;
}

/* --- POST /exposures --- */

static const char *status_of(const struct reported *it)
{
    if (!it->is_known)
        return "unknown";
    return it->is_deleted ? "deleted" : it->is_disabled ? "disabled" : "notified";
}

static void answer(struct api_request *q)
{
    const struct exposure_report *r = exposures_report(q);
    struct json_writer w;
    char hash[2 * KEY_HASH_BYTES];
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_array(&w, "data");
    for (size_t i = 0; i < r->n; i++) {
        hex_encode(hash, r->items[i].hash, KEY_HASH_BYTES);
        jw_object(&w, NULL);
        jw_str(&w, "token_hash", str_of(hash, sizeof hash));
        jw_str_c(&w, "status", status_of(&r->items[i]));
        jw_end(&w);
    }
    jw_finish(&w);
    api_reply_buf(q, 200);
}

static bool may_rule(struct api_request *q)
{
    if (!q->person || q->person->role != ROLE_MEMBER)
        return true;
    api_refuse(q, ERR_FORBIDDEN, "Only an owner or an admin may do this");
    return false;
}

void api_exposures_add(struct api_request *q)
{
    if (!may_rule(q))
        return;
    api_audit(q, "", STR_NONE, STR_NONE); /* only for who it is: the store writes the entries */
    exposures_take(q, q->audit.actor, false, answer);
}

/* --- GET /exposures --- */

static void release_list(void *list)
{
    store_exposure_list_release(list);
}

static void show(struct api_request *q)
{
    struct store_exposure_list *l = q->state;
    struct json_writer w;
    if (l->call.err != ERR_OK) {
        api_fault(q, &l->call.fault);
        return;
    }
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_array(&w, "data");
    for (size_t i = 0; i < l->n; i++)
        exposure_write_json(&w, &l->rows[i]);
    jw_finish(&w);
    api_reply_buf(q, 200);
}

void api_exposures_list(struct api_request *q)
{
    struct store_exposure_list *l = api_state(q, sizeof *l);
    if (!l || !may_rule(q) || !api_query_u64(q, STR("offset"), INT32_MAX, &l->offset))
        return;
    l->account_id = q->account_id;
    if (!arena_defer(&q->arena, release_list, l))
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    else
        api_store(q, &l->call, STORE_EXPOSURE_LIST, show);
}

/* --- the account's policy --- */

static void show_policy(struct api_request *q)
{
    struct store_exposure_policy *p = q->state;
    enum exposure_policy otherwise = q->api->shared->trust->exposure_policy;
    struct json_writer w;
    if (p->call.err != ERR_OK) {
        api_fault(q, &p->call.fault);
        return;
    }
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_object(&w, "data");
    jw_str_c(&w, "policy", exposure_policy_name(p->policy));
    jw_str_c(&w, "in_force",
             exposure_policy_name(p->policy == EXPOSURE_DEFAULT ? otherwise : p->policy));
    jw_finish(&w);
    api_reply_buf(q, 200);
}

void api_exposures_policy(struct api_request *q)
{
    struct store_exposure_policy *p = api_state(q, sizeof *p);
    if (!p)
        return;
    p->account_id = q->account_id;
    api_store(q, &p->call, STORE_EXPOSURE_POLICY_GET, show_policy);
}

void api_exposures_policy_set(struct api_request *q)
{
    struct store_exposure_policy *p = api_state(q, sizeof *p);
    struct json root;
    char detail[64];
    if (!p || !may_rule(q) || !api_json(q, &root))
        return;
    struct json v = json_get(root, STR("policy"));
    bool is_right = json_is(v, JSON_NULL) || exposure_policy_parse(json_raw_str(v), &p->policy);
    if (!is_right || json_after(root, json_first(root)).type) {
        api_refuse(q, ERR_INVALID,
                   "policy: expected null, \"notify\", \"disable\" or \"delete\", and no other "
                   "field");
        return;
    }
    const char *name = exposure_policy_name(p->policy);
    struct buf b = {.p = detail, .cap = sizeof detail, .max = sizeof detail};
    buf_printf(&b, name ? "{\"policy\":\"%s\"}" : "{\"policy\":null}", name);
    p->account_id = q->account_id;
    api_audit(q, "exposures.policy", STR("policy"), buf_view(&b));
    api_store(q, &p->call, STORE_EXPOSURE_POLICY_SET, show_policy);
}
