/* sigv4.h: AWS Signature Version 4 in the header of a request (AWS, "Signature Version 4 signing
 * process"; every service but S3, which writes paths otherwise). */
#ifndef CRYPTO_SIGV4_H
#define CRYPTO_SIGV4_H

#include "base/buf.h"
#include "base/secret.h"

struct sigv4_key {
    struct str id; /* "AKIA..." */
    struct secret secret;
    struct secret session; /* the token of temporary keys; empty: none */
};

struct sigv4_request {
    struct str method, host; /* host: as in the Host line */
    struct str path;         /* as it is sent: percent-encoded, without "." and ".." */
    struct str query;        /* encoded, parameters in the order of their names; may be empty */
    struct str content_type; /* empty: there is none, or it is not signed */
    struct str body;
    struct str region, service; /* "us-east-1", "bedrock" */
    int64_t now;                /* unix seconds */
};

/* Appends the header lines that sign the request: X-Amz-Date, X-Amz-Security-Token where there is a
 * session, Authorization. */
enum err sigv4_sign(const struct sigv4_key *key, const struct sigv4_request *r,
                    struct buf *out) MUST_USE;

#endif
