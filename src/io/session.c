#include "io/internal.h"

#include <pthread.h>
#include <stdlib.h>

enum { SESSIONS_MAX = 64 };

struct entry {
    char *key;
    SSL_SESSION *session;
    uint64_t used; /* the tick of the table when it was last kept or found */
};

/* The last session per peer. Connections are pooled, so this is asked rarely, and a plain array
 * serves. */
struct sessions {
    pthread_mutex_t lock;
    uint64_t tick;
    struct entry entries[SESSIONS_MAX];
};

/* The key's entry or, where `or_oldest`, the one to give up for it. */
static struct entry *find(struct sessions *s, const char *key, bool or_oldest)
{
    struct entry *oldest = &s->entries[0];
    for (struct entry *e = s->entries; e < s->entries + SESSIONS_MAX; e++) {
        if (e->key && strcmp(e->key, key) == 0)
            return e;
        if (e->used < oldest->used)
            oldest = e;
    }
    return or_oldest ? oldest : NULL;
}

static void clear(struct entry *e)
{
    free(e->key);
    SSL_SESSION_free(e->session);
    *e = (struct entry){0};
}

struct sessions *sessions__new(void)
{
    struct sessions *s = calloc(1, sizeof *s);
    if (s)
        pthread_mutex_init(&s->lock, NULL);
    return s;
}

void sessions__free(struct sessions *s)
{
    if (!s)
        return;
    for (struct entry *e = s->entries; e < s->entries + SESSIONS_MAX; e++)
        clear(e);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

SSL_SESSION *sessions__find(struct sessions *s, const char *key)
{
    SSL_SESSION *found = NULL;
    pthread_mutex_lock(&s->lock);
    struct entry *e = find(s, key, false);
    if (e && SSL_SESSION_is_resumable(e->session)) {
        found = e->session;
        SSL_SESSION_up_ref(found);
        e->used = ++s->tick;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

void sessions__keep(struct sessions *s, const char *key, SSL_SESSION *session)
{
    char *copy = strdup(key);
    if (!copy) {
        SSL_SESSION_free(session);
        return;
    }
    pthread_mutex_lock(&s->lock);
    struct entry *e = find(s, key, true);
    clear(e);
    *e = (struct entry){copy, session, ++s->tick};
    pthread_mutex_unlock(&s->lock);
}
