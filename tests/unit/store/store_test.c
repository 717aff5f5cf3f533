#include "unit/store/support.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "store/journal.h"

struct here {
    struct dir dir;
    struct store *s;
};

static int setup(void **state)
{
    struct here *h = calloc(1, sizeof *h);
    dir_make(&h->dir);
    h->s = direct(&h->dir);
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    struct here *h = *state;
    store_close(h->s);
    dir_remove(&h->dir);
    free(h);
    return 0;
}

static void the_first_account_is_made_only_where_asked_for(void **state)
{
    struct here *h = *state;
    struct store_account_get g = {.call.need = STORE_ACCOUNT_GET};
    store_submit(h->s, &g.call);
    assert_int_equal(g.call.err, ERR_NOT_FOUND);
    g.create_first = true;
    ask(h->s, &g.call);
    assert_string_equal(g.account.email, "owner@localhost");
    int64_t id = g.account.id;
    memset(&g.account, 0, sizeof g.account);
    ask(h->s, &g.call);
    assert_int_equal(g.account.id, id);
    make_account(h->s, "second@example.org", 0);
    memset(&g.account, 0, sizeof g.account);
    g.create_first = false;
    ask(h->s, &g.call);
    assert_int_equal(g.account.id, id);
}

static void an_email_names_one_account_whatever_its_case(void **state)
{
    struct here *h = *state;
    struct account a = make_account(h->s, "Ada@Example.org", 0);
    struct store_account_create again = {.call.need = STORE_ACCOUNT_CREATE,
                                         .account.email = "ada@example.org"};
    store_submit(h->s, &again.call);
    assert_int_equal(again.call.err, ERR_CONFLICT);
    assert_non_null(strstr(again.call.fault.message, "ada@example.org"));
    struct store_account_get g = {.call.need = STORE_ACCOUNT_GET,
                                  .account.email = "ADA@example.org"};
    ask(h->s, &g.call);
    assert_int_equal(g.account.id, a.id);
    struct store_account_create empty = {.call.need = STORE_ACCOUNT_CREATE};
    store_submit(h->s, &empty.call);
    assert_int_equal(empty.call.err, ERR_INVALID);
}

static void accounts_are_listed_and_disabled(void **state)
{
    struct here *h = *state;
    for (int i = 0; i < 40; i++) {
        char email[32];
        snprintf(email, sizeof email, "u%d@example.org", i);
        make_account(h->s, email, 0);
    }
    struct store_account_disable d = {
        .call.need = STORE_ACCOUNT_DISABLE, .email = "u7@example.org", .disabled = true};
    ask(h->s, &d.call);
    struct store_account_list l = {.call.need = STORE_ACCOUNT_LIST};
    ask(h->s, &l.call);
    assert_int_equal(l.n, 40);
    for (size_t i = 0; i < l.n; i++)
        assert_int_equal(l.accounts[i].disabled, i == 7);
    free(l.accounts);
    snprintf(d.email, sizeof d.email, "nobody@example.org");
    store_submit(h->s, &d.call);
    assert_int_equal(d.call.err, ERR_NOT_FOUND);
}

static void grants_add_up_to_a_ceiling(void **state)
{
    struct here *h = *state;
    struct account a = make_account(h->s, "a@example.org", 7);
    assert_int_equal(a.granted, 7);
    struct store_credit_grant g = {
        .call.need = STORE_CREDIT_GRANT, .account_id = a.id, .amount = NANOS_MAX - 7};
    ask(h->s, &g.call);
    assert_int_equal(g.account.granted, NANOS_MAX);
    g.amount = 1;
    store_submit(h->s, &g.call);
    assert_int_equal(g.call.err, ERR_INVALID);
    g.amount = -1;
    store_submit(h->s, &g.call);
    assert_int_equal(g.call.err, ERR_INVALID);
    g.account_id = 99;
    store_submit(h->s, &g.call);
    assert_int_equal(g.call.err, ERR_NOT_FOUND);
    assert_int_equal(get_account(h->s, a.id).granted, NANOS_MAX);
    verify_clean(h->s);
}

