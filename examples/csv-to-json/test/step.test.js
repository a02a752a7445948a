import assert from "node:assert/strict";
import test from "node:test";

import { runStep } from "@lockstep/step/test";

const step = "src/step.ts";

test("quotes, delimiters and line breaks in cells are the package's work", async () => {
  const ran = await runStep(step, { input: { csv: 'name;note\n"Lovelace; Ada";"two\nlines"\n', delimiter: ";" } });
  assert.deepEqual(ran.output?.rows, [{ name: "Lovelace; Ada", note: "two\nlines" }]);
});

test("cells are numbers, booleans, dates, null or text", async () => {
  const ran = await runStep(step, { input: { csv: "a,b,c,d,e,f\n-1.5,true,01.02.2026,,007,9007199254740993\n" } });
  assert.deepEqual(ran.output?.rows, [{ a: -1.5, b: true, c: "2026-02-01", d: null, e: "007", f: "9007199254740993" }]);
});

test("a row with too many cells fails, with its line", async () => {
  const ran = await runStep(step, { input: { csv: "a,b\n1,2\n1,2,3\n" } });
  assert.equal(ran.kind, "step_failed");
  assert.match(ran.failure.message, /^Error: line 3 of the CSV: Too many fields/);
});
