// ai.js: Vercel's AI SDK, as one client with each of its providers.
import { APICallError, embedMany, generateText, jsonSchema, Output, streamText, tool } from "ai";
import { TEXT } from "./matrix.js";

function messages(turns) {
  return turns.flatMap((t) => {
    if (t.told) return t.told.turn;
    if (t.results) {
      const output = (text) => ({ type: "text", value: text });
      return [{ role: "tool", content: t.results.map((r) => ({
        type: "tool-result", toolCallId: r.call.id, toolName: r.call.name, output: output(r.text) })) }];
    }
    if (!t.image) return [{ role: "user", content: t.said }];
    return [{ role: "user", content: [{ type: "text", text: t.said }, { type: "image", image: t.image }] }];
  });
}

// A stream that broke ends with finish_reason "error".
class Broken extends Error {}

// Its streams tell of errors in place of raising them.
async function streamed(body) {
  let failure;
  const result = streamText({ ...body, onError: ({ error }) => (failure = error) });
  await result.consumeStream();
  if (failure) throw failure;
  if ((await result.rawFinishReason) === "error") throw new Broken();
  const names = ["text", "toolCalls", "reasoningText", "finishReason", "usage", "providerMetadata", "response"];
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await result[name]])));
}

// reasonOptions: of the provider, asking for reasoning; costOf: its metadata => dollars.
export function aiClient({ name, model, reasonOptions, options = {}, costOf, ...more }) {
  return {
    name,
    async ask(provider, q) {
      const body = {
        model: model(provider, q.model), messages: messages(q.turns), maxOutputTokens: 2000, maxRetries: 0,
        providerOptions: q.reason ? reasonOptions : options,
      };
      if (q.tools) body.tools = Object.fromEntries(q.tools.map((n) => [n, tool({ inputSchema: jsonSchema(TEXT) })]));
      if (q.schema) body.output = Output.object({ schema: jsonSchema(q.schema) });
      const answer = q.stream ? await streamed(body) : await generateText(body);
      return {
        text: answer.text,
        calls: answer.toolCalls.map((c) => ({ id: c.toolCallId, name: c.toolName, input: c.input })),
        thought: answer.reasoningText,
        finish: { stop: "stop", "tool-calls": "tool" }[answer.finishReason],
        usage: {
          prompt: answer.usage.inputTokens, completion: answer.usage.outputTokens, cost: costOf?.(answer.providerMetadata),
          reasoning: answer.usage.outputTokenDetails?.reasoningTokens,
        },
        turn: answer.response.messages,
      };
    },
    async embed(provider, { model: id, texts }) {
      const { embeddings, usage } = await embedMany({ model: provider.textEmbeddingModel(id), values: texts, maxRetries: 0 });
      return { vectors: embeddings, tokens: usage.tokens };
    },
    errors: {
      bad: status(400), unauthorized: status(401), poor: status(402, 403), missing: status(404), limited: status(429),
      unavailable: status(502, 503), cut: (e) => e instanceof Broken || /broke off/.test(e.message),
    },
    ...more,
  };
}

function status(...codes) {
  return (e) => APICallError.isInstance(e) && codes.includes(e.statusCode);
}
