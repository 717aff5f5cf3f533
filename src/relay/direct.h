/* direct.h: embeddings and ranking on the relay's way: asked and answered whole, without the canonical
 * chat. Admission, the hold, attempts, deadlines, the bill and the record are those of chats. */
#ifndef RELAY_DIRECT_H
#define RELAY_DIRECT_H

#include "relay/internal.h"

/* In the relay's arena. */
struct direct {
    struct direct_request asked;
    const struct direct_form *form; /* of the attempt under way */
    struct buf body;                /* what the provider is sent */
};

/* The client's request: its facts. */
enum err relay_direct_read(struct relay *r, struct json root, struct chat_request *out,
                           struct fault *f) MUST_USE;
/* The request for the endpoint at hand, as views that live in the arena. `read`: as just read, or
 * NULL. ERR_UNPROCESSABLE: it cannot be said there. */
enum err relay_direct_request(struct relay *r, const struct chat_request *read,
                              const struct target *t, const struct str **views, uint32_t *n,
                              struct fault *f) MUST_USE;
/* Whether the answer under way has to be put in the client's form: then all of it is held. */
bool relay_direct_translates(const struct relay *r);
/* A whole answer has come: it is settled, or the attempt has failed. */
void relay_direct_whole(struct relay *r);

#endif
