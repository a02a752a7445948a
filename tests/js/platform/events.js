// Event, EventTarget, AbortController, AbortSignal, and errors that nobody caught.

test("an event starts as the standard says", () => {
  const event = new Event("x", { bubbles: true, cancelable: 1, composed: 0 });
  equal([event.type, event.bubbles, event.cancelable, event.composed, event.target, event.currentTarget, event.eventPhase, event.isTrusted, event.defaultPrevented, event.returnValue, event.cancelBubble], ["x", true, true, false, null, null, 0, false, false, true, false]);
  ok(event.timeStamp >= 0);
  same(new Event(undefined).type, "undefined");
  throws("TypeError", () => new Event());
  throws("TypeError", () => new Event(Symbol()));
  throws("TypeError", () => new Event("x", 5));
  equal([Event.NONE, event.AT_TARGET, Event.BUBBLING_PHASE], [0, 2, 3]);
});

test("isTrusted is an own property that cannot be forged", () => {
  const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(new Event("x"), "isTrusted");
  equal([typeof get, set, enumerable, configurable], ["function", undefined, true, false]);
  const other = Object.getOwnPropertyDescriptor(new Event("y"), "isTrusted");
  same(get, other.get);
});

test("listeners are called in order, once each, capture first", () => {
  const target = new EventTarget();
  const calls = [];
  const twice = () => calls.push("twice");
  target.addEventListener("x", () => calls.push("a"));
  target.addEventListener("x", twice);
  target.addEventListener("x", twice);
  target.addEventListener("x", () => calls.push("capture"), true);
  target.addEventListener("x", () => calls.push("once"), { once: true });
  target.addEventListener("y", () => calls.push("y"));
  target.addEventListener("x", null);
  ok(target.dispatchEvent(new Event("x")));
  target.dispatchEvent(new Event("x"));
  equal(calls, ["capture", "a", "twice", "once", "capture", "a", "twice"]);
});

test("removal takes effect at once, additions with the next event", () => {
  const target = new EventTarget();
  const calls = [];
  const second = () => calls.push(2);
  target.addEventListener("x", () => {
    calls.push(1);
    target.removeEventListener("x", second);
    target.addEventListener("x", () => calls.push(3));
  });
  target.addEventListener("x", second);
  target.dispatchEvent(new Event("x"));
  equal(calls, [1]);
});

test("during dispatch an event knows its target", () => {
  const target = new EventTarget();
  let seen;
  target.addEventListener("x", function (event) {
    seen = [this === target, event.target === target, event.currentTarget === target, event.eventPhase, event.composedPath()[0] === target];
  });
  const event = new Event("x");
  target.dispatchEvent(event);
  equal(seen, [true, true, true, 2, true]);
  equal([event.target === target, event.currentTarget, event.eventPhase, event.composedPath().length], [true, null, 0, 0]);
});

test("preventDefault works for cancelable events and not for passive listeners", () => {
  const target = new EventTarget();
  target.addEventListener("x", (event) => event.preventDefault());
  same(target.dispatchEvent(new Event("x")), true);
  const event = new Event("x", { cancelable: true });
  same(target.dispatchEvent(event), false);
  same(event.defaultPrevented, true);
  const passive = new EventTarget();
  passive.addEventListener("x", (it) => it.preventDefault(), { passive: true });
  same(passive.dispatchEvent(new Event("x", { cancelable: true })), true);
});

test("stopImmediatePropagation ends the round, stopPropagation the phase", () => {
  const target = new EventTarget();
  const calls = [];
  target.addEventListener("x", (event) => (calls.push(1), event.stopImmediatePropagation()));
  target.addEventListener("x", () => calls.push(2));
  target.dispatchEvent(new Event("x"));
  equal(calls, [1]);
  const other = new EventTarget();
  other.addEventListener("x", (event) => (calls.push(3), event.stopPropagation()), true);
  other.addEventListener("x", () => calls.push(4), true);
  other.addEventListener("x", () => calls.push(5));
  other.dispatchEvent(new Event("x"));
  equal(calls, [1, 3, 4]);
});

test("an event cannot be dispatched twice at a time", () => {
  const target = new EventTarget();
  let error;
  target.addEventListener("x", (event) => (error = throws("InvalidStateError", () => target.dispatchEvent(event))));
  target.dispatchEvent(new Event("x"));
  same(error.code, 11);
  throws("TypeError", () => target.dispatchEvent({ type: "x" }));
});

test("objects with handleEvent listen, and are looked at when the event comes", () => {
  const target = new EventTarget();
  const listener = { count: 0 };
  target.addEventListener("x", listener);
  listener.handleEvent = function () {
    this.count++;
  };
  target.dispatchEvent(new Event("x"));
  same(listener.count, 1);
});

test("a subclass of EventTarget is one", () => {
  class Door extends EventTarget {
    open() {
      return this.dispatchEvent(new CustomEvent("open", { detail: 7 }));
    }
  }
  const door = new Door();
  let detail;
  door.addEventListener("open", (event) => (detail = event.detail));
  door.open();
  same(detail, 7);
});

test("initEvent changes what is not being dispatched", () => {
  const event = new CustomEvent("a", { detail: 1 });
  event.initCustomEvent("b", true, true, 2);
  equal([event.type, event.bubbles, event.cancelable, event.detail], ["b", true, true, 2]);
});

