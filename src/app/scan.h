/* scan.h: looks for keys in files, in the text of archives and in the history of git repositories.
 * A walker lists files, threads read them. Finds go out as JSON lines, which never hold a key. */
#ifndef APP_SCAN_H
#define APP_SCAN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "auth/find.h"
#include "base/buf.h"

struct scan {
    struct finder finder;
    FILE *out, *tell;     /* JSON lines; sentences for people */
    pthread_mutex_t lock; /* of both */
    _Atomic uint64_t files, bytes, found, objects, unreadable;
};

void scan_init(struct scan *s, struct str prefix, FILE *out, FILE *tell);
void scan_release(struct scan *s);
/* All below a path: a file, a directory, a git repository. */
enum err scan_path(struct scan *s, const char *path, unsigned threads, struct fault *f) MUST_USE;

/* --- for the files of this part --- */

/* One text, fed in blocks; it knows line and column of what it finds. */
struct scan_text {
    struct scan *scan;
    const char *path, *inside, *commit; /* inside: an archive's entry; NULL: none */
    void (*on_key)(struct scan_text *t, const struct found_key *k, uint64_t line, uint64_t column);
    void *user;
    char *room; /* SCAN_ROOM bytes, lent */
    size_t kept, from;
    uint64_t lines, column; /* before room[0]: newlines, and bytes since the last of them */
    unsigned found;
};
enum { SCAN_BLOCK = 1 << 20, SCAN_ROOM = SCAN_BLOCK + FIND_CONTEXT };
void scan_text_begin(struct scan_text *t, struct scan *s, char *room, const char *path);
/* Where the next block goes: at most SCAN_BLOCK bytes. */
char *scan_text_room(struct scan_text *t);
void scan_text_add(struct scan_text *t, size_t n, bool is_end);
/* The same for a whole text that somebody else holds. */
void scan_text_whole(struct scan_text *t, struct str text);
/* One line of JSON. */
void scan_report(struct scan *s, const char *path, const char *inside, const char *commit,
                 uint64_t line, uint64_t column, const struct found_key *k);
/* Appends the name of a file as it may be told: a key in it is told by its label. */
void scan_name(const struct scan *s, struct str name, struct buf *out);
void scan_complain(struct scan *s, const char *path, const char *why);

/* scan_archive.c */
bool scan_is_archive(struct str head);
/* False: it is none that can be read: to be scanned as it is. */
bool scan_archive(struct scan *s, const char *path, char *room);

/* scan_git.c: false: here is no repository. */
bool scan_git(struct scan *s, const char *path, unsigned threads);

#endif
