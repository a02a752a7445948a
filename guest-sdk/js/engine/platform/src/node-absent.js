// What programs for Node.js look for and do not find here.
// The names themselves stay undefined (but for `process.env`, empty), so that `typeof Buffer` tells the truth to a
// library that can do without; an error that mentions one of them is explained when a run fails with it.

import { ABSENT_GLOBALS, ABSENT_IN_MODULES } from "../../../src/absent.js";
import { expose } from "./webidl.js";

const instead = { ...ABSENT_GLOBALS, ...ABSENT_IN_MODULES };

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
