#include "auth/gate.h"

#include <stdlib.h>

#include "auth/key.h"
#include "base/log.h"
#include "crypto/digest.h"

enum {
    CACHED_MAX = 20000,   /* principals a worker remembers */
    UNKNOWN_SLOTS = 4096, /* digests of unknown keys; a power of two */
    UNKNOWN_MS = 2000,
    LOOKUPS_MAX = 512, /* questions to the store at a time */
    REPEATS_MAX = 64,  /* of one that a change has overtaken */
    TOUCH_MS = 5000,   /* how late the store may hear that a key was used */
    TOUCH_MAX = 500,   /* keys it is told of at a time */
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
    struct tokens *tokens; /* NULL: none are accepted */
    struct map cached;     /* by digest */
    struct list used;      /* cached principals, least recently used first */
    struct list delegated; /* those of them that have ancestors */
    struct map asking;     /* struct gate_lookup by digest */
    struct unknown *unknown;
    struct list touched; /* principals whose use is to be told; a reference each */
    struct io_timer touch_timer;
    struct store_keys_touch touch;
    struct store_key_use uses[TOUCH_MAX];
    bool is_touching, is_stopped;
};

/* One question to the store and all who wait for its answer. */
struct gate_lookup {
    struct store_key_get get;
    struct gate *gate;
    struct list waiting;
    /* What changed while the store was asked, so that it is asked again. */
    bool is_outdated;      /* the key, or all keys of some account */
    bool is_line_outdated; /* another key, which may be an ancestor */
    unsigned repeats;
};

static struct str hash_view(const uint8_t hash[KEY_HASH_BYTES])
{
    return str_of((const char *)hash, KEY_HASH_BYTES);
}

/* --- telling the store which keys are used ------------------------------------------------------
 */

static void untouch(struct principal *p)
{
    list_del(&p->used_link);
    p->is_used = false;
    principal_unref(p);
}

static void touch(struct gate *g);

static void on_touched(struct store_call *c)
{
    struct gate *g = container_of(c, struct gate, touch.call);
    g->is_touching = false; /* what failed is told with the next use */
    if (!list_is_empty(&g->touched) && !g->is_stopped)
        io_timer_set(g->loop, &g->touch_timer, io_now_ms(g->loop) + TOUCH_MS);
}

static void touch(struct gate *g)
{
    uint64_t now = io_now_ms(g->loop);
    int64_t wall = clock_wall_ms();
    size_t n = 0;
    while (!list_is_empty(&g->touched) && n < TOUCH_MAX) {
        struct principal *p = container_of(g->touched.next, struct principal, used_link);
        g->uses[n++] = (struct store_key_use){p->key.id, wall - (int64_t)(now - p->used_ms)};
        untouch(p);
    }
    g->touch = (struct store_keys_touch){.uses = g->uses, .n = n};
    g->touch.call =
        (struct store_call){.need = STORE_KEYS_TOUCH, .loop = g->loop, .done = on_touched};
    g->is_touching = true;
    store_submit(g->store, &g->touch.call);
}

static void on_touch_timer(struct io_timer *t)
{
    struct gate *g = container_of(t, struct gate, touch_timer);
    if (!g->is_touching && !list_is_empty(&g->touched))
        touch(g);
}

/* One comparison, but for the first use in a while. */
static void note_use(struct gate *g, struct principal *p)
{
    p->used_ms = io_now_ms(g->loop);
    if (p->is_used || g->is_stopped)
        return;
    p->is_used = true;
    if (list_is_empty(&g->touched) && !g->is_touching)
        io_timer_set(g->loop, &g->touch_timer, p->used_ms + TOUCH_MS);
    list_append(&g->touched, &principal_ref(p)->used_link);
}

void gate_stop(struct gate *g)
{
    g->is_stopped = true;
    io_timer_clear(g->loop, &g->touch_timer);
    if (!g->is_touching && !list_is_empty(&g->touched))
        touch(g);
}

struct gate *gate_new(struct io_loop *l, struct store *s, struct ledger *ledger,
                      struct str key_prefix, struct str management_prefix,
                      const struct token_shared *tokens)
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
    g->tokens = tokens ? tokens_new(l, s, tokens) : NULL;
    map_init(&g->cached);
    map_init(&g->asking);
    list_init(&g->used);
    list_init(&g->delegated);
    list_init(&g->touched);
    io_timer_init(&g->touch_timer, on_touch_timer);
    if (g->unknown && (g->tokens || !tokens))
        return g;
    tokens_free(g->tokens);
    free(g->unknown);
    free(g);
    return NULL;
}

