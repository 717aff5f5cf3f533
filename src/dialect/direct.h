/* direct.h: what is asked and answered at once, and is no chat: embeddings, ranking. Such a request fits no
 * canonical chat, so each kind has a task (what clients speak) and forms (what providers speak): one
 * row for each kind and dialect, with a pair of functions: a request out, an answer in.
 *
 * Where client and provider speak the same, the bytes pass through: members are spliced.
 *
 * Texts and values are as in canon.h: raw, and lent from the text that was read. A request's tape is
 * gone when an endpoint after the first is tried, so forms are given the body's JSON anew. */
#ifndef DIALECT_DIRECT_H
#define DIALECT_DIRECT_H

#include "dialect/client.h"
#include "dialect/openai.h"

enum direct_kind { DIRECT_EMBED, DIRECT_RANK, DIRECT__COUNT };

/* What is kept of a request. */
struct direct_request {
    struct chat_request facts; /* models, provider, user, text, links; its output is none */
    uint32_t items;            /* texts to embed, documents to rank */
    uint32_t top;              /* of ranking: how many are wanted */
    uint64_t repeated;         /* of ranking: tokens that the body's bytes do not bound */
    uint64_t searches;         /* of ranking: no provider bills more */
    bool wants_base64;
};

/* What an answer says. Values live as long as the tape that it was read with. */
struct direct_answer {
    struct json *items; /* in the arena, in the order of the request; of a form that passes: none */
    uint32_t items_n;
    struct str id; /* the provider's; raw text */
    struct chat_usage usage;
    bool has_tokens; /* the usage tells them */
};

/* What an answer of the gateway says of itself, and what it cost. */
struct direct_told {
    const struct direct_request *asked;
    struct str body;                   /* the client's */
    const struct openai_identity *who; /* raw JSON */
    const struct chat_bill *bill;
};

/* Which endpoint is asked. */
struct direct_target {
    struct str model;     /* the provider's own name for it: plain */
    bool drops_user;      /* it takes no `user` */
    bool drops_unknown;   /* it refuses members that nobody here knows */
    bool takes_additions; /* what OpenRouter has beyond OpenAI: `input_type` */
};

/* What clients speak. */
struct direct_task {
    enum direct_kind kind;
    /* ERR_INVALID and a sentence that begins with the field. */
    enum err (*read_request)(struct json root, struct canon_room *room, struct direct_request *out,
                             struct fault *f);
    /* ERR_UPSTREAM and a sentence: it does not answer what was asked. */
    enum err (*check_answer)(const struct direct_answer *a, const struct direct_request *asked,
                             struct fault *f);
    /* The whole body. */
    enum err (*write_answer)(const struct direct_answer *a, const struct direct_told *told,
                             struct canon_room *room, struct buf *out);
    /* The `usage` object alone. */
    void (*write_usage)(struct json_writer *w, const char *key, const struct chat_bill *b);
};
extern const struct direct_task direct_embed, direct_rank;

/* What providers speak. */
struct direct_form {
    enum direct_kind kind;
    struct str dialect; /* whose providers */
    bool passes;        /* it is what clients speak: the answer's own bytes go out, spliced */
    struct str path;    /* after the base URL; or, where it depends on the model: */
    enum err (*write_path)(struct str model, struct buf *out);
    /* The body. ERR_UNPROCESSABLE and a sentence: this form cannot say it; another may. */
    enum err (*write_request)(struct json root, const struct direct_target *t,
                              struct canon_room *room, struct buf *out, struct fault *f);
    /* ERR_UPSTREAM and a sentence: it makes no sense. */
    enum err (*read_answer)(struct json root, struct canon_room *room, struct direct_answer *out,
                            struct fault *f);
};
/* NULL: providers of this dialect do not do it. */
const struct direct_form *direct_form_find(enum direct_kind kind, struct str dialect);
const struct direct_form *direct_form_at(size_t i); /* 0, 1, ... until NULL */

/* --- the forms ---------------------------------------------------------------------------------- */

extern const struct direct_form embed_openai, embed_gemini, embed_cohere, rank_jina, rank_cohere;

/* --- what they share ---------------------------------------------------------------------------- */

/* The members of every such request: models, `provider`, `user`; and that it is no stream. */
enum err direct_read_common(struct json root, struct canon_room *room, struct chat_request *out,
                            struct fault *f) MUST_USE;
/* ERR_INVALID: "WHERE: expected a whole number of at least 1, got ..." for what is neither that nor
 * nothing. */
enum err direct_check_count(struct json v, const char *where, struct fault *f) MUST_USE;
/* A request that passes: the client's bytes with the provider's name of the model and without what is
 * meant for the gateway or not taken. */
enum err direct_pass_request(struct json root, const struct direct_target *t,
                             struct canon_room *room, struct buf *out, struct fault *f);
/* The list of an answer's items, each of them what `value` finds in it; ERR_UPSTREAM where one is not
 * of that type. */
enum err direct_read_items(struct json list, struct json (*value)(struct json item),
                           enum json_type type, struct canon_room *room, struct direct_answer *out,
                           struct fault *f) MUST_USE;
/* A JSON string of plain bytes, in the arena; p NULL: no memory. */
struct str direct_quoted(struct canon_room *room, struct str plain);
bool direct_is_vector(struct json v); /* numbers, at least one */
/* The results of a ranking: `results`, each with an index and a score. */
enum err direct_read_ranks(struct json root, struct canon_room *room, struct direct_answer *out,
                           struct fault *f) MUST_USE;
/* The usage of an answer in OpenAI's form: some tell the sum of tokens alone (Voyage). */
bool direct_read_usage(struct json usage, struct chat_usage *out);
/* A whole number, also one that is written as 12.0. */
bool direct_count(struct json v, uint64_t *out);

#endif
