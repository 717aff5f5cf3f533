#include "store/journal_record.h"

#include <endian.h>

#include "base/codec.h"

enum { VERSION = 1, IS_STREAMED = 1, IS_CANCELLED = 2, IS_ESTIMATED = 4, FLAGS_ALL = 7 };

static const size_t numbers[] = {
    offsetof(struct generation, id),
    offsetof(struct generation, tag),
    offsetof(struct generation, account_id),
    offsetof(struct generation, key_id),
    offsetof(struct generation, created_ms),
    offsetof(struct generation, settled_ms),
    offsetof(struct generation, cost),
    offsetof(struct generation, uncollected),
    offsetof(struct generation, tokens_prompt),
    offsetof(struct generation, tokens_completion),
    offsetof(struct generation, tokens_cached),
    offsetof(struct generation, tokens_cache_write),
    offsetof(struct generation, tokens_reasoning),
    offsetof(struct generation, first_ms),
    offsetof(struct generation, total_ms),
};

static const size_t texts[] = {
    offsetof(struct generation, model),
    offsetof(struct generation, provider),
    offsetof(struct generation, native_model),
    offsetof(struct generation, upstream_id),
    offsetof(struct generation, request_id),
    offsetof(struct generation, finish_reason),
    offsetof(struct generation, native_finish_reason),
    offsetof(struct generation, referer),
    offsetof(struct generation, title),
    offsetof(struct generation, user_agent),
    offsetof(struct generation, external_user),
};

_Static_assert(JOURNAL_PAYLOAD_MIN == 10 + COUNT_OF(numbers) * 8 + COUNT_OF(texts) * 2,
               "the record's size follows from its fields");

/* --- writing --- */

static char *put_u16(char *p, size_t v)
{
    uint16_t le = htole16((uint16_t)v);
    memcpy(p, &le, sizeof le);
    return p + sizeof le;
}

static char *put_u32(char *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static char *put_u64(char *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

/* As much of a text as a record holds, not ending inside a character. */
static struct str text_cut(struct str s)
{
    size_t n = JOURNAL_TEXT_MAX;
    if (s.n <= n)
        return s;
    while (n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return str_head(s, n);
}

static struct str text_of(const struct generation *g, size_t i)
{
    struct str s;
    memcpy(&s, (const char *)g + texts[i], sizeof s);
    return text_cut(s);
}

static char *put_text(char *p, struct str s)
{
    p = put_u16(p, s.n);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

static char *put_payload(char *p, const struct generation *g)
{
    *p++ = VERSION;
    *p++ = (char)((g->is_streamed ? IS_STREAMED : 0) | (g->is_cancelled ? IS_CANCELLED : 0) |
                  (g->is_estimated ? IS_ESTIMATED : 0));
    p = put_u32(p, (uint32_t)g->status);
    p = put_u32(p, (uint32_t)g->attempts);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        uint64_t v;
        memcpy(&v, (const char *)g + numbers[i], sizeof v);
        p = put_u64(p, v);
    }
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        p = put_text(p, text_of(g, i));
    return p;
}

/* Room for the largest record is made before, so that a record goes in whole or not at all. */
enum err journal_encode(const struct generation *g, struct buf *out)
{
    BUG_ON(g->id < 0 || g->cost < 0);
    if (out->cap - out->n < JOURNAL_RECORD_MAX) {
        enum err e = buf_grow(out, JOURNAL_RECORD_MAX);
        if (e != ERR_OK)
            return e;
    }
    char *head = out->p + out->n, *payload = head + JOURNAL_HEAD;
    size_t n = (size_t)(put_payload(payload, g) - payload);
    put_u32(put_u32(head, (uint32_t)n), crc32_ieee(str_of(payload, n)));
    out->n += JOURNAL_HEAD + n;
    return ERR_OK;
}

/* --- reading --- */

static uint16_t get_u16(const char *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return le16toh(v);
}

static uint32_t get_u32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return le32toh(v);
}

static uint64_t get_u64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

/* Takes a text off *rest. */
static bool get_text(struct str *rest, struct generation *g, size_t i)
{
    if (rest->n < 2)
        return false;
    size_t n = get_u16(rest->p);
    *rest = str_skip(*rest, 2);
    if (n > rest->n || n > JOURNAL_TEXT_MAX)
        return false;
    struct str s = str_head(*rest, n);
    memcpy((char *)g + texts[i], &s, sizeof s);
    *rest = str_skip(*rest, n);
    return true;
}

bool journal_decode(struct str payload, struct generation *g)
{
    if (payload.n < JOURNAL_PAYLOAD_MIN || payload.n > JOURNAL_PAYLOAD_MAX)
        return false;
    const char *p = payload.p;
    uint8_t version = (uint8_t)p[0], flags = (uint8_t)p[1];
    if (version != VERSION || flags & ~FLAGS_ALL)
        return false;
    *g = (struct generation){
        .is_streamed = flags & IS_STREAMED,
        .is_cancelled = flags & IS_CANCELLED,
        .is_estimated = flags & IS_ESTIMATED,
        .status = (int32_t)get_u32(p + 2),
        .attempts = (int32_t)get_u32(p + 6),
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        uint64_t v = get_u64(p + 10 + i * 8);
        memcpy((char *)g + numbers[i], &v, sizeof v);
    }
    struct str rest = str_skip(payload, 10 + COUNT_OF(numbers) * 8);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (!get_text(&rest, g, i))
            return false;
    }
    g->record = payload;
    return rest.n == 0 && g->id >= 0 && g->cost >= 0;
}

size_t journal_record_size(const char *p)
{
    return JOURNAL_HEAD + (size_t)get_u32(p);
}

/* The payload of the record at the beginning; p is NULL where there is no whole, sound one. */
static struct str payload_of(struct str bytes)
{
    if (bytes.n < JOURNAL_HEAD + JOURNAL_PAYLOAD_MIN)
        return STR_NONE;
    uint32_t n = get_u32(bytes.p);
    if (n < JOURNAL_PAYLOAD_MIN || n > JOURNAL_PAYLOAD_MAX || n > bytes.n - JOURNAL_HEAD)
        return STR_NONE;
    struct str payload = str_of(bytes.p + JOURNAL_HEAD, n);
    return crc32_ieee(payload) == get_u32(bytes.p + 4) ? payload : STR_NONE;
}

size_t journal_scan(struct str bytes, struct generation *rows, size_t max, size_t *n)
{
    size_t used = 0;
    for (*n = 0; *n < max; (*n)++) {
        struct str payload = payload_of(str_skip(bytes, used));
        if (!payload.p || !journal_decode(payload, &rows[*n]))
            break;
        used += JOURNAL_HEAD + payload.n;
    }
    return used;
}

bool journal_has_record_within(struct str bytes)
{
    struct generation g;
    for (size_t at = 1; at + JOURNAL_HEAD + JOURNAL_PAYLOAD_MIN <= bytes.n; at++) {
        struct str payload = payload_of(str_skip(bytes, at));
        if (payload.p && journal_decode(payload, &g))
            return true;
    }
    return false;
}
