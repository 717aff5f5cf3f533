/* thread.h: threads beside the loops: the courier's, the store's. */
#ifndef IO_THREAD_H
#define IO_THREAD_H

#include <pthread.h>

#include "base/err.h"

/* Signals are the main thread's: a thread takes none. */
enum err io_thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *arg,
                         struct fault *f) MUST_USE;

#endif
