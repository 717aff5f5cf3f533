/* oidc_known.h: what one worker keeps of an OpenID provider: where its endpoints are (Discovery 1.0) and
 * its keys (RFC 7517). Both are fetched once for all who sign in, and read on a helper's thread. */
#ifndef API_OIDC_KNOWN_H
#define API_OIDC_KNOWN_H

#include "api/document.h"
#include "api/internal.h"
#include "auth/jwks.h"
#include "auth/oidc.h"

struct oidc_known {
    struct document discovery; /* struct oidc_endpoints */
    struct document keys;      /* struct jwks */
    char discovery_url[OIDC_URL_MAX + 1];
    char keys_url[OIDC_URL_MAX + 1]; /* where `keys` come from; "": they are not known */
};

/* p lives as long. */
void oidc_known_init(struct oidc_known *k, const struct oidc_provider *p);
void oidc_known_release(struct oidc_known *k); /* nobody waits */

/* then(q) is called, now or later, with what there is in k->discovery. */
void oidc_known_discover(struct oidc_known *k, struct api_request *q, handler_fn *then);
/* The same for k->keys, which are at `url`: asked for again where this one is not among them. */
void oidc_known_ask_key(struct oidc_known *k, struct api_request *q, struct str url, struct str kid,
                        enum sign_alg alg, handler_fn *then);

#endif
