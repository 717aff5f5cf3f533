/* config_catalog.c: providers and models of the file to a catalog. */
#include <stdio.h>

#include "app/config_internal.h"
#include "http/url.h"
#include "relay/upstream.h"

enum { WHERE_MAX = 100, NAME_SHOWN = 60 };

#define PRICE_UNSTATED                                                                             \
    (-1) /* while a price is being read: the prompt's or the completion's stands for it */

/* Those of dialect/dialect.c that providers speak. */
static const char *const dialects[] = {"openai",  "responses", "anthropic", "gemini",
                                       "bedrock", "azure",     "cohere",    NULL};
static const char *const bound_names[] = {"max_tokens", "max_completion_tokens", NULL};

static bool base_url_is_right(struct str text)
{
    struct url ignored;
    return url_parse(text, &ignored, NULL) == ERR_OK;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

/* "author/slug", perhaps with more parts and a variant: "meta-llama/llama-3.1-8b-instruct:free" */
static bool model_id_is_right(struct str text)
{
    size_t slash = str_find(text, STR("/"));
    if (text.n > 255 || slash == 0 || slash + 1 >= text.n || text.p[text.n - 1] == '/')
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (!is_name_char(text.p[i]) && !strchr("/:@+", text.p[i]))
            return false;
    }
    return true;
}

static bool parameters_are_right(struct str text)
{
    uint64_t ignored;
    return parameter_set_parse(text, &ignored);
}

static bool inputs_are_right(struct str text)
{
    static const char *const names[] = {"text", "image", "file", "audio", "video"};
    while (text.n) {
        struct str name = str_cut(&text, ',');
        size_t i = 0;
        while (i < COUNT_OF(names) && !str_eq(name, str_c(names[i])))
            i++;
        if (i == COUNT_OF(names))
            return false;
    }
    return true;
}

bool config__version_is_right(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!is_name_char(text.p[i]))
            return false;
    }
    return text.n > 0;
}

static bool tag_is_right(struct str text)
{
    return config__version_is_right(text) && text.n <= NAME_SHOWN;
}

#define SUPPORTED                                                                                  \
    .is_right = parameters_are_right,                                                              \
    .expected = "a list of parameters such as [temperature, tools, seed]"

#define PROVIDER(name, kind, member, ...)                                                          \
    FIELD(name, kind, struct provider_draft, provider.member, __VA_ARGS__)
#define DEADLINE(name, member, longest)                                                            \
    PROVIDER(name, DURATION, deadlines.member, .least = 1, .most = longest)

static const struct field provider_fields[] = {
    PROVIDER("title", TEXT, title, .expected = "text"),
    PROVIDER("dialect", WORD, dialect, .choices = dialects),
    FIELD("kind", TEXT, struct provider_draft, kind, .expected = "the name of a kind"),
    PROVIDER("base_url", TEXT, base_url, .is_right = base_url_is_right,
             .expected = "a URL such as https://api.openai.com/v1"),
    PROVIDER("api_version", TEXT, api_version, .is_right = config__version_is_right,
             .expected = "a version such as 2024-10-21"),
    PROVIDER("api_key", SECRET, api_key, .least = 0),
    PROVIDER("aws.region", TEXT, aws.region, .is_right = config__region_is_right,
             .expected = "a region such as us-east-1"),
    PROVIDER("aws.access_key_id", TEXT, aws.key_id, .is_right = config__key_id_is_right,
             .expected = "letters and digits"),
    PROVIDER("aws.secret_access_key", SECRET, aws.secret, .least = 0),
    PROVIDER("aws.session_token", SECRET, aws.session, .least = 0),
    PROVIDER("connections", COUNT, connections_max, .least = 1, .most = 65535),
    PROVIDER("max_tokens_field", WORD, max_tokens_field, .choices = bound_names),
    DEADLINE("deadlines.connect", connect_ms, 3600000),
    DEADLINE("deadlines.first", first_ms, 86400000),
    DEADLINE("deadlines.idle", idle_ms, 86400000),
    DEADLINE("deadlines.total", total_ms, 86400000),
    PROVIDER("data_policy.training", BOOL, may_train, .least = 0),
    PROVIDER("data_policy.retention_days", COUNT, retention_days, .least = 0, .most = 36500),
    FIELD("supported_parameters", LIST, struct provider_draft, supported, SUPPORTED),
};

