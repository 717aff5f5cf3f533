#include "http/sse.h"

/* What of the event under way still lies in the bytes being fed. It moves into the buffers only
 * when the event turns out to be in pieces. */
struct lent {
    struct str data, name; /* p NULL: not there, or in the buffer */
    sse_event_fn *fn;
    void *user;
};

void sse_init(struct sse *s, size_t event_max)
{
    *s = (struct sse){0};
    buf_init(&s->line, event_max);
    buf_init(&s->data, event_max);
    buf_init(&s->name, event_max);
}

void sse_release(struct sse *s)
{
    buf_release(&s->line);
    buf_release(&s->data);
    buf_release(&s->name);
}

bool sse_is_mid_event(const struct sse *s)
{
    return s->line.n || s->has_data || s->name.n;
}

static enum err on_data(struct sse *s, struct lent *l, struct str value)
{
    if (!s->has_data) {
        s->has_data = true;
        l->data = value;
        return ERR_OK;
    }
    if (l->data.p)
        buf_add(&s->data, l->data);
    l->data = STR_NONE;
    buf_add(&s->data, STR("\n"));
    return buf_add(&s->data, value);
}

static void on_name(struct sse *s, struct lent *l, struct str value)
{
    buf_reset(&s->name);
    l->name = value;
}

/* An empty line: the event is complete. After an error the owner may have released s, so it is not
 * touched. */
static enum err dispatch(struct sse *s, struct lent *l)
{
    if (s->has_data) {
        struct sse_event e = {.name = l->name.p ? l->name : buf_view(&s->name),
                              .data = l->data.p ? l->data : buf_view(&s->data)};
        enum err err = l->fn(l->user, &e);
        if (err != ERR_OK)
            return err;
    }
    s->has_data = false;
    l->data = l->name = STR_NONE;
    buf_reset(&s->data);
    buf_reset(&s->name);
    return ERR_OK;
}

static enum err on_field(struct sse *s, struct lent *l, struct str line)
{
    struct str value = line;
    struct str field = str_cut(&value, ':');
    if (str_starts(value, STR(" ")))
        value = str_skip(value, 1);
    if (!value.p)
        value = str_of(line.p + line.n, 0);
    if (str_eq(field, STR("data")))
        return on_data(s, l, value);
    if (str_eq(field, STR("event")))
        on_name(s, l, value);
    return ERR_OK;
}

static enum err on_line(struct sse *s, struct lent *l, struct str line)
{
    if (line.n > s->line.max)
        return ERR_TOO_BIG;
    if (!s->begun && str_starts(line, STR("\xef\xbb\xbf")))
        line = str_skip(line, 3);
    s->begun = true;
    if (line.n == 0)
        return dispatch(s, l);
    if (line.p[0] == ':') {
        s->comments++;
        return ERR_OK;
    }
    return on_field(s, l, line);
}

/* What must outlive the bytes: before they are given back, and before the line they lie in is. */
static enum err keep(struct sse *s, struct lent *l)
{
    if (l->data.p)
        buf_add(&s->data, l->data);
    if (l->name.p)
        buf_add(&s->name, l->name);
    l->data = l->name = STR_NONE;
    return s->data.failed != ERR_OK ? s->data.failed : s->name.failed;
}

/* A line whose beginning came earlier. */
static enum err on_joined_line(struct sse *s, struct lent *l, struct str rest)
{
    enum err e = buf_add(&s->line, rest);
    if (e == ERR_OK)
        e = on_line(s, l, buf_view(&s->line));
    if (e == ERR_OK)
        e = keep(s, l);
    if (e == ERR_OK)
        buf_reset(&s->line);
    return e;
}

/* Where each kind of line end comes next; looked for again only once it is passed, so that feeding
 * is linear. */
struct ends {
    const char *lf, *cr, *end;
};

static const char *find(char c, const char *at, const char *end)
{
    const char *found = at < end ? memchr(at, c, (size_t)(end - at)) : NULL;
    return found ? found : end;
}

static const char *next_end(struct ends *n, const char *at)
{
    if (n->lf < at)
        n->lf = find('\n', at, n->end);
    if (n->cr < at)
        n->cr = find('\r', at, n->end);
    return n->lf < n->cr ? n->lf : n->cr;
}

static enum err feed_lines(struct sse *s, struct lent *l, struct str bytes)
{
    const char *at = bytes.p, *end = bytes.p + bytes.n;
    struct ends n = {find('\n', at, end), find('\r', at, end), end};
    while (at < end) {
        const char *stop = next_end(&n, at);
        struct str line = str_of(at, (size_t)(stop - at));
        if (stop == end)
            return buf_add(&s->line, line);
        enum err e = s->line.n ? on_joined_line(s, l, line) : on_line(s, l, line);
        if (e != ERR_OK)
            return e;
        at = stop + 1;
        if (*stop != '\r')
            continue;
        if (at == end)
            s->after_cr = true;
        else if (*at == '\n')
            at++;
    }
    return ERR_OK;
}

enum err sse_feed(struct sse *s, struct str bytes, sse_event_fn *fn, void *user)
{
    struct lent l = {.fn = fn, .user = user};
    if (bytes.n == 0)
        return ERR_OK;
    if (s->after_cr && bytes.p[0] == '\n')
        bytes = str_skip(bytes, 1);
    s->after_cr = false;
    enum err e = feed_lines(s, &l, bytes);
    return e == ERR_OK ? keep(s, &l) : e;
}
