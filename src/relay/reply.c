#include "relay/reply.h"

#include <stdio.h>

#include "base/codec.h"

enum { ERROR_MAX = 8 * 1024 };

static const char cors[] =
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Expose-Headers: X-Request-Id, X-Generation-Id, Retry-After, "
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset\r\n";

void reply_context_init(struct reply_context *c, uint64_t random, const struct http_head *head)
{
    memcpy(c->request_id, "req-", 4);
    hex_encode(c->request_id + 4, &random, sizeof random);
    c->request_id[4 + 2 * sizeof random] = '\0';
    c->has_origin = head && http_field(head, STR("origin")).p != NULL;
}

void reply_fields_add(struct buf *out, const struct reply_context *c, struct str content_type,
                      struct str more)
{
    buf_add(out, STR("Content-Type: "));
    buf_add(out, content_type);
    buf_add(out, STR("\r\nX-Request-Id: "));
    buf_add_c(out, c->request_id);
    buf_add(out, STR("\r\n"));
    buf_add(out, more);
    if (c->has_origin)
        buf_add(out, str_of(cors, sizeof cors - 1));
}

struct str reply_fields(const struct reply_context *c, struct str content_type, struct str more,
                        char room[REPLY_FIELDS_MAX])
{
    struct buf b = {.p = room, .cap = REPLY_FIELDS_MAX, .max = REPLY_FIELDS_MAX};
    reply_fields_add(&b, c, content_type, more);
    BUG_ON(b.failed != ERR_OK);
    return buf_view(&b);
}

enum err reply_write_error(struct buf *out, const struct fault *f, int status, struct str metadata)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_object(&w, "error");
    jw_i64(&w, "code", status ? status : err_status(f->err));
    jw_str_c(&w, "message", f->message);
    if (metadata.n) {
        jw_raw(&w, "metadata", metadata);
    } else {
        jw_object(&w, "metadata");
        jw_str_c(&w, "error_type", err_type(f->err));
    }
    return jw_finish(&w);
}

void reply_json(struct http_stream *s, const struct reply_context *c, int status, struct str body)
{
    char room[REPLY_FIELDS_MAX];
    http_respond(s, status, reply_fields(c, STR("application/json"), STR_NONE, room), &body, 1);
}

void reply_fault(struct http_stream *s, const struct reply_context *c, const struct fault *f,
                 struct str more_fields)
{
    char text[ERROR_MAX], room[REPLY_FIELDS_MAX];
    struct buf b = {.p = text, .cap = sizeof text, .max = sizeof text};
    reply_write_error(&b, f, 0, STR_NONE);
    struct str body = buf_view(&b);
    http_respond(s, err_status(f->err), reply_fields(c, STR("application/json"), more_fields, room),
                 &body, 1);
}
