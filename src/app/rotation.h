/* rotation.h: the keys that sign access tokens are made, followed by new ones when they are old, and
 * forgotten when the last token that they signed is over. On one loop of one worker. */
#ifndef APP_ROTATION_H
#define APP_ROTATION_H

#include "auth/signers.h"

struct rotation;

/* A key as old as `period_ms` is followed by a new one. NULL: no memory. */
struct rotation *rotation_new(struct io_loop *l, struct store *s, const struct seal_key *master,
                              int64_t period_ms);
void rotation_stop(struct rotation *r);
bool rotation_is_idle(const struct rotation *r);
void rotation_free(struct rotation *r);
/* Looks now, not only when its time comes. */
void rotation_look(struct rotation *r);

/* Directly, in a store without threads: makes the first key where there is none, or with `anew` one
 * more. out: the newest, without what is sealed. audit: recorded with a new one, or NULL. */
enum err rotation_make(struct store *s, const struct seal_key *master, bool anew,
                       const struct audit *audit, struct signing_key *out,
                       struct fault *f) MUST_USE;

#endif
