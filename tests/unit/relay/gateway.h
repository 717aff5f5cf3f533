/* gateway.h: a whole gateway in the test's process: loop, store in a directory that goes away,
 * ledger, worker, server.
 *
 * GATEWAY_WITH_API before the include: the worker's API serves, not the relay alone. */
#ifndef UNIT_RELAY_GATEWAY_H
#define UNIT_RELAY_GATEWAY_H

#include "unit/relay/ends.h"
#ifdef GATEWAY_WITH_API
#include "api/signin.h"
#include "api/trust.h"
#endif

enum { BODY_MAX = 256 * 1024, KEEPALIVE_MS = 15000 };

/* What test/one costs, in pico-dollars a token. */
enum { PROMPT_PRICE = 150000, COMPLETION_PRICE = 600000, CACHED_PRICE = 75000, MAX_OUTPUT = 4096 };

static const struct seal_key gw_master = {{7}};
static const struct token_shared gw_tokens = {.issuer = STR_INIT("http://127.0.0.1"),
                                              .master = &gw_master};

/* --- the store and the ledger
 * ----------------------------------------------------------------------------- */

static UNUSED void gw_on_call(struct store_call *c)
{
    (void)c;
    gw.answers++;
    io_loop_stop(gw.loop);
}

static UNUSED void do_call(struct store_call *c, enum store_need need)
{
    unsigned before = gw.answers;
    c->need = need;
    c->loop = gw.loop;
    c->done = gw_on_call;
    store_submit(gw.store, c);
    WAIT_FOR(gw.answers != before);
}

struct terms {
    nanos credit; /* of an account of its own */
    nanos limit;  /* 0: none */
    enum window reset;
    bool is_management;
};

static UNUSED struct made_key key_for(const struct terms *t)
{
    struct made_key k;
    struct store_account_create a = {0};
    struct store_credit_grant g = {.amount = t->credit};
    struct store_key_create c = {
        .key = {.limit = t->limit ? t->limit : NO_LIMIT, .reset = t->reset}};
    snprintf(a.account.email, sizeof a.account.email, "a%u@example.org", ++gw.accounts);
    do_call(&a.call, STORE_ACCOUNT_CREATE);
    assert_int_equal(a.call.err, ERR_OK);
    g.account_id = a.account.id;
    if (t->credit)
        do_call(&g.call, STORE_CREDIT_GRANT);
    assert_int_equal(g.call.err, ERR_OK);
    c.key.account_id = a.account.id;
    key_make(gw.shared.key_prefix, t->is_management, k.text, &c.key);
    do_call(&c.call, STORE_KEY_CREATE);
    assert_int_equal(c.call.err, ERR_OK);
    k.row = c.key;
    return k;
}

static UNUSED struct made_key rich_key(void)
{
    return key_for(&(struct terms){.credit = 100 * NANOS_PER_USD});
}

/* What the account of this key has settled. */
static UNUSED nanos settled_by(const struct made_key *k)
{
    struct budget *b = ledger_find_account(gw.ledger, k->row.account_id);
    struct budget_view v;
    if (!b)
        return 0;
    budget_view(b, clock_wall_ms(), &v);
    return v.usage.in[WINDOW_NONE];
}

static UNUSED struct ledger_totals totals(void)
{
    struct ledger_totals t;
    ledger_totals(gw.ledger, &t);
    return t;
}

/* Every relay is gone, and with it its hold. */
static UNUSED void wait_quiet(void)
{
    WAIT_FOR(gw.worker->relays_n == 0);
    assert_int_equal(totals().holds, 0);
    assert_int_equal(totals().held, 0);
}

/* The record of an answer, by its X-Generation-Id. To be released. */
static UNUSED void record_of(const struct answer *a, struct store_generation_get *g)
{
    struct str name = STR("X-Generation-Id: ");
    struct str rest = str_skip(a->head, str_find(a->head, name));
    rest = str_skip(rest, name.n);
    *g = (struct store_generation_get){0};
    assert_true(generation_id_parse(str_head(rest, str_find(rest, STR("\r\n"))), &g->id, &g->tag));
    do_call(&g->call, STORE_GENERATION_GET);
    assert_int_equal(g->call.err, ERR_OK);
}

/* --- the gateway
 * ----------------------------------------------------------------------------------------- */

static const struct deadlines patient = {GUARD_MS, GUARD_MS, GUARD_MS, 2 * GUARD_MS};

