/* api.h: the route table, and the answers that are not relayed. One per worker. */
#ifndef API_API_H
#define API_API_H

#include "relay/worker.h"

struct api;
struct trust;
struct signin;

/* What the APIs of all workers share. */
struct api_shared {
    struct api **all; /* each worker's; filled in before any of them runs */
    unsigned n;
    int64_t started_ms;
    const char *version;
    struct trust *trust;         /* api/trust.h */
    const struct signin *signin; /* api/signin.h */
};

struct api *api_new(struct relay_worker *w, const struct http_limits *limits,
                    const struct api_shared *shared);
void api_free(struct api *a);
struct http_server *api_server(struct api *a);
struct relay_worker *api_worker(struct api *a);
/* No request of its own is under way. */
bool api_is_idle(const struct api *a);

#endif