bool gate_is_idle(const struct gate *g)
{
    return g->asking.n == 0 && !g->is_touching && (!g->tokens || tokens_is_idle(g->tokens));
}

struct signers *gate_signers(struct gate *g)
{
    return g->tokens ? tokens_signers(g->tokens) : NULL;
}

void gate_forget_signers(struct gate *g)
{
    if (g->tokens)
        signers_forget(tokens_signers(g->tokens));
}

static void forget(struct gate *g, struct principal *p)
{
    map_del(&g->cached, hash_view(p->key.hash));
    list_del(&p->link);
    list_del(&p->line_link);
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
    io_timer_clear(g->loop, &g->touch_timer);
    while (!list_is_empty(&g->touched))
        untouch(container_of(g->touched.next, struct principal, used_link));
    map_release(&g->cached);
    map_release(&g->asking);
    tokens_free(g->tokens);
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
    struct list *at, *after;
    size_t slot = 0;
    if (p)
        forget(g, p);
    list_each (at, after, &g->delegated) {
        p = container_of(at, struct principal, line_link);
        if (principal_is_below(p, hash))
            forget(g, p);
    }
    for (struct gate_lookup *k; (k = map_next(&g->asking, &slot));)
        k->is_line_outdated = true;
    struct gate_lookup *own = map_get(&g->asking, hash_view(hash));
    if (own)
        own->is_outdated = true;
    unknown_slot(g, hash)->until_ms = 0;
}

/* --- the judgement -------------------------------------------------------------------------------
 */

bool gate_lets_in(struct str ip_ranges, const struct address *a)
{
    bool is_open = !ip_ranges.n;
    while (ip_ranges.n && !is_open) {
        struct cidr c;
        is_open = cidr_parse(str_cut(&ip_ranges, '\n'), &c) && cidr_has(&c, a);
    }
    return is_open;
}

bool gate_lifetime_is_right(int64_t key_lifetime_ms, int64_t created_ms, int64_t expires_ms)
{
    return key_lifetime_ms == 0 || (expires_ms != 0 && expires_ms - created_ms <= key_lifetime_ms);
}

static void locate(struct gate_wait *w)
{
    if (w->where && !w->has_address)
        w->has_address = w->locate(w->where, &w->address);
}

static enum err judge_address(const struct principal *p, struct gate_wait *w, struct fault *f)
{
    char room[CIDR_TEXT_MAX];
    locate(w);
    for (size_t i = 0; w->has_address && i < p->ranges_n; i++) {
        if (cidr_has(&p->ranges[i], &w->address))
            return ERR_OK;
    }
    return fault_set(f, ERR_FORBIDDEN, "%s is not in the IP allow list of this key's account",
                     w->has_address ? address_text(&w->address, room).p : "An unknown address");
}

static const char *whose(const struct gate_wait *w)
{
    return w->by_token ? "The API key as which this access token acts" : "This API key";
}

/* Is it of the kind that is needed here? */
static enum err judge_kind(const struct principal *p, const struct gate_wait *w, struct fault *f)
{
    bool wants_inference = w->need == GATE_INFERENCE || w->need == GATE_INFERENCE_ITSELF;
    if ((wants_inference || w->by_token) && p->key.is_management)
        return fault_set(f, ERR_FORBIDDEN,
                         "This is a management key: it administers and cannot run inference. "
                         "Use an inference key here");
    if (w->need == GATE_MANAGEMENT && !p->key.is_management)
        return fault_set(f, ERR_FORBIDDEN,
                         "This is an inference key: only a management key is allowed here");
    return ERR_OK;
}

static enum err judge_key(const struct principal *p, struct gate_wait *w, struct fault *f)
{
    const struct key *k = &p->key;
    int64_t now_ms = k->expires_ms || k->depth ? clock_wall_ms() : 0;
    if (k->disabled)
        return fault_set(f, ERR_AUTH, "%s is disabled", whose(w));
    if (k->expires_ms && k->expires_ms <= now_ms)
        return fault_set(f, ERR_AUTH, "%s has expired", whose(w));
    if (k->depth && principal_judge_line(p, now_ms, f) != ERR_OK)
        return f->err;
    if (p->account_disabled)
        return fault_set(f, ERR_FORBIDDEN, "The account of this API key is disabled");
    if (p->ranges && judge_address(p, w, f) != ERR_OK)
        return f->err;
    if (!k->is_management &&
        !gate_lifetime_is_right(p->key_lifetime_ms, k->created_ms, k->expires_ms))
        return fault_set(f, ERR_FORBIDDEN,
                         "This API key %s than its account's policy allows (%lld days): "
                         "use one with an earlier expires_at",
                         k->expires_ms ? "lives longer" : "never expires, which is longer",
                         (long long)(p->key_lifetime_ms / 86400000));
    return judge_kind(p, w, f);
}

