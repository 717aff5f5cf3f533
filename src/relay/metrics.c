#include "relay/metrics.h"

#include <stdio.h>

const uint32_t metrics_bounds_us[METRICS_BUCKETS - 1] = {50,   100,   200,   500,    1000,   2000,
                                                         5000, 10000, 50000, 100000, 1000000};

static const char *const outcome_names[OUTCOME__COUNT] = {
#define X(name, text) [OUTCOME_##name] = text,
    OUTCOME_LIST(X)
#undef X
};

const char *outcome_name(enum outcome o)
{
    BUG_ON(o >= OUTCOME__COUNT);
    return outcome_names[o];
}

void metrics_added(struct metrics *m, uint64_t us)
{
    size_t i = 0;
    while (i < METRICS_BUCKETS - 1 && us > metrics_bounds_us[i])
        i++;
    m->added_us[i]++;
    m->added_us_sum += us;
    m->added_n++;
}

/* A table of names, filled as providers appear; the last slot takes what has no room. */
static struct provider_metrics *provider_row(struct metrics *m, struct str name)
{
    for (uint32_t i = 0; i < m->providers_n; i++) {
        if (str_eq(str_c(m->providers[i].name), str_head(name, sizeof m->providers[i].name - 1)))
            return &m->providers[i];
    }
    if (m->providers_n == METRICS_PROVIDERS)
        return &m->providers[METRICS_PROVIDERS - 1];
    struct provider_metrics *row = &m->providers[m->providers_n++];
    snprintf(row->name, sizeof row->name, "%.*s", STR_ARG(name));
    return row;
}

void metrics_attempt(struct metrics *m, struct str provider, enum outcome o)
{
    provider_row(m, provider)->attempts[o]++;
}

void metrics_merge(struct metrics *into, const struct metrics *from)
{
    for (size_t i = 0; i < METRICS_STATUSES; i++)
        into->requests[i] += from->requests[i];
    for (size_t i = 0; i < METRICS_BUCKETS; i++)
        into->added_us[i] += from->added_us[i];
    for (uint32_t i = 0; i < from->providers_n; i++) {
        struct provider_metrics *row = provider_row(into, str_c(from->providers[i].name));
        for (size_t o = 0; o < OUTCOME__COUNT; o++)
            row->attempts[o] += from->providers[i].attempts[o];
    }
    into->streams += from->streams;
    into->stream_errors += from->stream_errors;
    into->tokens_prompt += from->tokens_prompt;
    into->tokens_completion += from->tokens_completion;
    into->tokens_cached += from->tokens_cached;
    into->tokens_reasoning += from->tokens_reasoning;
    into->estimated += from->estimated;
    into->cost += from->cost;
    into->uncollected += from->uncollected;
    into->added_us_sum += from->added_us_sum;
    into->added_n += from->added_n;
    into->relays += from->relays;
    into->connections += from->connections;
    into->upstream_open += from->upstream_open;
    into->upstream_idle += from->upstream_idle;
    into->upstream_waiting += from->upstream_waiting;
}

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP turnpike_%s %s\n# TYPE turnpike_%s %s\n", name, help, name, type);
}

static void value(struct buf *b, const char *name, const char *type, const char *help, uint64_t v)
{
    head(b, name, type, help);
    buf_printf(b, "turnpike_%s %llu\n", name, (unsigned long long)v);
}

static void dollars(struct buf *b, const char *name, const char *type, const char *help, nanos v)
{
    head(b, name, type, help);
    buf_printf(b, "turnpike_%s ", name);
    money_add_usd(b, v);
    buf_add(b, STR("\n"));
}

static void write_requests(const struct metrics *m, struct buf *b)
{
    head(b, "requests_total", "counter", "Requests by the status that the client got.");
    for (int i = 0; i < METRICS_STATUSES; i++) {
        if (m->requests[i])
            buf_printf(b, "turnpike_requests_total{status=\"%d\"} %llu\n", i,
                       (unsigned long long)m->requests[i]);
    }
}

static void write_tokens(const struct metrics *m, struct buf *b)
{
    const struct {
        const char *kind;
        uint64_t n;
    } rows[] = {{"prompt", m->tokens_prompt},
                {"completion", m->tokens_completion},
                {"cached", m->tokens_cached},
                {"reasoning", m->tokens_reasoning}};
    head(b, "tokens_total", "counter",
         "Tokens settled; cached are part of prompt, reasoning of completion.");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        buf_printf(b, "turnpike_tokens_total{kind=\"%s\"} %llu\n", rows[i].kind,
                   (unsigned long long)rows[i].n);
}

