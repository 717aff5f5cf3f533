/* models.c: the catalog as clients read it. */
#include "api/models.h"

static void write_price(struct json_writer *w, const char *key, picos p)
{
    char room[40];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    money_add_price(&b, p);
    jw_str(w, key, buf_view(&b));
}

static void write_request_price(struct json_writer *w, nanos n)
{
    char room[40];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    money_add_usd(&b, n);
    jw_str(w, "request", buf_view(&b));
}

/* "text,image" as a list. */
static void write_list_of(struct json_writer *w, const char *key, struct str inputs)
{
    jw_array(w, key);
    while (inputs.n)
        jw_str(w, NULL, str_cut(&inputs, ','));
    jw_end(w);
}

/* "text+image->text" */
static void write_modality(struct json_writer *w, struct str inputs, const char *output)
{
    char room[80];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    for (bool is_next = false; inputs.n; is_next = true) {
        buf_add(&b, is_next ? STR("+") : STR_NONE);
        buf_add(&b, str_cut(&inputs, ','));
    }
    buf_printf(&b, "->%s", output);
    jw_str(w, "modality", buf_view(&b));
}

void models_write_count_or_null(struct json_writer *w, const char *key, uint64_t n)
{
    if (n)
        jw_u64(w, key, n);
    else
        jw_null(w, key);
}

void models_write_architecture(struct json_writer *w, const struct model *m)
{
    struct str inputs = m->inputs.n ? m->inputs : STR("text");
    jw_object(w, "architecture");
    write_modality(w, inputs, output_names[m->output]);
    write_list_of(w, "input_modalities", inputs);
    write_list_of(w, "output_modalities", str_c(output_names[m->output]));
    jw_str_c(w, "tokenizer", "Other");
    jw_null(w, "instruct_type");
    jw_end(w);
}

/* A price that is told only where it is another than the one it stands for. */
static void write_other(struct json_writer *w, const char *key, picos price, picos usual)
{
    if (price != usual)
        write_price(w, key, price);
}

void models_write_pricing(struct json_writer *w, const struct price *p)
{
    jw_object(w, "pricing");
    write_price(w, "prompt", p->prompt);
    write_price(w, "completion", p->completion);
    write_request_price(w, p->request);
    write_price(w, "input_cache_read", p->cache_read);
    write_price(w, "input_cache_write", p->cache_write);
    write_price(w, "internal_reasoning", p->reasoning);
    write_other(w, "input_cache_write_1h", p->cache_write_1h, p->cache_write);
    write_other(w, "audio", p->audio, p->prompt);
    write_other(w, "audio_output", p->audio_output, p->completion);
    write_other(w, "input_audio_cache", p->audio_cache_read, p->cache_read);
    write_other(w, "image_token", p->image, p->prompt);
    write_other(w, "image_output", p->image_output, p->completion);
    jw_end(w);
}

void models_write_parameters(struct json_writer *w, const struct model *m, uint64_t set)
{
    jw_array(w, "supported_parameters");
    for (unsigned p = 0; m->output == OUTPUT_TEXT && p < PARAMETER__TOLD; p++) {
        if (set >> p & 1)
            jw_str(w, NULL, parameter_name(p));
    }
    jw_end(w);
}

/* What one of its endpoints takes, it does: a request goes there first. */
static uint64_t taken_by_any(const struct model *m)
{
    uint64_t takes = 0;
    for (uint32_t i = 0; i < m->endpoints_n; i++)
        takes |= m->endpoints[i]->takes;
    return takes;
}

static void write_links(struct json_writer *w, const struct model *m)
{
    char room[320];
    struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room};
    buf_printf(&b, "/api/v1/models/%.*s/endpoints", STR_ARG(m->id));
    jw_object(w, "links");
    jw_str(w, "details", buf_view(&b));
    jw_end(w);
}

/* Figures of a model are those of its first endpoint: the one that is tried first. */
static void write_model(struct json_writer *w, const char *key, const struct model *m)
{
    const struct endpoint *first = m->endpoints[0];
    jw_object(w, key);
    jw_str(w, "id", m->id);
    jw_str(w, "canonical_slug", m->id);
    jw_str(w, "name", m->name.n ? m->name : m->id);
    jw_i64(w, "created", m->created);
    jw_str(w, "description", m->description);
    models_write_count_or_null(w, "context_length", first->context);
    models_write_architecture(w, m);
    models_write_pricing(w, &first->price);
    jw_object(w, "top_provider");
    models_write_count_or_null(w, "context_length", first->context);
    models_write_count_or_null(w, "max_completion_tokens", first->max_output);
    jw_bool(w, "is_moderated", false);
    jw_end(w);
    jw_null(w, "per_request_limits");
    models_write_parameters(w, m, taken_by_any(m));
    jw_null(w, "default_parameters");
    jw_null(w, "supported_voices");
    write_links(w, m);
    jw_end(w);
}

