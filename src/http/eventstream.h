/* eventstream.h: AWS's event streams (application/vnd.amazon.eventstream), read in pieces and
 * written. A message is
 *
 *     length of all, length of headers, CRC-32 of these two | headers | payload | CRC-32 of all before
 *
 * with numbers of four bytes, the highest first; a header is its name behind a byte that tells its
 * length, a byte for its type, and its value. Both checksums are checked, the first before a length
 * is believed. A message that lies whole in the bytes fed is lent from them without a copy.
 * Sources: Amazon Transcribe Developer Guide, "Event stream encoding"; Smithy, "Amazon Event Stream
 * Specification" (`:message-type` and its like). */
#ifndef HTTP_EVENTSTREAM_H
#define HTTP_EVENTSTREAM_H

#include "base/buf.h"

enum eventstream_kind {
    EVENTSTREAM_EVENT,     /* name: its `:event-type` */
    EVENTSTREAM_EXCEPTION, /* name: its `:exception-type`; of those that the service documents */
    EVENTSTREAM_ERROR, /* name: its `:error-code`; of the machinery below, in place of an answer */
};

struct eventstream_event {
    enum eventstream_kind kind;
    struct str name;
    struct str data;    /* the payload */
    struct str message; /* of an error: what it says */
};

/* ERR_OK: go on. Anything else ends eventstream_feed() with it. */
typedef enum err eventstream_fn(void *user, const struct eventstream_event *e);

struct eventstream {
    struct buf part; /* the part of a message that came so far; its ceiling is a message's */
};

void eventstream_init(struct eventstream *s, size_t message_max); /* at least 16 */
void eventstream_release(struct eventstream *s);
/* ERR_TOO_BIG: a message over the ceiling; ERR_UPSTREAM: bytes that are no such stream. Messages of
 * a type that nobody knows are passed over. */
enum err eventstream_feed(struct eventstream *s, struct str bytes, eventstream_fn *fn,
                          void *user) MUST_USE;
/* Whether bytes of an unfinished message are held: a stream that ends so was cut. */
bool eventstream_is_mid_message(const struct eventstream *s);

/* Appends a message whose payload is JSON; of an error, whose words are `message`. Names and
 * messages up to 65535 bytes. */
enum err eventstream_add(struct buf *out, const struct eventstream_event *e);

#endif