static const struct price usual_price = {.prompt = PROMPT_PRICE,
                                         .completion = COMPLETION_PRICE,
                                         .cache_read = CACHED_PRICE,
                                         .cache_write = PROMPT_PRICE,
                                         .reasoning = COMPLETION_PRICE};

static UNUSED struct provider *add_provider(struct catalog *c, const char *name, const char *title,
                                            uint16_t port, const struct deadlines *d,
                                            uint32_t connections_max)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/v1", port);
    struct provider *p =
        catalog_add_provider(c, &(struct provider){.name = str_c(name),
                                                   .title = str_c(title),
                                                   .dialect = STR("openai"),
                                                   .base_url = str_c(url),
                                                   .api_key = {STR("sk-upstream-canary")},
                                                   .deadlines = *d,
                                                   .connections_max = connections_max,
                                                   .max_tokens_field = STR("max_tokens"),
                                                   .retention_days = -1});
    assert_non_null(p);
    return p;
}

static UNUSED struct model *add_model(struct catalog *c, const char *id)
{
    struct model *m = catalog_add_model(
        c, &(struct model){.id = str_c(id), .name = str_c(id), .created = 1700000000});
    assert_non_null(m);
    return m;
}

static UNUSED struct endpoint *add_endpoint(struct catalog *c, struct model *m,
                                            const struct provider *p, const char *native)
{
    struct endpoint *e = catalog_add_endpoint(c, m,
                                              &(struct endpoint){.provider = p,
                                                                 .model = str_c(native),
                                                                 .price = usual_price,
                                                                 .context = 128000,
                                                                 .max_output = MAX_OUTPUT});
    assert_non_null(e);
    return e;
}

/* test/one: Alpha. test/two: Alpha, then Beta. test/other: Beta. test/free: Alpha, for nothing. */
static UNUSED struct catalog *usual_catalog(const struct deadlines *d, uint32_t connections_max)
{
    struct fault f;
    struct catalog *c = catalog_new();
    struct provider *alpha =
        add_provider(c, "alpha", "Alpha", gw.makers[0].port, d, connections_max);
    struct provider *beta = add_provider(c, "beta", "Beta", gw.makers[1].port, d, connections_max);
    struct model *two = add_model(c, "test/two");
    add_endpoint(c, add_model(c, "test/one"), alpha, "one-a");
    add_endpoint(c, two, alpha, "two-a");
    add_endpoint(c, two, beta, "two-b");
    add_endpoint(c, add_model(c, "test/other"), beta, "other-b");
    add_endpoint(c, add_model(c, "test/free"), alpha, "free-a")->price = (struct price){0};
    assert_int_equal(catalog_seal(c, &f), ERR_OK);
    return c;
}

static UNUSED struct relay_settings usual_settings(void)
{
    return (struct relay_settings){.body_max = BODY_MAX, .keepalive_ms = KEEPALIVE_MS};
}

/* The catalog from now on; the reference is given away. */
static UNUSED void reload(struct catalog *c, const struct relay_settings *s)
{
    struct fault f;
    if (relay_worker_reload(gw.worker, s, c, &f) != ERR_OK)
        fail_msg("%s", f.message);
    catalog_unref(c);
}

static UNUSED void reload_deadlines(const struct deadlines *d, uint32_t connections_max)
{
    struct relay_settings s = usual_settings();
    reload(usual_catalog(d, connections_max), &s);
}

#ifndef GATEWAY_WITH_API
static UNUSED void gw_on_request(void *app, struct http_stream *s, const struct http_head *head)
{
    const char *speaks = str_ends(head->path, STR("/messages"))    ? "anthropic"
                         : str_ends(head->path, STR("/responses")) ? "responses"
                                                                   : "openai";
    struct relay_service service = {.speaks = dialect_find(str_c(speaks))};
    if (str_ends(head->path, STR("/embeddings")))
        service.direct = &direct_embed;
    if (str_ends(head->path, STR("/rerank")))
        service.direct = &direct_rank;
    relay_begin(app, s, head, &service);
}
#endif

#ifdef GATEWAY_WITH_API
static struct signin gw_signin; /* closed, without helper threads */
#endif

