/* needs_people.h: the store's calls about people, by name: see calls_people.h. */
#ifndef STORE_NEEDS_PEOPLE_H
#define STORE_NEEDS_PEOPLE_H

/* clang-format off */
/*    need             function (sqlite_...) */
#define PEOPLE_READS(X)                                                                          \
    X(USER_GET,        user_get)                                                                 \
    X(USER_LIST,       user_list)                                                                \
    X(SESSION_GET,     session_get)                                                              \
    X(SESSION_LIST,    session_list)                                                             \
    X(LINK_GET,        link_get)                                                                 \
    X(LINK_LIST,       link_list)                                                                \
    X(CODE_GET,        code_get)                                                                 \
    X(APP_LIST,        app_list)
#define PEOPLE_WRITES(X)                                                                         \
    X(AUDIT_ADD,       audit_only)                                                               \
    X(USER_CHANGE,     user_change)                                                              \
    X(USER_SIGNUP,     user_signup)                                                              \
    X(USER_IDENTIFY,   user_identify)                                                            \
    X(SESSION_CREATE,  session_create)                                                           \
    X(SESSION_TOUCH,   session_touch)                                                            \
    X(SESSION_DELETE,  session_delete)                                                           \
    X(LINK_CREATE,     link_create)                                                              \
    X(LINK_REDEEM,     link_redeem)                                                              \
    X(LINK_DELETE,     link_delete)                                                              \
    X(CODE_CREATE,     code_create)                                                              \
    X(CODE_EXCHANGE,   code_exchange)
/* clang-format on */

#endif
