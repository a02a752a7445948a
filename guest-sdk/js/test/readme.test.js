// The step and the test of the README, as an author would type them off.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

test("the test of the README passes on the step of the README", () => {
  const readme = readFileSync(join(PACKAGE, "README.md"), "utf8");
  const [step, stepTest] = ["ts", "js"].map((language) => new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, "m").exec(readme)[1]);
  const project = mkdtempSync(join(tmpdir(), "lockstep-readme-"));
  try {
    for (const folder of ["src", "test", "node_modules/@lockstep"]) mkdirSync(join(project, folder), { recursive: true });
    symlinkSync(PACKAGE, join(project, "node_modules/@lockstep/step"));
    writeFileSync(join(project, "package.json"), '{ "type": "module" }');
    writeFileSync(join(project, "src/step.ts"), step);
    writeFileSync(join(project, "test/step.test.js"), stepTest);
    // A runner that starts another one tells it so in the environment; this one is to stand alone.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const ran = spawnSync(process.execPath, ["--test", "--test-reporter=tap"], { cwd: project, encoding: "utf8", env });
    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    assert.match(ran.stdout, /^# pass 2$/m);
  } finally {
    rmSync(project, { recursive: true });
  }
});
