/* client.h: HTTP/1.1 to providers: a pool of connections per origin and worker, and calls over
 * them. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "http/head.h"
#include "io/conn.h"

struct http_pool;

struct http_origin {
    struct str host; /* name or address; IPv6 without brackets */
    uint16_t port;
    const struct io_tls *tls; /* lent; NULL: plain */
};

struct http_pool_limits {
    uint32_t connections_max; /* more calls wait in line, first come first served */
    uint32_t waiting_max;     /* more fail with ERR_OVERLOADED */
    uint32_t idle_ms;         /* an unused connection is closed after this */
};

/* Copies the origin's host. */
struct http_pool *http_pool_new(struct io_loop *l, const struct http_origin *o,
                                const struct http_pool_limits *limits);
/* Idle connections close; calls under way are cancelled without callbacks. */
void http_pool_free(struct http_pool *p);

/* One request and its answer. Embedded by its owner; all fields are the client's. Zeroed before
 * first use; may be used again after its end. */
struct http_call;
struct http_call_ops {
    /* A connection is there and the request is under way. */
    void (*on_sent)(struct http_call *c);
    /* The head of the answer (1xx are skipped); views live until it returns. */
    void (*on_head)(struct http_call *c, const struct http_head *head);
    void (*on_body)(struct http_call *c, struct str bytes); /* decoded; lent */
    /* The answer is complete. The call is over. */
    void (*on_end)(struct http_call *c);
    /* It failed; the call is over. ERR_UPSTREAM (refused, reset, cut, not HTTP), ERR_OVERLOADED
     * (no room in the pool), ERR_NOMEM. `why` is a sentence for people and the log: "connection
     * refused". */
    void (*on_fail)(struct http_call *c, enum err e, const char *why);
};
struct http_call {
    const struct http_call_ops *ops;
    struct http_pool *pool;    /* NULL when over */
    struct list link;          /* in the pool's line while waiting */
    struct http_conn *conn;    /* NULL while waiting and when over */
    const struct str *request; /* lent until on_sent or on_fail */
    uint32_t request_n;
    enum err refusal; /* http_call_start() refused it; on_fail is to come */
    bool is_reused;   /* its connection had served another call */
    bool is_sent;     /* on_sent was called; a retry does not call it again */
};

/* Sends a request: views of its whole head and body, lent until on_sent or on_fail (a connection
 * that had been idle and turns out dead before a byte of the answer came is replaced once by a
 * fresh one, so the views must hold until on_head then: they are lent until the first of on_head,
 * on_fail, http_call_cancel). Callbacks never come from inside this call, but for on_sent. */
void http_call_start(struct http_call *c, struct http_pool *p, const struct http_call_ops *ops,
                     const struct str *request, uint32_t n);
/* Stops and resumes the reading of the answer (backpressure); what one read brought is given out
 * all the same. */
void http_call_read(struct http_call *c, bool on);
/* Over at once: the connection is closed, no callback comes. Nothing if it is over already. */
void http_call_cancel(struct http_call *c);
bool http_call_is_over(const struct http_call *c);

struct http_pool_counts {
    uint32_t open, idle, waiting;
};
struct http_pool_counts http_pool_counts(const struct http_pool *p);

#endif
