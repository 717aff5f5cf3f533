/* courier.h: requests of our own to others: key sets, discovery, token endpoints, mail. libcurl on a
 * thread of its own, never on a client's path.
 *
 * https, or http to this machine itself (localhost, 127.0.0.0/8, ::1). No redirects, no proxies of
 * the environment, no stored credentials, certificates always verified; answers and times have
 * ceilings. Whoever submits names hosts that the operator named, or sets `is_public_only`: then
 * addresses that are not of the public network are refused after the name was looked up, as the
 * connection is made. */
#ifndef IO_COURIER_H
#define IO_COURIER_H

#include "base/buf.h"
#include "base/secret.h"
#include "io/loop.h"

struct courier;

/* extra_ca: a PEM file trusted beside the system's; NULL: none. */
struct courier *courier_new(const char *extra_ca, struct fault *f);
/* Ends what is under way without calling done(). No loop may still wait for it. */
void courier_free(struct courier *c); /* NULL is fine */

enum courier_kind { COURIER_GET, COURIER_POST, COURIER_MAIL };

/* The beginning of each of the three below; the caller's from courier_submit() until done(). */
struct courier_job {
    enum courier_kind kind;
    struct io_loop *loop;
    void (*done)(struct courier_job *j); /* on `loop` */
    enum err err; /* ERR_OK: there is an answer, of whatever status. ERR_UPSTREAM, ERR_TIMEOUT,
                           ERR_TOO_BIG, ERR_INVALID (an URL that is not taken), ERR_FORBIDDEN (an
                           address that is not public), ERR_CANCELLED, ERR_NOMEM */
    struct fault fault; /* never tells the query or a credential */
    void *user;         /* the caller's: the courier does not look at it */
    struct io_post post;
    struct courier_job *next;
    bool is_cancelled; /* the courier's, as the two before it */
};

enum { COURIER_ETAG_MAX = 127 };

/* What came: `body` is the caller's to release. */
struct courier_answer {
    int status;
    struct buf body;
    char etag[COURIER_ETAG_MAX + 1];
    int32_t max_age_s; /* of Cache-Control; -1: not told */
};
struct courier_get {
    struct courier_job job;
    struct str url, etag;        /* etag: of an answer that we have; 304 then has no body */
    struct secret authorization; /* the field's value; empty: none */
    size_t body_max;
    uint32_t timeout_ms; /* in all */
    bool is_public_only;
    struct courier_answer answer;
};
struct courier_post {
    struct courier_job job;
    struct str url, content_type;
    struct secret body; /* forms hold codes and secrets */
    struct secret authorization;
    size_t body_max; /* of the answer */
    uint32_t timeout_ms;
    bool is_public_only;
    struct courier_answer answer;
};

enum courier_tls { COURIER_TLS_REQUIRED, COURIER_TLS_OPPORTUNISTIC, COURIER_TLS_NEVER };

/* `url`: smtp://host:port or smtps://host:port. err: ERR_UPSTREAM where it may succeed later,
 * ERR_UNPROCESSABLE where the server refused it for good (5xx). */
struct courier_mail {
    struct courier_job job;
    struct str url;
    struct str user; /* empty: no sign-in */
    struct secret password;
    enum courier_tls tls; /* STARTTLS */
    struct str from, to;  /* bare addresses */
    struct str message;   /* whole, with its header; lines end in CRLF */
    uint32_t timeout_ms;
    int status; /* the server's last reply; 0: none */
};

/* From any thread. Set all that is an input first; text is lent until done(). */
void courier_submit(struct courier *c, struct courier_job *j);
/* Hurries its end: done() comes soon, with ERR_CANCELLED unless it was over already. Other mails of
 * this courier fail with it. */
void courier_cancel(struct courier *c, struct courier_job *j);

/* https, or http to this machine. For checking settings early. */
bool courier_url_is_right(struct str url);
/* smtp or smtps, without a user. */
bool courier_mail_url_is_right(struct str url);

#endif
