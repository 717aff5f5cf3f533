/* scan_git.c: the history of a git repository: every object, loose or packed, whether a branch still
 * reaches it or not. Which commit brought a blob is only asked for blobs in which a key was found. */
#include <git2.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/scan.h"
#include "base/list.h"

enum { OBJECT_MAX = 256 << 20, THREADS_MAX = 64, FINDS_MAX = 10000 };

/* A key in a blob, until its commit is known. */
struct blob_find {
    git_oid blob;
    uint64_t line, column;
    struct found_key key;
    char text[KEY_TEXT_MAX + 1];
    bool is_told;
};

struct history {
    struct scan *scan;
    const char *path;
    git_oid *ids;
    size_t n, cap;
    _Atomic size_t next;
    pthread_mutex_t lock; /* of what follows */
    struct blob_find *finds;
    size_t finds_n;
    bool is_out_of_memory;
};

/* --- all objects --- */

static int on_id(const git_oid *id, void *user)
{
    struct history *h = user;
    if (h->n == h->cap) {
        size_t cap = h->cap ? h->cap * 2 : 4096;
        git_oid *more = reallocarray(h->ids, cap, sizeof *more);
        if (!more)
            return -1;
        h->ids = more;
        h->cap = cap;
    }
    git_oid_cpy(&h->ids[h->n++], id);
    return 0;
}

/* Packs are read best in their own order, which the list of names is not; but each object once. */
static int by_id(const void *a, const void *b)
{
    return git_oid_cmp(a, b);
}

static void drop_doubles(struct history *h)
{
    size_t n = 0;
    qsort(h->ids, h->n, sizeof h->ids[0], by_id);
    for (size_t i = 0; i < h->n; i++) {
        if (n == 0 || git_oid_cmp(&h->ids[n - 1], &h->ids[i]) != 0)
            h->ids[n++] = h->ids[i];
    }
    h->n = n;
}

static void keep_find(struct scan_text *t, const struct found_key *k, uint64_t line,
                      uint64_t column)
{
    struct history *h = t->user;
    pthread_mutex_lock(&h->lock);
    struct blob_find *more =
        h->finds_n < FINDS_MAX ? reallocarray(h->finds, h->finds_n + 1, sizeof *more) : NULL;
    if (more) {
        struct blob_find *b = &more[h->finds_n++];
        h->finds = more;
        *b = (struct blob_find){.line = line, .column = column, .key = *k};
        git_oid_fromstr(&b->blob, t->commit);
        memcpy(b->text, k->text.p, k->text.n);
    }
    pthread_mutex_unlock(&h->lock);
    if (!more)
        scan_report(h->scan, h->path, NULL, "", line, column, k);
}

static void scan_object(struct history *h, git_odb *odb, const git_oid *id)
{
    git_odb_object *o;
    size_t size;
    git_object_t type;
    char name[GIT_OID_HEXSZ + 1];
    if (git_odb_read_header(&size, &type, odb, id) != 0 || type == GIT_OBJECT_TREE)
        return;
    git_oid_tostr(name, sizeof name, id);
    if (size > OBJECT_MAX) {
        scan_complain(h->scan, h->path, "an object of more than 256 MiB was left out");
        return;
    }
    if (git_odb_read(&o, odb, id) != 0) {
        scan_complain(h->scan, h->path, "an object cannot be read");
        return;
    }
    struct scan_text t;
    scan_text_begin(&t, h->scan, NULL, h->path);
    t.commit = name;
    t.user = h;
    if (type == GIT_OBJECT_BLOB)
        t.on_key = keep_find;
    scan_text_whole(&t, str_of(git_odb_object_data(o), git_odb_object_size(o)));
    atomic_fetch_add(&h->scan->objects, 1);
    git_odb_object_free(o);
}

static void *scan_objects(void *arg)
{
    struct history *h = arg;
    git_repository *repo;
    git_odb *odb;
    if (git_repository_open(&repo, h->path) != 0)
        return NULL;
    if (git_repository_odb(&odb, repo) == 0) {
        for (size_t i; (i = atomic_fetch_add(&h->next, 1)) < h->n;)
            scan_object(h, odb, &h->ids[i]);
        git_odb_free(odb);
    }
    git_repository_free(repo);
    return NULL;
}

/* --- which commit brought it --- */

struct search {
    struct history *h;
    char commit[GIT_OID_HEXSZ + 1];
    size_t left;
};

