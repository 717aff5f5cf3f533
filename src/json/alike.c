#include "json/alike.h"

#include <stdlib.h>

#include "json/text.h"

enum { LEARN_MAX = 4 }; /* in a row without use */

void alike_release(struct alike *a)
{
    free(a->parts);
    *a = (struct alike){0};
}

static void forget(struct alike *a)
{
    free(a->parts);
    a->parts = NULL;
}

/* --- learning ---------------------------------------------------------------------------------- */

/* The parts of a text around strings whose contents begin at `at`; false: they do not stand in it one
 * behind the other. */
static bool cut(struct str text, const size_t *at, const struct json *strings, size_t n,
                struct str *parts)
{
    size_t done = 0;
    for (size_t i = 0; i < n; i++) {
        if (at[i] < done || at[i] > text.n)
            return false;
        parts[i] = str_of(text.p + done, at[i] - done);
        done = at[i] + json_raw_str(strings[i]).n;
    }
    parts[n] = str_skip(text, done);
    return true;
}

/* Returns where the next are to go. */
static char *lay(char *to, const struct str *parts, size_t n, uint16_t *sizes)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(to, parts[i].p, parts[i].n);
        sizes[i] = (uint16_t)parts[i].n;
        to += parts[i].n;
    }
    return to;
}

static void keep(struct alike *a, const struct str *in, const struct str *out, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += in[i].n + out[i].n;
    a->parts = size <= ALIKE_BYTES_MAX ? malloc(size) : NULL;
    if (!a->parts)
        return;
    lay(lay(a->parts, in, n, a->in), out, n, a->out);
    a->strings_n = (uint8_t)(n - 1);
}

void alike_learn(struct alike *a, struct splice *s, struct str result, const struct json *strings,
                 size_t n)
{
    size_t come[ALIKE_STRINGS_MAX], go[ALIKE_STRINGS_MAX];
    struct str in[ALIKE_STRINGS_MAX + 1], out[ALIKE_STRINGS_MAX + 1];
    BUG_ON(n == 0 || n > ALIKE_STRINGS_MAX);
    forget(a);
    if (a->learnt == LEARN_MAX)
        return;
    a->learnt++;
    for (size_t i = 0; i < n; i++) {
        size_t stays = splice_where(s, strings[i]);
        if (!json_is(strings[i], JSON_STRING) || stays == SPLICE_NOWHERE)
            return;
        come[i] = (size_t)(json_raw_str(strings[i]).p - s->text.p);
        go[i] = stays + 1;
    }
    if (cut(s->text, come, strings, n, in) && cut(result, go, strings, n, out))
        keep(a, in, out, n + 1);
}

/* --- knowing again ----------------------------------------------------------------------------- */

/* The content of the string that begins the text, up to its quote; nothing: it is none. */
static struct str content_of(struct str text)
{
    const char *p = text.p, *end = text.p + text.n;
    bool escaped;
    for (;;) {
        p = text__skip_common(p, end, &escaped);
        if (p == end)
            return STR_NONE;
        if (*p == '"')
            return str_of(text.p, (size_t)(p - text.p));
        unsigned n = *p == '\\' ? text__escape(p, end) : text__utf8(p, end);
        if (n == 0)
            return STR_NONE;
        p += n;
    }
}

bool alike_read(struct alike *a, struct str text, struct str held[ALIKE_STRINGS_MAX])
{
    const char *part = a->parts;
    if (!part)
        return false;
    for (size_t i = 0; i < a->strings_n; part += a->in[i++]) {
        if (!str_eq(str_head(text, a->in[i]), str_of(part, a->in[i])))
            return false;
        text = str_skip(text, a->in[i]);
        held[i] = content_of(text);
        if (held[i].n == 0)
            return false;
        text = str_skip(text, held[i].n);
    }
    if (!str_eq(text, str_of(part, a->in[a->strings_n])))
        return false;
    a->learnt = 0;
    return true;
}

enum err alike_write(const struct alike *a, const struct str held[ALIKE_STRINGS_MAX],
                     struct buf *out)
{
    const char *part = a->parts;
    for (size_t i = 0; i <= a->strings_n; i++)
        part += a->in[i];
    for (size_t i = 0; i < a->strings_n; part += a->out[i++]) {
        buf_add(out, str_of(part, a->out[i]));
        buf_add(out, held[i]);
    }
    return buf_add(out, str_of(part, a->out[a->strings_n]));
}
