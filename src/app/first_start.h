/* first_start.h: what a new instance needs before it can answer: an account, some credit, a key. */
#ifndef APP_FIRST_START_H
#define APP_FIRST_START_H

#include "app/config.h"
#include "auth/key.h"

struct first_start {
    bool made_key;
    char key[KEY_TEXT_MAX + 1]; /* shown once; wiped by the caller */
    nanos granted;              /* what a new account was given */
};

/* Makes the first account and key if the store has no key at all. The store is not open elsewhere
 * in this process. */
enum err first_start(const struct config *c, struct first_start *out, struct fault *f) MUST_USE;

#endif
