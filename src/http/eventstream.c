#include "http/eventstream.h"

#include "base/codec.h"

enum {
    CRC_BYTES = 4,
    PRELUDE_BYTES = 8 + CRC_BYTES,
    LEAST_BYTES = PRELUDE_BYTES + CRC_BYTES,
    HEADERS_MAX = 128 * 1024, /* as specified */
    TYPE_STRING = 7,
    TEXT_MAX = UINT16_MAX,
};

/* By kind, what is a message of it, and where it has its name. */
static const struct {
    struct str type, name;
} kinds[] = {
    [EVENTSTREAM_EVENT] = {STR_INIT("event"), STR_INIT(":event-type")},
    [EVENTSTREAM_EXCEPTION] = {STR_INIT("exception"), STR_INIT(":exception-type")},
    [EVENTSTREAM_ERROR] = {STR_INIT("error"), STR_INIT(":error-code")},
};

void eventstream_init(struct eventstream *s, size_t message_max)
{
    buf_init(&s->part, message_max);
}

void eventstream_release(struct eventstream *s)
{
    buf_release(&s->part);
}

bool eventstream_is_mid_message(const struct eventstream *s)
{
    return s->part.n > 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

static uint32_t u16_at(struct str s, size_t at)
{
    const uint8_t *p = (const uint8_t *)s.p + at;
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t u32_at(struct str s, size_t at)
{
    return u16_at(s, at) << 16 | u16_at(s, at + 2);
}

/* How long the message is that begins here; of fewer bytes than tell it 0. */
static enum err size_of(const struct eventstream *s, struct str bytes, size_t *out)
{
    *out = 0;
    if (bytes.n < PRELUDE_BYTES)
        return ERR_OK;
    uint32_t size = u32_at(bytes, 0), headers = u32_at(bytes, 4);
    bool is_whole = crc32_ieee(str_head(bytes, 8)) == u32_at(bytes, 8);
    if (!is_whole || size < LEAST_BYTES || headers > size - LEAST_BYTES || headers > HEADERS_MAX)
        return ERR_UPSTREAM;
    *out = size;
    return size <= s->part.max ? ERR_OK : ERR_TOO_BIG;
}

/* The first `n` bytes, cut off; false: there are not so many. */
static bool take(struct str *rest, size_t n, struct str *out)
{
    if (rest->n < n)
        return false;
    *out = str_head(*rest, n);
    *rest = str_skip(*rest, n);
    return true;
}

/* The value of a type, where it is a text; of others nothing. */
static bool take_value(struct str *rest, unsigned type, struct str *out)
{
    static const uint8_t sizes[] = {0, 0, 1, 2, 4, 8, 0, 0, 8, 16}; /* by type; 6, 7: it is told */
    struct str length, value;
    size_t n = type < COUNT_OF(sizes) ? sizes[type] : 0;
    bool is_told = type == TYPE_STRING || type == TYPE_STRING - 1;
    if (type >= COUNT_OF(sizes) || (is_told && !take(rest, 2, &length)))
        return false;
    if (!take(rest, is_told ? u16_at(length, 0) : n, &value))
        return false;
    *out = type == TYPE_STRING ? value : STR_NONE;
    return true;
}

static bool take_header(struct str *rest, struct str *name, struct str *value)
{
    struct str length, type;
    return take(rest, 1, &length) && take(rest, (uint8_t)length.p[0], name) &&
           take(rest, 1, &type) && take_value(rest, (uint8_t)type.p[0], value);
}

struct told {
    struct str type, names[COUNT_OF(kinds)], message;
};

static void note(struct told *t, struct str name, struct str value)
{
    if (str_eq(name, STR(":message-type")))
        t->type = value;
    else if (str_eq(name, STR(":error-message")))
        t->message = value;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_eq(name, kinds[i].name))
            t->names[i] = value;
    }
}

