/* rerank.c: ranking in the forms of Jina and Cohere: a document's score is the share of the query's words
 * that stand in it. */
#include "sim/internal.h"

#include <stdio.h>

enum { DOCUMENTS_MAX = 1000, MILLION = 1000000, DOCUMENTS_A_SEARCH = 100 };
/* What is read of a query and of a document: each word is looked for in all of it. */
enum { WORDS_MAX = 64, READ_MAX = 4096 };

/* --- the request ------------------------------------------------------------------------------ */

static uint32_t score_of(struct str query, struct str document)
{
    uint32_t words = 0, found = 0;
    document = str_head(document, READ_MAX);
    while (query.n && words < WORDS_MAX) {
        struct str word = str_cut(&query, ' ');
        if (word.n == 0)
            continue;
        words++;
        found += str_find(document, word) < document.n;
    }
    return words ? found * (uint32_t)MILLION / words : 0;
}

static enum err add_document(struct sim_call *c, struct json v, struct str query, struct fault *f)
{
    struct json text = json_is(v, JSON_OBJECT) ? json_get(v, STR("text")) : v;
    if (!json_is(text, JSON_STRING))
        return fault_set(f, ERR_INVALID, "documents: expected texts, got %s", json_kind(text));
    if (c->scores_n == DOCUMENTS_MAX)
        return fault_set(f, ERR_INVALID, "documents: at most %d are taken at once", DOCUMENTS_MAX);
    enum err e = sim__read_prompt(c, text, "documents", f);
    c->prompt_bytes += query.n;
    c->scores[c->scores_n++] = score_of(query, buf_view(&c->text));
    buf_reset(&c->text);
    return e;
}

static enum err read_documents(struct sim_call *c, struct json list, struct str query,
                               struct fault *f)
{
    enum err e = ERR_OK;
    if (json_first(list).type == JSON_NONE)
        return fault_set(f, ERR_INVALID, "documents: at least one is needed");
    c->scores = arena_alloc(&c->arena, DOCUMENTS_MAX * sizeof *c->scores);
    if (!c->scores)
        return fault_set(f, ERR_NOMEM, "There is no memory for the request.");
    for (struct json v = json_first(list); e == ERR_OK && v.type; v = json_after(list, v))
        e = add_document(c, v, query, f);
    return e;
}

static enum err read_rerank(struct sim_call *c, struct json request, struct fault *f)
{
    struct json query = json_get(request, STR("query"));
    struct buf decoded;
    enum err e = sim__read_model_member(c, request, f);
    c->top = DOCUMENTS_MAX;
    if (e == ERR_OK)
        e = sim__read_count(request, "top_n", &c->top, f);
    if (e == ERR_OK && !json_is(query, JSON_STRING))
        return fault_set(f, ERR_INVALID, "query: expected a string, got %s", json_kind(query));
    if (e != ERR_OK)
        return e;
    buf_init(&decoded, SIM_BODY_MAX);
    e = read_documents(c, json_get(request, STR("documents")), json_str(query, &decoded), f);
    buf_release(&decoded);
    return e;
}

/* Cohere's documents are texts. */
static enum err read_texts(struct sim_call *c, struct json request, struct fault *f)
{
    struct json first = json_first(json_get(request, STR("documents")));
    if (json_is(first, JSON_OBJECT))
        return fault_set(f, ERR_INVALID, "documents: expected strings, got an object");
    return read_rerank(c, request, f);
}

/* --- the answer ------------------------------------------------------------------------------- */

/* The best that was not yet given; the first of equals. */
static uint32_t take_best(const uint32_t *scores, uint32_t n, bool *given)
{
    uint32_t best = n;
    for (uint32_t i = 0; i < n; i++) {
        if (!given[i] && (best == n || scores[i] > scores[best]))
            best = i;
    }
    given[best] = true;
    return best;
}

static void write_results(const struct sim_call *c, struct json_writer *w)
{
    bool given[DOCUMENTS_MAX] = {false};
    uint64_t n = c->top < c->scores_n ? c->top : c->scores_n;
    jw_array(w, "results");
    for (uint64_t i = 0; i < n; i++) {
        char score[32];
        uint32_t best = take_best(c->scores, c->scores_n, given);
        int length = snprintf(score, sizeof score, "%u.%06u", c->scores[best] / MILLION,
                              c->scores[best] % MILLION);
        jw_object(w, NULL);
        jw_u64(w, "index", best);
        jw_raw(w, "relevance_score", str_of(score, (size_t)length));
        jw_end(w);
    }
    jw_end(w);
}

static void whole_jina(struct sim_call *c)
{
    struct json_writer w;
    json_writer_init(&w, &c->out);
    jw_object(&w, NULL);
    jw_str(&w, "model", c->model);
    jw_str_c(&w, "object", "list");
    if (sim__tells_usage(c)) {
        jw_object(&w, "usage");
        jw_u64(&w, "total_tokens", c->prompt_tokens);
        jw_end(&w);
    }
    write_results(c, &w);
    jw_finish(&w);
}

static void whole_cohere(struct sim_call *c)
{
    struct json_writer w;
    char id[SIM_ID_MAX];
    json_writer_init(&w, &c->out);
    jw_object(&w, NULL);
    jw_str(&w, "id", sim__id(c, "rerank", id));
    write_results(c, &w);
    if (sim__tells_usage(c))
        sim__cohere_units(&w, "search_units",
                          (c->scores_n + DOCUMENTS_A_SEARCH - 1) / DOCUMENTS_A_SEARCH);
    jw_finish(&w);
}

const struct sim_format sim__jina_rerank = {
    .error = sim__openai_error,
    .read = read_rerank,
    .whole = whole_jina,
};

const struct sim_format sim__cohere_rerank = {
    .error = sim__cohere_error,
    .read = read_texts,
    .whole = whole_cohere,
};
