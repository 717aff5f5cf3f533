/* audit.c: who did what: noted with each change, read by GET /audit. */
#include "api/internal.h"

#include <stdio.h>

#include "auth/key_json.h"
#include "base/codec.h"

enum { DETAIL_MAX = 64 * 1024 };

static struct str keep(struct api_request *q, struct str s)
{
    return s.n ? arena_str(&q->arena, s) : STR_NONE;
}

static void note_actor(struct api_request *q, struct audit *a)
{
    char text[8 + 2 * KEY_HASH_BYTES + 1] = "key:";
    if (q->person) {
        snprintf(text, sizeof text, "user:%lld", (long long)q->person->user_id);
        a->label = keep(q, str_c(q->person->email));
    } else if (q->who) {
        hex_encode(text + 4, q->who->key.hash, KEY_HASH_BYTES);
        text[4 + 2 * KEY_HASH_BYTES] = '\0';
        a->label = keep(q, str_c(q->who->key.label));
    } else {
        snprintf(text, sizeof text, "nobody");
    }
    a->actor = keep(q, str_c(text));
}

void api_audit(struct api_request *q, const char *action, struct str target, struct str detail)
{
    struct audit *a = &q->audit;
    *a = (struct audit){.account_id = q->account_id, .from = q->peer, .agent = q->user_agent};
    note_actor(q, a);
    a->action = str_c(action);
    a->target = keep(q, target);
    a->detail = keep(q, detail);
}

void api_audit_key(struct api_request *q, const char *action, const struct key *k)
{
    char hex[2 * KEY_HASH_BYTES];
    struct buf detail;
    struct json_writer w;
    buf_init(&detail, DETAIL_MAX);
    json_writer_init(&w, &detail);
    key_write_terms(&w, k);
    jw_finish(&w);
    hex_encode(hex, k->hash, KEY_HASH_BYTES);
    api_audit(q, action, str_of(hex, sizeof hex), buf_view(&detail));
    buf_release(&detail);
}

const char *api_creator(struct api_request *q)
{
    char text[40];
    if (!q->person)
        return "";
    snprintf(text, sizeof text, "user_%lld", (long long)q->person->user_id);
    struct str kept = arena_str(&q->arena, str_c(text));
    return kept.p ? kept.p : "";
}

const char *api_only_creator(struct api_request *q)
{
    return q->person && q->person->role == ROLE_MEMBER ? api_creator(q) : NULL;
}

static void write_row(struct json_writer *w, const struct audit_row *r)
{
    char time[CLOCK_ISO_MAX];
    jw_object(w, NULL);
    jw_i64(w, "id", r->id);
    jw_str(w, "created_at", clock_iso(r->at_ms, time));
    jw_str(w, "action", r->audit.action);
    jw_str(w, "target", r->audit.target);
    jw_str(w, "actor", r->audit.actor);
    jw_str(w, "actor_label", r->audit.label);
    jw_str(w, "address", r->audit.from);
    jw_str(w, "user_agent", r->audit.agent);
    jw_raw(w, "detail", r->audit.detail);
    jw_end(w);
}

static void write_list(struct json_writer *w, const struct store_audit_list *l)
{
    jw_array(w, "data");
    for (size_t i = 0; i < l->n; i++)
        write_row(w, &l->rows[i]);
    jw_end(w);
}

static void show(struct api_request *q)
{
    struct store_audit_list *l = q->state;
    struct json_writer w;
    if (l->call.err != ERR_OK) {
        api_fault(q, &l->call.fault);
        return;
    }
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    write_list(&w, l);
    jw_finish(&w);
    api_reply_buf(q, 200);
}

static void release(void *list)
{
    store_audit_list_release(list);
}

void api_audit_list(struct api_request *q)
{
    struct store_audit_list *l = api_state(q, sizeof *l);
    if (!l)
        return;
    if (q->person && q->person->role == ROLE_MEMBER) {
        api_refuse(q, ERR_FORBIDDEN, "Only an owner or an admin may read the audit log");
        return;
    }
    l->account_id = q->account_id;
    l->action = api_query(q, STR("action"));
    l->target = api_query(q, STR("target"));
    l->limit = AUDIT_PAGE_MAX;
    if (!api_query_u64(q, STR("offset"), INT32_MAX, &l->offset) ||
        !api_query_u64(q, STR("limit"), AUDIT_PAGE_MAX, &l->limit))
        return;
    if (!arena_defer(&q->arena, release, l))
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    else
        api_store(q, &l->call, STORE_AUDIT_LIST, show);
}
