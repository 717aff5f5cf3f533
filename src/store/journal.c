#include "store/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "store/journal_record.h"
#include "store/journal_set.h"

enum {
    RETRY_MS = 1000,
    PROBE_BYTES = 4096,
    FILE_BYTES = 64 << 20, /* then the next file is begun, so that this one can go */
    OUT_MAX = 32 << 20,    /* all that may settle in one tick */
};

/* An entry goes from list to list:
 *
 *   waiting --write--> (done)                            JOURNAL_SYNC_INTERVAL, NEVER
 *   waiting --write--> written --round--> syncing --> (done)     JOURNAL_SYNC_ALWAYS
 */
struct journal {
    struct io_loop *loop;
    struct journal_set *set;
    unsigned worker;
    enum journal_sync sync;
    struct io_hook hook;
    struct io_timer retry;
    struct buf out; /* the records of `waiting`, in their order */
    struct list waiting;
    struct list refused; /* those that `out` could not take */
    struct list written, syncing;
    struct journal_round round;
    uint64_t round_end; /* `end` when the round began */
    struct journal_file *file;
    uint64_t end;   /* of the whole records in the file */
    bool is_spoilt; /* half a record stands at the file's end and could not be cut off */
    bool is_failing;
};

/* --- answers --- */

/* The last that a function does with its journal: done() may do anything. */
static void answer(struct list *entries, enum err err)
{
    while (!list_is_empty(entries)) {
        struct journal_entry *e = container_of(entries->next, struct journal_entry, link);
        list_del(&e->link);
        e->done(e, err);
    }
}

static void set_failing(struct journal *j, bool is_failing)
{
    if (is_failing)
        io_timer_set(j->loop, &j->retry, io_now_ms(j->loop) + RETRY_MS);
    else
        io_timer_clear(j->loop, &j->retry);
    if (is_failing != j->is_failing && !is_failing)
        log_line(LOG_INFO, "journal %s can be written again", j->file->name);
    j->is_failing = is_failing;
}

/* --- the file --- */

static bool rotate(struct journal *j)
{
    struct fault f;
    struct journal_file *next = journal_file_new(j->set, j->worker, &f);
    if (!next) {
        log_line(LOG_ERROR, "%s", f.message);
        return false;
    }
    journal_file_retire(j->file);
    j->file = next;
    j->end = 0;
    j->is_spoilt = false;
    return true;
}

/* Cuts off what stands behind the whole records. */
static void cut_back(struct journal *j)
{
    if (ftruncate(j->file->fd, (off_t)j->end) == -1) {
        log_line(LOG_ERROR, "journal %s cannot be cut back: %s", j->file->name, strerror(errno));
        j->is_spoilt = true;
    }
}

/* How much of `out` the file took. */
static size_t put(struct journal *j)
{
    size_t n = 0;
    while (n < j->out.n) {
        ssize_t took = pwrite(j->file->fd, j->out.p + n, j->out.n - n, (off_t)(j->end + n));
        if (took == -1 && errno == EINTR)
            continue;
        if (took <= 0)
            break;
        n += (size_t)took;
    }
    if (n < j->out.n)
        log_line(LOG_ERROR, "journal %s cannot be written: %s", j->file->name, strerror(errno));
    return n;
}

/* Moves the entries whose records lie within the first `n` bytes of `out`; returns where the last
 * of these ends. */
static size_t split(struct journal *j, size_t n, struct list *whole)
{
    size_t end = 0;
    while (!list_is_empty(&j->waiting)) {
        size_t next = end + journal_record_size(j->out.p + end);
        if (next > n)
            break;
        struct list *entry = j->waiting.next;
        list_del(entry);
        list_append(whole, entry);
        end = next;
    }
    return end;
}

/* Publishes to the store's writer and to the sync thread. */
static void commit(struct journal *j, uint64_t end)
{
    atomic_store_explicit(&j->file->committed, end, memory_order_release);
    if (j->sync == JOURNAL_SYNC_INTERVAL)
        atomic_store(&j->file->is_dirty, true);
}

/* Entries whose records are in the file go to `whole`, the others stay in `waiting`. */
static void write_out(struct journal *j, struct list *whole)
{
    if (j->out.n == 0 || j->is_spoilt)
        return;
    size_t n = put(j), end = split(j, n, whole);
    j->end += end;
    if (n > end)
        cut_back(j);
    set_failing(j, n < j->out.n);
    if (end && j->sync != JOURNAL_SYNC_ALWAYS)
        commit(j, j->end);
}

/* --- rounds: fdatasync for all that was written since the last one --- */

static void begin_round(struct journal *j)
{
    if (!list_is_empty(&j->syncing) || list_is_empty(&j->written))
        return;
    list_move_all(&j->syncing, &j->written);
    j->round.file = j->file;
    j->round_end = j->end;
    journal_round_ask(j->set, &j->round);
}

