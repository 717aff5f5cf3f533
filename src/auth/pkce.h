/* pkce.h: proof that who brings an authorization code is who asked for it (RFC 7636). */
#ifndef AUTH_PKCE_H
#define AUTH_PKCE_H

#include "store/people.h"

enum { VERIFIER_MIN = 43, VERIFIER_MAX = 128 };

/* "S256" or "plain". */
bool pkce_method_parse(struct str s, enum challenge_method *out);
const char *pkce_method_name(enum challenge_method m); /* "" for none */
/* 43 to 128 of A-Z a-z 0-9 - . _ ~ */
bool pkce_verifier_is_valid(struct str verifier);
bool pkce_challenge_is_valid(enum challenge_method m, struct str challenge);
/* S256: 43 characters. `out` is terminated. */
void pkce_s256(struct str verifier, char out[CHALLENGE_MAX + 1]);
/* In a time that does not tell how much of it is right. */
bool pkce_matches(enum challenge_method m, struct str challenge, struct str verifier);

#endif
