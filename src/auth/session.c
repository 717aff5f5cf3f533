#include "auth/session.h"

#include <stdlib.h>

#include "auth/ticket.h"
#include "store/calls_people.h"

enum {
    CACHED_MAX = 4096,
    LOOKUPS_MAX = 256,    /* questions to the store at a time */
    TOUCH_MS = 60 * 1000, /* how exactly "last seen" is kept */
};

/* Counted: the cache holds one reference. */
struct held {
    struct person person;
    struct list link; /* least recently used first */
    uint32_t refs;
    uint8_t hash[TICKET_HASH_BYTES];
    int64_t seen_ms, expires_ms;
};

struct sessions {
    struct person_source source;
    struct io_loop *loop;
    struct store *store;
    struct session_limits limits;
    struct map cached;
    struct list used;    /* struct held */
    struct list lookups; /* struct lookup */
    uint32_t lookups_n, touches_n, held_n;
};

struct lookup {
    struct store_session_get get;
    struct list link;
    struct sessions *sessions;
    struct person_wait *wait; /* NULL: the asker has left */
    char csrf[TICKET_CHARS + 1];
    bool is_outdated; /* something changed while the store was asked: not to be cached */
};

struct touch {
    struct store_session_touch call;
    struct sessions *sessions;
};

static struct sessions *sessions_of(struct person_source *s)
{
    return container_of(s, struct sessions, source);
}

static struct str hash_view(const uint8_t hash[TICKET_HASH_BYTES])
{
    return str_of((const char *)hash, TICKET_HASH_BYTES);
}

static void held_unref(struct sessions *s, struct held *h)
{
    if (--h->refs)
        return;
    s->held_n--;
    free(h);
}

static void forget(struct sessions *s, struct held *h)
{
    map_del(&s->cached, hash_view(h->hash));
    list_del(&h->link);
    held_unref(s, h);
}

void sessions_forget_all(struct sessions *s)
{
    struct list *at, *after;
    while (!list_is_empty(&s->used))
        forget(s, container_of(s->used.next, struct held, link));
    list_each (at, after, &s->lookups)
        container_of(at, struct lookup, link)->is_outdated = true;
}

static bool is_over(const struct sessions *s, int64_t seen_ms, int64_t expires_ms, int64_t now_ms)
{
    return expires_ms <= now_ms || now_ms - seen_ms >= s->limits.idle_ms;
}

/* --- last seen --- */

static void on_touched(struct store_call *c)
{
    struct touch *t = container_of(c, struct touch, call.call);
    t->sessions->touches_n--;
    free(t);
}

/* Not worth failing a request for. */
static void touch(struct sessions *s, struct held *h, int64_t now_ms)
{
    int64_t step = s->limits.idle_ms / 4 < TOUCH_MS ? s->limits.idle_ms / 4 : TOUCH_MS;
    struct touch *t = now_ms - h->seen_ms >= step ? calloc(1, sizeof *t) : NULL;
    if (!t)
        return;
    h->seen_ms = now_ms;
    t->sessions = s;
    t->call = (struct store_session_touch){.id = h->person.session_id, .seen_ms = now_ms};
    t->call.call =
        (struct store_call){.need = STORE_SESSION_TOUCH, .loop = s->loop, .done = on_touched};
    s->touches_n++;
    store_submit(s->store, &t->call.call);
}

/* --- asking the store --- */

static void refuse(struct person_wait *w)
{
    fault_write(&w->fault, ERR_AUTH, "This session is over: sign in again");
}

/* NULL: no memory. One reference, the caller's. */
static struct held *held_make(struct sessions *s, const struct lookup *k)
{
    struct held *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    s->held_n++;
    h->refs = 1;
    list_init(&h->link);
    memcpy(h->hash, k->get.hash, sizeof h->hash);
    h->seen_ms = k->get.session.seen_ms;
    h->expires_ms = k->get.session.expires_ms;
    h->person = (struct person){.user_id = k->get.user.id,
                                .account_id = k->get.user.account_id,
                                .session_id = k->get.session.id,
                                .role = k->get.user.role};
    memcpy(h->person.email, k->get.user.email, sizeof h->person.email);
    _Static_assert(sizeof k->csrf == sizeof h->person.csrf, "one form token");
    memcpy(h->person.csrf, k->csrf, sizeof k->csrf);
    return h;
}

static void cache(struct sessions *s, struct held *h)
{
    struct held *old = map_get(&s->cached, hash_view(h->hash));
    if (old)
        forget(s, old);
    if (s->cached.n >= CACHED_MAX)
        forget(s, container_of(s->used.next, struct held, link));
    if (map_put(&s->cached, hash_view(h->hash), h) != ERR_OK)
        return;
    h->refs++;
    list_append(&s->used, &h->link);
}

