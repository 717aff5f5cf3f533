#include "api/oidc_known.h"

#include <stdio.h>
#include <stdlib.h>

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
    struct json_tape tape;
    struct oidc_endpoints *e = calloc(1, sizeof *e);
    if (!e) {
        fault_write(f, ERR_NOMEM, "no memory for a discovery document");
        return NULL;
    }
    json_tape_init(&tape, OIDC_NODES_MAX);
    if (oidc_discovery_read(with, &tape, body, e, f) != ERR_OK) {
        free(e);
        e = NULL;
    }
    json_tape_release(&tape);
    return e;
}

static const struct document_kind keys_document = {
    .name = "an OpenID provider's keys", .max = JWKS_MAX, .read = read_keys, .drop = drop_keys};
static const struct document_kind discovery_document = {
    .name = "an OpenID provider's discovery document",
    .max = OIDC_DOCUMENT_MAX,
    .read = read_discovery,
    .drop = free,
    .fresh_ms = oidc_discovery_ms};

void oidc_known_init(struct oidc_known *k, const struct oidc_provider *p)
{
    struct fault ignored;
    document_init(&k->discovery, &discovery_document, p);
    document_init(&k->keys, &keys_document, NULL);
    k->keys_url[0] = '\0';
    if (oidc_discovery_url(p->issuer, k->discovery_url, &ignored) != ERR_OK)
        k->discovery_url[0] = '\0'; /* the courier refuses it */
}

void oidc_known_release(struct oidc_known *k)
{
    document_release(&k->discovery);
    document_release(&k->keys);
}

void oidc_known_discover(struct oidc_known *k, struct api_request *q, handler_fn *then)
{
    if (document_ask(&k->discovery, q, str_c(k->discovery_url), false, false, then))
        then(q);
}

void oidc_known_ask_key(struct oidc_known *k, struct api_request *q, struct str url, struct str kid,
                        enum sign_alg alg, handler_fn *then)
{
    if (!str_eq(url, str_c(k->keys_url)) && !k->keys.is_busy) {
        document_release(&k->keys);
        document_init(&k->keys, &keys_document, NULL);
        snprintf(k->keys_url, sizeof k->keys_url, "%.*s", STR_ARG(url));
    }
    bool is_missing = !jwks_find(k->keys.what, kid, alg);
    if (document_ask(&k->keys, q, str_c(k->keys_url), false, is_missing, then))
        then(q);
}
