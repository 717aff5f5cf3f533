/* catalog.h: the models, who runs them and for how much: one immutable snapshot, counted, swapped
 * whole.
 *
 * Built once by the configuration (catalog_new, ..._add_..., catalog_seal), then read by all
 * threads. All memory is the catalog's arena; strings handed in are copied. */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "base/secret.h"
#include "catalog/kind.h"
#include "ledger/price.h"

/* What AWS wants: a key whose use is signed, in place of an API key. */
struct provider_aws {
    struct str region; /* "us-east-1"; may be empty */
    struct str key_id; /* "AKIA..."; empty: requests are not signed */
    struct secret secret;
    struct secret session; /* the token of temporary keys; may be empty */
};

struct provider {
    struct str name;         /* as configured: "openai" */
    struct str title;        /* as clients see it in `provider`: "OpenAI" */
    struct str dialect;      /* "openai" */
    const struct kind *kind; /* its quirks; NULL when added: the generic ones */
    struct str base_url;     /* without a '/' at its end */
    struct secret api_key;
    struct provider_aws aws;
    struct str api_version; /* in the query, where the kind has one */
    struct deadlines deadlines;
    uint32_t connections_max;    /* per worker */
    struct str max_tokens_field; /* what an output bound is called there: "max_tokens" or
                                    "max_completion_tokens" */
    uint64_t takes;              /* parameters; 0 when added: as its kind does */
    bool may_train;
    int32_t retention_days; /* -1: not stated */
    uint32_t index;         /* 0.. in this catalog */
};

/* How the weights are stored. */
enum quantization {
    QUANTIZATION_UNKNOWN,
    QUANTIZATION_INT4,
    QUANTIZATION_INT8,
    QUANTIZATION_FP4,
    QUANTIZATION_MXFP4,
    QUANTIZATION_NVFP4,
    QUANTIZATION_FP6,
    QUANTIZATION_FP8,
    QUANTIZATION_MXFP8,
    QUANTIZATION_FP16,
    QUANTIZATION_BF16,
    QUANTIZATION_FP32,
    QUANTIZATION__COUNT
};
/* "unknown", "int4", ... NULL behind the last. */
extern const char *const quantization_names[];

struct endpoint {
    const struct provider *provider;
    struct str model; /* the provider's own name for it */
    struct price price;
    uint32_t context, max_output; /* tokens; 0: not stated */
    struct str tag;               /* what sets it apart at its provider: "turbo"; may be empty */
    enum quantization quantization;
    uint64_t takes; /* parameters; 0 when added: as its provider does */
    uint64_t drops; /* those that are not sent to it */
    uint32_t index; /* 0.. in this catalog */
};

/* Whether it takes a parameter ("seed", "tool_choice:required"); of names that are no parameter,
 * whether it takes members that nobody here knows. */
bool catalog_endpoint_takes(const struct endpoint *e, struct str name);

/* What a model is for. */
enum output { OUTPUT_TEXT, OUTPUT_EMBEDDINGS, OUTPUT_RERANK, OUTPUT__COUNT };
/* "text", "embeddings", ... NULL behind the last. */
extern const char *const output_names[];

struct model {
    struct str id; /* "openai/gpt-4o-mini" */
    enum output output;
    struct str name, description;
    struct str inputs;           /* what it takes: "text,image"; empty: text */
    int64_t created;             /* unix seconds; 0: not stated */
    struct endpoint **endpoints; /* in the order in which they are tried */
    uint32_t endpoints_n;
};

struct catalog {
    struct arena arena;
    struct provider **providers;
    struct model **models; /* in the order of the configuration */
    uint32_t providers_n, models_n, endpoints_n;
    struct map by_id;
    uint32_t refs; /* atomic; see catalog_ref() */
};

struct catalog *catalog_new(void); /* one reference; NULL: no memory */
/* Copies what is pointed at; returns the copy, which may be changed until catalog_seal(). NULL: no
 * memory. */
struct provider *catalog_add_provider(struct catalog *c, const struct provider *p) MUST_USE;
struct model *catalog_add_model(struct catalog *c,
                                const struct model *m) MUST_USE; /* without endpoints */
struct endpoint *catalog_add_endpoint(struct catalog *c, struct model *m,
                                      const struct endpoint *e) MUST_USE;
struct provider *catalog_find_provider(struct catalog *c, struct str name);
/* Indexes; ERR_CONFLICT and a sentence for a model that is there twice, ERR_INVALID for one without
 * endpoints, or for an endpoint's name that cannot stand in the path where its provider wants it. */
enum err catalog_seal(struct catalog *c, struct fault *f) MUST_USE;

struct catalog *catalog_ref(struct catalog *c);
void catalog_unref(struct catalog *c); /* NULL is fine */

/* By id. NULL: no such model. */
const struct model *catalog_model(const struct catalog *c, struct str id);

/* Defaults where the configuration is silent. */
extern const struct deadlines catalog_deadlines;

#endif
