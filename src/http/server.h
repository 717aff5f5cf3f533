/* server.h: HTTP/1.1 for clients of ours. The unit is the stream (one request and its answer), not
 * the connection, so that HTTP/2 can join without its users noticing.
 *
 * The life of a stream, seen from the layer above ("the app"):
 *   on_request(head) --> [body: on_body()*, on_body_end()] --> answer --> released by the server
 *   at any time: on_gone(), the last call: the client left, was too slow, or sent nonsense.
 * An app answers whenever it likes, from on_request on; exactly one answer. What is left of a body
 * when the answer is complete is read and dropped up to a bound, then the connection is closed.
 *
 * Pipelined requests are taken one after the other, so answers are in order. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/buf.h"
#include "http/head.h"
#include "io/conn.h"

struct http_server;
struct http_stream;

struct http_handler {
    void (*on_body)(void *user, struct str bytes); /* decoded; lent */
    void (*on_body_end)(void *user); /* also without a body: then right after on_request */
    /* http_unsent() is zero again, after it had been above zero when looked at. */
    void (*on_drained)(void *user);
    /* ERR_CANCELLED: the client left or takes nothing. Else it was refused: what it is or was told. */
    void (*on_gone)(void *user, enum err why);
    /* May be NULL. The request is complete and the client sends no more: it may wait for the answer
     * with its sending side shut, or may have left; only what is sent to it tells (http_probe()).
     */
    void (*on_half_closed)(void *user);
};

struct http_limits {
    size_t body_max;          /* 413 above, from Content-Length or while reading */
    uint32_t connections_max; /* of this server; more are answered 503 and closed */
    uint32_t head_ms;         /* a head must be complete this long after its first byte: 408 */
    uint32_t body_ms;         /* no byte of a body for this long: 408 */
    uint32_t idle_ms;         /* a connection without a request: closed */
    uint32_t write_ms;        /* a client that takes no byte of an answer for this long: closed */
};

/* One per worker. on_request: `head` and its views live until it returns. It must call
 * http_accept() or answer. */
struct http_server *http_server_new(struct io_loop *l, const struct http_limits *limits,
                                    void (*on_request)(void *app, struct http_stream *s,
                                                       const struct http_head *head),
                                    void *app);
enum { HTTP_REFUSAL_MAX = 1024 }; /* of the lines, and of the body */
struct http_refusal {
    struct http_stream *stream;
    enum err err;
    const char *message;       /* a sentence of printable ASCII, lent */
    bool is_told;              /* the app had accepted the request and has heard on_gone() */
    struct buf *fields, *body; /* empty, with ceilings: complete lines, and a body */
};
/* Writes what an answer of the server's own says (no HTTP, too large, too late, too many connections). Not set: the
 * sentence in JSON, nothing else. */
void http_server_set_refusal(struct http_server *s,
                             void (*write)(void *app, const struct http_refusal *r));
void http_server_set_limits(struct http_server *s, const struct http_limits *limits);
/* Listens; port 0 takes a free one. tls: lent or NULL. */
enum err http_server_listen(struct http_server *s, struct str host, uint16_t port,
                            const struct io_tls *tls, struct fault *f) MUST_USE;
uint16_t http_server_port(const struct http_server *s);
/* Accepts no more; idle connections are closed, busy ones get "Connection: close" and are closed
 * when their answer is complete. `done(user)` is called once when none is left (at once if there
 * is none). */
void http_server_drain(struct http_server *s, void (*done)(void *user), void *user);
/* Closes all connections at once; handlers hear on_gone(). For a drain that took too long. */
void http_server_cut(struct http_server *s);
/* Closes all that is left, without calling handlers. */
void http_server_free(struct http_server *s);
uint32_t http_server_connections(const struct http_server *s);

/* The stream's body and later events go to the handler (static table; user is the app's). */
void http_accept(struct http_stream *s, const struct http_handler *h, void *user);
/* Stops and resumes the reading of the body (backpressure); what one read brought is given out all
 * the same. Sends 100 Continue when first resumed or, if the reading was not stopped within
 * on_request, after that, where the client expects it. */
void http_body_read(struct http_stream *s, bool on);

/* `fields`: complete lines, each ended by CRLF ("Content-Type: application/json\r\n"); no
 * Content-Length, Transfer-Encoding, Connection or Date among them: the server writes those. */

/* A whole answer. A HEAD request gets its head alone. */
void http_respond(struct http_stream *s, int status, struct str fields, const struct str *body,
                  size_t n);
/* An answer in pieces: chunked, or ended by closing the connection for HTTP/1.0. Nothing need
 * leave before the first send or flush. */
void http_begin(struct http_stream *s, int status, struct str fields);
/* Taken at once; one chunk. */
void http_send(struct http_stream *s, const struct str *views, size_t n);
/* Sends now what would else leave at the end of the tick. */
void http_stream_flush(struct http_stream *s);
/* Looking at it asks for on_drained() where it is above zero. */
size_t http_unsent(struct http_stream *s);
/* The answer is complete; the stream is gone from here on (no on_gone). */
void http_finish(struct http_stream *s);
/* The answer cannot be completed: the connection is closed without the last chunk, so that the
 * client sees that it was cut. The stream is gone from here on (no on_gone). */
void http_abort(struct http_stream *s);

/* Where no answer has begun, sends an interim one (102, RFC 2518, 10.1): a client that has left
 * answers with a reset, and one more probe brings on_gone(). Nothing for HTTP/1.0. */
void http_probe(struct http_stream *s);

/* The peer's address without its port. */
struct str http_peer(const struct http_stream *s, char out[IO_ADDRESS_MAX]);
bool http_is_tls(const struct http_stream *s);

#endif
