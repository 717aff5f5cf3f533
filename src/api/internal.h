/* internal.h: a request that the gateway answers itself, and the handlers of the route table. */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "api/api.h"
#include "relay/reply.h"

struct api_request;
typedef void handler_fn(struct api_request *q);

enum access {
    ACCESS_OPEN,       /* no credential is asked for */
    ACCESS_KEY,        /* any key */
    ACCESS_MANAGEMENT, /* a management key */
    ACCESS_RELAY,      /* an inference key; the relay takes the whole request */
};

/* The route table: the router, the list of allowed methods and the tests read it. */
struct route {
    enum http_method method;
    struct str path; /* below /api/v1 and /v1; with a leading "!": from the root */
    enum access access;
    handler_fn *run;
    const char *summary;
};
const struct route *route_find(enum http_method m, struct str path, bool *path_exists);
const struct route *route_at(unsigned i); /* NULL after the last */
/* "GET, OPTIONS" of a path into room. */
struct str route_methods(struct str path, char room[64]);

struct api {
    struct relay_worker *w;
    struct http_server *server;
    const struct api_shared *shared;
    struct catalog *models_of; /* the catalog whose list `models` is: a reference */
    struct buf models;
    uint32_t requests; /* under way */
};

struct api_request {
    struct api *api;
    const struct route *route;
    struct http_stream *stream; /* NULL: answered, or the client is gone */
    struct reply_context context;
    struct gate_wait wait;
    struct principal *who; /* a reference */
    struct buf query;      /* a copy of the query string */
    bool is_waiting;       /* for the store or other workers: they will call back */
    struct store_generation_get generation;
    struct buf out;
};

/* The answer; the request is over when nothing is waited for. `body` is lent. */
void api_reply(struct api_request *q, int status, struct str body);
void api_reply_buf(struct api_request *q, int status); /* with q->out */
void api_fault(struct api_request *q, const struct fault *f);
/* What was waited for has come: frees q where its client is gone; false then. */
bool api_resume(struct api_request *q);

handler_fn api_models, api_models_count, api_key, api_credits, api_generation, api_health,
    api_metrics;

#endif
