/* rank_jina.c: ranking in Jina's form, which servers of OpenAI's dialect have too (vLLM, OpenRouter).
 * Source: Jina's API reference, "Reranker API" (POST /v1/rerank). */
#include "dialect/direct.h"

/* Documents may be objects there, with a text or an image. */
static enum err write_request(struct json root, const struct direct_target *t,
                              struct canon_room *room, struct buf *out, struct fault *f)
{
    struct json_writer w;
    (void)room;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "model", t->model);
    jw_raw(&w, "query", json_raw(json_get(root, STR("query"))));
    jw_raw(&w, "documents", json_raw(json_get(root, STR("documents"))));
    canon_write_value(&w, "top_n", canon_value(json_get(root, STR("top_n"))));
    jw_bool(&w, "return_documents", false); /* the client's own are told */
    return jw_finish(&w) == ERR_OK ? ERR_OK : canon_no_memory(f);
}

static enum err read_answer(struct json root, struct canon_room *room, struct direct_answer *out,
                            struct fault *f)
{
    struct json usage = json_get(root, STR("usage"));
    out->has_tokens = direct_count(json_get(usage, STR("total_tokens")), &out->usage.prompt);
    if (!direct_count(json_get(usage, STR("search_units")), &out->usage.searches))
        out->usage.searches = 0;
    return direct_read_ranks(root, room, out, f);
}

const struct direct_form rank_jina = {
    .kind = DIRECT_RANK,
    .dialect = STR_INIT("openai"),
    .path = STR_INIT("/rerank"),
    .write_request = write_request,
    .read_answer = read_answer,
};
