/* oauth_token.c: POST /oauth/token: token exchange (RFC 8693): a token of a configured issuer for an
 * access token that acts as one key; GET /oauth/jwks: what our tokens are verified with.
 *
 *   form right? -> token's shape -> policy there? -> its claims fit -> issuer's keys --> signature
 *     -> the policy's key may be used, from here -> our signing key -> noted -> the token
 *
 * What is wrong with the request or the token's shape is told to whoever asks. Why a token does not fit
 * a policy is not: the log tells it to the operator. */
#include "api/oauth_token.h"

#include <stdio.h>

#include "api/signin.h"
#include "api/trust.h"
#include "base/codec.h"
#include "base/log.h"

#define GRANT       "urn:ietf:params:oauth:grant-type:token-exchange"
#define TYPE_JWT    "urn:ietf:params:oauth:token-type:jwt"
#define TYPE_ACCESS "urn:ietf:params:oauth:token-type:access_token"
#define SCOPE       "inference"

enum {
    RETRY_S = 10,       /* where the issuer's keys or our store do not answer */
    LOGS_MAX = 20,      /* refusals that are logged, of one worker, */
    LOGS_MS = 60 * 1000 /* in this time */
};

struct exchange {
    struct jwt jwt;
    bool has_jwt;
    struct str kid, subject;
    struct store_federation_get get;
    struct issuer *issuer;
    struct signer_wait signing;
    struct api_request *q;
    struct store_token_issue issue;
    struct token token;
    char actor[16 + FEDERATION_ID_CHARS]; /* in the audit log */
};

static void release(void *exchange)
{
    struct exchange *x = exchange;
    struct signer_wait *w = &x->signing;
    signers_leave(w);
    if (x->has_jwt)
        jwt_release(&x->jwt);
    if (x->issuer)
        issuer_leave(x->issuer);
}

/* --- refusals --- */

static void write_error(struct api_request *q, const char *error, const char *description)
{
    struct json_writer w;
    buf_reset(&q->out);
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_str_c(&w, "error", error);
    jw_str_c(&w, "error_description", description);
    jw_finish(&w);
    buf_add(&q->fields, STR("Cache-Control: no-store\r\n"));
}

void oauth_write_error(struct api_request *q, const struct fault *f)
{
    int status = err_status(f->err);
    write_error(q,
                status == 503   ? "temporarily_unavailable"
                : status >= 500 ? "server_error"
                                : "invalid_request",
                f->message);
    if (status == 503)
        buf_printf(&q->fields, "Retry-After: %d\r\n", RETRY_S);
    if (status == 429) /* until the minute is over */
        buf_printf(&q->fields, "Retry-After: %d\r\n", 60 - (int)(clock_wall_ms() / 1000 % 60));
}

static void refuse(struct api_request *q, const char *error, const char *description)
{
    write_error(q, error, description);
    api_reply_buf(q, 400);
}

/* The operator learns why, but whoever asks cannot fill the log. */
static bool may_log(struct api *a)
{
    uint64_t now = io_now_ms(a->w->loop);
    if (now - a->refusals_since_ms >= LOGS_MS) {
        a->refusals_since_ms = now;
        a->refusals_n = 0;
    }
    return a->refusals_n++ < LOGS_MAX;
}

static void log_refusal(struct api_request *q, const struct exchange *x, const char *why)
{
    struct log_line l;
    if (!may_log(q->api))
        return;
    log_begin(&l, LOG_WARN, "a token was not exchanged");
    log_str(&l, "policy", str_c(x->get.id));
    log_str(&l, "why", str_c(why));
    log_str(&l, "address", q->peer);
    log_end(&l);
}

/* One text for all of it: nobody learns what a policy says by trying. */
static void refuse_token(struct api_request *q, const char *why)
{
    log_refusal(q, q->state, why);
    refuse(q, "invalid_grant",
           "The subject token was not accepted under this federation policy; the gateway's log "
           "says why");
}

static void refuse_for_now(struct api_request *q, const char *why)
{
    log_refusal(q, q->state, why);
    attempts_right(signin_of(q)->attempts, ATTEMPTS_TOKEN, q->peer); /* it was not its fault */
    api_refuse(q, ERR_OVERLOADED, "The token cannot be looked at now: try again later");
}

