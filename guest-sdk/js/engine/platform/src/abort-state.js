// What an AbortSignal knows, for all that can be aborted.

const states = new WeakMap();

/** The state of a signal: `aborted`, `reason`, `algorithms` (run once, when it aborts), `dependents` and `sources`. */
export function signalState(signal, where = "AbortSignal") {
  const state = states.get(signal);
  if (state === undefined) throw new TypeError(`${where}: not an AbortSignal`);
  return state;
}

export const isAbortSignal = (value) => states.has(value);

export function newSignalState(signal) {
  states.set(signal, {
    aborted: false,
    reason: undefined,
    algorithms: new Set(),
    dependents: new Set(),
    sources: new Set(),
    dependent: false,
  });
}