#define MODEL(name, kind, member, ...) FIELD(name, kind, struct model, member, __VA_ARGS__)

static const struct field model_fields[] = {
    MODEL("id", TEXT, id, .is_required = true, .is_right = model_id_is_right,
          .expected = "author/slug such as openai/gpt-4o-mini"),
    MODEL("input", LIST, inputs, .is_right = inputs_are_right,
          .expected = "a list of text, image, file, audio and video, such as [text, image]"),
    MODEL("output", CHOICE, output, .choices = output_names),
    MODEL("name", TEXT, name, .expected = "text"),
    MODEL("description", TEXT, description, .expected = "text"),
    MODEL("created", SECONDS, created, .least = 0, .most = UINT64_C(253402300799)),
};
static const char *const model_others[] = {"endpoints", NULL};

#define ENDPOINT(name, kind, member, ...)                                                          \
    FIELD(name, kind, struct endpoint_draft, member, __VA_ARGS__)

static const struct field endpoint_fields[] = {
    ENDPOINT("provider", TEXT, provider, .is_required = true),
    ENDPOINT("model", TEXT, endpoint.model, .is_required = true),
    ENDPOINT("price.prompt", PRICE, endpoint.price.prompt, .least = 0),
    ENDPOINT("price.completion", PRICE, endpoint.price.completion, .least = 0),
    ENDPOINT("price.cache_read", PRICE, endpoint.price.cache_read, .least = 0),
    ENDPOINT("price.cache_write", PRICE, endpoint.price.cache_write, .least = 0),
    ENDPOINT("price.cache_write_1h", PRICE, endpoint.price.cache_write_1h, .least = 0),
    ENDPOINT("price.audio", PRICE, endpoint.price.audio, .least = 0),
    ENDPOINT("price.audio_cache_read", PRICE, endpoint.price.audio_cache_read, .least = 0),
    ENDPOINT("price.audio_output", PRICE, endpoint.price.audio_output, .least = 0),
    ENDPOINT("price.image", PRICE, endpoint.price.image, .least = 0),
    ENDPOINT("price.image_output", PRICE, endpoint.price.image_output, .least = 0),
    ENDPOINT("price.reasoning", PRICE, endpoint.price.reasoning, .least = 0),
    ENDPOINT("price.request", USD, endpoint.price.request, .least = 0),
    ENDPOINT("context", COUNT, endpoint.context, .least = 0, .most = UINT32_MAX),
    ENDPOINT("max_output", COUNT, endpoint.max_output, .least = 0, .most = UINT32_MAX),
    ENDPOINT("tag", TEXT, endpoint.tag, .is_right = tag_is_right,
             .expected = "letters, digits, '-', '_' and '.', at most 60"),
    ENDPOINT("quantization", CHOICE, endpoint.quantization, .choices = quantization_names),
    ENDPOINT("supported_parameters", LIST, supported, SUPPORTED),
};

struct field_table config__provider_table(struct config_node node, struct provider_draft *d,
                                          struct arena *a)
{
    return (struct field_table){.fields = provider_fields,
                                .n = COUNT_OF(provider_fields),
                                .node = node,
                                .base = d,
                                .arena = a};
}

struct field_table config__model_table(struct config_node node, struct model *m, struct arena *a)
{
    return (struct field_table){.fields = model_fields,
                                .n = COUNT_OF(model_fields),
                                .others = model_others,
                                .node = node,
                                .base = m,
                                .arena = a};
}

struct field_table config__endpoint_table(struct config_node node, struct endpoint_draft *d,
                                          struct arena *a)
{
    return (struct field_table){.fields = endpoint_fields,
                                .n = COUNT_OF(endpoint_fields),
                                .node = node,
                                .base = d,
                                .arena = a};
}

/* --- what is being built --- */

enum err config__no_memory(struct config_build *b)
{
    return fault_set(b->f, ERR_NOMEM, "no memory for the catalog");
}

/* --- providers --- */

static uint32_t or_usual(uint32_t ms, uint32_t usual)
{
    return ms ? ms : usual;
}

