/* exposure.h: reports of exposed keys, as scanners send them, and what is said about them. Pure. */
#ifndef AUTH_EXPOSURE_H
#define AUTH_EXPOSURE_H

#include "auth/find.h"
#include "crypto/sign.h"
#include "json/read.h"
#include "json/write.h"
#include "store/calls_exposure.h"

enum { EXPOSURE_REPORTS_MAX = 50000 };

/* One reported token. Texts never hold a key, whatever was sent. */
struct reported {
    uint8_t hash[KEY_HASH_BYTES];
    struct str url, source, type;
    bool may_be_key; /* prefix, length and checksum are a key's, or it came as a hash */
    bool is_known, is_disabled, is_deleted; /* after what was done */
};

struct exposure_report {
    struct reported *items;
    size_t n;
    struct buf text; /* decoded texts */
};

/* `body`: JSON, an array of objects; with `takes_one` also one object. Each has token, or where
 * `takes_hash` token_hash; url, source and type are optional texts. What else is there is ignored.
 * The body is lent to the report. */
enum err exposure_report_read(struct exposure_report *r, const struct finder *f, struct str prefix,
                              struct str body, bool takes_one, bool takes_hash,
                              struct fault *fault) MUST_USE;
void exposure_report_release(struct exposure_report *r); /* also after a failure */

/* For struct store_exposure_add. */
void exposure_write_mail(const struct exposure *x, struct buf *subject, struct buf *text);
void exposure_write_detail(const struct exposure *x, struct buf *out);
/* Of one that was noted: where, how, by whom, what followed. */
void exposure_write_json(struct json_writer *w, const struct exposure_row *r);

/* --- GitHub's public keys: {"public_keys":[{"key_identifier","key"}]} --- */

enum { GITHUB_KEYS_MAX = 32, GITHUB_ID_MAX = 128 };
struct github_key {
    char id[GITHUB_ID_MAX + 1];
    struct sign_key *key;
};
struct github_keys {
    struct github_key keys[GITHUB_KEYS_MAX];
    size_t n;
};
/* Replaces them, or leaves them as they are. */
enum err github_keys_read(struct github_keys *g, struct str json, struct fault *f) MUST_USE;
void github_keys_release(struct github_keys *g);
const struct sign_key *github_keys_find(const struct github_keys *g, struct str id); /* or NULL */

#endif