static void a_key_comes_back_as_it_was_made(void **state)
{
    struct here *h = *state;
    struct account a = make_account(h->s, "a@example.org", 0);
    struct store_key_create c = {.call.need = STORE_KEY_CREATE};
    c.key = (struct key){.account_id = a.id,
                         .name = "Ünï'); DROP TABLE key; --",
                         .label = "sk-tp-v1-abc...def",
                         .is_management = true,
                         .include_byok = true,
                         .limit = 12345,
                         .reset = WINDOW_WEEK,
                         .expires_ms = SOME_MS};
    memset(c.key.hash, 0xfe, sizeof c.key.hash);
    ask(h->s, &c.call);
    struct store_key_get g = {.call.need = STORE_KEY_GET};
    memset(g.hash, 0xfe, sizeof g.hash);
    ask(h->s, &g.call);
    assert_int_equal(g.key.id, c.key.id);
    assert_string_equal(g.key.name, c.key.name);
    assert_string_equal(g.key.label, c.key.label);
    assert_memory_equal(g.key.hash, c.key.hash, sizeof g.hash);
    assert_true(g.key.is_management && g.key.include_byok && !g.key.disabled);
    assert_int_equal(g.key.limit, 12345);
    assert_int_equal(g.key.reset, WINDOW_WEEK);
    assert_int_equal(g.key.expires_ms, SOME_MS);
    assert_int_equal(g.key.created_ms, c.key.created_ms);
    assert_int_equal(g.key.updated_ms, 0);
    assert_string_equal(g.account.email, "a@example.org");
    make_key(h->s, a.id, 3);
    assert_true(get_key(h->s, 3).limit == NO_LIMIT);
    store_submit(h->s, &c.call);
    assert_int_equal(c.call.err, ERR_CONFLICT);
    c.key.account_id = 77;
    store_submit(h->s, &c.call);
    assert_int_equal(c.call.err, ERR_NOT_FOUND);
}

static size_t list(struct store *s, struct store_key_list l, uint8_t *first)
{
    l.call.need = STORE_KEY_LIST;
    ask(s, &l.call);
    if (l.n && first)
        *first = l.keys[0].hash[0];
    free(l.keys);
    return l.n;
}

static void keys_are_listed_newest_first_by_pages(void **state)
{
    struct here *h = *state;
    struct account a = make_account(h->s, "a@example.org", 0),
                   b = make_account(h->s, "b@example.org", 0);
    uint8_t first = 0;
    for (uint8_t i = 1; i <= 50; i++)
        make_key(h->s, i % 5 ? a.id : b.id, i);
    struct store_key_disable d = {.call.need = STORE_KEY_DISABLE, .disabled = true};
    memset(d.hash, 49, sizeof d.hash);
    ask(h->s, &d.call);
    assert_true(d.key.disabled && d.key.updated_ms > 0);
    assert_int_equal(list(h->s, (struct store_key_list){.include_disabled = true}, &first), 50);
    assert_int_equal(first, 50);
    assert_int_equal(list(h->s, (struct store_key_list){.limit = 0}, NULL), 49);
    assert_int_equal(list(h->s, (struct store_key_list){.account_id = b.id}, &first), 10);
    assert_int_equal(first, 50);
    assert_int_equal(
        list(h->s, (struct store_key_list){.account_id = a.id, .limit = 5, .offset = 2}, &first),
        5);
    assert_int_equal(first, 46);
    assert_int_equal(list(h->s, (struct store_key_list){.offset = 1000, .limit = 5}, NULL), 0);
}

static void a_deleted_key_is_gone_but_its_generations_count(void **state)
{
    struct here *h = *state;
    struct account a = make_account(h->s, "a@example.org", 1000);
    struct key k = make_key(h->s, a.id, 9);
    struct store_key_delete d = {.call.need = STORE_KEY_DELETE};
    struct store_key_get g = {.call.need = STORE_KEY_GET};
    memset(d.hash, 9, sizeof d.hash);
    memset(g.hash, 9, sizeof g.hash);
    ask(h->s, &d.call);
    store_submit(h->s, &g.call);
    assert_int_equal(g.call.err, ERR_NOT_FOUND);
    store_submit(h->s, &d.call);
    assert_int_equal(d.call.err, ERR_NOT_FOUND);
    assert_int_equal(list(h->s, (struct store_key_list){.include_disabled = true}, NULL), 0);
    struct buf b;
    buf_init(&b, 1 << 20);
    struct generation of_deleted = make_generation(1, a.id, k.id, 30),
                      of_nobody = make_generation(2, 888, 999, 40);
    assert_int_equal(journal_encode(&of_deleted, &b), ERR_OK);
    assert_int_equal(journal_encode(&of_nobody, &b), ERR_OK);
    journal_write(&h->dir, "1", buf_view(&b));
    buf_release(&b);
    store_close(h->s);
    h->s = direct(&h->dir);
    assert_int_equal(verify_clean(h->s), 2);
    assert_int_equal(get_account(h->s, a.id).usage.in[WINDOW_NONE], 30);
}

