// The examples of the repository that are one file, in Node.js: they give what they give in Lockstep.

import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { runStep } from "@lockstep/step/test";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const EXAMPLES = fileURLToPath(new URL("../../../examples", import.meta.url));

const json = (...path) => JSON.parse(readFileSync(join(EXAMPLES, ...path), "utf8"));

/** A project that has this package, as an author's has. */
const project = mkdtempSync(join(tmpdir(), "lockstep-examples-"));
after(() => rmSync(project, { recursive: true }));
mkdirSync(join(project, "node_modules/@lockstep"), { recursive: true });
symlinkSync(PACKAGE, join(project, "node_modules/@lockstep/step"));

const examples = new Map();
/** Those that make requests: a test of the host runs them against a server. */
const requesting = new Map();
for (const name of readdirSync(EXAMPLES)) {
  const file = ["step.js", "step.ts"].find((file) => existsSync(join(EXAMPLES, name, file)));
  if (file === undefined || !existsSync(join(EXAMPLES, name, "input.json"))) continue;
  cpSync(join(EXAMPLES, name, file), join(project, name, file));
  const makesRequests = readFileSync(join(EXAMPLES, name, file), "utf8").includes("fetch(");
  (makesRequests ? requesting : examples).set(name, join(project, name, file));
}

for (const [name, step] of examples) {
  test(`the example ${name} gives the output that its folder expects`, async () => {
    const ran = await runStep(step, { input: json(name, "input.json"), credentials: json(name, "credentials.json") });
    assert.equal(ran.kind, "completed", ran.failure?.message);
    assert.deepEqual(ran.output, json(name, "expected.json"));
    for (const value of Object.values(json(name, "credentials.json"))) assert.ok(!ran.log.includes(value), ran.log);
  });
}

test("there are examples", () => assert.ok(examples.size >= 4, `${examples.size} examples`));

test("the example that validates early names all credentials that it lacks", async () => {
  const ran = await runStep(examples.get("validate-early"), { input: json("validate-early/input.json") });
  assert.equal(ran.kind, "missing_credential");
  assert.match(ran.failure.message, /credentials `SHOP_USER`, `SHOP_PASSWORD`, `MAILING_LIST_KEY` are missing/);
  assert.equal(ran.log, "");
});

test("the example that verifies webhooks trusts nothing that was changed, is old or is not signed", async () => {
  const [input, credentials] = [json("verify-webhook/input.json"), json("verify-webhook/credentials.json")];
  for (const [change, reason] of [
    [{ body: input.body.replace("1995", "1") }, "its signature is of another body or key"],
    [{ received: input.received + 300 }, "it is too old"],
    [{ headers: {} }, "it is not signed"],
  ]) {
    const ran = await runStep(examples.get("verify-webhook"), { input: { ...input, ...change }, credentials });
    assert.deepEqual(ran.output, { valid: false, reason });
  }
});

test("the example that posts to Slack says what it has to", async () => {
  const asked = [];
  const fetch = async (url, init) => {
    asked.push(new Request(url, init));
    return Response.json({ ok: true, channel: "#general", ts: "1503435956.000247" });
  };
  const { SLACK_BOT_TOKEN } = json("post-to-slack", "credentials.json");
  const ran = await runStep(requesting.get("post-to-slack"), {
    input: json("post-to-slack", "input.json"),
    credentials: { SLACK_BOT_TOKEN: SLACK_BOT_TOKEN.value },
    fetch,
  });
  assert.deepEqual(ran.output, json("post-to-slack", "expected.json"));
  assert.equal(asked[0].url, "https://slack.com/api/chat.postMessage");
  assert.equal(asked[0].headers.get("authorization"), `Bearer ${SLACK_BOT_TOKEN.value}`);
  assert.equal((await asked[0].json()).channel, "#general");
});
