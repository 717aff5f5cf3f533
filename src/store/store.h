/* store.h: everything durable but the journals' tails, behind one table of functions named by need.
 *
 * A call is a struct that its caller owns from store_submit() until done(); it carries arguments
 * and results. It runs on the store's own threads (one writer, a few readers); done() runs on the
 * loop given. A program without a loop (the command line) opens the store STORE_DIRECT: calls then
 * run where they are submitted, and done() (if any) is called before store_submit() returns.
 *
 * A backend is a `struct store_backend`: the same calls against SQLite or PostgreSQL. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/call.h"
#include "store/vault.h"

struct store;

enum store_mode { STORE_DIRECT, STORE_THREADS };

/* where: a directory (made if missing, mode 0700; SQLite in turnpike.db, journals in journal/), or
 * "postgresql://...". Migrates. In STORE_THREADS mode, first applies what journals a former run
 * left, and from then on applies those of this run every `apply_ms`. NULL and a sentence. */
struct store *store_open(struct str where, enum store_mode mode, struct fault *f);
/* Applies what the journals hold, then closes. No call may be under way; journals of this run are
 * closed. */
void store_close(struct store *s);
const char *store_dir(const struct store *s); /* terminated; of a directory store */

/* Before the first call about mail; lent for the store's life. Without one no mail is taken or given. */
void store_set_vault(struct store *s, const struct vault *v);

void store_submit(struct store *s, struct store_call *c);

/* The calls. Each begins with its store_call, whose `need` says which one it is. */

/* Email must be new: ERR_CONFLICT. */
struct store_account_create {
    struct store_call call;
    struct account account; /* in: email. out: all */
};
/* account_release(). By email; empty email: the first account, made ("owner@localhost") if there is none and
 * `create_first`. By id where id is not 0. */
struct store_account_get {
    struct store_call call;
    int64_t id;
    bool create_first;
    struct account account;
};
struct store_account_list {
    struct store_call call;
    struct account *accounts;
    size_t n; /* out: malloc'd, the caller frees */
};
struct store_account_disable {
    struct store_call call;
    char email[EMAIL_MAX + 1];
    bool disabled;
};
struct store_credit_grant {
    struct store_call call;
    int64_t account_id;
    nanos amount;
    char note[256];
    struct account account;
};
#include "store/needs_key.h"
/* The row's views live in `text`, which the call owns: store_generation_release(). Includes what is
 * in a journal of this run and not yet applied (applies first). */
struct store_generation_get {
    struct store_call call;
    int64_t id;
    uint64_t tag;
    struct generation row;
    struct buf text;
};
void store_generation_release(struct store_generation_get *g);
/* What others (the command line, another node) changed since `seq`: the ids of accounts and keys to
 * look at again. At most 256 at a time. A first call with seq -1 only tells the present seq. */
enum change_kind {
    CHANGE_ACCOUNT,
    CHANGE_KEY,
    CHANGE_TOKENS,  /* a federation policy: of tokens that act as one key */
    CHANGE_SIGNERS, /* the keys that sign tokens */
    CHANGE__COUNT
};
struct store_change {
    enum change_kind kind;
    int64_t id;
    uint8_t hash[KEY_HASH_BYTES]; /* of CHANGE_KEY and CHANGE_TOKENS; else zero */
};
struct store_changes {
    struct store_call call;
    int64_t seq;
    struct store_change changes[256];
    size_t n;
};
/* Recomputes every counter from the generations, in one read transaction. Tells of at most 1000
 * differences. */
struct store_difference {
    char what[160]; /* "key 3f2a...: usage 12 recorded, 13 in generations" */
};
struct store_verify {
    struct store_call call;
    uint64_t generations, accounts, keys;
    struct store_difference *differences;
    size_t n; /* malloc'd */
};

#include "store/needs_door.h"

#endif
