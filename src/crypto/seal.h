/* seal.h: secrets at rest: XChaCha20-Poly1305 under the master key. The label says what the secret
 * is and whose ("signing-key:7"); it is not part of the sealed bytes, but they open under no other,
 * so that a row's secret cannot be moved to another row. */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/buf.h"
#include "base/secret.h"

enum {
    SEAL_KEY_BYTES = 32,
    SEAL_MORE = 1 + 24 + 16, /* by how much sealed bytes are longer: version, nonce, tag */
};

struct seal_key {
    uint8_t hidden[SEAL_KEY_BYTES];
};

/* The master key: from `text` (the environment's TURNPIKE_MASTER_KEY: 64 hex digits or base64 of 32
 * bytes) where it is not empty, else from DIR/master.key, which is made (mode 0600) where it is
 * missing. The sentence never tells any of it. */
enum err seal_key_open(struct seal_key *out, struct secret text, const char *dir,
                       struct fault *f) MUST_USE;
/* Another key for one purpose ("csrf"), so that no key serves two ends. */
void seal_key_derive(const struct seal_key *master, struct str purpose,
                     uint8_t out[SEAL_KEY_BYTES]);
void seal_key_forget(struct seal_key *k);

/* Appends to `out`. */
enum err seal(struct buf *out, const struct seal_key *k, struct str label,
              struct secret plain) MUST_USE;
/* Appends to `out`, which is then a secret: ERR_INVALID where key, label or bytes are not what they
 * were. */
enum err seal_open(struct buf *out, const struct seal_key *k, struct str label, struct str sealed,
                   struct fault *f) MUST_USE;

#endif
