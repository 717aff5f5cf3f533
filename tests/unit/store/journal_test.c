#include "unit/store/support.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "store/journal.h"

/* A store with its threads, a loop, a journal; actions run on the loop until what was asked for is
 * answered. */
struct here {
    struct dir dir;
    struct store *s;
    struct io_loop *loop;
    struct journal *j;
    struct account account;
    struct key key;
    int64_t next_id;
    unsigned waiting, lost;
};

struct entry {
    struct journal_entry e;
    struct here *here;
    enum err expected;
};

static void open_with(struct here *h, enum journal_sync sync)
{
    struct fault f = {0};
    struct store *s;
    dir_make(&h->dir);
    s = direct(&h->dir);
    h->account = make_account(s, "a@example.org", NANOS_PER_USD);
    h->key = make_key(s, h->account.id, 1);
    store_close(s);
    h->s = store_open(str_c(h->dir.path), STORE_THREADS, &f);
    assert_non_null(h->s);
    h->loop = io_loop_new(&f);
    assert_non_null(h->loop);
    h->j = journal_open(h->s, h->loop, 0, sync, &f);
    assert_non_null(h->j);
}

static void close_all(struct here *h, uint64_t generations)
{
    journal_close(h->j);
    io_loop_free(h->loop);
    store_close(h->s);
    assert_int_equal(journals_left(&h->dir, ".log"), 0);
    struct store *s = direct(&h->dir);
    assert_int_equal(verify_clean(s), generations);
    store_close(s);
    dir_remove(&h->dir);
}

static void answered(struct here *h)
{
    assert_true(h->waiting > 0);
    if (--h->waiting == 0)
        io_loop_stop(h->loop);
}

static void on_entry(struct journal_entry *e, enum err err)
{
    struct entry *entry = container_of(e, struct entry, e);
    struct here *h = entry->here;
    assert_int_equal(err, entry->expected);
    h->lost += err != ERR_OK;
    free(entry);
    answered(h);
}

static void append(struct here *h, nanos cost, enum err expected)
{
    struct entry *entry = calloc(1, sizeof *entry);
    struct generation g = make_generation(++h->next_id, h->account.id, h->key.id, cost);
    *entry = (struct entry){.e.done = on_entry, .here = h, .expected = expected};
    h->waiting++;
    unsigned before = h->waiting;
    journal_append(h->j, &g, &entry->e);
    assert_int_equal(h->waiting, before); /* never from inside */
}

/* Runs fn on the loop. */
struct action {
    struct io_post post;
    void (*fn)(struct here *h);
    struct here *here;
};

static void on_action(struct io_post *p)
{
    struct action *a = container_of(p, struct action, post);
    a->fn(a->here);
}

static void act(struct here *h, void (*fn)(struct here *h))
{
    struct action a = {.post.run = on_action, .fn = fn, .here = h};
    io_post(h->loop, &a.post);
    io_loop_run(h->loop);
    assert_int_equal(h->waiting, 0);
}

static void append_100(struct here *h)
{
    for (int i = 0; i < 100; i++)
        append(h, i, ERR_OK);
}

struct getter {
    struct store_generation_get get;
    struct here *here;
};

static void on_get(struct store_call *c)
{
    struct getter *g = container_of(c, struct getter, get.call);
    answered(g->here);
}

static struct getter the_getter;

static void get(struct here *h, uint64_t tag_off)
{
    struct generation g = make_generation(h->next_id, 0, 0, 0);
    the_getter = (struct getter){.here = h};
    the_getter.get = (struct store_generation_get){.call.need = STORE_GENERATION_GET,
                                                   .call.loop = h->loop,
                                                   .call.done = on_get,
                                                   .id = g.id,
                                                   .tag = g.tag + tag_off};
    h->waiting++;
    store_submit(h->s, &the_getter.get.call);
}

static void get_last(struct here *h)
{
    get(h, 0);
}

static void a_generation_is_found_as_soon_as_it_was_told_of(enum journal_sync sync)
{
    struct here h = {0};
    open_with(&h, sync);
    for (uint64_t round = 1; round <= 5; round++) {
        act(&h, append_100);
        act(&h, get_last);
        assert_int_equal(the_getter.get.call.err, ERR_OK);
        struct generation g = make_generation(h.next_id, h.account.id, h.key.id, 99);
        assert_same_generation(&the_getter.get.row, &g);
        store_generation_release(&the_getter.get);
        assert_int_equal(journal_bytes_unapplied(h.s), 0);
    }
    close_all(&h, 500);
}

static void with_interval_sync_a_generation_is_found_at_once(void **state)
{
    (void)state;
    a_generation_is_found_as_soon_as_it_was_told_of(JOURNAL_SYNC_INTERVAL);
}

static void with_every_sync_a_generation_is_found_at_once(void **state)
{
    (void)state;
    a_generation_is_found_as_soon_as_it_was_told_of(JOURNAL_SYNC_ALWAYS);
}