/* The models of these outputs (a bit each). Returns how many. */
static uint32_t write_list(struct buf *out, const struct catalog *c, unsigned outputs)
{
    struct json_writer w;
    uint32_t n = 0;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_array(&w, "data");
    for (uint32_t i = 0; i < c->models_n; i++) {
        if (!(outputs >> c->models[i]->output & 1))
            continue;
        write_model(&w, NULL, c->models[i]);
        n++;
    }
    jw_end(&w);
    jw_u64(&w, "total_count", n);
    jw_object(&w, "links");
    jw_null(&w, "next");
    jw_finish(&w);
    return n;
}

/* ?output_modalities=text,embeddings or all; nothing: text. A name of nothing that there is here is of
 * no model. */
static unsigned outputs_asked(struct api_request *q)
{
    struct str list = api_query(q, STR("output_modalities"));
    unsigned outputs = 0;
    if (!list.n)
        return 1u << OUTPUT_TEXT;
    while (list.n) {
        struct str name = str_trim(str_cut(&list, ','));
        for (unsigned i = 0; output_names[i]; i++) {
            if (str_eq(name, str_c(output_names[i])) || str_eq(name, STR("all")))
                outputs |= 1u << i;
        }
    }
    return outputs;
}

/* Those for chats: written once for each catalog, then lent to every answer. */
static void refresh(struct api *a)
{
    struct catalog *c = a->w->routes->catalog;
    if (a->models_of == c)
        return;
    catalog_unref(a->models_of);
    a->models_of = catalog_ref(c);
    buf_reset(&a->models);
    write_list(&a->models, c, 1u << OUTPUT_TEXT);
}

static void reply_list(struct api_request *q, struct buf *list)
{
    struct fault f = {ERR_NOMEM, "The list of models is too large"};
    if (list->failed != ERR_OK)
        api_fault(q, &f);
    else
        api_reply(q, 200, buf_view(list));
}

void api_models(struct api_request *q)
{
    unsigned outputs = outputs_asked(q);
    if (outputs == 1u << OUTPUT_TEXT) {
        refresh(q->api);
        reply_list(q, &q->api->models);
        return;
    }
    write_list(&q->out, q->api->w->routes->catalog, outputs);
    reply_list(q, &q->out);
}

void api_embeddings_models(struct api_request *q)
{
    write_list(&q->out, q->api->w->routes->catalog, 1u << OUTPUT_EMBEDDINGS);
    reply_list(q, &q->out);
}

void api_models_count(struct api_request *q)
{
    const struct catalog *c = q->api->w->routes->catalog;
    unsigned outputs = outputs_asked(q);
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->models_n; i++)
        n += outputs >> c->models[i]->output & 1;
    buf_printf(&q->out, "{\"data\":{\"count\":%u}}", n);
    api_reply_buf(q, 200);
}

const struct model *models_of_path(struct api_request *q, const struct model **base)
{
    enum wish_sort ignored;
    const struct catalog *c = q->api->w->routes->catalog;
    struct buf id;
    buf_init(&id, 1024);
    buf_printf(&id, "%.*s/%.*s", STR_ARG(q->params[0]), STR_ARG(q->params[1]));
    struct str whole = buf_view(&id), plain = whole;
    const struct model *m = choose_model(c, whole, &ignored);
    *base = m ? NULL : catalog_model(c, str_cut(&plain, ':'));
    buf_release(&id);
    if (!m && !*base)
        api_refuse(q, ERR_NOT_FOUND, "There is no model of this name; GET /api/v1/models has all");
    return m;
}

void api_model(struct api_request *q)
{
    struct json_writer w;
    const struct model *base, *m = models_of_path(q, &base);
    if (!m && base)
        api_refuse(q, ERR_NOT_FOUND, "There is no such variant of this model");
    if (!m)
        return;
    json_writer_init(&w, &q->out);
    jw_object(&w, NULL);
    write_model(&w, "data", m);
    jw_finish(&w);
    api_reply_buf(q, 200);
}
