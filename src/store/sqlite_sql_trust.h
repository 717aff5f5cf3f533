/* sqlite_sql_trust.h: statements about mail, exposures and tokens. Part of sqlite_sql.h. */
#ifndef STORE_SQLITE_SQL_TRUST_H
#define STORE_SQLITE_SQL_TRUST_H

/* clang-format off */
#define SQL_LIST_TRUST(X)                                                                        \
    X(MAIL_INSERT,       "INSERT INTO mail(recipient, subject, text, created_ms, due_ms, "       \
                         "expires_ms) VALUES(?, ?, ?, ?, ?, ?)")                                 \
    X(MAIL_EXPIRE,       "DELETE FROM mail WHERE expires_ms <= ?")                               \
    X(MAIL_NEXT,         "SELECT id, created_ms, attempts, expires_ms, recipient, subject, text "\
                         "FROM mail WHERE due_ms <= ? ORDER BY due_ms LIMIT 1")              \
    X(MAIL_DELETE,       "DELETE FROM mail WHERE id = ?")                                        \
    X(MAIL_LATER,        "UPDATE mail SET due_ms = ?, attempts = attempts + 1, why = ? "         \
                         "WHERE id = ?")                                                         \
    X(MAIL_FAIL,         "UPDATE mail SET due_ms = NULL, attempts = attempts + 1, text = '', "   \
                         "failed_ms = ?, why = ? WHERE id = ?")
/* clang-format on */

#endif
