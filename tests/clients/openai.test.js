// OpenAI's own JavaScript client, pointed at us: chat, and responses.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { startGateway } from "./gateway.js";
import { matrix } from "./matrix.js";
import { chatClient, connect, responsesClient } from "./openai.js";

matrix(chatClient);
matrix(responsesClient);

let gateway, api;
before(async () => {
  gateway = await startGateway();
  api = connect(gateway, gateway.key("openai"));
});
after(() => gateway.stop());

test("openai: chat in pieces, with the built-in provider", async () => {
  const pieces = [];
  const body = { model: "sim/echo", messages: [{ role: "user", content: "Hello, echo: these are some words." }], stream: true };
  for await (const chunk of await api.chat.completions.create(body)) pieces.push(chunk.choices[0]?.delta.content ?? "");
  assert.equal(pieces.join(""), "Hello, echo: these are some words.");
  assert.ok(pieces.filter(Boolean).length > 1);
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
