// OpenRouter's own client, which checks every answer against its schemas, pointed at us.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OpenRouter } from "@openrouter/sdk";
import * as errors from "@openrouter/sdk/models/errors";
import { HELLO, startGateway, TOOLS } from "./gateway.js";

let gateway, api, manage;
const client = (apiKey) => new OpenRouter({ apiKey, serverURL: gateway.url, retryConfig: { strategy: "none" }, timeoutMs: 30_000 });
const chat = (more = {}, by = api) => by.chat.send({ chatRequest: { model: "sim/echo", messages: HELLO, ...more } });

before(async () => {
  gateway = await startGateway();
  api = client(gateway.key("openrouter"));
  manage = client(gateway.key("openrouter", "--management"));
});
after(() => gateway.stop());

test("openrouter: chat whole", async () => {
  const answer = await chat();
  assert.equal(answer.choices[0].message.content, "Hello, echo.");
  assert.equal(answer.choices[0].finishReason, "stop");
  assert.ok(answer.id.startsWith("gen-"));
  assert.ok(answer.usage.cost > 0);
});

test("openrouter: chat streamed", async () => {
  let text = "";
  let usage;
  for await (const chunk of await chat({ stream: true })) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, "Hello, echo.");
  assert.ok(usage.cost > 0);
});

test("openrouter: tool calls streamed", async () => {
  const calls = [];
  let finish;
  for await (const chunk of await chat({ stream: true, tools: TOOLS, toolChoice: "required" })) {
    calls.push(...(chunk.choices[0]?.delta.toolCalls ?? []));
    finish = chunk.choices[0]?.finishReason ?? finish;
  }
  assert.equal(finish, "tool_calls");
  assert.equal(calls.find((c) => c.function?.name).function.name, "weather");
  JSON.parse(calls.map((c) => c.function?.arguments ?? "").join(""));
});

test("openrouter: models", async () => {
  const { data } = await listed(api.models.list());
  const ids = data.map((m) => m.id);
  assert.ok(ids.includes("sim/echo") && ids.includes("sim/lorem"));
});

// Lists answer with pages in some versions and with the body itself in others.
async function listed(promise) {
  const got = await promise;
  return got.result ?? got;
}

test("openrouter: the calling key, the credits and the generation", async () => {
  const { data: key } = await api.apiKeys.getCurrentKeyMetadata();
  assert.ok(key.usage > 0 && key.label.includes("..."));
  const { data: credits } = await manage.credits.getCredits();
  assert.ok(credits.totalCredits >= 100 && credits.totalUsage > 0);
  const answer = await chat();
  const { data: generation } = await api.generations.getGeneration({ id: answer.id });
  assert.equal(generation.totalCost, answer.usage.cost);
});

test("openrouter: errors have their classes", async () => {
  await assert.rejects(chat({}, client("sk-tp-v1-wrong")), errors.UnauthorizedResponseError);
  await assert.rejects(chat({}, client(gateway.key("poor", "--limit", "0"))), (e) => [402, 403].includes(e.statusCode));
  await assert.rejects(chat({ model: "sim/no-such-model" }), errors.NotFoundResponseError);
  await assert.rejects(chat({ model: "sim/only-429" }), errors.TooManyRequestsResponseError);
});

test("openrouter: a stream that is cut bears an error", async () => {
  let error;
  for await (const chunk of await chat({ model: "sim/only-cut", stream: true })) error = chunk.error ?? error;
  assert.ok(error?.code >= 400 && error.message);
});

test("openrouter: keys are made, listed, read, changed and ended", async () => {
  const expiresAt = new Date(Date.now() + 86_400_000);
  const made = await manage.apiKeys.create({
    requestBody: { name: "by the client", limit: 0.25, limitReset: "monthly", includeByokInLimit: true, expiresAt },
  });
  assert.ok(made.key.startsWith("sk-tp-v1-"));
  const { hash } = made.data;
  assert.equal(made.data.limit, 0.25);
  assert.equal(made.data.limitReset, "monthly");
  assert.equal(Math.floor(made.data.expiresAt / 1000), Math.floor(expiresAt / 1000));
  const keys = (await listed(manage.apiKeys.list())).data;
  assert.equal(keys[0].hash, hash);
  assert.equal((await manage.apiKeys.get({ hash })).data.name, "by the client");
  const { data: own } = await client(made.key).apiKeys.getCurrentKeyMetadata();
  assert.equal(own.limitRemaining, 0.25);
  assert.equal(own.isManagementKey, false);
  const changed = await manage.apiKeys.update({ hash, requestBody: { name: "renamed", disabled: true, limit: null } });
  assert.equal(changed.data.disabled, true);
  assert.equal(changed.data.limit, null);
  await assert.rejects(client(made.key).apiKeys.getCurrentKeyMetadata(), errors.UnauthorizedResponseError);
  assert.equal((await listed(manage.apiKeys.list({ includeDisabled: false }))).data.some((k) => k.hash === hash), false);
  assert.equal((await manage.apiKeys.delete({ hash })).deleted, true);
  await assert.rejects(manage.apiKeys.get({ hash }), errors.NotFoundResponseError);
});

test("openrouter: who may not manage keys is told so", async () => {
  await assert.rejects(api.apiKeys.list(), (e) => e.statusCode === 403);
  await assert.rejects(api.credits.getCredits(), (e) => e.statusCode === 403);
  await assert.rejects(manage.apiKeys.create({ requestBody: { name: "" } }), (e) => e.statusCode === 400);
  await assert.rejects(client("sk-tp-v1-wrong").apiKeys.list(), errors.UnauthorizedResponseError);
});