/* --- the answer --- */

static void write_answer(struct api_request *q, const struct exchange *x, struct str text)
{
    struct json_writer w;
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_str(&w, "access_token", text);
    jw_str_c(&w, "issued_token_type", TYPE_ACCESS);
    jw_str_c(&w, "token_type", "Bearer");
    jw_i64(&w, "expires_in", x->token.expires_s - x->token.issued_s);
    jw_str_c(&w, "scope", SCOPE);
    jw_finish(&w);
    buf_add(&q->fields, STR("Cache-Control: no-store\r\nPragma: no-cache\r\n"));
}

static const struct token_shared *ours(const struct api_request *q)
{
    return q->api->w->shared->tokens;
}

static void on_issued(struct api_request *q)
{
    struct exchange *x = q->state;
    char room[TOKEN_TEXT_MAX];
    struct buf text = {.p = room, .cap = sizeof room, .max = sizeof room};
    struct str kid;
    const struct store_call *call = &x->issue.call;
    const struct sign_key *k = signers_newest(gate_signers(q->api->w->gate), clock_wall_ms(), &kid);
    if (call->err == ERR_NOT_FOUND) {
        refuse_token(q, call->fault.message);
        return;
    }
    if (call->err != ERR_OK) {
        api_fault(q, &call->fault);
        return;
    }
    if (!k || token_add(&text, k, kid, ours(q)->issuer, &x->token) != ERR_OK) {
        refuse_for_now(q, "there is no key that could sign");
        return;
    }
    attempts_right(signin_of(q)->attempts, ATTEMPTS_TOKEN, q->peer);
    write_answer(q, x, buf_view(&text));
    explicit_bzero(room, sizeof room);
    api_reply_buf(q, 200);
}

/* --- noting it --- */

/* Never beyond the subject token, nor the key. False: nothing of it is left. */
static bool set_times(struct exchange *x, const struct principal *p)
{
    int64_t now_s = clock_wall_ms() / 1000, exp = 0;
    int64_t ends_s = now_s + x->get.row.lifetime_s;
    if (!jwt_time(&x->jwt, STR("exp"), &exp))
        return false;
    if (exp < ends_s)
        ends_s = exp;
    if (p->key.expires_ms && p->key.expires_ms / 1000 < ends_s)
        ends_s = p->key.expires_ms / 1000;
    x->token.issued_s = now_s;
    x->token.expires_s = ends_s;
    return ends_s > now_s;
}

static void note(struct api_request *q)
{
    struct exchange *x = q->state;
    char room[4096], time[CLOCK_ISO_MAX], hash[2 * KEY_HASH_BYTES];
    struct str subject = str_head(x->subject, FEDERATION_TEXT_MAX);
    struct buf detail = {.p = room, .cap = sizeof room, .max = sizeof room};
    struct json_writer w;
    json_writer_init(&w, &detail);
    jw_object(&w, NULL);
    jw_str_c(&w, "policy", x->get.row.id);
    jw_str_c(&w, "issuer", x->get.row.issuer);
    jw_str(&w, "subject", subject);
    jw_str(&w, "expires_at", clock_iso(x->token.expires_s * 1000, time));
    jw_finish(&w);
    q->account_id = x->get.row.account_id;
    hex_encode(hash, x->get.row.key_hash, KEY_HASH_BYTES);
    snprintf(x->actor, sizeof x->actor, "federation:%s", x->get.row.id);
    api_audit(q, "token.exchange", str_of(hash, sizeof hash), buf_view(&detail));
    q->audit.actor = str_c(x->actor);
    q->audit.label = subject;
    memcpy(x->issue.id, x->get.row.id, sizeof x->issue.id);
    api_store(q, &x->issue.call, STORE_TOKEN_ISSUE, on_issued);
}

/* --- the key as which it will act --- */

static bool locate(const void *where, struct address *out)
{
    return address_parse(((const struct api_request *)where)->peer, out);
}

static void go_on(struct api_request *q)
{
    struct exchange *x = q->state;
    memcpy(x->token.key_hash, x->get.row.key_hash, sizeof x->token.key_hash);
    memcpy(x->token.policy, x->get.row.id, sizeof x->token.policy);
    x->token.scopes = TOKEN_INFERENCE;
    if (set_times(x, q->who))
        note(q);
    else
        refuse_token(q, "the token has expired");
}

