/* embed_client.c: embeddings as clients ask for them and get them.
 * Sources: OpenAI's API reference, "Create embeddings" and "The embedding object"; OpenRouter's API
 * reference, "Submit an embedding request", which adds `input_type` and inputs made of parts. */
#include "dialect/direct.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"

/* "input[4294967295]", and what stands behind it. */
enum { ITEM_MAX = 32, WITHIN_MAX = 72, PART_MAX = 96, NUMBER_MAX = 64, BYTES_A_TOKEN = 4 };

/* --- requests ----------------------------------------------------------------------------------- */

/* What the items of `input` are; all are of one kind. */
struct input {
    struct direct_request *out;
    struct canon_room *room;
    struct fault *f;
};

static enum err read_text(struct input *g, struct json v, const char *where)
{
    tokens_add(&g->out->facts.text, json_raw_str(v));
    return client_want(v, JSON_STRING, where, "a string", g->f);
}

/* Text that was cut into tokens by the client. */
static enum err read_token(struct input *g, struct json v, const char *where)
{
    uint64_t n;
    if (!json_u64(v, UINT32_MAX, &n))
        return fault_set(g->f, ERR_INVALID, "%s: expected a token (a whole number), got %s%s",
                         where, json_kind(v), json_is(v, JSON_NUMBER) ? " outside of that" : "");
    g->out->facts.text.bytes += BYTES_A_TOKEN;
    return ERR_OK;
}

static enum err read_tokens(struct input *g, struct json v, const char *where)
{
    char at[WITHIN_MAX];
    size_t i = 0;
    enum err e = client_want(v, JSON_ARRAY, where, "an array of tokens", g->f);
    if (e == ERR_OK && json_first(v).type == JSON_NONE)
        return fault_set(g->f, ERR_INVALID, "%s: expected at least one token, got none", where);
    for (struct json t = json_first(v); e == ERR_OK && t.type; t = json_after(v, t)) {
        snprintf(at, sizeof at, "%s[%zu]", where, i++);
        e = read_token(g, t, at);
    }
    return e;
}

/* {"type":"image_url","image_url":{"url":...}} and its like. What does not hold its bytes is a link,
 * whose size is not told. */
static enum err note_media(struct input *g, struct json part)
{
    struct str type = canon_plain(g->room, json_raw_str(json_get(part, STR("type"))));
    struct json media = json_get(part, type), url = json_get(media, STR("url"));
    struct str said = json_raw_str(json_is(media, JSON_STRING) ? media : url);
    bool holds = str_starts(said, STR("data:")) ||
                 str_starts(json_raw_str(json_get(media, STR("file_data"))), STR("data:")) ||
                 json_is(json_get(media, STR("data")), JSON_STRING);
    g->out->facts.has_media = true;
    g->out->facts.links += !holds;
    return type.p ? ERR_OK : canon_no_memory(g->f);
}

static enum err read_part(struct input *g, struct json part, const char *where)
{
    char at[PART_MAX];
    struct json type = json_get(part, STR("type")), text = json_get(part, STR("text"));
    enum err e = client_want(part, JSON_OBJECT, where, "an object", g->f);
    snprintf(at, sizeof at, "%s.type", where);
    if (e == ERR_OK)
        e = client_want(type, JSON_STRING, at, "a string", g->f);
    snprintf(at, sizeof at, "%s.text", where);
    if (e == ERR_OK && json_str_eq(type, STR("text")))
        return read_text(g, text, at);
    return e == ERR_OK ? note_media(g, part) : e;
}

static enum err read_parts(struct input *g, struct json v, const char *where)
{
    char at[WITHIN_MAX];
    struct json content = json_get(v, STR("content"));
    size_t i = 0;
    enum err e = client_want(v, JSON_OBJECT, where, "an object with content", g->f);
    snprintf(at, sizeof at, "%s.content", where);
    if (e == ERR_OK)
        e = client_want(content, JSON_ARRAY, at, "an array of parts", g->f);
    for (struct json p = json_first(content); e == ERR_OK && p.type; p = json_after(content, p)) {
        snprintf(at, sizeof at, "%s.content[%zu]", where, i++);
        e = read_part(g, p, at);
    }
    return e;
}

typedef enum err read_item_fn(struct input *g, struct json v, const char *where);

static read_item_fn *reader_of(enum json_type first)
{
    switch (first) {
    case JSON_STRING:
        return read_text;
    case JSON_NUMBER:
        return read_token;
    case JSON_ARRAY:
        return read_tokens;
    case JSON_OBJECT:
        return read_parts;
    default:
        return NULL;
    }
}

static enum err read_list(struct input *g, struct json list)
{
    char where[ITEM_MAX];
    struct json first = json_first(list);
    read_item_fn *read = reader_of(first.type);
    enum err e = ERR_OK;
    uint32_t n = 0;
    if (!read)
        return fault_set(g->f, ERR_INVALID,
                         "input: expected strings, tokens, arrays of tokens or objects with "
                         "content, got %s",
                         first.type ? json_kind(first) : "an empty array");
    for (struct json v = first; e == ERR_OK && v.type; v = json_after(list, v)) {
        snprintf(where, sizeof where, "input[%u]", n++);
        e = read(g, v, where);
    }
    g->out->items = json_is(first, JSON_NUMBER) ? 1 : n; /* tokens are one text */
    return e;
}

