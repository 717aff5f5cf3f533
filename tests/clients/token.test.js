// A workload's token becomes an access token and asks a model, as OpenRouter's client does it.
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { OpenRouter } from "@openrouter/sdk";
import { HELLO, startGateway } from "./gateway.js";

const AUDIENCE = "https://gateway.example";
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const base64url = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const client = (apiKey) =>
  new OpenRouter({ apiKey, serverURL: gateway.url, retryConfig: { strategy: "none" }, timeoutMs: 30_000 });

let gateway, issuer, url, policy;
before(async () => {
  gateway = await startGateway();
  issuer = createServer((_, response) =>
    response.end(JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "k1", use: "sig" }] })));
  await new Promise((resolve) => issuer.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${issuer.address().port}`;
  const { data } = gateway.cli("key", "create", "--name", "deploy");
  policy = gateway.cli("federation", "add", "--name", "ci", "--issuer", url, "--jwks-url", `${url}/jwks`, "--audience", AUDIENCE,
    "--subject", "job:*", "--key", data.hash).data.id;
});
after(async () => {
  issuer.close();
  await gateway.stop();
});

function subjectToken(more) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: url, aud: AUDIENCE, sub: "job:1", iat: now, exp: now + 600, ...more };
  const text = `${base64url({ alg: "ES256", kid: "k1" })}.${base64url(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

const exchange = (more) =>
  client().oAuth.createOauthToken({
    tokenExchangeRequest: {
      grantType: "urn:ietf:params:oauth:grant-type:token-exchange",
      subjectTokenType: "urn:ietf:params:oauth:token-type:jwt",
      subjectToken: subjectToken(more),
      federationPolicyId: policy,
      scope: "inference",
    },
  });

test("@openrouter/sdk: a token is exchanged and spends as the policy's key", async () => {
  const made = await exchange();
  assert.equal(made.tokenType, "Bearer");
  assert.equal(made.scope, "inference");
  assert.ok(made.expiresIn > 0 && made.expiresIn <= 600);
  const answer = await client(made.accessToken).chat.send({ chatRequest: { model: "sim/echo", messages: HELLO } });
  assert.match(answer.choices[0].message.content, /Hello, echo/);
  const { data } = await client(made.accessToken).apiKeys.getCurrentKeyMetadata();
  assert.ok(data.usage > 0);
});

test("@openrouter/sdk: the key set verifies it", async () => {
  const { accessToken } = await exchange();
  const [header, claims, signature] = accessToken.split(".");
  const { kid } = JSON.parse(Buffer.from(header, "base64url"));
  const { keys } = await client().oAuth.listOauthJwks();
  const key = createPublicKey({ key: keys.find((k) => k.kid === kid), format: "jwk" });
  const bytes = Buffer.from(signature, "base64url");
  assert.ok(verify("sha256", Buffer.from(`${header}.${claims}`), { key, dsaEncoding: "ieee-p1363" }, bytes));
});

test("@openrouter/sdk: what is refused comes as OAuth's error", async () => {
  await assert.rejects(exchange({ sub: "somebody" }), (e) => {
    assert.equal(e.statusCode, 400);
    assert.equal(e.error, "invalid_grant");
    return e.name === "OAuthErrorResponse";
  });
});
