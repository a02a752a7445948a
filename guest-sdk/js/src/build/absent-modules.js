// Modules of Node.js that a bundle asks for. A step has none of them.
//
// What a static import asks for is an error: nothing would run. A `require` or `import()` may stand where it is never
// reached, as in packages that try: it is told, and throws when it is reached.

import { NODE_MODULES } from "../absent.js";

const NAMES = Object.keys(NODE_MODULES).join("|");
const FILTER = new RegExp(`^(node:.*|(${NAMES})(/.*)?)$`);
const STUB = "lockstep-absent";
/** Marks a resolution that this plugin asked for itself. */
const ASKED = Symbol("asked");

/** The plugin. */
export function absentModules() {
  return {
    name: "lockstep-absent-modules",
    setup(build) {
      build.onResolve({ filter: FILTER }, (asked) => resolve(build, asked));
      build.onLoad({ filter: /.*/, namespace: STUB }, ({ path }) => ({ contents: stub(path), loader: "js" }));
    },
  };
}

async function resolve(build, { path, kind, importer, resolveDir, pluginData }) {
  if (pluginData === ASKED) return undefined;
  // There are npm packages of some of these names, made to stand for them.
  const found = await fromPackages(build, { path, kind, importer, resolveDir });
  if (found !== undefined) return found;
  const complaint = { text: `\`${path}\` is not there in a step: ${adviceFor(path)}`, detail: { module: path } };
  if (kind === "import-statement") return { errors: [complaint] };
  return { path, namespace: STUB, warnings: [complaint] };
}

async function fromPackages(build, { path, ...asked }) {
  if (path.startsWith("node:")) return undefined;
  const found = await build.resolve(path, { ...asked, pluginData: ASKED });
  return found.errors.length === 0 ? { path: found.path, external: found.external, sideEffects: found.sideEffects, namespace: found.namespace } : undefined;
}

function adviceFor(path) {
  const name = path.replace(/^node:/, "").split("/")[0];
  return NODE_MODULES[name] ?? "the modules of Node.js are not there";
}

function stub(path) {
  return `throw new Error(${JSON.stringify(`\`${path}\` is not there in a step: ${adviceFor(path)}`)});`;
}
