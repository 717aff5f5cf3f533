#include <stdlib.h>

#include "store/journal.h"
#include "store/sqlite.h"
#include "store/sqlite_schema_people.h"
#include "store/sqlite_schema_trust.h"

#define USAGE_DEFINITION                                                                           \
    "spent INTEGER NOT NULL DEFAULT 0,"                                                            \
    "day_start INTEGER NOT NULL DEFAULT 0, day_spent INTEGER NOT NULL DEFAULT 0,"                  \
    "week_start INTEGER NOT NULL DEFAULT 0, week_spent INTEGER NOT NULL DEFAULT 0,"                \
    "month_start INTEGER NOT NULL DEFAULT 0, month_spent INTEGER NOT NULL DEFAULT 0,"

static enum err generations_to_blocks(struct store_conn *c, struct fault *f);

/* Each brings the database from its index to the next version. One that was released never changes.
 *
 * generation_block: block.h. No index but its integer key, which grows with time: an insert goes to
 * the table's end. Owners of generations are no foreign keys, so that no record is lost for want of
 * an owner. */
static const struct {
    const char *sql;
    enum err (*then)(struct store_conn *c, struct fault *f); /* where SQL cannot say it */
} migrations[] = {
    {"CREATE TABLE account("
     "id INTEGER PRIMARY KEY,"
     "email TEXT NOT NULL COLLATE NOCASE UNIQUE,"
     "granted INTEGER NOT NULL DEFAULT 0 CHECK(granted >= 0)," USAGE_DEFINITION
     "disabled INTEGER NOT NULL DEFAULT 0,"
     "created_ms INTEGER NOT NULL) STRICT;"

     "CREATE TABLE credit_grant("
     "id INTEGER PRIMARY KEY,"
     "account_id INTEGER NOT NULL REFERENCES account(id),"
     "amount INTEGER NOT NULL,"
     "note TEXT NOT NULL,"
     "created_ms INTEGER NOT NULL) STRICT;"
     "CREATE INDEX credit_grant_account ON credit_grant(account_id);"

     "CREATE TABLE key("
     "id INTEGER PRIMARY KEY,"
     "account_id INTEGER NOT NULL REFERENCES account(id),"
     "hash BLOB NOT NULL UNIQUE CHECK(length(hash) = 32),"
     "name TEXT NOT NULL,"
     "label TEXT NOT NULL,"
     "is_management INTEGER NOT NULL,"
     "disabled INTEGER NOT NULL,"
     "include_byok INTEGER NOT NULL,"
     "spend_limit INTEGER," /* NULL: none */
     "reset INTEGER NOT NULL," USAGE_DEFINITION "expires_ms INTEGER NOT NULL,"
     "created_ms INTEGER NOT NULL,"
     "updated_ms INTEGER NOT NULL DEFAULT 0,"
     "deleted_ms INTEGER) STRICT;" /* the row stays: its generations must still add up */
     "CREATE INDEX key_account ON key(account_id);"

     "CREATE TABLE generation(" /* until version 3 */
     "id INTEGER PRIMARY KEY, tag INTEGER NOT NULL,"
     "account_id INTEGER NOT NULL, key_id INTEGER NOT NULL,"
     "settled_ms INTEGER NOT NULL, cost INTEGER NOT NULL,"
     "tokens_prompt INTEGER NOT NULL, tokens_completion INTEGER NOT NULL,"
     "model TEXT NOT NULL, provider TEXT NOT NULL,"
     "record BLOB NOT NULL) STRICT;" /* the journal's payload: all of it */

     "CREATE TABLE journal_position(file TEXT PRIMARY KEY, offset INTEGER NOT NULL) STRICT;"

     "CREATE TABLE change("
     "seq INTEGER PRIMARY KEY AUTOINCREMENT,"
     "kind INTEGER NOT NULL," /* enum change_kind */
     "id INTEGER NOT NULL,"
     "hash BLOB) STRICT;",
     NULL},
    /* Delegated keys, rules of keys, who may come in from where, what was done. A list has a
     * newline behind each item. */
    {"ALTER TABLE key ADD COLUMN last_used_ms INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE key ADD COLUMN parent_id INTEGER REFERENCES key(id);"
     "ALTER TABLE key ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE key ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE key ADD COLUMN app_id INTEGER;"
     "ALTER TABLE key ADD COLUMN rate_requests INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE key ADD COLUMN rate_tokens INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE key ADD COLUMN creator TEXT;"
     "ALTER TABLE key ADD COLUMN external_user TEXT;"
     "ALTER TABLE key ADD COLUMN models TEXT;" /* NULL: all */
     "ALTER TABLE key ADD COLUMN providers TEXT;"
     "CREATE INDEX key_parent ON key(parent_id) WHERE parent_id IS NOT NULL;"

     "ALTER TABLE account ADD COLUMN key_lifetime_ms INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE account ADD COLUMN ip_ranges TEXT;" /* of ip_allow, where there is one */
     "CREATE TABLE ip_allow("
     "id INTEGER PRIMARY KEY AUTOINCREMENT,"
     "account_id INTEGER NOT NULL REFERENCES account(id),"
     "range TEXT NOT NULL,"
     "label TEXT NOT NULL,"
     "created_ms INTEGER NOT NULL,"
     "UNIQUE(account_id, range)) STRICT;"

     "CREATE TABLE audit("
     "id INTEGER PRIMARY KEY AUTOINCREMENT,"
     "account_id INTEGER NOT NULL,"
     "at_ms INTEGER NOT NULL,"
     "actor TEXT NOT NULL, label TEXT NOT NULL, address TEXT NOT NULL, agent TEXT NOT NULL,"
     "action TEXT NOT NULL, target TEXT NOT NULL, detail TEXT NOT NULL) STRICT;"
     "CREATE INDEX audit_account ON audit(account_id);"
     "CREATE INDEX audit_target ON audit(target);"
     "CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN "
     "SELECT RAISE(ABORT, 'the audit log is only added to'); END;"
     "CREATE TRIGGER audit_remains BEFORE DELETE ON audit BEGIN "
     "SELECT RAISE(ABORT, 'the audit log is only added to'); END;"
     "CREATE TRIGGER audit_is_new BEFORE INSERT ON audit WHEN NEW.id IN (SELECT id FROM audit) "
     "BEGIN " /* REPLACE */
     "SELECT RAISE(ABORT, 'the audit log is only added to'); END;",
     NULL},
    {"CREATE TABLE generation_block("
     "key INTEGER PRIMARY KEY,"
     "directory BLOB NOT NULL,"
     "records BLOB NOT NULL) STRICT;",
     generations_to_blocks},
    {SCHEMA_MAIL, NULL},
    {SCHEMA_PEOPLE, NULL},
    {SCHEMA_EXPOSURE, NULL},
    {SCHEMA_MAIL_SEALED, NULL},
    {SCHEMA_TOKEN, NULL},
};

