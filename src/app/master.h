/* master.h: the master key as this process has it, and the store's vault that follows from it. */
#ifndef APP_MASTER_H
#define APP_MASTER_H

#include "crypto/seal.h"
#include "store/store.h"

/* From TURNPIKE_MASTER_KEY, or from the store's directory: seal_key_open(). */
enum err master_open(struct seal_key *out, const struct store *s, struct fault *f) MUST_USE;

/* What the store keeps sealed, under a key of its own. */
struct master_vault {
    struct seal_key key;
    struct vault vault;
};
/* Stays where it is until the store is closed; then seal_key_forget(&v->key). */
void master_vault_give(struct master_vault *v, const struct seal_key *master, struct store *s);

#endif