static void without_sync_a_generation_is_found_at_once(void **state)
{
    (void)state;
    a_generation_is_found_as_soon_as_it_was_told_of(JOURNAL_SYNC_NEVER);
}

static void get_with_another_tag(struct here *h)
{
    get(h, 1);
}

static void a_generation_with_another_tag_is_not_found(void **state)
{
    struct here h = {0};
    (void)state;
    open_with(&h, JOURNAL_SYNC_NEVER);
    act(&h, append_100);
    act(&h, get_last);
    assert_int_equal(the_getter.get.call.err, ERR_OK);
    store_generation_release(&the_getter.get);
    act(&h, get_with_another_tag);
    assert_int_equal(the_getter.get.call.err, ERR_NOT_FOUND);
    h.next_id++;
    act(&h, get_last);
    assert_int_equal(the_getter.get.call.err, ERR_NOT_FOUND);
    close_all(&h, 100);
}

static void journal_name(const struct here *h, char *out, size_t size)
{
    char path[128];
    struct dirent *e;
    snprintf(path, sizeof path, "%s/journal", h->dir.path);
    DIR *d = opendir(path);
    while ((e = readdir(d))) {
        if (str_ends(str_c(e->d_name), STR(".log")))
            snprintf(out, size, "%s", e->d_name);
    }
    closedir(d);
}

static uint64_t journal_size(const struct here *h)
{
    char path[512];
    uint64_t sum = 0;
    struct dirent *e;
    struct stat st;
    snprintf(path, sizeof path, "%s/journal", h->dir.path);
    DIR *d = opendir(path);
    while ((e = readdir(d))) {
        if (!str_ends(str_c(e->d_name), STR(".log")))
            continue;
        snprintf(path, sizeof path, "%s/journal/%s", h->dir.path, e->d_name);
        assert_int_equal(stat(path, &st), 0);
        sum += (uint64_t)st.st_size;
    }
    closedir(d);
    return sum;
}

/* While it is set, no file of this process grows past `bytes`: writes are short, then fail. The
 * sizes of the database and of the journal are the same to it, so the database must be larger
 * already. */
