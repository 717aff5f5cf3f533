/* gate.h: from a request's credential to who is asking: one per worker.
 *
 * A key: shape first (prefix, length, checksum: no look-up), then SHA-256, then the worker's cache, keyed
 * by the whole digest; a miss asks the store once, however many requests wait for it. Digests of
 * unknown keys are remembered for a short time in a bounded table, so that a flood of them does not
 * reach the store.
 *
 * An access token (tokens.h): what it says names a key, and from there on the key is judged as if it had
 * come itself: so a token ends with its key, at once. */
#ifndef AUTH_GATE_H
#define AUTH_GATE_H

#include "auth/principal.h"
#include "auth/tokens.h"
#include "base/map.h"

enum gate_need {
    GATE_INFERENCE,  /* a key that spends, or a token that acts as one */
    GATE_MANAGEMENT, /* a key that administers */
    GATE_ANY_KEY,    /* either, or a token */
    /* The same, but the key itself: for what it gives away would outlive a token. */
    GATE_INFERENCE_ITSELF,
    GATE_ANY_ITSELF,
};

struct gate_lookup;

/* One question. Zeroed before use; stays where it is until it is answered or left. */
struct gate_wait {
    struct list link;
    struct gate_lookup *lookup; /* NULL: not waiting */
    enum gate_need need;
    void (*done)(struct gate_wait *w); /* after GATE_WAIT: the answer is in principal or fault */
    struct principal *principal;       /* a reference, the asker's; NULL: refused */
    struct fault fault;
    /* Where the asker is; asked within gate_ask() where it matters. NULL or false: not known, which
     * an allow list refuses. */
    bool (*locate)(const void *where, struct address *out);
    const void *where;
    /* the gate's */
    struct gate *gate;
    struct token_wait token;
    struct address address;
    bool has_address;
    bool by_token; /* an access token asks, not the key itself */
};

enum gate_answer { GATE_OPEN, GATE_SHUT, GATE_WAIT };

/* tokens: NULL: no access token is accepted. */
struct gate *gate_new(struct io_loop *l, struct store *s, struct ledger *ledger,
                      struct str key_prefix, struct str management_prefix,
                      const struct token_shared *tokens);
void gate_free(struct gate *g);          /* nobody waits any more */
bool gate_is_idle(const struct gate *g); /* nothing is asked of the store */

/* authorization, x_api_key: the fields' values, p NULL where the request has none. */
enum gate_answer gate_ask(struct gate *g, struct str authorization, struct str x_api_key,
                          enum gate_need need, struct gate_wait *w);
/* The key of this hash, as if a token had come that acts as it. */
enum gate_answer gate_ask_for(struct gate *g, const uint8_t hash[KEY_HASH_BYTES],
                              struct gate_wait *w);
/* A line of a refusal's head: when to try again, or how to say who asks (RFC 9110, 11.6.1); or empty. */
struct str gate_refusal_field(const struct fault *f);
/* The asker goes away. Fine at any time. */
void gate_leave(struct gate_wait *w);
/* The keys that sign access tokens; NULL: none are accepted. */
struct signers *gate_signers(struct gate *g);

/* Does the account's allow list (text as in struct account) let this address in? */
bool gate_lets_in(struct str ip_ranges, const struct address *a);
/* May a key that was made and ends at these times be used? key_lifetime_ms 0: any may. */
bool gate_lifetime_is_right(int64_t key_lifetime_ms, int64_t created_ms, int64_t expires_ms);

/* What is known of this key and of those below it / of all keys is out of date. */
void gate_forget_key(struct gate *g, const uint8_t hash[KEY_HASH_BYTES]);
void gate_forget_all(struct gate *g);
void gate_forget_signers(struct gate *g); /* the keys that sign have changed */
/* Tells the store now which keys were used, and from then on no more. */
void gate_stop(struct gate *g);

#endif
