/* rank_client.c: ranking as clients ask for it and get it.
 * Source: OpenRouter's API reference, "Submit a rerank request". */
#include "dialect/direct.h"

#include <stdio.h>
#include <stdlib.h>

enum { WHERE_MAX = 48, NUMBER_MAX = 64 };

/* --- requests ----------------------------------------------------------------------------------- */

/* What a provider may bill. By Cohere's documentation, "How does pricing work": a search is a query with
 * up to 100 documents; one that is longer than 500 tokens with the query is several, and no more than
 * 4096 tokens of it are read. Bytes bound tokens. A model that reads query and document together reads the
 * query once more for each, with some marks between. */
enum {
    SEARCH_DOCUMENTS = 100,
    SEARCH_TOKENS = 500,
    DOCUMENT_TOKENS = 4096,
    LEAST_PART = 100, /* of a document beside the longest query */
    MARKS = 4,
};

struct ranking {
    struct direct_request *out;
    struct fault *f;
    uint64_t query_bytes;
    uint64_t parts; /* documents as they are billed */
};

static uint64_t parts_of(const struct ranking *g, uint64_t bytes)
{
    uint64_t most = SEARCH_TOKENS - LEAST_PART;
    uint64_t room = SEARCH_TOKENS - (g->query_bytes < most ? g->query_bytes : most);
    uint64_t tokens = bytes < DOCUMENT_TOKENS ? bytes : DOCUMENT_TOKENS;
    return tokens ? (tokens + room - 1) / room : 1;
}

static enum err read_image(struct ranking *g, struct json image, const char *where)
{
    struct str url = json_raw_str(image);
    g->out->facts.has_media = true;
    g->out->facts.links += !str_starts(url, STR("data:"));
    return client_want(image, JSON_STRING, where, "a string", g->f);
}

/* {"text":"..."} or {"image":"..."} or both. */
static enum err read_object(struct ranking *g, struct json v, const char *where, uint64_t *bytes)
{
    char at[WHERE_MAX + 8];
    struct json text = json_get(v, STR("text")), image = json_get(v, STR("image"));
    enum err e = ERR_OK;
    if (json_is_none_or_null(text) && json_is_none_or_null(image))
        return fault_set(g->f, ERR_INVALID, "%s: expected a text or an image, got neither", where);
    snprintf(at, sizeof at, "%s.text", where);
    if (!json_is_none_or_null(text))
        e = client_want(text, JSON_STRING, at, "a string", g->f);
    snprintf(at, sizeof at, "%s.image", where);
    if (e == ERR_OK && !json_is_none_or_null(image))
        e = read_image(g, image, at);
    *bytes = json_raw_str(text).n;
    return e;
}

static enum err read_document(struct ranking *g, struct json v, const char *where)
{
    uint64_t bytes = json_raw_str(v).n;
    enum err e = ERR_OK;
    if (json_is(v, JSON_OBJECT))
        e = read_object(g, v, where, &bytes);
    else if (!json_is(v, JSON_STRING))
        return fault_set(g->f, ERR_INVALID, "%s: expected a string or an object, got %s", where,
                         json_kind(v));
    g->out->facts.text.bytes += bytes + g->query_bytes;
    g->out->repeated += g->query_bytes + MARKS;
    g->parts += parts_of(g, bytes);
    g->out->items++;
    return e;
}

static enum err read_documents(struct ranking *g, struct json list)
{
    char where[WHERE_MAX];
    enum err e = client_want(list, JSON_ARRAY, "documents", "an array", g->f);
    if (e == ERR_OK && json_first(list).type == JSON_NONE)
        return fault_set(g->f, ERR_INVALID,
                         "documents: expected at least one document, got an empty array");
    for (struct json v = json_first(list); e == ERR_OK && v.type; v = json_after(list, v)) {
        snprintf(where, sizeof where, "documents[%u]", g->out->items);
        e = read_document(g, v, where);
    }
    g->out->searches = (g->parts + SEARCH_DOCUMENTS - 1) / SEARCH_DOCUMENTS;
    return e;
}

static enum err read_request(struct json root, struct canon_room *room, struct direct_request *out,
                             struct fault *f)
{
    struct ranking g = {.out = out, .f = f};
    struct json query = json_get(root, STR("query")), top = json_get(root, STR("top_n"));
    uint64_t n;
    *out = (struct direct_request){0};
    enum err e = direct_read_common(root, room, &out->facts, f);
    if (e == ERR_OK)
        e = client_want(query, JSON_STRING, "query", "a string", f);
    g.query_bytes = json_raw_str(query).n;
    if (e == ERR_OK)
        e = read_documents(&g, json_get(root, STR("documents")));
    if (e == ERR_OK)
        e = direct_check_count(top, "top_n", f);
    out->top = json_u64(top, out->items, &n) ? (uint32_t)n : out->items;
    return e;
}

