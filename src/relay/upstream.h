/* upstream.h: one worker's way to one provider: its connections, and the part of a request's head
 * that is the same for every request. Counted: a relay keeps the one it uses across a reload. */
#ifndef RELAY_UPSTREAM_H
#define RELAY_UPSTREAM_H

#include "base/buf.h"
#include "catalog/catalog.h"
#include "dialect/dialect.h"
#include "dialect/direct.h"
#include "http/client.h"

/* A request's head for what is no chat, cut as the upstream's own. */
struct upstream_way {
    const struct direct_form *form; /* NULL: the provider does not do it */
    struct buf head, tail;
};

struct upstream {
    uint32_t refs;
    const struct dialect *dialect;
    struct upstream_way direct[DIRECT__COUNT];
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

/* The output of models that such a task asks; NULL: a chat. */
enum output upstream_output(const struct direct_task *task);
/* Whether providers that speak this one's dialect have models of that output. */
bool upstream_has(const struct provider *p, enum output output);

#endif
