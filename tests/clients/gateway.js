// gateway.js: the real binary with its built-in simulated provider, for the length of one test file.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const BINARY = process.env.TURNPIKE_BINARY ?? fileURLToPath(new URL("../../build/turnpike", import.meta.url));

// settings: text of a configuration file, or nothing.
export async function startGateway(settings) {
  const directory = mkdtempSync(join(tmpdir(), "turnpike-client-"));
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_API_KEY$|^OLLAMA_HOST$/.test(name)));
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
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const status = await ended;
      rmSync(directory, { recursive: true });
      if (status !== 0) throw new Error(`the gateway ended with ${status}`);
    },
  };
}

function listening(child, log) {
  return new Promise((resolve, reject) => {
    child.once("exit", (status) => reject(new Error(`ended with ${status}:\n${log.join("\n")}`)));
    createInterface({ input: child.stderr }).on("line", (line) => {
      log.push(line);
      const found = /msg="?listening"? .*address=\S+:(\d+)/.exec(line);
      if (found) resolve(Number(found[1]));
    });
  });
}

export const HELLO = [{ role: "user", content: "Hello, echo." }];
export const TOOLS = [
  { type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } },
];
