/* inside.h: the store itself, for the files that make it up: store.c opens and closes, calls.c runs
 * calls. */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include <pthread.h>

#include "store/backend.h"
#include "store/journal_apply.h"
#include "store/place.h"

enum { READERS = 2 }; /* so that a long verify does not keep keys from being found */

struct queue {
    struct store_call *first, **end;
};

struct store {
    enum store_mode mode;
    const struct store_backend *backend;
    struct place place;
    struct journal_set journals;
    struct applier applier;
    struct store_conn *writer, *readers[READERS];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake_writer, wake_readers;
    struct queue writes, reads;
    bool is_stopping;
    pthread_t writer_thread, reader_threads[READERS];
    unsigned writer_threads_n, reader_threads_n; /* started */
    unsigned readers_taken;
    bool is_apply_failing; /* the writer's */
};

void queue_init(struct queue *q);
enum err calls_start(struct store *s, struct fault *f) MUST_USE;
/* No call may be under way; the journals are closed. What did not start need not be stopped. */
void calls_stop(struct store *s);
/* Journals of this run; in STORE_DIRECT what a crashed server left. Tells of a failure, once. */
enum err calls_apply(struct store *s, struct fault *f);
/* What a crashed server left, unless a server is there to do it. */
enum err calls_apply_leftovers(struct store *s, struct fault *f);

#endif
