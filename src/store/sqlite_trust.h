/* sqlite_trust.h: the SQLite backend's part for mail, exposures and tokens. */
#ifndef STORE_SQLITE_TRUST_H
#define STORE_SQLITE_TRUST_H

#include "store/calls_exposure.h"
#include "store/calls_token.h"
#include "store/sqlite.h"

#define X(need, function) enum err sqlite_##function(struct store_conn *c, struct store_call *call);
TRUST_READS(X)
TRUST_WRITES(X)
#undef X

/* For calls that cause a mail: in their own transaction. */
enum err sqlite_mail_insert(struct store_conn *c, const struct mail *m, int64_t *id,
                            struct fault *f) MUST_USE;

#endif
