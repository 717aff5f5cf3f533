/* err.h: the one table of errors, and the sentence that goes with one.
 *
 * A function that can fail returns `enum err` and, where a person will read the reason, takes a
 * `struct fault *` that it leaves untouched on success. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/bug.h"
#include "base/str.h"

/* clang-format off */
/*   code             http  error_type on the wire    what it means */
#define ERR_LIST(X)                                                                              \
    X(OK,             200, "ok")                                                                 \
    X(MORE,           500, "server")                  /* needs more bytes: never reaches a client */ \
    X(INVALID,        400, "invalid_request")         /* the request is wrong */                 \
    X(CONTEXT,        400, "context_length_exceeded")                                            \
    X(AUTH,           401, "authentication")          /* no usable credential */                 \
    X(NO_CREDIT,      402, "payment_required")        /* the account or the key cannot pay */    \
    X(FORBIDDEN,      403, "permission_denied")                                                  \
    X(KEY_LIMIT,      403, "permission_denied")       /* the key has used up its limit */        \
    X(NOT_FOUND,      404, "not_found")                                                          \
    X(METHOD,         405, "invalid_request")         /* no such method on this path */          \
    X(CLIENT_TIMEOUT, 408, "timeout")                 /* the client was too slow */              \
    X(CONFLICT,       409, "invalid_request")                                                    \
    X(TOO_BIG,        413, "payload_too_large")                                                  \
    X(EXPECTATION,    417, "invalid_request")                                                    \
    X(UNPROCESSABLE,  422, "unprocessable")                                                      \
    X(RATE,           429, "rate_limit_exceeded")                                                \
    X(HEAD_TOO_BIG,   431, "payload_too_large")                                                  \
    X(CANCELLED,      499, "unmapped")                /* the client left: only in logs */        \
    X(INTERNAL,       500, "server")                                                             \
    X(NOMEM,          503, "server")                  /* a ceiling or the machine's memory */    \
    X(UPSTREAM,       502, "provider_unavailable")    /* the provider failed or made no sense */ \
    X(OVERLOADED,     503, "provider_overloaded")                                                \
    X(STORE,          503, "server")                  /* the database failed */                  \
    X(SHUTDOWN,       503, "server")                  /* this process is stopping */             \
    X(TIMEOUT,        504, "timeout")                 /* the provider was too slow */            \
    X(VERSION,        400, "invalid_request")
/* clang-format on */

enum err {
#define X(code, http, type) ERR_##code,
    ERR_LIST(X)
#undef X
    ERR__COUNT
};

int err_status(enum err e);       /* HTTP status */
const char *err_type(enum err e); /* `error_type` on the wire */
const char *err_name(enum err e); /* for logs and tests: "INVALID" */

/* A failure with its sentence. The message is for people: it names the field, what was there (its
 * kind, never a secret) and what would be right. */
struct fault {
    enum err err;
    char message[300];
};

void fault_write(struct fault *f, enum err e, const char *fmt, ...) PRINTF(3, 4);

/* Sets the fault (f may be NULL) and is the code, so that `return fault_set(f, ERR_X, ...)` works and
 * the compiler sees that the result is not ERR_OK. */
#define fault_set(f, code, ...) (fault_write(f, code, __VA_ARGS__), (code))

#endif
