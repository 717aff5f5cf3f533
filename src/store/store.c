/* store.c: calls, and the threads on which they run.
 *
 *   reader threads   the calls that only read, each with a connection of its own
 *   writer thread    the calls that write, all that wait in one transaction; the journals, every APPLY_MS
 *
 * A generation that a reader does not find goes on to the writer, which applies the journals and looks again. */
#include "store/store.h"

#include <stdlib.h>

#include "base/log.h"
#include "store/backend.h"
#include "store/journal_apply.h"
#include "store/place.h"
#include "store/thread.h"

enum {
    READERS = 2, /* so that a long verify does not keep keys from being found */
    APPLY_MS = 200,
    TEXT_MAX = 32 << 10, /* a generation's texts */
};

struct queue {
    struct store_call *first, **end;
};

struct store {
    enum store_mode mode;
    const struct store_backend *backend;
    struct place place;
    struct journal_set journals;
    struct applier applier;
    struct store_conn *writer, *readers[READERS];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake_writer, wake_readers;
    struct queue writes, reads;
    bool is_stopping;
    pthread_t writer_thread, reader_threads[READERS];
    unsigned writer_threads_n, reader_threads_n; /* started */
    unsigned readers_taken;
    bool is_apply_failing; /* the writer's */
};

static bool is_write(const struct store_call *c)
{
    switch (c->need) {
    case STORE_ACCOUNT_CREATE:
    case STORE_ACCOUNT_DISABLE:
    case STORE_CREDIT_GRANT:
    case STORE_KEY_CREATE:
    case STORE_KEY_DISABLE:
    case STORE_KEY_DELETE:
        return true;
    case STORE_ACCOUNT_GET: {
        const struct store_account_get *a = (const void *)c;
        return a->create_first && a->id == 0 && !a->account.email[0];
    }
    case STORE_ACCOUNT_LIST:
    case STORE_KEY_GET:
    case STORE_KEY_LIST:
    case STORE_GENERATION_GET:
    case STORE_CHANGES:
    case STORE_VERIFY:
    case STORE__COUNT:
        break;
    }
    return false;
}

/* --- queues --- */

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->end = &q->first;
}

static void queue_add(struct queue *q, struct store_call *c)
{
    c->next = NULL;
    *q->end = c;
    q->end = &c->next;
}

static struct store_call *queue_take(struct queue *q)
{
    struct store_call *c = q->first;
    if (c && !(q->first = c->next))
        q->end = &q->first;
    return c;
}

static void queue_move(struct queue *to, struct queue *from)
{
    *to = *from;
    if (!to->first)
        to->end = &to->first;
    queue_init(from);
}

static void enqueue(struct store *s, struct queue *q, pthread_cond_t *wake, struct store_call *c)
{
    pthread_mutex_lock(&s->lock);
    queue_add(q, c);
    pthread_cond_signal(wake);
    pthread_mutex_unlock(&s->lock);
}

/* --- answers --- */

static void on_delivered(struct io_post *p)
{
    struct store_call *c = container_of(p, struct store_call, post);
    c->done(c);
}

/* The call is its caller's again, who may be on another thread and quick. */
static void deliver(struct store *s, struct store_call *c)
{
    if (s->mode == STORE_THREADS)
        io_post(c->loop, &c->post);
    else if (c->done)
        c->done(c);
}

/* --- running calls --- */

static void run_alone(struct store *s, struct store_conn *conn, struct store_call *c)
{
    c->err = s->backend->run[c->need](conn, c);
}

/* A failure is the call's own; the result tells whether the transaction lives on. */
static enum err run_part(struct store *s, struct store_call *c, struct fault *f)
{
    enum err e = s->backend->part_begin(s->writer, f);
    if (e != ERR_OK)
        return e;
    run_alone(s, s->writer, c);
    return s->backend->part_end(s->writer, c->err == ERR_OK, f);
}

static enum err run_group_in(struct store *s, struct store_call *calls, struct fault *f)
{
    enum err e = s->backend->begin(s->writer, STORE_DURABLE, f);
    if (e != ERR_OK)
        return e;
    for (struct store_call *c = calls; c && e == ERR_OK; c = c->next)
        e = run_part(s, c, f);
    if (e == ERR_OK)
        return s->backend->commit(s->writer, f);
    s->backend->rollback(s->writer);
    return e;
}

/* One transaction for all: one sync to disk. */
static void run_group(struct store *s, struct store_call *calls)
{
    struct fault f = {0};
    enum err e = calls ? run_group_in(s, calls, &f) : ERR_OK;
    for (struct store_call *c = calls, *next; c; c = next) {
        next = c->next;
        if (e != ERR_OK && c->err == ERR_OK) {
            c->err = e;
            c->fault = f;
        }
        deliver(s, c);
    }
}

/* --- journals --- */

/* Tells of a failure once, not every 200 ms. */
static enum err apply_noted(struct store *s, enum err e, const struct fault *f)
{
    if (e != ERR_OK && !s->is_apply_failing)
        log_line(LOG_ERROR, "journals cannot be applied: %s", f->message);
    if (e == ERR_OK && s->is_apply_failing)
        log_line(LOG_INFO, "journals are applied again");
    s->is_apply_failing = e != ERR_OK;
    return e;
}

