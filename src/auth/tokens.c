#include "auth/tokens.h"

#include <stdlib.h>

#include "base/map.h"
#include "crypto/digest.h"

enum {
    KNOWN_MAX = 20000, /* tokens a worker remembers */
    CHECKS_MAX = 256,  /* looked at with others' help at a time */
    REPEATS_MAX = 64,  /* of one that a change has overtaken */
};

/* A signed token, and whether its policy held when it was last asked about. */
struct known {
    struct list link; /* least recently used first */
    uint8_t digest[SHA256_BYTES];
    uint8_t key_hash[KEY_HASH_BYTES];
    uint32_t scopes;
    bool has_ended;
    int64_t expires_s;
};

struct tokens {
    struct io_loop *loop;
    struct store *store;
    const struct token_shared *shared;
    struct signers *signers;
    struct map known;    /* struct known by digest */
    struct list used;    /* all of them */
    struct map checking; /* struct token_check by digest */
    struct forgers forgers;
};

/* One token that is looked at, and all who wait for it. */
struct token_check {
    struct tokens *tokens;
    struct list waiting; /* struct token_wait */
    uint8_t digest[SHA256_BYTES];
    struct token token;
    struct signer_wait signing;
    struct store_federation_get get;
    bool is_outdated; /* a policy of its key changed while the store was asked: it is asked again */
    unsigned repeats, asks;
    struct address from; /* whoever came with it first */
    bool has_from;
    size_t n;
    char text[TOKEN_TEXT_MAX];
};

static struct str digest_view(const uint8_t digest[SHA256_BYTES])
{
    return str_of((const char *)digest, SHA256_BYTES);
}

/* --- what is known --- */

static void forget(struct tokens *t, struct known *k)
{
    map_del(&t->known, digest_view(k->digest));
    list_del(&k->link);
    free(k);
}

/* No other key's: whoever changes policies all the time makes nobody else wait. */
void tokens_forget(struct tokens *t, const uint8_t key_hash[KEY_HASH_BYTES])
{
    struct list *at, *after;
    size_t slot = 0;
    list_each (at, after, &t->used) {
        struct known *k = container_of(at, struct known, link);
        if (memcmp(k->key_hash, key_hash, KEY_HASH_BYTES) == 0)
            forget(t, k);
    }
    for (struct token_check *c; (c = map_next(&t->checking, &slot));)
        c->is_outdated |= memcmp(c->token.key_hash, key_hash, KEY_HASH_BYTES) == 0;
}

/* Not being remembered only costs the next question more. */
static void remember(struct tokens *t, const struct token_check *c, bool has_ended)
{
    struct known *k = calloc(1, sizeof *k);
    if (!k)
        return;
    if (t->known.n >= KNOWN_MAX)
        forget(t, container_of(t->used.next, struct known, link));
    memcpy(k->digest, c->digest, sizeof k->digest);
    memcpy(k->key_hash, c->token.key_hash, sizeof k->key_hash);
    k->scopes = c->token.scopes;
    k->expires_s = c->token.expires_s;
    k->has_ended = has_ended;
    if (map_put(&t->known, digest_view(k->digest), k) != ERR_OK)
        free(k);
    else
        list_append(&t->used, &k->link);
}

static void refuse_ended(struct fault *f)
{
    fault_write(f, ERR_AUTH,
                "The federation policy of this access token is disabled or was deleted");
}

static enum tokens_answer answer_known(struct tokens *t, struct known *k, struct token_wait *w)
{
    if (k->expires_s <= clock_wall_ms() / 1000) {
        forget(t, k);
        fault_write(w->fault, ERR_AUTH, "This access token has expired: exchange another one");
        return TOKENS_BAD;
    }
    if (k->has_ended) {
        refuse_ended(w->fault);
        return TOKENS_BAD;
    }
    list_del(&k->link);
    list_append(&t->used, &k->link);
    memcpy(w->key_hash, k->key_hash, sizeof w->key_hash);
    w->scopes = k->scopes;
    w->is_good = true;
    return TOKENS_GOOD;
}

