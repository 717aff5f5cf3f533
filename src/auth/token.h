/* token.h: our own access tokens: what they say, written and read (RFC 9068's form, ES256). Pure: who
 * signed one, and whether what it rests on still holds, is asked elsewhere. */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include "crypto/jwt.h"
#include "store/calls_token.h"

enum { TOKEN_TEXT_MAX = 2048, TOKEN_JTI_CHARS = 32 };

enum token_scope { TOKEN_INFERENCE = 1 };

struct token {
    uint8_t key_hash[KEY_HASH_BYTES]; /* of the key as which it acts: `sub` */
    char policy[FEDERATION_ID_CHARS + 1];
    char jti[TOKEN_JTI_CHARS + 1]; /* its own name, for the audit log */
    uint32_t scopes;               /* enum token_scope */
    int64_t issued_s, expires_s;
};

/* Appends it, signed, and names it (jti). issuer: ours. */
enum err token_add(struct buf *out, const struct sign_key *k, struct str kid, struct str issuer,
                   struct token *t) MUST_USE;

/* Whether it is one of ours by its own words, in force now, and what it says; its signature is the
 * caller's to look at, before any of it is believed. t->jti is left empty. jwt: to be released
 * whatever comes. The sentence (ERR_AUTH) never tells any of the token. */
enum err token_read(struct jwt *jwt, struct str text, struct str issuer, int64_t now_s,
                    struct token *t, struct fault *f) MUST_USE;

#endif
