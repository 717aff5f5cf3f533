#include "auth/signers.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

enum {
    ASKS_MAX = 20, /* questions for keys that are not there, in this time */
    ASKS_MS = 1000,
    REPEATS_MAX = 8, /* of one that a change has overtaken; then what came must do */
    DER_MAX = 512,
    LABEL_MAX = 16 + SIGNING_KID_MAX,
};

_Static_assert((int)SIGNING_KID_MAX == (int)SIGN_THUMBPRINT_CHARS, "a key is named after itself");

struct signer {
    char kid[SIGNING_KID_MAX + 1];
    int64_t created_ms, ends_ms; /* INT64_MAX: the newest */
    struct sign_key *key;
};

struct signers {
    struct io_loop *loop;
    struct store *store;
    const struct seal_key *master;
    struct signer keys[SIGNING_KEYS_MAX]; /* the newest first */
    size_t n;
    struct list waiting;
    struct store_signing_list list;
    uint64_t asks_since_ms; /* on the loop's clock */
    unsigned asks_n;        /* for keys that are not there */
    unsigned repeats;
    bool is_known, is_asking, is_outdated;
};

/* --- sealing --- */

static struct str label_of(const char *kid, char room[LABEL_MAX])
{
    int n = snprintf(room, LABEL_MAX, "signing-key:%s", kid);
    return str_of(room, (size_t)n);
}

static enum err seal_into(const struct seal_key *master, const struct sign_key *k,
                          struct signing_key *out)
{
    char room[LABEL_MAX], der_room[DER_MAX];
    struct buf der = {.p = der_room, .cap = DER_MAX, .max = DER_MAX};
    struct buf sealed = {
        .p = (char *)out->sealed, .cap = SIGNING_SEALED_MAX, .max = SIGNING_SEALED_MAX};
    sign_key_thumbprint(k, out->kid);
    out->kid[SIGNING_KID_MAX] = '\0';
    enum err e = sign_key_add_private(k, &der);
    if (e == ERR_OK)
        e = seal(&sealed, master, label_of(out->kid, room), secret_of(buf_view(&der)));
    explicit_bzero(der_room, sizeof der_room);
    out->sealed_n = sealed.n;
    return e;
}

enum err signer_make(const struct seal_key *master, struct signing_key *out, struct fault *f)
{
    struct sign_key *k = sign_key_generate(f);
    if (!k)
        return f->err;
    enum err e = seal_into(master, k, out);
    sign_key_free(k);
    return e == ERR_OK ? ERR_OK : fault_set(f, e, "a signing key cannot be sealed");
}

struct sign_key *signer_open(const struct seal_key *master, const struct signing_key *row,
                             struct fault *f)
{
    char room[LABEL_MAX], der_room[SIGNING_SEALED_MAX];
    struct buf der = {.p = der_room, .cap = sizeof der_room, .max = sizeof der_room};
    struct sign_key *k = NULL;
    if (seal_open(&der, master, label_of(row->kid, room),
                  str_of((const char *)row->sealed, row->sealed_n), f) == ERR_OK)
        k = sign_key_from_private(secret_of(buf_view(&der)), f);
    explicit_bzero(der_room, sizeof der_room);
    return k;
}

/* --- what is known --- */

static void drop(struct signers *s)
{
    for (size_t i = 0; i < s->n; i++)
        sign_key_free(s->keys[i].key);
    s->n = 0;
}

/* One that does not open verifies and signs nothing, and is as good as not there. */
static void take_rows(struct signers *s)
{
    int64_t ends_ms = INT64_MAX;
    struct fault f;
    drop(s);
    for (size_t i = 0; i < s->list.n; i++) {
        const struct signing_key *row = &s->list.rows[i];
        struct signer *to = &s->keys[s->n];
        memcpy(to->kid, row->kid, sizeof to->kid);
        to->created_ms = row->created_ms;
        to->ends_ms = ends_ms;
        ends_ms = row->created_ms + SIGNER_STAYS_MS;
        to->key = signer_open(s->master, row, &f);
        if (to->key)
            s->n++;
        else
            log_line(LOG_ERROR, "signing key %s: %s", row->kid, f.message);
    }
    s->is_known = true;
}

