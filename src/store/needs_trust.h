/* needs_trust.h: the store's calls about mail, exposures and tokens, by name: see calls_mail.h,
 * calls_exposure.h, calls_token.h. */
#ifndef STORE_NEEDS_TRUST_H
#define STORE_NEEDS_TRUST_H

/* clang-format off */
/*    need             function (sqlite_...) */
#define TRUST_READS(X)                                                                           \
    X(MAIL_NEXT,       mail_next)                                                                \
    X(EXPOSURE_LIST,   exposure_list)                                                            \
    X(EXPOSURE_POLICY_GET, exposure_policy_get)                                                  \
    X(FEDERATION_GET,  federation_get)                                                           \
    X(FEDERATION_LIST, federation_list)                                                          \
    X(SIGNING_LIST,    signing_list)
#define TRUST_WRITES(X)                                                                          \
    X(MAIL_ADD,        mail_add)                                                                 \
    X(MAIL_SEAL,       mail_seal)                                                                \
    X(MAIL_MARK,       mail_mark)                                                                \
    X(EXPOSURE_ADD,    exposure_add)                                                             \
    X(EXPOSURE_POLICY_SET, exposure_policy_set)                                                  \
    X(FEDERATION_ADD,  federation_add)                                                           \
    X(FEDERATION_CHANGE, federation_change)                                                      \
    X(FEDERATION_DELETE, federation_delete)                                                      \
    X(TOKEN_ISSUE,     token_issue)                                                              \
    X(SIGNING_ADD,     signing_add)                                                              \
    X(SIGNING_PRUNE,   signing_prune)
/* clang-format on */

#endif
