// Timers, microtasks, MessageChannel, structuredClone, performance.

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test("timers fire in the order of their time, then of their making", async () => {
  const calls = [];
  setTimeout(() => calls.push("c"), 20);
  setTimeout(() => calls.push("a"), 1);
  setTimeout(() => calls.push("b"), 1);
  clearTimeout(setTimeout(() => calls.push("never"), 2));
  await later(30);
  equal(calls, ["a", "b", "c"]);
});

test("timers pass arguments, and convert their delay", async () => {
  const got = await new Promise((resolve) => setTimeout((...args) => resolve(args), "1", 1, "two"));
  equal(got, [1, "two"]);
  const order = [];
  setTimeout(() => order.push("wrapped"), 2 ** 32 + 1);
  setTimeout(() => order.push("negative"), -5);
  setTimeout(() => order.push("nothing"), undefined);
  await later(10);
  equal(order, ["negative", "nothing", "wrapped"]);
});

test("an interval goes on until it is cleared, also by clearTimeout", async () => {
  let count = 0;
  await new Promise((resolve) => {
    const id = setInterval(() => {
      if (++count === 3) {
        clearTimeout(id);
        resolve();
      }
    }, 1);
  });
  await later(10);
  same(count, 3);
});

test("a timer's code may be a string", async () => {
  globalThis.ran = 0;
  setTimeout("ran = 1", 0);
  await later(2);
  same(globalThis.ran, 1);
  delete globalThis.ran;
});

test("microtasks run before the next timer", async () => {
  const calls = [];
  setTimeout(() => calls.push("timer"), 0);
  queueMicrotask(() => calls.push("micro"));
  Promise.resolve().then(() => calls.push("promise"));
  await later(5);
  equal(calls, ["micro", "promise", "timer"]);
  throws("TypeError", () => queueMicrotask(5));
});

test("an error in a timer is reported, and the next timer still fires", async () => {
  let message;
  let fired = false;
  onerror = (it) => ((message = it), true);
  setTimeout(() => {
    throw new RangeError("late");
  }, 0);
  setTimeout(() => (fired = true), 1);
  queueMicrotask(() => {
    throw 5;
  });
  await later(5);
  onerror = null;
  equal([message, fired], ["Uncaught RangeError: late", true]);
});

test("a MessageChannel delivers clones, in order, as tasks", async () => {
  const { port1, port2 } = new MessageChannel();
  const got = [];
  const done = new Promise((resolve) => {
    port2.onmessage = (event) => {
      got.push(event.data);
      if (got.length === 2) resolve(event);
    };
  });
  const sent = { a: [1] };
  port1.postMessage(sent);
  sent.a.push(2);
  port1.postMessage("second");
  same(got.length, 0);
  const event = await done;
  equal(got, [{ a: [1] }, "second"]);
  equal([event.isTrusted, event.target === port2], [true, true]);
});

test("addEventListener needs start, and a closed port is silent", async () => {
  const { port1, port2 } = new MessageChannel();
  const got = [];
  port2.addEventListener("message", (event) => got.push(event.data));
  port1.postMessage(1);
  await later(2);
  equal(got, []);
  port2.start();
  await later(2);
  port2.close();
  port1.postMessage(2);
  await later(2);
  equal(got, [1]);
});

test("ports and buffers can be transferred", async () => {
  const outer = new MessageChannel();
  const inner = new MessageChannel();
  const buffer = new Uint8Array([1, 2, 3]).buffer;
  const arrived = new Promise((resolve) => (outer.port2.onmessage = resolve));
  inner.port1.postMessage("early");
  outer.port1.postMessage({ port: inner.port2, buffer }, [inner.port2, buffer]);
  same(buffer.byteLength, 0);
  const { data, ports } = await arrived;
  same(ports[0], data.port);
  equal(new Uint8Array(data.buffer), bytes("010203"));
  const early = new Promise((resolve) => (data.port.onmessage = resolve));
  same((await early).data, "early");
  throws("DataCloneError", () => outer.port1.postMessage(outer.port1, [outer.port1]));
});

test("structuredClone copies what has a copy", () => {
  const cycle = { list: [1, , 3], date: new Date(5), pattern: /a/gi, big: 10n, box: Object("s"), nothing: undefined };
  cycle.self = cycle;
  cycle.map = new Map([[cycle, new Set([cycle])]]);
  const copy = structuredClone(cycle);
  ok(copy !== cycle && copy.self === copy);
  equal([copy.list.length, 1 in copy.list, copy.date.getTime(), copy.pattern.source, copy.pattern.flags, copy.big, "nothing" in copy], [3, false, 5, "a", "gi", 10n, true]);
  ok(copy.box instanceof String);
  ok([...copy.map.get(copy)][0] === copy);
  same(Object.is(structuredClone(-0), -0), true);
});

test("structuredClone keeps shared buffers shared and views on them", () => {
  const buffer = new ArrayBuffer(8);
  const copy = structuredClone([new Uint16Array(buffer, 2, 2), new DataView(buffer, 4), buffer]);
  same(copy[0].buffer, copy[2]);
  equal([copy[0].byteOffset, copy[0].length, copy[1].byteOffset, copy[1].byteLength], [2, 2, 4, 4]);
});

