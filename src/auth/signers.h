/* signers.h: the keys that sign access tokens, as one worker knows them: read from the store when they
 * are first needed, opened with the master key. The newest signs; one that was followed by another
 * goes on verifying until the last token that it can have signed is over. */
#ifndef AUTH_SIGNERS_H
#define AUTH_SIGNERS_H

#include "base/list.h"
#include "crypto/seal.h"
#include "crypto/sign.h"
#include "store/calls_token.h"

/* How long after its successor was made: workers may learn of that a little late. */
enum { SIGNER_STAYS_MS = (TOKEN_LIFE_MAX_S + 60) * 1000 };

struct signers;

/* Zeroed before use; stays where it is until done() or signers_leave(). */
struct signer_wait {
    struct list link;
    bool is_waiting;
    void (*done)(struct signer_wait *w);
};

struct signers *signers_new(struct io_loop *l, struct store *s, const struct seal_key *master);
void signers_free(struct signers *s);          /* nobody waits any more */
bool signers_is_idle(const struct signers *s); /* nothing is asked of the store */
void signers_forget(struct signers *s);        /* what is known is out of date */

enum signers_answer {
    SIGNERS_READY, /* go on with what is known */
    SIGNERS_WAIT,  /* the store is asked: done() comes, then go on */
    SIGNERS_BUSY,  /* this one is not known, and the store was asked too often for such */
};
/* kid: one that shall be among them, or empty (never SIGNERS_BUSY). */
enum signers_answer signers_ask(struct signers *s, struct str kid, struct signer_wait *w) MUST_USE;
void signers_leave(struct signer_wait *w); /* fine at any time */

/* NULL: there is no such key, or not any more. Lent until the next return to the loop. */
const struct sign_key *signers_find(const struct signers *s, struct str kid, int64_t now_ms);
const struct sign_key *signers_newest(const struct signers *s, int64_t now_ms, struct str *kid);
/* {"keys":[...]} (RFC 7517). */
void signers_write(const struct signers *s, int64_t now_ms, struct json_writer *w);

/* A new key, sealed: what STORE_SIGNING_ADD takes. */
enum err signer_make(const struct seal_key *master, struct signing_key *out,
                     struct fault *f) MUST_USE;
/* Opens one again; NULL and a sentence. */
struct sign_key *signer_open(const struct seal_key *master, const struct signing_key *row,
                             struct fault *f);

#endif
