/* config_internal.h: the parts of the configuration, to each other. */
#ifndef APP_CONFIG_INTERNAL_H
#define APP_CONFIG_INTERNAL_H

#include "app/config_fields.h"

/* A configuration and the file that it came from. */
struct config_loader {
    const struct config_flags *flags;
    struct config_file *file; /* NULL: none */
    struct config_node root;
    struct config config;
};

enum err config__open(struct config_loader *l, const struct config_flags *flags, struct fault *f) MUST_USE;
void config__close_file(struct config_loader *l);

enum err config__settings_read(struct config_loader *l, struct fault *f) MUST_USE;
void config__settings_show(struct config_loader *l, struct buf *out);

/* Providers and models of the file and of well-known variables, sealed. */
enum err config__catalog_read(struct config_loader *l, struct fault *f) MUST_USE;

/* What a provider's, a model's and an endpoint's table may hold. */
struct endpoint_draft {
    struct str provider;
    struct endpoint endpoint;
};
struct field_table config__provider_table(struct config_node node, struct provider *p, struct arena *a);
struct field_table config__model_table(struct config_node node, struct model *m, struct arena *a);
struct field_table config__endpoint_table(struct config_node node, struct endpoint_draft *d, struct arena *a);

#endif
