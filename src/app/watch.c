#include "app/watch.h"

#include <stdlib.h>

/*   RESTING --timer--> ASKING --changes--> RENEWING --all done, told--> RESTING
 *                        '------none------------------------------------>'        */
enum { POLL_MS = 200 };

struct watch {
    struct io_loop *loop;
    struct store *store;
    struct ledger *ledger;
    void (*changed)(void *user, enum change_kind kind, const uint8_t *hash);
    void *user;
    struct io_timer timer;
    struct store_changes changes;
    struct store_key_get key;
    struct store_account_get account;
    size_t at; /* the change at hand */
    bool is_asking, is_stopped;
};

static void renew_next(struct watch *w);

static void rest(struct watch *w)
{
    w->is_asking = false;
    if (!w->is_stopped)
        io_timer_set(w->loop, &w->timer, io_now_ms(w->loop) + POLL_MS);
}

static void on_key(struct store_call *c)
{
    struct watch *w = container_of(c, struct watch, key.call);
    if (c->err == ERR_OK)
        ledger_key(w->ledger, &w->key.key, w->key.line);
    store_key_get_release(&w->key);
    w->at++;
    renew_next(w);
}

static void on_account(struct store_call *c)
{
    struct watch *w = container_of(c, struct watch, account.call);
    if (c->err == ERR_OK)
        ledger_account(w->ledger, &w->account.account);
    account_release(&w->account.account);
    w->at++;
    renew_next(w);
}

static void renew_key(struct watch *w, const struct store_change *c)
{
    memcpy(w->key.hash, c->hash, KEY_HASH_BYTES);
    w->key.call = (struct store_call){.need = STORE_KEY_GET, .loop = w->loop, .done = on_key};
    store_submit(w->store, &w->key.call);
}

static void renew_account(struct watch *w, const struct store_change *c)
{
    w->account = (struct store_account_get){.id = c->id};
    w->account.call =
        (struct store_call){.need = STORE_ACCOUNT_GET, .loop = w->loop, .done = on_account};
    store_submit(w->store, &w->account.call);
}

/* All at once: told one by one, as each is renewed, they would overtake a look-up that is under way
 * again and again. */
static void tell(struct watch *w)
{
    for (size_t i = 0; i < w->changes.n; i++) {
        const struct store_change *c = &w->changes.changes[i];
        w->changed(w->user, c->kind, c->hash);
    }
}

/* Only what is loaded here needs its row; the rest is read when it is first asked for. */
static void renew_next(struct watch *w)
{
    for (; w->at < w->changes.n && !w->is_stopped; w->at++) {
        const struct store_change *c = &w->changes.changes[w->at];
        if (c->kind == CHANGE_KEY && ledger_find_key(w->ledger, c->id)) {
            renew_key(w, c);
            return;
        }
        if (c->kind == CHANGE_ACCOUNT && ledger_find_account(w->ledger, c->id)) {
            renew_account(w, c);
            return;
        }
    }
    if (!w->is_stopped)
        tell(w);
    rest(w);
}

static void on_changes(struct store_call *c)
{
    struct watch *w = container_of(c, struct watch, changes.call);
    if (c->err != ERR_OK)
        w->changes.n = 0;
    w->at = 0;
    renew_next(w);
}

static void poll(struct io_timer *t)
{
    struct watch *w = container_of(t, struct watch, timer);
    w->is_asking = true;
    w->changes.call =
        (struct store_call){.need = STORE_CHANGES, .loop = w->loop, .done = on_changes};
    store_submit(w->store, &w->changes.call);
}

struct watch *watch_new(struct io_loop *l, struct store *s, struct ledger *ledger,
                        void (*changed)(void *user, enum change_kind kind, const uint8_t *hash),
                        void *user)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    *w = (struct watch){.loop = l, .store = s, .ledger = ledger, .changed = changed, .user = user};
    w->changes.seq = -1;
    io_timer_init(&w->timer, poll);
    poll(&w->timer);
    return w;
}

void watch_stop(struct watch *w)
{
    w->is_stopped = true;
    io_timer_clear(w->loop, &w->timer);
}

bool watch_is_idle(const struct watch *w)
{
    return !w->is_asking;
}

void watch_free(struct watch *w)
{
    free(w);
}