static enum err dispatch(struct str message, eventstream_fn *fn, void *user)
{
    struct str all = str_head(message, message.n - CRC_BYTES), name, value;
    struct str headers = str_head(str_skip(message, PRELUDE_BYTES), u32_at(message, 4));
    struct eventstream_event e = {.data = str_skip(all, PRELUDE_BYTES + headers.n)};
    struct told told = {.type = STR_NONE};
    if (crc32_ieee(all) != u32_at(message, all.n))
        return ERR_UPSTREAM;
    while (headers.n) {
        if (!take_header(&headers, &name, &value))
            return ERR_UPSTREAM;
        note(&told, name, value);
    }
    e.message = told.message;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!str_eq(told.type, kinds[i].type))
            continue;
        e.kind = (enum eventstream_kind)i;
        e.name = told.names[i];
        return fn(user, &e);
    }
    return ERR_OK;
}

/* More of the message under way, and no more than that. */
static enum err gather(struct eventstream *s, struct str *bytes, size_t *size)
{
    struct str piece;
    enum err e = size_of(s, buf_view(&s->part), size);
    if (e != ERR_OK)
        return e;
    size_t wanted = (*size ? *size : PRELUDE_BYTES) - s->part.n;
    take(bytes, wanted < bytes->n ? wanted : bytes->n, &piece);
    e = buf_add(&s->part, piece);
    return e == ERR_OK && !*size ? size_of(s, buf_view(&s->part), size) : e;
}

/* The message that is whole by now, lent or joined; p NULL: more has to come. */
static enum err next_message(struct eventstream *s, struct str *bytes, struct str *out)
{
    size_t size = 0;
    bool is_begun = s->part.n > 0;
    *out = STR_NONE;
    enum err e = is_begun ? ERR_OK : size_of(s, *bytes, &size);
    if (e != ERR_OK || (size && take(bytes, size, out)))
        return e;
    e = gather(s, bytes, &size);
    if (e == ERR_OK && size && s->part.n == size)
        *out = buf_view(&s->part);
    return e;
}

/* After an error the owner may have released s, so it is not touched. */
enum err eventstream_feed(struct eventstream *s, struct str bytes, eventstream_fn *fn, void *user)
{
    while (bytes.n) {
        struct str message;
        enum err e = next_message(s, &bytes, &message);
        if (e == ERR_OK && message.p)
            e = dispatch(message, fn, user);
        if (e != ERR_OK)
            return e;
        if (message.p)
            buf_reset(&s->part);
    }
    return ERR_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void add_number(struct buf *out, uint32_t v, unsigned bytes)
{
    while (bytes--) {
        char c = (char)(uint8_t)(v >> 8 * bytes);
        buf_add(out, str_of(&c, 1));
    }
}

static void add_text(struct buf *out, struct str text, unsigned length_bytes)
{
    text = str_head(text, length_bytes == 1 ? UINT8_MAX : TEXT_MAX);
    add_number(out, (uint32_t)text.n, length_bytes);
    buf_add(out, text);
}

static void add_header(struct buf *out, struct str name, struct str value)
{
    add_text(out, name, 1);
    add_number(out, TYPE_STRING, 1);
    add_text(out, value, 2);
}

static void put_u32(struct buf *out, size_t at, size_t v)
{
    for (unsigned i = 0; i < 4; i++)
        out->p[at + i] = (char)(uint8_t)(v >> 8 * (3 - i));
}

static void add_crc(struct buf *out, size_t from)
{
    add_number(out, crc32_ieee(str_skip(buf_view(out), from)), CRC_BYTES);
}

enum err eventstream_add(struct buf *out, const struct eventstream_event *e)
{
    size_t at = out->n;
    bool is_error = e->kind == EVENTSTREAM_ERROR;
    add_number(out, 0, 4);
    add_number(out, 0, 4);
    add_number(out, 0, CRC_BYTES);
    add_header(out, kinds[e->kind].name, e->name);
    add_header(out, is_error ? STR(":error-message") : STR(":content-type"),
               is_error ? e->message : STR("application/json"));
    add_header(out, STR(":message-type"), kinds[e->kind].type);
    size_t payload = out->n;
    buf_add(out, e->data);
    if (out->failed != ERR_OK)
        return out->failed;
    put_u32(out, at, out->n - at + CRC_BYTES);
    put_u32(out, at + 4, payload - at - PRELUDE_BYTES);
    put_u32(out, at + 8, crc32_ieee(str_head(str_skip(buf_view(out), at), 8)));
    add_crc(out, at);
    return out->failed;
}
