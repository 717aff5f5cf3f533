/* embeddings.c: OpenAI's embeddings: numbers that depend on the text and on nothing else, and mean
 * nothing. */
#include "sim/internal.h"

#include "base/codec.h"

#include <stdio.h>

enum { INPUTS_MAX = 2048, DIMENSIONS_MAX = 3072, DIMENSIONS_DEFAULT = 16 };

/* --- the request ------------------------------------------------------------------------------ */

static enum err add_input(struct sim_call *c, struct json input, struct fault *f)
{
    if (!json_is(input, JSON_STRING))
        return fault_set(f, ERR_INVALID, "input: expected a string or an array of strings, got %s",
                         json_kind(input));
    if (c->hashes_n == INPUTS_MAX)
        return fault_set(f, ERR_INVALID, "input: at most %d texts are taken at once", INPUTS_MAX);
    enum err e = sim__read_prompt(c, input, "input", f);
    c->hashes[c->hashes_n++] = crc32_ieee(buf_view(&c->text));
    buf_reset(&c->text);
    return e;
}

static enum err read_inputs(struct sim_call *c, struct json input, struct fault *f)
{
    if (!json_is(input, JSON_ARRAY))
        return add_input(c, input, f);
    struct json each = json_first(input);
    if (json_is(each, JSON_NONE))
        return fault_set(f, ERR_INVALID, "input: at least one text is needed");
    enum err e = ERR_OK;
    for (; e == ERR_OK && !json_is(each, JSON_NONE); each = json_after(input, each))
        e = add_input(c, each, f);
    return e;
}

static enum err read_shape(struct sim_call *c, struct json request, struct fault *f)
{
    uint64_t dimensions = DIMENSIONS_DEFAULT;
    enum err e = sim__read_count(request, "dimensions", &dimensions, f);
    if (e != ERR_OK)
        return e;
    if (dimensions > DIMENSIONS_MAX)
        return fault_set(f, ERR_INVALID, "dimensions: at most %d", DIMENSIONS_MAX);
    c->dimensions = (uint32_t)dimensions;
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
    if (e != ERR_OK)
        return e;
    c->hashes = arena_alloc(&c->arena, INPUTS_MAX * sizeof *c->hashes);
    if (!c->hashes)
        return fault_set(f, ERR_NOMEM, "There is no memory for the request.");
    return read_inputs(c, json_get(request, STR("input")), f);
}

/* --- the answer ------------------------------------------------------------------------------- */

static float number(uint32_t hash, uint32_t i)
{
    uint32_t mixed = crc32_ieee_more(hash, str_of((const char *)&i, sizeof i));
    return (float)(int16_t)(mixed >> 16) / 32768.0f;
}

static void write_numbers(struct sim_call *c, struct json_writer *w, uint32_t hash)
{
    jw_array(w, "embedding");
    for (uint32_t i = 0; i < c->dimensions; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "%.6f", (double)number(hash, i));
        jw_raw(w, NULL, str_of(text, (size_t)n));
    }
    jw_end(w);
}

static void add_base64(struct buf *out, const unsigned char *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t v = (uint32_t)p[i] << 16;
        v |= left > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        v |= left > 2 ? p[i + 2] : 0;
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63], left > 1 ? digits[v >> 6 & 63] : '=',
                        left > 2 ? digits[v & 63] : '='};
        buf_add(out, str_of(four, 4));
    }
}

/* What OpenAI's own libraries ask for: the bytes of little-endian 32-bit numbers. */
static void write_base64(struct sim_call *c, struct json_writer *w, uint32_t hash)
{
    float numbers[DIMENSIONS_MAX];
    for (uint32_t i = 0; i < c->dimensions; i++)
        numbers[i] = number(hash, i);
    struct buf text;
    buf_init(&text, 2 * sizeof numbers);
    add_base64(&text, (const unsigned char *)numbers, c->dimensions * sizeof numbers[0]);
    jw_str(w, "embedding", buf_view(&text));
    buf_release(&text);
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
        (c->wants_base64 ? write_base64 : write_numbers)(c, &w, c->hashes[i]);
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
