/* calls.c: calls, and the threads on which they run.
 *
 *   reader threads   the calls that only read, each with a connection of its own
 *   writer thread    the calls that write, all that wait in one transaction; the journals, every
 * APPLY_MS
 *
 * A generation that a reader does not find goes on to the writer, which applies the journals and
 * looks again. */
#include "store/inside.h"

#include "base/log.h"
#include "io/thread.h"
#include "store/thread.h"

enum {
    APPLY_MS = 200,
    TEXT_MAX = 32 << 10, /* a generation's texts */
};

static bool is_write(const struct store_call *c)
{
    switch (c->need) {
    case STORE_ACCOUNT_CREATE:
    case STORE_ACCOUNT_DISABLE:
    case STORE_CREDIT_GRANT:
    case STORE_KEY_CREATE:
    case STORE_KEY_UPDATE:
    case STORE_KEY_DISABLE:
    case STORE_KEY_DELETE:
    case STORE_KEYS_TOUCH:
    case STORE_IP_ALLOW_ADD:
    case STORE_IP_ALLOW_DELETE:
    case STORE_POLICY_SET:
#define X(need, function) case STORE_##need:
        TRUST_WRITES(X)
        PEOPLE_WRITES(X)
#undef X
        return true;
    case STORE_ACCOUNT_GET: {
        const struct store_account_get *a = (const void *)c;
        return a->create_first && a->id == 0 && !a->account.email[0];
    }
    case STORE_ACCOUNT_LIST:
    case STORE_KEY_GET:
    case STORE_KEY_LIST:
    case STORE_AUDIT_LIST:
    case STORE_IP_ALLOW_LIST:
    case STORE_GENERATION_GET:
    case STORE_CHANGES:
    case STORE_VERIFY:
#define X(need, function) case STORE_##need:
        TRUST_READS(X)
        PEOPLE_READS(X)
#undef X
    case STORE__COUNT:
        break;
    }
    return false;
}

/* --- queues --- */

void queue_init(struct queue *q)
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
    if (c->err == ERR_OK && c->audit)
        c->err = s->backend->audit_add(s->writer, c->audit, &c->fault);
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
enum err calls_apply_leftovers(struct store *s, struct fault *f)
{
    if (!place_lock_journals(&s->place, false))
        return ERR_OK;
    enum err e = apply_leftovers(&s->applier, f);
    place_unlock_journals(&s->place);
    return e;
}

enum err calls_apply(struct store *s, struct fault *f)
{
    enum err e =
        s->mode == STORE_THREADS ? apply_files(&s->applier, f) : calls_apply_leftovers(s, f);
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
            e = calls_apply(s, &f);
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

/* --- starting and stopping --- */

enum err calls_start(struct store *s, struct fault *f)
{
    enum err e = journal_set_start(&s->journals, f);
    if (e == ERR_OK) {
        e = io_thread_start(&s->writer_thread, "store-writer", writer_main, s, f);
        s->writer_threads_n += e == ERR_OK;
    }
    while (e == ERR_OK && s->reader_threads_n < READERS) {
        e = io_thread_start(&s->reader_threads[s->reader_threads_n], "store-reader", reader_main, s,
                            f);
        s->reader_threads_n += e == ERR_OK;
    }
    return e;
}

void calls_stop(struct store *s)
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
        run_again(s, &again, calls_apply(s, &f), &f);
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
    } else if (c->need == STORE_AUDIT_LIST) {
        container_of(c, struct store_audit_list, call)->n = 0;
    } else if (c->need == STORE_IP_ALLOW_LIST) {
        container_of(c, struct store_ip_allow_list, call)->n = 0;
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
