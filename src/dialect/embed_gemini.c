/* embed_gemini.c: embeddings in Gemini's form.
 * Source: the Gemini API reference, "Embeddings" (models.batchEmbedContents, TaskType,
 * ContentEmbedding, EmbeddingUsageMetadata). */
#include "dialect/direct.h"

static enum err write_path(struct str model, struct buf *out)
{
    buf_add(out, STR("/models/"));
    enum err e = canon_add_segment(out, model);
    return e == ERR_OK ? buf_add(out, STR(":batchEmbedContents")) : e;
}

static enum err refuse(struct fault *f, const char *what)
{
    return fault_set(f, ERR_UNPROCESSABLE,
                     "input: expected texts, got %s: this provider takes none", what);
}

/* Parts of text alone. */
static enum err write_parts(struct json_writer *w, struct json content, struct fault *f)
{
    for (struct json p = json_first(content); p.type; p = json_after(content, p)) {
        if (!json_str_eq(json_get(p, STR("type")), STR("text")))
            return refuse(f, "other parts");
        jw_object(w, NULL);
        jw_raw_str(w, "text", json_raw_str(json_get(p, STR("text"))));
        jw_end(w);
    }
    return ERR_OK;
}

static void write_task(struct json_writer *w, struct json input_type)
{
    static const struct {
        struct str word;
        const char *task;
    } rows[] = {
        {STR_INIT("search_query"), "RETRIEVAL_QUERY"},
        {STR_INIT("query"), "RETRIEVAL_QUERY"},
        {STR_INIT("search_document"), "RETRIEVAL_DOCUMENT"},
        {STR_INIT("document"), "RETRIEVAL_DOCUMENT"},
        {STR_INIT("passage"), "RETRIEVAL_DOCUMENT"},
        {STR_INIT("classification"), "CLASSIFICATION"},
        {STR_INIT("clustering"), "CLUSTERING"},
        {STR_INIT("semantic_similarity"), "SEMANTIC_SIMILARITY"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (json_str_eq(input_type, rows[i].word))
            jw_str_c(w, "taskType", rows[i].task);
    }
}

/* One text of the batch. */
static enum err write_one(struct json_writer *w, struct json root, struct str model_json,
                          struct json item, struct fault *f)
{
    enum err e = ERR_OK;
    jw_object(w, NULL);
    jw_raw(w, "model", model_json);
    jw_object(w, "content");
    jw_array(w, "parts");
    if (json_is(item, JSON_STRING)) {
        jw_object(w, NULL);
        jw_raw_str(w, "text", json_raw_str(item));
        jw_end(w);
    } else {
        e = write_parts(w, json_get(item, STR("content")), f);
    }
    jw_end(w);
    jw_end(w);
    canon_write_value(w, "outputDimensionality", canon_value(json_get(root, STR("dimensions"))));
    write_task(w, json_get(root, STR("input_type")));
    jw_end(w);
    return e;
}

/* "models/NAME" as a JSON string. */
static struct str name_of(struct canon_room *room, struct str model)
{
    struct buf *b = room->scratch;
    buf_reset(b);
    buf_add(b, STR("models/"));
    buf_add(b, model);
    struct str plain = arena_str(room->arena, buf_view(b));
    buf_reset(b);
    json_add_str(b, plain);
    return plain.p && b->failed == ERR_OK ? arena_str(room->arena, buf_view(b)) : STR_NONE;
}

static enum err write_request(struct json root, const struct direct_target *t,
                              struct canon_room *room, struct buf *out, struct fault *f)
{
    struct json_writer w;
    struct json input = json_get(root, STR("input")), first = json_first(input);
    struct str model = name_of(room, t->model);
    enum err e = ERR_OK;
    if (!model.p)
        return canon_no_memory(f);
    if (json_is(first, JSON_NUMBER) || json_is(first, JSON_ARRAY))
        return refuse(f, "tokens");
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_array(&w, "requests");
    if (json_is(input, JSON_STRING))
        e = write_one(&w, root, model, input, f);
    for (struct json v = first; e == ERR_OK && v.type; v = json_after(input, v))
        e = write_one(&w, root, model, v, f);
    if (e != ERR_OK)
        return e;
    return jw_finish(&w) == ERR_OK ? ERR_OK : canon_no_memory(f);
}

static struct json values_of(struct json item)
{
    struct json v = json_get(item, STR("values"));
    return direct_is_vector(v) ? v : (struct json){.type = JSON_NONE};
}

/* Older models tell no usage. */
static enum err read_answer(struct json root, struct canon_room *room, struct direct_answer *out,
                            struct fault *f)
{
    struct json usage = json_get(root, STR("usageMetadata"));
    out->has_tokens = direct_count(json_get(usage, STR("promptTokenCount")), &out->usage.prompt);
    return direct_read_items(json_get(root, STR("embeddings")), values_of, JSON_ARRAY, room, out,
                             f);
}

const struct direct_form embed_gemini = {
    .kind = DIRECT_EMBED,
    .dialect = STR_INIT("gemini"),
    .write_path = write_path,
    .write_request = write_request,
    .read_answer = read_answer,
};