struct provider_draft config__provider_defaults(struct str name, const struct kind *k)
{
    const struct deadlines *usual = &catalog_deadlines;
    return (struct provider_draft){
        .provider = {.name = name,
                     .title = k->title.n && str_eq(name, k->name) ? k->title : name,
                     .dialect = k->dialect.n ? k->dialect : STR("openai"),
                     .kind = k,
                     .base_url = k->base_url,
                     .api_version = k->api_version,
                     .deadlines = {or_usual(k->deadlines.connect_ms, usual->connect_ms),
                                   or_usual(k->deadlines.first_ms, usual->first_ms),
                                   or_usual(k->deadlines.idle_ms, usual->idle_ms),
                                   or_usual(k->deadlines.total_ms, usual->total_ms)},
                     .connections_max = 8192,
                     .max_tokens_field = k->max_tokens_field,
                     .may_train = k->may_train,
                     .retention_days = k->retention_days},
        .kind = k->name};
}

struct str config__parameters(struct arena *a, uint64_t set)
{
    struct buf b;
    buf_init(&b, 4096);
    for (unsigned p = 0; p < PARAMETER__COUNT; p++) {
        if (set >> p & 1)
            buf_printf(&b, "%s%.*s", b.n ? "," : "", STR_ARG(parameter_name(p)));
    }
    struct str out = b.failed == ERR_OK ? arena_str(a, buf_view(&b)) : STR_NONE;
    buf_release(&b);
    return out;
}

/* What an override leaves alone: parameters that `supported_parameters` of the API does not tell,
 * unless they are listed as well. */
static uint64_t overridden(uint64_t before, struct str list)
{
    uint64_t listed;
    if (!list.n || !parameter_set_parse(list, &listed))
        return before;
    return (before & ~PARAMETERS_TOLD) | listed;
}

static bool provider_name_is_right(struct str name)
{
    bool right = name.n > 0 && name.n <= NAME_SHOWN;
    for (size_t i = 0; right && i < name.n; i++)
        right = is_name_char(name.p[i]);
    return right;
}

static enum err unknown_kind(struct config_build *b, struct config_node at, struct str name,
                             const char *where)
{
    const char *names[64];
    const struct kind *k;
    size_t n = 0;
    for (unsigned i = 0; (k = kind_at(i)) && n < COUNT_OF(names); i++)
        names[n++] = k->name.p; /* terminated: literals */
    return config_fault_set(b->f, at, "%s: there is no kind '%.*s'; did you mean '%s'?", where,
                            STR_ARG(str_head(name, NAME_SHOWN)), config_nearest(name, names, n));
}

/* The kind it is said to be of; where nothing is said, the one it is named like; then the one that
 * its dialect belongs to. */
static enum err kind_of(struct config_build *b, struct str name, struct config_node node,
                        const char *where, const struct kind **out)
{
    struct config_node at = config_get(node, STR("kind"));
    struct str said = config_text(at);
    struct str dialect = config_text(config_get(node, STR("dialect")));
    unsigned i = kind_find(said.n ? said : str_eq(dialect, STR("azure")) ? dialect : name);
    if (!said.n && i == 0)
        i = kind_of_dialect(dialect);
    *out = kind_at(i);
    if (said.n && i == 0 && !str_eq(said, kind_at(0)->name))
        return unknown_kind(b, at, said, where);
    return ERR_OK;
}

static enum err add_provider(struct config_build *b, struct config_node node, const char *where,
                             struct provider_draft *d)
{
    struct provider *p = &d->provider;
    if (str_eq(p->dialect, STR("azure"))) /* OpenAI's, at another address: the kind knows it */
        p->dialect = STR("openai");
    if (p->base_url.n == 0)
        return config_fault_set(b->f, node, "%s lacks base_url", where);
    enum err e = config__check_aws(b, node, where, p);
    if (e == ERR_OK)
        e = config__fill_region(b, p);
    if (e != ERR_OK)
        return e;
    while (str_ends(p->base_url, STR("/")))
        p->base_url.n--;
    if (d->supported.n)
        p->takes = overridden(p->kind->takes, d->supported);
    return catalog_add_provider(b->catalog, p) ? ERR_OK : config__no_memory(b);
}

static enum err read_provider(struct config_build *b, struct config_node name_node,
                              struct config_node node)
{
    struct str name = config_text(name_node);
    const struct kind *kind;
    if (!provider_name_is_right(name))
        return config_fault_set(
            b->f, name_node,
            "a provider's name must be letters, digits, '-', '_' and '.', at most %d", NAME_SHOWN);
    char where[WHERE_MAX];
    snprintf(where, sizeof where, "provider '%.*s'", STR_ARG(name));
    enum err e = kind_of(b, name, node, where, &kind);
    if (e != ERR_OK)
        return e;
    struct provider_draft d = config__provider_defaults(name, kind);
    struct field_table t = config__provider_table(node, &d, b->arena);
    t.where = where;
    e = field_table_read(&t, b->f);
    return e == ERR_OK ? add_provider(b, node, where, &d) : e;
}

