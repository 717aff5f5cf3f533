/* calls_token.h: workload identity: which tokens of others stand for which key (federation
 * policies), and the keys that sign our own access tokens. */
#ifndef STORE_CALLS_TOKEN_H
#define STORE_CALLS_TOKEN_H

#include "base/buf.h"
#include "store/store.h"

enum {
    FEDERATION_ID_CHARS = 35, /* "fp-" and 32 hexadecimal digits */
    FEDERATION_NAME_MAX = 100,
    FEDERATION_URL_MAX = 500,  /* of issuer and jwks_url */
    FEDERATION_TEXT_MAX = 500, /* of audience and subject */
    FEDERATION_CLAIMS_MAX = 4096,
    FEDERATIONS_MAX = 50, /* of an account */
    TOKEN_LIFE_MAX_S = 900,
    TOKENS_A_MINUTE_MAX = 600, /* of one policy */
};

/* Who may get tokens, and as which key they act. What tokens rest on never changes: another policy
 * is another policy. */
struct federation {
    char id[FEDERATION_ID_CHARS + 1];
    int64_t account_id;
    uint8_t key_hash[KEY_HASH_BYTES];
    char key_label[KEY_LABEL_MAX + 1];
    char name[FEDERATION_NAME_MAX + 1];
    char issuer[FEDERATION_URL_MAX + 1];   /* `iss`, exactly */
    char jwks_url[FEDERATION_URL_MAX + 1]; /* "": as the issuer's discovery document says */
    char audience[FEDERATION_TEXT_MAX + 1];
    char subject[FEDERATION_TEXT_MAX + 1];  /* `sub`; with a '*' behind it: its beginning; or "" */
    char claims[FEDERATION_CLAIMS_MAX + 1]; /* a JSON object of what else must be there; or "" */
    uint32_t lifetime_s;                    /* of its tokens, at most */
    bool disabled;
    bool is_operators; /* made by the command line: may name addresses that are not public */
    int64_t created_ms, updated_ms, last_used_ms; /* 0: never */
};

/* The key is found by key_hash: ERR_NOT_FOUND where it is not the account's, ERR_INVALID where it is
 * a management key, or there are FEDERATIONS_MAX. */
struct store_federation_add {
    struct store_call call;
    struct federation row; /* in: all but key_label and times; out: all */
};
/* ERR_NOT_FOUND. */
struct store_federation_get {
    struct store_call call;
    int64_t account_id; /* 0: any */
    char id[FEDERATION_ID_CHARS + 1];
    struct federation row;
};
struct store_federation_list {
    struct store_call call;
    int64_t account_id; /* 0: all */
    struct federation *rows;
    size_t n; /* oldest first; malloc'd: store_federation_list_release() */
};
void store_federation_list_release(struct store_federation_list *l);

enum { FEDERATION_SET_NAME = 1, FEDERATION_SET_DISABLED = 2, FEDERATION_SET_LIFETIME = 4 };
/* ERR_NOT_FOUND. */
struct store_federation_change {
    struct store_call call;
    int64_t account_id; /* 0: any */
    char id[FEDERATION_ID_CHARS + 1];
    uint32_t fields;       /* FEDERATION_SET_... */
    struct federation row; /* in: those fields; out: all */
};
struct store_federation_delete {
    struct store_call call;
    int64_t account_id; /* 0: any */
    char id[FEDERATION_ID_CHARS + 1];
    struct federation row; /* out: what it was */
};

/* A token is about to be given out: ERR_NOT_FOUND where the policy is gone or disabled, ERR_RATE
 * beyond TOKENS_A_MINUTE_MAX. */
struct store_token_issue {
    struct store_call call;
    char id[FEDERATION_ID_CHARS + 1];
};

/* --- our signing keys --- */

enum { SIGNING_KID_MAX = 43, SIGNING_SEALED_MAX = 512, SIGNING_KEYS_MAX = 64 };
struct signing_key {
    int64_t id, created_ms;
    char kid[SIGNING_KID_MAX + 1];
    uint8_t sealed[SIGNING_SEALED_MAX]; /* crypto/seal.h, labelled "signing-key:<kid>" */
    size_t sealed_n;
};
struct store_signing_list {
    struct store_call call;
    struct signing_key rows[SIGNING_KEYS_MAX]; /* the newest first */
    size_t n;
};
/* ERR_CONFLICT: the newest one is not `after` (0: none): somebody was faster. */
struct store_signing_add {
    struct store_call call;
    int64_t after;
    struct signing_key row; /* in: kid, sealed; out: all */
};
/* Forgets those that were followed by another before `before_ms`. */
struct store_signing_prune {
    struct store_call call;
    int64_t before_ms;
    int64_t n; /* out: how many */
};

#endif
