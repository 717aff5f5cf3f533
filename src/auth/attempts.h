/* attempts.h: slows down who guesses passwords or tries tokens: per account and per address, whether or not there is
 * such an account. One table for all workers, of a fixed size: what was tried longest ago makes
 * room. Times are monotonic milliseconds, given by the caller. */
#ifndef AUTH_ATTEMPTS_H
#define AUTH_ATTEMPTS_H

#include "base/str.h"

enum attempts_kind {
    ATTEMPTS_ACCOUNT, /* by the address typed, in any case */
    ATTEMPTS_ADDRESS, /* by where the request comes from */
    ATTEMPTS_MAIL,    /* by the address to which mail is asked for */
    ATTEMPTS_TOKEN,   /* exchanges of tokens, by where the request comes from */
    ATTEMPTS__COUNT
};

enum {
    ATTEMPTS_FREE_ACCOUNT = 10, /* failures in a row before waiting begins */
    ATTEMPTS_FREE_ADDRESS = 20,
    ATTEMPTS_FREE_MAIL = 3,
    ATTEMPTS_FREE_TOKEN = 300,            /* many machines may come from one address */
    ATTEMPTS_WAIT_ACCOUNT_MS = 60 * 1000, /* longest wait: its owner must not be locked out */
    ATTEMPTS_WAIT_TOKEN_MS = 60 * 1000,
    ATTEMPTS_WAIT_ADDRESS_MS = 15 * 60 * 1000,
    ATTEMPTS_FORGET_MS = 60 * 60 * 1000, /* after the last failure */
};

struct attempts;
struct attempts *attempts_new(void); /* NULL: no memory */
void attempts_free(struct attempts *a);

/* Counts an attempt as failed before it is made, so that many at once count too. 0: go on; else
 * milliseconds to wait, and nothing was counted. */
uint64_t attempts_take(struct attempts *a, enum attempts_kind kind, struct str who,
                       uint64_t now_ms);
/* It was right: failures before it are forgotten (account), or just this one (the others). */
void attempts_right(struct attempts *a, enum attempts_kind kind, struct str who);

#endif
