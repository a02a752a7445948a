// What `build.js` puts into node-inspect-extracted in place of its guesses.

import { engine } from "./engine.js";
import { withoutPlatform } from "./stack.js";

const { namedKeys, promiseState, proxyDetails } = engine.inspect;

export function inspectPromise(promise, pending, rejected) {
  const [state, result] = promiseState(promise);
  return [state === 0 ? pending : state === 2 ? rejected : undefined, result];
}

export function inspectProxy(value, full = true) {
  const details = proxyDetails(value);
  return details === undefined || full ? details : details[0];
}

/** What node calls ALL_PROPERTIES and ONLY_ENUMERABLE. */
const ONLY_ENUMERABLE = 2;
const index = /^(0|[1-9][0-9]*)$/;

/** The own keys of an array that are no indices. */
export function inspectNames(object, filter = ONLY_ENUMERABLE) {
  return namedKeys(object).filter((key) => {
    if (typeof key === "string" && index.test(key) && Number(key) < 2 ** 32 - 1) return false;
    return filter !== ONLY_ENUMERABLE || Object.prototype.propertyIsEnumerable.call(object, key);
  });
}

/** The stack of an error below its name and message, which QuickJS leaves out. */
export function inspectStack(error) {
  const { stack } = error;
  if (typeof stack !== "string") return stack;
  const head = Error.prototype.toString.call(error);
  if (stack.startsWith(head)) return stack;
  const calls = withoutPlatform(stack);
  return calls === "" ? head : `${head}\n${calls}`;
}
