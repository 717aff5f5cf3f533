#include "store/sqlite.h"
#include "store/sqlite_trust.h"
#include "store/sqlite_people.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUSY_MS = 5000 }; /* the command line works beside the server */

static const char *const texts[SQL__COUNT] = {
#define X(name, text) [SQL_##name] = text,
    SQL_LIST(X)
#undef X
};

/* --- failures --- */

enum err sqlite_failed(struct store_conn *c, int rc, struct fault *f)
{
    if ((rc & 0xff) == SQLITE_BUSY)
        return fault_set(f, ERR_STORE, "the database is busy: another process has held it for %d s",
                         BUSY_MS / 1000);
    enum err e = rc == SQLITE_CONSTRAINT_UNIQUE ? ERR_CONFLICT : ERR_STORE;
    return fault_set(f, e, "the database says: %s", sqlite3_errmsg(c->db));
}

enum err sqlite_exec(struct store_conn *c, const char *sql, struct fault *f)
{
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : sqlite_failed(c, rc, f);
}

int sqlite_rows_changed(const struct store_conn *c)
{
    return sqlite3_changes(c->db);
}

/* --- queries --- */

static void query_note(struct query *q, int rc)
{
    if (q->rc == SQLITE_OK)
        q->rc = rc;
}

struct query query_of(struct store_conn *c, enum sql which)
{
    struct query q = {.c = c};
    if (!c->prepared[which])
        q.rc = sqlite3_prepare_v3(c->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                                  &c->prepared[which], NULL);
    q.st = c->prepared[which];
    return q;
}

void query_i64(struct query *q, int64_t v)
{
    if (q->st)
        query_note(q, sqlite3_bind_int64(q->st, ++q->parameter, v));
}

void query_text(struct query *q, struct str s)
{
    if (q->st)
        query_note(q, sqlite3_bind_text64(q->st, ++q->parameter, s.p ? s.p : "", s.n, SQLITE_STATIC,
                                          SQLITE_UTF8));
}

void query_blob(struct query *q, const void *p, size_t n)
{
    if (q->st)
        query_note(q, sqlite3_bind_blob64(q->st, ++q->parameter, p, n, SQLITE_STATIC));
}

void query_text_or_null(struct query *q, struct str s)
{
    if (s.p)
        query_text(q, s);
    else
        query_null(q);
}

void query_null(struct query *q)
{
    if (q->st)
        query_note(q, sqlite3_bind_null(q->st, ++q->parameter));
}

enum err query_next(struct query *q, struct fault *f)
{
    q->column = 0;
    if (q->rc == SQLITE_OK) {
        int rc = sqlite3_step(q->st);
        if (rc == SQLITE_ROW)
            return ERR_OK;
        if (rc == SQLITE_DONE)
            return ERR_NOT_FOUND;
        q->rc = rc;
    }
    return sqlite_failed(q->c, q->rc, f);
}

/* Views that were bound must not outlive their owner, not even in a statement that is never run
 * again. */
void query_end(struct query *q)
{
    if (!q->st)
        return;
    sqlite3_reset(q->st);
    sqlite3_clear_bindings(q->st);
}

