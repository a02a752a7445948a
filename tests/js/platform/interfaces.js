// Every interface has the members that its standard's IDL gives it, with the shape that Web IDL asks for.

// name: [inherits, length of the constructor, read-only attributes, attributes, operations, static operations, constants]
const interfaces = {
  AbortController: [null, 0, "signal", "", {"abort": 0}, {}, 0],
  AbortSignal: ["EventTarget", 0, "aborted reason", "onabort", {"throwIfAborted": 0}, {"abort": 0, "timeout": 1, "any": 1}, 0],
  Blob: [null, 0, "size type", "", {"slice": 0, "stream": 0, "text": 0, "arrayBuffer": 0, "textStream": 0, "bytes": 0}, {}, 0],
  ByteLengthQueuingStrategy: [null, 1, "highWaterMark size", "", {}, {}, 0],
  CompressionStream: [null, 1, "readable writable", "", {}, {}, 0],
  CountQueuingStrategy: [null, 1, "highWaterMark size", "", {}, {}, 0],
  Crypto: [null, 0, "subtle", "", {"getRandomValues": 1, "randomUUID": 0}, {}, 0],
  CryptoKey: [null, 0, "type extractable algorithm usages", "", {}, {}, 0],
  CustomEvent: ["Event", 1, "detail", "", {"initCustomEvent": 1}, {}, 0],
  DecompressionStream: [null, 1, "readable writable", "", {}, {}, 0],
  DOMException: [null, 0, "name message code", "", {}, {}, 25],
  ErrorEvent: ["Event", 1, "message filename lineno colno error", "", {}, {}, 0],
  Event: [null, 1, "type target srcElement currentTarget eventPhase bubbles cancelable defaultPrevented composed isTrusted timeStamp", "cancelBubble returnValue", {"composedPath": 0, "stopPropagation": 0, "stopImmediatePropagation": 0, "preventDefault": 0, "initEvent": 1}, {}, 4],
  EventTarget: [null, 0, "", "", {"addEventListener": 2, "removeEventListener": 2, "dispatchEvent": 1}, {}, 0],
  File: ["Blob", 2, "name lastModified", "", {}, {}, 0],
  FormData: [null, 0, "", "", {"append": 2, "delete": 1, "get": 1, "getAll": 1, "has": 1, "set": 2, "entries": 0, "keys": 0, "values": 0, "forEach": 1}, {}, 0],
  Headers: [null, 0, "", "", {"append": 2, "delete": 1, "get": 1, "getSetCookie": 0, "has": 1, "set": 2, "entries": 0, "keys": 0, "values": 0, "forEach": 1}, {}, 0],
  MessageChannel: [null, 0, "port1 port2", "", {}, {}, 0],
  MessageEvent: ["Event", 1, "data origin lastEventId source ports", "", {"initMessageEvent": 1}, {}, 0],
  MessagePort: ["EventTarget", 0, "", "onclose onmessage onmessageerror", {"postMessage": 1, "start": 0, "close": 0}, {}, 0],
  Performance: ["EventTarget", 0, "timeOrigin", "", {"now": 0, "toJSON": 0}, {}, 0],
  PromiseRejectionEvent: ["Event", 2, "promise reason", "", {}, {}, 0],
  QuotaExceededError: ["DOMException", 0, "quota requested", "", {}, {}, 0],
  ReadableByteStreamController: [null, 0, "byobRequest desiredSize", "", {"close": 0, "enqueue": 1, "error": 0}, {}, 0],
  ReadableStream: [null, 0, "locked", "", {"cancel": 0, "getReader": 0, "pipeThrough": 1, "pipeTo": 1, "tee": 0, "values": 0}, {"from": 1}, 0],
  ReadableStreamBYOBReader: [null, 1, "closed", "", {"read": 1, "releaseLock": 0, "cancel": 0}, {}, 0],
  ReadableStreamBYOBRequest: [null, 0, "view", "", {"respond": 1, "respondWithNewView": 1}, {}, 0],
  ReadableStreamDefaultController: [null, 0, "desiredSize", "", {"close": 0, "enqueue": 0, "error": 0}, {}, 0],
  ReadableStreamDefaultReader: [null, 1, "closed", "", {"read": 0, "releaseLock": 0, "cancel": 0}, {}, 0],
  Request: [null, 1, "method url headers destination referrer referrerPolicy mode credentials cache redirect integrity keepalive isReloadNavigation isHistoryNavigation signal duplex body bodyUsed", "", {"clone": 0, "arrayBuffer": 0, "blob": 0, "bytes": 0, "formData": 0, "json": 0, "text": 0, "textStream": 0}, {}, 0],
  Response: [null, 0, "type url redirected status ok statusText headers body bodyUsed", "", {"clone": 0, "arrayBuffer": 0, "blob": 0, "bytes": 0, "formData": 0, "json": 0, "text": 0, "textStream": 0}, {"error": 0, "redirect": 1, "json": 1}, 0],
  SubtleCrypto: [null, 0, "", "", {"encrypt": 3, "decrypt": 3, "sign": 3, "verify": 4, "digest": 2, "generateKey": 3, "deriveKey": 5, "deriveBits": 2, "importKey": 5, "exportKey": 2, "wrapKey": 4, "unwrapKey": 7}, {}, 0],
  TextDecoder: [null, 0, "encoding fatal ignoreBOM", "", {"decode": 0}, {}, 0],
  TextDecoderStream: [null, 0, "encoding fatal ignoreBOM readable writable", "", {}, {}, 0],
  TextEncoder: [null, 0, "encoding", "", {"encode": 0, "encodeInto": 2}, {}, 0],
  TextEncoderStream: [null, 0, "encoding readable writable", "", {}, {}, 0],
  TransformStream: [null, 0, "readable writable", "", {}, {}, 0],
  TransformStreamDefaultController: [null, 0, "desiredSize", "", {"enqueue": 0, "error": 0, "terminate": 0}, {}, 0],
  URL: [null, 1, "origin searchParams", "href protocol username password host hostname port pathname search hash", {"toString": 0, "toJSON": 0}, {"parse": 1, "canParse": 1}, 0],
  URLPattern: [null, 0, "protocol username password hostname port pathname search hash hasRegExpGroups", "", {"test": 0, "exec": 0}, {}, 0],
  URLSearchParams: [null, 0, "size", "", {"append": 2, "delete": 1, "get": 1, "getAll": 1, "has": 1, "set": 2, "sort": 0, "entries": 0, "keys": 0, "values": 0, "forEach": 1, "toString": 0}, {}, 0],
  WritableStream: [null, 0, "locked", "", {"abort": 0, "close": 0, "getWriter": 0}, {}, 0],
  WritableStreamDefaultController: [null, 0, "signal", "", {"error": 0}, {}, 0],
  WritableStreamDefaultWriter: [null, 1, "closed desiredSize ready", "", {"abort": 0, "close": 0, "releaseLock": 0, "write": 0}, {}, 0],
};

