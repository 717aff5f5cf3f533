/* needs_door.h: the store's calls about who may come in from where, and about what was done: the
 * audit log. Part of store.h. */
#ifndef STORE_NEEDS_DOOR_H
#define STORE_NEEDS_DOOR_H

#include "store/call.h"

/* One administrative act. Nothing in it is a secret. Views are lent until the call is done. */
struct audit {
    int64_t account_id;
    struct str actor;  /* "key:<hash>", "user:<id>", "cli" */
    struct str label;  /* what people call the actor: a key's label, an email */
    struct str from;   /* the client's address, or "" */
    struct str agent;  /* its User-Agent, or "" */
    struct str action; /* "key.create" */
    struct str target; /* what was acted on: a key's hash, ... */
    struct str detail; /* JSON: what changed */
};

struct audit_row {
    int64_t id, at_ms;
    struct audit audit; /* views of the call's text */
};
enum { AUDIT_PAGE_MAX = 100 };
struct store_audit_list {
    struct store_call call;
    int64_t account_id;        /* 0: all */
    struct str action, target; /* empty: any */
    uint64_t offset, limit;    /* at most AUDIT_PAGE_MAX */
    struct audit_row rows[AUDIT_PAGE_MAX];
    size_t n;        /* newest first */
    struct buf text; /* out: store_audit_list_release() */
};
void store_audit_list_release(struct store_audit_list *l);

enum { IP_LABEL_MAX = 100, IP_ALLOW_MAX = 200, IP_RANGE_MAX = 50 };
struct ip_allow {
    int64_t id, created_ms;
    char range[IP_RANGE_MAX + 1];
    char label[IP_LABEL_MAX + 1];
};
/* ERR_CONFLICT: it is there already; ERR_INVALID: there are IP_ALLOW_MAX. */
struct store_ip_allow_add {
    struct store_call call;
    int64_t account_id;
    struct ip_allow row; /* in: range, label; out: all */
};
struct store_ip_allow_list {
    struct store_call call;
    int64_t account_id;
    struct ip_allow rows[IP_ALLOW_MAX]; /* the oldest first */
    size_t n;
};
struct store_ip_allow_delete {
    struct store_call call;
    int64_t account_id, id; /* ERR_NOT_FOUND */
};
struct store_policy_set {
    struct store_call call;
    int64_t account_id;
    int64_t key_lifetime_ms; /* 0: any */
};

#endif
