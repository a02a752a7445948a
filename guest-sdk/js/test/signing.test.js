// `sign` and `verify` of `runStep`: published vectors, so that a step that passes here sends the same signatures in Lockstep.

import assert from "node:assert/strict";
import { createHash, createPublicKey, verify as verifyWith } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { sign, verify } from "../src/index.js";
import { runStep } from "../src/test/index.js";

const VECTORS = new URL("../../../crates/sandbox/src/signing/vectors/", import.meta.url);
const pem = (name) => readFileSync(new URL(name, VECTORS), "utf8");

/** An example, in a project that has this package as an author's has. */
function project(example) {
  const folder = mkdtempSync(join(tmpdir(), "lockstep-signing-"));
  after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "node_modules/@lockstep"), { recursive: true });
  symlinkSync(fileURLToPath(new URL("..", import.meta.url)), join(folder, "node_modules/@lockstep/step"));
  const step = join(folder, "step.ts");
  cpSync(fileURLToPath(new URL(`../../../examples/${example}`, import.meta.url)), step);
  return step;
}

async function run(step, credentials) {
  const ran = await runStep(step, { credentials });
  assert.equal(ran.kind, "completed", ran.failure?.message);
  return ran.output;
}

test("a code of RFC 4231 is made and verified, and the use of the credential is recorded", async () => {
  const step = (_, ctx) => {
    const code = ctx.sign.hmac("KEY", "what do ya want for nothing?");
    return [code, ctx.verify.hmac("KEY", "what do ya want for nothing?", `sha256=${code}`), verify.hmac("KEY", "other", code)];
  };
  const ran = await runStep(step, { credentials: { KEY: "Jefe" } });
  const code = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  assert.deepEqual(ran.output, [code, true, false]);
  assert.deepEqual(ran.receipt.credentials.map(({ key }) => key), ["KEY"]);
});

test("tokens verify with the public key", async () => {
  const keys = { RS256: "rfc7515-a2.pkcs1.pem", ES256: "rfc7515-a3.sec1.pem", EdDSA: "rfc8037-a1.pkcs8.pem" };
  for (const [algorithm, file] of Object.entries(keys)) {
    const token = await run(() => sign.jwt("KEY", { iss: "joe" }, { algorithm, header: { kid: "k" } }), { KEY: pem(file) });
    const [, signed, signature] = /^(.*)\.(.*)$/.exec(token === "***" ? "" : token) ?? [];
    assert.ok(signed, "the token is not masked here");
    const options = { key: createPublicKey(pem(file)), dsaEncoding: "ieee-p1363" };
    const hash = algorithm === "EdDSA" ? null : "sha256";
    assert.ok(verifyWith(hash, Buffer.from(signed), options, Buffer.from(signature, "base64url")), algorithm);
    const header = JSON.parse(Buffer.from(signed.split(".")[0], "base64url").toString());
    assert.deepEqual(header, { alg: algorithm, kid: "k", typ: "JWT" });
  }
});

test("a key of another algorithm is an error that names the credential", async () => {
  const step = () => {
    try {
      return sign.jwt("KEY", {}, { algorithm: "RS256" });
    } catch (error) {
      return [error.name, error.code, error.key];
    }
  };
  assert.deepEqual(await run(step, { KEY: "no PEM" }), ["SigningError", "invalid_key", "KEY"]);
});

test("a credential that is not there is missing", async () => {
  const ran = await runStep(() => sign.hmac("NONE", "data"), {});
  assert.equal(ran.kind, "missing_credential");
});

test("requests of AWS's test suite are signed", async () => {
  const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  const cases = JSON.parse(pem("aws-sig-v4.json"));
  let count = 0;
  for (const one of cases) {
    // The suite encodes paths once, and hashes bodies in a header for some: those that services other than S3 see so.
    if (one.signs_body !== false || one.token !== null || one.target.includes("%")) continue;
    if (/[^\x20-\x7e]/.test(one.target) || one.target.startsWith("//") || one.target.includes(" ")) continue;
    const url = `https://example.amazonaws.com${one.target}`;
    const request = { method: one.method, url, headers: one.headers.filter(([name]) => name !== "Host"), body: one.body };
    const options = { accessKeyId: "AKIDEXAMPLE", region: "us-east-1", service: "service", date: new Date("2015-08-30T12:36:00Z") };
    const headers = await run(() => sign.awsV4("SECRET", request, options), { SECRET: secret });
    assert.ok(headers.authorization.endsWith(`Signature=${one.signature}`), one.name);
    count++;
  }
  assert.ok(count >= 15, `${count} cases`);
});

