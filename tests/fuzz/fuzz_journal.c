/* A journal's bytes: as one payload, as the window that is scanned, as the file that a former run
 * left. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/journal_apply.h"
#include "store/journal_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes, encodes to the same bytes, unless it is of a version that is only read. */
static void fuzz_payload(struct str payload)
{
    struct generation g;
    struct buf again;
    if (!journal_decode(payload, &g) || payload.p[0] == 1)
        return;
    buf_init(&again, JOURNAL_RECORD_MAX);
    BUG_ON(journal_encode(&g, &again) != ERR_OK);
    BUG_ON(!str_eq(str_skip(buf_view(&again), JOURNAL_HEAD), payload));
    buf_release(&again);
}

static void fuzz_window(struct str bytes)
{
    struct generation rows[16];
    size_t n, used = journal_scan(bytes, rows, COUNT_OF(rows), &n);
    BUG_ON(used > bytes.n || n > COUNT_OF(rows) || (n == 0) != (used == 0));
    journal_has_record_within(bytes);
}

/* --- a database that only counts --- */

static uint64_t rows_seen, last_end;

static enum err fake_begin(struct store_conn *c, enum store_commit how, struct fault *f)
{
    (void)c, (void)how, (void)f;
    return ERR_OK;
}

static enum err fake_commit(struct store_conn *c, struct fault *f)
{
    (void)c, (void)f;
    return ERR_OK;
}

static void fake_rollback(struct store_conn *c)
{
    (void)c;
}

static enum err fake_add(struct store_conn *c, const struct generation *rows, size_t n,
                         struct fault *f)
{
    (void)c, (void)rows, (void)f;
    rows_seen += n;
    return ERR_OK;
}

static enum err fake_get(struct store_conn *c, struct str file, uint64_t *offset, struct fault *f)
{
    (void)c, (void)file, (void)f;
    *offset = 0;
    return ERR_OK;
}

static enum err fake_set(struct store_conn *c, struct str file, uint64_t offset, struct fault *f)
{
    (void)c, (void)file, (void)f;
    BUG_ON(offset <= last_end);
    last_end = offset;
    return ERR_OK;
}

static enum err fake_drop(struct store_conn *c, struct str file, struct fault *f)
{
    (void)c, (void)file, (void)f;
    return ERR_OK;
}

static const struct store_backend fake = {
    .name = "counting",
    .begin = fake_begin,
    .commit = fake_commit,
    .rollback = fake_rollback,
    .generations_add = fake_add,
    .position_get = fake_get,
    .position_set = fake_set,
    .position_drop = fake_drop,
    .positions_clear = fake_commit,
};

static struct journal_set set;
static struct applier applier;

static char dir[] = "/tmp/turnpike-fuzz-XXXXXX";

static void end(void)
{
    rmdir(dir);
}

static void begin(void)
{
    struct fault f;
    log_set_level((enum log_level)(LOG_ERROR + 1));
    BUG_ON(!mkdtemp(dir) || atexit(end) != 0);
    journal_set_init(&set);
    set.dir = open(dir, O_RDONLY | O_DIRECTORY);
    BUG_ON(set.dir == -1 || applier_init(&applier, &fake, NULL, &set, &f) != ERR_OK);
}

static void fuzz_file(struct str bytes)
{
    struct fault f;
    int fd = openat(set.dir, "1-0.log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    BUG_ON(fd == -1 || write(fd, bytes.p, bytes.n) != (ssize_t)bytes.n);
    close(fd);
    rows_seen = last_end = 0;
    if (apply_leftovers(&applier, &f) != ERR_OK)
        bug_die(f.message, __FILE__, __LINE__);
    BUG_ON(last_end > bytes.n || (rows_seen == 0) != (last_end == 0));
    BUG_ON(faccessat(set.dir, "1-0.log", F_OK, 0) == 0);
    unlinkat(set.dir, "1-0.log.corrupt", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!applier.rows)
        begin();
    char *exact = malloc(size ? size : 1); /* so that one byte too far is seen */
    BUG_ON(!exact);
    if (size)
        memcpy(exact, data, size);
    fuzz_payload(str_of(exact, size));
    fuzz_window(str_of(exact, size));
    fuzz_file(str_of(exact, size));
    free(exact);
    return 0;
}
