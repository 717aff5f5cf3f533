/* rank_cohere.c: ranking in Cohere's form.
 * Source: Cohere's API reference, "Rerank API (v2)". */
#include "dialect/direct.h"

/* Documents are texts there. */
static enum err write_documents(struct json_writer *w, struct json list, struct fault *f)
{
    jw_array(w, "documents");
    for (struct json v = json_first(list); v.type; v = json_after(list, v)) {
        bool has_image = !json_is_none_or_null(json_get(v, STR("image")));
        if (has_image)
            return fault_set(f, ERR_UNPROCESSABLE,
                             "documents: expected texts, got an image: this provider takes none");
        jw_raw(w, NULL, json_raw(json_is(v, JSON_OBJECT) ? json_get(v, STR("text")) : v));
    }
    jw_end(w);
    return ERR_OK;
}

static enum err write_request(struct json root, const struct direct_target *t,
                              struct canon_room *room, struct buf *out, struct fault *f)
{
    struct json_writer w;
    (void)room;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "model", t->model);
    jw_raw(&w, "query", json_raw(json_get(root, STR("query"))));
    enum err e = write_documents(&w, json_get(root, STR("documents")), f);
    if (e != ERR_OK)
        return e;
    canon_write_value(&w, "top_n", canon_value(json_get(root, STR("top_n"))));
    return jw_finish(&w) == ERR_OK ? ERR_OK : canon_no_memory(f);
}

static enum err read_answer(struct json root, struct canon_room *room, struct direct_answer *out,
                            struct fault *f)
{
    struct json meta = json_get(root, STR("meta"));
    struct json units = json_get(meta, STR("billed_units")), tokens = json_get(meta, STR("tokens"));
    if (!direct_count(json_get(units, STR("search_units")), &out->usage.searches))
        out->usage.searches = 0;
    out->has_tokens = direct_count(json_get(tokens, STR("input_tokens")), &out->usage.prompt);
    return direct_read_ranks(root, room, out, f);
}

const struct direct_form rank_cohere = {
    .kind = DIRECT_RANK,
    .dialect = STR_INIT("cohere"),
    .path = STR_INIT("/rerank"),
    .write_request = write_request,
    .read_answer = read_answer,
};
