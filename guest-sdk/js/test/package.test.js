// What is published, and that its parts agree.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import * as step from "@lockstep/step";
import { ABSENT_GLOBALS } from "../src/absent.js";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const read = (path) => readFileSync(join(PACKAGE, path), "utf8");
const manifest = JSON.parse(read("package.json"));

test("the package holds what it needs, and nothing else", () => {
  const packed = execFileSync("npm", ["pack", "--dry-run", "--json", "--offline"], { cwd: PACKAGE, encoding: "utf8" });
  const [{ files }] = Object.values(JSON.parse(packed));
  const names = files.map(({ path }) => path).sort();
  assert.deepEqual(names, [
    "PLATFORM.md",
    "README.md",
    "bin/lockstep-step.js",
    "package.json",
    "src/absent.js",
    "src/build/absent-globals.js",
    "src/build/absent-modules.js",
    "src/build/build.js",
    "src/build/bundle.js",
    "src/build/command.js",
    "src/build/esbuild.js",
    "src/build/source-map.js",
    "src/current-run.js",
    "src/index.js",
    "src/missing-credential-error.js",
    "src/test/aws.js",
    "src/test/failure.js",
    "src/test/fetch.js",
    "src/test/index.js",
    "src/test/json.js",
    "src/test/load-step.js",
    "src/test/log.js",
    "src/test/masker.js",
    "src/test/node-globals.js",
    "src/test/run-step.js",
    "src/test/run.js",
    "src/test/signing.js",
    "tsconfig.json",
    "types/globals.d.ts",
    "types/index.d.ts",
    "types/script.d.ts",
    "types/test.d.ts",
  ]);
});

test("it has no dependencies, and names files that are there", () => {
  assert.equal(manifest.dependencies, undefined);
  const targets = (entry) => (typeof entry === "string" ? [entry] : Object.values(entry).flatMap(targets));
  for (const path of [...targets(manifest.exports), ...targets(manifest.bin)]) assert.ok(existsSync(join(PACKAGE, path)), path);
});

test("the lock file names no registry", () => {
  assert.doesNotMatch(read("package-lock.json"), /https?:|"resolved"/);
});

test("the module exports what its types promise", () => {
  const promised = [...read("types/index.d.ts").matchAll(/^export (?:function|class|const) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(Object.keys(step).sort(), promised.sort());
});

test("PLATFORM.md lists what is known not to be there", () => {
  const absent = read("PLATFORM.md").split("## Not there")[1];
  const hidden = ["clearImmediate", "__dirname", "__filename", "Deno", "Bun"];
  const unlisted = Object.keys(ABSENT_GLOBALS).filter((name) => !hidden.includes(name) && !absent.includes(`\`${name}\``));
  assert.deepEqual(unlisted, []);
});