test("kinds of events carry their members", () => {
  const error = new ErrorEvent("error", { message: "m", filename: "f", lineno: 3, colno: -1, error: 5 });
  equal([error.message, error.filename, error.lineno, error.colno, error.error], ["m", "f", 3, 4294967295, 5]);
  const message = new MessageEvent("message", { data: 1, origin: "o", lastEventId: "i" });
  equal([message.data, message.origin, message.lastEventId, message.source, message.ports.length], [1, "o", "i", null, 0]);
  ok(Object.isFrozen(message.ports));
  throws("TypeError", () => new MessageEvent("message", { ports: [1] }));
  const promise = Promise.resolve();
  same(new PromiseRejectionEvent("x", { promise, reason: 4 }).promise, promise);
  throws("TypeError", () => new PromiseRejectionEvent("x", {}));
});

test("a signal aborts once, with its reason", () => {
  const controller = new AbortController();
  const { signal } = controller;
  same(controller.signal, signal);
  const calls = [];
  signal.addEventListener("abort", (event) => calls.push(event.isTrusted));
  signal.onabort = () => calls.push("on");
  controller.abort("why");
  controller.abort("again");
  equal([signal.aborted, signal.reason, calls], [true, "why", [true, "on"]]);
  let thrown;
  try {
    signal.throwIfAborted();
  } catch (error) {
    thrown = error;
  }
  same(thrown, "why");
  const byDefault = AbortSignal.abort().reason;
  ok(byDefault instanceof DOMException);
  equal([byDefault.name, byDefault.code], ["AbortError", 20]);
});

test("AbortSignal.any follows the first of its sources, also through others", () => {
  const first = new AbortController();
  const second = new AbortController();
  const any = AbortSignal.any([first.signal, second.signal]);
  const nested = AbortSignal.any([any]);
  const order = [];
  second.signal.onabort = () => order.push("source");
  any.onabort = () => order.push("any");
  nested.onabort = () => order.push("nested");
  second.abort(9);
  equal([any.aborted, any.reason, nested.reason, order], [true, 9, 9, ["source", "any", "nested"]]);
  same(AbortSignal.any([]).aborted, false);
  same(AbortSignal.any([AbortSignal.abort(3)]).reason, 3);
  throws("TypeError", () => AbortSignal.any([1]));
});

test("AbortSignal.timeout aborts with a TimeoutError", async () => {
  const signal = AbortSignal.timeout(5);
  same(signal.aborted, false);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  same(signal.reason.name, "TimeoutError");
  throws("TypeError", () => AbortSignal.timeout(-1));
});

test("an aborted signal takes a listener away", () => {
  const controller = new AbortController();
  const target = new EventTarget();
  let calls = 0;
  target.addEventListener("x", () => calls++, { signal: controller.signal });
  target.dispatchEvent(new Event("x"));
  controller.abort();
  target.dispatchEvent(new Event("x"));
  target.addEventListener("x", () => calls++, { signal: controller.signal });
  target.dispatchEvent(new Event("x"));
  same(calls, 1);
  throws("TypeError", () => target.addEventListener("x", () => {}, { signal: null }));
});

test("event handlers keep the place of their first value", () => {
  const controller = new AbortController();
  const { signal } = controller;
  const calls = [];
  signal.onabort = () => calls.push("old");
  signal.addEventListener("abort", () => calls.push("listener"));
  signal.onabort = () => calls.push("new");
  same(typeof signal.onabort, "function");
  signal.dispatchEvent(new Event("abort"));
  signal.onabort = null;
  same(signal.onabort, null);
  signal.onabort = 5;
  same(signal.onabort, null);
  signal.dispatchEvent(new Event("abort"));
  equal(calls, ["new", "listener", "listener"]);
});

test("the global is an EventTarget", () => {
  ok(globalThis instanceof EventTarget);
  let seen;
  addEventListener("ping", (event) => (seen = event.target), { once: true });
  dispatchEvent(new Event("ping"));
  same(seen, globalThis);
});

test("reportError fires `error`, and who prevents it has handled it", () => {
  const error = new TypeError("reported");
  let seen;
  const listener = (event) => {
    seen = event;
    event.preventDefault();
  };
  addEventListener("error", listener);
  reportError(error);
  removeEventListener("error", listener);
  equal([seen instanceof ErrorEvent, seen.error === error, seen.message, seen.cancelable, seen.isTrusted], [true, true, "Uncaught TypeError: reported", true, true]);
  ok(seen.lineno > 0);
});

test("onerror takes five arguments and handles by returning true", () => {
  let args;
  onerror = (...all) => ((args = all), true);
  reportError("plain");
  onerror = null;
  equal([args.length, args[0], args[4]], [5, "Uncaught plain", "plain"]);
});

test("an error in a listener does not stop the others", () => {
  const target = new EventTarget();
  let reported;
  let reached = false;
  onerror = (message) => ((reported = message), true);
  target.addEventListener("x", () => {
    throw new Error("first");
  });
  target.addEventListener("x", () => (reached = true));
  target.dispatchEvent(new Event("x"));
  onerror = null;
  equal([reported, reached], ["Uncaught Error: first", true]);
});

test("unhandledrejection comes for a rejection that nobody handles", async () => {
  const seen = new Promise((resolve) => {
    onunhandledrejection = (event) => {
      event.preventDefault();
      resolve([event.reason, event.promise instanceof Promise, event.cancelable]);
    };
  });
  Promise.reject("nobody");
  equal(await seen, ["nobody", true, true]);
  onunhandledrejection = null;
});
