/* embeddings.c: embeddings in the forms of OpenAI, Gemini and Cohere: numbers that depend on the text and
 * on nothing else, and mean nothing. */
#include "sim/internal.h"

#include "base/base64.h"
#include "base/codec.h"

#include <stdio.h>

enum { INPUTS_MAX = 2048, DIMENSIONS_MAX = 3072, DIMENSIONS_DEFAULT = 16 };

/* --- the request ------------------------------------------------------------------------------ */

static enum err add_hash(struct sim_call *c, uint32_t hash, struct fault *f)
{
    if (c->hashes_n == INPUTS_MAX)
        return fault_set(f, ERR_INVALID, "input: at most %d texts are taken at once", INPUTS_MAX);
    c->hashes[c->hashes_n++] = hash;
    return ERR_OK;
}

static enum err add_text(struct sim_call *c, struct json input, const char *where, struct fault *f)
{
    if (!json_is(input, JSON_STRING))
        return fault_set(f, ERR_INVALID, "%s: expected a string or an array of strings, got %s",
                         where, json_kind(input));
    enum err e = sim__read_prompt(c, input, where, f);
    if (e == ERR_OK)
        e = add_hash(c, crc32_ieee(buf_view(&c->text)), f);
    buf_reset(&c->text);
    return e;
}

/* Counted as if each stood for four bytes. */
static enum err add_tokens(struct sim_call *c, struct json tokens, struct fault *f)
{
    uint64_t n;
    for (struct json v = json_first(tokens); v.type; v = json_after(tokens, v)) {
        if (!json_u64(v, UINT32_MAX, &n))
            return fault_set(f, ERR_INVALID, "input: expected tokens, got %s", json_kind(v));
        c->prompt_bytes += 4;
    }
    return add_hash(c, crc32_ieee(json_raw(tokens)), f);
}

static enum err add_input(struct sim_call *c, struct json input, struct fault *f)
{
    return json_is(input, JSON_ARRAY) ? add_tokens(c, input, f) : add_text(c, input, "input", f);
}

static enum err read_inputs(struct sim_call *c, struct json input, struct fault *f)
{
    struct json each = json_first(input);
    if (!json_is(input, JSON_ARRAY) || json_is(each, JSON_NUMBER))
        return add_input(c, input, f);
    if (json_is(each, JSON_NONE))
        return fault_set(f, ERR_INVALID, "input: at least one text is needed");
    enum err e = ERR_OK;
    for (; e == ERR_OK && !json_is(each, JSON_NONE); each = json_after(input, each))
        e = add_input(c, each, f);
    return e;
}

static enum err make_room(struct sim_call *c, struct fault *f)
{
    c->hashes = arena_alloc(&c->arena, INPUTS_MAX * sizeof *c->hashes);
    return c->hashes ? ERR_OK : fault_set(f, ERR_NOMEM, "There is no memory for the request.");
}

static enum err read_dimensions(struct sim_call *c, struct json holder, const char *name,
                                struct fault *f)
{
    uint64_t dimensions = DIMENSIONS_DEFAULT;
    enum err e = sim__read_count(holder, name, &dimensions, f);
    if (e == ERR_OK && dimensions > DIMENSIONS_MAX)
        return fault_set(f, ERR_INVALID, "%s: at most %d", name, DIMENSIONS_MAX);
    c->dimensions = (uint32_t)dimensions;
    return e;
}

static enum err read_shape(struct sim_call *c, struct json request, struct fault *f)
{
    enum err e = read_dimensions(c, request, "dimensions", f);
    if (e != ERR_OK)
        return e;
    struct json encoding = json_get(request, STR("encoding_format"));
    c->wants_base64 = json_str_eq(encoding, STR("base64"));
    if (!json_is_none_or_null(encoding) && !c->wants_base64 && !json_str_eq(encoding, STR("float")))
        return fault_set(f, ERR_INVALID, "encoding_format: expected float or base64");
    return ERR_OK;
}

static enum err read_embeddings(struct sim_call *c, struct json request, struct fault *f)
{
    enum err e = sim__read_model_member(c, request, f);
    if (e == ERR_OK)
        e = read_shape(c, request, f);
    if (e == ERR_OK)
        e = make_room(c, f);
    if (e != ERR_OK)
        return e;
    return read_inputs(c, json_get(request, STR("input")), f);
}

/* --- the answer ------------------------------------------------------------------------------- */

static float number(uint32_t hash, uint32_t i)
{
    uint32_t mixed = crc32_ieee_more(hash, str_of((const char *)&i, sizeof i));
    return (float)(int16_t)(mixed >> 16) / 32768.0f;
}

static void write_numbers(struct sim_call *c, struct json_writer *w, const char *key, uint32_t hash)
{
    jw_array(w, key);
    for (uint32_t i = 0; i < c->dimensions; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "%.6f", (double)number(hash, i));
        jw_raw(w, NULL, str_of(text, (size_t)n));
    }
    jw_end(w);
}

/* What OpenAI's own libraries ask for: the bytes of little-endian 32-bit numbers. */
static void write_base64(struct sim_call *c, struct json_writer *w, uint32_t hash)
{
    float numbers[DIMENSIONS_MAX];
    for (uint32_t i = 0; i < c->dimensions; i++)
        numbers[i] = number(hash, i);
    jw_raw(w, "embedding", STR("\""));
    base64_add(w->out, BASE64_PLAIN, numbers, c->dimensions * sizeof numbers[0]);
    buf_add(w->out, STR("\""));
}

