#include "catalog/kind.h"

#include "base/bug.h"

/* --- sets that rows are made of ------------------------------------------------------------------
 */

#define P(code) PARAMETER_BIT(code)

enum { UNSTATED = -1 };

#define SAMPLING       (P(TEMPERATURE) | P(TOP_P))
#define BOUNDS         (P(MAX_TOKENS) | P(MAX_COMPLETION_TOKENS)) /* one of them renamed, where it must */
#define PENALTIES      (P(FREQUENCY_PENALTY) | P(PRESENCE_PENALTY))
#define TOKEN_LOGPROBS (P(LOGPROBS) | P(TOP_LOGPROBS))
#define TOOL_USE       (P(TOOLS) | P(TOOL_CHOICE))
#define ANY_TOOL       (TOOL_USE | P(TOOL_CHOICE_REQUIRED) | P(TOOL_CHOICE_FUNCTION))
#define JSON           P(RESPONSE_FORMAT)
#define SCHEMAS        (JSON | P(STRUCTURED_OUTPUTS))
/* What OpenAI's own API has. */
#define OPENAI                                                                                     \
    (SAMPLING | BOUNDS | PENALTIES | TOKEN_LOGPROBS | ANY_TOOL | SCHEMAS | P(LOGIT_BIAS) |         \
     P(PREDICTION) | P(SEED) | P(STOP) | P(PARALLEL_TOOL_CALLS) | P(REASONING) |                   \
     P(REASONING_EFFORT) | P(WEB_SEARCH_OPTIONS) | P(VERBOSITY) | P(N) | P(STREAM_OPTIONS) |       \
     P(USER) | P(METADATA) | P(STORE) | P(SERVICE_TIER) | P(MODALITIES) | P(AUDIO) |               \
     P(PROMPT_CACHE_KEY) | P(PROMPT_CACHE_OPTIONS) | P(SAFETY_IDENTIFIER) | P(FUNCTIONS) |         \
     P(FUNCTION_CALL))
/* What servers of open models have beyond that. */
#define OPEN_SAMPLING (P(TOP_K) | P(MIN_P) | P(REPETITION_PENALTY))

#define NEW_BOUND STR_INIT("max_completion_tokens")
#define OLD_BOUND STR_INIT("max_tokens")
#define TO_NEW_BOUND                                                                               \
    {                                                                                              \
        .from = P(MAX_TOKENS), .to = NEW_BOUND                                                     \
    }
#define TO_OLD_BOUND                                                                               \
    {                                                                                              \
        .from = P(MAX_COMPLETION_TOKENS), .to = OLD_BOUND                                          \
    }
/* {"reasoning":{"effort":"low"}} */
#define TO_EFFORT                                                                                  \
    {                                                                                              \
        .from = P(REASONING), .member = STR_INIT("effort"), .to = STR_INIT("reasoning_effort")     \
    }
#define TO_REPEAT_PENALTY                                                                          \
    {                                                                                              \
        .from = P(REPETITION_PENALTY), .to = STR_INIT("repeat_penalty")                            \
    }

/* --- the rows ------------------------------------------------------------------------------------
 * A provider that documents no policy counts as one that trains on what it gets. */

