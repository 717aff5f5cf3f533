/* crew.h: the worker threads: each with its loop, its listener, its connections; started, reloaded
 * and drained from the main thread by message. */
#ifndef APP_CREW_H
#define APP_CREW_H

#include "api/api.h"
#include "app/config.h"

struct crew;

/* Opens everything (ports too), starts nothing. c, shared, trust, signin and tls live as long as the
 * crew. */
struct crew *crew_new(const struct config *c, const struct relay_shared *shared,
                      struct trust *trust, const struct signin *signin, struct catalog *catalog,
                      const struct io_tls *listener_tls, const char *version, struct fault *f);
uint16_t crew_port(const struct crew *w);
enum err crew_start(struct crew *w, struct fault *f) MUST_USE;
/* Waits until every worker has the new settings and catalog; a worker that fails keeps the old. */
enum err crew_reload(struct crew *w, const struct config *c, struct catalog *catalog,
                     struct fault *f) MUST_USE;
/* Accepts no more, lets streams finish for at most `ms`, ends the rest, waits for all threads. */
void crew_drain(struct crew *w, uint32_t ms);
void crew_free(struct crew *w);

#endif
