/* oauth.c: the API's side of apps' keys: POST /auth/keys turns a code into a key, POST
 * /auth/keys/code gives a code to who has a key already. */
#include "api/oauth.h"

#include <stdio.h>

#include "auth/key.h"
#include "auth/key_json.h"

/* A member that is a string, null or not there; in the request's memory. False: answered. */
static bool text_member(struct api_request *q, struct json root, const char *name, struct str *out)
{
    struct json v = json_get(root, str_c(name));
    *out = STR_NONE;
    if (json_is_none_or_null(v))
        return true;
    if (!json_is(v, JSON_STRING)) {
        api_refuse(q, ERR_INVALID, "%s: expected a string, got %s", name, json_kind(v));
        return false;
    }
    size_t n = json_raw_str(v).n;
    char *room = arena_alloc(&q->arena, n + 1);
    struct buf b = {.p = room, .cap = n + 1, .max = n + 1};
    struct str s = room ? json_str(v, &b) : STR_NONE;
    if (s.p)
        *out = arena_str(&q->arena, s);
    if (!out->p)
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    return out->p != NULL;
}

/* --- a code becomes a key --- */

struct exchanging {
    struct store_code_get get;
    struct store_code_exchange exchange;
    struct str verifier, method;
    char text[KEY_TEXT_MAX + 1];
};

static void wipe(void *exchanging)
{
    explicit_bzero(((struct exchanging *)exchanging)->text, KEY_TEXT_MAX);
}

/* Which of them is wrong is nobody's business. */
static void refuse_code(struct api_request *q)
{
    api_refuse(q, ERR_FORBIDDEN, "Invalid code or code_verifier");
}

static void on_exchanged(struct api_request *q)
{
    struct exchanging *x = q->state;
    struct json_writer w;
    if (x->exchange.call.err == ERR_NOT_FOUND) {
        refuse_code(q);
        return;
    }
    if (x->exchange.call.err != ERR_OK) {
        api_fault(q, &x->exchange.call.fault);
        return;
    }
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_str_c(&w, "key", x->text);
    if (x->exchange.key.creator[0])
        jw_str_c(&w, "user_id", x->exchange.key.creator);
    else
        jw_null(&w, "user_id");
    jw_finish(&w);
    api_reply_buf(q, 200);
}

/* A verifier where no challenge was given is a sign that somebody took the challenge away (RFC 9700,
 * 2.1.1). */
static bool verifier_is_right(const struct exchanging *x)
{
    const struct oauth_code *k = &x->get.code;
    if (k->method == CHALLENGE_NONE)
        return !x->verifier.n;
    return pkce_matches(k->method, str_c(k->challenge), x->verifier);
}

static void on_code(struct api_request *q)
{
    struct exchanging *x = q->state;
    const struct oauth_code *k = &x->get.code;
    enum err e = x->get.call.err;
    if (e != ERR_OK && e != ERR_NOT_FOUND) {
        api_fault(q, &x->get.call.fault);
    } else if (e == ERR_NOT_FOUND || k->used_ms) {
        refuse_code(q);
    } else if (x->method.n && !str_eq(x->method, str_c(pkce_method_name(k->method)))) {
        api_refuse(q, ERR_INVALID, "Invalid code_challenge_method");
    } else if (!verifier_is_right(x)) {
        refuse_code(q);
    } else if (k->expires_ms <= clock_wall_ms()) {
        api_refuse(q, ERR_FORBIDDEN, "Authorization code expired");
    } else {
        x->exchange.code_id = k->id;
        key_make(q->api->w->shared->key_prefix, false, x->text, &x->exchange.key);
        q->account_id = k->account_id;
        api_audit(q, "app.key", str_c(x->exchange.key.label), STR_NONE);
        api_store(q, &x->exchange.call, STORE_CODE_EXCHANGE, on_exchanged);
    }
}

void oauth_exchange(struct api_request *q)
{
    struct json root;
    struct str code;
    enum challenge_method ignored;
    if (!api_json(q, &root))
        return;
    struct exchanging *x = api_state(q, sizeof *x);
    if (!x)
        return;
    if (!text_member(q, root, "code", &code) ||
        !text_member(q, root, "code_verifier", &x->verifier) ||
        !text_member(q, root, "code_challenge_method", &x->method))
        return;
    if (!code.n)
        api_refuse(q, ERR_INVALID, "code: expected the code that came with the redirect");
    else if (x->method.n && !pkce_method_parse(x->method, &ignored))
        api_refuse(q, ERR_INVALID, "Invalid code_challenge_method");
    else if (!ticket_hash(code, x->get.hash))
        refuse_code(q);
    else if (!arena_defer(&q->arena, wipe, x))
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    else
        api_store(q, &x->get.call, STORE_CODE_GET, on_code);
}

