/* internal.h: what the files of this folder share. The only header that names libuv. */
#ifndef IO_INTERNAL_H
#define IO_INTERNAL_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/buf.h"
#include "io/conn.h"

/* --- timer.c: a 4-ary heap of deadlines; no clock of its own, so that tests can own it --- */

enum { TIMERS_MAX = 1 << 20 };

struct timer_slot {
    uint64_t at_ms; /* the timer's queued_ms, here so that sifting stays in the array */
    struct io_timer *t;
};

struct timers {
    struct timer_slot *slots; /* address space for TIMERS_MAX, so that setting one cannot fail */
    uint32_t n;
    bool is_running;
    uint64_t now_ms; /* while running */
};

bool timers__init(struct timers *q);
void timers__release(struct timers *q);
void timers__set(struct timers *q, struct io_timer *t, uint64_t due_ms);
void timers__clear(struct timers *q, struct io_timer *t);
/* When to look again; UINT64_MAX: never. */
uint64_t timers__next(const struct timers *q);
void timers__run(struct timers *q, uint64_t now_ms);

/* --- out.c: bytes on their way out, in chunks from the loop's spares --- */

struct chunk {
    struct chunk *next;
    size_t sent, n, cap;
    char bytes[];
};

struct outq {
    struct chunk *head, *tail;
    size_t bytes; /* unsent */
};

struct spares {
    struct chunk *first;
    unsigned n;
};

enum {
    CHUNK_ROOM =
        16 * 1024 - sizeof(struct chunk), /* of a spare one; bigger ones are made to measure */
    SPARES_MAX = 256,
    OUT_VIEWS = 16, /* chunks that one system call takes */
};

/* Copies; `more` is how much is known to follow in further calls. False: no memory. */
bool outq__add(struct outq *q, struct spares *s, struct str bytes, size_t more);
unsigned outq__views(const struct outq *q, uv_buf_t views[OUT_VIEWS]);
/* Its first chunks, at most OUT_VIEWS of them. */
struct outq outq__take(struct outq *q);
void outq__consume(struct outq *q, struct spares *s, size_t n);
void outq__drop(struct outq *q, struct spares *s);
/* Moves what is unsent into chunks of its own size: it will stay for a while. */
void outq__fit(struct outq *q, struct spares *s);
void spares__release(struct spares *s);

/* --- loop.c --- */

enum { INPUT_ROOM = 64 * 1024 };

struct io_loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* the end of the tick: after all callbacks, before the loop waits */
    uv_async_t wake;
    uv_timer_t alarm;
    uint64_t alarm_ms; /* when the alarm rings; UINT64_MAX: not set */
    struct timers timers;
    _Atomic(struct io_post *) posts; /* newest first */
    struct list hooks;
    struct list dirty; /* connections that need conn__service() */
    unsigned burst;    /* how many of them, the last ones, have not been flushed since they came */
    struct io_grave *graves;
    struct spares spares;
    char *input;     /* INPUT_ROOM bytes, lent to one read at a time */
    char *decrypted; /* the same for what TLS makes of it */
};

/* Calls out of this folder go through DISPATCH, so that a debug build can tell who holds the loop.
 * */
#ifdef DEBUG
struct watch {
    uint64_t wall_ns, cpu_ns;
    long waits;
};
void watch__begin(struct watch *w);
void watch__end(const struct watch *w, const char *what);
#define DISPATCH(what, call)                                                                       \
    do {                                                                                           \
        struct watch watch_;                                                                       \
        watch__begin(&watch_);                                                                     \
        call;                                                                                      \
        watch__end(&watch_, what);                                                                 \
    } while (0)
#else
#define DISPATCH(what, call) (call)
#endif

/* --- conn.c --- */

enum conn_state { CONN_CONNECTING, CONN_OPEN, CONN_CLOSED };

struct flight;
struct dial;
struct tls;