/** Attributes that are promises, so that a wrong `this` rejects. */
const promises = ["closed", "ready"];

for (const [name, [inherits, length, readonly, attributes, operations, statics, constants]] of Object.entries(interfaces)) {
  test(`${name} has the shape of its IDL`, async () => {
    const property = Object.getOwnPropertyDescriptor(globalThis, name);
    ok(property, `globalThis.${name}`);
    equal([property.writable, property.configurable, property.enumerable], [true, true, false], "writable, configurable, enumerable");
    const kind = globalThis[name];
    const { prototype } = kind;
    same(kind.name, name, "name");
    same(kind.length, length, "length");
    same(prototype[Symbol.toStringTag], name, "Symbol.toStringTag");
    const tag = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag);
    equal([tag.writable, tag.configurable, tag.enumerable], [false, true, false], "of the tag");
    same(Object.getPrototypeOf(prototype), inherits === null ? (name === "DOMException" ? Error.prototype : Object.prototype) : globalThis[inherits].prototype, "prototype of the prototype");
    if (inherits !== null) same(Object.getPrototypeOf(kind), globalThis[inherits], "prototype of the constructor");
    throws("TypeError", () => kind(), "a call without `new`");
    for (const attribute of `${readonly} ${attributes}`.split(" ").filter((it) => it !== "")) {
      if (attribute === "isTrusted") continue;
      const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(prototype, attribute) ?? fail(`there is no attribute ${attribute}`);
      equal([typeof get, typeof set, enumerable, configurable], ["function", attributes.split(" ").includes(attribute) ? "function" : "undefined", true, true], attribute);
      same(get.name, `get ${attribute}`, `name of the getter`);
      if (promises.includes(attribute)) await rejects("TypeError", () => get.call({}), `${attribute} of another object`);
      else throws("TypeError", () => get.call({}), `${attribute} of another object`);
    }
    for (const [operation, count] of Object.entries(operations)) shaped(prototype, operation, count);
    for (const [operation, count] of Object.entries(statics)) shaped(kind, operation, count);
    const given = Object.keys(prototype).filter((key) => typeof Object.getOwnPropertyDescriptor(prototype, key).value === "number");
    same(given.length, constants, "number of constants");
    const known = new Set([...`${readonly} ${attributes}`.split(" "), ...Object.keys(operations), ...given, "constructor"]);
    equal(Object.getOwnPropertyNames(prototype).filter((it) => !known.has(it)), [], "members beyond the IDL");
  });
}

function shaped(object, operation, count) {
  const { value, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(object, operation) ?? fail(`there is no operation ${operation}`);
  equal([typeof value, writable, enumerable, configurable], ["function", true, true, true], operation);
  same(value.length, count, `${operation}.length`);
  same(value.name, operation, `${operation}.name`);
}

test("what cannot be constructed says so", () => {
  for (const name of ["AbortSignal", "Crypto", "CryptoKey", "MessagePort", "Performance", "SubtleCrypto", "Navigator"]) throws("TypeError", () => new globalThis[name](), name);
});

test("global operations and attributes have their shape", () => {
  for (const [name, count] of Object.entries({ atob: 1, btoa: 1, clearInterval: 0, clearTimeout: 0, queueMicrotask: 1, reportError: 1, setInterval: 1, setTimeout: 1, structuredClone: 1 })) {
    shaped(globalThis, name, count);
    if (count > 0) throws("TypeError", () => globalThis[name](), `${name}()`);
  }
  for (const name of ["crypto", "navigator", "performance", "self"]) {
    const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(globalThis, name);
    equal([typeof get, typeof set, enumerable, configurable], ["function", "function", true, true], name);
  }
  for (const name of ["onerror", "onunhandledrejection", "onrejectionhandled"]) same(globalThis[name], null, name);
});

test("an attribute of the global can be replaced", () => {
  const before = navigator;
  navigator = 5;
  same(navigator, 5);
  Object.defineProperty(globalThis, "navigator", { value: before, writable: true, configurable: true, enumerable: true });
});
