/* config_wellknown.c: providers that a well-known variable of the environment configures, with
 * their built-in models. */
#include <stdlib.h>

#include "app/builtin.h"
#include "app/config_internal.h"
#include "http/url.h"

static const struct field credential =
    FIELD("api_key", SECRET, struct provider, api_key, .least = 0);
static const struct field version =
    FIELD("api_version", TEXT, struct provider, api_version, .is_right = config__version_is_right);

static const struct field region =
    FIELD("aws.region", TEXT, struct provider, aws.region, .is_right = config__region_is_right);

static struct str variable(const char *name)
{
    return name ? str_c(getenv(name)) : STR_NONE;
}

static bool is_in_file(const struct config_build *b, const struct kind *k)
{
    return config_get(config_get(b->l->root, STR("providers")), k->name).id != 0;
}

/* Everything is there that only the operator can know. */
static bool is_configured(const struct kind *k)
{
    bool has_key = variable(k->key_variable).n > 0,
         has_address = variable(k->address_variable).n > 0;
    if (k->region_variable && !variable(k->region_variable).n)
        return false;
    if (!k->key_variable)
        return has_address;
    return has_key && (k->base_url.n || has_address);
}

static bool has_port(const struct url *u)
{
    size_t brackets = str_starts(u->authority, STR("[")) ? 2 : 0;
    return u->authority.n > u->host.n + brackets;
}

/* "host", "host:port" or a URL to the base URL of the OpenAI dialect. What a server of this machine
 * listens on everywhere, its clients reach on this machine. */
static enum err address_of(struct config_build *b, const struct kind *k, struct str *out)
{
    struct buf url;
    struct url parsed;
    struct str text = variable(k->address_variable);
    bool has_scheme = str_find(text, STR("://")) < text.n;
    buf_init(&url, 1024);
    if (!has_scheme)
        buf_add(&url, k->address_port.n ? STR("http://") : STR("https://"));
    if (str_starts(text, STR("0.0.0.0"))) {
        buf_add(&url, STR("127.0.0.1"));
        text = str_skip(text, 7);
    }
    buf_add(&url, text);
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    enum err e = url_parse(buf_view(&url), &parsed, NULL);
    if (e == ERR_OK && !has_scheme && parsed.path.n == 0 && !has_port(&parsed))
        buf_add(&url, k->address_port);
    buf_add(&url, k->address_path);
    *out = arena_str(b->arena, buf_view(&url));
    e = e == ERR_OK ? url.failed : e;
    buf_release(&url);
    if (e != ERR_OK)
        return fault_set(b->f, ERR_INVALID, "%s must be HOST, HOST:PORT or a URL",
                         k->address_variable);
    return out->p ? ERR_OK : config__no_memory(b);
}

static enum err read_setting(struct config_build *b, const struct field *fd, const char *name,
                             struct provider *p, const char *expected)
{
    struct str value = variable(name);
    if (value.n && !field_parse(fd, value, p))
        return fault_set(b->f, ERR_INVALID, "%s must be %s", name, expected);
    return ERR_OK;
}

static enum err add_wellknown(struct config_build *b, const struct kind *k)
{
    struct provider p = config__provider_defaults(k->name, k).provider;
    enum err e =
        read_setting(b, &credential, k->key_variable, &p, "printable characters without spaces");
    if (e == ERR_OK)
        e = read_setting(b, &version, k->version_variable, &p, "a version such as 2024-10-21");
    if (e == ERR_OK)
        e = read_setting(b, &region, k->region_variable, &p, "a region such as us-east-1");
    if (e == ERR_OK)
        e = config__fill_region(b, &p);
    if (e == ERR_OK && variable(k->address_variable).n)
        e = address_of(b, k, &p.base_url);
    if (e != ERR_OK)
        return e;
    return catalog_add_provider(b->catalog, &p) ? ERR_OK : config__no_memory(b);
}

enum err config__wellknown_providers(struct config_build *b)
{
    const struct kind *k;
    enum err e = ERR_OK;
    for (unsigned i = 1; (k = kind_at(i)) && e == ERR_OK; i++) {
        if (is_configured(k) && !is_in_file(b, k))
            e = add_wellknown(b, k);
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
    enum output output = bm->completion ? OUTPUT_TEXT : OUTPUT_EMBEDDINGS;
    e.provider = p;
    e.model = str_c(bm->native);
    e.context = bm->context;
    e.max_output = bm->max_output;
    parse_price(bm->prompt, &e.price.prompt);
    parse_price(bm->completion ? bm->completion : "0", &e.price.completion);
    parse_price(bm->cache_read, &e.price.cache_read);
    parse_price(bm->cache_write, &e.price.cache_write);
    config__fill_prices(&e.price);
    struct model *m = map_get(&b->models, str_c(bm->id));
    if (!m)
        m = config__add_model(b, &(struct model){.id = str_c(bm->id),
                                                 .name = str_c(bm->name),
                                                 .inputs = str_c(bm->inputs ? bm->inputs : ""),
                                                 .output = output});
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