test("the examples of S3 are signed", async () => {
  const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  const options = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", region: "us-east-1", service: "s3", date: Date.UTC(2013, 4, 24) };
  const put = {
    method: "PUT",
    url: "https://examplebucket.s3.amazonaws.com/test$file.text",
    headers: { Date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
    body: "Welcome to Amazon S3.",
  };
  const headers = await run(() => sign.awsV4("SECRET", put, options), { SECRET: secret });
  assert.match(headers.authorization, /Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd$/);
  const get = { url: "https://examplebucket.s3.amazonaws.com/test.txt" };
  const url = await run(() => sign.awsV4Url("SECRET", get, { ...options, expires: 86_400 }), { SECRET: secret });
  assert.match(url, /X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404$/);
});

test("webhooks of GitHub, Slack and Stripe are verified, and old ones are not", async () => {
  const github = { "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" };
  const step = (_, { sign, verify }) => {
    const now = Math.floor(Date.now() / 1000);
    const slack = (time) => ({ "x-slack-request-timestamp": `${time}`, "x-slack-signature": `v0=${sign.hmac("KEY", `v0:${time}:{}`)}` });
    const stripe = (time) => new Headers({ "stripe-signature": `t=${time},v1=${sign.hmac("KEY", `${time}.{}`)}` });
    return [
      verify.github("KEY", "Hello, World!", github),
      verify.github("KEY", "Hello, World?", github),
      verify.slack("KEY", "{}", slack(now)),
      verify.slack("KEY", "{}", slack(now - 400)),
      verify.slack("KEY", "{}", slack(now - 400), { tolerance: 500 }),
      verify.stripe("KEY", "{}", stripe(now)),
      verify.stripe("KEY", "[]", stripe(now)),
      verify.stripe("KEY", "{}", {}),
    ];
  };
  const output = await run(step, { KEY: "It's a Secret to Everybody" });
  assert.deepEqual(output, [true, false, true, false, true, true, false, false]);
});

test("the header of Basic is that of RFC 7617", async () => {
  const header = (user) => runStep(() => sign.basic(user, "KEY").length, { credentials: { KEY: "open sesame" } });
  assert.equal((await header("Aladdin")).output, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".length);
  assert.match((await header("Ala:ddin")).failure.message, /no colon/);
});

test("the example that puts an object into S3 sends a request that is signed", async (t) => {
  const sent = [];
  const { fetch } = globalThis;
  t.after(() => (globalThis.fetch = fetch));
  globalThis.fetch = async (url, { method, headers, body }) => {
    sent.push({ url, method, headers, body });
    return new Response(null, { headers: { etag: '"1"' } });
  };
  const step = project("s3-put/step.ts");
  const input = {
    bucket: "https://reports.s3.eu-central-1.amazonaws.com",
    region: "eu-central-1",
    name: "2026/June & July.txt",
    type: "text/plain",
    text: "12 reports",
  };
  const credentials = { AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
  const ran = await runStep(step, { input, credentials });
  const url = "https://reports.s3.eu-central-1.amazonaws.com/2026/June%20%26%20July.txt";
  assert.deepEqual(ran.output, { url, etag: '"1"' }, ran.failure?.message);
  const [{ headers, ...request }] = sent;
  assert.deepEqual(request, { url, method: "PUT", body: "12 reports" });

  assert.equal(headers["x-amz-content-sha256"], createHash("sha256").update("12 reports").digest("hex"));
  const day = headers["x-amz-date"].slice(0, 8);
  const scope = `${day}/eu-central-1/s3/aws4_request`;
  const names = "content-type;host;x-amz-content-sha256;x-amz-date";
  assert.match(headers.authorization, new RegExp(`^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/${scope}, SignedHeaders=${names}, Signature=[0-9a-f]{64}$`));
});
