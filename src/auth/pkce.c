#include "auth/pkce.h"

#include "base/base64.h"
#include "crypto/hmac.h"

enum { S256_CHARS = 43 };

bool pkce_method_parse(struct str s, enum challenge_method *out)
{
    if (str_eq(s, STR("S256")))
        *out = CHALLENGE_S256;
    else if (str_eq(s, STR("plain")))
        *out = CHALLENGE_PLAIN;
    else
        return false;
    return true;
}

const char *pkce_method_name(enum challenge_method m)
{
    return m == CHALLENGE_S256 ? "S256" : m == CHALLENGE_PLAIN ? "plain" : "";
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool pkce_verifier_is_valid(struct str v)
{
    if (v.n < VERIFIER_MIN || v.n > VERIFIER_MAX)
        return false;
    for (size_t i = 0; i < v.n; i++) {
        char c = v.p[i];
        if (!is_alphanumeric(c) && c != '-' && c != '.' && c != '_' && c != '~')
            return false;
    }
    return true;
}

bool pkce_challenge_is_valid(enum challenge_method m, struct str challenge)
{
    if (m == CHALLENGE_PLAIN)
        return pkce_verifier_is_valid(challenge);
    return m == CHALLENGE_S256 && challenge.n == S256_CHARS && pkce_verifier_is_valid(challenge);
}

void pkce_s256(struct str verifier, char out[CHALLENGE_MAX + 1])
{
    uint8_t sum[SHA256_BYTES];
    sha256(verifier, sum);
    out[base64_encode(BASE64_URL, out, sum, sizeof sum)] = '\0';
}

bool pkce_matches(enum challenge_method m, struct str challenge, struct str verifier)
{
    char sum[CHALLENGE_MAX + 1];
    if (!pkce_verifier_is_valid(verifier))
        return false;
    if (m == CHALLENGE_PLAIN)
        return secret_eq(secret_of(challenge), secret_of(verifier));
    pkce_s256(verifier, sum);
    return m == CHALLENGE_S256 && secret_eq(secret_of(challenge), secret_of(str_c(sum)));
}
