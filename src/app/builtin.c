#include "app/builtin.h"

#include <stddef.h>

#include "base/bug.h"

/* List prices change: the configuration file overrides any model here by its id. A model that
 * several providers have is tried at them in this order. */
static const struct builtin_model models[] = {
    {"openai", "openai/gpt-4o", "GPT-4o", "gpt-4o", "2.50", "10", "1.25", NULL, 128000, 16384},
    {"openai", "openai/gpt-4o-mini", "GPT-4o mini", "gpt-4o-mini", "0.15", "0.60", "0.075", NULL,
     128000, 16384},
    {"openai", "openai/gpt-4.1", "GPT-4.1", "gpt-4.1", "2", "8", "0.50", NULL, 1047576, 32768},
    {"openai", "openai/gpt-4.1-mini", "GPT-4.1 mini", "gpt-4.1-mini", "0.40", "1.60", "0.10", NULL,
     1047576, 32768},
    {"openai", "openai/gpt-4.1-nano", "GPT-4.1 nano", "gpt-4.1-nano", "0.10", "0.40", "0.025", NULL,
     1047576, 32768},
    {"openai", "openai/o3", "o3", "o3", "2", "8", "0.50", NULL, 200000, 100000},
    {"openai", "openai/o4-mini", "o4-mini", "o4-mini", "1.10", "4.40", "0.275", NULL, 200000,
     100000},
    {"openai", "openai/gpt-5", "GPT-5", "gpt-5", "1.25", "10", "0.125", NULL, 400000, 128000},
    {"openai", "openai/gpt-5-mini", "GPT-5 mini", "gpt-5-mini", "0.25", "2", "0.025", NULL, 400000,
     128000},
    {"openai", "openai/gpt-5-nano", "GPT-5 nano", "gpt-5-nano", "0.05", "0.40", "0.005", NULL,
     400000, 128000},

    {"groq", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct",
     "llama-3.3-70b-versatile", "0.59", "0.79", NULL, NULL, 131072, 32768},
    {"groq", "meta-llama/llama-3.1-8b-instruct", "Llama 3.1 8B Instruct", "llama-3.1-8b-instant",
     "0.05", "0.08", NULL, NULL, 131072, 131072},

    {"mistral", "mistralai/mistral-large-2411", "Mistral Large 2411", "mistral-large-2411", "2",
     "6", NULL, NULL, 131072, 0},
    {"mistral", "mistralai/mistral-nemo", "Mistral Nemo", "open-mistral-nemo", "0.15", "0.15", NULL,
     NULL, 131072, 0},
    {"mistral", "mistralai/codestral-2508", "Codestral 2508", "codestral-2508", "0.30", "0.90",
     NULL, NULL, 256000, 0},

    {"deepseek", "deepseek/deepseek-chat", "DeepSeek Chat", "deepseek-chat", "0.28", "0.42",
     "0.028", NULL, 131072, 8192},
    {"deepseek", "deepseek/deepseek-reasoner", "DeepSeek Reasoner", "deepseek-reasoner", "0.28",
     "0.42", "0.028", NULL, 131072, 65536},

    {"xai", "x-ai/grok-3", "Grok 3", "grok-3", "3", "15", "0.75", NULL, 131072, 0},
    {"xai", "x-ai/grok-3-mini", "Grok 3 mini", "grok-3-mini", "0.30", "0.50", "0.075", NULL, 131072,
     0},

    {"together", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct",
     "meta-llama/Llama-3.3-70B-Instruct-Turbo", "0.88", "0.88", NULL, NULL, 131072, 0},
    {"together", "meta-llama/llama-3.1-8b-instruct", "Llama 3.1 8B Instruct",
     "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo", "0.18", "0.18", NULL, NULL, 131072, 0},

    {"fireworks", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct",
     "accounts/fireworks/models/llama-v3p3-70b-instruct", "0.90", "0.90", NULL, NULL, 131072, 0},
    {"cerebras", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct", "llama-3.3-70b",
     "0.85", "1.20", NULL, NULL, 65536, 0},
    {"sambanova", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct",
     "Meta-Llama-3.3-70B-Instruct", "0.60", "1.20", NULL, NULL, 131072, 0},
    {"hyperbolic", "meta-llama/llama-3.3-70b-instruct", "Llama 3.3 70B Instruct",
     "meta-llama/Llama-3.3-70B-Instruct", "0.40", "0.40", NULL, NULL, 131072, 0},

    {"zai", "z-ai/glm-4.6", "GLM 4.6", "glm-4.6", "0.60", "2.20", "0.11", NULL, 200000, 131072},

    {"bedrock", "amazon/nova-micro-v1", "Nova Micro", "amazon.nova-micro-v1:0", "0.035", "0.14",
     "0.00875", NULL, 128000, 5120},
    {"bedrock", "amazon/nova-lite-v1", "Nova Lite", "amazon.nova-lite-v1:0", "0.06", "0.24",
     "0.015", NULL, 300000, 5120},
    {"bedrock", "amazon/nova-pro-v1", "Nova Pro", "amazon.nova-pro-v1:0", "0.80", "3.20", "0.20",
     NULL, 300000, 5120},

    {"ollama", "ollama/llama3.2", "Llama 3.2 (local)", "llama3.2", "0", "0", NULL, NULL, 0, 0},
    {"ollama", "ollama/llama3.1", "Llama 3.1 (local)", "llama3.1", "0", "0", NULL, NULL, 0, 0},
    {"ollama", "ollama/qwen3", "Qwen3 (local)", "qwen3", "0", "0", NULL, NULL, 0, 0},
    {"ollama", "ollama/gemma3", "Gemma 3 (local)", "gemma3", "0", "0", NULL, NULL, 0, 0},
    {"ollama", "ollama/mistral", "Mistral 7B (local)", "mistral", "0", "0", NULL, NULL, 0, 0},

    {"openrouter", "openai/gpt-4o", "GPT-4o", "openai/gpt-4o", "2.50", "10", "1.25", NULL, 128000,
     16384},
    {"openrouter", "openai/gpt-4o-mini", "GPT-4o mini", "openai/gpt-4o-mini", "0.15", "0.60",
     "0.075", NULL, 128000, 16384},
    {"openrouter", "openai/gpt-4.1", "GPT-4.1", "openai/gpt-4.1", "2", "8", "0.50", NULL, 1047576,
     32768},
    {"openrouter", "openai/gpt-4.1-mini", "GPT-4.1 mini", "openai/gpt-4.1-mini", "0.40", "1.60",
     "0.10", NULL, 1047576, 32768},
    {"openrouter", "anthropic/claude-3.5-haiku", "Claude 3.5 Haiku", "anthropic/claude-3.5-haiku",
     "0.80", "4", "0.08", "1", 200000, 8192},

    {"openai", "openai/text-embedding-3-small", "Text Embedding 3 Small", "text-embedding-3-small",
     "0.02", NULL, NULL, NULL, 8191, 0},
    {"openai", "openai/text-embedding-3-large", "Text Embedding 3 Large", "text-embedding-3-large",
     "0.13", NULL, NULL, NULL, 8191, 0},
    {"openai", "openai/text-embedding-ada-002", "Text Embedding Ada 002", "text-embedding-ada-002",
     "0.10", NULL, NULL, NULL, 8191, 0},
    {"mistral", "mistralai/mistral-embed-2312", "Mistral Embed 2312", "mistral-embed", "0.10", NULL,
     NULL, NULL, 8192, 0},
    {"openrouter", "openai/text-embedding-3-small", "Text Embedding 3 Small",
     "openai/text-embedding-3-small", "0.02", NULL, NULL, NULL, 8191, 0},
    {"openrouter", "openai/text-embedding-3-large", "Text Embedding 3 Large",
     "openai/text-embedding-3-large", "0.13", NULL, NULL, NULL, 8191, 0},
};

const struct builtin_model *builtin_model(unsigned i)
{
    return i < COUNT_OF(models) ? &models[i] : NULL;
}
