/* session.h: from a cookie to who is signed in: one per worker, behind the seam of person.h. Known
 * sessions are kept in a bounded cache by their whole digest; a miss asks the store. */
#ifndef AUTH_SESSION_H
#define AUTH_SESSION_H

#include "auth/person.h"

struct sessions;

struct session_limits {
    int64_t idle_ms;     /* unseen for this long: over */
    int64_t absolute_ms; /* over, whatever is done with it */
};

struct sessions *sessions_new(struct io_loop *l, struct store *s,
                              const struct session_limits *limits); /* NULL: no memory */
void sessions_free(struct sessions *s);          /* nobody waits or holds a person any more */
bool sessions_is_idle(const struct sessions *s); /* nothing is asked of the store */
struct person_source *sessions_source(struct sessions *s);

/* What is known is out of date: somebody was signed out, disabled, or given another role. */
void sessions_forget_all(struct sessions *s);

#endif
