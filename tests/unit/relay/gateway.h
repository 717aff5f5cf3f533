/* gateway.h: a whole gateway in the test's process: loop, store in a directory that goes away, ledger, worker,
 * server; with providers and clients that the test plays byte by byte on the same loop. Every byte that an end gets
 * stops the loop, so a test waits for what it wants to see: WAIT_FOR(condition).
 *
 * GATEWAY_WITH_API before the include: the worker's API serves, not the relay alone. */
#ifndef UNIT_RELAY_GATEWAY_H
#define UNIT_RELAY_GATEWAY_H

#include "unit/store/support.h"

#include "auth/key.h"
#include "base/log.h"
#include "relay/relay.h"
#ifdef GATEWAY_WITH_API
#include "api/api.h"
#endif

enum { GUARD_MS = 20000, GOT_MAX = 128 << 20, ENDS_MAX = 400, MAKERS = 2 };
enum { BODY_MAX = 256 * 1024, KEEPALIVE_MS = 15000 };

/* What test/one costs, in pico-dollars a token. */
enum { PROMPT_PRICE = 150000, COMPLETION_PRICE = 600000, CACHED_PRICE = 75000, MAX_OUTPUT = 4096 };

/* One end of a connection that the test plays. */
struct end {
    struct io_conn *c; /* NULL: the slot is free */
    struct buf got;
    uint64_t count; /* bytes that came */
    bool is_ended, is_sink; /* a sink counts only */
    enum err why;
};

/* A provider: what it accepts. */
struct maker {
    struct io_listener *listener;
    uint16_t port;
    struct end *ends[ENDS_MAX];
    unsigned n, accepted;
};

struct made_key {
    char text[KEY_TEXT_MAX + 1];
    struct key row;
};

static UNUSED struct gateway {
    struct dir dir;
    struct io_loop *loop;
    struct store *store;
    struct ledger *ledger;
    struct relay_shared shared;
    struct relay_worker *worker;
    struct http_server *server;
#ifdef GATEWAY_WITH_API
    struct api *api, *apis[1];
    struct api_shared api_shared;
#endif
    struct maker makers[MAKERS];
    struct end ends[ENDS_MAX];
    struct io_timer guard, look;
    struct io_post post;
    bool is_timed_out, is_posted;
    unsigned accounts, answers;
} gw;

#define assert_str(s, expected)                                                                    \
    do {                                                                                           \
        struct str actual_ = (s);                                                                  \
        if (!str_eq(actual_, str_c(expected)))                                                     \
            fail_msg("got '%.*s', expected '%s'", STR_ARG(actual_), expected);                     \
    } while (0)

/* --- waiting ------------------------------------------------------------------------------------------ */

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        io_timer_set(gw.loop, &gw.guard, io_now_ms(gw.loop) + GUARD_MS);                           \
        while (!(condition)) {                                                                     \
            if (gw.is_timed_out)                                                                   \
                fail_msg("in vain: %s", #condition);                                               \
            io_timer_set(gw.loop, &gw.look, io_now_ms(gw.loop) + 1);                               \
            io_loop_run(gw.loop);                                                                  \
        }                                                                                          \
        io_timer_clear(gw.loop, &gw.guard);                                                        \
    } while (0)

static UNUSED void gw_on_guard(struct io_timer *t)
{
    (void)t;
    gw.is_timed_out = true;
    io_loop_stop(gw.loop);
}

static UNUSED void gw_on_look(struct io_timer *t)
{
    (void)t;
    io_loop_stop(gw.loop);
}

static UNUSED void gw_on_post(struct io_post *p)
{
    (void)p;
    gw.is_posted = false;
    io_loop_stop(gw.loop);
}

/* What lies in sockets is read: the kernel hands over at once on the loopback. */
static UNUSED void turn(void)
{
    for (int i = 0; i < 2; i++) {
        gw.post.run = gw_on_post;
        gw.is_posted = true;
        io_post(gw.loop, &gw.post);
        while (gw.is_posted)
            io_loop_run(gw.loop);
    }
}

/* --- ends --------------------------------------------------------------------------------------------- */

static UNUSED void end_on_open(void *user, enum err e, const char *why)
{
    struct end *p = user;
    (void)why;
    assert_int_equal(e, ERR_OK);
    io_read(p->c, true);
}

