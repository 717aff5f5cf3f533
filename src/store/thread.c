#include "store/thread.h"

#include <signal.h>
#include <time.h>

enum err thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *arg,
                      struct fault *f)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(out, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return fault_set(f, ERR_NOMEM, "no thread for the store: %s", strerror(failed));
    pthread_setname_np(*out, name);
    return ERR_OK;
}

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
