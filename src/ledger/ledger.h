/* ledger.h: what accounts and keys may still spend, in memory, shared by all workers.
 *
 * Invariants (architecture.md section 6):
 *  1  For every budget at every instant: settled + held <= limit.
 *  3  A hold ends once: settled or cancelled; the second ending does nothing.
 *  4  The figures here, the store's counters and the sum of the generations agree once journals are
 * applied.
 *
 * A budget is the counters of one account or one key. It is guarded by a mutex of its own: a
 * window's turn, the check and the time that the generation will bear must be one step. A hold is
 * taken from its whole line (the key, the keys that this comes from, the account), or from none of
 * it; what it cost counts in all of them. Budgets live as long as the
 * ledger: what is settled here may not have reached the store yet, so a reload from there would
 * forget it.
 *
 * On SQLite the one node leases everything: the lease is the whole limit. */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "ledger/rate.h"
#include "store/records.h"

struct ledger;
struct budget;

struct ledger *ledger_new(void); /* NULL: no memory */
void ledger_free(struct ledger *l);

/* The budget of an account or key, made from the row at first sight. For one that is known the
 * row's limit, window are taken over, its usage is not. NULL: no memory. Any thread. */
struct budget *ledger_account(struct ledger *l, const struct account *row);
/* line: its ancestors, row->depth of them, the nearest first. */
struct budget *ledger_key(struct ledger *l, const struct key *row, const struct key_link *line);
/* NULL: not loaded here. */
struct budget *ledger_find_account(struct ledger *l, int64_t id);
struct budget *ledger_find_key(struct ledger *l, int64_t id);

/* Of the key that this one comes from; NULL: of none. */
struct budget *budget_parent(const struct budget *b);

struct budget_view {
    nanos limit; /* or NO_LIMIT; an account's is what it was granted */
    enum window reset;
    nanos held;
    struct usage usage; /* rolled to now */
    nanos remaining;    /* limit - settled in the window - held, >= 0; NO_LIMIT without a limit */
};
void budget_view(struct budget *b, int64_t now_ms, struct budget_view *out);

/* See rate.h. */
struct rate_answer budget_rate_take(struct budget *b, const struct rate_limits *limits,
                                    uint64_t tokens, int64_t now_ms);
void budget_rate_correct(struct budget *b, int64_t taken_ms, uint64_t tokens, uint64_t used,
                         int64_t now_ms);

/* Why a hold was refused. KEY: the key or one that it comes from. */
enum hold_refusal {
    HOLD_OK,
    HOLD_KEY_EXHAUSTED,     /* nothing of the key's limit is left, nothing is in flight: 403 */
    HOLD_KEY_TOO_DEAR,      /* more than the key has left even with nothing in flight: 402 */
    HOLD_KEY_IN_FLIGHT,     /* would fit once holds of other requests settle: 402, try again */
    HOLD_ACCOUNT_EXHAUSTED, /* 402 */
    HOLD_ACCOUNT_TOO_DEAR,  /* 402 */
    HOLD_ACCOUNT_IN_FLIGHT, /* 402, try again */
};

struct hold {
    struct budget *account, *key; /* NULL: no hold is open */
    nanos amount;
};

struct hold_answer {
    enum hold_refusal refusal;
    nanos affordable;   /* the most that could be held now, by the tightest of the line */
    enum window window; /* of the limit that refused, else of the key's */
    bool is_ancestor;   /* that limit is of a key that this one comes from */
};

/* Takes exactly `amount`, or, where `least` < amount, as much as there is, at least `least` (for a
 * request whose output can be clamped). h must not be open. */
struct hold_answer hold_open(struct hold *h, struct budget *account, struct budget *key,
                             nanos amount, nanos least, int64_t now_ms) MUST_USE;
/* Makes an open hold larger or smaller; false: there was not that much, the hold is as it was. */
bool hold_resize(struct hold *h, nanos amount, int64_t now_ms) MUST_USE;
/* Ends the hold with what it cost; returns what was charged: the cost, or as much of it as the hold
 * and, beyond it, the budgets' remainders allow. *settled_ms: the present, and then the time under
 * which it counts. Does nothing (returns 0) on a hold that is not open. */
nanos hold_settle(struct hold *h, nanos cost, int64_t *settled_ms);
/* Ends the hold without cost. Fits arena_defer(). */
void hold_cancel(void *hold);

struct ledger_totals {
    nanos held;              /* over all accounts */
    uint64_t holds;          /* open ones */
    uint64_t accounts, keys; /* loaded */
};
void ledger_totals(struct ledger *l, struct ledger_totals *out);

/* Cost of a use at a price; see price.h. */
#endif
