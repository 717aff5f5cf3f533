/* sse.h: Server-Sent Events, read in pieces (WHATWG HTML, 9.2.5-9.2.6): CR, LF and CRLF end lines,
 * anywhere split; a leading byte order mark is skipped; comments are counted, not given out. An
 * event that lies whole in the bytes fed and has one data line is lent from them without a copy. */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include "base/buf.h"

struct sse_event {
    struct str name; /* "event:" field, or empty */
    struct str data; /* data lines joined by LF */
};

/* ERR_OK: go on. Anything else ends sse_feed() with it. */
typedef enum err sse_event_fn(void *user, const struct sse_event *e);

struct sse {
    struct buf line; /* the part of a line that came so far */
    struct buf data; /* data lines of an event that came in pieces */
    struct buf name;
    bool has_data, after_cr, begun;
    uint32_t comments;
};

void sse_init(struct sse *s, size_t event_max); /* an event over event_max bytes is ERR_TOO_BIG */
void sse_release(struct sse *s);
enum err sse_feed(struct sse *s, struct str bytes, sse_event_fn *fn, void *user) MUST_USE;
/* Whether bytes of an unfinished event are held: a stream that ends so was cut. */
bool sse_is_mid_event(const struct sse *s);

#endif
