/* internal.h: a request that the gateway answers itself, and the handlers of the route table.
 *
 * A request's way: route found, credential looked up and body read side by side, then run(). A
 * handler answers once, with api_reply() or one of its kin, or first waits with api_store() or
 * api_everywhere() and goes on in `then`. After an answer the request is gone. */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "api/api.h"
#include "api/github.h"
#include "api/issuers.h"
#include "base/arena.h"
#include "io/courier.h"
#include "io/pool.h"
#include "relay/reply.h"

struct api_request;
typedef void handler_fn(struct api_request *q);

enum access {
    ACCESS_OPEN,       /* no credential is asked for */
    ACCESS_TOKEN,      /* the same; faults are told as OAuth does (RFC 6749, 5.2) */
    ACCESS_KEY,        /* any key, or an access token */
    ACCESS_KEY_ITSELF, /* any key, but no token that acts as one */
    ACCESS_INFERENCE,  /* an inference key itself */
    ACCESS_MANAGEMENT, /* a management key or a signed-in person; see api_may() for roles */
    ACCESS_SESSION,    /* a signed-in person */
    ACCESS_PAGE,       /* open; a session, if there is one, is looked up first */
    ACCESS_RELAY,      /* an inference key or an access token; the relay takes the whole request */
    ACCESS__COUNT
};

enum { PARAMS_MAX = 2 };

/* The route table: the router, the list of allowed methods and the tests read it. */
struct route {
    enum http_method method;
    struct str path; /* "/keys/{hash}" below /api/v1 and /v1; with a leading "!": from the root */
    enum access access;
    uint32_t body_max; /* bytes; 0: no body is read */
    handler_fn *run;
    const char *summary;
};
/* A path without {..} goes before one with. params: what {..} stood for, as it came. */
const struct route *route_find(enum http_method m, struct str path, struct str params[PARAMS_MAX],
                               bool *path_exists);
const struct route *route_at(unsigned i); /* NULL after the last */
struct relay_service;
/* Of one whose access is ACCESS_RELAY. */
const struct relay_service *route_service(const struct route *r);
/* "GET, OPTIONS" of a path into room. */
struct str route_methods(struct str path, char room[64]);

struct api {
    struct relay_worker *w;
    struct http_server *server;
    const struct api_shared *shared;
    struct catalog *models_of; /* the catalog whose list `models` is: a reference */
    struct buf models;
    uint32_t requests;       /* under way */
    struct oidc_known *oidc; /* of each OpenID provider: oidc_known.h */
    struct document github_keys;
    struct issuers issuers;     /* of tokens that are exchanged */
    uint64_t refusals_since_ms; /* of exchanges, as logged */
    uint32_t refusals_n;
};

/* A request of ours to somebody else, in the arena of the request that causes it. */
struct api_fetch {
    struct api_request *q;
    union {
        struct courier_get get;
        struct courier_post post;
    };
};

/* A walk from worker to worker. */
struct api_walk {
    struct io_post post;
    unsigned at;
    void (*visit)(struct api *a, void *arg);
    void *arg;
};

struct api_request {
    struct api *api;
    const struct route *route;
    struct http_stream *stream; /* NULL: answered, or the client is gone */
    struct reply_context context;
    uint64_t began_ms; /* by the loop's clock */
    struct arena arena;
    void *state;                   /* the handler's, in the arena */
    struct str params[PARAMS_MAX]; /* percent-decoded */
    struct str query;              /* without its '?' */
    struct buf body;               /* whole, when run() is called */
    struct principal *who;         /* the key that asks, a reference; NULL: a person or nobody */
    struct person *person;         /* who is signed in, a reference; NULL: a key or nobody */
    int64_t account_id;            /* of whoever asks; 0: nobody */
    struct str peer;               /* the client's address as text, or "" */
    struct str user_agent;
    struct str github_key, github_signature; /* Github-Public-Key-... */
    struct buf out;                          /* for api_reply_buf() */
    struct buf fields;                       /* further lines of the answer's head */
    struct str form_target; /* the origin to which an answer to a page's form may lead, or empty */
    /* the rest: inside.h */
    struct gate_wait wait;
    struct person_wait person_wait;
    struct str cookies, csrf;
    handler_fn *then;
    struct list document_link; /* document.c's */
    void *asking;              /* issuers.c's, in the arena */
    struct audit audit;        /* of the next write; its action is empty where there is none */
    struct api_walk walk;
    struct io_job job;
    void (*work)(struct api_request *q);
    bool is_foreign;         /* another site's page asks */
    bool is_known, has_body; /* what run() waits for */
    bool is_waiting;         /* for the store or other workers: they will call back */
};

