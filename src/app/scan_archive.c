/* scan_archive.c: what is packed: tar, zip, and what gzip and its kin compressed. libarchive, with
 * the filters that it has itself: none starts a program. */
#include <archive.h>
#include <archive_entry.h>

#include "app/scan.h"

#define UNPACKED_MAX (UINT64_C(8) << 30) /* of one archive: it may be made to fill the world */

static const struct {
    size_t at;
    struct str bytes;
} magics[] = {
    {0, STR_INIT("PK\x03\x04")},
    {0, STR_INIT("\x1f\x8b\x08")},
    {257, STR_INIT("ustar")},
    {0, STR_INIT("BZh")},
    {0, STR_INIT("\xfd"
                 "7zXZ\0")},
    {0, STR_INIT("\x28\xb5\x2f\xfd")},
};

bool scan_is_archive(struct str head)
{
    for (size_t i = 0; i < COUNT_OF(magics); i++) {
        if (str_starts(str_skip(head, magics[i].at), magics[i].bytes))
            return true;
    }
    return false;
}

static struct archive *open_archive(const char *path)
{
    struct archive *a = archive_read_new();
    if (!a)
        return NULL;
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_zip(a);
    archive_read_support_format_raw(a);
    if (archive_read_open_filename(a, path, 64 * 1024) == ARCHIVE_OK)
        return a;
    archive_read_free(a);
    return NULL;
}

/* False: the archive cannot be read further. */
static bool scan_entry(struct archive *a, struct scan_text *t, uint64_t *left)
{
    for (;;) {
        size_t most = *left < SCAN_BLOCK ? (size_t)*left : SCAN_BLOCK;
        la_ssize_t n = archive_read_data(a, scan_text_room(t), most);
        if (n < 0) {
            scan_text_add(t, 0, true);
            scan_complain(t->scan, t->path, "part of this archive cannot be unpacked");
            return n != ARCHIVE_FATAL;
        }
        *left -= (uint64_t)n;
        scan_text_add(t, (size_t)n, n == 0);
        if (n == 0)
            return *left > 0;
    }
}

bool scan_archive(struct scan *s, const char *path, char *room)
{
    struct archive_entry *entry;
    uint64_t left = UNPACKED_MAX;
    struct archive *a = open_archive(path);
    int rc = a ? archive_read_next_header(a, &entry) : ARCHIVE_FATAL;
    bool is_read = rc == ARCHIVE_OK || rc == ARCHIVE_WARN;
    while (rc == ARCHIVE_OK || rc == ARCHIVE_WARN) {
        struct scan_text t;
        bool is_named = archive_format(a) != ARCHIVE_FORMAT_RAW;
        const char *name = archive_entry_pathname(entry);
        scan_text_begin(&t, s, room, path);
        t.inside = is_named ? name ? name : "?" : NULL;
        if (!scan_entry(a, &t, &left))
            break;
        rc = archive_read_next_header(a, &entry);
    }
    if (is_read && left == 0)
        scan_complain(s, path, "this archive unpacks to more than 8 GiB: the rest was left out");
    archive_read_free(a);
    return is_read;
}
