/* pool.h: helper threads for what would hold a loop: password hashes, above all. Work queues up to
 * a ceiling; what does not fit is refused at once, so that a flood of sign-ins is answered with 503
 * and not with silence. */
#ifndef IO_POOL_H
#define IO_POOL_H

#include "io/loop.h"

struct io_pool;

struct io_pool *io_pool_new(unsigned threads, unsigned waiting_max, struct fault *f);
/* Does what still waits, then ends the threads. The loops of that work must still be there; what
 * has not been delivered by then is not delivered any more. */
void io_pool_free(struct io_pool *p); /* NULL is fine */

/* The caller's from io_work() until done() is called. */
struct io_job {
    struct io_job *next;
    struct io_loop *loop;
    struct io_post post;
    void (*run)(struct io_job *j);  /* on a helper thread */
    void (*done)(struct io_job *j); /* then on `loop` */
};
/* False: too much waits already; nothing will be called. */
bool io_work(struct io_pool *p, struct io_loop *l, struct io_job *j, void (*run)(struct io_job *j),
             void (*done)(struct io_job *j)) MUST_USE;

#endif
