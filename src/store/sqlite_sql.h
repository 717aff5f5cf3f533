/* sqlite_sql.h: every statement that runs more than once. Values come in as parameters, never as text. */
#ifndef STORE_SQLITE_SQL_H
#define STORE_SQLITE_SQL_H

#include "store/sqlite_sql_people.h"
#include "store/sqlite_sql_trust.h"

/* clang-format off */
#define USAGE_COLUMNS "spent, day_start, day_spent, week_start, week_spent, month_start, month_spent"
#define USAGE_SET                                                                                \
    "spent = ?, day_start = ?, day_spent = ?, week_start = ?, week_spent = ?, month_start = ?, " \
    "month_spent = ?"

#define ACCOUNT_COLUMNS                                                                          \
    "a.id, a.email, a.granted, a.spent, a.day_start, a.day_spent, a.week_start, a.week_spent, "  \
    "a.month_start, a.month_spent, a.disabled, a.created_ms, a.key_lifetime_ms, a.ip_ranges"

#define KEY_COLUMNS                                                                              \
    "k.id, k.account_id, k.hash, k.name, k.label, k.is_management, k.disabled, k.include_byok, " \
    "k.spend_limit, k.reset, k.spent, k.day_start, k.day_spent, k.week_start, k.week_spent, "    \
    "k.month_start, k.month_spent, k.expires_ms, k.created_ms, k.updated_ms, k.last_used_ms, "   \
    "k.parent_id, k.depth, k.origin, k.app_id, k.rate_requests, k.rate_tokens, k.creator, "      \
    "k.external_user, k.models, k.providers"

/* What a list of keys may leave out. */
#define KEY_LIST_WHERE                                                                           \
    "k.deleted_ms IS NULL AND (k.disabled = 0 OR ?3) AND (k.expires_ms = 0 OR "                  \
    "k.expires_ms > ?4 OR ?5) AND (k.is_management = 0 OR ?6) AND (k.origin <> 1 OR ?7) "           \
    "AND (k.origin <> 2 OR ?8) AND (?9 IS NULL OR k.creator = ?9) ORDER BY k.id DESC LIMIT ?10 "        \
    "OFFSET ?11"

#define OWNER_COLUMNS                                                                            \
    "o.spent, o.day_start, o.day_spent, o.week_start, o.week_spent, o.month_start, o.month_spent "

#define AUDIT_LIST_WHERE                                                                         \
    "AND (?2 = '' OR action = ?2) AND (?3 = '' OR target = ?3) ORDER BY id DESC LIMIT ? OFFSET ?"

