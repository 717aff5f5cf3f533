/* principal.h: who asks: a key, its line of ancestors and its account, as one worker has them. */
#ifndef AUTH_PRINCIPAL_H
#define AUTH_PRINCIPAL_H

#include "base/cidr.h"
#include "base/list.h"
#include "ledger/ledger.h"
#include "store/store.h"

/* As they were when last read. Counted, one worker's own. */
struct principal {
    struct list link;      /* in the cache, least recently used first */
    struct list line_link; /* among the cached ones that have ancestors */
    struct list used_link; /* among those whose use the store has yet to hear of */
    uint32_t refs;
    bool is_cached, is_used, account_disabled;
    bool has_rules, has_rates; /* it or one that it comes from */
    struct key key;
    struct key_link *line; /* its ancestors, key.depth of them, the nearest first */
    int64_t key_lifetime_ms;
    struct cidr *ranges; /* who may ask; NULL: anybody */
    size_t ranges_n;
    uint64_t used_ms; /* on the loop's clock */
    struct budget *key_budget, *account_budget;
};
struct principal *principal_ref(struct principal *p);
void principal_unref(struct principal *p); /* NULL is fine */
/* From what the store has read, which stays the caller's; the ledger knows its budgets then. One
 * reference, the caller's; NULL: no memory. */
struct principal *principal_make(struct ledger *l, const struct store_key_get *row);

/* Whether the key of this hash is among its ancestors. */
bool principal_is_below(const struct principal *p, const uint8_t hash[KEY_HASH_BYTES]);
/* What ends a key ends all below it: ERR_AUTH and a sentence where an ancestor has ended. */
enum err principal_judge_line(const struct principal *p, int64_t now_ms, struct fault *f);

#endif
