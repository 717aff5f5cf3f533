/* pool.h: connections to one origin; shared by client.c (a connection and its call) and pool.c
 * (which call gets which connection).
 *
 *   CONN_OPENING --> CONN_BUSY <--> CONN_IDLE
 *        '---------------+-------------'----> CONN_DEAD
 *
 * A call waits in the pool's line, or has a connection, or is over. */
#ifndef HTTP_POOL_H
#define HTTP_POOL_H

#include "base/buf.h"
#include "http/client.h"
#include "http/internal.h"

enum conn_phase { CONN_OPENING, CONN_BUSY, CONN_IDLE, CONN_DEAD };

struct http_conn {
    struct http_pool *pool;
    struct http_call *call; /* NULL: idle or dead */
    struct io_conn *io;
    struct list link; /* in the pool's idle or busy ones */
    struct io_grave grave;
    struct buf carry; /* a part of a head */
    struct http_scan scan;
    struct http_body body;
    uint64_t idle_since_ms;
    uint32_t served; /* calls so far */
    uint8_t phase;
    bool is_in_body;  /* the head has been given out */
    bool has_answer;  /* a byte of the answer has come */
    bool is_read_off; /* the call wants no bytes now */
    bool is_head_method, keep_alive;
};

struct http_pool {
    struct io_loop *loop;
    struct http_origin origin; /* the host is in `host` */
    struct http_pool_limits limits;
    struct list idle; /* newest first */
    struct list busy;
    struct list waiting; /* calls, oldest first */
    struct list failing; /* calls that http_call_start() refused: told when the timer fires */
    uint32_t open, n_idle, n_waiting;
    bool is_gone;
    struct io_timer timer; /* the oldest idle connection, or now */
    struct io_grave grave;
    char host[];
};

/* --- client.c --- */

/* Opens one for the call. False: no memory. */
bool http_conn_open(struct http_pool *p, struct http_call *c);
/* Sends the call's request over a connection that was idle. */
void http_conn_reuse(struct http_conn *conn, struct http_call *c);
/* Closed, without a word to its call. */
void http_conn_die(struct http_conn *conn);
/* The call is over. */
void http_call_fail(struct http_call *c, enum err e, const char *why);

/* --- pool.c --- */

/* The connection has done its work and can take another call. */
void http_pool_give(struct http_conn *conn);
/* Gives connections to those who wait, as far as there are any. */
void http_pool_serve(struct http_pool *p);

#endif
