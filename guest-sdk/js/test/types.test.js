// The types, as TypeScript sees them in a project that depends on this package: what they promise and refuse, and that the
// examples of the documentation compile.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const TSC = join(createRequire(import.meta.url).resolve("typescript/package.json"), "../bin/tsc");

const project = mkdtempSync(join(tmpdir(), "lockstep-types-"));
after(() => rmSync(project, { recursive: true }));
mkdirSync(join(project, "node_modules/@lockstep"), { recursive: true });
symlinkSync(PACKAGE, join(project, "node_modules/@lockstep/step"));

/** Type-checks a folder of the project, as an author's `tsconfig.json` has it. */
function compile(folder) {
  const config = { extends: "@lockstep/step/tsconfig.json", compilerOptions: { skipLibCheck: false }, include: ["**/*.ts"] };
  writeFileSync(join(project, folder, "tsconfig.json"), JSON.stringify(config));
  const { status, stdout } = spawnSync(process.execPath, [TSC, "--noEmit", "-p", folder], { cwd: project, encoding: "utf8" });
  assert.equal(status, 0, stdout);
}

/** The code of the examples in a text. */
function examples(text) {
  return [...text.matchAll(/^( *\* )?```ts\n([^]*?)^( *\* )?```$/gm)].map(([, , code]) => code.replaceAll(/^ *\* ?/gm, ""));
}

test("the types promise and refuse what they should", () => {
  cpSync(join(PACKAGE, "test/types"), join(project, "types"), { recursive: true });
  compile("types");
});

test("the examples of the documentation compile", () => {
  const folder = join(project, "examples");
  mkdirSync(folder);
  const pages = [...readdirSync(join(PACKAGE, "types")).map((name) => `types/${name}`), "README.md"];
  let count = 0;
  for (const page of pages) {
    for (const code of examples(readFileSync(join(PACKAGE, page), "utf8"))) {
      count += 1;
      writeFileSync(join(folder, `${count}.ts`), /^(import|export) /m.test(code) ? code : `${code}\nexport {};\n`);
    }
  }
  assert.ok(count >= 12, `${count} examples`);
  compile("examples");
});

test("the examples of the repository have right types", () => {
  const examples = fileURLToPath(new URL("../../../examples", import.meta.url));
  mkdirSync(join(project, "steps"));
  let count = 0;
  for (const name of readdirSync(examples)) {
    const step = join(examples, name, "step.ts");
    if (!existsSync(step)) continue;
    count += 1;
    cpSync(step, join(project, "steps", `${name}.ts`));
  }
  assert.ok(count >= 2, `${count} examples`);
  compile("steps");
});

test("every function and class that is exported or global has a doc comment with an example", () => {
  for (const [page, count] of [["index.d.ts", 6], ["globals.d.ts", 3], ["test.d.ts", 1]]) {
    const text = readFileSync(join(PACKAGE, "types", page), "utf8");
    const declarations = [...text.matchAll(/(\/\*\*(?:(?!\*\/)[^])*\*\/)?\n *(?:export )?(?:function|class|interface Context|type Step|var) ?(\w*)/g)];
    assert.equal(declarations.length, count, page);
    for (const [, comment, name] of declarations) assert.match(comment ?? "", /@example/, `${page}: ${name}`);
  }
});
