/* anthropic_shape.c: the members of Anthropic's requests and their kinds. For sources, see
 * anthropic.h. */
#include "dialect/anthropic.h"

#include "dialect/chat_shape.h"

enum {
    S = SHAPE_STRING,
    B = SHAPE_BOOLEAN,
    N = SHAPE_NUMBER,
    C = SHAPE_COUNT,
    O = SHAPE_OBJECT,
    A = SHAPE_ARRAY
};

/* --- messages --------------------------------------------------------------------------------- */

static const struct shape source[] = {
    SHAPE_IS("type", S),    SHAPE_IS("media_type", S),  SHAPE_IS("data", S), SHAPE_IS("url", S),
    SHAPE_IS("file_id", S), SHAPE_IS("content", S | A), SHAPE_END,
};

/* Of all types of blocks together: `content` is text or blocks, and what a tool of the provider's own
 * gave may be an object. */
#define BLOCK(content_row)                                                                         \
    SHAPE_IS("type", S), SHAPE_IS("text", S), SHAPE_OF("source", O, source), SHAPE_IS("title", S), \
        SHAPE_IS("context", S), SHAPE_IS("citations", O | A),                                      \
        SHAPE_OF("cache_control", O, chat_shape_cache), SHAPE_IS("thinking", S),                   \
        SHAPE_IS("signature", S), SHAPE_IS("data", S), SHAPE_IS("id", S), SHAPE_IS("name", S),     \
        SHAPE_IS("input", O), SHAPE_IS("tool_use_id", S), SHAPE_IS("is_error", B), content_row,    \
        SHAPE_END

static const struct shape inner_block[] = {BLOCK(SHAPE_IS("content", S | O | A))};
static const struct shape block[] = {BLOCK(SHAPE_LIST("content", S | O | A, O, inner_block))};

static const struct shape message[] = {
    SHAPE_IS("role", S),
    SHAPE_LIST("content", S | A, O, block),
    SHAPE_END,
};

/* --- the rest --------------------------------------------------------------------------------- */

static const struct shape tool[] = {
    SHAPE_IS("type", S),
    SHAPE_IS("name", S),
    SHAPE_IS("description", S),
    SHAPE_IS("input_schema", O),
    SHAPE_IS("strict", B),
    SHAPE_OF("cache_control", O, chat_shape_cache),
    SHAPE_END,
};

static const struct shape choice[] = {
    SHAPE_IS("type", S),
    SHAPE_IS("name", S),
    SHAPE_IS("disable_parallel_tool_use", B),
    SHAPE_END,
};

static const struct shape thinking[] = {
    SHAPE_IS("type", S),
    SHAPE_IN("budget_tokens", C, 0, UINT32_MAX),
    SHAPE_END,
};

static const struct shape format[] = {
    SHAPE_IS("type", S),
    SHAPE_IS("schema", O),
    SHAPE_END,
};

static const struct shape output[] = {
    SHAPE_IS("effort", S),
    SHAPE_OF("format", O, format),
    SHAPE_END,
};

static const struct shape metadata[] = {
    SHAPE_IS("user_id", S),
    SHAPE_END,
};

static const struct shape fallback[] = {
    SHAPE_IS("model", S),
    SHAPE_END,
};

/* Temperatures go up to what models of others than Anthropic take. */
const struct shape anthropic_request_shape[] = {
    SHAPE_IS("model", S),
    SHAPE_LIST("messages", A, O, message),
    SHAPE_LIST("system", S | A, O, inner_block),
    SHAPE_IN("max_tokens", C, 1, UINT32_MAX),
    SHAPE_IS("stream", B),
    SHAPE_IN("temperature", N, 0, 2),
    SHAPE_IN("top_p", N, 0, 1),
    SHAPE_IN("top_k", C, 0, 1e9),
    SHAPE_LIST("stop_sequences", A, S, NULL),
    SHAPE_LIST("tools", A, O, tool),
    SHAPE_OF("tool_choice", O, choice),
    SHAPE_OF("thinking", O, thinking),
    SHAPE_OF("output_config", O, output),
    SHAPE_OF("metadata", O, metadata),
    SHAPE_IS("service_tier", S),
    SHAPE_IS("user", S),
    SHAPE_LIST("fallbacks", A, O, fallback),
    SHAPE_END,
};
