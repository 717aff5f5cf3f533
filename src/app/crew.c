#include "app/crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "api/trust.h"
#include "app/mailer.h"
#include "app/rotation.h"
#include "app/watch.h"
#include "relay/relay.h"

enum { HEAD_MS = 15000, BODY_MS = 60000, IDLE_MS = 75000, WRITE_MS = 60000, STOP_CHECK_MS = 10 };

struct worker {
    struct crew *crew;
    struct io_loop *loop;
    struct relay_worker *relays;
    struct sessions *sessions;
    struct api *api;
    pthread_t thread;
    bool is_running;
    struct io_post drain;
    struct io_timer stop_timer;
    uint64_t end_ms;
    bool is_drained, is_done;
};

/* What the main thread waits for. */
struct errand {
    struct io_post post;
    struct worker *worker;
    const struct relay_settings *settings;
    const struct http_limits *limits;
    struct catalog *catalog;
    enum err err;
    struct fault fault;
};

struct crew {
    unsigned n;
    struct worker *workers;
    struct api **apis;
    struct api_shared shared;
    struct watch *watch; /* on the first worker's loop, as the two below */
    struct mailer *mailer;
    struct rotation *rotation;
    uint32_t grace_ms;
    pthread_mutex_t lock;
    pthread_cond_t came_back;
    unsigned away;    /* errands not yet done */
    atomic_uint busy; /* workers that may still send another one a message */
};

/* --- settings
 * ------------------------------------------------------------------------------------- */

static struct http_limits limits_of(const struct config *c)
{
    return (struct http_limits){.body_max = c->body_max,
                                .connections_max = c->connections_max / c->workers + 1,
                                .head_ms = HEAD_MS,
                                .body_ms = BODY_MS,
                                .idle_ms = IDLE_MS,
                                .write_ms = WRITE_MS};
}

static struct relay_settings settings_of(const struct config *c)
{
    struct relay_settings s = {
        .body_max = c->body_max, .keepalive_ms = c->keepalive_ms, .public_url = STR_NONE};
    int n = relay_trusted_parse(c->trusted_proxies, s.trusted);
    BUG_ON(n < 0); /* the configuration has looked at it */
    s.trusted_n = (uint32_t)n;
    return s;
}

/* --- changes in the store, told to every worker
 * ------------------------------------------------------- */

struct notice {
    struct io_post post;
    struct worker *worker;
    enum change_kind kind;
    uint8_t hash[KEY_HASH_BYTES];
};

static void forget(struct io_post *p)
{
    struct notice *n = container_of(p, struct notice, post);
    struct gate *gate = n->worker->relays->gate;
    switch (n->kind) {
    case CHANGE_KEY:
        gate_forget_key(gate, n->hash);
        break;
    case CHANGE_TOKENS:
        gate_forget_tokens(gate, n->hash);
        break;
    case CHANGE_SIGNERS:
        gate_forget_signers(gate);
        break;
    case CHANGE_ACCOUNT:
    case CHANGE__COUNT:
        gate_forget_all(gate);
        sessions_forget_all(n->worker->sessions);
        break;
    }
    free(n);
}

static void on_change(void *user, enum change_kind kind, const uint8_t *hash)
{
    struct crew *w = user;
    for (unsigned i = 0; i < w->n; i++) {
        struct notice *n = calloc(1, sizeof *n);
        if (!n) {
            log_line(LOG_ERROR, "no memory to tell a worker of a change");
            continue;
        }
        n->post.run = forget;
        n->worker = &w->workers[i];
        n->kind = kind;
        memcpy(n->hash, hash, sizeof n->hash);
        io_post(n->worker->loop, &n->post);
    }
}

/* --- opening
 * -------------------------------------------------------------------------------------- */

