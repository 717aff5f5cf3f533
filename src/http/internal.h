/* internal.h: what server and client share: reading heads and bodies. Used inside this folder, and
 * by its tests. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "http/head.h"

/* --- scan.c: finds the end of a head and refuses what is not well formed, line by line --- */

struct http_scan {
    uint32_t at;    /* the beginning of the first line that is not complete yet */
    uint16_t lines; /* complete ones */
    uint16_t method_n, target_n;
    bool is_response;
};

/* `bytes` begin where the head begins, also when called again with more of them. ERR_OK: complete,
 * s->at bytes long. ERR_MORE: not complete. Else refused, and the fault says why. */
enum err http_scan(struct http_scan *s, struct str bytes, struct fault *f) MUST_USE;

/* --- parse.c and head.c: a scanned head as fields, and what they mean --- */

/* Fills fields and n of `out`. */
enum err http_parse(const struct http_scan *s, struct str head, struct http_head *out,
                    struct fault *f) MUST_USE;
/* All of `out`; the views are of `head`, which is complete and was scanned. */
enum err http_head_read(const struct http_scan *s, struct str head, struct http_head *out,
                        struct fault *f) MUST_USE;

/* --- body.c: the bytes of a body out of their framing --- */

enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED, HTTP_TO_EOF };

struct http_body {
    uint64_t left;  /* of the body, or of the chunk */
    uint64_t got;   /* decoded bytes so far */
    uint16_t extra; /* bytes of extensions and trailers so far */
    uint8_t framing, state, digits;
};

enum http_step { HTTP_STEP_MORE, HTTP_STEP_PIECE, HTTP_STEP_END, HTTP_STEP_BAD };

void http_body_start(struct http_body *b, enum http_framing framing, int64_t length);
bool http_body_is_complete(const struct http_body *b);
/* Takes from the front of *in what makes the next piece. MORE: *in is used up. BAD: *why is a
 * sentence. */
enum http_step http_body_next(struct http_body *b, struct str *in, struct str *piece,
                              const char **why);

#endif
