/* endpoints.c: who serves a model, and which providers there are. */
#include "api/models.h"

#include <stdio.h>

static void write_tag(struct json_writer *w, const struct endpoint *e)
{
    char room[160];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    buf_printf(&b, "%.*s%s%.*s", STR_ARG(e->provider->name), e->tag.n ? "/" : "", STR_ARG(e->tag));
    jw_str(w, "tag", buf_view(&b));
}

static void write_tool_choice(struct json_writer *w, const struct endpoint *e)
{
    bool is_taken = (e->takes & PARAMETER_BIT(TOOL_CHOICE)) != 0;
    jw_object(w, "supports_tool_choice");
    jw_bool(w, "auto", is_taken);
    jw_bool(w, "none", is_taken);
    jw_bool(w, "required", (e->takes & PARAMETER_BIT(TOOL_CHOICE_REQUIRED)) != 0);
    jw_bool(w, "function", (e->takes & PARAMETER_BIT(TOOL_CHOICE_FUNCTION)) != 0);
    jw_end(w);
}

/* --- how they did lately -------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    uint32_t minutes;
} spans[] = {{"uptime_last_5m", 5}, {"uptime_last_30m", 30}, {"uptime_last_1d", 24 * 60}};

/* Of every endpoint of a catalog, by its index; all workers' together. */
struct figures {
    const struct catalog *catalog; /* only compared: a worker may have another by now */
    int64_t minute;
    uint32_t n;
    struct health_count (*counts)[COUNT_OF(spans)];
};

static void add_figures(struct api *a, void *arg)
{
    struct figures *f = arg;
    const struct relay_routes *r = a->w->routes;
    uint32_t n = r->catalog == f->catalog ? r->catalog->endpoints_n : 0;
    for (uint32_t i = 0; i < n && i < f->n; i++) {
        for (size_t s = 0; s < COUNT_OF(spans); s++) {
            struct health_count c = health_last(&r->healths[i], f->minute, spans[s].minutes);
            f->counts[i][s].answered += c.answered;
            f->counts[i][s].failed += c.failed;
        }
    }
}

/* A reload may have come between; of its endpoints nothing was gathered. */
static const struct figures *gathered(const struct api_request *q)
{
    struct figures *f = q->state;
    if (q->api->w->routes->catalog != f->catalog)
        f->n = 0;
    return f;
}

/* Asks every worker; then(q) finds struct figures in q->state. */
static void gather_figures(struct api_request *q, handler_fn *then)
{
    const struct catalog *c = q->api->w->routes->catalog;
    struct figures *f = api_state(q, sizeof *f);
    if (!f)
        return;
    *f = (struct figures){c, relay_worker_wall_ms(q->api->w) / 60000, c->endpoints_n, NULL};
    f->counts = arena_zalloc(&q->arena, (f->n + 1) * sizeof *f->counts);
    if (f->counts)
        api_everywhere(q, add_figures, f, then);
    else
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
}

/* In per cent; null where nobody asked it. Requests that nobody serves, and those over a provider's rate, count for
 * neither. */
static void write_uptime(struct json_writer *w, const char *name, const struct health_count *c)
{
    char room[16];
    uint64_t all = (uint64_t)c->answered + c->failed;
    if (all == 0) {
        jw_null(w, name);
        return;
    }
    uint64_t hundredths = (uint64_t)c->answered * 10000 / all;
    int n = snprintf(room, sizeof room, "%u.%02u", (unsigned)(hundredths / 100),
                     (unsigned)(hundredths % 100));
    jw_raw(w, name, str_of(room, (size_t)n));
}

/* Nobody keeps percentiles here. */
static void write_figures(struct json_writer *w, const struct figures *f, const struct endpoint *e)
{
    static const struct health_count none;
    for (size_t s = 0; s < COUNT_OF(spans); s++)
        write_uptime(w, spans[s].name, e->index < f->n ? &f->counts[e->index][s] : &none);
    jw_null(w, "latency_last_30m");
    jw_null(w, "throughput_last_30m");
}

