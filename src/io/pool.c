#include "io/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "io/thread.h"

enum { THREADS_MAX = 64 };

struct io_pool {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    struct io_job *first, **end;
    unsigned waiting, waiting_max;
    bool is_stopping;
    unsigned threads_n; /* started */
    pthread_t threads[THREADS_MAX];
};

static void deliver(struct io_post *p)
{
    struct io_job *j = container_of(p, struct io_job, post);
    j->done(j);
}

/* NULL: the pool ends and nothing waits. */
static struct io_job *take(struct io_pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->first && !p->is_stopping)
        pthread_cond_wait(&p->wake, &p->lock);
    struct io_job *j = p->first;
    if (j) {
        p->waiting--;
        if (!(p->first = j->next))
            p->end = &p->first;
    }
    pthread_mutex_unlock(&p->lock);
    return j;
}

static void *help(void *arg)
{
    struct io_pool *p = arg;
    for (struct io_job *j; (j = take(p));) {
        j->run(j);
        io_post(j->loop, &j->post);
    }
    return NULL;
}

struct io_pool *io_pool_new(unsigned threads, unsigned waiting_max, struct fault *f)
{
    struct io_pool *p = calloc(1, sizeof *p);
    enum err e = ERR_OK;
    BUG_ON(threads == 0 || threads > THREADS_MAX);
    if (!p) {
        fault_write(f, ERR_NOMEM, "no memory for helper threads");
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->end = &p->first;
    p->waiting_max = waiting_max;
    while (e == ERR_OK && p->threads_n < threads) {
        e = io_thread_start(&p->threads[p->threads_n], "helper", help, p, f);
        p->threads_n += e == ERR_OK;
    }
    if (e == ERR_OK)
        return p;
    io_pool_free(p);
    return NULL;
}

void io_pool_free(struct io_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->is_stopping = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->threads_n; i++)
        pthread_join(p->threads[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    free(p);
}

bool io_work(struct io_pool *p, struct io_loop *l, struct io_job *j, void (*run)(struct io_job *j),
             void (*done)(struct io_job *j))
{
    *j = (struct io_job){.loop = l, .post.run = deliver, .run = run, .done = done};
    pthread_mutex_lock(&p->lock);
    bool fits = p->waiting < p->waiting_max && !p->is_stopping;
    if (fits) {
        p->waiting++;
        *p->end = j;
        p->end = &j->next;
        pthread_cond_signal(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
    return fits;
}
