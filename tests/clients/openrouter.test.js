// OpenRouter's own client, which checks every answer against its schemas, pointed at us.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OpenRouter } from "@openrouter/sdk";
import * as errors from "@openrouter/sdk/models/errors";
import { HELLO, startGateway } from "./gateway.js";
import { matrix, TEXT } from "./matrix.js";

const connect = (at, apiKey) => new OpenRouter({ apiKey, serverURL: at.url, retryConfig: { strategy: "none" }, timeoutMs: 30_000 });

// --- chat, before providers of each format ------------------------------------------------------------------------

function messages(turns) {
  return turns.flatMap((t) => {
    if (t.told) return [t.told.turn];
    if (t.results) return t.results.map((r) => ({ role: "tool", toolCallId: r.call.id, content: r.text }));
    if (!t.image) return [{ role: "user", content: t.said }];
    return [{ role: "user", content: [{ type: "text", text: t.said }, { type: "image_url", imageUrl: { url: t.image } }] }];
  });
}

async function ask(by, q) {
  const body = { model: q.model, messages: messages(q.turns), maxTokens: 2000, stream: q.stream };
  if (q.tools) body.tools = q.tools.map((name) => ({ type: "function", function: { name, parameters: TEXT } }));
  if (q.schema) body.responseFormat = { type: "json_schema", jsonSchema: { name: "answer", schema: q.schema, strict: true } };
  if (q.reason) body.reasoning = { effort: "low", summary: "auto" };
  const answer = await by.chat.send({ chatRequest: body });
  const { message, finishReason, usage } = q.stream ? await joined(answer) : { ...answer.choices[0], usage: answer.usage };
  return {
    text: message.content ?? "",
    calls: (message.toolCalls ?? []).map((c) => ({ id: c.id, name: c.function.name, input: JSON.parse(c.function.arguments) })),
    thought: message.reasoning,
    finish: { stop: "stop", tool_calls: "tool" }[finishReason],
    usage: {
      prompt: usage.promptTokens, completion: usage.completionTokens, cost: usage.cost,
      reasoning: usage.completionTokensDetails?.reasoningTokens,
    },
    turn: message,
  };
}

// A stream that broke tells it in its last chunk.
class Broken extends Error {}

// Pieces of one call have its index; pieces of one detail have its index and type.
async function joined(stream) {
  const message = { role: "assistant", content: "", reasoning: "", toolCalls: [], reasoningDetails: [] };
  let finishReason, usage;
  for await (const chunk of stream) {
    if (chunk.error) throw new Broken(chunk.error.message);
    const { delta = {}, finishReason: reason } = chunk.choices[0] ?? {};
    finishReason = reason ?? finishReason;
    usage = chunk.usage ?? usage;
    message.content += delta.content ?? "";
    message.reasoning += delta.reasoning ?? "";
    for (const piece of delta.toolCalls ?? []) {
      const call = (message.toolCalls[piece.index] ??= { type: "function", function: { name: "", arguments: "" } });
      call.id ??= piece.id;
      call.function.name += piece.function?.name ?? "";
      call.function.arguments += piece.function?.arguments ?? "";
    }
    for (const piece of delta.reasoningDetails ?? []) {
      const detail = message.reasoningDetails.find((d) => d.index === piece.index && d.type === piece.type);
      if (detail?.text && piece.text) detail.text += piece.text;
      if (detail && piece.signature) detail.signature = piece.signature;
      if (!detail) message.reasoningDetails.push({ ...piece });
    }
  }
  for (const name of ["toolCalls", "reasoningDetails"]) if (!message[name].length) delete message[name];
  return { message, finishReason, usage };
}

async function embed(by, { model, texts }) {
  const { data, usage } = await by.embeddings.generate({ requestBody: { model, input: texts } });
  return { vectors: data.map((d) => d.embedding), tokens: usage.promptTokens };
}

