/* journal_apply.h: brings journals into the database, each record once. Private to this folder.
 *
 * One transaction holds a batch of records, the counters that they move and how far the file was
 * read. A record is known by its generation's id, so that one read twice would still count once. */
#ifndef STORE_JOURNAL_APPLY_H
#define STORE_JOURNAL_APPLY_H

#include "store/backend.h"
#include "store/journal_set.h"

struct applier {
    const struct store_backend *backend;
    struct store_conn *conn;
    struct journal_set *set;
    struct generation *rows; /* of a batch; they lend views of `window` */
    char *window;
};

enum err applier_init(struct applier *a, const struct store_backend *b, struct store_conn *c,
                      struct journal_set *set, struct fault *f) MUST_USE;
void applier_release(struct applier *a);

/* What is committed in the files of this run; removes those that are finished. */
enum err apply_files(struct applier *a, struct fault *f) MUST_USE;
/* All files that a former run left, and removes them. None of this run may be there yet, and no
 * other process may do the same. */
enum err apply_leftovers(struct applier *a, struct fault *f) MUST_USE;

#endif