enum err query_run(struct query *q, struct fault *f)
{
    enum err e = query_next(q, f);
    query_end(q);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

int64_t col_i64(struct query *q)
{
    return sqlite3_column_int64(q->st, q->column++);
}

bool col_bool(struct query *q)
{
    return col_i64(q) != 0;
}

bool col_is_null(const struct query *q)
{
    return sqlite3_column_type(q->st, q->column) == SQLITE_NULL;
}

struct str col_text(struct query *q)
{
    int at = q->column++;
    const char *p = (const char *)sqlite3_column_text(q->st, at);
    return p ? str_of(p, (size_t)sqlite3_column_bytes(q->st, at)) : STR_NONE;
}

struct str col_blob(struct query *q)
{
    int at = q->column++;
    const char *p = sqlite3_column_blob(q->st, at);
    return p ? str_of(p, (size_t)sqlite3_column_bytes(q->st, at)) : STR_NONE;
}

void col_copy(struct query *q, char *out, size_t size)
{
    struct str s = str_head(col_text(q), size - 1);
    if (s.n)
        memcpy(out, s.p, s.n);
    out[s.n] = '\0';
}

enum err col_shared_text(struct query *q, struct text **out, struct fault *f)
{
    bool is_null = col_is_null(q);
    struct str s = col_text(q);
    *out = is_null ? NULL : text_new(s);
    return is_null || *out ? ERR_OK : fault_set(f, ERR_NOMEM, "no memory for a row");
}

void col_hash(struct query *q, uint8_t out[KEY_HASH_BYTES])
{
    int at = q->column++;
    const void *p = sqlite3_column_blob(q->st, at);
    memset(out, 0, KEY_HASH_BYTES);
    if (p && sqlite3_column_bytes(q->st, at) == KEY_HASH_BYTES)
        memcpy(out, p, KEY_HASH_BYTES);
}

void query_usage(struct query *q, const struct usage *u)
{
    query_i64(q, u->in[WINDOW_NONE]);
    for (enum window w = WINDOW_DAY; w < WINDOW__COUNT; w++) {
        query_i64(q, u->start[w]);
        query_i64(q, u->in[w]);
    }
}

void col_usage(struct query *q, struct usage *u)
{
    *u = (struct usage){.in[WINDOW_NONE] = col_i64(q)};
    for (enum window w = WINDOW_DAY; w < WINDOW__COUNT; w++) {
        u->start[w] = col_i64(q);
        u->in[w] = col_i64(q);
    }
}

/* --- transactions --- */

static enum err run_plain(struct store_conn *c, enum sql which, struct fault *f)
{
    struct query q = query_of(c, which);
    return query_run(&q, f);
}

static void rollback(struct store_conn *c)
{
    if (sqlite3_get_autocommit(c->db)) /* a full disk or an I/O error has done it already */
        return;
    struct fault f;
    if (run_plain(c, SQL_ROLLBACK, &f) != ERR_OK)
        BUG_ON(!sqlite3_get_autocommit(c->db));
}

static enum err begin(struct store_conn *c, enum store_commit how, struct fault *f)
{
    if (c->how != how) {
        enum err e = sqlite_exec(
            c, how == STORE_DURABLE ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
            f);
        if (e != ERR_OK)
            return e;
        c->how = how;
    }
    return run_plain(c, SQL_BEGIN_WRITE, f);
}

static enum err commit(struct store_conn *c, struct fault *f)
{
    enum err e = run_plain(c, SQL_COMMIT, f);
    if (e != ERR_OK)
        rollback(c);
    return e;
}

static enum err part_begin(struct store_conn *c, struct fault *f)
{
    return run_plain(c, SQL_PART_BEGIN, f);
}

static enum err part_end(struct store_conn *c, bool keep, struct fault *f)
{
    enum err e = ERR_OK;
    if (sqlite3_get_autocommit(c->db))
        return fault_set(f, ERR_STORE, "the database gave up the transaction");
    if (!keep)
        e = run_plain(c, SQL_PART_UNDO, f);
    return e == ERR_OK ? run_plain(c, SQL_PART_END, f) : e;
}

/* --- open and close --- */

static void conn_close(struct store_conn *c)
{
    for (size_t i = 0; i < SQL__COUNT; i++)
        sqlite3_finalize(c->prepared[i]);
    BUG_ON(sqlite3_close(c->db) != SQLITE_OK); /* a statement was left open */
    block_writer_release(&c->block);
    free(c);
}

/* SQLite gives its other files the mode of this one, so it must not make it itself. A file that is
 * there is not opened: closing it would drop all locks that this process holds on it (POSIX), and
 * the next process to leave would take the write-ahead log with it. */
static enum err file_make(const char *path, struct fault *f)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1 && errno == EEXIST)
        return ERR_OK;
    if (fd == -1)
        return fault_set(f, ERR_STORE, "%s: %s", path, strerror(errno));
    close(fd);
    return ERR_OK;
}

