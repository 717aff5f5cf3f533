/* upstream.h: one worker's way to one provider: its connections, and the part of a request's head
 * that is the same for every request. Counted: a relay keeps the one it uses across a reload. */
#ifndef RELAY_UPSTREAM_H
#define RELAY_UPSTREAM_H

#include "base/buf.h"
#include "catalog/catalog.h"
#include "dialect/dialect.h"
#include "http/client.h"

struct upstream {
    uint32_t refs;
    const struct dialect *dialect;
    struct http_pool *pool;
    struct buf head; /* from the request line to "Content-Length: ", or to where it is cut */
    struct buf tail; /* what follows where the path depends on the endpoint's model; else empty */
    struct buf identity; /* what it was made from, to find it again after a reload */
};

/* One reference. tls: lent for as long as it lives. NULL and a sentence: no memory, a bad URL, or a
 * dialect that there is not. */
struct upstream *upstream_new(struct io_loop *l, const struct provider *p, const struct io_tls *tls,
                              struct fault *f);
struct upstream *upstream_ref(struct upstream *u);
void upstream_unref(struct upstream *u); /* NULL is fine */
/* Whether it serves this provider as it is now: same URL, credential and limits. */
bool upstream_serves(const struct upstream *u, const struct provider *p);

#endif
