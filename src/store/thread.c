#include "store/thread.h"

#include <time.h>

void thread_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    BUG_ON(pthread_cond_init(c, &attr) != 0);
    pthread_condattr_destroy(&attr);
}

void thread_wait(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t until_ns)
{
    struct timespec t = {(time_t)(until_ns / 1000000000u), (long)(until_ns % 1000000000u)};
    pthread_cond_timedwait(c, lock, &t);
}
