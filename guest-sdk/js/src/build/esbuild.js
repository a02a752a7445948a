// esbuild, which a project brings itself: most steps need no bundle, and those that do pin its version like any other tool.

import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** The esbuild of the project that a file belongs to, or the one beside this package; undefined if there is none. */
export async function findEsbuild(file) {
  for (const from of [pathToFileURL(resolve(dirname(file), "_")), import.meta.url]) {
    const path = resolved("esbuild", from);
    if (path !== undefined) return (await import(pathToFileURL(path))).default;
  }
  return undefined;
}

function resolved(name, from) {
  try {
    return createRequire(from).resolve(name);
  } catch (error) {
    if (error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
