// What Node.js has and a step has not: while a step runs, these names are undefined to it, as they are in Lockstep.
// A step that works here with `Buffer` would fail there.

import { ABSENT_GLOBALS } from "../absent.js";

/** `runOfThisCode` tells the run, or undefined for the code of tests. */
export function hideFromRuns(runOfThisCode) {
  for (const name of Object.keys(ABSENT_GLOBALS)) {
    const property = Object.getOwnPropertyDescriptor(globalThis, name);
    if (property?.configurable) hide(name, property, runOfThisCode);
  }
}

function hide(name, property, runOfThisCode) {
  let value = property.value;
  const original = property.get ?? (() => value);
  Object.defineProperty(globalThis, name, {
    configurable: true,
    enumerable: property.enumerable,
    get: function get() {
      const run = runOfThisCode();
      if (run === undefined || isNode(get)) return original.call(globalThis);
      if (name === "process") return { env: {} };
      run.absent.add(name);
      return undefined;
    },
    // A polyfill, or a fake of a test.
    set(next) {
      Object.defineProperty(globalThis, name, { configurable: true, enumerable: true, writable: true, value: next });
    },
  });
}

/** Whether Node.js itself called this function: its own `Request` looks for `global`. */
function isNode(called) {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  const caller = {};
  Error.captureStackTrace(caller, called);
  Error.stackTraceLimit = limit;
  return /^\s+at .*node:/m.test(caller.stack);
}
