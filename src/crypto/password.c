#include "crypto/password.h"

#include <sodium.h>
#include <stdatomic.h>

_Static_assert((int)PASSWORD_TEXT_MAX >= (int)crypto_pwhash_argon2id_STRBYTES, "room for the text");

/* Of nobody's password: what an unknown user's is compared with. */
static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$dHVybnBpa2UgaGFzIG5v$"
                             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

const char *password_of_nobody(void)
{
    return nobody;
}

static _Atomic uint64_t evaluations;

uint64_t password_evaluations(void)
{
    return atomic_load_explicit(&evaluations, memory_order_relaxed);
}

static void start(void)
{
    BUG_ON(sodium_init() < 0);
}

enum err password_hash(struct secret password, char out[PASSWORD_TEXT_MAX], struct fault *f)
{
    struct str p = secret_reveal(password);
    start();
    if (p.n > PASSWORD_MAX)
        return fault_set(f, ERR_TOO_BIG, "The password must have at most %d bytes", PASSWORD_MAX);
    memset(out, 0, PASSWORD_TEXT_MAX);
    atomic_fetch_add_explicit(&evaluations, 1, memory_order_relaxed);
    if (crypto_pwhash_argon2id_str(out, p.p ? p.p : "", p.n,
                                   crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE,
                                   crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE) == 0)
        return ERR_OK;
    return fault_set(f, ERR_NOMEM, "No memory to hash the password: try again later");
}

bool password_is(struct secret password, const char *text)
{
    struct str p = secret_reveal(password);
    start();
    if (p.n > PASSWORD_MAX) /* cannot have been set; nothing of the store shows in this */
        return false;
    atomic_fetch_add_explicit(&evaluations, 1, memory_order_relaxed);
    return crypto_pwhash_argon2id_str_verify(text ? text : nobody, p.p ? p.p : "", p.n) == 0 &&
           text;
}

bool password_is_outdated(const char *text)
{
    start();
    return crypto_pwhash_argon2id_str_needs_rehash(
               text, crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE,
               crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE) != 0;
}
