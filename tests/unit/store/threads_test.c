#include "unit/store/support.h"

#include <pthread.h>
#include <sys/wait.h>

struct here {
    struct dir dir;
    struct store *s;
    struct io_loop *loop;
    struct account account;
    unsigned waiting;
};

static int setup(void **state)
{
    struct here *h = calloc(1, sizeof *h);
    struct fault f;
    dir_make(&h->dir);
    struct store *s = direct(&h->dir);
    h->account = make_account(s, "a@example.org", 0);
    store_close(s);
    h->s = store_open(str_c(h->dir.path), STORE_THREADS, &f);
    h->loop = io_loop_new(&f);
    assert_true(h->s && h->loop);
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    struct here *h = *state;
    io_loop_free(h->loop);
    store_close(h->s);
    dir_remove(&h->dir);
    free(h);
    return 0;
}

/* A grant as one of many; it knows who waits for it. */
struct grant {
    struct store_credit_grant call;
    struct here *here;
};

static void on_granted(struct store_call *c)
{
    struct here *h = container_of(c, struct grant, call.call)->here;
    if (--h->waiting == 0)
        io_loop_stop(h->loop);
}

static void submit_grant(struct here *h, struct grant *g, int64_t account, nanos amount)
{
    *g = (struct grant){.here = h};
    g->call = (struct store_credit_grant){.call.need = STORE_CREDIT_GRANT,
                                          .call.loop = h->loop,
                                          .call.done = on_granted,
                                          .account_id = account,
                                          .amount = amount};
    h->waiting++;
    store_submit(h->s, &g->call.call);
}

static void a_failing_call_does_not_undo_its_neighbours(void **state)
{
    enum { N = 300 };
    struct here *h = *state;
    struct grant *grants = calloc(N, sizeof *grants);
    nanos sum = 0;
    for (int i = 0; i < N; i++) {
        bool is_bad = i % 3 == 1;
        submit_grant(h, &grants[i], i % 6 == 4 ? 999 : h->account.id,
                     is_bad && i % 6 != 4 ? -1 : i + 1);
        sum += is_bad ? 0 : i + 1;
    }
    io_loop_run(h->loop);
    for (int i = 0; i < N; i++) {
        enum err expected = i % 6 == 4 ? ERR_NOT_FOUND : i % 3 == 1 ? ERR_INVALID : ERR_OK;
        assert_int_equal(grants[i].call.call.err, expected);
        assert_true((expected == ERR_OK) == (grants[i].call.call.fault.message[0] == '\0'));
    }
    struct store *beside = direct(&h->dir);
    assert_int_equal(get_account(beside, h->account.id).granted, sum);
    verify_clean(beside);
    store_close(beside);
    free(grants);
}

/* One call after the other: what was answered is seen by the next. */
struct chain {
    struct here *here;
    struct store_key_create create;
    struct store_key_get get;
    unsigned left;
};

static void on_got(struct store_call *c);

static void on_created(struct store_call *c)
{
    struct chain *chain = container_of(c, struct chain, create.call);
    assert_int_equal(c->err, ERR_OK);
    chain->get = (struct store_key_get){
        .call.need = STORE_KEY_GET, .call.loop = c->loop, .call.done = on_got};
    memcpy(chain->get.hash, chain->create.key.hash, sizeof chain->get.hash);
    store_submit(chain->here->s, &chain->get.call);
}

static void create_next(struct chain *c)
{
    c->create = (struct store_key_create){
        .call.need = STORE_KEY_CREATE, .call.loop = c->here->loop, .call.done = on_created};
    c->create.key = (struct key){.account_id = c->here->account.id, .limit = NO_LIMIT};
    memset(c->create.key.hash, (int)c->left, sizeof c->create.key.hash);
    store_submit(c->here->s, &c->create.call);
}

static void on_got(struct store_call *c)
{
    struct chain *chain = container_of(c, struct chain, get.call);
    assert_int_equal(c->err, ERR_OK);
    assert_int_equal(chain->get.key.id, chain->create.key.id);
    assert_string_equal(chain->get.account.email, "a@example.org");
    if (--chain->left)
        create_next(chain);
    else
        io_loop_stop(chain->here->loop);
}

static void what_was_answered_is_seen_by_the_next_call(void **state)
{
    struct chain c = {.here = *state, .left = 100};
    create_next(&c);
    io_loop_run(c.here->loop);
}

/* Several loops at once, and the command line beside them. */
struct worker {
    struct here here;
    struct grant grants[200];
    pthread_t thread;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    for (size_t i = 0; i < COUNT_OF(w->grants); i++)
        submit_grant(&w->here, &w->grants[i], w->here.account.id, 1);
    io_loop_run(w->here.loop);
    return NULL;
}