const refusals = {
  bad: errors.BadRequestResponseError,
  unauthorized: errors.UnauthorizedResponseError,
  poor: (e) => e instanceof errors.PaymentRequiredResponseError || e instanceof errors.ForbiddenResponseError,
  missing: errors.NotFoundResponseError,
  limited: errors.TooManyRequestsResponseError,
  unavailable: (e) => e instanceof errors.ServiceUnavailableResponseError || e instanceof errors.BadGatewayResponseError,
  cut: Broken,
};

matrix({ name: "openrouter", connect, ask, embed, errors: refusals });

// --- responses, the same way ----------------------------------------------------------------------------------------

function items(turns) {
  return turns.flatMap((t) => {
    if (t.told) return t.told.turn;
    if (t.results) return t.results.map((r) => ({ type: "function_call_output", callId: r.call.id, output: r.text }));
    if (!t.image) return [{ role: "user", content: t.said }];
    return [{ role: "user", content: [{ type: "input_text", text: t.said }, { type: "input_image", imageUrl: t.image, detail: "auto" }] }];
  });
}

async function respond(by, q) {
  const body = { model: q.model, input: items(q.turns), maxOutputTokens: 2000, store: false, stream: q.stream };
  if (q.tools) body.tools = q.tools.map((name) => ({ type: "function", name, parameters: TEXT, strict: true }));
  if (q.schema) body.text = { format: { type: "json_schema", name: "answer", schema: q.schema, strict: true } };
  if (q.reason) Object.assign(body, { reasoning: { effort: "low", summary: "auto" }, include: ["reasoning.encrypted_content"] });
  const got = await by.responses.send({ responsesRequest: body });
  const answer = q.stream ? await lastOf(got) : got;
  if (answer.status === "failed") throw new Broken(answer.error.message);
  const calls = answer.output.filter((i) => i.type === "function_call");
  const thoughts = answer.output.filter((i) => i.type === "reasoning");
  const said = (parts) => (parts ?? []).map((p) => p.text).join("");
  return {
    text: answer.output.filter((i) => i.type === "message").map((i) => said(i.content)).join(""),
    calls: calls.map((c) => ({ id: c.callId, name: c.name, input: JSON.parse(c.arguments) })),
    thought: thoughts.map((i) => said(i.summary) || said(i.content)).join(""),
    finish: answer.status === "completed" ? (calls.length ? "tool" : "stop") : answer.status,
    usage: {
      prompt: answer.usage.inputTokens, completion: answer.usage.outputTokens, cost: answer.usage.cost,
      reasoning: answer.usage.outputTokensDetails.reasoningTokens,
    },
    turn: answer.output,
  };
}

// What came in pieces is what the last event has as a whole.
async function lastOf(stream) {
  let text = "", args = "", last;
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") text += event.delta;
    if (event.type === "response.function_call_arguments.delta") args += event.delta;
    last = event;
  }
  if (last.type === "response.failed") return last.response;
  assert.equal(last.type, "response.completed");
  const { output } = last.response;
  assert.equal(output.flatMap((i) => (i.type === "message" ? i.content : [])).map((p) => p.text).join(""), text);
  assert.equal(output.map((i) => i.arguments ?? "").join(""), args);
  return last.response;
}

matrix({
  name: "openrouter responses", connect, ask: respond, errors: refusals,
  cannot: (format) => (format === "openai" ? ["thought given back"] : []),
});

// --- the rest, with the built-in provider -------------------------------------------------------------------------

let gateway, api, manage;
const client = (apiKey) => connect(gateway, apiKey);
const chat = (more = {}, by = api) => by.chat.send({ chatRequest: { model: "sim/echo", messages: HELLO, ...more } });

before(async () => {
  gateway = await startGateway();
  api = client(gateway.key("openrouter"));
  manage = client(gateway.key("openrouter", "--management"));
});
after(() => gateway.stop());

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
  const answer = await chat();
  const { data: key } = await api.apiKeys.getCurrentKeyMetadata();
  assert.ok(key.usage > 0 && key.label.includes("..."));
  const { data: credits } = await manage.credits.getCredits();
  assert.ok(credits.totalCredits >= 100 && credits.totalUsage > 0);
  const { data: generation } = await api.generations.getGeneration({ id: answer.id });
  assert.equal(generation.totalCost, answer.usage.cost);
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
