/* responses_shape.c: the members of requests of OpenAI's Responses and their kinds. For sources, see
 * responses.h. */
#include "dialect/responses.h"

#include "dialect/chat_shape.h"

enum {
    S = SHAPE_STRING,
    B = SHAPE_BOOLEAN,
    N = SHAPE_NUMBER,
    C = SHAPE_COUNT,
    O = SHAPE_OBJECT,
    A = SHAPE_ARRAY
};

/* --- input ------------------------------------------------------------------------------------ */

static const struct shape sound[] = {
    SHAPE_IS("data", S),
    SHAPE_IS("format", S),
    SHAPE_END,
};

static const struct shape part[] = {
    SHAPE_IS("type", S),
    SHAPE_IS("text", S),
    SHAPE_IS("refusal", S),
    SHAPE_IS("image_url", S),
    SHAPE_IS("detail", S),
    SHAPE_IS("file_id", S),
    SHAPE_IS("file_url", S),
    SHAPE_IS("file_data", S),
    SHAPE_IS("filename", S),
    SHAPE_IS("video_url", S),
    SHAPE_OF("input_audio", O, sound),
    SHAPE_OF("cache_control", O, chat_shape_cache),
    SHAPE_END,
};

/* Of all types of items together: what a tool of the provider's own gave may be an object. */
static const struct shape item[] = {
    SHAPE_IS("type", S),
    SHAPE_IS("role", S),
    SHAPE_LIST("content", S | A, O, part),
    SHAPE_IS("id", S),
    SHAPE_IS("status", S),
    SHAPE_IS("call_id", S),
    SHAPE_IS("name", S),
    SHAPE_IS("arguments", S),
    SHAPE_IS("input", S),
    SHAPE_LIST("output", S | O | A, O, part),
    SHAPE_LIST("summary", A, O, part),
    SHAPE_IS("encrypted_content", S),
    SHAPE_IS("format", S),
    SHAPE_IS("signature", S),
    SHAPE_IS("result", S),
    SHAPE_END,
};

/* --- the rest --------------------------------------------------------------------------------- */

static const struct shape tool[] = {
    SHAPE_IS("type", S),
    SHAPE_IS("name", S),
    SHAPE_IS("description", S),
    SHAPE_IS("parameters", O),
    SHAPE_IS("strict", B),
    SHAPE_OF("cache_control", O, chat_shape_cache),
    SHAPE_END,
};

static const struct shape choice[] = {
    SHAPE_IS("type", S),
    SHAPE_IS("name", S),
    SHAPE_END,
};

static const struct shape format[] = {
    SHAPE_IS("type", S),   SHAPE_IS("name", S),   SHAPE_IS("description", S),
    SHAPE_IS("schema", O), SHAPE_IS("strict", B), SHAPE_END,
};

static const struct shape text[] = {
    SHAPE_OF("format", O, format),
    SHAPE_IS("verbosity", S),
    SHAPE_END,
};

const struct shape responses_request_shape[] = {
    SHAPE_IS("model", S),
    SHAPE_LIST("input", S | A, O, item),
    SHAPE_IS("instructions", S),
    SHAPE_IN("max_output_tokens", C, 1, UINT32_MAX),
    SHAPE_IS("stream", B),
    SHAPE_IS("stream_options", O),
    SHAPE_IN("temperature", N, 0, 2),
    SHAPE_IN("top_p", N, 0, 1),
    SHAPE_IN("top_k", N, 0, 1e9),
    SHAPE_IN("frequency_penalty", N, -2, 2),
    SHAPE_IN("presence_penalty", N, -2, 2),
    SHAPE_IN("top_logprobs", C, 0, 20),
    SHAPE_LIST("tools", A, O, tool),
    SHAPE_OF("tool_choice", S | O, choice),
    SHAPE_IS("parallel_tool_calls", B),
    SHAPE_OF("text", O, text),
    SHAPE_OF("reasoning", O, chat_shape_reasoning),
    SHAPE_LIST("include", A, S, NULL),
    SHAPE_IS("metadata", O),
    SHAPE_LIST("modalities", A, S, NULL),
    SHAPE_IS("image_config", O),
    SHAPE_IS("service_tier", S),
    SHAPE_IS("user", S),
    SHAPE_IS("safety_identifier", S),
    SHAPE_IS("prompt_cache_key", S),
    SHAPE_IS("prompt_cache_options", O),
    SHAPE_IS("truncation", S),
    SHAPE_IN("max_tool_calls", C, 0, UINT32_MAX),
    SHAPE_IS("store", B),
    SHAPE_IS("background", B),
    SHAPE_IS("previous_response_id", S),
    SHAPE_IS("conversation", S | O),
    SHAPE_END,
};
