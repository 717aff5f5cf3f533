/* embed_openai.c: embeddings in OpenAI's form, which clients speak too: the bytes pass through.
 * Source: OpenAI's API reference, "Create embeddings". Others that speak it: Mistral, Jina, Voyage,
 * Together, Ollama, vLLM, llama.cpp, OpenRouter. */
#include "dialect/direct.h"

/* Inputs made of parts are OpenRouter's own. */
static enum err write_request(struct json root, const struct direct_target *t,
                              struct canon_room *room, struct buf *out, struct fault *f)
{
    struct json first = json_first(json_get(root, STR("input")));
    if (json_is(first, JSON_OBJECT) && !t->takes_additions)
        return fault_set(f, ERR_UNPROCESSABLE,
                         "input[0]: expected a string or tokens: this provider takes no parts");
    return direct_pass_request(root, t, room, out, f);
}

static struct json vector_of(struct json item)
{
    uint64_t ignored;
    struct json v = json_get(item, STR("embedding")), index = json_get(item, STR("index"));
    bool is_vector = direct_is_vector(v) || (json_is(v, JSON_STRING) && json_raw_str(v).n);
    bool is_placed = json_is_none_or_null(index) || json_u64(index, UINT32_MAX, &ignored);
    return is_vector && is_placed ? item : (struct json){.type = JSON_NONE};
}

static enum err read_answer(struct json root, struct canon_room *room, struct direct_answer *out,
                            struct fault *f)
{
    out->id = canon_text(json_get(root, STR("id")));
    out->has_tokens = direct_read_usage(json_get(root, STR("usage")), &out->usage);
    return direct_read_items(json_get(root, STR("data")), vector_of, JSON_OBJECT, room, out, f);
}

const struct direct_form embed_openai = {
    .kind = DIRECT_EMBED,
    .dialect = STR_INIT("openai"),
    .passes = true,
    .path = STR_INIT("/embeddings"),
    .write_request = write_request,
    .read_answer = read_answer,
};
