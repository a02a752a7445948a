// What the tests of the platform are written with. Each file of this folder is run in a step, with this text before it.

const tests = [];

/** One claim. */
function test(name, check) {
  tests.push([name, check]);
}

function fail(message) {
  throw new Error(message);
}

const show = (value) => {
  try {
    if (typeof value === "string") return JSON.stringify(value);
    if (typeof value === "object" && value !== null) return `${Object.prototype.toString.call(value)} ${JSON.stringify(value)}`;
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
};

function same(actual, expected, what = "value") {
  if (!Object.is(actual, expected)) fail(`${what}: expected ${show(expected)}, got ${show(actual)}`);
}

function ok(value, what = "value") {
  if (!value) fail(`${what}: expected something true, got ${show(value)}`);
}

/** Equal as data: arrays, plain objects, bytes. */
function equal(actual, expected, what = "value") {
  if (ArrayBuffer.isView(expected) || expected instanceof ArrayBuffer) return same(hex(actual), hex(expected), what);
  if (Array.isArray(expected)) {
    ok(Array.isArray(actual), `${what} is an array`);
    same(actual.length, expected.length, `${what}.length`);
    expected.forEach((item, i) => equal(actual[i], item, `${what}[${i}]`));
  } else if (typeof expected === "object" && expected !== null) {
    same(Object.keys(actual).sort().join(), Object.keys(expected).sort().join(), `keys of ${what}`);
    for (const key of Object.keys(expected)) equal(actual[key], expected[key], `${what}.${key}`);
  } else {
    same(actual, expected, what);
  }
}

const hex = (bytes) => (bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toHex();
const bytes = (text) => Uint8Array.fromHex(text.replaceAll(/\s/g, ""));
const utf8 = (text) => new TextEncoder().encode(text);

/** What a function throws: an error of `name` (a constructor's or a DOMException's, as `SyntaxError` is here). */
function throws(name, run, what = "it") {
  let result;
  try {
    result = run();
  } catch (error) {
    return checkError(error, name, what);
  }
  return fail(`${what}: expected a ${name}, got ${show(result)}`);
}

async function rejects(name, promise, what = "it") {
  let result;
  try {
    result = await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    return checkError(error, name, what);
  }
  return fail(`${what}: expected a ${name}, got ${show(result)}`);
}

function checkError(error, name, what) {
  if (error?.name !== name) fail(`${what}: expected a ${name}, got ${error?.name}: ${error?.message}`);
  if (!/Error$/.test(name)) return error;
  const kind = name !== "SyntaxError" && globalThis[name] ? globalThis[name] : DOMException;
  if (!(error instanceof kind)) fail(`${what}: the ${name} is not an instance of ${kind.name}`);
  return error;
}

/** The result of all tests: how many there were, and what failed. */
export default async function run() {
  const failed = [];
  for (const [name, check] of tests) {
    try {
      await check();
    } catch (error) {
      failed.push(`${name}: ${error?.name}: ${error?.message}\n${error?.stack ?? ""}`);
    }
  }
  return { tests: tests.length, failed };
}

