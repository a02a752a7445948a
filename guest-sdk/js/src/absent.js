// What programs for Node.js or browsers look for and do not find in a step, and what to do instead: for `lockstep-step build`,
// for `runStep`, and for the engine, whose platform has this file built in.

/** Globals. `process` is there, as `{ env: {} }`. */
export const ABSENT_GLOBALS = {
  Buffer:
    "use `Uint8Array` with `TextEncoder`, `TextDecoder`, `atob`, `btoa`, `Uint8Array.fromBase64`, `Uint8Array.prototype.toHex`",
  process: "only `process.env` is there, and it is empty: values come with `input` or `credential(\"KEY\")`",
  __dirname: "a step has no files",
  __filename: "a step has no files",
  global: "use `globalThis`",
  setImmediate: "use `setTimeout(.., 0)` or `queueMicrotask`",
  clearImmediate: "use `clearTimeout`",
  window: "use `globalThis`",
  document: "a step has no page",
  FileReader: "use `blob.text()`, `blob.arrayBuffer()` or `blob.stream()`",
  XMLHttpRequest: "use `fetch`",
  WebSocket: "a step sends requests only: use `fetch`",
  EventSource: "read the stream `(await fetch(url)).body`",
  WebAssembly: "an interpreter runs steps, and it has no WebAssembly: write the step as a component",
  Worker: "a step is one thread",
  SharedWorker: "a step is one thread",
  localStorage: "a step keeps nothing from one run to the next",
  sessionStorage: "a step keeps nothing from one run to the next",
  indexedDB: "a step keeps nothing from one run to the next",
  caches: "a step keeps nothing from one run to the next",
  Deno: "this is Lockstep",
  Bun: "this is Lockstep",
};

/** What CommonJS gives each module. A bundle has none of them left. */
export const ABSENT_IN_MODULES = {
  require: "a step is an ES module: bundle what it needs into one file with `lockstep-step build`",
  module: "a step is an ES module: use `export default`",
  exports: "a step is an ES module: use `export default`",
};

const REQUESTS = "use `fetch`";
const SOCKETS = "there are no sockets: use `fetch`";
const FILES = "there are no files: data comes with `input`";
const SYSTEM = "it needs what a sandbox does not have";

/** Modules of Node.js. */
export const NODE_MODULES = {
  assert: "throw an `Error`",
  async_hooks: SYSTEM,
  buffer: "use `Uint8Array`, or bundle the npm package `buffer`",
  child_process: SYSTEM,
  cluster: SYSTEM,
  console: "use `console`",
  constants: SYSTEM,
  crypto: "use `crypto.subtle`, `crypto.randomUUID()` and `crypto.getRandomValues()`",
  dgram: SOCKETS,
  diagnostics_channel: SYSTEM,
  dns: SOCKETS,
  domain: SYSTEM,
  events: "use `EventTarget`, or bundle the npm package `events`",
  fs: FILES,
  http: REQUESTS,
  http2: REQUESTS,
  https: REQUESTS,
  inspector: SYSTEM,
  module: SYSTEM,
  net: SOCKETS,
  os: SYSTEM,
  path: "there are no files; bundle the npm package `path-browserify` where only names are needed",
  perf_hooks: "use `performance`",
  process: "values come with `input` or `credential(\"KEY\")`",
  punycode: "bundle the npm package `punycode`",
  querystring: "use `URLSearchParams`",
  readline: SYSTEM,
  repl: SYSTEM,
  sea: SYSTEM,
  sqlite: SYSTEM,
  stream: "use `ReadableStream`, `WritableStream` and `TransformStream`",
  string_decoder: "use `TextDecoder`",
  sys: "use `console`",
  test: "import it in the tests, not in the step",
  timers: "use `setTimeout`",
  tls: SOCKETS,
  trace_events: SYSTEM,
  tty: SYSTEM,
  url: "use `URL` and `URLSearchParams`",
  util: "use `console`, `TextEncoder` and `structuredClone`",
  v8: SYSTEM,
  vm: SYSTEM,
  wasi: SYSTEM,
  worker_threads: "a step is one thread",
  zlib: "use `CompressionStream` and `DecompressionStream`",
};
