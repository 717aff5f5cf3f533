/* json_same.h: two JSON texts mean the same: equal trees, strings compared as what they stand for.
 */
#ifndef TESTS_JSON_SAME_H
#define TESTS_JSON_SAME_H

#include "json/read.h"

static inline bool json_same_string(struct json a, struct json b)
{
    struct buf text;
    buf_init(&text, SIZE_MAX / 2);
    struct str s = json_str(a, &text);
    bool same = json_str_eq(b, s);
    buf_release(&text);
    return same;
}

/* Equal tapes are equal trees. */
static inline bool json_same(const struct json_tape *x, struct str x_text,
                             const struct json_tape *y, struct str y_text)
{
    if (x->n != y->n)
        return false;
    for (uint32_t i = 0; i < x->n; i++) {
        struct json a = {x_text.p, x->nodes, i, x->nodes[i].type},
                    b = {y_text.p, y->nodes, i, y->nodes[i].type};
        if (a.type != b.type || x->nodes[i].next != y->nodes[i].next)
            return false;
        if (a.type == JSON_STRING ? !json_same_string(a, b)
                                  : a.type < JSON_ARRAY && !str_eq(json_raw(a), json_raw(b)))
            return false;
    }
    return true;
}

#endif