/* --- a code for who has a key --- */

struct coding {
    struct store_code_create create;
    struct asking asking;
    char text[TICKET_CHARS + 1];
};

static void on_coded(struct api_request *q)
{
    struct coding *c = q->state;
    char time[CLOCK_ISO_MAX];
    struct json_writer w;
    if (c->create.call.err != ERR_OK) {
        api_fault(q, &c->create.call.fault);
        return;
    }
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_object(&w, "data");
    jw_str_c(&w, "id", c->text);
    jw_i64(&w, "app_id", c->create.code.app_id);
    jw_str(&w, "created_at", clock_iso(c->create.code.created_ms, time));
    jw_finish(&w);
    api_reply_buf(q, 200);
}

static enum err read_limit(struct json v, nanos *out, struct fault *f)
{
    *out = NO_LIMIT;
    if (json_is_none_or_null(v))
        return ERR_OK;
    if (json_is(v, JSON_NUMBER) && money_parse_number(json_raw(v), out))
        return ERR_OK;
    return fault_set(f, ERR_INVALID, "limit: expected null or dollars, got %s",
                     json_is(v, JSON_NUMBER) ? "another number" : json_kind(v));
}

static enum err read_times(struct str reset, struct str expires, struct oauth_code *out,
                           struct fault *f)
{
    if (reset.n && !window_parse(reset, &out->reset))
        return fault_set(f, ERR_INVALID,
                         "usage_limit_type: expected null, daily, weekly or monthly");
    if (expires.n &&
        (!clock_parse_iso(expires, &out->key_expires_ms) || out->key_expires_ms <= clock_wall_ms()))
        return fault_set(f, ERR_INVALID,
                         "expires_at: expected null or a time yet to come, in UTC with seconds, "
                         "such as 2027-01-31T23:59:59Z");
    return ERR_OK;
}

/* What a key gives away is its own: an inference key's app gets a key below it, bounded by it. */
static enum err code_of_key(struct oauth_code *out, const struct key *k, struct fault *f)
{
    if (k->expires_ms && !k->is_management) {
        if (out->key_expires_ms > k->expires_ms)
            return fault_set(f, ERR_INVALID,
                             "expires_at: expected a time no later than that of the key that asks");
        if (!out->key_expires_ms)
            out->key_expires_ms = k->expires_ms;
    }
    out->account_id = k->account_id;
    out->parent_id = k->is_management ? 0 : k->id;
    memcpy(out->creator, k->creator, sizeof out->creator);
    out->expires_ms = clock_wall_ms() + CODE_MS;
    return ERR_OK;
}

void oauth_code_create(struct api_request *q)
{
    struct json root;
    struct fault f;
    struct str callback, challenge, method, reset, expires, label, workspace;
    if (!api_json(q, &root))
        return;
    struct coding *c = api_state(q, sizeof *c);
    if (!c || !text_member(q, root, "callback_url", &callback) ||
        !text_member(q, root, "code_challenge", &challenge) ||
        !text_member(q, root, "code_challenge_method", &method) ||
        !text_member(q, root, "usage_limit_type", &reset) ||
        !text_member(q, root, "expires_at", &expires) ||
        !text_member(q, root, "key_label", &label) ||
        !text_member(q, root, "workspace_id", &workspace))
        return;
    struct oauth_code *k = &c->create.code;
    enum err e = ERR_OK;
    if (!callback.n)
        e = fault_set(&f, ERR_INVALID, "callback_url: expected an https URL, got nothing");
    if (e == ERR_OK)
        e = asking_check(callback, challenge, method, label, &c->asking, &f);
    *k = c->asking.code;
    if (e == ERR_OK)
        e = read_limit(json_get(root, STR("limit")), &k->limit, &f);
    if (e == ERR_OK)
        e = read_times(reset, expires, k, &f);
    if (e == ERR_OK && workspace.n && !str_eq(workspace, STR(THE_WORKSPACE)))
        e = fault_set(&f, ERR_NOT_FOUND, "workspace_id: there is only %s", THE_WORKSPACE);
    if (e == ERR_OK)
        e = code_of_key(k, &q->who->key, &f);
    if (e != ERR_OK) {
        api_fault(q, &f);
        return;
    }
    memcpy(c->create.origin, c->asking.origin, sizeof c->create.origin);
    ticket_make(c->text, k->hash);
    api_audit(q, "app.code", str_c(c->asking.origin), STR_NONE);
    api_store(q, &c->create.call, STORE_CODE_CREATE, on_coded);
}
