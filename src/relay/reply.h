/* reply.h: what every answer bears, and errors as clients know them. */
#ifndef RELAY_REPLY_H
#define RELAY_REPLY_H

#include "dialect/dialect.h"
#include "http/server.h"
#include "json/write.h"

enum { REQUEST_ID_MAX = 24, REPLY_FIELDS_MAX = 1024 };

/* What is kept of a request for its answer and its log line. */
struct reply_context {
    char request_id[REQUEST_ID_MAX];
    bool has_origin; /* a browser asks: CORS fields */
};

/* `head` may be NULL. */
void reply_context_init(struct reply_context *c, uint64_t random, const struct http_head *head);

/* "Content-Type: ...\r\nX-Request-Id: ...\r\n..." into room; `more`: further lines or empty. */
struct str reply_fields(const struct reply_context *c, struct str content_type, struct str more,
                        char room[REPLY_FIELDS_MAX]);
/* The same without a bound of its own, to the end of `out`. */
void reply_fields_add(struct buf *out, const struct reply_context *c, struct str content_type,
                      struct str more);

/* {"error":{"code":..,"message":..,"metadata":{...}}} into `out`. status 0: the fault's own.
 * metadata: raw JSON or empty. */
enum err reply_write_error(struct buf *out, const struct fault *f, int status, struct str metadata);

/* In the format of a client that speaks `d`. */
void reply_failure(struct http_stream *s, const struct reply_context *c, const struct dialect *d,
                   const struct canon_failure *x, struct str more_fields);
/* The gateway's own; the fault's sentence is lent. */
struct canon_failure reply_failure_of(const struct fault *f);

void reply_json(struct http_stream *s, const struct reply_context *c, int status, struct str body);
/* Status, type and sentence of the fault. */
void reply_fault(struct http_stream *s, const struct reply_context *c, const struct fault *f,
                 struct str more_fields);

#endif
