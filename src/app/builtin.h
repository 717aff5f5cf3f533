/* builtin.h: the built-in catalogue: providers that a well-known environment variable is enough to
 * configure, and some of their models at list prices. Whatever the configuration file says of a
 * provider or a model stands instead. */
#ifndef APP_BUILTIN_H
#define APP_BUILTIN_H

#include <stdbool.h>
#include <stdint.h>

struct builtin_provider {
    const char *name, *title;
    const char *variable; /* its credential; or its address, where base_url is NULL */
    const char *base_url;
    const char *max_tokens_field;
    bool may_train;
    int32_t retention_days; /* -1: not stated */
};

/* Prices in dollars per million tokens; NULL: as for the prompt. */
struct builtin_model {
    const char *provider, *id, *name, *native;
    const char *prompt, *completion, *cache_read, *cache_write;
    uint32_t context, max_output; /* 0: not stated */
};

/* NULL past the end. */
const struct builtin_provider *builtin_provider(unsigned i);
const struct builtin_model *builtin_model(unsigned i);

#endif
