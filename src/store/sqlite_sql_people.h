/* sqlite_sql_people.h: the statements about people: a part of SQL_LIST. */
#ifndef STORE_SQLITE_SQL_PEOPLE_H
#define STORE_SQLITE_SQL_PEOPLE_H

/* clang-format off */
#define USER_COLUMNS                                                                             \
    "u.id, u.account_id, u.email, u.is_proven, u.role, u.password, u.disabled, u.created_ms"
#define SESSION_COLUMNS                                                                          \
    "s.id, s.user_id, s.hash, s.created_ms, s.seen_ms, s.expires_ms, s.user_agent, s.address"
#define LINK_COLUMNS                                                                             \
    "l.id, l.hash, l.kind, l.account_id, l.user_id, l.role, l.email, l.created_ms, l.expires_ms"
#define CODE_COLUMNS                                                                             \
    "c.id, c.user_id, c.account_id, c.app_id, c.hash, c.method, c.challenge, c.creator, "        \
    "c.parent_id, c.name, "           \
    "c.spend_limit, c.reset, c.key_expires_ms, c.created_ms, c.expires_ms, c.used_ms"

/*    name               statement */
#define SQL_LIST_PEOPLE(X)                                                                       \
    X(USER_INSERT,       "INSERT INTO user(account_id, email, is_proven, role, password, "       \
                         "disabled, created_ms) VALUES(?, ?, ?, ?, ?, 0, ?)")                    \
    X(USER_BY_ID,        "SELECT " USER_COLUMNS " FROM user u WHERE u.id = ?")                   \
    X(USER_BY_EMAIL,     "SELECT " USER_COLUMNS " FROM user u WHERE u.email = ?")                \
    X(USER_ANY,          "SELECT id FROM user LIMIT 1")                                          \
    X(USER_OF_ACCOUNT,   "SELECT " USER_COLUMNS " FROM user u WHERE u.account_id = ? "           \
                         "ORDER BY u.id LIMIT 10000")                                            \
    X(USER_OWNERS_LEFT,  "SELECT count(*) FROM user WHERE account_id = ? AND role = 0 "          \
                         "AND disabled = 0 AND id <> ?")                                         \
    X(USER_UPDATE,       "UPDATE user SET is_proven = ?, role = ?, password = ?, disabled = ? "  \
                         "WHERE id = ?")                                                         \
    X(USER_KEYS_DISABLE, "UPDATE key SET disabled = 1, updated_ms = ? WHERE account_id = ? "     \
                         "AND creator = ? AND disabled = 0 AND deleted_ms IS NULL")              \
    X(USER_BY_IDENTITY,  "SELECT " USER_COLUMNS " FROM oidc_identity i JOIN user u "             \
                         "ON u.id = i.user_id WHERE i.issuer = ? AND i.subject = ?")             \
    X(IDENTITY_INSERT,   "INSERT INTO oidc_identity(issuer, subject, user_id, created_ms) "      \
                         "VALUES(?, ?, ?, ?)")                                                   \
    X(ACCOUNT_RENAME,    "UPDATE account SET email = ? WHERE id = ?")                            \
    X(SESSION_INSERT,    "INSERT INTO session(user_id, hash, created_ms, seen_ms, expires_ms, "  \
                         "user_agent, address) VALUES(?, ?, ?, ?, ?, ?, ?)")                     \
    X(SESSION_BY_HASH,   "SELECT " SESSION_COLUMNS ", " USER_COLUMNS ", a.disabled "             \
                         "FROM session s JOIN user u ON u.id = s.user_id "                       \
                         "JOIN account a ON a.id = u.account_id WHERE s.hash = ?")               \
    X(SESSION_OF_USER,   "SELECT " SESSION_COLUMNS " FROM session s WHERE s.user_id = ? "        \
                         "AND s.expires_ms > ? ORDER BY s.seen_ms DESC, s.id DESC")              \
    X(SESSION_SEEN,      "UPDATE session SET seen_ms = max(seen_ms, ?) WHERE id = ?")            \
    X(SESSION_DROP,      "DELETE FROM session WHERE user_id = ? AND id = ?")                     \
    X(SESSION_DROP_ALL,  "DELETE FROM session WHERE user_id = ? AND id <> ?")                    \
    X(SESSION_DROP_OLD,  "DELETE FROM session WHERE user_id = ?1 AND (expires_ms <= ?2 OR "      \
                         "id IN (SELECT id FROM session WHERE user_id = ?1 "                     \
                         "ORDER BY seen_ms DESC, id DESC LIMIT -1 OFFSET ?3))")                  \
    X(LINK_INSERT,       "INSERT INTO link(hash, kind, account_id, user_id, role, email, "       \
                         "created_ms, expires_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?)")               \
    X(LINK_BY_HASH,      "SELECT " LINK_COLUMNS " FROM link l WHERE l.hash = ? "                 \
                         "AND l.expires_ms > ?")                                                 \
    X(LINK_OF_ACCOUNT,   "SELECT " LINK_COLUMNS " FROM link l WHERE l.account_id = ? "           \
                         "AND l.kind = ? AND l.expires_ms > ? ORDER BY l.id DESC LIMIT 10000")   \
    X(LINK_DROP,         "DELETE FROM link WHERE id = ?")                                        \
    X(LINK_DROP_KIND,    "DELETE FROM link WHERE kind = ? AND user_id = ?")                      \
    X(LINK_DROP_USER,    "DELETE FROM link WHERE user_id = ?")                                   \
    X(LINK_DROP_TO,      "DELETE FROM link WHERE kind = ? AND account_id = ? AND email = ?")     \
    X(LINK_DROP_OPEN,    "DELETE FROM link WHERE id = ? AND account_id = ? AND kind = ?")        \
    X(LINK_DROP_OLD,     "DELETE FROM link WHERE expires_ms <= ?")                               \
    X(APP_INSERT,        "INSERT INTO oauth_app(origin, created_ms) VALUES(?, ?) "               \
                         "ON CONFLICT(origin) DO NOTHING")                                       \
    X(APP_BY_ORIGIN,     "SELECT id FROM oauth_app WHERE origin = ?")                            \
    X(APP_OF_ACCOUNT,    "SELECT a.id, a.origin FROM oauth_app a WHERE a.id IN (SELECT app_id "   \
                         "FROM key WHERE account_id = ? AND deleted_ms IS NULL) ORDER BY a.id")  \
    X(CODE_INSERT,       "INSERT INTO oauth_code(user_id, account_id, app_id, hash, method, "    \
                         "challenge, creator, parent_id, name, spend_limit, reset, key_expires_ms, created_ms, "     \
                         "expires_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")         \
    X(CODE_BY_HASH,      "SELECT " CODE_COLUMNS " FROM oauth_code c WHERE c.hash = ?")           \
    X(CODE_BY_ID,        "SELECT " CODE_COLUMNS " FROM oauth_code c WHERE c.id = ?")             \
    X(CODE_USE,          "UPDATE oauth_code SET used_ms = ? WHERE id = ? AND used_ms = 0")       \
    X(CODE_DROP_OLD,     "DELETE FROM oauth_code WHERE expires_ms <= ?")
/* clang-format on */

#endif
