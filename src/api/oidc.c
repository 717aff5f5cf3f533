/* oidc.c: signing in with an OpenID provider: authorization code with PKCE, state and nonce.
 *
 *   /signin/oidc           discovery, unless it is known --> off to the provider, with a cookie that holds one secret
 *   /signin/oidc/callback  state right? --> code for tokens --> keys, asked for again if the token's is
 *                          not among them --> signature and claims --> (UserInfo) --> session
 *
 * State, nonce and verifier all follow from the cookie's secret: nothing is stored, and another
 * browser's answer does not fit. */
#include "api/signin.h"

#include <stdio.h>

#include "api/oidc_known.h"
#include "auth/callback.h"
#include "auth/pkce.h"
#include "base/base64.h"
#include "base/log.h"
#include "crypto/hmac.h"
#include "http/url.h"

#define OIDC_COOKIE "turnpike_oidc"

enum { FETCH_MS = 10000, FORM_MAX = 8192, CODE_TEXT_MAX = 4096, RETURN_MAX = 1500 };

struct state {
    const struct oidc_provider *provider;
    unsigned at; /* among all */
    struct str return_to, code;
    char ticket[TICKET_CHARS + 1];
    struct oidc_endpoints endpoints;
    struct api_fetch tokens, userinfo;
    struct json_tape tape;
    struct jwt jwt;
    bool has_jwt;
    struct oidc_identity identity;
    struct str access_token;
    struct store_user_identify identify;
    struct signin_cookie cookie;
};

static void release(void *state)
{
    struct state *s = state;
    json_tape_release(&s->tape);
    if (s->has_jwt)
        jwt_release(&s->jwt);
    api_fetch_release(&s->tokens);
    api_fetch_release(&s->userinfo);
}

/* --- refusals: the operator reads why, the person what to do --- */

static void refuse(struct api_request *q, const char *why)
{
    struct state *s = q->state;
    log_line(LOG_WARN, "sign-in with '%.*s' failed: %s",
             s && s->provider ? (int)s->provider->name.n : 0,
             s && s->provider ? s->provider->name.p : "", why);
    page_message(
        q, 401, "Signing in did not work",
        "The provider's answer could not be used. Try again; if it happens again, tell the "
        "people who run this Turnpike.",
        "/signin", "Sign in");
}

static bool is_answer(struct api_request *q, const struct api_fetch *fetch, const char *what)
{
    const struct courier_job *j = &fetch->get.job;
    const struct courier_answer *a =
        j->kind == COURIER_POST ? &fetch->post.answer : &fetch->get.answer;
    char why[400];
    if (j->err == ERR_OK && a->status == 200)
        return true;
    if (j->err != ERR_OK)
        snprintf(why, sizeof why, "%s: %s", what, j->fault.message);
    else
        snprintf(why, sizeof why, "%s was answered with %d", what, a->status);
    refuse(q, why);
    return false;
}

static struct state *state_new(struct api_request *q)
{
    struct state *s = api_state(q, sizeof *s);
    if (!s)
        return NULL;
    json_tape_init(&s->tape, OIDC_NODES_MAX);
    if (arena_defer(&q->arena, release, s))
        return s;
    api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    return NULL;
}

static struct oidc_known *known_of(struct api_request *q)
{
    return &q->api->oidc[((struct state *)q->state)->at];
}

/* Of this request's own: what is kept may be read anew while it waits. */
static bool discovered(struct api_request *q)
{
    struct state *s = q->state;
    const struct document *d = &known_of(q)->discovery;
    const struct oidc_endpoints *e = d->what;
    if (e)
        s->endpoints = *e;
    else
        refuse(q, d->fault.message);
    return e != NULL;
}

/* Where nobody answers as they should the provider may have moved: the next sign-in looks again. A
 * code that is refused says nothing of the kind. */
static void doubt_endpoints(struct api_request *q, const struct api_fetch *fetch)
{
    const struct courier_job *j = &fetch->get.job;
    int status = j->kind == COURIER_POST ? fetch->post.answer.status : fetch->get.answer.status;
    if (j->err != ERR_OK || (status != 200 && status != 400 && status != 401))
        document_doubt(&known_of(q)->discovery);
}

static void add_parameter(struct buf *out, const char *name, struct str value)
{
    buf_add(out, out->n && out->p[out->n - 1] != '?' ? STR("&") : STR(""));
    buf_add_c(out, name);
    buf_add(out, STR("="));
    url_add_encoded(out, value);
}

