// What a step imports. In Lockstep the engine's own module of this name takes the place of this file; in Node.js it works
// inside of `runStep` of `@lockstep/step/test`, and says so elsewhere.

import { currentRun } from "./current-run.js";

export { MissingCredentialError } from "./missing-credential-error.js";

export function credential(key) {
  return currentRun("credential").credential(key);
}

export function requireCredentials(...keys) {
  currentRun("requireCredentials").requireCredentials(...keys);
}

const sign = signing("sign");
const verify = signing("verify");
export { sign, verify };

/** `sign` or `verify` of the run that calls it. */
function signing(name) {
  const functions = name === "sign" ? ["hmac", "jwt", "awsV4", "awsV4Url", "basic"] : ["hmac", "github", "slack", "stripe"];
  const of = (what) => (...given) => currentRun(`${name}.${what}`)[name][what](...given);
  return Object.freeze(Object.fromEntries(functions.map((what) => [what, of(what)])));
}

export function defineStep(step) {
  if (typeof step !== "function") throw new TypeError(`a step is a function, not ${step === null ? "null" : typeof step}`);
  return step;
}
