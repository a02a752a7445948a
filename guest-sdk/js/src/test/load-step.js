// From what a test names to the function that is the step: a function, a module, or a file, which is loaded afresh for each
// run, as Lockstep does.

import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import * as nodeModule from "node:module";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Script } from "node:vm";

import { bundleForTest, plainScriptToModule } from "../build/bundle.js";
import { findEsbuild } from "../build/esbuild.js";

/** What Lockstep would not take for a step. */
export class InvalidStep extends Error {}

/** What a plain script is the body of, and what Lockstep makes of it. */
const BEFORE = "(async function (input, ctx) {";
const AFTER = "\n})";

/** A function from a run to the step. What fails before there is one is a mistake of the test. */
export async function findStep(step) {
  if (typeof step === "function") return () => step;
  if (typeof step === "string" || step instanceof URL) return findFile(pathOf(step));
  return () => defaultExport(step ?? {}, "what `runStep` was given");
}

function pathOf(step) {
  const isUrl = step instanceof URL || step.startsWith("file:");
  return isUrl ? fileURLToPath(step) : step;
}

async function findFile(path) {
  const text = await readFile(path, "utf8");
  switch (extname(path)) {
    case ".js":
    case ".mjs":
      return (run) => plainScript(path, text) ?? importStep(path, path, run);
    case ".ts":
    case ".mts":
      return findTypeScript(path, text);
    default:
      throw new TypeError(`\`${path}\` is no step: its name ends with .js, .mjs, .ts or .mts`);
  }
}

async function findTypeScript(path, text) {
  const esbuild = await findEsbuild(path);
  if (esbuild !== undefined) return (run) => loadTypeScript(esbuild, path, text, run);
  if (!nodeCanStrip(text) || !nodeCanStrip(`${BEFORE}${text}${AFTER}`)) {
    throw new Error(
      `cannot load \`${path}\`: without esbuild Node.js ${process.versions.node} cannot run this TypeScript; \`npm install --save-dev esbuild\` adds it`,
    );
  }
  return (run) => plainScript(path, text, nodeModule.stripTypeScriptTypes) ?? importStep(path, path, run);
}

/** Newer releases of Node.js take away types; what is more than types, such as an enum, they do not take. */
function nodeCanStrip(text) {
  if (!process.features.typescript) return false;
  try {
    nodeModule.stripTypeScriptTypes(text);
    return true;
  } catch (error) {
    return error.code !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX";
  }
}

async function loadTypeScript(esbuild, path, text, run) {
  process.setSourceMapsEnabled(true);
  const outfile = join(scratch(), `${(bundles += 1)}.mjs`);
  const plain = await plainScriptToModule(esbuild, path, text);
  if (plain === undefined) await bundle(esbuild, path, outfile);
  else await writeFile(outfile, plain);
  return importStep(outfile, path, run);
}

async function bundle(esbuild, path, outfile) {
  try {
    await bundleForTest(esbuild, path, outfile);
  } catch (error) {
    if (!Array.isArray(error.errors)) throw error;
    const lines = error.errors.map(({ text, location }) => (location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text));
    throw new InvalidStep(lines.join("\n"));
  }
}

/** The step of a plain script; undefined if the text is none, but a module. `translate` makes JavaScript of it. */
function plainScript(filename, text, translate = (code) => code) {
  try {
    const code = translate(`${BEFORE}${text}${AFTER}`);
    return new Script(code, { filename, columnOffset: -BEFORE.length }).runInThisContext();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Imports a module as if for the first time. */
async function importStep(path, name, run) {
  const url = pathToFileURL(path);
  url.searchParams.set("run", run.id);
  try {
    return await run.whileLoading(async () => defaultExport(await import(url.href), `\`${name}\``));
  } catch (error) {
    throw isOfLoading(error) ? new InvalidStep(`${error}`) : error;
  }
}

/** Whether the code could not be loaded, rather than that it threw. */
function isOfLoading(error) {
  if (error instanceof SyntaxError) return !/^\s+at .*file:/m.test(error.stack);
  return error?.code === "ERR_MODULE_NOT_FOUND" || error?.code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX";
}

function defaultExport(module, name) {
  if (typeof module.default === "function") return module.default;
  throw new InvalidStep(`${name} has no function as its default export: write \`export default (input, ctx) => ..\``);
}

let folder;
let bundles = 0;

/** A folder for bundles, which goes with this process. */
function scratch() {
  if (folder === undefined) {
    folder = mkdtempSync(join(tmpdir(), "lockstep-step-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  }
  return folder;
}
