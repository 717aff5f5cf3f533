/* credential.c: who asks: a key, an access token, a person's session, or nobody. */
#include "api/inside.h"

static void know_key(struct api_request *q, struct principal *p)
{
    q->who = p;
    q->account_id = p->key.account_id;
    q->is_known = true;
    request_go_on(q);
}

static void know_person(struct api_request *q, struct person *p)
{
    q->person = p;
    q->account_id = p ? p->account_id : 0;
    q->is_known = true;
    request_go_on(q);
}

static void refuse_key(struct api_request *q)
{
    buf_add(&q->fields, gate_refusal_field(&q->wait.fault));
    api_fault(q, &q->wait.fault);
}

static void on_key(struct gate_wait *w)
{
    struct api_request *q = container_of(w, struct api_request, wait);
    if (w->principal)
        know_key(q, w->principal);
    else
        refuse_key(q);
}

static void ask_key(struct api_request *q, const struct http_head *head, enum gate_need need)
{
    struct relay_place place = {q->api->w, q->stream, head};
    q->wait.done = on_key;
    q->wait.locate = relay_locate;
    q->wait.where = &place;
    enum gate_answer a = gate_ask(q->api->w->gate, http_field(head, STR("authorization")),
                                  http_field(head, STR("x-api-key")), need, &q->wait);
    if (a == GATE_OPEN)
        know_key(q, q->wait.principal);
    else if (a == GATE_SHUT)
        refuse_key(q);
}

static void refuse_person(struct api_request *q)
{
    if (q->route->access == ACCESS_PAGE) {
        know_person(q, NULL);
        return;
    }
    buf_add(&q->fields, gate_refusal_field(&q->person_wait.fault));
    api_fault(q, &q->person_wait.fault);
}

static void on_person(struct person_wait *w)
{
    struct api_request *q = container_of(w, struct api_request, person_wait);
    w->source = NULL;
    if (w->person)
        know_person(q, w->person);
    else
        refuse_person(q);
}

static void ask_person(struct api_request *q, struct str cookie)
{
    struct person_source *source = q->api->w->persons;
    struct person_wait *w = &q->person_wait;
    fault_write(&w->fault, ERR_AUTH, "Nobody is signed in: sign in first");
    if (!source || !cookie.n) {
        refuse_person(q);
        return;
    }
    w->done = on_person;
    w->source = source;
    enum gate_answer a = source->ask(source, cookie, w);
    if (a == GATE_WAIT)
        return;
    w->source = NULL;
    if (a == GATE_OPEN)
        know_person(q, w->person);
    else
        refuse_person(q);
}

static bool has_key(const struct http_head *head)
{
    return http_field(head, STR("authorization")).p || http_field(head, STR("x-api-key")).p;
}

void request_authenticate(struct api_request *q, const struct http_head *head)
{
    struct str cookie = api_cookie(q, STR(SESSION_COOKIE));
    switch (q->route->access) {
    case ACCESS_OPEN:
    case ACCESS_TOKEN:
        know_person(q, NULL);
        return;
    case ACCESS_KEY:
        ask_key(q, head, GATE_ANY_KEY);
        return;
    case ACCESS_KEY_ITSELF:
        ask_key(q, head, GATE_ANY_ITSELF);
        return;
    case ACCESS_INFERENCE:
        ask_key(q, head, GATE_INFERENCE_ITSELF);
        return;
    case ACCESS_MANAGEMENT:
        if (has_key(head) || !cookie.n || !q->api->w->persons)
            ask_key(q, head, GATE_MANAGEMENT);
        else
            ask_person(q, cookie);
        return;
    case ACCESS_SESSION:
    case ACCESS_PAGE:
        ask_person(q, cookie);
        return;
    case ACCESS_RELAY:
    case ACCESS__COUNT:
        break;
    }
    BUG_ON(true);
}
