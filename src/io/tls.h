/* tls.h: what a TLS connection needs (OpenSSL 3): ours as a server, or trust in providers as a
 * client. Shared by threads; nothing of it changes but by io_tls_renew(). */
#ifndef IO_TLS_H
#define IO_TLS_H

#include "base/err.h"

struct io_tls;

/* PEM files; TLS 1.2 or later; ALPN http/1.1. NULL and a sentence that names the file. */
struct io_tls *io_tls_server_new(const char *cert_path, const char *key_path, struct fault *f);
/* The system's trust, plus the PEM file ca_path where it is not NULL. Host names are verified, SNI
 * is sent, sessions are resumed (per host). */
struct io_tls *io_tls_client_new(const char *ca_path, struct fault *f);
/* From now on `t` is what `fresh` (made by the same function, given away) was; connections that are open or
 * shaking hands go on with what they began with. */
void io_tls_renew(struct io_tls *t, struct io_tls *fresh);
void io_tls_free(struct io_tls *t);

#endif
