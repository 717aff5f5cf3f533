/* oidc.h: signing in with an OpenID provider (OpenID Connect Core 1.0, Discovery 1.0): what its
 * documents and tokens say, checked. No socket is touched here. */
#ifndef AUTH_OIDC_H
#define AUTH_OIDC_H

#include "base/secret.h"
#include "crypto/jwt.h"
#include "store/people.h"

enum { OIDC_DOCUMENT_MAX = 256 * 1024, OIDC_NODES_MAX = 8192, OIDC_URL_MAX = 1024 };

/* As the operator configured it; lives as long as the process. */
struct oidc_provider {
    struct str name;   /* what its button says */
    struct str issuer; /* exactly as the provider gives it */
    struct str client_id;
    struct secret client_secret; /* empty: a public client */
    struct str hosts; /* where its endpoints may lie beside the issuer's; commas between */
    struct str allowed_domains; /* of addresses; empty: any; commas between */
    bool allow_signup;          /* whoever it vouches for gets an account */
};

struct oidc_endpoints {
    char authorization[OIDC_URL_MAX + 1], token[OIDC_URL_MAX + 1], jwks[OIDC_URL_MAX + 1];
    char userinfo[OIDC_URL_MAX + 1]; /* or "" */
    bool secret_in_body;             /* client_secret_post, and no client_secret_basic */
};

/* Where an issuer's discovery document lies (Discovery 1.0, section 4). */
enum err oidc_discovery_url(struct str issuer, char out[OIDC_URL_MAX + 1],
                            struct fault *f) MUST_USE;
/* The document: its issuer must be the configured one, and its endpoints lie where the operator has
 * said: a secret goes nowhere else. */
enum err oidc_discovery_read(const struct oidc_provider *p, struct json_tape *t, struct str text,
                             struct oidc_endpoints *out, struct fault *f) MUST_USE;

/* For how long the document holds, from its answer's Cache-Control (max_age_s, -1: not told): ten
 * minutes, never less than one nor more than an hour. */
uint64_t oidc_discovery_ms(int32_t max_age_s);

/* Whom a token vouches for. */
struct oidc_identity {
    char subject[SUBJECT_MAX + 1], email[EMAIL_MAX + 1]; /* email: or "" */
    bool is_proven;
};
/* iss, aud, azp, exp, iat and nonce (Core, 3.1.3.7); its signature is looked at elsewhere. */
enum err oidc_token_check(const struct oidc_provider *p, struct jwt *t, struct str nonce,
                          int64_t now_s, struct oidc_identity *out, struct fault *f) MUST_USE;
/* UserInfo (Core, 5.3): of the same subject; adds the address where the token had none. */
enum err oidc_userinfo_read(struct json_tape *t, struct str text, struct oidc_identity *io,
                            struct fault *f) MUST_USE;
/* Whether people with this address may come: it must be proven where domains are named. */
bool oidc_domain_is_allowed(const struct oidc_provider *p, const struct oidc_identity *i);

#endif
