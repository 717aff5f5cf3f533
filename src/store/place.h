/* place.h: the data directory and who may use it how. Private to this folder.
 *
 * DIR/lock is held by a server for its life, and bears its process number. DIR/journal/lock is the
 * right to apply journals: a server holds it too; the command line takes it where it can, for a
 * moment. */
#ifndef STORE_PLACE_H
#define STORE_PLACE_H

#include <limits.h>

#include "base/err.h"

struct place {
    char dir[PATH_MAX];
    int self, lock, journals, apply_lock; /* descriptors, or -1 */
};

/* Makes what is missing, mode 0700. On failure too, place_close() is due. */
enum err place_open(struct place *p, struct str where, struct fault *f) MUST_USE;
void place_close(struct place *p);
/* One process at a time opens the database: SQLite cannot sort out two that make a new one at once.
 * Waits. */
void place_enter(struct place *p);
void place_leave(struct place *p);
/* ERR_CONFLICT: another process holds it. */
enum err place_lock(struct place *p, struct fault *f) MUST_USE;
/* Waits, or else is false at once where another process holds it. */
bool place_lock_journals(struct place *p, bool wait);
void place_unlock_journals(struct place *p);

#endif