/* Without a server beside us, what a crashed one left is ours to apply. */
static enum err apply_direct(struct store *s, struct fault *f)
{
    if (!place_lock_journals(&s->place, false))
        return ERR_OK;
    enum err e = apply_leftovers(&s->applier, f);
    place_unlock_journals(&s->place);
    return e;
}

static enum err apply(struct store *s, struct fault *f)
{
    enum err e = s->mode == STORE_THREADS ? apply_files(&s->applier, f) : apply_direct(s, f);
    return apply_noted(s, e, f);
}

/* Those that a reader did not find. */
static void run_again(struct store *s, struct queue *calls, enum err applied, const struct fault *f)
{
    for (struct store_call *c; (c = queue_take(calls));) {
        if (applied == ERR_OK) {
            run_alone(s, s->writer, c);
        } else {
            c->err = applied;
            c->fault = *f;
        }
        deliver(s, c);
    }
}

/* --- threads --- */

static void split(struct queue *all, struct queue *writes, struct queue *again)
{
    queue_init(writes);
    queue_init(again);
    for (struct store_call *c; (c = queue_take(all));)
        queue_add(is_write(c) ? writes : again, c);
}

/* False: the store is closing. */
static bool writer_wait(struct store *s, uint64_t until_ns, struct queue *out)
{
    pthread_mutex_lock(&s->lock);
    while (!s->writes.first && !s->is_stopping && clock_mono_ns() < until_ns)
        thread_wait(&s->wake_writer, &s->lock, until_ns);
    queue_move(out, &s->writes);
    bool goes_on = !s->is_stopping;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static void *writer_main(void *arg)
{
    struct store *s = arg;
    const uint64_t period_ns = APPLY_MS * UINT64_C(1000000);
    uint64_t due_ns = clock_mono_ns() + period_ns;
    struct queue calls, writes, again;
    while (writer_wait(s, due_ns, &calls)) {
        struct fault f = {0};
        enum err e = ERR_OK;
        split(&calls, &writes, &again);
        run_group(s, writes.first);
        if (again.first || clock_mono_ns() >= due_ns) {
            e = apply(s, &f);
            due_ns = clock_mono_ns() + period_ns;
        }
        run_again(s, &again, e, &f);
    }
    BUG_ON(calls.first); /* no call may be under way when the store is closed */
    return NULL;
}

static struct store_call *reader_wait(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->reads.first && !s->is_stopping)
        pthread_cond_wait(&s->wake_readers, &s->lock);
    struct store_call *c = queue_take(&s->reads);
    pthread_mutex_unlock(&s->lock);
    return c;
}

static struct store_conn *reader_conn(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    struct store_conn *conn = s->readers[s->readers_taken++];
    pthread_mutex_unlock(&s->lock);
    return conn;
}

static void *reader_main(void *arg)
{
    struct store *s = arg;
    struct store_conn *conn = reader_conn(s);
    for (struct store_call *c; (c = reader_wait(s));) {
        run_alone(s, conn, c);
        if (c->need == STORE_GENERATION_GET && c->err == ERR_NOT_FOUND)
            enqueue(s, &s->writes, &s->wake_writer, c);
        else
            deliver(s, c);
    }
    return NULL;
}

/* --- submitting --- */

static void run_direct(struct store *s, struct store_call *c)
{
    struct fault f = {0};
    if (is_write(c)) {
        run_group(s, c);
        return;
    }
    run_alone(s, s->writer, c);
    if (c->need == STORE_GENERATION_GET && c->err == ERR_NOT_FOUND) {
        struct queue again;
        queue_init(&again);
        queue_add(&again, c);
        run_again(s, &again, apply(s, &f), &f);
        return;
    }
    deliver(s, c);
}

static void outputs_clear(struct store_call *c)
{
    c->err = ERR_OK;
    c->next = NULL;
    c->post.run = on_delivered;
    if (c->need == STORE_ACCOUNT_LIST) {
        struct store_account_list *l = container_of(c, struct store_account_list, call);
        l->accounts = NULL;
        l->n = 0;
    } else if (c->need == STORE_KEY_LIST) {
        struct store_key_list *l = container_of(c, struct store_key_list, call);
        l->keys = NULL;
        l->n = 0;
    } else if (c->need == STORE_VERIFY) {
        struct store_verify *v = container_of(c, struct store_verify, call);
        v->generations = v->accounts = v->keys = 0;
        v->differences = NULL;
        v->n = 0;
    } else if (c->need == STORE_GENERATION_GET) {
        buf_init(&container_of(c, struct store_generation_get, call)->text, TEXT_MAX);
    }
}

void store_submit(struct store *s, struct store_call *c)
{
    BUG_ON(c->need >= STORE__COUNT);
    outputs_clear(c);
    if (s->mode == STORE_DIRECT) {
        run_direct(s, c);
        return;
    }
    BUG_ON(!c->loop || !c->done);
    if (is_write(c))
        enqueue(s, &s->writes, &s->wake_writer, c);
    else
        enqueue(s, &s->reads, &s->wake_readers, c);
}

