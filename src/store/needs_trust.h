/* needs_trust.h: the store's calls about mail, exposures and tokens, by name: see calls_mail.h,
 * calls_exposure.h, calls_token.h. */
#ifndef STORE_NEEDS_TRUST_H
#define STORE_NEEDS_TRUST_H

/* clang-format off */
/*    need             function (sqlite_...) */
#define TRUST_READS(X)                                                                           \
    X(MAIL_NEXT,       mail_next)
#define TRUST_WRITES(X)                                                                          \
    X(MAIL_ADD,        mail_add)                                                                 \
    X(MAIL_MARK,       mail_mark)
/* clang-format on */

#endif