static enum err read_providers(struct config_build *b)
{
    struct config_node all = config_get(b->l->root, STR("providers"));
    enum err e = ERR_OK;
    if (all.id && config_kind(all) != CONFIG_TABLE && config_kind(all) != CONFIG_NOTHING)
        return config_fault_set(b->f, all, "providers must be a table of providers by name");
    for (size_t i = 0; i < config_count(all) && e == ERR_OK; i++)
        e = read_provider(b, config_name(all, i), config_item(all, i));
    return e;
}

/* --- models --- */

static enum err unknown_provider(struct config_build *b, struct config_node at, struct str name,
                                 const char *where)
{
    const char *names[64];
    size_t n =
        b->catalog->providers_n < COUNT_OF(names) ? b->catalog->providers_n : COUNT_OF(names);
    for (size_t i = 0; i < n; i++)
        names[i] = b->catalog->providers[i]->name.p; /* terminated: a copy in an arena */
    const char *nearest = config_nearest(name, names, n);
    return config_fault_set(b->f, at, "%s names the provider '%.*s', which there is not%s%s%s",
                            where, STR_ARG(str_head(name, NAME_SHOWN)),
                            nearest ? "; did you mean '" : "", nearest ? nearest : "",
                            nearest ? "'?" : "");
}

void config__fill_prices(struct price *p)
{
    const struct {
        picos *price;
        const picos *otherwise;
    } rows[] = {
        {&p->cache_read, &p->prompt},
        {&p->cache_write, &p->prompt},
        {&p->reasoning, &p->completion},
        {&p->cache_write_1h, &p->cache_write},
        {&p->audio, &p->prompt},
        {&p->audio_cache_read, &p->cache_read},
        {&p->audio_output, &p->completion},
        {&p->image, &p->prompt},
        {&p->image_output, &p->completion},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (*rows[i].price == PRICE_UNSTATED)
            *rows[i].price = *rows[i].otherwise;
    }
}

struct endpoint_draft config__endpoint_defaults(void)
{
    struct price p = {.prompt = PRICE_UNSTATED,
                      .completion = PRICE_UNSTATED,
                      .cache_read = PRICE_UNSTATED,
                      .cache_write = PRICE_UNSTATED,
                      .reasoning = PRICE_UNSTATED,
                      .cache_write_1h = PRICE_UNSTATED,
                      .audio = PRICE_UNSTATED,
                      .audio_cache_read = PRICE_UNSTATED,
                      .audio_output = PRICE_UNSTATED,
                      .image = PRICE_UNSTATED,
                      .image_output = PRICE_UNSTATED};
    return (struct endpoint_draft){.endpoint = {.price = p}};
}

/* Text is paid for by the token, in and out; vectors by the token; ranking by the search or the token. */
static enum err check_price(struct config_build *b, const struct model *m, struct config_node node,
                            const char *where, struct price *p)
{
    bool is_by_search = m->output == OUTPUT_RERANK && p->request > 0;
    if (p->prompt == PRICE_UNSTATED && !is_by_search)
        return config_fault_set(b->f, node, "%s lacks %s", where,
                                m->output == OUTPUT_RERANK ? "price.request or price.prompt"
                                                           : "price.prompt");
    if (p->completion == PRICE_UNSTATED && m->output == OUTPUT_TEXT)
        return config_fault_set(b->f, node, "%s lacks price.completion", where);
    if (p->prompt == PRICE_UNSTATED)
        p->prompt = 0;
    if (p->completion == PRICE_UNSTATED)
        p->completion = 0;
    return ERR_OK;
}

static enum err check_output(struct config_build *b, const struct model *m, struct config_node node,
                             const char *where, const struct provider *p)
{
    if (upstream_has(p, m->output))
        return ERR_OK;
    return config_fault_set(b->f, config_get(node, STR("provider")),
                            "%s: provider '%.*s' speaks %.*s, which has no models whose output is "
                            "%s",
                            where, STR_ARG(p->name), STR_ARG(p->dialect), output_names[m->output]);
}

