// `lockstep-step build`: what is bundled, and what is told about it.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { runStep } from "@lockstep/step/test";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const COMMAND = join(PACKAGE, "bin/lockstep-step.js");

/** A project with the steps of these tests, as an author has it. */
const project = mkdtempSync(join(tmpdir(), "lockstep-build-"));
after(() => rmSync(project, { recursive: true }));
cpSync(join(PACKAGE, "test/steps"), join(project, "src"), { recursive: true });
cpSync(join(PACKAGE, "test/packages"), join(project, "node_modules"), { recursive: true });
mkdirSync(join(project, "node_modules/@lockstep"));
symlinkSync(PACKAGE, join(project, "node_modules/@lockstep/step"));

function lockstepStep(...words) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...words], { cwd: project, encoding: "utf8" });
  return { status, stdout, stderr };
}

function build(step, ...words) {
  const { status, stdout, stderr } = lockstepStep("build", `src/${step}`, "-o", "dist/step.js", "--json", ...words);
  assert.equal(stderr, "");
  return { status, ...JSON.parse(stdout) };
}

const built = () => readFileSync(join(project, "dist/step.js"), "utf8");

describe("the bundle", () => {
  test("holds npm packages, and leaves `@lockstep/step` to the engine", async () => {
    const { status, output, modules, errors, warnings } = build("packages.ts");
    assert.deepEqual({ status, output, modules, errors, warnings }, { status: 0, output: "dist/step.js", modules: 2, errors: [], warnings: [] });
    const imports = built().match(/^import .*$/gm);
    assert.deepEqual(imports, ['import { credential as secret } from "@lockstep/step";']);
    const ran = await runStep(join(project, "dist/step.js"), { input: { name: "Ada" }, credentials: { TOKEN: "12345678" } });
    assert.deepEqual(ran.output, { text: "Hello Ada, from a worker", length: 8 });
  });

  test("says how large it is", () => {
    assert.equal(build("packages.ts").bytes, built().length);
  });

  test("is smaller with --minify", () => {
    const { bytes } = build("module.ts");
    assert.ok(build("module.ts", "--minify").bytes < bytes);
    assert.match(built(), /from"@lockstep\/step"/);
  });

  test("has a source map beside it, in it, or none", () => {
    const map = join(project, "dist/step.js.map");
    build("module.ts");
    assert.deepEqual(JSON.parse(readFileSync(map, "utf8")).sources, ["../src/module.ts", "../src/rate.ts"]);
    assert.match(built(), /\n\/\/# sourceMappingURL=step\.js\.map\n$/);
    build("module.ts", "--sourcemap", "inline");
    assert.match(built(), /\n\/\/# sourceMappingURL=data:application\/json;base64,/);
    build("module.ts", "--sourcemap", "none");
    assert.doesNotMatch(built(), /sourceMappingURL/);
  });

  test("fails as it would without a bundle", async () => {
    build("module.ts");
    const ran = await runStep(join(project, "dist/step.js"), { input: { net: -1 } });
    assert.match(ran.failure.message, /^RangeError: the order is worth -1\n/);
  });
});

describe("what a step does not have", () => {
  test("globals are told with their places, unless the file tests for them, and modules that may not be reached", () => {
    const { status, warnings } = build("node-parts.ts");
    assert.equal(status, 0);
    const told = warnings.map(({ file, line, column, text }) => `${file}:${line}:${column} ${text.split(":")[0]}`);
    assert.deepEqual(told, [
      "node_modules/greeter/node.cjs:1:29 `os` is not there in a step",
      "src/node-parts.ts:4:16 `Buffer` is not there in a step",
      "src/node-parts.ts:6:69 `process` is not there in a step",
    ]);
    assert.equal(warnings[1].lineText, '  const bytes = Buffer.from(greet("Ada"));');
  });

  test("a module that is not reached does no harm, and one that is says what is wrong", async () => {
    build("node-parts.ts");
    const bundle = built().replace("Buffer.from(", "new TextEncoder().encode(").replace("process.cwd()", '"/"');
    writeFileSync(join(project, "dist/works.js"), bundle);
    assert.deepEqual((await runStep(join(project, "dist/works.js"))).output, { bytes: 23, home: null, cwd: "/" });
    writeFileSync(join(project, "dist/fails.js"), bundle.replace("greet)(", "host)("));
    const ran = await runStep(join(project, "dist/fails.js"));
    assert.match(ran.failure.message, /^Error: `os` is not there in a step/);
  });

  test("a module of Node.js that is imported is an error", () => {
    rmSync(join(project, "dist"), { recursive: true, force: true });
    const { status, output, errors } = build("node-import.ts");
    assert.deepEqual([status, output, errors.length], [1, null, 1]);
    const [{ file, line, column, text }] = errors;
    assert.equal(text, "`node:fs` is not there in a step: there are no files: data comes with `input`");
    assert.deepEqual({ file, line, column }, { file: "src/node-import.ts", line: 1, column: 29 });
    assert.ok(!existsSync(join(project, "dist")));
  });

  test("an npm package stands for the module of its name", () => {
    const events = join(project, "node_modules/events");
    mkdirSync(events);
    writeFileSync(join(events, "package.json"), '{ "name": "events", "main": "events.js" }');
    writeFileSync(join(events, "events.js"), "module.exports = class EventEmitter {};");
    writeFileSync(join(project, "src/events.ts"), 'import Emitter from "events";\nexport default () => new Emitter() instanceof Emitter;\n');
    assert.deepEqual(build("events.ts").warnings, []);
    assert.equal(build("events.ts").modules, 2);
  });

  test("a line of minified code is not shown", () => {
    writeFileSync(join(project, "src/minified.js"), `export default () => Buffer("${"x".repeat(300)}");\n`);
    const [{ line, column, lineText }] = build("minified.js").warnings;
    assert.deepEqual({ line, column, lineText }, { line: 1, column: 21, lineText: null });
  });

  test("an import whose name is computed is an error", () => {
    const { status, errors } = build("dynamic-import.js");
    assert.equal(status, 1);
    assert.deepEqual([errors[0].line, errors[0].file], [1, "src/dynamic-import.js"]);
  });
});

describe("the command", () => {
  test("tells people what was built, and what to mind", () => {
    const { status, stdout, stderr } = lockstepStep("build", "src/node-parts.ts", "--output", "dist/step.js");
    assert.deepEqual([status, stdout], [0, ""]);
    assert.match(stderr, /^warning: src\/node-parts\.ts:4:17: `Buffer` is not there .*\n  {3}const bytes = Buffer\.from.*\n {18}\^$/m);
    assert.match(stderr, /dist\/step\.js: \d+\.\d kB of 3 modules\n$/);
  });

  test("a plain script and a module without a default export are refused", () => {
    const { status, errors } = build("no-default.js");
    assert.equal(status, 1);
    assert.match(errors[0].text, /has no default export: a step that is bundled is a module/);
    for (const step of ["plain.js", "plain.ts"]) {
      const { status, errors } = build(step);
      assert.equal(status, 1);
      assert.match(errors[0].text, /is a plain script, which cannot be bundled: write `export default/);
    }
  });

  test("a fault of syntax is told with its place", () => {
    const { status, errors } = build("syntax.js");
    assert.equal(status, 1);
    assert.deepEqual([errors[0].file, errors[0].line], ["src/syntax.js", 2]);
  });

  test("a bundle that Lockstep would not take is not written", () => {
    writeFileSync(join(project, "src/large.js"), `export default () => "${"x".repeat(4 << 20)}".length;\n`);
    const { status, output, errors } = build("large.js");
    assert.deepEqual([status, output], [1, null]);
    assert.match(errors[0].text, /^the bundle has \d+ bytes, Lockstep takes 4194304/);
  });

  for (const [words, message] of [
    [["bundle"], "there is no command `bundle`"],
    [["build"], "the file of the step is missing"],
    [["build", "a.ts"], "where to write it is missing: `-o dist/step.js`"],
    [["build", "a.ts", "b.ts", "-o", "c.js"], "one step at a time: `b.ts` is one too many"],
    [["build", "a.ts", "-o", "c.js", "--sourcemap", "huge"], "there is no source map `huge`: `linked`, `inline` or `none`"],
  ]) {
    test(`a wrong call is told: ${message}`, () => {
      const { status, stdout, stderr } = lockstepStep(...words);
      assert.deepEqual([status, stdout], [2, ""]);
      assert.equal(stderr, `error: ${message}\nhint: \`lockstep-step --help\` tells more\n`);
    });
  }

  test("--help and --version answer", () => {
    assert.match(lockstepStep("--help").stdout, /^Bundle a Lockstep step[^]*Exit codes/);
    assert.equal(lockstepStep("--version").stdout, `${JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")).version}\n`);
    assert.equal(lockstepStep("build", "--help").status, 0);
  });

  test("without esbuild it says how to get it", () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "lockstep-bare-"));
    try {
      for (const part of ["bin", "src", "package.json"]) cpSync(join(PACKAGE, part), join(elsewhere, part), { recursive: true });
      const bare = spawnSync(process.execPath, [join(elsewhere, "bin/lockstep-step.js"), "build", "a.ts", "-o", "b.js"], { cwd: elsewhere, encoding: "utf8" });
      assert.equal(bare.status, 1);
      assert.equal(bare.stderr, "error: bundling needs esbuild, which is not installed; `npm install --save-dev esbuild` adds it\n");
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  test("--watch bundles again when a file changes", { timeout: 60_000 }, async () => {
    const source = join(project, "src/watched.js");
    writeFileSync(source, "export default () => 1;\n");
    const watching = spawn(process.execPath, [COMMAND, "build", "src/watched.js", "-o", "dist/watched.js", "--json", "--watch"], { cwd: project });
    watching.stdout.setEncoding("utf8");
    try {
      await once(watching.stdout, "data");
      assert.match(readFileSync(join(project, "dist/watched.js"), "utf8"), /=> 1/);
      writeFileSync(source, "export default () => 2;\n");
      await once(watching.stdout, "data");
      assert.match(readFileSync(join(project, "dist/watched.js"), "utf8"), /=> 2/);
      watching.kill("SIGINT");
      assert.deepEqual(await once(watching, "exit"), [0, null]);
    } finally {
      watching.kill();
    }
  });
});
