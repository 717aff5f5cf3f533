/* serve.c: the gateway as a process: what is opened in which order, signals, the end. */
#include "app/serve.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "api/trust.h"
#include "app/base_url.h"
#include "app/commands.h"
#include "app/crew.h"
#include "app/first_start.h"
#include "app/master.h"
#include "app/sim_catalog.h"
#include "sim/sim.h"

enum {
    WATCH_MS = 100, /* how often the main thread looks at signals and writes the log */
    HELPERS = 2,    /* threads that hash passwords, 64 MiB each */
    HELPERS_QUEUE_MAX = 64,
    READERS_QUEUE_MAX = 256, /* a document of each issuer's that all workers may ask for at once */
};

struct simulator {
    struct sim *sim;
    struct io_loop *loop;
    pthread_t thread;
    struct io_post stop;
    bool is_running;
};

struct process {
    struct config config;
    const struct config_flags *flags;
    struct simulator simulator;
    struct relay_shared shared;
    struct trust trust;
    struct master_vault vault;
    struct token_shared tokens;
    struct signin signin;
    char base_url[BASE_URL_MAX];
    struct io_tls *listener_tls, *upstream_tls;
    struct crew *crew;
    char management_prefix[KEY_PREFIX_MAX + 6];
};

/* --- the simulated provider
 * ------------------------------------------------------------------------ */

static void *run_simulator(void *arg)
{
    io_loop_run(((struct simulator *)arg)->loop);
    return NULL;
}

static void stop_simulator(struct io_post *p)
{
    io_loop_stop(container_of(p, struct simulator, stop)->loop);
}

static enum err simulator_start(struct simulator *s, struct fault *f)
{
    if (s->is_running)
        return ERR_OK;
    s->loop = io_loop_new(f);
    if (!s->loop)
        return f->err;
    s->sim = sim_new(s->loop, STR("127.0.0.1"), 0, f);
    if (!s->sim)
        return f->err;
    if (pthread_create(&s->thread, NULL, run_simulator, s) != 0)
        return fault_set(f, ERR_NOMEM, "cannot start the simulated provider's thread");
    s->is_running = true;
    return ERR_OK;
}

static void simulator_end(struct simulator *s)
{
    if (s->is_running) {
        s->stop.run = stop_simulator;
        io_post(s->loop, &s->stop);
        pthread_join(s->thread, NULL);
    }
    if (s->sim)
        sim_free(s->sim);
    if (s->loop)
        io_loop_free(s->loop);
}

/* With no provider configured the simulated one serves, so that the first request is answered. */
static enum err complete_catalog(struct process *p, struct catalog *c, struct fault *f)
{
    if (c->providers_n)
        return ERR_OK;
    enum err e = simulator_start(&p->simulator, f);
    if (e == ERR_OK)
        e = sim_catalog_add(c, sim_port(p->simulator.sim), sim_refused_port(p->simulator.sim), f);
    return e == ERR_OK ? catalog_seal(c, f) : e;
}

/* --- what people read first
 * --------------------------------------------------------------------------- */

static void greet(const struct process *p, const struct first_start *first)
{
    const struct catalog *c = p->config.catalog;
    struct str model = c->models_n ? c->models[0]->id : STR("author/model");
    const char *scheme = p->listener_tls ? "https" : "http";
    struct str host = base_url_host(&p->config);
    unsigned port = crew_port(p->crew);
    bool is_v6 = memchr(host.p, ':', host.n) != NULL;
    const char *open = is_v6 ? "[" : "", *close = is_v6 ? "]" : "";
    fprintf(stderr, "\nTurnpike listens on %s://%s%.*s%s:%u\n", scheme, open, STR_ARG(host), close,
            port);
    if (p->simulator.is_running)
        fprintf(stderr, "No provider is configured: the built-in simulated provider answers "
                        "(models sim/...).\n");
    if (first->made_key)
        fprintf(stderr, "Your first API key, shown this once:\n\n  %s\n\n", first->key);
    if (first->has_claim)
        fprintf(
            stderr,
            "Nobody owns this instance yet. This link makes you its owner; it works once, for a "
            "day:\n\n  %.*s/claim?token=%s\n\n",
            STR_ARG(p->signin.base_url), first->claim);
    if (first->granted)
        fprintf(stderr, "Its account starts with $%lld; more: turnpike credit grant USD\n",
                (long long)(first->granted / NANOS_PER_USD));
    fprintf(stderr,
            "Try it:\n\n  curl %s://%s%.*s%s:%u/api/v1/chat/completions -H 'Content-Type: "
            "application/json' "
            "-H 'Authorization: Bearer %s' -d "
            "'{\"model\":\"%.*s\",\"messages\":[{\"role\":\"user\",\"content\":"
            "\"Hello\"}]}'\n\n",
            scheme, open, STR_ARG(host), close, port,
            first->made_key ? first->key : "'\"$TURNPIKE_API_KEY\"'", STR_ARG(model));
}