/* Label values: backslash, quote and line feed escaped. */
static void add_label(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_add(b, STR("\\"));
        buf_add(b, s.p[i] == '\n' ? STR("\\n") : str_of(s.p + i, 1));
    }
}

static void write_attempts(const struct metrics *m, struct buf *b)
{
    head(b, "attempts_total", "counter", "Requests to providers by how they ended.");
    for (uint32_t i = 0; i < m->providers_n; i++) {
        for (size_t o = 0; o < OUTCOME__COUNT; o++) {
            if (m->providers[i].attempts[o] == 0)
                continue;
            buf_add(b, STR("turnpike_attempts_total{provider=\""));
            add_label(b, str_c(m->providers[i].name));
            buf_printf(b, "\",outcome=\"%s\"} %llu\n", outcome_names[o],
                       (unsigned long long)m->providers[i].attempts[o]);
        }
    }
}

static void write_added(const struct metrics *m, struct buf *b)
{
    uint64_t n = 0;
    head(b, "added_latency_seconds", "histogram",
         "Time from a request's last byte to its first attempt.");
    for (size_t i = 0; i < METRICS_BUCKETS - 1; i++) {
        n += m->added_us[i];
        buf_printf(b, "turnpike_added_latency_seconds_bucket{le=\"%u.%06u\"} %llu\n",
                   metrics_bounds_us[i] / 1000000, metrics_bounds_us[i] % 1000000,
                   (unsigned long long)n);
    }
    buf_printf(b, "turnpike_added_latency_seconds_bucket{le=\"+Inf\"} %llu\n",
               (unsigned long long)m->added_n);
    buf_printf(b, "turnpike_added_latency_seconds_sum %llu.%06llu\n",
               (unsigned long long)(m->added_us_sum / 1000000),
               (unsigned long long)(m->added_us_sum % 1000000));
    buf_printf(b, "turnpike_added_latency_seconds_count %llu\n", (unsigned long long)m->added_n);
}

enum err metrics_write(const struct metrics *m, const struct metrics_shared *s, struct buf *b)
{
    head(b, "build_info", "gauge", "Always 1; the version is a label.");
    buf_printf(b, "turnpike_build_info{version=\"%s\"} 1\n", s->version);
    value(b, "uptime_seconds", "gauge", "Seconds since the start.", (uint64_t)s->uptime_s);
    write_requests(m, b);
    value(b, "streams_total", "counter", "Streamed answers begun.", m->streams);
    value(b, "stream_errors_total", "counter", "Streamed answers that ended in an error event.",
          m->stream_errors);
    write_tokens(m, b);
    value(b, "estimated_total", "counter", "Generations whose usage the gateway estimated.",
          m->estimated);
    dollars(b, "cost_dollars_total", "counter", "What was charged.", m->cost);
    dollars(b, "uncollected_dollars_total", "counter",
            "Cost above a hold that no limit had room for.", m->uncollected);
    write_attempts(m, b);
    write_added(m, b);
    dollars(b, "held_dollars", "gauge", "Credit set aside for requests under way.", s->held);
    value(b, "holds", "gauge", "Open holds.", s->holds);
    value(b, "accounts_loaded", "gauge", "Accounts in memory.", s->accounts);
    value(b, "keys_loaded", "gauge", "Keys in memory.", s->keys);
    value(b, "password_hashes_total", "counter", "Passwords hashed or compared with Argon2id.",
          s->password_hashes);
    value(b, "relays", "gauge", "Requests under way.", m->relays);
    value(b, "client_connections", "gauge", "Open client connections.", m->connections);
    value(b, "upstream_connections", "gauge", "Open connections to providers.", m->upstream_open);
    value(b, "upstream_idle", "gauge", "Of these, idle ones.", m->upstream_idle);
    value(b, "upstream_queue", "gauge", "Requests waiting for a connection to a provider.",
          m->upstream_waiting);
    value(b, "journal_queue_bytes", "gauge", "Journal bytes not yet in the database.",
          s->journal_bytes);
    return b->failed;
}
