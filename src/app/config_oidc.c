/* config_oidc.c: OpenID providers with which people may sign in. */
#include <stdio.h>

#include "app/config_internal.h"
#include "io/courier.h"

enum { OIDC_MAX = 16, NAME_MAX_BYTES = 60 };

static bool issuer_is_right(struct str text)
{
    return text.n <= ISSUER_MAX && courier_url_is_right(text) && str_find(text, STR("?")) == text.n;
}

static bool name_is_right(struct str text)
{
    return text.n && text.n <= NAME_MAX_BYTES;
}

#define OIDC(name, kind, member, ...) FIELD(name, kind, struct oidc_provider, member, __VA_ARGS__)

static const struct field fields[] = {
    OIDC("name", TEXT, name, .is_required = true, .is_right = name_is_right,
         .expected = "a name for its button, of at most 60 bytes"),
    OIDC("issuer", TEXT, issuer, .is_required = true, .is_right = issuer_is_right,
         .expected = "the issuer's URL, exactly as the provider gives it: https, or http to this "
                     "machine"),
    OIDC("client_id", TEXT, client_id, .is_required = true, .expected = "text"),
    OIDC("client_secret", SECRET, client_secret, .least = 0),
    OIDC("hosts", LIST, hosts, .expected = "a list of host names"),
    OIDC("allowed_domains", LIST, allowed_domains, .expected = "a list of domains"),
    OIDC("allow_signup", BOOL, allow_signup, .least = 0),
};

static struct field_table table_of(struct config_loader *l, struct config_node node,
                                   struct oidc_provider *p, const char *where)
{
    return (struct field_table){.fields = fields,
                                .n = COUNT_OF(fields),
                                .node = node,
                                .where = where,
                                .base = p,
                                .arena = &l->config.arena};
}

static enum err refuse_twins(const struct config *c, struct config_node all, struct fault *f)
{
    for (uint32_t i = 1; i < c->oidc_n; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (str_eq(c->oidc[i].name, c->oidc[k].name))
                return config_fault_set(f, config_item(all, i),
                                        "oidc has two providers of this name");
        }
    }
    return ERR_OK;
}

enum err config__oidc_read(struct config_loader *l, struct fault *f)
{
    struct config *c = &l->config;
    struct config_node all = config_get(l->root, STR("oidc"));
    char where[40];
    enum err e = ERR_OK;
    if (!all.id)
        return ERR_OK;
    if (config_kind(all) != CONFIG_LIST || config_count(all) > OIDC_MAX)
        return config_fault_set(f, all, "oidc must be a list of at most %d providers", OIDC_MAX);
    c->oidc = arena_zalloc(&c->arena, (config_count(all) + 1) * sizeof *c->oidc);
    if (!c->oidc)
        return fault_set(f, ERR_NOMEM, "no memory for the configuration");
    for (; c->oidc_n < config_count(all) && e == ERR_OK; c->oidc_n++) {
        snprintf(where, sizeof where, "oidc provider %u", c->oidc_n + 1);
        struct field_table t = table_of(l, config_item(all, c->oidc_n), &c->oidc[c->oidc_n], where);
        e = field_table_read(&t, f);
    }
    return e == ERR_OK ? refuse_twins(c, all, f) : e;
}

void config__oidc_show(struct config_loader *l, struct buf *out)
{
    const struct config *c = &l->config;
    struct config_node all = config_get(l->root, STR("oidc"));
    if (c->oidc_n)
        buf_add_c(out, "oidc:\n");
    for (uint32_t i = 0; i < c->oidc_n; i++) {
        struct field_table t = table_of(l, config_item(all, i), &c->oidc[i], NULL);
        field_table_show(&t, 6, "- ", "default", out);
    }
}
