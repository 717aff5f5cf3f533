/* vault.h: how the store keeps what must not lie in it as it is: a layer above seals and opens it. */
#ifndef STORE_VAULT_H
#define STORE_VAULT_H

#include "base/buf.h"
#include "base/secret.h"

/* What is sealed under one label opens under no other. Both functions append to `out`, on any
 * thread. */
struct vault {
    const void *key;
    enum err (*seal)(const void *key, struct buf *out, struct str label, struct secret plain);
    /* ERR_INVALID: key, label or bytes are not what they were. */
    enum err (*open)(const void *key, struct buf *out, struct str label, struct str sealed,
                     struct fault *f);
};

#endif
