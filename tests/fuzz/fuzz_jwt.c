/* A token is read or refused; what is read answers every question; no signature of ours is on it. */
#include <stdint.h>
#include <stdlib.h>

#include "crypto/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sign_key *keys[2];

/* The key of RFC 7515 A.3, whose signature is among the seeds, and one that signed nothing. */
static void keys_make(void)
{
    static const char text[] =
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";
    struct json_tape tape;
    struct json v;
    if (keys[0])
        return;
    json_tape_init(&tape, 64);
    BUG_ON(json_parse(&tape, str_c(text), &v, NULL) != ERR_OK);
    keys[0] = sign_key_from_jwk(v, NULL);
    keys[1] = sign_key_generate(NULL);
    BUG_ON(!keys[0] || !keys[1]);
    json_tape_release(&tape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jwt t;
    struct fault f = {0};
    int64_t at;
    keys_make();
    char *copy = malloc(size ? size : 1); /* of its own size, so that one byte too far is found */
    BUG_ON(!copy);
    if (size)
        memcpy(copy, data, size);
    struct str text = str_of(copy, size);
    enum err e = jwt_parse(&t, text, &f);
    BUG_ON(e != ERR_OK && !f.message[0]);
    if (e == ERR_OK) {
        struct jwt_rules rules = {
            .issuer = STR("joe"), .audience = STR("a"), .subject = STR("s*"), .age_max_s = 9};
        BUG_ON(t.alg != SIGN_ES256 && t.alg != SIGN_RS256);
        jwt_kid(&t);
        jwt_type(&t);
        jwt_claim(&t, STR("sub"));
        jwt_time(&t, STR("exp"), &at);
        jwt_is_signed(&t, keys[0]);
        BUG_ON(jwt_is_signed(&t, keys[1]));
        if (jwt_check(&t, &rules, &f) == ERR_OK)
            BUG_ON(!jwt_time(&t, STR("exp"), &at));
    }
    jwt_release(&t);
    free(copy);
    return 0;
}
