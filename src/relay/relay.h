/* relay.h: the life of one client request, from its headers to its bill. */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include "dialect/direct.h"
#include "relay/worker.h"

/* What a route is for. */
struct relay_service {
    const struct dialect *speaks; /* the format that clients speak there; errors are told in it */
    const struct direct_task *direct; /* NULL: a chat */
};

/* Takes a request for an answer whose head has just been read; from here on the stream is the
 * relay's. */
void relay_begin(struct relay_worker *w, struct http_stream *s, const struct http_head *head,
                 const struct relay_service *service);
/* Gives back the memory of dead relays that was kept for new ones. */
void relay_free_spares(struct relay_worker *w);
/* Ends all that live, at once: clients see their streams cut, what was used is settled. For a
 * shutdown whose grace is over. Their records are on the way to the journal when this returns. */
void relay_end_all(struct relay_worker *w);

#endif
