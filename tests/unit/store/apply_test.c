/* What is left of journals when a process ends at the wrong moment: each whole record counts once,
 * always. */
#include "unit/store/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/journal_record.h"

struct here {
    struct dir dir;
    struct account account;
    struct key keys[3];
    struct buf bytes; /* of a journal */
    size_t ends[64];  /* of its records */
    nanos costs[64];
    unsigned n;
};

static int setup(void **state)
{
    struct here *h = calloc(1, sizeof *h);
    dir_make(&h->dir);
    buf_init(&h->bytes, 4 << 20);
    struct store *s = direct(&h->dir);
    h->account = make_account(s, "a@example.org", NANOS_PER_USD);
    for (uint8_t i = 0; i < 3; i++)
        h->keys[i] = make_key(s, h->account.id, (uint8_t)(i + 1));
    store_close(s);
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    struct here *h = *state;
    buf_release(&h->bytes);
    dir_remove(&h->dir);
    free(h);
    return 0;
}

static void add(struct here *h, int64_t id, nanos cost)
{
    struct generation g = make_generation(id, h->account.id, h->keys[id % 3].id, cost);
    g.settled_ms += id * INT64_C(40000000);
    assert_int_equal(journal_encode(&g, &h->bytes), ERR_OK);
    h->costs[h->n] = cost;
    h->ends[h->n++] = h->bytes.n;
}

/* Opens (and thereby applies), checks, closes. */
static void check(struct here *h, uint64_t records, nanos spent)
{
    struct store *s = direct(&h->dir);
    assert_int_equal(verify_clean(s), records);
    assert_int_equal(get_account(s, h->account.id).usage.in[WINDOW_NONE], spent);
    nanos of_keys = 0;
    for (uint8_t i = 1; i <= 3; i++)
        of_keys += get_key(s, i).usage.in[WINDOW_NONE];
    assert_int_equal(of_keys, spent);
    store_close(s);
}

/* A copy of the directory as it was before the journal. */
static void forget_generations(struct here *h)
{
    struct store *s;
    dir_empty(h->dir.path);
    s = direct(&h->dir);
    h->account = make_account(s, "a@example.org", NANOS_PER_USD);
    for (uint8_t i = 0; i < 3; i++)
        h->keys[i] = make_key(s, h->account.id, (uint8_t)(i + 1));
    store_close(s);
}

/* Short ones, all of one length. */
static size_t three_records(struct here *h, int64_t first_id)
{
    buf_reset(&h->bytes);
    for (int64_t id = first_id; id < first_id + 3; id++) {
        struct generation g = {.id = id,
                               .tag = 7,
                               .account_id = h->account.id,
                               .key_id = h->keys[id % 3].id,
                               .settled_ms = SOME_MS + id * INT64_C(1000000),
                               .cost = 100 + id % 10,
                               .model = STR("m")};
        assert_int_equal(journal_encode(&g, &h->bytes), ERR_OK);
    }
    return h->bytes.n / 3;
}

static void a_journal_torn_at_any_byte_counts_its_whole_records(void **state)
{
    struct here *h = *state;
    uint64_t records = 0;
    nanos spent = 0;
    size_t size = three_records(h, 0);
    for (size_t n = 0; n <= 3 * size; n++) {
        three_records(h, (int64_t)n * 10);
        for (size_t i = 0; i < n / size; i++)
            spent += 100 + (nanos)i;
        records += n / size;
        journal_write(&h->dir, "1", str_head(buf_view(&h->bytes), n));
        check(h, records, spent);
        assert_int_equal(journals_left(&h->dir, ".log"), 0);
        if (n % size < 2) { /* and once more, as after a crash before the file went */
            journal_write(&h->dir, "1", str_head(buf_view(&h->bytes), n));
            check(h, records, spent);
        }
    }
    assert_int_equal(journals_left(&h->dir, ".corrupt"), 0);
    assert_int_equal(records, size + 2 * size + 3);
}

