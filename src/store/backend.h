/* backend.h: what a database must be able to do for the store. Private to this folder.
 *
 * A connection belongs to one thread at a time. Nothing here knows of threads, queues or files of
 * journals. */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "store/store.h"

struct store_conn; /* each backend's own */

/* What a commit means. LAZY survives the end of the process; DURABLE the end of the machine's
 * power, and with it everything that was committed before. */
enum store_commit { STORE_LAZY, STORE_DURABLE };

struct store_backend {
    const char *name;
    /* Migrates first. NULL and a sentence. */
    struct store_conn *(*open)(const char *where, struct fault *f);
    void (*close)(struct store_conn *c);
    void (*set_vault)(struct store_conn *c, const struct vault *v); /* lent */

    enum err (*begin)(struct store_conn *c, enum store_commit how, struct fault *f);
    enum err (*commit)(struct store_conn *c, struct fault *f); /* failed: rolled back */
    void (*rollback)(struct store_conn *c);
    /* Between begin and commit: a part that can be undone alone. part_end() fails where the
     * transaction as a whole is lost. */
    enum err (*part_begin)(struct store_conn *c, struct fault *f);
    enum err (*part_end)(struct store_conn *c, bool keep, struct fault *f);

    /* One function per need; sets call->fault where it fails. The store has begun a transaction for
     * those that write. */
    enum err (*run[STORE__COUNT])(struct store_conn *c, struct store_call *call);

    /* Within the transaction of the call that it is about. */
    enum err (*audit_add)(struct store_conn *c, const struct audit *a, struct fault *f);

    /* Journals. In a transaction: adds rows and moves counters for those that were not there yet.
     */
    enum err (*generations_add)(struct store_conn *c, const struct generation *rows, size_t n,
                                struct fault *f);
    enum err (*position_get)(struct store_conn *c, struct str file, uint64_t *offset,
                             struct fault *f); /* 0 for a file never seen */
    enum err (*position_set)(struct store_conn *c, struct str file, uint64_t offset,
                             struct fault *f);
    enum err (*position_drop)(struct store_conn *c, struct str file, struct fault *f);
    enum err (*positions_clear)(struct store_conn *c, struct fault *f);
};

extern const struct store_backend store_sqlite;

#endif
