// URLSearchParams: a list of pairs, and the query of a URL when it belongs to one.

import { engine } from "./engine.js";
import { expose, isObject, need, pairIterable, record, sequence, sequenceOf, USVString } from "./webidl.js";

const { parseQuery, serializeQuery } = engine.url;

let listOf;

/** Makes `changed(query)` be called whenever the list was changed. */
export let attach;

/** Fills the list anew from the text of a query. */
export let refill;

export class URLSearchParams {
  #list = [];
  #changed = null;

  static {
    listOf = (params) => params.#list;
    attach = (params, changed) => {
      params.#changed = changed;
    };
    refill = (params, query) => {
      params.#list = parseQuery(query);
    };
  }

  constructor(init = "") {
    if (!isObject(init)) {
      const text = USVString(init);
      this.#list = parseQuery(text.startsWith("?") ? text.slice(1) : text);
      return;
    }
    const iterate = init[Symbol.iterator];
    if (iterate === undefined || iterate === null) {
      this.#list = record(init, USVString, USVString);
    } else {
      this.#list = sequenceOf(
        init,
        iterate,
        (pair) => sequence(pair, USVString, "URLSearchParams: a pair"),
        "URLSearchParams: the argument",
      );
      if (this.#list.some((pair) => pair.length !== 2))
        throw new TypeError("URLSearchParams: a pair does not have two elements");
    }
  }

  get size() {
    return this.#list.length;
  }
  append(name, value) {
    this.#list;
    need(arguments, 2, "URLSearchParams.append");
    this.#list.push([USVString(name), USVString(value)]);
    this.#update();
  }
  delete(name, value = undefined) {
    this.#list;
    need(arguments, 1, "URLSearchParams.delete");
    const matches = matcher(name, value);
    this.#list = this.#list.filter((pair) => !matches(pair));
    this.#update();
  }
  get(name) {
    this.#list;
    need(arguments, 1, "URLSearchParams.get");
    const key = USVString(name);
    return this.#list.find((pair) => pair[0] === key)?.[1] ?? null;
  }
  getAll(name) {
    this.#list;
    need(arguments, 1, "URLSearchParams.getAll");
    const key = USVString(name);
    return this.#list.filter((pair) => pair[0] === key).map((pair) => pair[1]);
  }
  has(name, value = undefined) {
    this.#list;
    need(arguments, 1, "URLSearchParams.has");
    return this.#list.some(matcher(name, value));
  }
  set(name, value) {
    this.#list;
    need(arguments, 2, "URLSearchParams.set");
    const key = USVString(name);
    const text = USVString(value);
    const at = this.#list.findIndex((pair) => pair[0] === key);
    if (at === -1) {
      this.#list.push([key, text]);
    } else {
      this.#list[at][1] = text;
      this.#list = this.#list.filter((pair, index) => index <= at || pair[0] !== key);
    }
    this.#update();
  }
  sort() {
    this.#list.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.#update();
  }
  toString() {
    return serializeQuery(this.#list);
  }

  #update() {
    this.#changed?.(serializeQuery(this.#list));
  }
}

function matcher(name, value) {
  const key = USVString(name);
  if (value === undefined) return (pair) => pair[0] === key;
  const text = USVString(value);
  return (pair) => pair[0] === key && pair[1] === text;
}

pairIterable(URLSearchParams, "URLSearchParams", (params) => listOf(params));
expose({ URLSearchParams });
