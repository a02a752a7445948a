import assert from "node:assert/strict";
import test from "node:test";

import { runStep } from "@lockstep/step/test";

const step = "src/step.js";

test("it greets, and keeps the token out of the log", async () => {
  const ran = await runStep(step, { input: { name: "Ada" }, credentials: { GREETER_TOKEN: "for-tests-only" } });
  assert.equal(ran.kind, "completed", ran.failure?.message);
  assert.deepEqual(ran.output, { greeting: "Hello Ada", signed: true });
  assert.match(ran.log, /greets Ada with \*\*\*/);
});

test("without the token it fails, and says which is missing", async () => {
  const ran = await runStep(step, { input: { name: "Ada" } });
  assert.equal(ran.kind, "missing_credential");
  assert.match(ran.failure.message, /`GREETER_TOKEN`/);
});