void store_generation_release(struct store_generation_get *g)
{
    buf_release(&g->text);
    g->row = (struct generation){0};
}

const char *store_dir(const struct store *s)
{
    return s->place.dir;
}

struct journal_set *store__journals(struct store *s)
{
    return &s->journals;
}

/* --- open and close --- */

static struct store_conn *connect(struct store *s, struct fault *f)
{
    place_enter(&s->place);
    struct store_conn *c = s->backend->open(s->place.dir, f);
    place_leave(&s->place);
    return c;
}

static enum err open_place(struct store *s, struct str where, struct fault *f)
{
    enum err e = place_open(&s->place, where, f);
    if (e == ERR_OK && s->mode == STORE_THREADS)
        e = place_lock(&s->place, f);
    if (e != ERR_OK)
        return e;
    s->journals.dir = s->place.journals;
    if (!(s->writer = connect(s, f)))
        return ERR_STORE;
    return applier_init(&s->applier, s->backend, s->writer, &s->journals, f);
}

/* The lock stays a server's: what it writes is not for others to apply. */
static enum err apply_first(struct store *s, struct fault *f)
{
    if (s->mode == STORE_DIRECT)
        return apply_direct(s, f);
    if (!place_lock_journals(&s->place, true))
        return fault_set(f, ERR_STORE, "%s/journal/lock cannot be locked", s->place.dir);
    return apply_leftovers(&s->applier, f);
}

static enum err start_threads(struct store *s, struct fault *f)
{
    for (unsigned i = 0; i < READERS; i++) {
        if (!(s->readers[i] = connect(s, f)))
            return ERR_STORE;
    }
    enum err e = journal_set_start(&s->journals, f);
    if (e == ERR_OK) {
        e = thread_start(&s->writer_thread, "store-writer", writer_main, s, f);
        s->writer_threads_n += e == ERR_OK;
    }
    while (e == ERR_OK && s->reader_threads_n < READERS) {
        e = thread_start(&s->reader_threads[s->reader_threads_n], "store-reader", reader_main, s, f);
        s->reader_threads_n += e == ERR_OK;
    }
    return e;
}

static void stop_threads(struct store *s)
{
    journal_set_stop(&s->journals);
    pthread_mutex_lock(&s->lock);
    s->is_stopping = true;
    pthread_cond_broadcast(&s->wake_writer);
    pthread_cond_broadcast(&s->wake_readers);
    pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < s->reader_threads_n; i++)
        pthread_join(s->reader_threads[i], NULL);
    if (s->writer_threads_n)
        pthread_join(s->writer_thread, NULL);
}

static void store_free(struct store *s)
{
    applier_release(&s->applier);
    for (unsigned i = 0; i < READERS; i++) {
        if (s->readers[i])
            s->backend->close(s->readers[i]);
    }
    if (s->writer)
        s->backend->close(s->writer);
    journal_set_release(&s->journals);
    place_close(&s->place);
    pthread_cond_destroy(&s->wake_readers);
    pthread_cond_destroy(&s->wake_writer);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct store *store_new(enum store_mode mode)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->mode = mode;
    s->backend = &store_sqlite;
    s->place = (struct place){.self = -1, .lock = -1, .journals = -1, .apply_lock = -1};
    journal_set_init(&s->journals);
    queue_init(&s->writes);
    queue_init(&s->reads);
    BUG_ON(pthread_mutex_init(&s->lock, NULL) != 0);
    thread_cond_init(&s->wake_writer);
    thread_cond_init(&s->wake_readers);
    return s;
}

struct store *store_open(struct str where, enum store_mode mode, struct fault *f)
{
    if (str_starts(where, STR("postgresql://")) || str_starts(where, STR("postgres://"))) {
        fault_write(f, ERR_INVALID, "this build keeps its data in a directory (SQLite), not in PostgreSQL");
        return NULL;
    }
    struct store *s = store_new(mode);
    if (!s) {
        fault_write(f, ERR_NOMEM, "no memory for the store");
        return NULL;
    }
    enum err e = open_place(s, where, f);
    if (e == ERR_OK)
        e = apply_first(s, f);
    if (e == ERR_OK && mode == STORE_THREADS)
        e = start_threads(s, f);
    if (e == ERR_OK)
        return s;
    stop_threads(s);
    store_free(s);
    return NULL;
}

/* Files that could not be applied stay for the next run. */
static void forget_files(struct journal_set *set)
{
    struct journal_file *file;
    while ((file = journal_file_next(set, NULL))) {
        BUG_ON(!atomic_load(&file->is_retired)); /* a journal is still open */
        BUG_ON(!journal_file_remove(set, file));
    }
}

void store_close(struct store *s)
{
    struct fault f = {0};
    if (!s)
        return;
    stop_threads(s);
    (void)apply(s, &f); /* it has told of a failure */
    forget_files(&s->journals);
    store_free(s);
}
