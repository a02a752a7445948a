// Headers. Those of a request or response know a guard; nothing is forbidden here, as there is no page to protect.

import { ByteString, expose, isObject, need, pairIterable, record, sequence, sequenceOf } from "./webidl.js";

const token = /^[-!#$%&'*+.^_`|~A-Za-z0-9]+$/;
const whitespace = /^[\t\n\r ]+|[\t\n\r ]+$/g;

let listOf;
let guardOf;
let sortedOf;
let copyOf;
let immutable;

export class Headers {
  /** `[name in lower case, value]`, in the order of appending. */
  #list = [];
  #guard = "none";
  /** Sorted and combined, until something changes. */
  #sorted;

  static {
    listOf = (headers) => headers.#list;
    guardOf = (headers, guard) => {
      headers.#guard = guard;
      return headers;
    };
    copyOf = (headers) => {
      const copy = new Headers();
      copy.#list = [...headers.#list];
      copy.#guard = headers.#guard;
      return copy;
    };
    immutable = (list) => {
      const headers = new Headers();
      headers.#list = list;
      headers.#guard = "immutable";
      return headers;
    };
    sortedOf = (headers) => (headers.#sorted ??= sortAndCombine(headers.#list));
  }

  constructor(init = undefined) {
    if (init === undefined) return;
    fill(this, init);
  }
  append(name, value) {
    this.#list;
    need(arguments, 2, "Headers.append");
    const key = nameOf(name, "append");
    const text = valueOf(value, "append");
    this.#check();
    this.#list.push([key, text]);
    this.#sorted = undefined;
  }
  delete(name) {
    this.#list;
    need(arguments, 1, "Headers.delete");
    const key = nameOf(name, "delete");
    this.#check();
    this.#list = this.#list.filter((it) => it[0] !== key);
    this.#sorted = undefined;
  }
  get(name) {
    this.#list;
    need(arguments, 1, "Headers.get");
    return combined(this.#list, nameOf(name, "get"));
  }
  getSetCookie() {
    return this.#list.filter((it) => it[0] === "set-cookie").map((it) => it[1]);
  }
  has(name) {
    this.#list;
    need(arguments, 1, "Headers.has");
    const key = nameOf(name, "has");
    return this.#list.some((it) => it[0] === key);
  }
  set(name, value) {
    this.#list;
    need(arguments, 2, "Headers.set");
    const key = nameOf(name, "set");
    const text = valueOf(value, "set");
    this.#check();
    const at = this.#list.findIndex((it) => it[0] === key);
    if (at === -1) this.#list.push([key, text]);
    else {
      this.#list[at] = [key, text];
      this.#list = this.#list.filter((it, index) => index <= at || it[0] !== key);
    }
    this.#sorted = undefined;
  }

  #check() {
    if (this.#guard === "immutable") throw new TypeError("Headers: these headers cannot be changed");
  }
}

function nameOf(name, operation) {
  const text = ByteString(name, `Headers.${operation}: the name`);
  if (!token.test(text)) throw new TypeError(`Headers.${operation}: ${JSON.stringify(text)} is not a header name`);
  return text.toLowerCase();
}

function valueOf(value, operation) {
  const text = ByteString(value, `Headers.${operation}: the value`).replace(whitespace, "");
  if (/[\0\r\n]/.test(text)) throw new TypeError(`Headers.${operation}: a value cannot have a line break or NUL in it`);
  return text;
}

function combined(list, name) {
  const values = list.filter((it) => it[0] === name).map((it) => it[1]);
  return values.length === 0 ? null : values.join(", ");
}

function sortAndCombine(list) {
  const names = [...new Set(list.map((it) => it[0]))].sort();
  return names.flatMap((name) =>
    name === "set-cookie" ? list.filter((it) => it[0] === name) : [[name, combined(list, name)]],
  );
}

/** Appends what a HeadersInit has. */
export function fill(headers, init) {
  if (!isObject(init)) throw new TypeError("Headers: the argument is not an object");
  const iterate = init[Symbol.iterator];
  let pairs;
  if (iterate === undefined || iterate === null) {
    pairs = record(
      init,
      (key) => ByteString(key, "Headers: a name"),
      (value) => ByteString(value, "Headers: a value"),
    );
  } else {
    pairs = sequenceOf(
      init,
      iterate,
      (pair) =>
        sequence(
          isObject(pair) ? pair : notPair(),
          (it) => ByteString(it, "Headers: a name or value"),
          "Headers: a pair",
        ),
      "Headers: the argument",
    );
    if (pairs.some((pair) => pair.length !== 2)) notPair();
  }
  for (const [name, value] of pairs) headers.append(name, value);
}

function notPair() {
  throw new TypeError("Headers: an item of the list is not a pair of name and value");
}

/** Sets the guard: `none` or `immutable`. */
export const guard = (headers, kind) => guardOf(headers, kind);

/** The value of one header, or null. */
export const header = (headers, name) => combined(listOf(headers), name);

export const headerList = (headers) => listOf(headers);

/** A copy, with the same guard. */
export const cloneHeaders = (headers) => copyOf(headers);

/** The headers of an answer: lines, each name in lower case before its value. They cannot be changed. */
export function receivedHeaders(lines) {
  const list = [];
  const parts = lines === "" ? list : lines.split("\n");
  for (let at = 0; at < parts.length; at += 2) list.push([parts[at], parts[at + 1]]);
  return immutable(list);
}

pairIterable(Headers, "Headers", (headers) => sortedOf(headers));
expose({ Headers });
