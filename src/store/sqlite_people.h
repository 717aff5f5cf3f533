/* sqlite_people.h: the SQLite backend's calls about people, and what they share. */
#ifndef STORE_SQLITE_PEOPLE_H
#define STORE_SQLITE_PEOPLE_H

#include "store/calls_people.h"
#include "store/sqlite.h"

#define X(need, function) enum err sqlite_##function(struct store_conn *c, struct store_call *call);
PEOPLE_READS(X)
PEOPLE_WRITES(X)
#undef X

/* Room for one more row of `size` bytes: rows come as they are found. */
enum err rows_grow(void **rows, size_t *cap, size_t n, size_t size, struct fault *f) MUST_USE;
void query_ticket(struct query *q, const uint8_t hash[TICKET_HASH_BYTES]); /* lent */
void query_limit(struct query *q, nanos limit);
nanos col_limit(struct query *q);

void col_user(struct query *q, struct user *u);
enum err user_read(struct store_conn *c, int64_t id, struct user *out, struct fault *f) MUST_USE;
enum err user_read_email(struct store_conn *c, const char *email, struct user *out,
                         struct fault *f) MUST_USE;
/* u: in: all but id, created_ms; out: those. ERR_CONFLICT: the address is taken. */
enum err user_insert(struct store_conn *c, struct user *u, struct fault *f) MUST_USE;
/* proven, role, password and disabled as they are in u */
enum err user_update(struct store_conn *c, const struct user *u, struct fault *f) MUST_USE;
/* An account of their own, named as they are, and its owner. */
enum err user_insert_with_account(struct store_conn *c, struct user *u, struct fault *f) MUST_USE;
/* ERR_FORBIDDEN where the user is disabled. */
enum err session_open(struct store_conn *c, const struct user *u, struct session *s,
                      struct fault *f) MUST_USE;
enum err sessions_end(struct store_conn *c, int64_t user_id, int64_t keep,
                      struct fault *f) MUST_USE;
/* Whatever lets a user in without the password: sessions but `keep`, links to sign in or to reset. */
enum err ways_in_end(struct store_conn *c, int64_t user_id, int64_t keep, struct fault *f) MUST_USE;

#endif
