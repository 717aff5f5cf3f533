/* calls_people.h: the store's calls about people. Each is a struct store_call with its arguments and
 * results, as in store.h. */
#ifndef STORE_CALLS_PEOPLE_H
#define STORE_CALLS_PEOPLE_H

#include "store/calls_mail.h"
#include "store/people.h"
#include "store/store.h"

/* --- users: sqlite_user.c --- */

/* By id where that is not 0, else by email; of any account. ERR_NOT_FOUND. */
struct store_user_get {
    struct store_call call;
    int64_t id;
    struct user user; /* in: email */
};
struct store_user_list {
    struct store_call call;
    int64_t account_id;
    struct user *users; /* oldest first; malloc'd */
    size_t n;
};
/* Of a user of this account: ERR_NOT_FOUND for another's. The last owner who may sign in can be
 * neither demoted nor disabled: ERR_CONFLICT. Disabling ends all sessions, and with `disables_keys`
 * all keys that bear `creator`; a new password ends all sessions but `keep_session`. Either ends
 * the links that sign this user in or reset the password. */
struct store_user_change {
    struct store_call call;
    int64_t account_id, id;
    bool set_role, set_disabled, set_password;
    bool spares_owners; /* ERR_FORBIDDEN where the user is one */
    bool disables_keys;
    char creator[USER_ID_MAX + 1]; /* "user_7" */
    struct user user;              /* in: what is set; out: all */
    int64_t keep_session;
};
/* Does nothing but what its audit row says was done. */
struct store_audit_add {
    struct store_call call;
};
/* An account of their own without credit, a user who owns it, and a session. ERR_CONFLICT where the
 * address is taken. */
struct store_user_signup {
    struct store_call call;
    struct user user; /* in: email, is_proven, password; out: all */
    struct session session;
};
/* Whom an OpenID provider vouches for: the user bound to (issuer, subject); else one with this
 * address, if both sides have proven it, who is bound from now on; else, with may_signup, a new one
 * with an account of their own. ERR_NOT_FOUND: none of these; ERR_CONFLICT: there is a user with
 * this address who has not proven it; ERR_FORBIDDEN: disabled. Opens a session. */
struct store_user_identify {
    struct store_call call;
    char issuer[ISSUER_MAX + 1], subject[SUBJECT_MAX + 1];
    bool is_proven, may_signup;
    struct user user; /* in: email; out: all */
    struct session session;
};

/* --- sessions: sqlite_session.c --- */

/* ERR_FORBIDDEN where the user is disabled. The user's oldest sessions beyond SESSIONS_MAX end. What
 * opens a session, here or elsewhere, is in the audit log: user.signin. */
enum { SESSIONS_MAX = 50 };
struct store_session_create {
    struct store_call call;
    struct session session; /* in: all but id, created_ms, seen_ms; out: those */
};
/* ERR_NOT_FOUND. Whether it still holds is the caller's to judge. */
struct store_session_get {
    struct store_call call;
    uint8_t hash[TICKET_HASH_BYTES];
    struct session session;
    struct user user;
    bool account_disabled;
};
struct store_session_list {
    struct store_call call;
    int64_t user_id;
    struct session *sessions; /* last seen first; malloc'd */
    size_t n;
};
struct store_session_touch {
    struct store_call call;
    int64_t id, seen_ms;
};
/* One of this user's, or with id 0 all but `keep`. ERR_NOT_FOUND. */
struct store_session_delete {
    struct store_call call;
    int64_t user_id, id, keep;
};

/* --- one-time links: sqlite_link.c --- */

/* LINK_CLAIM replaces the one before and is ERR_CONFLICT once there is a user; LINK_INVITATION is
 * ERR_CONFLICT where the address has a user; a user has at most one LINK_SIGNIN. */
struct store_link_create {
    struct store_call call;
    struct link link;        /* in: all but id, created_ms */
    const struct mail *mail; /* queued with it, or neither; NULL: none */
};
/* ERR_NOT_FOUND where it does not exist, was used or has expired. */
struct store_link_get {
    struct store_call call;
    uint8_t hash[TICKET_HASH_BYTES];
    struct link link;
};
/* What invitations of an account are open. */
struct store_link_list {
    struct store_call call;
    int64_t account_id;
    struct link *links; /* newest first; malloc'd */
    size_t n;
};
/* Uses the link up, does what it stands for, and opens a session; all of it or nothing.
 * ERR_NOT_FOUND as above; ERR_FORBIDDEN: the user is disabled; ERR_CONFLICT: the address is taken. */
struct store_link_redeem {
    struct store_call call;
    uint8_t hash[TICKET_HASH_BYTES];
    enum link_kind kind;
    struct user user; /* in: email of LINK_CLAIM; password of all but LINK_SIGNIN. out: all;
                         LINK_RESET ends all of its other sessions and links */
    struct session session;
};
/* An open invitation of this account. ERR_NOT_FOUND. */
struct store_link_delete {
    struct store_call call;
    int64_t account_id, id;
};

/* --- apps: sqlite_oauth.c --- */

/* The app is known by its origin ("https://app.example"), empty for one without a callback; it is
 * made where it is new. */
struct store_code_create {
    struct store_call call;
    char origin[ORIGIN_MAX + 1];
    struct oauth_code code; /* in: all but id, app_id, created_ms, used_ms; out: those */
};
/* ERR_NOT_FOUND. Used and expired ones are found too, for a day. */
struct store_code_get {
    struct store_call call;
    uint8_t hash[TICKET_HASH_BYTES];
    struct oauth_code code;
};
/* Those of which the account has keys. */
struct store_app_list {
    struct store_call call;
    int64_t account_id;
    struct oauth_app *apps; /* malloc'd */
    size_t n;
};
/* Uses the code up and makes the key, in one transaction. ERR_NOT_FOUND: it was used before, or its
 * user may no longer sign in. */
struct store_code_exchange {
    struct store_call call;
    int64_t code_id;
    struct key key; /* in: hash, label; out: all */
};

#endif
