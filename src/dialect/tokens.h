/* tokens.h: how many tokens a text comes to where no provider has counted: by the family of the model's
 * tokenizer. See docs/dialects.md, "Usage without a provider's word". */
#ifndef DIALECT_TOKENS_H
#define DIALECT_TOKENS_H

#include <stdint.h>

#include "base/str.h"

/* What is counted of texts: bytes, and among them wide characters (U+3000 to U+FFFF: Chinese, Japanese,
 * Korean), each of which is three of the bytes. */
struct tokens_text {
    uint64_t bytes, wide;
};

/* Adds a text as it stands within a JSON string. A long one is looked at in places. */
void tokens_add(struct tokens_text *to, struct str raw);

/* Rounded up. The family is told by `model` ("anthropic/claude-sonnet-4.5"), else by `native`, the
 * provider's own name for it; either may be empty. */
uint64_t tokens_estimate(const struct tokens_text *text, struct str model, struct str native);

/* For documentation and tests: the families by number; name NULL past the last, which is for all models
 * that no sign tells. */
struct tokens_family {
    const char *name;
    uint32_t per_byte, per_wide; /* thousandths of a token */
};
struct tokens_family tokens_family_at(unsigned i);

#endif
