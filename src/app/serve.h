/* serve.h: the gateway as a process. */
#ifndef APP_SERVE_H
#define APP_SERVE_H

#include "app/config.h"

/* Serves until SIGTERM or SIGINT; the process's exit status. */
int serve(const struct config_flags *flags);
/* The simulated provider on its own, until SIGTERM or SIGINT. */
int serve_sim(struct str host, uint16_t port);

const char *turnpike_version(void);

#endif
