/* tokens.h: from an access token to the key as which it acts: one per worker, for its gate.
 *
 *   known by its whole digest? --yes--> not over? -> the answer
 *      | no
 *   one of ours by its own words? -> signed by a key of ours? -> does its policy still hold? (asked of
 *   the store once, however many wait) -> kept until it is over
 *
 * Only what is signed is kept or asked about, so that made-up tokens fill nothing; how many of those
 * are looked at is bounded too: of each network first, so that others' tokens are still looked at. */
#ifndef AUTH_TOKENS_H
#define AUTH_TOKENS_H

#include "auth/forgers.h"
#include "auth/signers.h"
#include "auth/token.h"

/* What all workers share. */
struct token_shared {
    struct str issuer;             /* our own name; filled in before any request comes */
    const struct seal_key *master; /* opens the signing keys */
};

enum tokens_answer { TOKENS_GOOD, TOKENS_BAD, TOKENS_WAIT };

struct token_check;

/* One question. Zeroed before use; stays where it is until it is answered or left. */
struct token_wait {
    struct list link;
    struct token_check *check;          /* NULL: not waiting */
    void (*done)(struct token_wait *w); /* after TOKENS_WAIT */
    /* Where it comes from; NULL: not known. Asked within tokens_ask() where it matters. */
    const struct address *(*from)(struct token_wait *w);
    bool is_good;
    uint8_t key_hash[KEY_HASH_BYTES];
    uint32_t scopes;     /* enum token_scope */
    struct fault *fault; /* the asker's */
};

struct tokens;

struct tokens *tokens_new(struct io_loop *l, struct store *s, const struct token_shared *shared);
void tokens_free(struct tokens *t);          /* nobody waits any more */
bool tokens_is_idle(const struct tokens *t); /* nothing is asked of the store */
struct signers *tokens_signers(struct tokens *t);

enum tokens_answer tokens_ask(struct tokens *t, struct str text, struct token_wait *w) MUST_USE;
void tokens_leave(struct token_wait *w); /* fine at any time */

/* A policy of this key has changed. */
void tokens_forget(struct tokens *t, const uint8_t key_hash[KEY_HASH_BYTES]);

#endif