static bool row_holds(const struct lookup *k)
{
    const struct store_session_get *g = &k->get;
    return !g->user.disabled && !g->account_disabled &&
           !is_over(k->sessions, g->session.seen_ms, g->session.expires_ms, clock_wall_ms());
}

static void answer(struct lookup *k, struct held *h)
{
    struct person_wait *w = k->wait;
    struct sessions *s = k->sessions;
    if (h && !k->is_outdated)
        cache(s, h);
    if (h)
        touch(s, h, clock_wall_ms());
    list_del(&k->link);
    s->lookups_n--;
    free(k);
    if (!w) {
        if (h)
            held_unref(s, h);
        return;
    }
    w->state = NULL;
    w->person = h ? &h->person : NULL;
    w->done(w);
}

static void on_row(struct store_call *c)
{
    struct lookup *k = container_of(c, struct lookup, get.call);
    struct held *h = NULL;
    if (c->err == ERR_OK && row_holds(k)) {
        h = held_make(k->sessions, k);
        if (!h && k->wait)
            fault_write(&k->wait->fault, ERR_NOMEM, "No memory for this request: try again later");
    } else if (k->wait && (c->err == ERR_OK || c->err == ERR_NOT_FOUND)) {
        refuse(k->wait);
    } else if (k->wait) {
        k->wait->fault = c->fault;
    }
    explicit_bzero(k->get.user.password, sizeof k->get.user.password);
    answer(k, h);
}

static enum gate_answer look_up(struct sessions *s, const uint8_t hash[TICKET_HASH_BYTES],
                                struct str cookie, struct person_wait *w)
{
    struct lookup *k = s->lookups_n < LOOKUPS_MAX ? calloc(1, sizeof *k) : NULL;
    if (!k) {
        fault_write(&w->fault, ERR_NOMEM, "Too many sessions are being looked up: try again");
        return GATE_SHUT;
    }
    k->sessions = s;
    k->wait = w;
    ticket_derive(cookie, STR("form"), k->csrf);
    memcpy(k->get.hash, hash, sizeof k->get.hash);
    list_append(&s->lookups, &k->link);
    s->lookups_n++;
    w->state = k;
    k->get.call = (struct store_call){.need = STORE_SESSION_GET, .loop = s->loop, .done = on_row};
    store_submit(s->store, &k->get.call);
    return GATE_WAIT;
}

/* --- the seam --- */

static enum gate_answer ask(struct person_source *source, struct str cookie, struct person_wait *w)
{
    struct sessions *s = sessions_of(source);
    uint8_t hash[TICKET_HASH_BYTES];
    int64_t now = clock_wall_ms();
    if (!ticket_hash(cookie, hash)) {
        refuse(w);
        return GATE_SHUT;
    }
    struct held *h = map_get(&s->cached, hash_view(hash));
    /* another worker may have seen it since: only the store knows that it is over */
    if (h && is_over(s, h->seen_ms, h->expires_ms, now)) {
        forget(s, h);
        h = NULL;
    }
    if (!h)
        return look_up(s, hash, cookie, w);
    list_del(&h->link);
    list_append(&s->used, &h->link);
    touch(s, h, now);
    h->refs++;
    w->person = &h->person;
    return GATE_OPEN;
}

static void leave(struct person_wait *w)
{
    struct lookup *k = w->state;
    if (k)
        k->wait = NULL;
    w->state = NULL;
}

static void release(struct person_source *source, struct person *p)
{
    held_unref(sessions_of(source), container_of(p, struct held, person));
}

static void forget_all(struct person_source *source)
{
    sessions_forget_all(sessions_of(source));
}

struct sessions *sessions_new(struct io_loop *l, struct store *store,
                              const struct session_limits *limits)
{
    struct sessions *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    *s = (struct sessions){
        .source = {.ask = ask, .leave = leave, .release = release, .forget_all = forget_all},
        .loop = l,
        .store = store,
        .limits = *limits};
    map_init(&s->cached);
    list_init(&s->used);
    list_init(&s->lookups);
    return s;
}

bool sessions_is_idle(const struct sessions *s)
{
    return s->lookups_n == 0 && s->touches_n == 0;
}

struct person_source *sessions_source(struct sessions *s)
{
    return &s->source;
}

void sessions_free(struct sessions *s)
{
    if (!s)
        return;
    BUG_ON(!sessions_is_idle(s));
    sessions_forget_all(s);
    BUG_ON(s->held_n != 0);
    map_release(&s->cached);
    free(s);
}
