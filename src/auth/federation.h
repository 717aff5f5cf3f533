/* federation.h: federation policies: which tokens of another issuer stand for which key. What a policy
 * may say, and whether a token's claims satisfy it. Pure. */
#ifndef AUTH_FEDERATION_H
#define AUTH_FEDERATION_H

#include "crypto/jwt.h"
#include "json/write.h"
#include "store/calls_token.h"

enum { FEDERATION_CLAIM_NAMES_MAX = 16 };

void federation_id_make(char out[FEDERATION_ID_CHARS + 1]);
bool federation_id_is_right(struct str id);

/* What a new policy says: {name, issuer, jwks_url?, audience, subject?, claims?, key,
 * max_lifetime_seconds?, enabled?}. Whoever is not the operator names public hosts, by https. The
 * fault names the field. */
enum err federation_read(struct json root, bool is_operators, struct federation *out,
                         struct fault *f) MUST_USE;
/* What is to be changed of one: {name?, max_lifetime_seconds?, enabled?}; *fields: FEDERATION_SET_... */
enum err federation_read_change(struct json root, struct federation *out, uint32_t *fields,
                                struct fault *f) MUST_USE;
void federation_write_json(struct json_writer *w, const char *name, const struct federation *p);

/* The claims of a token whose signature is looked at elsewhere: iss, aud, sub, further ones, times;
 * sub and exp must be there. The sentence is the operator's to read. */
enum err federation_match(const struct federation *p, struct jwt *t, int64_t now_s,
                          struct fault *why) MUST_USE;

/* --- the issuer's discovery document (OpenID Connect Discovery 1.0), see auth/oidc.h --- */

struct federation_discovery {
    char issuer[FEDERATION_URL_MAX + 1], jwks_url[FEDERATION_URL_MAX + 1];
};
/* NULL and a sentence; free(). */
struct federation_discovery *federation_discovery_read(struct str text, struct fault *f);
/* Are both URLs at one host? */
bool federation_is_same_host(struct str a, struct str b);

#endif
