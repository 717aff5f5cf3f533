/* thread.h: how threads of the store wait for each other. Private to this folder. */
#ifndef STORE_THREAD_H
#define STORE_THREAD_H

#include <pthread.h>

#include "base/err.h"

/* A condition whose waits end by the clock of clock_mono_ns(). */
void thread_cond_init(pthread_cond_t *c);
void thread_wait(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t until_ns);

#endif
