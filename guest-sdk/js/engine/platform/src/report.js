// What happens to an error that nobody caught: an `error` event on the global, and if nobody prevents its default,
// the run fails with it.

import { engine } from "./engine.js";
import { ErrorEvent, trusted } from "./event.js";
import { dispatch } from "./event-target.js";
import { exposeOperations, need } from "./webidl.js";

let reporting = false;

export function reportException(error) {
  if (reporting) return engine.uncaught(error);
  reporting = true;
  let handled = false;
  try {
    handled = !dispatch(globalThis, trusted(new ErrorEvent("error", { ...describe(error), error, cancelable: true })));
  } finally {
    reporting = false;
  }
  if (!handled) engine.uncaught(error);
}

/** Message and position of an error. Whatever its getters do, this gives an answer. */
function describe(error) {
  let message = "Uncaught exception";
  let place;
  try {
    message = `Uncaught ${error}`;
    if (error instanceof Error) place = /\(?([^\s()]+):(\d+):(\d+)\)?/.exec(String(error.stack));
  } catch {
    // A hostile error: what is known so far has to do.
  }
  if (!place) return { message };
  return { message, filename: place[1], lineno: Number(place[2]), colno: Number(place[3]) };
}

function reportError(e) {
  need(arguments, 1, "reportError");
  reportException(e);
}

exposeOperations({ reportError });
