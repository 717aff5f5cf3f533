/* metrics.h: what one worker counted. A worker's own: a scrape asks each worker by message and adds up. */
#ifndef RELAY_METRICS_H
#define RELAY_METRICS_H

#include "base/buf.h"
#include "base/money.h"

/* clang-format off */
/* How an attempt at an endpoint ended. */
#define OUTCOME_LIST(X)                                                                             \
    X(OK, "ok")                   /* answered */                                                    \
    X(RATE, "rate_limited")       /* 429 */                                                         \
    X(OVERLOADED, "overloaded")   /* 503, 529 */                                                    \
    X(FAILED, "failed")           /* other 5xx, an error in place of an answer */                   \
    X(UNREACHABLE, "unreachable") /* refused, reset, no address, TLS */                             \
    X(TIMEOUT, "timeout")         /* connect, first byte, idle or total */                          \
    X(BROKEN, "broken")           /* cut or malformed after content */                              \
    X(REFUSED, "refused")         /* 4xx: it will not serve this request */                         \
    X(AUTH, "auth")               /* 401, 403: the operator's credential is bad */                  \
    X(CANCELLED, "cancelled")     /* the client left */
/* clang-format on */

enum outcome {
#define X(name, text) OUTCOME_##name,
    OUTCOME_LIST(X)
#undef X
        OUTCOME__COUNT
};
const char *outcome_name(enum outcome o);

enum { METRICS_BUCKETS = 12, METRICS_STATUSES = 600, METRICS_PROVIDERS = 64 };

/* Upper bounds of the histogram of added latency, in microseconds; the last is infinity. */
extern const uint32_t metrics_bounds_us[METRICS_BUCKETS - 1];

struct provider_metrics {
    char name[48];
    uint64_t attempts[OUTCOME__COUNT];
};

struct metrics {
    uint64_t requests[METRICS_STATUSES]; /* by the status that the client got */
    uint64_t streams,
        stream_errors; /* streamed answers begun; those that ended in an error event */
    uint64_t tokens_prompt, tokens_completion, tokens_cached, tokens_reasoning;
    uint64_t estimated; /* generations whose usage was estimated */
    nanos cost, uncollected;
    uint64_t added_us[METRICS_BUCKETS], added_us_sum, added_n;
    struct provider_metrics providers[METRICS_PROVIDERS];
    uint32_t providers_n;
    /* gauges, filled in when scraped */
    uint64_t relays, connections, upstream_open, upstream_idle, upstream_waiting;
};

void metrics_added(struct metrics *m, uint64_t us);
void metrics_attempt(struct metrics *m, struct str provider, enum outcome o);
/* Adds all of `from` to `into`. */
void metrics_merge(struct metrics *into, const struct metrics *from);

struct metrics_shared {
    nanos held;
    uint64_t holds, accounts, keys, journal_bytes;
    int64_t uptime_s;
    const char *version;
    uint64_t password_hashes; /* since the start */
};
/* Prometheus text format 0.0.4. */
enum err metrics_write(const struct metrics *m, const struct metrics_shared *s, struct buf *out);

#endif
