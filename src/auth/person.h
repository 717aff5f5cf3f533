/* person.h: who is signed in: what a session's cookie stands for, and the seam behind which
 * sessions are looked up. One source per worker; without one no cookie is ever accepted. */
#ifndef AUTH_PERSON_H
#define AUTH_PERSON_H

#include "auth/gate.h"
#include "store/people.h"

enum { CSRF_MAX = 64 };

struct person {
    int64_t user_id, account_id, session_id;
    enum role role;
    char email[EMAIL_MAX + 1];
    char csrf[CSRF_MAX + 1]; /* what unsafe requests of this session must bear; never empty */
};

/* One question, as struct gate_wait: zeroed before use; stays where it is until it is answered or
 * left. */
struct person_wait {
    struct person_source *source;        /* NULL: nothing is asked */
    void (*done)(struct person_wait *w); /* after GATE_WAIT: the answer is in person or fault */
    struct person *person;               /* a reference, given back with release(); NULL: refused */
    struct fault fault;
    void *state; /* the source's */
};

/* What a source can do; it embeds this. */
struct person_source {
    /* cookie: the value of the session's cookie, as the client sent it. */
    enum gate_answer (*ask)(struct person_source *s, struct str cookie, struct person_wait *w);
    void (*leave)(struct person_wait *w); /* the asker goes away before it is answered */
    void (*release)(struct person_source *s, struct person *p);
    /* What is known is out of date: somebody was signed out, disabled, or given another role. */
    void (*forget_all)(struct person_source *s);
};

#define SESSION_COOKIE "turnpike_session"

#endif
