// Vercel's AI SDK with its OpenAI provider, pointed at us: chat, and responses.
import { createOpenAI } from "@ai-sdk/openai";
import { aiClient } from "./ai.js";
import { matrix } from "./matrix.js";

const connect = (gateway, apiKey) => createOpenAI({ apiKey, baseURL: gateway.url });

// It knows no thoughts in chat, as OpenAI shows none there.
matrix(aiClient({
  name: "ai with openai chat", connect,
  model: (provider, id) => provider.chat(id),
  reasonOptions: { openai: { reasoningEffort: "low", forceReasoning: true } },
  cannot: () => ["cost", "thought", "thought given back"],
}));

// It shows summaries of thoughts alone, which only OpenAI's own models give, and gives back what is encrypted, not what
// is signed.
const stateless = { store: false };
matrix(aiClient({
  name: "ai with openai responses", connect, embed: undefined,
  model: (provider, id) => provider.responses(id),
  options: { openai: stateless },
  reasonOptions: { openai: { ...stateless, reasoningEffort: "low", reasoningSummary: "auto", forceReasoning: true } },
  cannot: (format) => [
    "cost", ...(format === "responses" ? [] : ["thought"]), ...(["openai", "anthropic", "bedrock"].includes(format) ? ["thought given back"] : []),
  ],
}));
