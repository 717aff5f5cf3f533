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

/* Who may get tokens (`claims`: a JSON object, or empty; `minute`, `issued`: how many in which minute);
 * what signs ours. */
#define SCHEMA_TOKEN                                                                             \
    "CREATE TABLE federation("                                                                   \
    "n INTEGER PRIMARY KEY AUTOINCREMENT,"                                                       \
    "id TEXT NOT NULL UNIQUE,"                                                                   \
    "account_id INTEGER NOT NULL REFERENCES account(id),"                                        \
    "key_id INTEGER NOT NULL REFERENCES key(id),"                                                \
    "name TEXT NOT NULL, issuer TEXT NOT NULL, jwks_url TEXT NOT NULL,"                          \
    "audience TEXT NOT NULL, subject TEXT NOT NULL, claims TEXT NOT NULL,"                       \
    "lifetime_s INTEGER NOT NULL, disabled INTEGER NOT NULL, is_operators INTEGER NOT NULL,"     \
    "created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL DEFAULT 0,"                        \
    "last_used_ms INTEGER NOT NULL DEFAULT 0,"                                                   \
    "minute INTEGER NOT NULL DEFAULT 0, issued INTEGER NOT NULL DEFAULT 0) STRICT;"              \
    "CREATE INDEX federation_account ON federation(account_id);"                                 \
    "CREATE TABLE signing_key("                                                                  \
    "id INTEGER PRIMARY KEY AUTOINCREMENT,"                                                      \
    "kid TEXT NOT NULL UNIQUE,"                                                                  \
    "sealed BLOB NOT NULL,"                                                                      \
    "created_ms INTEGER NOT NULL) STRICT;"
/* clang-format on */

#endif
