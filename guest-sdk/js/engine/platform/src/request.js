// Request: what `fetch` is asked for. A step can make and read one.

import { isAbortSignal } from "./abort-state.js";
import { AbortController, dependentSignal } from "./abort.js";
import { cloneBody, extract, takeBody, withBody } from "./body.js";
import { fill, header, headerList, Headers } from "./headers.js";
import { URL, requestable } from "./url.js";
import {
  ByteString,
  dictionary,
  DOMString,
  enumeration,
  expose,
  internal,
  isObject,
  need,
  USVString,
} from "./webidl.js";

const token = /^[-!#$%&'*+.^_`|~A-Za-z0-9]+$/;
const normalized = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];
const simple = ["GET", "HEAD", "POST"];
const forbidden = ["CONNECT", "TRACE", "TRACK"];

const choices = Object.entries({
  cache: ["default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached"],
  credentials: ["omit", "same-origin", "include"],
  mode: ["same-origin", "no-cors", "cors", "navigate"],
  redirect: ["follow", "error", "manual"],
  referrerPolicy: [
    "",
    "no-referrer",
    "no-referrer-when-downgrade",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
  ],
});

let stateOf;
let isRequest;

export class Request {
  #state;

  static {
    stateOf = (request) => request.#state;
    isRequest = (value) => isObject(value) && #state in value;
  }