static bool lasts(const struct signer *k, int64_t now_ms)
{
    return k->ends_ms > now_ms;
}

const struct sign_key *signers_find(const struct signers *s, struct str kid, int64_t now_ms)
{
    for (size_t i = 0; i < s->n; i++) {
        if (str_eq(kid, str_c(s->keys[i].kid)) && lasts(&s->keys[i], now_ms))
            return s->keys[i].key;
    }
    return NULL;
}

const struct sign_key *signers_newest(const struct signers *s, int64_t now_ms, struct str *kid)
{
    if (s->n == 0 || !lasts(&s->keys[0], now_ms)) /* its successor may not open */
        return NULL;
    *kid = str_c(s->keys[0].kid);
    return s->keys[0].key;
}

void signers_write(const struct signers *s, int64_t now_ms, struct json_writer *w)
{
    jw_object(w, NULL);
    jw_array(w, "keys");
    for (size_t i = 0; i < s->n; i++) {
        if (lasts(&s->keys[i], now_ms))
            sign_key_write_jwk(s->keys[i].key, NULL, str_c(s->keys[i].kid), w);
    }
    jw_end(w);
    jw_end(w);
}

/* --- asking the store --- */

static void on_list(struct store_call *c);

static void ask_store(struct signers *s)
{
    s->is_asking = true;
    s->is_outdated = false;
    s->list.call =
        (struct store_call){.need = STORE_SIGNING_LIST, .loop = s->loop, .done = on_list};
    store_submit(s->store, &s->list.call);
}

static void on_list(struct store_call *c)
{
    struct signers *s = container_of(c, struct signers, list.call);
    struct list waiting;
    if (s->is_outdated && s->repeats++ < REPEATS_MAX) {
        ask_store(s);
        return;
    }
    s->is_asking = false;
    s->repeats = 0;
    if (c->err == ERR_OK)
        take_rows(s);
    else
        log_line(LOG_ERROR, "the signing keys cannot be read: %s", c->fault.message);
    if (s->is_outdated)
        s->is_known = false;
    list_init(&waiting); /* those that come meanwhile wait for the next answer */
    list_move_all(&waiting, &s->waiting);
    while (!list_is_empty(&waiting)) {
        struct signer_wait *w = container_of(waiting.next, struct signer_wait, link);
        list_del(&w->link);
        w->is_waiting = false;
        w->done(w);
    }
}

static bool has(const struct signers *s, struct str kid)
{
    return signers_find(s, kid, INT64_MIN) != NULL;
}

/* Whoever makes names up does not keep the store busy. */
static bool may_ask(struct signers *s)
{
    uint64_t now = io_now_ms(s->loop);
    if (now - s->asks_since_ms >= ASKS_MS) {
        s->asks_since_ms = now;
        s->asks_n = 0;
    }
    return s->asks_n++ < ASKS_MAX;
}

enum signers_answer signers_ask(struct signers *s, struct str kid, struct signer_wait *w)
{
    bool is_missing = kid.n && !has(s, kid);
    if (s->is_known && !is_missing)
        return SIGNERS_READY;
    if (s->is_known && !s->is_asking && !may_ask(s))
        return SIGNERS_BUSY;
    w->is_waiting = true;
    list_append(&s->waiting, &w->link);
    if (!s->is_asking)
        ask_store(s);
    return SIGNERS_WAIT;
}

void signers_leave(struct signer_wait *w)
{
    if (!w->is_waiting)
        return;
    list_del(&w->link);
    w->is_waiting = false;
}

/* --- life --- */

struct signers *signers_new(struct io_loop *l, struct store *st, const struct seal_key *master)
{
    struct signers *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->loop = l;
    s->store = st;
    s->master = master;
    list_init(&s->waiting);
    return s;
}

void signers_free(struct signers *s)
{
    if (!s)
        return;
    BUG_ON(s->is_asking);
    drop(s);
    free(s);
}

bool signers_is_idle(const struct signers *s)
{
    return !s->is_asking;
}

/* The keys stay until their successors are read: a token is not to fail for want of a moment. */
void signers_forget(struct signers *s)
{
    s->is_known = false;
    s->is_outdated = true;
}
