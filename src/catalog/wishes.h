/* wishes.h: the `provider` object of a request: what the client wants of the endpoints that serve it.
 * Source: OpenRouter's documentation, "Provider Routing". */
#ifndef CATALOG_WISHES_H
#define CATALOG_WISHES_H

#include "base/err.h"
#include "base/money.h"
#include "json/read.h"

enum { WISHES_NAMES_MAX = 64, WISHES_UNBOUNDED = -1 };

/* SORT_EXACTO is accepted; nobody measures quality here, so it changes nothing. */
enum wish_sort { SORT_NONE, SORT_PRICE, SORT_THROUGHPUT, SORT_LATENCY, SORT_EXACTO };

/* Of providers, as the client wrote them: "deepinfra", "DeepInfra", "deepinfra/turbo". */
struct wish_names {
    struct str at[WISHES_NAMES_MAX];
    uint32_t n;
};

struct wishes {
    bool allow_fallbacks, require_parameters;
    bool denies_training;    /* data_collection: deny */
    bool wants_no_retention; /* zdr */
    enum wish_sort sort;
    bool is_pooled;                     /* the endpoints of all models in one order */
    uint32_t quantizations;             /* a bit each; 0: any */
    picos prompt_most, completion_most; /* WISHES_UNBOUNDED: any */
    nanos request_most;
    struct wish_names order, only, ignore; /* of none: no wish */
};

/* What stands where nothing is wished. */
void wishes_init(struct wishes *w);
/* provider: the object; JSON_NONE and null wish for nothing. Views live as long as its text. The
 * fault names the field, what was there and what would be right. */
enum err wishes_read(struct json provider, struct wishes *w, struct fault *f) MUST_USE;

#endif
