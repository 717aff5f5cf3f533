/* github.h: one worker's copy of GitHub's public keys. */
#ifndef API_GITHUB_H
#define API_GITHUB_H

#include "auth/exposure.h"
#include "io/courier.h"

/* So many at once, then one a minute, whoever asks for keys that are not there. */
enum { GITHUB_REFETCHES = 4, GITHUB_REFETCH_MS = 60 * 1000 };

struct github {
    struct github_keys keys;
    char etag[COURIER_ETAG_MAX + 1];
    uint64_t fetched_ms;  /* on the loop's clock; 0: never */
    uint64_t refilled_ms; /* when the last of these came; 0: never */
    uint32_t fetches_left;
};
void github_release(struct github *g);

#endif
