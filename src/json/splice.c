#include "json/splice.h"

static bool is_add(const struct splice_edit *e)
{
    return e->kind == SPLICE_ADD_NAME || e->kind == SPLICE_ADD_VALUE;
}

/* An add stands before its object's closing brace and counts as inside whatever that brace is
 * inside of. */
static uint32_t end_of(const struct splice_edit *e)
{
    return e->at + (is_add(e) ? 1 : e->n);
}

static bool is_inside(const struct splice_edit *inner, const struct splice_edit *outer)
{
    return !is_add(outer) && outer->at <= inner->at && end_of(inner) <= end_of(outer);
}

static void remove_edit(struct splice *s, uint32_t at)
{
    s->n--;
    memmove(&s->edits[at], &s->edits[at + 1], (s->n - at) * sizeof s->edits[0]);
}

/* Behind those at the same position, so that adds stay in order. */
static void insert_edit(struct splice *s, const struct splice_edit *e)
{
    uint32_t at = s->n;
    while (at && s->edits[at - 1].at > e->at)
        at--;
    memmove(&s->edits[at + 1], &s->edits[at], (s->n - at) * sizeof s->edits[0]);
    s->edits[at] = *e;
    s->n++;
}

/* Takes the edit, and the place of those it makes meaningless, unless it is meaningless itself. */
static void take_edit(struct splice *s, const struct splice_edit *e)
{
    for (uint32_t i = s->n; i-- > 0;) {
        if (is_inside(&s->edits[i], e))
            remove_edit(s, i);
        else if (is_inside(e, &s->edits[i]))
            return;
    }
    if (s->n == SPLICE_EDITS_MAX)
        s->failed = ERR_TOO_BIG;
    else
        insert_edit(s, e);
}

static const struct json_node *node_of(struct json v)
{
    return &v.tape[v.at];
}

static uint32_t end_of_value(struct json v)
{
    return node_of(v)->at + node_of(v)->n;
}

static uint32_t closing_brace(struct json object)
{
    return end_of_value(object) - 1;
}

/* Index of the drop of the member that begins at `key`, or s->n. */
static uint32_t find_drop(const struct splice *s, uint32_t key)
{
    uint32_t i = 0;
    while (i < s->n && !(s->edits[i].kind == SPLICE_DROP && s->edits[i].key == key))
        i++;
    return i;
}

/* Index of the add of that name to the object (its value is the next one), or s->n. */
static uint32_t find_add(const struct splice *s, struct json object, struct str name)
{
    uint32_t i = 0;
    while (i < s->n && !(s->edits[i].kind == SPLICE_ADD_NAME &&
                         s->edits[i].at == closing_brace(object) && str_eq(s->edits[i].name, name)))
        i++;
    return i;
}

/* A drop takes the comma before it with it where a member stays before, else the one behind it. */
static void settle_drop(struct splice_edit *drop, bool any_stays, uint32_t end_before, uint32_t end,
                        struct json next)
{
    drop->at = any_stays ? end_before : drop->key;
    if (!any_stays && next.type)
        end = node_of(json_key(next))->at;
    drop->n = end - drop->at;
}

/* Gives the commas of the object to its drops and adds, after any change to them. */
static void settle_commas(struct splice *s, struct json object)
{
    bool any_stays = false;
    uint32_t i = 0, end_before = 0;
    for (struct json v = json_first(object), next; v.type; v = next) {
        uint32_t key = node_of(json_key(v))->at;
        next = json_after(object, v);
        while (i < s->n && (s->edits[i].kind != SPLICE_DROP || s->edits[i].key < key))
            i++;
        if (i < s->n && s->edits[i].key == key)
            settle_drop(&s->edits[i], any_stays, end_before, end_of_value(v), next);
        else
            any_stays = true;
        end_before = end_of_value(v);
    }
    for (i = 0; i < s->n; i++) {
        if (s->edits[i].kind == SPLICE_ADD_NAME && s->edits[i].at == closing_brace(object)) {
            s->edits[i].comma = any_stays;
            any_stays = true;
        }
    }
}

/* Once for all changes to one object, since it walks over its members. */
static void settle_later(struct splice *s, struct json object)
{
    if (s->unsettled.type && s->unsettled.at != object.at)
        settle_commas(s, s->unsettled);
    s->unsettled = object;
}

static void settle_now(struct splice *s)
{
    if (s->unsettled.type)
        settle_commas(s, s->unsettled);
    s->unsettled.type = JSON_NONE;
}

/* Whether something stands before a member added now, where nothing was dropped. */
static bool needs_comma(const struct splice *s, struct json object)
{
    uint32_t i = s->n;
    while (i && s->edits[i - 1].at > closing_brace(object))
        i--;
    bool is_behind_another_add = i && s->edits[i - 1].at == closing_brace(object);
    return is_behind_another_add || json_first(object).type;
}

static bool has_drop(const struct splice *s)
{
    uint32_t i = 0;
    while (i < s->n && s->edits[i].kind != SPLICE_DROP)
        i++;
    return i < s->n;
}

