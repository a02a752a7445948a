// How esbuild bundles a step: one ES module that the engine runs, with `@lockstep/step` left to the engine.

import { pathToFileURL } from "node:url";

import { absentModules } from "./absent-modules.js";

const STEP_MODULE = "@lockstep/step";

/** What all bundles have in common. */
export function optionsFor(entry) {
  return {
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    // Neither Node.js nor a browser: builds of packages for a worker come nearest, then those for browsers.
    platform: "neutral",
    conditions: ["lockstep", "worker", "browser", "module"],
    mainFields: ["browser", "module", "main"],
    // What the engine knows; newer syntax is translated.
    target: "es2023",
    charset: "utf8",
    legalComments: "inline",
    logLevel: "silent",
    // What cannot be resolved before it runs cannot be bundled. A `require` of it throws; `import()` Lockstep refuses.
    logOverride: {
      "indirect-require": "warning",
      "unsupported-dynamic-import": "error",
      "unsupported-require-call": "warning",
    },
    metafile: true,
  };
}

/** What packages ask at build time. */
export const DEFINE = { "process.env.NODE_ENV": '"production"' };

/** Leaves `@lockstep/step` to the engine. */
export function leaveStepModule() {
  return {
    name: "lockstep-step-module",
    setup({ onResolve }) {
      onResolve({ filter: /^@lockstep\/step$/ }, () => ({ path: STEP_MODULE, external: true, sideEffects: false }));
    },
  };
}

/** Bundles a step of TypeScript for a test in Node.js. */
export async function bundleForTest(esbuild, entry, outfile) {
  const ownModule = new URL("../index.js", import.meta.url).href;
  const useOwnModule = {
    name: "lockstep-own-module",
    setup({ onResolve }) {
      onResolve({ filter: /^@lockstep\/step$/ }, () => ({ path: ownModule, external: true }));
    },
  };
  await esbuild.build({
    ...optionsFor(entry),
    outfile,
    define: DEFINE,
    sourcemap: "inline",
    plugins: [useOwnModule, absentModules()],
  });
}

/** Makes a module of a plain script in TypeScript, line by line; undefined if the text is none, but a module. */
export async function plainScriptToModule(esbuild, path, text) {
  const code = `export default async function (input, ctx) {${text}\n}`;
  try {
    const options = { loader: "ts", sourcefile: pathToFileURL(path).href, sourcemap: "inline", target: "es2023", logLevel: "silent" };
    return (await esbuild.transform(code, options)).code;
  } catch {
    return undefined;
  }
}
