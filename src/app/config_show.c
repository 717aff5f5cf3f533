/* config_show.c: the effective configuration, as a file that would say the same. */
#include <stdio.h>

#include "app/config_internal.h"

static const char *origin_of_builtin(struct str provider, char *out, size_t n)
{
    const struct kind *k = kind_at(kind_find(provider));
    const char *variable = k->key_variable ? k->key_variable : k->address_variable;
    if (variable)
        snprintf(out, n, "built-in, by %s", variable);
    return out;
}

static void show_providers(struct config_loader *l, struct buf *out)
{
    const struct catalog *c = l->config.catalog;
    buf_add_c(out, c->providers_n ? "providers:\n"
                                  : "# providers: none; the simulated provider serves\n");
    for (uint32_t i = 0; i < c->providers_n; i++) {
        struct provider *p = c->providers[i];
        struct config_node node = config_get(config_get(l->root, STR("providers")), p->name);
        struct provider_draft d = {.provider = *p, .kind = p->kind->name};
        if (p->takes)
            d.supported = config__parameters(&l->config.arena, p->takes);
        struct field_table t = config__provider_table(node, &d, &l->config.arena);
        char origin[64] = "default";
        if (!node.id)
            origin_of_builtin(p->name, origin, sizeof origin);
        buf_printf(out, "    %.*s:\n", STR_ARG(p->name));
        field_table_show(&t, 8, "", origin, out);
    }
}

static void show_endpoint(struct config_loader *l, const struct endpoint *e,
                          struct config_node node, struct buf *out)
{
    struct endpoint_draft d = {.provider = e->provider->name, .endpoint = *e};
    if (e->takes != (e->provider->takes ? e->provider->takes : e->provider->kind->takes))
        d.supported = config__parameters(&l->config.arena, e->takes);
    struct field_table t = config__endpoint_table(node, &d, &l->config.arena);
    char origin[64] = "default";
    if (!node.id)
        origin_of_builtin(e->provider->name, origin, sizeof origin);
    field_table_show(&t, 10, "- ", origin, out);
}

/* The file's models come first in the catalog, in its order. */
static struct config_node item_or_nothing(struct config_node list, uint32_t i)
{
    return i < config_count(list) ? config_item(list, i) : (struct config_node){0};
}

static void show_models(struct config_loader *l, struct buf *out)
{
    const struct catalog *c = l->config.catalog;
    struct config_node all = config_get(l->root, STR("models"));
    if (c->models_n)
        buf_add_c(out, "models:\n");
    for (uint32_t i = 0; i < c->models_n; i++) {
        struct model *m = c->models[i];
        struct config_node node = item_or_nothing(all, i);
        struct field_table t = config__model_table(node, m, &l->config.arena);
        field_table_show(&t, 6, "- ", node.id ? "default" : "built-in", out);
        buf_add_c(out, "      endpoints:\n");
        for (uint32_t j = 0; j < m->endpoints_n; j++)
            show_endpoint(l, m->endpoints[j],
                          item_or_nothing(config_get(node, STR("endpoints")), j), out);
    }
}

enum err config_show(const struct config_flags *flags, struct buf *out, struct fault *f)
{
    struct config_loader l;
    enum err e = config__open(&l, flags, f);
    if (e != ERR_OK)
        return e;
    config__settings_show(&l, out);
    config__oidc_show(&l, out);
    show_providers(&l, out);
    show_models(&l, out);
    config__close_file(&l);
    config_release(&l.config);
    return out->failed == ERR_OK ? ERR_OK
                                 : fault_set(f, out->failed, "no memory to show the configuration");
}
