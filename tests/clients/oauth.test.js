// An app's way to a key of its own, as OpenRouter's client does it, and as a person at a real browser sees it.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { OpenRouter } from "@openrouter/sdk";
import { startBrowser } from "./browser.js";
import { HELLO, startGateway } from "./gateway.js";

const EMAIL = "ada@example.org";
const PASSWORD = "correct horse battery";
const root = (gateway) => gateway.url.replace("/api/v1", "");
const client = (gateway, apiKey) =>
  new OpenRouter({ apiKey, serverURL: gateway.url, retryConfig: { strategy: "none" }, timeoutMs: 30_000 });

let gateway, browser;
before(async () => {
  gateway = await startGateway("signup: invitation\n");
  browser = await startBrowser();
});
after(async () => {
  await browser?.stop();
  await gateway.stop();
});

// A small app on a port of its own: sends people to us, takes the code, gets a key and asks a model.
async function startApp() {
  const { codeChallenge, codeVerifier } = await client(gateway).oAuth.createSHA256CodeChallenge();
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, `http://localhost:${server.address().port}`);
    if (url.pathname === "/") {
      const to = new URL(`${root(gateway)}/auth`);
      to.searchParams.set("callback_url", `${url.origin}/callback?step=2`);
      to.searchParams.set("code_challenge", codeChallenge);
      to.searchParams.set("code_challenge_method", "S256");
      to.searchParams.set("limit", "3");
      to.searchParams.set("key_label", "A small app");
      response.writeHead(200, { "Content-Type": "text/html" }).end(`<a href="${to}">Connect</a>`);
    } else if (url.pathname === "/callback") {
      const text = await answerWith(url.searchParams, codeVerifier).catch((e) => `failed: ${e}`);
      response.writeHead(200, { "Content-Type": "text/html" }).end(`<p id="answer">${text}</p>`);
    } else {
      response.writeHead(204).end(); // the browser wants an icon
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://localhost:${server.address().port}/` };
}

async function answerWith(query, codeVerifier) {
  assert.equal(query.get("step"), "2");
  const { key } = await client(gateway).oAuth.exchangeAuthCodeForAPIKey({
    requestBody: { code: query.get("code"), codeVerifier, codeChallengeMethod: "S256" },
  });
  const answer = await client(gateway, key).chat.send({ chatRequest: { model: "sim/echo", messages: HELLO } });
  const { data } = await client(gateway, key).apiKeys.getCurrentKeyMetadata();
  return `${answer.choices[0].message.content} limit ${data.limit}`;
}

test("browser: an instance is claimed from the printed link", async () => {
  const page = await browser.newPage();
  await page.goto(gateway.claimLink());
  await page.getByLabel("E-mail").fill(EMAIL);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/account");
  assert.match(await page.textContent("body"), /first key/);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/signin");
  await page.close();
});

test("browser: from an app through sign-in and consent to an answer with the new key", async () => {
  const app = await startApp();
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && complaints.push(m.text()));
  await page.goto(app.url);
  await page.getByText("Connect").click();
  await page.waitForURL("**/signin?**");
  assert.match(await page.textContent("main"), /localhost:\d+/);
  await page.getByLabel("E-mail").fill(EMAIL);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/auth?**");
  assert.match(await page.textContent("#app"), /^localhost:\d+$/);
  assert.equal(await page.getByLabel(/limit, in dollars/).inputValue(), "3");
  await page.getByLabel(/limit, in dollars/).fill("2");
  await page.getByRole("button", { name: "Allow" }).click();
  await page.waitForURL("**/callback?**");
  assert.equal(await page.textContent("#answer"), "Hello, echo. limit 2");
  // and it stands on the account's page, under its app
  await page.goto(`${root(gateway)}/account`);
  assert.match(await page.textContent("#apps"), /localhost:\d+\s*A small app/);
  await page.locator("#apps").getByRole("button", { name: "Revoke" }).click();
  await page.waitForURL("**/account**");
  assert.match(await page.textContent("#apps"), /No app has asked/);
  assert.deepEqual(complaints, []);
  await page.close();
  app.server.close();
});

