/* sqlite_sql_trust.h: statements about mail, exposures and tokens. Part of sqlite_sql.h. */
#ifndef STORE_SQLITE_SQL_TRUST_H
#define STORE_SQLITE_SQL_TRUST_H

/* clang-format off */
#define FEDERATION_COLUMNS                                                                       \
    "f.id, f.account_id, k.hash, k.label, f.name, f.issuer, f.jwks_url, f.audience, f.subject, " \
    "f.claims, f.lifetime_s, f.disabled, f.is_operators, f.created_ms, f.updated_ms, "           \
    "f.last_used_ms FROM federation f JOIN key k ON k.id = f.key_id "

#define SQL_LIST_TRUST(X)                                                                        \
    X(MAIL_INSERT,       "INSERT INTO mail(recipient, subject, text, created_ms, due_ms, "       \
                         "expires_ms) VALUES(?, ?, '', ?, ?, ?)")                                \
    X(MAIL_SEAL,         "UPDATE mail SET sealed = ?, text = '' WHERE id = ?")                   \
    X(MAIL_UNSEALED,     "SELECT id, recipient, text FROM mail WHERE sealed IS NULL "            \
                         "AND due_ms IS NOT NULL LIMIT 1")                                       \
    X(MAIL_EXPIRE,       "DELETE FROM mail WHERE expires_ms <= ?")                               \
    X(MAIL_NEXT,         "SELECT id, created_ms, attempts, expires_ms, recipient, subject, "    \
                         "sealed FROM mail WHERE due_ms <= ? ORDER BY due_ms LIMIT 1")              \
    X(MAIL_DELETE,       "DELETE FROM mail WHERE id = ?")                                        \
    X(MAIL_LATER,        "UPDATE mail SET due_ms = ?, attempts = attempts + 1, why = ? "         \
                         "WHERE id = ?")                                                         \
    X(MAIL_FAIL,         "UPDATE mail SET due_ms = NULL, attempts = attempts + 1, text = '', "   \
                         "sealed = NULL, failed_ms = ?, why = ? WHERE id = ?")                                  \
    X(EXPOSURE_KEY,      "SELECT k.id, k.account_id, k.label, k.name, k.disabled, "              \
                         "k.deleted_ms IS NOT NULL, a.email, a.exposure_policy FROM key k "      \
                         "JOIN account a ON a.id = k.account_id "                                \
                         "WHERE k.hash = ?1 AND ?2 IN (0, k.account_id)")                        \
    X(EXPOSURE_INSERT,   "INSERT INTO exposure(key_id, account_id, at_ms, url, source, type, "   \
                         "reporter, policy) VALUES(?, ?, ?, ?, ?, ?, ?, ?) "                     \
                         "ON CONFLICT(key_id, url, source) DO NOTHING")                          \
    X(EXPOSURE_DISABLE,  "UPDATE key SET disabled = 1, updated_ms = ? WHERE id = ?")             \
    X(EXPOSURE_COUNT,    "SELECT count(*) FROM exposure WHERE key_id = ? AND at_ms > ?")         \
    X(EXPOSURE_LIST,     "SELECT x.id, x.at_ms, x.url, x.source, x.type, x.reporter, x.policy, " \
                         "k.hash, k.label, k.name, k.disabled, k.deleted_ms IS NOT NULL "        \
                         "FROM exposure x JOIN key k ON k.id = x.key_id "                        \
                         "WHERE ?1 IN (0, x.account_id) ORDER BY x.id DESC LIMIT ?2 OFFSET ?3")  \
    X(EXPOSURE_POLICY,   "SELECT exposure_policy FROM account WHERE id = ?")                     \
    X(EXPOSURE_POLICY_SET, "UPDATE account SET exposure_policy = ? WHERE id = ?")                \
    X(FEDERATION_KEY,    "SELECT id, label, is_management FROM key "                             \
                         "WHERE hash = ? AND account_id = ? AND deleted_ms IS NULL")             \
    X(FEDERATION_COUNT,  "SELECT count(*) FROM federation WHERE account_id = ?")                 \
    X(FEDERATION_INSERT, "INSERT INTO federation(id, account_id, key_id, name, issuer, "         \
                         "jwks_url, audience, subject, claims, lifetime_s, disabled, "           \
                         "is_operators, created_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
    X(FEDERATION_GET,    "SELECT " FEDERATION_COLUMNS "WHERE f.id = ?1 AND "                     \
                         "?2 IN (0, f.account_id)")                                              \
    X(FEDERATION_LIST,   "SELECT " FEDERATION_COLUMNS "WHERE ?1 IN (0, f.account_id) "           \
                         "ORDER BY f.n")                                                         \
    X(FEDERATION_UPDATE, "UPDATE federation SET name = ?, disabled = ?, lifetime_s = ?, "        \
                         "updated_ms = ? WHERE id = ?")                                          \
    X(FEDERATION_DELETE, "DELETE FROM federation WHERE id = ?")                                  \
    X(TOKEN_ISSUE,       "UPDATE federation SET last_used_ms = ?1, minute = ?1 / 60000, "        \
                         "issued = CASE WHEN minute = ?1 / 60000 THEN issued + 1 ELSE 1 END "    \
                         "WHERE id = ?2 AND disabled = 0 RETURNING issued")                      \
    X(SIGNING_LIST,      "SELECT id, created_ms, kid, sealed FROM signing_key "                  \
                         "ORDER BY id DESC LIMIT ?")                                             \
    X(SIGNING_NEWEST,    "SELECT ifnull(max(id), 0) FROM signing_key")                           \
    X(SIGNING_INSERT,    "INSERT INTO signing_key(kid, sealed, created_ms) VALUES(?, ?, ?)")     \
    X(SIGNING_PRUNE,     "DELETE FROM signing_key WHERE EXISTS (SELECT 1 FROM signing_key s "    \
                         "WHERE s.id > signing_key.id AND s.created_ms < ?)")
/* clang-format on */

#endif
