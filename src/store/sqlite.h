/* sqlite.h: the SQLite backend's inside: one connection, its prepared statements, and a query's
 * short life:
 *
 *   struct query q = query_of(c, SQL_KEY_BY_HASH);   the statement, prepared at its first use
 *   query_blob(&q, hash, 32);                        parameters, in order
 *   enum err e = query_next(&q, f);                  ERR_OK: a row
 *   key->id = col_i64(&q);                           columns, in order
 *   query_end(&q);                                   always
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <sqlite3.h>

#include "store/backend.h"
#include "store/block.h"
#include "store/sqlite_sql.h"

enum sql {
#define X(name, text) SQL_##name,
    SQL_LIST(X)
#undef X
        SQL__COUNT
};

struct store_conn {
    sqlite3 *db;
    sqlite3_stmt *prepared[SQL__COUNT];
    enum store_commit how;     /* as `synchronous` stands now */
    const struct vault *vault; /* NULL: none */
    struct block_writer block; /* kept, so that its memory is not asked for anew with each batch */
};

struct query {
    struct store_conn *c;
    sqlite3_stmt *st; /* NULL: could not be prepared; the rest then fails */
    int parameter, column;
    int rc; /* the first failure, or SQLITE_OK */
};

struct query query_of(struct store_conn *c, enum sql which);
void query_i64(struct query *q, int64_t v);
void query_text(struct query *q, struct str s);            /* lent until query_end() */
void query_blob(struct query *q, const void *p, size_t n); /* lent; p NULL is NULL */
void query_null(struct query *q);
void query_text_or_null(struct query *q, struct str s); /* p NULL is NULL */
/* ERR_NOT_FOUND, without a sentence: there is no (further) row. */
enum err query_next(struct query *q, struct fault *f) MUST_USE;
void query_end(struct query *q);
/* For what answers no row: query_next() and query_end(). */
enum err query_run(struct query *q, struct fault *f) MUST_USE;

int64_t col_i64(struct query *q);
bool col_bool(struct query *q);
bool col_is_null(const struct query *q); /* the next one */
struct str col_text(struct query *q);    /* lent until the next query_next() or query_end() */
struct str col_blob(struct query *q);    /* likewise */
void col_copy(struct query *q, char *out, size_t size); /* text, cut to size, terminated */
/* NULL gives NULL. ERR_NOMEM. */
enum err col_shared_text(struct query *q, struct text **out, struct fault *f) MUST_USE;
void col_hash(struct query *q, uint8_t out[KEY_HASH_BYTES]);

/* ERR_STORE, ERR_CONFLICT for what must be unique; the sentence is SQLite's. */
enum err sqlite_failed(struct store_conn *c, int rc, struct fault *f);
/* Statements without parameters or rows. */
enum err sqlite_exec(struct store_conn *c, const char *sql, struct fault *f) MUST_USE;
int sqlite_rows_changed(const struct store_conn *c); /* by the last statement */

/* sqlite_schema.c */
enum err sqlite_migrate(struct store_conn *c, struct fault *f) MUST_USE;

/* In the order of USAGE_COLUMNS. */
void query_usage(struct query *q, const struct usage *u);
void col_usage(struct query *q, struct usage *u);

/* sqlite_account.c, sqlite_key.c, sqlite_generation.c, sqlite_verify.c */
enum err account_read(struct store_conn *c, int64_t id, struct account *out,
                      struct fault *f) MUST_USE;
enum err col_account(struct query *q, struct account *a, struct fault *f) MUST_USE;
enum err change_note(struct store_conn *c, enum change_kind kind, int64_t id, const uint8_t *hash,
                     struct fault *f) MUST_USE;

enum err sqlite_account_create(struct store_conn *c, struct store_call *call);
enum err sqlite_account_get(struct store_conn *c, struct store_call *call);
enum err sqlite_account_list(struct store_conn *c, struct store_call *call);
enum err sqlite_account_disable(struct store_conn *c, struct store_call *call);
enum err sqlite_credit_grant(struct store_conn *c, struct store_call *call);
enum err sqlite_key_create(struct store_conn *c, struct store_call *call);
enum err sqlite_key_get(struct store_conn *c, struct store_call *call);
enum err sqlite_key_list(struct store_conn *c, struct store_call *call);
enum err sqlite_key_update(struct store_conn *c, struct store_call *call);
enum err sqlite_key_disable(struct store_conn *c, struct store_call *call);
enum err sqlite_key_delete(struct store_conn *c, struct store_call *call);
enum err sqlite_keys_touch(struct store_conn *c, struct store_call *call);
enum err sqlite_audit_list(struct store_conn *c, struct store_call *call);
enum err sqlite_audit_add(struct store_conn *c, const struct audit *a, struct fault *f);
enum err sqlite_ip_allow_add(struct store_conn *c, struct store_call *call);
enum err sqlite_ip_allow_list(struct store_conn *c, struct store_call *call);
enum err sqlite_ip_allow_delete(struct store_conn *c, struct store_call *call);
enum err sqlite_policy_set(struct store_conn *c, struct store_call *call);
enum err sqlite_generation_get(struct store_conn *c, struct store_call *call);
enum err sqlite_changes(struct store_conn *c, struct store_call *call);
enum err sqlite_verify(struct store_conn *c, struct store_call *call);

/* What one settlement adds to an owner's counters. */
struct charge {
    int64_t owner, settled_ms;
    nanos cost;
};
/* sqlite_line.c: what keys are charged, the keys that they come from are charged too. Adds those
 * behind the *n that are there; the array may move. */
enum err sqlite_charge_ancestors(struct store_conn *c, struct charge **charges, size_t *n,
                                 struct fault *f) MUST_USE;

/* Without moving counters. */
enum err sqlite_generations_store(struct store_conn *c, const struct generation *rows, size_t n,
                                  struct fault *f) MUST_USE;
enum err sqlite_generations_add(struct store_conn *c, const struct generation *rows, size_t n,
                                struct fault *f);
enum err sqlite_position_get(struct store_conn *c, struct str file, uint64_t *offset,
                             struct fault *f);
enum err sqlite_position_set(struct store_conn *c, struct str file, uint64_t offset,
                             struct fault *f);
enum err sqlite_position_drop(struct store_conn *c, struct str file, struct fault *f);
enum err sqlite_positions_clear(struct store_conn *c, struct fault *f);

#endif