  constructor(input, init = {}) {
    if (input === internal) {
      this.#state = init;
      return;
    }
    need(arguments, 1, "Request");
    this.#state = make(input, dictionary(init, "Request: options"));
  }
  get method() {
    return this.#state.method;
  }
  get url() {
    return this.#state.url;
  }
  get headers() {
    return this.#state.headers;
  }
  get destination() {
    this.#state;
    return "";
  }
  get referrer() {
    return this.#state.referrer;
  }
  get referrerPolicy() {
    return this.#state.referrerPolicy;
  }
  get mode() {
    return this.#state.mode;
  }
  get credentials() {
    return this.#state.credentials;
  }
  get cache() {
    return this.#state.cache;
  }
  get redirect() {
    return this.#state.redirect;
  }
  get integrity() {
    return this.#state.integrity;
  }
  get keepalive() {
    return this.#state.keepalive;
  }
  get isReloadNavigation() {
    this.#state;
    return false;
  }
  get isHistoryNavigation() {
    this.#state;
    return false;
  }
  get signal() {
    return (this.#state.signal ??= new AbortController().signal);
  }
  get duplex() {
    this.#state;
    return "half";
  }
  clone() {
    const state = this.#state;
    if (state.body !== null && state.body.unusable)
      throw new TypeError("Request.clone: the body was read already, or is locked");
    const headers = new Headers(headerList(state.headers));
    return new Request(internal, {
      ...state,
      headers,
      body: cloneBody(state.body),
      signal: dependentSignal([this.signal]),
    });
  }
}

const stateFor = (url) => ({
  method: "GET",
  url,
  headers: undefined,
  referrer: "about:client",
  referrerPolicy: "",
  mode: "cors",
  credentials: "same-origin",
  cache: "default",
  redirect: "follow",
  integrity: "",
  keepalive: false,
  signal: undefined,
  body: null,
});

/** What `fetch` is asked for. Its signal is that of the caller itself, as nobody can ask for another. */
export function requestOf(input, init) {
  if (typeof input !== "string" || init !== undefined)
    return make(input, dictionary(init, "fetch: options"), (signal) => signal);
  // No more than `fetch` looks at, as this is what most requests are.
  const url = urlOf(USVString(input));
  return { method: "GET", url, headers: undefined, redirect: "follow", integrity: "", signal: undefined, body: null };
}

/** `follow` makes the signal of the request from the one that it was given. */
function make(input, init, follow = (signal) => dependentSignal([signal])) {
  const from = isRequest(input) ? stateOf(input) : undefined;
  const state = from === undefined ? stateFor(urlOf(USVString(input))) : { ...from };
  if (init.window !== undefined && init.window !== null) throw new TypeError("Request: `window` can only be null");
  choose(state, init);
  if (init.method !== undefined) state.method = methodOf(init.method);
  if (state.mode === "no-cors" && !simple.includes(state.method))
    throw new TypeError(`Request: the mode \`no-cors\` allows no method ${state.method}`);
  const given = signalOf(init, from?.signal);
  state.signal = given === undefined ? undefined : follow(given);
  if (init.headers !== undefined) {
    state.headers = new Headers();
    fill(state.headers, init.headers);
  } else {
    state.headers = from === undefined ? new Headers() : new Headers(headerList(from.headers));
  }
  setBody(state, init, from);
  return state;
}

function urlOf(text) {
  const url = requestable(text);
  if (url === null) throw new TypeError(`Request: ${JSON.stringify(text)} is not an absolute URL`);
  if (url === undefined) throw new TypeError("Request: a URL with a user name or password in it cannot be requested");
  return url;
}

function choose(state, init) {
  for (const [name, allowed] of choices) {
    const value = init[name];
    if (value !== undefined) state[name] = enumeration(value, allowed, `Request: \`${name}\``);
  }
  if (init.mode === "navigate") throw new TypeError("Request: `mode` cannot be `navigate`");
  if (state.cache === "only-if-cached" && state.mode !== "same-origin")
    throw new TypeError("Request: `only-if-cached` needs the mode `same-origin`");
  if (init.referrer !== undefined) state.referrer = referrerOf(USVString(init.referrer));
  if (init.integrity !== undefined) state.integrity = DOMString(init.integrity);
  if (init.keepalive !== undefined) state.keepalive = Boolean(init.keepalive);
  if (init.priority !== undefined) enumeration(init.priority, ["high", "low", "auto"], "Request: `priority`");
}

function referrerOf(text) {
  if (text === "") return "";
  const url = URL.parse(text);
  if (url === null) throw new TypeError(`Request: \`referrer\` ${JSON.stringify(text)} is not a URL`);
  return "about:client"; // without a page every referrer is of another origin
}

function methodOf(value) {
  const method = ByteString(value, "Request: `method`");
  const upper = method.toUpperCase();
  if (!token.test(method)) throw new TypeError(`Request: ${JSON.stringify(method)} is not a method`);
  if (forbidden.includes(upper)) throw new TypeError(`Request: the method ${upper} is forbidden`);
  return normalized.includes(upper) ? upper : method;
}

function signalOf(init, inherited) {
  const signal = init.signal === undefined ? inherited : init.signal;
  if (signal === undefined || signal === null) return undefined;
  if (!isAbortSignal(signal)) throw new TypeError("Request: `signal` is not an AbortSignal");
  return signal;
}

function setBody(state, init, from) {
  const given = init.body;
  const inherits = given === undefined || given === null;
  if (
    (!inherits || (from !== undefined && from.body !== null && given === undefined)) &&
    (state.method === "GET" || state.method === "HEAD")
  ) {
    throw new TypeError(`Request: a request with the method ${state.method} cannot have a body`);
  }
  if (init.duplex !== undefined) enumeration(init.duplex, ["half"], "Request: `duplex`");
  state.body = null;
  if (!inherits) {
    const { body, type } = extract(given);
    if (!body.source && init.duplex === undefined)
      throw new TypeError('Request: a body that is a stream needs the option `duplex: "half"`');
    state.body = body;
    if (type !== null && header(state.headers, "content-type") === null) state.headers.append("Content-Type", type);
  } else if (from !== undefined && from.body !== null) {
    if (from.body.unusable) throw new TypeError("Request: the body of the request was read already, or is locked");
    state.body = takeBody(from.body);
  }
}

withBody(Request, "Request", (request) => stateOf(request));
expose({ Request });