static void changes_tell_what_others_changed(void **state)
{
    struct here *h = *state;
    struct store *other = direct(&h->dir);
    struct account a = make_account(h->s, "a@example.org", 0);
    struct store_changes c = {.call.need = STORE_CHANGES, .seq = -1};
    ask(h->s, &c.call);
    assert_int_equal(c.n, 0);
    int64_t seq = c.seq;
    ask(h->s, &c.call);
    assert_int_equal(c.n, 0);
    assert_int_equal(c.seq, seq);
    struct key k = make_key(other, a.id, 4);
    struct store_credit_grant g = {
        .call.need = STORE_CREDIT_GRANT, .account_id = a.id, .amount = 3};
    ask(other, &g.call);
    ask(h->s, &c.call);
    assert_int_equal(c.n, 2);
    assert_true(c.changes[0].kind == CHANGE_KEY && c.changes[0].id == k.id);
    assert_memory_equal(c.changes[0].hash, k.hash, sizeof k.hash);
    assert_true(c.changes[1].kind == CHANGE_ACCOUNT && c.changes[1].id == a.id);
    for (int i = 0; i < 300; i++)
        ask(other, &g.call);
    ask(h->s, &c.call);
    assert_int_equal(c.n, 256);
    ask(h->s, &c.call);
    assert_int_equal(c.n, 44);
    store_close(other);
}

static void a_failed_call_changes_nothing(void **state)
{
    struct here *h = *state;
    struct account a = make_account(h->s, "a@example.org", 5);
    struct store_changes c = {.call.need = STORE_CHANGES, .seq = -1};
    ask(h->s, &c.call);
    struct store_credit_grant g = {
        .call.need = STORE_CREDIT_GRANT, .account_id = a.id, .amount = -5};
    store_submit(h->s, &g.call);
    assert_int_equal(g.call.err, ERR_INVALID);
    ask(h->s, &c.call);
    assert_int_equal(c.n, 0);
}

static void only_the_owner_may_read_the_files(void **state)
{
    struct here *h = *state;
    struct dir fresh;
    struct stat st;
    char path[128];
    snprintf(fresh.path, sizeof fresh.path, "%.60s/sub", h->dir.path);
    mode_t before = umask(0);
    struct store *s = direct(&fresh);
    make_account(s, "a@example.org", 0);
    umask(before);
    static const char *const names[] = {"",      "/journal",     "/turnpike.db", "/turnpike.db-wal",
                                        "/lock", "/journal/lock"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(path, sizeof path, "%s%s", fresh.path, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 077, 0);
    }
    store_close(s);
}

static void what_is_no_place_is_refused_with_a_sentence(void **state)
{
    struct here *h = *state;
    struct fault f = {0};
    char path[128];
    (void)h;
    assert_null(store_open(STR("postgresql://localhost/x"), STORE_DIRECT, &f));
    assert_non_null(strstr(f.message, "PostgreSQL"));
    assert_null(store_open(STR("/nonexistent/a/b"), STORE_DIRECT, &f));
    assert_non_null(strstr(f.message, "/nonexistent/a/b"));
    assert_null(store_open(STR(""), STORE_DIRECT, &f));
    snprintf(path, sizeof path, "%s/turnpike.db", h->dir.path);
    assert_null(store_open(str_c(path), STORE_DIRECT, &f));
}

