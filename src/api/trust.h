/* trust.h: what the APIs of all workers share for mail, exposures and tokens. */
#ifndef API_TRUST_H
#define API_TRUST_H

#include "crypto/seal.h"
#include "io/courier.h"
#include "io/pool.h"
#include "store/calls_exposure.h"

struct trust {
    struct courier *courier;
    struct io_pool *readers; /* read what the courier brings, where that takes long */
    struct seal_key master;
    enum exposure_policy exposure_policy; /* of accounts that have none */
    struct str github_keys_url;
    bool has_mail;
};

#endif