/* --- endpoints -----------------------------------------------------------------------------------
 */

static void write_endpoint(struct json_writer *w, const struct model *m, const struct endpoint *e,
                           const struct figures *f)
{
    char room[512];
    struct buf name = {.p = room, .cap = sizeof room, .max = sizeof room};
    buf_printf(&name, "%.*s | %.*s", STR_ARG(e->provider->title), STR_ARG(m->id));
    jw_object(w, NULL);
    jw_str(w, "name", buf_view(&name));
    jw_str(w, "model_id", m->id);
    jw_str(w, "model_name", m->name.n ? m->name : m->id);
    jw_str(w, "provider_name", e->provider->title);
    write_tag(w, e);
    models_write_count_or_null(w, "context_length", e->context);
    jw_null(w, "max_prompt_tokens");
    models_write_count_or_null(w, "max_completion_tokens", e->max_output);
    jw_str_c(w, "quantization", quantization_names[e->quantization]);
    models_write_pricing(w, &e->price);
    models_write_parameters(w, m, e->takes);
    jw_bool(w, "supports_implicit_caching", e->price.cache_read < e->price.prompt);
    write_tool_choice(w, e);
    jw_bool(w, "supports_voice_cloning", false);
    jw_i64(w, "status", 0);
    write_figures(w, f, e);
    jw_end(w);
}

/* Of a catalogue variant that is not there, there are no endpoints. */
static void tell_model(struct api_request *q)
{
    struct json_writer w;
    const struct figures *f = gathered(q);
    const struct model *base, *m = models_of_path(q, &base);
    if (!m && !base)
        return;
    const struct model *told = m ? m : base;
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_object(&w, "data");
    jw_str(&w, "id", told->id);
    jw_str(&w, "name", told->name.n ? told->name : told->id);
    jw_i64(&w, "created", told->created);
    jw_str(&w, "description", told->description);
    models_write_architecture(&w, told);
    jw_array(&w, "endpoints");
    for (uint32_t i = 0; m && i < m->endpoints_n; i++)
        write_endpoint(&w, m, m->endpoints[i], f);
    jw_finish(&w);
    api_reply_buf(q, 200);
}

void api_model_endpoints(struct api_request *q)
{
    gather_figures(q, tell_model);
}

/* Those that keep nothing. */
static void tell_zdr(struct api_request *q)
{
    struct json_writer w;
    const struct figures *f = gathered(q);
    const struct catalog *c = q->api->w->routes->catalog;
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_array(&w, "data");
    for (uint32_t i = 0; i < c->models_n; i++) {
        const struct model *m = c->models[i];
        for (uint32_t j = 0; j < m->endpoints_n; j++) {
            const struct provider *p = m->endpoints[j]->provider;
            if (!p->may_train && p->retention_days == 0)
                write_endpoint(&w, m, m->endpoints[j], f);
        }
    }
    jw_finish(&w);
    api_reply_buf(q, 200);
}

void api_endpoints_zdr(struct api_request *q)
{
    gather_figures(q, tell_zdr);
}

static void write_url(struct json_writer *w, const char *key, struct str url)
{
    if (url.n)
        jw_str(w, key, url);
    else
        jw_null(w, key);
}

void api_providers(struct api_request *q)
{
    struct json_writer w;
    const struct catalog *c = q->api->w->routes->catalog;
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_array(&w, "data");
    for (uint32_t i = 0; i < c->providers_n; i++) {
        const struct provider *p = c->providers[i];
        jw_object(&w, NULL);
        jw_str(&w, "name", p->title);
        jw_str(&w, "slug", p->name);
        write_url(&w, "privacy_policy_url", p->kind->privacy_url);
        write_url(&w, "terms_of_service_url", p->kind->terms_url);
        write_url(&w, "status_page_url", p->kind->status_url);
        jw_end(&w);
    }
    jw_finish(&w);
    api_reply_buf(q, 200);
}