static void run_sql(const struct dir *d, const char *sql)
{
    char path[128];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/turnpike.db", d->path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_database_of_a_newer_turnpike_is_left_alone(void **state)
{
    struct here *h = *state;
    struct fault f = {0};
    run_sql(&h->dir, "PRAGMA user_version = 1000");
    assert_null(store_open(str_c(h->dir.path), STORE_DIRECT, &f));
    assert_non_null(strstr(f.message, "version 1000"));
}

static unsigned differences(struct store *s, const char *word)
{
    struct store_verify v = {.call.need = STORE_VERIFY};
    unsigned found = 0;
    ask(s, &v.call);
    for (size_t i = 0; i < v.n; i++)
        found += strstr(v.differences[i].what, word) != NULL;
    free(v.differences);
    return found;
}

/* A row as version 1 had it; `shift`: its place was taken, so it went to a later one. */
static void add_row_of_version_1(sqlite3 *db, const struct generation *g, int64_t shift)
{
    struct buf b;
    sqlite3_stmt *st;
    buf_init(&b, 1 << 20);
    assert_int_equal(journal_encode(g, &b), ERR_OK);
    const char *sql = "INSERT INTO generation VALUES(?,?,0,0,0,0,0,0,'','',?)";
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    sqlite3_bind_int64(st, 1, g->id + shift);
    sqlite3_bind_int64(st, 2, (int64_t)g->tag);
    sqlite3_bind_blob(st, 3, b.p + 8, (int)b.n - 8, SQLITE_STATIC); /* without length and sum */
    assert_int_equal(sqlite3_step(st), SQLITE_DONE);
    sqlite3_finalize(st);
    buf_release(&b);
}

#define USAGE_OF_VERSION_1                                                                         \
    "spent INTEGER NOT NULL DEFAULT 0, day_start INTEGER NOT NULL DEFAULT 0,"                      \
    "day_spent INTEGER NOT NULL DEFAULT 0, week_start INTEGER NOT NULL DEFAULT 0,"                 \
    "week_spent INTEGER NOT NULL DEFAULT 0, month_start INTEGER NOT NULL DEFAULT 0,"               \
    "month_spent INTEGER NOT NULL DEFAULT 0,"

/* As the first release made it, with an account and a key of id 1. */
static const char version_1[] =
    "CREATE TABLE account(id INTEGER PRIMARY KEY, email TEXT NOT NULL COLLATE NOCASE UNIQUE,"
    "granted INTEGER NOT NULL DEFAULT 0 CHECK(granted >= 0)," USAGE_OF_VERSION_1
    "disabled INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE credit_grant(id INTEGER PRIMARY KEY,"
    "account_id INTEGER NOT NULL REFERENCES account(id), amount INTEGER NOT NULL,"
    "note TEXT NOT NULL, created_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX credit_grant_account ON credit_grant(account_id);"
    "CREATE TABLE key(id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES account(id),"
    "hash BLOB NOT NULL UNIQUE CHECK(length(hash) = 32), name TEXT NOT NULL, label TEXT NOT NULL,"
    "is_management INTEGER NOT NULL, disabled INTEGER NOT NULL, include_byok INTEGER NOT NULL,"
    "spend_limit INTEGER, reset INTEGER NOT NULL," USAGE_OF_VERSION_1 "expires_ms INTEGER NOT NULL,"
    "created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL DEFAULT 0, deleted_ms INTEGER) "
    "STRICT;"
    "CREATE INDEX key_account ON key(account_id);"
    "CREATE TABLE generation(id INTEGER PRIMARY KEY, tag INTEGER NOT NULL,"
    "account_id INTEGER NOT NULL, key_id INTEGER NOT NULL, settled_ms INTEGER NOT NULL,"
    "cost INTEGER NOT NULL, tokens_prompt INTEGER NOT NULL, tokens_completion INTEGER NOT NULL,"
    "model TEXT NOT NULL, provider TEXT NOT NULL, record BLOB NOT NULL) STRICT;"
    "CREATE TABLE journal_position(file TEXT PRIMARY KEY, offset INTEGER NOT NULL) STRICT;"
    "CREATE TABLE change(seq INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
    "id INTEGER NOT NULL, hash BLOB) STRICT;"
    "INSERT INTO account(id, email, spent, created_ms) VALUES(1, 'a@example.org', 2499, 1);"
    "INSERT INTO key(id, account_id, hash, name, label, is_management, disabled, include_byok,"
    "reset, expires_ms, created_ms, spent) VALUES(1, 1, randomblob(32), 'k', 'k', 0, 0, 0, 0, 0, "
    "1, "
    "2500);"
    "PRAGMA user_version = 1;";

static void make_version_1(const struct dir *d, const struct generation *rows, size_t n)
{
    static const char *const files[] = {"turnpike.db", "turnpike.db-wal", "turnpike.db-shm"};
    char path[128];
    sqlite3 *db;
    for (size_t i = COUNT_OF(files); i-- > 0;) {
        snprintf(path, sizeof path, "%s/%s", d->path, files[i]);
        unlink(path);
    }
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, version_1, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < n; i++)
        add_row_of_version_1(db, &rows[i], i && rows[i].id == rows[i - 1].id);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void generations_of_version_1_move_into_blocks(void **state)
{
    struct here *h = *state;
    enum { ROWS = 2500 };
    struct generation *rows = calloc(ROWS, sizeof *rows);
    for (int64_t i = 0; i < ROWS; i++) {
        rows[i] = make_generation(i << 27, 1, 1, 1);
        rows[i].tag = (uint64_t)i + 1;
    }
    rows[1].id = rows[0].id;
    store_close(h->s);
    make_version_1(&h->dir, rows, ROWS);
    h->s = direct(&h->dir);
    for (size_t i = 0; i < ROWS; i += i < 4 ? 1 : 499) {
        struct store_generation_get get = {
            .call.need = STORE_GENERATION_GET, .id = rows[i].id, .tag = rows[i].tag};
        ask(h->s, &get.call);
        assert_same_generation(&get.row, &rows[i]);
        store_generation_release(&get);
    }
    assert_int_equal(differences(h->s, "usage 2499 recorded, 2500 in generations"), 1);
    assert_int_equal(differences(h->s, "usage 2500"), 0); /* counters stand as they were */
    free(rows);
}

static void verify_finds_each_counter_that_was_touched(void **state)
{
    struct here *h = *state;
    struct account a = make_account(h->s, "a@example.org", 1000);
    struct key k = make_key(h->s, a.id, 9);
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 1; i <= 10; i++) { /* far enough from each other to be blocks of their own */
        struct generation g = make_generation(INT64_C(1) * i << 29, a.id, k.id, i);
        g.settled_ms = SOME_MS + i * INT64_C(86400000);
        assert_int_equal(journal_encode(&g, &b), ERR_OK);
    }
    journal_write(&h->dir, "1", buf_view(&b));
    buf_release(&b);
    store_close(h->s);
    h->s = direct(&h->dir);
    assert_int_equal(verify_clean(h->s), 10);
    run_sql(&h->dir, "UPDATE key SET spent = spent + 1");
    assert_int_equal(
        differences(h->s, "key 0909090909090909: usage 56 recorded, 55 in generations"), 1);
    run_sql(&h->dir, "UPDATE key SET spent = spent - 1, day_spent = 0");
    assert_int_equal(differences(h->s, "usage of the day 0 recorded, 10 in generations"), 1);
    run_sql(&h->dir, "UPDATE key SET day_spent = 10, week_start = week_start - 1");
    assert_int_equal(differences(h->s, "usage of the week begins at"), 1);
    run_sql(&h->dir,
            "UPDATE key SET week_start = week_start + 1; UPDATE account SET month_spent = 1");
    assert_int_equal(differences(h->s, "account a@example.org: usage of the month 1 recorded"), 1);
    run_sql(&h->dir, "UPDATE account SET month_spent = 55, granted = 999");
    assert_int_equal(differences(h->s, "granted 999 recorded, 1000 in grants"), 1);
    run_sql(&h->dir, "UPDATE account SET granted = 1000;"
                     "DELETE FROM generation_block WHERE key = 3 << 26");
    assert_int_equal(differences(h->s, "55 recorded, 52 in generations"),
                     4); /* in all and in the month */
}

