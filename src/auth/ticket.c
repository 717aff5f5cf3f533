#include "auth/ticket.h"

#include "base/codec.h"
#include "crypto/hmac.h"

void ticket_make(char text[TICKET_CHARS + 1], uint8_t hash[TICKET_HASH_BYTES])
{
    uint8_t random[TICKET_CHARS / 2];
    random_bytes(random, sizeof random);
    hex_encode(text, random, sizeof random);
    text[TICKET_CHARS] = '\0';
    explicit_bzero(random, sizeof random);
    sha256(str_of(text, TICKET_CHARS), hash);
}

bool ticket_hash(struct str text, uint8_t hash[TICKET_HASH_BYTES])
{
    uint8_t ignored[TICKET_CHARS / 2];
    if (text.n != TICKET_CHARS || !hex_decode(ignored, sizeof ignored, text))
        return false;
    sha256(text, hash);
    return true;
}

void ticket_derive(struct str text, struct str use, char out[TICKET_CHARS + 1])
{
    uint8_t sum[SHA256_BYTES];
    hmac_sha256(secret_of(text), use, sum);
    hex_encode(out, sum, sizeof sum);
    out[TICKET_CHARS] = '\0';
}