/* As it would lie in the working tree. */
static void tell_file(struct search *s, const char *file, struct blob_find *b)
{
    char path[PATH_MAX];
    struct str root = str_c(s->h->path);
    if (str_ends(root, STR("/.git")))
        root.n -= 4;
    bool ends_in_slash = str_ends(root, STR("/"));
    snprintf(path, sizeof path, "%.*s%s%s", STR_ARG(root), ends_in_slash ? "" : "/", file);
    scan_report(s->h->scan, path, NULL, s->commit, b->line, b->column, &b->key);
}

static int on_change(const git_diff_delta *d, float progress, void *user)
{
    struct search *s = user;
    (void)progress;
    for (size_t i = 0; i < s->h->finds_n; i++) {
        struct blob_find *b = &s->h->finds[i];
        if (b->is_told || git_oid_cmp(&b->blob, &d->new_file.id) != 0)
            continue;
        b->key.text.p = b->text;
        tell_file(s, d->new_file.path, b);
        b->is_told = true;
        s->left--;
    }
    return 0;
}

static void look_at_commit(struct search *s, git_repository *repo, const git_oid *id)
{
    git_commit *commit = NULL, *parent = NULL;
    git_tree *tree = NULL, *before = NULL;
    git_diff *diff = NULL;
    git_diff_options options;
    git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    options.flags = GIT_DIFF_SKIP_BINARY_CHECK;
    git_oid_tostr(s->commit, sizeof s->commit, id);
    if (git_commit_lookup(&commit, repo, id) == 0 && git_commit_tree(&tree, commit) == 0) {
        if (git_commit_parentcount(commit) && git_commit_parent(&parent, commit, 0) == 0)
            git_commit_tree(&before, parent);
        if (git_diff_tree_to_tree(&diff, repo, before, tree, &options) == 0)
            git_diff_foreach(diff, on_change, NULL, NULL, NULL, s);
    }
    git_diff_free(diff);
    git_tree_free(before);
    git_tree_free(tree);
    git_commit_free(parent);
    git_commit_free(commit);
}

/* The oldest commit that has it, of all that any reference reaches. */
static void find_commits(struct history *h, git_repository *repo)
{
    struct search s = {.h = h, .left = h->finds_n};
    git_revwalk *walk;
    git_oid id;
    if (git_revwalk_new(&walk, repo) != 0)
        return;
    git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
    git_revwalk_push_glob(walk, "refs/*");
    git_revwalk_push_head(walk);
    while (s.left && git_revwalk_next(&id, walk) == 0)
        look_at_commit(&s, repo, &id);
    git_revwalk_free(walk);
}

static void tell_the_rest(struct history *h)
{
    for (size_t i = 0; i < h->finds_n; i++) {
        struct blob_find *b = &h->finds[i];
        b->key.text.p = b->text;
        if (!b->is_told) /* no commit has it any more */
            scan_report(h->scan, h->path, NULL, "", b->line, b->column, &b->key);
    }
}

/* --- all of it --- */

static void scan_history(struct history *h, git_repository *repo, unsigned threads)
{
    pthread_t ids[THREADS_MAX];
    unsigned n = 0;
    drop_doubles(h);
    while (n + 1 < threads && n < THREADS_MAX &&
           pthread_create(&ids[n], NULL, scan_objects, h) == 0)
        n++;
    scan_objects(h);
    while (n)
        pthread_join(ids[--n], NULL);
    if (h->finds_n)
        find_commits(h, repo);
    tell_the_rest(h);
}

bool scan_git(struct scan *s, const char *path, unsigned threads)
{
    git_repository *repo;
    git_odb *odb = NULL;
    struct history h = {.scan = s, .path = path};
    git_libgit2_init();
    /* whose files they are does not matter to us: nothing in them is run */
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    bool is_one = git_repository_open_ext(&repo, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) == 0;
    if (is_one) {
        pthread_mutex_init(&h.lock, NULL);
        if (git_repository_odb(&odb, repo) != 0 || git_odb_foreach(odb, on_id, &h) != 0)
            scan_complain(s, path, "the history cannot be read in whole");
        scan_history(&h, repo, threads);
        pthread_mutex_destroy(&h.lock);
        explicit_bzero(h.finds, h.finds_n * sizeof h.finds[0]);
        free(h.finds);
        free(h.ids);
        git_odb_free(odb);
        git_repository_free(repo);
    }
    git_libgit2_shutdown();
    return is_one;
}
