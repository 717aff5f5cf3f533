#include "store/journal_record.h"

#include <endian.h>

#include "base/codec.h"

enum { VERSION = 2, IS_STREAMED = 1, IS_CANCELLED = 2, IS_ESTIMATED = 4, FLAGS_ALL = 7 };

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

/* --- writing --- */

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

/* Seven bits a byte, the lowest first; a set top bit says that there is more. */
static char *put_varint(char *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (char)(v | 0x80);
    *p++ = (char)v;
    return p;
}

/* Small numbers of either sign take few bytes: 0, -1, 1, -2... */
static char *put_number(char *p, int64_t v)
{
    return put_varint(p, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

/* A later time, where it is given beside an earlier one. */
static int64_t difference(int64_t later, int64_t earlier)
{
    return (int64_t)((uint64_t)later - (uint64_t)earlier);
}

static char *put_numbers(char *p, const struct generation *g)
{
    p = put_number(p, g->status);
    p = put_number(p, g->attempts);
    p = put_number(p, g->account_id);
    p = put_number(p, g->key_id);
    p = put_number(p, g->created_ms);
    p = put_number(p, difference(g->settled_ms, g->created_ms));
    p = put_number(p, g->cost);
    p = put_number(p, g->uncollected);
    p = put_varint(p, g->tokens_prompt);
    p = put_varint(p, g->tokens_completion);
    p = put_varint(p, g->tokens_cached);
    p = put_varint(p, g->tokens_cache_write);
    p = put_varint(p, g->tokens_reasoning);
    p = put_number(p, g->first_ms);
    return put_number(p, g->total_ms);
}

static char *put_text(char *p, struct str s)
{
    p = put_varint(p, s.n);
    if (s.n)
        memcpy(p, s.p, s.n);
    return p + s.n;
}

static char *put_payload(char *p, const struct generation *g)
{
    *p++ = VERSION;
    *p++ = (char)((g->is_streamed ? IS_STREAMED : 0) | (g->is_cancelled ? IS_CANCELLED : 0) |
                  (g->is_estimated ? IS_ESTIMATED : 0));
    p = put_u64(put_u64(p, (uint64_t)g->id), g->tag);
    p = put_numbers(p, g);
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

/* What is left of a payload; p is NULL once something was not as it is written. */
static bool fail(struct str *rest)
{
    *rest = STR_NONE;
    return false;
}

/* Only the shortest form of a number is one: what is read would be written again as it stands. */
static bool take_varint(struct str *rest, uint64_t *v)
{
    *v = 0;
    for (size_t i = 0; i < rest->n && i < 10; i++) {
        uint64_t byte = (uint8_t)rest->p[i];
        *v |= (byte & 0x7f) << 7 * i;
        if (byte & 0x80)
            continue;
        if ((byte == 0 && i) || (i == 9 && byte > 1))
            return fail(rest);
        *rest = str_skip(*rest, i + 1);
        return true;
    }
    return fail(rest);
}

static uint64_t take_count(struct str *rest)
{
    uint64_t v;
    if (rest->n && (uint8_t)rest->p[0] < 0x80) { /* most are small */
        v = (uint8_t)rest->p[0];
        *rest = str_of(rest->p + 1, rest->n - 1);
        return v;
    }
    return take_varint(rest, &v) ? v : 0;
}

static int64_t take_number(struct str *rest)
{
    uint64_t v = take_count(rest);
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

static int32_t take_i32(struct str *rest)
{
    int64_t v = take_number(rest);
    if (v < INT32_MIN || v > INT32_MAX)
        fail(rest);
    return (int32_t)v;
}

static void take_numbers(struct str *rest, struct generation *g)
{
    g->status = take_i32(rest);
    g->attempts = take_i32(rest);
    g->account_id = take_number(rest);
    g->key_id = take_number(rest);
    g->created_ms = take_number(rest);
    g->settled_ms = (int64_t)((uint64_t)g->created_ms + (uint64_t)take_number(rest));
    g->cost = take_number(rest);
    g->uncollected = take_number(rest);
    g->tokens_prompt = take_count(rest);
    g->tokens_completion = take_count(rest);
    g->tokens_cached = take_count(rest);
    g->tokens_cache_write = take_count(rest);
    g->tokens_reasoning = take_count(rest);
    g->first_ms = take_number(rest);
    g->total_ms = take_number(rest);
}

/* The i-th text, n bytes at the beginning of *rest. */
static bool take_text(struct str *rest, size_t n, struct generation *g, size_t i)
{
    if (!rest->p || n > rest->n || n > JOURNAL_TEXT_MAX)
        return fail(rest);
    struct str s = str_head(*rest, n);
    memcpy((char *)g + texts[i], &s, sizeof s);
    *rest = str_skip(*rest, n);
    return true;
}

static void take_payload(struct str *rest, struct generation *g)
{
    g->id = (int64_t)get_u64(rest->p);
    g->tag = get_u64(rest->p + 8);
    *rest = str_skip(*rest, 16);
    take_numbers(rest, g);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        size_t n = take_count(rest);
        if (!take_text(rest, n, g, i))
            return;
    }
}

/* --- version 1, as journals and blocks of older databases have it: numbers of fixed size --- */

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

enum { PAYLOAD_1_MIN = 10 + COUNT_OF(numbers) * 8 + COUNT_OF(texts) * 2 };

static void take_payload_1(struct str *rest, struct generation *g)
{
    if (rest->n + 2 < PAYLOAD_1_MIN) {
        fail(rest);
        return;
    }
    g->status = (int32_t)get_u32(rest->p);
    g->attempts = (int32_t)get_u32(rest->p + 4);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        uint64_t v = get_u64(rest->p + 8 + i * 8);
        memcpy((char *)g + numbers[i], &v, sizeof v);
    }
    *rest = str_skip(*rest, 8 + COUNT_OF(numbers) * 8);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        size_t n = rest->n >= 2 ? get_u16(rest->p) : SIZE_MAX;
        *rest = str_skip(*rest, 2);
        if (!take_text(rest, n, g, i))
            return;
    }
}

/* --- reading records --- */

bool journal_decode(struct str payload, struct generation *g)
{
    if (payload.n < JOURNAL_PAYLOAD_MIN || payload.n > JOURNAL_PAYLOAD_MAX)
        return false;
    uint8_t version = (uint8_t)payload.p[0], flags = (uint8_t)payload.p[1];
    if (version < 1 || version > VERSION || flags & ~FLAGS_ALL)
        return false;
    *g = (struct generation){
        .is_streamed = flags & IS_STREAMED,
        .is_cancelled = flags & IS_CANCELLED,
        .is_estimated = flags & IS_ESTIMATED,
        .record = payload,
    };
    struct str rest = str_skip(payload, 2);
    if (version == 1)
        take_payload_1(&rest, g);
    else
        take_payload(&rest, g);
    return rest.p && rest.n == 0 && g->id >= 0 && g->cost >= 0;
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
