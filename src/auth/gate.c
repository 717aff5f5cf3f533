#include "auth/gate.h"

#include <stdlib.h>

#include "auth/key.h"
#include "crypto/digest.h"

enum {
    CACHED_MAX = 20000,   /* principals a worker remembers */
    UNKNOWN_SLOTS = 4096, /* digests of unknown keys; a power of two */
    UNKNOWN_MS = 2000,
    LOOKUPS_MAX = 512, /* questions to the store at a time */
};

struct unknown {
    uint8_t hash[KEY_HASH_BYTES];
    uint64_t until_ms;
};

struct gate {
    struct io_loop *loop;
    struct store *store;
    struct ledger *ledger;
    struct str prefix, management_prefix;
    struct map cached; /* by digest */
    struct list used;  /* cached principals, least recently used first */
    struct map asking; /* struct gate_lookup by digest */
    struct unknown *unknown;
};

/* One question to the store and all who wait for its answer. */
struct gate_lookup {
    struct store_key_get get;
    struct gate *gate;
    struct list waiting;
    bool is_outdated; /* the key changed while the store was asked: not to be cached */
};

struct principal *principal_ref(struct principal *p)
{
    p->refs++;
    return p;
}

void principal_unref(struct principal *p)
{
    if (p && --p->refs == 0)
        free(p);
}

static struct str hash_view(const uint8_t hash[KEY_HASH_BYTES])
{
    return str_of((const char *)hash, KEY_HASH_BYTES);
}

struct gate *gate_new(struct io_loop *l, struct store *s, struct ledger *ledger,
                      struct str key_prefix, struct str management_prefix)
{
    struct gate *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    *g = (struct gate){.loop = l,
                       .store = s,
                       .ledger = ledger,
                       .prefix = key_prefix,
                       .management_prefix = management_prefix};
    g->unknown = calloc(UNKNOWN_SLOTS, sizeof *g->unknown);
    map_init(&g->cached);
    map_init(&g->asking);
    list_init(&g->used);
    if (!g->unknown) {
        free(g);
        return NULL;
    }
    return g;
}

bool gate_is_idle(const struct gate *g)
{
    return g->asking.n == 0;
}

static void forget(struct gate *g, struct principal *p)
{
    map_del(&g->cached, hash_view(p->key.hash));
    list_del(&p->link);
    p->is_cached = false;
    principal_unref(p);
}

void gate_forget_all(struct gate *g)
{
    size_t at = 0;
    while (!list_is_empty(&g->used))
        forget(g, container_of(g->used.next, struct principal, link));
    for (struct gate_lookup *k; (k = map_next(&g->asking, &at));)
        k->is_outdated = true;
    memset(g->unknown, 0, UNKNOWN_SLOTS * sizeof *g->unknown);
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    BUG_ON(g->asking.n != 0);
    gate_forget_all(g);
    map_release(&g->cached);
    map_release(&g->asking);
    free(g->unknown);
    free(g);
}

static struct unknown *unknown_slot(struct gate *g, const uint8_t hash[KEY_HASH_BYTES])
{
    size_t i = hash[0] | (size_t)hash[1] << 8;
    return &g->unknown[i & (UNKNOWN_SLOTS - 1)];
}

void gate_forget_key(struct gate *g, const uint8_t hash[KEY_HASH_BYTES])
{
    struct principal *p = map_get(&g->cached, hash_view(hash));
    struct gate_lookup *k = map_get(&g->asking, hash_view(hash));
    if (p)
        forget(g, p);
    if (k)
        k->is_outdated = true;
    unknown_slot(g, hash)->until_ms = 0;
}

/* --- the judgement -------------------------------------------------------------------------------
 */

static enum err judge_key(const struct principal *p, enum gate_need need, struct fault *f)
{
    const struct key *k = &p->key;
    if (k->disabled)
        return fault_set(f, ERR_AUTH, "This API key is disabled");
    if (k->expires_ms && k->expires_ms <= clock_wall_ms())
        return fault_set(f, ERR_AUTH, "This API key has expired");
    if (p->account_disabled)
        return fault_set(f, ERR_FORBIDDEN, "The account of this API key is disabled");
    if (need == GATE_INFERENCE && k->is_management)
        return fault_set(f, ERR_FORBIDDEN,
                         "This is a management key: it administers and cannot run inference. "
                         "Use an inference key here");
    if (need == GATE_MANAGEMENT && !k->is_management)
        return fault_set(f, ERR_FORBIDDEN,
                         "This is an inference key: only a management key is allowed here");
    return ERR_OK;
}

static enum gate_answer judge(struct principal *p, struct gate_wait *w)
{
    if (judge_key(p, w->need, &w->fault) != ERR_OK)
        return GATE_SHUT;
    w->principal = principal_ref(p);
    return GATE_OPEN;
}

static enum err refuse_unknown(struct fault *f)
{
    return fault_set(f, ERR_AUTH, "Unknown API key: it does not exist or was deleted");
}

/* --- asking the store ----------------------------------------------------------------------------
 */

static void cache(struct gate *g, struct principal *p)
{
    if (g->cached.n >= CACHED_MAX)
        forget(g, container_of(g->used.next, struct principal, link));
    if (map_put(&g->cached, hash_view(p->key.hash), p) != ERR_OK)
        return;
    p->is_cached = true;
    list_append(&g->used, &principal_ref(p)->link);
}