static void zeros_at_the_end_are_a_torn_tail(void **state)
{
    struct here *h = *state;
    static const char zeros[9000];
    add(h, 1, 10);
    assert_int_equal(buf_add(&h->bytes, str_of(zeros, sizeof zeros)), ERR_OK);
    journal_write(&h->dir, "1", buf_view(&h->bytes));
    check(h, 1, 10);
    assert_int_equal(journals_left(&h->dir, ".corrupt"), 0);
}

static void a_damaged_journal_is_kept_and_its_beginning_counts(void **state)
{
    struct here *h = *state;
    uint64_t random = 5;
    for (int64_t id = 1; id <= 9; id++)
        add(h, id, id * 100);
    for (int round = 0; round < 30; round++) {
        size_t at = (size_t)(next_random(&random) % h->ends[7]);
        unsigned whole = 0;
        nanos spent = 0;
        while (h->ends[whole] <= at)
            spent += h->costs[whole++];
        forget_generations(h);
        h->bytes.p[at] ^= 0x10;
        journal_write(&h->dir, "1", buf_view(&h->bytes));
        h->bytes.p[at] ^= 0x10;
        check(h, whole, spent);
        assert_int_equal(journals_left(&h->dir, ".log"), 0);
        assert_int_equal(journals_left(&h->dir, ".log.corrupt"), 1);
    }
}

/* The same, and another file after it. */
static void a_damaged_journal_does_not_hold_up_the_others(void **state)
{
    struct here *h = *state;
    for (int64_t id = 1; id <= 3; id++)
        add(h, id, 1);
    h->bytes.p[h->ends[0] + 20] ^= 1;
    journal_write(&h->dir, "1", buf_view(&h->bytes));
    buf_reset(&h->bytes);
    for (int64_t id = 10; id <= 12; id++)
        add(h, id, 1000);
    journal_write(&h->dir, "2", buf_view(&h->bytes));
    check(h, 1 + 3, 1 + 3000);
}

static void a_text_that_looks_like_a_record_is_never_one(void **state)
{
    struct here *h = *state;
    struct buf forged;
    buf_init(&forged, 1 << 20);
    struct generation evil = {.id = 77,
                              .account_id = h->account.id,
                              .key_id = h->keys[0].id,
                              .settled_ms = SOME_MS,
                              .cost = 1000000};
    assert_int_equal(journal_encode(&evil, &forged), ERR_OK);
    struct generation g = make_generation(2, h->account.id, h->keys[2].id, 20);
    g.user_agent = buf_view(&forged);
    add(h, 1, 10);
    assert_int_equal(journal_encode(&g, &h->bytes), ERR_OK);
    h->bytes.p[h->ends[0] + JOURNAL_HEAD + 3] ^= 1; /* the record around it is damaged */
    journal_write(&h->dir, "1", buf_view(&h->bytes));
    check(h, 1, 10);
    assert_int_equal(journals_left(&h->dir, ".corrupt"), 1);
    buf_release(&forged);
}

static void one_id_with_two_tags_is_two_generations(void **state)
{
    struct here *h = *state;
    struct buf b;
    buf_init(&b, 1 << 20);
    struct generation g = make_generation(50, h->account.id, h->keys[0].id, 1);
    for (uint64_t tag = 1; tag <= 5; tag++) {
        g.tag = tag;
        g.cost = (nanos)tag;
        assert_int_equal(journal_encode(&g, &b), ERR_OK);
    }
    for (int twice = 0; twice < 2; twice++) {
        journal_write(&h->dir, "1", buf_view(&b));
        check(h, 5, 15);
    }
    struct store *s = direct(&h->dir);
    for (uint64_t tag = 1; tag <= 5; tag++) {
        struct store_generation_get get = {.call.need = STORE_GENERATION_GET, .id = 50, .tag = tag};
        ask(s, &get.call);
        assert_int_equal(get.row.id, 50);
        assert_int_equal(get.row.cost, (nanos)tag);
        store_generation_release(&get);
    }
    store_close(s);
    buf_release(&b);
}

