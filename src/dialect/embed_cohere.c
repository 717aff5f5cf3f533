/* embed_cohere.c: embeddings in Cohere's form.
 * Source: Cohere's API reference, "Embed API (v2)". */
#include "dialect/direct.h"

/* What Cohere must be told, and where a client says nothing. */
#define INPUT_TYPE STR("search_document")

static void write_texts(struct json_writer *w, struct json input)
{
    bool has_parts = json_is(json_first(input), JSON_OBJECT);
    jw_array(w, has_parts ? "inputs" : "texts");
    if (json_is(input, JSON_STRING))
        jw_raw(w, NULL, json_raw(input));
    for (struct json v = json_first(input); v.type; v = json_after(input, v)) {
        if (!has_parts) {
            jw_raw(w, NULL, json_raw(v));
            continue;
        }
        jw_object(w, NULL); /* its parts are worded as OpenRouter's */
        jw_raw(w, "content", json_raw(json_get(v, STR("content"))));
        jw_end(w);
    }
    jw_end(w);
}

static enum err write_request(struct json root, const struct direct_target *t,
                              struct canon_room *room, struct buf *out, struct fault *f)
{
    struct json_writer w;
    struct json input = json_get(root, STR("input")), first = json_first(input);
    struct json type = json_get(root, STR("input_type"));
    (void)room;
    if (json_is(first, JSON_NUMBER) || json_is(first, JSON_ARRAY))
        return fault_set(f, ERR_UNPROCESSABLE,
                         "input: expected texts, got tokens: this provider takes none");
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "model", t->model);
    if (json_is(type, JSON_STRING))
        jw_raw(&w, "input_type", json_raw(type));
    else
        jw_str(&w, "input_type", INPUT_TYPE);
    jw_raw(&w, "embedding_types", STR("[\"float\"]"));
    write_texts(&w, input);
    canon_write_value(&w, "output_dimension", canon_value(json_get(root, STR("dimensions"))));
    return jw_finish(&w) == ERR_OK ? ERR_OK : canon_no_memory(f);
}

static struct json vector_of(struct json item)
{
    return direct_is_vector(item) ? item : (struct json){.type = JSON_NONE};
}

static enum err read_answer(struct json root, struct canon_room *room, struct direct_answer *out,
                            struct fault *f)
{
    struct json units = json_get(json_get(root, STR("meta")), STR("billed_units"));
    struct json vectors = json_get(json_get(root, STR("embeddings")), STR("float"));
    out->id = canon_text(json_get(root, STR("id")));
    out->has_tokens = direct_count(json_get(units, STR("input_tokens")), &out->usage.prompt);
    if (direct_count(json_get(units, STR("image_tokens")), &out->usage.image))
        out->usage.prompt += out->usage.image;
    out->has_tokens |= out->usage.image > 0;
    return direct_read_items(vectors, vector_of, JSON_ARRAY, room, out, f);
}

const struct direct_form embed_cohere = {
    .kind = DIRECT_EMBED,
    .dialect = STR_INIT("cohere"),
    .path = STR_INIT("/embed"),
    .write_request = write_request,
    .read_answer = read_answer,
};
