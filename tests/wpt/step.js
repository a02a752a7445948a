// The step that a file of the Web Platform Tests is run in: a page's global scope, as far as tests without a document ask for
// one, then `testharness.js`, then the test. Everything comes with the input, so that one prepared step runs them all.

/** A test that has not ended by then has failed, and the others of its file are told all the same. */
const PATIENCE_MS = 60_000;

/** Like `<script>`: what it declares is global. */
const evaluate = (text) => (0, eval)(text);

/** What is a part of the harness of WPT and not of the platform: where the test is from, and what its server would give it. */
function pretendPage({ origin: server, served, path, search, resources, idl }) {
  const href = `${server}/${path}${search}`;
  const { origin, protocol, host, hostname, port, pathname } = new URL(href);
  globalThis.location = { href, origin, protocol, host, hostname, port, pathname, search, hash: "", toString: () => href };
  globalThis.GLOBAL = { isWindow: () => false, isWorker: () => false, isShadowRealm: () => false };
  globalThis.META_TITLE = path;
  if (path.endsWith(".window.js")) globalThis.window = globalThis;
  const { fetch } = globalThis;
  globalThis.fetch = (...given) => {
    const [url, ...rest] = given;
    const full = given.length === 0 || url instanceof Request ? null : URL.parse(url, href);
    if (full === null) return fetch(...given);
    const file = served && !idl ? undefined : resources[full.pathname];
    return file === undefined ? fetch(full.href, ...rest) : Promise.resolve(new Response(Uint8Array.fromBase64(file)));
  };
  // Those of a run end it. The harness looks at them by itself.
  for (const type of ["error", "unhandledrejection"]) addEventListener(type, (event) => event.preventDefault());
  if (!idl) resolveUrls(href);
}

/** A step has no page, so that its URLs are absolute. Those of the tests are not. */
function resolveUrls(base) {
  const absolute = (url) => (url instanceof Request ? url : new URL(url, base).href);
  globalThis.Request = new Proxy(Request, {
    construct: (target, [url, ...rest], made) => Reflect.construct(target, url === undefined ? rest : [absolute(url), ...rest], made),
  });
  const { redirect } = Response;
  Response.redirect = (url, ...rest) => redirect.call(Response, absolute(url), ...rest);
}

/** The tests take the constructor of shared memory from a memory of WebAssembly, as pages may not see it otherwise. */
function pretendMemory() {
  globalThis.WebAssembly = { Memory: function Memory() { return { buffer: new SharedArrayBuffer(0) } } };
}

/** `idlharness.js` asks in which scope it is; a worker's is the nearest. */
function pretendWorker() {
  const scope = class DedicatedWorkerGlobalScope {
    static [Symbol.hasInstance](value) {
      return value === globalThis;
    }
  };
  Object.defineProperty(globalThis, "DedicatedWorkerGlobalScope", { value: scope, configurable: true, writable: true });
}

const statuses = ["pass", "fail", "timeout", "not run", "not there"];

export default async function run(input) {
  pretendPage(input);
  evaluate(input.harness);
  if (input.idl) pretendWorker();
  if (input.source.includes("new WebAssembly.Memory")) pretendMemory();
  const ended = new Promise((resolve) => {
    add_completion_callback((tests, { status, message }) => {
      const subtests = tests.map((test) => ({ name: test.name, status: statuses[test.status], message: test.message }));
      resolve({ error: status === 0 || status === 2 ? null : String(message), subtests });
    });
  });
  const waiting = setTimeout(timeout, PATIENCE_MS);
  try {
    evaluate(input.source);
  } catch (error) {
    return { error: `${error?.name}: ${error?.message}\n${error?.stack ?? ""}`, subtests: [] };
  }
  const result = await ended;
  clearTimeout(waiting);
  return result;
}