static void add_redirect_uri(struct buf *out, struct api_request *q)
{
    char room[400];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    buf_add(&b, signin_of(q)->base_url);
    buf_add(&b, STR("/signin/oidc/callback"));
    add_parameter(out, "redirect_uri", buf_view(&b));
}

/* --- the way there --- */

static void set_cookie(struct api_request *q, const struct state *s)
{
    char room[4096];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    struct str to = s->return_to.n <= RETURN_MAX ? s->return_to : STR("/account");
    buf_printf(&b, "%s.%u.", s->ticket, s->at);
    url_add_encoded(&b, to);
    api_set_cookie(q, STR(OIDC_COOKIE), buf_view(&b), "; Path=/signin/oidc; Max-Age=600");
}

static void clear_cookie(struct api_request *q)
{
    api_set_cookie(q, STR(OIDC_COOKIE), STR(""), "; Path=/signin/oidc; Max-Age=0");
}

static void send_there(struct api_request *q)
{
    struct state *s = q->state;
    uint8_t ignored[TICKET_HASH_BYTES];
    char text[TICKET_CHARS + 1], challenge[CHALLENGE_MAX + 1];
    if (!discovered(q))
        return;
    struct buf *out = &q->out;
    ticket_make(s->ticket, ignored);
    buf_reset(out);
    buf_add_c(out, s->endpoints.authorization);
    if (!strchr(s->endpoints.authorization, '?'))
        buf_add(out, STR("?"));
    add_parameter(out, "response_type", STR("code"));
    add_parameter(out, "client_id", s->provider->client_id);
    add_redirect_uri(out, q);
    add_parameter(out, "scope", STR("openid email"));
    ticket_derive(str_c(s->ticket), STR("state"), text);
    add_parameter(out, "state", str_c(text));
    ticket_derive(str_c(s->ticket), STR("nonce"), text);
    add_parameter(out, "nonce", str_c(text));
    ticket_derive(str_c(s->ticket), STR("verifier"), text);
    pkce_s256(str_c(text), challenge);
    add_parameter(out, "code_challenge", str_c(challenge));
    add_parameter(out, "code_challenge_method", STR("S256"));
    struct str url = out->failed == ERR_OK ? arena_str(&q->arena, buf_view(out)) : STR_NONE;
    if (!url.p) {
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
        return;
    }
    set_cookie(q, s);
    api_redirect(q, 302, url);
}

void oidc_begin(struct api_request *q)
{
    const struct signin *all = signin_of(q);
    struct str name = api_query(q, STR("provider")), to = api_query(q, STR("return_to"));
    struct state *s = state_new(q);
    if (!s)
        return;
    for (unsigned i = 0; i < all->oidc_n; i++) {
        if (!str_eq(all->oidc[i].name, name))
            continue;
        s->provider = &all->oidc[i];
        s->at = i;
    }
    s->return_to = return_path_is_right(to) ? to : STR("/account");
    if (!s->provider)
        page_message(q, 404, "There is no such provider",
                     "This Turnpike does not know the provider that was named.", "/signin",
                     "Sign in");
    else
        oidc_known_discover(known_of(q), q, send_there);
}

/* --- the way back --- */

/* "TICKET.AT.RETURN" */
static bool cookie_read(struct api_request *q, struct state *s)
{
    const struct signin *all = signin_of(q);
    struct str rest = api_cookie(q, STR(OIDC_COOKIE)), ticket = str_cut(&rest, '.');
    struct str at = str_cut(&rest, '.');
    uint8_t ignored[TICKET_HASH_BYTES];
    uint64_t n;
    if (!ticket_hash(ticket, ignored) || !str_u64(at, UINT32_MAX, &n) || n >= all->oidc_n)
        return false;
    memcpy(s->ticket, ticket.p, TICKET_CHARS);
    s->at = (unsigned)n;
    s->provider = &all->oidc[n];
    char *room = rest.n ? arena_alloc(&q->arena, rest.n + 1) : NULL;
    struct buf b = {.p = room, .cap = rest.n + 1, .max = rest.n + 1};
    struct str to = room ? url_segment(rest, &b) : STR_NONE;
    s->return_to = return_path_is_right(to) ? to : STR("/account");
    return true;
}

