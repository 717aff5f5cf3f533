/* serving.h: a client's connection and the stream on it; shared by server.c, stream.c,
 * deadline.c and answer.c.
 *
 *     .--- answered, to stay ---.
 *     v                         |
 *   HEAD --- a whole head ---> STREAM --- answered, to close ---> LINGER ---> DEAD
 *     |                                                             ^           ^
 *     '--- refused, drained, the client ended ----------------------'           |
 *   (any: the connection is lost, or the answer cannot be completed) -----------'
 *
 * HTTP/1.1 has one stream at a time, so connection and stream are one struct. Only what is needed
 * between reads is kept: a head is parsed from the bytes of the read, or from `carry` if it came
 * in pieces. */
#ifndef HTTP_SERVING_H
#define HTTP_SERVING_H

#include "base/buf.h"
#include "http/internal.h"
#include "http/server.h"

enum {
    LINGER_MS = 2000,
    LINGER_BYTES = 256 * 1024, /* read and dropped after the answer */
    CARRY_MAX = 256 * 1024,    /* a head and what one read brought behind it fit well */
    UNSENT_MAX = 64 * 1024,    /* of earlier answers, before a pipelined request is taken */
    REFUSED_MAX = 64, /* connections over the limit that are told so; more are just closed */
};

struct http_server {
    struct io_loop *loop;
    struct io_listener *listener;
    struct http_limits limits;
    void (*on_request)(void *app, struct http_stream *s, const struct http_head *head);
    void (*write_refusal)(void *app, const struct http_refusal *r);
    void *app;
    struct list open;  /* all connections */
    struct list ready; /* those to be looked at at the end of the tick */
    uint32_t n;
    bool is_draining, is_tls;
    struct io_hook hook;
    struct io_grave grave;
    void (*done)(void *user);
    void *done_user;
    int64_t date_s; /* the second that `date` tells */
    char date[40];  /* "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" */
};

enum phase { PHASE_HEAD, PHASE_STREAM, PHASE_LINGER, PHASE_DEAD };
enum answer { ANSWER_NONE, ANSWER_BEGUN, ANSWER_DONE };

struct http_stream {
    struct http_server *server; /* NULL: it is gone */
    struct io_conn *io;
    const struct http_handler *handler; /* NULL: not accepted yet, or over */
    void *user;
    struct list link, ready;
    struct io_timer timer;
    struct io_grave grave;
    struct buf carry; /* a part of a head, or pipelined requests */
    struct http_scan scan;
    struct http_body body;
    uint64_t
        since_ms;     /* when the phase began, the head's first byte or the body's last byte came */
    uint64_t written; /* bytes given to io */
    uint64_t left;    /* bytes that had left when last looked at... */
    uint64_t moved_ms; /* ...and since when no more did; says nothing where all of them have */
    size_t at_hand;    /* bytes of this read behind those that are being looked at */
    uint32_t dropped;
    uint8_t phase, answer;
    bool in_head; /* a part of a head is there */
    bool is_held; /* the next request waits until earlier answers have left */
    bool is_running;
    bool is_reading, is_paused;
    bool is_ended;   /* the client sends no more */
    bool is_watched; /* the app waits for on_drained() */
    bool is_head_method, is_http10, keep_alive, expects_continue;
    bool closes; /* the connection closes after this answer */
    bool is_chunked, is_bodyless;
};

/* --- stream.c --- */

/* Takes over the connection; NULL: no memory. */
struct http_stream *http_stream_new(struct http_server *server, struct io_conn *io);
/* Answers with the error, or cuts the answer that is under way; the app is told. Then closes. */
void http_stream_refuse(struct http_stream *s, enum err e, const char *message);
/* The answer is complete: on to the next request, or to the end. */
void http_stream_answered(struct http_stream *s);
/* Sends what is left and our end, then waits a while for the client's. */
void http_stream_linger(struct http_stream *s);
/* The connection is lost: the app is told. */
void http_stream_lose(struct http_stream *s);
/* Closed, without a word to the app. */
void http_stream_die(struct http_stream *s);
/* At the end of the tick in which it was made ready. */
void http_stream_resume(struct http_stream *s);
void http_stream_make_ready(struct http_stream *s);
void http_stream_read_as_wanted(struct http_stream *s);
void http_stream_continue(struct http_stream *s);
bool http_stream_is_idle(const struct http_stream *s);

/* --- deadline.c --- */

bool http_stream_reads_body(const struct http_stream *s);
/* Sets the timer to the earliest of the deadlines that hold now. */
void http_stream_set_timer(struct http_stream *s);
/* The same, and what is waited for begins now. */
void http_stream_wait(struct http_stream *s);
void http_stream_on_due(struct io_timer *t);

/* --- answer.c --- */

/* What a server says that was not told better (http_server_set_refusal()). */
void http_write_refusal(void *app, const struct http_refusal *r);
void http_answer_fault(struct http_stream *s, enum err e, const char *message, bool is_told);
void http_answer_raw(struct http_stream *s, struct str bytes);

/* --- server.c --- */

/* The Date field of now, with its CRLF. */
struct str http_server_date(struct http_server *server);
/* A connection is no more. */
void http_server_forget(struct http_server *server, struct http_stream *s);

#endif