static enum gate_answer judge(struct gate *g, struct principal *p, struct gate_wait *w)
{
    if (judge_key(p, w, &w->fault) != ERR_OK)
        return GATE_SHUT;
    note_use(g, p);
    w->principal = principal_ref(p);
    return GATE_OPEN;
}

static void refuse_unknown(struct gate_wait *w)
{
    if (w->by_token)
        fault_write(&w->fault, ERR_AUTH, "%s was deleted", whose(w));
    else
        fault_write(&w->fault, ERR_AUTH, "Unknown API key: it does not exist or was deleted");
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
    if (p->key.depth)
        list_append(&g->delegated, &p->line_link);
    list_append(&g->used, &principal_ref(p)->link);
}

static void answer(struct gate *g, struct gate_wait *w, struct principal *p, bool is_unknown)
{
    list_del(&w->link);
    w->lookup = NULL;
    if (p)
        judge(g, p, w);
    else if (is_unknown)
        refuse_unknown(w);
    else
        fault_write(&w->fault, ERR_STORE, "The key could not be looked up: try again");
    w->done(w);
}

static void on_row(struct store_call *c);

static void ask_store(struct gate_lookup *k)
{
    struct gate *g = k->gate;
    k->is_outdated = k->is_line_outdated = false;
    k->get.call = (struct store_call){.need = STORE_KEY_GET, .loop = g->loop, .done = on_row};
    store_submit(g->store, &k->get.call);
}

/* Only the row tells whether a key has ancestors at all: most have none, and nobody else's change
 * makes them wait. */
static bool is_overtaken(const struct gate_lookup *k)
{
    return k->is_outdated || (k->is_line_outdated && k->get.call.err == ERR_OK && k->get.key.depth);
}

static void on_row(struct store_call *c)
{
    struct gate_lookup *k = container_of(c, struct gate_lookup, get.call);
    struct gate *g = k->gate;
    struct principal *p = NULL;
    bool is_old = is_overtaken(k);
    if (is_old && k->repeats++ < REPEATS_MAX) {
        store_key_get_release(&k->get);
        ask_store(k);
        return;
    }
    map_del(&g->asking, hash_view(k->get.hash));
    if (c->err != ERR_OK && c->err != ERR_NOT_FOUND)
        log_line(LOG_ERROR, "a key cannot be looked up: %s", c->fault.message);
    if (c->err == ERR_OK && !is_old)
        p = principal_make(g->ledger, &k->get);
    bool is_unknown = c->err == ERR_NOT_FOUND && !is_old;
    if (is_unknown) {
        struct unknown *u = unknown_slot(g, k->get.hash);
        memcpy(u->hash, k->get.hash, sizeof u->hash);
        u->until_ms = io_now_ms(g->loop) + UNKNOWN_MS;
    }
    if (p)
        cache(g, p);
    while (!list_is_empty(&k->waiting))
        answer(g, container_of(k->waiting.next, struct gate_wait, link), p, is_unknown);
    principal_unref(p);
    store_key_get_release(&k->get);
    free(k);
}

/* Before waiting: what tells it is gone when the answer comes. */
static void locate_now(struct gate_wait *w)
{
    locate(w);
    w->where = NULL;
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
        ask_store(k);
    }
    locate_now(w);
    w->lookup = k;
    list_append(&k->waiting, &w->link);
    return GATE_WAIT;
}

/* The cache, then the store. */
static enum gate_answer find(struct gate *g, const uint8_t hash[KEY_HASH_BYTES],
                             struct gate_wait *w)
{
    struct principal *p = map_get(&g->cached, hash_view(hash));
    if (p) {
        list_del(&p->link);
        list_append(&g->used, &p->link);
        return judge(g, p, w);
    }
    struct unknown *u = unknown_slot(g, hash);
    if (u->until_ms > io_now_ms(g->loop) && memcmp(u->hash, hash, KEY_HASH_BYTES) == 0) {
        refuse_unknown(w);
        return GATE_SHUT;
    }
    return look_up(g, hash, w);
}

