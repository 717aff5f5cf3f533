/* siphash.h: SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"): a hash that
 * nobody can steer without the key. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include "base/str.h"

struct siphash_key {
    uint64_t k0, k1;
};

uint64_t siphash13(const struct siphash_key *key, struct str s);

#endif
