/* github.c: POST /exposures/github: GitHub's secret scanning partner protocol.
 *
 *   headers there --> key known? --no--> fetched (at most so often) --> known?
 *                        |                                               |
 *                        '--> signature over the raw body right? <-------'
 *                                    |
 *                              only now it is parsed
 *
 * What is not signed learns nothing: neither a token's state nor whether a body makes sense. */
#include "api/github.h"

#include "api/exposures.h"
#include "api/trust.h"
#include "base/base64.h"
#include "base/codec.h"
#include "base/log.h"

enum {
    KEYS_BODY_MAX = 256 * 1024,
    FETCH_MS = 10 * 1000,
    SIGNATURE_MAX = 128,
    FRESH_MS = 3600 * 1000,   /* then they are asked for again, */
    STALE_MS = 24 * FRESH_MS, /* and if that fails for so long, believed no more */
};

void github_release(struct github *g)
{
    github_keys_release(&g->keys);
}

/* --- the keys --- */

struct fetching {
    struct courier_get get;
    char etag[COURIER_ETAG_MAX + 1];
};

static void release(void *state)
{
    buf_release(&((struct fetching *)state)->get.answer.body);
}

static bool may_fetch(struct github *g, uint64_t now)
{
    uint64_t more = g->refilled_ms ? (now - g->refilled_ms) / GITHUB_REFETCH_MS : GITHUB_REFETCHES;
    if (more) {
        uint64_t all = g->fetches_left + more;
        g->fetches_left = all < GITHUB_REFETCHES ? (uint32_t)all : GITHUB_REFETCHES;
        g->refilled_ms = g->refilled_ms ? g->refilled_ms + more * GITHUB_REFETCH_MS : now;
    }
    if (!g->fetches_left)
        return false;
    g->fetches_left--;
    return true;
}

static void judge(struct api_request *q);

static void on_keys(struct api_request *q)
{
    struct fetching *f = q->state;
    struct github *g = &q->api->github;
    struct courier_answer *a = &f->get.answer;
    struct fault why = f->get.job.fault;
    uint64_t now = io_now_ms(q->api->w->loop);
    bool is_good = f->get.job.err == ERR_OK && a->status == 304 && g->keys.n;
    if (f->get.job.err == ERR_OK && a->status == 200) {
        is_good = github_keys_read(&g->keys, buf_view(&a->body), &why) == ERR_OK;
        if (is_good)
            memcpy(g->etag, a->etag, sizeof g->etag);
    } else if (f->get.job.err == ERR_OK && !is_good) {
        fault_write(&why, ERR_UPSTREAM, "the answer's status is %d", a->status);
    }
    if (is_good)
        g->fetched_ms = now;
    else
        log_line(LOG_WARN, "GitHub's public keys cannot be fetched: %s", why.message);
    if (!is_good && g->fetched_ms + STALE_MS < now) {
        github_keys_release(&g->keys);
        g->etag[0] = '\0';
    }
    judge(q);
}

static void fetch(struct api_request *q)
{
    const struct trust *t = q->api->shared->trust;
    struct fetching *f = api_state(q, sizeof *f);
    if (!f)
        return;
    memcpy(f->etag, q->api->github.etag, sizeof f->etag);
    f->get = (struct courier_get){.job.kind = COURIER_GET,
                                  .url = t->github_keys_url,
                                  .etag = str_c(f->etag),
                                  .body_max = KEYS_BODY_MAX,
                                  .timeout_ms = FETCH_MS};
    if (!arena_defer(&q->arena, release, f))
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    else
        api_courier(q, t->courier, &f->get.job, on_keys);
}

/* --- the signature --- */

/* Each is one of the two that may be sent: not the token itself, which need not go round again. */
static void answer(struct api_request *q)
{
    const struct exposure_report *r = exposures_report(q);
    struct json_writer w;
    char hash[2 * KEY_HASH_BYTES];
    json_writer_init(&w, &q->out);
    jw_array(&w, NULL);
    for (size_t i = 0; i < r->n; i++) {
        hex_encode(hash, r->items[i].hash, KEY_HASH_BYTES);
        jw_object(&w, NULL);
        jw_str(&w, "token_hash", str_of(hash, sizeof hash));
        jw_str(&w, "token_type", r->items[i].type);
        jw_str_c(&w, "label", r->items[i].is_known ? "true_positive" : "false_positive");
        jw_end(&w);
    }
    jw_finish(&w);
    api_reply_buf(q, 200);
}

static bool is_signed(const struct api_request *q, const struct sign_key *k)
{
    char der[SIGNATURE_MAX];
    size_t n;
    return base64_decode(BASE64_PLAIN, q->github_signature, der, sizeof der, &n) &&
           sign_is_der(k, buf_view(&q->body), str_of(der, n));
}

static void judge(struct api_request *q)
{
    const struct github *g = &q->api->github;
    const struct sign_key *k = github_keys_find(&g->keys, q->github_key);
    if (g->keys.n == 0)
        api_refuse(q, ERR_OVERLOADED, "GitHub's public keys cannot be fetched: try again later");
    else if (!k)
        api_refuse(q, ERR_AUTH, "Github-Public-Key-Identifier: GitHub has no such key");
    else if (!is_signed(q, k))
        api_refuse(q, ERR_AUTH, "Github-Public-Key-Signature: the body is not signed by this key");
    else
        exposures_take(q, STR("github"), true, answer);
}

void api_exposures_github(struct api_request *q)
{
    struct github *g = &q->api->github;
    uint64_t now = io_now_ms(q->api->w->loop);
    if (!q->github_key.n || !q->github_signature.n) {
        api_refuse(q, ERR_AUTH,
                   "Github-Public-Key-Identifier and Github-Public-Key-Signature: expected both");
        return;
    }
    bool is_old = !g->fetched_ms || g->fetched_ms + FRESH_MS < now;
    bool is_missing = !github_keys_find(&g->keys, q->github_key);
    if ((is_old || is_missing) && may_fetch(g, now))
        fetch(q);
    else
        judge(q);
}