static UNUSED void end_on_bytes(void *user, struct str bytes)
{
    struct end *p = user;
    p->count += bytes.n;
    if (!p->is_sink)
        assert_int_equal(buf_add(&p->got, bytes), ERR_OK);
    io_loop_stop(gw.loop);
}

static UNUSED void end_on_end(void *user, enum err e)
{
    struct end *p = user;
    p->is_ended = true;
    p->why = e;
    io_loop_stop(gw.loop);
}

static UNUSED void end_on_drained(void *user)
{
    (void)user;
    io_loop_stop(gw.loop);
}

static const struct io_conn_ops end_ops = {end_on_open, end_on_bytes, end_on_end, end_on_drained};

static UNUSED struct end *end_take(void)
{
    for (size_t i = 0; i < COUNT_OF(gw.ends); i++) {
        if (gw.ends[i].c)
            continue;
        gw.ends[i] = (struct end){0};
        buf_init(&gw.ends[i].got, GOT_MAX);
        return &gw.ends[i];
    }
    fail_msg("too many connections in this test");
    return NULL;
}

static UNUSED void end_drop(struct end *p)
{
    io_close(p->c);
    buf_release(&p->got);
    p->c = NULL;
}

static UNUSED void end_send(struct end *p, struct str bytes)
{
    if (!p->is_ended)
        io_write(p->c, &bytes, 1);
}

static UNUSED bool got_has(const struct end *p, const char *text)
{
    return str_find(buf_view(&p->got), str_c(text)) < p->got.n;
}

/* --- providers ------------------------------------------------------------------------------------------ */

static UNUSED void maker_on_accept(void *user, struct io_conn *c)
{
    struct maker *m = user;
    struct end *p = end_take();
    assert_true(m->n < ENDS_MAX);
    p->c = c;
    m->ends[m->n++] = p;
    m->accepted++;
    io_conn_set_user(c, &end_ops, p);
    io_read(c, true);
    io_loop_stop(gw.loop);
}

static UNUSED void maker_forget(struct maker *m, struct end *p)
{
    for (unsigned i = 0; i < m->n; i++) {
        if (m->ends[i] != p)
            continue;
        m->ends[i] = m->ends[--m->n];
        end_drop(p);
        return;
    }
}

/* Connections that the gateway closed; returns how many are left. */
static UNUSED unsigned maker_open(struct maker *m)
{
    for (unsigned i = m->n; i-- > 0;) {
        if (m->ends[i]->is_ended)
            maker_forget(m, m->ends[i]);
    }
    return m->n;
}

static UNUSED uint64_t upstream_connections(void)
{
    static struct metrics m;
    relay_worker_gauges(gw.worker, &m);
    return m.upstream_open;
}

/* Providers close all their connections, so that the next request comes on a fresh one. */
static UNUSED void makers_hang_up(void)
{
    for (int i = 0; i < MAKERS; i++) {
        while (gw.makers[i].n)
            maker_forget(&gw.makers[i], gw.makers[i].ends[0]);
    }
    WAIT_FOR(upstream_connections() == 0);
}

/* The head's end and the body's length of a message; false: the head is not whole. */
static UNUSED bool message_read(struct str got, size_t *head_n, size_t *body_n)
{
    size_t at = str_find(got, STR("\r\n\r\n"));
    uint64_t length = 0;
    if (at == got.n)
        return false;
    struct str rest = str_head(got, at + 2);
    *head_n = at + 4;
    while (rest.n) {
        size_t end = str_find(rest, STR("\r\n"));
        struct str line = str_head(rest, end);
        if (str_ieq(str_head(line, 16), STR("content-length: ")))
            assert_true(str_u64(str_skip(line, 16), SIZE_MAX, &length));
        rest = str_skip(rest, end + 2);
    }
    *body_n = length;
    return true;
}

static UNUSED struct str request_body(const struct end *p)
{
    size_t head_n = 0, body_n = 0;
    assert_true(message_read(buf_view(&p->got), &head_n, &body_n));
    return str_skip(buf_view(&p->got), head_n);
}

/* A connection on which a whole request waits for its answer, or NULL. */
static UNUSED struct end *asked_now(struct maker *m)
{
    size_t head_n, body_n;
    for (unsigned i = 0; i < m->n; i++) {
        struct str got = buf_view(&m->ends[i]->got);
        if (!m->ends[i]->is_ended && message_read(got, &head_n, &body_n) && got.n >= head_n + body_n)
            return m->ends[i];
    }
    return NULL;
}

