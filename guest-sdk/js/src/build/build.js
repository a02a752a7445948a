// `lockstep-step build`: one file of a step and all that it imports, and what to mind about it.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { absentGlobals } from "./absent-globals.js";
import { absentModules } from "./absent-modules.js";
import { DEFINE, leaveStepModule, optionsFor } from "./bundle.js";

/** Longer lines are of minified code, and tell nobody anything. */
const MAX_LINE = 200;

/** What Lockstep takes. */
const MAX_SOURCE_BYTES = 4 << 20;

/**
 * Bundles a step. What comes back is `{ output, bytes, modules, errors, warnings }`; errors and warnings are
 * `{ text, file, line, column, lineText }`, where all but the text may be null; a long line is.
 */
export async function build(esbuild, { entry, output, minify = false, sourcemap = "linked" }) {
  const options = buildOptions(entry, output, minify, sourcemap);
  return finished(esbuild, { entry, output }, await resultOf(() => esbuild.build(options)));
}

/** Bundles a step whenever one of its files changes, and hands each result to `told`. Ends when it is disposed of. */
export async function watch(esbuild, { entry, output, minify = false, sourcemap = "linked" }, told) {
  const options = buildOptions(entry, output, minify, sourcemap);
  const tell = {
    name: "lockstep-tell",
    setup({ onEnd }) {
      onEnd(async (result) => told(await finished(esbuild, { entry, output }, result)));
    },
  };
  const context = await esbuild.context({ ...options, plugins: [...options.plugins, tell] });
  await context.watch();
  return context;
}

function buildOptions(entry, output, minify, sourcemap) {
  return {
    ...optionsFor(entry),
    outfile: output,
    write: false,
    minify,
    sourcemap: { linked: "linked", inline: "inline", none: false }[sourcemap],
    define: DEFINE,
    plugins: [leaveStepModule(), absentModules()],
  };
}

async function resultOf(build) {
  try {
    return await build();
  } catch (error) {
    // A failed build is an error with lists; anything else is a fault of ours.
    if (Array.isArray(error.errors)) return error;
    throw error;
  }
}

async function finished(esbuild, { entry, output }, result) {
  const warnings = result.warnings.map(complaint);
  const failed = (errors) => ({ output: null, bytes: 0, modules: 0, errors, warnings });
  if (result.errors.some(({ text }) => text.startsWith("Top-level return"))) return failed([plainScript(entry)]);
  if (result.errors.length > 0) return failed(result.errors.map(complaint));
  const file = result.outputFiles.find(({ path }) => !path.endsWith(".map"));
  const wrong = wrongEntry(entry, result.metafile) ?? tooLarge(file);
  if (wrong !== undefined) return failed([wrong]);
  warnings.push(...(await absentGlobals(esbuild, entry)).map(short));
  await writeAll(result.outputFiles);
  return { output, bytes: file.contents.length, modules: Object.keys(result.metafile.inputs).length, errors: [], warnings };
}

function wrongEntry(entry, { inputs, outputs }) {
  const [made] = Object.entries(outputs).filter(([path]) => !path.endsWith(".map"));
  const { entryPoint, exports } = made[1];
  if (inputs[entryPoint].format !== "esm") return plainScript(entry);
  if (exports.includes("default")) return undefined;
  const text = `\`${entry}\` has no default export: a step that is bundled is a module with \`export default (input, ctx) => ..\``;
  return { ...NOWHERE, text };
}

function plainScript(entry) {
  const text = `\`${entry}\` is a plain script, which cannot be bundled: write \`export default (input, ctx) => ..\``;
  return { ...NOWHERE, text };
}

function tooLarge({ contents }) {
  if (contents.length <= MAX_SOURCE_BYTES) return undefined;
  const text = `the bundle has ${contents.length} bytes, Lockstep takes ${MAX_SOURCE_BYTES}: \`--minify\` makes it smaller`;
  return { ...NOWHERE, text };
}

async function writeAll(files) {
  for (const { path, contents } of files) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, contents);
  }
}

const NOWHERE = { file: null, line: null, column: null, lineText: null };

/** What esbuild says, in fewer fields. */
function complaint({ text, location }) {
  if (location === null) return { ...NOWHERE, text };
  const { file, line, column, lineText } = location;
  return short({ text, file, line, column, lineText });
}

function short(complaint) {
  return complaint.lineText?.length > MAX_LINE ? { ...complaint, lineText: null } : complaint;
}
