/* gate_rig.h: a gate on the test's loop, with a store and one account, and keys and questions in a
 * line. */
#ifndef UNIT_AUTH_GATE_RIG_H
#define UNIT_AUTH_GATE_RIG_H

#include "unit/store/support.h"

#include "auth/gate.h"
#include "auth/key.h"

enum { GUARD_MS = 20000, WAITERS = 50 };
#define PREFIX     STR("sk-tp-v1-")
#define MANAGEMENT STR("sk-tp-mgmt-v1-")

static const struct seal_key rig_master = {{9}};
static const struct token_shared rig_tokens = {.issuer = STR_INIT("https://gateway.example"),
                                               .master = &rig_master};

/* A store with one account, and a gate on the test's loop. */
static struct here {
    struct dir dir;
    struct store *store;
    struct ledger *ledger;
    struct io_loop *loop;
    struct gate *gate;
    struct account account;
    struct io_timer guard, look;
    bool is_timed_out;
    unsigned answers;
} here;

/* A question and whether it was answered. */
struct asker {
    struct gate_wait wait;
    bool is_answered;
};

struct made_key {
    char text[KEY_TEXT_MAX + 1];
    struct key row;
};

static UNUSED void on_guard(struct io_timer *t)
{
    (void)t;
    here.is_timed_out = true;
    io_loop_stop(here.loop);
}

static UNUSED void on_look(struct io_timer *t)
{
    (void)t;
    io_loop_stop(here.loop);
}

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        io_timer_set(here.loop, &here.guard, io_now_ms(here.loop) + GUARD_MS);                     \
        while (!(condition) && !here.is_timed_out) {                                               \
            io_timer_set(here.loop, &here.look, io_now_ms(here.loop) + 1);                         \
            io_loop_run(here.loop);                                                                \
        }                                                                                          \
        assert_false(here.is_timed_out);                                                           \
        io_timer_clear(here.loop, &here.guard);                                                    \
    } while (0)

static UNUSED int set_up(void **state)
{
    struct fault f;
    (void)state;
    memset(&here, 0, sizeof here);
    dir_make(&here.dir);
    struct store *s = direct(&here.dir);
    here.account = make_account(s, "a@example.org", 5 * NANOS_PER_USD);
    store_close(s);
    here.store = store_open(str_c(here.dir.path), STORE_THREADS, &f);
    here.loop = io_loop_new(&f);
    here.ledger = ledger_new();
    assert_true(here.store && here.loop && here.ledger);
    here.gate = gate_new(here.loop, here.store, here.ledger, PREFIX, MANAGEMENT, &rig_tokens);
    assert_non_null(here.gate);
    io_timer_init(&here.guard, on_guard);
    io_timer_init(&here.look, on_look);
    clock_wall_set(SOME_MS);
    return 0;
}

static UNUSED int tear_down(void **state)
{
    (void)state;
    WAIT_FOR(gate_is_idle(here.gate));
    gate_free(here.gate);
    ledger_free(here.ledger);
    io_loop_free(here.loop);
    store_close(here.store);
    dir_remove(&here.dir);
    clock_wall_release();
    return 0;
}

static UNUSED void on_call(struct store_call *c)
{
    (void)c;
    here.answers++;
}

/* A call of the store, waited for. */
static UNUSED void do_call(struct store_call *c, enum store_need need)
{
    unsigned before = here.answers;
    c->need = need;
    c->loop = here.loop;
    c->done = on_call;
    store_submit(here.store, c);
    WAIT_FOR(here.answers != before);
    assert_int_equal(c->err, ERR_OK);
}

static UNUSED struct made_key make(bool is_management, int64_t expires_ms)
{
    struct made_key k;
    struct store_key_create c = {
        .key = {.account_id = here.account.id, .limit = NO_LIMIT, .expires_ms = expires_ms}};
    key_make(PREFIX, is_management, k.text, &c.key);
    do_call(&c.call, STORE_KEY_CREATE);
    k.row = c.key;
    return k;
}

static UNUSED void disable(const struct made_key *k, bool disabled)
{
    struct store_key_disable c = {.disabled = disabled};
    memcpy(c.hash, k->row.hash, sizeof c.hash);
    do_call(&c.call, STORE_KEY_DISABLE);
}

static UNUSED void on_answer(struct gate_wait *w)
{
    container_of(w, struct asker, wait)->is_answered = true;
}

static UNUSED enum gate_answer ask_raw(struct asker *a, const char *authorization,
                                       const char *x_api_key, enum gate_need need)
{
    *a = (struct asker){.wait.done = on_answer};
    return gate_ask(here.gate, authorization ? str_c(authorization) : STR_NONE,
                    x_api_key ? str_c(x_api_key) : STR_NONE, need, &a->wait);
}

static UNUSED enum gate_answer ask_key(struct asker *a, const char *text, enum gate_need need)
{
    char line[KEY_TEXT_MAX + 16];
    snprintf(line, sizeof line, "Bearer %s", text);
    return ask_raw(a, line, NULL, need);
}

/* Asks and waits where it must. NULL: refused, and the fault says why. */
static UNUSED struct principal *ask_fully(struct asker *a, const char *text, enum gate_need need)
{
    if (ask_key(a, text, need) == GATE_WAIT)
        WAIT_FOR(a->is_answered);
    return a->wait.principal;
}

static UNUSED void assert_open(const char *text, enum gate_need need)
{
    struct asker a;
    struct principal *p = ask_fully(&a, text, need);
    if (!p)
        fail_msg("refused: %s", a.wait.fault.message);
    principal_unref(p);
}

static UNUSED void assert_shut(const char *text, enum gate_need need, enum err e,
                               const char *sentence)
{
    struct asker a;
    assert_null(ask_fully(&a, text, need));
    assert_int_equal(a.wait.fault.err, e);
    assert_string_equal(a.wait.fault.message, sentence);
}

#endif