static UNUSED struct end *asked(struct maker *m)
{
    WAIT_FOR(asked_now(m));
    return asked_now(m);
}

/* The request is taken off, so that asked() sees the next one. */
static UNUSED void answer_raw(struct end *p, const char *raw)
{
    buf_reset(&p->got);
    end_send(p, str_c(raw));
}

static UNUSED void answer_json(struct end *p, int status, const char *more_fields, const char *json)
{
    char head[400];
    snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
             status, more_fields, strlen(json));
    answer_raw(p, head);
    end_send(p, str_c(json));
}

#define SSE_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

static UNUSED void answer_chunk(struct end *p, const char *text)
{
    char size[24];
    snprintf(size, sizeof size, "%zx\r\n", strlen(text));
    end_send(p, str_c(size));
    end_send(p, str_c(text));
    end_send(p, STR("\r\n"));
}

/* One delta of text as an event. */
static UNUSED void answer_delta(struct end *p, const char *text)
{
    char event[400];
    snprintf(event, sizeof event,
             "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"n\",\"choices\":"
             "[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"finish_reason\":null}]}\n\n",
             text);
    answer_chunk(p, event);
}

#define FINISH_EVENT                                                                               \
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"n\",\"choices\":"         \
    "[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"

static UNUSED void answer_stream_end(struct end *p, unsigned prompt, unsigned completion)
{
    char usage[256];
    snprintf(usage, sizeof usage,
             "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":%u,\"completion_tokens\":%u}}\n\n", prompt,
             completion);
    answer_chunk(p, FINISH_EVENT);
    answer_chunk(p, usage);
    answer_chunk(p, "data: [DONE]\n\n");
    end_send(p, STR("0\r\n\r\n"));
}

#define WHOLE_ANSWER(usage)                                                                        \
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"n\",\"choices\":[{\"index\":0,"   \
    "\"message\":{\"role\":\"assistant\",\"content\":\"hello\"},\"finish_reason\":\"stop\"}]" usage "}"
#define USAGE(p, c) ",\"usage\":{\"prompt_tokens\":" #p ",\"completion_tokens\":" #c "}"

/* --- clients ------------------------------------------------------------------------------------------- */

struct answer {
    int status;
    struct str head;  /* of the end's bytes */
    struct buf body;  /* out of its framing */
    bool is_complete; /* a whole answer, ended as it should */
};

static UNUSED bool dechunk(struct str in, struct buf *out)
{
    for (;;) {
        size_t end = str_find(in, STR("\r\n")), n = 0;
        if (end == in.n)
            return false;
        for (size_t i = 0; i < end; i++)
            n = n * 16 + (size_t)(in.p[i] <= '9' ? in.p[i] - '0' : (in.p[i] | 32) - 'a' + 10);
        in = str_skip(in, end + 2);
        if (n == 0)
            return str_eq(in, STR("\r\n"));
        assert_int_equal(buf_add(out, str_head(in, n)), ERR_OK);
        if (in.n < n + 2)
            return false;
        in = str_skip(in, n + 2);
    }
}

static UNUSED void answer_read(const struct end *p, struct answer *a)
{
    size_t head_n = 0, body_n = 0;
    uint64_t status = 0;
    struct str got = buf_view(&p->got);
    buf_reset(&a->body);
    a->is_complete = false;
    a->status = 0;
    if (!message_read(got, &head_n, &body_n))
        return;
    assert_true(str_u64(str_of(got.p + 9, 3), 999, &status));
    a->status = (int)status;
    a->head = str_head(got, head_n);
    got = str_skip(got, head_n);
    if (str_find(a->head, STR("Transfer-Encoding: chunked")) < a->head.n) {
        a->is_complete = dechunk(got, &a->body);
        return;
    }
    buf_add(&a->body, got);
    a->is_complete = got.n == body_n;
}

static UNUSED bool is_answered(const struct end *p)
{
    struct answer a;
    buf_init(&a.body, GOT_MAX);
    answer_read(p, &a);
    buf_release(&a.body);
    return p->is_ended || a.is_complete;
}

static UNUSED void answer_wait(const struct end *p, struct answer *a)
{
    WAIT_FOR(is_answered(p));
    buf_init(&a->body, GOT_MAX);
    answer_read(p, a);
}

static UNUSED struct end *client_connect(void)
{
    struct end *p = end_take();
    p->c = io_connect(gw.loop, STR("127.0.0.1"), http_server_port(gw.server), NULL, &end_ops, p);
    assert_non_null(p->c);
    return p;
}