static UNUSED void gw_serve(void)
{
    static const struct http_limits limits = {.body_max = 2 * BODY_MAX,
                                              .connections_max = ENDS_MAX,
                                              .head_ms = GUARD_MS,
                                              .body_ms = GUARD_MS,
                                              .idle_ms = GUARD_MS,
                                              .write_ms = GUARD_MS};
    struct fault f;
#ifdef GATEWAY_WITH_API
    gw_signin = (struct signin){.limits = {.idle_ms = 1000000, .absolute_ms = 1000000},
                                .base_url = STR_INIT("http://127.0.0.1"),
                                .attempts = attempts_new()};
    static struct trust trust = {.exposure_policy = EXPOSURE_DISABLE};
    gw.api_shared = (struct api_shared){.all = gw.apis,
                                        .n = 1,
                                        .started_ms = clock_wall_ms(),
                                        .version = "test",
                                        .trust = &trust,
                                        .signin = &gw_signin};
    gw.api = gw.apis[0] = api_new(gw.worker, &limits, &gw.api_shared);
    assert_non_null(gw.api);
    gw.server = api_server(gw.api);
#else
    gw.server = http_server_new(gw.loop, &limits, gw_on_request, gw.worker);
#endif
    assert_non_null(gw.server);
    assert_int_equal(http_server_listen(gw.server, STR("127.0.0.1"), 0, NULL, &f), ERR_OK);
}

static UNUSED void gw_open(enum journal_sync sync)
{
    struct fault f;
    struct relay_settings settings = usual_settings();
    gw.store = store_open(str_c(gw.dir.path), STORE_THREADS, &f);
    gw.loop = io_loop_new(&f);
    gw.ledger = ledger_new();
    assert_true(gw.store && gw.loop && gw.ledger);
    io_timer_init(&gw.guard, gw_on_guard);
    io_timer_init(&gw.look, gw_on_look);
    for (int i = 0; i < MAKERS; i++) {
        struct maker *m = &gw.makers[i];
        m->listener = io_listen(gw.loop, STR("127.0.0.1"), 0, NULL, maker_on_accept, m, &f);
        assert_non_null(m->listener);
        m->port = io_listener_port(m->listener);
    }
    gw.shared = (struct relay_shared){.store = gw.store,
                                      .ledger = gw.ledger,
                                      .key_prefix = STR("sk-tp-v1-"),
                                      .management_prefix = STR("sk-tp-mgmt-v1-"),
                                      .tokens = &gw_tokens};
    struct catalog *c = usual_catalog(&patient, 200);
    gw.worker = relay_worker_new(gw.loop, &gw.shared, 0, sync, &settings, c, &f);
    assert_non_null(gw.worker);
    catalog_unref(c);
    gw_serve();
}

static UNUSED int gateway_begin_with(enum journal_sync sync)
{
    memset(&gw, 0, sizeof gw);
    log_set_level(LOG_ERROR);
    clock_wall_set(SOME_MS);
    dir_make(&gw.dir);
    gw_open(sync);
    return 0;
}

static UNUSED int gateway_begin(void **state)
{
    (void)state;
    return gateway_begin_with(JOURNAL_SYNC_NEVER);
}

/* Every end goes; nothing may be left behind. */
static UNUSED int tidy(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(gw.ends); i++) {
        if (gw.ends[i].c)
            end_drop(&gw.ends[i]);
    }
    for (int i = 0; i < MAKERS; i++)
        gw.makers[i].n = gw.makers[i].accepted = 0;
    wait_quiet();
    reload_deadlines(&patient, 200);
    return 0;
}

static UNUSED int gateway_end(void **state)
{
    tidy(state);
    WAIT_FOR(gate_is_idle(gw.worker->gate));
    nanos *settled = calloc(gw.accounts + 1, sizeof *settled);
    for (unsigned i = 1; i <= gw.accounts; i++)
        settled[i] = settled_by(&(struct made_key){.row.account_id = i});
#ifdef GATEWAY_WITH_API
    WAIT_FOR(api_is_idle(gw.api));
    api_free(gw.api);
    attempts_free(gw_signin.attempts);
#else
    http_server_free(gw.server);
#endif
    relay_worker_free(gw.worker);
    ledger_free(gw.ledger);
    io_loop_free(gw.loop);
    store_close(gw.store);
    struct store *s = direct(&gw.dir);
    verify_clean(s);
    for (unsigned i = 1; i <= gw.accounts; i++) /* the ledger's figure is the store's */
        assert_int_equal(get_account(s, i).usage.in[WINDOW_NONE], settled[i]);
    store_close(s);
    free(settled);
    dir_remove(&gw.dir);
    clock_wall_release();
    return 0;
}

#endif
