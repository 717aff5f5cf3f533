/* url.h: base URLs of providers, and query strings (RFC 3986). */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include "base/buf.h"

struct url {
    bool is_tls;          /* https */
    struct str host;      /* IPv6 without brackets */
    uint16_t port;        /* given, or 80 / 443 */
    struct str path;      /* "" or "/v1": never ends in '/' */
    struct str authority; /* for the Host field: "host" or "host:port", as given */
};

/* http or https; no user, no query, no fragment. Views of `text`. The fault says what is wrong
 * with it. */
enum err url_parse(struct str text, struct url *out, struct fault *f) MUST_USE;

/* The first value of `name` in a query string, percent-decoded to the end of `scratch`; p NULL:
 * not there. */
struct str url_query(struct str query, struct str name, struct buf *scratch);
/* A path's segment, percent-decoded to the end of `scratch`; p NULL: no room. */
struct str url_segment(struct str segment, struct buf *scratch);
/* Percent-encoded, so that it stands for itself in a query and in a path's segment. */
void url_add_encoded(struct buf *out, struct str s);
/* "HOST:PORT", "[v6]:PORT" or ":PORT". */
bool url_parse_listen(struct str text, struct str *host, uint16_t *port);

#endif
