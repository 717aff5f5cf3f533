/* head.h: the head of an HTTP/1.1 message as views (RFC 9112), and how strictly it is read.
 *
 * Refused, whatever others would allow: a bare LF or CR, obs-fold, NUL, white space
 * before a colon, two Content-Length fields or one that is no number, Transfer-Encoding beside
 * Content-Length, a Transfer-Encoding other than chunked, a head over HTTP_HEAD_MAX, more than
 * HTTP_FIELDS_MAX fields, no Host in HTTP/1.1 or two of them. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/err.h"

enum { HTTP_HEAD_MAX = 32 * 1024, HTTP_FIELDS_MAX = 100 };

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER
};
const char *http_method_name(enum http_method m);

struct http_field {
    struct str name, value; /* value without white space around it */
};

struct http_head {
    enum http_method method; /* requests */
    struct str target;       /* as it came: "/v1/models?x=1" */
    struct str path, query;  /* of the target; query without its '?' */
    int status;              /* responses */
    int64_t length;          /* Content-Length, or -1 */
    bool is_chunked, is_http10, keep_alive, expects_continue;
    uint32_t n;
    struct http_field fields[HTTP_FIELDS_MAX];
};

/* The first field of that name (any case), or STR_NONE. */
struct str http_field(const struct http_head *h, struct str name);

const char *http_reason(int status); /* "Not Found" */

#endif
