// OpenAI's own JavaScript client, pointed at us.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { HELLO, startGateway, TOOLS } from "./gateway.js";

let gateway, api;
const client = (apiKey) => new OpenAI({ apiKey, baseURL: gateway.url, maxRetries: 0, timeout: 30_000 });
const chat = (more = {}, by = api) => by.chat.completions.create({ model: "sim/echo", messages: HELLO, ...more });

before(async () => {
  gateway = await startGateway();
  api = client(gateway.key("openai"));
});
after(() => gateway.stop());

test("openai: chat whole", async () => {
  const answer = await chat();
  assert.equal(answer.choices[0].message.content, "Hello, echo.");
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.model, "sim/echo");
  assert.ok(answer.usage.total_tokens > 0);
});

test("openai: chat streamed", async () => {
  let text = "";
  let usage;
  for await (const chunk of await chat({ stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, "Hello, echo.");
  assert.ok(usage.completion_tokens > 0);
});

test("openai: tool calls streamed", async () => {
  const stream = api.chat.completions.stream({ model: "sim/echo", messages: HELLO, tools: TOOLS, tool_choice: "required" });
  const { choices } = await stream.finalChatCompletion();
  assert.equal(choices[0].finish_reason, "tool_calls");
  assert.equal(choices[0].message.tool_calls[0].function.name, "weather");
});

test("openai: completions whole and streamed", async () => {
  const ask = (more) => api.completions.create({ model: "sim/echo", prompt: "Hello, echo.", ...more });
  const answer = await ask({});
  assert.equal(answer.object, "text_completion");
  assert.equal(answer.choices[0].text, "Hello, echo.");
  assert.equal(answer.choices[0].finish_reason, "stop");
  let text = "";
  for await (const chunk of await ask({ stream: true })) text += chunk.choices[0].text;
  assert.equal(text, "Hello, echo.");
  await assert.rejects(ask({ prompt: ["a", "b"] }), OpenAI.BadRequestError);
  await assert.rejects(ask({ model: "sim/only-cut", stream: true }).then(async (s) => { for await (const _ of s); }), OpenAI.APIError);
});

test("openai: embeddings as numbers and, by itself, as base64", async () => {
  const ask = (more) => api.embeddings.create({ model: "sim/embed", input: ["One text.", "Another."], dimensions: 4, ...more });
  const plain = await ask({ encoding_format: "float" });
  assert.deepEqual(plain.data.map((d) => [d.index, d.embedding.length]), [[0, 4], [1, 4]]);
  assert.ok(plain.usage.prompt_tokens > 0);
  const coded = await ask({}); // the client asks for base64 and decodes it
  for (const [i, d] of coded.data.entries()) for (const [k, n] of d.embedding.entries()) assert.ok(Math.abs(n - plain.data[i].embedding[k]) < 1e-6);
  await assert.rejects(ask({ input: [] }), OpenAI.BadRequestError);
  await assert.rejects(ask({ model: "sim/echo" }), OpenAI.BadRequestError);
});

test("openai: models", async () => {
  const ids = [];
  for await (const model of api.models.list()) ids.push(model.id);
  assert.ok(ids.includes("sim/echo") && ids.includes("sim/lorem"));
});

test("openai: errors have their classes", async () => {
  await assert.rejects(chat({}, client("sk-tp-v1-wrong")), OpenAI.AuthenticationError);
  await assert.rejects(chat({}, client(gateway.key("poor", "--limit", "0"))), (e) => [402, 403].includes(e.status));
  await assert.rejects(chat({ model: "sim/no-such-model" }), OpenAI.NotFoundError);
  await assert.rejects(chat({ model: "sim/only-429" }), OpenAI.RateLimitError);
});

test("openai: a stream that is cut raises instead of ending", async () => {
  await assert.rejects(async () => {
    for await (const _ of await chat({ model: "sim/only-cut", stream: true }));
  }, OpenAI.APIError);
});
