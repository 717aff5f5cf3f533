/* endpoints.c: who serves a model, and which providers there are. */
#include "api/models.h"

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

/* Nobody keeps figures of the last half hour here. */
static void write_no_figures(struct json_writer *w)
{
    static const char *const names[] = {"uptime_last_5m", "uptime_last_30m", "uptime_last_1d",
                                        "latency_last_30m", "throughput_last_30m"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        jw_null(w, names[i]);
}

static void write_endpoint(struct json_writer *w, const struct model *m, const struct endpoint *e)
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
    write_no_figures(w);
    jw_end(w);
}

/* Of a catalogue variant that is not there, there are no endpoints. */
void api_model_endpoints(struct api_request *q)
{
    struct json_writer w;
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
        write_endpoint(&w, m, m->endpoints[i]);
    jw_finish(&w);
    api_reply_buf(q, 200);
}

/* Those that keep nothing. */
void api_endpoints_zdr(struct api_request *q)
{
    struct json_writer w;
    const struct catalog *c = q->api->w->routes->catalog;
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    jw_array(&w, "data");
    for (uint32_t i = 0; i < c->models_n; i++) {
        const struct model *m = c->models[i];
        for (uint32_t j = 0; j < m->endpoints_n; j++) {
            const struct provider *p = m->endpoints[j]->provider;
            if (!p->may_train && p->retention_days == 0)
                write_endpoint(&w, m, m->endpoints[j]);
        }
    }
    jw_finish(&w);
    api_reply_buf(q, 200);
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
