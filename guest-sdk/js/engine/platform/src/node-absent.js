// What programs for Node.js look for and do not find here.
// The names themselves stay undefined (but for `process.env`, empty), so that `typeof Buffer` tells the truth to a
// library that can do without; an error that mentions one of them is explained when a run fails with it.

import { expose } from "./webidl.js";

const instead = {
  Buffer:
    "use `Uint8Array` with `TextEncoder`, `TextDecoder`, `atob`, `btoa`, `Uint8Array.fromBase64`, `Uint8Array.prototype.toHex`",
  require: "a step is an ES module: bundle what it needs into one file with `lockstep-step build`",
  module: "a step is an ES module: use `export default`",
  exports: "a step is an ES module: use `export default`",
  __dirname: "a step has no files",
  __filename: "a step has no files",
  global: "use `globalThis`",
  setImmediate: "use `setTimeout(.., 0)` or `queueMicrotask`",
  clearImmediate: "use `clearTimeout`",
  window: "use `globalThis`",
  document: "a step has no page",
  fetch: "a step has no network yet",
  XMLHttpRequest: "a step has no network yet",
  WebSocket: "a step has no network yet",
  EventSource: "a step has no network yet",
  FileReader: "use `blob.text()`, `blob.arrayBuffer()` or `blob.stream()`",
  WebAssembly: "an interpreter runs steps, and it has no WebAssembly: write the step as a component",
  Worker: "a step is one thread",
  SharedWorker: "a step is one thread",
  localStorage: "a step keeps nothing from one run to the next",
  indexedDB: "a step keeps nothing from one run to the next",
  caches: "a step keeps nothing from one run to the next",
  sessionStorage: "a step keeps nothing from one run to the next",
  Deno: "this is Lockstep",
  Bun: "this is Lockstep",
};

/** What to say below an uncaught error that comes from something that is not here; undefined for all others. */
export function explain(name, message) {
  if (name === "ReferenceError") {
    const missing = /^'?([A-Za-z_]\w*)'? is not defined/.exec(message)?.[1];
    if (missing !== undefined && Object.hasOwn(instead, missing))
      return `\`${missing}\` is not there in a step: ${instead[missing]}`;
  }
  return undefined;
}

expose({ process: { env: {} } });
