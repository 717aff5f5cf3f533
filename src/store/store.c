#include "store/store.h"

#include <stdlib.h>

#include "store/inside.h"
#include "store/thread.h"

void store_generation_release(struct store_generation_get *g)
{
    buf_release(&g->text);
    g->row = (struct generation){0};
}

void store_key_get_release(struct store_key_get *g)
{
    for (int i = 0; i < KEY_DEPTH_MAX; i++) {
        text_unref(g->line[i].models);
        text_unref(g->line[i].providers);
        g->line[i].models = g->line[i].providers = NULL;
    }
    key_release(&g->key);
    account_release(&g->account);
}

void store_key_list_release(struct store_key_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        key_release(&l->keys[i]);
    free(l->keys);
    l->keys = NULL;
    l->n = 0;
}

void store_audit_list_release(struct store_audit_list *l)
{
    buf_release(&l->text);
    l->n = 0;
}

const char *store_dir(const struct store *s)
{
    return s->place.dir;
}

/* Under the lock, which a thread takes before each call. */
void store_set_vault(struct store *s, const struct vault *v)
{
    pthread_mutex_lock(&s->lock);
    s->backend->set_vault(s->writer, v);
    for (unsigned i = 0; i < READERS; i++) {
        if (s->readers[i])
            s->backend->set_vault(s->readers[i], v);
    }
    pthread_mutex_unlock(&s->lock);
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
        return calls_apply_leftovers(s, f);
    if (!place_lock_journals(&s->place, true))
        return fault_set(f, ERR_STORE, "%s/journal/lock cannot be locked", s->place.dir);
    return apply_leftovers(&s->applier, f);
}

static enum err open_readers(struct store *s, struct fault *f)
{
    for (unsigned i = 0; i < READERS; i++) {
        if (!(s->readers[i] = connect(s, f)))
            return ERR_STORE;
    }
    return ERR_OK;
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
        fault_write(f, ERR_INVALID,
                    "this build keeps its data in a directory (SQLite), not in PostgreSQL");
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
        e = open_readers(s, f);
    if (e == ERR_OK && mode == STORE_THREADS)
        e = calls_start(s, f);
    if (e == ERR_OK)
        return s;
    calls_stop(s);
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
    calls_stop(s);
    (void)calls_apply(s, &f); /* it has told of a failure */
    forget_files(&s->journals);
    store_free(s);
}
