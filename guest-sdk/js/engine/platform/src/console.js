// console: formatting is node's own (`node-inspect-extracted`), lines go to the log of the run.

import { engine } from "./engine.js";
import { formatWithOptions, inspect } from "node-inspect-extracted";
import { withoutPlatform } from "./stack.js";
import { table } from "./console-table.js";
import { DOMString, isObject } from "./webidl.js";

const STDOUT = 1;
const STDERR = 2;

let indentation = "";
const counts = new Map();
const timers = new Map();

function print(stream, values) {
  let text = formatWithOptions({}, ...values);
  if (indentation !== "") text = indentation + text.replaceAll("\n", `\n${indentation}`);
  engine.log(stream, `${text}\n`);
}

const labelOf = (label) => (label === undefined ? "default" : DOMString(label));

function elapsed(label) {
  const ms = (engine.monotonic() - timers.get(label)) / 1000;
  return ms >= 1000 ? `${(ms / 1000).toFixed(3)}s` : `${Number(ms.toFixed(3))}ms`;
}

function withTimer(label, use) {
  if (timers.has(label)) use();
  else print(STDERR, [`Warning: there is no timer \`${label}\``]);
}

const methods = {
  log(...data) {
    print(STDOUT, data);
  },
  info(...data) {
    print(STDOUT, data);
  },
  debug(...data) {
    print(STDOUT, data);
  },
  warn(...data) {
    print(STDERR, data);
  },
  error(...data) {
    print(STDERR, data);
  },
  trace(...data) {
    const message = data.length > 0 ? `Trace: ${formatWithOptions({}, ...data)}` : "Trace";
    const stack = withoutPlatform(String(new Error().stack));
    print(STDERR, ["%s", stack === "" ? message : `${message}\n${stack}`]);
  },
  assert(condition = false, ...data) {
    if (condition) return;
    if (typeof data[0] === "string") print(STDERR, [`Assertion failed: ${data[0]}`, ...data.slice(1)]);
    else print(STDERR, data.length > 0 ? ["Assertion failed:", ...data] : ["Assertion failed"]);
  },
  dir(item = undefined, options = undefined) {
    print(STDOUT, ["%s", inspect(item, { customInspect: false, ...(isObject(options) ? options : {}) })]);
  },
  dirxml(...data) {
    print(STDOUT, data);
  },
  table(data = undefined, properties = undefined) {
    if (isObject(data)) print(STDOUT, ["%s", table(data, properties)]);
    else print(STDOUT, [data]);
  },
  group(...data) {
    if (data.length > 0) print(STDOUT, data);
    indentation += "  ";
  },
  groupCollapsed(...data) {
    methods.group(...data);
  },
  groupEnd() {
    indentation = indentation.slice(2);
  },
  count(label = "default") {
    const name = labelOf(label);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    print(STDOUT, ["%s", `${name}: ${counts.get(name)}`]);
  },
  countReset(label = "default") {
    const name = labelOf(label);
    if (!counts.delete(name)) print(STDERR, ["%s", `Warning: there is no counter \`${name}\``]);
  },
  time(label = "default") {
    const name = labelOf(label);
    if (timers.has(name)) print(STDERR, ["%s", `Warning: there is a timer \`${name}\` already`]);
    else timers.set(name, engine.monotonic());
  },
  timeLog(label = "default", ...data) {
    const name = labelOf(label);
    withTimer(name, () => print(STDOUT, ["%s", `${name}: ${elapsed(name)}`, ...data]));
  },
  timeEnd(label = "default") {
    const name = labelOf(label);
    withTimer(name, () => {
      print(STDOUT, ["%s", `${name}: ${elapsed(name)}`]);
      timers.delete(name);
    });
  },
  clear() {
    indentation = "";
  },
};

// `console` is a namespace object: its methods are its own, and its prototype is an empty object.
const console = Object.assign(Object.create({}), methods);
Object.defineProperty(console, Symbol.toStringTag, { value: "console", configurable: true });
Object.defineProperty(globalThis, "console", { value: console, writable: true, configurable: true, enumerable: false });
