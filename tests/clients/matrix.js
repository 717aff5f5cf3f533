// matrix.js: what every client must get from every format that a provider can have, whole and streamed.
//
// A client is told of by an object:
//   name     in the tests' names
//   connect  (gateway, key) => what it calls its client
//   ask      (api, question) => Promise of what it was told
//   cannot   (format, stream) => names of things that this client has no words for: "cost", "thought", "thought given
//            back", "thought of a text given back", "reasoning tokens", or a whole case
//   embed    (api, { model, texts }) => Promise of { vectors, tokens }; or nothing
//   errors   { bad, unauthorized, poor, missing, limited, unavailable, cut }: each a class, or a function of the error. cut: a
//            stream that broke
//
// A question: { model, stream, turns, tools, schema, reason }. A turn is one of
//   { said, image }      the user's; image: a data URL, or nothing
//   { told }             an answer that came, given back as the client gives it back
//   { results: [{ call, text }] }   of an answer's calls
// What was told: { text, calls: [{ id, name, input }], thought, finish, usage: { prompt, completion, reasoning, cost }, turn }.
//   finish: "stop" or "tool"; turn: whatever ask() needs to give it back
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EMBEDDERS, FORMATS, startFormats, startSim } from "./gateway.js";

export const TEXT = { type: "object", properties: { text: { type: "string" } }, required: ["text"], additionalProperties: false };
export const NAMES = ["weather", "clock"];
const HELLO = "Hello, echo: these are some words.";
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const PNG_CRC = "6c0622ca";
const FIRST = [0.489899, -0.95285, -0.838013]; // of its vector of "One text."
const LONG = "Several words that come back, so that an answer can be cut in its middle.";

const cases = {
  async text({ ask, can }) {
    const told = await ask([{ said: HELLO }]);
    assert.equal(told.text, HELLO);
    assert.equal(told.finish, "stop");
    assert.deepEqual(told.calls, []);
    assert.ok(!told.thought);
    assertUsage(told.usage, can);
  },

  async "a tool and its result"({ ask }) {
    const said = { said: "call weather(Oslo)" };
    const asked = await ask([said], { tools: NAMES });
    assert.deepEqual(asked.calls.map((c) => [c.name, c.input]), [["weather", { text: "Oslo" }]]);
    assert.equal(asked.finish, "tool");
    assert.ok(asked.calls[0].id);
    const results = asked.calls.map((call) => ({ call, text: "cold\n\"very\"" }));
    const told = await ask([said, { told: asked }, { results }], { tools: NAMES });
    assert.equal(told.text, "cold\n\"very\"");
    assert.equal(told.finish, "stop");
  },

  async "tools side by side"({ ask }) {
    const said = { said: "call weather(Oslo), clock(Rome), weather(Paris)" };
    const asked = await ask([said], { tools: NAMES });
    assert.deepEqual(asked.calls.map((c) => [c.name, c.input.text]),
      [["weather", "Oslo"], ["clock", "Rome"], ["weather", "Paris"]]);
    assert.equal(asked.finish, "tool");
    assert.equal(new Set(asked.calls.map((c) => c.id)).size, 3);
    const results = asked.calls.map((call, i) => ({ call, text: ["cold", "noon", "warm"][i] }));
    const told = await ask([said, { told: asked }, { results }], { tools: NAMES });
    assert.equal(told.text, "cold\nnoon\nwarm");
  },

  async schema({ ask }) {
    const told = await ask([{ said: HELLO }], { schema: TEXT });
    assert.deepEqual(JSON.parse(told.text), { text: HELLO });
  },

  async image({ ask }) {
    const told = await ask([{ said: "see", image: `data:image/png;base64,${PNG}` }]);
    assert.equal(told.text, `image/png ${PNG_CRC}`);
  },

  async reasoning({ ask, can }) {
    const asked = await ask([{ said: HELLO }], { reason: true });
    assert.equal(asked.text, HELLO);
    if (can("thought")) assert.equal(asked.thought, `I was told: ${HELLO}`);
    if (can("reasoning tokens")) assert.ok(asked.usage.reasoning > 0);
    const told = await ask([{ said: HELLO }, { told: asked }, { said: "recall" }], { reason: true });
    const is = can("thought given back") && can("thought of a text given back");
    assert.equal(told.text, is ? `I was told: ${HELLO}` : "recall");
  },

  async "reasoning before a tool, and both given back"({ ask, can }) {
    const said = { said: "call weather(Oslo), clock(Rome)" };
    const asked = await ask([said], { tools: NAMES, reason: true });
    assert.equal(asked.calls.length, 2);
    if (can("thought")) assert.equal(asked.thought, `I was told: ${said.said}`);
    const results = asked.calls.map((call) => ({ call, text: `${call.name} is fine` }));
    const turns = [said, { told: asked }, { results }];
    const told = await ask(turns, { tools: NAMES, reason: true });
    assert.equal(told.text, "weather is fine\nclock is fine");
    const last = await ask([...turns, { told }, { said: "recall" }], { tools: NAMES, reason: true });
    assert.match(last.text, can("thought given back") ? /^I was told: call weather/ : /^recall$/);
  },
};

