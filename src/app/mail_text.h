/* mail_text.h: a mail as it goes over the wire (RFC 5322, MIME): pure. */
#ifndef APP_MAIL_TEXT_H
#define APP_MAIL_TEXT_H

#include "base/buf.h"

struct mail_text {
    struct str from, to; /* bare addresses, ASCII */
    struct str subject;  /* UTF-8, one line */
    struct str text;     /* UTF-8, lines end in \n */
    int64_t id;          /* with created_ms, the Message-ID: the same however often it is sent */
    int64_t created_ms;
};

/* Appends header and body: lines of at most 76 characters that end in CRLF, ASCII only. A single
 * dot at a line's start is left to the transport. */
enum err mail_text_add(struct buf *out, const struct mail_text *m) MUST_USE;

#endif
