/* choose.h: which endpoints a request may go to, and in which order they are tried. Pure functions
 * of the catalog, the request, and what was measured: the same question has the same answer. */
#ifndef CATALOG_CHOOSE_H
#define CATALOG_CHOOSE_H

#include "catalog/catalog.h"
#include "catalog/wishes.h"

struct target {
    const struct model *model;
    const struct endpoint *endpoint;
};

/* How fast an endpoint was lately. */
struct speed {
    uint32_t first_us;     /* to the first content; 0: nobody has measured it */
    uint32_t milli_tokens; /* thousandths of output tokens a second, over the whole answer */
};
/* Takes one answer in: the latest counts an eighth. */
void speed_note(struct speed *s, uint64_t first_ns, uint64_t whole_ns, uint64_t tokens);
/* It failed: it stands behind all that answer, until it does. */
void speed_note_failure(struct speed *s);

/* A model by its id; routing variants (":nitro", ":floor", ":exacto") may stand anywhere behind it,
 * and the last of them sets *sort. NULL: there is no such model. */
const struct model *choose_model(const struct catalog *c, struct str id, enum wish_sort *sort);

enum { CHOOSE_MODELS_MAX = 16 };

struct choice_question {
    const struct model *models[CHOOSE_MODELS_MAX]; /* in the order of trying */
    enum wish_sort sorts[CHOOSE_MODELS_MAX]; /* of its variant; the wishes' own goes before it */
    uint32_t models_n;
    const struct wishes *wishes;
    uint64_t asks;              /* parameters */
    uint64_t max_tokens;        /* output asked for; 0: none */
    const struct speed *speeds; /* by endpoint's index; NULL: nobody measured */
    bool (*may_use)(const void *arg, const struct endpoint *e); /* NULL: all may be used */
    /* Whether it can be told all that is asked for, beside what the sets tell; NULL: they tell all. */
    bool (*may_tell)(const void *arg, const struct endpoint *e);
    const void *arg;
};

/* How many targets the question may have at most: room for them. */
uint32_t choose_room(const struct choice_question *q);
/* Writes them to `out` and returns how many; 0 and a sentence: none may be asked. */
uint32_t choose_targets(const struct choice_question *q, struct target *out, struct fault *f);

/* Whether a client that writes `wish` means this endpoint: its provider's name or title, in any
 * case, alone or with "/" and the endpoint's tag or quantization behind it. A name alone does not
 * mean endpoints of a service tier of their own (tags "flex" and "priority"). */
bool choose_names(struct str wish, const struct endpoint *e);

#endif
