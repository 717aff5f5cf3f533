/* api.c: a request from its head to its handler, and the worker's API itself. */
#include "api/inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/oidc_known.h"
#include "api/signin.h"
#include "crypto/hmac.h"
#include "http/url.h"
#include "relay/relay.h"

enum {
    QUERY_MAX = 4096,
    COOKIES_MAX = 4096,
    NOTE_MAX = 200,
    ARENA_BLOCK = 2048,
    ARENA_MAX = 1024 * 1024,
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

void request_free(struct api_request *q)
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

static void on_gone(void *user, enum err why)
{
    struct api_request *q = user;
    q->stream = NULL;
    request_note(q->api, &q->context, q->route, q, err_status(why));
    if (!q->is_waiting)
        request_free(q);
}

/* --- running the handler
 * ------------------------------------------------------------------------------ */

static bool is_unsafe(const struct route *r)
{
    return r->method != HTTP_GET && r->method != HTTP_HEAD;
}

/* A cookie is sent by a browser whoever made it ask: what changes something needs a word that only
 * our own pages know. */
static bool csrf_is_right(struct api_request *q)
{
    struct str token = q->csrf;
    if (!token.n && q->body.n)
        token = api_form_value(q, STR("csrf"));
    return q->person->csrf[0] && secret_eq(secret_of(token), secret_of(str_c(q->person->csrf)));
}

void request_go_on(struct api_request *q)
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
    request_go_on(q);
}

static const struct http_handler handler = {
    .on_body = on_body, .on_body_end = on_body_end, .on_gone = on_gone};

/* --- dispatch
 * ------------------------------------------------------------------------------------- */

static void refuse(struct api *a, struct http_stream *s, const struct http_head *head,
                   const struct fault *f, struct str more)
{
    struct reply_context c;
    reply_context_init(&c, relay_worker_random(a->w), head);
    request_note(a, &c, NULL, NULL, err_status(f->err));
    reply_fault(s, &c, f, more);
}

/* What is refused below the routes bears what every answer bears. Whether a browser asks is not
 * known there, so all are told that it may read this. */
static void write_refusal(void *app, const struct http_refusal *r)
{
    struct api *a = app;
    struct reply_context c;
    struct fault f;
    reply_context_init(&c, relay_worker_random(a->w), NULL);
    c.has_origin = true;
    if (!r->is_told)
        request_note(a, &c, NULL, NULL, err_status(r->err));
    fault_write(&f, r->err, "%s", r->message);
    reply_fields_add(r->fields, &c, STR("application/json"), STR_NONE);
    if (reply_write_error(r->body, &f, 0, STR_NONE) != ERR_OK)
        buf_reset(r->body);
}

/* Named for those that do not take `*` for all else; Authorization is never part of it. X-Stainless:
 * what OpenAI's and Anthropic's clients tell of themselves. */
static const char allowed_fields[] =
    "Access-Control-Allow-Headers: Authorization, Content-Type, X-API-Key, HTTP-Referer, X-Title, "
    "Anthropic-Version, Anthropic-Beta, Anthropic-Dangerous-Direct-Browser-Access, "
    "OpenAI-Organization, OpenAI-Project, OpenAI-Beta, Idempotency-Key, User-Agent, "
    "X-OpenRouter-Title, X-OpenRouter-Categories, X-OpenRouter-Metadata, X-Session-Id, "
    "X-Stainless-Arch, X-Stainless-Lang, X-Stainless-OS, X-Stainless-Package-Version, "
    "X-Stainless-Runtime, X-Stainless-Runtime-Version, X-Stainless-Retry-Count, "
    "X-Stainless-Timeout, X-Stainless-Helper-Method, X-Stainless-Helper, *\r\n";

/* CORS (Fetch, "CORS-preflight request"): the API is meant for browsers too, and no credential is
 * ambient: a session's cookie is not sent to another site's script. */
static void preflight(struct api *a, struct http_stream *s, const struct http_head *head)
{
    struct reply_context c;
    char methods[64], room[REPLY_FIELDS_MAX + sizeof allowed_fields];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    reply_context_init(&c, relay_worker_random(a->w), head);
    struct str allowed = route_methods(head->path, methods);
    reply_fields_add(&b, &c, STR("text/plain"), STR_NONE);
    buf_add(&b, STR("Allow: "));
    buf_add(&b, allowed);
    buf_add(&b, STR("\r\nAccess-Control-Allow-Methods: "));
    buf_add(&b, allowed);
    buf_add(&b, STR("\r\n"));
    buf_add(&b, str_of(allowed_fields, sizeof allowed_fields - 1));
    buf_add(&b, STR("Access-Control-Max-Age: 86400\r\n"));
    BUG_ON(b.failed != ERR_OK);
    request_note(a, &c, NULL, NULL, 204);
    http_respond(s, 204, buf_view(&b), NULL, 0);
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
    q->began_ms = io_now_ms(a->w->loop);
    reply_context_init(&q->context, relay_worker_random(a->w), head);
    arena_init(&q->arena, ARENA_BLOCK, ARENA_MAX);
    buf_init(&q->body, route->body_max);
    buf_init(&q->out, ANSWER_MAX);
    buf_init(&q->fields, FIELDS_MAX);
    http_accept(s, &handler, q);
    if (keep_head(q, head, params, &f) != ERR_OK)
        api_fault(q, &f);
    else
        request_authenticate(q, head);
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
    buf_init(&a->models, ANSWER_MAX);
    document_init(&a->github_keys, &github_document, NULL);
    issuers_init(&a->issuers);
    unsigned n = shared->signin ? shared->signin->oidc_n : 0;
    a->oidc = calloc(n + 1, sizeof *a->oidc);
    for (unsigned i = 0; a->oidc && i < n; i++)
        oidc_known_init(&a->oidc[i], &shared->signin->oidc[i]);
    if (a->oidc)
        a->server = http_server_new(w->loop, limits, on_request, a);
    if (a->server) {
        http_server_set_refusal(a->server, write_refusal);
        return a;
    }
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
        oidc_known_release(&a->oidc[i]);
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