static enum err read_endpoint(struct config_build *b, struct model *m, struct config_node node,
                              size_t index)
{
    char where[WHERE_MAX];
    snprintf(where, sizeof where, "endpoint %zu of model '%.*s'", index + 1,
             STR_ARG(str_head(m->id, NAME_SHOWN)));
    struct endpoint_draft d = config__endpoint_defaults();
    struct field_table t = config__endpoint_table(node, &d, b->arena);
    t.where = where;
    enum err e = field_table_read(&t, b->f);
    if (e != ERR_OK)
        return e;
    d.endpoint.provider = catalog_find_provider(b->catalog, d.provider);
    if (!d.endpoint.provider)
        return unknown_provider(b, config_get(node, STR("provider")), d.provider, where);
    e = check_output(b, m, node, where, d.endpoint.provider);
    if (e == ERR_OK)
        e = check_price(b, m, node, where, &d.endpoint.price);
    if (e != ERR_OK)
        return e;
    config__fill_prices(&d.endpoint.price);
    const struct provider *p = d.endpoint.provider;
    if (d.supported.n)
        d.endpoint.takes = overridden(p->takes ? p->takes : p->kind->takes, d.supported);
    return catalog_add_endpoint(b->catalog, m, &d.endpoint) ? ERR_OK : config__no_memory(b);
}

struct model *config__add_model(struct config_build *b, const struct model *draft)
{
    struct model *m = catalog_add_model(b->catalog, draft);
    return m && map_put(&b->models, m->id, m) == ERR_OK ? m : NULL;
}

static enum err read_endpoints(struct config_build *b, struct model *m, struct config_node node)
{
    struct config_node all = config_get(node, STR("endpoints"));
    enum err e = ERR_OK;
    if (config_kind(all) != CONFIG_LIST || config_count(all) == 0)
        return config_fault_set(b->f, all.id ? all : node,
                                "model '%.*s' must have a list of endpoints, at least one",
                                STR_ARG(str_head(m->id, NAME_SHOWN)));
    for (size_t i = 0; i < config_count(all) && e == ERR_OK; i++)
        e = read_endpoint(b, m, config_item(all, i), i);
    return e;
}

static enum err read_model(struct config_build *b, struct config_node node, size_t index)
{
    char where[WHERE_MAX];
    struct str id = config_text(config_get(node, STR("id")));
    if (id.n)
        snprintf(where, sizeof where, "model '%.*s'", STR_ARG(str_head(id, NAME_SHOWN)));
    else
        snprintf(where, sizeof where, "model %zu", index + 1);
    struct model draft = {0};
    struct field_table t = config__model_table(node, &draft, b->arena);
    t.where = where;
    enum err e = field_table_read(&t, b->f);
    if (e != ERR_OK)
        return e;
    if (draft.name.n == 0)
        draft.name = draft.id;
    if (map_get(&b->models, draft.id))
        return config_fault_set(b->f, node, "%s is there twice", where);
    struct model *m = config__add_model(b, &draft);
    return m ? read_endpoints(b, m, node) : config__no_memory(b);
}

static enum err read_models(struct config_build *b)
{
    struct config_node all = config_get(b->l->root, STR("models"));
    enum err e = ERR_OK;
    if (all.id && config_kind(all) != CONFIG_LIST && config_kind(all) != CONFIG_NOTHING)
        return config_fault_set(b->f, all, "models must be a list of models");
    for (size_t i = 0; i < config_count(all) && e == ERR_OK; i++)
        e = read_model(b, config_item(all, i), i);
    return e;
}

static enum err build_all(struct config_build *b)
{
    enum err e = read_providers(b);
    uint32_t wellknown_from = b->catalog->providers_n;
    if (e == ERR_OK)
        e = config__wellknown_providers(b);
    if (e == ERR_OK)
        e = read_models(b);
    if (e == ERR_OK)
        e = config__wellknown_models(b, wellknown_from);
    return e;
}

enum err config__catalog_read(struct config_loader *l, struct fault *f)
{
    struct config_build b = {.l = l, .arena = &l->config.arena, .f = f};
    b.catalog = l->config.catalog = catalog_new();
    if (!b.catalog)
        return config__no_memory(&b);
    map_init(&b.models);
    enum err e = l->flags->settings_only ? ERR_OK : build_all(&b);
    map_release(&b.models);
    return e == ERR_OK ? catalog_seal(b.catalog, f) : e;
}
