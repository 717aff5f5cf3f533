#include "api/issuers.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/internal.h"

enum { DISCOVERY_MAX = 64 * 1024 };

/* --- what is kept --- */

static void *read_keys(struct str body, const void *with, struct fault *f)
{
    (void)with;
    return jwks_read(body, f);
}

static void drop_keys(void *keys)
{
    jwks_free(keys);
}

static void *read_discovery(struct str body, const void *with, struct fault *f)
{
    (void)with;
    return federation_discovery_read(body, f);
}

static const struct document_kind keys_document = {
    .name = "an issuer's keys", .max = JWKS_MAX, .read = read_keys, .drop = drop_keys};
static const struct document_kind discovery_document = {.name = "an issuer's discovery document",
                                                        .max = DISCOVERY_MAX,
                                                        .read = read_discovery,
                                                        .drop = free};

void issuers_init(struct issuers *s)
{
    *s = (struct issuers){.n = 0};
    list_init(&s->all);
    map_init(&s->by_name);
}

static void drop(struct issuers *s, struct issuer *i)
{
    map_del(&s->by_name, str_c(i->name));
    list_del(&i->link);
    document_release(&i->discovery);
    document_release(&i->keys);
    s->room -= i->room;
    s->n--;
    free(i);
}

void issuers_release(struct issuers *s)
{
    while (!list_is_empty(&s->all))
        drop(s, container_of(s->all.next, struct issuer, link));
    map_release(&s->by_name);
}

/* False: those that are in use leave too little. */
static bool make_room(struct issuers *s, unsigned n, size_t keys)
{
    struct list *at, *after;
    list_each (at, after, &s->all) {
        struct issuer *i = container_of(at, struct issuer, link);
        if (s->n + n <= ISSUERS_MAX && s->room + keys <= ISSUERS_KEYS_MAX)
            break;
        if (!i->users)
            drop(s, i);
    }
    return s->n + n <= ISSUERS_MAX && s->room + keys <= ISSUERS_KEYS_MAX;
}

static void set_room(struct issuer *i, size_t keys)
{
    i->of->room += keys - i->room;
    i->room = keys;
}

static void write_name(const struct federation *p, char out[sizeof((struct issuer *)0)->name])
{
    snprintf(out, sizeof((struct issuer *)0)->name, "%c%s\n%s", p->is_operators ? 'o' : 'p',
             p->issuer, p->jwks_url);
}

static struct issuer *issuer_new(struct issuers *s, const struct federation *p)
{
    struct fault ignored;
    struct issuer *i = make_room(s, 1, JWKS_KEYS_MAX) ? calloc(1, sizeof *i) : NULL;
    if (!i)
        return NULL;
    write_name(p, i->name);
    if (map_put(&s->by_name, str_c(i->name), i) != ERR_OK) {
        free(i);
        return NULL;
    }
    i->of = s;
    memcpy(i->url, p->issuer, sizeof i->url);
    memcpy(i->jwks_url, p->jwks_url, sizeof i->jwks_url);
    i->is_public_only = !p->is_operators;
    document_init(&i->discovery, &discovery_document, NULL);
    document_init(&i->keys, &keys_document, NULL);
    if (oidc_discovery_url(str_c(i->url), i->discovery_url, &ignored) != ERR_OK)
        i->discovery_url[0] = '\0'; /* the courier refuses it */
    list_init(&i->link);
    set_room(i, JWKS_KEYS_MAX); /* as many as may come */
    s->n++;
    return i;
}

struct issuer *issuer_of(struct issuers *s, const struct federation *p)
{
    char name[sizeof((struct issuer *)0)->name];
    write_name(p, name);
    struct issuer *found = map_get(&s->by_name, str_c(name));
    if (!found && !(found = issuer_new(s, p)))
        return NULL;
    list_del(&found->link);
    list_append(&s->all, &found->link);
    found->users++;
    return found;
}

void issuer_leave(struct issuer *i)
{
    struct issuers *s = i->of;
    const struct jwks *keys = i->keys.what;
    if (--i->users)
        return;
    set_room(i, keys ? keys->n : 0);
    make_room(s, 0, 0); /* i may be gone */
}

/* --- asking --- */

/* What is asked, while documents are waited for. */
struct asking {
    struct issuer *issuer;
    struct str kid;
    enum sign_alg alg;
    handler_fn *then;
};

static bool is_missing(const struct issuer *i, struct str kid, enum sign_alg alg)
{
    return !i->keys.what || !jwks_find(i->keys.what, kid, alg);
}

static void ask_keys(struct issuer *i, struct api_request *q, struct str kid, enum sign_alg alg,
                     handler_fn *then)
{
    /* A document may send us to another host: that is public, whoever named the issuer. */
    bool is_elsewhere =
        !i->jwks_url[0] && !federation_is_same_host(str_c(i->url), str_c(i->keys_url));
    if (document_ask(&i->keys, q, str_c(i->keys_url), i->is_public_only || is_elsewhere,
                     is_missing(i, kid, alg), then))
        then(q);
}

/* Where the keys are; false: it is not known, or not any more. */
static bool place(struct issuer *i)
{
    const struct federation_discovery *d = i->discovery.what;
    const char *url = i->jwks_url[0] ? i->jwks_url : d ? d->jwks_url : "";
    if (!i->jwks_url[0] && (!d || !str_eq(str_c(d->issuer), str_c(i->url))))
        return false;
    if (!str_eq(str_c(url), str_c(i->keys_url)) && !i->keys.is_busy) {
        document_release(&i->keys);
        document_init(&i->keys, &keys_document, NULL);
        snprintf(i->keys_url, sizeof i->keys_url, "%s", url);
    }
    return true;
}

static void on_discovered(struct api_request *q)
{
    struct asking *a = q->asking;
    a->issuer->is_placed = place(a->issuer);
    if (a->issuer->is_placed)
        ask_keys(a->issuer, q, a->kid, a->alg, a->then);
    else
        a->then(q);
}

void issuer_ask(struct issuer *i, struct api_request *q, struct str kid, enum sign_alg alg,
                void (*then)(struct api_request *q))
{
    struct asking *a = arena_alloc(&q->arena, sizeof *a);
    if (!a) {
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
        return;
    }
    *a = (struct asking){i, kid, alg, then};
    q->asking = a;
    if (i->jwks_url[0] || document_ask(&i->discovery, q, str_c(i->discovery_url), i->is_public_only,
                                       false, on_discovered))
        on_discovered(q);
}

const struct sign_key *issuer_key(const struct issuer *i, struct str kid, enum sign_alg alg,
                                  struct fault *why)
{
    const struct sign_key *k = i->is_placed ? jwks_find(i->keys.what, kid, alg) : NULL;
    if (k)
        return k;
    if (i->is_placed && i->keys.what)
        fault_write(why, ERR_AUTH, "no key of the issuer's has this name (kid) and algorithm");
    else if (i->is_placed || !i->discovery.what)
        fault_write(why, ERR_OVERLOADED, "the issuer's keys cannot be had: %s",
                    i->is_placed ? i->keys.fault.message : i->discovery.fault.message);
    else
        fault_write(why, ERR_OVERLOADED,
                    "the issuer's discovery document is of another issuer than the policy's");
    return NULL;
}
