#include "app/sim_catalog.h"

#include <stdio.h>

#include "sim/sim.h"

/* Above zero, so that credits move: dollars per million tokens, as pico-dollars per token. */
static const struct price sim_price = {.prompt = 1000000,
                                       .completion = 2000000,
                                       .cache_read = 1000000,
                                       .cache_write = 1000000,
                                       .reasoning = 2000000,
                                       .cache_write_1h = 1000000,
                                       .audio = 1000000,
                                       .image = 1000000,
                                       .audio_cache_read = 1000000,
                                       .audio_output = 2000000,
                                       .image_output = 2000000};

static struct provider *add_provider(struct catalog *c, const char *name, const char *title,
                                     uint16_t port)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/v1", port);
    struct provider p = {
        .name = str_c(name),
        .title = str_c(title),
        .dialect = STR("openai"),
        .base_url = str_c(url),
        .api_key = secret_of(STR("sim")),
        .deadlines = {.connect_ms = 5000, .first_ms = 10000, .idle_ms = 5000, .total_ms = 60000},
        .connections_max = 4096,
        .max_tokens_field = STR("max_tokens"),
        .retention_days = 0,
    };
    return catalog_add_provider(c, &p);
}

static bool add_endpoint(struct catalog *c, struct model *m, const struct provider *p,
                         const char *name)
{
    struct endpoint e = {.provider = p,
                         .model = str_c(name),
                         .price = sim_price,
                         .context = 128000,
                         .max_output = 16384};
    return catalog_add_endpoint(c, m, &e) != NULL;
}

static struct model *add_model_of(struct catalog *c, const char *id, const char *description,
                                  enum output output)
{
    struct model m = {
        .id = str_c(id), .name = str_c(id), .description = str_c(description), .output = output};
    return catalog_add_model(c, &m);
}

static struct model *add_model(struct catalog *c, const char *id, const char *description)
{
    return add_model_of(c, id, description, OUTPUT_TEXT);
}

struct providers {
    const struct provider *first, *second, *refused;
};

static bool add_plain(struct catalog *c, const struct providers *p)
{
    struct model *echo = add_model(c, "sim/echo", "Answers with the last user message");
    struct model *lorem = add_model(c, "sim/lorem", "Answers with max_tokens words of filler");
    return echo && add_endpoint(c, echo, p->first, "echo") && lorem &&
           add_endpoint(c, lorem, p->first, "lorem");
}

/* What is no chat. */
static bool add_direct(struct catalog *c, const struct providers *p)
{
    struct model *embed = add_model_of(
        c, "sim/embed", "Makes vectors that depend on the text alone", OUTPUT_EMBEDDINGS);
    struct model *rank =
        add_model_of(c, "sim/rerank", "Ranks by the share of the query's words", OUTPUT_RERANK);
    return embed && add_endpoint(c, embed, p->first, "echo") && rank &&
           add_endpoint(c, rank, p->first, "echo");
}

/* A model whose first endpoint fails as told, and a second that answers properly, or none. */
static bool add_fault(struct catalog *c, const struct providers *p, const char *fault,
                      bool has_second)
{
    char id[96], native[64];
    bool is_refused = str_eq(str_c(fault), STR("refused"));
    snprintf(native, sizeof native, "%s-%s", has_second ? "fault" : "only", fault);
    snprintf(id, sizeof id, "sim/%s", native);
    struct model *m = add_model(
        c, id, has_second ? "A fault, then a second endpoint that answers" : "A fault alone");
    return m && add_endpoint(c, m, is_refused ? p->refused : p->first, native) &&
           (!has_second || add_endpoint(c, m, p->second, "echo"));
}

enum err sim_catalog_add(struct catalog *c, uint16_t port, uint16_t refused_port, struct fault *f)
{
    struct providers p = {add_provider(c, "sim", "Sim", port),
                          add_provider(c, "sim-second", "Sim Second", port),
                          add_provider(c, "sim-refused", "Sim Refused", refused_port)};
    bool ok = p.first && p.second && p.refused && add_plain(c, &p) && add_direct(c, &p);
    for (unsigned i = 0; ok && sim_fault_name(i); i++)
        ok =
            add_fault(c, &p, sim_fault_name(i), true) && add_fault(c, &p, sim_fault_name(i), false);
    return ok ? ERR_OK : fault_set(f, ERR_NOMEM, "no memory for the simulated provider's models");
}
