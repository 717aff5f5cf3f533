/* cohere.h: Cohere's providers: embeddings and ranking (direct.h), no chat. The base URL is like
 * https://api.cohere.com/v2.
 * Sources: Cohere's API reference, "Embed API (v2)", "Rerank API (v2)" and "Errors". */
#ifndef DIALECT_COHERE_H
#define DIALECT_COHERE_H

#include "dialect/dialect.h"

extern const struct dialect dialect_cohere;

#endif