static void on_identified(struct api_request *q)
{
    struct state *s = q->state;
    enum err e = s->identify.call.err;
    explicit_bzero(s->identify.user.password, sizeof s->identify.user.password);
    if (e == ERR_OK) {
        session_give(q, &s->cookie);
        page_see_other(q, s->return_to);
    } else if (e == ERR_NOT_FOUND || e == ERR_FORBIDDEN) {
        page_message(q, 403, "You may not sign in here",
                     "The provider knows you, but there is no account for you here. Ask the people "
                     "who run this Turnpike to invite you.",
                     "/signin", "Sign in");
    } else if (e == ERR_CONFLICT) {
        page_message(q, 409, "Sign in another way first",
                     "There is an account with your address whose owner has not proven that it is "
                     "theirs.",
                     "/signin", "Sign in");
    } else {
        page_fault(q, &s->identify.call.fault);
    }
}

static void identify(struct api_request *q)
{
    struct state *s = q->state;
    struct str issuer = s->provider->issuer;
    if (!oidc_domain_is_allowed(s->provider, &s->identity)) {
        page_message(q, 403, "You may not sign in here",
                     "Your address is not among those that this provider may vouch for here.",
                     "/signin", "Sign in");
        return;
    }
    memcpy(s->identify.issuer, issuer.p, issuer.n);
    memcpy(s->identify.subject, s->identity.subject, sizeof s->identify.subject);
    memcpy(s->identify.user.email, s->identity.email, sizeof s->identify.user.email);
    s->identify.is_proven = s->identity.is_proven && email_is_right(str_c(s->identity.email));
    s->identify.may_signup = s->provider->allow_signup;
    session_begin(q, &s->identify.session, &s->cookie, "oidc");
    api_store(q, &s->identify.call, STORE_USER_IDENTIFY, on_identified);
}

static void on_userinfo(struct api_request *q)
{
    struct state *s = q->state;
    struct fault f;
    doubt_endpoints(q, &s->userinfo);
    if (!is_answer(q, &s->userinfo, "UserInfo"))
        return;
    if (oidc_userinfo_read(&s->tape, buf_view(&s->userinfo.get.answer.body), &s->identity, &f) !=
        ERR_OK)
        refuse(q, f.message);
    else
        identify(q);
}

static void ask_userinfo(struct api_request *q)
{
    struct state *s = q->state;
    char *room = arena_alloc(&q->arena, s->access_token.n + 8);
    struct buf b = {.p = room, .cap = s->access_token.n + 8, .max = s->access_token.n + 8};
    if (!room) {
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
        return;
    }
    buf_add(&b, STR("Bearer "));
    buf_add(&b, s->access_token);
    s->userinfo.get = (struct courier_get){.job.kind = COURIER_GET,
                                           .url = str_c(s->endpoints.userinfo),
                                           .authorization = secret_of(buf_view(&b)),
                                           .body_max = OIDC_DOCUMENT_MAX,
                                           .timeout_ms = FETCH_MS};
    api_fetch(q, &s->userinfo, on_userinfo);
}

/* The signature is right. */
static void on_signed(struct api_request *q)
{
    struct state *s = q->state;
    struct fault f;
    char nonce[TICKET_CHARS + 1];
    ticket_derive(str_c(s->ticket), STR("nonce"), nonce);
    if (oidc_token_check(s->provider, &s->jwt, str_c(nonce), clock_wall_ms() / 1000, &s->identity,
                         &f) != ERR_OK)
        refuse(q, f.message);
    else if (!s->identity.email[0] && s->endpoints.userinfo[0] && s->access_token.n)
        ask_userinfo(q);
    else
        identify(q);
}

static void on_keys(struct api_request *q)
{
    struct state *s = q->state;
    struct oidc_known *known = known_of(q);
    const struct document *d = &known->keys;
    const struct sign_key *k = jwks_find(d->what, jwt_kid(&s->jwt), s->jwt.alg);
    if (d->fault.message[0]) /* they may have moved */
        document_doubt(&known->discovery);
    if (!d->what)
        refuse(q, d->fault.message);
    else if (!k)
        refuse(q, "the token's key is not among the provider's");
    else if (!jwt_is_signed(&s->jwt, k))
        refuse(q, "the token's signature is wrong");
    else
        on_signed(q);
}

static struct str text_of(struct api_request *q, struct json v)
{
    size_t n = json_raw_str(v).n;
    char *room = json_is(v, JSON_STRING) ? arena_alloc(&q->arena, n + 1) : NULL;
    struct buf b = {.p = room, .cap = n + 1, .max = n + 1};
    struct str s = room ? json_str(v, &b) : STR_NONE;
    return s.p ? arena_str(&q->arena, s) : STR_NONE;
}

