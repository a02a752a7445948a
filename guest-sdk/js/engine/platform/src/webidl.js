// The parts of Web IDL's JavaScript binding that every interface here needs: conversions, checks of arguments, and
// the shape that properties of an interface have.

const toStringTag = Symbol.toStringTag;
const { defineProperty, getOwnPropertyDescriptor, getOwnPropertyNames } = Object;
const toWellFormed = String.prototype.toWellFormed;
const { call } = Function.prototype;
const wellFormed = call.bind(toWellFormed);

/** Throws unless a call came with at least `count` arguments. */
export function need(args, count, where) {
  if (args.length < count) {
    throw new TypeError(
      `${where}: ${count} argument${count === 1 ? "" : "s"} required, but only ${args.length} present`,
    );
  }
}

export function isObject(value) {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

export function DOMString(value) {
  if (typeof value === "symbol") throw new TypeError("cannot convert a Symbol to a string");
  return typeof value === "string" ? value : String(value);
}

export function USVString(value) {
  return wellFormed(DOMString(value));
}

const aboveBytes = /[^\0-\u00FF]/;

export function ByteString(value, what = "value") {
  const string = DOMString(value);
  if (aboveBytes.test(string)) {
    const at = string.search(aboveBytes);
    throw new TypeError(
      `${what} has the character ${JSON.stringify(string[at])} at position ${at}, which is above U+00FF`,
    );
  }
  return string;
}

/** A Web IDL integer: `bits` wide, with wrapping as the default, `[EnforceRange]` or `[Clamp]`. */
function integer(value, bits, signed, mode, what) {
  let x = Number(value);
  const high = signed ? 2 ** Math.min(bits - 1, 53) - 1 : 2 ** Math.min(bits, 53) - 1;
  const low = signed ? (bits === 64 ? -(2 ** 53) + 1 : -(2 ** (bits - 1))) : 0;
  if (mode === "enforce") {
    if (!Number.isFinite(x)) throw new TypeError(`${what} is not a finite number`);
    x = Math.trunc(x);
    if (x < low || x > high) throw new TypeError(`${what} is outside the range of ${low} to ${high}`);
    return x + 0;
  }
  if (mode === "clamp" && !Number.isNaN(x)) {
    x = Math.min(Math.max(x, low), high);
    const floor = Math.floor(x);
    const rest = x - floor;
    return (rest < 0.5 ? floor : rest > 0.5 ? floor + 1 : floor % 2 === 0 ? floor : floor + 1) + 0;
  }
  if (!Number.isFinite(x)) return 0;
  x = Math.trunc(x);
  if (bits === 64) return Number(signed ? BigInt.asIntN(64, BigInt(x)) : BigInt.asUintN(64, BigInt(x)));
  x %= 2 ** bits;
  if (x < 0) x += 2 ** bits;
  if (signed && x >= 2 ** (bits - 1)) x -= 2 ** bits;
  return x + 0;
}

export const unsignedShort = (value) => integer(value, 16, false);
export const unsignedLong = (value) => integer(value, 32, false);
export const long = (value) => integer(value, 32, true);
export const longLongClamped = (value) => integer(value, 64, true, "clamp");
export const enforced = (value, bits, what) => integer(value, bits, false, "enforce", what);

export function double(value, what) {
  const x = Number(value);
  if (!Number.isFinite(x)) throw new TypeError(`${what} is not a finite number`);
  return x;
}

/** A dictionary argument: undefined and null are the empty one. */
export function dictionary(value, what) {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new TypeError(`${what} is not an object`);
  return value;
}

export function enumeration(value, allowed, what) {
  const string = DOMString(value);
  if (!allowed.includes(string))
    throw new TypeError(
      `${what} is ${JSON.stringify(string)}, but can only be ${allowed.map((it) => JSON.stringify(it)).join(", ")}`,
    );
  return string;
}

export function callback(value, what) {
  if (typeof value !== "function") throw new TypeError(`${what} is not a function`);
  return value;
}

/** The values of an iterable, converted one by one: a Web IDL sequence. */
export function sequence(value, convert, what) {
  const method = isObject(value) ? value[Symbol.iterator] : undefined;
  if (method === undefined || method === null) throw new TypeError(`${what} is not iterable`);
  return sequenceOf(value, method, convert, what);
}

export function sequenceOf(value, method, convert, what) {
  if (typeof method !== "function") throw new TypeError(`${what} is not iterable`);
  const iterator = call.call(method, value);
  if (!isObject(iterator)) throw new TypeError(`${what} is not iterable`);
  const { next } = iterator;
  const values = [];
  for (;;) {
    const step = call.call(next, iterator);
    if (!isObject(step)) throw new TypeError(`the iterator of ${what} gave something that is not an object`);
    if (step.done) return values;
    values.push(convert(step.value));
  }
}

/** A Web IDL record: own enumerable string keys, each key and value converted in order. */
export function record(object, convertKey, convertValue) {
  const entries = new Map();
  for (const key of Reflect.ownKeys(object)) {
    const property = Reflect.getOwnPropertyDescriptor(object, key);
    if (property === undefined || !property.enumerable) continue;
    const name = convertKey(key);
    entries.set(name, convertValue(object[key]));
  }
  return [...entries];
}

const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
const getTag = getOwnPropertyDescriptor(typedArrayPrototype, toStringTag).get;
const getArrayBuffer = getOwnPropertyDescriptor(typedArrayPrototype, "buffer").get;
const getArrayOffset = getOwnPropertyDescriptor(typedArrayPrototype, "byteOffset").get;
const getArrayLength = getOwnPropertyDescriptor(typedArrayPrototype, "byteLength").get;
const getViewBuffer = getOwnPropertyDescriptor(DataView.prototype, "buffer").get;
const getViewOffset = getOwnPropertyDescriptor(DataView.prototype, "byteOffset").get;
const getViewLength = getOwnPropertyDescriptor(DataView.prototype, "byteLength").get;
const getBufferLength = getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength").get;
const isResizable = getOwnPropertyDescriptor(ArrayBuffer.prototype, "resizable")?.get;
const getSharedLength =
  typeof SharedArrayBuffer === "function"
    ? getOwnPropertyDescriptor(SharedArrayBuffer.prototype, "byteLength").get
    : undefined;

/** The kind of a typed array ("Uint8Array" ..), or undefined for everything else. */
export const typedArrayKind = (value) => call.call(getTag, value);

function has(getter, value) {
  try {
    call.call(getter, value);
    return true;
  } catch {
    return false;
  }
}

export const isArrayBuffer = (value) => isObject(value) && has(getBufferLength, value);
export const isSharedArrayBuffer = (value) =>
  getSharedLength !== undefined && isObject(value) && has(getSharedLength, value);
export const isBufferSource = (value) => isObject(value) && (ArrayBuffer.isView(value) || isArrayBuffer(value));

/** The bytes that a BufferSource shows, as a Uint8Array over the same memory. */
export function bytesOf(value, what = "value", { shared = false } = {}) {
  if (isObject(value)) {
    if (ArrayBuffer.isView(value)) {
      const array = typedArrayKind(value) !== undefined;
      const buffer = call.call(array ? getArrayBuffer : getViewBuffer, value);
      if (!shared && !isArrayBuffer(buffer)) throw new TypeError(`${what} is a view on shared memory`);
      let offset;
      let length;
      try {
        offset = call.call(array ? getArrayOffset : getViewOffset, value);
        length = call.call(array ? getArrayLength : getViewLength, value);
      } catch {
        return new Uint8Array(0); // a detached or shrunk buffer under a DataView
      }
      return isDetached(buffer) ? new Uint8Array(0) : new Uint8Array(buffer, offset, length);
    }
    if (isArrayBuffer(value)) return isDetached(value) ? new Uint8Array(0) : new Uint8Array(value);
    if (shared && isSharedArrayBuffer(value)) return new Uint8Array(value);
  }
  throw new TypeError(`${what} is not an ArrayBuffer or a view on one`);
}

export const isDetached = (buffer) => isArrayBuffer(buffer) && buffer.detached === true;
export const resizable = (buffer) =>
  isResizable !== undefined && isArrayBuffer(buffer) && call.call(isResizable, buffer);

/** A copy of the bytes of a BufferSource. */
export function copyOf(value, what, options) {
  return bytesOf(value, what, options).slice();
}

function enumerable(object, except) {
  for (const key of getOwnPropertyNames(object)) {
    if (except.includes(key)) continue;
    const property = getOwnPropertyDescriptor(object, key);
    if (property.configurable) defineProperty(object, key, { ...property, enumerable: true });
  }
}

/** Constants of an interface, on the constructor and on its prototype. */
export function constants(constructor, values) {
  for (const [name, value] of Object.entries(values)) {
    const property = { value, enumerable: true };
    defineProperty(constructor, name, property);
    defineProperty(constructor.prototype, name, property);
  }
}

/** All interfaces that were put on the global. */
export const interfaces = [];

/**
 * Puts interfaces on the global (writable, configurable, not enumerable) and gives them the shape of Web IDL: enumerable
 * members, and the name as `Symbol.toStringTag`.
 */
export function expose(members) {
  for (const [name, value] of Object.entries(members)) {
    if (typeof value === "function") {
      named(value, name);
      enumerable(value.prototype, ["constructor"]);
      enumerable(value, ["length", "name", "prototype"]);
      defineProperty(value.prototype, toStringTag, { value: name, configurable: true });
      interfaces.push(value);
    }
    defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
}

/** Puts operations on the global: writable, configurable, enumerable. */
export function exposeOperations(members) {
  for (const [name, value] of Object.entries(members)) {
    defineProperty(globalThis, name, {
      value: named(value, name),
      writable: true,
      configurable: true,
      enumerable: true,
    });
  }
}

/** The bundle is minified: what a step can see gets its name here. */
function named(value, name) {
  return defineProperty(value, "name", { value: name, configurable: true });
}

/** An attribute of the global that can be replaced by assignment. */
export function exposeReplaceable(name, getter) {
  const accessors = {
    get [name]() {
      return getter();
    },
    set [name](value) {
      defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true });
    },
  };
  defineProperty(globalThis, name, {
    ...getOwnPropertyDescriptor(accessors, name),
    configurable: true,
    enumerable: true,
  });
}

