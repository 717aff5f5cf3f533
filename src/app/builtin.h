/* builtin.h: some models of the providers that a well-known environment variable is enough to
 * configure (catalog/kind.h), at list prices. Whatever the configuration file says of a provider or
 * a model stands instead. */
#ifndef APP_BUILTIN_H
#define APP_BUILTIN_H

#include <stdint.h>

/* Prices in dollars per million tokens; of caches NULL: as for the prompt; of completions NULL: there are
 * none, it makes embeddings. */
struct builtin_model {
    const char *provider, *id, *name, *native;
    const char *prompt, *completion, *cache_read, *cache_write;
    uint32_t context, max_output; /* 0: not stated */
    const char *inputs;           /* as in struct model; NULL: text */
};

/* NULL past the end. */
const struct builtin_model *builtin_model(unsigned i);

#endif
