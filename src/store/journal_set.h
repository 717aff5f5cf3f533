/* journal_set.h: the journal files of this run, between those who use them. Private to this folder.
 *
 *   worker            writes a file, publishes how far it may be read (`committed`), retires it
 *   sync thread       fdatasyncs what was written: each second, and at once for a round
 *   store's writer    applies what is committed; removes a file that is retired and applied
 *
 * So a file is made by a worker and ends with the store's writer, when no sync is at it. */
#ifndef STORE_JOURNAL_SET_H
#define STORE_JOURNAL_SET_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/journal.h"

enum { JOURNAL_NAME_MAX = 40 };

struct journal_file {
    struct list link; /* under the set's lock, as are is_in_sync and looked_at */
    int fd;
    char name[JOURNAL_NAME_MAX]; /* in the set's directory */
    _Atomic uint64_t committed;  /* the end of the last record that may be applied */
    _Atomic uint64_t applied;
    _Atomic bool is_dirty, is_retired;
    bool is_in_sync;
    bool is_listed;     /* the sync thread's: the directory that names it is on disk too */
    bool is_stuck;      /* the applier's: what was read back is not what was written */
    uint64_t looked_at; /* the turn of the sync thread that took it last */
};

/* A worker's wish that all it has written be on disk; one at a time. */
struct journal_round {
    struct list link;
    struct journal_file *file;
    struct io_loop *loop;
    struct io_post post; /* its run() is the answer */
    enum err err;
};

struct journal_set {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list files, rounds;
    pthread_t thread;
    bool is_running, is_stopping;
    int dir;                 /* descriptor of DIR/journal; the store's */
    _Atomic bool is_failing; /* the last fdatasync each second did not succeed */
};

void journal_set_init(struct journal_set *set); /* dir: -1 */
enum err journal_set_start(struct journal_set *set, struct fault *f) MUST_USE;
/* Syncs what is dirty, then ends the thread. */
void journal_set_stop(struct journal_set *set);
/* No file may be left. */
void journal_set_release(struct journal_set *set);

/* A new, empty file of a name not used yet. NULL and a sentence. */
struct journal_file *journal_file_new(struct journal_set *set, unsigned worker, struct fault *f);
void journal_file_retire(struct journal_file *file);
/* The applier's: the file after this one (NULL: the first), and the end of one; false: a sync is at
 * it. */
struct journal_file *journal_file_next(struct journal_set *set, struct journal_file *after);
bool journal_file_remove(struct journal_set *set, struct journal_file *file);
void journal_round_ask(struct journal_set *set, struct journal_round *r);

/* store.c */
struct journal_set *store__journals(struct store *s);

#endif