test("browser: without script and by keyboard alone", async () => {
  const plain = await startBrowser({ javaScriptEnabled: false });
  const app = await startApp();
  try {
    const page = await plain.newPage();
    const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };
    await page.goto(app.url);
    await press("Tab");
    await page.locator("a:focus").waitFor();
    await press("Enter");
    await page.waitForURL("**/signin?**");
    await page.locator("#email:focus").waitFor(); // without a key: the first field has the focus
    await page.keyboard.type(EMAIL);
    await press("Tab");
    await page.locator("#password:focus").waitFor();
    await page.keyboard.type(PASSWORD);
    await press("Enter");
    await page.waitForURL("**/auth?**");
    const focused = () => page.locator(":focus").evaluate((e) => e.name || e.textContent);
    await page.getByRole("button", { name: "Deny" }).waitFor();
    const seen = [];
    while (!seen.includes("expires")) { // in the order in which it is read
      await press("Tab");
      seen.push(await focused());
    }
    assert.deepEqual(seen, ["Turnpike", "Account", "People", "Sign out", "limit", "reset", "expires"]);
    await page.getByLabel(/limit, in dollars/).focus();
    await page.keyboard.type("x"); // 3x: no number
    await press("Tab", "Tab", "Tab");
    await page.locator("button:focus", { hasText: "Allow" }).waitFor();
    await press("Enter");
    assert.match(page.url(), /\/auth\?/, "the browser itself says that it is wrong");
    await page.getByRole("button", { name: "Deny" }).focus();
    await press("Enter");
    await page.waitForURL("**/callback?**error=access_denied**");
  } finally {
    await plain.stop();
    app.server.close();
  }
});

test("browser: nothing overflows a phone", async () => {
  const page = await browser.newPage();
  const fill = async (email) => {
    if (email) await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/account");
  };
  await browser.clear();
  await page.goto(`${root(gateway)}/signin`);
  await fill(EMAIL);
  await page.goto(`${root(gateway)}/account/people`);
  await page.getByLabel("E-mail").fill("bob-with-a-long-name-of-many-letters@department.of.something.example.org");
  await page.getByRole("button", { name: "Invite" }).click();
  const link = await page.textContent("#new-link");
  await browser.clear();
  await page.goto(link);
  await fill();
  await browser.clear();
  await page.goto(`${root(gateway)}/signin`);
  await fill(EMAIL);
  await page.setViewportSize({ width: 360, height: 740 });
  for (const path of ["/signin", "/account", "/account/people", "/auth?callback_url=https://app.example/cb"]) {
    await page.goto(root(gateway) + path);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 360, `${path} is ${width} wide`);
  }
  await page.close();
});

test("openrouter: oAuth: authorization URL, challenge, code, exchange", async () => {
  const admin = client(gateway, gateway.key("oauth", "--management"));
  const oAuth = admin.oAuth;
  const { codeChallenge, codeVerifier } = await oAuth.createSHA256CodeChallenge();
  assert.equal(codeChallenge, createHash("sha256").update(codeVerifier).digest("base64url"));
  const url = await oAuth.createAuthorizationUrl({
    callbackUrl: "https://app.example/cb", codeChallenge, codeChallengeMethod: "S256", limit: 5,
  });
  assert.ok(url.startsWith(`${root(gateway)}/auth?`));
  const page = await fetch(url, { redirect: "manual" });
  assert.equal(page.status, 303); // to sign in: the request itself is in order
  const { data } = await oAuth.createAuthCode({
    requestBody: {
      callbackUrl: "https://app.example/cb", codeChallenge, codeChallengeMethod: "S256", limit: 5,
      usageLimitType: "weekly", keyLabel: "by the client",
    },
  });
  assert.ok(data.id && data.appId && data.createdAt);
  const wrong = { code: data.id, codeVerifier: randomBytes(48).toString("base64url"), codeChallengeMethod: "S256" };
  await assert.rejects(oAuth.exchangeAuthCodeForAPIKey({ requestBody: wrong }), (e) => e.statusCode === 403);
  const { key } = await oAuth.exchangeAuthCodeForAPIKey({
    requestBody: { code: data.id, codeVerifier, codeChallengeMethod: "S256" },
  });
  const { data: own } = await client(gateway, key).apiKeys.getCurrentKeyMetadata();
  assert.equal(own.limit, 5);
  assert.equal(own.limitReset, "weekly");
});