static const struct kind kinds[] = {
    {
        .name = STR_INIT("generic"),
        .takes = OPENAI & ~(P(WEB_SEARCH_OPTIONS) | P(VERBOSITY) | P(PREDICTION) | P(REASONING)),
        .is_guess = true,
        .takes_input_type = true,
        .max_tokens_field = OLD_BOUND,
        .may_train = true,
        .retention_days = UNSTATED,
    },
    {
        .name = STR_INIT("openai"),
        .title = STR_INIT("OpenAI"),
        .source = STR_INIT("https://platform.openai.com/docs/api-reference/chat/create"),
        .base_url = STR_INIT("https://api.openai.com/v1"),
        .key_variable = "OPENAI_API_KEY",
        .takes = OPENAI,
        .renames = {TO_NEW_BOUND, TO_EFFORT},
        .max_tokens_field = NEW_BOUND,
        .retention_days = 30,
        .privacy_url = STR_INIT("https://openai.com/policies/privacy-policy"),
        .terms_url = STR_INIT("https://openai.com/policies/terms-of-use"),
        .status_url = STR_INIT("https://status.openai.com"),
    },
    {
        .name = STR_INIT("azure"),
        .title = STR_INIT("Azure"),
        .source = STR_INIT("https://learn.microsoft.com/azure/ai-services/openai/reference"),
        .key_variable = "AZURE_OPENAI_API_KEY",
        .address_variable = "AZURE_OPENAI_ENDPOINT",
        .version_variable = "AZURE_OPENAI_API_VERSION",
        .auth = KIND_API_KEY,
        .path_prefix = STR_INIT("/openai/deployments/{model}"),
        .query_name = STR_INIT("api-version"),
        .api_version = STR_INIT("2024-10-21"),
        .takes = OPENAI & ~(P(WEB_SEARCH_OPTIONS) | P(SERVICE_TIER) | P(PROMPT_CACHE_OPTIONS)),
        .renames = {TO_NEW_BOUND, TO_EFFORT},
        .max_tokens_field = NEW_BOUND,
        .retention_days = 30,
        .privacy_url = STR_INIT("https://www.microsoft.com/privacy/privacystatement"),
        .status_url = STR_INIT("https://status.azure.com"),
    },
    {
        .name = STR_INIT("groq"),
        .title = STR_INIT("Groq"),
        .source = STR_INIT("https://console.groq.com/docs/openai"),
        .base_url = STR_INIT("https://api.groq.com/openai/v1"),
        .key_variable = "GROQ_API_KEY",
        .takes = SAMPLING | BOUNDS | ANY_TOOL | SCHEMAS | P(SEED) | P(STOP) |
                 P(PARALLEL_TOOL_CALLS) | P(REASONING) | P(REASONING_EFFORT) |
                 P(INCLUDE_REASONING) | P(STREAM_OPTIONS) | P(USER) | P(SERVICE_TIER),
        .renames = {TO_NEW_BOUND, TO_EFFORT},
        .max_tokens_field = NEW_BOUND,
        .refuses_unknown = true,
        .retention_days = UNSTATED,
        .context_signs = {STR_INIT("reduce the length of the messages")},
        .privacy_url = STR_INIT("https://groq.com/privacy-policy"),
        .status_url = STR_INIT("https://groqstatus.com"),
    },
    {
        .name = STR_INIT("mistral"),
        .title = STR_INIT("Mistral"),
        .source = STR_INIT("https://docs.mistral.ai/api"),
        .base_url = STR_INIT("https://api.mistral.ai/v1"),
        .key_variable = "MISTRAL_API_KEY",
        .takes = SAMPLING | BOUNDS | PENALTIES | ANY_TOOL | SCHEMAS | P(SEED) | P(STOP) |
                 P(PREDICTION) | P(PARALLEL_TOOL_CALLS) | P(N),
        .renames = {TO_OLD_BOUND, {.from = P(SEED), .to = STR_INIT("random_seed")}},
        .max_tokens_field = OLD_BOUND,
        .refuses_unknown = true,
        .retention_days = 30,
        .context_signs = {STR_INIT("too large for model")},
        .privacy_url = STR_INIT("https://mistral.ai/terms#privacy-policy"),
        .status_url = STR_INIT("https://status.mistral.ai"),
    },
    {
        .name = STR_INIT("deepseek"),
        .title = STR_INIT("DeepSeek"),
        .source = STR_INIT("https://api-docs.deepseek.com/api/create-chat-completion"),
        .base_url = STR_INIT("https://api.deepseek.com/v1"),
        .key_variable = "DEEPSEEK_API_KEY",
        .takes = SAMPLING | BOUNDS | PENALTIES | TOKEN_LOGPROBS | ANY_TOOL | JSON | P(STOP) |
                 P(STREAM_OPTIONS),
        .renames = {TO_OLD_BOUND},
        .max_tokens_field = OLD_BOUND,
        .may_train = true,
        .retention_days = UNSTATED,
        .status_url = STR_INIT("https://status.deepseek.com"),
    },
    {
        .name = STR_INIT("xai"),
        .title = STR_INIT("xAI"),
        .source = STR_INIT("https://docs.x.ai/docs/api-reference"),
        .base_url = STR_INIT("https://api.x.ai/v1"),
        .key_variable = "XAI_API_KEY",
        .takes = SAMPLING | BOUNDS | PENALTIES | TOKEN_LOGPROBS | ANY_TOOL | SCHEMAS | P(SEED) |
                 P(STOP) | P(PARALLEL_TOOL_CALLS) | P(REASONING) | P(REASONING_EFFORT) |
                 P(WEB_SEARCH_OPTIONS) | P(N) | P(STREAM_OPTIONS) | P(USER),
        .renames = {TO_NEW_BOUND, TO_EFFORT},
        .max_tokens_field = NEW_BOUND,
        .retention_days = 30,
        .context_signs = {STR_INIT("maximum prompt length")},
        .privacy_url = STR_INIT("https://x.ai/legal/privacy-policy"),
        .status_url = STR_INIT("https://status.x.ai"),
    },
    {
        .name = STR_INIT("together"),
        .title = STR_INIT("Together"),
        .source = STR_INIT("https://docs.together.ai/reference/chat-completions-1"),
        .base_url = STR_INIT("https://api.together.xyz/v1"),
        .key_variable = "TOGETHER_API_KEY",
        /* its logprobs is a number */
        .takes = SAMPLING | OPEN_SAMPLING | BOUNDS | PENALTIES | ANY_TOOL | SCHEMAS |
                 P(LOGIT_BIAS) | P(SEED) | P(STOP) | P(REASONING) | P(REASONING_EFFORT) | P(N) |
                 P(STREAM_OPTIONS),
        .renames = {TO_OLD_BOUND, TO_EFFORT},
        .max_tokens_field = OLD_BOUND,
        .retention_days = UNSTATED,
        .context_signs = {STR_INIT("`inputs` tokens + `max_new_tokens` must be")},
        .privacy_url = STR_INIT("https://www.together.ai/privacy"),
        .status_url = STR_INIT("https://status.together.ai"),
    },
    {
        .name = STR_INIT("fireworks"),
        .title = STR_INIT("Fireworks"),
        .source = STR_INIT("https://docs.fireworks.ai/api-reference/post-chatcompletions"),
        .base_url = STR_INIT("https://api.fireworks.ai/inference/v1"),
        .key_variable = "FIREWORKS_API_KEY",
        /* a stream tells its usage unasked, and stream_options has been refused */
        .takes = SAMPLING | OPEN_SAMPLING | BOUNDS | PENALTIES | TOKEN_LOGPROBS | ANY_TOOL |
                 SCHEMAS | P(LOGIT_BIAS) | P(PREDICTION) | P(SEED) | P(STOP) |
                 P(PARALLEL_TOOL_CALLS) | P(REASONING) | P(REASONING_EFFORT) | P(N) | P(USER) |
                 P(PROMPT_CACHE_KEY),
        .renames = {TO_OLD_BOUND, TO_EFFORT},
        .max_tokens_field = OLD_BOUND,
        .refuses_unknown = true,
        .context_signs = {STR_INIT("prompt is too long")},
        .privacy_url = STR_INIT("https://fireworks.ai/privacy-policy"),
        .status_url = STR_INIT("https://status.fireworks.ai"),
    },
    {
        .name = STR_INIT("deepinfra"),
        .title = STR_INIT("DeepInfra"),
        .source = STR_INIT("https://deepinfra.com/docs/openai_api"),
        .base_url = STR_INIT("https://api.deepinfra.com/v1/openai"),
        .key_variable = "DEEPINFRA_API_KEY",
        .takes = SAMPLING | OPEN_SAMPLING | BOUNDS | PENALTIES | TOOL_USE | SCHEMAS | P(SEED) |
                 P(STOP) | P(REASONING) | P(REASONING_EFFORT) | P(N) | P(STREAM_OPTIONS) | P(USER),
        .renames = {TO_OLD_BOUND, TO_EFFORT},
        .max_tokens_field = OLD_BOUND,
        .privacy_url = STR_INIT("https://deepinfra.com/privacy"),
        .status_url = STR_INIT("https://status.deepinfra.com"),
    },
    {
        .name = STR_INIT("nvidia"),
        .title = STR_INIT("NVIDIA NIM"),
        .source = STR_INIT("https://docs.api.nvidia.com/nim/reference/llm-apis"),
        .base_url = STR_INIT("https://integrate.api.nvidia.com/v1"),
        .key_variable = "NVIDIA_API_KEY",
        .takes =
            SAMPLING | BOUNDS | PENALTIES | ANY_TOOL | JSON | P(SEED) | P(STOP) | P(STREAM_OPTIONS),
        .renames = {TO_OLD_BOUND},
        .max_tokens_field = OLD_BOUND,
        .takes_input_type = true,
        .refuses_unknown = true,
        .may_train = true,
        .retention_days = UNSTATED,
    },
    {
        .name = STR_INIT("perplexity"),
        .title = STR_INIT("Perplexity"),
        .source = STR_INIT("https://docs.perplexity.ai/docs/sonar/openai-compatibility"),
        .base_url = STR_INIT("https://api.perplexity.ai"),
        .key_variable = "PERPLEXITY_API_KEY",
        .takes = SAMPLING | BOUNDS | PENALTIES | SCHEMAS | P(TOP_K) | P(STOP) | P(REASONING) |
                 P(REASONING_EFFORT) | P(WEB_SEARCH_OPTIONS),
        .renames = {TO_OLD_BOUND, TO_EFFORT},
        .max_tokens_field = OLD_BOUND,
        .retention_days = UNSTATED,
        .privacy_url = STR_INIT("https://www.perplexity.ai/hub/legal/privacy-policy"),
        .status_url = STR_INIT("https://status.perplexity.com"),
    },
    {
        .name = STR_INIT("moonshot"),
        .title = STR_INIT("Moonshot AI"),
        .source = STR_INIT("https://platform.moonshot.ai/docs/api/chat"),
        .base_url = STR_INIT("https://api.moonshot.ai/v1"),
        .key_variable = "MOONSHOT_API_KEY",
        .takes = SAMPLING | BOUNDS | PENALTIES | TOOL_USE | JSON | P(STOP) | P(N) |
                 P(STREAM_OPTIONS) | P(PROMPT_CACHE_KEY),
        .renames = {TO_OLD_BOUND},
        .max_tokens_field = OLD_BOUND,
        .may_train = true,
        .retention_days = UNSTATED,
        .context_signs = {STR_INIT("exceeded model token limit")},
    },
    {
        .name = STR_INIT("zai"),
        .title = STR_INIT("Z.ai"),
        .source = STR_INIT("https://docs.z.ai/api-reference/llm/chat-completion"),
        .base_url = STR_INIT("https://api.z.ai/api/paas/v4"),
        .key_variable = "ZAI_API_KEY",
        .takes = SAMPLING | BOUNDS | TOOL_USE | JSON | P(STOP),
        .renames = {TO_OLD_BOUND},
        .max_tokens_field = OLD_BOUND,
        .may_train = true,
        .retention_days = UNSTATED,
    },
    {
        .name = STR_INIT("qwen"),
        .title = STR_INIT("Qwen"),
        .source =
            STR_INIT("https://www.alibabacloud.com/help/en/model-studio/use-qwen-by-calling-api"),
        .base_url = STR_INIT("https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
        .key_variable = "DASHSCOPE_API_KEY",
        .takes = SAMPLING | BOUNDS | TOKEN_LOGPROBS | TOOL_USE | SCHEMAS | P(TOOL_CHOICE_FUNCTION) |
                 P(TOP_K) | P(PRESENCE_PENALTY) | P(SEED) | P(STOP) | P(PARALLEL_TOOL_CALLS) |
                 P(N) | P(STREAM_OPTIONS) | P(MODALITIES) | P(AUDIO),
        .renames = {TO_OLD_BOUND},
        .max_tokens_field = OLD_BOUND,
        .may_train = true,
        .retention_days = UNSTATED,
        .context_signs = {STR_INIT("Range of input length should be")},
    },
    {
        .name = STR_INIT("cerebras"),
        .title = STR_INIT("Cerebras"),
        .source = STR_INIT("https://inference-docs.cerebras.ai/resources/openai"),
        .base_url = STR_INIT("https://api.cerebras.ai/v1"),
        .key_variable = "CEREBRAS_API_KEY",
        .takes = SAMPLING | BOUNDS | TOKEN_LOGPROBS | ANY_TOOL | SCHEMAS | P(SEED) | P(STOP) |
                 P(REASONING) | P(REASONING_EFFORT) | P(USER),
        .renames = {TO_NEW_BOUND, TO_EFFORT},
        .max_tokens_field = NEW_BOUND,
        .refuses_unknown = true,
        .retention_days = UNSTATED,
        .privacy_url = STR_INIT("https://www.cerebras.ai/privacy-policy"),
        .status_url = STR_INIT("https://status.cerebras.ai"),
    },
    {
        .name = STR_INIT("sambanova"),
        .title = STR_INIT("SambaNova"),
        .source = STR_INIT("https://docs.sambanova.ai/docs/en/features/openai-compatibility"),
        .base_url = STR_INIT("https://api.sambanova.ai/v1"),
        .key_variable = "SAMBANOVA_API_KEY",
        .takes = SAMPLING | BOUNDS | ANY_TOOL | SCHEMAS | P(TOP_K) | P(SEED) | P(STOP) |
                 P(PARALLEL_TOOL_CALLS) | P(N) | P(STREAM_OPTIONS),
        .renames = {TO_OLD_BOUND},
        .max_tokens_field = OLD_BOUND,
        .may_train = true,
        .retention_days = UNSTATED,
    },
    {
        .name = STR_INIT("hyperbolic"),
        .title = STR_INIT("Hyperbolic"),
        .source = STR_INIT("https://docs.hyperbolic.xyz/docs/rest-api"),
        .base_url = STR_INIT("https://api.hyperbolic.xyz/v1"),
        .key_variable = "HYPERBOLIC_API_KEY",
        .takes = SAMPLING | OPEN_SAMPLING | BOUNDS | PENALTIES | TOKEN_LOGPROBS | ANY_TOOL |
                 SCHEMAS | P(LOGIT_BIAS) | P(SEED) | P(STOP) | P(N) | P(STREAM_OPTIONS) | P(USER),
        .renames = {TO_OLD_BOUND},
        .max_tokens_field = OLD_BOUND,
        .may_train = true,
        .retention_days = UNSTATED,
    },
    {
        .name = STR_INIT("bedrock"),
        .title = STR_INIT("Amazon Bedrock"),
        .source = STR_INIT("https://docs.aws.amazon.com/bedrock/latest/APIReference/"
                           "API_runtime_Converse.html"),
        .dialect = STR_INIT("bedrock"),
        .base_url = STR_INIT("https://bedrock-runtime.{region}.amazonaws.com"),
        .key_variable = "AWS_BEARER_TOKEN_BEDROCK",
        .region_variable = "AWS_REGION",
        .takes = SAMPLING | BOUNDS | ANY_TOOL | SCHEMAS | P(TOP_K) | P(STOP) | P(REASONING) |
                 P(REASONING_EFFORT) | P(INCLUDE_REASONING) | P(STREAM_OPTIONS) | P(SERVICE_TIER) |
                 P(CACHE_CONTROL),
        .max_tokens_field = OLD_BOUND,
        .context_signs = {STR_INIT("Input is too long"), STR_INIT("too many input tokens")},
        .privacy_url = STR_INIT("https://aws.amazon.com/privacy"),
        .terms_url = STR_INIT("https://aws.amazon.com/service-terms"),
        .status_url = STR_INIT("https://health.aws.amazon.com/health/status"),
    },
    {
        .name = STR_INIT("ollama"),
        .title = STR_INIT("Ollama"),
        .source = STR_INIT("https://docs.ollama.com/api/openai-compatibility"),
        .base_url = STR_INIT("http://127.0.0.1:11434/v1"),
        .address_variable = "OLLAMA_HOST",
        .address_port = STR_INIT(":11434"),
        .address_path = STR_INIT("/v1"),
        .takes = SAMPLING | BOUNDS | PENALTIES | TOKEN_LOGPROBS | SCHEMAS | P(TOOLS) | P(SEED) |
                 P(STOP) | P(REASONING) | P(REASONING_EFFORT) | P(STREAM_OPTIONS),
        .renames = {TO_OLD_BOUND},
        .max_tokens_field = OLD_BOUND,
    },
    {
        .name = STR_INIT("vllm"),
        .title = STR_INIT("vLLM"),
        .source = STR_INIT("https://docs.vllm.ai/en/latest/serving/openai_compatible_server"),
        .base_url = STR_INIT("http://127.0.0.1:8000/v1"),
        .takes = SAMPLING | OPEN_SAMPLING | BOUNDS | PENALTIES | TOKEN_LOGPROBS | ANY_TOOL |
                 SCHEMAS | P(LOGIT_BIAS) | P(SEED) | P(STOP) | P(PARALLEL_TOOL_CALLS) |
                 P(INCLUDE_REASONING) | P(REASONING) | P(REASONING_EFFORT) | P(N) |
                 P(STREAM_OPTIONS) | P(USER),
        .renames = {TO_EFFORT},
        .max_tokens_field = NEW_BOUND,
    },
    {
        .name = STR_INIT("llama.cpp"),
        .title = STR_INIT("llama.cpp"),
        .source = STR_INIT("https://github.com/ggml-org/llama.cpp/tree/master/tools/server"),
        .base_url = STR_INIT("http://127.0.0.1:8080/v1"),
        .takes = SAMPLING | OPEN_SAMPLING | BOUNDS | PENALTIES | TOKEN_LOGPROBS | TOOL_USE |
                 SCHEMAS | P(TOOL_CHOICE_REQUIRED) | P(LOGIT_BIAS) | P(SEED) | P(STOP) |
                 P(PARALLEL_TOOL_CALLS) | P(STREAM_OPTIONS),
        .renames = {TO_OLD_BOUND, TO_REPEAT_PENALTY},
        .max_tokens_field = OLD_BOUND,
        .context_signs = {STR_INIT("exceeds the available context size")},
    },
    {
        .name = STR_INIT("lmstudio"),
        .title = STR_INIT("LM Studio"),
        .source = STR_INIT("https://lmstudio.ai/docs/app/api/endpoints/openai"),
        .base_url = STR_INIT("http://127.0.0.1:1234/v1"),
        .takes = SAMPLING | BOUNDS | PENALTIES | TOOL_USE | SCHEMAS | P(TOOL_CHOICE_REQUIRED) |
                 P(TOP_K) | P(REPETITION_PENALTY) | P(LOGIT_BIAS) | P(SEED) | P(STOP) |
                 P(STREAM_OPTIONS),
        .renames = {TO_OLD_BOUND, TO_REPEAT_PENALTY},
        .max_tokens_field = OLD_BOUND,
        .context_signs = {STR_INIT("greater than the context length")},
    },
    {
        .name = STR_INIT("openrouter"),
        .title = STR_INIT("OpenRouter"),
        .source = STR_INIT("https://openrouter.ai/docs/api-reference"),
        .base_url = STR_INIT("https://openrouter.ai/api/v1"),
        .key_variable = "OPENROUTER_API_KEY",
        .takes_input_type = true,
        .passes_attribution = true,
        .takes = PARAMETERS_ALL,
        .max_tokens_field = OLD_BOUND,
        .may_train = true,
        .retention_days = UNSTATED,
        .privacy_url = STR_INIT("https://openrouter.ai/privacy"),
        .terms_url = STR_INIT("https://openrouter.ai/terms"),
        .status_url = STR_INIT("https://status.openrouter.ai"),
    },
};

const struct kind *kind_at(unsigned i)
{
    return i < COUNT_OF(kinds) ? &kinds[i] : NULL;
}

unsigned kind_find(struct str name)
{
    for (unsigned i = 1; i < COUNT_OF(kinds); i++) {
        if (str_eq(kinds[i].name, name))
            return i;
    }
    return 0;
}

unsigned kind_of_dialect(struct str dialect)
{
    for (unsigned i = 1; i < COUNT_OF(kinds); i++) {
        if (kinds[i].dialect.n && str_eq(kinds[i].dialect, dialect))
            return i;
    }
    return 0;
}

bool kind_says_context(const struct kind *k, struct str text)
{
    for (size_t i = 0; i < KIND_SIGNS_MAX && k->context_signs[i].n; i++) {
        if (str_find(text, k->context_signs[i]) < text.n)
            return true;
    }
    return false;
}
