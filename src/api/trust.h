/* trust.h: what the APIs of all workers share for mail, exposures and tokens. */
#ifndef API_TRUST_H
#define API_TRUST_H

#include "crypto/seal.h"
#include "io/courier.h"

struct trust {
    struct courier *courier;
    struct seal_key master;
};

#endif
