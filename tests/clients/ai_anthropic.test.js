// Vercel's AI SDK with its Anthropic provider, pointed at us.
import { createAnthropic } from "@ai-sdk/anthropic";
import { aiClient } from "./ai.js";
import { NO_WORDS } from "./anthropic.js";
import { matrix } from "./matrix.js";

matrix(aiClient({
  name: "ai with anthropic",
  connect: (gateway, apiKey) => createAnthropic({ apiKey, baseURL: gateway.url }),
  model: (provider, id) => provider(id),
  options: { anthropic: { structuredOutputMode: "outputFormat" } },
  reasonOptions: { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } },
  embed: undefined,
  cannot: (format) => ["cost", "reasoning tokens", ...NO_WORDS[format] ?? []],
}));
