#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

static enum err dir_make(int at, const char *path, struct fault *f)
{
    if (mkdirat(at, path, 0700) == -1 && errno != EEXIST)
        return fault_set(f, ERR_STORE, "the data directory %s cannot be made: %s", path,
                         strerror(errno));
    return ERR_OK;
}

static enum err open_in(int at, const char *path, int flags, int *out, struct fault *f)
{
    *out = openat(at, path, flags | O_CLOEXEC, 0600);
    if (*out == -1)
        return fault_set(f, ERR_STORE, "%s cannot be opened: %s", path, strerror(errno));
    return ERR_OK;
}

static enum err all_open(struct place *p, struct fault *f)
{
    enum err e = open_in(AT_FDCWD, p->dir, O_RDONLY | O_DIRECTORY, &p->self, f);
    if (e == ERR_OK)
        e = dir_make(p->self, "journal", f);
    if (e == ERR_OK)
        e = open_in(p->self, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, &p->lock, f);
    if (e == ERR_OK)
        e = open_in(p->self, "journal", O_RDONLY | O_DIRECTORY, &p->journals, f);
    if (e == ERR_OK)
        e = open_in(p->journals, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, &p->apply_lock, f);
    return e;
}

enum err place_open(struct place *p, struct str where, struct fault *f)
{
    struct buf b = {.p = p->dir, .cap = sizeof p->dir, .max = sizeof p->dir};
    p->self = p->lock = p->journals = p->apply_lock = -1;
    if (where.n == 0 || memchr(where.p, '\0', where.n) ||
        buf_printf(&b, "%.*s", STR_ARG(where)) != ERR_OK)
        return fault_set(f, ERR_INVALID, "this is no name for a data directory");
    enum err e = dir_make(AT_FDCWD, p->dir, f);
    return e == ERR_OK ? all_open(p, f) : e;
}

static void close_one(int *fd)
{
    if (*fd != -1)
        close(*fd);
    *fd = -1;
}

void place_close(struct place *p)
{
    close_one(&p->apply_lock);
    close_one(&p->journals);
    close_one(&p->lock);
    close_one(&p->self);
}

static bool lock_take(int fd, bool wait)
{
    int rc;
    do
        rc = flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
    while (rc == -1 && errno == EINTR);
    return rc == 0;
}

void place_enter(struct place *p)
{
    (void)lock_take(p->self, true); /* without it the database's own locks are all there is */
}

void place_leave(struct place *p)
{
    flock(p->self, LOCK_UN);
}

static enum err in_use(const struct place *p, struct fault *f)
{
    char pid[16];
    ssize_t n = pread(p->lock, pid, sizeof pid, 0);
    struct str s = str_of(pid, n > 0 ? (size_t)n : 0), line = str_cut(&s, '\n');
    return fault_set(f, ERR_CONFLICT, "%.180s is in use by another turnpike (pid %.*s)", p->dir,
                     STR_ARG(line));
}

enum err place_lock(struct place *p, struct fault *f)
{
    char room[16];
    struct buf pid = {.p = room, .cap = sizeof room, .max = sizeof room};
    if (!lock_take(p->lock, false))
        return in_use(p, f);
    buf_add_i64(&pid, getpid());
    buf_add(&pid, STR("\n"));
    if (ftruncate(p->lock, 0) == -1 || pwrite(p->lock, pid.p, pid.n, 0) != (ssize_t)pid.n)
        return fault_set(f, ERR_STORE, "%s/lock cannot be written: %s", p->dir, strerror(errno));
    return ERR_OK;
}

bool place_lock_journals(struct place *p, bool wait)
{
    return lock_take(p->apply_lock, wait);
}

void place_unlock_journals(struct place *p)
{
    flock(p->apply_lock, LOCK_UN);
}