/* --- signatures --- */

static enum err verify(struct tokens *t, struct jwt *jwt, const struct address *from,
                       struct fault *f)
{
    if (!forgers_may(&t->forgers, from, io_now_ms(t->loop)))
        return fault_set(f, ERR_RATE,
                         "Too many access tokens with wrong signatures come in: try again in a "
                         "second");
    const struct sign_key *k = signers_find(t->signers, jwt_kid(jwt), clock_wall_ms());
    if (!k)
        return fault_set(f, ERR_AUTH, "No key of this gateway has signed this access token (kid)");
    if (jwt_is_signed(jwt, k))
        return ERR_OK;
    forgers_note(&t->forgers, from, io_now_ms(t->loop));
    return fault_set(f, ERR_AUTH, "The signature of this access token is wrong");
}

/* --- a check's way --- */

static void check_free(struct token_check *c)
{
    explicit_bzero(c->text, sizeof c->text);
    free(c);
}

/* f NULL: it is good. */
static void answer_all(struct token_check *c, const struct fault *f)
{
    map_del(&c->tokens->checking, digest_view(c->digest));
    while (!list_is_empty(&c->waiting)) {
        struct token_wait *w = container_of(c->waiting.next, struct token_wait, link);
        list_del(&w->link);
        w->check = NULL;
        w->is_good = !f;
        if (f)
            *w->fault = *f;
        memcpy(w->key_hash, c->token.key_hash, sizeof w->key_hash);
        w->scopes = c->token.scopes;
        w->done(w);
    }
    check_free(c);
}

static void on_policy(struct store_call *call);

static void ask_policy(struct token_check *c)
{
    c->is_outdated = false;
    memcpy(c->get.id, c->token.policy, sizeof c->get.id);
    c->get.call = (struct store_call){
        .need = STORE_FEDERATION_GET, .loop = c->tokens->loop, .done = on_policy};
    store_submit(c->tokens->store, &c->get.call);
}

static bool policy_holds(const struct token_check *c)
{
    return c->get.call.err == ERR_OK && !c->get.row.disabled &&
           memcmp(c->get.row.key_hash, c->token.key_hash, KEY_HASH_BYTES) == 0;
}

static void on_policy(struct store_call *call)
{
    struct token_check *c = container_of(call, struct token_check, get.call);
    struct fault f = {ERR_STORE, "This access token could not be looked at: try again"};
    if (c->is_outdated && c->repeats++ < REPEATS_MAX) {
        ask_policy(c);
        return;
    }
    bool is_told = !c->is_outdated && (call->err == ERR_OK || call->err == ERR_NOT_FOUND);
    bool is_good = is_told && policy_holds(c);
    if (is_told)
        remember(c->tokens, c, !is_good);
    if (is_told && !is_good)
        refuse_ended(&f);
    answer_all(c, is_good ? NULL : &f);
}

/* An answer that was on its way already may be older than the key. */
static bool asks_again(struct token_check *c, struct str kid)
{
    return c->asks++ == 0 && signers_ask(c->tokens->signers, kid, &c->signing) == SIGNERS_WAIT;
}

static void on_signers(struct signer_wait *w)
{
    struct token_check *c = container_of(w, struct token_check, signing);
    struct jwt jwt;
    struct token ignored;
    struct fault f;
    bool is_early = false;
    enum err e = token_read(&jwt, str_of(c->text, c->n), c->tokens->shared->issuer,
                            clock_wall_ms() / 1000, &ignored, &f);
    if (e == ERR_OK && !(is_early = asks_again(c, jwt_kid(&jwt))))
        e = verify(c->tokens, &jwt, c->has_from ? &c->from : NULL, &f);
    jwt_release(&jwt);
    if (is_early)
        return;
    if (e == ERR_OK)
        ask_policy(c);
    else
        answer_all(c, &f);
}

