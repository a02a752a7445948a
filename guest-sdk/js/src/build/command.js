// The command `lockstep-step`.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { build, watch } from "./build.js";
import { findEsbuild } from "./esbuild.js";

const HELP = `Bundle a Lockstep step and the npm packages that it imports into one file.

Usage: lockstep-step build ENTRY -o OUTPUT [options]

A step that imports nothing but "@lockstep/step" needs no bundle: \`lockstep run src/step.ts\` takes it as it is.
What a step does not have (modules and globals of Node.js, the network) is told with file and line.

Options:
  -o, --output FILE     where to write the bundle, such as dist/step.js
      --minify          make it small; positions in stacks are then hard to read
      --sourcemap KIND  \`linked\` (default): FILE.map beside the bundle; \`inline\`: in it; \`none\`
      --watch           bundle again whenever a file changes, until interrupted
      --json            one JSON document on stdout for each bundle: output, bytes, modules, errors, warnings
  -h, --help            this text
      --version         the version of @lockstep/step

esbuild does the bundling; the project brings it: npm install --save-dev esbuild

Example:
  lockstep-step build src/step.ts -o dist/step.js && lockstep run dist/step.js

Exit codes: 0 bundled, with or without warnings; 1 not bundled; 2 the call is wrong.
`;

const BUILT = 0;
const NOT_BUILT = 1;
const WRONG_CALL = 2;

const OPTIONS = {
  output: { type: "string", short: "o" },
  minify: { type: "boolean" },
  sourcemap: { type: "string" },
  watch: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
};

/** Carries out a call; the exit code. */
export async function main(words) {
  let call;
  try {
    call = parse(words);
  } catch (error) {
    return complain(error.message, WRONG_CALL);
  }
  if (call.print !== undefined) {
    process.stdout.write(call.print);
    return BUILT;
  }
  const esbuild = await findEsbuild(call.entry);
  if (esbuild === undefined) {
    return complain("bundling needs esbuild, which is not installed; `npm install --save-dev esbuild` adds it", NOT_BUILT);
  }
  return call.watch ? keepBuilding(esbuild, call) : buildOnce(esbuild, call);
}

function parse(words) {
  const { values, positionals } = parseArgs({ args: words, options: OPTIONS, allowPositionals: true });
  if (values.help || words.length === 0) return { print: HELP };
  if (values.version) return { print: `${version()}\n` };
  const [command, entry, ...more] = positionals;
  if (command !== "build") throw new Error(command === undefined ? "what to do is not said" : `there is no command \`${command}\``);
  if (entry === undefined) throw new Error("the file of the step is missing");
  if (more.length > 0) throw new Error(`one step at a time: \`${more[0]}\` is one too many`);
  const { output, sourcemap = "linked", ...rest } = values;
  if (output === undefined) throw new Error("where to write it is missing: `-o dist/step.js`");
  if (!["linked", "inline", "none"].includes(sourcemap)) throw new Error(`there is no source map \`${sourcemap}\`: \`linked\`, \`inline\` or \`none\``);
  return { entry, output, sourcemap, ...rest };
}

async function buildOnce(esbuild, call) {
  const result = await build(esbuild, call);
  tell(result, call);
  return result.errors.length === 0 ? BUILT : NOT_BUILT;
}

async function keepBuilding(esbuild, call) {
  const context = await watch(esbuild, call, (result) => tell(result, call));
  await new Promise((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
  await context.dispose();
  return BUILT;
}

function tell(result, { json }) {
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for (const [label, complaints] of [["warning", result.warnings], ["error", result.errors]]) {
    for (const complaint of complaints) process.stderr.write(`${label}: ${shown(complaint)}\n`);
  }
  if (result.output !== null) {
    const modules = result.modules === 1 ? "1 module" : `${result.modules} modules`;
    process.stderr.write(`${result.output}: ${(result.bytes / 1000).toFixed(1)} kB of ${modules}\n`);
  }
}

function shown({ text, file, line, column, lineText }) {
  const place = file === null ? "" : line === null ? `${file}: ` : `${file}:${line}:${column + 1}: `;
  const code = lineText === null ? "" : `\n  ${lineText.trimEnd()}\n  ${" ".repeat(column)}^`;
  return `${place}${text}${code}`;
}

function complain(message, exitCode) {
  process.stderr.write(`error: ${message}\n${exitCode === WRONG_CALL ? "hint: `lockstep-step --help` tells more\n" : ""}`);
  return exitCode;
}

function version() {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}