static enum err worker_open(struct worker *k, unsigned i, const struct config *c,
                            const struct relay_shared *shared, struct catalog *catalog,
                            const struct io_tls *tls, uint16_t port, struct fault *f)
{
    struct relay_settings settings = settings_of(c);
    struct http_limits limits = limits_of(c);
    k->loop = io_loop_new(f);
    if (!k->loop)
        return f->err;
    k->relays = relay_worker_new(k->loop, shared, i, c->journal_sync, &settings, catalog, f);
    if (!k->relays)
        return f->err;
    k->sessions = sessions_new(k->loop, shared->store, &k->crew->shared.signin->limits);
    if (!k->sessions)
        return fault_set(f, ERR_NOMEM, "no memory for a worker");
    k->relays->persons = sessions_source(k->sessions);
    k->api = api_new(k->relays, &limits, &k->crew->shared);
    if (!k->api)
        return fault_set(f, ERR_NOMEM, "no memory for a worker");
    k->crew->apis[i] = k->api;
    return http_server_listen(api_server(k->api), c->listen_host, port, tls, f);
}

struct crew *crew_new(const struct config *c, const struct relay_shared *shared,
                      struct trust *trust, const struct signin *signin, struct catalog *catalog,
                      const struct io_tls *listener_tls, const char *version, struct fault *f)
{
    struct crew *w = calloc(1, sizeof *w);
    struct worker *workers = calloc(c->workers, sizeof *workers);
    struct api **apis = calloc(c->workers, sizeof(struct api *));
    enum err e = ERR_OK;
    if (!w || !workers || !apis) {
        free(w);
        free(workers);
        free(apis);
        fault_write(f, ERR_NOMEM, "no memory for %u workers", c->workers);
        return NULL;
    }
    *w = (struct crew){.n = c->workers, .workers = workers, .apis = apis};
    w->shared = (struct api_shared){apis, c->workers, clock_wall_ms(), version, trust, signin};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->came_back, NULL);
    for (unsigned i = 0; i < w->n && e == ERR_OK; i++) {
        w->workers[i].crew = w;
        uint16_t port = i == 0 ? c->listen_port : crew_port(w);
        e = worker_open(&w->workers[i], i, c, shared, catalog, listener_tls, port, f);
    }
    if (e == ERR_OK) {
        w->watch = watch_new(w->workers[0].loop, shared->store, shared->ledger, on_change, w);
        w->mailer = mailer_new(w->workers[0].loop, shared->store, c, f);
        w->rotation =
            rotation_new(w->workers[0].loop, shared->store, &trust->master, c->tokens_rotate_ms);
        if (w->watch && w->mailer && w->rotation)
            return w;
        if (!w->watch || !w->rotation)
            fault_write(f, ERR_NOMEM, "no memory for a worker");
    }
    crew_free(w);
    return NULL;
}

uint16_t crew_port(const struct crew *w)
{
    return http_server_port(api_server(w->workers[0].api));
}

static void *run(void *arg)
{
    struct worker *k = arg;
    io_loop_run(k->loop);
    return NULL;
}

enum err crew_start(struct crew *w, struct fault *f)
{
    for (unsigned i = 0; i < w->n; i++) {
        if (pthread_create(&w->workers[i].thread, NULL, run, &w->workers[i]) != 0)
            return fault_set(f, ERR_NOMEM, "cannot start worker %u", i);
        pthread_setname_np(w->workers[i].thread, "worker");
        w->workers[i].is_running = true;
    }
    return ERR_OK;
}

/* --- reloading
 * ------------------------------------------------------------------------------------ */

static void do_errand(struct io_post *p)
{
    struct errand *e = container_of(p, struct errand, post);
    struct crew *w = e->worker->crew;
    e->err = relay_worker_reload(e->worker->relays, e->settings, e->catalog, &e->fault);
    if (e->err == ERR_OK)
        http_server_set_limits(api_server(e->worker->api), e->limits);
    pthread_mutex_lock(&w->lock);
    w->away--;
    pthread_cond_signal(&w->came_back);
    pthread_mutex_unlock(&w->lock);
}

