#include "api/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "relay/relay.h"

enum { QUERY_MAX = 4096, OUT_MAX = 16 * 1024 * 1024 };

/* --- a request's life
 * ----------------------------------------------------------------------------- */

static void request_free(struct api_request *q)
{
    q->api->requests--;
    gate_leave(&q->wait);
    principal_unref(q->who);
    buf_release(&q->query);
    buf_release(&q->out);
    buf_release(&q->generation.text);
    free(q);
}

static void count(struct api_request *q, int status)
{
    q->api->w->metrics.requests[status]++;
}

void api_reply(struct api_request *q, int status, struct str body)
{
    struct http_stream *s = q->stream;
    q->stream = NULL;
    count(q, status);
    reply_json(s, &q->context, status, body);
    if (!q->is_waiting)
        request_free(q);
}

void api_reply_buf(struct api_request *q, int status)
{
    struct fault f = {ERR_NOMEM, "No memory for this answer: try again later"};
    if (q->out.failed != ERR_OK)
        api_fault(q, &f);
    else
        api_reply(q, status, buf_view(&q->out));
}

void api_fault(struct api_request *q, const struct fault *f)
{
    struct http_stream *s = q->stream;
    q->stream = NULL;
    count(q, err_status(f->err));
    reply_fault(s, &q->context, f, STR_NONE);
    if (!q->is_waiting)
        request_free(q);
}

bool api_resume(struct api_request *q)
{
    q->is_waiting = false;
    if (q->stream)
        return true;
    request_free(q);
    return false;
}

static void on_gone(void *user)
{
    struct api_request *q = user;
    q->stream = NULL;
    if (!q->is_waiting)
        request_free(q);
}

static const struct http_handler handler = {.on_gone = on_gone};

/* --- credentials
 * ------------------------------------------------------------------------------------ */

static void on_known(struct gate_wait *w)
{
    struct api_request *q = container_of(w, struct api_request, wait);
    q->who = w->principal;
    if (q->who)
        q->route->run(q);
    else
        api_fault(q, &w->fault);
}

static void ask(struct api_request *q, const struct http_head *head)
{
    enum gate_need need = q->route->access == ACCESS_MANAGEMENT ? GATE_MANAGEMENT : GATE_ANY_KEY;
    q->wait.done = on_known;
    enum gate_answer a = gate_ask(q->api->w->gate, http_field(head, STR("authorization")),
                                  http_field(head, STR("x-api-key")), need, &q->wait);
    if (a == GATE_WAIT)
        return;
    q->who = q->wait.principal;
    if (a == GATE_OPEN)
        q->route->run(q);
    else
        api_fault(q, &q->wait.fault);
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
 * ambient. */
static void preflight(struct api *a, struct http_stream *s, const struct http_head *head)
{
    struct reply_context c;
    char methods[64], lines[400], room[REPLY_FIELDS_MAX];
    reply_context_init(&c, relay_worker_random(a->w), head);
    struct str allowed = route_methods(head->path, methods);
    int n = snprintf(lines, sizeof lines,
                     "Allow: %.*s\r\nAccess-Control-Allow-Methods: %.*s\r\n"
                     "Access-Control-Allow-Headers: Authorization, Content-Type, X-API-Key, "
                     "HTTP-Referer, X-Title, "
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

static void begin(struct api *a, struct http_stream *s, const struct http_head *head,
                  const struct route *route)
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
    reply_context_init(&q->context, relay_worker_random(a->w), head);
    buf_init(&q->query, QUERY_MAX);
    buf_init(&q->out, OUT_MAX);
    http_accept(s, &handler, q);
    if (buf_add(&q->query, head->query) != ERR_OK) {
        fault_write(&f, ERR_INVALID, "The query string is longer than %d bytes", QUERY_MAX);
        api_fault(q, &f);
    } else if (route->access == ACCESS_OPEN) {
        route->run(q);
    } else {
        ask(q, head);
    }
}

static void on_request(void *app, struct http_stream *s, const struct http_head *head)
{
    struct api *a = app;
    bool path_exists;
    const struct route *route = route_find(head->method, head->path, &path_exists);
    if (head->method == HTTP_OPTIONS && (path_exists || str_eq(head->target, STR("*"))))
        preflight(a, s, head);
    else if (!route)
        not_found(a, s, head, path_exists);
    else if (route->access == ACCESS_RELAY)
        relay_begin(a->w, s, head);
    else
        begin(a, s, head, route);
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
    a->server = http_server_new(w->loop, limits, on_request, a);
    if (a->server)
        return a;
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