/* --- answers ------------------------------------------------------------------------------------ */

static uint32_t index_of(struct json item)
{
    return (uint32_t)json_u64_or(json_get(item, STR("index")), 0);
}

/* Some providers give more than the best `top`, and some fewer. */
static enum err check_answer(const struct direct_answer *a, const struct direct_request *asked,
                             struct fault *f)
{
    if (a->items_n == 0 || a->items_n > asked->items)
        return fault_set(f, ERR_UPSTREAM, "The provider's answer has %u results for %u documents",
                         a->items_n, asked->items);
    for (uint32_t i = 0; i < a->items_n; i++) {
        if (index_of(a->items[i]) >= asked->items)
            return fault_set(f, ERR_UPSTREAM,
                             "The provider's answer ranks a document that was not asked about");
    }
    return ERR_OK;
}

/* One result: where it stood in the provider's order. */
struct rank {
    double score;
    uint32_t at;
};

static double score_of(struct json item)
{
    char text[NUMBER_MAX];
    struct str raw = str_head(json_raw(json_get(item, STR("relevance_score"))), sizeof text - 1);
    memcpy(text, raw.p, raw.n);
    text[raw.n] = '\0';
    return strtod(text, NULL);
}

static int best_first(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

static struct rank *sorted(const struct direct_answer *a, struct canon_room *room)
{
    struct rank *ranks = arena_alloc(room->arena, (a->items_n + 1) * sizeof *ranks);
    for (uint32_t i = 0; ranks && i < a->items_n; i++)
        ranks[i] = (struct rank){score_of(a->items[i]), i};
    if (ranks)
        qsort(ranks, a->items_n, sizeof *ranks, best_first);
    return ranks;
}

/* The request's documents, by index. */
static struct json *documents_of(const struct direct_told *told, struct canon_room *room)
{
    struct json root;
    struct json *out = arena_alloc(room->arena, (told->asked->items + 1) * sizeof *out);
    if (!out || json_parse(room->tape, told->body, &root, NULL) != ERR_OK)
        return NULL;
    struct json list = json_get(root, STR("documents"));
    uint32_t n = 0;
    for (struct json v = json_first(list); v.type && n < told->asked->items;
         v = json_after(list, v))
        out[n++] = v;
    return n == told->asked->items ? out : NULL;
}

static void write_result(struct json_writer *w, struct json item, const struct json *documents)
{
    struct json document = documents[index_of(item)];
    jw_object(w, NULL);
    jw_u64(w, "index", index_of(item));
    jw_raw(w, "relevance_score", json_raw(json_get(item, STR("relevance_score"))));
    if (json_is(document, JSON_STRING)) {
        jw_object(w, "document");
        jw_raw(w, "text", json_raw(document));
        jw_end(w);
    } else {
        jw_raw(w, "document", json_raw(document));
    }
    jw_end(w);
}

static void write_usage(struct json_writer *w, const char *key, const struct chat_bill *b)
{
    jw_object(w, key);
    if (b->usage.prompt)
        jw_u64(w, "total_tokens", b->usage.prompt + b->usage.completion);
    if (b->usage.searches)
        jw_u64(w, "search_units", b->usage.searches);
    jw_usd(w, "cost", b->cost);
    jw_end(w);
}

static enum err write_answer(const struct direct_answer *a, const struct direct_told *told,
                             struct canon_room *room, struct buf *out)
{
    struct json_writer w;
    const struct rank *ranks = sorted(a, room);
    const struct json *documents = documents_of(told, room);
    if (!ranks || !documents)
        return ERR_NOMEM;
    json_writer_init(&w, out);
    jw_object(&w, NULL);
    jw_raw(&w, "id", told->who->id_json);
    jw_raw(&w, "model", told->who->model_json);
    jw_raw(&w, "provider", told->who->provider_json);
    jw_array(&w, "results");
    for (uint32_t i = 0; i < a->items_n && i < told->asked->top; i++)
        write_result(&w, a->items[ranks[i].at], documents);
    jw_end(&w);
    write_usage(&w, "usage", told->bill);
    return jw_finish(&w);
}

const struct direct_task direct_rank = {
    .kind = DIRECT_RANK,
    .read_request = read_request,
    .check_answer = check_answer,
    .write_answer = write_answer,
    .write_usage = write_usage,
};
