// The global object as a step sees it: an EventTarget with `self`, `navigator` and the handlers of uncaught errors.

import { engine } from "./engine.js";
import { adopt, dispatch, eventHandlers, EventTarget } from "./event-target.js";
import { PromiseRejectionEvent, trusted } from "./event.js";
import { callback, expose, exposeOperations, exposeReplaceable, internal, need, onlyInternal } from "./webidl.js";
import { reportException } from "./report.js";

class Navigator {
  #brand;

  constructor(token = undefined) {
    onlyInternal(token);
  }
  get userAgent() {
    this.#brand;
    return `Lockstep/${engine.version}`;
  }
}

/** Events of promises that were rejected without a handler. True: somebody prevented that the run fails. */
export function unhandledRejection(promise, reason) {
  return !dispatch(globalThis, rejection("unhandledrejection", promise, reason, true));
}

export function rejectionHandled(promise, reason) {
  dispatch(globalThis, rejection("rejectionhandled", promise, reason, false));
}

function rejection(type, promise, reason, cancelable) {
  return trusted(new PromiseRejectionEvent(type, { promise, reason, cancelable }));
}

const native = { atob: globalThis.atob, btoa: globalThis.btoa, queueMicrotask: globalThis.queueMicrotask };

function atob(data) {
  need(arguments, 1, "atob");
  return native.atob(data);
}

function btoa(data) {
  need(arguments, 1, "btoa");
  return native.btoa(data);
}

function queueMicrotask(callbackFunction) {
  need(arguments, 1, "queueMicrotask");
  callback(callbackFunction, "queueMicrotask: the argument");
  native.queueMicrotask(() => run(callbackFunction));
}

function run(callbackFunction) {
  try {
    callbackFunction();
  } catch (error) {
    reportException(error);
  }
}

const globalScope = Object.create(EventTarget.prototype, {
  [Symbol.toStringTag]: { value: "LockstepGlobalScope", configurable: true },
});
Object.setPrototypeOf(globalThis, globalScope);
adopt(globalThis);
eventHandlers(globalThis, ["error", "unhandledrejection", "rejectionhandled"]);

const navigator = new Navigator(internal);
expose({ Navigator });
exposeReplaceable("self", () => globalThis);
exposeReplaceable("navigator", () => navigator);
exposeOperations({ atob, btoa, queueMicrotask });
