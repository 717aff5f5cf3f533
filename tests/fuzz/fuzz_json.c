/* Reads any bytes; of what is accepted every value is asked everything, and random members are
 * changed: the result must be accepted too. */
#include <stdlib.h>

#include "json/splice.h"
#include "json/write.h"

static struct json_tape tape, tape_after;

static uint64_t choice;

static unsigned choose(unsigned n)
{
    choice = choice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(choice >> 33) % n;
}

/* What a string stands for, written again, must stand for the same. */
static void rewrite_string(struct json v, struct buf *scratch)
{
    struct json again;
    struct json_tape small;
    struct buf written;
    buf_reset(scratch);
    buf_init(&written, SIZE_MAX / 2);
    json_tape_init(&small, 1);
    struct str s = json_str(v, scratch);
    BUG_ON(!s.p || !json_str_eq(v, s));
    BUG_ON(json_add_str(&written, s) != ERR_OK);
    BUG_ON(json_parse(&small, buf_view(&written), &again, NULL) != ERR_OK ||
           !json_str_eq(again, s));
    json_tape_release(&small);
    buf_release(&written);
}

static void ask(struct json v, struct buf *scratch)
{
    uint64_t n;
    struct fault f;
    BUG_ON(json_raw(v).n == 0 || !json_kind(v));
    json_bool_or(v, json_u64(v, 100, &n));
    if (json_is(v, JSON_STRING))
        rewrite_string(v, scratch);
    struct json child = json_first(v);
    bool is_distinct = json_refuse_duplicates(v, &f) == ERR_OK;
    for (unsigned i = 0; child.type && i < 20; child = json_after(v, child), i++) {
        if (!json_is(v, JSON_OBJECT))
            continue;
        buf_reset(scratch);
        struct json found = json_get(v, json_str(json_key(child), scratch));
        BUG_ON(is_distinct ? found.at != child.at : found.at > child.at);
    }
}

static void edit(struct splice *s, struct json v, struct buf *names)
{
    static const struct str raws[] = {STR_INIT("0"), STR_INIT("\"\""), STR_INIT("{\"a\":[]}")};
    struct str raw = raws[choose(COUNT_OF(raws))];
    if (choose(8) == 0)
        splice_replace(s, v, raw);
    if (!json_is(v, JSON_OBJECT))
        return;
    for (struct json m = json_first(v); m.type; m = json_after(v, m)) {
        size_t n = names->n;
        struct str name = json_str(json_key(m), names);
        if (choose(3) == 0)
            splice_drop(s, v, name);
        else if (choose(3) == 0)
            splice_set(s, v, name, raw);
        names->n = n;
    }
    if (choose(2))
        splice_set(s, v, STR("added"), raw);
    if (choose(3) == 0)
        splice_set(s, v, STR("other"), raw);
    if (choose(5) == 0)
        splice_drop(s, v, STR("added"));
}

/* At most JSON_DEPTH_MAX calls deep. Names are asked but not edited: they are no values. */
static void walk(struct splice *s, struct json v, struct buf *scratch)
{
    ask(v, scratch);
    buf_reset(scratch);
    if (choose(4) == 0)
        edit(s, v, scratch);
    for (struct json child = json_first(v); child.type; child = json_after(v, child)) {
        if (json_is(v, JSON_OBJECT))
            ask(json_key(child), scratch);
        walk(s, child, scratch);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct json v, after;
    struct fault f;
    struct splice s;
    struct buf scratch, out;
    char *exact = malloc(n ? n : 1);
    if (n)
        memcpy(exact, data, n);
    struct str text = str_of(exact, n);
    tape.max = tape_after.max = 100000;
    buf_init(&scratch, 1 << 20);
    buf_init(&out, 1 << 24);
    if (json_parse(&tape, text, &v, &f) == ERR_OK) {
        choice = n;
        for (size_t i = 0; i < n; i++)
            choice = choice * 31 + data[i];
        splice_init(&s, text);
        walk(&s, v, &scratch);
        struct str *views = malloc((4 * (size_t)s.n + 1) * sizeof *views);
        splice_views(&s, views, 4 * (size_t)s.n + 1);
        free(views);
        enum err e = splice_write(&s, &out);
        BUG_ON(e == ERR_OK && json_parse(&tape_after, buf_view(&out), &after, &f) != ERR_OK);
        BUG_ON(e != ERR_OK && e != ERR_TOO_BIG);
    }
    buf_release(&out);
    buf_release(&scratch);
    free(exact);
    return 0;
}