static void many_records_in_many_files_count_once_each(void **state)
{
    struct here *h = *state;
    nanos spent = 0;
    char name[16];
    for (int64_t id = 1, file = 0; id <= 10000; file++) {
        for (int i = 0; i < 2500; i++, id++) { /* more than a batch */
            h->n = 0;
            add(h, id, id);
            spent += id;
        }
        snprintf(name, sizeof name, "%03d", (int)file);
        journal_write(&h->dir, name, buf_view(&h->bytes));
        if (file % 2) /* every other one is read twice, beginning with the file before */
            buf_reset(&h->bytes);
        if (file == 2)
            check(h, 7500, 7500 * 7501 / 2);
    }
    check(h, 10000, spent);
}

static void note_position(struct here *h, const char *file, size_t offset)
{
    char text[256];
    sqlite3 *db;
    snprintf(text, sizeof text, "%s/turnpike.db", h->dir.path);
    assert_int_equal(sqlite3_open(text, &db), SQLITE_OK);
    snprintf(text, sizeof text, "INSERT INTO journal_position VALUES('%s', %zu)", file, offset);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_journal_is_read_on_from_where_it_was_left(void **state)
{
    struct here *h = *state;
    for (int64_t id = 1; id <= 3; id++)
        add(h, id, id);
    note_position(h, "1.log", h->ends[1]); /* as if the first two had been applied */
    journal_write(&h->dir, "1", buf_view(&h->bytes));
    check(h, 1, 3);
    journal_write(&h->dir, "1", buf_view(&h->bytes)); /* the note is gone with the file */
    check(h, 3, 6);
    note_position(h, "9.log",
                  7); /* of a file that power loss took: it may not hide another's beginning */
    check(h, 3, 6);
    journal_write(&h->dir, "9", buf_view(&h->bytes));
    check(h, 3, 6);
    assert_int_equal(journals_left(&h->dir, ".corrupt"), 0);
}

static void a_server_keeps_the_directory_to_itself(void **state)
{
    struct here *h = *state;
    struct fault f = {0};
    struct store *server = store_open(str_c(h->dir.path), STORE_THREADS, &f);
    char expected[200];
    assert_non_null(server);
    assert_null(store_open(str_c(h->dir.path), STORE_THREADS, &f));
    snprintf(expected, sizeof expected, "%s is in use by another turnpike (pid %d)", h->dir.path,
             (int)getpid());
    assert_string_equal(f.message, expected);
    add(h, 1, 10);
    journal_write(&h->dir, "1", buf_view(&h->bytes));
    check(h, 0, 0); /* the command line leaves it to the server */
    assert_int_equal(journals_left(&h->dir, ".log"), 1);
    store_close(server);
    check(h, 1, 10);
    server = store_open(str_c(h->dir.path), STORE_THREADS, &f);
    assert_non_null(server);
    store_close(server);
}

static void a_generation_that_a_crash_left_is_found_by_asking(void **state)
{
    struct here *h = *state;
    struct store *s = direct(&h->dir);
    add(h, 1, 10);
    journal_write(&h->dir, "1", buf_view(&h->bytes)); /* after the store was opened */
    struct generation g = make_generation(1, 0, 0, 0);
    struct store_generation_get get = {.call.need = STORE_GENERATION_GET, .id = 1, .tag = g.tag};
    ask(s, &get.call);
    assert_int_equal(get.row.cost, 10);
    store_generation_release(&get);
    store_close(s);
}

/* --- kill -9 --- */

struct writer {
    struct store *s;
    struct io_loop *loop;
    struct journal *j;
    struct io_post post;
    struct journal_entry entries[16];
    int64_t ids[16];
    int64_t next_id, account, keys[3];
    int pipe;
};

static void append_next(struct writer *w, struct journal_entry *e)
{
    int64_t id = ++w->next_id;
    struct generation g = make_generation(id, w->account, w->keys[id % 3], id % 1000);
    w->ids[e - w->entries] = id;
    journal_append(w->j, &g, e);
}

static struct writer the_writer;

static void on_written(struct journal_entry *e, enum err err)
{
    struct writer *w = &the_writer;
    int64_t id = w->ids[e - w->entries];
    if (err != ERR_OK || write(w->pipe, &id, sizeof id) != (ssize_t)sizeof id)
        _exit(3);
    append_next(w, e);
}

static void on_begin(struct io_post *p)
{
    (void)p;
    for (size_t i = 0; i < COUNT_OF(the_writer.entries); i++) {
        the_writer.entries[i].done = on_written;
        append_next(&the_writer, &the_writer.entries[i]);
    }
}

static void write_until_killed(struct here *h, int to, int64_t first_id, enum journal_sync sync)
{
    struct fault f;
    struct writer *w = &the_writer;
    *w = (struct writer){
        .next_id = first_id, .account = h->account.id, .pipe = to, .post.run = on_begin};
    for (int i = 0; i < 3; i++)
        w->keys[i] = h->keys[i].id;
    w->s = store_open(str_c(h->dir.path), STORE_THREADS, &f);
    w->loop = w->s ? io_loop_new(&f) : NULL;
    w->j = w->loop ? journal_open(w->s, w->loop, 0, sync, &f) : NULL;
    if (!w->j)
        _exit(2);
    io_post(w->loop, &w->post);
    io_loop_run(w->loop);
    _exit(4);
}

/* Reads what the child was told of; kills it after `kill_at` of these. Returns the number. */
static size_t reap_writer(pid_t child, int from, int64_t *ids, size_t max, size_t kill_at)
{
    size_t n = 0;
    int status;
    bool is_killed = false;
    while (n < max && read(from, &ids[n], sizeof *ids) == (ssize_t)sizeof *ids) {
        n++;
        if (n >= kill_at && !is_killed) {
            kill(child, SIGKILL);
            is_killed = true;
        }
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return n;
}

static void assert_present(struct store *s, int64_t id)
{
    struct generation g = make_generation(id, 0, 0, 0);
    struct store_generation_get get = {.call.need = STORE_GENERATION_GET, .id = id, .tag = g.tag};
    ask(s, &get.call);
    assert_int_equal(get.row.cost, id % 1000);
    store_generation_release(&get);
}

static void what_was_told_of_survives_kill(void **state)
{
    enum { MAX = 200000 };
    struct here *h = *state;
    int64_t *ids = calloc(MAX, sizeof *ids), first = 0;
    uint64_t random = 99, told = 0;
    for (int round = 0; round < 10; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child != -1);
        if (child == 0) {
            close(ends[0]);
            write_until_killed(h, ends[1], first,
                               round % 2 ? JOURNAL_SYNC_ALWAYS : JOURNAL_SYNC_INTERVAL);
        }
        close(ends[1]);
        size_t n = reap_writer(child, ends[0], ids, MAX, 1 + (size_t)(next_random(&random) % 6000));
        close(ends[0]);
        struct store *s = direct(&h->dir);
        for (size_t i = 0; i < n; i++)
            assert_present(s, ids[i]);
        told += n;
        assert_true(verify_clean(s) >= told); /* some were written but not yet told of */
        store_close(s);
        first += INT64_C(1000000);
    }
    free(ids);
}

int main(void)
{
    log_set_level(LOG_ERROR + 1); /* damage is what these tests make */
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_journal_torn_at_any_byte_counts_its_whole_records),
        TEST(zeros_at_the_end_are_a_torn_tail),
        TEST(a_damaged_journal_is_kept_and_its_beginning_counts),
        TEST(a_damaged_journal_does_not_hold_up_the_others),
        TEST(a_text_that_looks_like_a_record_is_never_one),
        TEST(one_id_with_two_tags_is_two_generations),
        TEST(many_records_in_many_files_count_once_each),
        TEST(a_journal_is_read_on_from_where_it_was_left),
        TEST(a_server_keeps_the_directory_to_itself),
        TEST(a_generation_that_a_crash_left_is_found_by_asking),
        TEST(what_was_told_of_survives_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
