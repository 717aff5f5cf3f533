/* password.h: passwords as Argon2id (RFC 9106), in its usual text "$argon2id$v=19$m=...". Each call
 * takes tens of milliseconds and 64 MiB by intention: never on a loop, see io/pool.h. */
#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include "base/err.h"
#include "base/secret.h"

enum {
    PASSWORD_MAX = 1024,     /* bytes: longer ones are refused, not cut */
    PASSWORD_TEXT_MAX = 128, /* with its NUL */
};

/* A new salt each time. ERR_TOO_BIG, ERR_NOMEM. */
enum err password_hash(struct secret password, char out[PASSWORD_TEXT_MAX],
                       struct fault *f) MUST_USE;
/* `text` terminated; NULL: there is no such user: takes the same time and says no. */
bool password_is(struct secret password, const char *text);
/* What an unknown user's is compared with: nobody's, of today's cost. */
const char *password_of_nobody(void);
/* How often this process has run Argon2id, by either of them: what wrong sign-ins cost shows in it. */
uint64_t password_evaluations(void);
/* Made with less than today's cost: to be hashed anew when it was right the next time. */
bool password_is_outdated(const char *text);

#endif
