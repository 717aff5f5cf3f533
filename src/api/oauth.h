/* oauth.h: apps that ask for keys: what both sides of it share. */
#ifndef API_OAUTH_H
#define API_OAUTH_H

#include "api/account_page.h"
#include "auth/callback.h"
#include "auth/pkce.h"

enum { CODE_MS = 10 * 60 * 1000 };

/* What an app asks for, checked. */
struct asking {
    char origin[ORIGIN_MAX + 1]; /* empty: without a callback */
    struct oauth_code code;      /* method, challenge, name */
};
/* callback and challenge: p NULL or empty where they are not there. */
enum err asking_check(struct str callback, struct str challenge, struct str method,
                      struct str label, struct asking *out, struct fault *f) MUST_USE;

handler_fn consent_show, consent_submit, oauth_exchange, oauth_code_create;

#endif
