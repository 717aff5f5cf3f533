/* conn.h: byte streams: TCP, or TLS over TCP, behind the same calls.
 *
 *   CONNECTING --> OPEN --> CLOSED
 *        |                    ^
 *        '--------------------'
 *
 * Reading starts off: io_read(c, true) turns it on. Bytes read are lent for the call. Bytes written
 * are taken (copied) at once; they go out at io_flush() or at the end of the tick, in order. A
 * caller that must not queue without bound looks at io_unsent() and waits for on_drained(). */
#ifndef IO_CONN_H
#define IO_CONN_H

#include "io/loop.h"
#include "io/tls.h"

struct io_conn;
struct io_listener;

struct io_conn_ops {
    /* Connected (and the TLS handshake done), or not: then `why` is a sentence, the connection is
     * closed and no other callback comes. Only for io_connect(), never from inside it. */
    void (*on_open)(void *user, enum err e, const char *why);
    void (*on_bytes)(void *user, struct str bytes);
    /* No more bytes will come. ERR_OK: the peer ended in order (it may still read: half closed);
     * else the connection is dead, both ways (this may follow the first). The owner calls
     * io_close(). */
    void (*on_end)(void *user, enum err e);
    /* Nothing is unsent any more. Once after writes that left io_unsent() above zero, however soon
     * they went out: at the end of that tick or later, never from inside another call. */
    void (*on_drained)(void *user);
};

/* The ops are lent for good (static tables). */
struct io_conn *io_connect(struct io_loop *l, struct str host, uint16_t port,
                           const struct io_tls *tls /* NULL: plain */,
                           const struct io_conn_ops *ops,
                           void *user); /* NULL: no memory; all else arrives at on_open */
void io_conn_set_user(struct io_conn *c, const struct io_conn_ops *ops, void *user);

void io_read(struct io_conn *c, bool on);
/* Takes the bytes, from the beginning of a connection until io_shutdown(). False: the connection is
 * dead or memory is out; on_end follows. */
bool io_write(struct io_conn *c, const struct str *views, size_t n);
void io_flush(struct io_conn *c);
size_t io_unsent(const struct io_conn *c);
/* Sends what is left, then our end (FIN); reading goes on. */
void io_shutdown(struct io_conn *c);
/* No callback comes any more; what is unsent is dropped. The memory goes at the end of the tick. */
void io_close(struct io_conn *c);
/* The same, and the peer sees a reset (RST) where it can be had: what it got cannot pass for whole.
 */
void io_reset(struct io_conn *c);

enum { IO_ADDRESS_MAX = 64 };
/* The peer as "127.0.0.1:80" or "[::1]:80". */
struct str io_peer(const struct io_conn *c, char out[IO_ADDRESS_MAX]);
struct io_loop *io_conn_loop(const struct io_conn *c);

/* A listener on this loop; several loops may listen on one port (SO_REUSEPORT) and the kernel
 * spreads connections. Port 0 takes a free one: io_listener_port() tells which. tls: lent; NULL:
 * plain. on_accept owns the connection: it calls io_conn_set_user() and io_read(), or io_close().
 * With TLS it is called after the handshake. NULL and a sentence: could not listen. */
struct io_listener *io_listen(struct io_loop *l, struct str host, uint16_t port,
                              const struct io_tls *tls,
                              void (*on_accept)(void *user, struct io_conn *c), void *user,
                              struct fault *f);
/* Whether a process may begin to listen there. The kernel would let two processes of one user share
 * the port as it lets loops, and each would get half of the connections: so this is asked once,
 * before the first io_listen(). */
enum err io_port_check(struct str host, uint16_t port, struct fault *f) MUST_USE;
uint16_t io_listener_port(const struct io_listener *s);
void io_listener_close(struct io_listener *s);

#endif
