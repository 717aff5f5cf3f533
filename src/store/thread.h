/* thread.h: threads of the store. Private to this folder. */
#ifndef STORE_THREAD_H
#define STORE_THREAD_H

#include <pthread.h>

#include "base/err.h"

/* Signals are the main thread's: a thread takes none. */
enum err thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *arg,
                      struct fault *f) MUST_USE;
/* A condition whose waits end by the clock of clock_mono_ns(). */
void thread_cond_init(pthread_cond_t *c);
void thread_wait(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t until_ns);

#endif
