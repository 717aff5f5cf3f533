// Anthropic's own client, pointed at us.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { anthropicClient, connect } from "./anthropic.js";
import { HELLO, startGateway } from "./gateway.js";
import { matrix } from "./matrix.js";

matrix(anthropicClient);

let gateway, api;
before(async () => {
  gateway = await startGateway();
  api = connect(gateway, gateway.key("anthropic"));
});
after(() => gateway.stop());

test("anthropic: in pieces, after a system prompt, with the built-in provider", async () => {
  const pieces = [];
  const said = "Hello, echo: these are some words.";
  const stream = api.messages.stream({ model: "sim/echo", max_tokens: 64, system: "Repeat.", messages: [{ role: "user", content: said }] });
  stream.on("text", (piece) => pieces.push(piece));
  const answer = await stream.finalMessage();
  assert.equal(pieces.join(""), said);
  assert.ok(pieces.length > 1);
  assert.ok(answer.id.startsWith("gen-"));
});

test("anthropic: no messages are a bad request", async () => {
  await assert.rejects(api.messages.create({ model: "sim/echo", max_tokens: 64, messages: [] }), Anthropic.BadRequestError);
});

test("anthropic: tokens are counted", async () => {
  const ask = { model: "sim/echo", messages: HELLO };
  const tool = { name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } };
  const plain = await api.messages.countTokens(ask);
  assert.ok(plain.input_tokens > 0);
  const more = await api.messages.countTokens({ ...ask, system: "Repeat.", tools: [tool] });
  assert.ok(more.input_tokens > plain.input_tokens);
  await assert.rejects(api.messages.countTokens({ ...ask, messages: [] }), Anthropic.BadRequestError);
  await assert.rejects(api.messages.countTokens({ ...ask, model: "no/such" }), Anthropic.NotFoundError);
});