/* What could not be synced shall not be counted either: nobody will be told that it was settled. */
static void on_synced(struct io_post *p)
{
    struct journal *j = container_of(p, struct journal, round.post);
    struct list done;
    enum err e = j->round.err;
    list_init(&done);
    list_move_all(&done, &j->syncing);
    if (e == ERR_OK) {
        commit(j, j->round_end);
    } else {
        list_move_all(&done, &j->written);
        j->end = atomic_load(&j->file->committed);
        cut_back(j);
        set_failing(j, true);
    }
    begin_round(j);
    io_hook_arm(&j->hook); /* what waited for the round to rotate the file */
    answer(&done, e);
}

/* --- the end of a tick --- */

static bool is_round_under_way(const struct journal *j)
{
    return !list_is_empty(&j->syncing) || !list_is_empty(&j->written);
}

static void on_tick_end(struct io_hook *h)
{
    struct journal *j = container_of(h, struct journal, hook);
    struct list whole, lost;
    bool wants_file = j->end >= FILE_BYTES || j->is_spoilt;
    if (wants_file && is_round_under_way(j)) /* on_synced() comes back here */
        return;
    if (wants_file && j->out.n)
        rotate(j); /* in vain: a full file grows on, a spoilt one takes nothing */
    list_init(&whole);
    list_init(&lost);
    write_out(j, &whole);
    list_move_all(&lost, &j->waiting);
    list_move_all(&lost, &j->refused);
    buf_reset(&j->out);
    if (j->sync == JOURNAL_SYNC_ALWAYS) {
        list_move_all(&j->written, &whole);
        begin_round(j);
    }
    answer(&whole, ERR_OK);
    answer(&lost, ERR_STORE);
}

/* Is there room again? Zeros behind the records are no record, should the process end before they
 * are cut off. */
static void on_retry(struct io_timer *t)
{
    static const char zeros[PROBE_BYTES];
    struct journal *j = container_of(t, struct journal, retry);
    bool works = false;
    if (j->is_spoilt) {
        works = !is_round_under_way(j) && rotate(j);
    } else {
        works = pwrite(j->file->fd, zeros, sizeof zeros, (off_t)j->end) == (ssize_t)sizeof zeros;
        cut_back(j);
    }
    set_failing(j, !works);
}

/* --- from outside --- */

struct journal *journal_open(struct store *s, struct io_loop *l, unsigned worker,
                             enum journal_sync sync, struct fault *f)
{
    struct journal *j = calloc(1, sizeof *j);
    if (!j) {
        fault_write(f, ERR_NOMEM, "no memory for a journal");
        return NULL;
    }
    *j = (struct journal){.loop = l, .set = store__journals(s), .worker = worker, .sync = sync};
    BUG_ON(!j->set->is_running); /* only STORE_THREADS applies what is written here */
    j->file = journal_file_new(j->set, worker, f);
    if (!j->file) {
        free(j);
        return NULL;
    }
    buf_init(&j->out, OUT_MAX);
    list_init(&j->waiting);
    list_init(&j->refused);
    list_init(&j->written);
    list_init(&j->syncing);
    j->round = (struct journal_round){.loop = l, .post.run = on_synced};
    io_timer_init(&j->retry, on_retry);
    io_hook_add(l, &j->hook, on_tick_end);
    return j;
}

void journal_close(struct journal *j)
{
    BUG_ON(!list_is_empty(&j->waiting) || !list_is_empty(&j->refused) || is_round_under_way(j));
    io_timer_clear(j->loop, &j->retry);
    io_hook_remove(&j->hook);
    journal_file_retire(j->file);
    buf_release(&j->out);
    free(j);
}

void journal_append(struct journal *j, const struct generation *g, struct journal_entry *e)
{
    bool taken = journal_encode(g, &j->out) == ERR_OK;
    j->out.failed = ERR_OK; /* it failed this entry, not the next */
    list_append(taken ? &j->waiting : &j->refused, &e->link);
    io_hook_arm(&j->hook);
}

bool journal_is_failing(const struct journal *j)
{
    return j->is_failing || atomic_load_explicit(&j->set->is_failing, memory_order_relaxed);
}

uint64_t journal_bytes_unapplied(struct store *s)
{
    struct journal_set *set = store__journals(s);
    uint64_t sum = 0;
    struct list *at, *after;
    pthread_mutex_lock(&set->lock);
    list_each (at, after, &set->files) {
        struct journal_file *file = container_of(at, struct journal_file, link);
        /* In this order: what is applied never passes what is committed. */
        uint64_t applied = atomic_load(&file->applied);
        sum += atomic_load(&file->committed) - applied;
    }
    pthread_mutex_unlock(&set->lock);
    return sum;
}
