/* Two lines: the first is an event of a stream that is learnt from; where the second is known again, reading
 * it gives the same facts and the same bytes. */
#include <stdlib.h>

#include "dialect/openai.h"
#include "json/alike.h"

static struct json_tape tape;
static struct buf fast, slow;

static const struct openai_identity who = {
    .id_json = STR_INIT("\"gen-1\""),
    .model_json = STR_INIT("\"a/b\""),
    .provider_json = STR_INIT("\"P\""),
};

static bool go_slowly(struct str text, struct splice *s, struct openai_event *ev)
{
    struct json root;
    if (json_parse(&tape, text, &root, NULL) != ERR_OK || !json_is(root, JSON_OBJECT))
        return false;
    openai_read_chunk(root, ev);
    splice_init(s, text);
    openai_edit_event(ev, &who, s);
    buf_reset(&slow);
    return splice_write(s, &slow) == ERR_OK;
}

static void learn(struct alike *a, struct str text, struct openai_event *ev)
{
    struct splice s;
    if (!go_slowly(text, &s, ev) || ev->texts != 1 || ev->kind != OPENAI_CONTENT)
        return;
    struct json differing[] = {ev->text, ev->padding_at};
    alike_learn(a, &s, buf_view(&slow), differing, ev->padding_at.type ? 2 : 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct alike a = {0};
    struct openai_event first, second;
    struct splice s;
    struct str held[ALIKE_STRINGS_MAX];
    size_t line = str_find(str_of((const char *)data, n), STR("\n"));
    char *exact = malloc(n + 1);
    memcpy(exact, data, n);
    tape.max = 100000;
    fast.max = slow.max = 1 << 24;
    learn(&a, str_of(exact, line), &first);
    struct str other = str_skip(str_of(exact, n), line + 1);
    if (alike_read(&a, other, held)) {
        buf_reset(&fast);
        BUG_ON(alike_write(&a, held, &fast) != ERR_OK);
        BUG_ON(!go_slowly(other, &s, &second) || !str_eq(buf_view(&fast), buf_view(&slow)));
        BUG_ON(second.kind != OPENAI_CONTENT || second.texts != 1);
        BUG_ON(second.finishes != first.finishes || second.has_usage != first.has_usage);
        BUG_ON(!str_eq(json_raw_str(second.text), held[0]));
    }
    alike_release(&a);
    free(exact);
    return 0;
}