static void a_key_is_found_by_one_search_of_an_index(void **state)
{
    struct here *h = *state;
    char path[128];
    sqlite3 *db;
    sqlite3_stmt *st;
    snprintf(path, sizeof path, "%s/turnpike.db", h->dir.path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    const char *sql =
        "EXPLAIN QUERY PLAN SELECT * FROM key k JOIN account a ON a.id = k.account_id "
        "WHERE k.hash = ? AND k.deleted_ms IS NULL";
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    unsigned steps = 0;
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(st, 3);
        assert_true(strstr(step, "USING INDEX sqlite_autoindex_key_1 (hash=?)") ||
                    strstr(step, "SEARCH a USING INTEGER PRIMARY KEY"));
        steps++;
    }
    assert_int_equal(steps, 2);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(the_first_account_is_made_only_where_asked_for),
        TEST(an_email_names_one_account_whatever_its_case),
        TEST(accounts_are_listed_and_disabled),
        TEST(grants_add_up_to_a_ceiling),
        TEST(a_key_comes_back_as_it_was_made),
        TEST(keys_are_listed_newest_first_by_pages),
        TEST(a_deleted_key_is_gone_but_its_generations_count),
        TEST(changes_tell_what_others_changed),
        TEST(a_failed_call_changes_nothing),
        TEST(only_the_owner_may_read_the_files),
        TEST(what_is_no_place_is_refused_with_a_sentence),
        TEST(a_database_of_a_newer_turnpike_is_left_alone),
        TEST(generations_of_version_1_move_into_blocks),
        TEST(verify_finds_each_counter_that_was_touched),
        TEST(a_key_is_found_by_one_search_of_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
