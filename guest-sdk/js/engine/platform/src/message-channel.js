// MessageChannel: two ports, each of which gets as an event what is posted on the other, as a task of its own.

import { Event, MessageEvent, messagePorts, trusted } from "./event.js";
import { dispatch, eventHandlers, EventTarget } from "./event-target.js";
import { clone, objectOf, transferable, transferList } from "./structured-clone.js";
import { queueTask } from "./tasks.js";
import { expose, internal, need, onlyInternal, sequenceOf } from "./webidl.js";
import { DOMException } from "./dom-exception.js";

/** port -> its other end, what has arrived, and whether it delivers already. */
const states = new WeakMap();

function stateOf(port, where) {
  const state = states.get(port);
  if (state === undefined) throw new TypeError(`${where}: this is not a MessagePort`);
  return state;
}

export class MessagePort extends EventTarget {
  constructor(token = undefined) {
    onlyInternal(token);
    super();
    messagePorts.add(this);
    states.set(this, { other: null, started: false, closed: false, queue: [] });
  }
  postMessage(message, options = {}) {
    const state = stateOf(this, "MessagePort.postMessage");
    need(arguments, 1, "MessagePort.postMessage");
    const iterate = options === null || options === undefined ? undefined : options[Symbol.iterator];
    const transfer =
      typeof iterate === "function"
        ? sequenceOf(options, iterate, objectOf, "MessagePort.postMessage: `transfer`")
        : transferList(options, "MessagePort.postMessage");
    if (transfer.includes(this))
      throw new DOMException("MessagePort.postMessage: a port cannot be sent through itself", "DataCloneError");
    const doomed = transfer.includes(state.other); // nobody is left to receive it
    const { result, transferred } = clone(message, transfer);
    if (state.other === null || doomed) return;
    deliver(state.other, { data: result, ports: transferred.filter((it) => messagePorts.has(it)) });
  }
  start() {
    const state = stateOf(this, "MessagePort.start");
    if (state.started) return;
    state.started = true;
    for (const message of state.queue.splice(0)) queueTask(() => fire(this, message));
  }
  close() {
    const state = stateOf(this, "MessagePort.close");
    if (state.closed) return;
    state.closed = true;
    const { other } = state;
    state.other = null;
    if (other === null) return;
    const { closed } = states.get(other);
    states.get(other).other = null;
    if (!closed) queueTask(() => closing(other));
  }
}

function closing(port) {
  const state = states.get(port);
  state.closed = true;
  dispatch(port, trusted(new Event("close")));
}

function deliver(port, message) {
  const state = states.get(port);
  if (state.started) queueTask(() => fire(port, message));
  else state.queue.push(message);
}

function fire(port, message) {
  if (states.get(port).closed) return;
  dispatch(port, trusted(new MessageEvent("message", message)));
}

/** A port that was moved is a new port, entangled with the old one's other end; the old one is closed. */
transferable(
  (value) => states.has(value),
  (port) => {
    const state = states.get(port);
    if (state.closed) throw new DOMException("a closed MessagePort cannot be transferred", "DataCloneError");
    return {
      early() {
        const moved = new MessagePort(internal);
        const { other, queue } = state;
        Object.assign(states.get(moved), { other, queue });
        if (other !== null) states.get(other).other = moved;
        Object.assign(state, { other: null, closed: true, queue: [] });
        return moved;
      },
      late: (moved) => moved,
    };
  },
);

export class MessageChannel {
  #port1 = new MessagePort(internal);
  #port2 = new MessagePort(internal);

  constructor() {
    states.get(this.#port1).other = this.#port2;
    states.get(this.#port2).other = this.#port1;
  }
  get port1() {
    return this.#port1;
  }
  get port2() {
    return this.#port2;
  }
}

// Setting `onmessage` starts the port.
eventHandlers(MessagePort.prototype, ["message", "messageerror", "close"], (port, type) => {
  if (type === "message") MessagePort.prototype.start.call(port);
});
expose({ MessageChannel, MessagePort });