static void whole(struct sim_call *c)
{
    struct json_writer w;
    json_writer_init(&w, &c->out);
    jw_object(&w, NULL);
    jw_str_c(&w, "object", "list");
    jw_array(&w, "data");
    for (uint32_t i = 0; i < c->hashes_n; i++) {
        jw_object(&w, NULL);
        jw_str_c(&w, "object", "embedding");
        jw_u64(&w, "index", i);
        if (c->wants_base64)
            write_base64(c, &w, c->hashes[i]);
        else
            write_numbers(c, &w, "embedding", c->hashes[i]);
        jw_end(&w);
    }
    jw_end(&w);
    jw_str(&w, "model", c->model);
    if (sim__tells_usage(c)) {
        jw_object(&w, "usage");
        jw_u64(&w, "prompt_tokens", c->prompt_tokens);
        jw_u64(&w, "total_tokens", c->prompt_tokens);
        jw_end(&w);
    }
    jw_finish(&w);
}

const struct sim_format sim__embeddings = {
    .error = sim__openai_error,
    .read = read_embeddings,
    .whole = whole,
};

/* --- Gemini's ----------------------------------------------------------------------------------- */

/* "{model}:batchEmbedContents" */
static enum err read_path(struct sim_call *c, struct fault *f)
{
    struct str name = c->rest;
    name.n -= strlen(SIM_BATCH_EMBED);
    return sim__read_model(c, name, f);
}

static enum err read_batch(struct sim_call *c, struct json request, struct fault *f)
{
    struct json list = json_get(request, STR("requests"));
    enum err e = read_path(c, f);
    if (e == ERR_OK)
        e = make_room(c, f);
    if (e == ERR_OK && json_first(list).type == JSON_NONE)
        return fault_set(f, ERR_INVALID, "requests: at least one is needed");
    for (struct json v = json_first(list); e == ERR_OK && v.type; v = json_after(list, v)) {
        struct json parts = json_get(json_get(v, STR("content")), STR("parts"));
        e = read_dimensions(c, v, "outputDimensionality", f);
        if (e == ERR_OK)
            e = sim__read_prompt(c, parts, "requests[].content.parts", f);
        if (e == ERR_OK)
            e = add_hash(c, crc32_ieee(buf_view(&c->text)), f);
    }
    buf_reset(&c->text);
    return e;
}

static void whole_batch(struct sim_call *c)
{
    struct json_writer w;
    json_writer_init(&w, &c->out);
    jw_object(&w, NULL);
    jw_array(&w, "embeddings");
    for (uint32_t i = 0; i < c->hashes_n; i++) {
        jw_object(&w, NULL);
        write_numbers(c, &w, "values", c->hashes[i]);
        jw_end(&w);
    }
    jw_end(&w);
    if (sim__tells_usage(c)) {
        jw_object(&w, "usageMetadata");
        jw_u64(&w, "promptTokenCount", c->prompt_tokens);
        jw_end(&w);
    }
    jw_finish(&w);
}

const struct sim_format sim__gemini_embeddings = {
    .error = sim__gemini_error,
    .read = read_batch,
    .whole = whole_batch,
};

/* --- Cohere's ----------------------------------------------------------------------------------- */

void sim__cohere_error(const struct sim_problem_words *p, struct str message, bool is_inside,
                       struct buf *out)
{
    struct json_writer w;
    if (is_inside) { /* it has no such thing: OpenAI's words stand for it */
        sim__openai_error(p, message, is_inside, out);
        return;
    }
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "message", message.n ? message : str_c(p->openai));
    jw_finish(&w);
}

static enum err check_word(struct json request, const char *name, const char *const *words,
                           struct fault *f)
{
    struct json v = json_get(request, str_c(name));
    for (; *words; words++) {
        if (json_str_eq(v, str_c(*words)))
            return ERR_OK;
    }
    return fault_set(f, ERR_INVALID, "%s: expected a known word, got %s", name, json_kind(v));
}

static enum err read_embed(struct sim_call *c, struct json request, struct fault *f)
{
    static const char *const types[] = {"search_document", "search_query", "classification",
                                        "clustering",      "image",        NULL};
    struct json texts = json_get(request, STR("texts"));
    enum err e = sim__read_model_member(c, request, f);
    if (e == ERR_OK)
        e = check_word(request, "input_type", types, f);
    if (e == ERR_OK)
        e = read_dimensions(c, request, "output_dimension", f);
    if (e == ERR_OK)
        e = make_room(c, f);
    if (e == ERR_OK && json_first(texts).type == JSON_NONE)
        return fault_set(f, ERR_INVALID, "texts: at least one is needed");
    for (struct json v = json_first(texts); e == ERR_OK && v.type; v = json_after(texts, v))
        e = add_text(c, v, "texts", f);
    return e;
}

void sim__cohere_units(struct json_writer *w, const char *unit, uint64_t n)
{
    jw_object(w, "meta");
    jw_object(w, "api_version");
    jw_str_c(w, "version", "2");
    jw_end(w);
    jw_object(w, "billed_units");
    jw_u64(w, unit, n);
    jw_end(w);
    jw_end(w);
}

static void whole_embed(struct sim_call *c)
{
    struct json_writer w;
    char id[SIM_ID_MAX];
    json_writer_init(&w, &c->out);
    jw_object(&w, NULL);
    jw_str(&w, "id", sim__id(c, "embed", id));
    jw_object(&w, "embeddings");
    jw_array(&w, "float");
    for (uint32_t i = 0; i < c->hashes_n; i++)
        write_numbers(c, &w, NULL, c->hashes[i]);
    jw_end(&w);
    jw_end(&w);
    if (sim__tells_usage(c))
        sim__cohere_units(&w, "input_tokens", c->prompt_tokens);
    jw_str_c(&w, "response_type", "embeddings_by_type");
    jw_finish(&w);
}

const struct sim_format sim__cohere_embed = {
    .error = sim__cohere_error,
    .read = read_embed,
    .whole = whole_embed,
};
