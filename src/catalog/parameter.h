/* parameter.h: what a request may ask for beside its messages, as words and as sets of them: one
 * bit each, so that what is asked and what an endpoint takes are compared at once. */
#ifndef CATALOG_PARAMETER_H
#define CATALOG_PARAMETER_H

#include <stdint.h>

#include "base/str.h"

/* clang-format off */
/* Those that `supported_parameters` of a model or an endpoint tells, in that order. */
#define PARAMETER_TOLD_LIST(X)                                                                     \
    X(TEMPERATURE, "temperature") X(TOP_P, "top_p") X(TOP_K, "top_k") X(MIN_P, "min_p")            \
    X(TOP_A, "top_a") X(FREQUENCY_PENALTY, "frequency_penalty")                                    \
    X(PRESENCE_PENALTY, "presence_penalty") X(REPETITION_PENALTY, "repetition_penalty")            \
    X(MAX_TOKENS, "max_tokens") X(MAX_COMPLETION_TOKENS, "max_completion_tokens")                  \
    X(LOGIT_BIAS, "logit_bias") X(LOGPROBS, "logprobs") X(TOP_LOGPROBS, "top_logprobs")            \
    X(PREDICTION, "prediction") X(SEED, "seed") X(RESPONSE_FORMAT, "response_format")              \
    X(STRUCTURED_OUTPUTS, "structured_outputs") X(STOP, "stop") X(TOOLS, "tools")                  \
    X(TOOL_CHOICE, "tool_choice") X(PARALLEL_TOOL_CALLS, "parallel_tool_calls")                    \
    X(INCLUDE_REASONING, "include_reasoning") X(REASONING, "reasoning")                            \
    X(REASONING_EFFORT, "reasoning_effort") X(WEB_SEARCH_OPTIONS, "web_search_options")            \
    X(VERBOSITY, "verbosity")
/* The others. The two behind tool_choice are values of it that not everybody takes: "required", and
 * the name of one function. `n` means more than one choice. */
#define PARAMETER_OTHER_LIST(X)                                                                    \
    X(N, "n") X(TOOL_CHOICE_REQUIRED, "tool_choice:required")                                      \
    X(TOOL_CHOICE_FUNCTION, "tool_choice:function") X(STREAM_OPTIONS, "stream_options")            \
    X(USER, "user") X(METADATA, "metadata") X(STORE, "store") X(SERVICE_TIER, "service_tier")      \
    X(MODALITIES, "modalities") X(AUDIO, "audio") X(IMAGE_CONFIG, "image_config")                  \
    X(PROMPT_CACHE_KEY, "prompt_cache_key") X(PROMPT_CACHE_OPTIONS, "prompt_cache_options")        \
    X(SAFETY_IDENTIFIER, "safety_identifier") X(CACHE_CONTROL, "cache_control")                    \
    X(FUNCTIONS, "functions") X(FUNCTION_CALL, "function_call")
/* clang-format on */

enum parameter {
#define X(code, name) PARAMETER_##code,
    PARAMETER_TOLD_LIST(X) PARAMETER__TOLD,
    PARAMETER__LAST_TOLD = PARAMETER__TOLD - 1,
    PARAMETER_OTHER_LIST(X)
#undef X
        PARAMETER__COUNT
};

#define PARAMETER_BIT(code) (UINT64_C(1) << PARAMETER_##code)
#define PARAMETERS_ALL      ((UINT64_C(1) << PARAMETER__COUNT) - 1)
#define PARAMETERS_TOLD     ((UINT64_C(1) << PARAMETER__TOLD) - 1)

struct str parameter_name(unsigned p);
/* Its bit; 0: no parameter has this name. */
uint64_t parameter_bit(struct str name);
/* The names of a list with a comma between two. False: there is a name that no parameter has. */
bool parameter_set_parse(struct str list, uint64_t *out);

#endif
