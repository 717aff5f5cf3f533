// Signing in with a real OpenID provider (oidc-provider), at a real browser.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import Provider from "oidc-provider";
import { startBrowser } from "./browser.js";
import { startGateway } from "./gateway.js";

const CLIENT = { id: "turnpike", secret: "a-secret:with/odd+characters%" };
const PASSWORD = "correct horse battery";
let gateway, idp, browser;

const newKey = (kid, alg) => {
  const { privateKey } = alg === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" })
    : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid, alg, use: "sig" };
};

// Whoever types an address is that person; "unproven+" before it says that it was not verified.
function startProvider(port, redirectUri, { keys, inToken = true, alg = "RS256" }) {
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirectUri], id_token_signed_response_alg: alg,
    }],
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    conformIdTokenClaims: !inToken,
    enabledJWA: undefined,
    jwks: { keys },
    cookies: { keys: ["x"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: id.replace("unproven+", ""), email_verified: !id.startsWith("unproven+") }),
    }),
  });
  const server = createServer(provider.callback());
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}
const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

const root = () => gateway.url.replace("/api/v1", "");
async function restart(options) {
  if (idp) await new Promise((resolve) => { idp.close(resolve); idp.closeAllConnections(); });
  idp = await startProvider(port, `${root()}/signin/oidc/callback`, options);
}

let port;
before(async () => {
  port = await freePort();
  const own = `    client_id: ${CLIENT.id}\n    client_secret: "${CLIENT.secret}"\n    issuer: http://127.0.0.1:${port}\n`;
  gateway = await startGateway(`signup: invitation
oidc:
  - name: The House
${own}  - name: Anybody
${own}    allow_signup: true
  - name: Some
${own}    allowed_domains: [example.com]
    allow_signup: true
`);
  await restart({ keys: [newKey("one", "RS256")] });
  browser = await startBrowser();
  const page = await browser.newPage();
  await page.goto(gateway.claimLink());
  await page.getByLabel("E-mail").fill("ada@example.org");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/account");
  await page.close();
});
after(async () => {
  await browser?.stop();
  idp?.close();
  idp?.closeAllConnections();
  await gateway?.stop();
});

// A browser without cookies, from our sign-in page through the provider's forms and back.
async function signIn(button, who, from = "/signin") {
  await browser.clear();
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (m) => m.type() === "error" && /Security Policy/.test(m.text()) && complaints.push(m.text()));
  await page.goto(root() + from);
  await page.getByRole("link", { name: `Continue with ${button}` }).click();
  await page.locator("input[name=login]").fill(who);
  await page.locator("input[name=password]").fill("anything");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.waitForURL((url) => url.href.startsWith(root()));
  const got = { url: page.url(), text: await page.textContent("body") };
  await page.close();
  assert.deepEqual(complaints, []);
  return got;
}

test("oidc: an address that both sides have proven is linked, and from then on the subject counts", async () => {
  const got = await signIn("The House", "ada@example.org");
  assert.equal(got.url, `${root()}/account`);
  assert.match(got.text, /ada@example\.org/);
  assert.match(got.text, /first key/);
});

test("oidc: it returns to where it began", async () => {
  const got = await signIn("The House", "ada@example.org", "/account/people");
  assert.equal(got.url, `${root()}/account/people`);
});

test("oidc: an address that is not proven is nobody's", async () => {
  const got = await signIn("Anybody", "unproven+ada@example.org");
  assert.match(got.text, /may not sign in here/);
});

test("oidc: a stranger comes in only where sign-up is allowed, and to an account of their own", async () => {
  assert.match((await signIn("The House", "new@example.org")).text, /may not sign in here/);
  const got = await signIn("Anybody", "new@example.org");
  assert.match(got.text, /new@example\.org/);
  assert.doesNotMatch(got.text, /first key/);
});

test("oidc: only the domains that were named", async () => {
  assert.match((await signIn("Some", "bob@example.org")).text, /not among those/);
  assert.match((await signIn("Some", "bob@notexample.com")).text, /not among those/);
  assert.match((await signIn("Some", "unproven+bob@example.com")).text, /not among those/);
  assert.match((await signIn("Some", "bob@example.com")).text, /bob@example\.com/);
});

test("oidc: keys may turn at any time", async () => {
  await restart({ keys: [newKey("two", "RS256")] });
  assert.equal((await signIn("The House", "ada@example.org")).url, `${root()}/account`);
  await restart({ keys: [newKey("three", "RS256"), newKey("four", "RS256")] });
  assert.equal((await signIn("The House", "ada@example.org")).url, `${root()}/account`);
});

test("oidc: ES256, and the address from UserInfo", async () => {
  await restart({ keys: [newKey("five", "ES256")], alg: "ES256", inToken: false });
  assert.equal((await signIn("The House", "ada@example.org")).url, `${root()}/account`);
});

test("oidc: an answer that belongs to no sign-in of this browser is refused", async () => {
  for (const query of ["", "?code=x", "?code=x&state=y", `?code=x&state=${"0".repeat(64)}`, "?error=access_denied"]) {
    const answer = await fetch(`${root()}/signin/oidc/callback${query}`, {
      redirect: "manual", headers: { cookie: `turnpike_oidc=${"0".repeat(64)}.0.%2Faccount` },
    });
    assert.equal(answer.status, 401, query);
    assert.equal(answer.headers.get("set-cookie")?.includes("turnpike_session"), false);
  }
  const begun = await fetch(`${root()}/signin/oidc?provider=The+House`, { redirect: "manual" });
  assert.equal(begun.status, 302);
  const state = new URL(begun.headers.get("location")).searchParams.get("state");
  const stolen = await fetch(`${root()}/signin/oidc/callback?code=x&state=${state}`, { redirect: "manual" });
  assert.equal(stolen.status, 401);
  const sent = new URL(begun.headers.get("location")).searchParams;
  assert.equal(sent.get("code_challenge_method"), "S256");
  assert.ok(sent.get("nonce") && sent.get("code_challenge") && sent.get("redirect_uri").startsWith(root()));
  const cookie = begun.headers.get("set-cookie").split(";")[0];
  const wrongCode = await fetch(`${root()}/signin/oidc/callback?code=x&state=${state}`, { redirect: "manual", headers: { cookie } });
  assert.equal(wrongCode.status, 401);
  const otherIssuer = await fetch(`${root()}/signin/oidc/callback?code=x&state=${state}&iss=https%3A%2F%2Fevil.example`,
    { redirect: "manual", headers: { cookie } });
  assert.equal(otherIssuer.status, 401);
});

test("oidc: a provider that is away, or that is not known", async () => {
  assert.equal((await fetch(`${root()}/signin/oidc?provider=nobody`, { redirect: "manual" })).status, 404);
  const begun = await fetch(`${root()}/signin/oidc?provider=The+House`, { redirect: "manual" });
  const state = new URL(begun.headers.get("location")).searchParams.get("state");
  const cookie = begun.headers.get("set-cookie").split(";")[0];
  await new Promise((resolve) => { idp.close(resolve); idp.closeAllConnections(); });
  idp = undefined;
  const answer = await fetch(`${root()}/signin/oidc/callback?code=x&state=${state}`, { redirect: "manual", headers: { cookie } });
  assert.equal(answer.status, 401);
  assert.match(await answer.text(), /did not work/);
});
