#include "dialect/shape.h"

#include <stdlib.h>

enum { PATH_MAX_BYTES = 160 };

/* --- numbers ---------------------------------------------------------------------------------- */

/* "0.7": whole digits over a power of ten, both exact in a double, divide to the double nearest to
 * the text, as strtod() has it. False: it is not that simple. */
static bool short_decimal(struct str s, double *out)
{
    static const double tens[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    uint32_t v = 0;
    size_t point = s.n;
    if (s.n >= COUNT_OF(tens))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.')
            point = i + 1;
        else if (s.p[i] >= '0' && s.p[i] <= '9')
            v = v * 10 + (uint32_t)(s.p[i] - '0');
        else
            return false;
    }
    *out = v / tens[s.n - point];
    return true;
}

bool shape_number_in(struct json v, double low, double high)
{
    char text[64];
    double d;
    struct str raw = json_raw(v);
    if (!json_is(v, JSON_NUMBER) || raw.n >= sizeof text)
        return false;
    if (!short_decimal(raw, &d)) {
        memcpy(text, raw.p, raw.n);
        text[raw.n] = '\0';
        d = strtod(text, NULL);
    }
    return d >= low && d <= high;
}

static bool has_range(const struct shape *s)
{
    return s->low != 0 || s->high != 0;
}

static bool count_in(const struct shape *s, struct json v)
{
    uint64_t n;
    uint64_t most = has_range(s) ? (uint64_t)s->high : UINT64_MAX;
    return json_u64(v, most, &n) && n >= (uint64_t)s->low;
}

static bool is_number_right(const struct shape *s, struct json v)
{
    if (s->kinds & SHAPE_COUNT)
        return count_in(s, v);
    return !has_range(s) || shape_number_in(v, s->low, s->high);
}

/* --- sentences -------------------------------------------------------------------------------- */

static void write_place(const struct shape_place *at, struct buf *out)
{
    enum { DEPTH_MAX = 16 };
    const struct shape_place *path[DEPTH_MAX];
    size_t n = 0;
    for (; at && n < DEPTH_MAX; at = at->up)
        path[n++] = at;
    while (n--) {
        if (!path[n]->name.p)
            buf_printf(out, "[%zu]", path[n]->index);
        else
            buf_printf(out, "%s%.*s", out->n ? "." : "", STR_ARG(path[n]->name));
    }
}

static void write_number(const struct shape *s, struct buf *out)
{
    const char *word = s->kinds & SHAPE_COUNT ? "a whole number" : "a number";
    if (has_range(s) && (s->kinds & SHAPE_COUNT))
        buf_printf(out, "%s from %.0f to %.0f", word, s->low, s->high);
    else if (has_range(s))
        buf_printf(out, "%s from %g to %g", word, s->low, s->high);
    else
        buf_add_c(out, word);
}

/* "a string, an object or an array" */
static void write_kinds(const struct shape *s, uint8_t kinds, struct buf *out)
{
    static const struct {
        uint8_t kinds;
        const char *word;
    } words[] = {
        {SHAPE_STRING, "a string"},         {SHAPE_BOOLEAN, "true or false"},
        {SHAPE_NUMBER | SHAPE_COUNT, NULL}, {SHAPE_OBJECT, "an object"},
        {SHAPE_ARRAY, "an array"},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!(kinds & words[i].kinds))
            continue;
        if (words[i].word)
            buf_add_c(out, words[i].word);
        else
            write_number(s, out);
        kinds &= (uint8_t)~words[i].kinds;
        buf_add_c(out, kinds == 0 ? "" : kinds & (kinds - 1) ? ", " : " or ");
    }
}

static enum err refuse(const struct shape *s, uint8_t kinds, struct json v,
                       const struct shape_place *at, struct fault *f)
{
    char where[PATH_MAX_BYTES], expected[PATH_MAX_BYTES];
    struct buf place = {.p = where, .cap = sizeof where, .max = sizeof where};
    struct buf words = {.p = expected, .cap = sizeof expected, .max = sizeof expected};
    bool is_outside = json_is(v, JSON_NUMBER) && (kinds & (SHAPE_NUMBER | SHAPE_COUNT));
    write_place(at, &place);
    write_kinds(s, kinds, &words);
    return fault_set(f, ERR_INVALID, "%.*s: expected %.*s, got %s%s", (int)place.n, where,
                     (int)words.n, expected, json_kind(v), is_outside ? " outside of that" : "");
}

/* --- the walk --------------------------------------------------------------------------------- */

static bool is_of(uint8_t kinds, struct json v)
{
    static const uint8_t kind_of[] = {
        [JSON_FALSE] = SHAPE_BOOLEAN,
        [JSON_TRUE] = SHAPE_BOOLEAN,
        [JSON_NUMBER] = SHAPE_NUMBER | SHAPE_COUNT,
        [JSON_STRING] = SHAPE_STRING,
        [JSON_ARRAY] = SHAPE_ARRAY,
        [JSON_OBJECT] = SHAPE_OBJECT,
    };
    return (kind_of[v.type] & kinds) != 0;
}

static const struct shape *row_of(const struct shape *rows, struct json key)
{
    struct str name = json_raw_str(key);
    if (name.n == 0)
        return NULL;
    bool is_plain = !key.tape[key.at].escaped;
    for (const struct shape *s = rows; s->name.p; s++) {
        if (is_plain ? s->name.p[0] == name.p[0] && str_eq(s->name, name)
                     : json_str_eq(key, s->name))
            return s;
    }
    return NULL;
}

/* Most members are: nobody needs to know where they are. */
static bool is_plainly_right(const struct shape *s, struct json v)
{
    bool has_more = s->members || s->items || has_range(s) || (s->kinds & SHAPE_COUNT);
    return !has_more && is_of(s->kinds, v);
}

enum err shape_check_members(const struct shape *rows, struct json object,
                             const struct shape_place *at, struct fault *f)
{
    enum err e = ERR_OK;
    for (struct json v = json_first(object); e == ERR_OK && v.type; v = json_after(object, v)) {
        const struct shape *s = row_of(rows, json_key(v));
        if (s && !is_plainly_right(s, v))
            e = shape_check(s, v, at, f);
    }
    return e;
}

static enum err check_items(const struct shape *s, struct json array, const struct shape_place *at,
                            struct fault *f)
{
    struct shape_place item = {.up = at};
    enum err e = ERR_OK;
    for (struct json v = json_first(array); e == ERR_OK && v.type; v = json_after(array, v)) {
        if (s->items && !is_of(s->items, v))
            return refuse(s, s->items, v, &item, f);
        if (s->members && json_is(v, JSON_OBJECT))
            e = shape_check_members(s->members, v, &item, f);
        item.index++;
    }
    return e;
}

enum err shape_check(const struct shape *s, struct json v, const struct shape_place *up,
                     struct fault *f)
{
    struct shape_place at = {.up = up, .name = s->name};
    if (json_is(v, JSON_NULL))
        return ERR_OK;
    if (!is_of(s->kinds, v) || (json_is(v, JSON_NUMBER) && !is_number_right(s, v)))
        return refuse(s, s->kinds, v, &at, f);
    if (json_is(v, JSON_ARRAY) && (s->items || s->members))
        return check_items(s, v, &at, f);
    if (json_is(v, JSON_OBJECT) && s->members)
        return shape_check_members(s->members, v, &at, f);
    return ERR_OK;
}
