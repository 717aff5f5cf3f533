/* calls_mail.h: mail that waits to be sent: it survives a restart, and nothing is lost while the
 * mail server is away. What it says lies sealed (vault.h), and opens for its own recipient only. A mail is sent at least once: after a crash between the server's answer and
 * our note of it, once more, under the same Message-ID. */
#ifndef STORE_CALLS_MAIL_H
#define STORE_CALLS_MAIL_H

#include "base/buf.h"
#include "store/store.h"

enum { MAIL_SUBJECT_MAX = 200, MAIL_TEXT_MAX = 64 * 1024, MAIL_ADDRESS_MAX = 254 };

/* Views lent for the call. */
struct mail {
    struct str to, subject, text; /* text: UTF-8, lines end in \n */
    int64_t expires_ms;           /* not sent any more from then on; 0: in four days */
};

/* ERR_INVALID: an address, subject or text that cannot be sent. */
struct store_mail_add {
    struct store_call call;
    struct mail mail;
    int64_t id; /* out */
};

/* Seals what was queued before texts were. */
struct store_mail_seal {
    struct store_call call;
    size_t n; /* out: so many */
};

/* The one that is due first; ERR_NOT_FOUND: none is due at `now_ms`. ERR_INVALID: it does not open;
 * its id is told, so that it can be put off. */
struct store_mail_next {
    struct store_call call;
    int64_t now_ms;
    int64_t id, created_ms;
    uint32_t attempts; /* that failed */
    struct mail mail;  /* views of `room`: store_mail_next_release() */
    struct buf room;
};
void store_mail_next_release(struct store_mail_next *n);

enum mail_fate {
    MAIL_SENT,   /* forgotten */
    MAIL_LATER,  /* due again at due_ms */
    MAIL_FAILED, /* kept without its text, so that it can be seen that it was */
};
struct store_mail_mark {
    struct store_call call;
    int64_t id;
    enum mail_fate fate;
    int64_t due_ms;
    struct str why;
};

#endif
