/* watch.h: notices what others (the command line) change in the store, and makes it hold here: the
 * ledger first, then every worker's cache of keys. On one loop. */
#ifndef APP_WATCH_H
#define APP_WATCH_H

#include "ledger/ledger.h"
#include "store/store.h"

struct watch;

/* changed(user, kind, hash) is called on the loop after the ledger knows; an account changed: any key may
 * be concerned; hash: of the key that changed, or whose policies did; else zero. NULL: no memory. */
struct watch *watch_new(struct io_loop *l, struct store *s, struct ledger *ledger,
                        void (*changed)(void *user, enum change_kind kind, const uint8_t *hash),
                        void *user);
void watch_stop(struct watch *w);
/* True once nothing is asked of the store any more. */
bool watch_is_idle(const struct watch *w);
void watch_free(struct watch *w);

#endif
