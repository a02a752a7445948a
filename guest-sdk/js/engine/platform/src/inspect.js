// How `console` shows objects of the platform: the name of the interface and its attributes, or the pairs that it has.

import { interfaces } from "./webidl.js";

const custom = Symbol.for("nodejs.util.inspect.custom");

/** Attributes that change something when they are read, or say nothing. */
const silent = [
  "body",
  "constructor",
  "cancelBubble",
  "returnValue",
  "srcElement",
  "webkitRelativePath",
  "timeStamp",
  "timeOrigin",
  "lastModified",
];

function attributesOf(object, prototype) {
  const shown = {};
  for (let at = prototype; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (get === undefined || silent.includes(name) || name in shown) continue;
      try {
        shown[name] = get.call(object);
      } catch {
        // Not for this object: a prototype, or a state in which it has no value.
      }
    }
  }
  return shown;
}

/** Own properties, but not the internal ones of the streams. */
const ownOf = (object) =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !name.startsWith("_") && name !== "isTrusted"));

function show(depth, options, inspect) {
  const name = this.constructor?.name || this[Symbol.toStringTag];
  if (depth < 0) return options.stylize(`[${name}]`, "special");
  const inner = { ...options, depth: options.depth === null ? null : options.depth - 1 };
  const prototype = Object.getPrototypeOf(this);
  if (typeof this.entries === "function" && typeof this.append === "function") {
    const lists = new Map();
    for (const [key, value] of this) lists.set(key, lists.has(key) ? [...[lists.get(key)].flat(), value] : value);
    return `${name} ${inspect(Object.fromEntries(lists), inner)}`;
  }
  return `${name} ${inspect({ ...attributesOf(this, prototype), ...ownOf(this) }, inner)}`;
}

for (const { prototype } of interfaces) {
  if (prototype instanceof Error || Object.hasOwn(prototype, custom)) continue;
  Object.defineProperty(prototype, custom, { value: show, writable: true, configurable: true });
}
