// For plain scripts, which `return` their output: the names that are there without an import. Name it in `tsconfig.json`:
// `"types": ["@lockstep/step", "@lockstep/step/script"]`. TypeScript itself takes a `return` outside of a function for an
// error; Lockstep does not.

import type { Context } from "./index.js";

declare global {
  /** The input of the run: JSON. */
  const input: any;
  /** What the step knows of its run. */
  const ctx: Context<any>;
}