void splice_add(struct splice *s, struct json object, struct str name, struct str raw)
{
    if (s->failed) /* an add may lack its second half */
        return;
    uint32_t old = find_add(s, object, name);
    if (old < s->n) {
        s->edits[old + 1].raw = raw;
        return;
    }
    struct splice_edit edit = {.at = closing_brace(object),
                               .kind = SPLICE_ADD_NAME,
                               .comma = needs_comma(s, object),
                               .name = name};
    take_edit(s, &edit);
    edit.kind = SPLICE_ADD_VALUE;
    edit.raw = raw;
    take_edit(s, &edit);
    if (has_drop(s))
        settle_later(s, object);
}

void splice_init(struct splice *s, struct str text)
{
    s->text = text;
    s->n = 0;
    s->failed = ERR_OK;
    s->unsettled.type = JSON_NONE;
}

void splice_replace(struct splice *s, struct json value, struct str raw)
{
    if (s->failed)
        return;
    if (value.type == JSON_NONE) {
        s->failed = ERR_INVALID;
        return;
    }
    struct splice_edit edit = {
        .at = node_of(value)->at, .n = node_of(value)->n, .kind = SPLICE_REPLACE, .raw = raw};
    take_edit(s, &edit);
}

void splice_set(struct splice *s, struct json object, struct str name, struct str raw)
{
    if (s->failed)
        return;
    if (object.type != JSON_OBJECT) {
        s->failed = ERR_INVALID;
        return;
    }
    struct json value = json_get(object, name);
    if (value.type == JSON_NONE) {
        splice_add(s, object, name, raw);
        return;
    }
    uint32_t drop = find_drop(s, node_of(json_key(value))->at);
    if (drop < s->n) {
        remove_edit(s, drop);
        settle_later(s, object);
    }
    splice_replace(s, value, raw);
}

void splice_drop_value(struct splice *s, struct json object, struct json value)
{
    if (s->failed)
        return;
    uint32_t key = node_of(json_key(value))->at;
    struct splice_edit drop = {
        .at = key, .n = end_of_value(value) - key, .key = key, .kind = SPLICE_DROP};
    take_edit(s, &drop);
    settle_later(s, object);
}

void splice_drop(struct splice *s, struct json object, struct str name)
{
    if (s->failed || object.type != JSON_OBJECT)
        return;
    struct json value = json_get(object, name);
    uint32_t add = find_add(s, object, name);
    if (add < s->n) {
        remove_edit(s, add + 1);
        remove_edit(s, add);
        settle_later(s, object);
    } else if (value.type) {
        splice_drop_value(s, object, value);
    }
}

/* What stands instead, in pieces; returns how many. */
static size_t pieces_of(const struct splice_edit *e, struct str out[3])
{
    if (e->kind != SPLICE_ADD_NAME) {
        out[0] = e->raw;
        return 1;
    }
    out[0] = e->comma ? STR(",\"") : STR("\"");
    out[1] = e->name;
    out[2] = STR("\":");
    return 3;
}

static size_t add_view(struct str *out, size_t n, size_t max, struct str view)
{
    if (view.n == 0)
        return n;
    BUG_ON(n == max);
    out[n] = view;
    return n + 1;
}

/* By how much the first `n` edits make the text longer; modulo SIZE_MAX + 1. */
static size_t growth(const struct splice *s, uint32_t n)
{
    size_t size = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct str pieces[3];
        size_t pieces_n = pieces_of(&s->edits[i], pieces);
        size -= s->edits[i].n;
        for (size_t k = 0; k < pieces_n; k++)
            size += pieces[k].n;
    }
    return size;
}

size_t splice_size(struct splice *s)
{
    settle_now(s);
    return s->failed ? 0 : s->text.n + growth(s, s->n);
}

size_t splice_where(struct splice *s, struct json value)
{
    uint32_t before = 0;
    settle_now(s);
    if (s->failed || value.type == JSON_NONE)
        return SPLICE_NOWHERE;
    while (before < s->n && s->edits[before].at + s->edits[before].n <= node_of(value)->at)
        before++;
    if (before < s->n && s->edits[before].at < end_of_value(value))
        return SPLICE_NOWHERE;
    return node_of(value)->at + growth(s, before);
}

size_t splice_views(struct splice *s, struct str *out, size_t max)
{
    size_t n = 0, done = 0;
    settle_now(s);
    if (s->failed)
        return 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct splice_edit *e = &s->edits[i];
        struct str pieces[3];
        size_t pieces_n = pieces_of(e, pieces);
        n = add_view(out, n, max, str_of(s->text.p + done, e->at - done));
        for (size_t k = 0; k < pieces_n; k++)
            n = add_view(out, n, max, pieces[k]);
        done = e->at + e->n;
    }
    return add_view(out, n, max, str_skip(s->text, done));
}

enum err splice_write(struct splice *s, struct buf *out)
{
    size_t done = 0;
    if (s->failed)
        return out->failed = s->failed;
    enum err e = buf_grow(out, splice_size(s)); /* all or nothing */
    if (e != ERR_OK)
        return e;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct splice_edit *edit = &s->edits[i];
        struct str pieces[3];
        size_t n = pieces_of(edit, pieces);
        buf_add(out, str_of(s->text.p + done, edit->at - done));
        for (size_t k = 0; k < n; k++)
            buf_add(out, pieces[k]);
        done = edit->at + edit->n;
    }
    return buf_add(out, str_skip(s->text, done));
}