static void on_tokens(struct api_request *q)
{
    struct state *s = q->state;
    struct json root;
    struct fault f;
    doubt_endpoints(q, &s->tokens);
    if (!is_answer(q, &s->tokens, "the token endpoint"))
        return;
    if (json_parse(&s->tape, buf_view(&s->tokens.post.answer.body), &root, &f) != ERR_OK) {
        refuse(q, "the token endpoint's answer is no JSON");
        return;
    }
    struct str id_token = text_of(q, json_get(root, STR("id_token")));
    s->access_token = text_of(q, json_get(root, STR("access_token")));
    for (size_t i = 0; i < s->access_token.n; i++) {
        if (s->access_token.p[i] <= ' ' || s->access_token.p[i] >= 0x7f)
            s->access_token = STR_NONE;
    }
    s->has_jwt = true;
    if (jwt_parse(&s->jwt, id_token, &f) != ERR_OK)
        refuse(q, f.message);
    else
        oidc_known_ask_key(known_of(q), q, str_c(s->endpoints.jwks), jwt_kid(&s->jwt), s->jwt.alg,
                           on_keys);
}

/* RFC 6749, 2.3.1: both halves encoded as in a form, then joined. */
static struct secret basic(struct api_request *q, const struct oidc_provider *p)
{
    char pair[2048];
    struct buf b = {.p = pair, .cap = sizeof pair, .max = sizeof pair};
    url_add_encoded(&b, p->client_id);
    buf_add(&b, STR(":"));
    url_add_encoded(&b, secret_reveal(p->client_secret));
    char *room = arena_alloc(&q->arena, BASE64_SIZE(sizeof pair) + 6);
    if (!room || b.failed != ERR_OK)
        return secret_of(STR_NONE);
    memcpy(room, "Basic ", 6);
    size_t n = base64_encode(BASE64_PLAIN, room + 6, b.p, b.n);
    explicit_bzero(pair, sizeof pair);
    return secret_of(str_of(room, n + 6));
}

static void exchange(struct api_request *q)
{
    struct state *s = q->state;
    const struct oidc_provider *p = s->provider;
    bool has_secret = !secret_is_empty(p->client_secret);
    char verifier[TICKET_CHARS + 1];
    if (!discovered(q))
        return;
    char *room = arena_alloc(&q->arena, FORM_MAX);
    struct buf form = {.p = room, .cap = FORM_MAX, .max = FORM_MAX};
    if (!room) {
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
        return;
    }
    ticket_derive(str_c(s->ticket), STR("verifier"), verifier);
    add_parameter(&form, "grant_type", STR("authorization_code"));
    add_parameter(&form, "code", s->code);
    add_redirect_uri(&form, q);
    add_parameter(&form, "code_verifier", str_c(verifier));
    if (!has_secret || s->endpoints.secret_in_body)
        add_parameter(&form, "client_id", p->client_id);
    if (has_secret && s->endpoints.secret_in_body)
        add_parameter(&form, "client_secret", secret_reveal(p->client_secret));
    if (form.failed != ERR_OK) {
        refuse(q, "the provider's code is too long");
        return;
    }
    s->tokens.post = (struct courier_post){.job.kind = COURIER_POST,
                                           .url = str_c(s->endpoints.token),
                                           .content_type = STR("application/x-www-form-urlencoded"),
                                           .body = secret_of(buf_view(&form)),
                                           .body_max = OIDC_DOCUMENT_MAX,
                                           .timeout_ms = FETCH_MS};
    if (has_secret && !s->endpoints.secret_in_body)
        s->tokens.post.authorization = basic(q, p);
    api_fetch(q, &s->tokens, on_tokens);
}

static bool state_is_right(struct api_request *q, const struct state *s)
{
    char wanted[TICKET_CHARS + 1];
    ticket_derive(str_c(s->ticket), STR("state"), wanted);
    return secret_eq(secret_of(api_query(q, STR("state"))), secret_of(str_c(wanted)));
}

void oidc_callback(struct api_request *q)
{
    struct state *s = state_new(q);
    if (!s)
        return;
    struct str issuer = api_query(q, STR("iss"));
    s->code = api_query(q, STR("code"));
    bool is_ours = cookie_read(q, s) && state_is_right(q, s);
    clear_cookie(q);
    if (!is_ours)
        refuse(q, "the answer belongs to no sign-in of this browser (state)");
    else if (issuer.p && !str_eq(issuer, s->provider->issuer)) /* RFC 9207 */
        refuse(q, "the answer is of another issuer (iss)");
    else if (!s->code.n || s->code.n > CODE_TEXT_MAX)
        refuse(q, "the provider gave no code");
    else
        oidc_known_discover(known_of(q), q, exchange);
}
