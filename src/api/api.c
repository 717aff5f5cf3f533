#include "api/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/oauth_token.h"
#include "api/signin.h"
#include "api/trust.h"
#include "http/url.h"
#include "relay/relay.h"

enum {
    QUERY_MAX = 4096,
    COOKIES_MAX = 4096,
    NOTE_MAX = 200,
    ARENA_BLOCK = 2048,
    ARENA_MAX = 1024 * 1024,
    OUT_MAX = 16 * 1024 * 1024,
    FIELDS_MAX = 16 * 1024,
};

/* --- a request's life
 * ----------------------------------------------------------------------------- */

static void person_leave(struct api_request *q)
{
    struct person_wait *w = &q->person_wait;
    if (w->source)
        w->source->leave(w);
    w->source = NULL;
}

static void request_free(struct api_request *q)
{
    q->api->requests--;
    gate_leave(&q->wait);
    person_leave(q);
    principal_unref(q->who);
    if (q->person)
        q->api->w->persons->release(q->api->w->persons, q->person);
    if (q->body.n)
        explicit_bzero(q->body.p, q->body.n); /* it may hold a password or a key */
    if (q->out.n)
        explicit_bzero(q->out.p, q->out.n);
    buf_release(&q->body);
    buf_release(&q->out);
    buf_release(&q->fields);
    arena_release(&q->arena);
    free(q);
}

static void on_gone(void *user)
{
    struct api_request *q = user;
    q->stream = NULL;
    if (!q->is_waiting)
        request_free(q);
}

/* --- answering
 * ------------------------------------------------------------------------------------ */

/* The stream is over; the request too. */
static void send(struct api_request *q, int status, struct str content_type, struct str body)
{
    struct http_stream *s = q->stream;
    struct buf fields;
    BUG_ON(!s || q->is_waiting);
    buf_init(&fields, 2 * FIELDS_MAX);
    reply_fields_add(&fields, &q->context, content_type, buf_view(&q->fields));
    q->stream = NULL;
    q->api->w->metrics.requests[status]++;
    if (fields.failed != ERR_OK || q->fields.failed != ERR_OK)
        http_abort(s);
    else
        http_respond(s, status, buf_view(&fields), &body, 1);
    buf_release(&fields);
    request_free(q);
}

void api_reply_as(struct api_request *q, int status, struct str content_type, struct str body)
{
    send(q, status, content_type, body);
}

void api_reply(struct api_request *q, int status, struct str body)
{
    send(q, status, STR("application/json"), body);
}

void api_reply_buf(struct api_request *q, int status)
{
    if (q->out.failed != ERR_OK)
        api_refuse(q, ERR_NOMEM, "No memory for this answer: try again later");
    else
        api_reply(q, status, buf_view(&q->out));
}

void api_fault(struct api_request *q, const struct fault *f)
{
    buf_reset(&q->out);
    if (q->route->access == ACCESS_TOKEN)
        oauth_write_error(q, f);
    else
        reply_write_error(&q->out, f, 0, STR_NONE);
    struct str body = q->out.failed == ERR_OK ? buf_view(&q->out) : STR("{}");
    send(q, err_status(f->err), STR("application/json"), body);
}

void api_refuse(struct api_request *q, enum err e, const char *fmt, ...)
{
    struct fault f = {.err = e};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f.message, sizeof f.message, fmt, ap);
    va_end(ap);
    api_fault(q, &f);
}

void api_html(struct api_request *q, int status, struct str body)
{
    buf_add(&q->fields,
            STR("Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; "
                "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"));
    if (q->form_target.n) /* browsers hold redirects after a form to this, too */
        buf_add(&q->fields, STR(" "));
    buf_add(&q->fields, q->form_target);
    buf_add(&q->fields,
            STR("\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
                "Cache-Control: no-store\r\n"));
    send(q, status, STR("text/html; charset=utf-8"), body);
}

/* What goes into a line of a head must not end it. */
static bool is_line(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    }
    return true;
}

