// AbortController and AbortSignal.

import { newSignalState, signalState } from "./abort-state.js";
import { DOMException } from "./dom-exception.js";
import { Event, trusted } from "./event.js";
import { dispatch, eventHandlers, EventTarget } from "./event-target.js";
import { after } from "./timers.js";
import { enforced, expose, internal, need, onlyInternal, sequence } from "./webidl.js";

export class AbortSignal extends EventTarget {
  constructor(token = undefined) {
    onlyInternal(token);
    super();
    newSignalState(this);
  }

  static abort(reason = undefined) {
    const signal = new AbortSignal(internal);
    Object.assign(signalState(signal), { aborted: true, reason: reasonOr(reason) });
    return signal;
  }

  static timeout(milliseconds) {
    need(arguments, 1, "AbortSignal.timeout");
    const delay = enforced(milliseconds, 64, "AbortSignal.timeout: the time");
    const signal = new AbortSignal(internal);
    after(delay, () => abortSignal(signal, new DOMException("The operation timed out", "TimeoutError")));
    return signal;
  }

  static any(signals) {
    need(arguments, 1, "AbortSignal.any");
    const sources = sequence(
      signals,
      (it) => (signalState(it, "AbortSignal.any: one of the signals"), it),
      "AbortSignal.any: the signals",
    );
    return dependentSignal(sources);
  }

  get aborted() {
    return signalState(this).aborted;
  }
  get reason() {
    return signalState(this).reason;
  }
  throwIfAborted() {
    const { aborted, reason } = signalState(this);
    if (aborted) throw reason;
  }
}

const reasonOr = (reason) =>
  reason === undefined ? new DOMException("This operation was aborted", "AbortError") : reason;

/** A signal that aborts with the first of its sources: the algorithm of `AbortSignal.any`. */
export function dependentSignal(sources) {
  const result = new AbortSignal(internal);
  const state = signalState(result);
  const aborted = sources.find((it) => signalState(it).aborted);
  if (aborted !== undefined) {
    Object.assign(state, { aborted: true, reason: signalState(aborted).reason });
    return result;
  }
  state.dependent = true;
  for (const source of sources) {
    const own = signalState(source);
    for (const origin of own.dependent ? own.sources : [source]) {
      state.sources.add(origin);
      signalState(origin).dependents.add(result);
    }
  }
  return result;
}

export function abortSignal(signal, reason) {
  const state = signalState(signal);
  if (state.aborted) return;
  Object.assign(state, { aborted: true, reason: reasonOr(reason) });
  const dependents = [...state.dependents].filter((it) => !signalState(it).aborted);
  for (const it of dependents) Object.assign(signalState(it), { aborted: true, reason: state.reason });
  for (const it of [signal, ...dependents]) runAbortSteps(it);
}

function runAbortSteps(signal) {
  const { algorithms } = signalState(signal);
  for (const algorithm of algorithms) algorithm();
  algorithms.clear();
  dispatch(signal, trusted(new Event("abort")));
}

export class AbortController {
  #signal = new AbortSignal(internal);

  get signal() {
    return this.#signal;
  }
  abort(reason = undefined) {
    abortSignal(this.#signal, reason);
  }
}

/** For the engine: a signal, and what aborts it because its time is over. Nothing that a step can replace is in it. */
export function timeoutController() {
  const signal = new AbortSignal(internal);
  return { signal, abort: (message) => abortSignal(signal, new DOMException(message, "TimeoutError")) };
}

eventHandlers(AbortSignal.prototype, ["abort"]);
expose({ AbortController, AbortSignal });