/* --- access tokens -------------------------------------------------------------------------------
 */

/* A token that is right: may one ask this, and may one with its scopes? Then its key is asked. */
static enum gate_answer act(struct gate *g, struct gate_wait *w)
{
    if (w->need == GATE_MANAGEMENT)
        fault_write(&w->fault, ERR_FORBIDDEN,
                    "This is an access token: only a management key is allowed here");
    else if (w->need == GATE_INFERENCE_ITSELF || w->need == GATE_ANY_ITSELF)
        fault_write(&w->fault, ERR_FORBIDDEN,
                    "This is an access token: only the API key itself is allowed here, as what it "
                    "gives away outlives a token");
    else if (!(w->token.scopes & TOKEN_INFERENCE))
        fault_write(&w->fault, ERR_FORBIDDEN, "This access token lacks the scope 'inference'");
    else
        return find(g, w->token.key_hash, w);
    return GATE_SHUT;
}

static void on_token(struct token_wait *t)
{
    struct gate_wait *w = container_of(t, struct gate_wait, token);
    if (!t->is_good || act(w->gate, w) != GATE_WAIT)
        w->done(w);
}

static const struct address *from(struct token_wait *t)
{
    struct gate_wait *w = container_of(t, struct gate_wait, token);
    locate(w);
    return w->has_address ? &w->address : NULL;
}

static enum gate_answer ask_token(struct gate *g, struct str text, struct gate_wait *w)
{
    w->by_token = true;
    w->token.done = on_token;
    w->token.from = from;
    w->token.fault = &w->fault;
    enum tokens_answer a = tokens_ask(g->tokens, text, &w->token);
    if (a == TOKENS_GOOD)
        return act(g, w);
    if (a == TOKENS_WAIT)
        locate_now(w);
    return a == TOKENS_WAIT ? GATE_WAIT : GATE_SHUT;
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

static void begin(struct gate *g, struct gate_wait *w)
{
    w->gate = g;
    w->lookup = NULL;
    w->principal = NULL;
    w->token.check = NULL;
    w->has_address = w->by_token = false;
    list_init(&w->link);
}

/* What is no key: a token, or nothing that we know. */
static enum gate_answer ask_otherwise(struct gate *g, struct str text, bool is_bearer,
                                      struct gate_wait *w)
{
    bool is_token = g->tokens && jwt_is_shaped(text);
    if (is_token && is_bearer)
        return ask_token(g, text, w);
    if (is_token)
        fault_write(&w->fault, ERR_AUTH,
                    "X-Api-Key takes an API key only: send an access token as 'Authorization: "
                    "Bearer'");
    else
        fault_write(
            &w->fault, ERR_AUTH,
            "Malformed API key: expected '%.*s' or '%.*s' and %d hex digits with a checksum, "
            "got %zu characters that are no such key",
            STR_ARG(g->prefix), STR_ARG(g->management_prefix), KEY_DIGITS, text.n);
    return GATE_SHUT;
}

enum gate_answer gate_ask(struct gate *g, struct str authorization, struct str x_api_key,
                          enum gate_need need, struct gate_wait *w)
{
    struct str text;
    uint8_t hash[KEY_HASH_BYTES];
    begin(g, w);
    w->need = need;
    if (credential(authorization, x_api_key, &text, &w->fault) != ERR_OK)
        return GATE_SHUT;
    if (key_shape(text, g->prefix) == KEY_SHAPE_BAD)
        return ask_otherwise(g, text, authorization.p != NULL, w);
    key_hash(text, hash);
    return find(g, hash, w);
}

enum gate_answer gate_ask_for(struct gate *g, const uint8_t hash[KEY_HASH_BYTES],
                              struct gate_wait *w)
{
    begin(g, w);
    w->need = GATE_INFERENCE;
    w->by_token = true;
    return find(g, hash, w);
}

struct str gate_refusal_field(const struct fault *f)
{
    int status = err_status(f->err);
    if (status == 401)
        return STR("WWW-Authenticate: Bearer\r\n");
    return status == 429 || status == 503 ? STR("Retry-After: 1\r\n") : STR_NONE;
}

void gate_leave(struct gate_wait *w)
{
    tokens_leave(&w->token);
    if (!w->lookup)
        return;
    list_del(&w->link);
    w->lookup = NULL;
}