/* --- what came --- */

/* The body as an object in the worker's tape: valid until this call returns to the loop. Names
 * that stand twice are refused. False: answered with 400. */
bool api_json(struct api_request *q, struct json *root);
/* The body is a form (application/x-www-form-urlencoded). False: answered with 400. */
bool api_form(struct api_request *q);
/* The first of that name, decoded; p NULL: not there. */
struct str api_form_value(struct api_request *q, struct str name);
struct str api_query(struct api_request *q, struct str name);
struct str api_cookie(const struct api_request *q, struct str name);
/* ?name=true|false; false, and answered with 400, where it is something else. */
bool api_query_bool(struct api_request *q, struct str name, bool *out);
/* ?name=N, at most max; likewise. `out` is left as it is where there is none. */
bool api_query_u64(struct api_request *q, struct str name, uint64_t max, uint64_t *out);

/* --- waiting --- */

/* For what waits in ways of its own: then(q) runs with api_resume(), on the same loop, if the client is
 * still there; otherwise q is freed. */
void api_wait(struct api_request *q, handler_fn *then);
void api_resume(struct api_request *q);

/* Zeroed memory of the request, which q->state then is; or NULL and the request is answered with
 * 503. */
void *api_state(struct api_request *q, size_t n);
/* What the next write of the request does, for the audit log: recorded with it, or neither. detail:
 * JSON, or "". All is copied. */
void api_audit(struct api_request *q, const char *action, struct str target, struct str detail);
/* The same of a key that is made or ended: its hash, and what bounds it. */
void api_audit_key(struct api_request *q, const char *action, const struct key *k);
/* c lives in the request's arena. then(q) runs when the call is done and the client still there;
 * otherwise q is freed. */
void api_store(struct api_request *q, struct store_call *c, enum store_need need, handler_fn *then);
/* visit(a, arg) on every worker in turn, on its own thread, then `then` back home: so a change is
 * in force on every worker before its answer is sent. arg lives in the request's arena. */
void api_everywhere(struct api_request *q, void (*visit)(struct api *a, void *arg), void *arg,
                    handler_fn *then);

/* By the courier; get or post is set. Zeroed before; released whatever comes. */
void api_fetch(struct api_request *q, struct api_fetch *fetch, handler_fn *then);
void api_fetch_release(struct api_fetch *fetch);

/* work(q) on a helper's thread, for what takes long: it may touch nothing but q->state. Then `then`
 * back home, as with api_store(). Where too much waits already: answered with 503. */
void api_work(struct api_request *q, void (*work)(struct api_request *q), handler_fn *then);

/* --- answering: the request is over --- */

void api_reply(struct api_request *q, int status, struct str body); /* JSON; lent */
void api_reply_buf(struct api_request *q, int status);              /* JSON, q->out */
void api_reply_as(struct api_request *q, int status, struct str content_type, struct str body);
void api_fault(struct api_request *q, const struct fault *f);
/* api_fault() with a sentence. */
void api_refuse(struct api_request *q, enum err e, const char *fmt, ...) PRINTF(3, 4);
/* A page: no script, no frame, nothing from elsewhere, kept by no cache. */
void api_html(struct api_request *q, int status, struct str body);
void api_redirect(struct api_request *q, int status, struct str url);
/* Before the answer. `attributes`: "; Path=/; Max-Age=600" and the like; HttpOnly, SameSite=Lax and,
 * under TLS, Secure are added. */
void api_set_cookie(struct api_request *q, struct str name, struct str value,
                    const char *attributes);

/* --- people --- */

/* A member sees their own keys only; everybody else who manages sees all of the account. The
 * creator's name of the person that asks, or NULL where that does not matter. */
const char *api_only_creator(struct api_request *q);
/* "user_7" of the person that asks, or "" for a key. In the request's arena. */
const char *api_creator(struct api_request *q);

handler_fn api_models, api_models_count, api_key, api_credits, api_generation, api_health,
    api_metrics;
handler_fn api_embeddings_models, api_model, api_model_endpoints, api_endpoints_zdr, api_providers;
handler_fn api_keys_list, api_keys_create, api_keys_show, api_keys_update, api_keys_delete;
handler_fn api_children_list, api_children_create, api_children_delete;
handler_fn api_audit_list;
handler_fn api_ip_list, api_ip_add, api_ip_delete, api_policy, api_policy_set;
handler_fn api_federation_list, api_federation_add, api_federation_show, api_federation_change,
    api_federation_delete;
handler_fn api_exposures_add, api_exposures_list, api_exposures_policy, api_exposures_policy_set,
    api_exposures_github;

#endif
