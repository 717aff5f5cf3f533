/* claude.h: what Claude's models take, told by their names, wherever they are asked (Anthropic, Bedrock).
 * Sources: Anthropic's guides "Migrating to Claude 4.x", "Adaptive thinking" and "Effort"; Bedrock's user
 * guide, "Adaptive thinking"; OpenRouter's "Claude 4.7 migration guide". */
#ifndef DIALECT_CLAUDE_H
#define DIALECT_CLAUDE_H

#include "dialect/canon.h"

struct claude {
    bool
        has_one_sampler; /* temperature or top_p: both are an error (from Opus 4.1, Sonnet 4.5 on) */
    bool is_adaptive;    /* it thinks as much as it finds right: a budget is an error, and so are
                         temperature, top_p and top_k (from 4.7 on) */
};

/* "claude-sonnet-4-5-20250929", "us.anthropic.claude-opus-4-7", "claude-3-7-sonnet-latest". */
struct claude claude_of(struct str model);
/* Whether an adaptive model is to think: reasoning is wanted, and no call of a tool is forced. */
bool claude_thinks(const struct claude *c, const struct canon_request *r);
/* `thinking` and `output_config.effort` of an adaptive model that thinks. */
void claude_write_adaptive(struct json_writer *w, bool is_shown);
const char *claude_effort(const struct canon_request *r, uint64_t max_tokens);

/* An id of a tool call: letters, digits, _ and - alone (Anthropic), at most 64 of them (Bedrock). Other
 * models' ids ("functions.weather:0") stand as one that is made of them, the same each time. */
bool claude_is_id(struct str raw);
void claude_write_id(struct json_writer *w, const char *key, struct str raw);

#endif
