/* records.h: what the store keeps, as its callers see it. Money in nano-dollars, times in
 * milliseconds since 1970. */
#ifndef STORE_RECORDS_H
#define STORE_RECORDS_H

#include "base/clock.h"
#include "base/money.h"

/* A text of any length that rows share: immutable, counted, any thread. NULL is "not set", which an
 * empty one is not. */
struct text;
struct text *text_new(struct str s); /* one reference; NULL: no memory */
struct text *text_ref(struct text *t);
void text_unref(struct text *t);            /* NULL is fine */
struct str text_view(const struct text *t); /* STR_NONE of NULL; else p is not NULL */
/* Lists are texts with a newline behind each item. */
bool list_has(struct str list, struct str item);

enum { EMAIL_MAX = 255, KEY_NAME_MAX = 255, KEY_LABEL_MAX = 63, KEY_HASH_BYTES = 32 };

enum window { WINDOW_NONE, WINDOW_DAY, WINDOW_WEEK, WINDOW_MONTH, WINDOW__COUNT };
const char *window_name(enum window w); /* NULL for NONE, "daily", "weekly", "monthly" */
bool window_parse(struct str s, enum window *out);
int64_t window_start(enum window w, int64_t ms); /* 0 for NONE */

/* What was settled: in all, and in the day, week and month in which the latest settlement fell.
 * Adding is independent of order: what is older than a window's start counts in the total only. */
struct usage {
    nanos in[WINDOW__COUNT];      /* in[WINDOW_NONE] is the total */
    int64_t start[WINDOW__COUNT]; /* of each window; [WINDOW_NONE] is 0 */
};
void usage_add(struct usage *u, int64_t at_ms, nanos cost);
/* What counts at `now`: zero once the window has turned. */
nanos usage_at(const struct usage *u, enum window w, int64_t now_ms);

struct account {
    int64_t id;
    char email[EMAIL_MAX + 1];
    nanos granted; /* credits bought or given, in all */
    struct usage usage;
    bool disabled;
    int64_t created_ms;
    int64_t key_lifetime_ms; /* keys that may live longer are refused; 0: any may */
    struct text *ip_ranges;  /* a list of those that may ask; NULL: anybody. account_release() */
};
void account_release(struct account *a);

#define NO_LIMIT INT64_MAX

/* How a key came to be. */
enum key_origin { KEY_MADE, KEY_OF_APP, KEY_DELEGATED, KEY_ORIGIN__COUNT };

enum {
    KEY_DEPTH_MAX = 8,     /* generations below a key that nobody delegated */
    KEY_RULES_MAX = 16384, /* bytes of a list of allowed models or providers */
    USER_ID_MAX = 64,
};

struct key {
    int64_t id, account_id;
    int64_t parent_id; /* 0: none */
    int32_t depth;     /* number of ancestors */
    enum key_origin origin;
    int64_t app_id;               /* of KEY_OF_APP; else 0 */
    uint8_t hash[KEY_HASH_BYTES]; /* SHA-256 of the whole key */
    char name[KEY_NAME_MAX + 1];
    char label[KEY_LABEL_MAX + 1];
    bool is_management, disabled, include_byok;
    nanos limit;       /* or NO_LIMIT */
    enum window reset; /* the window in which the limit counts */
    struct usage usage;
    int64_t expires_ms;                  /* 0: never */
    int64_t created_ms, updated_ms;      /* updated 0: never */
    int64_t last_used_ms;                /* 0: never */
    uint32_t rate_requests, rate_tokens; /* a minute; 0: any number */
    char creator[USER_ID_MAX + 1];       /* or "" */
    char external_user[USER_ID_MAX + 1]; /* or "" */
    struct text *models, *providers;     /* lists of what is allowed; NULL: all. key_release() */
};
void key_release(struct key *k);

/* An ancestor of a key: what of it counts for those below. */
struct key_link {
    int64_t id;
    uint8_t hash[KEY_HASH_BYTES];
    bool disabled, is_deleted;
    nanos limit;
    enum window reset;
    struct usage usage;
    int64_t expires_ms;
    uint32_t rate_requests, rate_tokens;
    struct text *models, *providers;
};

/* The durable record of one settled request. Views are lent. */
struct generation {
    int64_t id;   /* grows with time: see generation_id() */
    uint64_t tag; /* random: makes the id that clients see unguessable */
    int64_t account_id, key_id;
    int64_t created_ms, settled_ms;
    nanos cost;        /* what was charged */
    nanos uncollected; /* cost above the hold that could not be charged: 0 but for a provider that
                          broke its bound */
    uint64_t tokens_prompt, tokens_completion, tokens_cached, tokens_cache_write, tokens_reasoning;
    int64_t first_ms; /* request to first content */
    int64_t total_ms; /* request to settlement */
    bool is_streamed, is_cancelled, is_estimated;
    int32_t status; /* what the client got */
    int32_t attempts;
    struct str model, provider, native_model, upstream_id, request_id;
    struct str finish_reason, native_finish_reason;
    struct str referer, title, user_agent, external_user;
    struct str record; /* the journal's payload that says all this, where it was read from one; else
                          empty */
};

/* "gen-<unix seconds>-<26 characters of id and tag>" and back. The text names the row's primary
 * key, so finding a generation needs no second index. */
enum { GENERATION_ID_MAX = 48 };
struct str generation_id_text(int64_t id, uint64_t tag, char out[GENERATION_ID_MAX]);
bool generation_id_parse(struct str text, int64_t *id, uint64_t *tag);

/* Ids of one maker and the same 256 ms share a slot; slots grow with time. */
int64_t generation_slot(int64_t id);

/* Makes ids: milliseconds since 2025 above, then the maker (0..63), then a count. One per worker.
 */
struct generation_ids {
    int64_t last_ms;
    uint32_t maker, count;
};
int64_t generation_id_next(struct generation_ids *g, int64_t now_ms);

#endif
