// anthropic.js: Anthropic's own client in the words of matrix.js.
import Anthropic from "@anthropic-ai/sdk";
import { TEXT } from "./matrix.js";

export const connect = (gateway, apiKey) =>
  new Anthropic({ apiKey, baseURL: gateway.url.replace(/\/v1$/, ""), maxRetries: 0, timeout: 30_000 });

// It has no word for the summary that OpenAI's models show alone to who asks for it. What nobody signed goes back to nobody.
export const NO_WORDS = { responses: ["thought"], openai: ["thought given back"] };

function messages(turns) {
  return turns.map((t) => {
    if (t.told) return { role: "assistant", content: t.told.turn };
    if (t.results)
      return { role: "user", content: t.results.map((r) => ({ type: "tool_result", tool_use_id: r.call.id, content: r.text })) };
    if (!t.image) return { role: "user", content: t.said };
    const [, media_type, data] = /^data:(.*);base64,(.*)$/.exec(t.image);
    return { role: "user", content: [{ type: "image", source: { type: "base64", media_type, data } }, { type: "text", text: t.said }] };
  });
}

// Its accumulator takes known figures alone from the last usage: the cost is picked up here, as who needs it would.
async function streamed(api, body) {
  let cost;
  const stream = api.messages.stream(body);
  stream.on("streamEvent", (e) => (cost = e.type === "message_delta" ? e.usage.cost : cost));
  const answer = await stream.finalMessage();
  answer.usage.cost = cost;
  return answer;
}

async function ask(api, q) {
  const body = { model: q.model, max_tokens: 2000, messages: messages(q.turns) };
  if (q.tools) body.tools = q.tools.map((name) => ({ name, input_schema: TEXT }));
  if (q.schema) body.output_config = { format: { type: "json_schema", schema: q.schema } };
  if (q.reason) body.thinking = { type: "enabled", budget_tokens: 1024 };
  const answer = q.stream ? await streamed(api, body) : await api.messages.create(body);
  const blocks = (type) => answer.content.filter((b) => b.type === type);
  return {
    text: blocks("text").map((b) => b.text).join(""),
    calls: blocks("tool_use").map(({ id, name, input }) => ({ id, name, input })),
    thought: blocks("thinking").map((b) => b.thinking).join(""),
    finish: { end_turn: "stop", tool_use: "tool" }[answer.stop_reason],
    usage: { prompt: answer.usage.input_tokens, completion: answer.usage.output_tokens, cost: answer.usage.cost },
    turn: answer.content,
  };
}

export const anthropicClient = {
  name: "anthropic", connect, ask,
  cannot: (format) => ["reasoning tokens", ...NO_WORDS[format] ?? []],
  errors: {
    bad: Anthropic.BadRequestError,
    unauthorized: Anthropic.AuthenticationError,
    poor: (e) => e instanceof Anthropic.APIError && [402, 403].includes(e.status),
    missing: Anthropic.NotFoundError,
    limited: Anthropic.RateLimitError,
    unavailable: Anthropic.InternalServerError,
    cut: Anthropic.APIError,
  },
};
