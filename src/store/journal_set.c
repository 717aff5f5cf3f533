#include "store/journal_set.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "io/thread.h"
#include "store/thread.h"

#define SECOND_NS UINT64_C(1000000000)

/* --- files --- */

static void name_write(char out[JOURNAL_NAME_MAX], int64_t start_ms, unsigned worker)
{
    struct buf b = {.p = out, .cap = JOURNAL_NAME_MAX, .max = JOURNAL_NAME_MAX};
    BUG_ON(buf_printf(&b, "%013lld-%u.log", (long long)start_ms, worker) != ERR_OK);
}

struct journal_file *journal_file_new(struct journal_set *set, unsigned worker, struct fault *f)
{
    struct journal_file *file = calloc(1, sizeof *file);
    if (!file) {
        fault_write(f, ERR_NOMEM, "no memory for a journal");
        return NULL;
    }
    int64_t start_ms = clock_wall_ms();
    do { /* a run that began in the same millisecond, or with another clock, may have left one of
            this name */
        name_write(file->name, start_ms++, worker);
        file->fd = openat(set->dir, file->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    } while (file->fd == -1 && errno == EEXIST);
    if (file->fd == -1) {
        fault_write(f, ERR_STORE, "journal %s: %s", file->name, strerror(errno));
        free(file);
        return NULL;
    }
    pthread_mutex_lock(&set->lock);
    list_append(&set->files, &file->link);
    pthread_mutex_unlock(&set->lock);
    return file;
}

void journal_file_retire(struct journal_file *file)
{
    atomic_store(&file->is_retired, true);
}

struct journal_file *journal_file_next(struct journal_set *set, struct journal_file *after)
{
    pthread_mutex_lock(&set->lock);
    struct list *at = after ? after->link.next : set->files.next;
    pthread_mutex_unlock(&set->lock);
    return at == &set->files ? NULL : container_of(at, struct journal_file, link);
}

bool journal_file_remove(struct journal_set *set, struct journal_file *file)
{
    pthread_mutex_lock(&set->lock);
    bool is_free = !file->is_in_sync;
    if (is_free)
        list_del(&file->link);
    pthread_mutex_unlock(&set->lock);
    if (!is_free)
        return false;
    close(file->fd);
    free(file);
    return true;
}

/* --- the sync thread; `lock` is held but where it says so --- */

static enum err sync_unlocked(struct journal_set *set, struct journal_file *file)
{
    if (!file->is_listed && fsync(set->dir) == -1)
        return ERR_STORE;
    file->is_listed = true;
    return fdatasync(file->fd) == -1 ? ERR_STORE : ERR_OK;
}

static enum err sync_file(struct journal_set *set, struct journal_file *file)
{
    file->is_in_sync = true;
    atomic_store(&file->is_dirty, false);
    pthread_mutex_unlock(&set->lock);
    enum err e = sync_unlocked(set, file);
    if (e != ERR_OK) {
        log_line(LOG_ERROR, "journal %s could not be brought to disk: %s", file->name,
                 strerror(errno));
        atomic_store(&file->is_dirty, true);
    }
    pthread_mutex_lock(&set->lock);
    file->is_in_sync = false;
    return e;
}

static void serve_rounds(struct journal_set *set)
{
    while (!list_is_empty(&set->rounds)) {
        struct journal_round *r = container_of(set->rounds.next, struct journal_round, link);
        list_del(&r->link);
        r->err = sync_file(set, r->file);
        io_post(r->loop, &r->post);
    }
}

static struct journal_file *next_dirty(struct journal_set *set, uint64_t turn)
{
    struct list *at, *after;
    list_each (at, after, &set->files) {
        struct journal_file *file = container_of(at, struct journal_file, link);
        if (file->looked_at != turn && atomic_load(&file->is_dirty))
            return file;
    }
    return NULL;
}

/* The lock is given up for each file, so the list is searched anew; `turn` keeps it to once each.
 */
static void sync_dirty(struct journal_set *set, uint64_t turn)
{
    struct journal_file *file;
    enum err e = ERR_OK;
    while ((file = next_dirty(set, turn))) {
        file->looked_at = turn;
        enum err of_file = sync_file(set, file);
        if (of_file != ERR_OK)
            e = of_file;
        serve_rounds(set); /* those do not wait for everybody's turn */
    }
    atomic_store(&set->is_failing, e != ERR_OK);
}

static void *sync_main(void *arg)
{
    struct journal_set *set = arg;
    uint64_t due_ns = clock_mono_ns() + SECOND_NS, turn = 0;
    pthread_mutex_lock(&set->lock);
    while (!set->is_stopping) {
        if (list_is_empty(&set->rounds) && clock_mono_ns() < due_ns)
            thread_wait(&set->wake, &set->lock, due_ns);
        serve_rounds(set);
        if (clock_mono_ns() >= due_ns) {
            sync_dirty(set, ++turn);
            due_ns = clock_mono_ns() + SECOND_NS;
        }
    }
    sync_dirty(set, ++turn);
    pthread_mutex_unlock(&set->lock);
    return NULL;
}

void journal_round_ask(struct journal_set *set, struct journal_round *r)
{
    pthread_mutex_lock(&set->lock);
    list_append(&set->rounds, &r->link);
    pthread_cond_signal(&set->wake);
    pthread_mutex_unlock(&set->lock);
}

/* --- life --- */

void journal_set_init(struct journal_set *set)
{
    *set = (struct journal_set){.dir = -1};
    list_init(&set->files);
    list_init(&set->rounds);
    BUG_ON(pthread_mutex_init(&set->lock, NULL) != 0);
    thread_cond_init(&set->wake);
}

enum err journal_set_start(struct journal_set *set, struct fault *f)
{
    enum err e = io_thread_start(&set->thread, "journal-sync", sync_main, set, f);
    set->is_running = e == ERR_OK;
    return e;
}

void journal_set_stop(struct journal_set *set)
{
    if (!set->is_running)
        return;
    pthread_mutex_lock(&set->lock);
    BUG_ON(!list_is_empty(&set->rounds)); /* a journal is still open */
    set->is_stopping = true;
    pthread_cond_signal(&set->wake);
    pthread_mutex_unlock(&set->lock);
    pthread_join(set->thread, NULL);
    set->is_running = false;
}

void journal_set_release(struct journal_set *set)
{
    BUG_ON(!list_is_empty(&set->files));
    pthread_cond_destroy(&set->wake);
    pthread_mutex_destroy(&set->lock);
}
