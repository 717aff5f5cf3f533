// browser.js: headless Chromium with a profile of its own, for the length of one test file.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

// options: of a browser context ({ javaScriptEnabled: false }).
export async function startBrowser(options = {}) {
  const profile = mkdtempSync(join(tmpdir(), "turnpike-browser-"));
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args: FLAGS, ...options });
  context.setDefaultTimeout(30_000);
  return {
    newPage: () => context.newPage(),
    clear: () => context.clearCookies(),
    async stop() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
