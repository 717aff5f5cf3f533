/* chat_shape.c: the members of OpenAI's chat requests below the top, and their kinds.
 * Sources: OpenAI's API reference, "Create chat completion"; OpenRouter's API reference, "Chat
 * completion". */
#include "dialect/chat_shape.h"

enum {
    S = SHAPE_STRING,
    B = SHAPE_BOOLEAN,
    N = SHAPE_NUMBER,
    C = SHAPE_COUNT,
    O = SHAPE_OBJECT,
    A = SHAPE_ARRAY
};

const struct shape chat_shape_cache[] = {
    SHAPE_IS("type", S),
    SHAPE_IS("ttl", S),
    SHAPE_END,
};

/* --- messages --------------------------------------------------------------------------------- */

static const struct shape link[] = {
    SHAPE_IS("url", S),
    SHAPE_IS("detail", S),
    SHAPE_END,
};

static const struct shape sound[] = {
    SHAPE_IS("data", S),
    SHAPE_IS("format", S),
    SHAPE_END,
};

static const struct shape file[] = {
    SHAPE_IS("filename", S),
    SHAPE_IS("file_data", S),
    SHAPE_IS("file_id", S),
    SHAPE_END,
};

static const struct shape part[] = {
    SHAPE_IS("type", S),
    SHAPE_IS("text", S),
    SHAPE_IS("refusal", S),
    SHAPE_OF("image_url", S | O, link),
    SHAPE_OF("input_audio", O, sound),
    SHAPE_OF("video_url", S | O, link),
    SHAPE_OF("input_video", S | O, link),
    SHAPE_OF("file", O, file),
    SHAPE_OF("cache_control", O, chat_shape_cache),
    SHAPE_END,
};

static const struct shape called[] = {
    SHAPE_IS("name", S),
    SHAPE_IS("arguments", S),
    SHAPE_END,
};

static const struct shape call[] = {
    SHAPE_IS("id", S), SHAPE_IS("type", S), SHAPE_IS("index", N), SHAPE_OF("function", O, called),
    SHAPE_END,
};

static const struct shape detail[] = {
    SHAPE_IS("type", S),   SHAPE_IS("text", S),      SHAPE_IS("summary", S),
    SHAPE_IS("data", S),   SHAPE_IS("signature", S), SHAPE_IS("id", S),
    SHAPE_IS("format", S), SHAPE_IS("index", N),     SHAPE_END,
};

static const struct shape image[] = {
    SHAPE_IS("type", S),
    SHAPE_OF("image_url", S | O, link),
    SHAPE_END,
};

static const struct shape spoken[] = {
    SHAPE_IS("id", S),
    SHAPE_END,
};

static const struct shape message[] = {
    SHAPE_IS("role", S),
    SHAPE_LIST("content", S | A, O, part),
    SHAPE_IS("name", S),
    SHAPE_LIST("tool_calls", A, O, call),
    SHAPE_IS("tool_call_id", S),
    SHAPE_OF("function_call", O, called),
    SHAPE_IS("refusal", S),
    SHAPE_IS("reasoning", S),
    SHAPE_IS("reasoning_content", S),
    SHAPE_LIST("reasoning_details", A, O, detail),
    SHAPE_LIST("images", A, O, image),
    SHAPE_OF("audio", O, spoken),
    SHAPE_OF("cache_control", O, chat_shape_cache),
    SHAPE_END,
};

const struct shape chat_shape_messages = SHAPE_LIST("messages", A, O, message);

/* --- tools ------------------------------------------------------------------------------------ */

static const struct shape function[] = {
    SHAPE_IS("name", S),
    SHAPE_IS("description", S),
    SHAPE_IS("parameters", O),
    SHAPE_IS("strict", B),
    SHAPE_END,
};

const struct shape chat_shape_tool[] = {
    SHAPE_IS("type", S),
    SHAPE_OF("function", O, function),
    SHAPE_OF("cache_control", O, chat_shape_cache),
    SHAPE_END,
};

const struct shape chat_shape_choice[] = {
    SHAPE_IS("type", S),
    SHAPE_OF("function", O, function),
    SHAPE_END,
};

/* --- wishes ----------------------------------------------------------------------------------- */

static const struct shape schema[] = {
    SHAPE_IS("name", S), SHAPE_IS("description", S), SHAPE_IS("schema", O), SHAPE_IS("strict", B),
    SHAPE_END,
};

const struct shape chat_shape_format[] = {
    SHAPE_IS("type", S),
    SHAPE_OF("json_schema", O, schema),
    SHAPE_END,
};

const struct shape chat_shape_reasoning[] = {
    SHAPE_IS("effort", S),  SHAPE_IS("summary", S), SHAPE_IN("max_tokens", C, 0, UINT32_MAX),
    SHAPE_IS("enabled", B), SHAPE_IS("exclude", B), SHAPE_END,
};

const struct shape chat_shape_stream[] = {
    SHAPE_IS("include_usage", B),
    SHAPE_END,
};

const struct shape chat_shape_usage[] = {
    SHAPE_IS("include", B),
    SHAPE_END,
};

const struct shape chat_shape_debug[] = {
    SHAPE_IS("echo_upstream_body", B),
    SHAPE_END,
};

const struct shape chat_shape_audio[] = {
    SHAPE_IS("voice", S | O),
    SHAPE_IS("format", S),
    SHAPE_END,
};

const struct shape chat_shape_prediction[] = {
    SHAPE_IS("type", S),
    SHAPE_LIST("content", S | A, O, part),
    SHAPE_END,
};

const struct shape chat_shape_plugin[] = {
    SHAPE_IS("id", S),
    SHAPE_IS("enabled", B),
    SHAPE_END,
};

/* --- the gateway's own, in every format ------------------------------------------------------- */

const struct shape chat_shape_ours[] = {
    SHAPE_LIST("models", A, S, NULL),
    SHAPE_IS("provider", O),
    SHAPE_LIST("plugins", A, O, chat_shape_plugin),
    SHAPE_IS("session_id", S),
    SHAPE_IS("trace", O),
    SHAPE_LIST("transforms", A, S, NULL),
    SHAPE_IS("route", S),
    SHAPE_OF("debug", O, chat_shape_debug),
    SHAPE_IS("preset", S),
    SHAPE_OF("usage", O, chat_shape_usage),
    SHAPE_LIST("stop_server_tools_when", A, O, NULL),
    SHAPE_OF("cache_control", O, chat_shape_cache),
    SHAPE_END,
};
