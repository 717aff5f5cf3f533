/* sqlite_schema_trust.h: tables of mail, exposures and tokens. Part of sqlite_schema.c; what was
 * released never changes. */
#ifndef STORE_SQLITE_SCHEMA_TRUST_H
#define STORE_SQLITE_SCHEMA_TRUST_H

/* clang-format off */
/* Mail that waits (due_ms), or that failed for good. */
#define SCHEMA_MAIL                                                                              \
    "CREATE TABLE mail("                                                                         \
    "id INTEGER PRIMARY KEY AUTOINCREMENT,"                                                      \
    "recipient TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL,"                        \
    "created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"                                  \
    "due_ms INTEGER," /* NULL: failed */                                                         \
    "attempts INTEGER NOT NULL DEFAULT 0,"                                                       \
    "failed_ms INTEGER, why TEXT) STRICT;"                                                       \
    "CREATE INDEX mail_due ON mail(due_ms) WHERE due_ms IS NOT NULL;"                            \
    "CREATE INDEX mail_expiry ON mail(expires_ms);"

/* What a mail says, from then on: store/vault.h. `text` is empty but for those queued before. */
#define SCHEMA_MAIL_SEALED "ALTER TABLE mail ADD COLUMN sealed BLOB;"

/* Where keys were found. */
#define SCHEMA_EXPOSURE                                                                          \
    "ALTER TABLE account ADD COLUMN exposure_policy INTEGER NOT NULL DEFAULT 0;"                 \
    "CREATE TABLE exposure("                                                                     \
    "id INTEGER PRIMARY KEY AUTOINCREMENT,"                                                      \
    "key_id INTEGER NOT NULL REFERENCES key(id),"                                                \
    "account_id INTEGER NOT NULL,"                                                               \
    "at_ms INTEGER NOT NULL,"                                                                    \
    "url TEXT NOT NULL, source TEXT NOT NULL, type TEXT NOT NULL, reporter TEXT NOT NULL,"       \
    "policy INTEGER NOT NULL,"                                                                   \
    "UNIQUE(key_id, url, source)) STRICT;"                                                       \
    "CREATE INDEX exposure_account ON exposure(account_id);"
/* clang-format on */

#endif
