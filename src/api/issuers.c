#include "api/issuers.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/internal.h"

enum { DISCOVERY_MAX = 64 * 1024 };

/* --- what is kept --- */

static void *read_keys(struct str body, struct fault *f)
{
    return jwks_read(body, f);
}

static void drop_keys(void *keys)
{
    jwks_free(keys);
}

static void *read_discovery(struct str body, struct fault *f)
{
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
    s->n = 0;
    list_init(&s->all);
}

static void drop(struct issuers *s, struct issuer *i)
{
    list_del(&i->link);
    document_release(&i->discovery);
    document_release(&i->keys);
    free(i);
    s->n--;
}

void issuers_release(struct issuers *s)
{
    while (!list_is_empty(&s->all))
        drop(s, container_of(s->all.next, struct issuer, link));
}

static bool is_of(const struct issuer *i, const struct federation *p)
{
    return i->is_public_only == !p->is_operators && str_eq(str_c(i->url), str_c(p->issuer)) &&
           str_eq(str_c(i->jwks_url), str_c(p->jwks_url));
}

static bool make_room(struct issuers *s)
{
    struct list *at, *after;
    if (s->n < ISSUERS_MAX)
        return true;
    list_each (at, after, &s->all) {
        struct issuer *i = container_of(at, struct issuer, link);
        if (i->users)
            continue;
        drop(s, i);
        return true;
    }
    return false;
}

static struct issuer *issuer_new(struct issuers *s, const struct federation *p)
{
    struct fault ignored;
    struct issuer *i = make_room(s) ? calloc(1, sizeof *i) : NULL;
    if (!i)
        return NULL;
    memcpy(i->url, p->issuer, sizeof i->url);
    memcpy(i->jwks_url, p->jwks_url, sizeof i->jwks_url);
    i->is_public_only = !p->is_operators;
    document_init(&i->discovery, &discovery_document);
    document_init(&i->keys, &keys_document);
    if (federation_discovery_url(str_c(i->url), i->discovery_url, &ignored) != ERR_OK)
        i->discovery_url[0] = '\0'; /* the courier refuses it */
    list_init(&i->link);
    s->n++;
    return i;
}

struct issuer *issuer_of(struct issuers *s, const struct federation *p)
{
    struct list *at, *after;
    struct issuer *found = NULL;
    list_each (at, after, &s->all) {
        struct issuer *i = container_of(at, struct issuer, link);
        if (is_of(i, p))
            found = i;
    }
    if (!found && !(found = issuer_new(s, p)))
        return NULL;
    list_del(&found->link);
    list_append(&s->all, &found->link);
    found->users++;
    return found;
}

void issuer_leave(struct issuer *i)
{
    i->users--;
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
        document_init(&i->keys, &keys_document);
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