/* Rows come in batches at the table's end: large pages, and a WAL that may grow to 1000 of them (16
 * MB) before it is moved into the database, make for fewer and larger writes. Nothing that a
 * database file holds may run code or change how it is read. What is deleted is overwritten: mails,
 * sessions, links. The cache holds a million keys' index, filled only as it is read: with a quarter of it a look-up among
 * them cost a fifth more than among ten. */
static enum err configure(struct store_conn *c, struct fault *f)
{
    sqlite3_busy_timeout(c->db, BUSY_MS);
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    c->how = STORE_LAZY;
    return sqlite_exec(c,
                       "PRAGMA page_size = 16384;"
                       "PRAGMA journal_mode = WAL;"
                       "PRAGMA synchronous = NORMAL;"
                       "PRAGMA wal_autocheckpoint = 1000;"
                       "PRAGMA journal_size_limit = 67108864;"
                       "PRAGMA foreign_keys = ON;"
                       "PRAGMA secure_delete = ON;"
                       "PRAGMA cache_size = -65536;",
                       f);
}

static struct store_conn *conn_open(const char *dir, struct fault *f)
{
    char path[PATH_MAX];
    struct buf b = {.p = path, .cap = sizeof path, .max = sizeof path};
    if (buf_printf(&b, "%s/turnpike.db", dir) != ERR_OK) {
        fault_write(f, ERR_INVALID, "the data directory's name is too long");
        return NULL;
    }
    if (file_make(path, f) != ERR_OK)
        return NULL;
    struct store_conn *c = calloc(1, sizeof *c);
    if (!c) {
        fault_write(f, ERR_NOMEM, "no memory for a database connection");
        return NULL;
    }
    block_writer_init(&c->block);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int rc = sqlite3_open_v2(path, &c->db, flags, NULL);
    enum err e = rc == SQLITE_OK ? configure(c, f) : sqlite_failed(c, rc, f);
    if (e == ERR_OK)
        e = sqlite_migrate(c, f);
    if (e == ERR_OK)
        return c;
    conn_close(c);
    return NULL;
}

static void set_vault(struct store_conn *c, const struct vault *v)
{
    c->vault = v;
}

const struct store_backend store_sqlite = {
    .name = "sqlite",
    .open = conn_open,
    .close = conn_close,
    .set_vault = set_vault,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .part_begin = part_begin,
    .part_end = part_end,
    .run = {[STORE_ACCOUNT_CREATE] = sqlite_account_create,
            [STORE_ACCOUNT_GET] = sqlite_account_get,
            [STORE_ACCOUNT_LIST] = sqlite_account_list,
            [STORE_ACCOUNT_DISABLE] = sqlite_account_disable,
            [STORE_CREDIT_GRANT] = sqlite_credit_grant,
            [STORE_KEY_CREATE] = sqlite_key_create,
            [STORE_KEY_GET] = sqlite_key_get,
            [STORE_KEY_LIST] = sqlite_key_list,
            [STORE_KEY_UPDATE] = sqlite_key_update,
            [STORE_KEY_DISABLE] = sqlite_key_disable,
            [STORE_KEY_DELETE] = sqlite_key_delete,
            [STORE_KEYS_TOUCH] = sqlite_keys_touch,
            [STORE_AUDIT_LIST] = sqlite_audit_list,
            [STORE_IP_ALLOW_ADD] = sqlite_ip_allow_add,
            [STORE_IP_ALLOW_LIST] = sqlite_ip_allow_list,
            [STORE_IP_ALLOW_DELETE] = sqlite_ip_allow_delete,
            [STORE_POLICY_SET] = sqlite_policy_set,
            [STORE_GENERATION_GET] = sqlite_generation_get,
            [STORE_CHANGES] = sqlite_changes,
            [STORE_VERIFY] = sqlite_verify,
#define X(need, function) [STORE_##need] = sqlite_##function,
            TRUST_READS(X) TRUST_WRITES(X) PEOPLE_READS(X) PEOPLE_WRITES(X)
#undef X
    },
    .audit_add = sqlite_audit_add,
    .generations_add = sqlite_generations_add,
    .position_get = sqlite_position_get,
    .position_set = sqlite_position_set,
    .position_drop = sqlite_position_drop,
    .positions_clear = sqlite_positions_clear,
};
