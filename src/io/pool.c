#include "io/pool.h"

#include <pthread.h>
#include <stdlib.h>

struct io_pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct io_job *first, **end;
    unsigned waiting, queue_max;
    bool is_stopping;
    unsigned threads_n;
    pthread_t threads[];
};

static void deliver(struct io_post *p)
{
    struct io_job *j = container_of(p, struct io_job, post);
    j->done(j);
}

static struct io_job *take(struct io_pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->first && !p->is_stopping)
        pthread_cond_wait(&p->wake, &p->lock);
    struct io_job *j = p->first;
    if (j && !(p->first = j->next))
        p->end = &p->first;
    p->waiting -= j != NULL;
    pthread_mutex_unlock(&p->lock);
    return j;
}

static void *help(void *arg)
{
    for (struct io_job *j; (j = take(arg));) {
        j->run(j);
        io_post(j->loop, &j->post);
    }
    return NULL;
}

struct io_pool *io_pool_new(unsigned threads, unsigned queue_max, struct fault *f)
{
    struct io_pool *p = calloc(1, sizeof *p + threads * sizeof(pthread_t));
    if (!p) {
        fault_write(f, ERR_NOMEM, "no memory for helper threads");
        return NULL;
    }
    p->queue_max = queue_max;
    p->end = &p->first;
    BUG_ON(pthread_mutex_init(&p->lock, NULL) != 0 || pthread_cond_init(&p->wake, NULL) != 0);
    for (; p->threads_n < threads; p->threads_n++) {
        if (pthread_create(&p->threads[p->threads_n], NULL, help, p) == 0)
            continue;
        fault_write(f, ERR_NOMEM, "cannot start a helper thread");
        io_pool_free(p);
        return NULL;
    }
    return p;
}

void io_pool_free(struct io_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    BUG_ON(p->first != NULL);
    p->is_stopping = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->threads_n; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

bool io_work(struct io_pool *p, struct io_loop *l, struct io_job *j)
{
    j->loop = l;
    j->post.run = deliver;
    j->next = NULL;
    pthread_mutex_lock(&p->lock);
    bool fits = p->waiting < p->queue_max;
    if (fits) {
        *p->end = j;
        p->end = &j->next;
        p->waiting++;
        pthread_cond_signal(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
    return fits;
}