/* --- version 3 --- */

enum { MOVED_AT_ONCE = 1000 };

/* Some of the rows of version 1, in memory. */
struct rows {
    struct buf bytes;
    struct generation g[MOVED_AT_ONCE];
    size_t ends[MOVED_AT_ONCE], n;
};

static enum err rows_read(sqlite3_stmt *st, struct rows *r, int *rc)
{
    buf_reset(&r->bytes);
    r->n = 0;
    while (r->n < MOVED_AT_ONCE && (*rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *p = sqlite3_column_blob(st, 0);
        if (buf_add(&r->bytes, str_of(p, (size_t)sqlite3_column_bytes(st, 0))) != ERR_OK)
            return r->bytes.failed;
        r->ends[r->n++] = r->bytes.n;
    }
    return ERR_OK;
}

static enum err rows_store(struct store_conn *c, struct rows *r, struct fault *f)
{
    size_t at = 0;
    for (size_t i = 0; i < r->n; at = r->ends[i++]) {
        if (!journal_decode(str_of(r->bytes.p + at, r->ends[i] - at), &r->g[i]))
            return fault_set(f, ERR_STORE, "a generation's record is damaged");
    }
    return sqlite_generations_store(c, r->g, r->n, f);
}

static enum err rows_move(struct store_conn *c, sqlite3_stmt *st, struct rows *r, struct fault *f)
{
    int rc = SQLITE_ROW;
    while (rc == SQLITE_ROW) {
        enum err e = rows_read(st, r, &rc);
        if (e != ERR_OK)
            return fault_set(f, e, "no memory for moving generations");
        e = rows_store(c, r, f);
        if (e != ERR_OK)
            return e;
    }
    return rc == SQLITE_DONE ? ERR_OK : sqlite_failed(c, rc, f);
}

/* Counters stand as they are: the same generations only change their place. */
static enum err generations_to_blocks(struct store_conn *c, struct fault *f)
{
    sqlite3_stmt *st = NULL;
    struct rows *r = calloc(1, sizeof *r);
    int rc = sqlite3_prepare_v2(c->db, "SELECT record FROM generation ORDER BY id", -1, &st, NULL);
    enum err e = r ? ERR_OK : fault_set(f, ERR_NOMEM, "no memory for moving generations");
    if (e == ERR_OK && rc != SQLITE_OK)
        e = sqlite_failed(c, rc, f);
    if (e == ERR_OK) {
        buf_init(&r->bytes, SIZE_MAX);
        e = rows_move(c, st, r, f);
        buf_release(&r->bytes);
    }
    sqlite3_finalize(st);
    free(r);
    return e == ERR_OK ? sqlite_exec(c, "DROP TABLE generation", f) : e;
}

/* --- versions --- */

static enum err version_read(struct store_conn *c, int64_t *out, struct fault *f)
{
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(c->db, "PRAGMA user_version", -1, &st, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(st);
    return rc == SQLITE_OK ? ERR_OK : sqlite_failed(c, rc, f);
}

/* A pragma takes no parameter; the number is ours. */
static enum err version_write(struct store_conn *c, size_t version, struct fault *f)
{
    char room[64];
    struct buf sql = {.p = room, .cap = sizeof room, .max = sizeof room};
    BUG_ON(buf_printf(&sql, "PRAGMA user_version = %zu", version) != ERR_OK);
    return sqlite_exec(c, room, f);
}

/* The version is read again inside: another process may have been faster. */
static enum err migrate_in(struct store_conn *c, struct fault *f)
{
    int64_t version = 0;
    enum err e = version_read(c, &version, f);
    for (size_t at = (size_t)version; e == ERR_OK && at < COUNT_OF(migrations); at++) {
        e = sqlite_exec(c, migrations[at].sql, f);
        if (e == ERR_OK && migrations[at].then)
            e = migrations[at].then(c, f);
        if (e == ERR_OK)
            e = version_write(c, at + 1, f);
    }
    return e;
}

enum err sqlite_migrate(struct store_conn *c, struct fault *f)
{
    int64_t version = 0;
    enum err e = version_read(c, &version, f);
    if (e != ERR_OK || version == (int64_t)COUNT_OF(migrations))
        return e;
    if (version > (int64_t)COUNT_OF(migrations) || version < 0)
        return fault_set(f, ERR_STORE,
                         "the database is of version %lld; this turnpike knows %zu at most",
                         (long long)version, COUNT_OF(migrations));
    e = store_sqlite.begin(c, STORE_DURABLE, f);
    if (e != ERR_OK)
        return e;
    e = migrate_in(c, f);
    if (e == ERR_OK)
        return store_sqlite.commit(c, f);
    store_sqlite.rollback(c);
    return e;
}
