/* fit.h: what the catalog says of parameters in the words of the dialect, and back: worked out once
 * when a catalog is loaded, so that a request costs a few ANDs. */
#ifndef RELAY_FIT_H
#define RELAY_FIT_H

#include "catalog/catalog.h"
#include "dialect/canon.h"
#include "dialect/openai.h"

enum { FIT_MEMBERS_MAX = 64 };

struct fit {
    uint64_t parameters[FIT_MEMBERS_MAX]; /* of each member that chat_read() knows: its bit in the
                                               catalog; 0: it is no parameter */
    struct openai_rules *of;              /* by endpoint's index */
    uint64_t *refuses; /* likewise: what it does not take of the canonical form's (PARAM_BIT) */
};

/* ERR_NOMEM. */
enum err fit_init(struct fit *r, const struct catalog *c) MUST_USE;
void fit_release(struct fit *r);
/* The parameters that a request asks for. */
uint64_t fit_asks(const struct fit *r, const struct chat_request *req);

#endif
