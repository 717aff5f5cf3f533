/* sqlite_schema_people.h: the tables of people: a migration. A secret that a person or an app holds
 * is kept as its SHA-256. */
#ifndef STORE_SQLITE_SCHEMA_PEOPLE_H
#define STORE_SQLITE_SCHEMA_PEOPLE_H

/* clang-format off */
#define SCHEMA_PEOPLE \
    "CREATE TABLE user(" \
    "id INTEGER PRIMARY KEY," \
    "account_id INTEGER NOT NULL REFERENCES account(id)," \
    "email TEXT NOT NULL COLLATE NOCASE UNIQUE," \
    "is_proven INTEGER NOT NULL," \
    "role INTEGER NOT NULL,"  /* 0: owner, 1: admin, 2: member */ \
    "password TEXT NOT NULL," /* Argon2id; empty: none */ \
    "disabled INTEGER NOT NULL," \
    "created_ms INTEGER NOT NULL) STRICT;" \
    "CREATE INDEX user_account ON user(account_id);" \
    "CREATE TABLE oidc_identity(" \
    "issuer TEXT NOT NULL, subject TEXT NOT NULL," \
    "user_id INTEGER NOT NULL REFERENCES user(id)," \
    "created_ms INTEGER NOT NULL," \
    "PRIMARY KEY(issuer, subject)) STRICT, WITHOUT ROWID;" \
    "CREATE TABLE session(" \
    "id INTEGER PRIMARY KEY," \
    "user_id INTEGER NOT NULL REFERENCES user(id)," \
    "hash BLOB NOT NULL UNIQUE CHECK(length(hash) = 32)," \
    "created_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL," \
    "user_agent TEXT NOT NULL, address TEXT NOT NULL) STRICT;" \
    "CREATE INDEX session_user ON session(user_id);" \
    "CREATE TABLE link(" \
    "id INTEGER PRIMARY KEY," \
    "hash BLOB NOT NULL UNIQUE CHECK(length(hash) = 32)," \
    "kind INTEGER NOT NULL," \
    "account_id INTEGER NOT NULL, user_id INTEGER NOT NULL," /* 0: none */ \
    "role INTEGER NOT NULL," \
    "email TEXT NOT NULL COLLATE NOCASE," \
    "created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL) STRICT;" \
    "CREATE TABLE oauth_app(" \
    "id INTEGER PRIMARY KEY," \
    "origin TEXT NOT NULL UNIQUE," /* empty: those without a callback */ \
    "created_ms INTEGER NOT NULL) STRICT;" \
    "CREATE TABLE oauth_code(" \
    "id INTEGER PRIMARY KEY," \
    "user_id INTEGER NOT NULL," /* 0: a key asked for it */ \
    "account_id INTEGER NOT NULL REFERENCES account(id)," \
    "app_id INTEGER NOT NULL REFERENCES oauth_app(id)," \
    "hash BLOB NOT NULL UNIQUE CHECK(length(hash) = 32)," \
    "method INTEGER NOT NULL, challenge TEXT NOT NULL," \
    "creator TEXT NOT NULL, parent_id INTEGER NOT NULL," /* of the key, as what follows */ \
    "name TEXT NOT NULL," \
    "spend_limit INTEGER," /* NULL: none */ \
    "reset INTEGER NOT NULL, key_expires_ms INTEGER NOT NULL," \
    "created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL," \
    "used_ms INTEGER NOT NULL DEFAULT 0) STRICT;"
/* clang-format on */

#endif