static void allow_files(rlim_t bytes)
{
    struct rlimit limit = {bytes, RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* How far the database says that the only journal was read. */
static uint64_t position(const struct here *h)
{
    char path[128];
    sqlite3 *db;
    sqlite3_stmt *st;
    snprintf(path, sizeof path, "%s/turnpike.db", h->dir.path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT offset FROM journal_position", -1, &st, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    uint64_t offset = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return offset;
}

static void how_far_a_journal_was_applied_is_noted_with_it(void **state)
{
    struct here h = {0};
    (void)state;
    open_with(&h, JOURNAL_SYNC_NEVER);
    for (int round = 0; round < 3; round++) {
        act(&h, append_100);
        act(&h, get_last);
        assert_int_equal(the_getter.get.call.err, ERR_OK);
        store_generation_release(&the_getter.get);
        assert_int_equal(position(&h), journal_size(&h));
    }
    close_all(&h, 300);
}

static rlim_t allowed;
static unsigned fitting;

static void append_50_under_limit(struct here *h)
{
    for (unsigned i = 0; i < 50; i++)
        append(h, 1, i < fitting ? ERR_OK : ERR_STORE);
    allow_files(allowed);
}

static void append_one(struct here *h)
{
    append(h, 1, ERR_OK);
}

static void a_full_disk_loses_only_what_it_tells_of(enum journal_sync sync)
{
    struct here h = {0};
    signal(SIGXFSZ, SIG_IGN);
    open_with(&h, sync);
    act(&h, append_one);
    uint64_t one = journal_size(&h), written = one;
    uint64_t total = 1;
    for (unsigned cut = 0; cut < 5;
         cut++) { /* a write cut at a record's end, behind it, before it */
        static const int64_t beyond[] = {0, 1, 9, -1, -100};
        fitting = 20 - (beyond[cut] < 0);
        allowed = (rlim_t)((int64_t)(written + 20 * one) + beyond[cut]);
        act(&h, append_50_under_limit);
        allow_files(RLIM_INFINITY);
        assert_true(journal_is_failing(h.j));
        written += fitting * one;
        total += fitting;
        assert_int_equal(journal_size(&h), written);
        act(&h, append_one);
        assert_false(journal_is_failing(h.j));
        written += one;
        total++;
    }
    assert_int_equal(h.lost, 5 * 50 - (total - 6));
    close_all(&h, total);
}

static void with_interval_sync_a_full_disk_loses_only_what_it_tells_of(void **state)
{
    (void)state;
    a_full_disk_loses_only_what_it_tells_of(JOURNAL_SYNC_INTERVAL);
}

static void with_every_sync_a_full_disk_loses_only_what_it_tells_of(void **state)
{
    (void)state;
    a_full_disk_loses_only_what_it_tells_of(JOURNAL_SYNC_ALWAYS);
}

static void fail_all(struct here *h)
{
    append(h, 1, ERR_STORE);
    allow_files(1);
}

static void stop_when_it_works(struct io_timer *t);
static struct io_timer look;
static struct here *looking;

static void look_again(struct here *h)
{
    looking = h;
    h->waiting = 1;
    io_timer_set(h->loop, &look, io_now_ms(h->loop) + 5);
}

static void stop_when_it_works(struct io_timer *t)
{
    (void)t;
    if (!journal_is_failing(looking->j))
        answered(looking);
    else
        io_timer_set(looking->loop, &look, io_now_ms(looking->loop) + 5);
}

static void a_journal_that_failed_tries_again_by_itself(void **state)
{
    struct here h = {0};
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    open_with(&h, JOURNAL_SYNC_INTERVAL);
    act(&h, append_one);
    uint64_t size = journal_size(&h);
    act(&h, fail_all);
    allow_files(RLIM_INFINITY);
    assert_true(journal_is_failing(h.j));
    io_timer_init(&look, stop_when_it_works);
    act(&h, look_again);
    assert_int_equal(journal_size(&h), size);
    close_all(&h, 1);
}

/* Every done() appends the next: as a busy worker would, across the ticks. */
static unsigned chain_left;

static void on_chain(struct journal_entry *e, enum err err)
{
    struct entry *entry = container_of(e, struct entry, e);
    struct here *h = entry->here;
    assert_int_equal(err, ERR_OK);
    if (chain_left-- == 0) {
        free(entry);
        answered(h);
        return;
    }
    struct generation g = make_generation(++h->next_id, h->account.id, h->key.id, 1);
    journal_append(h->j, &g, e);
}

static void start_chain(struct here *h)
{
    struct entry *entry = calloc(1, sizeof *entry);
    *entry = (struct entry){.e.done = on_chain, .here = h};
    struct generation g = make_generation(++h->next_id, h->account.id, h->key.id, 1);
    chain_left = 30;
    h->waiting = 1;
    journal_append(h->j, &g, &entry->e);
}

static void an_entry_may_be_appended_from_done(void **state)
{
    (void)state;
    for (enum journal_sync sync = JOURNAL_SYNC_INTERVAL; sync <= JOURNAL_SYNC_NEVER; sync++) {
        struct here h = {0};
        open_with(&h, sync);
        act(&h, start_chain);
        close_all(&h, 31);
    }
}

/* 64 MiB take long texts. */
static void append_much(struct here *h)
{
    static char text[1024];
    memset(text, 'x', sizeof text);
    struct str s = str_of(text, sizeof text);
    for (int i = 0; i < 1500; i++) {
        struct entry *entry = calloc(1, sizeof *entry);
        struct generation g = make_generation(++h->next_id, h->account.id, h->key.id, 1);
        g.referer = g.title = g.user_agent = g.external_user = g.native_model = g.upstream_id =
            g.model = s;
        *entry = (struct entry){.e.done = on_entry, .here = h, .expected = ERR_OK};
        h->waiting++;
        journal_append(h->j, &g, &entry->e);
    }
}

static void a_journal_goes_on_in_the_next_file(void **state)
{
    struct here h = {0};
    char first[512], name[300] = "";
    unsigned rounds = 0;
    (void)state;
    open_with(&h, JOURNAL_SYNC_ALWAYS);
    journal_name(&h, name, sizeof name);
    snprintf(first, sizeof first, "%s/journal/%s", h.dir.path, name);
    while (access(first, F_OK) == 0) { /* it goes once it is full and applied */
        assert_true(++rounds < 100);
        act(&h, append_much);
        act(&h, get_last);
        assert_int_equal(the_getter.get.call.err, ERR_OK);
        store_generation_release(&the_getter.get);
    }
    assert_true(rounds >= (64 << 20) / (1500 * 7400));
    assert_int_equal(journals_left(&h.dir, ".log"), 1);
    close_all(&h, (uint64_t)h.next_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_interval_sync_a_generation_is_found_at_once),
        cmocka_unit_test(with_every_sync_a_generation_is_found_at_once),
        cmocka_unit_test(without_sync_a_generation_is_found_at_once),
        cmocka_unit_test(a_generation_with_another_tag_is_not_found),
        cmocka_unit_test(how_far_a_journal_was_applied_is_noted_with_it),
        cmocka_unit_test(with_interval_sync_a_full_disk_loses_only_what_it_tells_of),
        cmocka_unit_test(with_every_sync_a_full_disk_loses_only_what_it_tells_of),
        cmocka_unit_test(a_journal_that_failed_tries_again_by_itself),
        cmocka_unit_test(an_entry_may_be_appended_from_done),
        cmocka_unit_test(a_journal_goes_on_in_the_next_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
