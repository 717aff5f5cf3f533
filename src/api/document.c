#include "api/document.h"

#include "api/internal.h"
#include "api/trust.h"
#include "base/log.h"

/*   RESTING --asked, old or lacking--> FETCHING --200--> READING --> RESTING
 *      '<------------- anything else ------'                                */
enum {
    FETCH_MS = 10 * 1000,
    FRESH_MS = 3600 * 1000,   /* then it is asked for again (or as its kind says), */
    STALE_MS = 24 * FRESH_MS, /* and if that fails for so long, believed no more */
};

void document_init(struct document *d, const struct document_kind *k, const void *with)
{
    *d = (struct document){.kind = k, .with = with};
    list_init(&d->waiting);
}

static void forget(struct document *d)
{
    if (d->what)
        d->kind->drop(d->what);
    d->what = NULL;
    d->etag[0] = '\0';
}

void document_release(struct document *d)
{
    BUG_ON(d->kind && !list_is_empty(&d->waiting));
    if (d->kind)
        forget(d);
}

static bool may_fetch(struct document *d, uint64_t now)
{
    uint64_t more = d->refilled_ms ? (now - d->refilled_ms) / DOCUMENT_FETCH_MS : DOCUMENT_FETCHES;
    if (more) {
        uint64_t all = d->fetches_left + more;
        d->fetches_left = all < DOCUMENT_FETCHES ? (uint32_t)all : DOCUMENT_FETCHES;
        d->refilled_ms = d->refilled_ms ? d->refilled_ms + more * DOCUMENT_FETCH_MS : now;
    }
    if (!d->fetches_left)
        return false;
    d->fetches_left--;
    return true;
}

static uint64_t fresh_ms(const struct document *d)
{
    return d->kind->fresh_ms ? d->kind->fresh_ms(d->get.answer.max_age_s) : FRESH_MS;
}

/* Everybody goes on with what there is now. */
static void settle(struct document *d, const struct fault *why)
{
    uint64_t now = io_now_ms(d->api->w->loop);
    struct list waiting;
    d->fault = (struct fault){ERR_OK, ""};
    if (why) {
        d->fault = *why;
        log_line(LOG_WARN, "%s cannot be had: %s", d->kind->name, why->message);
        if (d->fetched_ms + STALE_MS < now)
            forget(d);
    } else {
        d->fetched_ms = now;
        d->fresh_until_ms = now + fresh_ms(d);
    }
    buf_release(&d->get.answer.body);
    d->is_busy = false;
    list_init(&waiting);
    list_move_all(&waiting, &d->waiting);
    while (!list_is_empty(&waiting)) {
        struct api_request *q = container_of(waiting.next, struct api_request, document_link);
        list_del(&q->document_link);
        api_resume(q);
    }
}

static void on_read(struct io_job *j)
{
    struct document *d = container_of(j, struct document, job);
    if (!d->fresh) {
        settle(d, &d->reading);
        return;
    }
    forget(d);
    d->what = d->fresh;
    d->fresh = NULL;
    memcpy(d->etag, d->get.answer.etag, sizeof d->etag);
    settle(d, NULL);
}

static void read_it(struct io_job *j)
{
    struct document *d = container_of(j, struct document, job);
    d->fresh = d->kind->read(buf_view(&d->get.answer.body), d->with, &d->reading);
}

static void on_fetched(struct courier_job *j)
{
    struct document *d = container_of(j, struct document, get.job);
    const struct courier_answer *a = &d->get.answer;
    struct fault why = j->fault;
    bool is_unchanged = j->err == ERR_OK && a->status == 304 && d->what;
    if (j->err == ERR_OK && a->status == 200) {
        d->job = (struct io_job){.run = read_it, .done = on_read};
        if (io_work(d->api->shared->trust->readers, d->api->w->loop, &d->job))
            return;
        fault_write(&why, ERR_OVERLOADED, "too many documents wait to be read");
    } else if (j->err == ERR_OK) {
        fault_write(&why, ERR_UPSTREAM, "the answer's status is %d", a->status);
    }
    settle(d, is_unchanged ? NULL : &why);
}

static void fetch(struct document *d, struct api *a, struct str url, bool is_public_only)
{
    d->api = a;
    d->is_busy = true;
    d->get =
        (struct courier_get){.job = {.kind = COURIER_GET, .loop = a->w->loop, .done = on_fetched},
                             .url = url,
                             .etag = str_c(d->etag),
                             .body_max = d->kind->max,
                             .timeout_ms = FETCH_MS,
                             .is_public_only = is_public_only};
    courier_submit(a->shared->trust->courier, &d->get.job);
}

bool document_ask(struct document *d, struct api_request *q, struct str url, bool is_public_only,
                  bool is_missing, void (*then)(struct api_request *q))
{
    uint64_t now = io_now_ms(q->api->w->loop);
    bool is_wanted = d->fresh_until_ms <= now || is_missing || !d->what;
    if (!is_wanted || (!d->is_busy && !may_fetch(d, now)))
        return true;
    list_append(&d->waiting, &q->document_link);
    api_wait(q, then);
    if (!d->is_busy)
        fetch(d, q->api, url, is_public_only);
    return false;
}

void document_doubt(struct document *d)
{
    d->fresh_until_ms = 0;
}
