/* first_start.h: what a new instance needs before it can answer: an account, some credit, a key. */
#ifndef APP_FIRST_START_H
#define APP_FIRST_START_H

#include "app/config.h"
#include "auth/key.h"
#include "auth/ticket.h"

struct first_start {
    bool made_key;
    char key[KEY_TEXT_MAX + 1]; /* shown once; wiped by the caller */
    nanos granted;              /* what a new account was given */
    bool has_claim;
    char claim[TICKET_CHARS + 1]; /* of the link that makes the owner; likewise */
};

/* Makes the first account and key if the store has no key at all, and a link that claims the
 * instance as long as it has no user. The store is not open elsewhere
 * in this process. */
enum err first_start(const struct config *c, struct first_start *out, struct fault *f) MUST_USE;

#endif
