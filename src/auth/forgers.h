/* forgers.h: how many wrong signatures came from each network in the present second, so that who makes
 * tokens up uses up their own allowance before everybody's. One per worker, of a fixed size: whose second
 * began longest ago makes room. */
#ifndef AUTH_FORGERS_H
#define AUTH_FORGERS_H

#include "base/cidr.h"
#include "base/siphash.h"

enum {
    FORGERS_MS = 1000,
    FORGED_NETWORK_MAX = 50, /* of one network (address_network()) in this time */
    FORGED_MAX = 1000,       /* of all: a signature takes about a tenth of a millisecond */
    FORGERS_SETS = 256,
    FORGERS_WAYS = 4
};

struct forger {
    uint64_t who; /* a keyed hash; 0: free */
    uint64_t since_ms;
    uint32_t n;
};

struct forgers {
    struct siphash_key seed;
    uint64_t since_ms;
    uint32_t n;
    struct forger sets[FORGERS_SETS][FORGERS_WAYS];
};

void forgers_init(struct forgers *f);
/* May a signature from there be looked at? from NULL: it is not known where that is. */
bool forgers_may(struct forgers *f, const struct address *from, uint64_t now_ms);
/* It was wrong. */
void forgers_note(struct forgers *f, const struct address *from, uint64_t now_ms);

#endif