function assertUsage(usage, can) {
  assert.ok(usage.prompt > 0 && usage.completion > 0, JSON.stringify(usage));
  if (can("cost")) assert.ok(usage.cost > 0, JSON.stringify(usage));
}

// The simulated provider gives the same vectors in every format.
async function assertEmbeds(embed) {
  const { vectors, tokens } = await embed({ texts: ["One text.", "Another.", "One text."] });
  assert.equal(vectors.length, 3);
  assert.equal(vectors[0].length, 16);
  for (const [i, n] of FIRST.entries()) assert.ok(Math.abs(vectors[0][i] - n) < 2e-6, String(vectors[0]));
  assert.deepEqual(vectors[0], vectors[2]);
  assert.notDeepEqual(vectors[0], vectors[1]);
  assert.equal(tokens ?? 7, 7); // 26 bytes
}

async function rejects(promise, expected) {
  let error;
  await assert.rejects(promise, (e) => ((error = e), true));
  const ok = expected.prototype instanceof Error ? error instanceof expected : expected(error);
  assert.ok(ok, `raised ${error.constructor.name} ${error.status ?? error.statusCode ?? ""}: ${error.message}`);
}

// What a provider's answers and refusals are to a client. ask: (voice, stream) => (turns, more) => Promise.
function rows(client, errors, of, askOf, can) {
  for (const stream of [false, true]) {
    const how = stream ? "streamed" : "whole";
    const may = (thing) => can(thing, stream);
    for (const [name, run] of Object.entries(cases).filter(([n]) => may(n)))
      test(`${client.name}, ${of}: ${name}, ${how}`, () => run({ ask: askOf("echo", stream), can: may }));
    test(`${client.name}, ${of}: a provider's refusals, ${how}`, async () => {
      const ask = (voice) => askOf(voice, stream)([{ said: LONG }]);
      await rejects(ask("only-context"), errors.bad);
      await rejects(ask("only-auth"), errors.auth);
      await rejects(ask("only-429"), errors.limited);
      await rejects(ask("only-503"), errors.unavailable);
      await rejects(ask("only-cut"), stream ? errors.cut : errors.cutWhole);
    });
  }
}

// A client before us, and behind us a provider of each format.
export function matrix(client) {
  const { errors, name } = client;
  let gateway, api;
  before(async () => {
    gateway = await startFormats();
    api = client.connect(gateway, gateway.key(name));
  });
  after(() => gateway.stop());

  for (const { name: format, cannot } of FORMATS) {
    const can = (thing, stream) => ![...cannot, ...(client.cannot?.(format, stream) ?? [])].includes(thing);
    const askOf = (voice, stream) => (turns, more) => client.ask(api, { model: `${format}/${voice}`, stream, turns, ...more });
    rows(client, { ...errors, auth: errors.unavailable, cutWhole: errors.unavailable }, format, askOf, can);
  }

  for (const { name: format } of client.embed ? EMBEDDERS : [])
    test(`${name}, ${format}: embeddings`, () => assertEmbeds(({ texts }) => client.embed(api, { model: `${format}/embed`, texts })));

  test(`${name}: refusals of the gateway's own`, async () => {
    const ask = (key, model) => client.ask(client.connect(gateway, key), { model, stream: false, turns: [{ said: HELLO }] });
    await rejects(ask(gateway.key("wrong"), ""), errors.bad);
    await rejects(ask("sk-tp-v1-wrong", "openai/echo"), errors.unauthorized);
    await rejects(ask(gateway.key("poor", "--limit", "0"), "openai/echo"), errors.poor);
    await rejects(ask(gateway.key("rich"), "openai/nothing"), errors.missing);
  });
}

// A client before the simulated provider itself: whoever that deceives would be deceived by us as well.
export function direct(client, path, ...cannot) {
  let sim, api;
  before(async () => {
    sim = await startSim();
    api = client.connect({ url: `http://127.0.0.1:${sim.port}${path}` }, "any");
  });
  after(() => sim.stop());
  const askOf = (voice, stream) => (turns, more) => client.ask(api, { model: voice, stream, turns, ...more });
  const isError = (e) => e instanceof Error; // of the connection, which each client leaves as it is
  const errors = { ...client.errors, auth: client.errors.unauthorized, cut: isError, cutWhole: isError };
  if (client.embed)
    test(`${client.name}, the simulated provider: embeddings`, () => assertEmbeds(({ texts }) => client.embed(api, { model: "echo", texts })));
  rows(client, errors, "the simulated provider", askOf, (thing) => !["cost", ...cannot].includes(thing));
}
