#include "io/thread.h"

#include <signal.h>

enum err io_thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *arg,
                         struct fault *f)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(out, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return fault_set(f, ERR_NOMEM, "no thread for %s: %s", name, strerror(failed));
    pthread_setname_np(*out, name);
    return ERR_OK;
}
