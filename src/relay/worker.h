/* worker.h: what all relays of one worker share: its loop, memory, caches, ways to providers, and
 * counts. One thread's own, but for what is marked shared. */
#ifndef RELAY_WORKER_H
#define RELAY_WORKER_H

#include "auth/gate.h"
#include "auth/person.h"
#include "base/cidr.h"
#include "catalog/choose.h"
#include "catalog/health.h"
#include "http/server.h"
#include "json/read.h"
#include "relay/metrics.h"
#include "relay/fit.h"
#include "relay/upstream.h"
#include "store/journal.h"

enum { TRUSTED_MAX = 32 };

struct relay_settings {
    uint64_t body_max;
    uint32_t keepalive_ms;            /* silence after which a stream gets a comment line */
    struct str public_url;            /* for sentences; may be empty */
    struct cidr trusted[TRUSTED_MAX]; /* proxies whose X-Forwarded-For is believed */
    uint32_t trusted_n;
};

/* What workers share: all of it outlives them. */
struct relay_shared {
    struct store *store;
    struct ledger *ledger;
    const struct io_tls *upstream_tls;
    struct str key_prefix, management_prefix;
    const struct token_shared *tokens; /* NULL: no access tokens are accepted */
};

/* A catalog and this worker's ways to its providers. Counted: a request keeps those it was planned
 * with. */
struct relay_routes {
    uint32_t refs, n;
    struct catalog *catalog;      /* one reference */
    struct fit fit;               /* of its endpoints */
    struct speed *speeds;         /* of its endpoints, as this worker found them */
    struct health *healths;       /* likewise */
    struct upstream *upstreams[]; /* by provider's index in the catalog; one reference each */
};
struct relay_routes *relay_routes_ref(struct relay_routes *r);
void relay_routes_unref(struct relay_routes *r); /* NULL is fine */

struct relay_worker {
    struct io_loop *loop; /* lent */
    const struct relay_shared *shared;
    struct journal *journal;
    struct gate *gate;
    struct person_source *persons; /* NULL: no cookie is accepted */
    struct relay_settings settings;
    struct relay_routes *routes;  /* of now; one reference */
    struct json_tape tape;        /* for what is read and done within one callback */
    struct json_tape inner_tape;  /* for values within what the first holds */
    struct buf scratch, scratch2; /* likewise */
    struct metrics metrics;
    struct generation_ids ids;
    uint64_t random[256]; /* from the kernel, taken from the end */
    uint32_t random_n;
    struct io_hook tick_hook;
    uint64_t tick_ns; /* clocks as read first in this tick; 0: not yet */
    int64_t tick_wall_ms;
    struct list relays; /* all that live */
    struct list spares; /* dead ones whose memory serves again */
    uint32_t spares_n;
    uint32_t relays_n;
    bool is_draining;
};

/* The journal's hook is added to the loop here, before any other. NULL and a sentence. */
struct relay_worker *relay_worker_new(struct io_loop *l, const struct relay_shared *shared,
                                      unsigned number, enum journal_sync sync,
                                      const struct relay_settings *settings,
                                      struct catalog *catalog, struct fault *f);
/* No relay lives any more. */
void relay_worker_free(struct relay_worker *w);
/* The catalog and settings from now on; requests under way keep theirs. ERR_*: all stays as it was.
 */
enum err relay_worker_reload(struct relay_worker *w, const struct relay_settings *settings,
                             struct catalog *catalog, struct fault *f);
void relay_worker_gauges(struct relay_worker *w, struct metrics *out);

/* The clocks, read once a tick: for what needs no more. */
uint64_t relay_worker_ns(struct relay_worker *w);
int64_t relay_worker_wall_ms(struct relay_worker *w);

/* Ranges with commas between them; -1: that is not what it is, or there are too many. */
int relay_trusted_parse(struct str text, struct cidr out[TRUSTED_MAX]);
/* Whose request it is: the peer, or whom trusted proxies name. False: not known. */
struct relay_place {
    const struct relay_worker *w;
    const struct http_stream *stream;
    const struct http_head *head;
};
bool relay_locate(const void *relay_place, struct address *out); /* fits struct gate_wait */

/* 64 bits from the kernel, fetched many at a time. */
uint64_t relay_worker_random(struct relay_worker *w);

#endif
