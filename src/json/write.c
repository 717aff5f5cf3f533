#include "json/write.h"

#include "json/text.h"

static bool is_in_object(const struct json_writer *w)
{
    return w->depth && (w->is_object >> (w->depth - 1) & 1);
}

/* What stands before a value: a comma, a name. */
static void begin(struct json_writer *w, const char *key)
{
    BUG_ON((key != NULL) != is_in_object(w));
    if (!key && !w->comma) { /* nothing stands before it, and there may be no memory yet */
        w->comma = true;
        return;
    }
    size_t n = key ? strlen(key) : 0;
    if (buf_grow(w->out, w->comma + (key ? n + 3 : 0)) != ERR_OK)
        return;
    char *p = w->out->p + w->out->n;
    if (w->comma)
        *p++ = ',';
    w->comma = true;
    if (key) {
        *p++ = '"';
        p = (char *)memcpy(p, key, n) + n;
        *p++ = '"';
        *p++ = ':';
    }
    w->out->n = (size_t)(p - w->out->p);
}

static void open_scope(struct json_writer *w, const char *key, bool is_object)
{
    begin(w, key);
    BUG_ON(w->depth == JSON_WRITE_DEPTH_MAX);
    buf_add(w->out, is_object ? STR("{") : STR("["));
    uint64_t bit = UINT64_C(1) << w->depth++;
    w->is_object = is_object ? w->is_object | bit : w->is_object & ~bit;
    w->comma = false;
}

/* Characters that are not ASCII, or one byte that is of none. Returns the place behind. */
static const char *add_wide(struct buf *out, const char *p, const char *end)
{
    const char *start = p;
    for (unsigned n; p < end && (uint8_t)*p >= 0x80 && (n = text__utf8(p, end)) > 0;)
        p += n;
    if (p == start) {
        buf_add(out, STR("\xef\xbf\xbd"));
        return p + 1;
    }
    buf_add(out, str_of(start, (size_t)(p - start)));
    return p;
}

/* A quote, a backslash, a control character. */
static void add_escaped(struct buf *out, char c)
{
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    char letter = letters[(uint8_t)c];
    if (letter)
        buf_add(out, str_of((char[]){'\\', letter}, 2));
    else
        buf_printf(out, "\\u%04x", (uint8_t)c);
}

enum err json_add_str(struct buf *out, struct str s)
{
    const char *p = s.n ? s.p : "", *end = p + s.n;
    buf_add(out, STR("\""));
    while (p < end && out->failed == ERR_OK) {
        const char *stop = text__skip_plain(p, end);
        buf_add(out, str_of(p, (size_t)(stop - p)));
        p = stop;
        if (p < end && (uint8_t)*p >= 0x80)
            p = add_wide(out, p, end);
        else if (p < end)
            add_escaped(out, *p++);
    }
    return buf_add(out, STR("\""));
}

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

void jw_object(struct json_writer *w, const char *key)
{
    open_scope(w, key, true);
}

void jw_array(struct json_writer *w, const char *key)
{
    open_scope(w, key, false);
}

void jw_end(struct json_writer *w)
{
    BUG_ON(w->depth == 0);
    buf_add(w->out, is_in_object(w) ? STR("}") : STR("]"));
    w->depth--;
    w->comma = true;
}

void jw_str(struct json_writer *w, const char *key, struct str s)
{
    begin(w, key);
    json_add_str(w->out, s);
}

void jw_str_c(struct json_writer *w, const char *key, const char *s)
{
    if (s)
        jw_str(w, key, str_c(s));
    else
        jw_null(w, key);
}

void jw_u64(struct json_writer *w, const char *key, uint64_t v)
{
    begin(w, key);
    buf_add_u64(w->out, v);
}

void jw_i64(struct json_writer *w, const char *key, int64_t v)
{
    begin(w, key);
    buf_add_i64(w->out, v);
}

void jw_bool(struct json_writer *w, const char *key, bool v)
{
    begin(w, key);
    buf_add(w->out, v ? STR("true") : STR("false"));
}

void jw_null(struct json_writer *w, const char *key)
{
    begin(w, key);
    buf_add(w->out, STR("null"));
}

void jw_usd(struct json_writer *w, const char *key, nanos amount)
{
    begin(w, key);
    money_add_usd(w->out, amount);
}

void jw_raw(struct json_writer *w, const char *key, struct str json)
{
    begin(w, key);
    buf_add(w->out, json);
}

void jw_raw_str(struct json_writer *w, const char *key, struct str raw)
{
    begin(w, key);
    buf_add(w->out, STR("\""));
    buf_add(w->out, raw);
    buf_add(w->out, STR("\""));
}

enum err jw_finish(struct json_writer *w)
{
    while (w->depth)
        jw_end(w);
    return w->out->failed;
}