static UNUSED void client_head(char *out, size_t size, const struct made_key *k, const char *method_and_path,
                               size_t body_n)
{
    snprintf(out, size, "%s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n",
             method_and_path, k->text, body_n);
}

#define CHAT_PATH "POST /api/v1/chat/completions"

static UNUSED struct end *client_ask(const struct made_key *k, const char *body)
{
    char head[400];
    struct end *p = client_connect();
    client_head(head, sizeof head, k, CHAT_PATH, strlen(body));
    end_send(p, str_c(head));
    end_send(p, str_c(body));
    return p;
}

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"Hello there\"}]"
#define CHAT(model, more) "{\"model\":\"" model "\"," MESSAGES more "}"

/* Waits for the answer and for its relay's end. */
static UNUSED void assert_answer(struct end *p, int status, const char *says)
{
    struct answer a;
    answer_wait(p, &a);
    if (a.status != status || !a.is_complete || str_find(buf_view(&a.body), str_c(says)) == a.body.n)
        fail_msg("expected %d and '%s', got %d%s: %.*s", status, says, a.status, a.is_complete ? "" : ", cut",
                 STR_ARG(str_head(buf_view(&a.body), 600)));
    buf_release(&a.body);
    WAIT_FOR(gw.worker->relays_n == 0);
}

/* --- the store and the ledger ----------------------------------------------------------------------------- */

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
    struct store_key_create c = {.key = {.limit = t->limit ? t->limit : NO_LIMIT, .reset = t->reset}};
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

/* --- the gateway ----------------------------------------------------------------------------------------- */

static const struct deadlines patient = {GUARD_MS, GUARD_MS, GUARD_MS, 2 * GUARD_MS};

static const struct price usual_price = {.prompt = PROMPT_PRICE, .completion = COMPLETION_PRICE,
                                         .cache_read = CACHED_PRICE, .cache_write = PROMPT_PRICE,
                                         .reasoning = COMPLETION_PRICE};

static UNUSED struct provider *add_provider(struct catalog *c, const char *name, const char *title, uint16_t port,
                                            const struct deadlines *d, uint32_t connections_max)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/v1", port);
    struct provider *p = catalog_add_provider(
        c, &(struct provider){.name = str_c(name), .title = str_c(title), .dialect = STR("openai"),
                              .base_url = str_c(url), .api_key = {STR("sk-upstream-canary")}, .deadlines = *d,
                              .connections_max = connections_max, .max_tokens_field = STR("max_tokens"),
                              .retention_days = -1});
    assert_non_null(p);
    return p;
}

static UNUSED struct model *add_model(struct catalog *c, const char *id)
{
    struct model *m = catalog_add_model(c, &(struct model){.id = str_c(id), .name = str_c(id), .created = 1700000000});
    assert_non_null(m);
    return m;
}

static UNUSED struct endpoint *add_endpoint(struct catalog *c, struct model *m, const struct provider *p,
                                            const char *native)
{
    struct endpoint *e = catalog_add_endpoint(
        c, m, &(struct endpoint){.provider = p, .model = str_c(native), .price = usual_price, .context = 128000,
                                 .max_output = MAX_OUTPUT});
    assert_non_null(e);
    return e;
}

/* test/one: Alpha. test/two: Alpha, then Beta. test/other: Beta. test/free: Alpha, for nothing. */
static UNUSED struct catalog *usual_catalog(const struct deadlines *d, uint32_t connections_max)
{
    struct fault f;
    struct catalog *c = catalog_new();
    struct provider *alpha = add_provider(c, "alpha", "Alpha", gw.makers[0].port, d, connections_max);
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
    relay_begin(app, s, head);
}
#endif

static UNUSED void gw_serve(void)
{
    static const struct http_limits limits = {.body_max = 2 * BODY_MAX, .connections_max = ENDS_MAX, .head_ms = GUARD_MS,
                                              .body_ms = GUARD_MS, .idle_ms = GUARD_MS, .write_ms = GUARD_MS};
    struct fault f;
#ifdef GATEWAY_WITH_API
    gw.api_shared = (struct api_shared){gw.apis, 1, clock_wall_ms(), "test"};
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
    gw.shared = (struct relay_shared){.store = gw.store, .ledger = gw.ledger, .key_prefix = STR("sk-tp-v1-"),
                                      .management_prefix = STR("sk-tp-mgmt-v1-")};
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
