/* mailer.h: sends the mail that waits in the store, one after the other; on one loop of one worker.
 * What cannot be sent now is tried again later and later; what the server refuses for good is marked
 * and logged. Neither recipients nor texts are logged. */
#ifndef APP_MAILER_H
#define APP_MAILER_H

#include "app/config.h"
#include "store/store.h"

struct mailer;

/* c: where to send it; lent for the mailer's life. Without a server in it nothing is sent. It has a
 * courier of its own: a mail server that keeps us waiting must not keep others. */
struct mailer *mailer_new(struct io_loop *l, struct store *s, const struct config *c,
                          struct fault *f);
/* Begins no more; gives up what is under way (it is sent after the next start). */
void mailer_stop(struct mailer *m);
bool mailer_is_idle(const struct mailer *m);
void mailer_free(struct mailer *m);

#endif
