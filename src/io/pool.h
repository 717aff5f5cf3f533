/* pool.h: a few helper threads for work that would hold a loop too long (password hashes). The queue
 * is bounded: what does not fit is refused at once, not late. */
#ifndef IO_POOL_H
#define IO_POOL_H

#include "io/loop.h"

struct io_pool;

/* NULL and a sentence. */
struct io_pool *io_pool_new(unsigned threads, unsigned queue_max, struct fault *f);
/* Waits for work that runs; nothing may wait in the queue. */
void io_pool_free(struct io_pool *p);

/* The caller's from io_work() until done(). */
struct io_job {
    void (*run)(struct io_job *j);  /* on a helper's thread */
    void (*done)(struct io_job *j); /* on the caller's loop */
    struct io_loop *loop;           /* the pool's from here on */
    struct io_post post;
    struct io_job *next;
};
/* False: the queue is full; nothing happens. */
bool io_work(struct io_pool *p, struct io_loop *l, struct io_job *j) MUST_USE;

#endif
