/* scan.c: the walk over files, and the threads that read them. */
#include "app/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAITING_MAX = 4096, BATCH = 32, DEPTH_MAX = 256, THREADS_MAX = 64 };

struct files {
    struct scan *scan;
    unsigned threads;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t more, room;
    char *waiting[WAITING_MAX];
    unsigned first, n;
    bool is_complete;
};

void scan_init(struct scan *s, struct str prefix, FILE *out, FILE *tell)
{
    memset(s, 0, sizeof *s);
    finder_init(&s->finder, prefix);
    s->out = out;
    s->tell = tell;
    pthread_mutex_init(&s->lock, NULL);
}

void scan_release(struct scan *s)
{
    pthread_mutex_destroy(&s->lock);
}

/* --- one file --- */

static ssize_t read_block(int fd, char *to, size_t n)
{
    size_t got = 0;
    while (got < n) {
        ssize_t r = read(fd, to + got, n - got);
        if (r == -1 && errno == EINTR)
            continue;
        if (r <= 0)
            return r == -1 && got == 0 ? -1 : (ssize_t)got;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

static void scan_open_file(struct scan *s, const char *path, int fd, char *room)
{
    struct scan_text t;
    bool is_first = true, is_end = false;
    scan_text_begin(&t, s, room, path);
    while (!is_end) {
        ssize_t n = read_block(fd, scan_text_room(&t), SCAN_BLOCK);
        if (n == -1) {
            scan_complain(s, path, strerror(errno));
            n = 0;
        }
        struct str head = str_of(scan_text_room(&t), (size_t)n);
        if (is_first && scan_is_archive(head) && scan_archive(s, path, room))
            return;
        if (is_first && scan_is_archive(head)) { /* the room was used */
            is_first = false;
            scan_text_begin(&t, s, room, path);
            if (lseek(fd, 0, SEEK_SET) == 0)
                continue;
        }
        is_first = false;
        is_end = n < SCAN_BLOCK;
        scan_text_add(&t, (size_t)n, is_end);
    }
}

static void scan_file(struct scan *s, const char *path, char *room)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    if (fd == -1) {
        scan_complain(s, path, strerror(errno));
        return;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) { /* it was when it was listed */
        scan_open_file(s, path, fd, room);
        atomic_fetch_add(&s->files, 1);
    }
    close(fd);
}

/* --- the threads --- */

/* How many paths; 0: the walk is over. */
static unsigned take(struct files *w, char *paths[BATCH])
{
    unsigned n = 0;
    pthread_mutex_lock(&w->lock);
    while (w->n == 0 && !w->is_complete)
        pthread_cond_wait(&w->more, &w->lock);
    for (; n < BATCH && w->n; n++, w->n--) {
        paths[n] = w->waiting[w->first];
        w->first = (w->first + 1) % WAITING_MAX;
    }
    pthread_cond_signal(&w->room);
    pthread_mutex_unlock(&w->lock);
    return n;
}

static void *read_files(void *arg)
{
    struct files *w = arg;
    char *room = malloc(SCAN_ROOM), *paths[BATCH];
    for (unsigned n; (n = take(w, paths));) {
        for (unsigned i = 0; i < n; i++) {
            if (room)
                scan_file(w->scan, paths[i], room);
            else
                scan_complain(w->scan, paths[i], "no memory");
            free(paths[i]);
        }
    }
    free(room);
    return NULL;
}

static void give(struct files *w, const char *path)
{
    char *copy = strdup(path);
    if (!copy) {
        scan_complain(w->scan, path, "no memory");
        return;
    }
    pthread_mutex_lock(&w->lock);
    while (w->n == WAITING_MAX)
        pthread_cond_wait(&w->room, &w->lock);
    w->waiting[(w->first + w->n++) % WAITING_MAX] = copy;
    if (w->n % BATCH == 0 || w->n == 1)
        pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

/* --- the walk --- */

static void walk(struct files *w, char path[PATH_MAX], size_t n, unsigned depth, bool is_git_dir);

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Links are not followed: what they lead to is scanned where it is, or is not meant. */
static unsigned char type_of(const char *path, const struct dirent *e)
{
    struct stat st;
    if (e->d_type != DT_UNKNOWN || lstat(path, &st) != 0)
        return e->d_type;
    return S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_UNKNOWN;
}

static void walk_entry(struct files *w, char path[PATH_MAX], size_t n, unsigned depth,
                       bool is_git_dir, const struct dirent *e)
{
    size_t name = strlen(e->d_name);
    if (n + 1 + name >= PATH_MAX) {
        scan_complain(w->scan, path, "a path below it is too long");
        return;
    }
    path[n] = '/';
    memcpy(path + n + 1, e->d_name, name + 1);
    unsigned char type = type_of(path, e);
    if (type == DT_REG && strcmp(e->d_name, ".git") == 0) { /* of a worktree or a submodule */
        path[n] = '\0';
        scan_git(w->scan, path, w->threads);
        path[n] = '/';
    }
    if (type == DT_REG)
        give(w, path);
    else if (type == DT_DIR && !(is_git_dir && strcmp(e->d_name, "objects") == 0))
        walk(w, path, n + 1 + name, depth + 1, strcmp(e->d_name, ".git") == 0);
    path[n] = '\0';
}

/* Objects of a git directory are read as what they are; the rest of it as files. */
static void walk(struct files *w, char path[PATH_MAX], size_t n, unsigned depth, bool is_git_dir)
{
    DIR *d = depth < DEPTH_MAX ? opendir(path) : NULL;
    if (!d) {
        scan_complain(w->scan, path, depth < DEPTH_MAX ? strerror(errno) : "too deep");
        return;
    }
    if (is_git_dir)
        scan_git(w->scan, path, w->threads);
    for (struct dirent *e; (e = readdir(d));) {
        if (!is_dots(e->d_name))
            walk_entry(w, path, n, depth, is_git_dir, e);
    }
    closedir(d);
}

static bool is_bare_repository(const char *path)
{
    char at[PATH_MAX];
    static const char *const needed[] = {"HEAD", "objects", "refs"};
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        int n = snprintf(at, sizeof at, "%s/%s", path, needed[i]);
        if (n < 0 || (size_t)n >= sizeof at || access(at, F_OK) != 0)
            return false;
    }
    return true;
}

static void walk_from(struct files *w, const char *start, bool is_dir)
{
    char path[PATH_MAX];
    size_t n = strlen(start);
    while (n > 1 && start[n - 1] == '/')
        n--;
    memcpy(path, start, n);
    path[n] = '\0';
    if (is_dir)
        walk(w, path, n, 0, is_bare_repository(path));
    else
        give(w, path);
}

static enum err refuse_path(const struct scan *s, const char *path, const char *why,
                            struct fault *f)
{
    struct buf name;
    buf_init(&name, 2 * PATH_MAX);
    scan_name(s, str_c(path), &name);
    fault_write(f, ERR_NOT_FOUND, "%.*s: %s", STR_ARG(str_head(buf_view(&name), 200)), why);
    buf_release(&name);
    return ERR_NOT_FOUND;
}

enum err scan_path(struct scan *s, const char *path, unsigned threads, struct fault *f)
{
    struct files w = {.scan = s, .threads = threads};
    struct stat st;
    pthread_t ids[THREADS_MAX];
    unsigned n = 0;
    if (strlen(path) >= PATH_MAX || stat(path, &st) != 0)
        return refuse_path(s, path, strerror(errno), f);
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return refuse_path(s, path, "neither a file nor a directory", f);
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.more, NULL);
    pthread_cond_init(&w.room, NULL);
    while (n < threads && n < THREADS_MAX && pthread_create(&ids[n], NULL, read_files, &w) == 0)
        n++;
    if (n)
        walk_from(&w, path, S_ISDIR(st.st_mode));
    pthread_mutex_lock(&w.lock);
    w.is_complete = true;
    pthread_cond_broadcast(&w.more);
    pthread_mutex_unlock(&w.lock);
    bool has_threads = n > 0;
    while (n)
        pthread_join(ids[--n], NULL);
    pthread_cond_destroy(&w.more);
    pthread_cond_destroy(&w.room);
    pthread_mutex_destroy(&w.lock);
    return has_threads ? ERR_OK : fault_set(f, ERR_NOMEM, "no threads to scan with");
}
