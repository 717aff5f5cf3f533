#include "app/scan.h"

#include "base/codec.h"
#include "crypto/digest.h"
#include "json/write.h"

enum { LINE_ROOM = 16 * 1024 };

/* --- telling --- */

static void label_of(const struct found_key *k, char out[KEY_LABEL_MAX + 1])
{
    struct str digits = str_skip(k->text, k->text.n - KEY_DIGITS);
    snprintf(out, KEY_LABEL_MAX + 1, "%.*s%.3s...%.3s", (int)(k->text.n - KEY_DIGITS), k->text.p,
             digits.p, digits.p + KEY_DIGITS - 3);
}

void scan_name(const struct scan *s, struct str name, struct buf *out)
{
    char label[KEY_LABEL_MAX + 1];
    struct found_key k;
    size_t from = 0, told = 0;
    while (finder_next(&s->finder, name, &from, true, &k)) {
        label_of(&k, label);
        buf_add(out, str_of(name.p + told, k.at - told));
        buf_add_c(out, label);
        told = from;
    }
    buf_add(out, str_skip(name, told));
}

void scan_complain(struct scan *s, const char *path, const char *why)
{
    struct buf name;
    buf_init(&name, LINE_ROOM);
    scan_name(s, str_c(path), &name);
    atomic_fetch_add(&s->unreadable, 1);
    pthread_mutex_lock(&s->lock);
    fprintf(s->tell, "%.*s: %s\n", STR_ARG(buf_view(&name)), why);
    pthread_mutex_unlock(&s->lock);
    buf_release(&name);
}

static void write_name(struct scan *s, struct json_writer *w, const char *field, const char *name)
{
    struct buf told;
    buf_init(&told, LINE_ROOM);
    scan_name(s, str_c(name), &told);
    jw_str(w, field, buf_view(&told));
    buf_release(&told);
}

static void write_key(struct json_writer *w, const struct found_key *k)
{
    uint8_t hash[KEY_HASH_BYTES];
    char hex[2 * KEY_HASH_BYTES], label[KEY_LABEL_MAX + 1];
    key_hash(k->text, hash);
    hex_encode(hex, hash, sizeof hash);
    label_of(k, label);
    jw_str_c(w, "kind", k->is_management ? "management" : "inference");
    jw_str_c(w, "label", label);
    jw_str(w, "hash", str_of(hex, sizeof hex));
}

void scan_report(struct scan *s, const char *path, const char *inside, const char *commit,
                 uint64_t line, uint64_t column, const struct found_key *k)
{
    struct buf out;
    struct json_writer w;
    atomic_fetch_add(&s->found, 1);
    buf_init(&out, LINE_ROOM);
    json_writer_init(&w, &out);
    jw_object(&w, NULL);
    write_name(s, &w, "path", path);
    if (inside)
        write_name(s, &w, "entry", inside);
    jw_u64(&w, "line", line);
    jw_u64(&w, "column", column);
    if (commit)
        jw_str_c(&w, "commit", commit[0] ? commit : NULL);
    write_key(&w, k);
    jw_finish(&w);
    buf_add_c(&out, "\n");
    pthread_mutex_lock(&s->lock);
    fwrite(out.p, 1, out.n, s->out);
    pthread_mutex_unlock(&s->lock);
    buf_release(&out);
}

static void report(struct scan_text *t, const struct found_key *k, uint64_t line, uint64_t column)
{
    scan_report(t->scan, t->path, t->inside, t->commit, line, column, k);
}

/* --- a text in blocks --- */

void scan_text_begin(struct scan_text *t, struct scan *s, char *room, const char *path)
{
    *t = (struct scan_text){.scan = s, .path = path, .room = room, .on_key = report};
}

char *scan_text_room(struct scan_text *t)
{
    return t->room + t->kept;
}

static uint64_t count_lines(struct str s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

/* Moves line and column behind `s`. */
static void pass(struct scan_text *t, struct str s)
{
    const char *last = s.n ? memrchr(s.p, '\n', s.n) : NULL;
    t->lines += count_lines(s);
    t->column = last ? (uint64_t)(s.p + s.n - last - 1) : t->column + s.n;
}

static void found_one(struct scan_text *t, struct str before, const struct found_key *k)
{
    struct scan_text at = *t;
    pass(&at, before);
    t->found++;
    t->on_key(t, k, at.lines + 1, at.column + 1);
}

/* Lines are counted only where somebody wants to know: for a small file without a key, never. */
static void search(struct scan_text *t, struct str bytes, bool is_end)
{
    struct found_key k;
    while (finder_next(&t->scan->finder, bytes, &t->from, is_end, &k))
        found_one(t, str_head(bytes, k.at), &k);
}

void scan_text_add(struct scan_text *t, size_t n, bool is_end)
{
    struct str bytes = str_of(t->room, t->kept + n);
    atomic_fetch_add(&t->scan->bytes, n);
    search(t, bytes, is_end);
    if (is_end)
        return;
    size_t drop = t->from > FIND_BEFORE ? t->from - FIND_BEFORE : 0;
    pass(t, str_head(bytes, drop));
    t->kept = bytes.n - drop;
    t->from -= drop;
    memmove(t->room, t->room + drop, t->kept);
}

void scan_text_whole(struct scan_text *t, struct str text)
{
    atomic_fetch_add(&t->scan->bytes, text.n);
    search(t, text, true);
}