/* NULL: the sentence is written. */
static struct token_check *check_new(struct tokens *t, struct str text,
                                     const uint8_t digest[SHA256_BYTES], const struct token *token,
                                     struct fault *f)
{
    struct token_check *c = t->checking.n < CHECKS_MAX ? calloc(1, sizeof *c) : NULL;
    if (c) {
        c->tokens = t;
        c->token = *token;
        list_init(&c->waiting);
        memcpy(c->digest, digest, sizeof c->digest);
        memcpy(c->text, text.p, text.n);
        c->n = text.n;
        c->signing.done = on_signers;
        if (map_put(&t->checking, digest_view(c->digest), c) == ERR_OK)
            return c;
        free(c);
    }
    fault_write(f, ERR_NOMEM, "Too many access tokens are being looked at: try again");
    return NULL;
}

static void join(struct token_check *c, struct token_wait *w)
{
    w->check = c;
    list_append(&c->waiting, &w->link);
}

/* Nobody waits for an answer that must come from elsewhere unless it is one of ours by its words. */
static enum tokens_answer look(struct tokens *t, struct jwt *jwt, struct str text,
                               const uint8_t digest[SHA256_BYTES], struct token_wait *w)
{
    struct token token;
    struct signer_wait probe = {.done = NULL};
    const struct address *from;
    struct str kid;
    if (token_read(jwt, text, t->shared->issuer, clock_wall_ms() / 1000, &token, w->fault) !=
        ERR_OK)
        return TOKENS_BAD;
    kid = jwt_kid(jwt);
    from = w->from(w);
    enum signers_answer a = signers_ask(t->signers, kid, &probe);
    signers_leave(&probe);
    if (a == SIGNERS_BUSY)
        fault_write(w->fault, ERR_OVERLOADED,
                    "Too many access tokens of unknown keys (kid) come in: try again in a second");
    if (a == SIGNERS_BUSY || (a == SIGNERS_READY && verify(t, jwt, from, w->fault) != ERR_OK))
        return TOKENS_BAD;
    struct token_check *c = check_new(t, text, digest, &token, w->fault);
    if (!c)
        return TOKENS_BAD;
    if ((c->has_from = from != NULL))
        c->from = *from;
    join(c, w);
    if (a == SIGNERS_READY)
        ask_policy(c);
    else
        BUG_ON(signers_ask(t->signers, kid, &c->signing) != SIGNERS_WAIT); /* as the probe has */
    return TOKENS_WAIT;
}

enum tokens_answer tokens_ask(struct tokens *t, struct str text, struct token_wait *w)
{
    uint8_t digest[SHA256_BYTES];
    struct jwt jwt;
    list_init(&w->link);
    w->check = NULL;
    w->is_good = false;
    sha256(text, digest);
    struct known *k = map_get(&t->known, digest_view(digest));
    if (k)
        return answer_known(t, k, w);
    struct token_check *c = map_get(&t->checking, digest_view(digest));
    if (c) {
        join(c, w);
        return TOKENS_WAIT;
    }
    enum tokens_answer a = look(t, &jwt, text, digest, w);
    jwt_release(&jwt);
    return a;
}

void tokens_leave(struct token_wait *w)
{
    if (!w->check)
        return;
    list_del(&w->link);
    w->check = NULL;
}

/* --- life --- */

struct tokens *tokens_new(struct io_loop *l, struct store *s, const struct token_shared *shared)
{
    struct tokens *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    *t = (struct tokens){.loop = l, .store = s, .shared = shared};
    list_init(&t->used);
    map_init(&t->known);
    map_init(&t->checking);
    forgers_init(&t->forgers);
    t->signers = signers_new(l, s, shared->master);
    if (t->signers)
        return t;
    free(t);
    return NULL;
}

void tokens_free(struct tokens *t)
{
    if (!t)
        return;
    BUG_ON(t->checking.n != 0);
    while (!list_is_empty(&t->used))
        forget(t, container_of(t->used.next, struct known, link));
    map_release(&t->known);
    map_release(&t->checking);
    signers_free(t->signers);
    free(t);
}

bool tokens_is_idle(const struct tokens *t)
{
    return t->checking.n == 0 && signers_is_idle(t->signers);
}

struct signers *tokens_signers(struct tokens *t)
{
    return t->signers;
}
