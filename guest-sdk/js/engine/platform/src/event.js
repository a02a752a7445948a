// Event, and the kinds of it that a step can meet or make.

import { engine } from "./engine.js";
import { constants, dictionary, DOMString, expose, need, sequence, unsignedLong, USVString } from "./webidl.js";

/** The state of events that EventTarget works on, away from what a step can reach. */
const states = new WeakMap();

export function stateOf(event, where = "Event") {
  const state = states.get(event);
  if (state === undefined) throw new TypeError(`${where}: this is not an Event`);
  return state;
}

export const isEvent = (value) => states.has(value);

export class Event {
  constructor(type, eventInitDict = {}) {
    need(arguments, 1, "Event");
    const name = DOMString(type);
    const init = dictionary(eventInitDict, "Event: options");
    const { bubbles, cancelable, composed } = init;
    states.set(this, {
      type: name,
      bubbles: Boolean(bubbles),
      cancelable: Boolean(cancelable),
      composed: Boolean(composed),
      target: null,
      currentTarget: null,
      path: [],
      phase: 0,
      dispatching: false,
      initialized: true,
      stopped: false,
      stoppedAtOnce: false,
      canceled: false,
      passive: false,
      trusted: false,
      timeStamp: undefined,
    });
    Object.defineProperty(this, "isTrusted", isTrusted);
  }

  get type() {
    return stateOf(this).type;
  }
  get target() {
    return stateOf(this).target;
  }
  get srcElement() {
    return stateOf(this).target;
  }
  get currentTarget() {
    return stateOf(this).currentTarget;
  }
  composedPath() {
    return [...stateOf(this).path];
  }
  get eventPhase() {
    return stateOf(this).phase;
  }
  stopPropagation() {
    stateOf(this).stopped = true;
  }
  get cancelBubble() {
    return stateOf(this).stopped;
  }
  set cancelBubble(value) {
    const state = stateOf(this);
    if (value) state.stopped = true;
  }
  stopImmediatePropagation() {
    const state = stateOf(this);
    state.stopped = true;
    state.stoppedAtOnce = true;
  }
  get bubbles() {
    return stateOf(this).bubbles;
  }
  get cancelable() {
    return stateOf(this).cancelable;
  }
  get returnValue() {
    return !stateOf(this).canceled;
  }
  set returnValue(value) {
    const state = stateOf(this);
    if (!value) cancel(state);
  }
  preventDefault() {
    cancel(stateOf(this));
  }
  get defaultPrevented() {
    return stateOf(this).canceled;
  }
  get composed() {
    return stateOf(this).composed;
  }
  // Read from the clock when asked for the first time: the top level of a step that makes an event stays pure.
  get timeStamp() {
    const state = stateOf(this);
    state.timeStamp ??= engine.monotonic() / 1000;
    return state.timeStamp;
  }
  initEvent(type, bubbles = false, cancelable = false) {
    const state = stateOf(this);
    need(arguments, 1, "Event.initEvent");
    const name = DOMString(type);
    if (state.dispatching) return;
    Object.assign(state, { type: name, bubbles: Boolean(bubbles), cancelable: Boolean(cancelable), initialized: true });
    Object.assign(state, { stopped: false, stoppedAtOnce: false, canceled: false, trusted: false, target: null });
  }
}

const isTrusted = {
  get: Object.getOwnPropertyDescriptor(
    {
      get isTrusted() {
        return stateOf(this).trusted;
      },
    },
    "isTrusted",
  ).get,
  set: undefined,
  enumerable: true,
  configurable: false,
};

function cancel(state) {
  if (state.cancelable && !state.passive) state.canceled = true;
}

/** An event that the platform itself fires. */
export function trusted(event) {
  stateOf(event).trusted = true;
  return event;
}

export class CustomEvent extends Event {
  #detail;

  constructor(type, eventInitDict = {}) {
    need(arguments, 1, "CustomEvent");
    super(type, eventInitDict);
    const { detail = null } = dictionary(eventInitDict, "CustomEvent: options");
    this.#detail = detail;
  }
  get detail() {
    return this.#detail;
  }
  initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
    this.#detail; // the brand
    need(arguments, 1, "CustomEvent.initCustomEvent");
    const { dispatching } = stateOf(this);
    this.initEvent(type, bubbles, cancelable);
    if (!dispatching) this.#detail = detail;
  }
}

export class ErrorEvent extends Event {
  #init;

  constructor(type, eventInitDict = {}) {
    need(arguments, 1, "ErrorEvent");
    super(type, eventInitDict);
    const { colno, error, filename, lineno, message } = dictionary(eventInitDict, "ErrorEvent: options");
    this.#init = {
      colno: colno === undefined ? 0 : unsignedLong(colno),
      error,
      filename: filename === undefined ? "" : USVString(filename),
      lineno: lineno === undefined ? 0 : unsignedLong(lineno),
      message: message === undefined ? "" : DOMString(message),
    };
  }
  get message() {
    return this.#init.message;
  }
  get filename() {
    return this.#init.filename;
  }
  get lineno() {
    return this.#init.lineno;
  }
  get colno() {
    return this.#init.colno;
  }
  get error() {
    return this.#init.error;
  }
}

export class PromiseRejectionEvent extends Event {
  #promise;
  #reason;

  constructor(type, eventInitDict) {
    need(arguments, 2, "PromiseRejectionEvent");
    super(type, eventInitDict);
    const init = dictionary(eventInitDict, "PromiseRejectionEvent: options");
    const { promise, reason } = init;
    if (!(promise instanceof Object)) throw new TypeError("PromiseRejectionEvent: `promise` is missing or no object");
    this.#promise = promise;
    this.#reason = reason;
  }
  get promise() {
    return this.#promise;
  }
  get reason() {
    return this.#reason;
  }
}

export class MessageEvent extends Event {
  #init;

  constructor(type, eventInitDict = {}) {
    need(arguments, 1, "MessageEvent");
    super(type, eventInitDict);
    const {
      data = null,
      lastEventId = "",
      origin = "",
      ports = [],
      source = null,
    } = dictionary(eventInitDict, "MessageEvent: options");
    this.#init = {
      data,
      lastEventId: DOMString(lastEventId),
      origin: USVString(origin),
      ports: Object.freeze(sequence(ports, messagePort, "MessageEvent: `ports`")),
      source: source === null ? null : messagePort(source),
    };
  }
  get data() {
    return this.#init.data;
  }
  get origin() {
    return this.#init.origin;
  }
  get lastEventId() {
    return this.#init.lastEventId;
  }
  get source() {
    return this.#init.source;
  }
  get ports() {
    return this.#init.ports;
  }
  initMessageEvent(
    type,
    bubbles = false,
    cancelable = false,
    data = null,
    origin = "",
    lastEventId = "",
    source = null,
    ports = [],
  ) {
    this.#init; // the brand
    need(arguments, 1, "MessageEvent.initMessageEvent");
    if (stateOf(this).dispatching) return;
    this.initEvent(type, bubbles, cancelable);
    const init = { data, origin: USVString(origin), lastEventId: DOMString(lastEventId) };
    this.#init = {
      ...init,
      source: source === null ? null : messagePort(source),
      ports: Object.freeze(sequence(ports, messagePort, "ports")),
    };
  }
}

/** All MessagePorts; they enter themselves. */
export const messagePorts = new WeakSet();

function messagePort(value) {
  if (!messagePorts.has(value)) throw new TypeError("MessageEvent: a source or port is not a MessagePort");
  return value;
}

constants(Event, { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 });
expose({ CustomEvent, ErrorEvent, Event, MessageEvent, PromiseRejectionEvent });