static enum err read_input(struct input *g, struct json v)
{
    if (json_is(v, JSON_ARRAY))
        return read_list(g, v);
    g->out->items = 1;
    return json_is(v, JSON_STRING)
               ? read_text(g, v, "input")
               : fault_set(g->f, ERR_INVALID, "input: expected a string or an array, got %s",
                           json_kind(v));
}

static enum err read_encoding(struct input *g, struct json v)
{
    g->out->wants_base64 = json_str_eq(v, STR("base64"));
    return json_is_none_or_null(v) || g->out->wants_base64 || json_str_eq(v, STR("float"))
               ? ERR_OK
               : fault_set(g->f, ERR_INVALID, "encoding_format: expected float or base64, got %s",
                           json_is(v, JSON_STRING) ? "another word" : json_kind(v));
}

static enum err read_request(struct json root, struct canon_room *room, struct direct_request *out,
                             struct fault *f)
{
    struct input g = {.out = out, .room = room, .f = f};
    *out = (struct direct_request){0};
    enum err e = direct_read_common(root, room, &out->facts, f);
    if (e == ERR_OK)
        e = read_input(&g, json_get(root, STR("input")));
    if (e == ERR_OK)
        e = direct_check_count(json_get(root, STR("dimensions")), "dimensions", f);
    return e == ERR_OK ? read_encoding(&g, json_get(root, STR("encoding_format"))) : e;
}

/* --- answers ------------------------------------------------------------------------------------ */

static enum err check_answer(const struct direct_answer *a, const struct direct_request *asked,
                             struct fault *f)
{
    return a->items_n == asked->items
               ? ERR_OK
               : fault_set(f, ERR_UPSTREAM, "The provider's answer has %u vectors for %u texts",
                           a->items_n, asked->items);
}

static float float_of(struct json v)
{
    char text[NUMBER_MAX];
    struct str raw = str_head(json_raw(v), sizeof text - 1);
    memcpy(text, raw.p, raw.n);
    text[raw.n] = '\0';
    return strtof(text, NULL);
}

/* The bytes of 32-bit numbers, the least first (every machine that this runs on has them so). */
static void write_base64(struct json_writer *w, struct canon_room *room, struct json numbers)
{
    struct buf *bytes = room->scratch;
    buf_reset(bytes);
    for (struct json v = json_first(numbers); v.type; v = json_after(numbers, v)) {
        float number = float_of(v);
        buf_add(bytes, str_of((const char *)&number, sizeof number));
    }
    jw_raw(w, "embedding", STR("\""));
    base64_add(w->out, BASE64_PLAIN, bytes->p, bytes->n);
    buf_add(w->out, STR("\""));
    if (bytes->failed != ERR_OK)
        w->out->failed = bytes->failed;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && sizeof(float) == 4, "as they go out");

/* Of inputs of more than one kind. */
static void write_details(struct json_writer *w, const struct chat_usage *u)
{
    uint64_t media = u->image + u->audio + u->video;
    uint64_t most = u->image > u->audio ? u->image : u->audio;
    if (!media || (u->video > most ? u->video : most) == u->prompt)
        return;
    jw_object(w, "prompt_tokens_details");
    chat_write_count(w, "text_tokens", u->prompt > media ? u->prompt - media : 0);
    chat_write_count(w, "image_tokens", u->image);
    chat_write_count(w, "audio_tokens", u->audio);
    chat_write_count(w, "video_tokens", u->video);
    jw_end(w);
}

static void write_usage(struct json_writer *w, const char *key, const struct chat_bill *b)
{
    jw_object(w, key);
    jw_u64(w, "prompt_tokens", b->usage.prompt);
    jw_u64(w, "total_tokens", b->usage.prompt + b->usage.completion);
    write_details(w, &b->usage);
    jw_usd(w, "cost", b->cost);
    jw_bool(w, "is_byok", false);
    jw_object(w, "cost_details");
    jw_null(w, "upstream_inference_cost");
    jw_usd(w, "upstream_inference_prompt_cost", b->prompt_cost);
    jw_usd(w, "upstream_inference_completions_cost", b->completion_cost);
    jw_end(w);
    jw_end(w);
}

static enum err write_answer(const struct direct_answer *a, const struct direct_told *told,
                             struct canon_room *room, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_raw(&w, "id", told->who->id_json);
    jw_str_c(&w, "object", "list");
    jw_raw(&w, "model", told->who->model_json);
    jw_array(&w, "data");
    for (uint32_t i = 0; i < a->items_n; i++) {
        jw_object(&w, NULL);
        jw_str_c(&w, "object", "embedding");
        jw_u64(&w, "index", i);
        if (told->asked->wants_base64)
            write_base64(&w, room, a->items[i]);
        else
            jw_raw(&w, "embedding", json_raw(a->items[i]));
        jw_end(&w);
    }
    jw_end(&w);
    write_usage(&w, "usage", told->bill);
    return jw_finish(&w);
}

const struct direct_task direct_embed = {
    .kind = DIRECT_EMBED,
    .read_request = read_request,
    .check_answer = check_answer,
    .write_answer = write_answer,
    .write_usage = write_usage,
};
