/* models.h: parts of what the catalog says of itself, as OpenRouter's clients know them. */
#ifndef API_MODELS_H
#define API_MODELS_H

#include "api/internal.h"

void models_write_architecture(struct json_writer *w, const struct model *m);
void models_write_pricing(struct json_writer *w, const struct price *p);
/* supported_parameters, of a set: those of chats, of which other models have none. */
void models_write_parameters(struct json_writer *w, const struct model *m, uint64_t set);
void models_write_count_or_null(struct json_writer *w, const char *key, uint64_t n);

/* The model that the path's {author} and {slug} name, routing variants or not. NULL and `base`: there
 * is none, but one without its variants; NULL without: answered with 404. */
const struct model *models_of_path(struct api_request *q, const struct model **base);

#endif