static void loops_and_the_command_line_work_side_by_side(void **state)
{
    struct here *h = *state;
    struct fault f;
    struct worker *workers = calloc(3, sizeof *workers);
    struct store *beside = direct(&h->dir);
    for (int i = 0; i < 3; i++) {
        workers[i].here = (struct here){.s = h->s, .account = h->account, .loop = io_loop_new(&f)};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    struct store_credit_grant g = {
        .call.need = STORE_CREDIT_GRANT, .account_id = h->account.id, .amount = 1000};
    for (int i = 0; i < 20; i++)
        ask(beside, &g.call);
    for (int i = 0; i < 3; i++) {
        pthread_join(workers[i].thread, NULL);
        for (size_t k = 0; k < COUNT_OF(workers[i].grants); k++)
            assert_int_equal(workers[i].grants[k].call.call.err, ERR_OK);
        io_loop_free(workers[i].here.loop);
    }
    assert_int_equal(get_account(beside, h->account.id).granted, 3 * 200 + 20 * 1000);
    verify_clean(beside);
    store_close(beside);
    free(workers);
}

/* All that only reads, at once. */
struct reads {
    struct here *here;
    struct store_account_get account;
    struct store_account_list accounts;
    struct store_key_list keys;
    struct store_changes changes;
    struct store_verify verify;
    struct store_generation_get generation;
    struct store_account_get first;
    unsigned left;
};

static struct reads reads;

static void on_read(struct store_call *c)
{
    (void)c;
    if (--reads.left == 0)
        io_loop_stop(reads.here->loop);
}

static void submit_read(struct store_call *c, enum store_need need)
{
    c->need = need;
    c->loop = reads.here->loop;
    c->done = on_read;
    reads.left++;
    store_submit(reads.here->s, c);
}

static void every_need_is_answered(void **state)
{
    reads = (struct reads){.here = *state};
    reads.account.id = reads.here->account.id;
    reads.first.create_first = true;
    reads.changes.seq = -1;
    reads.generation.id = 5;
    submit_read(&reads.account.call, STORE_ACCOUNT_GET);
    submit_read(&reads.accounts.call, STORE_ACCOUNT_LIST);
    submit_read(&reads.keys.call, STORE_KEY_LIST);
    submit_read(&reads.changes.call, STORE_CHANGES);
    submit_read(&reads.verify.call, STORE_VERIFY);
    submit_read(&reads.generation.call, STORE_GENERATION_GET);
    submit_read(&reads.first.call, STORE_ACCOUNT_GET);
    io_loop_run(reads.here->loop);
    assert_int_equal(reads.account.call.err, ERR_OK);
    assert_int_equal(reads.first.account.id, reads.here->account.id);
    assert_int_equal(reads.accounts.n, 1);
    assert_int_equal(reads.keys.n, 0);
    assert_int_equal(reads.changes.seq, 1);
    assert_int_equal(reads.verify.accounts, 1);
    assert_int_equal(reads.generation.call.err, ERR_NOT_FOUND);
    free(reads.accounts.accounts);
    free(reads.keys.keys);
    free(reads.verify.differences);
}

/* --- processes that begin at once --- */

static int begin_in_process(const char *dir, enum store_mode mode)
{
    struct fault f = {0};
    struct store_account_get g = {.call.need = STORE_ACCOUNT_GET, .create_first = true};
    struct store *s = store_open(str_c(dir), mode, &f);
    if (!s)
        return 1;
    if (mode == STORE_DIRECT)
        store_submit(s, &g.call);
    store_close(s);
    return g.call.err == ERR_OK ? 0 : 2;
}

static void a_new_directory_may_be_opened_by_many_at_once(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct dir d;
        int status;
        dir_make(&d);
        for (int i = 0; i < 8; i++) {
            pid_t child = fork();
            assert_true(child != -1);
            if (child == 0)
                _exit(begin_in_process(d.path, i == 3 ? STORE_THREADS : STORE_DIRECT));
        }
        for (int i = 0; i < 8; i++) {
            assert_true(wait(&status) > 0);
            assert_int_equal(status, 0);
        }
        struct store *s = direct(&d);
        struct store_account_list l = {.call.need = STORE_ACCOUNT_LIST};
        ask(s, &l.call);
        assert_int_equal(l.n, 1);
        free(l.accounts);
        store_close(s);
        dir_remove(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_failing_call_does_not_undo_its_neighbours),
        TEST(what_was_answered_is_seen_by_the_next_call),
        TEST(loops_and_the_command_line_work_side_by_side),
        TEST(every_need_is_answered),
        cmocka_unit_test(a_new_directory_may_be_opened_by_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
