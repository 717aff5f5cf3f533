/* operate.c: health, and metrics gathered from every worker by message. */
#include "api/internal.h"

#include <stdlib.h>

void api_health(struct api_request *q)
{
    struct fault f;
    if (journal_is_failing(q->api->w->journal)) {
        fault_write(&f, ERR_STORE, "Records cannot be written at present");
        api_fault(q, &f);
        return;
    }
    api_reply(q, 200, STR("{\"status\":\"ok\"}"));
}

/* A scrape walks from worker to worker and back to the one that was asked. */
struct scrape {
    struct io_post post;
    struct api_request *request;
    struct io_loop *home;
    unsigned at;
    struct metrics sum;
};

static void finish(struct io_post *p)
{
    struct scrape *s = container_of(p, struct scrape, post);
    struct api_request *q = s->request;
    const struct relay_shared *shared = q->api->w->shared;
    struct ledger_totals t;
    char room[REPLY_FIELDS_MAX];
    if (api_resume(q)) {
        ledger_totals(shared->ledger, &t);
        struct metrics_shared all = {
            .held = t.held,
            .holds = t.holds,
            .accounts = t.accounts,
            .keys = t.keys,
            .journal_bytes = journal_bytes_unapplied(shared->store),
            .uptime_s = (clock_wall_ms() - q->api->shared->started_ms) / 1000,
            .version = q->api->shared->version,
        };
        metrics_write(&s->sum, &all, &q->out);
        struct str body = buf_view(&q->out);
        struct http_stream *stream = q->stream;
        q->stream = NULL;
        q->api->w->metrics.requests[200]++;
        http_respond(stream, 200,
                     reply_fields(&q->context, STR("text/plain; version=0.0.4"), STR_NONE, room),
                     &body, 1);
        /* over: as after api_reply() */
        q->is_waiting = true;
        api_resume(q);
    }
    free(s);
}

static void visit(struct io_post *p)
{
    struct scrape *s = container_of(p, struct scrape, post);
    const struct api_shared *shared = s->request->api->shared;
    struct api *a = shared->all[s->at++];
    struct metrics *one = calloc(1, sizeof *one);
    if (one) {
        relay_worker_gauges(a->w, one);
        one->connections = http_server_connections(a->server);
        metrics_merge(&s->sum, one);
        free(one);
    }
    bool is_last = s->at == shared->n;
    s->post.run = is_last ? finish : visit;
    io_post(is_last ? s->home : shared->all[s->at]->w->loop, &s->post);
}

void api_metrics(struct api_request *q)
{
    struct fault f = {ERR_NOMEM, "No memory for a scrape: try again later"};
    struct scrape *s = calloc(1, sizeof *s);
    if (!s) {
        api_fault(q, &f);
        return;
    }
    s->request = q;
    s->home = q->api->w->loop;
    s->post.run = visit;
    q->is_waiting = true;
    io_post(q->api->shared->all[0]->w->loop, &s->post);
}
