/* calls_exposure.h: keys that were found where they must not be. What is reported twice counts once:
 * an exposure is a key, an address where it was seen and how it was found. */
#ifndef STORE_CALLS_EXPOSURE_H
#define STORE_CALLS_EXPOSURE_H

#include "store/calls_mail.h"

/* What follows an exposure. */
enum exposure_policy {
    EXPOSURE_DEFAULT, /* of an account: what the configuration says */
    EXPOSURE_NOTIFY,
    EXPOSURE_DISABLE,
    EXPOSURE_DELETE,
    EXPOSURE_POLICY__COUNT
};
const char *exposure_policy_name(enum exposure_policy p);            /* NULL for DEFAULT */
bool exposure_policy_parse(struct str s, enum exposure_policy *out); /* not DEFAULT */

enum {
    EXPOSURE_URL_MAX = 2000,
    EXPOSURE_WORD_MAX = 100, /* of source and type */
    EXPOSURES_AT_ONCE = 256,
    EXPOSURES_PAGE = 100,
};

struct exposure {
    uint8_t hash[KEY_HASH_BYTES]; /* of the key */
    struct str url, source, type; /* as reported; lent */
    /* out */
    bool is_known;               /* such a key is there, or was */
    bool is_new;                 /* nobody reported this before */
    bool is_changed;             /* it ended by this: to be forgotten everywhere */
    enum exposure_policy policy; /* that was followed */
    bool was_disabled, was_deleted;
    int64_t account_id;
    char label[KEY_LABEL_MAX + 1], name[KEY_NAME_MAX + 1];
};

/* Notes them, follows the policy, queues mail to the owner and audits, in one transaction. */
struct store_exposure_add {
    struct store_call call;
    int64_t account_id;          /* whose keys count; 0: all */
    enum exposure_policy policy; /* of accounts that have none */
    struct str reporter;         /* "github", "key:<hash>", "user:<id>", "cli" */
    struct str reporter_label, from;
    bool has_mail;
    struct exposure *items;
    size_t n; /* at most EXPOSURES_AT_ONCE */
    /* What the owner reads, and the audit log's JSON. They run on a thread of the store. */
    void (*write_mail)(const struct exposure *x, struct buf *subject, struct buf *text);
    void (*write_detail)(const struct exposure *x, struct buf *out);
};

struct exposure_row {
    int64_t id, at_ms;
    struct exposure exposure; /* views of the call's text */
    struct str reporter;
};
struct store_exposure_list {
    struct store_call call;
    int64_t account_id; /* 0: all */
    uint64_t offset;
    struct exposure_row rows[EXPOSURES_PAGE]; /* newest first */
    size_t n;
    struct buf text; /* store_exposure_list_release() */
};
void store_exposure_list_release(struct store_exposure_list *l);

/* set: writes it; out: what it is. */
struct store_exposure_policy {
    struct store_call call;
    int64_t account_id;
    enum exposure_policy policy;
};

#endif
