// structuredClone: the structured clone algorithm of HTML. A value is copied in one go; platform objects take part
// through `serializable`.

import { DOMException } from "./dom-exception.js";
import { engine } from "./engine.js";
import {
  dictionary,
  exposeOperations,
  interfaces,
  isArrayBuffer,
  isDetached,
  isObject,
  need,
  sequence,
  typedArrayKind,
} from "./webidl.js";

const { classOf } = engine.inspect;
const { call } = Function.prototype;
const getterOf = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name).get;

/** Platform objects that can be cloned: `[test, clone]`. */
const cloners = [];

/** Platform objects that can be transferred: `[test, transfer]`. */
const transferers = [];

export function serializable(test, clone) {
  cloners.push([test, clone]);
}

export function transferable(test, transfer) {
  transferers.push([test, transfer]);
}

const uncloneable = (value) =>
  new DOMException(`structuredClone: ${describe(value)} cannot be cloned`, "DataCloneError");

function describe(value) {
  if (typeof value === "symbol") return "a symbol";
  if (typeof value === "function") return "a function";
  return `an object of this kind (${Object.prototype.toString.call(value).slice(8, -1)})`;
}

/** Copies `value`; what is in `transfer` is moved instead. */
export function clone(value, transfer = []) {
  const memory = new Map();
  const moves = movesOf(transfer);
  for (const [object, move] of moves) if (move.early !== undefined) memory.set(object, move.early());
  const result = copy(value, memory, moves);
  const transferred = [];
  for (const [object, move] of moves) {
    const moved = move.late(memory.get(object));
    if (!memory.has(object)) memory.set(object, moved);
    transferred.push(memory.get(object));
  }
  return { result, transferred };
}

/**
 * How each object of a transfer list is moved. An ArrayBuffer keeps its contents until all has been copied, so its copy
 * is made when it is met, and the old one is detached at the end.
 */
function movesOf(transfer) {
  const moves = new Map();
  for (const object of transfer) {
    if (moves.has(object))
      throw new DOMException("structuredClone: an object is in the transfer list twice", "DataCloneError");
    moves.set(object, moveOf(object));
  }
  return moves;
}

function moveOf(object) {
  if (isArrayBuffer(object)) {
    if (isDetached(object))
      throw new DOMException("structuredClone: an ArrayBuffer of the transfer list is detached", "DataCloneError");
    return { late: (copied) => (copied === undefined ? object.transfer() : (object.transfer(), copied)) };
  }
  for (const [test, transfer] of transferers) if (test(object)) return transfer(object);
  throw new DOMException(`structuredClone: ${describe(object)} cannot be transferred`, "DataCloneError");
}

function copy(value, memory, moves) {
  if (typeof value === "symbol") throw uncloneable(value);
  if (!isObject(value)) return value;
  if (memory.has(value)) return memory.get(value);
  const shallow = emptyCopy(value, memory, moves);
  memory.set(value, shallow.copy);
  shallow.fill?.();
  return shallow.copy;
}

/** A new object of the kind of `value`, and how to fill it once it can be referred to. */
function emptyCopy(value, memory, moves) {
  const kind = classOf(value);
  if (kind === classes.array) return ofProperties(new Array(value.length), value, memory, moves);
  if (kind === classes.object || kind === classes.arguments || kind === classes.sloppyArguments) {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null && isPlatformObject(value))
      return ofPlatform(value, memory, moves);
    return ofProperties({}, value, memory, moves);
  }
  const slotted = slottedCopies.get(kind);
  if (slotted !== undefined) return slotted(value, memory, moves);
  if (ArrayBuffer.isView(value)) return { copy: ofView(value, memory, moves) };
  throw uncloneable(value);
}

const isPlatformObject = (value) => interfaces.some((kind) => value instanceof kind);

function ofPlatform(value) {
  for (const [test, cloneOf] of cloners) if (test(value)) return { copy: cloneOf(value) };
  throw uncloneable(value);
}

/** What QuickJS calls the kinds of objects. */
const classes = {
  array: classOf([]),
  object: classOf({}),
  arguments: classOf(
    (function () {
      return arguments;
    })(),
  ),
  sloppyArguments: classOf(new Function("return arguments")()),
};

const valueOf = (prototype) => (value) => ({ copy: Object(call.call(prototype.valueOf, value)) });
const sourceOf = getterOf(RegExp.prototype, "source");
const flagsOf = getterOf(RegExp.prototype, "flags");
const timeOf = Date.prototype.getTime;
const mapEntries = Map.prototype.entries;
const setValues = Set.prototype.values;

/** How objects with internal slots are copied, by their class. */
const slottedCopies = new Map([
  [classOf(new Date(0)), (value) => ({ copy: new Date(call.call(timeOf, value)) })],
  [classOf(/x/), (value) => ({ copy: new RegExp(call.call(sourceOf, value), call.call(flagsOf, value)) })],
  [classOf(new Map()), ofMap],
  [classOf(new Set()), ofSet],
  [classOf(Object(true)), valueOf(Boolean.prototype)],
  [classOf(Object(1)), valueOf(Number.prototype)],
  [classOf(Object("")), valueOf(String.prototype)],
  [classOf(Object(1n)), valueOf(BigInt.prototype)],
  [classOf(new ArrayBuffer(0)), (value) => ({ copy: ofBuffer(value) })],
  [classOf(new DataView(new ArrayBuffer(0))), (value, memory, moves) => ({ copy: ofView(value, memory, moves) })],
  [classOf(new Error()), ofError],
  [classOf(new DOMException()), (value) => ({ copy: ofDomException(value) })],
]);

