/* issuers.h: the key sets of those whose tokens are exchanged here, as one worker keeps them: so many keys in
 * all, so that issuers with the few that are usual are kept by the hundreds; the least used make room. */
#ifndef API_ISSUERS_H
#define API_ISSUERS_H

#include "api/document.h"
#include "auth/federation.h"
#include "auth/jwks.h"
#include "auth/oidc.h"
#include "base/map.h"

enum { ISSUERS_MAX = 1024, ISSUERS_KEYS_MAX = 64 * JWKS_KEYS_MAX };

/* Found by what a policy says of it; with `is_public_only` apart from those of the operator. */
struct issuer {
    struct list link;                      /* used longest ago first */
    char url[FEDERATION_URL_MAX + 1];      /* its own name */
    char jwks_url[FEDERATION_URL_MAX + 1]; /* as the policy says, or "" */
    char keys_url[FEDERATION_URL_MAX + 1]; /* where `keys` come from */
    char discovery_url[OIDC_URL_MAX + 1];
    char name[2 * FEDERATION_URL_MAX + 4]; /* all that names it */
    struct issuers *of;
    size_t room; /* keys that it is counted for */
    bool is_public_only;
    bool is_placed;            /* it is known where its keys are; else none of them counts */
    unsigned users;            /* requests that look at it */
    struct document discovery; /* struct federation_discovery */
    struct document keys;      /* struct jwks */
};

struct issuers {
    struct list all;
    struct map by_name;
    unsigned n;
    size_t room; /* of all of them */
};

void issuers_init(struct issuers *s);
void issuers_release(struct issuers *s);

/* The policy's, with one user more; NULL: too many are in use. */
struct issuer *issuer_of(struct issuers *s, const struct federation *p);
void issuer_leave(struct issuer *i); /* it may be gone */

/* The key that this token names, fetched if that may help: then(q) is called, now or later, and
 * issuer_key() tells. */
void issuer_ask(struct issuer *i, struct api_request *q, struct str kid, enum sign_alg alg,
                void (*then)(struct api_request *q));
/* NULL: there is none. `why`: ERR_OVERLOADED where the keys cannot be had, else ERR_AUTH. */
const struct sign_key *issuer_key(const struct issuer *i, struct str kid, enum sign_alg alg,
                                  struct fault *why);

#endif
