#include "app/builtin.h"

#include <stddef.h>

#include "base/bug.h"

/* What a model takes beside text. */
#define IMAGES    "text,image"
#define ALL_MEDIA "text,image,file,audio,video"

/* List prices change: the configuration file overrides any model here by its id. A model that
 * several providers have is tried at them in this order. */
static const struct builtin_model models[] = {
    {"openai", "openai/gpt-4o", "GPT-4o", "gpt-4o", "2.50", "10", "1.25", NULL, 128000, 16384,
     IMAGES},
    {"openai", "openai/gpt-4o-mini", "GPT-4o mini", "gpt-4o-mini", "0.15", "0.60", "0.075", NULL,
     128000, 16384, IMAGES},
    {"openai", "openai/gpt-4.1", "GPT-4.1", "gpt-4.1", "2", "8", "0.50", NULL, 1047576, 32768,
     IMAGES},
    {"openai", "openai/gpt-4.1-mini", "GPT-4.1 mini", "gpt-4.1-mini", "0.40", "1.60", "0.10", NULL,
     1047576, 32768, IMAGES},
    {"openai", "openai/gpt-4.1-nano", "GPT-4.1 nano", "gpt-4.1-nano", "0.10", "0.40", "0.025", NULL,
     1047576, 32768, IMAGES},
    {"openai", "openai/o3", "o3", "o3", "2", "8", "0.50", NULL, 200000, 100000, IMAGES},
    {"openai", "openai/o4-mini", "o4-mini", "o4-mini", "1.10", "4.40", "0.275", NULL, 200000,
     100000, IMAGES},
    {"openai", "openai/gpt-5", "GPT-5", "gpt-5", "1.25", "10", "0.125", NULL, 400000, 128000,
     IMAGES},
    {"openai", "openai/gpt-5-mini", "GPT-5 mini", "gpt-5-mini", "0.25", "2", "0.025", NULL, 400000,
     128000, IMAGES},
    {"openai", "openai/gpt-5-nano", "GPT-5 nano", "gpt-5-nano", "0.05", "0.40", "0.005", NULL,
     400000, 128000, IMAGES},

    {"anthropic", "anthropic/claude-opus-4.5", "Claude Opus 4.5", "claude-opus-4-5-20251101", "5",
     "25", "0.50", "6.25", 200000, 64000, IMAGES},
    {"anthropic", "anthropic/claude-opus-4.1", "Claude Opus 4.1", "claude-opus-4-1-20250805", "15",
     "75", "1.50", "18.75", 200000, 32000, IMAGES},
    {"anthropic", "anthropic/claude-sonnet-4.5", "Claude Sonnet 4.5", "claude-sonnet-4-5-20250929",
     "3", "15", "0.30", "3.75", 200000, 64000, IMAGES},
    {"anthropic", "anthropic/claude-haiku-4.5", "Claude Haiku 4.5", "claude-haiku-4-5-20251001",
     "1", "5", "0.10", "1.25", 200000, 64000, IMAGES},
    {"anthropic", "anthropic/claude-3.5-haiku", "Claude 3.5 Haiku", "claude-3-5-haiku-20241022",
     "0.80", "4", "0.08", "1", 200000, 8192, IMAGES},

    /* Gemini 2.5 Pro takes more than 200,000 tokens, at another price. */
    {"gemini", "google/gemini-2.5-pro", "Gemini 2.5 Pro", "gemini-2.5-pro", "1.25", "10", "0.125",
     NULL, 200000, 65536, ALL_MEDIA},
    {"gemini", "google/gemini-2.5-flash", "Gemini 2.5 Flash", "gemini-2.5-flash", "0.30", "2.50",
     "0.03", NULL, 1048576, 65536, ALL_MEDIA},
    {"gemini", "google/gemini-2.5-flash-lite", "Gemini 2.5 Flash Lite", "gemini-2.5-flash-lite",
     "0.10", "0.40", "0.01", NULL, 1048576, 65536, ALL_MEDIA},
    {"gemini", "google/gemini-2.0-flash-001", "Gemini 2.0 Flash", "gemini-2.0-flash-001", "0.10",
     "0.40", "0.025", NULL, 1048576, 8192, ALL_MEDIA},

    {"groq", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct",
     "llama-3.3-70b-versatile", "0.59", "0.79", NULL, NULL, 131072, 32768, NULL},
    {"groq", "meta-llama/llama-3.1-8b-instruct", "Llama 3.1 8B Instruct", "llama-3.1-8b-instant",
     "0.05", "0.08", NULL, NULL, 131072, 131072, NULL},

    {"mistral", "mistralai/mistral-large-2411", "Mistral Large 2411", "mistral-large-2411", "2",
     "6", NULL, NULL, 131072, 0, NULL},
    {"mistral", "mistralai/mistral-nemo", "Mistral Nemo", "open-mistral-nemo", "0.15", "0.15", NULL,
     NULL, 131072, 0, NULL},
    {"mistral", "mistralai/codestral-2508", "Codestral 2508", "codestral-2508", "0.30", "0.90",
     NULL, NULL, 256000, 0, NULL},

    {"deepseek", "deepseek/deepseek-chat", "DeepSeek Chat", "deepseek-chat", "0.28", "0.42",
     "0.028", NULL, 131072, 8192, NULL},
    {"deepseek", "deepseek/deepseek-reasoner", "DeepSeek Reasoner", "deepseek-reasoner", "0.28",
     "0.42", "0.028", NULL, 131072, 65536, NULL},

    {"xai", "x-ai/grok-3", "Grok 3", "grok-3", "3", "15", "0.75", NULL, 131072, 0, NULL},
    {"xai", "x-ai/grok-3-mini", "Grok 3 mini", "grok-3-mini", "0.30", "0.50", "0.075", NULL, 131072,
     0, NULL},

    {"together", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct",
     "meta-llama/Llama-3.3-70B-Instruct-Turbo", "0.88", "0.88", NULL, NULL, 131072, 0, NULL},
    {"together", "meta-llama/llama-3.1-8b-instruct", "Llama 3.1 8B Instruct",
     "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo", "0.18", "0.18", NULL, NULL, 131072, 0, NULL},

    {"fireworks", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct",
     "accounts/fireworks/models/llama-v3p3-70b-instruct", "0.90", "0.90", NULL, NULL, 131072, 0,
     NULL},
    {"cerebras", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct", "llama-3.3-70b",
     "0.85", "1.20", NULL, NULL, 65536, 0, NULL},
    {"sambanova", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct",
     "Meta-Llama-3.3-70B-Instruct", "0.60", "1.20", NULL, NULL, 131072, 0, NULL},
    {"hyperbolic", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct",
     "meta-llama/Llama-3.3-70B-Instruct", "0.40", "0.40", NULL, NULL, 131072, 0, NULL},

    {"zai", "z-ai/glm-4.6", "GLM 4.6", "glm-4.6", "0.60", "2.20", "0.11", NULL, 200000, 131072,
     NULL},

    {"bedrock", "amazon/nova-micro-v1", "Nova Micro", "amazon.nova-micro-v1:0", "0.035", "0.14",
     "0.00875", NULL, 128000, 5120, NULL},
    {"bedrock", "amazon/nova-lite-v1", "Nova Lite", "amazon.nova-lite-v1:0", "0.06", "0.24",
     "0.015", NULL, 300000, 5120, IMAGES},
    {"bedrock", "amazon/nova-pro-v1", "Nova Pro", "amazon.nova-pro-v1:0", "0.80", "3.20", "0.20",
     NULL, 300000, 5120, IMAGES},

    {"ollama", "ollama/llama3.2", "Llama 3.2 (local)", "llama3.2", "0", "0", NULL, NULL, 0, 0,
     NULL},
    {"ollama", "ollama/llama3.1", "Llama 3.1 (local)", "llama3.1", "0", "0", NULL, NULL, 0, 0,
     NULL},
    {"ollama", "ollama/qwen3", "Qwen3 (local)", "qwen3", "0", "0", NULL, NULL, 0, 0, NULL},
    {"ollama", "ollama/gemma3", "Gemma 3 (local)", "gemma3", "0", "0", NULL, NULL, 0, 0, IMAGES},
    {"ollama", "ollama/mistral", "Mistral 7B (local)", "mistral", "0", "0", NULL, NULL, 0, 0, NULL},

    {"openrouter", "openai/gpt-4o", "GPT-4o", "openai/gpt-4o", "2.50", "10", "1.25", NULL, 128000,
     16384, IMAGES},
    {"openrouter", "openai/gpt-4o-mini", "GPT-4o mini", "openai/gpt-4o-mini", "0.15", "0.60",
     "0.075", NULL, 128000, 16384, IMAGES},
    {"openrouter", "openai/gpt-4.1", "GPT-4.1", "openai/gpt-4.1", "2", "8", "0.50", NULL, 1047576,
     32768, IMAGES},
    {"openrouter", "openai/gpt-4.1-mini", "GPT-4.1 mini", "openai/gpt-4.1-mini", "0.40", "1.60",
     "0.10", NULL, 1047576, 32768, IMAGES},
    {"openrouter", "anthropic/claude-3.5-haiku", "Claude 3.5 Haiku", "anthropic/claude-3.5-haiku",
     "0.80", "4", "0.08", "1", 200000, 8192, IMAGES},

    {"openai", "openai/text-embedding-3-small", "Text Embedding 3 Small", "text-embedding-3-small",
     "0.02", NULL, NULL, NULL, 8191, 0, NULL},
    {"openai", "openai/text-embedding-3-large", "Text Embedding 3 Large", "text-embedding-3-large",
     "0.13", NULL, NULL, NULL, 8191, 0, NULL},
    {"openai", "openai/text-embedding-ada-002", "Text Embedding Ada 002", "text-embedding-ada-002",
     "0.10", NULL, NULL, NULL, 8191, 0, NULL},
    {"gemini", "google/gemini-embedding-001", "Gemini Embedding 001", "gemini-embedding-001",
     "0.15", NULL, NULL, NULL, 2048, 0, ALL_MEDIA},
    {"mistral", "mistralai/mistral-embed-2312", "Mistral Embed 2312", "mistral-embed", "0.10", NULL,
     NULL, NULL, 8192, 0, NULL},
    {"openrouter", "openai/text-embedding-3-small", "Text Embedding 3 Small",
     "openai/text-embedding-3-small", "0.02", NULL, NULL, NULL, 8191, 0, NULL},
    {"openrouter", "openai/text-embedding-3-large", "Text Embedding 3 Large",
     "openai/text-embedding-3-large", "0.13", NULL, NULL, NULL, 8191, 0, NULL},
};

const struct builtin_model *builtin_model(unsigned i)
{
    return i < COUNT_OF(models) ? &models[i] : NULL;
}
