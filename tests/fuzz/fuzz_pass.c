/* The first bytes say where to cut, the rest is the text: whole and cut it must fare the same; of
 * an object that the reader accepts, what comes out must mean the same as a splice of it. */
#include <stdlib.h>

#include "json/pass.h"
#include "json/splice.h"
#include "json_same.h"

static const struct pass_rule rules[] = {
    {.name = STR_INIT("id"), .put = STR_INIT("\"put\""), .note = true},
    {.name = STR_INIT("a"), .drop = true},
    {.name = STR_INIT("usage"), .note = true},
};
static const struct str added = STR_INIT("zz\xc3\xa9");

static struct json_tape tape, expected_tape, got_tape;

static enum err run(struct json_pass *p, struct str text, size_t step, struct buf *out)
{
    struct fault f;
    enum err e = ERR_OK;
    json_pass_init(p, rules, COUNT_OF(rules), 1 << 20);
    while (text.n && e == ERR_OK) {
        struct str piece = str_head(text, step);
        char *exact = malloc(piece.n);
        memcpy(exact, piece.p, piece.n);
        e = json_pass_feed(p, str_of(exact, piece.n), out, &f);
        free(exact);
        text = str_skip(text, piece.n);
    }
    return e;
}

static void compare_with_splice(struct str text, struct json v, const struct json_pass *p,
                                struct buf *got)
{
    struct splice s;
    struct buf expected;
    struct json x, y;
    BUG_ON(!str_eq(buf_view(&p->noted[2]), json_raw(json_get(v, STR("usage")))));
    BUG_ON(!str_eq(buf_view(&p->noted[0]), json_raw(json_get(v, STR("id")))));
    buf_init(&expected, 1 << 24);
    splice_init(&s, text);
    if (json_get(v, STR("id")).type)
        splice_set(&s, v, STR("id"), STR("\"put\""));
    splice_drop(&s, v, STR("a"));
    splice_set(&s, v, added, STR("[1]"));
    BUG_ON(splice_write(&s, &expected) != ERR_OK);
    BUG_ON(json_parse(&expected_tape, buf_view(&expected), &x, NULL) != ERR_OK);
    BUG_ON(json_parse(&got_tape, buf_view(got), &y, NULL) != ERR_OK);
    BUG_ON(!json_same(&expected_tape, buf_view(&expected), &got_tape, buf_view(got)));
    buf_release(&expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 1)
        return 0;
    struct str text = str_of((const char *)data + 1, n - 1);
    struct json_pass whole, cut;
    struct buf whole_out, cut_out;
    struct json v;
    buf_init(&whole_out, 1 << 24);
    buf_init(&cut_out, 1 << 24);
    tape.max = expected_tape.max = got_tape.max = 100000;
    enum err e = run(&whole, text, SIZE_MAX, &whole_out);
    BUG_ON(run(&cut, text, 1u + data[0] % 64, &cut_out) != e);
    bool is_done = json_pass_is_done(&whole);
    BUG_ON(json_pass_is_done(&cut) != is_done);
    BUG_ON(e == ERR_OK && !str_eq(buf_view(&whole_out), buf_view(&cut_out)));
    bool is_read = json_parse(&tape, text, &v, NULL) == ERR_OK && json_is(v, JSON_OBJECT) &&
                   json_refuse_duplicates(v, NULL) == ERR_OK;
    BUG_ON(is_read && (e != ERR_OK || !is_done));
    if (is_read && !json_get(v, added).type) {
        BUG_ON(json_pass_finish(&whole, STR("\"zz\xc3\xa9\":[1]"), &whole_out) != ERR_OK);
        compare_with_splice(text, v, &whole, &whole_out);
    }
    json_pass_release(&whole);
    json_pass_release(&cut);
    buf_release(&whole_out);
    buf_release(&cut_out);
    return 0;
}
