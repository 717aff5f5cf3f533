/* operate.c: health, and metrics gathered from every worker by message. */
#include "api/internal.h"

#include <stdlib.h>

#include "crypto/password.h"

void api_health(struct api_request *q)
{
    if (journal_is_failing(q->api->w->journal)) {
        api_refuse(q, ERR_STORE, "Records cannot be written at present");
        return;
    }
    api_reply(q, 200, STR("{\"status\":\"ok\"}"));
}

static void gather(struct api *a, void *arg)
{
    struct metrics *one = calloc(1, sizeof *one);
    if (!one)
        return;
    relay_worker_gauges(a->w, one);
    one->connections = http_server_connections(a->server);
    metrics_merge(arg, one);
    free(one);
}

static void show(struct api_request *q)
{
    const struct relay_shared *shared = q->api->w->shared;
    struct ledger_totals t;
    ledger_totals(shared->ledger, &t);
    struct metrics_shared all = {
        .held = t.held,
        .holds = t.holds,
        .accounts = t.accounts,
        .keys = t.keys,
        .password_hashes = password_evaluations(),
        .journal_bytes = journal_bytes_unapplied(shared->store),
        .uptime_s = (clock_wall_ms() - q->api->shared->started_ms) / 1000,
        .version = q->api->shared->version,
    };
    metrics_write(q->state, &all, &q->out);
    if (q->out.failed != ERR_OK)
        api_refuse(q, ERR_NOMEM, "No memory for a scrape: try again later");
    else
        api_reply_as(q, 200, STR("text/plain; version=0.0.4"), buf_view(&q->out));
}

void api_metrics(struct api_request *q)
{
    struct metrics *sum = api_state(q, sizeof *sum);
    if (sum)
        api_everywhere(q, gather, sum, show);
}
