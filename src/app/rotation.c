#include "app/rotation.h"

#include <stdlib.h>

#include "base/log.h"

/*   RESTING --timer--> LISTING --the newest is old--> MAKING --> PRUNING --> RESTING
 *                         '------------ else -----------------------'          */
enum { LOOK_MS = 60 * 1000 };

struct rotation {
    struct io_loop *loop;
    struct store *store;
    const struct seal_key *master;
    int64_t period_ms;
    struct io_timer timer;
    struct store_signing_list list;
    struct store_signing_add add;
    struct store_signing_prune prune;
    bool is_busy, is_stopped;
};

static void rest(struct rotation *r)
{
    r->is_busy = false;
    if (!r->is_stopped)
        io_timer_set(r->loop, &r->timer, io_now_ms(r->loop) + LOOK_MS);
}

static void on_pruned(struct store_call *c)
{
    struct rotation *r = container_of(c, struct rotation, prune.call);
    if (c->err != ERR_OK)
        log_line(LOG_ERROR, "old signing keys cannot be forgotten: %s", c->fault.message);
    rest(r);
}

static void prune(struct rotation *r)
{
    r->prune = (struct store_signing_prune){.before_ms = clock_wall_ms() - SIGNER_STAYS_MS};
    r->prune.call =
        (struct store_call){.need = STORE_SIGNING_PRUNE, .loop = r->loop, .done = on_pruned};
    store_submit(r->store, &r->prune.call);
}

static void on_added(struct store_call *c)
{
    struct rotation *r = container_of(c, struct rotation, add.call);
    if (c->err == ERR_OK)
        log_line(LOG_INFO, "access tokens are signed with a new key, %s", r->add.row.kid);
    else if (c->err != ERR_CONFLICT) /* then somebody was faster */
        log_line(LOG_ERROR, "a new signing key cannot be kept: %s", c->fault.message);
    prune(r);
}

static void make(struct rotation *r)
{
    struct fault f;
    r->add = (struct store_signing_add){.after = r->list.n ? r->list.rows[0].id : 0};
    if (signer_make(r->master, &r->add.row, &f) != ERR_OK) {
        log_line(LOG_ERROR, "%s", f.message);
        rest(r);
        return;
    }
    r->add.call = (struct store_call){.need = STORE_SIGNING_ADD, .loop = r->loop, .done = on_added};
    store_submit(r->store, &r->add.call);
}

/* Is there one whose last token is over? Asked so that nothing is written where nothing is due. */
static bool has_old(const struct store_signing_list *l, int64_t now_ms)
{
    for (size_t i = 1; i < l->n; i++) {
        if (l->rows[i - 1].created_ms + SIGNER_STAYS_MS < now_ms)
            return true;
    }
    return false;
}

static void on_list(struct store_call *c)
{
    struct rotation *r = container_of(c, struct rotation, list.call);
    int64_t now_ms = clock_wall_ms();
    bool is_due =
        c->err == ERR_OK && (!r->list.n || r->list.rows[0].created_ms + r->period_ms <= now_ms);
    if (c->err != ERR_OK)
        log_line(LOG_ERROR, "the signing keys cannot be read: %s", c->fault.message);
    if (r->is_stopped || c->err != ERR_OK)
        rest(r);
    else if (is_due)
        make(r);
    else if (has_old(&r->list, now_ms))
        prune(r);
    else
        rest(r);
}

void rotation_look(struct rotation *r)
{
    if (r->is_busy || r->is_stopped)
        return;
    r->is_busy = true;
    r->list.call =
        (struct store_call){.need = STORE_SIGNING_LIST, .loop = r->loop, .done = on_list};
    store_submit(r->store, &r->list.call);
}

static void on_timer(struct io_timer *t)
{
    rotation_look(container_of(t, struct rotation, timer));
}

/* --- life --- */

struct rotation *rotation_new(struct io_loop *l, struct store *s, const struct seal_key *master,
                              int64_t period_ms)
{
    struct rotation *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    *r = (struct rotation){.loop = l, .store = s, .master = master, .period_ms = period_ms};
    io_timer_init(&r->timer, on_timer);
    rotation_look(r);
    return r;
}

void rotation_stop(struct rotation *r)
{
    r->is_stopped = true;
    io_timer_clear(r->loop, &r->timer);
}

bool rotation_is_idle(const struct rotation *r)
{
    return !r->is_busy;
}

void rotation_free(struct rotation *r)
{
    free(r);
}

/* --- directly --- */

static enum err submit(struct store *s, struct store_call *c, enum store_need need,
                       const struct audit *audit, struct fault *f)
{
    *c = (struct store_call){.need = need, .audit = audit};
    store_submit(s, c);
    if (c->err != ERR_OK)
        *f = c->fault;
    return c->err;
}

static enum err make_after(struct store *s, const struct seal_key *master, int64_t after,
                           const struct audit *audit, struct signing_key *out, struct fault *f)
{
    struct store_signing_add add = {.after = after};
    enum err e = signer_make(master, &add.row, f);
    if (e == ERR_OK)
        e = submit(s, &add.call, STORE_SIGNING_ADD, audit, f);
    *out = add.row;
    return e;
}

enum err rotation_make(struct store *s, const struct seal_key *master, bool anew,
                       const struct audit *audit, struct signing_key *out, struct fault *f)
{
    struct store_signing_list *list = calloc(1, sizeof *list);
    if (!list)
        return fault_set(f, ERR_NOMEM, "no memory for signing keys");
    enum err e = submit(s, &list->call, STORE_SIGNING_LIST, NULL, f);
    if (e == ERR_OK && list->n && !anew)
        *out = list->rows[0];
    else if (e == ERR_OK)
        e = make_after(s, master, list->n ? list->rows[0].id : 0, audit, out, f);
    free(list);
    memset(out->sealed, 0, sizeof out->sealed);
    out->sealed_n = 0;
    return e;
}