static void log_listening(const struct process *p)
{
    char address[300];
    struct log_line l;
    int n = snprintf(address, sizeof address, "%.*s:%u", STR_ARG(p->config.listen_host),
                     crew_port(p->crew));
    log_begin(&l, LOG_INFO, "listening");
    log_str(&l, "address", str_of(address, (size_t)n));
    log_i64(&l, "workers", p->config.workers);
    log_end(&l);
    log_flush();
}

/* --- opening
 * ------------------------------------------------------------------------------------------ */

static void raise_descriptors(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

static enum err open_shared(struct process *p, struct fault *f)
{
    p->shared.key_prefix = p->config.key_prefix;
    p->shared.management_prefix = key_management_prefix(p->config.key_prefix, p->management_prefix);
    p->shared.upstream_tls = p->upstream_tls;
    p->shared.store = store_open(p->config.data, STORE_THREADS, f);
    if (!p->shared.store)
        return f->err;
    p->shared.ledger = ledger_new();
    return p->shared.ledger ? ERR_OK : fault_set(f, ERR_NOMEM, "no memory for the ledger");
}

static enum err open_trust(struct process *p, struct fault *f)
{
    const struct config *c = &p->config;
    p->trust.courier = courier_new(c->upstream_ca.n ? c->upstream_ca.p : NULL, f);
    if (!p->trust.courier)
        return f->err;
    p->trust.exposure_policy = (enum exposure_policy)(c->exposure_choice + EXPOSURE_NOTIFY);
    p->trust.github_keys_url = c->github_keys_url;
    p->trust.has_mail = c->mail_smtp.n > 0;
    p->trust.readers = io_pool_new(1, READERS_QUEUE_MAX, f);
    if (!p->trust.readers)
        return f->err;
    p->tokens.master = &p->trust.master;
    p->shared.tokens = &p->tokens;
    enum err e = master_open(&p->trust.master, p->shared.store, f);
    if (e == ERR_OK)
        master_vault_give(&p->vault, &p->trust.master, p->shared.store);
    return e;
}

static enum err open_signin(struct process *p, struct fault *f)
{
    const struct config *c = &p->config;
    p->signin = (struct signin){
        .signup = c->signup,
        .limits = {.idle_ms = c->session_idle_ms, .absolute_ms = c->session_absolute_ms},
        .public_url = c->public_url,
        .has_mail = c->mail_smtp.n != 0,
        .oidc = c->oidc,
        .oidc_n = c->oidc_n,
        .attempts = attempts_new()};
    if (!p->signin.attempts)
        return fault_set(f, ERR_NOMEM, "no memory for slowed attempts");
    p->signin.pool = io_pool_new(HELPERS, HELPERS_QUEUE_MAX, f);
    return p->signin.pool ? ERR_OK : f->err;
}

static enum err process_open(struct process *p, struct first_start *first, struct fault *f)
{
    raise_descriptors();
    enum err e = complete_catalog(p, p->config.catalog, f);
    if (e == ERR_OK)
        e = config_open_upstream_tls(&p->config, &p->upstream_tls, f);
    if (e == ERR_OK)
        e = config_open_listener_tls(&p->config, &p->listener_tls, f);
    if (e == ERR_OK) /* before the key is made that is shown once */
        e = io_port_check(p->config.listen_host, p->config.listen_port, f);
    if (e == ERR_OK)
        e = first_start(&p->config, first, f);
    if (e == ERR_OK)
        e = open_shared(p, f);
    if (e == ERR_OK)
        e = open_trust(p, f);
    if (e == ERR_OK)
        e = open_signin(p, f);
    if (e != ERR_OK)
        return e;
    p->crew = crew_new(&p->config, &p->shared, &p->trust, &p->signin, p->config.catalog,
                       p->listener_tls, turnpike_version(), f);
    if (!p->crew)
        return f->err;
    p->signin.base_url = base_url_write(&p->config, crew_port(p->crew), p->base_url);
    p->tokens.issuer = p->signin.base_url;
    return crew_start(p->crew, f);
}

static void process_close(struct process *p)
{
    if (p->crew)
        crew_drain(p->crew, p->config.shutdown_ms);
    crew_free(p->crew);
    courier_free(p->trust.courier);
    io_pool_free(p->trust.readers);
    seal_key_forget(&p->trust.master);
    io_pool_free(p->signin.pool);
    attempts_free(p->signin.attempts);
    simulator_end(&p->simulator);
    if (p->shared.store)
        store_close(p->shared.store);
    seal_key_forget(&p->vault.key);
    if (p->shared.ledger)
        ledger_free(p->shared.ledger);
    io_tls_free(p->listener_tls);
    io_tls_free(p->upstream_tls);
    config_release(&p->config);
}

/* --- running
 * ------------------------------------------------------------------------------------------ */

static void warn_unchangeable(const struct config *old, const struct config *new)
{
    bool moved =
        !str_eq(old->listen_host, new->listen_host) || old->listen_port != new->listen_port;
    if (moved || !str_eq(old->data, new->data) || old->workers != new->workers ||
        !str_eq(old->key_prefix, new->key_prefix) || !old->tls_cert.n != !new->tls_cert.n ||
        !str_eq(old->upstream_ca, new->upstream_ca) || !str_eq(old->mail_smtp, new->mail_smtp) ||
        !str_eq(old->mail_from, new->mail_from) || old->journal_sync != new->journal_sync)
        log_line(LOG_WARN,
                 "listen, data, workers, key_prefix, whether there is tls, upstream_ca, mail "
                 "and journal change at the next start only");
}

/* All that may change is made before anything does, and then changes on every worker. The listener's certificate is
 * read anew too: it is renewed more often than anything else here. */
static enum err swap(struct process *p, struct config *fresh, struct fault *f)
{
    struct io_tls *listener;
    enum err e = config_open_listener_tls(fresh, &listener, f);
    if (e != ERR_OK)
        return e;
    e = complete_catalog(p, fresh->catalog, f);
    if (e == ERR_OK) {
        warn_unchangeable(&p->config, fresh);
        fresh->workers = p->config.workers;
        e = crew_reload(p->crew, fresh, fresh->catalog, f);
    }
    if (e == ERR_OK && listener && p->listener_tls)
        io_tls_renew(p->listener_tls, listener);
    else
        io_tls_free(listener);
    return e;
}

/* Swapped whole, or all stays as it was. The strings that stay in use (data, prefix, ...) belong to the first
 * configuration, which is kept until the end. */
static void reload(struct process *p)
{
    struct config fresh;
    struct fault f;
    enum err e = config_load(&fresh, p->flags, &f);
    if (e == ERR_OK) {
        e = swap(p, &fresh, &f);
        if (e == ERR_OK)
            log_set_level(fresh.log_level);
        config_release(&fresh);
    }
    if (e == ERR_OK)
        log_line(LOG_INFO, "configuration reloaded");
    else
        log_line(LOG_ERROR, "configuration kept as it was: %s", f.message);
}

static void watch_signals(struct process *p, const sigset_t *signals)
{
    const struct timespec pause = {.tv_nsec = WATCH_MS * 1000000L};
    for (;;) {
        int got = sigtimedwait(signals, NULL, &pause);
        if (got == SIGHUP)
            reload(p);
        log_flush();
        if (got == SIGTERM || got == SIGINT) {
            log_line(LOG_INFO, "stopping: streams may finish for %u ms", p->config.shutdown_ms);
            log_flush();
            return;
        }
    }
}

int serve(const struct config_flags *flags)
{
    struct process p = {.flags = flags};
    struct first_start first;
    struct fault f;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (config_load(&p.config, flags, &f) != ERR_OK)
        return command_failed(&f);
    log_set_level(p.config.log_level);
    if (process_open(&p, &first, &f) != ERR_OK) {
        fprintf(stderr, "turnpike: %s\n", f.message);
        process_close(&p);
        return 1;
    }
    log_set_deferred(true);
    log_listening(&p);
    greet(&p, &first);
    explicit_bzero(&first, sizeof first);
    watch_signals(&p, &signals);
    process_close(&p);
    log_line(LOG_INFO, "stopped");
    log_set_deferred(false);
    return 0;
}
