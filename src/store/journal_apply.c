#include "store/journal_apply.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/journal_record.h"

enum { BATCH = 2000, WINDOW = 1 << 20 };

_Static_assert((int)WINDOW > (int)JOURNAL_RECORD_MAX,
               "a window without a whole record is the file's end");

/* A file as it is being applied. */
struct source {
    struct str name;
    int fd;
    uint64_t at, end;
    bool is_stuck; /* at `at` there is no whole, sound record */
};

/* --- reading --- */

/* As much as there is from `at`, up to a window. */
static enum err window_read(const struct applier *a, const struct source *s, uint64_t at,
                            struct str *out, struct fault *f)
{
    size_t want = s->end - at < WINDOW ? (size_t)(s->end - at) : WINDOW, n = 0;
    while (n < want) {
        ssize_t got = pread(s->fd, a->window + n, want - n, (off_t)(at + n));
        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return fault_set(f, ERR_STORE, "journal %.*s: %s", STR_ARG(s->name), strerror(errno));
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *out = str_of(a->window, n);
    return ERR_OK;
}

/* Is there a sound record behind the place where `s` is stuck? Such a record is not applied: texts
 * in records are a client's words, and might be made to look like one. But it tells a damaged file
 * from one that just ends early. */
static enum err is_record_behind(const struct applier *a, const struct source *s, bool *out,
                                 struct fault *f)
{
    struct str bytes;
    *out = false;
    for (uint64_t at = s->at; at < s->end && !*out; at += WINDOW - JOURNAL_RECORD_MAX) {
        enum err e = window_read(a, s, at, &bytes, f);
        if (e != ERR_OK)
            return e;
        *out = journal_has_record_within(bytes);
    }
    return ERR_OK;
}

/* --- applying --- */

static enum err batch_in(struct applier *a, struct str name, size_t n, uint64_t end,
                         struct fault *f)
{
    enum err e = a->backend->generations_add(a->conn, a->rows, n, f);
    return e == ERR_OK ? a->backend->position_set(a->conn, name, end, f) : e;
}

static enum err batch_commit(struct applier *a, struct str name, size_t n, uint64_t end,
                             struct fault *f)
{
    enum err e = a->backend->begin(a->conn, STORE_LAZY, f);
    if (e != ERR_OK)
        return e;
    e = batch_in(a, name, n, end, f);
    if (e == ERR_OK)
        return a->backend->commit(a->conn, f);
    a->backend->rollback(a->conn);
    return e;
}

/* Moves s->at to the end, or to where the file is stuck. */
static enum err source_apply(struct applier *a, struct source *s, struct fault *f)
{
    while (s->at < s->end) {
        struct str bytes;
        size_t n;
        enum err e = window_read(a, s, s->at, &bytes, f);
        if (e != ERR_OK)
            return e;
        size_t used = journal_scan(bytes, a->rows, BATCH, &n);
        if (n == 0) {
            s->is_stuck = true;
            return ERR_OK;
        }
        e = batch_commit(a, s->name, n, s->at + used, f);
        if (e != ERR_OK)
            return e;
        s->at += used;
    }
    return ERR_OK;
}

/* --- the end of a file --- */

/* Durable, and so is then all that was applied before: only after that may the file go. No name:
 * all positions. */
static enum err position_drop(struct applier *a, struct str name, struct fault *f)
{
    enum err e = a->backend->begin(a->conn, STORE_DURABLE, f);
    if (e != ERR_OK)
        return e;
    e = name.p ? a->backend->position_drop(a->conn, name, f)
               : a->backend->positions_clear(a->conn, f);
    if (e == ERR_OK)
        return a->backend->commit(a->conn, f);
    a->backend->rollback(a->conn);
    return e;
}

static enum err remove_file(struct applier *a, const char *name, struct fault *f)
{
    if (unlinkat(a->set->dir, name, 0) == -1)
        return fault_set(f, ERR_STORE, "journal %s cannot be removed: %s", name, strerror(errno));
    return ERR_OK;
}

static enum err keep_aside(struct applier *a, const struct source *s, const char *name,
                           struct fault *f)
{
    char aside[NAME_MAX + 1];
    struct buf b = {.p = aside, .cap = sizeof aside, .max = sizeof aside};
    log_line(
        LOG_ERROR,
        "journal %s is damaged at byte %llu of %llu: what was settled after that is not counted; "
        "the file is kept as %s.corrupt",
        name, (unsigned long long)s->at, (unsigned long long)s->end, name);
    if (buf_printf(&b, "%s.corrupt", name) != ERR_OK ||
        renameat(a->set->dir, name, a->set->dir, aside) == -1)
        return fault_set(f, ERR_STORE, "journal %s cannot be renamed: %s", name, strerror(errno));
    return ERR_OK;
}

/* --- the files of this run --- */

/* The file is gone from the set; s is what is known of it. */
static enum err file_finish(struct applier *a, const struct source *s, const char *name,
                            struct fault *f)
{
    enum err e = position_drop(a, s->name, f);
    if (e != ERR_OK)
        return e;
    e = s->is_stuck ? keep_aside(a, s, name, f) : remove_file(a, name, f);
    if (e != ERR_OK) /* a file that stays is read again by the next run, and then counts nothing */
        log_line(LOG_ERROR, "%s", f->message);
    return ERR_OK;
}

static enum err file_apply(struct applier *a, struct journal_file *file, struct fault *f)
{
    struct source s = {.name = str_c(file->name),
                       .fd = file->fd,
                       .at = atomic_load(&file->applied),
                       .end = atomic_load_explicit(&file->committed, memory_order_acquire)};
    if (file->is_stuck || s.at == s.end)
        return ERR_OK;
    enum err e = source_apply(a, &s, f);
    atomic_store(&file->applied, s.at);
    file->is_stuck = s.is_stuck;
    if (s.is_stuck)
        log_line(LOG_ERROR, "journal %s reads otherwise than it was written, from byte %llu on",
                 file->name, (unsigned long long)s.at);
    return e;
}

static enum err file_serve(struct applier *a, struct journal_file *file, struct fault *f)
{
    bool is_retired =
        atomic_load(&file->is_retired); /* before it is applied: then nothing follows */
    enum err e = file_apply(a, file, f);
    if (e != ERR_OK || !is_retired)
        return e;
    char name[JOURNAL_NAME_MAX]; /* not all of the file: some of it is the sync thread's */
    memcpy(name, file->name, sizeof name);
    struct source s = {.name = str_c(name),
                       .at = atomic_load(&file->applied),
                       .end = atomic_load(&file->committed),
                       .is_stuck = file->is_stuck};
    if (!journal_file_remove(a->set, file))
        return ERR_OK;
    return file_finish(a, &s, name, f);
}

enum err apply_files(struct applier *a, struct fault *f)
{
    struct journal_file *file = journal_file_next(a->set, NULL);
    while (file) {
        struct journal_file *next = journal_file_next(a->set, file);
        enum err e = file_serve(a, file, f);
        if (e != ERR_OK)
            return e;
        file = next;
    }
    return ERR_OK;
}

/* --- the files of former runs --- */

static enum err leftover_apply(struct applier *a, struct source *s, const char *name,
                               struct fault *f)
{
    struct stat st;
    bool is_damaged = false;
    if (fstat(s->fd, &st) == -1)
        return fault_set(f, ERR_STORE, "journal %s: %s", name, strerror(errno));
    s->end = (uint64_t)st.st_size;
    enum err e = a->backend->position_get(a->conn, s->name, &s->at, f);
    if (e == ERR_OK)
        e = source_apply(a, s, f);
    if (e == ERR_OK && s->is_stuck)
        e = is_record_behind(a, s, &is_damaged, f);
    if (e == ERR_OK)
        e = position_drop(a, s->name, f);
    if (e != ERR_OK)
        return e;
    if (is_damaged)
        return keep_aside(a, s, name, f);
    if (s->is_stuck)
        log_line(LOG_INFO, "journal %s ends with %llu bytes of a record that nobody was told of",
                 name, (unsigned long long)(s->end - s->at));
    return remove_file(a, name, f);
}

static enum err leftover_open(struct applier *a, const char *name, struct fault *f)
{
    struct source s = {.name = str_c(name)};
    s.fd = openat(a->set->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (s.fd == -1)
        return fault_set(f, ERR_STORE, "journal %s: %s", name, strerror(errno));
    enum err e = leftover_apply(a, &s, name, f);
    close(s.fd);
    return e;
}

static int is_journal(const struct dirent *d)
{
    return str_ends(str_c(d->d_name), STR(".log"));
}

enum err apply_leftovers(struct applier *a, struct fault *f)
{
    struct dirent **found;
    enum err e = ERR_OK;
    int n = scandirat(a->set->dir, ".", &found, is_journal, alphasort);
    if (n == -1)
        return fault_set(f, ERR_STORE, "the journals cannot be listed: %s", strerror(errno));
    /* Without files no position means anything, but one that a crash left would hide the beginning
     * of a new file of the same name. */
    for (int i = 0; i < n; i++) {
        if (e == ERR_OK)
            e = leftover_open(a, found[i]->d_name, f);
        free(found[i]);
    }
    free(found);
    return e == ERR_OK ? position_drop(a, STR_NONE, f) : e;
}

/* --- life --- */

enum err applier_init(struct applier *a, const struct store_backend *b, struct store_conn *c,
                      struct journal_set *set, struct fault *f)
{
    *a = (struct applier){.backend = b, .conn = c, .set = set};
    a->rows = malloc(BATCH * sizeof *a->rows);
    a->window = malloc(WINDOW);
    if (a->rows && a->window)
        return ERR_OK;
    applier_release(a);
    return fault_set(f, ERR_NOMEM, "no memory for applying journals");
}

void applier_release(struct applier *a)
{
    free(a->rows);
    free(a->window);
    *a = (struct applier){0};
}