static void refuse_key(struct api_request *q)
{
    enum err e = q->wait.fault.err;
    if (e == ERR_AUTH || e == ERR_FORBIDDEN)
        refuse_token(q, q->wait.fault.message);
    else
        api_fault(q, &q->wait.fault);
}

static void after_gate(struct api_request *q)
{
    if (q->who)
        go_on(q);
    else
        refuse_key(q);
}

/* The reference is the request's, also where its client is gone. */
static void on_gate(struct gate_wait *w)
{
    struct api_request *q = container_of(w, struct api_request, wait);
    q->who = w->principal;
    api_resume(q);
}

static void ask_gate(struct api_request *q)
{
    struct exchange *x = q->state;
    q->wait.done = on_gate;
    q->wait.locate = locate;
    q->wait.where = q;
    enum gate_answer a = gate_ask_for(q->api->w->gate, x->get.row.key_hash, &q->wait);
    if (a == GATE_WAIT) {
        api_wait(q, after_gate);
        return;
    }
    q->who = q->wait.principal;
    after_gate(q);
}

static void on_signers(struct signer_wait *w)
{
    api_resume(container_of(w, struct exchange, signing)->q);
}

static void ask_signers(struct api_request *q)
{
    struct exchange *x = q->state;
    x->q = q;
    x->signing.done = on_signers;
    if (signers_ask(gate_signers(q->api->w->gate), STR_NONE, &x->signing) == SIGNERS_READY)
        ask_gate(q);
    else
        api_wait(q, ask_gate);
}

/* --- the subject token --- */

static void judge(struct api_request *q)
{
    struct exchange *x = q->state;
    struct fault why;
    const struct sign_key *k = issuer_key(x->issuer, x->kid, x->jwt.alg, &why);
    if (!k && why.err == ERR_OVERLOADED)
        refuse_for_now(q, why.message);
    else if (!k)
        refuse_token(q, why.message);
    else if (!jwt_is_signed(&x->jwt, k))
        refuse_token(q, "the token's signature is wrong");
    else
        ask_signers(q);
}

static void on_policy(struct api_request *q)
{
    struct exchange *x = q->state;
    struct fault why;
    enum err e = x->get.call.err;
    if (e != ERR_OK && e != ERR_NOT_FOUND) {
        api_fault(q, &x->get.call.fault);
    } else if (e == ERR_NOT_FOUND) {
        refuse_token(q, "there is no such policy");
    } else if (x->get.row.disabled) {
        refuse_token(q, "the policy is disabled");
    } else if (federation_match(&x->get.row, &x->jwt, clock_wall_ms() / 1000, &why) != ERR_OK) {
        refuse_token(q, why.message);
    } else if (!(x->issuer = issuer_of(&q->api->issuers, &x->get.row))) {
        refuse_for_now(q, "too many issuers' keys are asked for");
    } else {
        issuer_ask(x->issuer, q, x->kid, x->jwt.alg, judge);
    }
}

/* --- the form --- */

static bool is_one_of(struct str s, const char *a, const char *b)
{
    return str_eq(s, str_c(a)) || str_eq(s, str_c(b));
}

/* Only the one there is, however often it is named. */
static bool scope_is_right(struct str scope)
{
    while (scope.n) {
        struct str word = str_cut(&scope, ' ');
        if (word.n && !str_eq(word, STR(SCOPE)))
            return false;
    }
    return true;
}

/* What is wrong with the form's fields but the two that matter; NULL: nothing. *error: its code. */
static const char *form_problem(struct api_request *q, const char **error)
{
    struct str grant = api_form_value(q, STR("grant_type"));
    struct str wanted = api_form_value(q, STR("requested_token_type"));
    *error = "invalid_request";
    if (!grant.n)
        return "grant_type: expected " GRANT ", got nothing";
    if (!str_eq(grant, STR(GRANT))) {
        *error = "unsupported_grant_type";
        return "grant_type: expected " GRANT;
    }
    if (!str_eq(api_form_value(q, STR("subject_token_type")), STR(TYPE_JWT)))
        return "subject_token_type: expected " TYPE_JWT;
    if (wanted.n && !is_one_of(wanted, TYPE_ACCESS, TYPE_JWT))
        return "requested_token_type: expected nothing or " TYPE_ACCESS;
    if (api_form_value(q, STR("actor_token")).n)
        return "actor_token: expected nothing: tokens act as the policy's key";
    *error = "invalid_scope";
    return scope_is_right(api_form_value(q, STR("scope"))) ? NULL : "scope: expected " SCOPE;
}