/* NULL: no memory. One reference, the caller's. */
static struct principal *principal_make(struct gate *g, const struct store_key_get *row)
{
    struct principal *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->refs = 1;
    list_init(&p->link);
    p->key = row->key;
    p->account_disabled = row->account.disabled;
    p->key_budget = ledger_key(g->ledger, &row->key);
    p->account_budget = ledger_account(g->ledger, &row->account);
    if (p->key_budget && p->account_budget)
        return p;
    free(p);
    return NULL;
}

static void answer(struct gate_wait *w, struct principal *p, const struct fault *f)
{
    list_del(&w->link);
    w->lookup = NULL;
    if (p)
        judge(p, w);
    else
        w->fault = *f;
    w->done(w);
}

static void on_row(struct store_call *c)
{
    struct gate_lookup *k = container_of(c, struct gate_lookup, get.call);
    struct gate *g = k->gate;
    struct principal *p = NULL;
    struct fault f = {ERR_STORE, "The key could not be looked up: try again"};
    map_del(&g->asking, hash_view(k->get.hash));
    if (c->err == ERR_OK)
        p = principal_make(g, &k->get);
    if (c->err == ERR_NOT_FOUND) {
        struct unknown *u = unknown_slot(g, k->get.hash);
        refuse_unknown(&f);
        if (!k->is_outdated) {
            memcpy(u->hash, k->get.hash, sizeof u->hash);
            u->until_ms = io_now_ms(g->loop) + UNKNOWN_MS;
        }
    }
    if (p && !k->is_outdated)
        cache(g, p);
    while (!list_is_empty(&k->waiting))
        answer(container_of(k->waiting.next, struct gate_wait, link), p, &f);
    principal_unref(p);
    free(k);
}

static enum gate_answer look_up(struct gate *g, const uint8_t hash[KEY_HASH_BYTES],
                                struct gate_wait *w)
{
    struct gate_lookup *k = map_get(&g->asking, hash_view(hash));
    if (!k) {
        k = g->asking.n < LOOKUPS_MAX ? calloc(1, sizeof *k) : NULL;
        if (!k || (memcpy(k->get.hash, hash, KEY_HASH_BYTES),
                   map_put(&g->asking, hash_view(k->get.hash), k) != ERR_OK)) {
            free(k);
            fault_write(&w->fault, ERR_NOMEM,
                        "Too many unknown keys are being looked up: try again");
            return GATE_SHUT;
        }
        k->gate = g;
        list_init(&k->waiting);
        k->get.call = (struct store_call){.need = STORE_KEY_GET, .loop = g->loop, .done = on_row};
        store_submit(g->store, &k->get.call);
    }
    w->lookup = k;
    list_append(&k->waiting, &w->link);
    return GATE_WAIT;
}

/* --- reading the credential ----------------------------------------------------------------------
 */

/* The key's text, or the reason why there is none. A credential is never echoed, and neither is a
 * scheme: what stands in its place may be one. */
static enum err credential(struct str authorization, struct str x_api_key, struct str *out,
                           struct fault *f)
{
    if (!authorization.p && x_api_key.n) {
        *out = x_api_key;
        return ERR_OK;
    }
    if (authorization.n == 0)
        return fault_set(f, ERR_AUTH,
                         "Missing Authentication header: no credential was received. "
                         "Send 'Authorization: Bearer <API key>'");
    if (!str_ieq(str_head(authorization, 7), STR("bearer ")))
        return fault_set(f, ERR_AUTH,
                         "The Authorization header holds no Bearer credential. "
                         "Send 'Authorization: Bearer <API key>'");
    *out = str_trim(str_skip(authorization, 7));
    return ERR_OK;
}

enum gate_answer gate_ask(struct gate *g, struct str authorization, struct str x_api_key,
                          enum gate_need need, struct gate_wait *w)
{
    struct str text;
    uint8_t hash[KEY_HASH_BYTES];
    w->need = need;
    w->lookup = NULL;
    w->principal = NULL;
    list_init(&w->link);
    if (credential(authorization, x_api_key, &text, &w->fault) != ERR_OK)
        return GATE_SHUT;
    if (key_shape(text, g->prefix) == KEY_SHAPE_BAD) {
        fault_write(
            &w->fault, ERR_AUTH,
            "Malformed API key: expected '%.*s' or '%.*s' and %d hex digits with a checksum, "
            "got %zu characters that are no such key",
            STR_ARG(g->prefix), STR_ARG(g->management_prefix), KEY_DIGITS, text.n);
        return GATE_SHUT;
    }
    key_hash(text, hash);
    struct principal *p = map_get(&g->cached, hash_view(hash));
    if (p) {
        list_del(&p->link);
        list_append(&g->used, &p->link);
        return judge(p, w);
    }
    struct unknown *u = unknown_slot(g, hash);
    if (u->until_ms > io_now_ms(g->loop) && memcmp(u->hash, hash, sizeof hash) == 0) {
        refuse_unknown(&w->fault);
        return GATE_SHUT;
    }
    return look_up(g, hash, w);
}

void gate_leave(struct gate_wait *w)
{
    if (!w->lookup)
        return;
    list_del(&w->link);
    w->lookup = NULL;
}
