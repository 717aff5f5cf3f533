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

enum err config__open(struct config_loader *l, const struct config_flags *flags,
                      struct fault *f) MUST_USE;
void config__close_file(struct config_loader *l);

enum err config__settings_read(struct config_loader *l, struct fault *f) MUST_USE;
void config__settings_show(struct config_loader *l, struct buf *out);

/* config_oidc.c: OpenID providers. */
enum err config__oidc_read(struct config_loader *l, struct fault *f) MUST_USE;
void config__oidc_show(struct config_loader *l, struct buf *out);

/* Providers and models of the file and of well-known variables, sealed. */
enum err config__catalog_read(struct config_loader *l, struct fault *f) MUST_USE;

/* A provider as the file words it. */
struct provider_draft {
    struct provider provider;
    struct str kind;
    struct str supported; /* parameters, a comma between two; empty: as its kind does */
};

/* An endpoint whose provider is still a name. */
struct endpoint_draft {
    struct str provider;
    struct str supported; /* likewise; empty: as its provider does */
    struct endpoint endpoint;
};

/* A catalog under construction. */
struct config_build {
    struct config_loader *l;
    struct catalog *catalog;
    struct arena *arena;
    struct map models; /* by id: struct model, the catalog's */
    struct fault *f;
};
enum err config__no_memory(struct config_build *b);
struct model *config__add_model(struct config_build *b,
                                const struct model *draft) MUST_USE; /* NULL: no memory */
struct provider_draft config__provider_defaults(struct str name, const struct kind *kind);
/* A set as the file words it, in the arena; p NULL: no memory. */
struct str config__parameters(struct arena *a, uint64_t set);
struct endpoint_draft config__endpoint_defaults(void);
bool config__version_is_right(struct str text);
/* What is not stated costs what the prompt or the completion costs. */
void config__fill_prices(struct price *p);

/* config_aws.c: a provider's `aws`. */
bool config__region_is_right(struct str text);
bool config__key_id_is_right(struct str text);
/* The provider's region into its base URL, where that wants one and there is one. */
enum err config__fill_region(struct config_build *b, struct provider *p) MUST_USE;
/* A key of AWS is whole, signs for a region, and is the only credential. */
enum err config__check_aws(struct config_build *b, struct config_node node, const char *where,
                           const struct provider *p) MUST_USE;

/* The providers whose variable is set and that the file does not have. */
enum err config__wellknown_providers(struct config_build *b) MUST_USE;
/* The built-in models of the providers from index `wellknown_from` on, without those of the file.
 */
enum err config__wellknown_models(struct config_build *b, uint32_t wellknown_from) MUST_USE;

/* What a provider's, a model's and an endpoint's table may hold. */
struct field_table config__provider_table(struct config_node node, struct provider_draft *d,
                                          struct arena *a);
struct field_table config__model_table(struct config_node node, struct model *m, struct arena *a);
struct field_table config__endpoint_table(struct config_node node, struct endpoint_draft *d,
                                          struct arena *a);

#endif
