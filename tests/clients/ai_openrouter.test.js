// Vercel's AI SDK with OpenRouter's provider, pointed at us.
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { aiClient } from "./ai.js";
import { matrix } from "./matrix.js";

matrix(aiClient({
  name: "ai with openrouter",
  connect: (gateway, apiKey) => createOpenRouter({ apiKey, baseURL: gateway.url, compatibility: "strict" }),
  model: (provider, id) => provider.chat(id),
  reasonOptions: { openrouter: { reasoning: { effort: "low", summary: "auto" } } },
  // Of an answer without tools that came whole it keeps no encrypted thought beside a plain one.
  cannot: (format, stream) =>
    format === "openai" ? ["thought given back"] :
      ["gemini", "responses"].includes(format) && !stream ? ["thought of a text given back"] : [],
  costOf: (metadata) => metadata.openrouter.usage.cost,
}));
