/* needs_key.h: the store's calls about keys. Part of store.h. */
#ifndef STORE_NEEDS_KEY_H
#define STORE_NEEDS_KEY_H

#include "store/call.h"

/* Where parent_id is given, its key must be there and of the same account: ERR_NOT_FOUND; and not
 * at KEY_DEPTH_MAX: ERR_FORBIDDEN. */
struct store_key_create {
    struct store_call call;
    struct key key; /* in: all but id, created_ms, depth; out: those */
};
/* ERR_NOT_FOUND. The caller releases what came: store_key_get_release(), also fine after a failure
 * where the call was zeroed before it. */
struct store_key_get {
    struct store_call call;
    uint8_t hash[KEY_HASH_BYTES];
    struct key key;
    struct account account;
    struct key_link line[KEY_DEPTH_MAX]; /* its ancestors, the nearest first: key.depth of them */
};
void store_key_get_release(struct store_key_get *g);
struct store_key_list {
    struct store_call call;
    int64_t account_id; /* 0: all */
    int64_t parent_id;  /* 0: any; else only those that it has made itself */
    bool include_disabled, include_expired, include_management, include_apps, include_delegated;
    const char *creator; /* NULL: anybody */
    uint32_t offset, limit;
    struct key *keys;
    size_t n; /* newest first, all where limit is 0; store_key_list_release() */
};
void store_key_list_release(struct store_key_list *l);

enum {
    KEY_SET_NAME = 1,
    KEY_SET_DISABLED = 2,
    KEY_SET_LIMIT = 4,
    KEY_SET_RESET = 8,
    KEY_SET_BYOK = 16,
    KEY_SET_MODELS = 32,
    KEY_SET_PROVIDERS = 64,
    KEY_SET_RATES = 128,
};
struct store_key_update {
    struct store_call call;
    int64_t account_id; /* 0: any; a key of another one is ERR_NOT_FOUND */
    uint8_t hash[KEY_HASH_BYTES];
    uint32_t fields;      /* KEY_SET_... */
    const struct key *to; /* where the fields are taken from */
    struct key key;       /* out: the whole row; key_release() */
};
struct store_key_disable {
    struct store_call call;
    uint8_t hash[KEY_HASH_BYTES];
    bool disabled;
    struct key key; /* key_release() */
};
struct store_key_delete {
    struct store_call call;
    int64_t account_id; /* 0: any; a key of another one is ERR_NOT_FOUND */
    uint8_t hash[KEY_HASH_BYTES];
};
/* When keys were used last: what is newer than what is known. No change is noted. */
struct store_key_use {
    int64_t id, at_ms;
};
struct store_keys_touch {
    struct store_call call;
    const struct store_key_use *uses;
    size_t n;
};

#endif