const illegal = Symbol("platform");

/** Passed as the first argument by the platform itself to constructors that a step must not call. */
export const internal = illegal;

export function onlyInternal(token) {
  if (token !== illegal) throw new TypeError("Illegal constructor");
}

const iteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

/**
 * Makes a class iterable over pairs as Web IDL's `iterable<K, V>` does: `entries`, `keys`, `values`, `forEach`.
 * `pairsOf(object)` checks the brand and gives the present list of pairs.
 */
export function pairIterable(constructor, name, pairsOf) {
  const states = new WeakMap();
  const prototype = Object.create(iteratorPrototype);
  const methods = {
    next() {
      const state = states.get(this);
      if (state === undefined) throw new TypeError(`next: this is not a ${name} Iterator`);
      const pairs = pairsOf(state.target);
      if (state.index >= pairs.length) return { value: undefined, done: true };
      const [key, value] = pairs[state.index++];
      return { value: state.kind === "key" ? key : state.kind === "value" ? value : [key, value], done: false };
    },
  };
  defineProperty(prototype, "next", { value: methods.next, writable: true, enumerable: true, configurable: true });
  defineProperty(prototype, toStringTag, { value: `${name} Iterator`, configurable: true });
  const iterate = (target, kind) => {
    pairsOf(target);
    const iterator = Object.create(prototype);
    states.set(iterator, { target, kind, index: 0 });
    return iterator;
  };
  const members = {
    entries() {
      return iterate(this, "pair");
    },
    forEach(callbackFunction, thisArg = undefined) {
      pairsOf(this);
      need(arguments, 1, `${name}.forEach`);
      callback(callbackFunction, `${name}.forEach: the callback`);
      for (let i = 0; i < pairsOf(this).length; i++) {
        const [key, value] = pairsOf(this)[i];
        callbackFunction.call(thisArg, value, key, this);
      }
    },
    keys() {
      return iterate(this, "key");
    },
    values() {
      return iterate(this, "value");
    },
  };
  for (const [key, value] of Object.entries(members)) {
    defineProperty(constructor.prototype, key, { value, writable: true, enumerable: true, configurable: true });
  }
  defineProperty(constructor.prototype, Symbol.iterator, {
    value: members.entries,
    writable: true,
    configurable: true,
  });
}
