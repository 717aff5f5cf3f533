// gateway.js: the real binary, for the length of one test file: with its built-in simulated provider, or before one that
// speaks each format that a provider can have.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const BINARY = process.env.TURNPIKE_BINARY ?? fileURLToPath(new URL("../../build/turnpike", import.meta.url));

function makePlace() {
  const directory = mkdtempSync(join(tmpdir(), "turnpike-client-"));
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_API_KEY$|^OLLAMA_HOST$/.test(name)));
  return { directory, env };
}

function ended(child) {
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  return exit;
}

// settings: text of a configuration file, or nothing.
export async function startGateway(settings) {
  const { directory, env } = makePlace();
  env.TURNPIKE_DATA = join(directory, "data");
  if (settings) {
    env.TURNPIKE_CONFIG = join(directory, "turnpike.yaml");
    writeFileSync(env.TURNPIKE_CONFIG, settings);
  }
  const options = { env, cwd: directory };
  const child = spawn(BINARY, ["serve", "--listen", "127.0.0.1:0"], { ...options, stdio: ["ignore", "ignore", "pipe"] });
  const log = [];
  const port = await listening(child, log);
  const cli = (...words) => JSON.parse(execFileSync(BINARY, words, { ...options, encoding: "utf8" }) || "null");
  cli("credit", "grant", "100");
  return {
    url: `http://127.0.0.1:${port}/api/v1`,
    claimLink: () => /http\S+\/claim\?token=\w+/.exec(log.join("\n"))[0],
    cli,
    key: (name, ...more) => cli("key", "create", "--name", name, ...more).key,
    async stop() {
      const status = await ended(child);
      rmSync(directory, { recursive: true });
      if (status !== 0) throw new Error(`the gateway ended with ${status}`);
    },
  };
}

// The simulated provider on its own, which takes Bedrock's requests only where they are signed with this key.
const AWS = { region: "eu-central-1", access_key_id: "AKIASIM", secret_access_key: "sim/secret" };

export async function startSim() {
  const { directory, env } = makePlace();
  env.TURNPIKE_SIM_AWS_KEY = `${AWS.access_key_id}:${AWS.secret_access_key}`;
  const child = spawn(BINARY, ["sim", "--listen", "127.0.0.1:0"], { env, cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  const port = await listening(child, []);
  return {
    port,
    async stop() {
      await ended(child);
      rmSync(directory, { recursive: true });
    },
  };
}

function listening(child, log) {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (status) => reject(new Error(`ended with ${status}:\n${log.join("\n")}`)));
    createInterface({ input: child.stderr }).on("line", (line) => {
      log.push(line);
      const found = /msg="?listening"? .*address=\S+:(\d+)/.exec(line);
      if (found) resolve(Number(found[1]));
    });
  });
}

// The formats that a provider can have: a new one is a row. path: of the simulated provider's base URL; family: what its
// models' names begin with; credential: in place of an API key; cannot: what a provider of this format does not tell or take,
// in the words of matrix.js.
export const FORMATS = [
  { name: "openai", path: "/v1", cannot: [] },
  { name: "responses", path: "/v1", cannot: [] },
  { name: "anthropic", path: "/v1", cannot: ["reasoning tokens"] },
  { name: "gemini", path: "/v1beta", cannot: [] },
  { name: "bedrock", path: "", family: "anthropic.", credential: { aws: AWS }, cannot: ["reasoning tokens"] },
];
// The formats of providers of embeddings, the same way; each has a model FORMAT/embed.
export const EMBEDDERS = [
  { name: "openai", path: "/v1" },
  { name: "gemini", path: "/v1beta" },
  { name: "cohere", path: "/v2" },
];
const VOICES = ["echo", "only-context", "only-auth", "only-429", "only-503", "only-cut"];

function settingsOf(port) {
  const key = { api_key: "sim" };
  const provider = ({ name, path, credential = key }) =>
    [name, { dialect: name, base_url: `http://127.0.0.1:${port}${path}`, ...credential }];
  const model = ({ name, family = "" }, voice) => ({
    id: `${name}/${voice}`,
    endpoints: [{ provider: name, model: family + voice, price: { prompt: 1, completion: 2 }, context: 100000, max_output: 4096 }],
  });
  const embedder = ({ name }) => ({
    id: `${name}/embed`, output: "embeddings",
    endpoints: [{ provider: name, model: "echo", price: { prompt: 1 }, context: 8192 }],
  });
  const models = [...FORMATS.flatMap((format) => VOICES.map((voice) => model(format, voice))), ...EMBEDDERS.map(embedder)];
  const providers = Object.fromEntries([...EMBEDDERS, ...FORMATS].map(provider));
  return JSON.stringify({ providers, models }, null, 2); // which is YAML too
}

// A gateway before a provider of each format; its models are FORMAT/VOICE, all played by one simulated provider.
export async function startFormats() {
  const sim = await startSim();
  const gateway = await startGateway(settingsOf(sim.port));
  const stop = async () => {
    await gateway.stop();
    await sim.stop();
  };
  return { ...gateway, stop };
}

export const HELLO = [{ role: "user", content: "Hello, echo." }];