/* False: answered with 429. */
static bool is_let_on(struct api_request *q)
{
    uint64_t wait =
        attempts_take(signin_of(q)->attempts, ATTEMPTS_TOKEN, q->peer, io_now_ms(q->api->w->loop));
    if (!wait)
        return true;
    write_error(q, "invalid_request",
                "Too many tokens that were not accepted come from this address: wait a little");
    buf_printf(&q->fields, "Retry-After: %llu\r\n", (unsigned long long)((wait + 999) / 1000));
    api_reply_buf(q, 429);
    return false;
}

/* The token's shape: what is wrong with that tells nothing of us. */
static bool read_token(struct api_request *q, struct exchange *x, struct str text)
{
    struct fault f;
    char sentence[sizeof f.message + 20] = "subject_token: ";
    x->has_jwt = true;
    enum err e = jwt_parse(&x->jwt, text, &f);
    if (e == ERR_OK) {
        x->kid = jwt_kid(&x->jwt);
        x->subject = jwt_claim(&x->jwt, STR("sub"));
        return true;
    }
    strncat(sentence, f.message, sizeof sentence - strlen(sentence) - 1);
    if (e == ERR_INVALID)
        refuse(q, "invalid_grant", sentence);
    else
        api_refuse(q, e, "%s", sentence);
    return false;
}

static struct exchange *exchange_new(struct api_request *q)
{
    struct exchange *x = api_state(q, sizeof *x);
    if (!x)
        return NULL;
    if (arena_defer(&q->arena, release, x))
        return x;
    api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    return NULL;
}

void oauth_token(struct api_request *q)
{
    const char *error, *problem;
    struct exchange *x;
    if (!api_form(q))
        return;
    if ((problem = form_problem(q, &error))) {
        refuse(q, error, problem);
        return;
    }
    struct str id = api_form_value(q, STR("federation_policy_id"));
    struct str text = api_form_value(q, STR("subject_token"));
    if (!text.n)
        refuse(q, "invalid_request", "subject_token: expected a JWT, got nothing");
    else if (!id.n)
        refuse(q, "invalid_request", "federation_policy_id: expected a policy's id, got nothing");
    else if (!ours(q))
        api_refuse(q, ERR_OVERLOADED, "This gateway exchanges no tokens");
    else if (is_let_on(q) && (x = exchange_new(q)) && read_token(q, x, text)) {
        if (!federation_id_is_right(id)) {
            refuse_token(q, "there is no such policy");
            return;
        }
        memcpy(x->get.id, id.p, id.n);
        api_store(q, &x->get.call, STORE_FEDERATION_GET, on_policy);
    }
}

/* --- GET /oauth/jwks --- */

struct listing {
    struct signer_wait wait;
    struct api_request *q;
};

static void show_keys(struct api_request *q)
{
    struct json_writer w;
    json_writer_init(&w, &q->out);
    signers_write(gate_signers(q->api->w->gate), clock_wall_ms(), &w);
    jw_finish(&w);
    buf_add(&q->fields, STR("Cache-Control: public, max-age=300\r\n"));
    api_reply_buf(q, 200);
}

static void on_listing(struct signer_wait *w)
{
    api_resume(container_of(w, struct listing, wait)->q);
}

void oauth_jwks(struct api_request *q)
{
    struct signers *s = gate_signers(q->api->w->gate);
    struct listing *l = api_state(q, sizeof *l);
    if (!l)
        return;
    l->q = q;
    l->wait.done = on_listing;
    if (!s)
        api_reply(q, 200, STR("{\"keys\":[]}"));
    else if (signers_ask(s, STR_NONE, &l->wait) == SIGNERS_READY)
        show_keys(q);
    else
        api_wait(q, show_keys);
}