void api_redirect(struct api_request *q, int status, struct str url)
{
    if (!is_line(url)) {
        api_refuse(q, ERR_INVALID, "The address to go on to holds control characters");
        return;
    }
    buf_add(&q->fields, STR("Location: "));
    buf_add(&q->fields, url);
    buf_add(&q->fields, STR("\r\nCache-Control: no-store\r\n"));
    send(q, status, STR("text/plain"), STR_NONE);
}

/* Also behind a proxy that ends TLS. */
static bool is_secure(const struct api_request *q)
{
    const struct signin *s = q->api->shared->signin;
    return http_is_tls(q->stream) || (s && str_starts(s->public_url, STR("https://")));
}

void api_set_cookie(struct api_request *q, struct str name, struct str value,
                    const char *attributes)
{
    BUG_ON(!is_line(value) || memchr(value.n ? value.p : "", ';', value.n));
    buf_printf(&q->fields, "Set-Cookie: %.*s=%.*s%s; HttpOnly; SameSite=Lax%s\r\n", STR_ARG(name),
               STR_ARG(value), attributes, is_secure(q) ? "; Secure" : "");
}

/* --- running the handler
 * ------------------------------------------------------------------------------ */

static bool is_unsafe(const struct route *r)
{
    return r->method != HTTP_GET && r->method != HTTP_HEAD;
}

/* Equal, in a time that does not tell where they differ. */
static bool is_same_secret(struct str a, struct str b)
{
    unsigned differ = a.n != b.n || b.n == 0;
    for (size_t i = 0; i < b.n; i++)
        differ |= (unsigned)(a.n ? a.p[i % a.n] : 0) ^ (unsigned)b.p[i];
    return differ == 0;
}

/* A cookie is sent by a browser whoever made it ask: what changes something needs a word that only
 * our own pages know. */
static bool csrf_is_right(struct api_request *q)
{
    struct str token = q->csrf;
    if (!token.n && q->body.n)
        token = api_form_value(q, STR("csrf"));
    return is_same_secret(token, str_c(q->person->csrf));
}

static void go_on(struct api_request *q)
{
    if (!q->is_known || !q->has_body)
        return;
    bool is_page = q->route->access == ACCESS_PAGE, changes = is_unsafe(q->route);
    if ((q->person || is_page) && changes && q->is_foreign)
        api_refuse(q, ERR_FORBIDDEN, "Origin: another site's page may not do this");
    else if (is_page && changes && !page_csrf_is_right(q))
        page_refuse_csrf(q);
    else if (q->person && !is_page && changes && !csrf_is_right(q))
        api_refuse(q, ERR_FORBIDDEN,
                   "X-CSRF-Token, or the form's field csrf: expected this session's token");
    else
        q->route->run(q);
}

static void on_body(void *user, struct str bytes)
{
    struct api_request *q = user;
    if (!q->route->body_max || buf_add(&q->body, bytes) == ERR_OK)
        return;
    if (q->body.failed == ERR_TOO_BIG)
        api_refuse(q, ERR_TOO_BIG, "The body: expected at most %u bytes", q->route->body_max);
    else
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
}

static void on_body_end(void *user)
{
    struct api_request *q = user;
    if (!q->route->body_max)
        return;
    q->has_body = true;
    go_on(q);
}

static const struct http_handler handler = {
    .on_body = on_body, .on_body_end = on_body_end, .on_gone = on_gone};

/* --- credentials
 * ------------------------------------------------------------------------------------ */

static void know_key(struct api_request *q, struct principal *p)
{
    q->who = p;
    q->account_id = p->key.account_id;
    q->is_known = true;
    go_on(q);
}

static void know_person(struct api_request *q, struct person *p)
{
    q->person = p;
    q->account_id = p ? p->account_id : 0;
    q->is_known = true;
    go_on(q);
}

static void on_key(struct gate_wait *w)
{
    struct api_request *q = container_of(w, struct api_request, wait);
    if (w->principal)
        know_key(q, w->principal);
    else
        api_fault(q, &w->fault);
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
        api_fault(q, &q->wait.fault);
}

