#include "auth/jwks.h"

#include <stdlib.h>

enum { NODES_MAX = 8192, BASE64_BITS = 6, SLACK_BITS = 32 };

static bool is_too_large(struct json jwk)
{
    struct str modulus = json_raw_str(json_get(jwk, STR("n")));
    return modulus.n * BASE64_BITS > JWKS_RSA_BITS_MAX + SLACK_BITS;
}

static bool take_kid(struct json jwk, char out[JWKS_KID_MAX + 1])
{
    struct json kid = json_get(jwk, STR("kid"));
    struct buf b = {.p = out, .cap = JWKS_KID_MAX, .max = JWKS_KID_MAX};
    struct str s = json_str(kid, &b);
    if (json_is(kid, JSON_NONE))
        return true;
    if (!s.n || s.n > JWKS_KID_MAX || memchr(s.p, '\0', s.n))
        return false;
    memmove(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

static void read_key(struct jwks *s, struct json jwk)
{
    struct jwks_key *to = &s->keys[s->n];
    struct fault ignored;
    memset(to, 0, sizeof *to);
    if (!json_is(jwk, JSON_OBJECT) || is_too_large(jwk) || !take_kid(jwk, to->kid))
        return;
    to->key = sign_key_from_jwk(jwk, &ignored);
    s->n += to->key != NULL;
}

static enum err read_all(struct jwks *s, struct json_tape *tape, struct str text, struct fault *f)
{
    struct json root;
    struct fault ignored;
    if (json_parse(tape, text, &root, &ignored) != ERR_OK)
        return fault_set(f, ERR_UPSTREAM, "the key set is no JSON");
    struct json keys = json_get(root, STR("keys"));
    for (struct json k = json_first(keys); json_is(keys, JSON_ARRAY) && !json_is(k, JSON_NONE);
         k = json_after(keys, k)) {
        if (s->n < JWKS_KEYS_MAX)
            read_key(s, k);
    }
    return s->n ? ERR_OK : fault_set(f, ERR_UPSTREAM, "the key set has no key that can be used");
}

struct jwks *jwks_read(struct str text, struct fault *f)
{
    struct json_tape tape;
    struct jwks *s = calloc(1, sizeof *s);
    if (!s) {
        fault_write(f, ERR_NOMEM, "no memory for a key set");
        return NULL;
    }
    json_tape_init(&tape, NODES_MAX);
    enum err e = read_all(s, &tape, text, f);
    json_tape_release(&tape);
    if (e == ERR_OK)
        return s;
    jwks_free(s);
    return NULL;
}

void jwks_free(struct jwks *s)
{
    for (size_t i = 0; s && i < s->n; i++)
        sign_key_free(s->keys[i].key);
    free(s);
}

const struct sign_key *jwks_find(const struct jwks *s, struct str kid, enum sign_alg alg)
{
    const struct sign_key *found = NULL;
    for (size_t i = 0; s && i < s->n; i++) {
        const struct jwks_key *k = &s->keys[i];
        if (sign_key_alg(k->key) != alg || (kid.n && !str_eq(kid, str_c(k->kid))))
            continue;
        if (found)
            return NULL;
        found = k->key;
    }
    return found;
}