test("structuredClone of errors keeps name, message, cause and stack", () => {
  const error = new RangeError("m", { cause: { a: 1 } });
  error.extra = 1;
  const copy = structuredClone(error);
  ok(copy instanceof RangeError);
  equal([copy.name, copy.message, copy.cause.a, copy.stack === error.stack, "extra" in copy], ["RangeError", "m", 1, true, false]);
  const dom = structuredClone(new DOMException("d", "AbortError"));
  equal([dom instanceof DOMException, dom.message, dom.name, dom.code], [true, "d", "AbortError", 20]);
});

test("structuredClone refuses what has no copy", () => {
  for (const value of [() => {}, Symbol(), Object(Symbol()), new WeakMap(), new WeakSet(), Promise.resolve(), new Headers(), new AbortController().signal, { deep: [() => {}] }, (function* () {})()]) {
    throws("DataCloneError", () => structuredClone(value));
  }
});

test("structuredClone loses prototypes and getters, and calls getters once", () => {
  class Point {
    x = 1;
    get y() {
      return 2;
    }
  }
  let calls = 0;
  const copy = structuredClone({ point: new Point(), get once() { return ++calls; } });
  equal([Object.getPrototypeOf(copy.point) === Object.prototype, copy.point, copy.once, calls], [true, { x: 1 }, 1, 1]);
});

test("structuredClone transfers array buffers", () => {
  const buffer = new ArrayBuffer(4);
  const view = new Uint8Array(buffer);
  view[0] = 9;
  const copy = structuredClone({ view }, { transfer: [buffer] });
  equal([buffer.byteLength, copy.view[0], copy.view.length], [0, 9, 4]);
  throws("DataCloneError", () => structuredClone(1, { transfer: [buffer] }));
  throws("DataCloneError", () => structuredClone(1, { transfer: [{}] }));
  const twice = new ArrayBuffer(1);
  throws("DataCloneError", () => structuredClone(1, { transfer: [twice, twice] }));
});

test("structuredClone copies blobs and files", async () => {
  const [blob, file] = structuredClone([new Blob(["ab"], { type: "x/y" }), new File(["c"], "n", { lastModified: 4 })]);
  equal([blob.type, await blob.text(), file instanceof File, file.name, file.lastModified, await file.text()], ["x/y", "ab", true, "n", 4, "c"]);
});

test("performance.now goes on from the start of the run", async () => {
  const before = performance.now();
  await later(5);
  const after = performance.now();
  ok(after - before >= 4.9 && after - before < 5000, "time passed");
  ok(Math.abs(performance.timeOrigin + after - Date.now()) < 1000, "timeOrigin");
  same(performance.timeOrigin, performance.timeOrigin);
  equal(performance.toJSON(), { timeOrigin: performance.timeOrigin });
});

test("atob and btoa", () => {
  equal([btoa("\u00ffab"), atob("/2Fi"), atob(" YQ = = "), btoa(undefined)], ["/2Fi", "\u00ffab", "a", "dW5kZWZpbmVk"]);
  throws("InvalidCharacterError", () => btoa("\u0100"));
  throws("InvalidCharacterError", () => atob("a"));
  throws("InvalidCharacterError", () => atob("ab=c"));
});

test("DOMException has its names and codes", () => {
  const error = new DOMException("m", "DataCloneError");
  equal([error.message, error.name, error.code, error instanceof Error, String(error), DOMException.DATA_CLONE_ERR], ["m", "DataCloneError", 25, true, "DataCloneError: m", 25]);
  equal([new DOMException().name, new DOMException("", "Own").code], ["Error", 0]);
  const quota = new QuotaExceededError("q", { quota: 1, requested: 2 });
  equal([quota instanceof DOMException, quota.name, quota.code, quota.quota, quota.requested], [true, "QuotaExceededError", 22, 1, 2]);
});

test("Node.js is not there, and `typeof` tells so", () => {
  equal([typeof Buffer, typeof require, typeof module, typeof __dirname, typeof global, Object.keys(process.env).length, process.versions], ["undefined", "undefined", "undefined", "undefined", "undefined", 0, undefined]);
  throws("ReferenceError", () => Buffer.from("x"));
});

test("a view that its buffer no longer reaches cannot be cloned", async () => {
  for (const View of [Uint8Array, DataView]) {
    const buffer = new ArrayBuffer(16, { maxByteLength: 32 });
    const view = new View(buffer, 8, 8);
    same(structuredClone(view).byteLength, 8);
    buffer.resize(8);
    throws("DataCloneError", () => structuredClone(view));
  }
});

test("performance.toJSON is for a Performance", () => {
  throws("TypeError", () => performance.toJSON.call({ timeOrigin: 1 }));
});

test("console shows the start of a long array without going through all of it", () => {
  const long = new Array(1_000_000).fill("x");
  long.name = "named";
  console.log(long, new Uint8Array(1_000_000));
  equal([console.dir.length, console.table.length], [0, 0]);
});
