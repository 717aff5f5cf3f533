/* cli_scan.c: turnpike scan PATH... */
#include <time.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/scan.h"

enum { TELL_MS = 500 };

/* Tells how far it is, where a person looks on. */
struct progress {
    struct scan *scan;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool is_over, is_shown;
};

static void tell(const struct scan *s, const char *end)
{
    fprintf(stderr, "%llu files, %llu git objects, %llu MB: %llu keys found%s",
            (unsigned long long)s->files, (unsigned long long)s->objects,
            (unsigned long long)(s->bytes / 1000000), (unsigned long long)s->found, end);
}

static void *tell_on(void *arg)
{
    struct progress *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->is_over) {
        struct timespec at;
        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_nsec += TELL_MS * 1000000L;
        at.tv_sec += at.tv_nsec / 1000000000L;
        at.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&p->over, &p->lock, &at);
        if (p->is_over)
            break;
        pthread_mutex_lock(&p->scan->lock);
        tell(p->scan, "\r");
        pthread_mutex_unlock(&p->scan->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void progress_begin(struct progress *p, struct scan *s)
{
    *p = (struct progress){.scan = s};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->over, NULL);
    p->is_shown = isatty(STDERR_FILENO) && pthread_create(&p->thread, NULL, tell_on, p) == 0;
}

static void progress_end(struct progress *p)
{
    pthread_mutex_lock(&p->lock);
    p->is_over = true;
    pthread_cond_signal(&p->over);
    pthread_mutex_unlock(&p->lock);
    if (p->is_shown)
        pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->over);
    pthread_mutex_destroy(&p->lock);
}

/* Exit status 1 says that something was found, so that it can stand in a hook or a pipeline. */
int command_scan(const struct command_args *a)
{
    struct config_flags flags = a->flags;
    struct config c;
    struct fault f = {0};
    struct scan s;
    struct progress p;
    enum err e = ERR_OK;
    long threads = sysconf(_SC_NPROCESSORS_ONLN);
    flags.settings_only = true;
    if (config_load(&c, &flags, &f) != ERR_OK) {
        command_failed(&f);
        return EXIT_MISUSED;
    }
    scan_init(&s, c.key_prefix, stdout, stderr);
    progress_begin(&p, &s);
    for (size_t i = 0; i < a->words_n && e == ERR_OK; i++)
        e = scan_path(&s, a->words[i].p, threads > 1 ? (unsigned)threads : 1, &f);
    progress_end(&p);
    scan_release(&s);
    config_release(&c);
    if (e == ERR_OK && fflush(stdout) != 0)
        e = fault_set(&f, ERR_INTERNAL, "standard output cannot be written to");
    tell(&s, "\n");
    if (s.unreadable)
        fprintf(stderr, "%llu could not be read\n", (unsigned long long)s.unreadable);
    if (e != ERR_OK) {
        command_failed(&f);
        return EXIT_MISUSED;
    }
    return s.found ? EXIT_FAILED : EXIT_DONE;
}
