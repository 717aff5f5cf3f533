/* call.h: what every call of the store begins with. */
#ifndef STORE_CALL_H
#define STORE_CALL_H

#include "base/err.h"
#include "io/loop.h"
#include "store/needs_trust.h"
#include "store/needs_people.h"
#include "store/records.h"

enum store_need {
    STORE_ACCOUNT_CREATE,
    STORE_ACCOUNT_GET,
    STORE_ACCOUNT_LIST,
    STORE_ACCOUNT_DISABLE,
    STORE_CREDIT_GRANT,
    STORE_KEY_CREATE,
    STORE_KEY_GET,
    STORE_KEY_LIST,
    STORE_KEY_UPDATE,
    STORE_KEY_DISABLE,
    STORE_KEY_DELETE,
    STORE_KEYS_TOUCH,
    STORE_AUDIT_LIST,
    STORE_IP_ALLOW_ADD,
    STORE_IP_ALLOW_LIST,
    STORE_IP_ALLOW_DELETE,
    STORE_POLICY_SET,
    STORE_GENERATION_GET,
    STORE_CHANGES,
    STORE_VERIFY,
#define X(need, function) STORE_##need,
    TRUST_READS(X) TRUST_WRITES(X) PEOPLE_READS(X) PEOPLE_WRITES(X)
#undef X
        STORE__COUNT
};

struct store_call {
    enum store_need need;
    struct io_loop *loop;               /* where done() runs; NULL in STORE_DIRECT */
    void (*done)(struct store_call *c); /* may be NULL in STORE_DIRECT */
    enum err err;                       /* result */
    struct fault fault;                 /* where err is not ERR_OK */
    struct io_post post;                /* the store's */
    struct store_call *next;            /* the store's */
    void *user;                         /* the caller's: the store does not look at it */
    const struct audit *audit; /* of one that writes: recorded with it, or neither; may be NULL */
};

#endif