static void refuse_person(struct api_request *q)
{
    if (q->route->access == ACCESS_PAGE)
        know_person(q, NULL);
    else
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

static void authenticate(struct api_request *q, const struct http_head *head)
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

/* --- dispatch
 * ------------------------------------------------------------------------------------- */

static void refuse(struct api *a, struct http_stream *s, const struct http_head *head,
                   const struct fault *f, struct str more)
{
    struct reply_context c;
    reply_context_init(&c, relay_worker_random(a->w), head);
    a->w->metrics.requests[err_status(f->err)]++;
    reply_fault(s, &c, f, more);
}

/* CORS (Fetch, "CORS-preflight request"): the API is meant for browsers too, and no credential is
 * ambient: a session's cookie is not sent to another site's script. */
static void preflight(struct api *a, struct http_stream *s, const struct http_head *head)
{
    struct reply_context c;
    char methods[64], lines[512], room[REPLY_FIELDS_MAX];
    reply_context_init(&c, relay_worker_random(a->w), head);
    struct str allowed = route_methods(head->path, methods);
    int n = snprintf(lines, sizeof lines,
                     "Allow: %.*s\r\nAccess-Control-Allow-Methods: %.*s\r\n"
                     "Access-Control-Allow-Headers: Authorization, Content-Type, X-API-Key, "
                     "HTTP-Referer, X-Title, Anthropic-Version, Anthropic-Beta, "
                     "X-OpenRouter-Title, X-OpenRouter-Categories, X-OpenRouter-Metadata\r\n"
                     "Access-Control-Max-Age: 86400\r\n",
                     STR_ARG(allowed), STR_ARG(allowed));
    a->w->metrics.requests[204]++;
    http_respond(s, 204, reply_fields(&c, STR("text/plain"), str_of(lines, (size_t)n), room), NULL,
                 0);
}

static void not_found(struct api *a, struct http_stream *s, const struct http_head *head,
                      bool path_exists)
{
    struct fault f;
    char methods[64], line[96];
    if (!path_exists) {
        fault_write(&f, ERR_NOT_FOUND,
                    "No such path: the API lies under /api/v1, for example POST "
                    "/api/v1/chat/completions");
        refuse(a, s, head, &f, STR_NONE);
        return;
    }
    struct str allowed = route_methods(head->path, methods);
    int n = snprintf(line, sizeof line, "Allow: %.*s\r\n", STR_ARG(allowed));
    bool is_known = head->method != HTTP_OTHER;
    fault_write(&f, ERR_METHOD, "%s is not allowed here: use one of %.*s",
                is_known ? http_method_name(head->method) : "This method", STR_ARG(allowed));
    refuse(a, s, head, &f, str_of(line, (size_t)n));
}

static struct str keep(struct api_request *q, struct str s)
{
    return s.n ? arena_str(&q->arena, s) : STR_NONE;
}

static bool keep_params(struct api_request *q, const struct str params[PARAMS_MAX])
{
    for (int i = 0; i < PARAMS_MAX && params[i].p; i++) {
        char *room = arena_alloc(&q->arena, params[i].n + 1);
        struct buf b = {.p = room, .cap = params[i].n + 1, .max = params[i].n + 1};
        if (!room)
            return false;
        q->params[i] = url_segment(params[i], &b);
    }
    return true;
}

/* RFC 6454: a browser says which site's page makes it ask. Ours is known by the name under which
 * the request came, or by the name that the operator gave. */
static bool is_foreign(struct api_request *q, const struct http_head *head)
{
    const struct signin *s = q->api->shared->signin;
    struct str origin = http_field(head, STR("origin")), host = http_field(head, STR("host"));
    struct url ours;
    if (!origin.p)
        return false;
    struct str authority = str_skip(origin, str_find(origin, STR("://")) + 3);
    if (authority.n && str_ieq(authority, host))
        return false;
    return !(s && s->public_url.n && url_parse(s->public_url, &ours, NULL) == ERR_OK &&
             authority.n && str_ieq(authority, ours.authority));
}

/* What of the head is looked at later. */
static enum err keep_head(struct api_request *q, const struct http_head *head,
                          const struct str params[PARAMS_MAX], struct fault *f)
{
    char room[CIDR_TEXT_MAX];
    struct address a;
    struct str cookies = http_field(head, STR("cookie"));
    struct str encoding = http_field(head, STR("content-encoding"));
    if (head->query.n > QUERY_MAX)
        return fault_set(f, ERR_INVALID, "The query string is longer than %d bytes", QUERY_MAX);
    if (encoding.n && !str_ieq(encoding, STR("identity")))
        return fault_set(f, ERR_INVALID,
                         "Content-Encoding: expected none, got a coding; send the body as it is");
    q->query = keep(q, head->query);
    q->cookies = cookies.n <= COOKIES_MAX ? keep(q, cookies) : STR_NONE;
    q->is_foreign = is_foreign(q, head);
    q->csrf = keep(q, str_head(http_field(head, STR("x-csrf-token")), NOTE_MAX));
    q->github_key =
        keep(q, str_head(http_field(head, STR("github-public-key-identifier")), NOTE_MAX));
    q->github_signature =
        keep(q, str_head(http_field(head, STR("github-public-key-signature")), NOTE_MAX));
    q->user_agent = keep(q, str_head(http_field(head, STR("user-agent")), NOTE_MAX));
    if (relay_locate(&(struct relay_place){q->api->w, q->stream, head}, &a))
        q->peer = keep(q, address_text(&a, room));
    if (!keep_params(q, params))
        return fault_set(f, ERR_NOMEM, "No memory for this request: try again later");
    return ERR_OK;
}

static void begin(struct api *a, struct http_stream *s, const struct http_head *head,
                  const struct route *route, const struct str params[PARAMS_MAX])
{
    struct fault f = {ERR_NOMEM, "No memory for this request: try again later"};
    struct api_request *q = calloc(1, sizeof *q);
    if (!q) {
        refuse(a, s, head, &f, STR_NONE);
        return;
    }
    q->api = a;
    a->requests++;
    q->route = route;
    q->stream = s;
    q->has_body = !route->body_max;
    reply_context_init(&q->context, relay_worker_random(a->w), head);
    arena_init(&q->arena, ARENA_BLOCK, ARENA_MAX);
    buf_init(&q->body, route->body_max);
    buf_init(&q->out, OUT_MAX);
    buf_init(&q->fields, FIELDS_MAX);
    http_accept(s, &handler, q);
    if (keep_head(q, head, params, &f) != ERR_OK)
        api_fault(q, &f);
    else
        authenticate(q, head);
}

static void on_request(void *app, struct http_stream *s, const struct http_head *head)
{
    struct api *a = app;
    bool path_exists;
    struct str params[PARAMS_MAX];
    const struct route *route = route_find(head->method, head->path, params, &path_exists);
    if (head->method == HTTP_OPTIONS && (path_exists || str_eq(head->target, STR("*"))))
        preflight(a, s, head);
    else if (!route)
        not_found(a, s, head, path_exists);
    else if (route->access == ACCESS_RELAY)
        relay_begin(a->w, s, head, route_service(route));
    else
        begin(a, s, head, route, params);
}

/* --- waiting
 * ---------------------------------------------------------------------------------------- */

void *api_state(struct api_request *q, size_t n)
{
    void *p = arena_zalloc(&q->arena, n);
    q->state = p;
    if (!p)
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    return p;
}

void api_resume(struct api_request *q)
{
    handler_fn *then = q->then;
    q->is_waiting = false;
    q->then = NULL;
    if (q->stream)
        then(q);
    else
        request_free(q);
}

void api_wait(struct api_request *q, handler_fn *then)
{
    BUG_ON(q->is_waiting || !q->stream);
    q->is_waiting = true;
    q->then = then;
}

static void on_stored(struct store_call *c)
{
    struct api_request *q = c->user;
    if (c->audit)
        q->audit = (struct audit){.account_id = 0};
    api_resume(q);
}

void api_store(struct api_request *q, struct store_call *c, enum store_need need, handler_fn *then)
{
    api_wait(q, then);
    *c = (struct store_call){.need = need,
                             .loop = q->api->w->loop,
                             .done = on_stored,
                             .user = q,
                             .audit = q->audit.action.n ? &q->audit : NULL};
    store_submit(q->api->w->shared->store, c);
}

static void on_fetched(struct courier_job *j)
{
    _Static_assert(offsetof(struct api_fetch, get.job) == offsetof(struct api_fetch, post.job),
                   "whichever it is");
    api_resume(container_of(j, struct api_fetch, get.job)->q);
}

void api_fetch(struct api_request *q, struct api_fetch *fetch, handler_fn *then)
{
    fetch->q = q;
    fetch->get.job.loop = q->api->w->loop;
    fetch->get.job.done = on_fetched;
    api_wait(q, then);
    courier_submit(q->api->shared->trust->courier, &fetch->get.job);
}

void api_fetch_release(struct api_fetch *fetch)
{
    struct courier_answer *a =
        fetch->get.job.kind == COURIER_POST ? &fetch->post.answer : &fetch->get.answer;
    if (a->body.n)
        explicit_bzero(a->body.p, a->body.n); /* tokens */
    buf_release(&a->body);
}

static void on_worked(struct io_job *j)
{
    api_resume(container_of(j, struct api_request, job));
}

static void run_work(struct io_job *j)
{
    struct api_request *q = container_of(j, struct api_request, job);
    q->work(q);
}

void api_work(struct api_request *q, void (*work)(struct api_request *q), handler_fn *then)
{
    q->work = work;
    q->job = (struct io_job){.run = run_work, .done = on_worked};
    api_wait(q, then);
    if (io_work(q->api->shared->signin->pool, q->api->w->loop, &q->job))
        return;
    q->is_waiting = false;
    api_refuse(q, ERR_OVERLOADED, "Too many people are signing in: try again in a moment");
}

static void walk_end(struct io_post *p)
{
    api_resume(container_of(container_of(p, struct api_walk, post), struct api_request, walk));
}

static void walk_visit(struct io_post *p)
{
    struct api_walk *k = container_of(p, struct api_walk, post);
    struct api_request *q = container_of(k, struct api_request, walk);
    const struct api_shared *shared = q->api->shared;
    k->visit(shared->all[k->at++], k->arg);
    bool is_last = k->at == shared->n;
    k->post.run = is_last ? walk_end : walk_visit;
    io_post((is_last ? q->api : shared->all[k->at])->w->loop, &k->post);
}

void api_everywhere(struct api_request *q, void (*visit)(struct api *a, void *arg), void *arg,
                    handler_fn *then)
{
    api_wait(q, then);
    q->walk = (struct api_walk){.post = {.run = walk_visit}, .visit = visit, .arg = arg};
    io_post(q->api->shared->all[0]->w->loop, &q->walk.post);
}

/* --- the worker's API
 * ------------------------------------------------------------------------------- */

struct api *api_new(struct relay_worker *w, const struct http_limits *limits,
                    const struct api_shared *shared)
{
    struct api *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->w = w;
    a->shared = shared;
    buf_init(&a->models, OUT_MAX);
    document_init(&a->github_keys, &github_document);
    issuers_init(&a->issuers);
    unsigned n = shared->signin ? shared->signin->oidc_n : 0;
    a->oidc = calloc(n + 1, sizeof *a->oidc);
    for (unsigned i = 0; a->oidc && i < n; i++)
        buf_init(&a->oidc[i].jwks, OIDC_DOCUMENT_MAX);
    if (a->oidc)
        a->server = http_server_new(w->loop, limits, on_request, a);
    if (a->server)
        return a;
    free(a->oidc);
    free(a);
    return NULL;
}

void api_free(struct api *a)
{
    if (!a)
        return;
    http_server_free(a->server);
    catalog_unref(a->models_of);
    buf_release(&a->models);
    document_release(&a->github_keys);
    issuers_release(&a->issuers);
    for (unsigned i = 0; a->shared->signin && i < a->shared->signin->oidc_n; i++)
        buf_release(&a->oidc[i].jwks);
    free(a->oidc);
    free(a);
}

struct http_server *api_server(struct api *a)
{
    return a->server;
}

bool api_is_idle(const struct api *a)
{
    return a->requests == 0;
}

struct relay_worker *api_worker(struct api *a)
{
    return a->w;
}