struct io_conn {
    uv_tcp_t tcp;
    struct io_loop *loop;
    const struct io_conn_ops *ops;
    void *user;
    struct list dirty;
    struct io_grave grave;
    struct outq out;       /* as it shall be on the wire */
    struct flight *flight; /* what libuv is waiting to write; then `out` waits behind it */
    struct dial *dial;     /* while an outgoing connection is not open */
    struct tls *tls;       /* NULL: plain */
    uint8_t state;         /* enum conn_state */
    uint8_t failed;        /* enum err: dead, though not yet closed */
    bool is_wired;         /* TCP is connected */
    bool is_reading;       /* libuv reads for us */
    bool wants_read;       /* the owner reads */
    bool is_ended;         /* no more bytes come from the peer */
    bool is_told;          /* on_end() was called for `failed` */
    bool owes_drained;     /* something was queued: on_drained() when it has left */
    bool is_shut;          /* io_shutdown() was called */
    bool is_fin_sent;
};

struct io_conn *conn__new(struct io_loop *l); /* CONNECTING, not wired, without a socket */
void conn__mark(struct io_conn *c);           /* conn__service() at the end of the tick */
void conn__service(struct io_conn *c);
void conn__read_as_wanted(struct io_conn *c);
void conn__wired(struct io_conn *c);
void conn__flush(struct io_conn *c);
/* Dead: the owner is told at the end of the tick, in on_end(). */
void conn__fail(struct io_conn *c, enum err e);
void conn__tell_failure(struct io_conn *c);
void conn__tell_end(struct io_conn *c);
void conn__on_closed(uv_handle_t *h);

/* --- dial.c --- */

/* A peer that does not answer must not keep us from its other addresses. Tests have less patience.
 * */
extern uint32_t dial__patience_ms;

/* Opened (e is ERR_OK) or not: then closes and tells the owner why. */
void dial__done(struct io_conn *c, enum err e, const char *why);
void dial__service(struct io_conn *c);
/* TCP is gone though the connection was not closed: on to the next address. */
void dial__next(struct io_conn *c);
void dial__cancel(struct io_conn *c);
void dial__free(struct io_conn *c);

/* --- listen.c --- */

struct io_listener {
    uv_poll_t poll;
    struct io_loop *loop;
    int fd;
    uint16_t port;
    bool is_closed;
    const struct io_tls *tls;
    void (*on_accept)(void *user, struct io_conn *c);
    void *user;
    struct list handshakes; /* accepted, TLS not yet established */
    struct io_timer pause;  /* no descriptors left: try again later */
    struct io_grave grave;
};

/* --- tls_conn.c: the filter between a connection and its owner --- */

/* False: no memory. `host` is NULL for a server. */
bool tls__attach(struct io_conn *c, const struct io_tls *t, const char *host, uint16_t port);
/* The server's side: on_accept() is called when the handshake is done. */
void tls__await_accept(struct io_conn *c, struct io_listener *s);
/* Closes those that still wait. */
void tls__abandon(struct list *handshakes);
void tls__start(struct io_conn *c);
void tls__input(struct io_conn *c, struct str bytes);
void tls__eof(struct io_conn *c);
bool tls__is_established(const struct tls *t);
/* Gives out what came while the owner did not read, if it reads now. */
void tls__resume(struct io_conn *c);
struct outq *tls__plain(struct tls *t);
size_t tls__unsent(const struct tls *t);
/* Encrypts a part of what was written into c->out; behind the last of it goes our end, where that
 * was asked for. */
void tls__encrypt(struct io_conn *c);
void tls__detach(struct io_conn *c);
void tls__free(struct io_conn *c);

/* --- tls.c, session.c --- */

struct sessions;

struct io_tls {
    pthread_mutex_t lock; /* of ctx: one thread may renew it while others begin connections */
    SSL_CTX *ctx;
    struct sessions *sessions; /* NULL for a server */
};

struct sessions *sessions__new(void);
void sessions__free(struct sessions *s);
/* Counted up for the caller; NULL: none. */
SSL_SESSION *sessions__find(struct sessions *s, const char *key);
/* Takes the session. */
void sessions__keep(struct sessions *s, const char *key, SSL_SESSION *session);
/* Holds its context by itself; NULL: no memory. */
SSL *tls__ssl_new(const struct io_tls *t);
/* The last error of OpenSSL in this thread, in words. */
const char *tls__error_text(void);
/* The key under which an SSL's sessions are kept. */
const char *tls__session_key(const SSL *ssl);

#endif
