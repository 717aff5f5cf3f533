#include "app/master.h"

#include <stdlib.h>

enum err master_open(struct seal_key *out, const struct store *s, struct fault *f)
{
    return seal_key_open(out, secret_of(str_c(getenv("TURNPIKE_MASTER_KEY"))), store_dir(s), f);
}

static enum err seal_for_store(const void *key, struct buf *out, struct str label,
                               struct secret plain)
{
    return seal(out, key, label, plain);
}

static enum err open_for_store(const void *key, struct buf *out, struct str label,
                               struct str sealed, struct fault *f)
{
    return seal_open(out, key, label, sealed, f);
}

void master_vault_give(struct master_vault *v, const struct seal_key *master, struct store *s)
{
    seal_key_derive(master, STR("store"), v->key.hidden);
    v->vault = (struct vault){&v->key, seal_for_store, open_for_store};
    store_set_vault(s, &v->vault);
}