/*    name               statement */
#define SQL_LIST(X)                                                                              \
    X(BEGIN_WRITE,       "BEGIN IMMEDIATE")                                                      \
    X(BEGIN_READ,        "BEGIN")                                                                \
    X(COMMIT,            "COMMIT")                                                               \
    X(ROLLBACK,          "ROLLBACK")                                                             \
    X(PART_BEGIN,        "SAVEPOINT part")                                                       \
    X(PART_UNDO,         "ROLLBACK TO part")                                                     \
    X(PART_END,          "RELEASE part")                                                         \
    X(ACCOUNT_INSERT,    "INSERT INTO account(email, created_ms) VALUES(?, ?)")                  \
    X(ACCOUNT_BY_ID,     "SELECT " ACCOUNT_COLUMNS " FROM account a WHERE a.id = ?")             \
    X(ACCOUNT_BY_EMAIL,  "SELECT " ACCOUNT_COLUMNS " FROM account a WHERE a.email = ?")          \
    X(ACCOUNT_FIRST,     "SELECT " ACCOUNT_COLUMNS " FROM account a ORDER BY a.id LIMIT 1")      \
    X(ACCOUNT_ALL,       "SELECT " ACCOUNT_COLUMNS " FROM account a ORDER BY a.id")              \
    X(ACCOUNT_DISABLE,   "UPDATE account SET disabled = ? WHERE id = ?")                         \
    X(ACCOUNT_GRANT,     "UPDATE account SET granted = granted + ? WHERE id = ?")                \
    X(ACCOUNT_USAGE,     "SELECT " USAGE_COLUMNS " FROM account WHERE id = ?")                   \
    X(ACCOUNT_USAGE_SET, "UPDATE account SET " USAGE_SET " WHERE id = ?")                        \
    X(GRANT_INSERT,      "INSERT INTO credit_grant(account_id, amount, note, created_ms) "       \
                         "VALUES(?, ?, ?, ?)")                                                   \
    X(KEY_INSERT,        "INSERT INTO key(account_id, hash, name, label, is_management, "        \
                         "disabled, include_byok, spend_limit, reset, expires_ms, created_ms, "  \
                         "parent_id, depth, origin, app_id, rate_requests, rate_tokens, "        \
                         "creator, external_user, models, providers) "                           \
                         "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)") \
    X(KEY_BY_HASH,       "SELECT " KEY_COLUMNS ", " ACCOUNT_COLUMNS " FROM key k "               \
                         "JOIN account a ON a.id = k.account_id "                                \
                         "WHERE k.hash = ? AND k.deleted_ms IS NULL")                            \
    X(KEY_LIST,          "SELECT " KEY_COLUMNS " FROM key k WHERE ?1 = 0 AND ?2 = 0 AND "        \
                         KEY_LIST_WHERE)                                                         \
    X(KEY_LIST_ACCOUNT,  "SELECT " KEY_COLUMNS " FROM key k WHERE k.account_id = ?1 "            \
                         "AND ?2 = 0 AND " KEY_LIST_WHERE)                                       \
    X(KEY_LIST_CHILDREN, "SELECT " KEY_COLUMNS " FROM key k WHERE (?1 = 0 OR "                   \
                         "k.account_id = ?1) AND k.parent_id = ?2 AND " KEY_LIST_WHERE)          \
    X(KEY_LINK,          "SELECT k.id, k.hash, k.disabled, k.deleted_ms IS NOT NULL, "           \
                         "k.spend_limit, k.reset, " USAGE_COLUMNS ", k.expires_ms, "             \
                         "k.rate_requests, k.rate_tokens, k.models, k.providers, k.parent_id "   \
                         "FROM key k WHERE k.id = ?")                                            \
    X(KEY_PARENT,        "SELECT k.depth FROM key k WHERE k.id = ? AND k.account_id = ? "        \
                         "AND k.deleted_ms IS NULL")                                             \
    X(KEY_PARENT_ID,     "SELECT parent_id FROM key WHERE id = ? AND parent_id IS NOT NULL")      \
    X(KEY_UPDATE,        "UPDATE key SET name = ?, disabled = ?, include_byok = ?, "             \
                         "spend_limit = ?, reset = ?, rate_requests = ?, rate_tokens = ?, "      \
                         "models = ?, providers = ?, updated_ms = ? WHERE id = ?")               \
    X(KEY_TOUCH,         "UPDATE key SET last_used_ms = ?1 WHERE id = ?2 "                       \
                         "AND last_used_ms < ?1")                                                \
    X(KEY_DISABLE,       "UPDATE key SET disabled = ?, updated_ms = ? WHERE id = ?")             \
    X(KEY_DELETE,        "UPDATE key SET deleted_ms = ? WHERE id = ?")                           \
    X(AUDIT_INSERT,      "INSERT INTO audit(account_id, at_ms, actor, label, address, agent, "   \
                         "action, target, detail) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)")            \
    X(AUDIT_LIST,        "SELECT id, account_id, at_ms, actor, label, address, agent, action, "  \
                         "target, detail FROM audit WHERE ?1 = 0 " AUDIT_LIST_WHERE)             \
    X(AUDIT_LIST_ACCOUNT, "SELECT id, account_id, at_ms, actor, label, address, agent, action, " \
                         "target, detail FROM audit WHERE account_id = ?1 " AUDIT_LIST_WHERE)    \
    X(IP_INSERT,         "INSERT INTO ip_allow(account_id, range, label, created_ms) "           \
                         "VALUES(?, ?, ?, ?)")                                                   \
    X(IP_LIST,           "SELECT id, created_ms, range, label FROM ip_allow "                    \
                         "WHERE account_id = ? ORDER BY id LIMIT ?")                             \
    X(IP_COUNT,          "SELECT count(*) FROM ip_allow WHERE account_id = ?")                   \
    X(IP_DELETE,         "DELETE FROM ip_allow WHERE account_id = ? AND id = ?")                 \
    X(IP_GATHER,         "UPDATE account SET ip_ranges = (SELECT group_concat(range || "         \
                         "char(10), '') FROM ip_allow WHERE account_id = ?1) WHERE id = ?1")     \
    X(POLICY_SET,        "UPDATE account SET key_lifetime_ms = ? WHERE id = ?")                  \
    X(KEY_USAGE,         "SELECT " USAGE_COLUMNS " FROM key WHERE id = ?")                       \
    X(KEY_USAGE_SET,     "UPDATE key SET " USAGE_SET " WHERE id = ?")                            \
    X(CHANGE_INSERT,     "INSERT INTO change(kind, id, hash) VALUES(?, ?, ?)")                   \
    X(CHANGE_LATEST,     "SELECT ifnull(max(seq), 0) FROM change")                               \
    X(CHANGE_SINCE,      "SELECT seq, kind, id, hash FROM change WHERE seq > ? "                 \
                         "ORDER BY seq LIMIT ?")                                                 \
    X(BLOCK_INSERT,      "INSERT INTO generation_block(key, directory, records) VALUES(?, ?, ?)") \
    X(BLOCK_DIRECTORIES, "SELECT key, directory FROM generation_block "                          \
                         "WHERE key BETWEEN ? AND ? ORDER BY key")                               \
    X(BLOCKS_BETWEEN,    "SELECT directory, records FROM generation_block "                      \
                         "WHERE key BETWEEN ? AND ? ORDER BY key")                               \
    X(POSITION_GET,      "SELECT offset FROM journal_position WHERE file = ?")                   \
    X(POSITION_SET,      "INSERT INTO journal_position(file, offset) VALUES(?, ?) "              \
                         "ON CONFLICT(file) DO UPDATE SET offset = excluded.offset")             \
    X(POSITION_DROP,     "DELETE FROM journal_position WHERE file = ?")                          \
    X(POSITIONS_CLEAR,   "DELETE FROM journal_position")                                         \
    X(VERIFY_KEYS,       "SELECT o.id, ifnull(o.parent_id, 0), o.hash, " OWNER_COLUMNS          \
                         "FROM key o ORDER BY o.id")                                             \
    X(VERIFY_ACCOUNTS,   "SELECT o.id, o.email, o.granted, (SELECT ifnull(sum(amount), 0) "      \
                         "FROM credit_grant WHERE account_id = o.id), "                          \
                         OWNER_COLUMNS "FROM account o ORDER BY o.id")                           \
    SQL_LIST_TRUST(X)                                                                            \
    SQL_LIST_PEOPLE(X)
/* clang-format on */

#endif