enum err crew_reload(struct crew *w, const struct config *c, struct catalog *catalog,
                     struct fault *f)
{
    struct relay_settings settings = settings_of(c);
    struct http_limits limits = limits_of(c);
    struct errand *errands = calloc(w->n, sizeof *errands);
    enum err e = ERR_OK;
    if (!errands)
        return fault_set(f, ERR_NOMEM, "no memory to reload");
    w->away = w->n;
    for (unsigned i = 0; i < w->n; i++) {
        errands[i] = (struct errand){.post = {.run = do_errand},
                                     .worker = &w->workers[i],
                                     .settings = &settings,
                                     .limits = &limits,
                                     .catalog = catalog};
        io_post(w->workers[i].loop, &errands[i].post);
    }
    pthread_mutex_lock(&w->lock);
    while (w->away)
        pthread_cond_wait(&w->came_back, &w->lock);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->n; i++) {
        if (errands[i].err != ERR_OK) {
            e = errands[i].err;
            *f = errands[i].fault;
        }
    }
    free(errands);
    return e;
}

/* --- the end
 * -------------------------------------------------------------------------------------- */

static bool is_quiet(const struct worker *k)
{
    const struct crew *w = k->crew;
    bool watches = k == &w->workers[0];
    return k->is_drained && k->relays->relays_n == 0 && api_is_idle(k->api) &&
           gate_is_idle(k->relays->gate) && sessions_is_idle(k->sessions) &&
           (!watches || (watch_is_idle(w->watch) && mailer_is_idle(w->mailer) &&
                         rotation_is_idle(w->rotation)));
}

/* Looks every few milliseconds whether the last request is gone; after the grace, ends what is
 * left. A loop runs on until no worker has requests: one of those may be on its way here. */
static void on_stop_timer(struct io_timer *t)
{
    struct worker *k = container_of(t, struct worker, stop_timer);
    uint64_t now = io_now_ms(k->loop);
    if (!k->is_done && is_quiet(k)) {
        k->is_done = true;
        atomic_fetch_sub(&k->crew->busy, 1);
    }
    if (atomic_load(&k->crew->busy) == 0) {
        io_loop_stop(k->loop);
        return;
    }
    if (now >= k->end_ms)
        relay_end_all(k->relays);
    io_timer_set(k->loop, t, now + STOP_CHECK_MS);
}

static void on_drained(void *user)
{
    struct worker *k = user;
    k->is_drained = true;
}

static void do_drain(struct io_post *p)
{
    struct worker *k = container_of(p, struct worker, drain);
    struct crew *w = k->crew;
    if (k == &w->workers[0]) {
        watch_stop(w->watch);
        mailer_stop(w->mailer);
        rotation_stop(w->rotation);
    }
    gate_stop(k->relays->gate);
    k->end_ms = io_now_ms(k->loop) + w->grace_ms;
    io_timer_init(&k->stop_timer, on_stop_timer);
    http_server_drain(api_server(k->api), on_drained, k);
    io_timer_set(k->loop, &k->stop_timer, io_now_ms(k->loop) + 1);
}

void crew_drain(struct crew *w, uint32_t ms)
{
    w->grace_ms = ms;
    for (unsigned i = 0; i < w->n; i++)
        w->busy += w->workers[i].is_running;
    for (unsigned i = 0; i < w->n; i++) {
        if (!w->workers[i].is_running)
            continue;
        w->workers[i].drain.run = do_drain;
        io_post(w->workers[i].loop, &w->workers[i].drain);
    }
    for (unsigned i = 0; i < w->n; i++) {
        if (w->workers[i].is_running)
            pthread_join(w->workers[i].thread, NULL);
        w->workers[i].is_running = false;
    }
}

void crew_free(struct crew *w)
{
    if (!w)
        return;
    for (unsigned i = 0; i < w->n; i++) {
        api_free(w->workers[i].api);
        sessions_free(w->workers[i].sessions);
        relay_worker_free(w->workers[i].relays);
    }
    watch_free(w->watch);
    mailer_free(w->mailer);
    rotation_free(w->rotation);
    for (unsigned i = 0; i < w->n; i++) {
        if (w->workers[i].loop)
            io_loop_free(w->workers[i].loop);
    }
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->came_back);
    free(w->apis);
    free(w->workers);
    free(w);
}
