// Anthropic's own client, pointed at us; behind us a provider that speaks OpenAI's format.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { HELLO, startGateway } from "./gateway.js";

const TOOL = { name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } };
let gateway, api;
const client = (apiKey) => new Anthropic({ apiKey, baseURL: gateway.url.replace(/\/v1$/, ""), maxRetries: 0, timeout: 30_000 });
const says = (more = {}) => ({ model: "sim/echo", max_tokens: 64, messages: HELLO, ...more });

before(async () => {
  gateway = await startGateway();
  api = client(gateway.key("anthropic"));
});
after(() => gateway.stop());

test("anthropic: message whole", async () => {
  const answer = await api.messages.create(says({ system: "Repeat." }));
  assert.deepEqual(answer.content.map((b) => [b.type, b.text]), [["text", "Hello, echo."]]);
  assert.equal(answer.stop_reason, "end_turn");
  assert.ok(answer.id.startsWith("gen-"));
  assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
});

test("anthropic: message streamed", async () => {
  const stream = api.messages.stream(says());
  let text = "";
  stream.on("text", (piece) => (text += piece));
  const answer = await stream.finalMessage();
  assert.equal(text, "Hello, echo.");
  assert.equal(answer.content[0].text, text);
  assert.equal(answer.stop_reason, "end_turn");
  assert.ok(answer.usage.output_tokens > 0);
});

test("anthropic: tokens are counted", async () => {
  const ask = { model: "sim/echo", messages: HELLO };
  const plain = await api.messages.countTokens(ask);
  assert.ok(plain.input_tokens > 0);
  const more = await api.messages.countTokens({ ...ask, system: "Repeat.", tools: [TOOL] });
  assert.ok(more.input_tokens > plain.input_tokens);
  await assert.rejects(api.messages.countTokens({ ...ask, messages: [] }), Anthropic.BadRequestError);
  await assert.rejects(api.messages.countTokens({ ...ask, model: "no/such" }), Anthropic.NotFoundError);
});

for (const kind of ["whole", "streamed"]) {
  test(`anthropic: a tool and its result, ${kind}`, async () => {
    const ask = (more) => (kind === "whole" ? api.messages.create(says(more)) : api.messages.stream(says(more)).finalMessage());
    const asked = await ask({ tools: [TOOL], tool_choice: { type: "any" } });
    const use = asked.content.find((b) => b.type === "tool_use");
    assert.equal(asked.stop_reason, "tool_use");
    assert.equal(use.name, "weather");
    assert.equal(typeof use.input, "object");
    const result = { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "cold" }, { type: "text", text: "And?" }] };
    const answer = await ask({ tools: [TOOL], tool_choice: { type: "none" }, messages: [...HELLO, { role: "assistant", content: asked.content }, result] });
    assert.equal(answer.content[0].text, "And?");
  });
}

test("anthropic: errors are the client's own", async () => {
  await assert.rejects(client("sk-tp-v1-none").messages.create(says()), Anthropic.AuthenticationError);
  await assert.rejects(api.messages.create(says({ model: "no/such" })), Anthropic.NotFoundError);
  await assert.rejects(api.messages.create(says({ messages: [] })), Anthropic.BadRequestError);
  await assert.rejects(api.messages.create(says({ model: "sim/only-429" })), Anthropic.RateLimitError);
});

test("anthropic: a stream that is cut is no whole one", async () => {
  const long = [{ role: "user", content: "Several words that come back, so that an answer can be cut in its middle." }];
  await assert.rejects(api.messages.stream(says({ model: "sim/only-cut", messages: long })).finalMessage(), Anthropic.APIError);
});
