/* Requests and responses through the reading that server and client share: whatever the pieces in
 * which a message comes, it means the same or is refused the same way. The first byte: what it is;
 * the second: where it is split. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "http/internal.h"
#include "http_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum err err;
    uint32_t head_n;
    enum http_step step;
    struct buf body;
    size_t rest; /* bytes behind the message */
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void check_view(struct str v, struct str head)
{
    BUG_ON(v.n && (v.p < head.p || v.p + v.n > head.p + head.n));
    BUG_ON(v.n && (memchr(v.p, '\r', v.n) || memchr(v.p, '\n', v.n) || memchr(v.p, 0, v.n)));
}

static enum http_framing check_head(const struct http_head *h, struct str head, bool is_response)
{
    for (uint32_t i = 0; i < h->n; i++) {
        BUG_ON(h->fields[i].name.n == 0);
        check_view(h->fields[i].name, head);
        check_view(h->fields[i].value, head);
    }
    check_view(h->target, head);
    BUG_ON(h->is_chunked && (h->length >= 0 || h->is_http10));
    BUG_ON(!is_response && (h->target.n == 0 || memchr(h->path.p, '?', h->path.n)));
    BUG_ON(is_response && (h->status < 100 || h->status > 999));
    if (h->is_chunked)
        return HTTP_CHUNKED;
    return h->length >= 0 ? HTTP_LENGTH : is_response ? HTTP_TO_EOF : HTTP_NO_BODY;
}

/* Random sizes; seed 0: all at once. */
static size_t piece_size(uint64_t *seed, size_t left)
{
    size_t n = *seed ? next_random(seed) % 20 + 1 : left;
    return n < left ? n : left;
}

static enum err read_head(struct str bytes, bool is_response, uint64_t *seed, struct http_scan *s)
{
    struct fault f;
    enum err e = ERR_MORE;
    *s = (struct http_scan){.is_response = is_response};
    for (size_t n = 0; e == ERR_MORE && n < bytes.n;) {
        n += piece_size(seed, bytes.n - n);
        e = http_scan(s, str_head(bytes, n), &f);
    }
    return e;
}

static void read_body(struct outcome *o, enum http_framing framing, int64_t length,
                      struct str bytes, uint64_t *seed)
{
    struct http_body b;
    http_body_start(&b, framing, length);
    o->step = http_body_is_complete(&b) ? HTTP_STEP_END : HTTP_STEP_MORE;
    while (bytes.n && o->step == HTTP_STEP_MORE) {
        struct str in = str_head(bytes, piece_size(seed, bytes.n)), piece;
        bytes = str_skip(bytes, in.n);
        while (in.n && (o->step == HTTP_STEP_MORE || o->step == HTTP_STEP_PIECE)) {
            const char *why = NULL;
            o->step = http_body_next(&b, &in, &piece, &why);
            BUG_ON(o->step == HTTP_STEP_BAD && !why);
            if (o->step == HTTP_STEP_PIECE)
                buf_add(&o->body, piece);
            if (http_body_is_complete(&b))
                o->step = HTTP_STEP_END;
        }
        if (o->step == HTTP_STEP_PIECE)
            o->step = HTTP_STEP_MORE;
        bytes = str_of(in.p, in.n + bytes.n);
    }
    o->rest = bytes.n;
    BUG_ON(b.got != o->body.n);
}

static struct outcome read_message(struct str bytes, bool is_response, uint64_t seed)
{
    struct outcome o = {.err = ERR_OK};
    struct http_scan s;
    struct fault f;
    buf_init(&o.body, SIZE_MAX / 2);
    o.err = read_head(bytes, is_response, &seed, &s);
    if (o.err != ERR_OK)
        return o;
    struct http_head h;
    o.head_n = s.at;
    BUG_ON(o.head_n > HTTP_HEAD_MAX || o.head_n > bytes.n);
    struct str head = str_head(bytes, o.head_n);
    o.err = http_head_read(&s, head, &h, &f);
    BUG_ON(o.err == ERR_OK && !http_is_same(&s, head, &h));
    if (o.err == ERR_OK)
        read_body(&o, check_head(&h, head, is_response), h.length, str_skip(bytes, o.head_n),
                  &seed);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct str bytes = str_of((const char *)data + 2, size - 2);
    bool is_response = data[0] & 1;
    struct outcome whole = read_message(bytes, is_response, 0);
    struct outcome split = read_message(bytes, is_response, data[1] + 1u);
    BUG_ON(whole.err != split.err || whole.head_n != split.head_n);
    BUG_ON(whole.step != split.step || !str_eq(buf_view(&whole.body), buf_view(&split.body)));
    BUG_ON(whole.step == HTTP_STEP_END && whole.rest != split.rest);
    buf_release(&whole.body);
    buf_release(&split.body);
    return 0;
}
