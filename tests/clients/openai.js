// openai.js: OpenAI's own client in the words of matrix.js: chat, and responses.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { TEXT } from "./matrix.js";

export const connect = (gateway, apiKey) => new OpenAI({ apiKey, baseURL: gateway.url, maxRetries: 0, timeout: 30_000 });
const errors = {
  bad: OpenAI.BadRequestError,
  unauthorized: OpenAI.AuthenticationError,
  poor: (e) => e instanceof OpenAI.APIError && [402, 403].includes(e.status),
  missing: OpenAI.NotFoundError,
  limited: OpenAI.RateLimitError,
  unavailable: OpenAI.InternalServerError,
  cut: OpenAI.APIError,
};

// --- chat -------------------------------------------------------------------------------------------------------

function messages(turns) {
  return turns.flatMap((t) => {
    if (t.told) return [t.told.turn];
    if (t.results) return t.results.map((r) => ({ role: "tool", tool_call_id: r.call.id, content: r.text }));
    if (!t.image) return [{ role: "user", content: t.said }];
    return [{ role: "user", content: [{ type: "text", text: t.said }, { type: "image_url", image_url: { url: t.image } }] }];
  });
}

async function chat(api, q) {
  const body = { model: q.model, messages: messages(q.turns), max_tokens: 2000 };
  if (q.tools) body.tools = q.tools.map((name) => ({ type: "function", function: { name, parameters: TEXT } }));
  if (q.schema) body.response_format = { type: "json_schema", json_schema: { name: "answer", schema: q.schema, strict: true } };
  if (q.reason) body.reasoning = { effort: "low", summary: "auto" };
  const answer = q.stream ? await streamed(api, body) : await api.chat.completions.create(body);
  const { message, finish_reason } = answer.choices[0];
  const { usage } = answer;
  return {
    text: message.content ?? "",
    calls: (message.tool_calls ?? []).map((c) => ({ id: c.id, name: c.function.name, input: JSON.parse(c.function.arguments) })),
    thought: message.reasoning,
    finish: { stop: "stop", tool_calls: "tool" }[finish_reason],
    usage: {
      prompt: usage.prompt_tokens, completion: usage.completion_tokens, cost: usage.cost,
      reasoning: usage.completion_tokens_details?.reasoning_tokens,
    },
    turn: message,
  };
}

// Its own accumulator, which knows nothing of reasoning: that is put together here, as who needs it would.
async function streamed(api, body) {
  const stream = api.chat.completions.stream({ ...body, stream_options: { include_usage: true } });
  const details = [];
  let thought = "";
  stream.on("chunk", (chunk) => {
    const delta = chunk.choices[0]?.delta ?? {};
    thought += delta.reasoning ?? "";
    for (const detail of delta.reasoning_details ?? []) {
      const last = details.find((d) => d.index === detail.index && d.type === detail.type);
      if (last) for (const name of ["text", "summary", "data"]) if (detail[name]) last[name] = (last[name] ?? "") + detail[name];
      if (last && detail.signature) last.signature = detail.signature;
      if (!last) details.push({ ...detail });
    }
  });
  const answer = await stream.finalChatCompletion();
  const { message } = answer.choices[0];
  delete message.parsed;
  if (thought) message.reasoning = thought;
  if (details.length) message.reasoning_details = details;
  return answer;
}

// It asks for base64 of its own accord.
async function embed(api, { model, texts }) {
  const { data, usage } = await api.embeddings.create({ model, input: texts });
  return { vectors: data.map((d) => d.embedding), tokens: usage.prompt_tokens };
}

export const chatClient = { name: "openai chat", connect, ask: chat, embed, errors };

// --- responses --------------------------------------------------------------------------------------------------

function items(turns) {
  return turns.flatMap((t) => {
    if (t.told) return t.told.turn;
    if (t.results) return t.results.map((r) => ({ type: "function_call_output", call_id: r.call.id, output: r.text }));
    if (!t.image) return [{ role: "user", content: t.said }];
    return [{ role: "user", content: [{ type: "input_text", text: t.said }, { type: "input_image", image_url: t.image, detail: "auto" }] }];
  });
}

// A response that failed while it was streamed is an answer to this client, and its status says so.
class Failed extends Error {
  constructor({ code, message }) {
    super(`${code}: ${message}`);
    assert.ok(code && message);
  }
}

async function respond(api, q) {
  const body = { model: q.model, input: items(q.turns), max_output_tokens: 2000, store: false };
  if (q.tools) body.tools = q.tools.map((name) => ({ type: "function", name, parameters: TEXT, strict: true }));
  if (q.schema) body.text = { format: { type: "json_schema", name: "answer", schema: q.schema, strict: true } };
  if (q.reason) Object.assign(body, { reasoning: { effort: "low", summary: "auto" }, include: ["reasoning.encrypted_content"] });
  const answer = q.stream ? await api.responses.stream(body).finalResponse() : await api.responses.create(body);
  if (answer.status === "failed") throw new Failed(answer.error);
  const calls = answer.output.filter((i) => i.type === "function_call");
  const thoughts = answer.output.filter((i) => i.type === "reasoning");
  const said = (parts) => (parts ?? []).map((p) => p.text).join("");
  return {
    text: answer.output_text,
    calls: calls.map((c) => ({ id: c.call_id, name: c.name, input: JSON.parse(c.arguments) })),
    thought: thoughts.map((i) => said(i.summary) || said(i.content)).join(""),
    finish: answer.status === "completed" ? (calls.length ? "tool" : "stop") : answer.status,
    usage: {
      prompt: answer.usage.input_tokens, completion: answer.usage.output_tokens, cost: answer.usage.cost,
      reasoning: answer.usage.output_tokens_details.reasoning_tokens,
    },
    turn: answer.output,
  };
}

export const responsesClient = {
  name: "openai responses", connect, ask: respond, errors: { ...errors, cut: Failed },
  cannot: (format) => (format === "openai" ? ["thought given back"] : []), // what nobody signed goes back to nobody
};
