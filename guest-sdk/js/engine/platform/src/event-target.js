// EventTarget: who listens, and how an event reaches them. There is no tree here, so the path of an event is its target.

import { signalState } from "./abort-state.js";
import { DOMException } from "./dom-exception.js";
import { isEvent, stateOf } from "./event.js";
import { reportException } from "./report.js";
import { DOMString, expose, isObject, need } from "./webidl.js";

/** target -> its listeners, in the order in which they were added. */
const targets = new WeakMap();

/** The listeners of a target; operations on the global may be called without it. */
function listenersOf(target, where) {
  const listeners = targets.get(target ?? globalThis);
  if (listeners === undefined) throw new TypeError(`${where}: this is not an EventTarget`);
  return listeners;
}

export class EventTarget {
  constructor() {
    targets.set(this, []);
  }

  addEventListener(type, callback, options = {}) {
    const listeners = listenersOf(this, "EventTarget.addEventListener");
    need(arguments, 2, "EventTarget.addEventListener");
    const name = DOMString(type);
    const listener = listenerOf(callback, "EventTarget.addEventListener");
    const { capture, once, passive, signal } = listenerOptions(options);
    if (signal !== undefined && signalState(signal, "EventTarget.addEventListener: `signal`").aborted) return;
    if (listener === null || find(listeners, name, listener, capture) !== -1) return;
    const entry = { type: name, callback: listener, capture, once, passive, removed: false };
    listeners.push(entry);
    if (signal !== undefined) signalState(signal).algorithms.add(() => remove(listeners, entry));
  }

  removeEventListener(type, callback, options = {}) {
    const listeners = listenersOf(this, "EventTarget.removeEventListener");
    need(arguments, 2, "EventTarget.removeEventListener");
    const name = DOMString(type);
    const listener = listenerOf(callback, "EventTarget.removeEventListener");
    const at = find(listeners, name, listener, captureOf(options));
    if (at !== -1) remove(listeners, listeners[at]);
  }

  dispatchEvent(event) {
    listenersOf(this, "EventTarget.dispatchEvent");
    need(arguments, 1, "EventTarget.dispatchEvent");
    if (!isEvent(event)) throw new TypeError("EventTarget.dispatchEvent: the argument is not an Event");
    const state = stateOf(event);
    if (state.dispatching || !state.initialized) {
      throw new DOMException("EventTarget.dispatchEvent: the event is being dispatched already", "InvalidStateError");
    }
    state.trusted = false;
    return dispatch(this ?? globalThis, event);
  }
}

function listenerOf(callback, where) {
  if (callback === null || callback === undefined) return null;
  if (!isObject(callback)) throw new TypeError(`${where}: the listener is not a function, an object or null`);
  return callback;
}

const captureOf = (options) => (isObject(options) ? Boolean(options.capture) : Boolean(options));

function listenerOptions(options) {
  if (!isObject(options)) return { capture: Boolean(options), once: false, passive: false };
  const capture = Boolean(options.capture);
  const once = Boolean(options.once);
  const passive = Boolean(options.passive);
  return { capture, once, passive, signal: options.signal };
}

function find(listeners, type, callback, capture) {
  return listeners.findIndex((it) => it.type === type && it.callback === callback && it.capture === capture);
}

function remove(listeners, entry) {
  entry.removed = true;
  const at = listeners.indexOf(entry);
  if (at !== -1) listeners.splice(at, 1);
}

/** Makes an object an EventTarget that was not made by its constructor: the global. */
export function adopt(target) {
  targets.set(target, []);
}

/** Dispatches an event; true unless it was cancelled. */
export function dispatch(target, event) {
  const state = stateOf(event);
  Object.assign(state, { dispatching: true, target, currentTarget: target, path: [target], phase: 2 });
  for (const capture of [true, false]) {
    if (!state.stopped) invoke(target, event, state, capture);
  }
  Object.assign(state, {
    dispatching: false,
    currentTarget: null,
    path: [],
    phase: 0,
    stopped: false,
    stoppedAtOnce: false,
  });
  return !state.canceled;
}

function invoke(target, event, state, capture) {
  const listeners = targets.get(target);
  for (const entry of [...listeners]) {
    if (entry.removed || entry.type !== state.type || entry.capture !== capture) continue;
    if (entry.once) remove(listeners, entry);
    state.passive = entry.passive;
    const outer = currentEvent;
    currentEvent = event;
    try {
      call(entry.callback, target, event);
    } catch (error) {
      reportException(error);
    }
    currentEvent = outer;
    state.passive = false;
    if (state.stoppedAtOnce) return;
  }
}

function call(listener, target, event) {
  if (typeof listener === "function") return listener.call(target, event);
  const { handleEvent } = listener;
  if (typeof handleEvent !== "function")
    throw new TypeError("an event listener is an object without a function `handleEvent`");
  return handleEvent.call(listener, event);
}

let currentEvent;

/** `globalThis.event`: the event that is being handled. */
export const presentEvent = () => currentEvent;

/**
 * Defines event handler attributes (`onabort` ..) on a prototype. A handler that returns false cancels its event;
 * `onerror` of the global takes five arguments instead of an event, and cancels by returning true.
 */
export function eventHandlers(prototype, types, changed = () => {}) {
  const handlers = new WeakMap();
  for (const type of types) {
    const name = `on${type}`;
    const of = (target) => {
      listenersOf(target, name);
      let all = handlers.get(target ?? globalThis);
      if (all === undefined) handlers.set(target ?? globalThis, (all = {}));
      return all;
    };
    const accessors = {
      get [name]() {
        return of(this)[type]?.value ?? null;
      },
      set [name](value) {
        const all = of(this);
        const target = this ?? globalThis;
        const handler = isObject(value) ? value : null;
        if (all[type] !== undefined) {
          if (handler === null) {
            remove(targets.get(target), all[type].entry);
            all[type] = undefined;
          } else {
            all[type].value = handler;
          }
        } else if (handler !== null) {
          const slot = { value: handler };
          const callback = (event) => handle(slot.value, target, event);
          slot.entry = { type, callback, capture: false, once: false, passive: false, removed: false };
          targets.get(target).push(slot.entry);
          all[type] = slot;
        }
        changed(target, type);
      },
    };
    Object.defineProperty(prototype, name, {
      ...Object.getOwnPropertyDescriptor(accessors, name),
      enumerable: true,
      configurable: true,
    });
  }
}

function handle(handler, target, event) {
  if (typeof handler !== "function") return;
  if (event.type === "error" && target === globalThis && "lineno" in event) {
    if (handler.call(target, event.message, event.filename, event.lineno, event.colno, event.error) === true)
      event.preventDefault();
  } else if (handler.call(target, event) === false) {
    event.preventDefault();
  }
}

expose({ EventTarget });
