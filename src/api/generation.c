/* generation.c: GET /generation?id=: the record of one answer. */
#include "api/internal.h"

static void write_str_or_null(struct json_writer *w, const char *key, struct str s)
{
    if (s.n)
        jw_str(w, key, s);
    else
        jw_null(w, key);
}

/* By what the model is for, as the catalog has it now. */
static const char *api_type(const struct catalog *c, struct str model)
{
    const struct model *m = catalog_model(c, model);
    return !m || m->output == OUTPUT_TEXT ? "completions" : output_names[m->output];
}

static void write_ids(struct json_writer *w, const struct catalog *c, const struct generation *g)
{
    char id[GENERATION_ID_MAX], time[CLOCK_ISO_MAX];
    jw_str(w, "id", generation_id_text(g->id, g->tag, id));
    write_str_or_null(w, "upstream_id", g->upstream_id);
    jw_str(w, "request_id", g->request_id);
    jw_str(w, "model", g->model);
    jw_str(w, "provider_name", g->provider);
    jw_null(w, "router");
    jw_str_c(w, "api_type", api_type(c, g->model));
    jw_str(w, "created_at", clock_iso(g->created_ms, time));
    jw_null(w, "app_id");
    jw_str(w, "origin", g->referer);
    write_str_or_null(w, "http_referer", g->referer);
    write_str_or_null(w, "user_agent", g->user_agent);
    write_str_or_null(w, "external_user", g->external_user);
    jw_null(w, "preset_id");
    jw_null(w, "workspace_id");
    jw_null(w, "session_id");
    jw_str_c(w, "data_region", "global");
}

static void write_outcome(struct json_writer *w, const struct generation *g)
{
    jw_bool(w, "streamed", g->is_streamed);
    jw_bool(w, "cancelled", g->is_cancelled);
    jw_bool(w, "estimated", g->is_estimated);
    write_str_or_null(w, "finish_reason", g->finish_reason);
    write_str_or_null(w, "native_finish_reason", g->native_finish_reason);
    jw_i64(w, "latency", g->first_ms);
    jw_i64(w, "generation_time", g->total_ms - g->first_ms);
    jw_null(w, "moderation_latency");
}

static void write_counts(struct json_writer *w, const struct generation *g)
{
    static const char *const absent[] = {"native_tokens_completion_images",
                                         "num_media_prompt",
                                         "num_media_completion",
                                         "num_input_audio_prompt",
                                         "num_search_results",
                                         "num_fetches",
                                         "web_search_engine",
                                         "service_tier",
                                         "response_cache_source_id"};
    jw_u64(w, "tokens_prompt", g->tokens_prompt);
    jw_u64(w, "tokens_completion", g->tokens_completion);
    jw_u64(w, "native_tokens_prompt", g->tokens_prompt);
    jw_u64(w, "native_tokens_completion", g->tokens_completion);
    jw_u64(w, "native_tokens_cached", g->tokens_cached);
    jw_u64(w, "native_tokens_reasoning", g->tokens_reasoning);
    for (size_t i = 0; i < COUNT_OF(absent); i++)
        jw_null(w, absent[i]);
}

static void write_money(struct json_writer *w, const struct generation *g)
{
    jw_usd(w, "usage", g->cost);
    jw_usd(w, "total_cost", g->cost);
    jw_usd(w, "upstream_inference_cost", 0);
    jw_null(w, "cache_discount");
    jw_bool(w, "is_byok", false);
}

static void write_record(struct buf *out, const struct catalog *c, const struct generation *g)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_object(&w, "data");
    write_ids(&w, c, g);
    write_outcome(&w, g);
    write_counts(&w, g);
    write_money(&w, g);
    jw_array(&w, "provider_responses");
    jw_object(&w, NULL);
    jw_str(&w, "provider_name", g->provider);
    jw_str(&w, "model_permaslug", g->model);
    jw_i64(&w, "status", g->status);
    jw_i64(&w, "latency", g->first_ms);
    jw_bool(&w, "is_byok", false);
    jw_finish(&w);
}

/* A record is shown to its own account only: others learn nothing, not even that it exists. */
static void show(struct api_request *q)
{
    struct store_generation_get *get = q->state;
    if (get->call.err == ERR_NOT_FOUND ||
        (get->call.err == ERR_OK && get->row.account_id != q->account_id)) {
        api_refuse(q, ERR_NOT_FOUND, "Generation not found");
    } else if (get->call.err != ERR_OK) {
        api_fault(q, &get->call.fault);
    } else {
        write_record(&q->out, q->api->w->routes->catalog, &get->row);
        api_reply_buf(q, 200);
    }
}

static void release(void *get)
{
    store_generation_release(get);
}

void api_generation(struct api_request *q)
{
    struct str id = api_query(q, STR("id"));
    struct store_generation_get *get = api_state(q, sizeof *get);
    if (!get)
        return;
    if (!id.p)
        api_refuse(q, ERR_INVALID, "id: expected ?id=gen-..., got nothing or too much");
    else if (!generation_id_parse(id, &get->id, &get->tag))
        api_refuse(q, ERR_NOT_FOUND, "Generation not found");
    else if (!arena_defer(&q->arena, release, get))
        api_refuse(q, ERR_NOMEM, "No memory for this request: try again later");
    else
        api_store(q, &get->call, STORE_GENERATION_GET, show);
}
