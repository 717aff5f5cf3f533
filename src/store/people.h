/* people.h: who may sign in, and what stands for them: sessions, one-time links, apps and their
 * codes. A secret that a person or an app holds is kept as its SHA-256 only. */
#ifndef STORE_PEOPLE_H
#define STORE_PEOPLE_H

#include "store/records.h"

enum {
    PASSWORD_HASH_MAX = 127, /* an Argon2id string */
    USER_AGENT_MAX = 159,
    ADDRESS_MAX = 45,
    TICKET_HASH_BYTES = 32, /* SHA-256 of a session, a link or a code */
    ORIGIN_MAX = 255,
    ISSUER_MAX = 255,
    SUBJECT_MAX = 255,
    CHALLENGE_MAX = 128,
};

enum role { ROLE_OWNER, ROLE_ADMIN, ROLE_MEMBER, ROLE__COUNT };
const char *role_name(enum role r); /* "owner", "admin", "member" */
bool role_parse(struct str s, enum role *out);

struct user {
    int64_t id, account_id;
    char email[EMAIL_MAX + 1];
    bool
        is_proven; /* the address is theirs: a mail arrived there, or whoever invited them says so */
    enum role role;
    char password[PASSWORD_HASH_MAX + 1]; /* empty: none, signs in otherwise */
    bool disabled;
    int64_t created_ms;
};

struct session {
    int64_t id, user_id;
    uint8_t hash[TICKET_HASH_BYTES];
    int64_t created_ms, seen_ms;
    int64_t expires_ms; /* whatever is done with it */
    char user_agent[USER_AGENT_MAX + 1], address[ADDRESS_MAX + 1];
    const char *by; /* how it is opened ("password"), for the audit log; not kept */
};

enum link_kind {
    LINK_SIGNIN,     /* mailed to a user */
    LINK_SIGNUP,     /* mailed to who wants an account: proves the address */
    LINK_CLAIM,      /* printed at the first start: makes the owner */
    LINK_INVITATION, /* makes a user of an account */
    LINK_RESET,      /* printed for a user who is locked out: a new password */
};

/* A link that works once. */
struct link {
    int64_t id;
    uint8_t hash[TICKET_HASH_BYTES];
    enum link_kind kind;
    int64_t account_id; /* 0 for LINK_SIGNUP */
    int64_t user_id;    /* of LINK_SIGNIN, LINK_RESET */
    enum role role;     /* of LINK_INVITATION */
    char email[EMAIL_MAX + 1];
    int64_t created_ms, expires_ms;
};

/* Who asks for keys by OAuth: known by where its callback leads. */
struct oauth_app {
    int64_t id;
    char origin[ORIGIN_MAX + 1]; /* empty: those without a callback */
};

enum challenge_method { CHALLENGE_NONE, CHALLENGE_PLAIN, CHALLENGE_S256 };

/* What an app gets a key for (OAuth). */
struct oauth_code {
    int64_t id, user_id, account_id, app_id;
    uint8_t hash[TICKET_HASH_BYTES];
    enum challenge_method method;
    char challenge[CHALLENGE_MAX + 1];
    char creator[USER_ID_MAX + 1]; /* of the key, as what follows */
    int64_t parent_id;             /* 0: none */
    char name[KEY_NAME_MAX + 1];
    nanos limit;
    enum window reset;
    int64_t key_expires_ms; /* 0: never */
    int64_t created_ms, expires_ms, used_ms;
};

#endif
