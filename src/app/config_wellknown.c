/* config_wellknown.c: providers that a well-known variable of the environment configures, with
 * their built-in models. */
#include <stdlib.h>

#include "app/builtin.h"
#include "app/config_internal.h"
#include "http/url.h"

static const struct field credential =
    FIELD("api_key", SECRET, struct provider, api_key, .least = 0);

/* What the variable says; empty: it does not configure this provider. */
static struct str variable_of(const struct config_build *b, const struct builtin_provider *p)
{
    struct config_node in_file =
        config_get(config_get(b->l->root, STR("providers")), str_c(p->name));
    return in_file.id ? STR_NONE : str_c(getenv(p->variable));
}

static bool has_port(const struct url *u)
{
    size_t brackets = str_starts(u->authority, STR("[")) ? 2 : 0;
    return u->authority.n > u->host.n + brackets;
}

/* "host", "host:port" or a URL, as Ollama's own programs take it, to the base URL of its OpenAI
 * dialect. What its server listens on everywhere, its clients reach on this machine. */
static enum err address_of(struct config_build *b, const struct builtin_provider *p,
                           struct str text, struct str *out)
{
    struct buf url;
    struct url parsed;
    bool has_scheme = str_find(text, STR("://")) < text.n;
    buf_init(&url, 1024);
    if (!has_scheme)
        buf_add(&url, STR("http://"));
    if (str_starts(text, STR("0.0.0.0"))) {
        buf_add(&url, STR("127.0.0.1"));
        text = str_skip(text, 7);
    }
    buf_add(&url, text);
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    enum err e = url_parse(buf_view(&url), &parsed, NULL);
    if (e == ERR_OK && !has_scheme && parsed.path.n == 0 && !has_port(&parsed))
        buf_add(&url, STR(":11434"));
    buf_add(&url, STR("/v1"));
    *out = arena_str(b->arena, buf_view(&url));
    e = e == ERR_OK ? url.failed : e;
    buf_release(&url);
    if (e != ERR_OK)
        return fault_set(b->f, ERR_INVALID, "%s must be HOST, HOST:PORT or a URL", p->variable);
    return out->p ? ERR_OK : config__no_memory(b);
}

static enum err add_builtin_provider(struct config_build *b, const struct builtin_provider *bp,
                                     struct str value)
{
    struct provider p = config__provider_defaults(str_c(bp->name));
    p.title = str_c(bp->title);
    p.max_tokens_field = str_c(bp->max_tokens_field);
    p.may_train = bp->may_train;
    p.retention_days = bp->retention_days;
    p.base_url = str_c(bp->base_url);
    enum err e = ERR_OK;
    if (!bp->base_url)
        e = address_of(b, bp, value, &p.base_url);
    else if (!field_parse(&credential, value, &p))
        e = fault_set(b->f, ERR_INVALID, "%s must be printable characters without spaces",
                      bp->variable);
    if (e != ERR_OK)
        return e;
    return catalog_add_provider(b->catalog, &p) ? ERR_OK : config__no_memory(b);
}

enum err config__wellknown_providers(struct config_build *b)
{
    const struct builtin_provider *p;
    enum err e = ERR_OK;
    for (unsigned i = 0; (p = builtin_provider(i)) && e == ERR_OK; i++) {
        struct str value = variable_of(b, p);
        if (value.n)
            e = add_builtin_provider(b, p, value);
    }
    return e;
}

static void parse_price(const char *text, picos *out)
{
    bool parsed = !text || money_parse_per_million(str_c(text), out);
    BUG_ON(!parsed);
}

static enum err add_builtin_model(struct config_build *b, const struct builtin_model *bm,
                                  const struct provider *p)
{
    struct endpoint e = config__endpoint_defaults().endpoint;
    e.provider = p;
    e.model = str_c(bm->native);
    e.context = bm->context;
    e.max_output = bm->max_output;
    parse_price(bm->prompt, &e.price.prompt);
    parse_price(bm->completion, &e.price.completion);
    parse_price(bm->cache_read, &e.price.cache_read);
    parse_price(bm->cache_write, &e.price.cache_write);
    config__fill_prices(&e.price);
    struct model *m = map_get(&b->models, str_c(bm->id));
    if (!m)
        m = config__add_model(b, &(struct model){.id = str_c(bm->id), .name = str_c(bm->name)});
    return m && catalog_add_endpoint(b->catalog, m, &e) ? ERR_OK : config__no_memory(b);
}

enum err config__wellknown_models(struct config_build *b, uint32_t wellknown_from)
{
    const struct builtin_model *bm;
    uint32_t file_models = b->catalog->models_n;
    enum err e = ERR_OK;
    for (unsigned i = 0; (bm = builtin_model(i)) && e == ERR_OK; i++) {
        const struct provider *p = catalog_find_provider(b->catalog, str_c(bm->provider));
        bool in_file = false;
        for (uint32_t j = 0; j < file_models && !in_file; j++)
            in_file = str_eq(b->catalog->models[j]->id, str_c(bm->id));
        if (p && p->index >= wellknown_from && !in_file)
            e = add_builtin_model(b, bm, p);
    }
    return e;
}