/** Copies own enumerable properties. Without a prototype an assignment makes a property, whatever a step did to it. */
function ofProperties(target, value, memory, moves) {
  const fill = () => {
    const prototype = Object.getPrototypeOf(target);
    Object.setPrototypeOf(target, null);
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(value, key)) continue; // a getter before it removed it
      const item = value[key];
      target[key] =
        typeof item === "object" || typeof item === "function" || typeof item === "symbol"
          ? copy(item, memory, moves)
          : item;
    }
    Object.setPrototypeOf(target, prototype);
  };
  return { copy: target, fill };
}

function ofMap(value, memory, moves) {
  const target = new Map();
  const entries = [...call.call(mapEntries, value)];
  const fill = () => {
    for (const [key, item] of entries) {
      const newKey = copy(key, memory, moves);
      target.set(newKey, copy(item, memory, moves));
    }
  };
  return { copy: target, fill };
}

function ofSet(value, memory, moves) {
  const target = new Set();
  const items = [...call.call(setValues, value)];
  const fill = () => {
    for (const item of items) target.add(copy(item, memory, moves));
  };
  return { copy: target, fill };
}

function ofBuffer(value) {
  if (isDetached(value)) throw new DOMException("structuredClone: an ArrayBuffer is detached", "DataCloneError");
  const target = value.resizable
    ? new ArrayBuffer(value.byteLength, { maxByteLength: value.maxByteLength })
    : new ArrayBuffer(value.byteLength);
  new Uint8Array(target).set(new Uint8Array(value));
  return target;
}

const typedArrays = Object.fromEntries(
  [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    BigInt64Array,
    BigUint64Array,
    Float32Array,
    Float64Array,
    globalThis.Float16Array,
  ]
    .filter((it) => it !== undefined)
    .map((it) => [it.name, it]),
);

function ofView(value, memory, moves) {
  const kind = typedArrayKind(value);
  if (isDetached(value.buffer) || isOutOfBounds(value, kind))
    throw new DOMException("structuredClone: a view has no memory left", "DataCloneError");
  const { buffer, byteLength, byteOffset } = value;
  const copied = copy(buffer, memory, moves);
  const tracksLength =
    buffer.resizable &&
    byteLength !== 0 &&
    byteOffset + byteLength === buffer.byteLength &&
    lengthTracking(value, buffer);
  if (kind === undefined)
    return tracksLength ? new DataView(copied, byteOffset) : new DataView(copied, byteOffset, byteLength);
  return tracksLength
    ? new typedArrays[kind](copied, byteOffset)
    : new typedArrays[kind](copied, byteOffset, value.length);
}

const typedArrayKeys = Object.getPrototypeOf(Uint8Array.prototype).keys;
const dataViewLength = getterOf(DataView.prototype, "byteLength");

/** Whether the buffer of a view has shrunk to less than the view shows: its methods throw then. */
function isOutOfBounds(value, kind) {
  try {
    call.call(kind === undefined ? dataViewLength : typedArrayKeys, value);
    return false;
  } catch {
    return true;
  }
}

/** Whether a view grows with its buffer: nothing tells but to try. */
function lengthTracking(value, buffer) {
  const { byteLength } = buffer;
  if (byteLength === buffer.maxByteLength) return false;
  const before = value.byteLength;
  try {
    buffer.resize(Math.min(byteLength + 8, buffer.maxByteLength));
    return value.byteLength !== before;
  } finally {
    buffer.resize(byteLength);
  }
}

const errors = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

function ofError(value, memory, moves) {
  const name = value.name;
  const kind = Object.hasOwn(errors, String(name)) ? errors[String(name)] : Error;
  const target = new kind();
  delete target.message;
  const own = (key) => {
    const property = Object.getOwnPropertyDescriptor(value, key);
    return property !== undefined && "value" in property ? property.value : undefined;
  };
  const hidden = (key, item) =>
    Object.defineProperty(target, key, { value: item, writable: true, enumerable: false, configurable: true });
  const message = Object.getOwnPropertyDescriptor(value, "message");
  if (message !== undefined && "value" in message) hidden("message", String(message.value));
  const stack = value.stack;
  if (typeof stack === "string") hidden("stack", stack);
  const fill = () => {
    if (Object.hasOwn(value, "cause")) hidden("cause", copy(own("cause"), memory, moves));
  };
  return { copy: target, fill };
}

function ofDomException(value) {
  const target = new DOMException(value.message, value.name);
  if (typeof value.stack === "string")
    Object.defineProperty(target, "stack", {
      value: value.stack,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  return target;
}

function structuredClone(value, options = {}) {
  need(arguments, 1, "structuredClone");
  return clone(value, transferList(options, "structuredClone")).result;
}

/** The `transfer` of `StructuredSerializeOptions`. */
export function transferList(options, where) {
  const { transfer } = dictionary(options, `${where}: options`);
  if (transfer === undefined) return [];
  return sequence(transfer, objectOf, `${where}: \`transfer\``);
}

export function objectOf(value) {
  if (!isObject(value)) throw new TypeError("a transfer list can have objects only");
  return value;
}

exposeOperations({ structuredClone });
